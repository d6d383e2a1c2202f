// SPDX-License-Identifier: Apache-2.0
// Server transactions: their table, the requests that never reach the proxy core (CANCEL,
// ACK for a refusal, overload), and responses on their way out.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/transport/guard.h"
#include "stack/transport/transport_priv.h"
#include "stack/txn/shed.h"
#include "stack/txn/txn_key.h"
#include "stack/txn/txn_priv.h"

// ---- the table ----

static struct txn_server *find(struct stack *s, const struct txn_key *k)
{
    struct txn_server *st;
    size_t it = 0;
    while ((st = map_find(&s->txns->by_key, k->hash, &it)))
        if (str_eq(str_make(st->key, st->key_n), k->text))
            return st;
    return NULL;
}

// The INVITE that m, an ACK or a CANCEL, is about. It went by the same transport (RFC 3261 9.1, 17.1.1.3),
// unless the phone uses TCP for what is long only.
static struct txn_server *find_invite(struct stack *s, const struct sip_msg *m,
                                      struct txn_key_how how)
{
    for (int i = 0; i < 2; i++, how.reliable = !how.reliable) {
        struct txn_key k;
        struct txn_server *st = txn_key_make(&k, m, &how) == 0 ? find(s, &k) : NULL;
        if (st)
            return st;
    }
    return NULL;
}

static int add(struct stack *s, struct txn_server *st, const struct txn_key *k)
{
    st->key_n = k->text.n;
    st->key = k->text.n <= sizeof st->key_buf ? st->key_buf : mem_alloc(k->text.n);
    if (!st->key)
        return ERR_NOMEM;
    memcpy(st->key, k->text.p, k->text.n);
    st->key_hash = k->hash;
    int err = map_add(&s->txns->by_key, k->hash, st);
    st->listed = !err;
    return err;
}

// ---- responses ----

// The flow for a response; a connection that has gone is made again (RFC 3261 18.2.2).
static struct flow *response_flow(struct txn_server *st)
{
    struct stack *s = st->t.stack;
    flow_id id;
    struct flow *f = st->t.flow;
    if (!f && flow_get(s, st->proto, &st->reply_to, st->label, &id) == 0)
        f = flow_find(s, id);
    if (f && !st->t.flow)
        txn_attach(&st->t, f);
    return f;
}

void server_send(struct txn_server *st, unsigned status, struct str bytes)
{
    struct stack *s = st->t.stack;
    struct flow *f = response_flow(st);
    int err = ERR_CLOSED;
    if (f && flow_is_reliable(f) && status == 100)
        err = flow_send_later(s, f, bytes, STR_NONE);
    else if (f && flow_is_reliable(f))
        err = flow_send(s, f, bytes, STR_NONE);
    else if (f)
        err = flow_send_to(s, f, &st->reply_to, bytes, STR_NONE);
    if (err && (st->t.reliable || err != ERR_FULL)) // a full UDP batch is as good as a lost packet
        txn_late_error(&st->t, err);
}

static enum txn_event reply_event(const struct txn_server *st, unsigned status)
{
    if (status < 200)
        return EV_TU_1XX;
    if (st->t.method != SIP_INVITE)
        return EV_TU_FINAL;
    return status < 300 ? EV_TU_2XX : EV_TU_3XX_6XX;
}

static struct txn_server *find_server(const struct stack *s, txn_id id)
{
    struct txn *t = txn_find(s, id);
    return t && t->is_server ? (struct txn_server *)t : NULL;
}

int txn_server_reply(struct stack *s, txn_id id, unsigned status, struct str bytes)
{
    struct txn_server *st = find_server(s, id);
    if (!st)
        return ERR_NOTFOUND;
    if (!st->t.reliable && bytes.n > UDP_DATA_MAX)
        return ERR_TOOBIG;
    struct txn_input in = {.status = status, .bytes = bytes};
    int err = fsm_step(st->t.fsm, &st->t.state, reply_event(st, status), st, &in);
    if (!err)
        st->replied = true;
    return err;
}

void txn_server_drop(struct stack *s, txn_id id)
{
    struct txn_server *st = find_server(s, id);
    if (!st || st->t.state == TXN_TERMINATED)
        return;
    st->t.state = TXN_TERMINATED;
    txn_end(&st->t);
}

void txn_server_set_owner(struct stack *s, txn_id id, void *owner)
{
    struct txn_server *st = find_server(s, id);
    if (st)
        st->owner = owner;
}

