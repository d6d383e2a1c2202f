// SPDX-License-Identifier: Apache-2.0
// The layer: what the transactions tell it, and its life.
#include "base/err.h"
#include "base/writer.h"
#include "stack/proxy/proxy_priv.h"

// How long the owner of an ACK may take to forward it: nobody waits for it any longer (64*T1).
enum { ACK_HOLD_MS = 32000 };

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
    list_init(&l->lates);
    for (size_t i = 0; i < PXY_ACK_BUCKETS; i++)
        list_init(&l->await_ack[i]);
    deferred_init(&l->release, pxy_release_leaving, l);
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
    pxy_free_all(l);
    pxy_late_free_all(l);
    slots_done(&l->ids);
    mem_free(l);
}

void pxy_stats(const struct pxy_layer *l, stack_stat_cb cb, void *arg)
{
    cb(arg, "sip_requests_held", "", l->n_live);
    cb(arg, "sip_requests_spare", "", l->n_pool);
    cb(arg, "sip_requests_accepted", "", l->n_lates);
}
