// SPDX-License-Identifier: Apache-2.0
// A subscription of this node to somebody's state: what it keeps, where it is found, its timers.
#include "base/err.h"
#include "stack/event/event_priv.h"

// ---- machine ----

// The rows' timers may last as long as the other side said with the event.
void subscriber_step(struct subscriber *s, enum subscriber_event ev, struct subscriber_input *in)
{
    s->reason = in ? (uint8_t)in->reason : EVENT_NO_REASON;
    s->retry_after = in ? in->retry_after : 0;
    (void)fsm_step(s->core->machines->subscriber, &s->state, ev, s, in);
}

static void run_out(struct subscriber *s, uint8_t *which)
{
    static const struct subscriber_input ends[SUBSCRIBER_TIMERS] = {
        [ST_EXPIRY] = {.reason = EVENT_TIMEOUT},
        [ST_LAST] = {.reason = EVENT_TIMEOUT},
        [ST_N] = {.status = 408},
        [ST_SOON] = {.status = 408}};
    uint8_t timer = *which;
    struct subscriber_input in = ends[timer];
    *which = ST_NONE;
    subscriber_step(s, (enum subscriber_event)s->core->machines->subscriber->timers[timer].event,
                    &in);
}

static void on_timer(void *arg)
{
    struct subscriber *s = arg;
    run_out(s, &s->timer_is);
}

static void on_timer_n(void *arg)
{
    struct subscriber *s = arg;
    run_out(s, &s->timer_n_is);
}

void subscriber_run(struct subscriber *s, enum subscriber_timer t, uint64_t ms)
{
    bool end = t == ST_N || t == ST_SOON;
    *(end ? &s->timer_n_is : &s->timer_is) = (uint8_t)t;
    timer_start(s->core->loop, end ? &s->timer_n : &s->timer, ms);
}

static void stop_one(struct timer *t, uint8_t *which, uint32_t runs)
{
    if (!*which || runs & UINT32_C(1) << *which)
        return;
    timer_stop(t);
    *which = ST_NONE;
}

void subscriber_stop(void *subscriber, uint32_t runs)
{
    struct subscriber *s = subscriber;
    stop_one(&s->timer, &s->timer_is, runs);
    stop_one(&s->timer_n, &s->timer_n_is, runs);
}

// ---- life ----

int subscriber_new(struct event *e, struct subscriber_plan *plan, struct subscriber **ret_s)
{
    struct subscriber *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->id = slots_add(&e->subscriber_ids, s);
    if (!s->id) {
        mem_free(s);
        return ERR_NOMEM;
    }
    s->core = e;
    s->plan = plan;
    s->expires = plan->expires;
    plan->refs++;
    fsm_start(e->machines->subscriber, &s->state);
    timer_init(&s->timer, on_timer, s);
    timer_init(&s->timer_n, on_timer_n, s);
    e->n_subscribers++;
    *ret_s = s;
    return 0;
}

void subscriber_free(struct subscriber *s)
{
    timer_stop(&s->timer);
    timer_stop(&s->timer_n);
    if (s->request)
        ua_forget(s->core->uas, s->request);
    dialog_free(s->dialog);
    subscriber_plan_unref(s->core, s->plan);
    mem_free(s);
}

void subscriber_drop(struct subscriber *s)
{
    struct event *e = s->core;
    if (s->listed)
        map_remove(&e->subscribers, s->key, s);
    slots_remove(&e->subscriber_ids, s->id);
    e->n_subscribers--;
    e->subscriber_bytes -= s->bytes;
    s->plan->n_forks -= s->fork && s->plan->n_forks;
    subscriber_free(s);
}

int subscriber_enter(struct subscriber *s)
{
    struct map *m = &s->core->subscribers;
    uint64_t key =
        event_key(str_make(s->call_id, sizeof s->call_id), str_make(s->tag, sizeof s->tag));
    int err = map_add(m, key, s);
    if (err)
        return err; // it stays where it was: event_free finds all of them there
    if (s->listed)
        map_remove(m, s->key, s);
    s->key = key;
    s->listed = true;
    return 0;
}

void subscriber_set_dialog(struct subscriber *s, struct dialog *d, size_t bytes)
{
    if (s->dialog != d)
        dialog_free(s->dialog);
    s->dialog = d;
    s->core->subscriber_bytes += bytes - s->bytes;
    s->bytes = (uint32_t)bytes;
}

void subscriber_save(struct subscriber *s)
{
    if (s->plan->ops->save && !s->fork && !s->plan->flow)
        s->plan->ops->save(s->plan->arg, s->id);
}

// ---- time ----

uint64_t subscriber_left(const struct subscriber *s)
{
    uint64_t now = event_now(s->core);
    return s->expires_at > now ? s->expires_at - now : 0;
}

// A refresh soon after the last one gets the same expiry again, while the timer is set for that
// very expiry: then it is not left alone.
void subscriber_set_expiry(struct subscriber *s, uint64_t seconds)
{
    uint64_t said = seconds < EVENT_EXPIRES_MAX_S ? seconds : EVENT_EXPIRES_MAX_S;
    uint64_t at = event_now(s->core) + said * 1000;
    uint64_t apart = at > s->expires_at ? at - s->expires_at : s->expires_at - at;
    bool planned = s->timer_is && s->timer_is != ST_EXPIRY;
    if (planned && apart <= s->core->timers.drift)
        return;
    s->expires_at = at;
    subscriber_step(s, SE_EXPIRY, NULL);
}
