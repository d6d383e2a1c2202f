// SPDX-License-Identifier: Apache-2.0
// INVITE sessions of a user agent, both sides (RFC 3261 13 to 15). The journey of an INVITE that
// comes in: the transaction layer offers it to server.c, which claims it when the owner wants it,
// keeps it until its end and hands it to him. session_take (incoming.c) refuses what the core
// cannot have and makes a session (session.c) with a leg (leg.c): a dialog, in which offers and
// answers pass through a small machine (offer.c, RFC 3264, 6337). The owner's responses go back
// through server.c, as they are or reliably (reliable.c), which then wait for their PRACK (prack.c,
// RFC 3262). The 2xx is sent again until its ACK comes up through server.c; the session is up then.
// Later requests of the dialog come the same way, and layer.c has the table of what each method is
// for: a change (modified.c, RFC 3261 14, 3311), the end (bye.c), a REFER (refer.c, RFC 3515), or
// something of the owner's (other.c). What has happened is an event for the machine of states.c,
// whose rows have the actions. An INVITE that goes out (invite.c) takes the same way from the other
// end: each To tag that answers it is a leg, the first 2xx chooses one, and ack.c thanks for it;
// changes of ours are modify.c, refreshes of the session interval (interval.c, RFC 4028) refresh.c,
// and Replaces (RFC 3891) replaces.c.
//
// The files stand in layers, each with a header, and need only what is below:
//
//     layer, states                        wiring: methods, events, timers to actions
//     invite stray incoming prack modify modified refresh bye refer referred
//     replaces other                                                              actions.h
//     send ack server served offer objection reliable interval                    exchange.h
//     session leg request describe list                                           session_priv.h
//     dialog dialog_send ua auth machine   they know no session
//
// What has to go up goes as an event to the machine (session_step), through struct session_wiring,
// or to whoever carries the answer to an offer (struct carrier).
//
// Bodies are opaque here: whoever owns the session makes and reads them. What he does not say he is
// asked for. A session is there until `closed` was told, or session_drop; nothing is told after
// that.
#pragma once

#include "stack/session/auth.h"
#include "stack/session/ua.h"

struct session_layer;
struct session;
struct sip_msg;
struct sip_timers;
struct txn_layer;

// A request that came in, until its final response has gone; 0: none. Never reused.
typedef uint64_t server_id;

// Why a session is over.
struct session_end {
    bool established; // it had been accepted
    bool by_remote;   // BYE, CANCEL or a refusal from there
    unsigned status;  // of the refusal, ours or theirs; 408 silence, 503 no connection, 487
                      // cancelled; of a BYE of ours the final response, 0 when we sent none
    const struct sip_msg *msg; // the response, BYE or CANCEL's INVITE that ended it; NULL: none
    struct str reason;         // value of the CANCEL's or BYE's Reason header (RFC 3326)
    const char *cause;         // our own words; NULL: none
};

struct session_refer {
    const struct sip_msg *msg;
    const struct sip_addr *to; // Refer-To
    bool silent;               // no subscription is wanted (RFC 4488)
};

