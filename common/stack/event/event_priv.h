// SPDX-License-Identifier: Apache-2.0
// Inside the event core: its tables, a notifier's subscription, a subscriber's.
#pragma once

#include "base/fsm.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slots.h"
#include "base/writer.h"
#include "stack/event/event.h"
#include "stack/session/ua.h"
#include "stack/txn/txn.h"

enum {
    EVENT_PACKAGES = 16,
    EVENT_BODY_MAX = 49152,      // bytes of one state
    EVENT_LOCAL_RETRY_MS = 5000, // after a failure of our own
    EVENT_AGAIN_MAX_S = 86400,   // a Retry-After beyond it counts as that
};

// One row per counter: field, metric name, labels.
#define EVENT_COUNTERS(X)                                                                          \
    X(subscribed, "event_subscriptions_accepted", "")                                              \
    X(refused, "event_subscriptions_refused", "")                                                  \
    X(notified, "event_notifications_sent", "")                                                    \
    X(merged, "event_notifications_merged", "")                                                    \
    X(notify_failed, "event_notifications_failed", "")                                             \
    X(dead, "event_subscribers_lost", "")                                                          \
    X(expired, "event_subscriptions_expired", "")                                                  \
    X(starved, "event_local_failures", "")                                                         \
    X(stray, "event_stray_notifications", "")                                                      \
    X(resubscribed, "event_subscribed_anew", "")                                                   \
    X(limit_total, "event_limit_reached", "limit=\"total\"")                                       \
    X(limit_resource, "event_limit_reached", "limit=\"per_resource\"")                             \
    X(limit_subscriber, "event_limit_reached", "limit=\"per_subscriber\"")                         \
    X(limit_own, "event_limit_reached", "limit=\"own\"")

struct event_counters {
#define X(field, name, labels) uint64_t field;
    EVENT_COUNTERS(X)
#undef X
};

struct event {
    struct txn_layer *txns;
    struct txn_user *user;
    struct ua_layer *uas;
    struct loop *loop;
    bool (*wants)(void *arg, const struct sip_msg *m, flow_id flow);
    void *arg;                   // of wants
    struct str contact, allowed; // heap
    unsigned label;
    uint32_t verdict_ms, timer_n_ms;
    struct event_limits limits;
    const struct event_package *packages[EVENT_PACKAGES];
    size_t n_packages;
    struct slots notifier_ids, subscriber_ids;
    struct map notifiers, subscribers; // by event_key
    struct map resources, people;      // by hash of their name
    size_t n_notifiers, n_subscribers;
    struct event_counters count;
    char *scratch; // EVENT_BODY_MAX bytes for the state being written
};

// A name that somebody is subscribed to; it goes with its last subscription.
struct resource {
    const struct event_package *package;
    struct list subs; // struct notifier.of_resource, the oldest first
    uint32_t n_subs;
    uint32_t pins; // it is needed though nobody may be subscribed
    struct resource_walk *walks;
    uint64_t key;
    size_t n;
    char name[];
};

// All subscriptions to a resource, one after the other, whichever of them end meanwhile.
struct resource_walk {
    struct list *next;
    struct resource_walk *outer; // walks of the same resource may be within each other
};

// Whose subscriptions are counted together.
struct person {
    uint64_t key;
    uint32_t n;
};

// ---- notifier ----

enum notifier_state {
    NOTIFIER_INIT,
    NOTIFIER_WAITING, // for the package's verdict; the SUBSCRIBE is not answered
    NOTIFIER_PENDING,
    NOTIFIER_ACTIVE,
    NOTIFIER_ENDING, // the final NOTIFY waits for the one under way
    NOTIFIER_TERMINATED,
    NOTIFIER_STATES
};

