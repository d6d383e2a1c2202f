// SPDX-License-Identifier: Apache-2.0
#include "stack/proxy/proxy_priv.h"

#include "base/err.h"
#include "base/writer.h"

// A recycled pxy would hide a use after free from the sanitizer.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECYCLE 0
#endif
#endif
#ifndef RECYCLE
#ifdef __SANITIZE_ADDRESS__
#define RECYCLE 0
#else
#define RECYCLE 1
#endif
#endif

// How long the owner of an ACK may take to forward it: nobody waits for it any longer (64*T1).
enum { ACK_HOLD_MS = 32000 };

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
    if (!RECYCLE || l->n_pool >= PXY_POOL_MAX) {
        mem_free(p);
        return;
    }
    list_add(&l->pool, &p->link);
    l->n_pool++;
}

static struct pxy *pxy_new(struct pxy_layer *l, txn_id server, struct sip_msg *m, flow_id flow)
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
    l->n_live--;
    pxy_ok_stop(p);
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

static void release_leaving(void *arg)
{
    struct pxy_layer *l = arg;
    while (!list_empty(&l->leaving)) {
        struct pxy *p = LIST_ENTRY(l->leaving.next, struct pxy, link);
        if (p->server)
            txn_server_set_owner(p->layer->txns, p->server, NULL);
        pxy_free(p);
    }
}

void pxy_settle(struct pxy *p)
{
    if (p->leaving || !p->answered || p->n_live || timer_active(&p->timer))
        return;
    struct pxy_layer *l = p->layer;
    p->leaving = true;
    list_del(&p->link);
    list_add(&l->leaving, &p->link);
    loop_defer(p->layer->loop, &l->release);
}

// ---- from the transaction layer ----

static void on_request(void *layer, txn_id id, struct sip_msg *m, flow_id flow)
{
    struct pxy_layer *l = layer;
    struct pxy *p = pxy_new(l, id, m, flow);
    if (!p) {
        struct txn_answer a = {.status = 503};
        (void)txn_server_answer(l->txns, id, m, &a);
        return;
    }
    if (pxy_check(p))
        l->owner.request(l->owner_arg, p);
}

static void on_ack(void *layer, struct sip_msg *m, flow_id flow)
{
    struct pxy_layer *l = layer;
    pxy_ok_acked(l, m);
    struct pxy *p = pxy_new(l, 0, m, flow);
    if (p && pxy_check(p)) {
        timer_start(l->loop, &p->timer, ACK_HOLD_MS);
        l->owner.request(l->owner_arg, p);
        // Nothing left to come back to it with: the owner did not want it.
        if (timer_active(&p->timer) && !p->ctx)
            (void)pxy_reply(p, 0, STR_NONE, NULL);
    }
}

static bool awaits_ack(void *layer, const struct sip_msg *ack)
{
    return pxy_awaits_ack(layer, ack);
}

static void on_cancel(void *layer, txn_id id, void *owner, const struct sip_msg *cancel)
{
    struct pxy_layer *l = layer;
    struct pxy *p = owner;
    (void)id;
    if (!p)
        return;
    p->cancelled = true;
    if (l->owner.cancelled)
        l->owner.cancelled(l->owner_arg, p);
    pxy_cancel_branches(p, sip_msg_raw(cancel, SIP_H_REASON));
    // RFC 3261 16.10: the branches' 487 goes upstream. Without a branch we are the last element.
    if (!p->n_open && !p->answered)
        (void)pxy_reply(p, 487, STR_NONE, NULL);
}

static void on_trying_due(void *layer, txn_id id, void *owner)
{
    struct pxy_layer *l = layer;
    struct pxy *p = owner;
    struct writer w = txn_scratch(l->txns);
    if (sip_write_response(p->req, 100, STR_NONE, STR_NONE, NULL, &w) == 0)
        (void)txn_server_reply(l->txns, id, 100, writer_done(&w));
}

static void on_server_end(void *layer, txn_id id, void *owner, int err)
{
    struct pxy *p = owner;
    (void)layer;
    (void)id;
    if (err)
        log_text(LOG_DEBUG, "server transaction ended: %s", err_name(err));
    // RFC 3261 16.9: what is under way downstream is not cancelled.
    p->server = 0;
    p->answered = true;
    pxy_ok_stop(p);
    pxy_settle(p);
}

static unsigned stateless(void *layer, const struct sip_msg *m, bool refused, struct str *ret_reason,
                          struct sip_edits *extra)
{
    if (!refused && !options_is_ours(layer, m))
        return 0;
    unsigned status = pxy_check_stateless(layer, m, ret_reason, extra);
    if (status || refused)
        return status;
    options_describe(layer, extra);
    return 200;
}

static const struct txn_user_ops user_ops = {
    .name = "proxy",
    .request = on_request,
    .ack = on_ack,
    .awaits_ack = awaits_ack,
    .cancelled = on_cancel,
    .trying_due = on_trying_due,
    .server_end = on_server_end,
    .stateless = stateless,
};

// ---- layer ----

int pxy_layer_new(const struct pxy_params *p, struct pxy_layer **ret_layer)
{
    struct pxy_layer *l = mem_zalloc(sizeof *l);
    struct txn_user *user;
    if (!l)
        return ERR_NOMEM;
    l->txns = p->txns;
    l->transport = txn_transport(p->txns);
    l->loop = txn_loop(p->txns);
    l->owner = p->owner;
    l->owner_arg = p->owner_arg;
    memcpy(l->proxy_require, p->proxy_require, sizeof l->proxy_require);
    l->supported = p->supported;
    list_init(&l->all);
    list_init(&l->pool);
    list_init(&l->leaving);
    for (size_t i = 0; i < PXY_ACK_BUCKETS; i++)
        list_init(&l->await_ack[i]);
    deferred_init(&l->release, release_leaving, l);
    int err = txn_user_add(l->txns, &user_ops, l, &user);
    if (err) {
        pxy_layer_free(l);
        return err;
    }
    *ret_layer = l;
    return 0;
}

void pxy_layer_free(struct pxy_layer *l)
{
    if (!l)
        return;
    deferred_cancel(&l->release);
    list_splice(&l->all, &l->leaving);
    while (!list_empty(&l->all))
        pxy_free(LIST_ENTRY(l->all.next, struct pxy, link));
    while (!list_empty(&l->pool)) {
        struct pxy *p = LIST_ENTRY(l->pool.next, struct pxy, link);
        list_del(&p->link);
        mem_free(p);
    }
    slots_done(&l->ids);
    mem_free(l);
}

void pxy_stats(const struct pxy_layer *l, stack_stat_cb cb, void *arg)
{
    cb(arg, "sip_requests_held", "", l->n_live);
    cb(arg, "sip_requests_spare", "", l->n_pool);
}
