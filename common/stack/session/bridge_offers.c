// SPDX-License-Identifier: Apache-2.0
// Offers and answers through a bridge. The called side may fork, the caller sees one dialog: he has
// one exchange at a time, with one of them. An offer that comes meanwhile waits until he has
// answered, and goes to him as a change (RFC 3264 4, RFC 3311 5.1). When somebody else accepts than
// who was described to him last, he is told of that one, and that one of what he says to it.
#include "stack/session/bridge_priv.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sip/msg.h"

// ---- forks ----

static uint64_t tag_key(struct str tag)
{
    return tag.n ? hash_bytes(tag.p, tag.n) | 1 : 0;
}

static struct fork *find(struct half *h, uint64_t tag)
{
    for (size_t i = 0; i < h->n_forks; i++)
        if (h->forks[i].tag == tag)
            return &h->forks[i];
    return NULL;
}

static bool keep(struct str *at, struct str text)
{
    struct str copy = str_dup(text);
    mem_free((void *)at->p);
    *at = copy;
    return copy.p != NULL;
}

static struct str said(struct half *h, uint64_t tag)
{
    const struct fork *f = find(h, tag);
    return f ? f->said : STR_NONE;
}

static void forget(struct fork *f)
{
    mem_free((void *)f->said.p);
    mem_free((void *)f->heard.p);
    f->said = f->heard = STR_NONE;
    f->turn = 0;
}

// One that is of no use any more makes room.
static struct fork *room(struct half *h)
{
    if (h->n_forks < FORKS_MAX)
        return &h->forks[h->n_forks++];
    for (size_t i = 0; i < h->n_forks; i++) {
        struct fork *f = &h->forks[i];
        if (f->turn || f->tag == h->given || f->tag == h->asker)
            continue;
        forget(f);
        return f;
    }
    return NULL;
}

static struct fork *fork_of(struct half *h, uint64_t tag)
{
    struct fork *f = find(h, tag);
    if (!f && (f = room(h)))
        *f = (struct fork){.tag = tag};
    return f;
}

static struct fork *sender(struct half *h, const struct sip_msg *m)
{
    return fork_of(h, tag_key(sip_msg_is_request(m) ? sip_msg_from_tag(m) : sip_msg_to_tag(m)));
}

void bridge_forget_forks(struct half *h)
{
    for (size_t i = 0; i < h->n_forks; i++)
        forget(&h->forks[i]);
}

// ---- from one side to the other ----

unsigned bridge_passed_on(unsigned status)
{
    if (status / 100 == 3)
        return 480;
    return status == 401 || status == 407 || status == 422 || status == 408 || status == 481
               ? 500
               : status;
}

static void refuse(struct half *h, unsigned status)
{
    if (h->session)
        (void)session_refuse(h->session, status);
}

static void hang_up(struct half *h)
{
    if (h->session)
        (void)session_hang_up(h->session);
}

static void ask(struct half *h, uint64_t tag, bool change, bool wanting)
{
    h->asked = true;
    h->asker = tag;
    h->changing = change;
    h->wanting = wanting;
}

// What the other side has been waiting for. False: it was not.
static bool pass_on(struct half *from, struct str body)
{
    struct half *to = from->other;
    if (!to->asked || !to->session)
        return false;
    struct fork *f = find(to, to->asker);
    to->asked = false;
    to->given = to->asker;
    int e = f && body.n && !keep(&f->heard, body) ? ERR_NOMEM : session_answer(to->session, body);
    if (e && e != ERR_STATE) // ERR_STATE: it does not want it any more
        hang_up(to);
    return true;
}

static bool pass_on_change(struct half *h, uint64_t tag, struct str body)
{
    if (h->changing || session_modify(h->other->session, body))
        return false;
    ask(h, tag, true, !body.n);
    return true;
}

// ---- what waits its turn ----

static struct fork *next_fork(struct half *h)
{
    struct fork *next = NULL;
    for (size_t i = 0; i < h->n_forks; i++)
        if (h->forks[i].turn && (!next || h->forks[i].turn < next->turn))
            next = &h->forks[i];
    return next;
}

// The other side has the description of somebody else than who has accepted.
static bool is_astray(struct half *h)
{
    struct str wanted = said(h, h->chosen);
    return h->chosen && h->given && h->given != h->chosen && wanted.n &&
           !str_eq(wanted, said(h, h->given));
}

static void realign(struct half *h)
{
    if (!is_astray(h))
        return;
    h->given = h->chosen;
    h->changing = h->realigning = session_modify_later(h->other->session, said(h, h->chosen)) == 0;
    if (!h->realigning)
        hang_up(h); // nobody talks to somebody who answered another
}

