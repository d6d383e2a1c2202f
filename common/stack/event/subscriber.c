// SPDX-License-Identifier: Apache-2.0
// A subscription of this node to somebody's state. The table is the subscriber's of RFC 6665 4.1.2
// with two states more: until it subscribes anew, and while the last NOTIFY is waited for.
#include "base/err.h"
#include "stack/event/event_priv.h"

enum {
    RETRY_MS = 5000, // doubles with each failure in a row
    RETRY_DOUBLES = 6,
    STEADY_MS = 60000, // who was there for so long did not fail
    REFRESH_LEAST_MS = 5000,
    EARLY_S = 600,   // TS 24.229 5.1.1.3
    DRIFT_MS = 2000, // the same expiry, told later
};

static const char *const state_names[SUBSCRIBER_STATES] = {
    "Init", "Notify-wait", "Pending", "Active", "Retry", "Ending", "Terminated"};
static const char *const event_names[SUBSCRIBER_EVENTS] = {
    "start",          "accepted",      "ask again",         "refused", "failed",  "gone",
    "NOTIFY pending", "NOTIFY active", "NOTIFY terminated", "timer N", "refresh", "expired",
    "retry",          "stop",
};

// ---- life ----

static void on_timer(void *arg)
{
    struct subscriber *s = arg;
    enum subscriber_event ev = s->state == SUBSCRIBER_RETRY          ? SE_RETRY
                               : event_now(s->core) >= s->expires_at ? SE_EXPIRED
                                                                     : SE_REFRESH;
    subscriber_step(s, ev, &(struct subscriber_input){.reason = EVENT_TIMEOUT});
}

static void on_timer_n(void *arg)
{
    subscriber_step(arg, SE_TIMER_N, &(struct subscriber_input){.status = 408});
}

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
    subscriber_plan_unref(s->plan);
    mem_free(s);
}

