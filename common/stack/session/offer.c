// SPDX-License-Identifier: Apache-2.0
// Offer and answer in one dialog (RFC 3264 4, RFC 6337 2.2). Only one exchange is open at a time;
// who has offered may not offer again, nor take an offer, before the answer is there.
#include "base/err.h"
#include "stack/session/exchange.h"

static const char *const state_names[OA_STATES] = {"Stable", "Sent", "Received"};
static const char *const event_names[OE_EVENTS] = {"send offer", "offer", "send answer", "answer",
                                                   "withdraw"};

static void described(void *obj, void *arg)
{
    ((struct leg *)obj)->described = true;
}

static const struct fsm_row rows[] = {
    {OA_STABLE, OE_SEND_OFFER, OA_SENT, NULL, NULL, "RFC 3264 4"},
    {OA_STABLE, OE_RECV_OFFER, OA_RECEIVED, NULL, NULL, "RFC 3264 4"},
    {OA_SENT, OE_RECV_ANSWER, OA_STABLE, NULL, described, "RFC 3264 4"},
    {OA_SENT, OE_WITHDRAW, OA_STABLE, NULL, NULL, "RFC 6337 3.4"},
    {OA_RECEIVED, OE_SEND_ANSWER, OA_STABLE, NULL, described, "RFC 3264 4"},
    {OA_RECEIVED, OE_WITHDRAW, OA_STABLE, NULL, NULL, "RFC 6337 3.4"},
};

const struct fsm offer_machine = {.name = "offer",
                                  .states = state_names,
                                  .events = event_names,
                                  .n_states = OA_STATES,
                                  .n_events = OE_EVENTS,
                                  .rows = rows,
                                  .n_rows = ARRAY_LEN(rows),
                                  .first = OA_STABLE};

bool offer_step(struct leg *g, enum offer_event ev)
{
    return fsm_step(&offer_machine, &g->oa, ev, g, NULL) == 0;
}

static bool is_reliable(const struct sip_msg *m)
{
    unsigned status = sip_msg_status(m);
    return status == 0 || status >= 200 || sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"));
}

void offer_sent(struct leg *g, enum sip_method method, uint32_t cseq, bool response)
{
    g->offer.method = method;
    g->offer.cseq = cseq;
    g->offer.response = response;
}

// Only the transaction that has the offer brings its answer (RFC 3261 13.2.1, RFC 3262 5, RFC
// 3311 5.1): responses to a request of ours, the PRACK or ACK for a response of ours.
static bool is_of_offer(const struct leg *g, const struct sip_msg *m)
{
    const struct sip_cseq *c = sip_msg_cseq(m);
    if (!sip_msg_is_request(m))
        return !g->offer.response && c->method == g->offer.method && c->number == g->offer.cseq;
    const struct sip_rack *k = c->method == SIP_PRACK ? sip_msg_at(m, SIP_H_RACK, 0) : NULL;
    bool ack = c->method == SIP_ACK && c->number == g->offer.cseq;
    return g->offer.response && (ack || (k && k->cseq == g->offer.cseq));
}

bool offer_missed(const struct leg *g, const struct sip_msg *m)
{
    return g->oa == OA_SENT && sip_msg_is_request(m) && is_of_offer(g, m) && !sip_msg_body(m).n;
}

void offer_take(struct leg *g, const struct sip_msg *m, const struct carrier *in)
{
    struct session *s = g->session;
    struct str body = sip_msg_body(m);
    if (g->oa == OA_SENT) {
        if (!is_of_offer(g, m) || (!body.n && sip_msg_status(m) < 200))
            return;
        // An unreliable one is a preview: the answer itself is still to come (RFC 6337 3.1.1). A
        // 2xx without one leaves nothing that could still be answered.
        if (is_reliable(m))
            (void)offer_step(g, body.n ? OE_RECV_ANSWER : OE_WITHDRAW);
        if (body.n && s->ops->answer)
            s->ops->answer(s->arg, s, body, m);
        return;
    }
    // What comes in responses to the first INVITE after the answer is ignored (RFC 3261 13.2.1),
    // and so is an offer in what may get lost.
    bool first = sip_msg_status(m) && sip_msg_method(m) == SIP_INVITE && !s->acked;
    bool late = first && (s->offered || g->described);
    if (!body.n || !in || late || !is_reliable(m) || !offer_step(g, OE_RECV_OFFER))
        return;
    offer_due(g, in);
    if (s->ops->offer)
        s->ops->offer(s->arg, s, body, m);
    else
        (void)session_refuse(s, 488);
}

// ---- what the owner says to it ----

// Forks may offer at the same time: who answers has heard of the oldest first.
static struct leg *asked(const struct session *s)
{
    struct leg *oldest = NULL;
    LIST_EACH(&s->legs, it) {
        struct leg *g = LIST_ENTRY(it, struct leg, link);
        if (g->due && (!oldest || g->due_turn < oldest->due_turn))
            oldest = g;
    }
    return oldest;
}

bool offer_is_open(const struct session *s)
{
    return asked(s) != NULL;
}

void offer_withdrawn(struct leg *g)
{
    struct session *s = g->session;
    struct dialog_info info;
    g->due = NULL;
    (void)offer_step(g, OE_WITHDRAW);
    dialog_get_info(g->dialog, &info);
    if (s->ops->withdrawn)
        s->ops->withdrawn(s->arg, s, info.remote_tag);
}

void offer_due(struct leg *g, const struct carrier *in)
{
    g->due = in;
    g->due_turn = ++g->session->due_turns;
}

int session_answer(struct session *s, struct str body)
{
    struct leg *g = asked(s);
    if (!g || session_over(s))
        return ERR_STATE;
    const struct carrier *due = g->due;
    g->due = NULL;
    return due->answer(g, body);
}

int session_refuse(struct session *s, unsigned status)
{
    struct leg *g = asked(s);
    if (!g || session_over(s))
        return ERR_STATE;
    const struct carrier *due = g->due;
    g->due = NULL;
    (void)offer_step(g, OE_WITHDRAW);
    return due->refuse(g, status);
}
