// SPDX-License-Identifier: Apache-2.0
// An INVITE that came in (RFC 3261 13.3): what the core itself refuses, provisional and final
// responses, CANCEL.
#include "base/err.h"
#include "stack/session/actions.h"
#include "stack/txn/txn.h"

static int begin(struct session *s, server_id id, const struct sip_msg *m)
{
    struct dialog *d;
    struct str tag = server_tag(s->layer, id);
    int e = dialog_new_uas(m, tag, s->p.contact, &d);
    if (!e && !(s->leg = leg_new(s, d)))
        e = ERR_NOMEM;
    if (!e)
        e = session_register(s, sip_msg_call_id(m), tag);
    if (e)
        return e;
    server_watch(s, id, true);
    s->incoming = id;
    s->offered = sip_msg_body(m).n > 0;
    s->peer_requires_rel = sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"));
    leg_note_peer(s->leg, m);
    if (s->offered)
        (void)offer_step(s->leg, OE_RECV_OFFER);
    return 0;
}

static void refuse_new(struct session_layer *l, const struct session_params *params, server_id id,
                       unsigned status, struct sip_edits *e)
{
    if (params->ops->decorate)
        params->ops->decorate(params->arg, NULL, SIP_INVITE, status, e);
    (void)server_reply(l, id, status, e);
}

int session_take(struct session_layer *l, server_id id, const struct session_params *params,
                 struct session **ret_session)
{
    struct session *s;
    struct sip_edits e;
    session_id replaces = 0;
    const struct sip_msg *m = server_request(l, id);
    *ret_session = NULL;
    if (!m)
        return ERR_NOTFOUND;
    sip_edits_init(&e, session_arena(l, id), NULL);
    unsigned status = session_objection(params, m, &e);
    status = status ? status : replaces_find(l, params, m, &replaces);
    if (status) {
        refuse_new(l, params, id, status, &e);
        return 0;
    }
    int err = session_new(l, params, false, &s);
    if (!err && (err = begin(s, id, m)))
        session_free(s);
    if (err) {
        refuse_new(l, params, id, err == ERR_BAD ? 400 : err == ERR_FULL ? 503 : 500, &e);
        return err;
    }
    s->replaces = replaces;
    *ret_session = s;
    return 0;
}

int session_refuse_new(struct session_layer *l, server_id id, unsigned status,
                       struct sip_edits *extra)
{
    return server_reply(l, id, status, extra);
}

struct str session_offer(const struct session *s)
{
    const struct sip_msg *m = server_request(s->layer, s->incoming);
    return m ? sip_msg_body(m) : STR_NONE;
}

// ---- responses ----

// The body in a response to the first INVITE: an answer, or an offer when there was none.
static void note_body(struct session *s, const struct sip_msg *invite, struct str body)
{
    if (!body.n) {
        (void)offer_step(s->leg, OE_WITHDRAW); // there will be no answer any more
        return;
    }
    bool answers = offer_step(s->leg, OE_SEND_ANSWER);
    if (!answers && offer_step(s->leg, OE_SEND_OFFER))
        offer_sent(s->leg, SIP_INVITE, sip_msg_cseq(invite)->number, true);
    (void)session_keep_described(s, body);
}

// It goes once more after a while.
static void repeat_later(struct session *s, unsigned status, bool rel)
{
    s->repeat.status = status;
    s->repeat.reliable = rel;
    session_step(s, SE_RINGING, NULL);
}

bool session_is_reliable(const struct session *s, const struct session_reply *r)
{
    return s->life.state == SS_RINGING && reliable_wanted(s, r);
}

int session_progress(struct session *s, const struct session_reply *r)
{
    struct arena *a = session_arena(s->layer, s->incoming);
    struct sip_edits e;
    if (!a || s->life.state != SS_RINGING || r->status <= 100 || r->status > 199)
        return ERR_STATE;
    bool rel = reliable_wanted(s, r);
    // RFC 3261 13.2.1: without an offer of theirs the first reliable response has ours.
    if (rel && !r->body.n && !s->offered && !s->leg->described && s->leg->oa == OA_STABLE) {
        if (s->peer_requires_rel)
            return ERR_INVAL;
        rel = false;
    }
    repeat_later(s, r->status, rel);
    if (rel)
        return reliable_send(s, r);
    sip_edits_init(&e, a, NULL);
    session_describe(s, SIP_INVITE, r->status, &e);
    // An offer may not be in what may get lost (RFC 3261 13.2.1).
    if (r->body.n && s->leg->oa == OA_RECEIVED && !s->leg->due)
        sip_edit_body(&e, session_type(s), r->body);
    return server_reply(s->layer, s->incoming, r->status, &e);
}

