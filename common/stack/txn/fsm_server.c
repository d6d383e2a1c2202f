// SPDX-License-Identifier: Apache-2.0
// The server machines. What a row of Accepted or Confirmed acts on, and of a request's Completed, is the tombstone
// (tomb.h); of another state, and in the row that leads there, the transaction.
#include "base/err.h"
#include "stack/txn/txn_priv.h"

#define SERVER(obj) ((struct txn_server *)(obj))

static int is_reliable(void *obj, void *arg)
{
    return SERVER(obj)->t.reliable;
}

// ---- actions shared by the machines ----

static void over(void *obj, void *arg)
{
    tomb_over(obj);
}

// The flow for a response; a connection that has gone is made again (RFC 3261 18.2.2).
static struct flow *response_flow(struct txn_server *st)
{
    struct txn_layer *l = st->t.layer;
    flow_id id;
    struct flow *f = st->t.flow;
    if (!f && flow_get(l->transport, st->proto, &st->reply_to, st->label, &id) == 0)
        f = flow_find(l->transport, id);
    if (f && !st->t.flow)
        txn_attach(&st->t, f);
    return f;
}

// A 100 over a connection waits for company (at most a quarter of the 200 ms of RFC 3261 17.2.1): its
// only purpose there is to stop Timer B.
static int send_on(struct flow *f, const struct addr *to, unsigned status, struct str bytes)
{
    if (!f)
        return ERR_CLOSED;
    if (!flow_is_reliable(f))
        return flow_send_to(f, to, bytes, STR_NONE);
    return status == 100 ? flow_send_later(f, bytes, STR_NONE) : flow_send(f, bytes, STR_NONE);
}

static void send_response(struct txn_server *st, unsigned status, struct str bytes)
{
    int err = send_on(response_flow(st), &st->reply_to, status, bytes);
    if (err && (st->t.reliable || err != ERR_FULL)) // a full UDP batch is as good as a lost packet
        txn_late_error(&st->t, err);
}

static void respond_again(void *obj, void *arg)
{
    struct txn_server *st = obj;
    if (!st->t.kept.n)
        return;
    st->t.layer->count.retransmits_out++;
    send_response(st, 0, st->t.kept);
}

// The final response, after which the tombstone is there. kept: what is sent again.
static void finish(struct txn_server *st, const struct txn_input *in, struct str kept)
{
    struct flow *f = response_flow(st);
    struct addr to = st->reply_to;
    tomb_lay(&st->t, kept);
    (void)send_on(f, &to, in->status, in->bytes);
}

static void tomb_respond(struct tomb *b, struct str bytes)
{
    int err = send_on(tomb_flow(b), &b->peer, 0, bytes);
    if (err && err != ERR_FULL)
        tomb_step(b, EV_ERROR, NULL);
}

static void final_again(void *obj, void *arg)
{
    struct tomb *b = obj;
    b->row->layer->count.retransmits_out++;
    tomb_respond(b, tomb_kept(b));
}

// Only an unreliable transport makes the peer ask again.
static void keep(struct txn_server *st, struct str bytes)
{
    if (!st->t.reliable)
        (void)txn_keep(&st->t, bytes);
}

static void provisional(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    keep(obj, in->bytes);
    send_response(obj, in->status, in->bytes);
}

// ---- timers ----

// The time after which a client's Timer E stands at T2: no 100 over UDP before, one after it (RFC 4320 4.1).
static uint32_t trying_due_ms(const struct sip_timers *t)
{
    uint32_t at = 0, interval = t->t1;
    for (; interval < t->t2; interval *= 2)
        at += interval;
    return at;
}

// A refusal goes over a datagram again, after T1 and then twice as long each time, up to T2.
static void arm_retransmit(struct txn *t, unsigned timer, uint32_t t1)
{
    uint32_t ms = t->interval ? t->interval * 2 : t1, t2 = t->timers->t2;
    if (!t->reliable)
        txn_arm_retransmit(t, timer, ms < t2 ? ms : t2);
}

static void arm(void *obj, unsigned timer)
{
    struct txn *t = obj;
    uint32_t ms = sip_timer_ms(t->timers, txn_timers[timer].lasts);
    if (timer == TM_G) {
        arm_retransmit(t, timer, ms);
        return;
    }
    if (timer == TM_I || timer == TM_J || timer == TM_L) {
        txn_arm_last(t, timer, ms);
        return;
    }
    if (timer == TM_TRYING)
        ms = trying_due_ms(t->timers);
    else if (timer == TM_LATE)
        ms -= trying_due_ms(t->timers);
    txn_arm_timeout(t, timer, ms);
}

// ---- INVITE ----

static void invite_success(void *obj, void *arg)
{
    finish(obj, arg, STR_NONE); // the UAS core repeats a 2xx itself
}

