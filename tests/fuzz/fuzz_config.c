// SPDX-License-Identifier: Apache-2.0
// A configuration file behind a byte that says whose: a refusal says why, the file's own check takes
// whatever the rows let through, and what is shown of a configuration is that configuration.
#include "app/config.h"
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "hss/config.h"
#include "icscf/config.h"
#include "pcscf/pcscf.h"
#include "scscf/config.h"
#include "tests/common/load.h"

struct text {
    char p[1 << 20];
    size_t n;
};

static void put(void *arg, struct str line)
{
    struct text *t = arg;
    MUST(t->n + line.n + 1 <= sizeof t->p);
    if (line.n)
        memcpy(t->p + t->n, line.p, line.n);
    t->n += line.n;
    t->p[t->n++] = '\n';
}

static void bad(void *arg, const char *option, const char *what)
{
    (void)arg;
    MUST(option && what && *what);
}

static const struct {
    const struct conf_row *rows;
    size_t size;
    void (*check)(const void *config, app_finding bad, void *arg);
} nodes[] = {
    {pcscf_rows, sizeof(struct pcscf_config), pcscf_check},
    {icscf_rows, sizeof(struct icscf_config), icscf_check},
    {scscf_rows, sizeof(struct scscf_config), scscf_check},
    {hss_rows, sizeof(struct hss_config), NULL},
};

static void show(const struct conf_row *rows, const void *config, struct text *t)
{
    t->n = 0;
    conf_show(rows, config, put, t);
}

void fuzz_config(struct str input)
{
    static struct text once, twice;
    static char error[4096];
    struct conf *c, *d;
    uint8_t k = fuzz_byte(&input) % 4;
    void *first = mem_zalloc(nodes[k].size), *second = mem_zalloc(nodes[k].size);
    MUST(first && second);
    int e = load_text(input, "f", nodes[k].rows, first, error, sizeof error, &c);
    MUST(e == 0 || (e == ERR_BAD && error[0]));
    if (!e) {
        if (nodes[k].check)
            nodes[k].check(first, bad, NULL);
        show(nodes[k].rows, first, &once);
        e = load_text(str_make(once.p, once.n), "g", nodes[k].rows, second, error, sizeof error,
                           &d);
        if (e)
            fprintf(stderr, "%.*s%s\n", (int)once.n, once.p, error);
        MUST(e == 0);
        show(nodes[k].rows, second, &twice);
        MUST(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
        conf_free(d);
        conf_free(c);
    }
    mem_free(first);
    mem_free(second);
}
