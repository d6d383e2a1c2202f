// SPDX-License-Identifier: Apache-2.0
// The machine of a subscription to a resource of this node: from the SUBSCRIBE that made it to its
// last NOTIFY. The table is the notifier's of RFC 6665 4.2.1 with two states more: while the
// package has not said whether he may, and while the last NOTIFY has to wait for the one before it.
#include "stack/event/actions.h"

static const char *const state_names[NOTIFIER_STATES] = {"Init",   "Waiting", "Pending",
                                                         "Active", "Ending",  "Terminated"};
static const char *const event_names[NOTIFIER_EVENTS] = {
    "allowed", "pending", "wait",     "refused", "late",     "refresh", "unsubscribe", "changed",
    "expired", "end",     "replaced", "renewed", "answered", "lost",    "taken up",
};

// ---- timers ----

static const struct fsm_timer timers[NOTIFIER_TIMERS] = {
    [NT_EXPIRY] = {"expiry", NE_EXPIRED, ET_expiry},
    [NT_VERDICT] = {"verdict", NE_LATE, ET_verdict},
};

static const uint32_t runs[NOTIFIER_STATES] = {
    [NOTIFIER_WAITING] = 1U << NT_VERDICT,
    [NOTIFIER_PENDING] = 1U << NT_EXPIRY,
    [NOTIFIER_ACTIVE] = 1U << NT_EXPIRY,
};

static void arm(void *obj, unsigned timer)
{
    struct notifier *n = obj;
    uint64_t ms = event_timer_ms(&n->core->timers, timers[timer].lasts);
    if (timer == NT_EXPIRY) {
        ms = n->granted * UINT64_C(1000);
        n->expires_at = event_now(n->core) + ms;
    }
    notifier_run(n, timer, ms);
}

// ---- guards ----

static int is_fetch(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return n->granted == 0;
}

static int is_cleared(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return n->cleared;
}

// RFC 6665 4.2.2: the next NOTIFY waits until the one before it has its response.
static int is_busy(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return n->notify != 0;
}

// ---- answers ----

// The SUBSCRIBE that is not answered yet: the one with the event, or the one that waits.
static struct asking *request_of(struct notifier *n, const struct notifier_input *in,
                                 struct asking *room)
{
    if (in && in->request)
        return in->request;
    if (!n->held)
        return NULL;
    asking_resume(n->core, n->held, room);
    return room;
}

// Only what is accepted makes the older one go.
static void make_room(struct notifier *n)
{
    struct notifier *old = slots_find(&n->core->notifier_ids, n->replaces);
    enum notifier_event ev = n->renews ? NE_RENEWED : NE_REPLACED;
    n->replaces = 0;
    if (old)
        notifier_step(old, ev, NULL);
}

// Answers the first SUBSCRIBE; false, and n is gone, when nobody heard that it was accepted.
static bool accept_first(struct notifier *n, const struct notifier_input *in)
{
    struct asking room, *p = request_of(n, in, &room);
    if (!p || asking_accept(p, n, n->granted)) {
        notifier_drop(n);
        return false;
    }
    held_free(n->held);
    n->held = NULL;
    n->core->count.subscribed++;
    return true;
}

static void say_last(struct notifier *n, enum event_reason reason)
{
    n->reason = (uint8_t)reason;
    notifier_notify_last(n);
    notifier_drop(n);
}

// Tells the whole state, and has the record written; the package may end n in each of them.
static void tell(struct notifier *n)
{
    struct event *e = n->core;
    event_id id = n->id;
    n->whole = true;
    delivery_step(n, DE_TELL);
    notifier_save(e, id);
}

// Whoever has made room may take n along, who has heard nothing of the state yet.
static void start(struct notifier *n, const struct notifier_input *in, bool cleared)
{
    struct event *e = n->core;
    event_id id = n->id;
    if (!accept_first(n, in))
        return;
    make_room(n);
    if (!slots_find(&e->notifier_ids, id))
        return;
    n->cleared = cleared;
    tell(n);
}

static void begin(void *obj, void *arg)
{
    start(obj, arg, true);
}

static void begin_pending(void *obj, void *arg)
{
    start(obj, arg, false);
}

// A fetch keeps nothing, so nobody makes room for it.
static void fetch(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (!accept_first(n, arg))
        return;
    n->cleared = true;
    say_last(n, EVENT_TIMEOUT);
}

