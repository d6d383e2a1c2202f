// SPDX-License-Identifier: Apache-2.0
// The machine of a subscription of this node to somebody's state. The table is the subscriber's of
// RFC 6665 4.1.2 with two states more: until it subscribes anew, and while the last NOTIFY is
// waited for.
#include "base/err.h"
#include "stack/event/actions.h"

enum { RETRY_DOUBLES = 6 };

static const char *const state_names[SUBSCRIBER_STATES] = {
    "Init", "Notify-wait", "Pending", "Active", "Retry", "Ending", "Terminated"};
static const char *const event_names[SUBSCRIBER_EVENTS] = {
    "start",
    "taken up",
    "forked",
    "accepted",
    "ask again",
    "refused",
    "failed",
    "gone",
    "unsent",
    "expiry",
    "NOTIFY pending",
    "NOTIFY active",
    "NOTIFY terminated",
    "timer N",
    "refresh",
    "expired",
    "retry",
    "stop",
};

// ---- timers ----

static const struct fsm_timer timers[SUBSCRIBER_TIMERS] = {
    [ST_REFRESH] = {"refresh", SE_REFRESH, ET_refresh}, // so long before the expiry
    [ST_AGAIN] = {"refresh once more", SE_REFRESH, ET_refresh},
    [ST_EXPIRY] = {"expiry", SE_EXPIRED, ET_expiry}, // while a refresh is under way
    [ST_LAST] = {"expiry", SE_EXPIRED, ET_expiry},   // there is no time for a refresh before it
    [ST_RETRY] = {"retry", SE_RETRY, ET_retry},      // doubles
    [ST_N] = {"timer N", SE_TIMER_N, ET_timer_n},
    [ST_SOON] = {"end", SE_TIMER_N, ET_soon},
};

enum { THERE = 1U << ST_REFRESH | 1U << ST_AGAIN | 1U << ST_EXPIRY | 1U << ST_LAST | 1U << ST_N };

static const uint32_t runs[SUBSCRIBER_STATES] = {
    [SUBSCRIBER_WAITING] = 1U << ST_N,
    [SUBSCRIBER_PENDING] = THERE,
    [SUBSCRIBER_ACTIVE] = THERE,
    [SUBSCRIBER_RETRY] = 1U << ST_RETRY,
    [SUBSCRIBER_ENDING] = 1U << ST_N | 1U << ST_SOON,
};

// TS 24.229 5.1.1.3: 600 s before the expiry, or when half of the time is over.
static uint64_t refresh_in(const struct subscriber *s, uint64_t left)
{
    const struct event_timers *t = &s->core->timers;
    uint64_t in = left > 2 * (uint64_t)t->refresh ? left - t->refresh : left / 2;
    return in > t->refresh_least ? in : t->refresh_least;
}

// When to subscribe anew. At once only what did not fail before.
static uint64_t retry_in(struct subscriber *s)
{
    struct event *e = s->core;
    const struct event_reason_row *r = &event_reason_rows[s->reason];
    if (s->began_at && event_now(e) - s->began_at >= e->timers.steady)
        s->failures = 0;
    uint32_t doubles = s->failures < RETRY_DOUBLES ? s->failures : RETRY_DOUBLES;
    bool at_once = !s->failures && s->began_at && !s->retry_after &&
                   (r->again == AGAIN_NOW || s->reason == EVENT_NO_REASON);
    s->failures++;
    if (at_once)
        return 0;
    uint64_t ms = (uint64_t)e->timers.retry << doubles;
    ms += loop_random_u64(e->loop) % (ms / 4);
    uint64_t told = r->retry_after ? s->retry_after * UINT64_C(1000) : 0;
    return ms > told ? ms : told;
}

static void arm_refresh(struct subscriber *s, unsigned timer)
{
    uint64_t left = subscriber_left(s), ms = refresh_in(s, left);
    uint64_t told = timer == ST_AGAIN ? s->retry_after * UINT64_C(1000) : 0;
    if (ms < told)
        ms = told;
    if (ms < left)
        subscriber_run(s, timer, ms);
    else
        subscriber_run(s, ST_LAST, left);
}

static void arm(void *obj, unsigned timer)
{
    struct subscriber *s = obj;
    switch (timer) {
    case ST_REFRESH:
    case ST_AGAIN:
        arm_refresh(s, timer);
        break;
    case ST_EXPIRY:
        subscriber_run(s, timer, subscriber_left(s));
        break;
    case ST_RETRY:
        s->again_ms = (uint32_t)retry_in(s);
        subscriber_run(s, timer, s->again_ms);
        break;
    default:
        subscriber_run(s, timer, event_timer_ms(&s->core->timers, timers[timer].lasts));
        break;
    }
}

// ---- guards ----

static int one_shot(void *obj, void *arg)
{
    const struct subscriber *s = obj;
    return s->plan->one_shot;
}

static int is_pending(void *obj, void *arg)
{
    return ((const struct subscriber_input *)arg)->pending;
}

