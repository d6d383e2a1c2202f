// SPDX-License-Identifier: Apache-2.0
// The smallest network function: what it does is what the tests of the daemon's shell look at.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/app.h"
#include "app/keys.h"
#include "app/node_state.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct dummy_config {
    struct addr listen;
    struct str greeting;
    uint32_t ready_ms, drain_ms, calls;
    struct node_keys keys;
    struct node_state state;
};

// A word that outlives the process.
struct word {
    struct list link;
    struct keep_item item;
    char text[64];
};

struct dummy {
    struct app *app;
    struct udp *udp;
    struct stack *stack; // only for its figures
    struct keys *keys;   // only to be shown and rotated
    const struct dummy_config *config;
    uint64_t datagrams;
    bool ready;
    struct timer ready_timer, drain_timer, slow_timer;
    struct ctl_out *slow, *keeping;
    struct keep *keep;
    struct list words;
};

static const struct conf_row rows[] = {
    {"dummy.listen", CONF_ADDR, offsetof(struct dummy_config, listen), NULL, .min = 5060,
     .fixed = true, .help = "Where datagrams are echoed."},
    {"dummy.greeting", CONF_STR, offsetof(struct dummy_config, greeting), "hello",
     .help = "What \"greet\" says."},
    {"dummy.ready", CONF_U32, offsetof(struct dummy_config, ready_ms), "0", .unit = "ms",
     .help = "Time from start to ready."},
    {"dummy.drain", CONF_U32, offsetof(struct dummy_config, drain_ms), "0", .unit = "ms",
     .help = "Time from drain to drained."},
    {"dummy.calls", CONF_U32, offsetof(struct dummy_config, calls), "0", .help = "Calls that a drain waits for."},
    NODE_KEYS_ROWS(offsetof(struct dummy_config, keys)),
    NODE_STATE_ROWS(offsetof(struct dummy_config, state)),
    {0},
};

static void check(const void *config, app_finding bad, void *arg)
{
    const struct dummy_config *c = config;
    if (c->ready_ms > 600000)
        bad(arg, "dummy.ready", "is more than ten minutes");
    if (str_eq(c->greeting, STR("bye")))
        bad(arg, "dummy.greeting", "is no greeting");
    keys_check(&c->keys, bad, arg);
    node_check_state(&c->state, "dummy", bad, arg);
}

static void suspect(const void *config, app_finding odd, void *arg)
{
    node_suspect_state(&((const struct dummy_config *)config)->state, "dummy", odd, arg);
}

// ---- what is kept ----

static void word_key(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_str(w, str_from(CONTAINER_OF(it, const struct word, item)->text));
}

static int word_value(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg, (void)it;
    writer_lit(w, "1");
    return 0;
}

static const struct keep_kind word_kind = {.prefix = STR_INIT("word/"), .key = word_key, .value = word_value};

static struct word *word_new(struct dummy *d, struct str text)
{
    struct word *w = mem_zalloc(sizeof *w);
    if (!w)
        return NULL;
    (void)snprintf(w->text, sizeof w->text, "%.*s", STR_ARG(text));
    keep_item_init(&w->item, &word_kind);
    list_init(&w->link);
    list_add(&d->words, &w->link);
    return w;
}

static int on_word(void *arg, struct str key, struct str value)
{
    (void)value;
    return word_new(arg, key) ? 0 : ERR_NOMEM;
}

static int open_state(struct dummy *d)
{
    list_init(&d->words);
    int err = node_state_open(app_loop(d->app), &d->config->state, "dummy", 1, &d->keep);
    return err ? err : keep_load(d->keep, &word_kind, on_word, d);
}

static void close_state(struct dummy *d)
{
    keep_close(d->keep);
    LIST_EACH(&d->words, it) {
        list_del(it);
        mem_free(LIST_ENTRY(it, struct word, link));
    }
}

// Each datagram is traced as if it were SIP in, and its echo as if it were Diameter out.
static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct dummy *d = arg;
    d->datagrams++;
    app_trace_sip(d->app, &(struct stack_trace){.proto = SIP_PROTO_UDP,
                                                .local = *dst,
                                                .remote = *src,
                                                .bytes = data,
                                                .call_id = STR("call-1@dummy")});
    app_trace_dia(d->app, &(struct dia_trace){.out = true,
                                              .local = *dst,
                                              .remote = *src,
                                              .bytes = data,
                                              .correlation = STR("session;1")});
    (void)udp_send(d->udp, src, data);
}

static void on_ready(void *arg)
{
    ((struct dummy *)arg)->ready = true;
}

static void on_flushed(void *arg, uint64_t id, int err)
{
    (void)id, (void)err;
    app_drained(((struct dummy *)arg)->app);
}

