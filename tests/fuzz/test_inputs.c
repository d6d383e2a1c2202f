// SPDX-License-Identifier: Apache-2.0
// The seeds of every fuzz target, what once failed (it lies among them), and mutations of both:
//   test_fuzz_inputs TESTS-DIR [TARGET [FILE]...]
// TAP on standard output. What fails names target, seed and mutation; with FILEs these are the input.
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz.h"

enum { SEEDS_MAX = 256, INPUT_MAX = 128 << 10 };

// Of the sanitizers; not there in a build without them.
void __sanitizer_set_death_callback(void (*cb)(void)) __attribute__((weak));

struct target {
    const char *name;
    fuzz_fn *run;
    unsigned mutations;   // of all seeds together
    const char *more[3];  // folders beside fuzz/corpus/NAME
};

static const struct target targets[] = {
    {"sip_msg", fuzz_sip_msg, 0, {"corpus/ims", "corpus/rfc4475", "corpus/rfc5118"}}, // mutated by unit/sip/test_robust
    {"sip_uri", fuzz_sip_uri, 20000, {NULL}},
    {"sip_edit", fuzz_sip_edit, 3000, {"corpus/ims", "corpus/rfc4475", "corpus/rfc5118"}},
    {"sip_split", fuzz_sip_split, 0, {"corpus/ims", "corpus/rfc4475", "corpus/rfc5118"}},
    {"sip_stream", fuzz_sip_stream, 5000, {NULL}},
    {"sip_auth", fuzz_sip_auth, 10000, {NULL}},
    {"sdp", fuzz_sdp, 10000, {NULL}},
    {"rtp", fuzz_rtp, 10000, {NULL}},
    {"dns", fuzz_dns, 20000, {NULL}},
    {"dia", fuzz_dia, 10000, {NULL}},
    {"number", fuzz_number, 20000, {NULL}},
    {"profile", fuzz_profile, 2000, {NULL}},
    {"records", fuzz_records, 10000, {NULL}},
    {"config", fuzz_config, 1000, {NULL}},
    {"csv", fuzz_csv, 1000, {NULL}},
    {"yaml", fuzz_yaml, 500, {NULL}},
    {"contact_record", fuzz_contact_record, 10000, {NULL}},
    {"token", fuzz_token, 10000, {NULL}},
    {"keyring", fuzz_keyring, 10000, {NULL}},
    {"http", fuzz_http, 60, {NULL}},
    {"control", fuzz_control, 60, {NULL}},
};

struct seed {
    char name[256];
    char *p;
    size_t n;
};

static struct seed seeds[SEEDS_MAX];
static size_t n_seeds;
static struct {
    const char *target, *seed;
    unsigned mutation;
    struct str input;
} now;

// The input goes to a file, which can be given to this program or to libFuzzer's.
static void say_where(void)
{
    char line[512];
    FILE *f = fopen("/tmp/carillon-fuzz-input", "wb");
    if (f) {
        (void)fwrite(now.input.p, 1, now.input.n, f);
        (void)fclose(f);
    }
    int n = snprintf(line, sizeof line,
                     "# at target %s, seed %s, mutation %u; it is in /tmp/carillon-fuzz-input\n",
                     now.target, now.seed ? now.seed : "-", now.mutation);
    (void)!write(1, line, (size_t)n);
}

static void on_abort(int signo)
{
    (void)signo;
    say_where();
    _exit(99);
}

// ---- seeds ----

static void read_seed(const char *path, const char *name)
{
    FILE *f = fopen(path, "rb");
    MUST(f && n_seeds < SEEDS_MAX);
    struct seed *s = &seeds[n_seeds++];
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    s->p = malloc(INPUT_MAX);
    MUST(s->p);
    s->n = fread(s->p, 1, INPUT_MAX, f);
    (void)fclose(f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct seed *)a)->name, ((const struct seed *)b)->name);
}

