// SPDX-License-Identifier: Apache-2.0
// The client machines. What a row of Completed or Accepted acts on is the tombstone (tomb.h); of another state, and in
// the row that leads there, the transaction. Before and between targets a transaction is in Init, which RFC 3261 does
// not have: each target is a client transaction of its own there (RFC 3263 4.3), one object here.
#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

#define CLIENT(obj) ((struct txn_client *)(obj))

// ---- guards ----

static int is_reliable(void *obj, void *arg)
{
    return CLIENT(obj)->t.reliable;
}

static int move_on_error(void *obj, void *arg)
{
    return client_can_move(CLIENT(obj), CAUSE_ERROR);
}

static int move_on_silence(void *obj, void *arg)
{
    return client_can_move(CLIENT(obj), CAUSE_SILENCE);
}

// What the final response says of who sent it; CAUSE_ERROR: nothing, it is about the request.
static enum client_cause cause_of(const struct txn_client *c, unsigned status)
{
    if (status == 503)
        return CAUSE_503;
    return c->elsewhere && c->elsewhere(status) ? CAUSE_ELSEWHERE : CAUSE_ERROR;
}

static int move_on_refusal(void *obj, void *arg)
{
    const struct txn_client *c = obj;
    enum client_cause cause = cause_of(c, ((const struct txn_input *)arg)->status);
    return cause != CAUSE_ERROR && client_can_move(c, cause);
}

// A connection that has closed after a provisional response: the final one may come on a new connection
// (RFC 3261 18.2.2), when its sender lives. A UE is reached over its flow or not at all, and an ICMP
// error or a connection that cannot be made says that nobody is there.
static int may_live(void *obj, void *arg)
{
    const struct txn_client *c = obj;
    const struct txn_input *in = arg;
    return !c->fixed_flow && c->t.reliable && !c->probed && in->err != ERR_REFUSED &&
           in->err != ERR_TIMEOUT;
}

// ---- actions shared by the machines ----

static void report(struct txn_client *c, enum txn_client_event ev, unsigned status,
                   struct sip_msg *m)
{
    if (c->cb)
        c->cb(c->arg, c->t.id, ev, status, m);
}

static void fail(struct txn_client *c, unsigned status)
{
    txn_end(&c->t);
    report(c, TXN_FAILED, status, NULL);
}

static void no_target(void *obj, void *arg)
{
    fail(CLIENT(obj), CLIENT(obj)->fail_status);
}

static void lost(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    client_trouble_error(obj, in ? in->err : ERR_IO);
    fail(CLIENT(obj), client_lost_status(obj, in ? in->err : 0));
}

static void silence(void *obj, void *arg)
{
    struct txn_client *c = obj;
    c->t.layer->count.timeouts++;
    client_blame_silence(c);
    client_withdraw(c);
    client_note_asked(c);
    client_trouble_target(c, c->answered ? "no final response from " : "no response from ", " in time");
    fail(c, 408);
}

static void after_error(void *obj, void *arg)
{
    client_move(obj, CAUSE_ERROR, 0);
}

static void after_silence(void *obj, void *arg)
{
    CLIENT(obj)->t.layer->count.timeouts++;
    client_move(obj, CAUSE_SILENCE, 0);
}

// Retry-After of another response than 503 is about the user, not about the node.
static void after_refusal(struct txn_client *c, const struct txn_input *in)
{
    enum client_cause cause = cause_of(c, in->status);
    struct str v = cause == CAUSE_503 ? sip_msg_raw(in->msg, SIP_H_RETRY_AFTER) : STR_NONE;
    uint32_t seconds = 0;
    size_t n = 0;
    while (n < v.n && v.p[n] >= '0' && v.p[n] <= '9')
        n++;
    (void)str_u32(str_head(v, n), &seconds);
    client_move(c, cause, seconds);
}

static void probe(void *obj, void *arg)
{
    if (!client_probe(CLIENT(obj)))
        txn_late_error(&CLIENT(obj)->t, ERR_REFUSED);
}

