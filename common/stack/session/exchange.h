// SPDX-License-Identifier: Apache-2.0
// What the actions of the session core share: requests and responses, offers and answers, the
// session interval. Nothing here knows an action.
#pragma once

#include "stack/session/session_priv.h"

// ---- send.c ----
// Frees it when it cannot be sent.
int request_send(struct request *r);

// ---- ack.c ----
// A 2xx with this CSeq came: it has to be acknowledged, now or before the session ends.
void ack_owe(struct leg *g, uint32_t cseq);
// The ACK has those of its INVITE, as it is sent.
void ack_take_credentials(struct leg *g, const struct sip_edits *invite);
// ACK for the 2xx with this CSeq.
void ack_send(struct leg *g, uint32_t cseq, struct str body);
void ack_again(struct leg *g, uint32_t cseq);
// It has been sent: nothing is missing any more.
void ack_done(struct leg *g);
extern const struct carrier by_ack;

// ---- offer.c ----
extern const struct fsm offer_machine;
// False: this is not the time for it.
bool offer_step(struct leg *g, enum offer_event ev);
// Our offer has left in this message; its answer comes in the same transaction.
void offer_sent(struct leg *g, enum sip_method method, uint32_t cseq, bool response);
// m has to have the answer to our offer, and has none.
bool offer_missed(const struct leg *g, const struct sip_msg *m);
// A body came where an answer may be, or an offer: tells the owner. in: where an answer to an offer
// would go; NULL: nowhere.
void offer_take(struct leg *g, const struct sip_msg *m, const struct carrier *in);
// The owner is asked for the answer that this carries, or for an offer of ours.
void offer_due(struct leg *g, const struct carrier *in);
// Is the owner being asked?
bool offer_is_open(const struct session *s);
// He is not asked any more for what was open in this leg.
void offer_withdrawn(struct leg *g);

// ---- interval.c: of session timers ----
extern const struct machine_kind interval_machine;
void interval_init(struct session *s);
void interval_request(struct session *s, const struct leg *g,
                      struct sip_edits *e); // Session-Expires, Min-SE of ours
void interval_response(struct session *s, const struct leg *g, const struct sip_msg *req,
                       struct sip_edits *e);
void interval_confirmed(struct session *s, const struct sip_msg *resp); // 2xx to ours
// What they ask for is less than we take.
bool interval_too_small(const struct session_params *p, const struct sip_msg *req);
bool interval_raise(struct session *s, const struct sip_msg *resp); // after a 422
void interval_stop(struct session *s);
// The refresh has to wait for something else.
void interval_busy(struct session *s);

// ---- reliable.c: provisional responses of ours ----
extern const struct machine_kind reliable_machine;
// The final response goes: it is not sent again, and what waits for its PRACK is not sent at all.
void reliable_stop(struct session *s);
// Does one wait for its PRACK?
bool reliable_is_open(const struct session *s);
// Sends r reliably, or queues it. ERR_FULL.
int reliable_send(struct session *s, const struct session_reply *r);
bool reliable_wanted(const struct session *s, const struct session_reply *r);
// True when it was this that the PRACK is for.
bool reliable_acked(struct session *s, const struct sip_msg *prack);
// The next one of the queue. False: there is none.
bool reliable_next(struct session *s, struct session_reply *ret_r);

// ---- objection.c ----
// What the core refuses by itself: the status, with what goes into the response; 0: nothing.
unsigned session_objection(const struct session_params *p, const struct sip_msg *m,
                           struct sip_edits *e);

// ---- server.c: the one place that knows how requests are answered ----
const struct sip_msg *server_request(struct session_layer *l, server_id id);
// Of our responses to it.
struct str server_tag(struct session_layer *l, server_id id);
int server_reply(struct session_layer *l, server_id id, unsigned status, struct sip_edits *e);
// A bare one, with what the owner adds.
int server_answer(struct session *s, server_id id, unsigned status);
// The same with Retry-After of 0 to 10 s (RFC 3261 14.2).
void server_refuse_later(struct session *s, server_id id);
// The wiring is told when it is over; so it is of each request inside a dialog.
void server_watch(struct session *s, server_id id, bool first);
// The ACK for the 2xx with this CSeq has come. False: none waits for it.
bool server_acked(struct session *s, uint32_t cseq);
// Refuses what has no final response (RFC 3261 15.1.2).
void server_give_up(struct session *s, unsigned status);
// The session goes: nothing more is said for it.
void server_detach(struct session *s);
int server_layer_init(struct session_layer *l);
void server_layer_done(struct session_layer *l);