enum notifier_event {
    NE_ALLOWED,
    NE_PENDING,
    NE_WAIT,
    NE_REFUSED, // what the package says of a SUBSCRIBE
    NE_LATE,    // or does not say in time
    NE_REFRESH,
    NE_UNSUBSCRIBE, // SUBSCRIBE inside the dialog
    NE_CHANGED,
    NE_EXPIRED,
    NE_END,
    NE_REPLACED, // by a newer one of the same subscriber
    NE_SENT_ALL,
    NE_LOST, // of the NOTIFY under way: answered somehow; nobody is there
    NOTIFIER_EVENTS
};

enum delivery_state {
    DELIVERY_IDLE,
    DELIVERY_HELD,  // there is something to tell when the interval is over
    DELIVERY_SENT,  // a NOTIFY is under way
    DELIVERY_STALE, // and what it tells is not the newest state any more
    DELIVERY_STATES
};

enum delivery_event {
    DE_TELL,    // without regard to the interval: SUBSCRIBE, another substate
    DE_CHANGED, // when the interval allows
    DE_DUE,
    DE_OK,
    DE_ERROR,
    DE_AGAIN,
    DE_UNSENT,
    DELIVERY_EVENTS
};

extern const struct fsm event_notifier_fsm, event_delivery_fsm, event_subscriber_fsm;

struct held;
struct asking;

struct notifier {
    event_id id;
    struct event *core;
    struct resource *resource;
    struct list of_resource;
    struct person *person; // NULL: not counted
    struct dialog *dialog;
    char *event_id;         // heap; NULL: none
    uint64_t key;           // in the core's notifiers
    struct timer timer;     // the nearest of what follows
    uint64_t expires_at;    // ms of loop time; while WAITING: when the verdict is late
    uint64_t due_at;        // what is held; 0: nothing is
    uint64_t last_at;       // of the last NOTIFY, 0: none
    uint64_t told, telling; // number of the state that the subscriber has, that is under way
    struct held *held;      // the SUBSCRIBE that is not answered
    event_id replaces;      // the one that makes room once this one is accepted; 0: none
    ua_id notify;           // under way; 0: none
    uint32_t granted, version, interval_ms, retry_after;
    uint8_t state, delivery, type, reason;
    bool whole;         // the next state is a full one
    bool cleared;       // he may see the state
    bool doubted;       // the last NOTIFY found no way to him
    bool rated;         // the interval is what he asked for
    bool telling_state; // the NOTIFY under way has a body
    bool replaced;      // another makes room of it once it is accepted
};

// What comes with an event.
struct notifier_input {
    struct asking *request; // SUBSCRIBE
    struct event_refusal refusal;
    uint32_t granted;
    enum event_reason reason;
    uint32_t retry_after;
};

// ms of loop time, never 0: that is no time in what follows.
static inline uint64_t event_now(const struct event *e)
{
    return loop_now(e->loop) / 1000000 + 1;
}

// ---- event.c ----
// The package with this name, NULL when there is none.
const struct event_package *event_package_find(const struct event *e, struct str name);
// Of a dialog, by Call-ID and the tag of this side.
uint64_t event_key(struct str call_id, struct str local_tag);
// Seconds of a Retry-After, 0: none; at most EVENT_AGAIN_MAX_S.
uint32_t event_retry_after(const struct sip_msg *m);
// RFC 6665 4.1.2.2, 4.2.2, RFC 5057 5.2: does this status of a request inside the dialog end the
// subscription?
bool event_ends_usage(unsigned status);
// Value of the id parameter of Event; p NULL: none.
struct str event_id_param(const struct sip_token *event);

// ---- resource.c ----
struct resource *resource_find(const struct event *e, const struct event_package *p,
                               struct str name);
