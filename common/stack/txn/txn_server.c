// SPDX-License-Identifier: Apache-2.0
// Server transactions: their table, the requests that never reach a user (CANCEL,
// ACK for a refusal, overload), and responses on their way out.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/transport/answer.h"
#include "stack/txn/screen.h"
#include "stack/txn/shed.h"
#include "stack/txn/txn_key.h"
#include "stack/txn/txn_priv.h"

// ---- the table ----

static struct str key_of(const struct txn_entry *e)
{
    const struct txn_server *st = (const struct txn_server *)e;
    return e->is_tomb ? tomb_key((const struct tomb *)e) : str_make(st->key, st->key_n);
}

static struct txn_entry *find(struct txn_layer *l, const struct txn_key *k)
{
    struct txn_entry *e;
    size_t it = 0;
    while ((e = map_find(&l->by_key, k->hash, &it)))
        if (str_eq(key_of(e), k->text))
            return e;
    return NULL;
}

// The INVITE that m, an ACK or a CANCEL, is about. It went by the same transport (RFC 3261 9.1, 17.1.1.3),
// unless the phone uses TCP for what is long only.
static struct txn_entry *find_invite(struct txn_layer *l, const struct sip_msg *m, struct txn_key_how how)
{
    for (int i = 0; i < 2; i++, how.reliable = !how.reliable) {
        struct txn_key k;
        struct txn_entry *e = txn_key_make(&k, m, &how) == 0 ? find(l, &k) : NULL;
        if (e)
            return e;
    }
    return NULL;
}

static int add(struct txn_layer *l, struct txn_server *st, const struct txn_key *k)
{
    st->key_n = k->text.n;
    st->key = k->text.n <= sizeof st->key_buf ? st->key_buf : mem_alloc(k->text.n);
    if (!st->key)
        return ERR_NOMEM;
    memcpy(st->key, k->text.p, k->text.n);
    st->key_hash = k->hash;
    int err = map_add(&l->by_key, k->hash, st);
    st->listed = !err;
    return err;
}

// ---- responses ----

static enum txn_event reply_event(enum sip_method method, unsigned status)
{
    if (status < 200)
        return EV_TU_1XX;
    if (method != SIP_INVITE)
        return EV_TU_FINAL;
    return status < 300 ? EV_TU_2XX : EV_TU_3XX_6XX;
}

static struct txn_server *find_server(const struct txn_layer *l, txn_id id)
{
    struct txn *t = txn_find(l, id);
    return t && t->is_server ? (struct txn_server *)t : NULL;
}

static struct tomb *find_tomb(const struct txn_layer *l, txn_id id)
{
    struct tomb *b = tomb_find(l, id);
    return b && b->is_server ? b : NULL;
}

// A further 2xx to an INVITE; nothing else goes out any more.
static int reply_late(struct txn_layer *l, txn_id id, struct txn_input *in)
{
    struct tomb *b = find_tomb(l, id);
    if (!b)
        return ERR_NOTFOUND;
    if (!b->reliable && in->bytes.n > UDP_DATA_MAX)
        return ERR_TOOBIG;
    return fsm_step(b->fsm, &b->state, reply_event(b->method, in->status), b, in);
}

int txn_server_reply(struct txn_layer *l, txn_id id, unsigned status, struct str bytes)
{
    struct txn_server *st = find_server(l, id);
    struct txn_input in = {.status = status, .bytes = bytes};
    if (!st)
        return reply_late(l, id, &in);
    server_heard(st, status);
    if (!st->t.reliable && bytes.n > UDP_DATA_MAX)
        return ERR_TOOBIG;
    st->replied = true; // it may be gone after the step
    return fsm_step(st->t.fsm, &st->t.state, reply_event(st->t.method, status), st, &in);
}

void txn_server_drop(struct txn_layer *l, txn_id id)
{
    struct txn_server *st = find_server(l, id);
    struct tomb *b = st ? NULL : find_tomb(l, id);
    if (st && st->t.state != TXN_TERMINATED)
        txn_step(&st->t, EV_DROP, NULL);
    else if (b && b->state != TXN_TERMINATED)
        tomb_step(b, EV_DROP, NULL);
}

void txn_server_set_owner(struct txn_layer *l, txn_id id, void *owner)
{
    struct txn_server *st = find_server(l, id);
    struct tomb *b = st ? NULL : find_tomb(l, id);
    if (st)
        st->owner = owner;
    else if (b)
        b->owner = owner;
}

const struct sip_timers *txn_server_timers(const struct txn_layer *l, txn_id id)
{
    const struct txn_server *st = find_server(l, id);
    return st ? st->t.timers : &sip_timers_core;
}

