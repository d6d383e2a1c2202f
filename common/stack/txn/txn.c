// SPDX-License-Identifier: Apache-2.0
// The layer's tables and the life of a transaction: made, open, lingering, ended, told, freed.
#include "stack/txn/txn.h"

#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/txn/shed.h"
#include "stack/txn/txn_priv.h"

// A recycled struct would hide a use after free from the sanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define RECYCLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECYCLE 0
#endif
#endif
#ifndef RECYCLE
#define RECYCLE 1
#endif

enum { TXN_CACHE = 4096, TXN_LINGER_MIN = 1000 };

struct txn *txn_find(const struct txn_layer *l, txn_id id)
{
    return id ? slots_find(&l->ids, id) : NULL;
}

void txn_step(struct txn *t, enum txn_event ev, struct txn_input *in)
{
    (void)fsm_step(t->fsm, &t->state, ev, t, in);
}

// ---- timers ----

static void on_retransmit(void *arg)
{
    struct txn *t = arg;
    txn_step(t, txn_timers[t->retransmit_timer].event, NULL);
}

static void on_timeout(void *arg)
{
    struct txn *t = arg;
    txn_step(t, txn_timers[t->timeout_timer].event, NULL);
}

void txn_arm_retransmit(struct txn *t, unsigned timer, uint32_t ms)
{
    t->retransmit_timer = (uint8_t)timer;
    t->interval = ms;
    timer_start(t->layer->loop, &t->retransmit, ms);
}

void txn_arm_timeout(struct txn *t, unsigned timer, uint32_t ms)
{
    t->timeout_timer = (uint8_t)timer;
    timer_start(t->layer->loop, &t->timeout, ms);
}

void txn_stop_timers(void *txn, uint32_t runs)
{
    struct txn *t = txn;
    if (t->retransmit_timer && !(runs & TM_BIT(t->retransmit_timer))) {
        timer_stop(&t->retransmit);
        t->retransmit_timer = TM_NONE;
        t->interval = 0;
    }
    if (t->timeout_timer && !(runs & TM_BIT(t->timeout_timer))) {
        timer_stop(&t->timeout);
        t->timeout_timer = TM_NONE;
    }
}

void txn_set_machine(struct txn *t, const struct fsm *m)
{
    t->fsm = m;
    fsm_start(m, &t->state);
}

// ---- memory ----

static void *take(struct list *cache, size_t *n_free, size_t size)
{
    if (list_empty(cache))
        return mem_zalloc(size);
    struct txn *t = LIST_ENTRY(cache->next, struct txn, link);
    list_del(&t->link);
    *n_free -= 1;
    memset(t, 0, size);
    return t;
}

static void give_back(struct txn *t)
{
    struct txn_layer *l = t->layer;
    if (!RECYCLE || l->n_free >= TXN_CACHE) {
        mem_free(t);
        return;
    }
    list_add(t->is_server ? &l->free_servers : &l->free_clients, &t->link);
    l->n_free++;
}

static int txn_init(struct txn *t, struct txn_layer *l, bool server)
{
    t->layer = l;
    t->born = loop_now(l->loop) / 1000000;
    t->is_server = server;
    list_init(&t->flow_link);
    list_init(&t->late_link);
    list_init(&t->link);
    timer_init(&t->retransmit, on_retransmit, t);
    timer_init(&t->timeout, on_timeout, t);
    t->id = slots_add(&l->ids, t);
    if (!t->id) {
        mem_free(t);
        return ERR_NOMEM;
    }
    list_add(&l->live, &t->link);
    t->open = true;
    l->n_open++;
    *(server ? &l->n_servers : &l->n_clients) += 1;
    *(server ? &l->total_servers : &l->total_clients) += 1;
    return 0;
}

struct txn_client *txn_client_alloc(struct txn_layer *l)
{
    // The branch buffer and the target list are written before they are read.
    struct txn_client *c = take(&l->free_clients, &l->n_free, sizeof *c);
    return c && txn_init(&c->t, l, false) == 0 ? c : NULL;
}