static void over(void *obj, void *arg)
{
    tomb_over(obj);
}

static int send_again(struct txn_layer *l, struct flow *f, struct str bytes)
{
    if (!f || !bytes.n)
        return ERR_CLOSED;
    l->count.retransmits_out++;
    return flow_send(f, bytes, STR_NONE);
}

static void resend(struct txn_client *c)
{
    int err = send_again(c->t.layer, c->t.flow, c->t.kept);
    if (err && err != ERR_FULL)
        txn_late_error(&c->t, err);
}

static void deliver(struct txn_client *c, const struct txn_input *in)
{
    report(c, TXN_RESPONSE, in->status, in->msg);
}

// The final response: its owner hears of it when the tombstone is there. kept: what is sent again.
static void finish(struct txn_client *c, struct str kept, const struct txn_input *in)
{
    txn_client_cb cb = c->cb;
    void *arg = c->arg;
    txn_id id = c->t.id;
    tomb_lay(&c->t, kept);
    if (cb)
        cb(arg, id, TXN_RESPONSE, in->status, in->msg);
}

// ---- timers ----

// A request is sent again over a datagram only: after T1, then twice as long each time (other requests than INVITE:
// up to T2, and each T2 once something was heard).
static void arm_retransmit(struct txn *t, unsigned timer, uint32_t t1)
{
    uint32_t ms = t->interval ? t->interval * 2 : t1, t2 = t->timers->t2;
    if (timer == TM_E && (ms > t2 || t->state == TXN_PROCEEDING))
        ms = t2;
    if (!t->reliable)
        txn_arm_retransmit(t, timer, ms);
}

// A share of the time is for a peer that says nothing at all; who has spoken has what is left of it.
static void arm(void *obj, unsigned timer)
{
    struct txn_client *c = obj;
    uint32_t ms = sip_timer_ms(c->t.timers, txn_timers[timer].lasts);
    switch (timer) {
    case TM_A:
    case TM_E:
        arm_retransmit(&c->t, timer, ms);
        return;
    case TM_B:
    case TM_F:
        ms = client_share(c, ms);
        break;
    case TM_F_LEFT:
        ms = client_left(c);
        break;
    case TM_D:
    case TM_K:
    case TM_M:
        txn_arm_last(&c->t, timer, ms);
        return;
    default:
        break;
    }
    txn_arm_timeout(&c->t, timer, ms);
}

// ---- INVITE ----

static void invite_again(void *obj, void *arg)
{
    resend(obj);
}

// RFC 3261 9.1: a CANCEL waits until something is heard of the INVITE.
static void invite_cancel_unsent(void *obj, void *arg)
{
    struct txn_client *c = obj;
    resolve_cancel(c->t.layer->resolver, c->resolve_id);
    c->resolve_id = 0;
    c->fail_status = 487;
    txn_late_error(&c->t, ERR_CANCELLED);
}

static void invite_cancel_later(void *obj, void *arg)
{
    CLIENT(obj)->cancel_due = true;
}

static void invite_cancel(void *obj, void *arg)
{
    client_send_cancel(obj, &txn_request_client);
}

static void invite_provisional(void *obj, void *arg)
{
    struct txn_client *c = obj;
    if (c->cancel_due) {
        c->cancel_due = false;
        txn_step(&c->t, EV_CANCEL, NULL);
    }
    deliver(c, arg);
}

static void invite_success(void *obj, void *arg)
{
    finish(obj, STR_NONE, arg);
}

static void invite_success_again(void *obj, void *arg)
{
    const struct tomb *b = obj;
    const struct txn_input *in = arg;
    if (b->cb)
        b->cb(b->arg, b->id, TXN_RESPONSE, in->status, in->msg);
}

