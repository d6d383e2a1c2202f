// SPDX-License-Identifier: Apache-2.0
// The response context: RFC 3261 16.7 to 16.10.
#include "base/err.h"
#include "base/hash.h"
#include "base/log_limit.h"
#include "base/writer.h"
#include "stack/proxy/proxy_priv.h"

// ---- silence ----

bool pxy_is_flow_failure(const struct sip_msg *m)
{
    if (sip_msg_status(m) != 480)
        return sip_msg_status(m) == 430;
    struct sip_iter it = sip_iter_init(m, SIP_H_REASON);
    for (const struct sip_token *r; (r = sip_iter_next(&it));)
        if (str_ieq(r->token, STR("SIP")) &&
            str_eq(sip_param_get(r->params, STR("cause"), NULL), STR("430")))
            return true;
    return false;
}

// What the final response means to who has to choose among several.
static unsigned meaning(const struct branch *b)
{
    return b->msg && pxy_is_flow_failure(b->msg) ? 430 : b->status;
}

// Has the called user said something by this final response? Time-outs, dead flows and nodes that fail
// have not.
static bool is_answer(const struct branch *b)
{
    switch (meaning(b)) {
    case 401:
    case 407:
    case 408:
    case 410:
    case 430:
        return false;
    default:
        return b->msg && b->status >= 300 && b->status / 100 != 5;
    }
}

// Not in RFC 3261, whose 16.7 waits for every branch until its timer runs out.
static void end_silent(struct pxy *p)
{
    uint64_t now = loop_now(p->layer->loop) / 1000000;
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        if (!b->open || b->spoke || b->ending || !b->silent_ms)
            continue;
        uint64_t age = now - b->started;
        b->ending = true;
        timer_start(p->layer->loop, &b->timer_c, age < b->silent_ms ? b->silent_ms - age : 0);
    }
}

// RFC 3261 16.8, or the end of a silence.
void pxy_branch_timer_c(void *arg)
{
    struct branch *b = arg;
    if (b->ending) {
        b->cancelled = true;
        (void)txn_client_cancel(b->pxy->layer->txns, b->txn, STR_NONE);
        pxy_branch_final(b, 408, NULL);
        return;
    }
    b->timed_out = true;
    if (b->provisional) {
        b->cancelled = true;
        (void)txn_client_cancel(b->pxy->layer->txns, b->txn, STR_NONE);
        return;
    }
    pxy_branch_forget(b);
    pxy_branch_final(b, 408, NULL);
}

// ---- sending upstream ----

static int pass_on(struct pxy *p, unsigned status, const struct sip_msg *msg,
                   const struct sip_edits *up)
{
    return pxy_pass_up(p->layer->txns, p->server, status, msg, up);
}

// A 408 to a non-INVITE comes too late or is useless (RFC 4320 4.2): 504 says the same to those who
// can still use it. 503 would tell the upstream side not to use us any more (RFC 3261 16.7 step 6).
static unsigned status_upstream(const struct pxy *p, unsigned status)
{
    if (status == 408 && !p->invite)
        return 504;
    return status == 503 ? 500 : status;
}

// What to say when there is no response to pass on; NULL: the status says it all.
static const char *why_local(const struct branch *b)
{
    if (b->timed_out)
        return "no final response before Timer C ran out";
    if (b->trouble && !b->msg && b->status != 513)
        return b->trouble;
    return b->status == 408   ? "no response from the next hop in time"
           : b->status == 503 ? "the next hop cannot be reached or refuses service"
           : b->status == 404 ? "the next hop has no address that requests may go to"
           : b->status == 513 && !b->msg
               ? "with what was added here the request is too large for a datagram, and the next hop "
                 "takes no connection"
               : NULL;
}

// Nobody else knows that this request failed here, so this is its log line.
static void log_failure(const struct pxy *p, unsigned status, const char *why)
{
    struct str uri = sip_msg_uri_text(p->req);
    LOG_FROM(hash_bytes(uri.p, uri.n), loop_now(p->layer->loop) / 1000000, LOG_INFO,
             "request failed", why, LF("call_id", sip_msg_call_id(p->req)),
             LF("method", sip_msg_method_name(p->req)), LF("uri", uri), LF_NUM("status", status),
             LF_Z("cause", why));
}

