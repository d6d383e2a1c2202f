// SPDX-License-Identifier: Apache-2.0
// A stack's life, its names and its counters.
#include "stack/stack.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/msg.h"
#include "sip/uri.h"
#include "stack/stack_priv.h"
#include "stack/transport/guard.h"
#include "stack/transport/transport.h"
#include "stack/txn/resolve.h"
#include "stack/txn/shed.h"

enum { MAX_TRANSACTIONS = 200000 };

struct writer stack_scratch(struct stack *s)
{
    return writer_init(s->scratch, STACK_SCRATCH);
}

static void drain_check(void *arg)
{
    struct stack *s = arg;
    if (!s->draining || !s->drained || txn_count(s))
        return;
    timer_cb done = s->drained;
    s->drained = NULL;
    done(s->drained_arg);
}

static int copy_text(struct str v, struct str *ret_copy)
{
    if (!v.n)
        return 0;
    *ret_copy = str_dup(v);
    return ret_copy->p ? 0 : ERR_NOMEM;
}

static int copy_params(struct stack *s, const struct stack_params *p)
{
    s->loop = p->loop;
    s->ops = p->ops;
    s->arg = p->arg;
    s->tcp_prefer = p->tcp_prefer;
    s->keep_s = p->keep_s;
    s->limits = p->limits;
    s->warnings = p->warnings;
    s->standing_epoch = 1;
    s->max_transactions = p->max_transactions ? p->max_transactions : MAX_TRANSACTIONS;
    s->message = p->message && p->message->message ? *p->message : sip_limits_default;
    s->max_message = p->max_message ? p->max_message : s->message.message;
    s->secret = loop_random_u64(p->loop);
    memcpy(s->proxy_require, p->proxy_require, sizeof s->proxy_require);
    s->supported = p->supported;
    deferred_init(&s->drain_check, drain_check, s);
    int err = copy_text(p->server, &s->server);
    for (size_t i = 0; !err && i < ARRAY_LEN(p->host_alias); i++)
        if (p->host_alias[i].n)
            err = copy_text(p->host_alias[i], &s->alias[s->n_alias++]);
    s->scratch = mem_alloc(STACK_SCRATCH);
    return err || !s->scratch ? ERR_NOMEM : 0;
}

static int overload_begin(struct stack *s, const struct overload_params *p)
{
    struct overload_params o = *p;
    o.off = o.off || !o.wait_ms || !o.latency_ms;
    return overload_new(&o, loop_now(s->loop), &s->overload);
}

static int make_layers(struct stack *s)
{
    int err = transport_layer_new(s);
    if (!err)
        err = guard_new(s);
    if (!err)
        err = resolver_new(s);
    if (!err)
        err = txn_layer_new(s);
    if (!err)
        err = pxy_layer_new(s);
    if (!err)
        err = ua_layer_new(s);
    return err;
}

int stack_new(const struct stack_params *p, struct stack **ret_stack)
{
    if (!p->loop || !p->ops || !p->ops->request || p->max_message > SIP_MSG_MAX ||
        (p->message && p->message->message > SIP_MSG_MAX))
        return ERR_INVAL;
    struct stack *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    int err = copy_params(s, p);
    if (!err)
        err = overload_begin(s, &p->overload);
    if (!err)
        err = make_layers(s);
    if (err) {
        stack_free(s);
        return err;
    }
    *ret_stack = s;
    return 0;
}

void stack_free(struct stack *s)
{
    if (!s)
        return;
    deferred_cancel(&s->drain_check);
    txn_layer_free(s);
    if (s->uas)
        ua_layer_free(s);
    if (s->pxys)
        pxy_layer_free(s);
    resolver_free(s);
    transport_layer_free(s);
    guard_free(s);
    overload_free(s->overload);
    mem_free((void *)s->server.p);
    for (size_t i = 0; i < s->n_alias; i++)
        mem_free((void *)s->alias[i].p);
    mem_free(s->scratch);
    mem_free(s);
}

int stack_listen(struct stack *s, const struct stack_listen *l)
{
    if (l->outside)
        s->outside |= 1u << l->label;
    return transport_listen(s, l);
}

void stack_recheck_all(struct stack *s)
{
    if (++s->standing_epoch == 0)
        s->standing_epoch = 1;
}

void stack_set_warnings(struct stack *s, enum stack_warnings w)
{
    s->warnings = w;
}

void stack_set_limits(struct stack *s, const struct stack_limits *l)
{
    s->limits = *l;
    guard_set_limits(s);
}

void stack_set_overload(struct stack *s, const struct overload_params *p)
{
    overload_set(s->overload, p);
}

bool stack_is_own(const struct stack *s, const struct sip_uri *u)
{
    if (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS)
        return false;
    return transport_is_own(s, u->host, u->port);
}

void stack_drain(struct stack *s, timer_cb done, void *arg)
{
    s->draining = true;
    s->drained = done;
    s->drained_arg = arg;
    loop_defer(s->loop, &s->drain_check);
}

void stack_stats(const struct stack *s, stack_stat_cb cb, void *arg)
{
#define X(field, name, labels) cb(arg, name, labels, s->count.field);
    STACK_COUNTERS(X)
#undef X
    for (int i = SIP_LIMIT_NONE + 1; i < SIP_LIMIT_COUNT; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "limit=\"%s\"", sip_limit_rows[i].name);
        cb(arg, "sip_limit_exceeded", labels, s->beyond[i]);
    }
    cb(arg, "sip_transactions", "", txn_count(s));
    txn_stats(s, cb, arg);
    transport_stats(s, cb, arg);
    guard_stats(s, cb, arg);
    pxy_stats(s, cb, arg);
    shed_stats(s, cb, arg);
}
