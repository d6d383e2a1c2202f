// SPDX-License-Identifier: Apache-2.0
// The structs of the transaction layer and the five machines. A transaction is in the id table until
// its end has been told; it ends at the end of the turn, never under its caller's feet. Each file needs those below it
// only:
//     txn_layer (from the transports, life of the layer)
//     txn_client, txn_server (what users call, what arrives)
//     fsm_client, fsm_server (the machines) | screen, shed, users
//     txn_target (one after the other) | txn_cancel | txn_reach, txn_trouble
//     tomb (what is left of a finished one)
//     txn (life of a transaction) | fsm_names, branch, txn_build, txn_key, resolve, overload, list
#pragma once

#include "base/fsm.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slots.h"
#include "io/loop.h"
#include "sip/msg.h"
#include "stack/transport/transport.h"
#include "stack/txn/resolve.h"
#include "stack/txn/tomb.h"
#include "stack/txn/txn.h"

// ---- machines ----

enum txn_state {
    TXN_INIT, // client: resolving or changing target
    TXN_CALLING, TXN_TRYING, TXN_PROCEEDING, TXN_COMPLETED, TXN_CONFIRMED, TXN_ACCEPTED,
    TXN_TERMINATED,
    TXN_STATES
};

enum txn_event {
    EV_START, EV_NO_TARGET,
    EV_1XX, EV_2XX, EV_3XX_6XX, EV_FINAL,    // responses received; EV_FINAL: of a non-INVITE
    EV_REQUEST, EV_ACK,                      // received again; acknowledged
    EV_TU_1XX, EV_TU_2XX, EV_TU_3XX_6XX, EV_TU_FINAL, // responses to send
    EV_CANCEL, EV_CANCEL_LATE,               // INVITE client: to be cancelled; no end came of it
    EV_TIMER_A, EV_TIMER_B, EV_TIMER_D, EV_TIMER_M,
    EV_TIMER_E, EV_TIMER_F, EV_TIMER_K,
    EV_TIMER_G, EV_TIMER_H, EV_TIMER_I, EV_TIMER_L, EV_TIMER_J,
    EV_TRYING_DUE, EV_TOO_LATE,              // non-INVITE server: RFC 4320
    EV_ERROR,                                // transport error
    EV_DROP,                                 // nobody has use for it any more
    TXN_EVENTS
};

// The timers of the machines; the values are those of stack/txn/timers.h.
enum txn_timer {
    TM_NONE,
    TM_A, TM_B, TM_CANCEL, TM_D, TM_M,
    TM_E, TM_F, TM_F_LEFT, TM_K,
    TM_G, TM_H, TM_I, TM_L,
    TM_TRYING, TM_LATE, TM_J,
    TXN_TIMERS
};
extern const struct fsm_timer txn_timers[TXN_TIMERS];
#define TM_BIT(timer) (UINT32_C(1) << (timer))

extern const char *const txn_state_names[TXN_STATES];
extern const char *const txn_event_names[TXN_EVENTS];

extern const struct fsm txn_invite_client;  // RFC 3261 figure 5, RFC 6026 7.2
extern const struct fsm txn_request_client; // RFC 3261 figure 6
extern const struct fsm txn_invite_server;  // RFC 3261 figure 7, RFC 6026 7.1
extern const struct fsm txn_request_server; // RFC 3261 figure 8
extern const struct fsm txn_once_client;    // an ACK for a 2xx: out and gone

// What comes with an event.
struct txn_input {
    struct sip_msg *msg;
    unsigned status;
    struct str bytes;
    int err;
};

// ---- structs ----

struct txn {
    struct txn_entry entry;
    txn_id id;
    struct txn_layer *layer;
    const struct fsm *fsm;
    uint8_t state;
    uint8_t retransmit_timer, timeout_timer; // which timers of the machine run; TM_NONE: none
    bool is_server, reliable, open; // open: a final response is still due, or its ACK
    bool of_stranger;               // counted while open
    enum sip_method method;
    const struct sip_timers *timers;
    struct flow *flow;              // NULL: none or gone
    struct list flow_link;          // in the flow's users
    struct list link;               // in the layer's live or dead
    struct list late_link;
    int late_err;
    struct timer retransmit, timeout;
    uint32_t interval;              // to the next retransmission, ms; 0: none is due
    uint32_t last_ms;               // of the timer that only a tombstone waits for
    uint64_t born;                  // ms of loop time
    struct str kept;                // message for retransmission, heap
};

enum { TXN_BRANCH_MAX = 64 };

