// SPDX-License-Identifier: Apache-2.0
// What the files of the session core share.
#pragma once

#include "base/fsm.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slots.h"
#include "io/loop.h"
#include "sip/msg.h"
#include "sip/token.h"
#include "stack/session/session.h"

// LEGS_MAX: dialogs of one INVITE. REQUESTS_MAX: of ours under way in one session. BODY_MAX: of a
// description that is kept.
enum { LEGS_MAX = 12, REQUESTS_MAX = 8, REQUEST_HEADERS = 8, REPLIES_MAX = 4, BODY_MAX = 16384 };

typedef uint64_t session_id;

struct session_layer {
    struct txn_layer *txns;
    struct ua_layer *uas;
    struct txn_user *user;
    struct loop *loop;
    const struct session_layer_ops *ops;
    void *arg;
    struct slots ids, served;
    struct map by_dialog; // hash of Call-ID and local tag
    struct list all;
    struct list serving, leaving; // struct served: requests that are being answered; to be freed
    struct deferred release;
    size_t n, max;
};

// ---- states.c ----
enum session_state {
    SS_CALLING,    // INVITE sent
    SS_EARLY,      // a dialog is there
    SS_CANCELLING, // CANCEL sent, or to be sent
    SS_RINGING,    // INVITE came in, no final response yet
    SS_ANSWERED,   // 2xx sent, no ACK yet
    SS_LEAVING,    // the same, and BYE follows the ACK
    SS_UP,
    SS_ENDING, // BYE sent
    SS_ENDED,
    SS_STATES
};
enum session_event {
    SE_EARLY,
    SE_OK,
    SE_REFUSED,
    SE_ACCEPT,
    SE_REJECT,
    SE_CANCELLED,
    SE_ACK,
    SE_NO_ACK,
    SE_HANG_UP,
    SE_BYE,
    SE_OVER,
    SE_LOST,
    SE_DROP,
    SE_EVENTS
};
extern const struct fsm session_machine;
void session_step(struct session *s, enum session_event ev, const struct session_end *e);

// ---- offer.c ----
enum offer_state {
    OA_STABLE,   // nothing open
    OA_SENT,     // we have offered
    OA_RECEIVED, // they have
    OA_STATES
};
enum offer_event {
    OE_SEND_OFFER,
    OE_RECV_OFFER,
    OE_SEND_ANSWER,
    OE_RECV_ANSWER,
    OE_WITHDRAW,
    OE_EVENTS
};

enum due { DUE_NONE, DUE_ACK, DUE_PRACK, DUE_RESPONSE };

// One dialog of a session.
struct leg {
    struct list link;
    struct session *session;
    struct dialog *dialog;
    uint8_t oa;     // enum offer_state
    bool described; // an exchange was completed in it
    bool left;      // a fork that was thanked and hung up
    bool peer_update, peer_timer, peer_rel;
    uint32_t rseq;        // of the last reliable provisional response that came, 0: none
    enum due due;         // where the answer to their offer goes
    server_id due_server; // DUE_RESPONSE
    uint32_t due_rseq;    // DUE_PRACK
    uint32_t pracked;     // of the last one that was acknowledged
    struct {
        uint32_t cseq;
        struct str body, credentials; // heap
        bool proxy, sent;
    } ack; // the last one, to be sent again
};
extern const struct fsm offer_machine;
// False: this is not the time for it.
bool offer_step(struct leg *g, enum offer_event ev);
// A body came where an answer may be, or an offer: tells the owner. in: where an answer to an offer
// would go.
void offer_take(struct leg *g, const struct sip_msg *m, enum due in);

