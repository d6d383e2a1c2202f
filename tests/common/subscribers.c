// SPDX-License-Identifier: Apache-2.0
#include "tests/common/subscribers.h"

#include <stdio.h>

#include "base/err.h"
#include "hss/provision.h"

struct import {
    struct str text;
    size_t n;
    struct hss_problem p;
};

static int import_task(struct hss_op *op, void *arg)
{
    struct import *in = arg;
    return hss_import_text(op, in->text, false, &in->n, &in->p);
}

int subscribers_import(struct hss *h, struct str text, const char *name, char *error, size_t size, size_t *ret_n)
{
    struct import in = {.text = text};
    char why[160] = "";
    struct list ops;
    struct hss_op *op = hss_task_new(h);
    if (!op)
        return ERR_NOMEM;
    op->task = import_task;
    op->arg = &in;
    list_init(&ops);
    list_add(&ops, &op->link);
    int err = hss_transaction(&h->writer, &ops, why, sizeof(why));
    list_del(&op->link);
    hss_op_free(op);
    if (err)
        (void)snprintf(error, size, "%s:%u: %s", name, in.p.line,
                       in.p.text[0] ? in.p.text : why);
    else
        *ret_n = in.n;
    return err;
}
