// SPDX-License-Identifier: Apache-2.0
// Where the parts of the event core meet: its life, its machines, and which request is whose.
#include "base/err.h"
#include "stack/event/actions.h"

static const struct event_limits defaults = {.total = 200000,
                                             .per_resource = 64,
                                             .per_subscriber = 16,
                                             .own = 200000,
                                             .bytes = UINT64_C(1) << 28};

static const struct event_machines machines = {
    .notifier = &event_notifier_fsm,
    .delivery = &event_delivery_fsm,
    .subscriber = &event_subscriber_fsm,
};

// ---- a user of transactions ----

bool event_claims(const struct event *e, const struct sip_msg *m)
{
    switch (sip_msg_method(m)) {
    case SIP_SUBSCRIBE:
        return sip_msg_to_tag(m).p && notifier_find(e, m);
    case SIP_NOTIFY:
        return subscriber_expects(e, m);
    default:
        return false;
    }
}

static bool claims(void *arg, const struct sip_msg *m, flow_id flow)
{
    const struct event *e = arg;
    enum sip_method method = sip_msg_method(m);
    if (method != SIP_SUBSCRIBE && method != SIP_NOTIFY)
        return false;
    return event_claims(e, m) || (e->wants && e->wants(e->arg, m, flow));
}

static void request(void *arg, txn_id id, struct sip_msg *m, flow_id flow)
{
    struct asking a = {.core = arg, .txn = id, .flow = flow, .msg = m};
    (void)txn_flow_info(a.core->txns, flow, &a.from);
    if (sip_msg_method(m) == SIP_NOTIFY)
        subscriber_serve(arg, &a);
    else
        notifier_serve(arg, &a);
}

static const struct txn_user_ops user = {.name = "event", .claims = claims, .request = request};

// ---- life ----

void event_set_limits(struct event *e, const struct event_limits *l)
{
    e->limits = (struct event_limits){
        .total = l->total ? l->total : defaults.total,
        .per_resource = l->per_resource ? l->per_resource : defaults.per_resource,
        .per_subscriber = l->per_subscriber ? l->per_subscriber : defaults.per_subscriber,
        .own = l->own ? l->own : defaults.own,
        .bytes = l->bytes ? l->bytes : defaults.bytes,
    };
}

static void set_up(struct event *e, const struct event_params *p)
{
    e->txns = p->txns;
    e->uas = p->uas;
    e->loop = txn_loop(p->txns);
    e->machines = &machines;
    e->wants = p->wants;
    e->arg = p->arg;
    e->label = p->label;
    e->timers = event_timers_make(p->timers ? p->timers : &sip_timers_core);
    if (p->verdict_ms)
        e->timers.verdict = p->verdict_ms;
    event_set_limits(e, &p->limits);
}

int event_new(const struct event_params *p, struct event **ret_core)
{
    if (!p->txns || !p->uas || !p->contact.n)
        return ERR_INVAL;
    struct event *e = mem_zalloc(sizeof *e);
    if (!e)
        return ERR_NOMEM;
    set_up(e, p);
    e->contact = str_dup(p->contact);
    e->scratch = mem_alloc(EVENT_BODY_MAX);
    int err = e->contact.p && e->scratch ? txn_user_add(e->txns, &user, e, &e->user) : ERR_NOMEM;
    if (err)
        event_free(e);
    else
        *ret_core = e;
    return err;
}

static void free_all(struct map *m)
{
    size_t it = 0;
    for (void *p; (p = map_next(m, &it));)
        mem_free(p);
    map_done(m);
}

static void free_notifiers(struct event *e)
{
    size_t it = 0;
    for (struct notifier *n; (n = map_next(&e->notifiers, &it));)
        notifier_free(n);
    map_done(&e->notifiers);
    free_all(&e->resources);
    free_all(&e->people);
    slots_done(&e->notifier_ids);
}

static void free_subscribers(struct event *e)
{
    size_t it = 0;
    for (struct subscriber *s; (s = map_next(&e->subscribers, &it));)
        subscriber_free(s);
    map_done(&e->subscribers);
    slots_done(&e->subscriber_ids);
}

void event_free(struct event *e)
{
    if (!e)
        return;
    txn_user_remove(e->txns, e->user);
    free_notifiers(e);
    free_subscribers(e);
    mem_free((void *)e->contact.p);
    mem_free((void *)e->allowed.p);
    mem_free(e->scratch);
    mem_free(e);
}

// ---- figures ----

void event_stats(const struct event *e, stack_stat_cb cb, void *arg)
{
#define X(field, name, labels) cb(arg, name, labels, e->count.field);
    EVENT_COUNTERS(X)
#undef X
    cb(arg, "event_subscriptions", "side=\"notifier\"", e->n_notifiers);
    cb(arg, "event_subscriptions", "side=\"subscriber\"", e->n_subscribers);
    cb(arg, "event_subscription_bytes", "side=\"notifier\"", e->notifier_bytes);
    cb(arg, "event_subscription_bytes", "side=\"subscriber\"", e->subscriber_bytes);
    cb(arg, "event_resources", "", e->resources.n);
}
