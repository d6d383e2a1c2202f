// SPDX-License-Identifier: Apache-2.0
// How a flow begins: the room that it takes, which another may have to leave.
#include "base/err.h"
#include "stack/transport/transport_priv.h"

// Takes the least recently used flow without a transaction out of a full table.
static bool evict(struct list *lru)
{
    unsigned looked = 0;
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (++looked > FLOW_LOOKED_AT)
            return false;
        if (!list_empty(&f->users) || (f->stream && f->stream->reading))
            continue;
        if (f->stream)
            stream_close(f, ERR_FULL, true);
        else
            flow_close(f, ERR_FULL);
        return true;
    }
    return false;
}

// Strangers have a share of their own, and are the first to go when everything is taken.
static bool make_room(struct transport *t, enum sip_proto proto, enum flow_class of)
{
    bool udp = proto == SIP_PROTO_UDP;
    struct list *lru = udp ? t->udp : t->tcp;
    const size_t *n = udp ? t->n_udp : t->n_tcp;
    size_t share = udp ? t->limits.flows : 0;
    if (of == FLOW_OF_STRANGER && share && n[FLOW_OF_STRANGER] >= share) {
        t->count.drop_flows++;
        return evict(&lru[FLOW_OF_STRANGER]);
    }
    if (flows_of(n) < (udp ? FLOW_MAX_UDP : FLOW_MAX_TCP))
        return true;
    return evict(&lru[FLOW_OF_STRANGER]) || (of == FLOW_OF_KNOWN && evict(&lru[FLOW_OF_KNOWN]));
}

int flow_new(struct listener *l, const struct addr *local, const struct addr *remote,
             struct flow **ret_flow)
{
    struct transport *t = l->transport;
    struct flow guest;
    flow_guest(&guest, l, local, remote);
    guest.last_ms = loop_now(t->loop) / 1000000;
    enum stack_standing standing = standing_of(&guest);
    guest.in_class = standing == STACK_STRANGER ? FLOW_OF_STRANGER : FLOW_OF_KNOWN;
    if (!make_room(t, l->proto, guest.in_class))
        return ERR_FULL;
    struct flow *f = mem_alloc(sizeof *f);
    if (!f)
        return ERR_NOMEM;
    *f = guest;
    list_init(&f->users);
    list_init(&f->lru);
    list_init(&f->of_source);
    int err = flow_put(f);
    if (err) {
        mem_free(f);
        return err;
    }
    *ret_flow = f;
    return 0;
}

struct flow *flow_settle(struct flow *f)
{
    struct flow *real;
    if (f->id)
        return f;
    real = flow_lookup(f->listener, &f->info.remote);
    if (!real && flow_new(f->listener, &f->info.local, &f->info.remote, &real))
        return NULL;
    real->got = f->got;
    return real;
}
