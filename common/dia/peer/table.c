// SPDX-License-Identifier: Apache-2.0
// Peers come into being: configured ones, and those that a node which takes anybody takes.
#include "base/err.h"
#include "base/mem.h"
#include "dia/peer/peer_priv.h"

static void second_timer(void *arg)
{
    dia_peer_event(arg, PEER_SECOND, NULL);
}

static void watchdog_timer(void *arg)
{
    dia_watchdog_event(arg, WD_TIMER);
}

struct dia_peer *dia_peer_new(struct dia_peer_layer *l, struct str host, struct str realm)
{
    struct dia_peer *p = mem_zalloc(sizeof *p + l->user->room);
    if (!p)
        return NULL;
    p->layer = l;
    p->info.id = ++l->next_peer;
    p->info.host = str_dup(host);
    p->info.realm = str_dup(realm.n ? realm : l->self->realm);
    p->info.weight = 1;
    p->retry_ms = dia_peer_first_ms(l);
    timer_init(&p->timer, dia_peer_timer, p);
    timer_init(&p->wd.timer, watchdog_timer, p);
    timer_init(&p->second_timer, second_timer, p);
    fsm_start(&dia_peer_fsm, &p->state);
    fsm_start(&dia_watchdog_fsm, &p->wd.state);
    p->lost_ms = dia_peers_ms(l);
    list_add(&l->peers, &p->link);
    l->user->added(l->user_arg, p);
    if (!p->info.host.p || !p->info.realm.p) {
        dia_peer_free(p);
        return NULL;
    }
    return p;
}

static int take_from(struct dia_peer *p, const struct dia_peer_params *q)
{
    int r = 0;
    if (!q->n_from)
        return 0;
    p->from = mem_alloc(q->n_from * sizeof *p->from);
    if (!p->from)
        return ERR_NOMEM;
    for (; p->n_from < q->n_from && r == 0; p->n_from++)
        r = dia_net_parse(q->from[p->n_from], &p->from[p->n_from]);
    return r;
}

int dia_peers_add(struct dia_peer_layer *l, const struct dia_peer_params *q)
{
    if (q->transport != DIA_TCP)
        return ERR_UNSUPPORTED;
    if (q->host.n == 0)
        return ERR_INVAL;
    if (dia_peer_find(l, q->host))
        return ERR_EXISTS;
    struct dia_peer *p = dia_peer_new(l, q->host, q->realm);
    if (!p)
        return ERR_NOMEM;
    p->remote = q->remote;
    p->local = q->local;
    p->info.priority = q->priority;
    p->info.weight = q->weight ? q->weight : 1;
    p->info.relay = q->relay;
    int r = take_from(p, q);
    if (r)
        dia_peer_free(p);
    else
        dia_peer_event(p, PEER_WANTED, NULL);
    return r;
}

struct dia_peer *dia_peer_dynamic(struct dia_peer_layer *l, struct str host, struct str realm)
{
    if (l->n_dynamic >= DIA_MAX_DYNAMIC)
        return NULL;
    struct dia_peer *p = dia_peer_new(l, host, realm);
    if (!p)
        return NULL;
    p->info.dynamic = true;
    l->n_dynamic++;
    return p;
}
