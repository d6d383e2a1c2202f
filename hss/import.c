// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "hss/provision.h"

// The first line with something in it: a CSV header has a comma, YAML a colon or a dash.
static bool is_csv(struct str text)
{
    while (text.p) {
        struct str line = str_trim(str_split(&text, '\n'));
        if (line.n && line.p[0] != '#')
            return str_chr(line, ',') > 0 && str_chr(line, ':') < 0;
    }
    return false;
}

int hss_import_text(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p)
{
    int err = is_csv(text) ? hss_import_csv(op, text, replace, ret_n, p)
                           : hss_import_yaml(op, text, replace, ret_n, p);
    if (err && !p->text[0])
        return hss_problem(p, p->line, err, "%s", err_text(err));
    return err;
}

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

int hss_import(struct hss *h, struct str text, const char *name, char *error, size_t size,
               size_t *ret_n)
{
    struct import in = {.text = text};
    char why[160] = "";
    struct list ops;
    struct hss_op *op = hss_op_new(h, HSS_TASK);
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
