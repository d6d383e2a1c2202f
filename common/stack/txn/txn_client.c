// SPDX-License-Identifier: Apache-2.0
// Client transactions as their owners see them: start, cancel, forget, and the responses.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

// ---- start ----

// What the peer named must not lead where it has no business: the addresses are looked at after
// resolution, so that no name of his own hides them.
static int keep_reachable(struct txn_client *c)
{
    const struct txn_owner_ops *owner = &c->t.layer->owner;
    struct resolve_list *l = &c->targets;
    size_t n = 0;
    if (!c->word || !owner->may_reach)
        return 0;
    for (size_t i = 0; i < l->n; i++)
        if (owner->may_reach(c->t.layer->owner_arg, c->word, &l->t[i].addr))
            l->t[n++] = l->t[i];
    l->n = n;
    return n ? 0 : ERR_DENIED;
}

static void go_if_allowed(struct txn_client *c)
{
    int err = keep_reachable(c);
    if (err) {
        c->t.layer->count.forbidden++;
        c->fail_status = 404;
        txn_late_error(&c->t, err);
    } else if (!client_keep_unasked(c)) {
        c->fail_status = 503;
        client_trouble_name(c, "each of its addresses has been asked already", 0);
        txn_late_error(&c->t, ERR_NODATA);
    } else {
        client_go(c);
    }
}

static void on_resolved(void *arg, int err, const struct resolve_list *l)
{
    struct txn_client *c = arg;
    c->resolve_id = 0;
    if (err) {
        c->fail_status = 503;
        client_trouble_name(c, l->why, err);
        txn_late_error(&c->t, err);
        return;
    }
    c->targets = *l;
    go_if_allowed(c);
}

static void find_targets(struct txn_client *c, const struct sip_uri *uri)
{
    struct txn_layer *l = c->t.layer;
    int err = resolve_now(l->resolver, uri, &c->targets);
    if (!err) {
        go_if_allowed(c);
        return;
    }
    if (err == ERR_MORE)
        err = resolve_start(l->resolver, uri, on_resolved, c, &c->resolve_id);
    c->fail_status = 503;
    if (err) {
        client_trouble_name(c, c->targets.why, err);
        txn_late_error(&c->t, err);
    }
}

static void start(struct txn_client *c, const struct stack_reach *reach, const struct sip_uri *uri)
{
    if (reach)
        client_set_reach(c, reach);
    if (c->fixed_flow || reach)
        client_go(c);
    else
        find_targets(c, uri);
}

static const struct fsm *machine_for(enum sip_method m)
{
    return m == SIP_INVITE ? &txn_invite_client : &txn_request_client;
}

int txn_client_start(struct txn_layer *l, const struct txn_client_params *p, txn_id *ret_id)
{
    if (!p->write || p->method == SIP_ACK || (!p->flow && !p->reach && !p->uri))
        return ERR_INVAL;
    struct txn_client *c = txn_client_alloc(l);
    if (!c)
        return ERR_NOMEM;
    txn_set_machine(&c->t, machine_for(p->method));
    c->t.method = p->method;
    c->write = p->write;
    c->cb = p->cb;
    c->arg = p->arg;
    c->fixed_flow = p->flow;
    c->label = p->label;
    c->word = p->word;
    c->leg_ms = p->leg_ms;
    c->timeout_ms = p->timeout_ms;
    c->speaks = p->speaks || p->method == SIP_INVITE; // TS 24.229 5.2.7.2: at least by 100
    c->withdraw = p->withdraw;
    c->elsewhere = p->elsewhere;
    c->asked = p->asked;
    if (p->leg_ms)
        c->deadline = loop_now(l->loop) / 1000000 + p->leg_ms;
    c->loop_hash = p->loop_hash;
    if (p->method == SIP_UNKNOWN) {
        c->method_name = str_dup(p->method_name);
        if (!c->method_name.p) {
            txn_discard(&c->t);
            return ERR_NOMEM;
        }
    }
    if (ret_id)
        *ret_id = c->t.id;
    start(c, p->reach, p->uri);
    return 0;
}

int txn_send_ack(struct txn_layer *l, const struct txn_send_params *p)
{
    if (!p->write || (!p->flow && !p->reach && !p->uri))
        return ERR_INVAL;
    struct txn_client *c = txn_client_alloc(l);
    if (!c)
        return ERR_NOMEM;
    txn_set_machine(&c->t, &txn_once_client);
    c->t.method = SIP_ACK;
    c->write = p->write;
    c->once_done = p->done;
    c->arg = p->arg;
    c->fixed_flow = p->flow;
    c->label = p->label;
    c->word = p->word;
    c->loop_hash = p->loop_hash;
    start(c, p->reach, p->uri);
    return 0;
}

static struct txn_client *find_client(const struct txn_layer *l, txn_id id)
{
    struct txn *t = txn_find(l, id);
    return t && !t->is_server && t->state != TXN_TERMINATED ? (struct txn_client *)t : NULL;
}

int txn_client_hand_over(struct txn_layer *l, txn_id id, txn_client_cb cb, void *arg, size_t bytes)
{
    struct tomb *b = tomb_find(l, id);
    if (!b || b->is_server || b->state == TXN_TERMINATED)
        return ERR_NOTFOUND;
    b->cb = cb;
    b->arg = arg;
    tomb_charge(b, bytes);
    return 0;
}