// ---- request.c ----
struct request;
typedef void (*request_cb)(struct request *r, unsigned status, const struct sip_msg *m);
struct request {
    struct list link;
    struct session *session;
    struct leg *leg;
    enum sip_method method;
    ua_id id;
    uint32_t cseq;
    bool done;     // final response came: kept for the 2xx that come again
    uint8_t again; // further attempts so far
    struct uac_attempts tries;
    struct str type, body; // in mem
    struct {
        enum sip_hid id;
        struct str name, value;
    } headers[REQUEST_HEADERS];
    size_t n_headers;
    struct arena mem;
    request_cb cb;
    session_request_cb user_cb;
};
// NULL: out of memory, or too many. Not sent yet.
struct request *request_new(struct leg *g, enum sip_method method, request_cb cb);
void request_header(struct request *r, enum sip_hid id, struct str value);
// Of a header without a row; both static text.
void request_named(struct request *r, struct str name, struct str value);
void request_body(struct request *r, struct str type, struct str body);
// Frees it when it cannot be sent.
int request_send(struct request *r);
void request_free(struct request *r);
// Is one of this method without a final response? SIP_UNKNOWN: any but PRACK.
bool request_pending(const struct session *s, enum sip_method method);
// ACK for the 2xx with this CSeq.
void request_ack(struct leg *g, uint32_t cseq, struct str body);
void request_ack_again(struct leg *g, uint32_t cseq);
void ack_done(struct leg *g);

// ---- refresh.c ----
struct interval {
    uint32_t se, min_se; // in force (0: none); least one, raised by 422
    bool ours;           // we refresh
    struct timer timer;
    uint64_t ends; // ms of loop time
};

struct change { // re-INVITE or UPDATE of ours
    bool active, refreshing, waiting;
    enum sip_method method;
    struct str body; // heap
    uint8_t tries;
    struct timer again;
};

struct provisional { // reliable, of ours
    bool active;
    uint32_t rseq;           // last one used
    uint32_t interval, left; // ms
    struct timer timer;
    unsigned status;
    struct sip_edits headers; // in the arena of the INVITE that came in
    bool has_description;
    struct {
        struct session_reply r;
    } queue[REPLIES_MAX]; // wait for the PRACK; bodies in mem
    size_t n_queue;
};

struct session {
    struct session_layer *layer;
    struct list link;
    session_id id;
    const struct session_ops *ops;
    void *arg;
    struct session_params p; // texts in mem
    struct arena mem;
    uint8_t state; // enum session_state
    bool uac, told, was_up;
    bool acked;                    // `established` was told
    struct str call_id, local_tag; // in mem
    uint64_t key;
    struct list legs;
    size_t n_legs;
    struct leg *leg; // the one that counts; NULL: none yet
    struct list requests;
    size_t n_requests;
    // outgoing INVITE
    ua_id invite;
    struct sip_msg *invite_msg; // as sent, for dialogs
    uint32_t invite_cseq;
    struct uac_attempts tries;
    uint8_t again; // times it was sent again
    // incoming INVITE
    server_id incoming, reinvite; // first one, and one inside the dialog, until the final response
    bool unacked;                 // a 2xx to the latter waits for its ACK
    bool offered;                 // there was an offer in the first INVITE, ours or theirs
    bool peer_requires_rel;
    struct provisional rel;
    struct change change;
    struct interval interval;
    struct str described; // heap: our last description, for a refresh by re-INVITE
    session_id replaces;
    const char *why;            // it is being hung up here, without its owner; NULL: no
    bool refer_open, referring; // a REFER that came in, that went out, has not come to its end
    struct deferred cleanup;
};

// ---- session.c ----
int session_new(struct session_layer *l, const struct session_params *p, bool uac,
                struct session **ret_session);
void session_free(struct session *s);
int session_register(struct session *s, struct str call_id, struct str local_tag);
struct session *session_find(struct session_layer *l, session_id id);
struct session *session_of_dialog(struct session_layer *l, struct str call_id,
                                  struct str local_tag);
struct leg *leg_new(struct session *s, struct dialog *d);
void leg_free(struct leg *g);
struct leg *leg_of(const struct session *s, const struct sip_msg *m);
void leg_note_peer(struct leg *g, const struct sip_msg *m);
int session_keep_described(struct session *s, struct str body);
struct str session_type(const struct session *s);
// Contact, Allow, Supported, and what the owner adds.
void session_describe(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e);
void session_decorate(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e);
static inline bool session_over(const struct session *s)
{
    return s->state == SS_ENDED;
}
struct str heap_set(struct str *at,
                    struct str v); // replaces a heap text; p NULL when out of memory