// Finds or makes it, for a subscription that is added at once.
struct resource *resource_get(struct event *e, const struct event_package *p, struct str name);
void resource_add(struct resource *r, struct notifier *n);
void resource_remove(struct event *e, struct notifier *n);
// Frees it unless somebody is subscribed or it is pinned.
void resource_release(struct event *e, struct resource *r);
// Between begin and end the resource stays.
void resource_walk_begin(struct resource *r, struct resource_walk *w);
struct notifier *resource_walk_next(struct resource *r, struct resource_walk *w); // NULL: no more
void resource_walk_end(struct event *e, struct resource *r, struct resource_walk *w);
static inline struct str resource_name(const struct resource *r)
{
    return str_make(r->name, r->n);
}
uint64_t person_key(struct str name);
struct person *person_find(const struct event *e, uint64_t key);
// One more of his. ERR_NOMEM.
int person_add(struct event *e, uint64_t key, struct person **ret_person);
void person_remove(struct event *e, struct person *p); // takes NULL

// ---- notifier.c ----
void notifier_step(struct notifier *n, enum notifier_event ev, struct notifier_input *in);
struct notifier *notifier_find(const struct event *e, const struct sip_msg *m);
int notifier_new(struct event *e, struct resource *r, struct notifier **ret_n);
// Takes it out of all tables and frees it; then the package hears of it, which may call the core.
void notifier_drop(struct notifier *n);
void notifier_free(struct notifier *n); // leaves the tables alone
// It is to make room for `by` when that one is accepted.
void notifier_give_way(struct notifier *n, struct notifier *by);
// Starts the timer for what comes next: the expiry or what is held.
void notifier_arm(struct notifier *n);

// ---- accept.c ----
void notifier_serve(struct event *e, struct asking *p);

// ---- delivery.c ----
void delivery_step(struct notifier *n, enum delivery_event ev);
// The final NOTIFY, whose answer nobody waits for. What the package does meanwhile does not end n
// a second time: no row says so.
void delivery_last(struct notifier *n);

// ---- rate.c ----
// What the subscriber and the package agree on, from the Event of a SUBSCRIBE (RFC 6446 5): ms
// between two notifications. *ret_rated: he asked.
uint32_t event_interval(const struct event_package *p, const struct sip_token *event,
                        bool *ret_rated);
// ";max-rate=0.2", for Subscription-State.
struct str event_rate_text(struct arena *a, uint32_t interval_ms);

// ---- reason.c ----
enum event_again { AGAIN_NEVER, AGAIN_NOW, AGAIN_LATER };
struct event_reason_row {
    const char *name;
    enum event_again again;
    bool retry_after; // the parameter means something
};
extern const struct event_reason_row event_reason_rows[EVENT_REASONS];
enum event_reason event_reason_from(struct str name);

// ---- server.c ----
// A request that came in, while it is looked at.
struct asking {
    struct event *core;
    txn_id txn;
    flow_id flow;
    struct flow_info from;
    struct sip_msg *msg;
    char tag[TXN_TAG_LEN];
};
// One that will be answered later.
struct held {
    txn_id txn;
    flow_id flow;
    struct sip_msg *msg;
};

int event_server_open(struct event *e);
void event_server_close(struct event *e);
struct arena *asking_arena(struct asking *a);
struct str asking_to_tag(struct asking *a); // of its responses
void asking_refuse(struct asking *a, const struct event_refusal *r, struct str identity);
// 200 to a SUBSCRIBE. An error: it was answered otherwise, or nobody waits for the answer.
int asking_accept(struct asking *a, uint32_t granted);
void asking_ok(struct asking *a); // 200 to a NOTIFY
int asking_hold(const struct asking *a, struct held **ret_held);
void asking_resume(struct event *e, const struct held *h, struct asking *ret_a);
void asking_release(struct held *h); // takes NULL

// ---- subscriber.c ----
enum subscriber_state {
    SUBSCRIBER_INIT,
    SUBSCRIBER_WAITING, // notify_wait of RFC 6665 4.1.2
    SUBSCRIBER_PENDING,
    SUBSCRIBER_ACTIVE,
    SUBSCRIBER_RETRY,  // will subscribe anew
    SUBSCRIBER_ENDING, // unsubscribed, or to be; the last NOTIFY is waited for
    SUBSCRIBER_TERMINATED,
    SUBSCRIBER_STATES
};

