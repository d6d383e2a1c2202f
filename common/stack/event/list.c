// SPDX-License-Identifier: Apache-2.0
// Subscriptions for people: what is there, in which state, which timer runs.
#include "stack/event/event_priv.h"

static struct str target_of(const struct dialog *d)
{
    struct dialog_info i = {0};
    if (d)
        dialog_get_info(d, &i);
    return i.target;
}

static const char *timer_name(const struct fsm *m, uint8_t timer)
{
    return timer ? m->timers[timer].name : NULL;
}

static uint64_t left(const struct event *e, uint64_t at)
{
    uint64_t now = event_now(e);
    return at > now ? at - now : 0;
}

static struct event_line line_of_notifier(const struct notifier *n)
{
    const struct event *e = n->core;
    const struct fsm *m = e->machines->notifier, *d = e->machines->delivery;
    return (struct event_line){
        .id = n->id,
        .machine = m->name,
        .state = m->states[n->state],
        .delivery = d->states[n->delivery],
        .package = n->resource->package->name,
        .resource = resource_name(n->resource),
        .subscriber = n->person ? str_make(n->person->name, n->person->n_name) : STR_NONE,
        .peer = target_of(n->dialog),
        .timer = timer_name(n->due_is ? d : m, n->due_is ? n->due_is : n->timer_is),
        .expires_ms = left(e, n->expires_at),
        .told = n->version,
        .bytes = n->bytes,
    };
}

static struct event_line line_of_subscriber(const struct subscriber *s)
{
    const struct event *e = s->core;
    const struct fsm *m = e->machines->subscriber;
    return (struct event_line){
        .id = s->id,
        .machine = m->name,
        .state = m->states[s->state],
        .package = s->plan->event,
        .resource = s->plan->uri,
        .peer = target_of(s->dialog),
        .timer = timer_name(m, s->timer_is ? s->timer_is : s->timer_n_is),
        .expires_ms = left(e, s->expires_at),
        .bytes = s->bytes,
    };
}

static void tell_notifier(const struct notifier *n, event_list_cb cb, void *arg)
{
    struct event_line line = line_of_notifier(n);
    cb(arg, &line);
}

size_t event_list(const struct event *e, size_t max, event_list_cb cb, void *arg)
{
    size_t n = 0, it = 0;
    for (const struct notifier *x; n < max && (x = map_next(&e->notifiers, &it)); n++)
        tell_notifier(x, cb, arg);
    it = 0;
    for (const struct subscriber *s; n < max && (s = map_next(&e->subscribers, &it)); n++) {
        struct event_line line = line_of_subscriber(s);
        cb(arg, &line);
    }
    return n;
}

size_t event_list_of(const struct event *e, const struct event_package *p, struct str resource,
                     event_list_cb cb, void *arg)
{
    const struct resource *r = resource_find(e, p, resource);
    if (!r)
        return 0;
    LIST_EACH(&r->subs, it)
        tell_notifier(LIST_ENTRY(it, struct notifier, of_resource), cb, arg);
    return r->n_subs;
}

size_t event_held(const struct event *e)
{
    return e->n_notifiers + e->n_subscribers;
}

void event_line_write(const struct event_line *l, struct writer *w)
{
    writer_printf(w, "%016" PRIx64 "  %s{%s%s%s}  %.*s %.*s  %" PRIu64 " s  %s  %.*s", l->id,
                  l->machine, l->state, l->delivery ? "," : "", l->delivery ? l->delivery : "",
                  STR_ARG(l->package), STR_ARG(l->resource), (l->expires_ms + 999) / 1000,
                  l->timer ? l->timer : "-", STR_ARG(l->peer.n ? l->peer : STR("-")));
}
