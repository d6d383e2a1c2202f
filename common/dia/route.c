// SPDX-License-Identifier: Apache-2.0
// The next hop of a request, RFC 6733 6.1.4 to 6.1.6: the host that it names, else a relay towards it,
// else any peer of the realm; by priority, and by weight within one priority.
#include "base/err.h"
#include "dia/node_priv.h"

static bool speaks(const struct dia_peer *p, uint32_t app)
{
    for (size_t i = 0; i < p->apps.n; i++)
        if (p->apps.id[i] == app)
            return true;
    return p->apps.relay;
}

bool dia_peer_serves(const struct dia_peer *p, struct str realm)
{
    return str_eq(p->realm, STR("*")) || str_ieq(p->realm, realm.n ? realm : p->node->realm);
}

static bool tried(const struct dia_want *w, const struct dia_peer *p)
{
    for (unsigned i = 0; i < w->n_tried; i++)
        if (w->tried[i] == p->id)
            return true;
    return false;
}

// 2: the very host; 1: may carry it; 0: no.
static int fits(const struct dia_peer *p, const struct dia_want *w)
{
    if (!dia_peer_usable(p) || !speaks(p, w->app) || tried(w, p))
        return 0;
    if (w->host.n && str_ieq(p->host, w->host))
        return 2;
    if (!dia_peer_serves(p, w->realm))
        return 0;
    return w->host.n == 0 || p->relay;
}

static bool full(const struct dia_peer *p)
{
    struct dia_conn *c = dia_peer_conn(p);
    return p->n_pending >= p->node->max_pending || tcp_unsent(c->tcp) >= p->node->max_buffered;
}

// Lower is better: those that answer before those that are avoided.
static uint32_t rank(const struct dia_peer *p)
{
    return (uint32_t)dia_peer_avoided(p) << 16 | p->priority;
}

// Smooth weighted round robin among the peers of one rank: each gains its weight, the one that
// has most is taken and pays the sum.
static struct dia_peer *balance(struct dia_node *n, const struct dia_want *w, uint32_t wanted)
{
    struct dia_peer *best = NULL;
    int sum = 0;
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (rank(p) != wanted || !fits(p, w) || full(p))
            continue;
        p->load += p->weight;
        sum += p->weight;
        if (!best || p->load > best->load)
            best = p;
    }
    if (best)
        best->load -= sum;
    return best;
}

int dia_route(struct dia_node *n, const struct dia_want *w, struct dia_peer **ret_peer)
{
    struct dia_peer *only = NULL;
    int n_fit = 0, n_full = 0;
    uint32_t best = UINT32_MAX;
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        int fit = fits(p, w);
        if (!fit)
            continue;
        if (full(p)) {
            n_full++;
            continue;
        }
        if (fit == 2) {
            *ret_peer = p;
            return 0;
        }
        n_fit++;
        only = p;
        if (rank(p) < best)
            best = rank(p);
    }
    if (n_fit == 0)
        return n_full ? ERR_FULL : ERR_REFUSED;
    *ret_peer = n_fit == 1 ? only : balance(n, w, best);
    return 0;
}

bool dia_route_wake(struct dia_node *n, const struct dia_want *w)
{
    bool coming = false;
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        bool named = w->host.n && str_ieq(p->host, w->host);
        if (p->dead || (!named && (!dia_peer_serves(p, w->realm) || (w->host.n && !p->relay))))
            continue;
        dia_peer_wake(p);
        coming |= dia_peer_coming(p);
    }
    return coming;
}