void subscriber_drop(struct subscriber *s)
{
    struct event *e = s->core;
    if (s->listed)
        map_remove(&e->subscribers, s->key, s);
    slots_remove(&e->subscriber_ids, s->id);
    e->n_subscribers--;
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

// ---- time ----

// TS 24.229 5.1.1.3: 600 s before the expiry, or when half of the time is over.
static uint64_t refresh_in(uint64_t left_ms)
{
    uint64_t early = EARLY_S * UINT64_C(1000);
    uint64_t in = left_ms > 2 * early ? left_ms - early : left_ms / 2;
    if (in < REFRESH_LEAST_MS)
        in = REFRESH_LEAST_MS;
    return in < left_ms ? in : left_ms;
}

static uint64_t time_left(const struct subscriber *s)
{
    uint64_t now = event_now(s->core);
    return s->expires_at > now ? s->expires_at - now : 0;
}

// From here on the timer is set for the next SUBSCRIBE, or for the expiry when that comes first.
static void plan_next(struct subscriber *s, uint64_t ms)
{
    s->asked = false;
    timer_start(s->core->loop, &s->timer, ms);
}

void subscriber_set_expiry(struct subscriber *s, uint32_t seconds)
{
    uint64_t at = event_now(s->core) + seconds * UINT64_C(1000);
    uint64_t apart = at > s->expires_at ? at - s->expires_at : s->expires_at - at;
    // A refresh soon after the last one gets the same expiry again, while the timer is set for that
    // very expiry: then it is not left alone.
    bool same = apart <= DRIFT_MS && timer_active(&s->timer) && !s->asked;
    if (same)
        return;
    s->expires_at = at;
    if (s->dialog)
        plan_next(s, refresh_in(time_left(s)));
}

void subscriber_begin(struct subscriber *s)
{
    if (!s->expires_at)
        s->expires_at = event_now(s->core) + s->expires * UINT64_C(1000);
    plan_next(s, refresh_in(time_left(s)));
}

// When to subscribe anew. At once only what did not fail before.
static uint64_t retry_in(struct subscriber *s, const struct subscriber_input *in)
{
    struct event *e = s->core;
    const struct event_reason_row *r = &event_reason_rows[in->reason];
    if (s->began_at && event_now(e) - s->began_at >= STEADY_MS)
        s->failures = 0;
    uint32_t doubles = s->failures < RETRY_DOUBLES ? s->failures : RETRY_DOUBLES;
    bool at_once = !s->failures && s->began_at && !in->retry_after &&
                   (r->again == AGAIN_NOW || in->reason == EVENT_NO_REASON);
    s->failures++;
    if (at_once)
        return 0;
    uint64_t ms = (uint64_t)RETRY_MS << doubles;
    ms += loop_random_u64(e->loop) % (ms / 4);
    uint64_t told = r->retry_after ? in->retry_after * UINT64_C(1000) : 0;
    return ms > told ? ms : told;
}

// ---- guards ----

static int one_shot(void *obj, void *arg)
{
    const struct subscriber *s = obj;
    return s->plan->one_shot;
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

static void watch(struct subscriber *s)
{
    timer_start(s->core->loop, &s->timer_n, s->core->timer_n_ms);
}

static void started(void *obj, void *arg)
{
    watch(obj);
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
        subscriber_step(s, SE_FAILED, &(struct subscriber_input){.status = 503});
    else
        watch(s);
}

static void ask_again(void *obj, void *arg)
{
    struct subscriber *s = obj;
    if (subscriber_send(s, s->expires))
        subscriber_step(s, SE_FAILED, &(struct subscriber_input){.status = 503});
    else if (!s->dialog)
        watch(s);
}

static void note_answer(void *obj, void *arg)
{
    struct subscriber *s = obj;
    const struct subscriber_input *in = arg;
    int64_t granted = sip_msg_expires(in->msg);
    s->attempts = 0;
    if (s->dialog && dialog_matches(s->dialog, in->msg))
        dialog_on_response(s->dialog, in->msg);
    if (granted < 0 && s->asked) // it says nothing of it: what was asked for
        granted = s->expires;
    if (granted > 0)
        subscriber_set_expiry(s, granted < UINT32_MAX ? (uint32_t)granted : UINT32_MAX);
}

static void begin(void *obj, void *arg)
{
    struct subscriber *s = obj;
    s->began_at = event_now(s->core);
}

static void refresh(void *obj, void *arg)
{
    struct subscriber *s = obj;
    timer_start(s->core->loop, &s->timer, time_left(s));
    s->asked = true;
    if (s->request)
        return; // one is under way
    s->attempts = 0;
    if (subscriber_send(s, s->expires))
        subscriber_step(s, SE_FAILED, &(struct subscriber_input){.status = 503});
}

// RFC 6665 4.1.2.2: it is valid until it expires; so long it is tried again.
static void refresh_failed(void *obj, void *arg)
{
    struct subscriber *s = obj;
    const struct subscriber_input *in = arg;
    uint64_t left = time_left(s), ms = refresh_in(left), told = in->retry_after * UINT64_C(1000);
    if (ms < told)
        ms = told;
    plan_next(s, ms < left ? ms : left);
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

static void end_later(void *obj, void *arg)
{
    struct subscriber *s = obj;
    timer_stop(&s->timer);
    timer_start(s->core->loop, &s->timer_n, 0);
}

static void retry(void *obj, void *arg)
{
    struct subscriber *s = obj;
    struct event_end e = end_of(arg);
    e.again = true;
    e.again_ms = retry_in(s, arg);
    timer_stop(&s->timer_n);
    if (s->request)
        ua_forget(s->core->uas, s->request);
    s->request = 0;
    dialog_free(s->dialog);
    s->dialog = NULL;
    timer_start(s->core->loop, &s->timer, e.again_ms);
    if (s->plan->ops->ended)
        s->plan->ops->ended(s->plan->arg, s->id, &e);
}

static void say_leave(struct subscriber *s)
{
    s->leaving = true;
    if (subscriber_send(s, 0))
        timer_start(s->core->loop, &s->timer_n, 0);
}

static void leave(void *obj, void *arg)
{
    struct subscriber *s = obj;
    timer_stop(&s->timer);
    s->attempts = 0;
    watch(s);
    say_leave(s);
}

// The same SUBSCRIBE once more: neither its attempts nor the time for it begin anew.
static void leave_again(void *obj, void *arg)
{
    say_leave(obj);
}

static void leave_when_known(void *obj, void *arg)
{
    struct subscriber *s = obj;
    timer_stop(&s->timer);
}

#define INIT SUBSCRIBER_INIT
#define WAITING SUBSCRIBER_WAITING
#define PENDING SUBSCRIBER_PENDING
#define ACTIVE SUBSCRIBER_ACTIVE
#define RETRY SUBSCRIBER_RETRY
#define ENDING SUBSCRIBER_ENDING
#define TERMINATED SUBSCRIBER_TERMINATED

static const struct fsm_row rows[] = {
    {INIT, SE_START, WAITING, NULL, started, "RFC 6665 4.1.2.1"},
    {WAITING, SE_OK, WAITING, NULL, note_answer, "RFC 6665 4.1.2.1"},
    {WAITING, SE_CHANGED_ASK, WAITING, NULL, ask_again, "RFC 6665 4.1.2.1"},
    {WAITING, SE_REFUSED, TERMINATED, NULL, end, "RFC 6665 4.1.2.1"},
    {WAITING, SE_FAILED, RETRY, may_retry, retry, "RFC 6665 4.1.2.1"},
    {WAITING, SE_FAILED, TERMINATED, NULL, end, "RFC 6665 4.1.2.1"},
    {WAITING, SE_TIMER_N, RETRY, may_retry, retry, "RFC 6665 4.1.2.4"},
    {WAITING, SE_TIMER_N, TERMINATED, NULL, end, "RFC 6665 4.1.2.4"},
    {WAITING, SE_NOTIFY_PENDING, TERMINATED, one_shot, end, "RFC 6665 4.4.3"},
    {WAITING, SE_NOTIFY_PENDING, PENDING, NULL, begin, "RFC 6665 4.1.2.4"},
    {WAITING, SE_NOTIFY_ACTIVE, TERMINATED, one_shot, end, "RFC 6665 4.4.3"},
    {WAITING, SE_NOTIFY_ACTIVE, ACTIVE, NULL, begin, "RFC 6665 4.1.2.4"},
    {WAITING, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3"},
    {WAITING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {WAITING, SE_STOP, ENDING, NULL, leave_when_known, "RFC 6665 4.1.2.3"},
    {PENDING, SE_OK, PENDING, NULL, note_answer, "RFC 6665 4.1.2.2"},
    {PENDING, SE_CHANGED_ASK, PENDING, NULL, ask_again, "RFC 6665 4.1.2.2"},
    {PENDING, SE_REFUSED, PENDING, NULL, refresh_failed, "RFC 6665 4.1.2.2"},
    {PENDING, SE_FAILED, PENDING, NULL, refresh_failed, "RFC 6665 4.1.2.2"},
    {PENDING, SE_GONE, RETRY, may_retry, retry, "RFC 6665 4.1.2.2"},
    {PENDING, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {PENDING, SE_NOTIFY_PENDING, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_NOTIFY_ACTIVE, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3"},
    {PENDING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {PENDING, SE_TIMER_N, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {PENDING, SE_REFRESH, PENDING, NULL, refresh, "RFC 6665 4.1.2.2"},
    {PENDING, SE_EXPIRED, RETRY, may_retry, retry, "RFC 6665 4.1.2.2"},
    {PENDING, SE_EXPIRED, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {PENDING, SE_STOP, ENDING, NULL, leave, "RFC 6665 4.1.2.3"},
    {ACTIVE, SE_OK, ACTIVE, NULL, note_answer, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_CHANGED_ASK, ACTIVE, NULL, ask_again, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_REFUSED, ACTIVE, NULL, refresh_failed, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_FAILED, ACTIVE, NULL, refresh_failed, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_GONE, RETRY, may_retry, retry, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_NOTIFY_PENDING, PENDING, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_NOTIFY_ACTIVE, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_NOTIFY_LAST, RETRY, may_retry, retry, "RFC 6665 4.1.3"},
    {ACTIVE, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.3"},
    {ACTIVE, SE_TIMER_N, ACTIVE, NULL, NULL, "RFC 6665 4.1.2.4"},
    {ACTIVE, SE_REFRESH, ACTIVE, NULL, refresh, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_EXPIRED, RETRY, may_retry, retry, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_EXPIRED, TERMINATED, NULL, end, "RFC 6665 4.1.2.2"},
    {ACTIVE, SE_STOP, ENDING, NULL, leave, "RFC 6665 4.1.2.3"},
    {RETRY, SE_RETRY, WAITING, NULL, start_anew, "RFC 6665 4.1.2.1"},
    {RETRY, SE_STOP, ENDING, NULL, end_later, "RFC 6665 4.1.2.3"},
    {ENDING, SE_OK, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_CHANGED_ASK, ENDING, NULL, leave_again, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_PENDING, ENDING, has_dialog_to_leave, leave, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_PENDING, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_ACTIVE, ENDING, has_dialog_to_leave, leave, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_ACTIVE, ENDING, NULL, NULL, "RFC 6665 4.1.2.3"},
    {ENDING, SE_NOTIFY_LAST, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_TIMER_N, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_REFUSED, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_FAILED, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
    {ENDING, SE_GONE, TERMINATED, NULL, end, "RFC 6665 4.1.2.3"},
};

const struct fsm event_subscriber_fsm = {"subscriber",      state_names,       event_names,
                                         SUBSCRIBER_STATES, SUBSCRIBER_EVENTS, rows,
                                         ARRAY_LEN(rows)};

void subscriber_step(struct subscriber *s, enum subscriber_event ev, struct subscriber_input *in)
{
    (void)fsm_step(&event_subscriber_fsm, &s->state, ev, s, in);
}

// ---- what the owner says ----

int event_subscribe(struct event *e, const struct event_subscription *p, event_id *ret_id)
{
    struct subscriber_plan *plan;
    struct subscriber *s;
    if (e->n_subscribers >= e->limits.own) {
        e->count.limit_own++;
        return ERR_FULL;
    }
    int err = subscriber_plan_new(e, p, &plan);
    if (err)
        return err;
    err = subscriber_new(e, plan, &s);
    if (err) {
        mem_free(plan);
        return err;
    }
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
