// SPDX-License-Identifier: Apache-2.0
// Event notification (RFC 6665), both sides; a user of transactions like the proxy. A SUBSCRIBE's
// journey: it is claimed when it is of a subscription here or the owner wants it to be served
// (event.c); it is checked (accept.c), the package says whose state is wanted and whether he may
// have it, now or later, and a notifier answers (notifier_states.c, one table). What there is to
// tell has a machine of its own (delivery.c, another table) and leaves in a NOTIFY (notify.c): one
// at a time in a subscription, not before its interval is over, and then the newest state. On the
// other side event_subscribe makes a subscriber (subscriber_states.c, a third table): it sends
// SUBSCRIBE (subscribe.c), takes the dialog from the first NOTIFY (notified.c), refreshes, and
// subscribes anew when the notifier has lost it, if it was told to. docs/architecture.md has the
// layers of the files.
//
// A package is what is particular to one kind of state (struct event_package): docs/events.md shows
// how one is added. Everything kept is counted, bounded by struct event_limits, and given out by
// event_stats. Subscriptions to this node may outlive it (event_record, event_restore).
#pragma once

#include "sip/edit.h"
#include "stack/txn/txn.h"

struct event; // the event core of one stack
struct ua_layer;
struct writer;

typedef uint64_t event_id; // a subscription, of either side; never reused on its side. 0: none

// ---- packages ----

enum event_verdict {
    EVENT_ALLOW,
    EVENT_PENDING, // accepted without a word of the state, until event_authorise says more
    EVENT_WAIT,    // not known yet: event_authorise answers, and PENDING is what it is after some
                   // seconds
    EVENT_REFUSE,
};

struct event_refusal {
    unsigned status;         // 0: 403
    const char *cause;       // static text, for log and Warning
    uint32_t retry_after;    // seconds, 0: none
    struct sip_edits *extra; // further headers, in the request's arena; may be NULL
};

// Whose state is asked for, and by whom.
struct event_who {
    struct str resource;   // canonical name: equal names are one resource
    struct str subscriber; // whose subscriptions are counted together; empty: who From names
    bool unlimited;        // a neighbour that is trusted: not counted so
    // What subscribes, as a phone by its instance or its Contact: it has one subscription to a
    // resource, and a newer one takes the place of the one before, which it has left behind,
    // without a word. Empty: as many as it likes.
    struct str instance;
};

struct event_asked {
    event_id id;
    const struct sip_msg *msg; // the SUBSCRIBE
    const struct flow_info *from;
    struct event_who who;
    bool refresh;     // the subscription is there
    uint32_t expires; // what will be granted; 0: the state once, or the end
};

// A state that is to be written.
struct event_body {
    event_id id;
    struct str resource;
    struct str type;  // the media type that the subscriber takes, one of the package's
    uint32_t version; // how many states were told in this subscription before
    uint64_t since;   // partial: the number of the state that the subscriber has
    bool final;       // nothing comes after it
    uint64_t number;  // to be set: which state this is; numbers grow
};

struct event_package {
    struct str name;         // as in Event
    const struct str *types; // media types, the one for who says nothing first
    size_t n_types;
    uint32_t default_s, min_s, max_s; // expiry; min_s above an hour counts as an hour
    uint32_t interval_ms; // least time between two notifications of a subscription; 0: none
    void *arg;            // for the operations but parse

    // Notifier. Whose state does m ask for? The texts live as long as m. False: refused, 404 unless
    // *ret_refusal says otherwise.
    bool (*identify)(void *arg, const struct sip_msg *m, const struct flow_info *from,
                     struct event_who *ret_who, struct event_refusal *ret_refusal);
    // NULL: whoever asks. Asked for each refresh too, where WAIT counts as ALLOW.
    enum event_verdict (*authorise)(void *arg, const struct event_asked *q,
                                    struct event_refusal *ret_refusal);
    // Writes the whole state and sets b->number. 0; ERR_NOTFOUND: there is nothing to tell, the
    // NOTIFY has no body; ERR_NOMEM: tried again later; any other error ends the subscription. It
    // may end that one with event_end_one; event_changed is not for here: what is written is one
    // state.
    int (*full)(void *arg, struct event_body *b, struct writer *w);
    // The same for what has changed since b->since; ERR_UNSUPPORTED: full is taken. NULL: always
    // full.
    int (*partial)(void *arg, struct event_body *b, struct writer *w);
    // A subscription has ended, or one that authorise was asked for was not made: it is gone
    // already. May be NULL.
    void (*ended)(void *arg, event_id id, struct str resource);
    // Adds to the 200 to a SUBSCRIBE, or to a NOTIFY, what only the owner knows
    // (P-Charging-Vector): which of them method says. Does not call the core, but for event_note.
    // May be NULL.
    void (*decorate)(void *arg, event_id id, enum sip_method method, struct sip_edits *headers);
    // The record of a subscription (event_record) is to be kept: it was accepted or refreshed, or
    // so many NOTIFYs were sent that an older one would be of no use. NULL: it ends with the core.
    void (*save)(void *arg, event_id id);

