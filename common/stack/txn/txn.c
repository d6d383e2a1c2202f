// SPDX-License-Identifier: Apache-2.0
// The life of a transaction in the layer's tables: made, open, ended, told, freed; or given back when a tombstone
// (tomb.c) takes its place.
#include "stack/txn/txn.h"

#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

enum { TXN_CACHE = 4096 };

struct txn_entry *txn_entry_find(const struct txn_layer *l, txn_id id)
{
    return id ? slots_find(&l->ids, id) : NULL;
}

struct txn *txn_find(const struct txn_layer *l, txn_id id)
{
    struct txn_entry *e = txn_entry_find(l, id);
    return e && !e->is_tomb ? (struct txn *)e : NULL;
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

void txn_arm_last(struct txn *t, unsigned timer, uint32_t ms)
{
    timer_stop(&t->timeout);
    t->timeout_timer = (uint8_t)timer;
    t->last_ms = ms;
}

void txn_stop_timers(void *entry, uint32_t runs)
{
    struct txn *t = entry;
    if (t->entry.is_tomb)
        return;
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
    if (!MEM_RECYCLES || l->n_free >= TXN_CACHE) {
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

static void free_parts(struct txn_client *c)
{
    mem_free((void *)c->method_name.p);
    mem_free((void *)c->cancel_reason.p);
    c->method_name = c->cancel_reason = STR_NONE;
    mem_free(c->trouble);
    c->trouble = NULL;
}

// Itself and what it alone has.
static void free_own(struct txn *t)
{
    list_del(&t->link);
    txn_forget_kept(t);
    if (t->is_server) {
        struct txn_server *st = (struct txn_server *)t;
        if (st->key != st->key_buf)
            mem_free(st->key);
    } else {
        free_parts((struct txn_client *)t);
    }
    give_back(t);
}

static void free_txn(struct txn *t)
{
    struct txn_layer *l = t->layer;
    slots_remove(&l->ids, t->id);
    *(t->is_server ? &l->n_servers : &l->n_clients) -= 1;
    free_own(t);
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

void txn_retire(struct txn *t)
{
    if (t->is_server)
        ((struct txn_server *)t)->listed = false; // the key is the tombstone's
    close_count(t);
    detach(t);
    free_own(t);
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

void txn_end(struct txn *t)
{
    struct txn_layer *l = t->layer;
    close_count(t);
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

void txn_cancel_over(struct txn_layer *l, txn_id invite)
{
    struct txn_client *c = (struct txn_client *)txn_find(l, invite);
    if (!c)
        return;
    c->cancel = 0;
    if (c->zombie)
        free_txn(&c->t);
}

static void reap_client(struct txn_client *c)
{
    if (c->cb)
        c->cb(c->arg, c->t.id, TXN_ENDED, 0, NULL);
    if (c->once_done)
        c->once_done(c->arg);
    txn_cancel_over(c->t.layer, c->parent);
    if (!txn_find(c->t.layer, c->cancel)) { // there is none, or it has its answer
        free_txn(&c->t);
        return;
    }
    c->zombie = true; // responses to its CANCEL are found through it
    c->cb = NULL;
    c->once_done = NULL;
}

// Overload control learns of the first answer that is more than a 100.
void server_heard(struct txn_server *st, unsigned status)
{
    if (st->heard || status <= 100)
        return;
    struct txn_layer *l = st->t.layer;
    st->heard = true;
    overload_answered(l->overload, loop_now(l->loop), &st->asked, status / 100 != 5);
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

void txn_end_of_turn(void *layer)
{
    struct txn_layer *l = layer;
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

static void free_list(struct list *l)
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

void txn_free_all(struct txn_layer *l)
{
    // Zombies are in no list but hang from their CANCEL.
    for (uint32_t i = 0; i < l->ids.n; i++) {
        struct txn *t = l->ids.v[i].obj;
        if (t && !t->entry.is_tomb && !t->is_server && ((struct txn_client *)t)->zombie)
            list_add(&l->dead, &t->link);
    }
    free_list(&l->live);
    free_list(&l->dead);
    free_cache(&l->free_clients);
    free_cache(&l->free_servers);
}

// ---- what everybody here looks at ----

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
