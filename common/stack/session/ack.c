// SPDX-License-Identifier: Apache-2.0
// ACKs for a 2xx (RFC 3261 13.2.2.4), which are sent again as often as the 2xx comes again.
#include "base/err.h"
#include "stack/session/exchange.h"

static void put_headers(void *arg, struct str uri, struct sip_edits *h)
{
    const struct leg *g = arg;
    credentials_copy(h, &g->ack.credentials);
    session_decorate(g->session, SIP_ACK, 0, h);
}

static void transmit(struct leg *g)
{
    struct dialog_send ack = {.method = SIP_ACK,
                              .ack_cseq = g->ack.cseq,
                              .type = session_type(g->session),
                              .body = g->ack.body,
                              .put = put_headers,
                              .arg = g};
    (void)dialog_send(g->session->layer->uas, g->dialog, &ack, NULL);
}

void ack_take_credentials(struct leg *g, const struct sip_edits *invite)
{
    arena_done(&g->ack.mem);
    arena_init(&g->ack.mem, NULL, 0);
    sip_edits_init(&g->ack.credentials, &g->ack.mem, NULL);
    credentials_copy(&g->ack.credentials, invite);
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
    if (s->acked || s->life.state != SS_UP)
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
