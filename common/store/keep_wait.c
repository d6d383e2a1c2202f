// SPDX-License-Identifier: Apache-2.0
// Who waits for one write, and who waits for several.
#include "base/err.h"
#include "store/keep_priv.h"

// ---- waiters ----

void keep_tell(struct keep_waiter *w, int err)
{
    while (w) {
        struct keep_waiter *next = w->next;
        if (w->cb)
            w->cb(w->arg, w->id, err);
        mem_free(w);
        w = next;
    }
}

void keep_waiters_append(struct keep_waiter **to, struct keep_waiter *more)
{
    while (*to)
        to = &(*to)->next;
    *to = more;
}

int keep_waiter_add(struct keep_waiter **to, keep_cb cb, void *arg, uint64_t id)
{
    struct keep_waiter *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    *w = (struct keep_waiter){.cb = cb, .arg = arg, .id = id};
    keep_waiters_append(to, w);
    return 0;
}

void keep_waiters_free(struct keep_waiter *w)
{
    while (w) {
        struct keep_waiter *next = w->next;
        mem_free(w);
        w = next;
    }
}

// ---- gathers ----

struct keep_gather *keep_gather_new(struct keep *k)
{
    struct keep_gather *g = mem_alloc(sizeof(*g));
    if (!g)
        return NULL;
    *g = (struct keep_gather){.keep = k, .left = 1};
    list_init(&g->link);
    list_add(&k->gathers, &g->link);
    return g;
}

void keep_gathered(void *arg, uint64_t id, int err)
{
    struct keep_gather *g = arg;
    (void)id;
    g->err = err ? err : g->err;
    if (--g->left)
        return;
    struct keep_waiter *waiters = g->waiters;
    err = g->err;
    list_del(&g->link);
    mem_free(g);
    keep_tell(waiters, err);
}

int keep_gather(struct keep_gather *g, struct keep_waiter **from)
{
    int err = keep_waiter_add(from, keep_gathered, g, 0);
    g->left += !err;
    return err;
}

int keep_gather_again(struct keep_gather *g, uint64_t mark)
{
    struct keep *k = g->keep;
    int err = 0;
    for (struct list *i = k->again.prev; !err && i != &k->again; i = i->prev) {
        struct keep_item *it = LIST_ENTRY(i, struct keep_write, again)->item;
        if (it->seq <= mark)
            break;
        err = keep_gather(g, &it->waiters);
    }
    return err;
}

int keep_gather_changed(struct keep_gather *g, uint64_t mark)
{
    struct keep *k = g->keep;
    int err = 0;
    for (struct list *i = k->changed.prev; !err && i != &k->changed; i = i->prev) {
        struct keep_item *it = LIST_ENTRY(i, struct keep_item, link);
        if (it->seq <= mark)
            break;
        err = keep_gather(g, &it->waiters);
    }
    return err;
}