int txn_server_answer(struct txn_layer *l, txn_id id, const struct sip_msg *m, const struct txn_answer *a)
{
    char buf[TXN_TAG_LEN];
    struct str tag = a->to_tag.n ? a->to_tag : txn_to_tag(l, m, buf), agent = txn_agent(l);
    struct writer w = txn_scratch(l);
    struct sip_edits e;
    if (sip_msg_method(m) == SIP_ACK)
        return ERR_INVAL;
    if (a->extra)
        sip_edits_copy(&e, sip_msg_arena(m), a->extra);
    else
        sip_edits_init(&e, sip_msg_arena(m), NULL);
    if (agent.n)
        sip_edit_append(&e, SIP_H_SERVER, agent);
    int err = sip_write_response(m, a->status, a->reason, tag, &e, &w);
    return err ? err : txn_server_reply(l, id, a->status, writer_done(&w));
}

// ---- requests ----

static struct txn_server *server_new(struct txn_layer *l, struct flow *f, const struct sip_msg *m,
                                     const struct txn_key *k)
{
    const struct flow_info *info = flow_get_info(f);
    struct txn_server *st = txn_server_alloc(l);
    if (!st)
        return NULL;
    txn_set_machine(&st->t, sip_msg_method(m) == SIP_INVITE ? &txn_invite_server : &txn_request_server);
    st->t.method = sip_msg_method(m);
    st->proto = info->proto;
    st->label = info->listener;
    st->heard = true; // until overload control is asked
    txn_attach(&st->t, f);
    if (flow_standing(f) == STACK_STRANGER) {
        st->t.of_stranger = true;
        l->n_strangers++;
    }
    via_reply_addr(m, &info->remote, st->t.reliable, &st->reply_to);
    if (st->t.of_stranger && !addr_eq_ip(&st->reply_to, &info->remote)) { // maddr: nobody else hears of it
        uint16_t port = addr_port(&st->reply_to);
        st->reply_to = info->remote;
        addr_set_port(&st->reply_to, port);
    }
    if (add(l, st, k)) {
        txn_discard(&st->t);
        return NULL;
    }
    return st;
}

// TS 24.229 5.2.7.2: every INVITE gets its 100, unless the answer is there already.
static void send_trying(struct txn_layer *l, txn_id id, const struct sip_msg *m)
{
    struct txn_server *st = find_server(l, id);
    struct writer w = txn_scratch(l);
    if (!st || st->replied || st->t.state != TXN_PROCEEDING)
        return;
    if (sip_write_response(m, 100, STR_NONE, STR_NONE, NULL, &w) == 0)
        (void)txn_server_reply(l, id, 100, writer_done(&w));
}

// The INVITE that a CANCEL is for (RFC 3261 9.2): what it cancels has the same key but the method.
static struct txn_entry *find_cancelled(struct txn_layer *l, bool reliable, const struct sip_msg *m)
{
    struct txn_key_how how = {SIP_INVITE, reliable, sip_msg_to_tag(m)};
    return find_invite(l, m, how);
}

// RFC 3261 9.2: the tag that the INVITE's responses have.
static struct str cancel_tag(const struct txn_entry *e)
{
    const struct txn_server *st = (const struct txn_server *)e;
    const struct tomb *b = (const struct tomb *)e;
    if (!e)
        return STR_NONE;
    const struct txn_user *u = e->is_tomb ? b->user : st->user;
    void *owner = e->is_tomb ? b->owner : st->owner;
    return u && u->ops->tag && owner ? u->ops->tag(u->arg, e->is_tomb ? b->id : st->t.id, owner) : STR_NONE;
}

static void on_cancel(struct txn_layer *l, struct txn_server *st, const struct sip_msg *m)
{
    struct txn_entry *e = find_cancelled(l, st->t.reliable, m);
    struct txn_answer a = {.status = e ? 200 : 481, .to_tag = cancel_tag(e)};
    struct txn_server *invite = e && !e->is_tomb ? (struct txn_server *)e : NULL;
    (void)txn_server_answer(l, st->t.id, m, &a);
    if (!invite || invite->t.state != TXN_PROCEEDING || !invite->user)
        return;
    if (invite->user->ops->cancelled)
        invite->user->ops->cancelled(invite->user->arg, invite->t.id, invite->owner, m);
}

// There is no place for it, or the node leaves.
static bool is_full(const struct txn_layer *l, const struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_CANCEL)
        return false;
    return l->n_open >= l->max_transactions || (l->draining && !sip_msg_to_tag(m).p);
}

// Nothing is made for a CANCEL of nothing, which no limit holds back, whoever sends it (RFC 3261 9.2).
static bool is_idle_cancel(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    if (sip_msg_method(m) != SIP_CANCEL || find_cancelled(l, flow_is_reliable(f), m))
        return false;
    (void)flow_answer(f, m, 481, STR_NONE, NULL, NULL);
    return true;
}