static void fetch_nothing(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (accept_first(n, arg))
        say_last(n, EVENT_GIVEUP);
}

static const struct event_refusal no_memory = {.status = 500, .cause = "out of memory"};

static void wait_for_verdict(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    if (!asking_hold(in->request, &n->held))
        return;
    asking_refuse(in->request, &no_memory, resource_name(n->resource));
    notifier_drop(n);
}

static void refuse_first(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    struct asking room, *p = request_of(n, in, &room);
    if (p)
        asking_refuse(p, &in->refusal, resource_name(n->resource));
    notifier_drop(n);
}

// ---- a subscription that is there ----

static void clear(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->cleared = true;
    tell(n);
}

static void changed(void *obj, void *arg)
{
    delivery_step(obj, DE_CHANGED);
}

// RFC 6665 4.2.1.4: each SUBSCRIBE is followed by a NOTIFY with the whole state.
static void refresh(void *obj, void *arg)
{
    tell(obj);
}

static void note_end(struct notifier *n, const struct notifier_input *in)
{
    n->reason = (uint8_t)in->reason;
    n->retry_after = in->retry_after;
}

// Its owner may have nothing left to tell when the NOTIFY under way is over.
static void end_soon(void *obj, void *arg)
{
    note_end(obj, arg);
    notifier_keep_last(obj);
}

static void end_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    n->retry_after = in->retry_after;
    say_last(n, in->reason);
}

static const struct notifier_input timed_out = {.reason = EVENT_TIMEOUT};

static void leave_soon(void *obj, void *arg)
{
    note_end(obj, &timed_out);
}

static void leave_now(void *obj, void *arg)
{
    say_last(obj, EVENT_TIMEOUT);
}

static void expire_soon(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.expired++;
    leave_soon(obj, arg);
}

static void expire_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.expired++;
    say_last(n, EVENT_TIMEOUT);
}

static void refuse_soon(void *obj, void *arg)
{
    note_end(obj, &(struct notifier_input){.reason = EVENT_REJECTED});
}

static void refuse_now(void *obj, void *arg)
{
    say_last(obj, EVENT_REJECTED);
}

static void last_word(void *obj, void *arg)
{
    struct notifier *n = obj;
    say_last(n, n->reason);
}

// Room is wanted at once: a NOTIFY under way is not waited for. Whoever is there still may
// subscribe anew, but not at once: he would take the room back.
static void replace(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->retry_after = n->core->timers.comes_back / 1000;
    if (n->notify)
        notifier_drop(n);
    else
        say_last(n, EVENT_PROBATION);
}

static void drop(void *obj, void *arg)
{
    notifier_drop(obj);
}

// The same instance has begun anew: who would read a last NOTIFY has forgotten this dialog.
static void renew(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.renewed++;
    notifier_drop(n);
}

#define INIT NOTIFIER_INIT
#define WAITING NOTIFIER_WAITING
#define PENDING NOTIFIER_PENDING
#define ACTIVE NOTIFIER_ACTIVE
#define ENDING NOTIFIER_ENDING
#define TERMINATED NOTIFIER_TERMINATED

