// SPDX-License-Identifier: Apache-2.0
// Changes that the other side wants: re-INVITE (RFC 3261 14.2), UPDATE (RFC 3311 5.2), and offers
// in a PRACK (RFC 3262 5).
#include "base/err.h"
#include "stack/session/actions.h"

enum verdict { GO, GLARE, LATER };

// Two at once: what we have sent out ourselves is glare, what we have not answered yet has to wait
// its turn; so has what comes while the owner is asked in the dialog of another fork.
static enum verdict collision(const struct leg *g, const struct sip_msg *m)
{
    const struct session *s = g->session;
    bool invite = sip_msg_method(m) == SIP_INVITE;
    if (invite && (s->life.state != SS_UP || s->reinvite || s->unacked))
        return LATER;
    if (invite && request_pending(s, SIP_INVITE))
        return GLARE;
    if (!invite && !sip_msg_body(m).n)
        return GO;
    return g->oa == OA_SENT ? GLARE : g->oa == OA_RECEIVED || offer_is_open(s) ? LATER : GO;
}

static bool objected(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    struct sip_edits e;
    sip_edits_init(&e, session_arena(s->layer, id), NULL);
    unsigned status = session_objection(&s->p, m, &e);
    if (!status)
        return false;
    session_decorate(s, sip_msg_method(m), status, &e);
    (void)server_reply(s->layer, id, status, &e);
    return true;
}

static int accept_change(struct leg *g, server_id id, struct str body)
{
    struct session *s = g->session;
    const struct sip_msg *m = server_request(s->layer, id);
    struct sip_edits e;
    if (!m)
        return ERR_STATE;
    enum sip_method method = sip_msg_method(m);
    sip_edits_init(&e, session_arena(s->layer, id), NULL);
    if (method == SIP_PRACK) {
        session_decorate(s, method, 200, &e);
    } else {
        if (s->life.state == SS_UP)
            interval_response(s, g, m, &e);
        session_describe(s, method, 200, &e);
    }
    if (body.n)
        sip_edit_body(&e, session_type(s), arena_dup(e.arena, body));
    int err = server_reply(s->layer, id, 200, &e);
    if (method == SIP_INVITE) {
        s->reinvite = 0;
        s->unacked = err ? 0 : id;
    }
    return err;
}

static int answer(struct leg *g, struct str body)
{
    if (body.n) {
        const struct sip_msg *m = server_request(g->session->layer, g->due_server);
        bool answers = offer_step(g, OE_SEND_ANSWER);
        if (!answers && m && offer_step(g, OE_SEND_OFFER))
            offer_sent(g, SIP_INVITE, sip_msg_cseq(m)->number, true);
        (void)session_keep_described(g->session, body);
    } else {
        (void)offer_step(g, OE_WITHDRAW);
    }
    int e = accept_change(g, g->due_server, body);
    if (e) // it has not left
        (void)offer_step(g, OE_WITHDRAW);
    return e;
}

static int refuse(struct leg *g, unsigned status)
{
    struct session *s = g->session;
    if (s->reinvite == g->due_server)
        s->reinvite = 0;
    return server_answer(s, g->due_server, status);
}

const struct carrier by_response = {.answer = answer, .refuse = refuse};

void modified_give_up_in(struct leg *g, unsigned status)
{
    if (g->due != &by_response)
        return;
    g->due = NULL;
    (void)offer_step(g, OE_WITHDRAW);
    (void)refuse(g, status);
}

void modified_withdraw(struct leg *g)
{
    bool asked = g->due != NULL;
    modified_give_up_in(g, 487);
    if (asked)
        offer_withdrawn(g);
}

void modified_give_up(struct session *s, unsigned status)
{
    LIST_EACH(&s->legs, it)
        modified_give_up_in(LIST_ENTRY(it, struct leg, link), status);
}

// A re-INVITE without an offer: the owner is asked for one of ours (RFC 3261 14.2).
static void ask_for_offer(struct leg *g, const struct sip_msg *m)
{
    struct session *s = g->session;
    offer_due(g, &by_response);
    if (s->ops->offer)
        s->ops->offer(s->arg, s, STR_NONE, m);
    else
        (void)session_refuse(s, 488);
}

void modified_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    enum verdict v = collision(g, m);
    if (v == GLARE)
        (void)server_answer(s, id, 491);
    else if (v == LATER)
        server_refuse_later(s, id);
    if (v != GO || objected(g, id, m))
        return;
    leg_note_peer(g, m);
    bool invite = sip_msg_method(m) == SIP_INVITE;
    if (!sip_msg_body(m).n && !invite) {
        (void)accept_change(g, id, STR_NONE);
        return;
    }
    g->due_server = id;
    if (invite)
        s->reinvite = g->due_server;
    if (sip_msg_body(m).n)
        offer_take(g, m, &by_response);
    else
        ask_for_offer(g, m);
}