// Any may be NULL.
struct session_ops {
    void (*progress)(void *arg, struct session *s, unsigned status, const struct sip_msg *m);
    // The other side offers something; the answer is due by session_answer, now or later, or
    // session_refuse. body empty: an offer of ours is wanted in the same way (INVITE or re-INVITE
    // without one). Not told for the first INVITE of session_take: its owner has it in his hands.
    // NULL: refused with 488.
    void (*offer)(void *arg, struct session *s, struct str body, const struct sip_msg *m);
    // An offer that `offer` told needs no answer any more: its request was cancelled, or has timed
    // out, or another fork was chosen. fork: the tag of who had made it.
    void (*withdrawn)(void *arg, struct session *s, struct str fork);
    // The answer to our offer. Told again when an unreliable response gave a preview of it (RFC
    // 6337 3.1.1).
    void (*answer)(void *arg, struct session *s, struct str body, const struct sip_msg *m);
    // Both sides: ACK sent, or received.
    void (*established)(void *arg, struct session *s);
    // What session_modify began has ended with this status.
    void (*modified)(void *arg, struct session *s, unsigned status);
    void (*closed)(void *arg, struct session *s, const struct session_end *e);
    // A request inside the dialog that is none of the session's: to be replied to by
    // session_reply_to. NULL: 405.
    void (*request)(void *arg, struct session *s, server_id id, const struct sip_msg *m);
    // May it be done? 202, or a refusal. Progress is told by session_refer_progress. NULL: 603.
    unsigned (*refer)(void *arg, struct session *s, const struct session_refer *r);
    // Of our own REFER: a status of the referred request; over: nothing more is told.
    void (*referred)(void *arg, struct session *s, unsigned status, bool over);
    // Each request (status 0) and response above 100 of the session's, before it leaves: what the
    // owner wants in it.
    void (*decorate)(void *arg, struct session *s, enum sip_method method, unsigned status,
                     struct sip_edits *e);
};

enum session_rel { SESSION_REL_OFF, SESSION_REL_SUPPORTED, SESSION_REL_REQUIRED };
enum session_refresher { SESSION_REFRESHER_ANY, SESSION_REFRESHER_UAC, SESSION_REFRESHER_UAS };

// Copied; auth lives longer than the session.
struct session_params {
    const struct session_ops *ops;
    void *arg;
    struct str contact, allow; // values of Contact and Allow
    // Further option tags that the owner has, comma-separated ("precondition"); "replaces": a
    // Replaces is obeyed.
    struct str supported;
    struct str content_type; // of bodies; empty: application/sdp
    enum session_rel rel100; // Require or Supported: 100rel
    bool timer;              // Supported: timer
    uint32_t expires_s,
        min_se_s; // Session-Expires asked for (0: none), least one that is accepted (0: 90)
    enum session_refresher refresher; // asked for
    bool no_update;                   // UPDATE is neither claimed nor sent
    const struct sip_timers *timers;  // how far away the other side is; NULL: sip_timers_core
    struct uac_auth *auth;            // NULL: challenges end a request
    // outgoing
    struct str uri;      // Request-URI and To
    struct str from;     // URI
    struct str route;    // value of Route; empty: none
    struct str require;  // option tags beyond 100rel
    struct str replaces; // value of Replaces; empty: none
    struct str call_id;  // empty: chosen
    struct str body;     // the offer; empty: one is wanted of the other side
};

// What we say of an INVITE that came in.
struct session_reply {
    unsigned status; // 101 to 199; 200 to 299; 300 to 699
    struct str body; // answer, or offer when there was none; empty: none
    bool reliable;   // provisional: by 100rel when the other side has it
};

// Whose INVITEs are taken from the transaction layer.
struct session_layer_ops {
    // Is this new INVITE one of the owner's? A look-up that changes nothing. NULL: none is.
    bool (*wants)(void *arg, const struct sip_msg *m);
    // It is given to session_take or session_refuse_new then, during this call.
    void (*incoming)(void *arg, server_id id, const struct sip_msg *m);
};

struct session_layer_params {
    struct txn_layer *txns; // whose user it becomes
    struct ua_layer *uas;
    const struct session_layer_ops *ops;
    void *arg;
    size_t max_sessions; // 0: 200000; beyond it an INVITE is refused with 503
};

int session_layer_new(const struct session_layer_params *p, struct session_layer **ret_layer);
// Ends all sessions without a word, before the stack goes. Takes NULL.
void session_layer_free(struct session_layer *l);
size_t session_layer_count(const struct session_layer *l);

int session_invite(struct session_layer *l, const struct session_params *p,
                   struct session **ret_session);
// Takes the INVITE; it has to be progressed, accepted or refused then. *ret_session is NULL when it
// was answered here (a Require that nobody understands, a session interval that is too small, a
// Replaces that matches nothing), which is no error.
int session_take(struct session_layer *l, server_id id, const struct session_params *params,
                 struct session **ret_session);