// When to try again stays true when our 500 says what a 503 has said (RFC 3261 21.5.1).
static void keep_retry_after(const struct sip_msg *msg, struct sip_edits *extra)
{
    struct str v = msg ? sip_msg_raw(msg, SIP_H_RETRY_AFTER) : STR_NONE;
    if (v.n)
        sip_edit_append(extra, SIP_H_RETRY_AFTER, v);
}

static void answer_here(struct pxy *p, unsigned status, const char *why, struct sip_edits *extra)
{
    status = status_upstream(p, status);
    if (why) {
        log_failure(p, status, why);
        pxy_warn(p, extra, str_from(why));
    }
    (void)pxy_reply(p, status, STR_NONE, extra);
}

// A response that cannot be sent on.
static void cannot_pass(struct pxy *p, int err)
{
    struct sip_edits extra;
    sip_edits_init(&extra, &p->arena, NULL);
    answer_here(p, 500, err == ERR_TOOBIG ? "the response is too large to be sent back" : err_text(err),
                &extra);
}

// ---- the best response (RFC 3261 16.7 step 6) ----

// Lower is better: 6xx before all, then the lowest class; within 4xx those that tell how to try
// again, and those that say only that nobody was reached last of their class.
static unsigned rank(unsigned status)
{
    unsigned class = status / 100;
    if (class == 6)
        return 0;
    unsigned r = class * 10;
    bool helps = status == 401 || status == 407 || status == 415 || status == 420 || status == 484;
    if (status == 408 || status == 430 || status == 503)
        return r + 2;
    return helps ? r : r + 1;
}

static struct branch *best_branch(struct pxy *p)
{
    struct branch *best = NULL;
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        if (b->status && (!best || rank(meaning(b)) < rank(meaning(best))))
            best = b;
    }
    return best;
}

static void add_challenges(struct branch *to, const struct branch *from, enum sip_hid id)
{
    struct sip_edits_iter it = sip_edits_iter_init(&from->up, id);
    for (struct str value; sip_edits_iter_next(&it, &value);)
        sip_edit_append(&to->up, id, value);
}

// RFC 3261 16.7 step 7.
static void aggregate(struct pxy *p, struct branch *best)
{
    if (best->status != 401 && best->status != 407)
        return;
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        if (b == best || !b->msg || (b->status != 401 && b->status != 407))
            continue;
        add_challenges(best, b, SIP_H_WWW_AUTHENTICATE);
        add_challenges(best, b, SIP_H_PROXY_AUTHENTICATE);
    }
}

// Who says 503 and when to come again speaks of the whole service (our core, when its HSS is overloaded):
// whatever else is sent there would meet the same, and so it goes on as it is (RFC 3261 16.7 step 6, 21.5.4).
static bool is_overload(const struct branch *b)
{
    // Of a phone or a foreign network it would be held against every node on the way back, and so against everybody.
    bool outside = b->outside || transport_is_outside(b->pxy->layer->transport, b->label);
    return b->status == 503 && b->msg && !outside && sip_msg_has(b->msg, SIP_H_RETRY_AFTER);
}

static void send_final(struct pxy *p, struct branch *best)
{
    const char *why = why_local(best);
    unsigned status = best->status;
    if (best->ops && best->ops->upstream)
        status = best->ops->upstream(best->nf, p, status, &why);
    if (!is_overload(best) && (!best->msg || status_upstream(p, status) != best->status)) {
        struct sip_edits extra;
        sip_edits_init(&extra, &p->arena, NULL);
        keep_retry_after(best->msg, &extra);
        answer_here(p, status, why, best->msg ? &extra : &best->up);
        return;
    }
    aggregate(p, best);
    int err = pass_on(p, best->status, best->msg, &best->up);
    if (err == ERR_NOMEM || err == ERR_TOOBIG)
        cannot_pass(p, err);
    else
        pxy_finish(p, STR_NONE);
}

// ---- responses of a branch ----

// False when nothing would be left of msg; without a message there is nothing to be changed.
static bool edits_up(struct pxy *p, struct sip_msg *msg, struct sip_edits *e)
{
    if (msg)
        return pxy_edits_up(msg, e);
    sip_edits_init(e, &p->arena, NULL);
    return true;
}

static enum pxy_verdict ask(struct branch *b, unsigned status, struct sip_msg *msg,
                            struct sip_edits *e)
{
    if (!b->ops || !b->ops->response)
        return PXY_PASS;
    return b->ops->response(b->nf, b->pxy, b->ctx, status, msg, e);
}