int session_accept(struct session *s, const struct session_reply *r)
{
    if (s->life.state != SS_RINGING || !s->incoming || r->status < 200 || r->status > 299)
        return ERR_STATE;
    // RFC 3262 3: not before a description in a provisional response was acknowledged.
    if (reliable_is_open(s) && s->rel.has_description)
        return reliable_send(s, r);
    struct arena *a = session_arena(s->layer, s->incoming);
    const struct sip_msg *m = server_request(s->layer, s->incoming);
    struct sip_edits e;
    if (!a)
        return ERR_STATE;
    sip_edits_init(&e, a, NULL);
    interval_response(s, s->leg, m, &e);
    session_describe(s, SIP_INVITE, r->status, &e);
    // Not theirs that came in an UPDATE or PRACK: that has its own way back.
    bool wanted = (s->leg->oa == OA_RECEIVED && !s->leg->due) ||
                  (!s->leg->described && s->leg->oa == OA_STABLE);
    if (r->body.n && wanted)
        sip_edit_body(&e, session_type(s), r->body);
    reliable_stop(s);
    if (wanted)
        note_body(s, m, r->body);
    session_step(s, SE_ACCEPT, NULL);
    int err = server_reply(s->layer, s->incoming, r->status, &e);
    s->incoming = 0;
    struct session_end lost = {.status = 500, .cause = "no answer could be sent"};
    if (err)
        session_step(s, SE_LOST, &lost);
    else
        replaces_done(s);
    return err;
}

int session_reject(struct session *s, const struct session_reply *r)
{
    if (s->life.state != SS_RINGING || r->status < 300)
        return ERR_STATE;
    reliable_stop(s);
    server_id open = s->incoming;
    s->incoming = 0;
    int err = open ? server_answer(s, open, r->status) : 0;
    struct session_end e = {.status = r->status};
    session_step(s, SE_REJECT, &e);
    return err;
}

// ---- the end of the INVITE ----

// The request that had their offer is over: cancelled, or too late for an answer.
static void offer_gone(struct session *s, server_id id)
{
    if (s->reinvite == id)
        s->reinvite = 0;
    LIST_EACH(&s->legs, it) {
        struct leg *g = LIST_ENTRY(it, struct leg, link);
        if (g->due != &by_response || g->due_server != id)
            continue;
        offer_withdrawn(g);
        return;
    }
}

// A 2xx that no ACK followed ends the session (RFC 3261 13.3.1.4, 14.2), and so does an answer that
// there was no memory for.
void incoming_gone(struct session *s, server_id id, bool first)
{
    struct session_end e = {.status = 500, .cause = "no answer could be sent"};
    bool no_ack = s->unacked == id;
    offer_gone(s, id);
    s->unacked = no_ack ? 0 : s->unacked;
    if (first && s->life.state == SS_RINGING)
        session_step(s, SE_LOST, &e);
    else if (first && (s->life.state == SS_ANSWERED || s->life.state == SS_LEAVING))
        session_step(s, SE_NO_ACK, NULL);
    else if (no_ack)
        session_step(s, SE_NO_ACK, NULL);
}

void incoming_cancelled(struct session *s, server_id id, const struct sip_msg *m, struct str reason)
{
    struct session_end e = {.by_remote = true, .status = 487, .msg = m, .reason = reason};
    if (s->incoming == id) {
        s->incoming = 0;
        session_step(s, SE_CANCELLED, &e);
    } else {
        offer_gone(s, id);
    }
}

void incoming_on_ack(struct leg *g, const struct sip_msg *m)
{
    struct session *s = g->session;
    if (!server_acked(s, sip_msg_cseq(m)->number))
        return; // one that came again
    (void)dialog_on_request(g->dialog, m);
    s->unacked = 0;
    // The answer to an offer in a 2xx (RFC 3261 13.2.1).
    bool missed = offer_missed(g, m);
    if (missed)
        (void)offer_step(g, OE_WITHDRAW);
    else if (g->oa == OA_SENT)
        offer_take(g, m, NULL);
    if (!session_over(s))
        session_step(s, SE_ACK, NULL);
    if (missed && s->life.state == SS_UP) {
        s->why = "an ACK without the answer that was due";
        session_step(s, SE_HANG_UP, NULL);
    }
}