struct txn_server *txn_server_alloc(struct txn_layer *l)
{
    struct txn_server *st = take(&l->free_servers, &l->n_free, sizeof *st);
    return st && txn_init(&st->t, l, true) == 0 ? st : NULL;
}

void txn_forget_kept(struct txn *t)
{
    mem_free((void *)t->kept.p);
    t->kept = STR_NONE;
}

int txn_keep(struct txn *t, struct str bytes)
{
    struct str copy = str_dup(bytes);
    txn_forget_kept(t); // without memory nothing is sent again, rather than what was kept before
    t->kept = copy;
    return copy.p ? 0 : ERR_NOMEM;
}

// Everything but the id table and the telling.
static void detach(struct txn *t)
{
    struct txn_layer *l = t->layer;
    timer_stop(&t->retransmit);
    timer_stop(&t->timeout);
    list_del(&t->flow_link);
    list_del(&t->late_link);
    t->flow = NULL;
    if (t->is_server) {
        struct txn_server *st = (struct txn_server *)t;
        if (st->listed)
            map_remove(&l->by_key, st->key_hash, st);
        st->listed = false;
    }
}

static void free_txn(struct txn *t)
{
    struct txn_layer *l = t->layer;
    list_del(&t->link);
    slots_remove(&l->ids, t->id);
    txn_forget_kept(t);
    if (t->is_server) {
        struct txn_server *st = (struct txn_server *)t;
        if (st->key != st->key_buf)
            mem_free(st->key);
    } else {
        client_free_parts((struct txn_client *)t);
    }
    *(t->is_server ? &l->n_servers : &l->n_clients) -= 1;
    give_back(t);
}

static void close_count(struct txn *t)
{
    struct txn_layer *l = t->layer;
    if (!t->open)
        return;
    t->open = false;
    l->n_open--;
    if (t->of_stranger)
        l->n_strangers--;
    if (l->draining && !l->n_open)
        loop_defer(l->loop, &l->drain_check);
}

void txn_discard(struct txn *t)
{
    close_count(t);
    detach(t);
    free_txn(t);
}

void txn_attach(struct txn *t, struct flow *f)
{
    list_del(&t->flow_link);
    t->flow = f;
    t->reliable = flow_is_reliable(f);
    t->timers = flow_timers(f);
    list_add(flow_users(f), &t->flow_link);
}

// ---- ends ----

// A flood of finished transactions must not hold memory for the whole of Timer J: the oldest go.
static void trim_linger(struct txn_layer *l)
{
    size_t limit = l->max_transactions / 4;
    if (l->n_linger <= (limit > TXN_LINGER_MIN ? limit : TXN_LINGER_MIN))
        return;
    txn_step(LIST_ENTRY(l->linger.next, struct txn, link), EV_DROP, NULL); // as its timer would have it
}

void txn_settle(struct txn *t)
{
    struct txn_layer *l = t->layer;
    if (!t->open)
        return;
    close_count(t);
    list_del(&t->link);
    list_add(&l->linger, &t->link);
    l->n_linger++;
    trim_linger(l);
}

void txn_end(struct txn *t)
{
    struct txn_layer *l = t->layer;
    if (t->open)
        close_count(t);
    else
        l->n_linger--;
    detach(t);
    if (!t->is_server) {
        struct txn_client *c = (struct txn_client *)t;
        if (c->resolve_id)
            resolve_cancel(l->resolver, c->resolve_id);
        c->resolve_id = 0;
    }
    list_del(&t->link);
    list_add(&l->dead, &t->link);
    loop_defer(t->layer->loop, &l->turn);
}

void txn_late_error(struct txn *t, int err)
{
    struct txn_layer *l = t->layer;
    if (t->state == TXN_TERMINATED)
        return;
    t->late_err = err;
    list_del(&t->late_link);
    list_add(&l->late, &t->late_link);
    loop_defer(t->layer->loop, &l->turn);
}

static void reap_client(struct txn_client *c)
{
    struct txn_client *parent = c->parent;
    if (c->cb)
        c->cb(c->arg, c->t.id, TXN_ENDED, 0, NULL);
    if (c->once_done)
        c->once_done(c->arg);
    if (parent) {
        parent->cancel = NULL;
        if (parent->zombie)
            free_txn(&parent->t);
    }
    if (!c->cancel) {
        free_txn(&c->t);
        return;
    }
    c->zombie = true; // responses to its CANCEL are found through it
    c->cb = NULL;
    c->once_done = NULL;
}