    // Subscriber. What a NOTIFY says, for the arg of event_subscribe, before it is answered. 0;
    // ERR_BAD: 400; ERR_UNSUPPORTED: 415; ERR_STATE: a partial state that does not follow what is
    // known: the whole is asked for. The id of a further notifier (forked) is told after its first
    // NOTIFY was read here and taken. NULL: anything is taken.
    int (*parse)(void *arg, event_id id, const struct sip_msg *notify);
};

// ---- the core ----

// 0: the default.
struct event_limits {
    uint32_t total;          // subscriptions to this node: 200000
    uint32_t per_resource;   // 64
    uint32_t per_subscriber; // 16
    uint32_t own;            // subscriptions of this node to others: 200000
    uint64_t bytes;          // of texts kept for subscriptions to this node: 256 MiB
};

struct event_params {
    struct txn_layer *txns; // stack_txns
    struct ua_layer *uas;   // stack_uas
    // Is this SUBSCRIBE or NOTIFY, which is of no subscription here, to be answered here? Must be
    // cheap. NULL: no; another user of transactions has it.
    bool (*wants)(void *arg, const struct sip_msg *m, flow_id flow);
    void *arg;
    struct str contact; // value of Contact in what a notifier sends; copied
    unsigned label;     // of the listener that sends
    struct event_limits limits;
    const struct sip_timers *timers; // of that listener, for Timer N; NULL: core
    uint32_t verdict_ms;             // how long EVENT_WAIT may take; 0: as event/timers.h says
};

int event_new(const struct event_params *p, struct event **ret_core);
// Forgets all subscriptions without a word. Called before the stack is freed. Takes NULL.
void event_free(struct event *e);
// p lives as long as the core. ERR_FULL, ERR_EXISTS, ERR_INVAL.
int event_add_package(struct event *e, const struct event_package *p);
void event_set_limits(struct event *e, const struct event_limits *l);
// Value of Allow-Events (RFC 6665 8.2.2): the packages that are served here; may be empty.
struct str event_allowed(const struct event *e);
// Does this request belong to a subscription here, of either side?
bool event_claims(const struct event *e, const struct sip_msg *m);
void event_stats(const struct event *e, stack_stat_cb cb, void *arg);

// ---- notifier ----

// Why a subscription ends (RFC 6665 4.1.3); EVENT_NO_REASON: none, or one that is not known.
enum event_reason {
    EVENT_NO_REASON,
    EVENT_DEACTIVATED,
    EVENT_PROBATION,
    EVENT_REJECTED,
    EVENT_TIMEOUT,
    EVENT_GIVEUP,
    EVENT_NORESOURCE,
    EVENT_INVARIANT,
    EVENT_REASONS
};
const char *event_reason_name(enum event_reason r);

// The state of a resource has changed: who subscribed to it is told. Nobody did: nothing happens.
void event_changed(struct event *e, const struct event_package *p, struct str resource);
// Ends the subscriptions to a resource. The final NOTIFY has the state, if the package writes one:
// it is asked for before this returns, so what it is about may go afterwards. retry_after: seconds,
// for probation and giveup; 0: none.
void event_end(struct event *e, const struct event_package *p, struct str resource,
               enum event_reason reason, uint32_t retry_after);
void event_end_one(struct event *e, event_id id, enum event_reason reason, uint32_t retry_after);
// What EVENT_WAIT or EVENT_PENDING waits for. refusal: may be NULL. ERR_NOTFOUND: gone by now,
// normal.
int event_authorise(struct event *e, event_id id, enum event_verdict v,
                    const struct event_refusal *refusal);
size_t event_count(const struct event *e, const struct event_package *p, struct str resource);
// What the owner wants to remember of a subscription, any bytes; copied, goes and is recorded with
// it. ERR_NOTFOUND, ERR_TOOBIG beyond EVENT_NOTE_MAX, ERR_NOMEM.
enum { EVENT_NOTE_MAX = 1024 };
int event_set_note(struct event *e, event_id id, struct str note);
struct str event_note(const struct event *e, event_id id); // empty: none

// ---- subscriptions that outlive the core ----

// Its name, which another core that takes it up gives it as well; 0: gone.
uint64_t event_name(const struct event *e, event_id id);
// Writes all that is needed to take it up, EVENT_RECORD_MAX bytes at most. ERR_NOTFOUND; ERR_STATE:
// it has not been accepted, or ends; ERR_INVAL: a name that cannot be written; ERR_TOOBIG.
enum { EVENT_RECORD_MAX = 16384 };
int event_record(struct event *e, event_id id, struct writer *w);
// Takes it up, after its package was added. Nothing is sent: event_changed tells the state, as
// whole. ERR_BAD: not a record of this version; ERR_UNSUPPORTED: nobody serves the package or
// writes its media type; ERR_TIMEOUT: it has expired; ERR_EXISTS; ERR_FULL: beyond the limits;
// ERR_NOMEM.
int event_restore(struct event *e, struct str record, event_id *ret_id);

// ---- for people ----