static void invite_success_again(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    tomb_respond(obj, in->bytes);
}

static void invite_refuse(void *obj, void *arg)
{
    struct txn_server *st = obj;
    const struct txn_input *in = arg;
    keep(st, in->bytes);
    send_response(st, in->status, in->bytes);
}

static void invite_acked(void *obj, void *arg)
{
    struct txn_server *st = obj;
    tomb_lay(&st->t, STR_NONE);
}

static void invite_no_ack(void *obj, void *arg)
{
    SERVER(obj)->end_err = ERR_TIMEOUT;
    SERVER(obj)->t.layer->count.timeouts++;
    over(obj, NULL);
}

static void invite_lost(void *obj, void *arg)
{
    SERVER(obj)->end_err = ERR_IO;
    over(obj, NULL);
}

static void invite_ack_to_user(void *obj, void *arg)
{
    const struct tomb *b = obj;
    const struct txn_input *in = arg;
    const struct txn_user *u = b->user;
    if (u && u->ops->ack)
        u->ops->ack(u->arg, in->msg, flow_find(b->row->layer->transport, b->flow) ? b->flow : 0);
}

// A closed connection: the response will make a new one (RFC 3261 18.2.2).
static const struct fsm_row invite_rows[] = {
    {TXN_PROCEEDING, EV_REQUEST, TXN_PROCEEDING, NULL, respond_again, "RFC 3261 17.2.1"},
    {TXN_PROCEEDING, EV_TU_1XX, TXN_PROCEEDING, NULL, provisional, "RFC 3261 17.2.1"},
    {TXN_PROCEEDING, EV_TU_2XX, TXN_ACCEPTED, NULL, invite_success, "RFC 6026 7.1", {TM_L}},
    {TXN_PROCEEDING, EV_TU_3XX_6XX, TXN_COMPLETED, NULL, invite_refuse, "RFC 3261 17.2.1", {TM_G, TM_H}},
    {TXN_PROCEEDING, EV_ERROR, TXN_PROCEEDING, NULL, NULL, "RFC 3261 18.2.2"},
    {TXN_PROCEEDING, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.1"},
    {TXN_COMPLETED, EV_REQUEST, TXN_COMPLETED, NULL, respond_again, "RFC 3261 17.2.1"},
    {TXN_COMPLETED, EV_TIMER_G, TXN_COMPLETED, NULL, respond_again, "RFC 3261 17.2.1", {TM_G}},
    {TXN_COMPLETED, EV_ACK, TXN_TERMINATED, is_reliable, over, "RFC 3261 17.2.1"},
    {TXN_COMPLETED, EV_ACK, TXN_CONFIRMED, NULL, invite_acked, "RFC 3261 17.2.1", {TM_I}},
    {TXN_COMPLETED, EV_TIMER_H, TXN_TERMINATED, NULL, invite_no_ack, "RFC 3261 17.2.1"},
    {TXN_COMPLETED, EV_ERROR, TXN_TERMINATED, NULL, invite_lost, "RFC 3261 17.2.4"},
    {TXN_COMPLETED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.1"},
    {TXN_CONFIRMED, EV_ACK, TXN_CONFIRMED, NULL, NULL, "RFC 3261 17.2.1"},
    {TXN_CONFIRMED, EV_REQUEST, TXN_CONFIRMED, NULL, NULL, "RFC 3261 17.2.1"},
    {TXN_CONFIRMED, EV_TIMER_I, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.1"},
    {TXN_CONFIRMED, EV_ERROR, TXN_CONFIRMED, NULL, NULL, "RFC 3261 17.2.1"},
    {TXN_CONFIRMED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.1"},
    {TXN_ACCEPTED, EV_REQUEST, TXN_ACCEPTED, NULL, NULL, "RFC 6026 7.1"},
    {TXN_ACCEPTED, EV_ACK, TXN_ACCEPTED, NULL, invite_ack_to_user, "RFC 6026 7.1"},
    {TXN_ACCEPTED, EV_TU_2XX, TXN_ACCEPTED, NULL, invite_success_again, "RFC 6026 7.1"},
    {TXN_ACCEPTED, EV_TIMER_L, TXN_TERMINATED, NULL, over, "RFC 6026 7.1"},
    {TXN_ACCEPTED, EV_ERROR, TXN_ACCEPTED, NULL, NULL, "RFC 6026 7.1"},
    {TXN_ACCEPTED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 6026 7.1"},
};

static const uint32_t invite_runs[TXN_STATES] = {
    [TXN_COMPLETED] = TM_BIT(TM_G) | TM_BIT(TM_H),
    [TXN_CONFIRMED] = TM_BIT(TM_I),
    [TXN_ACCEPTED] = TM_BIT(TM_L),
};

const struct fsm txn_invite_server = {
    "invite-server", txn_state_names, txn_event_names, TXN_STATES, TXN_EVENTS,
    invite_rows, ARRAY_LEN(invite_rows), TXN_PROCEEDING, txn_timers, invite_runs, arm, txn_stop_timers};

// ---- other requests: RFC 4320 ----

static void request_slow(void *obj, void *arg)
{
    struct txn_server *st = obj;
    if (st->owner && !st->replied && st->user && st->user->ops->trying_due)
        st->user->ops->trying_due(st->user->arg, st->t.id, st->owner);
}

// Nobody waits for a final response any longer: there will be none.
static void request_too_late(void *obj, void *arg)
{
    SERVER(obj)->end_err = ERR_TIMEOUT;
    SERVER(obj)->t.layer->count.too_late++;
    over(obj, NULL);
}

static void request_done(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    finish(obj, in, in->bytes);
}

// Timer J is 0 on a reliable transport (RFC 3261 17.2.2).
static void request_done_over(void *obj, void *arg)
{
    const struct txn_input *in = arg;
    send_response(obj, in->status, in->bytes);
    over(obj, NULL);
}

static const struct fsm_row request_rows[] = {
    {TXN_TRYING, EV_START, TXN_TRYING, NULL, NULL, "RFC 4320 4.1", {TM_TRYING}},
    {TXN_TRYING, EV_REQUEST, TXN_TRYING, NULL, NULL, "RFC 3261 17.2.2"},
    {TXN_TRYING, EV_TU_1XX, TXN_PROCEEDING, NULL, provisional, "RFC 3261 17.2.2"},
    {TXN_TRYING, EV_TU_FINAL, TXN_TERMINATED, is_reliable, request_done_over, "RFC 3261 17.2.2"},
    {TXN_TRYING, EV_TU_FINAL, TXN_COMPLETED, NULL, request_done, "RFC 3261 17.2.2", {TM_J}},
    {TXN_TRYING, EV_ERROR, TXN_TRYING, NULL, NULL, "RFC 3261 18.2.2"},
    {TXN_TRYING, EV_TRYING_DUE, TXN_TRYING, NULL, request_slow, "RFC 4320 4.1", {TM_LATE}},
    {TXN_TRYING, EV_TOO_LATE, TXN_TERMINATED, NULL, request_too_late, "RFC 4320 4.2"},
    {TXN_TRYING, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.2"},
    {TXN_PROCEEDING, EV_REQUEST, TXN_PROCEEDING, NULL, respond_again, "RFC 3261 17.2.2"},
    {TXN_PROCEEDING, EV_TU_1XX, TXN_PROCEEDING, NULL, provisional, "RFC 3261 17.2.2"},
    {TXN_PROCEEDING, EV_TU_FINAL, TXN_TERMINATED, is_reliable, request_done_over, "RFC 3261 17.2.2"},
    {TXN_PROCEEDING, EV_TU_FINAL, TXN_COMPLETED, NULL, request_done, "RFC 3261 17.2.2", {TM_J}},
    {TXN_PROCEEDING, EV_ERROR, TXN_PROCEEDING, NULL, NULL, "RFC 3261 18.2.2"},
    {TXN_PROCEEDING, EV_TRYING_DUE, TXN_PROCEEDING, NULL, request_slow, "RFC 4320 4.1", {TM_LATE}},
    {TXN_PROCEEDING, EV_TOO_LATE, TXN_TERMINATED, NULL, request_too_late, "RFC 4320 4.2"},
    {TXN_PROCEEDING, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.2"},
    {TXN_COMPLETED, EV_REQUEST, TXN_COMPLETED, NULL, final_again, "RFC 3261 17.2.2"},
    {TXN_COMPLETED, EV_TIMER_J, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.2"},
    {TXN_COMPLETED, EV_ERROR, TXN_COMPLETED, NULL, NULL, "RFC 3261 17.2.4"},
    {TXN_COMPLETED, EV_DROP, TXN_TERMINATED, NULL, over, "RFC 3261 17.2.2"},
};

static const uint32_t request_runs[TXN_STATES] = {
    [TXN_TRYING] = TM_BIT(TM_TRYING) | TM_BIT(TM_LATE),
    [TXN_PROCEEDING] = TM_BIT(TM_TRYING) | TM_BIT(TM_LATE),
    [TXN_COMPLETED] = TM_BIT(TM_J),
};

const struct fsm txn_request_server = {
    "request-server", txn_state_names, txn_event_names, TXN_STATES, TXN_EVENTS,
    request_rows, ARRAY_LEN(request_rows), TXN_TRYING, txn_timers, request_runs, arm, txn_stop_timers};
