// SPDX-License-Identifier: Apache-2.0
#include "stack/session/bridge.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/msg.h"

struct half {
    struct bridge *bridge;
    struct half *other;
    struct session *session; // NULL: it is over
    bool asked;              // it waits for an answer (or offer) that the other side is to give
    struct str answer;       // heap: what it has answered to the first offer
    server_id request;       // of its side, that the other side is to answer; 0: none
};

struct bridge {
    const struct bridge_ops *ops;
    void *arg;
    struct half caller, called;
    bool ending;
    bool starting; // stays, whatever ends
    struct session_end end;
    bool by_caller;
};

static void bridge_free(struct bridge *b)
{
    mem_free((void *)b->caller.answer.p);
    mem_free((void *)b->called.answer.p);
    mem_free(b);
}

static bool is_caller(const struct half *h)
{
    return h == &h->bridge->caller;
}

// What is between one side and this node is no matter of the other: credentials, intervals, other
// targets, and a dialog that is lost.
static unsigned passed_on(unsigned status)
{
    if (status / 100 == 3)
        return 480;
    return status == 401 || status == 407 || status == 422 || status == 408 || status == 481
               ? 500
               : status;
}

// ---- offers and answers ----

// What the other side has been waiting for. False: it was not.
static bool pass_on(struct half *from, struct str body)
{
    struct half *to = from->other;
    if (!to->asked || !to->session)
        return false;
    to->asked = false;
    int e = session_answer(to->session, body);
    if (e && e != ERR_STATE) // ERR_STATE: it does not want it any more
        (void)session_hang_up(to->session);
    return true;
}

// An offer in a response of the called side to an INVITE that had none.
static void offer_in_response(struct half *h, struct str body, unsigned status)
{
    struct session_reply r = {.status = status, .body = body, .reliable = true};
    int e = status < 200 ? session_progress(h->other->session, &r)
                         : session_accept(h->other->session, &r);
    if (e)
        (void)session_refuse(h->session, 488);
    else
        h->asked = true;
}

static void on_offer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = arg;
    unsigned status = sip_msg_status(m);
    if (pass_on(h, body)) { // what the other side's re-INVITE wanted; its answer is to come
        h->asked = true;
        return;
    }
    if (!h->other->session) {
        (void)session_refuse(s, 488);
    } else if (status && !session_is_established(h->other->session)) {
        offer_in_response(h, body, status);
    } else if (session_modify(h->other->session, body) == 0) {
        h->asked = true;
    } else {
        (void)session_refuse(s, 491);
    }
}

static void on_answer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = arg;
    if (pass_on(h, body))
        return;
    struct str copy = str_dup(body);
    mem_free((void *)h->answer.p);
    h->answer = copy;
}

static void on_modified(void *arg, struct session *s, unsigned status)
{
    struct half *h = arg;
    struct half *to = h->other;
    if (!to->asked || !to->session)
        return;
    to->asked = false;
    // A 2xx that has brought no answer leaves nothing else (RFC 3264 5).
    (void)session_refuse(to->session, status < 300 ? 488 : passed_on(status));
}

static void on_withdrawn(void *arg, struct session *s)
{
    ((struct half *)arg)->asked = false;
}

// ---- setting up ----

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = arg;
    bool reliable = sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"));
    if (status > 100 && !is_caller(h) && !h->asked && h->other->session)
        (void)session_progress(
            h->other->session,
            &(struct session_reply){.status = status, .body = h->answer, .reliable = reliable});
}

static void on_established(void *arg, struct session *s)
{
    struct half *h = arg;
    struct session_reply r = {.status = 200, .body = h->answer};
    if (is_caller(h) || !h->other->session || session_is_established(h->other->session))
        return;
    // ERR_STATE: a late offer has accepted it.
    int e = session_accept(h->other->session, &r);
    if (e && e != ERR_STATE)
        (void)session_hang_up(s);
}

// ---- other requests: one at a time ----

static void on_response(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = arg;
    server_id id = h->other->request;
    h->other->request = 0;
    if (id && h->other->session)
        session_reply_to(h->other->session, id, passed_on(status));
}

static void on_request(void *arg, struct session *s, server_id id, const struct sip_msg *m)
{
    struct half *h = arg;
    enum sip_method method = sip_msg_method(m);
    bool known = method == SIP_INFO || method == SIP_MESSAGE;
    if (!known || h->request || !h->other->session) {
        session_reply_to(s, id, known ? 491 : 405);
        return;
    }
    h->request = id;
    if (session_request(h->other->session, method, sip_msg_raw(m, SIP_H_CONTENT_TYPE),
                        sip_msg_body(m), on_response)) {
        h->request = 0;
        session_reply_to(s, id, 500);
    }
}

// ---- the end ----

static void end_other(struct half *other, const struct session_end *e)
{
    bool refusal = is_caller(other) && !e->established && e->status >= 300;
    // Silence of the called side is what the caller hears.
    unsigned status = e->status == 408 ? 408 : passed_on(e->status);
    if (!refusal || session_reject(other->session, &(struct session_reply){.status = status}))
        (void)session_hang_up(other->session);
}

// Both sides have ended?
static void over(struct bridge *b)
{
    if (b->caller.session || b->called.session || b->starting)
        return;
    if (b->ops->closed)
        b->ops->closed(b->arg, b, &b->end, b->by_caller);
    bridge_free(b);
}

static void on_closed(void *arg, struct session *s, const struct session_end *e)
{
    struct half *h = arg;
    struct bridge *b = h->bridge;
    h->session = NULL;
    if (!b->ending) {
        b->ending = true;
        b->end = *e;
        b->end.msg = NULL;
        b->end.reason = STR_NONE;
        b->by_caller = is_caller(h);
        if (h->other->session) {
            end_other(h->other, e);
            return; // may have gone with it
        }
    }
    over(b);
}

static void on_decorate(void *arg, struct session *s, enum sip_method method, unsigned status,
                        struct sip_edits *e)
{
    const struct half *h = arg;
    if (h->bridge->ops->decorate)
        h->bridge->ops->decorate(h->bridge->arg, h->bridge, is_caller(h), method, status, e);
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
    b->starting = true; // it stays until both have heard
    if (b->caller.session)
        (void)session_hang_up(b->caller.session);
    if (b->called.session)
        (void)session_hang_up(b->called.session);
    b->starting = false;
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
    e = session_invite(l, &out, &b->called.session);
    if (e) {
        b->starting = true;
        (void)session_reject(b->caller.session, &(struct session_reply){.status = 500});
        bridge_free(b);
        return e;
    }
    *ret_bridge = b;
    return 0;
}