static void read_folder(const char *tests, const char *folder)
{
    char dir[512], path[1024];
    (void)snprintf(dir, sizeof dir, "%s/%s", tests, folder);
    DIR *d = opendir(dir);
    size_t first = n_seeds;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        read_seed(path, e->d_name);
    }
    if (d)
        (void)closedir(d);
    qsort(seeds + first, n_seeds - first, sizeof *seeds, by_name);
}

static void read_seeds(const char *tests, const struct target *t)
{
    char folder[128];
    (void)snprintf(folder, sizeof folder, "fuzz/corpus/%s", t->name);
    read_folder(tests, folder);
    for (size_t i = 0; i < ARRAY_LEN(t->more) && t->more[i]; i++)
        read_folder(tests, t->more[i]);
}

static void free_seeds(void)
{
    while (n_seeds)
        free(seeds[--n_seeds].p);
}

// ---- mutations ----

static uint64_t state = 20261128;

static uint32_t draw(size_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % (uint32_t)below;
}

// A piece of one input in place of a piece of another, or a byte that is another one.
static size_t mutate(char *p, size_t n)
{
    static const unsigned char bytes[] = {0, 1, 9, 10, 13, 32, '"', ',', ':', ';', '<', '=', '>',
                                          '@', '[', ']', 0x7f, 0x80, 0xff};
    for (uint32_t times = 1 + draw(4); times; times--) {
        const struct seed *s = &seeds[draw(n_seeds)];
        size_t at = draw(n + 1);
        if (draw(3) && at < n) {
            p[at] = draw(2) ? (char)bytes[draw(sizeof bytes)] : (char)(p[at] ^ 1 << draw(8));
            continue;
        }
        size_t from = draw(s->n + 1), k = draw(s->n - from + 1), gone = draw(n - at + 1);
        k = draw(4) ? k % 48 : k;
        gone = draw(4) ? gone % 48 : gone;
        if (n - gone + k > INPUT_MAX)
            continue;
        memmove(p + at + k, p + at + gone, n - at - gone);
        memcpy(p + at, s->p + from, k);
        n = n - gone + k;
    }
    return n;
}

// The input in memory of its own, so that reading behind it is seen.
static void run_one(const struct target *t, struct str input)
{
    char *copy = malloc(input.n + !input.n);
    MUST(copy);
    if (input.n)
        memcpy(copy, input.p, input.n);
    now.input = str_make(copy, input.n);
    fuzz_one(t->run, now.input);
    free(copy);
}

static void run_target(const struct target *t, const char *tests)
{
    static char text[INPUT_MAX];
    now.target = t->name;
    read_seeds(tests, t);
    MUST(n_seeds);
    now.mutation = 0;
    for (size_t i = 0; i < n_seeds; i++) {
        now.seed = seeds[i].name;
        run_one(t, str_make(seeds[i].p, seeds[i].n));
    }
    for (unsigned i = 0; i < t->mutations; i++) {
        const struct seed *s = &seeds[draw(n_seeds)];
        now.seed = s->name;
        now.mutation = i + 1;
        memcpy(text, s->p, s->n);
        run_one(t, str_make(text, mutate(text, s->n)));
    }
    free_seeds();
}

static void run_files(const struct target *t, char **paths, int n)
{
    now.target = t->name;
    for (int i = 0; i < n; i++)
        read_seed(paths[i], paths[i]);
    for (size_t i = 0; i < n_seeds; i++) {
        now.seed = seeds[i].name;
        run_one(t, str_make(seeds[i].p, seeds[i].n));
    }
    free_seeds();
}

int main(int argc, char **argv)
{
    MUST(argc >= 2);
    const char *only = argc > 2 ? argv[2] : NULL;
    (void)signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_where);
    unsigned n = 0;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        const struct target *t = &targets[i];
        fuzz_slack = 0;
        if (only && strcmp(only, t->name))
            continue;
        if (argc > 3)
            run_files(t, argv + 3, argc - 3);
        else
            run_target(t, argv[1]);
        printf("ok %u - %s\n", ++n, t->name);
        (void)fflush(stdout);
    }
    printf("1..%u\n", n);
    return n ? EXIT_SUCCESS : EXIT_FAILURE;
}