static void go_on(struct half *h)
{
    struct fork *f;
    if (h->asked || h->stale || h->changing)
        return;
    while (h->session && h->other->session && (f = next_fork(h))) {
        f->turn = 0;
        if (session_modify_later(h->other->session, f->said) == 0) {
            ask(h, f->tag, true, false);
            return;
        }
        refuse(h, 488); // the oldest that is open, which is this one
    }
    if (h->session && h->other->session)
        realign(h);
}

// He has answered to that; who has accepted hears of it when it is new.
static void realigned(struct half *h, struct str body)
{
    struct fork *f = find(h, h->chosen);
    h->realigning = false;
    if (!f || !h->session || str_eq(f->heard, body))
        return;
    if (!keep(&f->heard, body) || session_modify_later(h->session, body))
        hang_up(h);
}

// ---- offers ----

bool bridge_first_offer(struct half *caller, struct str body)
{
    struct fork *f = fork_of(caller, tag_key(session_fork(caller->session)));
    caller->bridge->late = !body.n;
    return !body.n || keep(&f->said, body);
}

// In a response of the called side to an INVITE that had none.
static void offer_in_response(struct half *h, struct fork *f, unsigned status)
{
    struct session_reply r = {.status = status, .body = f->said, .reliable = true};
    if (h->begun || h->stale) {
        f->turn = ++h->turns;
        go_on(h);
        return;
    }
    h->begun = true;
    ask(h, f->tag, false, false);
    int e = status < 200 ? session_progress(h->other->session, &r)
                         : session_accept(h->other->session, &r);
    if (!e)
        return;
    h->asked = h->begun = false;
    refuse(h, 488);
}

void bridge_on_offer(struct half *h, struct str body, const struct sip_msg *m)
{
    struct fork *f = sender(h, m);
    unsigned status = sip_msg_status(m);
    if (!h->other->session || !f || (body.n && !keep(&f->said, body))) {
        refuse(h, h->other->session ? 500 : 488);
    } else if (status && h->other->wanting && pass_on(h, body)) {
        // What the other side's re-INVITE wanted; its answer is to come.
        ask(h, f->tag, false, false);
    } else if (status && !session_is_established(h->other->session)) {
        offer_in_response(h, f, status);
    } else if (h->stale || h->other->asked || !pass_on_change(h, f->tag, body)) {
        refuse(h, 491); // RFC 3261 14.2, RFC 3311 5.2: the two have crossed
    }
}

void bridge_on_answer(struct half *h, struct str body, const struct sip_msg *m)
{
    struct half *o = h->other;
    struct fork *f = sender(h, m);
    struct str theirs = half_is_caller(h) ? STR_NONE : o->forks[0].said;
    if (!f || !keep(&f->said, body) || (theirs.n && !keep(&f->heard, theirs))) {
        hang_up(h);
        return;
    }
    if (o->realigning)
        realigned(o, body);
    else if (!o->stale)
        (void)pass_on(h, body);
    if (!o->changing) { // else it is still to end
        o->stale = false;
        go_on(o);
    }
}

void bridge_on_modified(struct half *h, unsigned status)
{
    struct half *to = h->other;
    bool lost = to->realigning, asked = to->asked && !to->stale;
    to->changing = to->realigning = to->stale = false;
    if (lost) // he has not taken it
        hang_up(to);
    if (asked) {
        to->asked = false;
        // A 2xx that has brought no answer leaves nothing else (RFC 3264 5).
        refuse(to, status < 300 ? 488 : bridge_passed_on(status));
    }
    go_on(to);
}

// The other side was asked, and answers all the same: nobody else may have that.
void bridge_on_withdrawn(struct half *h, struct str tag)
{
    struct fork *f = find(h, tag_key(tag));
    if (f)
        f->turn = 0;
    if (h->asked && h->asker == tag_key(tag)) {
        h->asked = false;
        h->stale = true;
    }
}

// ---- setting up ----

void bridge_on_progress(struct half *h, unsigned status, const struct sip_msg *m)
{
    struct session *caller = h->other->session;
    struct session_reply r = {.status = status,
                              .reliable = sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel"))};
    if (status <= 100 || h->asked || !caller)
        return;
    uint64_t tag = tag_key(sip_msg_to_tag(m));
    if (!h->bridge->late)
        r.body = said(h, tag);
    bool binding = r.body.n && session_is_reliable(caller, &r) && !h->given;
    if (session_progress(caller, &r) == 0 && binding)
        h->given = tag;
}

void bridge_on_accepted(struct half *h)
{
    struct session *caller = h->other->session;
    h->chosen = tag_key(session_fork(h->session));
    if (!caller)
        return;
    if (!session_is_established(caller)) {
        struct session_reply r = {.status = 200};
        if (!h->bridge->late)
            r.body = said(h, h->chosen);
        // ERR_STATE: a late offer has accepted it.
        int e = session_accept(caller, &r);
        if (e && e != ERR_STATE)
            hang_up(h);
    }
    h->given = h->given ? h->given : h->chosen;
    go_on(h);
}
