// SPDX-License-Identifier: Apache-2.0
// Cx's typed functions over dia/interface.h; what the messages hold is cx_table.c's.
#include "dia/cx.h"

#include "dia/avp.h"
#include "dia/interface.h"

static int request(struct dia_node *n, uint32_t code, void *typed, struct str correlation,
                   uint32_t timeout_ms, void (*deliver)(const struct dia_done *), dia_fn cb, void *nf,
                   cx_arg arg)
{
    struct dia_send s = {.iface = &dia_cx, .code = code, .request = typed,
                         .correlation = correlation, .timeout_ms = timeout_ms, .deliver = deliver,
                         .cb = cb, .nf = nf, .arg = arg};
    return dia_request_send(n, &s);
}

#define CLIENT(code_, r_, a_)                                                                      \
    static void deliver_##a_(const struct dia_done *d)                                             \
    {                                                                                              \
        ((cx_##a_##_cb)d->cb)(d->nf, d->arg, d->err, d->answer);                                   \
    }                                                                                              \
    int cx_send_##r_(struct dia_node *n, const struct cx_##r_ *r, uint32_t timeout_ms,             \
                     cx_##a_##_cb cb, void *nf, cx_arg arg)                                        \
    {                                                                                              \
        struct cx_##r_ copy = *r;                                                                  \
        return request(n, code_, &copy, r->head.correlation, timeout_ms, deliver_##a_, (dia_fn)cb,    \
                    nf, arg);                                                                      \
    }                                                                                              \
    void cx_answer_##a_(struct dia_request *q, const struct cx_##a_ *a)                            \
    {                                                                                              \
        struct cx_##a_ copy = *a;                                                                  \
        dia_answer(q, &copy);                                                                      \
    }

enum { UAR = 300, SAR, LIR, MAR, RTR, PPR };

CLIENT(UAR, uar, uaa)
CLIENT(SAR, sar, saa)
CLIENT(LIR, lir, lia)
CLIENT(MAR, mar, maa)
CLIENT(RTR, rtr, rta)
CLIENT(PPR, ppr, ppa)

#define HANDLE(r_)                                                                                 \
    if (ops->r_) {                                                                                 \
        ops->r_(ctx, q, request);                                                                  \
        return;                                                                                    \
    }                                                                                              \
    break

static void handle(void *ctx, struct dia_request *q, const struct dia_command *cmd,
                   const void *request)
{
    const struct cx_server *ops = dia_request_ops(q);
    switch (cmd->code) {
    case UAR: HANDLE(uar);
    case SAR: HANDLE(sar);
    case LIR: HANDLE(lir);
    case MAR: HANDLE(mar);
    case RTR: HANDLE(rtr);
    case PPR: HANDLE(ppr);
    }
    dia_refuse(q, 3001);
}

int cx_serve(struct dia_node *n, const struct cx_server *ops, void *arg)
{
    return dia_serve(n, &dia_cx, handle, ops, arg);
}