static void give_to_user(struct txn_layer *l, struct txn_server *st, struct sip_msg *m, flow_id flow)
{
    txn_id id = st->t.id;
    st->user = users_find(l, m, flow);
    if (!st->user) { // RFC 3261 12.2.2, 21.5.2
        struct txn_answer a = {.status = sip_msg_to_tag(m).p ? 481 : 501};
        (void)txn_server_answer(l, id, m, &a);
        return;
    }
    st->user->ops->request(st->user->arg, id, m, flow);
    if (sip_msg_method(m) == SIP_INVITE)
        send_trying(l, id, m);
}

static void on_new(struct txn_layer *l, struct flow *from, struct sip_msg *m,
                   const struct txn_key *k)
{
    struct overload_request asked;
    if (is_idle_cancel(l, from, m))
        return;
    if (sip_msg_method(m) != SIP_CANCEL && !screen_request(l, from, m))
        return;
    if (is_full(l, m)) {
        shed_refuse(l, from, m);
        return;
    }
    if (!shed_admit(l, from, m, &asked))
        return;
    struct flow *f = flow_settle(from);
    struct txn_server *st = f ? server_new(l, f, m, k) : NULL;
    if (!st) {
        overload_answered(l->overload, loop_now(l->loop), &asked, false);
        shed_refuse(l, from, m);
        return;
    }
    if (st->t.method != SIP_INVITE)
        txn_step(&st->t, EV_START, NULL);
    if (st->t.method == SIP_CANCEL) {
        on_cancel(l, st, m);
        return;
    }
    st->asked = asked;
    st->heard = false;
    give_to_user(l, st, m, flow_get_id(f));
}

// RFC 3261 17.2.3: the To tag of an ACK by the rules of RFC 2543 is the one of the response. What was
// refused over a connection is not kept and cannot be compared; the rest of the key has to do.
static bool acks_refusal(const struct txn_entry *e, const struct sip_msg *ack)
{
    const struct txn_server *st = (const struct txn_server *)e;
    const struct tomb *b = (const struct tomb *)e;
    struct sip_msg *m = NULL;
    struct sip_parse_error where;
    if (e->is_tomb)
        return b->reliable || b->state == TXN_CONFIRMED;
    if (!st->t.kept.n || sip_msg_parse(st->t.kept, &m, &where))
        return st->t.reliable;
    bool same = str_eq(sip_msg_to_tag(m), sip_msg_to_tag(ack));
    sip_msg_unref(m);
    return same;
}

// The INVITE that an ACK is for: it had the ACK's To tag already (inside a dialog), or none.
static struct txn_entry *find_acked(struct txn_layer *l, const struct flow *f, const struct sip_msg *m)
{
    struct txn_key_how how = {SIP_INVITE, flow_is_reliable(f), sip_msg_to_tag(m)};
    struct txn_entry *e = find_invite(l, m, how);
    if (e || !txn_key_is_old(m))
        return e;
    how.to_tag = STR_NONE;
    e = find_invite(l, m, how);
    return e && acks_refusal(e, m) ? e : NULL;
}

static void step(struct txn_entry *e, enum txn_event ev, struct txn_input *in)
{
    if (e->is_tomb)
        tomb_step((struct tomb *)e, ev, in);
    else
        txn_step((struct txn *)e, ev, in);
}

// An ACK cannot be refused, and one that waits for DNS is kept as well: there is room for a quarter more
// than for requests.
static bool has_room_for_ack(struct txn_layer *l)
{
    if (l->n_open <= l->max_transactions + l->max_transactions / 4)
        return true;
    l->count.drop_acks++;
    return false;
}

// One that acknowledges no refusal: for a 2xx, which has no transaction any more.
static void pass_ack(struct txn_layer *l, struct flow *from, struct sip_msg *m)
{
    const struct txn_user *u = users_find(l, m, flow_get_id(from));
    if (users_ack_strays(l, u, m)) {
        l->count.stray_acks++;
        return;
    }
    bool passes = screen_request(l, from, m) && has_room_for_ack(l);
    struct flow *f = passes ? flow_settle(from) : NULL;
    if (f && u && u->ops->ack)
        u->ops->ack(u->arg, m, flow_get_id(f));
}

static void on_ack(struct txn_layer *l, struct flow *from, struct sip_msg *m)
{
    struct txn_entry *e = find_acked(l, from, m);
    struct txn_input in = {.msg = m};
    if (e) {
        step(e, EV_ACK, &in);
        return;
    }
    pass_ack(l, from, m);
}

void server_on_request(struct txn_layer *l, struct flow *f, struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_ACK) {
        on_ack(l, f, m);
        return;
    }
    struct txn_key k;
    struct txn_key_how how = {sip_msg_method(m), flow_is_reliable(f), sip_msg_to_tag(m)};
    if (txn_key_make(&k, m, &how)) {
        shed_refuse(l, f, m);
        return;
    }
    struct txn_entry *e = find(l, &k);
    if (!e) {
        on_new(l, f, m, &k);
        return;
    }
    l->count.retransmits_in++;
    step(e, EV_REQUEST, NULL);
}
