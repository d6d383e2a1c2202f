// SPDX-License-Identifier: Apache-2.0
// What the owner of the core says: of states that are told here, and of subscriptions of his own.
#include "base/err.h"
#include "stack/event/exchange.h"

// ---- notifier ----

static void step_all(struct event *e, struct resource *r, enum notifier_event ev,
                     struct notifier_input *in)
{
    struct resource_walk w;
    resource_walk_begin(r, &w);
    for (struct notifier *n; (n = resource_walk_next(r, &w));)
        notifier_step(n, ev, in);
    resource_walk_end(e, r, &w);
}

void event_changed(struct event *e, const struct event_package *p, struct str resource)
{
    struct resource *r = resource_find(e, p, resource);
    if (r)
        step_all(e, r, NE_CHANGED, NULL);
}

static struct notifier_input end_input(enum event_reason reason, uint32_t retry_after)
{
    return (struct notifier_input){
        .reason = reason,
        .retry_after = event_reason_rows[reason].retry_after ? retry_after : 0,
        .refusal = {.status = 404, .cause = "the resource is gone"},
    };
}

void event_end(struct event *e, const struct event_package *p, struct str resource,
               enum event_reason reason, uint32_t retry_after)
{
    struct resource *r = resource_find(e, p, resource);
    struct notifier_input in = end_input(reason, retry_after);
    if (r)
        step_all(e, r, NE_END, &in);
}

void event_end_one(struct event *e, event_id id, enum event_reason reason, uint32_t retry_after)
{
    struct notifier *n = slots_find(&e->notifier_ids, id);
    struct notifier_input in = end_input(reason, retry_after);
    if (n)
        notifier_step(n, NE_END, &in);
}

int event_authorise(struct event *e, event_id id, enum event_verdict v,
                    const struct event_refusal *refusal)
{
    static const enum notifier_event events[] = {
        [EVENT_ALLOW] = NE_ALLOWED, [EVENT_PENDING] = NE_PENDING, [EVENT_REFUSE] = NE_REFUSED};
    struct notifier *n = slots_find(&e->notifier_ids, id);
    struct notifier_input in = {.refusal = {.status = 403}};
    if (!n)
        return ERR_NOTFOUND;
    if (v == EVENT_WAIT)
        return ERR_INVAL;
    if (n->state == NOTIFIER_INIT)
        return ERR_STATE; // the package is being asked: its verdict is what it returns
    if (refusal)
        in.refusal = *refusal;
    if (!in.refusal.status)
        in.refusal.status = 403;
    notifier_step(n, events[v], &in);
    return 0;
}

size_t event_count(const struct event *e, const struct event_package *p, struct str resource)
{
    const struct resource *r = resource_find(e, p, resource);
    return r ? r->n_subs : 0;
}

int event_set_note(struct event *e, event_id id, struct str note)
{
    struct notifier *n = slots_find(&e->notifier_ids, id);
    if (!n)
        return ERR_NOTFOUND;
    if (note.n > EVENT_NOTE_MAX)
        return ERR_TOOBIG;
    return notifier_set_texts(n, notifier_event_id(n), notifier_instance(n), note);
}

struct str event_note(const struct event *e, event_id id)
{
    const struct notifier *n = slots_find(&e->notifier_ids, id);
    return n ? notifier_note(n) : STR_NONE;
}

// ---- subscriber ----

static int start(struct event *e, struct subscriber_plan *plan, event_id *ret_id)
{
    struct subscriber *s;
    int err = subscriber_new(e, plan, &s);
    if (err)
        return err;
    err = subscriber_new_dialog(s);
    if (!err)
        err = subscriber_send(s, s->expires);
    if (err) {
        subscriber_drop(s);
        return err;
    }
    subscriber_step(s, SE_START, NULL);
    *ret_id = s->id;
    return 0;
}

int event_subscribe(struct event *e, const struct event_subscription *p, event_id *ret_id)
{
    struct subscriber_plan *plan;
    if (e->n_subscribers >= e->limits.own) {
        e->count.limit_own++;
        return ERR_FULL;
    }
    int err = subscriber_plan_new(e, p, &plan);
    if (err)
        return err;
    err = start(e, plan, ret_id);
    subscriber_plan_unref(e, plan);
    return err;
}

int event_unsubscribe(struct event *e, event_id id)
{
    struct subscriber *s = slots_find(&e->subscriber_ids, id);
    if (!s)
        return ERR_NOTFOUND;
    subscriber_step(s, SE_STOP, NULL);
    return 0;
}

int event_refresh(struct event *e, event_id id, uint32_t expires)
{
    struct subscriber *s = slots_find(&e->subscriber_ids, id);
    if (!s || s->request || (s->state != SUBSCRIBER_PENDING && s->state != SUBSCRIBER_ACTIVE))
        return s ? ERR_STATE : ERR_NOTFOUND;
    if (expires)
        s->expires = expires;
    subscriber_step(s, SE_REFRESH, NULL);
    return 0;
}

void event_forget(struct event *e, event_id id)
{
    struct subscriber *s = slots_find(&e->subscriber_ids, id);
    if (s)
        subscriber_drop(s);
}

struct str event_call_id(const struct event *e, event_id id)
{
    const struct subscriber *s = slots_find(&e->subscriber_ids, id);
    return s ? str_make(s->call_id, sizeof s->call_id) : STR_NONE;
}
