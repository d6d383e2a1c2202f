// SPDX-License-Identifier: Apache-2.0
// Changes of ours to a session: re-INVITE (RFC 3261 14.1) and UPDATE (RFC 3311 5.1), what the other
// side had to say against them, and when they are tried again.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/actions.h"

// TRIES_MAX: of one change, glare and intervals that are too small included.
// WAITS_MAX: how often it waits for something else to end.
enum { TRIES_MAX = 6, RETRY_AFTER_MAX_S = 32, WAITS_MAX = 64 };

static int send_change(struct session *s);
static bool may_send(const struct session *s);

// ---- the machine ----

static const char *const state_names[CH_STATES] = {"Idle", "Sent", "Waiting"};
static const char *const event_names[CE_EVENTS] = {"start", "start later", "glare",
                                                   "after", "again",       "done"};
static const struct fsm_timer timers[CT_TIMERS] = {
    [CT_GLARE] = {"after glare", CE_AGAIN, SESSION_TIMER_reckoned},
    [CT_AFTER] = {"Retry-After", CE_AGAIN, SESSION_TIMER_reckoned},
    [CT_BUSY] = {"after another", CE_AGAIN, SESSION_TIMER_change_busy},
};

static void forget(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    (void)heap_set(&s->change.body, STR_NONE);
}

static void finish(struct session *s, unsigned status)
{
    bool told = !s->change.refreshing;
    change_done(s);
    if (!told && status >= 300)
        interval_busy(s);
    if (told && s->ops->modified)
        s->ops->modified(s->arg, s, status);
}

// Theirs goes first.
static int must_wait(void *obj, void *arg)
{
    const struct session *s = machine_owner(obj);
    return !may_send(s) && s->change.waits < WAITS_MAX;
}

static void count_wait(void *obj, void *arg)
{
    ((struct session *)machine_owner(obj))->change.waits++;
}

static void send_again(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    int e = send_change(s);
    if (e)
        finish(s, e == ERR_STATE ? 491 : 500);
}

static const struct fsm_row rows[] = {
    {CH_IDLE, CE_START, CH_SENT, NULL, NULL, "RFC 3261 14.1"},
    {CH_IDLE, CE_START_LATER, CH_WAITING, NULL, NULL, "RFC 3261 14.1", {CT_BUSY}},
    {CH_SENT, CE_GLARE, CH_WAITING, NULL, NULL, "RFC 3261 14.1", {CT_GLARE}},
    {CH_SENT, CE_AFTER, CH_WAITING, NULL, NULL, "RFC 3311 5.2", {CT_AFTER}},
    {CH_SENT, CE_DONE, CH_IDLE, NULL, forget, "RFC 3261 14.1"},
    {CH_WAITING, CE_AGAIN, CH_WAITING, must_wait, count_wait, "RFC 3261 14.1", {CT_BUSY}},
    {CH_WAITING, CE_AGAIN, CH_SENT, NULL, send_again, "RFC 3261 14.1"},
    {CH_WAITING, CE_DONE, CH_IDLE, NULL, forget, "RFC 3261 14.1"},
};

static const uint32_t runs[CH_STATES] = {
    [CH_WAITING] = MACHINE_BIT(CT_GLARE) | MACHINE_BIT(CT_AFTER) | MACHINE_BIT(CT_BUSY),
};

// RFC 3261 14.1, RFC 3311 5.1: who made the Call-ID waits longer than the other.
static uint64_t glare_ms(const struct session *s)
{
    uint64_t r = loop_random_u64(s->layer->loop);
    return s->uac ? 2100 + r % 191 * 10 : r % 201 * 10;
}

static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    const struct session *s = m->owner;
    return timer == CT_GLARE ? glare_ms(s) : timer == CT_AFTER ? s->change.after_ms : ms;
}

const struct machine_kind change_machine = {MACHINE_FSM("change", CH_IDLE), reckon};

void change_done(struct session *s)
{
    (void)machine_step(&s->change.m, CE_DONE, NULL);
}

static bool is_active(const struct session *s)
{
    return !machine_is_idle(&s->change.m);
}

// ---- what the other side says ----

static bool after(struct session *s, uint32_t ms)
{
    s->change.after_ms = ms;
    return machine_step(&s->change.m, CE_AFTER, NULL);
}

// What did not work is tried again: 491, a 500 that says when, an interval that was too small.
static bool again(struct session *s, unsigned status, const struct sip_msg *m)
{
    const struct sip_delta *delay = m ? sip_msg_at(m, SIP_H_RETRY_AFTER, 0) : NULL;
    if (s->change.tries >= TRIES_MAX)
        return false;
    if (status == 491)
        return machine_step(&s->change.m, CE_GLARE, NULL);
    if (status == 500 && delay && delay->value <= RETRY_AFTER_MAX_S)
        return after(s, delay->value * 1000);
    return status == 422 && m && interval_raise(s, m) && after(s, 0);
}

