// SPDX-License-Identifier: Apache-2.0
// Reliable provisional responses of ours (RFC 3262 3): one at a time, sent again until its PRACK
// comes; what follows waits.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/exchange.h"

static const char *const state_names[RL_STATES] = {"Idle", "Sent", "Late"};
static const char *const event_names[RE_EVENTS] = {"send", "again", "PRACK", "no PRACK", "final"};
static const struct fsm_timer timers[RT_TIMERS] = {
    [RT_AGAIN] = {"1xx again", RE_AGAIN, SESSION_TIMER_SIP | SIP_TIMER_t1}, // doubles
    [RT_NO_PRACK] = {"no PRACK", RE_NO_PRACK, SESSION_TIMER_SIP | SIP_TIMER_timer_h},
};

static int transmit(struct session *s)
{
    struct sip_edits e;
    sip_edits_copy(&e, s->rel.headers.arena, &s->rel.headers);
    return server_reply(s->layer, s->incoming, s->rel.status, &e);
}

static void send_again(void *obj, void *arg)
{
    (void)transmit(machine_owner(obj));
}

static void tell_silence(void *obj, void *arg)
{
    session_step(machine_owner(obj), SE_NO_PRACK, NULL);
}

// RFC 3262 3: a PRACK may still come after the final response.
static const struct fsm_row rows[] = {
    {RL_IDLE, RE_SEND, RL_SENT, NULL, NULL, "RFC 3262 3", {RT_AGAIN, RT_NO_PRACK}},
    {RL_SENT, RE_AGAIN, RL_SENT, NULL, send_again, "RFC 3262 3", {RT_AGAIN}},
    {RL_SENT, RE_PRACK, RL_IDLE, NULL, NULL, "RFC 3262 3"},
    {RL_SENT, RE_NO_PRACK, RL_LATE, NULL, tell_silence, "RFC 3262 3"},
    {RL_SENT, RE_FINAL, RL_LATE, NULL, NULL, "RFC 3262 3"},
    {RL_LATE, RE_PRACK, RL_IDLE, NULL, NULL, "RFC 3262 3"},
};

static const uint32_t runs[RL_STATES] = {
    [RL_SENT] = MACHINE_BIT(RT_AGAIN) | MACHINE_BIT(RT_NO_PRACK),
};

static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    return timer == RT_AGAIN ? machine_doubled(m, ms, m->sip->timer_h) : ms;
}

const struct machine_kind reliable_machine = {MACHINE_FSM("100rel", RL_IDLE), reckon};

void reliable_stop(struct session *s)
{
    (void)machine_step(&s->rel.m, RE_FINAL, NULL);
    s->rel.n_queue = 0;
}

bool reliable_is_open(const struct session *s)
{
    return s->rel.m.state == RL_SENT;
}

bool reliable_wanted(const struct session *s, const struct session_reply *r)
{
    if (s->p.rel100 == SESSION_REL_OFF || !s->leg->peer_rel)
        return false;
    return s->peer_requires_rel || s->p.rel100 == SESSION_REL_REQUIRED || r->reliable;
}

static int start(struct session *s, const struct session_reply *r)
{
    struct provisional *v = &s->rel;
    struct arena *a = session_arena(s->layer, s->incoming);
    if (!a)
        return ERR_STATE;
    v->rseq = v->rseq ? v->rseq + 1 : 1 + (uint32_t)(loop_random_u64(s->layer->loop) % 0x7fff0000);
    v->cseq = sip_msg_cseq(server_request(s->layer, s->incoming))->number;
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
    (void)machine_step(&v->m, RE_SEND, NULL);
    return transmit(s);
}

int reliable_send(struct session *s, const struct session_reply *r)
{
    struct provisional *v = &s->rel;
    if (!reliable_is_open(s))
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

bool reliable_acked(struct session *s, const struct sip_msg *prack)
{
    const struct provisional *v = &s->rel;
    const struct sip_rack *k = sip_msg_at(prack, SIP_H_RACK, 0);
    bool ours = k && k->rseq == v->rseq && k->method == SIP_INVITE && k->cseq == v->cseq;
    return ours && machine_step(&s->rel.m, RE_PRACK, NULL);
}
