// SPDX-License-Identifier: Apache-2.0
// The base of the session core: what a session is made of, and what each file of the core may use.
// Nothing here knows an action; what has to go up to one goes through struct session_wiring.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "base/slots.h"
#include "io/loop.h"
#include "sip/msg.h"
#include "sip/token.h"
#include "stack/session/machine.h"
#include "stack/session/session.h"

// LEGS_MAX: dialogs of one INVITE. REQUESTS_MAX: of ours under way in one session. BODY_MAX: of a
// description that is kept.
enum { LEGS_MAX = 12, REQUESTS_MAX = 8, REQUEST_HEADERS = 8, REPLIES_MAX = 4, BODY_MAX = 16384 };

typedef uint64_t session_id;

struct leg;

// Which actions there are: filled in by layer.c, which knows them all.
struct session_wiring {
    const struct machine_kind *machine; // of a session's life; its rows have the actions
    const struct fsm *offers;           // of offers in a leg
    // The machines of the actions in a new session; all come to their end, which may be told twice;
    // their memory goes.
    void (*init)(struct session *s);
    void (*stop)(struct session *s);
    void (*done)(struct session *s);
    // The session interval is half over, and the refresh is ours.
    void (*refresh)(struct session *s);
    // A request came in a leg, an ACK for a 2xx, a CANCEL.
    void (*request)(struct leg *g, server_id id, const struct sip_msg *m);
    void (*ack)(struct leg *g, const struct sip_msg *m);
    void (*cancelled)(struct session *s, server_id id, const struct sip_msg *m, struct str reason);
    // A request is over without our answer, or an INVITE without the ACK for it. first: the INVITE
    // that server_watch named.
    void (*gone)(struct session *s, server_id id, bool first);
};

struct session_layer {
    struct txn_layer *txns;
    struct ua_layer *uas;
    struct txn_user *user;
    struct loop *loop;
    const struct session_wiring *wiring;
    const struct session_layer_ops *ops;
    void *arg;
    struct slots ids, served;
    struct map by_dialog; // hash of Call-ID and local tag
    struct list all;
    struct list serving, leaving; // struct served: requests that are being answered; to be freed
    struct list past;             // new INVITEs that were answered, until their transactions end
    struct map by_invite;         // each new INVITE of these lists, by what merged ones share
    struct list strays;           // INVITEs whose session is over, for forks that answer late
    size_t n_strays;
    struct deferred release;
    size_t n, max;
};