// Sends the ACK for a non-2xx, and gives it, in the scratch buffer.
static struct str acknowledge(struct txn_client *c, const struct sip_msg *response)
{
    struct txn_layer *l = c->t.layer;
    struct flow *f = client_flow(c);
    struct writer w = txn_scratch(l);
    if (txn_build_ack(l, c->t.kept, response, &w))
        return STR_NONE;
    if (f)
        (void)flow_send(f, writer_done(&w), sip_msg_call_id(response));
    return writer_done(&w);
}

static void invite_refused(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    finish(obj, acknowledge(obj, in->msg), in);
}

// Timer D is 0 on a reliable transport (RFC 3261 17.1.1.2).
static void invite_refused_over(void *obj, void *arg)
{
    struct txn_client *c = obj;
    const struct txn_input *in = arg;
    (void)acknowledge(c, in->msg);
    over(c, NULL);
    deliver(c, in);
}

static void invite_ack_again(void *obj, void *arg)
{
    struct tomb *b = obj;
    int err = send_again(b->row->layer, tomb_flow(b), tomb_kept(b));
    if (err && err != ERR_FULL)
        tomb_step(b, EV_ERROR, NULL);
}

static void invite_after_refusal(void *obj, void *arg)
{
    struct txn_client *c = obj;
    const struct txn_input *in = arg;
    (void)acknowledge(c, in->msg);
    after_refusal(c, in);
}

static void wait_on(void *obj, void *arg)
{
}

