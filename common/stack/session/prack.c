// SPDX-License-Identifier: Apache-2.0
// PRACK (RFC 3262), both ways: theirs lets go on what waits for it, ours acknowledges their
// responses in their order.
#include "base/err.h"
#include "stack/session/actions.h"

// ---- theirs ----

static void next_queued(struct session *s)
{
    struct session_reply r;
    if (s->life.state != SS_RINGING || !reliable_next(s, &r))
        return;
    if (r.status >= 200)
        (void)session_accept(s, &r);
    else
        (void)session_progress(s, &r);
}

void prack_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    if (!reliable_acked(s, m)) {
        (void)server_answer(s, id, 481); // RFC 3262 3
        return;
    }
    // RFC 3262 5: the answer to the offer in a reliable response is in its PRACK.
    if (offer_missed(g, m)) {
        (void)server_answer(s, id, 400);
        (void)session_reject(s, &(struct session_reply){.status = 400});
        return;
    }
    // Their answer to our offer, or an offer of their own (RFC 3262 5).
    if (g->oa == OA_STABLE && sip_msg_body(m).n) {
        g->due_server = id;
        offer_take(g, m, &by_response);
    } else {
        (void)server_answer(s, id, 200);
        offer_take(g, m, NULL);
    }
    if (!session_over(s))
        next_queued(s);
}

// ---- ours ----

static int prack_send(struct leg *g, uint32_t rseq, struct str body)
{
    struct session *s = g->session;
    struct request *r = request_new(g, SIP_PRACK, NULL);
    if (!r)
        return ERR_NOMEM;
    request_header(r, SIP_H_RACK, arena_printf(&r->mem, "%u %u INVITE", rseq, s->invite_cseq));
    if (body.n)
        request_body(r, session_type(s), body);
    int e = request_send(r);
    if (!e)
        g->pracked = rseq;
    return e;
}

static const struct carrier by_prack;

static int answer(struct leg *g, struct str body)
{
    int e = prack_send(g, g->due_rseq, body);
    if (e) { // the owner may try again
        g->due = &by_prack;
        return e;
    }
    (void)offer_step(g, OE_SEND_ANSWER);
    return session_keep_described(g->session, body);
}

// As for a 2xx (RFC 3261 13.2.2.4); where others ring, only this fork has its end (RFC 3261 15).
static int refuse(struct leg *g, unsigned status)
{
    struct session *s = g->session;
    (void)prack_send(g, g->due_rseq, STR_NONE);
    if (s->life.state == SS_EARLY && leg_leave(g))
        bye_send(s, g);
    else
        session_step(s, SE_HANG_UP, NULL);
    return 0;
}

static const struct carrier by_prack = {.answer = answer, .refuse = refuse};

bool prack_take(struct leg *g, const struct sip_msg *m)
{
    const struct sip_delta *rseq = sip_msg_at(m, SIP_H_RSEQ, 0);
    struct session *s = g->session;
    if (!sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")) || !rseq ||
        s->p.rel100 == SESSION_REL_OFF) {
        offer_take(g, m, NULL);
        return true;
    }
    // RFC 3262 4: one that came before, or before its turn, is neither acknowledged nor looked at.
    bool missed = rseq->value == g->rseq && g->pracked != g->rseq && g->due != &by_prack;
    if (missed) // there was no PRACK for it, for want of room or memory
        (void)prack_send(g, g->rseq, STR_NONE);
    if (!rseq->value || (g->rseq && rseq->value != g->rseq + 1))
        return false;
    g->rseq = g->due_rseq = rseq->value;
    offer_take(g, m, &by_prack);
    // An answer makes the PRACK.
    if (g->due != &by_prack && !session_over(s) && g->pracked != rseq->value)
        (void)prack_send(g, rseq->value, STR_NONE);
    return true;
}
