// SPDX-License-Identifier: Apache-2.0
// parse DIRECTORY [FIGURE]: time to parse and forward the messages of a folder, by this library and by the
// ones it was built with for comparison.
#include "parse.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/writer.h"
#include "sip/edit.h"
#include "sip/msg.h"
#include "stack/txn/glance.h"

static struct parse_corpus corpus;

static struct sip_msg *parsed[PARSE_MAX];

static struct sip_msg *must_parse(struct str s)
{
    struct sip_msg *m;
    struct sip_parse_error err;
    if (sip_msg_parse(s, &m, &err)) {
        fprintf(stderr, "a message of the corpus does not parse\n");
        exit(1);
    }
    return m;
}

static void route(void)
{
    for (size_t i = 0; i < corpus.n; i++) {
        struct sip_msg *m = must_parse(corpus.msg[i]);
        bench_keep(m);
        sip_msg_unref(m);
    }
}

static void full(void)
{
    for (size_t i = 0; i < corpus.n; i++) {
        struct sip_msg *m = must_parse(corpus.msg[i]);
        for (unsigned id = 1; id < SIP_H_COUNT; id++)
            if (sip_msg_has(m, (enum sip_hid)id))
                bench_keep(sip_msg_at(m, (enum sip_hid)id, 0));
        sip_msg_unref(m);
    }
}

static void forward(void)
{
    char out[PARSE_OUT], memory[2048];
    for (size_t i = 0; i < corpus.requests; i++) {
        struct sip_msg *m = parsed[i];
        struct arena a;
        struct sip_edits e;
        struct writer w = writer_init(out, sizeof out), digits = writer_init(memory, 8);
        arena_init(&a, memory + 8, sizeof memory - 8);
        sip_edits_init(&e, &a, m);
        if (sip_msg_has(m, SIP_H_ROUTE))
            sip_edit_remove_at(&e, SIP_H_ROUTE, 0);
        writer_u64(&digits, (uint64_t)sip_msg_max_forwards(m) - 1);
        sip_edit_replace_at(&e, SIP_H_MAX_FORWARDS, 0, writer_done(&digits));
        sip_edit_prepend(&e, SIP_H_VIA, STR(PARSE_VIA));
        sip_edit_prepend(&e, SIP_H_RECORD_ROUTE, STR(PARSE_RECORD_ROUTE));
        if (sip_msg_write(m, &e, &w))
            exit(1);
        bench_keep(out);
        arena_done(&a);
    }
}

// What overload control does with a datagram that it drops unread (docs/overload.md), and what reading and
// refusing it takes in its place; the system calls that receive and send are apart.
static void look(void)
{
    for (size_t i = 0; i < corpus.requests; i++) {
        bool machine;
        enum overload_class c = glance_class(corpus.request[i], &machine);
        bench_keep(&c);
    }
}

static void refuse(void)
{
    char out[PARSE_OUT], memory[2048];
    for (size_t i = 0; i < corpus.requests; i++) {
        struct sip_msg *m = must_parse(corpus.request[i]);
        struct arena a;
        struct sip_edits extra;
        struct writer w = writer_init(out, sizeof out);
        arena_init(&a, memory, sizeof memory);
        sip_edits_init(&extra, &a, NULL);
        sip_edit_append(&extra, SIP_H_RETRY_AFTER, STR("7"));
        if (sip_write_response(m, 503, STR_NONE, STR("0011223344556677"), &extra, &w))
            exit(1);
        bench_keep(out);
        arena_done(&a);
        sip_msg_unref(m);
    }
}

static size_t own_figures(struct bench_figure *ret_figures)
{
    for (size_t i = 0; i < corpus.requests; i++)
        parsed[i] = must_parse(corpus.request[i]);
    ret_figures[0] = (struct bench_figure){
        .name = "parse_route", .note = "parse, routing fields", .run = route, .per_run = corpus.n};
    ret_figures[1] = (struct bench_figure){
        .name = "parse_full", .note = "all headers typed", .run = full, .per_run = corpus.n};
    ret_figures[2] = (struct bench_figure){
        .name = "forward_build", .note = "edits and write, requests only", .run = forward,
        .per_run = corpus.requests};
    ret_figures[3] = (struct bench_figure){
        .name = "look", .note = "dropped unread, requests only", .run = look, .per_run = corpus.requests};
    ret_figures[4] = (struct bench_figure){
        .name = "refuse", .note = "parse and write a 503, requests only", .run = refuse, .per_run = corpus.requests};
    return 5;
}

static int messages(const struct dirent *d)
{
    return str_ends(str_from(d->d_name), STR(".sip"));
}

static bool load(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, messages, alphasort);
    for (int i = 0; i < n && corpus.n < PARSE_MAX; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        FILE *f = fopen(path, "rb");
        char *p = calloc(1, SIP_MSG_MAX + 1);
        if (!f || !p)
            return false;
        struct str s = str_make(p, fread(p, 1, SIP_MSG_MAX, f));
        (void)fclose(f);
        corpus.msg[corpus.n++] = s;
        if (!str_starts(s, STR("SIP/")))
            corpus.request[corpus.requests++] = s;
    }
    return corpus.n > 0;
}

// The module libparse_NAME.so beside this program; without it the comparison is left out.
static size_t foreign_figures(const char *program, const char *name,
                              struct bench_figure *ret_figures)
{
    char path[1024];
    const char *slash = strrchr(program, '/');
    (void)snprintf(path, sizeof path, "%.*s/libparse_%s.so", slash ? (int)(slash - program) : 1,
                   slash ? program : ".", name);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    union {
        void *object;
        parse_figures_fn *function;
    } symbol = {.object = module ? dlsym(module, "parse_figures") : NULL};
    if (!symbol.object) {
        printf("# without %s\n", name);
        return 0;
    }
    return symbol.function(&corpus, ret_figures);
}

int main(int argc, char **argv)
{
    struct bench_figure figures[16];
    size_t n = 0, bytes = 0;
    if (argc < 2 || argc > 3 || !load(argv[1])) {
        fprintf(stderr, "usage: %s DIRECTORY (of .sip files) [FIGURE]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < corpus.n; i++)
        bytes += corpus.msg[i].n;
    printf("# %zu messages, mean %zu bytes\n", corpus.n, bytes / corpus.n);
    n += own_figures(figures + n);
    for (size_t k = 0; argc == 3 && k < n; k++)
        if (strcmp(figures[k].name, argv[2]) == 0) {
            bench_run(&figures[k], 1);
            return 0;
        }
    n += foreign_figures(argv[0], "osip2", figures + n);
    n += foreign_figures(argv[0], "sofia", figures + n);
    bench_run(figures, n);
    return 0;
}