static const struct fsm_row rows[] = {
    {INIT, NE_ALLOWED, TERMINATED, is_fetch, fetch, "RFC 6665 4.4.3"},
    {INIT, NE_ALLOWED, ACTIVE, NULL, begin, "RFC 6665 4.2.1.2", {NT_EXPIRY}},
    {INIT, NE_PENDING, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {INIT, NE_PENDING, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3", {NT_EXPIRY}},
    {INIT, NE_WAIT, WAITING, NULL, wait_for_verdict, "RFC 6665 4.2.1.3", {NT_VERDICT}},
    {INIT, NE_REFUSED, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {INIT, NE_TAKEN_UP, ACTIVE, is_cleared, NULL, "RFC 6665 4.2.1.2", {NT_EXPIRY}},
    {INIT, NE_TAKEN_UP, PENDING, NULL, NULL, "RFC 6665 4.2.1.2", {NT_EXPIRY}},
    {WAITING, NE_ALLOWED, TERMINATED, is_fetch, fetch, "RFC 6665 4.4.3"},
    {WAITING, NE_ALLOWED, ACTIVE, NULL, begin, "RFC 6665 4.2.1.2", {NT_EXPIRY}},
    {WAITING, NE_PENDING, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {WAITING, NE_PENDING, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3", {NT_EXPIRY}},
    {WAITING, NE_LATE, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {WAITING, NE_LATE, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3", {NT_EXPIRY}},
    {WAITING, NE_REFUSED, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {WAITING, NE_CHANGED, WAITING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {WAITING, NE_END, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {PENDING, NE_ALLOWED, ACTIVE, NULL, clear, "RFC 6665 4.2.1.3"},
    {PENDING, NE_PENDING, PENDING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFUSED, ENDING, is_busy, refuse_soon, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFUSED, TERMINATED, NULL, refuse_now, "RFC 6665 4.2.1.3"},
    {PENDING, NE_CHANGED, PENDING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFRESH, PENDING, NULL, refresh, "RFC 6665 4.2.1.4", {NT_EXPIRY}},
    {PENDING, NE_UNSUBSCRIBE, ENDING, is_busy, leave_soon, "RFC 6665 4.1.2.3"},
    {PENDING, NE_UNSUBSCRIBE, TERMINATED, NULL, leave_now, "RFC 6665 4.1.2.3"},
    {PENDING, NE_EXPIRED, ENDING, is_busy, expire_soon, "RFC 6665 4.2.1.4"},
    {PENDING, NE_EXPIRED, TERMINATED, NULL, expire_now, "RFC 6665 4.2.1.4"},
    {PENDING, NE_END, ENDING, is_busy, end_soon, "RFC 6665 4.2.2"},
    {PENDING, NE_END, TERMINATED, NULL, end_now, "RFC 6665 4.2.2"},
    {PENDING, NE_REPLACED, TERMINATED, NULL, replace, "RFC 6665 4.2.2"},
    {PENDING, NE_RENEWED, TERMINATED, NULL, renew, "RFC 6665 4.2.2"},
    {PENDING, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ACTIVE, NE_CHANGED, ACTIVE, NULL, changed, "RFC 6665 4.2.2"},
    {ACTIVE, NE_ALLOWED, ACTIVE, NULL, NULL, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFUSED, ENDING, is_busy, refuse_soon, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFUSED, TERMINATED, NULL, refuse_now, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFRESH, ACTIVE, NULL, refresh, "RFC 6665 4.2.1.4", {NT_EXPIRY}},
    {ACTIVE, NE_UNSUBSCRIBE, ENDING, is_busy, leave_soon, "RFC 6665 4.1.2.3"},
    {ACTIVE, NE_UNSUBSCRIBE, TERMINATED, NULL, leave_now, "RFC 6665 4.1.2.3"},
    {ACTIVE, NE_EXPIRED, ENDING, is_busy, expire_soon, "RFC 6665 4.2.1.4"},
    {ACTIVE, NE_EXPIRED, TERMINATED, NULL, expire_now, "RFC 6665 4.2.1.4"},
    {ACTIVE, NE_END, ENDING, is_busy, end_soon, "RFC 6665 4.2.2"},
    {ACTIVE, NE_END, TERMINATED, NULL, end_now, "RFC 6665 4.2.2"},
    {ACTIVE, NE_REPLACED, TERMINATED, NULL, replace, "RFC 6665 4.2.2"},
    {ACTIVE, NE_RENEWED, TERMINATED, NULL, renew, "RFC 6665 4.2.2"},
    {ACTIVE, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ENDING, NE_CHANGED, ENDING, NULL, NULL, "RFC 6665 4.2.2"},
    {ENDING, NE_SENT_ALL, TERMINATED, NULL, last_word, "RFC 6665 4.2.2"},
    {ENDING, NE_REPLACED, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ENDING, NE_RENEWED, TERMINATED, NULL, renew, "RFC 6665 4.2.2"},
    {ENDING, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
};

const struct fsm event_notifier_fsm = {.name = "notifier",
                                       .states = state_names,
                                       .events = event_names,
                                       .n_states = NOTIFIER_STATES,
                                       .n_events = NOTIFIER_EVENTS,
                                       .rows = rows,
                                       .n_rows = ARRAY_LEN(rows),
                                       .first = NOTIFIER_INIT,
                                       .timers = timers,
                                       .runs = runs,
                                       .arm = arm,
                                       .stop = notifier_stop};