static void refused(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    if (r->offers)
        (void)offer_step(r->leg, OE_WITHDRAW);
    if (again(s, status, m))
        return;
    // RFC 3261 12.2.1.2: the other side knows nothing of this dialog any more, or nothing is heard
    // of it.
    bool lost = status == 408 || status == 481;
    finish(s, status);
    if (lost && !session_over(s)) {
        s->why =
            status == 481 ? "the other side has lost the session" : "no answer inside the session";
        session_step(s, SE_HANG_UP, NULL);
    }
}

static void on_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    struct leg *g = r->leg;
    if (status >= 300 || !m) {
        if (is_active(s))
            refused(r, status, m);
        return;
    }
    leg_note_peer(g, m);
    if (r->method == SIP_INVITE)
        ack_owe(g, r->cseq);
    if (s->life.state == SS_UP)
        interval_confirmed(s, m);
    offer_take(g, m, r->method == SIP_INVITE ? &by_ack : NULL);
    if (r->method == SIP_INVITE && g->due != &by_ack && !g->ack.sent)
        ack_send(g, r->cseq, STR_NONE);
    if (is_active(s) && !session_over(s))
        finish(s, status);
}

static bool is_free(const struct session *s)
{
    const struct leg *g = s->leg;
    return g && g->oa == OA_STABLE && !g->due && !s->reinvite && !request_pending(s, SIP_INVITE) &&
           !request_pending(s, SIP_UPDATE);
}

// Both sides have it.
static bool has_update(const struct session *s)
{
    return s->leg && s->leg->peer_update && !s->p.no_update;
}

// RFC 3311 5.1: an offer by UPDATE in an early dialog needs one exchange before it, and all of it
// reliable. The PRACK has been answered as well: it may not come behind a later request (RFC
// 3261 12.2.2).
static bool may_update(const struct session *s)
{
    bool early = s->life.state == SS_EARLY || s->life.state == SS_RINGING;
    return early && has_update(s) && s->leg->described && !reliable_is_open(s) &&
           !request_pending(s, SIP_PRACK);
}

static bool may_send(const struct session *s)
{
    return is_free(s) && (s->life.state == SS_UP || may_update(s));
}

static int send_change(struct session *s)
{
    struct change *c = &s->change;
    if (!may_send(s))
        return ERR_STATE;
    c->tries++;
    if (!c->refreshing)
        c->method = s->life.state == SS_UP ? SIP_INVITE : SIP_UPDATE;
    struct request *r = request_new(s->leg, c->method, on_response);
    if (!r)
        return ERR_NOMEM;
    if (c->body.n) {
        request_body(r, session_type(s), c->body);
        r->offers = true;
        (void)offer_step(s->leg, OE_SEND_OFFER);
        (void)session_keep_described(s, c->body);
    }
    int e = request_send(r);
    if (e && c->body.n)
        (void)offer_step(s->leg, OE_WITHDRAW);
    return e;
}

static int prepare(struct session *s, struct str body, bool refreshing)
{
    struct change *c = &s->change;
    if (body.n && !heap_set(&c->body, body).p)
        return ERR_NOMEM;
    c->refreshing = refreshing;
    c->tries = c->waits = 0;
    return 0;
}

static int start(struct session *s)
{
    (void)machine_step(&s->change.m, CE_START, NULL);
    int e = send_change(s);
    if (e)
        change_done(s);
    return e;
}

int change_refresh(struct session *s, bool update)
{
    int e = is_active(s) || !may_send(s) ? ERR_STATE
                                         : prepare(s, update ? STR_NONE : s->described, true);
    s->change.method = update ? SIP_UPDATE : SIP_INVITE;
    return e ? e : start(s);
}

bool change_in(const struct leg *g)
{
    LIST_EACH(&g->session->requests, it) {
        const struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->leg == g && !r->done && r->cb == on_response)
            return is_active(g->session);
    }
    return false;
}

void change_lost(struct session *s)
{
    if (is_active(s))
        finish(s, 487);
}

bool session_may_modify(const struct session *s)
{
    return !is_active(s) && may_send(s);
}

int session_modify(struct session *s, struct str body)
{
    if (!session_may_modify(s) || body.n > BODY_MAX || (!body.n && s->life.state != SS_UP))
        return ERR_STATE;
    int e = prepare(s, body, false);
    return e ? e : start(s);
}

int session_modify_later(struct session *s, struct str body)
{
    enum session_state state = s->life.state;
    bool early = state == SS_EARLY || state == SS_RINGING;
    bool soon = state == SS_ANSWERED || (state == SS_RINGING && s->rel.n_queue > 0);
    bool ever = state == SS_UP || soon || (early && has_update(s));
    if (session_may_modify(s))
        return session_modify(s, body);
    if (!ever || is_active(s) || !body.n || body.n > BODY_MAX)
        return ERR_STATE;
    int e = prepare(s, body, false);
    if (!e)
        (void)machine_step(&s->change.m, CE_START_LATER, NULL);
    return e;
}