static void on_drained(void *arg)
{
    keep_flush(((struct dummy *)arg)->keep, on_flushed, arg);
}

static void on_slow(void *arg)
{
    struct dummy *d = arg;
    ctl_printf(d->slow, "slept\n");
    ctl_finish(d->slow, 7);
    d->slow = NULL;
}

static void no_request(void *arg, struct pxy *p)
{
    (void)arg, (void)p; // the stack listens nowhere
}

static int start(struct app *app, const void *config, void **ret_nf)
{
    struct dummy *d = mem_zalloc(sizeof *d);
    if (!d)
        return ERR_NOMEM;
    *d = (struct dummy){.app = app, .config = config};
    timer_init(&d->ready_timer, on_ready, d);
    timer_init(&d->drain_timer, on_drained, d);
    timer_init(&d->slow_timer, on_slow, d);
    int err = open_state(d);
    if (err) {
        close_state(d);
        mem_free(d);
        return err;
    }
    const struct udp_params p = {.local = d->config->listen, .cb = on_datagram, .arg = d};
    err = udp_open(app_loop(app), &p, &d->udp);
    if (err) {
        close_state(d);
        mem_free(d);
        return app_listen_failed(&p.local, "udp", err);
    }
    static const struct stack_ops ops = {.request = no_request};
    err =
        stack_new(&(struct stack_params){.loop = app_loop(app), .ops = &ops, .arg = d}, &d->stack);
    if (err) {
        udp_close(d->udp);
        close_state(d);
        mem_free(d);
        return err;
    }
    err = keys_new(&(struct keys_params){.loop = app_loop(app), .config = &d->config->keys, .name = STR("dummy")},
                   &d->keys);
    if (err) {
        stack_free(d->stack);
        udp_close(d->udp);
        close_state(d);
        mem_free(d);
        return err;
    }
    timer_start(app_loop(app), &d->ready_timer, d->config->ready_ms);
    *ret_nf = d;
    return 0;
}

static void reload(void *nf, const void *config)
{
    ((struct dummy *)nf)->config = config;
}

static void drain(void *nf, struct app *app)
{
    struct dummy *d = nf;
    timer_start(app_loop(app), &d->drain_timer, d->config->drain_ms);
}

static struct app_left left(void *nf)
{
    return (struct app_left){((struct dummy *)nf)->config->calls, 1};
}

static void cut(void *nf)
{
    struct dummy *d = nf;
    LOG(LOG_INFO, "cut short");
    timer_start(app_loop(d->app), &d->drain_timer, 100);
}

static struct stack *stack(void *nf)
{
    return ((struct dummy *)nf)->stack;
}

static struct keys *keys(void *nf)
{
    return ((struct dummy *)nf)->keys;
}

static void stop(void *nf)
{
    struct dummy *d = nf;
    timer_stop(&d->ready_timer);
    timer_stop(&d->drain_timer);
    timer_stop(&d->slow_timer);
    if (d->slow)
        ctl_finish(d->slow, 1);
    if (d->keeping)
        ctl_finish(d->keeping, 1);
    close_state(d);
    udp_close(d->udp);
    keys_free(d->keys);
    stack_free(d->stack);
    mem_free(d);
}

static bool ready(void *nf, const char **ret_why)
{
    const struct dummy *d = nf;
    *ret_why = "waiting for \"the\" clock";
    return d->ready && node_state_ready(d->keep, &d->config->state, ret_why);
}

static struct keep *dummy_keep(void *nf)
{
    return ((struct dummy *)nf)->keep;
}

static void metrics(void *nf, struct metrics *m)
{
    const struct dummy *d = nf;
    char labels[64];
    struct writer w = writer_init(labels, sizeof labels - 1);
    metrics_label(&w, "path", STR("a\\b\"c\nd"));
    metrics_label(&w, "x", STR("y"));
    labels[w.n] = 0;
    metrics_add(m, "dummy_datagrams_total", "counter", "Datagrams.", "kind=\"in\"",
                (double)d->datagrams);
    metrics_add(m, "dummy_odd", "gauge", "Odd labels.", labels, 0.25);
    metrics_add(m, "dummy_datagrams_total", "counter", "Datagrams.", "kind=\"out\"", 3e18);
    app_metrics_stack(m, d->stack);
    node_state_metrics(d->keep, m);
    metrics_add(m, "dummy_delay_seconds_bucket", "histogram", "Delay.", "le=\"+Inf\"", 2);
    metrics_add(m, "dummy_delay_seconds_sum", "histogram", "Delay.", "", 1.5);
    metrics_add(m, "dummy_delay_seconds_count", "histogram", "Delay.", "", 2);
}

// ---- commands ----