static void reap(struct txn *t)
{
    struct txn_server *st = (struct txn_server *)t;
    list_del(&t->link);
    if (!t->is_server) {
        reap_client((struct txn_client *)t);
        return;
    }
    server_heard(st, 504); // nobody will hear of it any more
    if (st->owner && st->user && st->user->ops->server_end)
        st->user->ops->server_end(st->user->arg, t->id, st->owner, st->end_err);
    free_txn(t);
}

static void end_of_turn(void *arg)
{
    struct txn_layer *l = arg;
    while (!list_empty(&l->late) || !list_empty(&l->dead)) {
        while (!list_empty(&l->late)) {
            struct txn *t = LIST_ENTRY(l->late.next, struct txn, late_link);
            struct txn_input in = {.err = t->late_err};
            list_del(&t->late_link);
            txn_step(t, t->state == TXN_INIT ? EV_NO_TARGET : EV_ERROR, &in);
        }
        if (!list_empty(&l->dead))
            reap(LIST_ENTRY(l->dead.next, struct txn, link));
    }
}

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
    (void)layer;
    LIST_EACH(flow_users(f), it) {
        struct txn *t = LIST_ENTRY(it, struct txn, flow_link);
        if (t->is_server || !t->open || !is_quoted(t, quoted))
            continue;
        struct txn_client *parent = ((struct txn_client *)t)->parent;
        txn_late_error(t, ERR_REFUSED);
        if (parent && parent->t.open)
            txn_late_error(&parent->t, ERR_REFUSED);
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

static const struct transport_user_ops transport_ops = {
    .message = on_message, .leaves_unread = leaves_unread, .flow_closed = on_flow_closed, .unreachable = on_unreachable};

// ---- the layer ----

struct loop *txn_loop(const struct txn_layer *l)
{
    return l->loop;
}

struct transport *txn_transport(const struct txn_layer *l)
{
    return l->transport;
}

struct writer txn_scratch(struct txn_layer *l)
{
    return transport_scratch(l->transport);
}

struct str txn_agent(const struct txn_layer *l)
{
    return transport_server(l->transport);
}

bool txn_flow_info(const struct txn_layer *l, flow_id flow, struct flow_info *ret_info)
{
    return transport_flow_info(l->transport, flow, ret_info);
}

void txn_pushed_back(struct txn_layer *l)
{
    overload_pushed_back(l->overload, loop_now(l->loop));
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
    struct list *heads[] = {&l->live, &l->linger, &l->dead, &l->late, &l->free_clients,
                            &l->free_servers};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        list_init(heads[i]);
    deferred_init(&l->turn, end_of_turn, l);
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

static void free_all(struct list *l)
{
    while (!list_empty(l)) {
        struct txn *t = LIST_ENTRY(l->next, struct txn, link);
        detach(t);
        free_txn(t);
    }
}

static void free_cache(struct list *l)
{
    while (!list_empty(l)) {
        struct txn *t = LIST_ENTRY(l->next, struct txn, link);
        list_del(&t->link);
        mem_free(t);
    }
}

void txn_layer_free(struct txn_layer *l)
{
    if (!l)
        return;
    deferred_cancel(&l->turn);
    deferred_cancel(&l->drain_check);
    // Zombies are in no list but hang from their CANCEL.
    for (uint32_t i = 0; i < l->ids.n; i++) {
        struct txn *t = l->ids.v[i].obj;
        if (t && !t->is_server && ((struct txn_client *)t)->zombie)
            list_add(&l->dead, &t->link);
    }
    free_all(&l->live);
    free_all(&l->linger);
    free_all(&l->dead);
    free_cache(&l->free_clients);
    free_cache(&l->free_servers);
    slots_done(&l->ids);
    map_done(&l->by_key);
    resolver_free(l->resolver);
    overload_free(l->overload);
    mem_free(l);
}