static const struct fsm_row invite_rows[] = {
    {TXN_INIT, EV_START, TXN_CALLING, NULL, NULL, "RFC 3261 17.1.1.2", {TM_A, TM_B}},
    {TXN_INIT, EV_NO_TARGET, TXN_TERMINATED, NULL, no_target, "RFC 3263 4.3"},
    {TXN_INIT, EV_CANCEL, TXN_INIT, NULL, invite_cancel_unsent, "RFC 3261 9.1"},
    {TXN_INIT, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3263 4.3"},
    {TXN_CALLING, EV_TIMER_A, TXN_CALLING, NULL, invite_again, "RFC 3261 17.1.1.2", {TM_A}},
    {TXN_CALLING, EV_CANCEL, TXN_CALLING, NULL, invite_cancel_later, "RFC 3261 9.1"},
    {TXN_CALLING, EV_TIMER_B, TXN_INIT, move_on_silence, after_silence, "RFC 3263 4.3"},
    {TXN_CALLING, EV_TIMER_B, TXN_TERMINATED, NULL, silence, "RFC 3261 17.1.1.2"},
    {TXN_CALLING, EV_ERROR, TXN_INIT, move_on_error, after_error, "RFC 3263 4.3"},
    {TXN_CALLING, EV_ERROR, TXN_TERMINATED, NULL, lost, "RFC 3261 17.1.4"},
    {TXN_CALLING, EV_1XX, TXN_PROCEEDING, NULL, invite_provisional, "RFC 3261 17.1.1.2"},
    {TXN_CALLING, EV_2XX, TXN_ACCEPTED, NULL, invite_success, "RFC 6026 7.2", {TM_M}},
    {TXN_CALLING, EV_3XX_6XX, TXN_INIT, move_on_refusal, invite_after_refusal, "RFC 3263 4.3"},
    {TXN_CALLING, EV_3XX_6XX, TXN_TERMINATED, is_reliable, invite_refused_over, "RFC 3261 17.1.1.2"},
    {TXN_CALLING, EV_3XX_6XX, TXN_COMPLETED, NULL, invite_refused, "RFC 3261 17.1.1.2", {TM_D}},
    {TXN_PROCEEDING, EV_1XX, TXN_PROCEEDING, NULL, invite_provisional, "RFC 3261 17.1.1.2"},
    {TXN_PROCEEDING, EV_2XX, TXN_ACCEPTED, NULL, invite_success, "RFC 6026 7.2", {TM_M}},
    {TXN_PROCEEDING, EV_3XX_6XX, TXN_INIT, move_on_refusal, invite_after_refusal, "RFC 3263 4.3"},
    {TXN_PROCEEDING, EV_3XX_6XX, TXN_TERMINATED, is_reliable, invite_refused_over, "RFC 3261 17.1.1.2"},
    {TXN_PROCEEDING, EV_3XX_6XX, TXN_COMPLETED, NULL, invite_refused, "RFC 3261 17.1.1.2", {TM_D}},
    {TXN_PROCEEDING, EV_CANCEL, TXN_PROCEEDING, NULL, invite_cancel, "RFC 3261 9.1", {TM_CANCEL}},
    {TXN_PROCEEDING, EV_CANCEL_LATE, TXN_TERMINATED, NULL, silence, "RFC 3261 9.1"},
    {TXN_PROCEEDING, EV_ERROR, TXN_PROCEEDING, may_live, probe, "RFC 3261 18.2.2"},
    {TXN_PROCEEDING, EV_ERROR, TXN_TERMINATED, NULL, lost, "RFC 3261 18.4"},
    {TXN_COMPLETED, EV_3XX_6XX, TXN_COMPLETED, NULL, invite_ack_again, "RFC 3261 17.1.1.2"},
    {TXN_COMPLETED, EV_TIMER_D, TXN_TERMINATED, NULL, over, "RFC 3261 17.1.1.2"},
    {TXN_COMPLETED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.1.1.2"},
    {TXN_COMPLETED, EV_ERROR, TXN_TERMINATED, NULL, over, "RFC 3261 17.1.1.2"},
    {TXN_ACCEPTED, EV_2XX, TXN_ACCEPTED, NULL, invite_success_again, "RFC 6026 7.2"},
    {TXN_ACCEPTED, EV_TIMER_M, TXN_TERMINATED, NULL, over, "RFC 6026 7.2"},
    {TXN_ACCEPTED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 6026 7.2"},
    {TXN_ACCEPTED, EV_ERROR, TXN_ACCEPTED, NULL, wait_on, "RFC 6026 7.2"},
};

static const uint32_t invite_runs[TXN_STATES] = {
    [TXN_CALLING] = TM_BIT(TM_A) | TM_BIT(TM_B),
    [TXN_PROCEEDING] = TM_BIT(TM_CANCEL),
    [TXN_COMPLETED] = TM_BIT(TM_D),
    [TXN_ACCEPTED] = TM_BIT(TM_M),
};

const struct fsm txn_invite_client = {
    "invite-client", txn_state_names, txn_event_names, TXN_STATES, TXN_EVENTS,
    invite_rows, ARRAY_LEN(invite_rows), TXN_INIT, txn_timers, invite_runs, arm, txn_stop_timers};

// ---- other requests ----

static void request_again(void *obj, void *arg)
{
    resend(obj);
}

static void request_provisional(void *obj, void *arg)
{
    deliver(obj, arg);
}

static void request_done(void *obj, void *arg)
{
    finish(obj, STR_NONE, arg);
}

// Timer K is 0 on a reliable transport (RFC 3261 17.1.2.2).
static void request_done_over(void *obj, void *arg)
{
    over(obj, NULL);
    deliver(obj, arg);
}

static void request_after_refusal(void *obj, void *arg)
{
    after_refusal(obj, arg);
}

static const struct fsm_row request_rows[] = {
    {TXN_INIT, EV_START, TXN_TRYING, NULL, NULL, "RFC 3261 17.1.2.2", {TM_E, TM_F}},
    {TXN_INIT, EV_NO_TARGET, TXN_TERMINATED, NULL, no_target, "RFC 3263 4.3"},
    {TXN_INIT, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3263 4.3"},
    {TXN_TRYING, EV_TIMER_E, TXN_TRYING, NULL, request_again, "RFC 3261 17.1.2.2", {TM_E}},
    {TXN_TRYING, EV_TIMER_F, TXN_INIT, move_on_silence, after_silence, "RFC 3263 4.3"},
    {TXN_TRYING, EV_TIMER_F, TXN_TERMINATED, NULL, silence, "RFC 3261 17.1.2.2"},
    {TXN_TRYING, EV_ERROR, TXN_INIT, move_on_error, after_error, "RFC 3263 4.3"},
    {TXN_TRYING, EV_ERROR, TXN_TERMINATED, NULL, lost, "RFC 3261 17.1.4"},
    {TXN_TRYING, EV_1XX, TXN_PROCEEDING, NULL, request_provisional, "RFC 3261 17.1.2.2", {TM_F_LEFT}},
    {TXN_TRYING, EV_FINAL, TXN_INIT, move_on_refusal, request_after_refusal, "RFC 3263 4.3"},
    {TXN_TRYING, EV_FINAL, TXN_TERMINATED, is_reliable, request_done_over, "RFC 3261 17.1.2.2"},
    {TXN_TRYING, EV_FINAL, TXN_COMPLETED, NULL, request_done, "RFC 3261 17.1.2.2", {TM_K}},
    {TXN_PROCEEDING, EV_TIMER_E, TXN_PROCEEDING, NULL, request_again, "RFC 3261 17.1.2.2", {TM_E}},
    {TXN_PROCEEDING, EV_TIMER_F, TXN_TERMINATED, NULL, silence, "RFC 3261 17.1.2.2"},
    {TXN_PROCEEDING, EV_1XX, TXN_PROCEEDING, NULL, request_provisional, "RFC 3261 17.1.2.2"},
    {TXN_PROCEEDING, EV_FINAL, TXN_INIT, move_on_refusal, request_after_refusal, "RFC 3263 4.3"},
    {TXN_PROCEEDING, EV_FINAL, TXN_TERMINATED, is_reliable, request_done_over, "RFC 3261 17.1.2.2"},
    {TXN_PROCEEDING, EV_FINAL, TXN_COMPLETED, NULL, request_done, "RFC 3261 17.1.2.2", {TM_K}},
    {TXN_PROCEEDING, EV_ERROR, TXN_PROCEEDING, may_live, probe, "RFC 3261 18.2.2"},
    {TXN_PROCEEDING, EV_ERROR, TXN_TERMINATED, NULL, lost, "RFC 3261 18.4"},
    {TXN_COMPLETED, EV_FINAL, TXN_COMPLETED, NULL, NULL, "RFC 3261 17.1.2.2"},
    {TXN_COMPLETED, EV_1XX, TXN_COMPLETED, NULL, NULL, "RFC 3261 17.1.2.2"},
    {TXN_COMPLETED, EV_TIMER_K, TXN_TERMINATED, NULL, over, "RFC 3261 17.1.2.2"},
    {TXN_COMPLETED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.1.2.2"},
    {TXN_COMPLETED, EV_ERROR, TXN_COMPLETED, NULL, NULL, "RFC 3261 17.1.2.2"},
};

static const uint32_t request_runs[TXN_STATES] = {
    [TXN_TRYING] = TM_BIT(TM_E) | TM_BIT(TM_F) | TM_BIT(TM_F_LEFT),
    [TXN_PROCEEDING] = TM_BIT(TM_E) | TM_BIT(TM_F) | TM_BIT(TM_F_LEFT),
    [TXN_COMPLETED] = TM_BIT(TM_K),
};

const struct fsm txn_request_client = {
    "request-client", txn_state_names, txn_event_names, TXN_STATES, TXN_EVENTS,
    request_rows, ARRAY_LEN(request_rows), TXN_INIT, txn_timers, request_runs, arm, txn_stop_timers};

// ---- an ACK for a 2xx ----

static const struct fsm_row once_rows[] = {
    {TXN_INIT, EV_START, TXN_TERMINATED, NULL, over, "RFC 3261 13.2.2.4"},
    {TXN_INIT, EV_NO_TARGET, TXN_TERMINATED, NULL, over, "RFC 3261 13.2.2.4"},
    {TXN_INIT, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 13.2.2.4"},
};

const struct fsm txn_once_client = {
    "once-client", txn_state_names, txn_event_names, TXN_STATES, TXN_EVENTS,
    once_rows, ARRAY_LEN(once_rows)};