static int run_greet(void *nf, int argc, char **argv, struct ctl_out *o)
{
    const struct dummy *d = nf;
    ctl_printf(o, "%.*s", STR_ARG(d->config->greeting));
    for (int i = 1; i < argc; i++)
        ctl_printf(o, " [%s]", argv[i]);
    ctl_printf(o, " as %s%s\n", argv[0], argv[argc] ? "!" : "");
    return 0;
}

static int run_fail(void *nf, int argc, char **argv, struct ctl_out *o)
{
    (void)nf, (void)argc, (void)argv;
    ctl_printf(o, "to stdout\n");
    ctl_error(o, "to stderr\n");
    return 42;
}

static int run_sum(void *nf, int argc, char **argv, struct ctl_out *o)
{
    struct str text;
    uint64_t sum = 0;
    (void)nf;
    for (int i = 1; i < argc; i++) {
        int err = ctl_file(o, i, &text);
        if (err)
            return err == ERR_MORE ? 0 : 1;
        for (size_t k = 0; k < text.n; k++)
            sum = sum * 31 + (unsigned char)text.p[k];
        ctl_printf(o, "%s %zu %llu\n", argv[i], text.n, (unsigned long long)sum);
    }
    return 0;
}

static int run_big(void *nf, int argc, char **argv, struct ctl_out *o)
{
    uint32_t n = 0;
    (void)nf;
    if (argc != 2 || str_u32(str_from(argv[1]), &n))
        return 2;
    for (uint32_t i = 0; i < n; i++)
        ctl_printf(o, "line %u of a long list\n", i);
    return 0;
}

static int run_slow(void *nf, int argc, char **argv, struct ctl_out *o)
{
    struct dummy *d = nf;
    (void)argc, (void)argv;
    if (d->slow)
        return 1;
    d->slow = o;
    timer_start(app_loop(d->app), &d->slow_timer, 200);
    return CTL_PENDING;
}

static void on_kept(void *arg, uint64_t id, int err)
{
    struct dummy *d = arg;
    (void)id;
    if (err)
        ctl_error(d->keeping, "%s\n", err_name(err));
    else
        ctl_printf(d->keeping, "kept\n");
    ctl_finish(d->keeping, err ? 1 : 0);
    d->keeping = NULL;
}

static int run_keep(void *nf, int argc, char **argv, struct ctl_out *o)
{
    struct dummy *d = nf;
    struct word *w = argc == 2 && !d->keeping ? word_new(d, str_from(argv[1])) : NULL;
    if (!w)
        return 2;
    keep_changed(d->keep, &w->item);
    d->keeping = o;
    int e = keep_wait(d->keep, &w->item, on_kept, d, 0);
    if (e) {
        d->keeping = NULL;
        ctl_printf(o, "not waited for\n");
        return e == KEEP_NOW ? 0 : 1;
    }
    return CTL_PENDING;
}

static int run_kept(void *nf, int argc, char **argv, struct ctl_out *o)
{
    struct dummy *d = nf;
    (void)argc, (void)argv;
    LIST_EACH(&d->words, it)
        ctl_printf(o, "%s\n", LIST_ENTRY(it, struct word, link)->text);
    return 0;
}

// The loop does not turn meanwhile: for SECONDS of processor time, or for ever.
static int run_spin(void *nf, int argc, char **argv, struct ctl_out *out)
{
    clock_t end = argc > 1 ? clock() + (clock_t)(atof(argv[1]) * CLOCKS_PER_SEC) : 0;
    (void)nf;
    while (!end || clock() < end)
        continue;
    ctl_printf(out, "spun\n");
    return 0;
}

static const struct ctl_command commands[] = {
    {"greet", "[WORD]...", "say hello", run_greet},
    {"greet twice", NULL, "longer name, same start", run_greet},
    {"fail", NULL, "exit status 42", run_fail},
    {"sum", "FILE...", "sizes and sums of files", run_sum},
    {"big", "LINES", "much output", run_big},
    {"slow", NULL, "answer later", run_slow},
    {"spin", "[SECONDS]", "keep the loop", run_spin},
    {"keep", "WORD", "write it to the disk", run_keep},
    {"kept", NULL, "what is there", run_kept},
    {0},
};

int main(int argc, char **argv)
{
    static const struct app_nf nf = {
        .name = "dummy",
        .about = "Echoes datagrams.",
        .rows = rows,
        .config_size = sizeof(struct dummy_config),
        .check = check,
        .suspect = suspect,
        .start = start,
        .reload = reload,
        .drain = drain,
        .left = left,
        .cut = cut,
        .stop = stop,
        .ready = ready,
        .metrics = metrics,
        .stack = stack,
        .sip_commands = app_sip_commands,
        .keys = keys,
        .key_commands = app_key_commands,
        .keep = dummy_keep,
        .state_commands = app_state_commands,
        .commands = commands,
    };
    return app_main(argc, argv, &nf);
}
