// SPDX-License-Identifier: Apache-2.0
// The event core's life, its packages and figures, and which message belongs to it.
#include "base/err.h"
#include "base/hash.h"
#include "stack/event/event_priv.h"

#include <stdio.h>

enum { TOTAL = 200000, PER_RESOURCE = 64, PER_SUBSCRIBER = 16, OWN = 200000, VERDICT_MS = 4000 };

void event_set_limits(struct event *e, const struct event_limits *l)
{
    e->limits = (struct event_limits){
        .total = l->total ? l->total : TOTAL,
        .per_resource = l->per_resource ? l->per_resource : PER_RESOURCE,
        .per_subscriber = l->per_subscriber ? l->per_subscriber : PER_SUBSCRIBER,
        .own = l->own ? l->own : OWN,
    };
}

int event_new(const struct event_params *p, struct event **ret_core)
{
    if (!p->txns || !p->uas || !p->contact.n)
        return ERR_INVAL;
    struct event *e = mem_zalloc(sizeof *e);
    if (!e)
        return ERR_NOMEM;
    e->txns = p->txns;
    e->uas = p->uas;
    e->loop = txn_loop(p->txns);
    e->wants = p->wants;
    e->arg = p->arg;
    e->label = p->label;
    e->verdict_ms = p->verdict_ms ? p->verdict_ms : VERDICT_MS;
    e->timer_n_ms = 64 * (p->timers ? p->timers : &sip_timers_core)->t1;
    event_set_limits(e, &p->limits);
    e->contact = str_dup(p->contact);
    e->scratch = mem_alloc(EVENT_BODY_MAX);
    int err = e->contact.p && e->scratch ? event_server_open(e) : ERR_NOMEM;
    if (err)
        event_free(e);
    else
        *ret_core = e;
    return err;
}

static void free_notifiers(struct event *e)
{
    size_t it = 0;
    for (struct notifier *n; (n = map_next(&e->notifiers, &it));)
        notifier_free(n);
    it = 0;
    for (void *r; (r = map_next(&e->resources, &it));)
        mem_free(r);
    it = 0;
    for (void *p; (p = map_next(&e->people, &it));)
        mem_free(p);
    map_done(&e->notifiers);
    map_done(&e->resources);
    map_done(&e->people);
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
    event_server_close(e);
    free_notifiers(e);
    free_subscribers(e);
    mem_free((void *)e->contact.p);
    mem_free((void *)e->allowed.p);
    mem_free(e->scratch);
    mem_free(e);
}

// ---- packages ----

static bool is_served(const struct event_package *p)
{
    return p->identify && p->full;
}

static int allow(struct event *e, struct str name)
{
    struct str old = e->allowed;
    size_t n = old.n ? old.n + 2 + name.n : name.n;
    char *text = mem_alloc(n);
    if (!text)
        return ERR_NOMEM;
    struct writer w = writer_init(text, n);
    writer_str(&w, old);
    if (old.n)
        writer_lit(&w, ", ");
    writer_str(&w, name);
    mem_free((void *)old.p);
    e->allowed = writer_done(&w);
    return 0;
}

int event_add_package(struct event *e, const struct event_package *p)
{
    bool good = p->name.n && p->n_types && p->n_types < 256 && p->default_s &&
                p->max_s >= p->min_s && p->max_s && (is_served(p) || p->parse);
    if (!good)
        return ERR_INVAL;
    if (event_package_find(e, p->name))
        return ERR_EXISTS;
    if (e->n_packages == EVENT_PACKAGES)
        return ERR_FULL;
    int err = is_served(p) ? allow(e, p->name) : 0;
    if (!err)
        e->packages[e->n_packages++] = p;
    return err;
}

// RFC 6665 8.2.1: names of packages are compared byte by byte.
const struct event_package *event_package_find(const struct event *e, struct str name)
{
    for (size_t i = 0; i < e->n_packages; i++)
        if (str_eq(e->packages[i]->name, name))
            return e->packages[i];
    return NULL;
}

struct str event_allowed(const struct event *e)
{
    return e->allowed;
}

// ---- messages ----

uint64_t event_key(struct str call_id, struct str local_tag)
{
    return hash_bytes(call_id.p, call_id.n) * 31 + hash_bytes(local_tag.p, local_tag.n);
}

struct str event_id_param(const struct sip_token *event)
{
    return sip_param_get(event->params, STR("id"), NULL);
}

uint32_t event_retry_after(const struct sip_msg *m)
{
    const struct sip_delta *d = m ? sip_msg_at(m, SIP_H_RETRY_AFTER, 0) : NULL;
    if (!d)
        return 0;
    return d->value < EVENT_AGAIN_MAX_S ? d->value : EVENT_AGAIN_MAX_S;
}

bool event_ends_usage(unsigned status)
{
    switch (status) {
    case 404:
    case 405:
    case 410:
    case 416:
    case 489:
    case 501:
    case 604:
        return true;
    default:
        return status >= 480 && status <= 485;
    }
}

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

// ---- figures ----

void event_stats(const struct event *e, stack_stat_cb cb, void *arg)
{
#define X(field, name, labels) cb(arg, name, labels, e->count.field);
    EVENT_COUNTERS(X)
#undef X
    cb(arg, "event_subscriptions", "side=\"notifier\"", e->n_notifiers);
    cb(arg, "event_subscriptions", "side=\"subscriber\"", e->n_subscribers);
    cb(arg, "event_resources", "", e->resources.n);
}
