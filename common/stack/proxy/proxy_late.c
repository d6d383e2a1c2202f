// SPDX-License-Identifier: Apache-2.0
// A 2xx on its way up, with its request or without it. A proxy passes on each 2xx of an INVITE, of whichever fork
// downstream, as long as the transactions are there (RFC 3261 16.7 step 5, RFC 6026 7.2). For that it needs neither
// request nor response context, which are freed once all branches have their final responses: of each accepted branch
// what its owner needs for such a response stays behind, and hangs on the tombstone of its transaction.
#include "base/err.h"
#include "base/writer.h"
#include "stack/proxy/proxy_priv.h"

struct late {
    struct list link;
    struct pxy_layer *layer;
    txn_id server;
    const struct pxy_forward_ops *ops;
    void *nf;
    size_t n;
    char kept[];
};

// ---- on its way ----

bool pxy_edits_up(struct sip_msg *msg, struct sip_edits *e)
{
    sip_edits_init(e, sip_msg_arena(msg), msg);
    sip_edit_remove_at(e, SIP_H_VIA, 0);
    if (!sip_msg_has(msg, SIP_H_CONTENT_LENGTH))
        sip_edit_set(e, SIP_H_CONTENT_LENGTH,
                     arena_printf(sip_msg_arena(msg), "%zu", sip_msg_body(msg).n));
    return sip_msg_at(msg, SIP_H_VIA, 1) != NULL;
}

int pxy_pass_up(struct txn_layer *l, txn_id server, unsigned status, const struct sip_msg *msg,
                const struct sip_edits *up)
{
    struct writer w = txn_scratch(l);
    int err = sip_msg_write(msg, up, &w);
    return err ? err : txn_server_reply(l, server, status, writer_done(&w));
}

// ---- without the request ----

static void late_free(struct late *k)
{
    list_del(&k->link);
    k->layer->n_lates--;
    mem_free(k);
}

static void pass_late(const struct late *k, unsigned status, struct sip_msg *msg)
{
    struct sip_edits e;
    if (!pxy_edits_up(msg, &e))
        return;
    if (k->ops && k->ops->late)
        k->ops->late(k->nf, str_make(k->kept, k->n), msg, &e);
    (void)pxy_pass_up(k->layer->txns, k->server, status, msg, &e); // one that cannot be passed on is sent again
}

static void on_late(void *arg, txn_id id, enum txn_client_event ev, unsigned status, struct sip_msg *msg)
{
    struct late *k = arg;
    (void)id;
    if (ev == TXN_ENDED)
        late_free(k);
    else if (ev == TXN_RESPONSE && status / 100 == 2)
        pass_late(k, status, msg);
}

// ---- from the branch ----

bool pxy_late_will_do(const struct branch *b)
{
    return b->accepted && !b->open && (!b->ops || !b->ops->response || b->ops->late);
}

static struct late *late_new(struct branch *b)
{
    struct pxy *p = b->pxy;
    struct writer w = txn_scratch(p->layer->txns);
    if (b->ops && b->ops->keep)
        b->ops->keep(b->nf, p, b->ctx, &w);
    struct late *k = w.failed ? NULL : mem_alloc(sizeof *k + w.n);
    if (!k)
        return NULL;
    *k = (struct late){.layer = p->layer, .server = p->server, .ops = b->ops, .nf = b->nf, .n = w.n};
    if (w.n)
        memcpy(k->kept, w.p, w.n);
    list_add(&p->layer->lates, &k->link);
    p->layer->n_lates++;
    return k;
}

// Without memory a further 2xx is one without a transaction, which nobody forwards (RFC 6026 7.3).
void pxy_late_keep(struct branch *b)
{
    struct txn_layer *l = b->pxy->layer->txns;
    struct late *k = b->pxy->server ? late_new(b) : NULL;
    if (k && txn_client_hand_over(l, b->txn, on_late, k, sizeof *k + k->n) == 0) {
        b->txn = 0;
        return;
    }
    if (k)
        late_free(k);
    txn_client_forget(l, b->txn);
    b->txn = 0;
}

void pxy_late_free_all(struct pxy_layer *l)
{
    while (!list_empty(&l->lates))
        late_free(LIST_ENTRY(l->lates.next, struct late, link));
}

// ---- what is kept, as owners write and read it ----

void pxy_keep_bytes(struct writer *w, const void *p, size_t n)
{
    writer_str(w, str_make(p, n));
}

void pxy_keep_str(struct writer *w, struct str s)
{
    uint32_t n = (uint32_t)s.n;
    pxy_keep_bytes(w, &n, sizeof n);
    writer_str(w, s);
}

void pxy_kept_bytes(struct str *kept, void *p, size_t n)
{
    memset(p, 0, n);
    if (kept->n < n)
        return;
    memcpy(p, kept->p, n);
    *kept = str_skip(*kept, n);
}

struct str pxy_kept_str(struct str *kept)
{
    uint32_t n;
    if (kept->n < sizeof n)
        return STR_NONE;
    pxy_kept_bytes(kept, &n, sizeof n);
    struct str s = str_head(*kept, n);
    *kept = str_skip(*kept, n);
    return s;
}
