// SPDX-License-Identifier: Apache-2.0
// Operations of the HSS's own people: commands of the control socket, imports.
#include "base/mem.h"
#include "hss/hss_priv.h"

static enum step_verdict run(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    return hss_next(op, op->task(op, op->arg));
}

static void end(struct hss_op *op)
{
    hss_facts_log(op);
    if (!op->err)
        hss_overlap_log(op);
    op->done.task(op->arg, op);
}

static const struct step steps[] = {{"task", run, NULL}};
static const struct procedure procedure = {"task", steps, ARRAY_LEN(steps)};
static const struct hss_kind kind = {HSS_TASK, &procedure, end};

struct hss_op *hss_task_new(struct hss *h)
{
    return hss_op_new(h, &kind);
}
