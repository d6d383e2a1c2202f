// SPDX-License-Identifier: Apache-2.0
// The layer: what the transports tell it, its figures, and its life.
#include "base/err.h"
#include "stack/txn/shed.h"
#include "stack/txn/txn_priv.h"

// ---- from the transports ----

static void on_flow_closed(void *layer, struct flow *f, int err)
{
    struct list *users = flow_users(f);
    (void)layer;
    while (!list_empty(users)) {
        struct txn *t = LIST_ENTRY(users->next, struct txn, flow_link);
        struct txn_input in = {.err = err};
        list_del(&t->flow_link);
        t->flow = NULL;
        txn_step(t, EV_ERROR, &in);
    }
}

// Is it the one that was sent? The report may quote as little as nothing of it (RFC 792: 64 bits beyond
// the IP header, which UDP's own header takes).
static bool is_quoted(const struct txn *t, struct str quoted)
{
    size_t n = quoted.n < t->kept.n ? quoted.n : t->kept.n;
    return t->kept.n && (!n || memcmp(t->kept.p, quoted.p, n) == 0);
}

// Concerns client transactions that have sent it. At the end of the turn: an answer that has arrived with the
// report counts first.
static void on_unreachable(void *layer, struct flow *f, struct str quoted)
{
    LIST_EACH(flow_users(f), it) {
        struct txn *t = LIST_ENTRY(it, struct txn, flow_link);
        if (t->is_server || !t->open || !is_quoted(t, quoted))
            continue;
        struct txn *parent = txn_find(layer, ((struct txn_client *)t)->parent);
        txn_late_error(t, ERR_REFUSED);
        if (parent && parent->open)
            txn_late_error(parent, ERR_REFUSED);
    }
}

static void on_message(void *layer, struct flow *f, struct sip_msg *m)
{
    if (sip_msg_is_request(m))
        server_on_request(layer, f, m);
    else
        client_on_response(layer, f, m);
}

static bool leaves_unread(void *layer, struct flow *f, struct str bytes)
{
    return shed_drops_unread(layer, f, bytes);
}

static const struct transport_user_ops transport_ops = {.message = on_message,
                                                        .leaves_unread = leaves_unread,
                                                        .flow_closed = on_flow_closed,
                                                        .unreachable = on_unreachable};

// ---- the layer ----

void txn_pushed_back(struct txn_layer *l)
{
    overload_pushed_back(l->overload, loop_now(l->loop));
}

void txn_set_finished(struct txn_layer *l, size_t bytes)
{
    l->tombs.max = bytes;
}

void txn_set_overload(struct txn_layer *l, const struct overload_params *p)
{
    overload_set(l->overload, p);
}

static void drain_check(void *arg)
{
    struct txn_layer *l = arg;
    if (!l->draining || !l->drained || l->n_open)
        return;
    timer_cb done = l->drained;
    l->drained = NULL;
    done(l->drained_arg);
}

void txn_drain(struct txn_layer *l, timer_cb done, void *arg)
{
    l->draining = true;
    l->drained = done;
    l->drained_arg = arg;
    loop_defer(l->loop, &l->drain_check);
}

void txn_stats(const struct txn_layer *l, stack_stat_cb cb, void *arg)
{
#define X(field, name, labels) cb(arg, name, labels, l->count.field);
    TXN_COUNTERS(X)
#undef X
    cb(arg, "sip_dns_queries", "", resolver_queries(l->resolver));
    cb(arg, "sip_dns_answers_known", "", dns_known(l->loop));
    cb(arg, "sip_names_known", "", resolver_names(l->resolver));
    cb(arg, "sip_transactions", "", l->n_open);
    cb(arg, "sip_stranger_transactions", "", l->n_strangers);
    cb(arg, "sip_transactions_held", "side=\"client\"", l->n_clients);
    cb(arg, "sip_transactions_held", "side=\"server\"", l->n_servers);
    cb(arg, "sip_transactions_spare", "", l->n_free);
    cb(arg, "sip_transactions_finished", "", l->tombs.n);
    cb(arg, "sip_finished_bytes", "", l->tombs.bytes);
    cb(arg, "sip_limit_reached", "limit=\"finished_memory\"", l->tombs.forgotten);
    cb(arg, "sip_transactions_total", "side=\"client\"", l->total_clients);
    cb(arg, "sip_transactions_total", "side=\"server\"", l->total_servers);
    shed_stats(l, cb, arg);
}

// ---- life ----

static int make_parts(struct txn_layer *l, const struct txn_params *p)
{
    struct overload_params o = p->overload;
    o.off = o.off || !o.wait_ms || !o.latency_ms;
    int err = overload_new(&o, loop_now(l->loop), &l->overload);
    return err ? err : resolver_new(l->transport, p->tcp_prefer, &l->resolver);
}

int txn_layer_new(const struct txn_params *p, struct txn_layer **ret_layer)
{
    struct txn_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->transport = p->transport;
    l->loop = transport_loop(p->transport);
    l->secret = transport_secret(p->transport);
    l->owner = p->owner;
    l->owner_arg = p->owner_arg;
    l->max_transactions = p->max_transactions;
    tombs_init(l);
    txn_set_finished(l, p->finished_bytes);
    struct list *heads[] = {&l->live, &l->dead, &l->late, &l->free_clients, &l->free_servers};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        list_init(heads[i]);
    deferred_init(&l->turn, txn_end_of_turn, l);
    deferred_init(&l->drain_check, drain_check, l);
    int err = make_parts(l, p);
    if (err) {
        txn_layer_free(l);
        return err;
    }
    transport_set_user(l->transport, &transport_ops, l);
    *ret_layer = l;
    return 0;
}

void txn_layer_free(struct txn_layer *l)
{
    if (!l)
        return;
    deferred_cancel(&l->turn);
    deferred_cancel(&l->drain_check);
    txn_free_all(l);
    tombs_done(l);
    slots_done(&l->ids);
    map_done(&l->by_key);
    resolver_free(l->resolver);
    overload_free(l->overload);
    mem_free(l);
}
