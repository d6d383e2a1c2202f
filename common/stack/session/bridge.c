// SPDX-License-Identifier: Apache-2.0
#include "stack/session/bridge_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/msg.h"

static void bridge_free(struct bridge *b)
{
    bridge_forget_forks(&b->caller);
    bridge_forget_forks(&b->called);
    mem_free(b);
}

// Both sides have ended?
static void over(struct bridge *b)
{
    if (b->caller.session || b->called.session || b->held)
        return;
    if (b->ops->closed)
        b->ops->closed(b->arg, b, &b->end, b->by_caller);
    bridge_free(b);
}

// Whatever is asked of a session may end it, and the other one with it.
static struct half *hold(struct half *h)
{
    h->bridge->held++;
    return h;
}

static void let_go(struct half *h)
{
    struct bridge *b = h->bridge;
    b->held--;
    over(b);
}

// ---- what a session tells ----

static void on_offer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    bridge_on_offer(h, body, m);
    let_go(h);
}

static void on_answer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    bridge_on_answer(h, body, m);
    let_go(h);
}

static void on_modified(void *arg, struct session *s, unsigned status)
{
    struct half *h = hold(arg);
    bridge_on_modified(h, status);
    let_go(h);
}

static void on_withdrawn(void *arg, struct session *s, struct str fork)
{
    bridge_on_withdrawn(arg, fork);
}

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    if (!half_is_caller(h))
        bridge_on_progress(h, status, m);
    let_go(h);
}

static void on_established(void *arg, struct session *s)
{
    struct half *h = hold(arg);
    if (!half_is_caller(h))
        bridge_on_accepted(h);
    let_go(h);
}

// ---- other requests: one at a time ----

static void on_response(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    server_id id = h->other->request;
    h->other->request = 0;
    if (id && h->other->session)
        session_reply_to(h->other->session, id, bridge_passed_on(status));
    let_go(h);
}

static void on_request(void *arg, struct session *s, server_id id, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    enum sip_method method = sip_msg_method(m);
    bool known = method == SIP_INFO || method == SIP_MESSAGE;
    if (!known || h->request || !h->other->session) {
        session_reply_to(s, id, known ? 491 : 405);
    } else {
        h->request = id;
        if (session_request(h->other->session, method, sip_msg_raw(m, SIP_H_CONTENT_TYPE),
                            sip_msg_body(m), on_response)) {
            h->request = 0;
            session_reply_to(s, id, 500);
        }
    }
    let_go(h);
}

// ---- the end ----

static void end_other(struct half *other, const struct session_end *e)
{
    bool refusal = half_is_caller(other) && !e->established && e->status >= 300;
    // Silence of the called side is what the caller hears.
    unsigned status = e->status == 408 ? 408 : bridge_passed_on(e->status);
    if (refusal && session_reject(other->session, &(struct session_reply){.status = status}) == 0)
        return;
    if (other->session) // the refusal may have ended it, even when it could not be sent
        (void)session_hang_up(other->session);
}

static void on_closed(void *arg, struct session *s, const struct session_end *e)
{
    struct half *h = hold(arg);
    struct bridge *b = h->bridge;
    h->session = NULL;
    if (!b->ending) {
        b->ending = true;
        b->end = *e;
        b->end.msg = NULL;
        b->end.reason = STR_NONE;
        b->by_caller = half_is_caller(h);
        if (h->other->session)
            end_other(h->other, e);
    }
    let_go(h);
}

static void on_decorate(void *arg, struct session *s, enum sip_method method, unsigned status,
                        struct sip_edits *e)
{
    const struct half *h = arg;
    if (h->bridge->ops->decorate)
        h->bridge->ops->decorate(h->bridge->arg, h->bridge, half_is_caller(h), method, status, e);
}

static const struct session_ops ops = {.progress = on_progress,
                                       .offer = on_offer,
                                       .answer = on_answer,
                                       .withdrawn = on_withdrawn,
                                       .established = on_established,
                                       .modified = on_modified,
                                       .closed = on_closed,
                                       .request = on_request,
                                       .decorate = on_decorate};

void bridge_hang_up(struct bridge *b)
{
    b->held++; // it stays until both have heard
    if (b->caller.session)
        (void)session_hang_up(b->caller.session);
    if (b->called.session)
        (void)session_hang_up(b->called.session);
    b->held--;
    over(b);
}

static struct session_params params_of(const struct session_params *p, struct half *h)
{
    struct session_params own = *p;
    own.ops = &ops;
    own.arg = h;
    own.body = STR_NONE;
    return own;
}

int bridge_take(struct session_layer *l, server_id id, const struct bridge_params *p,
                struct bridge **ret_bridge)
{
    struct bridge *b = mem_zalloc(sizeof *b);
    *ret_bridge = NULL;
    if (!b) {
        (void)session_refuse_new(l, id, 500, NULL);
        return ERR_NOMEM;
    }
    b->ops = p->ops;
    b->arg = p->arg;
    b->caller = (struct half){.bridge = b, .other = &b->called};
    b->called = (struct half){.bridge = b, .other = &b->caller};
    struct session_params in = params_of(&p->in, &b->caller), out = params_of(&p->out, &b->called);
    int e = session_take(l, id, &in, &b->caller.session);
    if (e || !b->caller.session) {
        bridge_free(b);
        return e;
    }
    out.body = session_offer(b->caller.session);
    // An offer in a reliable response could not be passed on to a caller who has no 100rel.
    if (!out.body.n &&
        !session_is_reliable(b->caller.session, &(struct session_reply){.reliable = true}))
        out.rel100 = SESSION_REL_OFF;
    e = bridge_first_offer(&b->caller, out.body) ? session_invite(l, &out, &b->called.session)
                                                 : ERR_NOMEM;
    if (e) {
        b->held++;
        (void)session_reject(b->caller.session, &(struct session_reply){.status = 500});
        bridge_free(b);
        return e;
    }
    *ret_bridge = b;
    return 0;
}