// Refuses it without a session. extra may be NULL, and is made in the arena.
int session_refuse_new(struct session_layer *l, server_id id, unsigned status,
                       struct sip_edits *extra);
struct arena *session_arena(struct session_layer *l, server_id id);

// ERR_STATE when a final response was given. ERR_INVAL: the other side wants it reliable, has made
// no offer, and there is none in this one either (RFC 3261 13.2.1).
int session_progress(struct session *s, const struct session_reply *r);
// Would it be sent by 100rel?
bool session_is_reliable(const struct session *s, const struct session_reply *r);
int session_accept(struct session *s, const struct session_reply *r);
int session_reject(struct session *s, const struct session_reply *r);

// What `offer` asks for.
int session_answer(struct session *s, struct str body);
int session_refuse(struct session *s, unsigned status);

// A new offer: UPDATE in an early dialog, and re-INVITE in a confirmed one. body empty: re-INVITE
// without an offer. ERR_STATE while something else is under way.
int session_modify(struct session *s, struct str body);
bool session_may_modify(const struct session *s);
// The same, with an offer, as soon as it may be; ERR_STATE: that will never be, or one is under
// way. Half a minute without a chance is 491.
int session_modify_later(struct session *s, struct str body);
// CANCEL, a refusal with 486, or BYE. Later ones do nothing.
int session_hang_up(struct session *s);
// No callback any more, and no further word but for an INVITE of ours without a final response: it
// is cancelled, and whoever accepts it even so is thanked and hung up.
void session_drop(struct session *s);

// A request of the owner's inside the dialog (INFO, MESSAGE); cb is told the final response, msg
// NULL as for ua_send.
typedef void (*session_request_cb)(void *arg, struct session *s, unsigned status,
                                   const struct sip_msg *m);
int session_request(struct session *s, enum sip_method method, struct str type, struct str body,
                    session_request_cb cb);

// refer_to: value of Refer-To. silent: without the implicit subscription (RFC 4488).
int session_refer(struct session *s, struct str refer_to, bool silent);
// What has become of the request that a REFER asked for; a final status ends the subscription.
int session_refer_progress(struct session *s, unsigned status);
// Value of a Replaces header field that names this session (RFC 3891 6.1), in the arena; STR_NONE
// without a dialog.
struct str session_replaces(const struct session *s, struct arena *a);
// The session that an INVITE is to take the place of, when it is accepted; NULL: none.
struct session *session_replaced(const struct session *s);

// To what `request` told. With what `decorate` adds.
void session_reply_to(struct session *s, server_id id, unsigned status);

// ---- for people ----

enum { SESSION_PARTS = 6 };

struct session_line {
    const char *state;
    struct str call_id, local_tag;
    struct str remote; // where its requests go; STR_NONE: no dialog yet
    bool outgoing;
    uint64_t age_ms;
    size_t legs;         // dialogs
    uint32_t interval_s; // of RFC 4028; 0: none
    // Its machines that are at something, the session's own first: name, state, and the timer that
    // runs out next (NULL: none runs).
    struct session_part {
        const char *machine, *state, *timer;
        uint64_t timer_ms;
    } parts[SESSION_PARTS];
    size_t n_parts;
};
typedef void (*session_list_cb)(void *arg, const struct session_line *line);
// Calls cb for at most max sessions, the oldest first; returns how many.
size_t session_list(const struct session_layer *l, size_t max, session_list_cb cb, void *arg);

// ---- looking at it ----
// Body of the INVITE that came in, until its final response.
struct str session_offer(const struct session *s);
bool session_is_established(const struct session *s);
const char *session_state_name(const struct session *s);
// Tag of the other side in the dialog that counts; STR_NONE: none yet.
struct str session_fork(const struct session *s);
// Seconds of the session interval, 0: none; *ret_ours: it is refreshed here.
uint32_t session_interval(const struct session *s, bool *ret_ours);