static int may_retry(void *obj, void *arg)
{
    const struct subscriber *s = obj;
    const struct subscriber_input *in = arg;
    return s->plan->keep && !s->fork && event_reason_rows[in->reason].again != AGAIN_NEVER;
}

// Has the end been asked for, or is there nothing that could be ended?
static int has_left(void *obj, void *arg)
{
    const struct subscriber *s = obj;
    return s->leaving || !s->dialog;
}

static int has_dialog_to_leave(void *obj, void *arg)
{
    return !has_left(obj, arg);
}

// ---- actions ----

static void unsent(struct subscriber *s)
{
    subscriber_step(s, SE_FAILED, &(struct subscriber_input){.status = 503});
}

// RFC 6665 4.1.2.1: an unrelated SUBSCRIBE, with a Call-ID and tag of its own.
static void start_anew(void *obj, void *arg)
{
    struct subscriber *s = obj;
    int err = subscriber_new_dialog(s);
    if (!err)
        err = subscriber_send(s, s->expires);
    s->core->count.resubscribed++;
    if (err)
        unsent(s);
}

static void ask_again(void *obj, void *arg)
{
    struct subscriber *s = obj;
    if (subscriber_send(s, s->expires))
        unsent(s);
}

static void note_answer(void *obj, void *arg)
{
    struct subscriber *s = obj;
    const struct subscriber_input *in = arg;
    int64_t granted = sip_msg_expires(in->msg);
    s->attempts = 0;
    if (s->dialog && dialog_matches(s->dialog, in->msg) &&
        event_target_bytes(in->msg) <= EVENT_DIALOG_MAX)
        dialog_on_response(s->dialog, in->msg);
    if (granted < 0 && subscriber_asked(s)) // it says nothing of it: what was asked for
        granted = s->expires;
    if (granted > 0)
        subscriber_set_expiry(s, (uint64_t)granted);
}

static void begin(void *obj, void *arg)
{
    struct subscriber *s = obj;
    s->began_at = event_now(s->core);
    subscriber_save(s);
}

static void save(void *obj, void *arg)
{
    subscriber_save(obj);
}

static void refresh(void *obj, void *arg)
{
    struct subscriber *s = obj;
    if (s->request)
        return; // one is under way
    s->attempts = 0;
    if (subscriber_send(s, s->expires))
        unsent(s);
}

static struct event_end end_of(const struct subscriber_input *in)
{
    return (struct event_end){.status = in->status, .reason = in->reason, .msg = in->msg};
}

static void end(void *obj, void *arg)
{
    struct subscriber *s = obj;
    const struct event_subscriber_ops *ops = s->plan->ops;
    void *owner = s->plan->arg;
    event_id id = s->id;
    struct event_end e = end_of(arg);
    subscriber_drop(s);
    if (ops->ended)
        ops->ended(owner, id, &e);
}

static void retry(void *obj, void *arg)
{
    struct subscriber *s = obj;
    struct event_end e = end_of(arg);
    e.again = true;
    e.again_ms = s->again_ms;
    if (s->request)
        ua_forget(s->core->uas, s->request);
    s->request = 0;
    subscriber_set_dialog(s, NULL, 0);
    if (s->plan->ops->ended)
        s->plan->ops->ended(s->plan->arg, s->id, &e);
}

// The same SUBSCRIBE once more: neither its attempts nor the time for it begin anew.
static void leave_again(void *obj, void *arg)
{
    struct subscriber *s = obj;
    s->leaving = true;
    if (subscriber_send(s, 0))
        subscriber_step(s, SE_UNSENT, NULL);
}

static void leave(void *obj, void *arg)
{
    struct subscriber *s = obj;
    s->attempts = 0;
    leave_again(s, arg);
}

#define INIT SUBSCRIBER_INIT
#define WAITING SUBSCRIBER_WAITING
#define PENDING SUBSCRIBER_PENDING
#define ACTIVE SUBSCRIBER_ACTIVE
#define RETRY SUBSCRIBER_RETRY
#define ENDING SUBSCRIBER_ENDING
#define TERMINATED SUBSCRIBER_TERMINATED

