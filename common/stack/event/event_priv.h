// SPDX-License-Identifier: Apache-2.0
// The base of the event core: its tables, a notifier's subscription, a subscriber's, and what each
// file of the core may use. Nothing here knows what a message does: what happens to a subscription
// is an event for its machine, which the wiring (event.c) names.
#pragma once

#include "base/fsm.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slots.h"
#include "base/writer.h"
#include "stack/event/event.h"
#include "stack/event/timers.h"
#include "stack/session/ua.h"
#include "stack/txn/txn.h"

enum {
    EVENT_PACKAGES = 16,
    EVENT_BODY_MAX = 49152,        // bytes of one state
    EVENT_AGAIN_MAX_S = 86400,     // a Retry-After beyond it counts as that
    EVENT_EXPIRES_MAX_S = 1 << 30, // an expiry beyond it counts as that
    EVENT_DIALOG_MAX = 8192,       // bytes of the texts of one dialog
    EVENT_AHEAD = 32,              // numbers that are left out when a record is taken up
};

// One row per counter: field, metric name, labels.
#define EVENT_COUNTERS(X)                                                                          \
    X(subscribed, "event_subscriptions_accepted", "")                                              \
    X(refused, "event_subscriptions_refused", "")                                                  \
    X(restored, "event_subscriptions_restored", "")                                                \
    X(renewed, "event_subscriptions_renewed", "")                                                  \
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
    X(limit_bytes, "event_limit_reached", "limit=\"bytes\"")                                       \
    X(limit_own, "event_limit_reached", "limit=\"own\"")

struct event_counters {
#define X(field, name, labels) uint64_t field;
    EVENT_COUNTERS(X)
#undef X
};

// Their rows have the actions.
struct event_machines {
    const struct fsm *notifier, *delivery, *subscriber;
};

struct event {
    struct txn_layer *txns;
    struct txn_user *user;
    struct ua_layer *uas;
    struct loop *loop;
    const struct event_machines *machines;
    bool (*wants)(void *arg, const struct sip_msg *m, flow_id flow);
    void *arg;                   // of wants
    struct str contact, allowed; // heap
    unsigned label;
    struct event_timers timers;
    struct event_limits limits;
    const struct event_package *packages[EVENT_PACKAGES];
    size_t n_packages;
    struct slots notifier_ids, subscriber_ids;
    struct map notifiers, subscribers; // by event_key
    struct map resources, people;      // by hash of their name
    size_t n_notifiers, n_subscribers;
    uint64_t notifier_bytes, subscriber_bytes; // texts that they keep
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
    uint32_t n_name;
    char name[];
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
    NE_UNSUBSCRIBE, // SUBSCRIBE inside the dialog, answered 200
    NE_CHANGED,
    NE_EXPIRED,
    NE_END,
    NE_REPLACED, // by a newer one of the same subscriber
    NE_RENEWED,  // by a newer one of the same instance
    NE_SENT_ALL,
    NE_LOST,     // of the NOTIFY under way: answered somehow; nobody is there
    NE_TAKEN_UP, // from a record
    NOTIFIER_EVENTS
};

enum notifier_timer { NT_NONE, NT_EXPIRY, NT_VERDICT, NOTIFIER_TIMERS };

