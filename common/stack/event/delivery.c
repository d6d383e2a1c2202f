// SPDX-License-Identifier: Apache-2.0
// The machine of how what there is to tell leaves: one NOTIFY at a time in a subscription (RFC 6665
// 4.2.2); the interval between two is kept (RFC 6446 5), and when it is over the newest state goes.
#include "base/err.h"
#include "base/log.h"
#include "stack/event/actions.h"

static const char *const state_names[DELIVERY_STATES] = {"Idle", "Held", "Sent", "Stale"};
static const char *const event_names[DELIVERY_EVENTS] = {
    "tell", "changed", "due", "answered", "error", "retry-after", "unsent"};

// ---- timers ----

static const struct fsm_timer timers[DELIVERY_TIMERS] = {
    [DT_INTERVAL] = {"interval", DE_DUE, ET_interval},
    [DT_PAUSE] = {"retry-after", DE_DUE, ET_pause},
    [DT_RETRY] = {"once more", DE_DUE, ET_local_retry},
};

static const uint32_t runs[DELIVERY_STATES] = {
    [DELIVERY_HELD] = 1U << DT_INTERVAL | 1U << DT_PAUSE | 1U << DT_RETRY,
};

static uint64_t next_at(const struct notifier *n)
{
    return n->last_at ? n->last_at + n->interval_ms : 0;
}

static void arm(void *obj, unsigned timer)
{
    struct notifier *n = obj;
    uint64_t now = event_now(n->core), at = next_at(n);
    uint64_t ms = event_timer_ms(&n->core->timers, timers[timer].lasts);
    if (timer == DT_INTERVAL)
        ms = at > now ? at - now : 0;
    if (timer == DT_PAUSE)
        ms = n->retry_after * UINT64_C(1000);
    delivery_run(n, timer, ms);
}

// ---- guards and actions ----

static int too_early(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return event_now(n->core) < next_at(n);
}

static void merge(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.merged++;
}

static void cannot_tell(struct notifier *n, int err)
{
    LOG(LOG_WARN, "state cannot be told", LF("package", n->resource->package->name),
        LF("resource", resource_name(n->resource)), LF_Z("cause", err_text(err)));
    notifier_step(n, NE_END, &(struct notifier_input){.reason = EVENT_GIVEUP});
}

// Before the numbers that a record leaves out are used up the record is written anew.
static void sent(struct notifier *n)
{
    n->last_at = event_now(n->core);
    if (notifier_number(n) - n->saved >= EVENT_AHEAD / 2)
        notifier_save(n->core, n->id);
}

static void send_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    bool fatal;
    int err = notifier_notify(n, &fatal);
    if (err == ERR_CLOSED)
        return;
    if (!err) {
        sent(n);
        return;
    }
    n->core->count.starved++;
    if (fatal)
        cannot_tell(n, err);
    else
        delivery_step(n, DE_UNSENT);
}

// What he has of the state, partial ones can go on from.
static void delivered(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (!n->telling_state)
        return;
    n->told = n->telling;
    n->whole = false;
}

static void delivered_send(void *obj, void *arg)
{
    delivered(obj, arg);
    send_now(obj, arg);
}

static void not_delivered(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->whole = true;
    n->retry_after = 0;
}

static void not_delivered_send(void *obj, void *arg)
{
    not_delivered(obj, arg);
    send_now(obj, arg);
}

#define IDLE DELIVERY_IDLE
#define HELD DELIVERY_HELD
#define SENT DELIVERY_SENT
#define STALE DELIVERY_STALE

static const struct fsm_row rows[] = {
    {IDLE, DE_TELL, SENT, NULL, send_now, "RFC 6665 4.2.1.2"},
    {IDLE, DE_CHANGED, HELD, too_early, NULL, "RFC 6446 5.2", {DT_INTERVAL}},
    {IDLE, DE_CHANGED, SENT, NULL, send_now, "RFC 6665 4.2.2"},
    {HELD, DE_TELL, SENT, NULL, send_now, "RFC 6665 4.2.1.2"},
    {HELD, DE_CHANGED, HELD, NULL, merge, "RFC 6446 5.2"},
    {HELD, DE_DUE, SENT, NULL, send_now, "RFC 6446 5.2"},
    {SENT, DE_TELL, STALE, NULL, NULL, "RFC 6665 4.2.2"},
    {SENT, DE_CHANGED, STALE, NULL, NULL, "RFC 6665 4.2.2"},
    {SENT, DE_OK, IDLE, NULL, delivered, "RFC 6665 4.2.2"},
    {SENT, DE_ERROR, IDLE, NULL, not_delivered, "RFC 6665 4.2.2"},
    {SENT, DE_AGAIN, HELD, NULL, not_delivered, "RFC 6665 4.2.2", {DT_PAUSE}},
    {SENT, DE_UNSENT, HELD, NULL, not_delivered, "RFC 6665 4.2.2", {DT_RETRY}},
    {STALE, DE_TELL, STALE, NULL, merge, "RFC 6665 4.2.2"},
    {STALE, DE_CHANGED, STALE, NULL, merge, "RFC 6665 4.2.2"},
    {STALE, DE_OK, HELD, too_early, delivered, "RFC 6446 5.2", {DT_INTERVAL}},
    {STALE, DE_OK, SENT, NULL, delivered_send, "RFC 6665 4.2.2"},
    {STALE, DE_ERROR, HELD, too_early, not_delivered, "RFC 6446 5.2", {DT_INTERVAL}},
    {STALE, DE_ERROR, SENT, NULL, not_delivered_send, "RFC 6665 4.2.2"},
    {STALE, DE_AGAIN, HELD, NULL, not_delivered, "RFC 6665 4.2.2", {DT_PAUSE}},
    {STALE, DE_UNSENT, HELD, NULL, not_delivered, "RFC 6665 4.2.2", {DT_RETRY}},
};

const struct fsm event_delivery_fsm = {.name = "notification",
                                       .states = state_names,
                                       .events = event_names,
                                       .n_states = DELIVERY_STATES,
                                       .n_events = DELIVERY_EVENTS,
                                       .rows = rows,
                                       .n_rows = ARRAY_LEN(rows),
                                       .first = DELIVERY_IDLE,
                                       .timers = timers,
                                       .runs = runs,
                                       .arm = arm,
                                       .stop = delivery_stop};
