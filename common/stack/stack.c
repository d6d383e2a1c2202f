// SPDX-License-Identifier: Apache-2.0
// Wiring: makes the layers, hands each its part of what the owner gave, and passes on what he asks for.
#include "stack/stack.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/msg.h"
#include "stack/proxy/pipeline.h"
#include "stack/session/ua.h"
#include "stack/txn/resolve.h"

enum { MAX_TRANSACTIONS = 200000 };

struct stack {
    struct transport *transport;
    struct txn_layer *txns;
    struct pxy_layer *pxys;
    struct ua_layer *uas;
};

static int make_transport(struct stack *s, const struct stack_params *p)
{
    const struct sip_limits *message = p->message && p->message->message ? p->message : &sip_limits_default;
    struct transport_params t = {
        .loop = p->loop,
        .owner = {p->ops->standing, p->ops->user, p->ops->flow_closed, p->ops->trace},
        .owner_arg = p->arg,
        .server = p->server,
        .alias = p->host_alias,
        .message = message,
        .max_message = p->max_message ? p->max_message : message->message,
        .keep_s = p->keep_s,
        .limits = p->limits,
        .warnings = p->warnings,
    };
    return transport_new(&t, &s->transport);
}

static size_t finished_bytes(const struct stack_limits *l)
{
    return (size_t)l->finished_mb << 20;
}

static int make_txns(struct stack *s, const struct stack_params *p)
{
    struct txn_params t = {
        .transport = s->transport,
        .owner = {p->ops->classify, p->ops->may_reach, p->ops->no_stream, p->ops->screen},
        .owner_arg = p->arg,
        .max_transactions = p->max_transactions ? p->max_transactions : MAX_TRANSACTIONS,
        .finished_bytes = finished_bytes(&p->limits),
        .tcp_prefer = p->tcp_prefer,
        .overload = p->overload,
    };
    return txn_layer_new(&t, &s->txns);
}

static int make_pxys(struct stack *s, const struct stack_params *p)
{
    struct pxy_params x = {
        .txns = s->txns,
        .owner = {p->ops->request, p->ops->cancelled},
        .owner_arg = p->arg,
        .proxy_require = p->proxy_require,
        .supported = p->supported,
    };
    return pxy_layer_new(&x, &s->pxys);
}

int stack_new(const struct stack_params *p, struct stack **ret_stack)
{
    if (!p->loop || !p->ops || !p->ops->request || p->max_message > SIP_MSG_MAX ||
        (p->message && p->message->message > SIP_MSG_MAX))
        return ERR_INVAL;
    struct stack *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    int err = make_transport(s, p);
    if (!err)
        err = make_txns(s, p);
    if (!err)
        err = make_pxys(s, p);
    if (!err)
        err = ua_layer_new(s->txns, &s->uas);
    if (err) {
        stack_free(s);
        return err;
    }
    *ret_stack = s;
    return 0;
}

// The transactions go first, so that nobody is called any more.
void stack_free(struct stack *s)
{
    if (!s)
        return;
    txn_layer_free(s->txns);
    ua_layer_free(s->uas);
    pxy_layer_free(s->pxys);
    transport_free(s->transport);
    mem_free(s);
}

int stack_listen(struct stack *s, const struct stack_listen *l)
{
    struct stack_listen with = *l;
    if (!with.timers)
        with.timers = &sip_timers_core;
    return transport_listen(s->transport, &with);
}

bool stack_flow(const struct stack *s, flow_id flow, struct flow_info *ret_info)
{
    return transport_flow_info(s->transport, flow, ret_info);
}

void stack_flow_close(struct stack *s, flow_id flow)
{
    transport_flow_close(s->transport, flow);
}

void stack_recheck(struct stack *s, enum sip_proto proto, const struct addr *remote)
{
    transport_recheck(s->transport, proto, remote);
}

void stack_recheck_all(struct stack *s)
{
    transport_recheck_all(s->transport);
}

void stack_set_warnings(struct stack *s, enum stack_warnings w)
{
    transport_set_warnings(s->transport, w);
}

void stack_set_limits(struct stack *s, const struct stack_limits *l)
{
    transport_set_limits(s->transport, l);
    txn_set_finished(s->txns, finished_bytes(l));
}

void stack_set_overload(struct stack *s, const struct overload_params *p)
{
    txn_set_overload(s->txns, p);
}

bool stack_is_own(const struct stack *s, const struct sip_uri *u)
{
    return transport_is_own_uri(s->transport, u);
}

void stack_drain(struct stack *s, timer_cb done, void *arg)
{
    txn_drain(s->txns, done, arg);
}

void stack_stats(const struct stack *s, stack_stat_cb cb, void *arg)
{
    transport_stats(s->transport, cb, arg);
    txn_stats(s->txns, cb, arg);
    pxy_stats(s->pxys, cb, arg);
    cb(arg, "sip_messages_spare", "", sip_msg_pool_spare());
}

struct txn_layer *stack_txns(const struct stack *s)
{
    return s->txns;
}

struct ua_layer *stack_uas(const struct stack *s)
{
    return s->uas;
}

struct pxy *pxy_find(const struct stack *s, pxy_id id)
{
    return pxy_layer_find(s->pxys, id);
}

struct job *pxy_job(const struct stack *s, pxy_id id)
{
    return pxy_layer_job(s->pxys, id);
}
