// SPDX-License-Identifier: Apache-2.0
// One peer: what is known of it, its end, and whether it may be asked.
#include "base/mem.h"
#include "dia/peer/peer_priv.h"

struct dia_peer *dia_peer_find(struct dia_peer_layer *l, struct str host)
{
    LIST_EACH(&l->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (!p->dead && str_ieq(p->info.host, host))
            return p;
    }
    return NULL;
}

void dia_peer_drop(struct dia_conn **c)
{
    dia_conn_close(*c, false);
    *c = NULL;
}

void dia_peer_free(struct dia_peer *p)
{
    struct dia_peer_layer *l = p->layer;
    dia_peer_drop(&p->i);
    dia_peer_drop(&p->r);
    dia_peer_drop(&p->second);
    timer_stop(&p->timer);
    timer_stop(&p->second_timer);
    timer_stop(&p->wd.timer);
    mem_free(p->from);
    dia_counts_add(dia_link_counts(l->link), &p->counts);
    l->n_dynamic -= p->info.dynamic;
    l->user->removed(l->user_arg, p);
    list_del(&p->link);
    mem_free((char *)p->info.host.p);
    mem_free((char *)p->info.realm.p);
    mem_free(p);
}

const struct dia_peer_info *dia_peer_info(const struct dia_peer *p)
{
    return &p->info;
}

struct dia_counts *dia_peer_counts(struct dia_peer *p)
{
    return &p->counts;
}

void *dia_peer_room(const struct dia_peer *p)
{
    return (void *)p->room;
}

struct dia_conn *dia_peer_conn(const struct dia_peer *p)
{
    return p->state == PEER_R_OPEN ? p->r : p->state == PEER_I_OPEN ? p->i : NULL;
}

bool dia_peer_is_usable(const struct dia_peer *p)
{
    return p->wd.state == WD_OKAY && dia_peer_conn(p) && !p->layer->draining;
}

void dia_peer_told(struct dia_peer *p)
{
    struct dia_peer_layer *l = p->layer;
    bool open = dia_peer_is_usable(p);
    if (open == p->told_open)
        return;
    p->told_open = open;
    p->told_err = open ? 0 : p->told_err;
    if (open)
        l->user->usable(l->user_arg, p);
    if (l->state)
        l->state(l->state_arg, p->info.host, open);
}
