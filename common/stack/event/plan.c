// SPDX-License-Identifier: Apache-2.0
// What a subscription is made from: one block, shared with those that a forked SUBSCRIBE makes.
#include "base/err.h"
#include "stack/event/event_priv.h"

enum { DEFAULT_EXPIRES = 3600 };

static struct str keep(struct writer *w, struct str s)
{
    struct str copy = str_make(w->p + w->n, s.n);
    writer_str(w, s);
    return copy;
}

// The package's media types as a value of Accept.
static struct str types_text(struct arena *a, const struct event_package *p)
{
    struct arena_buf b = arena_buf_init(a);
    for (size_t i = 0; p && i < p->n_types; i++)
        arena_buf_item(&b, STR(", "), p->types[i]);
    return arena_buf_done(&b);
}

static uint32_t wanted(const struct event_subscription *p, const struct event_package *package)
{
    if (p->one_shot)
        return 0;
    return p->expires ? p->expires : package ? package->default_s : DEFAULT_EXPIRES;
}

static struct subscriber_plan *fill(const struct event_subscription *p, struct str accept)
{
    size_t n = p->event.n + p->event_id.n + p->params.n + accept.n + p->uri.n + p->from.n +
               p->to.n + p->contact.n + p->next_hop.n;
    struct subscriber_plan *plan = mem_zalloc(sizeof *plan + n);
    if (!plan)
        return NULL;
    struct writer w = writer_init(plan->texts, n);
    plan->n_texts = (uint32_t)n;
    plan->event = keep(&w, p->event);
    plan->event_id = keep(&w, p->event_id);
    plan->params = keep(&w, p->params);
    plan->accept = keep(&w, accept);
    plan->uri = keep(&w, p->uri);
    plan->from = keep(&w, p->from);
    plan->to = keep(&w, p->to);
    plan->contact = keep(&w, p->contact);
    plan->next_hop = keep(&w, p->next_hop);
    return plan;
}

int subscriber_plan_new(struct event *e, const struct event_subscription *p,
                        struct subscriber_plan **ret_plan)
{
    char room[256];
    struct arena a;
    if (!p->event.n || !p->uri.n || !p->from.n || !p->to.n || !p->contact.n || !p->ops ||
        !p->ops->state)
        return ERR_INVAL;
    const struct event_package *package = event_package_find(e, p->event);
    arena_init(&a, room, sizeof room);
    struct str accept = p->accept.n ? p->accept : types_text(&a, package);
    struct subscriber_plan *plan = accept.p ? fill(p, accept) : NULL;
    arena_done(&a);
    if (!plan)
        return ERR_NOMEM;
    plan->package = package;
    plan->ops = p->ops;
    plan->arg = p->arg;
    plan->flow = p->flow;
    plan->one_shot = p->one_shot;
    plan->keep = p->keep && !p->one_shot;
    plan->forks = p->forks;
    plan->expires = wanted(p, package);
    plan->refs = 1;
    e->subscriber_bytes += plan->n_texts;
    *ret_plan = plan;
    return 0;
}

void subscriber_plan_unref(struct event *e, struct subscriber_plan *plan)
{
    if (!plan || --plan->refs)
        return;
    e->subscriber_bytes -= plan->n_texts;
    mem_free(plan);
}