void pxy_branch_provisional(struct branch *b, unsigned status, struct sip_msg *msg)
{
    struct pxy *p = b->pxy;
    struct sip_edits e;
    if (!b->open || p->answered || !edits_up(p, msg, &e))
        return;
    if (ask(b, status, msg, &e) == PXY_PASS && !p->answered)
        (void)pass_on(p, status, msg, &e);
}

// Each 2xx of an INVITE goes upstream, whatever was sent before (RFC 3261 16.7 step 5).
static void forward_ok(struct branch *b, unsigned status, struct sip_msg *msg)
{
    struct pxy *p = b->pxy;
    struct sip_edits e;
    uint32_t forwards = p->forwards;
    // The server transaction can follow a 2xx with another, but not a refusal with a 2xx.
    if ((p->answered && !p->accepted) || !edits_up(p, msg, &e))
        return;
    if (ask(b, status, msg, &e) == PXY_TAKEN) {
        p->pending = p->forwards == forwards;
        return;
    }
    int err = pass_on(p, status, msg, &e);
    if (!p->answered && (err == ERR_NOMEM || err == ERR_TOOBIG)) {
        cannot_pass(p, err);
        return;
    }
    p->accepted = true;
    pxy_finish(p, STR("SIP;cause=200;text=\"Call completed elsewhere\""));
}

// The final response that the context sees for what the transaction reported.
static unsigned final_status(const struct branch *b, unsigned status, struct sip_msg **msg)
{
    const struct pxy *p = b->pxy;
    if (b->timed_out && status == 487) {
        *msg = NULL; // nobody upstream cancelled: it is our Timer C that ran out
        return 408;
    }
    if (!*msg && p->cancelled && !b->ending)
        return 487; // RFC 3261 9.1: silence after a CANCEL ends the transaction; so does a dead peer
    return status;
}

// All branches have ended: the best response, unless the NF owes a decision.
static void conclude(struct pxy *p)
{
    if (p->answered || p->n_open)
        return;
    struct branch *best = p->pending ? NULL : best_branch(p);
    if (best)
        send_final(p, best);
    if (!p->answered && p->cancelled)
        answer_here(p, 487, NULL, NULL);
}

static void take_final(struct branch *b, unsigned status, struct sip_msg *msg)
{
    struct pxy *p = b->pxy;
    uint32_t forwards = p->forwards;
    if (!edits_up(p, msg, &b->up)) {
        msg = NULL; // a peer that dropped the Vias: nothing that could be passed on
        status = 502;
        sip_edits_init(&b->up, &p->arena, NULL);
    }
    enum pxy_verdict v = ask(b, b->ending ? 487 : status, msg, &b->up);
    bool held = v == PXY_HELD && !p->invite;
    if (v == PXY_TAKEN || held) {
        if (p->forwards == forwards && !p->answered)
            p->pending = true;
        if (!held || p->answered)
            return;
    }
    b->status = status;
    b->msg = msg ? sip_msg_ref(msg) : NULL;
    if (held) {
        p->held = b;
        return;
    }
    if (is_answer(b))
        end_silent(p);
    if (status >= 600 && !p->answered) {
        p->no_more = true;
        pxy_cancel_branches(p, STR_NONE);
    }
}

void pxy_branch_final(struct branch *b, unsigned status, struct sip_msg *msg)
{
    struct pxy *p = b->pxy;
    // A 2xx that has lost the way back is none: take_final makes a 502 of it.
    bool ok =
        status >= 200 && status < 300 && !(p->invite && msg && !sip_msg_at(msg, SIP_H_VIA, 1));
    bool first = b->open;
    if (first) {
        b->open = false;
        p->n_open--;
        timer_stop(&b->timer_c);
    }
    if (ok && p->invite) {
        b->accepted = true;
        forward_ok(b, status, msg);
    } else if (first && !p->answered) {
        status = final_status(b, status, &msg);
        take_final(b, status, msg);
        if (ok && b->status && !p->answered && p->held != b)
            send_final(p, b);
    }
    // Only an INVITE that was accepted has more to say, and one that was ended here: its 2xx may cross the
    // CANCEL (RFC 3261 16.7 step 5).
    if (!(p->invite && (ok || (first && b->ending))))
        pxy_branch_forget(b);
    conclude(p);
    pxy_settle(p);
}

int pxy_send_held(struct pxy *p)
{
    struct branch *b = p->held;
    if (!b || p->answered)
        return ERR_STATE;
    p->held = NULL;
    p->pending = false;
    send_final(p, b);
    pxy_settle(p);
    return 0;
}