struct event_line {
    event_id id; // of its side
    const char *machine, *state;
    const char *delivery; // of a notifier: how far what there is to tell has come; else NULL
    struct str package, resource; // of a subscriber: its Request-URI
    struct str subscriber;        // who is counted for it, of a notifier; empty: nobody
    struct str peer;              // the other side's address in the dialog; empty: none yet
    const char *timer;            // that runs out next; NULL: none
    uint64_t expires_ms;          // until it expires
    uint32_t told;                // states told, of a notifier
    uint32_t bytes;               // of the texts that are kept for it
};
typedef void (*event_list_cb)(void *arg, const struct event_line *line);
// Calls cb for at most max subscriptions of both sides; returns for how many.
size_t event_list(const struct event *e, size_t max, event_list_cb cb, void *arg);
// For those to a resource of this node, the oldest first. cb changes nothing.
size_t event_list_of(const struct event *e, const struct event_package *p, struct str resource,
                     event_list_cb cb, void *arg);
// How many there are.
size_t event_held(const struct event *e);
// The line as text, as a control command shows it.
void event_line_write(const struct event_line *l, struct writer *w);

// ---- subscriber ----

enum event_state { EVENT_STATE_PENDING, EVENT_STATE_ACTIVE, EVENT_STATE_TERMINATED };

struct event_end {
    unsigned status;          // of the SUBSCRIBE that failed, 408 for silence; 0: none did
    enum event_reason reason; // what the notifier said
    bool again;               // it subscribes anew, after...
    uint64_t again_ms;
    const struct sip_msg *msg; // the response or NOTIFY, may be NULL
};

// Never called from within event_subscribe and event_unsubscribe. All but state may be NULL. All
// but prepare and save may forget the subscription.
struct event_subscriber_ops {
    // A NOTIFY that was taken; TERMINATED is followed by ended. Later in the same dialog: the next
    // one.
    void (*state)(void *arg, event_id id, enum event_state s, const struct sip_msg *notify);
    // It is over; unless e->again, id is gone.
    void (*ended)(void *arg, event_id id, const struct event_end *e);
    // The final response to a SUBSCRIBE that was accepted or is tried again.
    void (*answered)(void *arg, event_id id, const struct sip_msg *response);
    // Adds to a SUBSCRIBE what only the owner knows: Route (outside of a dialog only),
    // P-Access-Network-Info, Authorization. uri: its Request-URI.
    void (*prepare)(void *arg, event_id id, bool in_dialog, struct str uri,
                    struct sip_edits *headers);
    // 401 or 407: true when the next SUBSCRIBE has an answer to it, which prepare will add.
    bool (*challenge)(void *arg, event_id id, const struct sip_msg *response);
    // Another notifier of a forked SUBSCRIBE has a subscription of its own now, and so an id: told
    // with arg, when its first NOTIFY was taken, before what that says.
    void (*forked)(void *arg, event_id id, event_id fork);
    // The record of the subscription (event_record_own) is to be kept: it is there, or has another
    // expiry. Changes nothing here.
    void (*save)(void *arg, event_id id);
};

struct event_subscription {
    struct str event; // package, and its id parameter; empty: none
    struct str event_id;
    struct str params; // further parameters of Event as they stand (";max-rate=0.1"); empty: none
    struct str accept; // empty: the package's types, if it is known here
    struct str uri, from, to, contact; // Request-URI; values without a tag
    struct str next_hop;               // as in struct ua_request
    flow_id flow;
    bool one_shot;    // asks for the state once: Expires 0 (RFC 6665 4.4.3)
    uint32_t expires; // seconds; 0: the package's default, 3600 where it is not known
    bool keep;        // subscribes anew when it is lost
    uint32_t forks;   // how many further notifiers are taken; others get 481
    const struct event_subscriber_ops *ops;
    void *arg;
};

// Sends SUBSCRIBE. Copies what it is given. ERR_FULL, ERR_NOMEM, ERR_INVAL.
int event_subscribe(struct event *e, const struct event_subscription *p, event_id *ret_id);
// Expires 0; `ended` tells when the last NOTIFY has come, or does not come. ERR_NOTFOUND.
int event_unsubscribe(struct event *e, event_id id);
// A SUBSCRIBE at once; expires 0: as before. ERR_STATE when none can be sent now.
int event_refresh(struct event *e, event_id id, uint32_t expires);
// No further callbacks, nothing sent: what comes of it is answered with 481.
void event_forget(struct event *e, event_id id);
// The same as event_record, event_restore and event_name for a subscription of this node. What was
// told with a flow, and forks, have no record: ERR_INVAL. Nothing is sent; it is refreshed in time,
// and event_refresh asks for the whole state.
int event_record_own(struct event *e, event_id id, struct writer *w);
int event_restore_own(struct event *e, struct str record, const struct event_subscriber_ops *ops,
                      void *arg, event_id *ret_id);
uint64_t event_own_name(const struct event *e, event_id id);
// Call-ID of its dialog; empty when gone.
struct str event_call_id(const struct event *e, event_id id);
