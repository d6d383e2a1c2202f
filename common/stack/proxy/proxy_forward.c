// SPDX-License-Identifier: Apache-2.0
// Request forwarding: RFC 3261 16.6.
#include "base/err.h"
#include "base/writer.h"
#include "sip/addr_hdr.h"
#include "stack/proxy/proxy_priv.h"
#include "stack/txn/shed.h"

enum {
    LEG_MIN_MS = 1000, // for a target that is tried at the very end
    ROUTES_MAX = 64,
    WRITE_INLINE = 2048, // edits of a request while it is written: most are no more
};

// ---- where it goes (RFC 3261 16.6 steps 6 and 7) ----

// The parsed form of a Route value, from the message's cache when the NF left it alone.
static const struct sip_uri *route_parsed(struct pxy *p, struct str text)
{
    const struct sip_addr *a = sip_msg_at(p->req, SIP_H_ROUTE, p->own_route ? 1 : 0);
    if (a && a->text.p == text.p && a->text.n == text.n)
        return &a->uri;
    struct sip_addr *parsed = ARENA_NEW(&p->arena, struct sip_addr);
    if (!parsed || sip_addr_parse(&p->arena, text, parsed))
        return NULL;
    return &parsed->uri;
}

static const struct sip_uri *uri_parsed(struct pxy *p, struct str text)
{
    const struct sip_uri *own = sip_msg_uri(p->req);
    if (own && own->text.p == text.p && own->text.n == text.n)
        return own;
    struct sip_uri *u = ARENA_NEW(&p->arena, struct sip_uri);
    return u && !sip_uri_parse(&p->arena, text, u) ? u : NULL;
}

// RFC 3261 16.6 step 6: a strict router finds itself in the Request-URI, the target last in Route.
static int make_strict(struct pxy *p, struct sip_edits *e, const struct sip_uri *first)
{
    struct str routes[ROUTES_MAX];
    size_t n = 0;
    struct sip_edits_iter it = sip_edits_iter_init(e, SIP_H_ROUTE);
    for (struct str route; sip_edits_iter_next(&it, &route);) {
        if (n == ROUTES_MAX)
            return ERR_TOOBIG;
        routes[n++] = route;
    }
    struct str target = ARENA_CAT(&p->arena, STR("<"), sip_edits_uri(e), STR(">"));
    (void)route_take(&routes[0]);
    sip_edit_remove(e, SIP_H_ROUTE);
    for (size_t i = 0; i < n; i++) {
        if (routes[i].n)
            sip_edit_append(e, SIP_H_ROUTE, routes[i]);
    }
    sip_edit_append(e, SIP_H_ROUTE, target);
    sip_edit_uri(e, first->text);
    return 0;
}

// The next hop's URI, NULL with a flow that needs none. Adjusts e for a strict router.
static int next_hop(struct pxy *p, const struct pxy_target *t, struct sip_edits *e,
                    const struct sip_uri **ret_uri)
{
    struct str text;
    const struct sip_uri *u = NULL;
    bool loose = true;
    if (sip_edits_first(e, SIP_H_ROUTE, &text)) {
        u = route_parsed(p, route_take(&text));
        if (!u)
            return ERR_BAD;
        (void)sip_uri_param(u, STR("lr"), &loose);
        int err = loose ? 0 : make_strict(p, e, u);
        if (err)
            return err;
    }
    bool known = t->flow || t->reach;
    if (known)
        u = NULL;
    else if (t->next_hop.n)
        u = uri_parsed(p, t->next_hop);
    else if (!u)
        u = uri_parsed(p, sip_edits_uri(e));
    *ret_uri = u;
    return u || known ? 0 : ERR_BAD;
}

// ---- branches ----

// Called by the transaction for each address tried (RFC 3261 16.6 step 8).
static int write_request(void *arg, struct str via, struct writer *w)
{
    struct branch *b = arg;
    _Alignas(8) char memory[WRITE_INLINE];
    struct arena a;
    struct sip_edits e;
    arena_init(&a, memory, sizeof memory);
    sip_edits_copy(&e, &a, &b->edits);
    sip_edit_prepend(&e, SIP_H_VIA, via);
    int err = sip_msg_write(b->pxy->req, &e, w);
    arena_done(&a);
    return err;
}

// RFC 3261 16.6 step 9.
static void add_length(struct pxy *p, struct sip_edits *e)
{
    struct str v;
    if (sip_msg_has(p->req, SIP_H_CONTENT_LENGTH) || sip_edits_first(e, SIP_H_CONTENT_LENGTH, &v))
        return;
    sip_edit_set(e, SIP_H_CONTENT_LENGTH, arena_printf(&p->arena, "%zu", sip_msg_body(p->req).n));
}

static struct branch *branch_new(struct pxy *p, const struct pxy_target *t,
                                 const struct pxy_forward_ops *ops, void *nf)
{
    struct branch *b = ARENA_NEW(&p->arena, struct branch);
    if (!b)
        return NULL;
    b->pxy = p;
    b->ops = ops;
    b->nf = nf;
    b->ctx = t->ctx;
    b->label = t->label;
    b->outside = t->outside;
    b->open = true;
    b->silent_ms = t->silent_ms;
    b->started = loop_now(p->layer->loop) / 1000000;
    timer_init(&b->timer_c, pxy_branch_timer_c, b);
    if (t->edits)
        b->edits = *t->edits;
    else
        sip_edits_copy(&b->edits, &p->arena, &p->edits);
    add_length(p, &b->edits);
    return b;
}

static void arm_timer_c(struct branch *b)
{
    struct pxy *p = b->pxy;
    const struct sip_timers *t = txn_server_timers(p->layer->txns, p->server);
    b->ending = false;
    timer_start(p->layer->loop, &b->timer_c, t ? t->timer_c : sip_timers_core.timer_c);
}

