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
    bool begun;              // the caller was made an offer in a response, and takes no other there
    bool by_change;          // what it waits for was passed on by a change
    bool stale;              // nobody waits for what the other side is to answer next
    bool blocked;            // an offer of it could not be passed on; so can none behind it
    struct str late;         // heap: its offer, which waits until that has come
    struct str answer;       // heap: what it has answered to the first offer
    server_id request;       // of its side, that the other side is to answer; 0: none
};

struct bridge {
    const struct bridge_ops *ops;
    void *arg;
    struct half caller, called;
    bool ending;
    unsigned held; // it is being worked with, and stays, whatever ends
    struct session_end end;
    bool by_caller;
};

static void bridge_free(struct bridge *b)
{
    mem_free((void *)b->caller.answer.p);
    mem_free((void *)b->called.answer.p);
    mem_free((void *)b->caller.late.p);
    mem_free((void *)b->called.late.p);
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

static void refuse(struct half *h, unsigned status)
{
    if (h->session)
        (void)session_refuse(h->session, status);
}

// What the other side has been waiting for. False: it was not.
static bool pass_on(struct half *from, struct str body)
{
    struct half *to = from->other;
    if (!to->asked || !to->session)
        return false;
    to->asked = false;
    int e = session_answer(to->session, body);
    if (e && e != ERR_STATE && to->session) // ERR_STATE: it does not want it any more
        (void)session_hang_up(to->session);
    return true;
}

// False: the other side does not take it.
static bool pass_on_change(struct half *h, struct str body)
{
    if (!h->other->session || session_modify(h->other->session, body))
        return false;
    h->asked = h->by_change = true;
    return true;
}

static void keep_late(struct half *h, struct str body)
{
    mem_free((void *)h->late.p);
    h->late = str_dup(body);
    if (!h->late.p)
        refuse(h, 500);
}

// The answer came to an offer that is gone: what has been waiting behind it is next.
static void end_stale(struct half *h)
{
    struct str body = h->late;
    h->late = STR_NONE;
    h->stale = false;
    if (body.n && !pass_on_change(h, body))
        refuse(h, 488);
    mem_free((void *)body.p);
}

// A further fork's: a change brings it (RFC 3311 5.1), since no response can any more. One in a
// provisional response that cannot go now stays open, for another fork may still answer.
static void offer_of_next_fork(struct half *h, struct str body, unsigned status)
{
    if (h->stale && !h->late.n) {
        keep_late(h, body);
        return;
    }
    if (!h->stale && !h->asked && !h->blocked && pass_on_change(h, body))
        return;
    h->blocked = true;
    if (status >= 200)
        refuse(h, 488);
}

// An offer in a response of the called side to an INVITE that had none.
static void offer_in_response(struct half *h, struct str body, unsigned status)
{
    struct session_reply r = {.status = status, .body = body, .reliable = true};
    if (h->begun || h->stale) {
        offer_of_next_fork(h, body, status);
        return;
    }
    h->asked = h->begun = true;
    h->by_change = false;
    int e = status < 200 ? session_progress(h->other->session, &r)
                         : session_accept(h->other->session, &r);
    if (!e)
        return;
    h->asked = h->begun = false;
    refuse(h, 488);
}

static void take_offer(struct half *h, struct str body, unsigned status)
{
    if (pass_on(h, body)) { // what the other side's re-INVITE wanted; its answer is to come
        h->asked = true;
        h->by_change = false;
    } else if (!h->other->session) {
        refuse(h, 488);
    } else if (status && !session_is_established(h->other->session)) {
        offer_in_response(h, body, status);
    } else if (h->stale || !pass_on_change(h, body)) {
        refuse(h, 491);
    }
}

static void on_offer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    take_offer(h, body, sip_msg_status(m));
    let_go(h);
}

static void on_answer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    if (h->other->stale) {
        if (!h->other->by_change) // else the change is still to end
            end_stale(h->other);
    } else if (!pass_on(h, body)) {
        struct str copy = str_dup(body);
        mem_free((void *)h->answer.p);
        h->answer = copy;
    }
    let_go(h);
}

static void on_modified(void *arg, struct session *s, unsigned status)
{
    struct half *h = hold(arg);
    struct half *to = h->other;
    if (to->stale) {
        end_stale(to);
    } else if (to->asked) {
        to->asked = false;
        // A 2xx that has brought no answer leaves nothing else (RFC 3264 5).
        refuse(to, status < 300 ? 488 : passed_on(status));
    }
    let_go(h);
}

// The other side was asked, and answers all the same: nobody else may have that. What was behind it
// has gone with it, for one fork was chosen.
static void on_withdrawn(void *arg, struct session *s)
{
    struct half *h = arg;
    mem_free((void *)h->late.p);
    h->late = STR_NONE;
    h->blocked = false;
    if (h->asked)
        h->stale = true;
    h->asked = false;
}

// ---- setting up ----

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    bool reliable = sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"));
    if (status > 100 && !is_caller(h) && !h->asked && h->other->session)
        (void)session_progress(
            h->other->session,
            &(struct session_reply){.status = status, .body = h->answer, .reliable = reliable});
    let_go(h);
}

static void on_established(void *arg, struct session *s)
{
    struct half *h = hold(arg);
    struct session_reply r = {.status = 200, .body = h->answer};
    if (!is_caller(h) && h->other->session && !session_is_established(h->other->session)) {
        // ERR_STATE: a late offer has accepted it.
        int e = session_accept(h->other->session, &r);
        if (e && e != ERR_STATE)
            (void)session_hang_up(s);
    }
    let_go(h);
}

// ---- other requests: one at a time ----

static void on_response(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct half *h = hold(arg);
    server_id id = h->other->request;
    h->other->request = 0;
    if (id && h->other->session)
        session_reply_to(h->other->session, id, passed_on(status));
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
    bool refusal = is_caller(other) && !e->established && e->status >= 300;
    // Silence of the called side is what the caller hears.
    unsigned status = e->status == 408 ? 408 : passed_on(e->status);
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
        b->by_caller = is_caller(h);
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
    e = session_invite(l, &out, &b->called.session);
    if (e) {
        b->held++;
        (void)session_reject(b->caller.session, &(struct session_reply){.status = 500});
        bridge_free(b);
        return e;
    }
    *ret_bridge = b;
    return 0;
}
