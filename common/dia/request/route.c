// SPDX-License-Identifier: Apache-2.0
// The next hop of a request, RFC 6733 6.1.4 to 6.1.6: the host that it names, else a relay towards
// it, else any peer of the realm; by priority, and by weight within one priority.
#include "base/err.h"
#include "dia/request/request_priv.h"

static bool speaks(const struct dia_hop *h, uint32_t app)
{
    for (size_t i = 0; i < h->info->apps.n; i++)
        if (h->info->apps.id[i] == app)
            return true;
    return h->info->apps.relay;
}

static bool serves(const struct dia_hop *h, struct str realm)
{
    return str_eq(h->info->realm, STR("*")) ||
           str_ieq(h->info->realm, realm.n ? realm : h->layer->self->realm);
}

static bool tried(const struct dia_want *w, const struct dia_hop *h)
{
    for (unsigned i = 0; i < w->n_tried; i++)
        if (w->tried[i] == h->info->id)
            return true;
    return false;
}

// 2: the very host; 1: may carry it; 0: no.
static int fits(const struct dia_hop *h, const struct dia_want *w)
{
    if (!dia_peer_is_usable(h->peer) || !speaks(h, w->app) || tried(w, h))
        return 0;
    if (w->host.n && str_ieq(h->info->host, w->host))
        return 2;
    if (!serves(h, w->realm))
        return 0;
    return w->host.n == 0 || h->info->relay;
}

static bool full(const struct dia_hop *h)
{
    return h->n_pending >= h->layer->max_pending || dia_conn_is_full(dia_peer_conn(h->peer));
}

// Lower is better: those that answer before those that are avoided.
static uint32_t rank(const struct dia_hop *h)
{
    return (uint32_t)dia_hop_avoided(h) << 16 | h->info->priority;
}

// Smooth weighted round robin among the peers of one rank: each gains its weight, the one that
// has most is taken and pays the sum.
static struct dia_hop *balance(struct dia_request_layer *l, const struct dia_want *w,
                               uint32_t wanted)
{
    struct dia_hop *best = NULL;
    int sum = 0;
    LIST_EACH(&l->hops, it) {
        struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        if (rank(h) != wanted || !fits(h, w) || full(h))
            continue;
        h->load += h->info->weight;
        sum += h->info->weight;
        if (!best || h->load > best->load)
            best = h;
    }
    if (best)
        best->load -= sum;
    return best;
}

int dia_route(struct dia_request_layer *l, const struct dia_want *w, struct dia_hop **ret_hop)
{
    struct dia_hop *only = NULL;
    int n_fit = 0, n_full = 0;
    uint32_t best = UINT32_MAX;
    LIST_EACH(&l->hops, it) {
        struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        int fit = fits(h, w);
        if (!fit)
            continue;
        if (full(h)) {
            n_full++;
            continue;
        }
        if (fit == 2) {
            *ret_hop = h;
            return 0;
        }
        n_fit++;
        only = h;
        if (rank(h) < best)
            best = rank(h);
    }
    if (n_fit == 0)
        return n_full ? ERR_FULL : ERR_REFUSED;
    *ret_hop = n_fit == 1 ? only : balance(l, w, best);
    return 0;
}

bool dia_route_wake(struct dia_request_layer *l, const struct dia_want *w)
{
    bool coming = false;
    LIST_EACH(&l->hops, it) {
        struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        bool named = w->host.n && str_ieq(h->info->host, w->host);
        if ((!named && (!serves(h, w->realm) || (w->host.n && !h->info->relay))))
            continue;
        dia_peer_wake(h->peer);
        coming |= dia_peer_is_coming(h->peer);
    }
    return coming;
}

bool dia_requests_ready(const struct dia_request_layer *l, struct str realm)
{
    LIST_EACH((struct list *)&l->hops, it) {
        const struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        if (dia_peer_is_usable(h->peer) && serves(h, realm))
            return true;
    }
    return false;
}

bool dia_requests_reach(const struct dia_request_layer *l, struct str host, struct str realm)
{
    LIST_EACH((struct list *)&l->hops, it) {
        const struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        if (dia_peer_is_usable(h->peer) &&
            (str_ieq(h->info->host, host) || (h->info->relay && serves(h, realm))))
            return true;
    }
    return false;
}

bool dia_requests_agents(const struct dia_request_layer *l)
{
    LIST_EACH((struct list *)&l->hops, it) {
        const struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        if (h->info->relay || h->counts->redirects)
            return true;
    }
    return false;
}
