// SPDX-License-Identifier: Apache-2.0
// Reliable provisional responses (RFC 3262): ours are sent again until their PRACK comes, one at a
// time; theirs are acknowledged in their order.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/session_priv.h"

enum { T1_MS = 500, T1_TIMES = 64 };

static void on_timer(void *arg);

void reliable_init(struct session *s)
{
    timer_init(&s->rel.timer, on_timer, s);
}

void reliable_stop(struct session *s)
{
    timer_stop(&s->rel.timer);
    s->rel.active = false;
    s->rel.n_queue = 0;
}

// ---- ours ----

bool reliable_wanted(const struct session *s, const struct session_reply *r)
{
    if (s->p.rel100 == SESSION_REL_OFF || !s->leg->peer_rel)
        return false;
    return s->peer_requires_rel || s->p.rel100 == SESSION_REL_REQUIRED || r->reliable;
}

static int transmit(struct session *s)
{
    struct sip_edits e;
    sip_edits_copy(&e, s->rel.headers.arena, &s->rel.headers);
    return server_reply(s->layer, s->incoming, s->rel.status, &e);
}

// RFC 3262 3: without a PRACK for 64*T1 the INVITE is refused with a 5xx.
static void on_timer(void *arg)
{
    struct session *s = arg;
    if (!s->rel.left) {
        (void)session_reject(s, &(struct session_reply){.status = 504});
        return;
    }
    (void)transmit(s);
    uint32_t next = s->rel.interval * 2;
    s->rel.interval = next < s->rel.left ? next : s->rel.left;
    s->rel.left -= s->rel.interval;
    timer_start(s->layer->loop, &s->rel.timer, s->rel.interval);
}

static int start(struct session *s, const struct session_reply *r)
{
    struct provisional *v = &s->rel;
    struct arena *a = session_arena(s->layer, s->incoming);
    if (!a)
        return ERR_STATE;
    v->rseq = v->rseq ? v->rseq + 1 : 1 + (uint32_t)(loop_random_u64(s->layer->loop) % 0x7fff0000);
    v->status = r->status;
    v->has_description = false;
    sip_edits_init(&v->headers, a, NULL);
    sip_edit_append(&v->headers, SIP_H_REQUIRE, STR("100rel"));
    sip_edit_append(&v->headers, SIP_H_RSEQ, arena_printf(a, "%u", v->rseq));
    session_describe(s, SIP_INVITE, r->status, &v->headers);
    struct leg *g = s->leg;
    if (r->body.n && (g->oa == OA_RECEIVED || (g->oa == OA_STABLE && !g->described))) {
        sip_edit_body(&v->headers, session_type(s), arena_dup(a, r->body));
        v->has_description = true;
        (void)offer_step(g, g->oa == OA_RECEIVED ? OE_SEND_ANSWER : OE_SEND_OFFER);
        (void)session_keep_described(s, r->body);
    }
    uint32_t t1 = s->p.t1_ms ? s->p.t1_ms : T1_MS;
    v->active = true;
    v->interval = t1;
    v->left = T1_TIMES * t1 - t1;
    timer_start(s->layer->loop, &v->timer, v->interval);
    return transmit(s);
}

int reliable_send(struct session *s, const struct session_reply *r)
{
    struct provisional *v = &s->rel;
    if (!v->active)
        return start(s, r);
    if (v->n_queue == REPLIES_MAX)
        return ERR_FULL;
    struct session_reply copy = *r;
    copy.body = arena_dup(&s->mem, r->body);
    if (s->mem.failed)
        return ERR_NOMEM;
    v->queue[v->n_queue++].r = copy;
    return 0;
}

static void next_queued(struct session *s)
{
    struct provisional *v = &s->rel;
    if (!v->n_queue || s->state != SS_RINGING)
        return;
    struct session_reply r = v->queue[0].r;
    memmove(v->queue, v->queue + 1, --v->n_queue * sizeof *v->queue);
    if (r.status >= 200)
        (void)session_accept(s, &r);
    else
        (void)session_progress(s, &r);
}

static bool acknowledges(const struct session *s, const struct sip_msg *prack)
{
    const struct sip_rack *k = sip_msg_at(prack, SIP_H_RACK, 0);
    const struct sip_msg *invite = server_request(s->layer, s->incoming);
    return k && invite && s->rel.active && k->rseq == s->rel.rseq && k->method == SIP_INVITE &&
           k->cseq == sip_msg_cseq(invite)->number;
}

void reliable_on_prack(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    if (!acknowledges(s, m)) {
        server_refuse(s, id, 481); // RFC 3262 3
        return;
    }
    timer_stop(&s->rel.timer);
    s->rel.active = false;
    // Their answer to our offer, or an offer of their own (RFC 3262 5).
    if (g->oa == OA_STABLE && sip_msg_body(m).n) {
        g->due_server = id;
        offer_take(g, m, DUE_RESPONSE);
    } else {
        server_refuse(s, id, 200);
        offer_take(g, m, DUE_NONE);
    }
    if (!session_over(s))
        next_queued(s);
}

// ---- theirs ----

static void on_prack_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct leg *g = r->leg;
    if (status < 300 && m && g->oa == OA_SENT && g->session->leg == g)
        offer_take(g, m, DUE_NONE);
}

int prack_send(struct leg *g, uint32_t rseq, struct str body)
{
    struct session *s = g->session;
    struct request *r = request_new(g, SIP_PRACK, on_prack_response);
    g->pracked = rseq;
    if (!r)
        return ERR_NOMEM;
    request_header(r, SIP_H_RACK, arena_printf(&r->mem, "%u %u INVITE", rseq, s->invite_cseq));
    if (body.n)
        request_body(r, session_type(s), body);
    return request_send(r);
}

bool reliable_take(struct leg *g, const struct sip_msg *m)
{
    const struct sip_delta *rseq = sip_msg_at(m, SIP_H_RSEQ, 0);
    struct session *s = g->session;
    if (!sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")) || !rseq ||
        s->p.rel100 == SESSION_REL_OFF) {
        offer_take(g, m, DUE_NONE);
        return true;
    }
    // RFC 3262 4: one that came before, or before its turn, is neither acknowledged nor looked at.
    if (!rseq->value || (g->rseq && rseq->value != g->rseq + 1))
        return false;
    g->rseq = g->due_rseq = rseq->value;
    offer_take(g, m, DUE_PRACK);
    // An answer makes the PRACK.
    if (g->due != DUE_PRACK && !session_over(s) && g->pracked != rseq->value)
        (void)prack_send(g, rseq->value, STR_NONE);
    return true;
}
