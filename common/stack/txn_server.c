// SPDX-License-Identifier: Apache-2.0
// Server transactions: matching (RFC 3261 17.2.3), the requests that never reach the proxy core (CANCEL,
// ACK for a refusal, overload), and responses on their way out.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/transport_priv.h"
#include "stack/txn_priv.h"

enum { OVERLOAD_RETRY_AFTER = 5 };

// ---- the key ----

static void write_sep(struct writer *w, struct str s)
{
    writer_str(w, s);
    writer_chr(w, '\n');
}

// Branch, sent-by and method; a peer of RFC 2543 without the magic cookie is known by everything that
// its retransmissions have in common.
static void write_key(struct writer *w, const struct sip_msg *m, enum sip_method method)
{
    const struct sip_via *v = sip_msg_via(m);
    uint16_t port = v->port ? v->port : 5060;
    writer_chr(w, (char)('A' + method));
    if (method == SIP_UNKNOWN)
        write_sep(w, sip_msg_method_name(m));
    writer_str(w, str_make((const char *)&port, sizeof port));
    if (str_starts(v->branch, STR("z9hG4bK")) && v->branch.n > 7) {
        write_sep(w, v->branch);
        writer_str(w, v->host);
        return;
    }
    uint32_t cseq = sip_msg_cseq(m)->number;
    writer_str(w, str_make((const char *)&cseq, sizeof cseq));
    write_sep(w, sip_msg_uri_text(m));
    write_sep(w, sip_msg_call_id(m));
    write_sep(w, sip_msg_from_tag(m));
    writer_str(w, v->host);
    write_sep(w, v->branch);
}

struct key {
    char buf[TXN_KEY_MAX];
    struct str text;
    uint64_t hash;
};

// A key that does not fit (a branch of half a kilobyte) is cut down to its hash.
static void make_key(struct key *k, const struct sip_msg *m, enum sip_method method)
{
    struct writer w = writer_init(k->buf, sizeof k->buf);
    write_key(&w, m, method);
    if (w.failed) {
        struct str via = sip_msg_via(m)->text;
        uint64_t h[2] = {hash_bytes(via.p, via.n), (uint64_t)method << 32 | sip_msg_cseq(m)->number};
        memcpy(k->buf, h, sizeof h);
        w.n = sizeof h;
    }
    k->text = str_make(k->buf, w.n);
    k->hash = hash_bytes(k->text.p, k->text.n);
}

static struct txn_server *find(struct stack *s, const struct key *k)
{
    struct txn_server *st;
    size_t it = 0;
    while ((st = map_find(&s->txns->by_key, k->hash, &it)))
        if (str_eq(str_make(st->key, st->key_n), k->text))
            return st;
    return NULL;
}

static int add(struct stack *s, struct txn_server *st, const struct key *k)
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
    struct txn_input in = {.status = status, .bytes = bytes};
    int err = fsm_step(st->t.fsm, &st->t.state, reply_event(st, status), st, &in);
    if (!err)
        st->replied = true;
    return err;
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

static void send_stateless(struct stack *s, struct flow *f, const struct sip_msg *m,
                           struct str bytes)
{
    struct addr to;
    if (flow_is_reliable(f)) {
        (void)flow_send(s, f, bytes, sip_msg_call_id(m));
        return;
    }
    via_reply_addr(m, &flow_get_info(f)->remote, false, &to);
    (void)flow_send_to(s, f, &to, bytes, sip_msg_call_id(m));
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

// 503 without state: load is shed as cheaply as can be (RFC 3261 21.5.4).
static void shed(struct stack *s, struct flow *f, const struct sip_msg *m)
{
    struct sip_edits e;
    struct writer w = stack_scratch(s);
    s->count.overload++;
    sip_edits_init(&e, sip_msg_arena(m), NULL);
    sip_edit_append(&e, SIP_H_RETRY_AFTER,
                    arena_printf(sip_msg_arena(m), "%d", OVERLOAD_RETRY_AFTER));
    if (write_rejection(s, m, 503, STR_NONE, &e, &w) == 0)
        send_stateless(s, f, m, writer_done(&w));
}

// ---- requests ----

static struct txn_server *server_new(struct stack *s, struct flow *f, const struct sip_msg *m,
                                     const struct key *k)
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
    via_reply_addr(m, &info->remote, st->t.reliable, &st->reply_to);
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

// RFC 3261 9.2: the CANCEL is a transaction of its own; what it cancels has the same key but the method.
static void on_cancel(struct stack *s, struct txn_server *st, const struct sip_msg *m)
{
    struct key k;
    make_key(&k, m, SIP_INVITE);
    struct txn_server *invite = find(s, &k);
    (void)txn_server_reject(s, st->t.id, m, invite ? 200 : 481, STR_NONE, NULL);
    if (invite && invite->t.state == TXN_PROCEEDING)
        pxy_on_cancel(s, invite->t.id, invite->owner, m);
}

static bool shedding(const struct stack *s, const struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_CANCEL)
        return false;
    return s->txns->n_open >= s->max_transactions || (s->draining && !sip_msg_to_tag(m).p);
}

static void on_new(struct stack *s, struct flow *f, struct sip_msg *m, const struct key *k)
{
    if (shedding(s, m)) {
        shed(s, f, m);
        return;
    }
    struct txn_server *st = server_new(s, f, m, k);
    if (!st) {
        shed(s, f, m);
        return;
    }
    txn_id id = st->t.id;
    if (st->t.method != SIP_INVITE)
        server_arm_trying(st);
    if (st->t.method == SIP_CANCEL) {
        on_cancel(s, st, m);
        return;
    }
    pxy_on_request(s, id, m, flow_get_id(f));
    if (sip_msg_method(m) == SIP_INVITE)
        send_trying(s, id, m);
}

static void on_ack(struct stack *s, struct flow *f, struct sip_msg *m)
{
    struct key k;
    make_key(&k, m, SIP_INVITE);
    struct txn_server *st = find(s, &k);
    struct txn_input in = {.msg = m};
    if (st)
        txn_step(&st->t, EV_ACK, &in);
    else
        pxy_on_ack(s, m, flow_get_id(f));
}

void server_on_request(struct stack *s, struct flow *f, struct sip_msg *m)
{
    if (sip_msg_method(m) == SIP_ACK) {
        on_ack(s, f, m);
        return;
    }
    struct key k;
    make_key(&k, m, sip_msg_method(m));
    struct txn_server *st = find(s, &k);
    if (!st) {
        on_new(s, f, m, &k);
        return;
    }
    s->count.retransmits_in++;
    txn_step(&st->t, EV_REQUEST, NULL);
}
