// SPDX-License-Identifier: Apache-2.0
// Cx's typed functions over dia/interface.h; what the messages hold is cx_table.c's.
#include "dia/cx.h"

#include "base/arena.h"
#include "dia/avp.h"
#include "dia/codec.h"
#include "dia/interface.h"

static const unsigned avp_ids[] = {
    [CX_AVP_IMPI] = AVP_USER_NAME,
    [CX_AVP_IMPU] = AVP_PUBLIC_IDENTITY,
    [CX_AVP_ASSIGNMENT_TYPE] = AVP_SERVER_ASSIGNMENT_TYPE,
    [CX_AVP_AUTHORIZATION] = AVP_SIP_AUTHORIZATION,
};

struct str cx_failed_text(struct arena *a, enum cx_avp which, struct str value)
{
    const struct dia_avp *row = dia_avp_row(avp_ids[which]);
    size_t head = row->vendor ? 12 : 8;
    char *p = arena_alloc(a, head + value.n);
    if (!p)
        return STR_NONE;
    dia_put32(p, row->code);
    p[4] = (char)row->flags;
    dia_put24(p + 5, (uint32_t)(head + value.n));
    if (row->vendor)
        dia_put32(p + 8, row->vendor);
    if (value.n)
        memcpy(p + head, value.p, value.n);
    return (struct str){p, head + value.n};
}

struct str cx_failed_number(struct arena *a, enum cx_avp which, uint32_t value)
{
    char four[4];
    dia_put32(four, value);
    return cx_failed_text(a, which, (struct str){four, sizeof four});
}

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

// What all answers begin with.
struct any_answer {
    struct cx_head head;
    struct dia_result result;
};
_Static_assert(offsetof(struct cx_uaa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_saa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_lia, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_maa, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_rta, result) == offsetof(struct any_answer, result) &&
                   offsetof(struct cx_ppa, result) == offsetof(struct any_answer, result),
               "answers begin with head and result");

// TS 29.229 7.2.1: features beyond Rel-5 that the request may not be done without. There are none here, which
// the answer says.
static bool refuse_features(struct dia_request *q, const struct cx_head *head)
{
    bool required = false;
    for (size_t i = 0; i < head->n_features; i++)
        required |= head->features[i].required && head->features[i].list;
    if (!required)
        return false;
    union {
        struct any_answer any;
        struct cx_uaa uaa;
        struct cx_saa saa;
        struct cx_lia lia;
        struct cx_maa maa;
        struct cx_rta rta;
        struct cx_ppa ppa;
    } a;
    memset(&a, 0, sizeof a);
    a.any.head.features[0] = (struct cx_feature){.vendor = DIA_VENDOR_3GPP, .list_id = 1};
    a.any.head.n_features = 1;
    a.any.result = (struct dia_result){CX_ERROR_FEATURE_UNSUPPORTED, true};
    dia_answer(q, &a);
    return true;
}

static void handle(void *ctx, struct dia_request *q, const struct dia_command *cmd,
                   const void *request)
{
    const struct cx_server *ops = dia_request_ops(q);
    if (refuse_features(q, request)) // each request begins with its head
        return;
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