const struct sip_timers *txn_server_timers(const struct stack *s, txn_id id)
{
    const struct txn_server *st = find_server(s, id);
    return st ? st->t.timers : &sip_timers_core;
}

static int write_rejection(struct stack *s, const struct sip_msg *m, unsigned status,
                           struct str reason, const struct sip_edits *extra, struct writer *w)
{
    char tag[TXN_TAG_LEN];
    struct sip_edits e;
    if (extra)
        sip_edits_copy(&e, sip_msg_arena(m), extra);
    else
        sip_edits_init(&e, sip_msg_arena(m), NULL);
    if (s->server.n)
        sip_edit_append(&e, SIP_H_SERVER, s->server);
    return sip_write_response(m, status, reason, txn_to_tag(s, m, tag), &e, w);
}

int txn_server_reject(struct stack *s, txn_id id, const struct sip_msg *m, unsigned status,
                      struct str reason, const struct sip_edits *extra)
{
    if (sip_msg_method(m) == SIP_ACK)
        return ERR_INVAL;
    struct writer w = stack_scratch(s);
    int err = write_rejection(s, m, status, reason, extra, &w);
    return err ? err : txn_server_reply(s, id, status, writer_done(&w));
}

// ---- requests ----

static struct txn_server *server_new(struct stack *s, struct flow *f, const struct sip_msg *m,
                                     const struct txn_key *k)
{
    const struct flow_info *info = flow_get_info(f);
    struct txn_server *st = txn_server_alloc(s);
    if (!st)
        return NULL;
    bool invite = sip_msg_method(m) == SIP_INVITE;
    st->t.fsm = invite ? &txn_invite_server : &txn_request_server;
    st->t.state = invite ? TXN_PROCEEDING : TXN_TRYING;
    st->t.method = sip_msg_method(m);
    st->proto = info->proto;
    st->label = info->listener;
    txn_attach(&st->t, f);
    if (guard_standing(f) == STACK_STRANGER) {
        st->t.of_stranger = true;
        s->txns->n_strangers++;
    }
    via_reply_addr(m, &info->remote, st->t.reliable, &st->reply_to);
    if (st->t.of_stranger && !addr_eq_ip(&st->reply_to, &info->remote)) { // maddr: nobody else hears of it
        uint16_t port = addr_port(&st->reply_to);
        st->reply_to = info->remote;
        addr_set_port(&st->reply_to, port);
    }
    if (add(s, st, k)) {
        txn_discard(&st->t);
        return NULL;
    }
    return st;
}

// TS 24.229 5.2.7.2: every INVITE gets its 100, unless the answer is there already.
static void send_trying(struct stack *s, txn_id id, const struct sip_msg *m)
{
    struct txn_server *st = find_server(s, id);
    struct writer w = stack_scratch(s);
    if (!st || st->replied || st->t.state != TXN_PROCEEDING)
        return;
    if (sip_write_response(m, 100, STR_NONE, STR_NONE, NULL, &w) == 0)
        (void)txn_server_reply(s, id, 100, writer_done(&w));
}

// The INVITE that a CANCEL is for (RFC 3261 9.2): what it cancels has the same key but the method.
static struct txn_server *find_cancelled(struct stack *s, bool reliable, const struct sip_msg *m)
{
    struct txn_key_how how = {SIP_INVITE, reliable, sip_msg_to_tag(m)};
    return find_invite(s, m, how);
}

static void on_cancel(struct stack *s, struct txn_server *st, const struct sip_msg *m)
{
    struct txn_server *invite = find_cancelled(s, st->t.reliable, m);
    (void)txn_server_reject(s, st->t.id, m, invite ? 200 : 481, STR_NONE, NULL);
    if (invite && invite->t.state == TXN_PROCEEDING)
        pxy_on_cancel(s, invite->t.id, invite->owner, m);
}

// There is no place for it, or the node leaves.
static bool is_full(const struct stack *s, const struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_CANCEL)
        return false;
    return s->txns->n_open >= s->max_transactions || (s->draining && !sip_msg_to_tag(m).p);
}