struct txn_client {
    struct txn t;
    txn_write write;
    txn_client_cb cb;
    timer_cb once_done;         // machine txn_once_client
    void *arg;
    struct str method_name;     // heap, of an extension method
    flow_id fixed_flow;
    unsigned label, word;
    uint32_t leg_ms, timeout_ms;
    uint64_t deadline;          // of all targets together, ms of loop time; 0: when the first is sent
    uint64_t sent_at;           // to the present target, ms of loop time
    uint64_t loop_hash, resolve_id;
    struct resolve_list targets;
    flow_id stream;             // reached by this connection, while it is open
    struct addr connect;        // and where one is made then
    bool reach;                 // both count
    size_t cur;                 // target in use
    uint32_t heard;             // bit for each target that answered, or was silent in its time
    struct txn_asked *asked;    // these, over all transactions of the request; NULL: not remembered
    bool (*elsewhere)(unsigned status); // see struct txn_client_params
    unsigned fail_status;       // to report with EV_NO_TARGET
    bool reused, retried;       // the connection had been there before; the same target a second time
    bool grown, force_udp;      // TCP for the size only; that did not work
    bool outgrown;              // larger than any datagram, so that only a connection will do
    bool cancelled, cancel_due; // CANCEL asked for; waits for a provisional response
    bool answered;              // a response came on this target
    bool speaks;                // silence is the target's own
    bool withdraw;              // see struct txn_client_params
    bool probed;                // the lost connection was made again once
    struct str cancel_reason;   // heap
    char *trouble;              // heap; why it failed, for people
    txn_id cancel;              // the CANCEL's transaction, 0: none; its responses carry our branch
    txn_id parent;              // of a CANCEL: the INVITE's
    bool zombie;                // ended, kept for its CANCEL
    struct str branch;
    char branch_buf[TXN_BRANCH_MAX];
};

enum { TXN_KEY_INLINE = 112 }; // a branch of ours, and a node's name as 3GPP makes them

struct txn_server {
    struct txn t;
    struct txn_user *user;      // whose it is; NULL: a CANCEL, or he has not been found yet
    void *owner;                // the user's
    struct overload_request asked; // for it
    bool heard;                 // overload control knows of the first answer
    struct addr reply_to;       // unreliable: where responses go; else where a new connection goes
    enum sip_proto proto;
    unsigned label;
    bool replied;
    int end_err;
    bool listed;                // in by_key
    uint64_t key_hash;
    char *key;                  // key_buf or heap
    size_t key_n;
    char key_buf[TXN_KEY_INLINE];
};

// One row per counter: field, metric name, labels. txn_stats walks it.
#define TXN_COUNTERS(X)                                                                            \
    X(retransmits_in, "sip_retransmits_in", "")                                                    \
    X(retransmits_out, "sip_retransmits_out", "")                                                  \
    X(stray_responses, "sip_stray_responses_in", "")                                               \
    X(stray_acks, "sip_stray_acks_in", "")                                                         \
    X(overload, "sip_overload_rejected", "")                                                       \
    X(forbidden, "sip_targets_forbidden", "")                                                      \
    X(timeouts, "sip_transaction_timeouts", "")                                                    \
    X(too_late, "sip_requests_too_late", "")                                                       \
    X(failovers, "sip_target_failovers", "")                                                       \
    X(strangers_refused, "sip_strangers_refused", "")                                              \
    X(drop_open, "sip_limit_reached", "limit=\"transactions\"")                                    \
    X(drop_acks, "sip_limit_reached", "limit=\"acks\"")

struct txn_counters {
#define X(field, name, labels) uint64_t field;
    TXN_COUNTERS(X)
#undef X
};

enum { TXN_USERS_MAX = 8 };

struct txn_user {
    const struct txn_user_ops *ops;
    void *arg;
};

struct txn_layer {
    struct loop *loop;
    struct transport *transport;
    struct txn_owner_ops owner;
    void *owner_arg;
    struct resolver *resolver;
    struct overload *overload;
    struct txn_user users[TXN_USERS_MAX];
    size_t n_users;
    struct txn_user *rest;      // takes what nobody claims; NULL: nobody does
    size_t max_transactions;
    uint64_t secret;            // of the transports
    struct slots ids;
    struct map by_key;          // servers and their tombstones, by the hash of their key
    struct list live, dead, late;
    struct tombs tombs;
    struct list free_clients, free_servers;
    size_t n_free, n_open, n_strangers, n_clients, n_servers; // the last two with tombstones
    uint64_t total_clients, total_servers;
    struct txn_counters count;
    struct deferred turn;
    bool draining;
    timer_cb drained;
    void *drained_arg;
    struct deferred drain_check;
};

// ---- users.c ----
// Who has this request, which may be an ACK; NULL: nobody.
struct txn_user *users_find(struct txn_layer *l, const struct sip_msg *m, flow_id flow);
// Is this ACK for u, which acknowledges no refusal, one that nobody waits for?
bool users_ack_strays(const struct txn_layer *l, const struct txn_user *u, const struct sip_msg *m);
// See txn_user_ops.stateless.
unsigned users_stateless(const struct txn_layer *l, const struct sip_msg *m, bool refused,
                         struct str *ret_reason, struct sip_edits *extra);