static const struct fsm_row rows[] = {
    {INIT, SE_START, WAITING, NULL, NULL, "RFC 6665 4.1.2.1", {ST_N}},
    {INIT, SE_FORKED, WAITING, NULL, NULL, "RFC 6665 4.4.1", {ST_N}},
    {INIT, SE_TAKEN_UP, PENDING, is_pending, NULL, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {INIT, SE_TAKEN_UP, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {WAITING, SE_OK, WAITING, NULL, note_answer, "RFC 6665 4.1.2.1"},
    {WAITING, SE_EXPIRY, WAITING, NULL, NULL, "RFC 6665 4.1.2.1"},
    {WAITING, SE_CHANGED_ASK, WAITING, NULL, ask_again, "RFC 6665 4.1.2.1", {ST_N}},
    {WAITING, SE_REFUSED, TERMINATED, NULL, end, "RFC 6665 4.1.2.1"},
    {WAITING, SE_FAILED, RETRY, may_retry, retry, "RFC 6665 4.1.2.1", {ST_RETRY}},
    {WAITING, SE_FAILED, TERMINATED, NULL, end, "RFC 6665 4.1.2.1"},
    {WAITING, SE_TIMER_N, RETRY, may_retry, retry, "RFC 6665 4.1.2.4", {ST_RETRY}},
    {WAITING, SE_TIMER_N, TERMINATED, NULL, end, "RFC 6665 4.1.2.4"},
    {WAITING, SE_NOTIFY_PENDING, TERMINATED, one_shot, end, "RFC 6665 4.4.3"},
    {WAITING, SE_NOTIFY_PENDING, PENDING, NULL, begin, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {WAITING, SE_NOTIFY_ACTIVE, TERMINATED, one_shot, end, "RFC 6665 4.4.3"},
    {WAITING, SE_NOTIFY_ACTIVE, ACTIVE, NULL, begin, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {WAITING, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3", {ST_RETRY}},
    {WAITING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {WAITING, SE_STOP, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"}, // once its dialog is known
    {PENDING, SE_OK, PENDING, NULL, note_answer, "RFC 6665 4.1.2.2"},
    {PENDING, SE_EXPIRY, PENDING, NULL, save, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {PENDING, SE_CHANGED_ASK, PENDING, NULL, ask_again, "RFC 6665 4.1.2.2"},
    {PENDING, SE_REFUSED, PENDING, NULL, NULL, "RFC 6665 4.1.2.2", {ST_AGAIN}},
    {PENDING, SE_FAILED, PENDING, NULL, NULL, "RFC 6665 4.1.2.2", {ST_AGAIN}},
    {PENDING, SE_GONE, RETRY, may_retry, retry, "RFC 6665 4.1.2.2", {ST_RETRY}},
    {PENDING, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {PENDING, SE_NOTIFY_PENDING, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_NOTIFY_ACTIVE, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3", {ST_RETRY}},
    {PENDING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {PENDING, SE_TIMER_N, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_REFRESH, PENDING, NULL, refresh, "RFC 6665 4.1.2.2", {ST_EXPIRY}},
    {PENDING, SE_EXPIRED, RETRY, may_retry, retry, "RFC 6665 4.1.2.2", {ST_RETRY}},
    {PENDING, SE_EXPIRED, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {PENDING, SE_STOP, ENDING, NULL, leave, "RFC 6665 4.1.2.3", {ST_N}},
    {ACTIVE, SE_OK, ACTIVE, NULL, note_answer, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_EXPIRY, ACTIVE, NULL, save, "RFC 6665 4.1.2.4", {ST_REFRESH}},
    {ACTIVE, SE_CHANGED_ASK, ACTIVE, NULL, ask_again, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_REFUSED, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.2", {ST_AGAIN}},
    {ACTIVE, SE_FAILED, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.2", {ST_AGAIN}},
    {ACTIVE, SE_GONE, RETRY, may_retry, retry, "RFC 6665 4.1.2.2", {ST_RETRY}},
    {ACTIVE, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_NOTIFY_PENDING, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_NOTIFY_ACTIVE, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3", {ST_RETRY}},
    {ACTIVE, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {ACTIVE, SE_TIMER_N, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_REFRESH, ACTIVE, NULL, refresh, "RFC 6665 4.1.2.2", {ST_EXPIRY}},
    {ACTIVE, SE_EXPIRED, RETRY, may_retry, retry, "RFC 6665 4.1.2.2", {ST_RETRY}},
    {ACTIVE, SE_EXPIRED, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_STOP, ENDING, NULL, leave, "RFC 6665 4.1.2.3", {ST_N}},
    {RETRY, SE_RETRY, WAITING, NULL, start_anew, "RFC 6665 4.1.2.1", {ST_N}},
    {RETRY, SE_STOP, ENDING, NULL, NULL, "RFC 6665 4.1.2.3", {ST_SOON}},
    {ENDING, SE_OK, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_EXPIRY, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_UNSENT, ENDING, NULL, NULL, "RFC 6665 4.1.2.3", {ST_SOON}},
    {ENDING, SE_CHANGED_ASK, ENDING, NULL, leave_again, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_PENDING, ENDING, has_dialog_to_leave, leave, "RFC 6665 4.1.2.3", {ST_N}},
    {ENDING, SE_NOTIFY_PENDING, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_ACTIVE, ENDING, has_dialog_to_leave, leave, "RFC 6665 4.1.2.3", {ST_N}},
    {ENDING, SE_NOTIFY_ACTIVE, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_TIMER_N, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_REFUSED, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_FAILED, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
};

const struct fsm event_subscriber_fsm = {.name = "subscriber",
                                         .states = state_names,
                                         .events = event_names,
                                         .n_states = SUBSCRIBER_STATES,
                                         .n_events = SUBSCRIBER_EVENTS,
                                         .rows = rows,
                                         .n_rows = ARRAY_LEN(rows),
                                         .first = SUBSCRIBER_INIT,
                                         .timers = timers,
                                         .runs = runs,
                                         .arm = arm,
                                         .stop = subscriber_stop};