enum delivery_state {
    DELIVERY_IDLE,
    DELIVERY_HELD,  // there is something to tell when its timer runs out
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

enum delivery_timer { DT_NONE, DT_INTERVAL, DT_PAUSE, DT_RETRY, DELIVERY_TIMERS };

struct asking; // exchange.h

// A SUBSCRIBE that will be answered later.
struct held {
    txn_id txn;
    flow_id flow;
    struct sip_msg *msg;
};

// What few subscriptions have: the id of Event, who.instance, the owner's note.
struct notifier_texts {
    uint32_t n_event_id, n_instance, n_note;
    char p[];
};

// The last state of a subscription whose end has to wait for the NOTIFY under way.
struct last_state {
    uint64_t number;
    size_t n;
    char p[];
};

struct notifier {
    event_id id;
    struct event *core;
    struct resource *resource;
    struct list of_resource;
    struct person *person; // NULL: not counted
    struct dialog *dialog;
    struct notifier_texts *texts; // heap; NULL: all are empty
    struct timer timer, due;      // of its life, of what there is to tell
    uint64_t expires_at;          // ms of loop time
    uint64_t last_at;             // of the last NOTIFY, 0: none
    uint64_t told, telling;       // number of the state that the subscriber has, that is under way
    struct last_state *last;      // heap; NULL: it is asked for when it is sent
    struct held *held;            // the SUBSCRIBE that is not answered
    event_id replaces;            // the one that makes room once this one is accepted; 0: none
    ua_id notify;                 // under way; 0: none
    uint32_t granted, version, interval_ms, retry_after;
    uint32_t cseq;    // of his last SUBSCRIBE
    uint32_t saved;   // our number in the dialog when its record was asked for last
    uint32_t fixed;   // bytes of the dialog's texts but its remote target, which alone changes
    uint32_t bytes;   // of all its texts, as they were counted last
    uint8_t timer_is; // enum notifier_timer: which one runs
    uint8_t due_is;   // enum delivery_timer
    uint8_t state, delivery, type, reason;
    bool listed;        // in the core's notifiers
    bool whole;         // the next state is a full one
    bool cleared;       // he may see the state
    bool doubted;       // the last NOTIFY found no way to him
    bool rated;         // the interval is what he asked for
    bool telling_state; // the NOTIFY under way has a body
    bool replaced;      // another makes room of it once it is accepted
    bool renews;        // and `replaces` is of the same instance
};

// What comes with an event.
struct notifier_input {
    struct asking *request; // SUBSCRIBE
    struct event_refusal refusal;
    enum event_reason reason;
    uint32_t retry_after;
};

// ms of loop time, never 0: that is no time in what follows.
static inline uint64_t event_now(const struct event *e)
{
    return loop_now(e->loop) / 1000000 + 1;
}

// ---- package.c ----
// The package with this name, NULL when there is none; when nobody here notifies of it.
const struct event_package *event_package_find(const struct event *e, struct str name);
const struct event_package *event_package_served(const struct event *e, struct str name);
// Of a dialog, by Call-ID and the tag of this side.
uint64_t event_key(struct str call_id, struct str local_tag);
// Seconds of a Retry-After, 0: none; at most EVENT_AGAIN_MAX_S.
uint32_t event_retry_after(const struct sip_msg *m);
// RFC 6665 4.1.2.2, 4.2.2, RFC 5057 5.2: does this status of a request inside the dialog end the
// subscription?
bool event_ends_usage(unsigned status);
// Value of the id parameter of Event; p NULL: none.
struct str event_id_param(const struct sip_token *event);
// Where a request of the dialog with this Request-URI goes when the first router is a strict one
// (RFC 3261 8.1.2); p NULL: to its first Route, or there.
struct str event_next_hop(const struct dialog *d, struct str uri);
// Bytes of the remote target that m names, of all texts of the dialog that it makes.
size_t event_target_bytes(const struct sip_msg *m);
size_t event_dialog_bytes(const struct sip_msg *m);

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
struct person *person_find(const struct event *e, struct str name);
// One more of his. ERR_NOMEM.
int person_add(struct event *e, struct str name, struct person **ret_person);
void person_remove(struct event *e, struct person *p); // takes NULL

// ---- notifier.c ----
// Feeds its machine. Refused pairs change nothing.
void notifier_step(struct notifier *n, enum notifier_event ev, struct notifier_input *in);
void delivery_step(struct notifier *n, enum delivery_event ev);
// Starts the timer of its life, or of what there is to tell, in place of the one that runs.
void notifier_run(struct notifier *n, enum notifier_timer t, uint64_t ms);
void delivery_run(struct notifier *n, enum delivery_timer t, uint64_t ms);
void notifier_stop(void *notifier, uint32_t runs); // as struct fsm wants it
void delivery_stop(void *notifier, uint32_t runs);
struct notifier *notifier_find(const struct event *e, const struct sip_msg *m);
int notifier_new(struct event *e, struct resource *r, struct notifier **ret_n);
// Puts it into the core's table under its dialog.
int notifier_enter(struct notifier *n);
int notifier_set_texts(struct notifier *n, struct str id, struct str instance, struct str note);
struct str notifier_event_id(const struct notifier *n);
struct str notifier_instance(const struct notifier *n);
struct str notifier_note(const struct notifier *n);
// Counts the bytes of its texts anew.
void notifier_weigh(struct notifier *n);
// May the dialog have the remote target that m names?
bool notifier_takes_target(const struct notifier *n, const struct sip_msg *m);
// The package is asked to have its record written, when it is there still.
uint32_t notifier_number(const struct notifier *n); // of our last request in the dialog
void notifier_save(struct event *e, event_id id);
// Takes it out of all tables and frees it; then the package hears of it, which may call the core.
void notifier_drop(struct notifier *n);
void notifier_free(struct notifier *n); // leaves the tables alone
void held_free(struct held *h);         // takes NULL

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
    SE_TAKEN_UP, // from a record
    SE_FORKED,   // one more notifier of a SUBSCRIBE that is there
    SE_OK,
    SE_CHANGED_ASK,
    SE_REFUSED,
    SE_FAILED,
    SE_GONE,   // of the SUBSCRIBE under way
    SE_UNSENT, // of one that could not leave
    SE_EXPIRY, // another expiry was said
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

enum subscriber_timer {
    ST_NONE,
    ST_REFRESH,
    ST_AGAIN, // a refresh that has failed
    ST_EXPIRY,
    ST_LAST,
    ST_RETRY,
    ST_N,
    ST_SOON,
    SUBSCRIBER_TIMERS
};

struct subscriber_input {
    const struct sip_msg *msg;
    unsigned status;
    enum event_reason reason;
    uint32_t retry_after;
    bool pending; // of what is taken up
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
    uint32_t n_texts;
    char texts[];
};

enum { SUBSCRIBER_TAG = 16, SUBSCRIBER_CALL_ID = 32 };

struct subscriber {
    event_id id;
    struct event *core;
    struct subscriber_plan *plan;
    struct dialog *dialog; // from the first NOTIFY on
    uint64_t key;
    struct timer timer;   // refresh, expiry, retry
    struct timer timer_n; // the end, or timer N
    uint64_t expires_at;  // ms of loop time; 0: not known
    uint64_t began_at;    // of this dialog
    uint64_t asked_whole; // when the whole state was last asked for; 0: never
    ua_id request;
    uint32_t cseq;                // of the SUBSCRIBE outside of a dialog
    uint32_t remote_cseq;         // of the last NOTIFY
    uint32_t expires;             // asked for
    uint32_t failures;            // in a row
    uint32_t attempts;            // of one SUBSCRIBE: 423, challenges
    uint32_t retry_after;         // what came with the last event
    uint32_t again_ms;            // until it subscribes anew
    uint32_t bytes;               // of the dialog's texts, as they were counted last
    uint8_t timer_is, timer_n_is; // enum subscriber_timer: which of them run
    uint8_t state, reason;        // reason: as retry_after
    bool listed;
    bool fork;    // of another's SUBSCRIBE
    bool leaving; // Expires 0 was sent in the dialog
    char call_id[SUBSCRIBER_CALL_ID], tag[SUBSCRIBER_TAG];
};

void subscriber_step(struct subscriber *s, enum subscriber_event ev, struct subscriber_input *in);
void subscriber_run(struct subscriber *s, enum subscriber_timer t, uint64_t ms);
void subscriber_stop(void *subscriber, uint32_t runs);
// Takes a reference to the plan.
int subscriber_new(struct event *e, struct subscriber_plan *plan, struct subscriber **ret_s);
void subscriber_drop(struct subscriber *s);
void subscriber_free(struct subscriber *s); // leaves the tables alone
// Puts it into the core's table under its Call-ID and tag, and nowhere else.
int subscriber_enter(struct subscriber *s);
// Its dialog as it is now, NULL: none; the old one goes. bytes: of its texts.
void subscriber_set_dialog(struct subscriber *s, struct dialog *d, size_t bytes);
uint64_t subscriber_left(const struct subscriber *s); // ms until it expires
// The owner is asked to have its record written.
void subscriber_save(struct subscriber *s);
// A refresh was sent, and nothing has come yet that says until when.
static inline bool subscriber_asked(const struct subscriber *s)
{
    return s->timer_is == ST_EXPIRY;
}
// What the notifier says of how long it will be there.
void subscriber_set_expiry(struct subscriber *s, uint64_t seconds);

// ---- plan.c ----
int subscriber_plan_new(struct event *e, const struct event_subscription *p,
                        struct subscriber_plan **ret_plan);
void subscriber_plan_unref(struct event *e, struct subscriber_plan *plan); // takes NULL
