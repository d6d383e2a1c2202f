// SPDX-License-Identifier: Apache-2.0
// One received request: what is known of it, and its life from the pool and back.
#include "base/err.h"
#include "stack/proxy/proxy_priv.h"

pxy_id pxy_get_id(const struct pxy *p)
{
    return p->id;
}

struct pxy *pxy_layer_find(const struct pxy_layer *l, pxy_id id)
{
    return slots_find(&l->ids, id);
}

const struct sip_msg *pxy_request(const struct pxy *p)
{
    return p->req;
}

flow_id pxy_flow(const struct pxy *p)
{
    return p->flow;
}

const struct flow_info *pxy_source(const struct pxy *p)
{
    return &p->source;
}

struct arena *pxy_arena(struct pxy *p)
{
    return &p->arena;
}

const struct sip_uri *pxy_own_route(const struct pxy *p)
{
    return p->own_route;
}

struct sip_edits *pxy_edits(struct pxy *p)
{
    return &p->edits;
}

const char *pxy_starved(struct pxy *p)
{
    const struct arena *own = &p->arena, *req = sip_msg_arena(p->req);
    if (!own->failed && !req->failed)
        return NULL;
    if (!own->full && !req->full)
        return err_text(ERR_NOMEM);
    if (!p->starved)
        transport_count_beyond(p->layer->transport, SIP_LIMIT_MEMORY);
    p->starved = true;
    return sip_limit_rows[SIP_LIMIT_MEMORY].what;
}

const char *pxy_trouble(const struct pxy *p)
{
    return p->trouble;
}

uint32_t pxy_time_left(const struct pxy *p, uint32_t leg_ms)
{
    uint64_t age = loop_now(p->layer->loop) / 1000000 - p->born;
    return leg_ms > age ? (uint32_t)(leg_ms - age) : 0;
}

void pxy_set_ctx(struct pxy *p, void *ctx, void (*free_ctx)(void *ctx))
{
    p->ctx = ctx;
    p->free_ctx = free_ctx;
}

// ---- life ----

static void ack_expired(void *arg)
{
    struct pxy *p = arg;
    p->answered = true;
    pxy_settle(p);
}

static struct pxy *pool_take(struct pxy_layer *l)
{
    if (list_empty(&l->pool))
        return mem_alloc(sizeof(struct pxy));
    struct pxy *p = LIST_ENTRY(l->pool.prev, struct pxy, link);
    list_del(&p->link);
    l->n_pool--;
    return p;
}

static void pool_give(struct pxy_layer *l, struct pxy *p)
{
    if (!MEM_RECYCLES || l->n_pool >= PXY_POOL_MAX) {
        mem_free(p);
        return;
    }
    list_add(&l->pool, &p->link);
    l->n_pool++;
}

struct pxy *pxy_new(struct pxy_layer *l, txn_id server, struct sip_msg *m, flow_id flow)
{
    struct pxy *p = pool_take(l);
    if (!p)
        return NULL;
    memset(p, 0, offsetof(struct pxy, inline_mem));
    p->id = slots_add(&l->ids, p);
    if (!p->id) {
        pool_give(l, p);
        return NULL;
    }
    p->layer = l;
    p->server = server;
    p->born = loop_now(l->loop) / 1000000;
    p->flow = flow;
    (void)transport_flow_info(l->transport, flow, &p->source);
    p->req = sip_msg_ref(m);
    p->invite = sip_msg_method(m) == SIP_INVITE;
    p->ack = sip_msg_method(m) == SIP_ACK;
    list_init(&p->branches);
    list_init(&p->ack_link);
    timer_init(&p->timer, ack_expired, p);
    arena_init(&p->arena, p->inline_mem, sizeof p->inline_mem);
    arena_set_max(&p->arena, transport_memory(l->transport, sip_msg_bytes(m).n));
    sip_edits_init(&p->edits, &p->arena, p->req);
    list_add(&l->all, &p->link);
    l->n_live++;
    if (server)
        txn_server_set_owner(l->txns, server, p);
    return p;
}

// The arena, where the branches and often the owner's context live, goes last.
static void pxy_free(struct pxy *p)
{
    struct pxy_layer *l = p->layer;
    slots_remove(&l->ids, p->id);
    list_del(&p->link);
    list_del(&p->ack_link);
    l->n_live--;
    timer_stop(&p->timer);
    if (p->free_ctx)
        p->free_ctx(p->ctx);
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        timer_stop(&b->timer_c);
        sip_msg_unref(b->msg);
    }
    sip_msg_unref(p->req);
    arena_done(&p->arena);
    pool_give(l, p);
}

void pxy_release_leaving(void *arg)
{
    struct pxy_layer *l = arg;
    while (!list_empty(&l->leaving)) {
        struct pxy *p = LIST_ENTRY(l->leaving.next, struct pxy, link);
        LIST_EACH(&p->branches, it) {
            struct branch *b = LIST_ENTRY(it, struct branch, link);
            if (b->txn)
                pxy_late_keep(b);
        }
        if (p->server)
            txn_server_set_owner(p->layer->txns, p->server, NULL);
        pxy_free(p);
    }
}

// Only a further 2xx can still come, and finds its way without the pxy.
static bool only_lates(const struct pxy *p)
{
    if (!p->accepted || p->n_open)
        return false;
    LIST_EACH(&p->branches, it) {
        const struct branch *b = LIST_ENTRY(it, struct branch, link);
        if (b->txn && !pxy_late_will_do(b))
            return false;
    }
    return true;
}

void pxy_settle(struct pxy *p)
{
    if (p->leaving || !p->answered || timer_active(&p->timer) || (p->n_live && !only_lates(p)))
        return;
    struct pxy_layer *l = p->layer;
    p->leaving = true;
    list_del(&p->link);
    list_add(&l->leaving, &p->link);
    loop_defer(p->layer->loop, &l->release);
}

void pxy_free_all(struct pxy_layer *l)
{
    list_splice(&l->all, &l->leaving);
    while (!list_empty(&l->all))
        pxy_free(LIST_ENTRY(l->all.next, struct pxy, link));
    while (!list_empty(&l->pool)) {
        struct pxy *p = LIST_ENTRY(l->pool.next, struct pxy, link);
        list_del(&p->link);
        mem_free(p);
    }
}
