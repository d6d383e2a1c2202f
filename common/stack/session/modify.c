// SPDX-License-Identifier: Apache-2.0
// Changes of ours to a session: re-INVITE (RFC 3261 14.1) and UPDATE (RFC 3311 5.1), what the other
// side had to say against them, and when they are tried again.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/actions.h"

// TRIES_MAX: of one change, glare and intervals that are too small included.
// WAITS_MAX: how often it waits BUSY_MS for something else to end.
enum { TRIES_MAX = 6, RETRY_AFTER_MAX_S = 32, BUSY_MS = 500, WAITS_MAX = 64 };

static int send_change(struct session *s);
static void on_again(void *arg);

void change_init(struct session *s)
{
    timer_init(&s->change.again, on_again, s);
}

void change_done(struct session *s)
{
    struct change *c = &s->change;
    timer_stop(&c->again);
    (void)heap_set(&c->body, STR_NONE);
    c->active = false;
}

static void finish(struct session *s, unsigned status)
{
    bool told = !s->change.refreshing;
    change_done(s);
    if (told && s->ops->modified)
        s->ops->modified(s->arg, s, status);
}

static void on_again(void *arg)
{
    struct session *s = arg;
    int e = send_change(s);
    if (e)
        finish(s, e == ERR_STATE ? 491 : 500);
}

// RFC 3261 14.1, RFC 3311 5.1: who made the Call-ID waits longer than the other.
static uint32_t glare_ms(const struct session *s)
{
    uint32_t r = (uint32_t)loop_random_u64(s->layer->loop);
    return s->uac ? 2100 + r % 191 * 10 : r % 201 * 10;
}

static bool try_later(struct session *s, uint32_t ms)
{
    struct change *c = &s->change;
    if (c->tries >= TRIES_MAX)
        return false;
    timer_start(s->layer->loop, &c->again, ms);
    return true;
}

// What did not work is tried again: 491, a 500 that says when, an interval that was too small.
static bool again(struct session *s, unsigned status, const struct sip_msg *m)
{
    const struct sip_delta *after = m ? sip_msg_at(m, SIP_H_RETRY_AFTER, 0) : NULL;
    if (status == 491)
        return try_later(s, glare_ms(s));
    if (status == 500 && after && after->value <= RETRY_AFTER_MAX_S)
        return try_later(s, after->value * 1000);
    return status == 422 && m && interval_raise(s, m) && try_later(s, 0);
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
        if (s->change.active)
            refused(r, status, m);
        return;
    }
    leg_note_peer(g, m);
    if (r->method == SIP_INVITE)
        ack_owe(g, r->cseq);
    if (s->state == SS_UP)
        interval_confirmed(s, m);
    offer_take(g, m, r->method == SIP_INVITE ? &by_ack : NULL);
    if (r->method == SIP_INVITE && g->due != &by_ack && !g->ack.sent)
        ack_send(g, r->cseq, STR_NONE);
    if (s->change.active && !session_over(s))
        finish(s, status);
}

static bool is_free(const struct session *s)
{
    const struct leg *g = s->leg;
    return g && g->oa == OA_STABLE && !g->due && !s->reinvite && !request_pending(s, SIP_INVITE) &&
           !request_pending(s, SIP_UPDATE);
}

static int send_change(struct session *s)
{
    struct change *c = &s->change;
    if (session_over(s) || s->state == SS_ENDING)
        return ERR_STATE;
    if (!is_free(s)) // theirs goes first
        return c->waits++ < WAITS_MAX && try_later(s, BUSY_MS) ? 0 : ERR_STATE;
    c->tries++;
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

int change_start(struct session *s, enum sip_method method, struct str body, bool refreshing)
{
    struct change *c = &s->change;
    if (c->active || !is_free(s))
        return ERR_STATE;
    if (body.n && !heap_set(&c->body, body).p)
        return ERR_NOMEM;
    c->active = true;
    c->refreshing = refreshing;
    c->method = method;
    c->tries = c->waits = 0;
    int e = send_change(s);
    if (e)
        change_done(s);
    return e;
}

bool change_in(const struct leg *g)
{
    LIST_EACH(&g->session->requests, it) {
        const struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->leg == g && !r->done && r->cb == on_response)
            return g->session->change.active;
    }
    return false;
}

void change_lost(struct session *s)
{
    if (s->change.active)
        finish(s, 487);
}

// RFC 3311 5.1: an offer by UPDATE in an early dialog needs one exchange before it, and all of it
// reliable.
static bool may_update(const struct session *s)
{
    bool early = s->state == SS_EARLY || s->state == SS_RINGING;
    return early && s->leg && s->leg->described && s->leg->peer_update && !s->p.no_update &&
           !s->rel.active;
}

bool session_may_modify(const struct session *s)
{
    return !s->change.active && is_free(s) && (s->state == SS_UP || may_update(s));
}

int session_modify(struct session *s, struct str body)
{
    if (!session_may_modify(s) || body.n > BODY_MAX || (!body.n && s->state != SS_UP))
        return ERR_STATE;
    return change_start(s, s->state == SS_UP ? SIP_INVITE : SIP_UPDATE, body, false);
}
