// SPDX-License-Identifier: Apache-2.0
#include "import.h"

#include "base/err.h"
#include "fuzz.h"
#include "hss/provision.h"
#include "io/sim.h"

struct import {
    struct str text;
    int (*read)(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                struct hss_problem *p);
    int err;
    size_t n;
    struct hss_problem p;
};

// Everything is taken back, so that each input meets the same store.
static int import_task(struct hss_op *op, void *arg)
{
    struct import *in = arg;
    in->err = in->read(op, in->text, true, &in->n, &in->p);
    return ERR_INVAL;
}

static struct hss *open_hss(void)
{
    struct sim *sim;
    struct loop *loop;
    struct hss *h;
    MUST(sim_new(1, &sim) == 0 && sim_node(sim, "hss", &loop) == 0);
    struct hss_params p = {.loop = loop, .store_path = ":memory:"};
    MUST(hss_new(&p, &h) == 0);
    return h;
}

// At most: for YAML 1.1 CR, NEL, LS and PS end lines too (the last byte of each is counted).
static unsigned lines_of(struct str s)
{
    unsigned n = 1;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] != 0 && strchr("\n\r\x85\xa8\xa9", s.p[i]) != NULL;
    return n;
}

void fuzz_import(struct str text, fuzz_reader *read)
{
    static struct hss *h;
    struct import in = {.text = text, .read = read};
    struct list ops;
    char why[160];
    if (!h)
        h = open_hss();
    struct hss_op *op = hss_task_new(h);
    MUST(op);
    op->task = import_task;
    op->arg = &in;
    list_init(&ops);
    list_add(&ops, &op->link);
    (void)hss_transaction(&h->writer, &ops, why, sizeof why);
    list_del(&op->link);
    hss_op_free(op);
    MUST(in.p.line <= lines_of(text) + 1);
    MUST(!memchr(in.p.text, '\n', strlen(in.p.text)));
    MUST(in.err || in.n <= text.n);
}