enum subscriber_event {
    SE_START,
    SE_OK,
    SE_CHANGED_ASK,
    SE_REFUSED,
    SE_FAILED,
    SE_GONE, // of the SUBSCRIBE under way
    SE_NOTIFY_PENDING,
    SE_NOTIFY_ACTIVE,
    SE_NOTIFY_LAST,
    SE_TIMER_N,
    SE_REFRESH,
    SE_EXPIRED,
    SE_RETRY,
    SE_STOP,
    SUBSCRIBER_EVENTS
};

struct subscriber_input {
    const struct sip_msg *msg;
    unsigned status;
    enum event_reason reason;
    uint32_t retry_after;
};

// What the subscriptions of one event_subscribe share.
struct subscriber_plan {
    unsigned refs;
    const struct event_package *package; // NULL: not known here
    const struct event_subscriber_ops *ops;
    void *arg;
    struct str event, event_id, params, accept, uri, from, to, contact, next_hop;
    flow_id flow;
    bool one_shot, keep;
    uint32_t forks, n_forks;
    uint32_t expires;
    char texts[];
};

enum { SUBSCRIBER_TAG = 16, SUBSCRIBER_CALL_ID = 32 };

struct subscriber {
    event_id id;
    struct event *core;
    struct subscriber_plan *plan;
    struct dialog *dialog; // from the first NOTIFY on
    uint64_t key;
    struct timer timer; // refresh, expiry, retry
    struct timer timer_n;
    uint64_t expires_at;  // ms of loop time; 0: not known
    uint64_t began_at;    // of this dialog
    uint64_t asked_whole; // when the whole state was last asked for; 0: never
    ua_id request;
    uint32_t cseq;     // of the SUBSCRIBE outside of a dialog
    uint32_t expires;  // asked for
    uint32_t failures; // in a row
    uint32_t attempts; // of one SUBSCRIBE: 423, challenges
    uint8_t state;
    bool listed;
    bool fork;    // of another's SUBSCRIBE
    bool leaving; // Expires 0 was sent in the dialog
    bool asked;   // a refresh was sent, and nothing came yet that says until when
    char call_id[SUBSCRIBER_CALL_ID], tag[SUBSCRIBER_TAG];
};

void subscriber_step(struct subscriber *s, enum subscriber_event ev, struct subscriber_input *in);
void subscriber_drop(struct subscriber *s);
void subscriber_free(struct subscriber *s); // leaves the tables alone
// Takes a reference to the plan.
int subscriber_new(struct event *e, struct subscriber_plan *plan, struct subscriber **ret_s);
// Puts it into the core's table under its Call-ID and tag, and nowhere else.
int subscriber_enter(struct subscriber *s);
// What the notifier says of how long it will be there.
void subscriber_set_expiry(struct subscriber *s, uint32_t seconds);
// After the first NOTIFY: sets the timer by what is known.
void subscriber_begin(struct subscriber *s);

// ---- subscriber_plan.c ----
int subscriber_plan_new(const struct event *e, const struct event_subscription *p,
                        struct subscriber_plan **ret_plan);
void subscriber_plan_unref(struct subscriber_plan *plan);

// ---- subscriber_out.c ----
// A dialog to be: new Call-ID and tag. ERR_NOMEM.
int subscriber_new_dialog(struct subscriber *s);
// SUBSCRIBE, in the dialog if there is one.
int subscriber_send(struct subscriber *s, uint32_t expires);

// ---- subscriber_in.c ----
void subscriber_serve(struct event *e, struct asking *p);
// Is this NOTIFY of a subscription, or may it be of one that was asked for?
bool subscriber_expects(const struct event *e, const struct sip_msg *m);
