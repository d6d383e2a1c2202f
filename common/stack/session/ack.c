// SPDX-License-Identifier: Apache-2.0
// ACKs for a 2xx (RFC 3261 13.2.2.4), which are sent again as often as the 2xx comes again.
#include "base/err.h"
#include "stack/session/exchange.h"

static void transmit(struct leg *g)
{
    struct session *s = g->session;
    struct arena a;
    char room[1024];
    struct sip_edits h;
    struct str uri;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    if (dialog_request(g->dialog, SIP_ACK, g->ack.cseq, &h, &uri) == 0) {
        if (g->ack.credentials.n)
            sip_edit_append(&h, g->ack.proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION,
                            g->ack.credentials);
        session_decorate(s, SIP_ACK, 0, &h);
        if (g->ack.body.n)
            sip_edit_body(&h, session_type(s), g->ack.body);
        struct ua_request q = {.method = SIP_ACK, .uri = uri, .headers = &h};
        if (!a.failed)
            (void)ua_send(s->layer->uas, &q, NULL);
    }
    arena_done(&a);
}

void ack_owe(struct leg *g, uint32_t cseq)
{
    g->ack.cseq = cseq;
    g->ack.sent = false;
    g->ack.owed = true;
}

void ack_send(struct leg *g, uint32_t cseq, struct str body)
{
    g->ack.cseq = cseq;
    g->ack.sent = true;
    g->ack.owed = false;
    (void)heap_set(&g->ack.body, body);
    transmit(g);
}

void ack_again(struct leg *g, uint32_t cseq)
{
    if (g->ack.sent && g->ack.cseq == cseq)
        transmit(g);
}

void ack_done(struct leg *g)
{
    struct session *s = g->session;
    if (s->acked || s->state != SS_UP)
        return;
    s->acked = true;
    if (s->ops->established)
        s->ops->established(s->arg, s);
}

// ---- as what carries an answer ----

static int answer(struct leg *g, struct str body)
{
    (void)offer_step(g, OE_SEND_ANSWER);
    ack_send(g, g->ack.cseq, body);
    ack_done(g);
    return session_keep_described(g->session, body);
}

// Nothing can be made of an offer in a 2xx: it is acknowledged, and the session ended (RFC
// 3261 13.2.2.4).
static int refuse(struct leg *g, unsigned status)
{
    ack_send(g, g->ack.cseq, STR_NONE);
    session_step(g->session, SE_HANG_UP, NULL);
    return 0;
}

const struct carrier by_ack = {.answer = answer, .refuse = refuse};