enum session_state {
    SS_INIT,
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
    SE_CALL,    // of ours
    SE_INVITE,  // came in
    SE_RINGING, // a provisional response of ours
    SE_RING_AGAIN,
    SE_NO_PRACK,
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
enum session_life_timer { ST_NONE, ST_RINGING, ST_RINGING_RELIABLY, ST_TIMERS };
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

// A message that carries our answer to an offer of theirs. It is called when the owner has spoken,
// and nothing is due any more.
struct carrier {
    int (*answer)(struct leg *g, struct str body);
    int (*refuse)(struct leg *g, unsigned status);
};

// One dialog of a session.
struct leg {
    struct list link;
    struct session *session;
    struct dialog *dialog;
    uint8_t oa;     // enum offer_state
    bool described; // an exchange was completed in it
    bool left;      // a fork that was thanked and hung up
    bool peer_update, peer_timer, peer_rel;
    struct { // what carries our open offer: a request of ours, or a response to theirs
        enum sip_method method;
        uint32_t cseq;
        bool response;
    } offer;
    uint32_t rseq;             // of the last reliable provisional response that came, 0: none
    const struct carrier *due; // where the answer to their offer goes; NULL: none is open
    uint32_t due_turn;         // of the session's open offers the least is answered first
    server_id due_server;      // of by_response
    uint32_t due_rseq;         // of by_prack
    uint32_t pracked;          // of the last one that was acknowledged
    struct {
        uint32_t cseq;
        struct str body; // heap
        struct arena mem;
        struct sip_edits credentials; // of the INVITE, in mem
        bool sent;
        bool owed; // a 2xx came, and waits for it
    } ack;         // the last one, to be sent again
};

struct request;
typedef void (*request_cb)(struct request *r, unsigned status, const struct sip_msg *m);
struct request {
    struct list link;
    struct session *session;
    struct leg *leg;
    enum sip_method method;
    ua_id id;
    uint32_t cseq;
    uint32_t refer; // NOTIFY: the REFER that it is about, as they are counted
    bool done;     // final response came
    bool kept;     // after that, for the 2xx that come again
    bool offers;   // its body is our offer
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

enum interval_state { SI_OFF, SI_OURS, SI_THEIRS, SI_STATES };
enum interval_event { IE_OURS, IE_THEIRS, IE_NONE, IE_REFRESH, IE_BUSY, IE_EXPIRED, IE_EVENTS };
enum interval_timer { IT_NONE, IT_REFRESH, IT_BUSY, IT_EXPIRED, IT_TIMERS };
struct interval {
    struct machine m;    // enum interval_state: who refreshes it
    uint32_t se, min_se; // s; in force (0: none); least one, raised by 422
};

enum change_state { CH_IDLE, CH_SENT, CH_WAITING, CH_STATES };
enum change_event { CE_START, CE_START_LATER, CE_GLARE, CE_AFTER, CE_AGAIN, CE_DONE, CE_EVENTS };
enum change_timer { CT_NONE, CT_GLARE, CT_AFTER, CT_BUSY, CT_TIMERS };
struct change {       // re-INVITE or UPDATE of ours
    struct machine m; // enum change_state
    bool refreshing;
    enum sip_method method;
    struct str body;      // heap
    uint32_t after_ms;    // of CT_AFTER
    uint8_t tries, waits; // sent; put off since something else was under way
};

enum reliable_state { RL_IDLE, RL_SENT, RL_LATE, RL_STATES }; // late: a PRACK may still come
enum reliable_event { RE_SEND, RE_AGAIN, RE_PRACK, RE_NO_PRACK, RE_FINAL, RE_EVENTS };
enum reliable_timer { RT_NONE, RT_AGAIN, RT_NO_PRACK, RT_TIMERS };
struct provisional {     // reliable, of ours
    struct machine m;    // enum reliable_state
    uint32_t rseq, cseq; // last one used, CSeq of the INVITE
    unsigned status;
    struct sip_edits headers; // in the arena of the INVITE that came in
    bool has_description;
    struct {
        struct session_reply r;
    } queue[REPLIES_MAX]; // wait for the PRACK; bodies in mem
    size_t n_queue;
};

// The subscription that a REFER of ours makes, and one of theirs.
enum asking_state { AS_IDLE, AS_ASKED, AS_ACCEPTED, AS_TOLD, AS_STATES };
enum asking_event { AE_ASK, AE_ACCEPTED, AE_TOLD, AE_OVER, AE_SILENT, AE_EXPIRED, AE_EVENTS };
enum asking_timer { AT_NONE, AT_FIRST, AT_EXPIRED, AT_TIMERS };
struct asking {
    struct machine m;   // enum asking_state
    uint32_t expires_s; // what the last NOTIFY said, 0: nothing
};

enum asked_state { DS_IDLE, DS_OPEN, DS_STATES };
enum asked_event { DE_TAKE, DE_TELL, DE_OVER, DE_EXPIRED, DE_EVENTS };
enum asked_timer { DT_NONE, DT_EXPIRED, DT_TIMERS };
struct asked {
    struct machine m; // enum asked_state
    uint32_t n, cseq; // how many REFERs came, CSeq of the last one
    unsigned status;  // told last
};

struct session {
    struct session_layer *layer;
    struct list link;
    session_id id;
    const struct session_ops *ops;
    void *arg;
    struct session_params p; // texts in mem
    struct arena mem;
    struct machine life; // enum session_state
    uint64_t born;       // ms of the loop's time
    bool uac, was_up;
    bool acked;                    // `established` was told
    struct str call_id, local_tag; // in mem
    uint64_t key;
    struct list legs;
    size_t n_legs;
    uint32_t due_turns; // offers of theirs so far
    struct leg *leg;    // the one that counts; NULL: none yet
    struct list requests;
    struct list served; // struct served: theirs that are being answered
    // outgoing INVITE
    ua_id invite;
    struct sip_msg *invite_msg; // as sent, for dialogs
    uint32_t invite_cseq;
    struct uac_attempts tries;
    uint8_t again; // times it was sent again
    // incoming INVITE
    server_id incoming, reinvite; // first one, and one inside the dialog, until the final response
    server_id unacked;            // re-INVITE whose 2xx waits for its ACK; 0: none
    bool offered;                 // there was an offer in the first INVITE, ours or theirs
    bool peer_requires_rel;
    struct provisional rel;
    struct { // the last provisional response
        unsigned status;
        bool reliable;
    } repeat;
    struct change change;
    struct interval interval;
    struct str described; // heap: our last description, for a refresh by re-INVITE
    session_id replaces;
    const char *why;      // it is being hung up here, without its owner; NULL: no
    struct asking asking; // REFERs of ours
    struct asked asked;   // and of theirs
    struct deferred cleanup;
};

// ---- session.c: sessions and where they are found ----
int session_new(struct session_layer *l, const struct session_params *p, bool uac,
                struct session **ret_session);
void session_free(struct session *s);
void session_silence(struct session *s); // its owner is told and asked nothing any more
int session_register(struct session *s, struct str call_id, struct str local_tag);
struct session *session_find(struct session_layer *l, session_id id);
struct session *session_of_dialog(struct session_layer *l, struct str call_id,
                                  struct str local_tag);
// Feeds the machine, whose rows have the actions. Refused pairs change nothing.
void session_step(struct session *s, enum session_event ev, const struct session_end *e);
static inline bool session_over(const struct session *s)
{
    return s->life.state == SS_ENDED;
}

uint64_t session_now_ms(const struct session *s);

// ---- leg.c: dialogs of a session ----
struct leg *leg_new(struct session *s, struct dialog *d);
void leg_free(struct leg *g);
struct leg *leg_of(const struct session *s, const struct sip_msg *m);
// A fork is left, and another one counts. False: there is none.
bool leg_leave(struct leg *g);
void leg_note_peer(struct leg *g, const struct sip_msg *m);

// ---- request.c: requests of ours, until they are sent by send.c ----
// NULL: out of memory, or too many. Not sent yet.
struct request *request_new(struct leg *g, enum sip_method method, request_cb cb);
void request_header(struct request *r, enum sip_hid id, struct str value);
// Of a header without a row; both static text.
void request_named(struct request *r, struct str name, struct str value);
void request_body(struct request *r, struct str type, struct str body);
void request_free(struct request *r);
// Is one of this method without a final response? SIP_UNKNOWN: any but PRACK.
bool request_pending(const struct session *s, enum sip_method method);

// ---- describe.c: what goes into messages ----
// Contact, Allow, Supported, and what the owner adds.
void session_describe(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e);
void session_decorate(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e);
struct str session_type(const struct session *s);
int session_keep_described(struct session *s, struct str body);
// First option tag in Require that nobody here has; p NULL: none.
struct str session_unknown_option(const struct session_params *p, const struct sip_msg *m);
bool list_has(struct str list, struct str token);
// Appends the credentials that one request had to another (RFC 3261 13.2.2.4), copied.
void credentials_copy(struct sip_edits *to, const struct sip_edits *from);
// Replaces a heap text; p NULL when out of memory.
struct str heap_set(struct str *at, struct str v);