void txn_client_forget(struct txn_layer *l, txn_id id)
{
    struct txn *t = txn_find(l, id);
    struct tomb *b = t ? NULL : tomb_find(l, id);
    if (b && !b->is_server)
        b->cb = NULL;
    if (!t || t->is_server)
        return;
    struct txn_client *c = (struct txn_client *)t;
    c->cb = NULL;
    c->once_done = NULL;
    c->write = NULL;
    c->asked = NULL;
    if (t->state == TXN_INIT) // nothing has been sent yet
        txn_step(t, EV_DROP, NULL);
}

// ---- CANCEL ----

int txn_client_cancel(struct txn_layer *l, txn_id id, struct str reason)
{
    struct txn_client *c = find_client(l, id);
    if (!c)
        return tomb_find(l, id) ? ERR_STATE : ERR_NOTFOUND;
    if (c->t.method != SIP_INVITE || c->cancelled || !c->t.open)
        return ERR_STATE;
    c->cancelled = true;
    if (reason.n)
        c->cancel_reason = str_dup(reason);
    txn_step(&c->t, EV_CANCEL, NULL);
    return 0;
}

// ---- responses ----

// What a response is compared with.
struct client_mark {
    struct str branch, name;
    enum sip_method method;
    txn_id cancel; // of an INVITE
};

static struct client_mark mark_of(const struct txn_entry *e)
{
    const struct tomb *b = (const struct tomb *)e;
    const struct txn_client *c = (const struct txn_client *)e;
    if (e->is_tomb)
        return (struct client_mark){tomb_key(b), tomb_name(b), b->method, b->method == SIP_INVITE ? b->kin : 0};
    return (struct client_mark){c->branch, c->method_name, c->t.method, c->cancel};
}

static bool same_method(const struct client_mark *k, const struct sip_msg *m)
{
    if (k->method != sip_msg_method(m))
        return false;
    return k->method != SIP_UNKNOWN || str_eq(k->name, sip_msg_method_name(m));
}

static bool came_from(const struct addr *asked, const struct flow *used, const struct flow_info *from)
{
    if (used && flow_get_info(used)->listener != from->listener)
        return false;
    return addr_eq_ip(asked, &from->remote);
}

// Whoever the request went on to has seen the branch in Via: a response counts from where the request went, or
// from a neighbour, and on the side that it left on.
static bool may_answer(const struct txn_layer *l, const struct txn_entry *e, struct flow *f)
{
    const struct tomb *b = (const struct tomb *)e;
    const struct txn_client *c = (const struct txn_client *)e;
    const struct flow_info *from = flow_get_info(f);
    if (flow_standing(f) == STACK_TRUSTED)
        return true;
    if (e->is_tomb)
        return b->peer.sa.sa_family && came_from(&b->peer, flow_find(l->transport, b->flow), from);
    if (c->t.flow)
        return came_from(&flow_get_info(c->t.flow)->remote, c->t.flow, from);
    return !c->fixed_flow && c->cur < c->targets.n && came_from(&c->targets.t[c->cur].addr, NULL, from);
}

static bool is_server(const struct txn_entry *e)
{
    return e->is_tomb ? ((const struct tomb *)e)->is_server : ((const struct txn *)e)->is_server;
}

// RFC 3261 17.1.3: branch and CSeq method; 18.1.2: sent-by must be ours.
static struct txn_entry *match(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    const struct sip_via *via = sip_msg_via(m);
    struct txn_entry *e = txn_entry_find(l, branch_id(via->branch));
    if (!e || is_server(e))
        return NULL;
    struct client_mark k = mark_of(e);
    if (k.method == SIP_INVITE && sip_msg_method(m) == SIP_CANCEL) {
        e = txn_entry_find(l, k.cancel);
        if (!e)
            return NULL;
        k = mark_of(e);
    }
    if (!str_eq(k.branch, via->branch) || !same_method(&k, m))
        return NULL;
    if (!str_ieq(via->host, flow_sent_by(f)) && !transport_is_sent_by(l->transport, via->host, via->port))
        return NULL;
    return may_answer(l, e, f) ? e : NULL;
}

static enum txn_event event_for(enum sip_method method, unsigned status)
{
    if (status < 200)
        return EV_1XX;
    if (method != SIP_INVITE)
        return EV_FINAL;
    return status < 300 ? EV_2XX : EV_3XX_6XX;
}

// To a transaction that has its final response.
static void on_late_response(struct tomb *b, struct txn_input *in)
{
    b->row->layer->count.retransmits_in++;
    tomb_step(b, event_for(b->method, in->status), in);
}

static uint8_t state_of(const struct txn_entry *e)
{
    return e->is_tomb ? ((const struct tomb *)e)->state : ((const struct txn *)e)->state;
}

void client_on_response(struct txn_layer *l, struct flow *f, struct sip_msg *m)
{
    struct txn_entry *e = match(l, f, m);
    if (!e || state_of(e) == TXN_TERMINATED) {
        // RFC 6026 7.3: a response without a transaction is not forwarded.
        l->count.stray_responses++;
        if (log_enabled(LOG_DEBUG))
            log_text(LOG_DEBUG, "stray response %u, Call-ID %.*s", sip_msg_status(m),
                     STR_ARG(sip_msg_call_id(m)));
        return;
    }
    struct txn_input in = {.msg = m, .status = sip_msg_status(m)};
    if (e->is_tomb) {
        on_late_response((struct tomb *)e, &in);
        return;
    }
    struct txn_client *c = (struct txn_client *)e;
    c->answered = true;
    client_note_asked(c);
    if (c->cur < c->targets.n)
        resolve_forgive(l->resolver, &c->targets.t[c->cur]);
    txn_step(&c->t, event_for(c->t.method, in.status), &in);
}