// ---- txn.c ----
struct txn_client *txn_client_alloc(struct txn_layer *l);
struct txn_server *txn_server_alloc(struct txn_layer *l);
// Gives back one that was never used.
void txn_discard(struct txn *t);
// A transaction, of which a tombstone is none.
struct txn *txn_find(const struct txn_layer *l, txn_id id);
struct txn_entry *txn_entry_find(const struct txn_layer *l, txn_id id);
void txn_step(struct txn *t, enum txn_event ev, struct txn_input *in);
void txn_attach(struct txn *t, struct flow *f);
int txn_keep(struct txn *t, struct str bytes);
void txn_forget_kept(struct txn *t);
void txn_set_machine(struct txn *t, const struct fsm *m);
// For the machines' arm and stop.
void txn_arm_retransmit(struct txn *t, unsigned timer, uint32_t ms);
void txn_arm_timeout(struct txn *t, unsigned timer, uint32_t ms);
// One that only the tombstone will wait for (tomb.h).
void txn_arm_last(struct txn *t, unsigned timer, uint32_t ms);
void txn_stop_timers(void *entry, uint32_t runs);
// A tombstone has its place in the tables: it is given back.
void txn_retire(struct txn *t);
// The CANCEL of this INVITE has ended, which waits for that if it is over itself.
void txn_cancel_over(struct txn_layer *l, txn_id invite);
// The state is TERMINATED: leaves all tables but the ids, told and freed at the end of the turn.
void txn_end(struct txn *t);
// Feeds EV_ERROR (client in TXN_INIT: EV_NO_TARGET) at the end of the turn.
void txn_late_error(struct txn *t, int err);
// Overload control learns of the first answer that is more than a 100.
void server_heard(struct txn_server *st, unsigned status);
void txn_end_of_turn(void *layer);
// All of them, without a word.
void txn_free_all(struct txn_layer *l);

// ---- txn_trouble.c ----
// Remembers why c fails, unless that is known already: a name that has no address, or what happened
// with its target, as words before and after the address.
void client_trouble_name(struct txn_client *c, const char *why, int err);
void client_trouble_target(struct txn_client *c, const char *before, const char *after);
void client_trouble_error(struct txn_client *c, int err); // the same for an error code

// ---- txn_client.c ----
void client_on_response(struct txn_layer *l, struct flow *f, struct sip_msg *m);

// ---- txn_cancel.c ----
// The CANCEL of the INVITE, to where that went, with the machine m; no timer.
void client_send_cancel(struct txn_client *c, const struct fsm *m);
// Sends the present target a CANCEL of an INVITE that it has not answered and is given up: it may only have been
// slow.
void client_withdraw(struct txn_client *c);

// ---- txn_reach.c ----
// The flow to a target: an open one, or a new one. ERR_CLOSED: there is none and none can be made.
int client_flow_to(struct txn_client *c, const struct resolve_target *t, enum sip_proto proto, struct flow **ret_flow);
// Where the request went, for what belongs to it; NULL: nowhere any more.
struct flow *client_flow(struct txn_client *c);
// Makes what p says the only target.
void client_set_reach(struct txn_client *c, const struct stack_reach *p);

// ---- txn_target.c ----
// Why the present target is given up.
enum client_cause { CAUSE_ERROR, CAUSE_SILENCE, CAUSE_503, CAUSE_ELSEWHERE };
// True when there is something left to try.
bool client_can_move(const struct txn_client *c, enum client_cause cause);
// Tries it; EV_START or a late error follows. retry_after: of a 503, in seconds, 0: none.
void client_move(struct txn_client *c, enum client_cause cause, uint32_t retry_after);
// The present target has answered, or has been silent in its time: it is not asked again.
void client_note_asked(struct txn_client *c);
// Leaves out those that the request has been put to already. False: none is left.
bool client_keep_unasked(struct txn_client *c);
// How long the present target may be silent; all targets together. ms.
uint32_t client_share(struct txn_client *c, uint32_t timer);
uint32_t client_left(const struct txn_client *c);
// The present target has said nothing in its time: is that its own silence?
void client_blame_silence(struct txn_client *c);
// A connection that was lost after a provisional response is made again, to see whether the peer lives.
bool client_probe(struct txn_client *c);
// What to report when nothing takes the request: 513 when that is for its size, else 503.
unsigned client_lost_status(const struct txn_client *c, int err);
// First attempt with the targets at hand.
void client_go(struct txn_client *c);

// ---- txn_server.c ----
void server_on_request(struct txn_layer *l, struct flow *f, struct sip_msg *m);

// ---- txn_build.c ----
// RFC 3261 17.1.1.3 and 9.1: from the INVITE's bytes as sent.
int txn_build_ack(struct txn_layer *l, struct str invite, const struct sip_msg *response,
                  struct writer *w);
int txn_build_cancel(struct txn_layer *l, struct str invite, struct str reason, struct writer *w);

// ---- branch.c ----
// Does this ACK belong to a response that this stack itself made for an INVITE without a To tag?
bool txn_is_own_tag(const struct txn_layer *l, const struct sip_msg *ack);
void branch_make(struct txn_client *c);
// The id inside a branch of ours, 0 when it is none.
txn_id branch_id(struct str branch);