bool list_has(struct str list, struct str token);
// From server.c: what belongs to this leg.
void session_on_request(struct leg *g, server_id id, const struct sip_msg *m);
void session_on_ack(struct leg *g, const struct sip_msg *m);
// To the owner; 405 without one.
void session_other_request(struct leg *g, server_id id, const struct sip_msg *m);
// First option tag in Require that nobody here has; p NULL: none.
struct str session_unknown_option(const struct session_params *p, const struct sip_msg *m);

// ---- invite.c ----
int invite_send(struct session *s);
void invite_cancel(struct session *s);

// ---- incoming.c ----
void incoming_gone(struct session *s, bool first);
void incoming_cancelled(struct session *s, server_id id, const struct sip_msg *m,
                        struct str reason);
int incoming_reply(struct session *s, server_id id, unsigned status, struct sip_edits *e);

// ---- reliable.c ----
void reliable_init(struct session *s);
// Sends r reliably, or queues it. ERR_FULL.
int reliable_send(struct session *s, const struct session_reply *r);
bool reliable_wanted(const struct session *s, const struct session_reply *r);
void reliable_stop(struct session *s);
void reliable_on_prack(struct leg *g, server_id id, const struct sip_msg *m);
// A provisional response came. False: out of order, or again.
bool reliable_take(struct leg *g, const struct sip_msg *m);
int prack_send(struct leg *g, uint32_t rseq, struct str body);

// ---- modify.c, modified.c ----
void change_init(struct session *s);
void change_done(struct session *s);
int change_start(struct session *s, enum sip_method method, struct str body, bool refreshing);
void modified_on_request(struct leg *g, server_id id, const struct sip_msg *m);
int modified_answer(struct leg *g, struct str body);
int modified_refuse(struct leg *g, unsigned status);

// ---- refresh.c ----
void interval_init(struct session *s);
void interval_request(struct session *s, const struct leg *g,
                      struct sip_edits *e); // Session-Expires, Min-SE of ours
void interval_response(struct session *s, const struct leg *g, const struct sip_msg *req,
                       struct sip_edits *e);
void interval_confirmed(struct session *s, const struct sip_msg *resp); // 2xx to ours
// 422 when what they ask for is too little; fills Min-SE. False: it is not.
bool interval_too_small(const struct session_params *p, const struct sip_msg *req);
bool interval_raise(struct session *s, const struct sip_msg *resp); // after a 422
void interval_stop(struct session *s);

// ---- bye.c ----
void bye_send(struct session *s, struct leg *g);
void bye_on_request(struct leg *g, server_id id, const struct sip_msg *m);

// ---- refer.c ----
void refer_on_request(struct leg *g, server_id id, const struct sip_msg *m);
void refer_on_notify(struct leg *g, server_id id, const struct sip_msg *m);

// ---- replaces.c ----
// 0: nothing to be replaced, or *ret_id; else the status to refuse with (RFC 3891 3).
unsigned replaces_find(struct session_layer *l, const struct session_params *p,
                       const struct sip_msg *m, session_id *ret_id);
void replaces_done(struct session *s);

// ---- server.c: the one place that knows how requests are answered ----
const struct sip_msg *server_request(struct session_layer *l, server_id id);
int server_reply(struct session_layer *l, server_id id, unsigned status, struct sip_edits *e);
// A bare one, with what the owner adds.
void server_refuse(struct session *s, server_id id, unsigned status);
// The same with Retry-After of 0 to 10 s (RFC 3261 14.2).
void server_refuse_later(struct session *s, server_id id);
// incoming_gone is told when the INVITE is over.
void server_watch(struct session *s, server_id id, bool first);
// The ACK for the 2xx with this CSeq has come.
void server_acked(struct session *s, uint32_t cseq);
int server_layer_init(struct session_layer *l);
void server_layer_done(struct session_layer *l);