// Nothing is made for a CANCEL of nothing, which no limit holds back, whoever sends it (RFC 3261 9.2).
static bool is_idle_cancel(struct stack *s, struct flow *f, const struct sip_msg *m)
{
    if (sip_msg_method(m) != SIP_CANCEL || find_cancelled(s, flow_is_reliable(f), m))
        return false;
    (void)guard_answer(f, m, 481, STR_NONE, NULL, NULL);
    return true;
}

static void on_new(struct stack *s, struct flow *from, struct sip_msg *m,
                   const struct txn_key *k)
{
    struct overload_request asked;
    if (is_idle_cancel(s, from, m))
        return;
    if (sip_msg_method(m) != SIP_CANCEL && !guard_request(from, m))
        return;
    if (is_full(s, m)) {
        shed_refuse(s, from, m);
        return;
    }
    if (!shed_admit(s, from, m, &asked))
        return;
    struct flow *f = flow_settle(from);
    struct txn_server *st = f ? server_new(s, f, m, k) : NULL;
    if (!st) {
        overload_answered(s->overload, loop_now(s->loop), &asked, false);
        shed_refuse(s, from, m);
        return;
    }
    txn_id id = st->t.id;
    if (st->t.method != SIP_INVITE)
        server_arm_trying(st);
    if (st->t.method == SIP_CANCEL) {
        on_cancel(s, st, m);
        return;
    }
    pxy_on_request(s, id, m, flow_get_id(f), &asked);
    if (sip_msg_method(m) == SIP_INVITE)
        send_trying(s, id, m);
}

// RFC 3261 17.2.3: the To tag of an ACK by the rules of RFC 2543 is the one of the response. What was
// refused over a connection is not kept and cannot be compared; the rest of the key has to do.
static bool acks_refusal(const struct txn_server *st, const struct sip_msg *ack)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error where;
    if (!st->t.kept.n || sip_msg_parse(st->t.kept, &m, &where))
        return st->t.reliable || st->t.state == TXN_CONFIRMED;
    bool same = str_eq(sip_msg_to_tag(m), sip_msg_to_tag(ack));
    sip_msg_unref(m);
    return same;
}

// The INVITE that an ACK is for: it had the ACK's To tag already (inside a dialog), or none.
static struct txn_server *find_acked(struct stack *s, const struct flow *f,
                                     const struct sip_msg *m)
{
    struct txn_key_how how = {SIP_INVITE, flow_is_reliable(f), sip_msg_to_tag(m)};
    struct txn_server *st = find_invite(s, m, how);
    if (st || !txn_key_is_old(m))
        return st;
    how.to_tag = STR_NONE;
    st = find_invite(s, m, how);
    return st && acks_refusal(st, m) ? st : NULL;
}

// Its INVITE was refused by what the message alone says, or the refusal's transaction is over (RFC 3261
// 8.2.7): it goes nowhere else, though it has the Route of one that would.
static bool acks_stateless(const struct stack *s, const struct sip_msg *m)
{
    return txn_is_own_tag(s, m) && !pxy_awaits_ack(s, m);
}

// An ACK cannot be refused, and one that waits for DNS is kept as well: there is room for a quarter more
// than for requests.
static bool has_room_for_ack(struct stack *s)
{
    if (s->txns->n_open <= s->max_transactions + s->max_transactions / 4)
        return true;
    s->count.drop_acks++;
    return false;
}

static void on_ack(struct stack *s, struct flow *from, struct sip_msg *m)
{
    struct txn_server *st = find_acked(s, from, m);
    struct txn_input in = {.msg = m};
    if (st) {
        txn_step(&st->t, EV_ACK, &in);
        return;
    }
    if (acks_stateless(s, m)) {
        s->count.stray_acks++;
        return;
    }
    bool passes = guard_request(from, m) && has_room_for_ack(s);
    struct flow *f = passes ? flow_settle(from) : NULL;
    if (f)
        pxy_on_ack(s, m, flow_get_id(f));
}

void server_on_request(struct stack *s, struct flow *f, struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_ACK) {
        on_ack(s, f, m);
        return;
    }
    struct txn_key k;
    struct txn_key_how how = {sip_msg_method(m), flow_is_reliable(f), sip_msg_to_tag(m)};
    if (txn_key_make(&k, m, &how)) {
        shed_refuse(s, f, m);
        return;
    }
    struct txn_server *st = find(s, &k);
    if (!st) {
        on_new(s, f, m, &k);
        return;
    }
    s->count.retransmits_in++;
    txn_step(&st->t, EV_REQUEST, NULL);
}