// A node of the network that refuses for its own load (it alone says 503: others' becomes a 500 on its
// way, RFC 3261 16.7 step 6), and not because it leaves.
static bool is_push_back(const struct branch *b, unsigned status, const struct sip_msg *msg)
{
    return status == 503 && msg && !b->outside && !shed_is_leaving(msg) &&
           !transport_is_outside(b->pxy->layer->transport, b->label);
}

static void on_client(void *arg, txn_id id, enum txn_client_event ev, unsigned status, struct sip_msg *msg)
{
    struct branch *b = arg;
    struct pxy *p = b->pxy;
    if (ev == TXN_ENDED) {
        b->txn = 0;
        p->n_live--;
        // A transaction that ends without a word leaves nobody to wait for.
        if (b->open)
            pxy_branch_final(b, 408, NULL);
        pxy_settle(p);
        return;
    }
    if (ev == TXN_RESPONSE && status < 200) {
        b->provisional = true;
        if (status > 100 && p->invite) { // RFC 4320 4.1: other requests know no provisional response but 100
            b->spoke = true;
            if (b->open)
                arm_timer_c(b); // RFC 3261 16.7 step 2
            pxy_branch_provisional(b, status, msg);
        }
        return;
    }
    if (is_push_back(b, status, msg))
        txn_pushed_back(p->layer->txns);
    const char *trouble = ev == TXN_FAILED ? txn_client_trouble(p->layer->txns, id) : NULL;
    if (trouble)
        p->trouble = b->trouble = arena_printf(pxy_arena(p), "%s", trouble).p;
    pxy_branch_final(b, status, msg);
}

static uint32_t leg_of(const struct pxy *p, const struct pxy_target *t)
{
    if (p->invite || !t->leg_ms)
        return t->leg_ms;
    uint32_t left = pxy_time_left(p, t->leg_ms);
    return left > LEG_MIN_MS ? left : LEG_MIN_MS;
}

// Whom targets with elsewhere have asked; without memory for that, each is on its own.
static struct txn_asked *asked_by(struct pxy *p, const struct pxy_target *t)
{
    if (t->elsewhere && !p->asked)
        p->asked = txn_asked_new(&p->arena);
    return t->elsewhere ? p->asked : NULL;
}

static int branch_start(struct pxy *p, const struct pxy_target *t,
                        const struct pxy_forward_ops *ops, void *nf)
{
    const struct sip_uri *uri = NULL;
    struct branch *b = branch_new(p, t, ops, nf);
    if (!b)
        return ERR_NOMEM;
    int err = next_hop(p, t, &b->edits, &uri);
    if (p->arena.failed || b->edits.failed)
        err = ERR_NOMEM;
    if (err)
        return err;
    struct txn_client_params c = {
        .method = sip_msg_method(p->req),
        .method_name = sip_msg_method_name(p->req),
        .write = write_request,
        .cb = on_client,
        .arg = b,
        .flow = t->flow,
        .reach = t->reach,
        .uri = uri,
        .label = t->label,
        .leg_ms = leg_of(p, t),
        .timeout_ms = t->timeout_ms,
        .word = t->word,
        .speaks = t->speaks,
        .withdraw = t->withdraw,
        .elsewhere = t->elsewhere,
        .asked = asked_by(p, t),
        .loop_hash = p->loop_hash,
    };
    err = txn_client_start(p->layer->txns, &c, &b->txn);
    if (err)
        return err;
    list_add(&p->branches, &b->link);
    p->n_open++;
    p->n_live++;
    if (p->invite)
        arm_timer_c(b);
    return 0;
}

// ---- ACK for a 2xx: no state (RFC 3261 16.11, 17.1) ----

static void ack_sent(void *arg)
{
    struct branch *b = arg;
    struct pxy *p = b->pxy;
    p->answered = true;
    timer_stop(&p->timer);
    pxy_settle(p);
}

static int forward_ack(struct pxy *p, const struct pxy_target *t)
{
    const struct sip_uri *uri = NULL;
    struct branch *b = branch_new(p, t, NULL, NULL);
    if (!b)
        return ERR_NOMEM;
    int err = next_hop(p, t, &b->edits, &uri);
    if (err)
        return err;
    struct txn_send_params a = {
        .write = write_request,
        .done = ack_sent,
        .arg = b,
        .flow = t->flow,
        .reach = t->reach,
        .uri = uri,
        .label = t->label,
        .word = t->word,
        .loop_hash = p->loop_hash,
    };
    timer_stop(&p->timer);
    err = txn_send_ack(p->layer->txns, &a);
    if (err)
        ack_sent(b);
    return err;
}

// ---- the call ----

// No route to be made of what the peer or the NF wrote: the request ends here (RFC 3261 16.3 step
// 1).
static int refuse_route(struct pxy *p)
{
    return pxy_reply(p, 400, STR("Malformed Route or Request-URI"), NULL);
}

int pxy_forward(struct pxy *p, const struct pxy_target *targets, size_t n,
                const struct pxy_forward_ops *ops, void *nf)
{
    if (!n)
        return ERR_INVAL;
    if (p->answered || p->cancelled || p->no_more)
        return ERR_STATE;
    if (p->ack)
        return forward_ack(p, &targets[0]);
    size_t started = 0;
    int err = 0;
    for (size_t i = 0; i < n; i++) {
        int e = branch_start(p, &targets[i], ops, nf);
        if (e)
            err = e;
        else
            started++;
    }
    if (!started)
        return err == ERR_BAD && !p->n_open ? refuse_route(p) : err;
    p->forwards++;
    p->pending = false;
    return 0;
}
