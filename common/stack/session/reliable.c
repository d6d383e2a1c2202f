// SPDX-License-Identifier: Apache-2.0
// Reliable provisional responses of ours (RFC 3262 3): one at a time, sent again until its PRACK
// comes; what follows waits.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/exchange.h"

enum { T1_MS = 500, T1_TIMES = 64 };

void reliable_init(struct session *s, void (*on_timer)(void *arg))
{
    timer_init(&s->rel.timer, on_timer, s);
}

// RFC 3262 3: its PRACK may still come after the final response.
void reliable_stop(struct session *s)
{
    timer_stop(&s->rel.timer);
    s->rel.active = false;
    s->rel.n_queue = 0;
}

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

bool reliable_again(struct session *s)
{
    if (!s->rel.left)
        return false;
    (void)transmit(s);
    uint32_t next = s->rel.interval * 2;
    s->rel.interval = next < s->rel.left ? next : s->rel.left;
    s->rel.left -= s->rel.interval;
    timer_start(s->layer->loop, &s->rel.timer, s->rel.interval);
    return true;
}

static int start(struct session *s, const struct session_reply *r)
{
    struct provisional *v = &s->rel;
    struct arena *a = session_arena(s->layer, s->incoming);
    if (!a)
        return ERR_STATE;
    v->rseq = v->rseq ? v->rseq + 1 : 1 + (uint32_t)(loop_random_u64(s->layer->loop) % 0x7fff0000);
    v->cseq = sip_msg_cseq(server_request(s->layer, s->incoming))->number;
    v->awaited = true;
    v->status = r->status;
    v->has_description = false;
    sip_edits_init(&v->headers, a, NULL);
    sip_edit_append(&v->headers, SIP_H_REQUIRE, STR("100rel"));
    sip_edit_append(&v->headers, SIP_H_RSEQ, arena_printf(a, "%u", v->rseq));
    session_describe(s, SIP_INVITE, r->status, &v->headers);
    struct leg *g = s->leg;
    // An offer of theirs that came since has its own way back.
    bool answers = g->oa == OA_RECEIVED && !g->due;
    if (r->body.n && (answers || (g->oa == OA_STABLE && !g->described))) {
        sip_edit_body(&v->headers, session_type(s), arena_dup(a, r->body));
        v->has_description = true;
        (void)offer_step(g, answers ? OE_SEND_ANSWER : OE_SEND_OFFER);
        if (!answers)
            offer_sent(g, SIP_INVITE, v->cseq, true);
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

bool reliable_next(struct session *s, struct session_reply *ret_r)
{
    struct provisional *v = &s->rel;
    if (!v->n_queue)
        return false;
    *ret_r = v->queue[0].r;
    memmove(v->queue, v->queue + 1, --v->n_queue * sizeof *v->queue);
    return true;
}

static bool acknowledges(const struct session *s, const struct sip_msg *prack)
{
    const struct sip_rack *k = sip_msg_at(prack, SIP_H_RACK, 0);
    return k && s->rel.awaited && k->rseq == s->rel.rseq && k->method == SIP_INVITE &&
           k->cseq == s->rel.cseq;
}

bool reliable_acked(struct session *s, const struct sip_msg *prack)
{
    if (!acknowledges(s, prack))
        return false;
    timer_stop(&s->rel.timer);
    s->rel.active = s->rel.awaited = false;
    return true;
}
