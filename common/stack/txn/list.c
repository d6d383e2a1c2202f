// SPDX-License-Identifier: Apache-2.0
// Transactions for people: what is there, in which state, since when.
#include "stack/txn/txn_priv.h"

static struct txn_line line_of(const struct txn *t)
{
    const struct txn_server *st = (const struct txn_server *)t;
    const struct txn_client *c = (const struct txn_client *)t;
    struct txn_line line = {
        .id = t->id,
        .machine = t->fsm->name,
        .state = txn_state_names[t->state],
        .method = sip_method_name(t->method),
        .age_ms = loop_now(t->layer->loop) / 1000000 - t->born,
        .timer = t->timeout_timer ? txn_timers[t->timeout_timer].name : NULL,
    };
    if (t->is_server && st->user)
        line.user = st->user->ops->name;
    if (!t->is_server && c->method_name.n)
        line.method = c->method_name;
    if (t->flow)
        line.peer = flow_get_info(t->flow)->remote;
    return line;
}

static size_t list(const struct list *txns, size_t max, txn_list_cb cb, void *arg)
{
    size_t n = 0;
    for (const struct list *it = txns->next; it != txns && n < max; it = it->next, n++) {
        struct txn_line line = line_of(LIST_ENTRY(it, struct txn, link));
        cb(arg, &line);
    }
    return n;
}

size_t txn_list(const struct txn_layer *l, size_t max, txn_list_cb cb, void *arg)
{
    size_t n = list(&l->live, max, cb, arg);
    return n + tombs_list(l, max - n, cb, arg);
}

size_t txn_held(const struct txn_layer *l)
{
    return l->n_clients + l->n_servers;
}
