// SPDX-License-Identifier: Apache-2.0
// Looking up contacts.
#include "base/arena.h"
#include "pcscf/registry_priv.h"
#include "sip/uri.h"

enum { URI_ROOM = 512 };

// ---- on a flow ----

struct contact *registry_newest_on_flow(const struct registry *r, const struct access_flow *f)
{
    size_t it = 0;
    struct contact *g;
    while ((g = map_find(&r->by_flow, registry_flow_key(f), &it)))
        if (registry_same_flow(&g->flow, f))
            return g;
    return NULL;
}

// ---- of a default identity ----

struct contact *registry_next_of_default(const struct registry *r, const struct identity_key *k, size_t *it)
{
    for (struct contact *g; (g = map_find(&r->by_default, registry_identity_key(0, k->hash), it));)
        if (contact_distinct(g, k) == &g->impus[0])
            return g;
    return NULL;
}

const struct contact *registry_next_of(const struct registry *r, struct str impu, size_t *it)
{
    struct identity_key k;
    if (identity_key_init(&k, r->plan, impu))
        return NULL;
    const struct contact *g = registry_next_of_default(r, &k, it);
    identity_key_done(&k);
    return g;
}

// Two UEs that share their default identity may have the same private address behind two NATs, and then the
// same Contact. A UE that names its private identity at one time and not at another stays the one that it is.
static bool is_same_ue(const struct contact *g, const struct access_flow *f)
{
    return g->flow.user == f->user || addr_eq_ip(&g->flow.remote, &f->remote);
}

// uri NULL: the text cannot be read, and is compared as it stands.
static bool is_replaced(const struct contact *g, const struct contact_params *by, const struct sip_uri *uri)
{
    bool same = uri ? contact_is(g, uri) : str_eq(g->uri, by->contact);
    return same && is_same_ue(g, by->flow) && str_eq(contact_home(g), by->home);
}

struct contact *registry_replaced_by(const struct registry *r, const struct contact_params *p, struct str impu)
{
    _Alignas(8) char room[URI_ROOM];
    struct identity_key k;
    struct arena a;
    struct sip_uri uri;
    struct contact *g;
    size_t it = 0;
    if (identity_key_init(&k, r->plan, impu))
        return NULL;
    arena_init(&a, room, sizeof room);
    bool read = sip_uri_parse(&a, p->contact, &uri) == 0;
    while ((g = registry_next_of_default(r, &k, &it)) && !is_replaced(g, p, read ? &uri : NULL)) {}
    arena_done(&a);
    identity_key_done(&k);
    return g;
}

// ---- who is asked for ----

struct wanted {
    const struct addr *at;
    const struct access_flow *flow;     // NULL: any at that address
    const struct association *of;       // NULL: any
};

static bool is_wanted(const struct contact *g, const struct wanted *w)
{
    return addr_eq_ip(&g->flow.remote, w->at) && (!w->flow || registry_same_flow(&g->flow, w->flow)) &&
           (!w->of || g->association == w->of);
}

static const struct contact *find_covering(const struct registry *r, const struct wanted *w, const struct identity_key *k)
{
    const struct map *m = w->of ? &r->by_user : &r->by_pattern;
    uint64_t key = w->of ? association_key(w->of) : registry_address_key(w->at);
    size_t it = 0, left = REGISTRY_PATTERNS_TRIED;
    for (struct contact *g; left && (g = map_find(m, key, &it)); left -= left > 0)
        if (is_wanted(g, w) && contact_covering(g, k, &left))
            return g;
    return NULL;
}

// A distinct identity goes before a pattern (TS 23.003 13.5).
static const struct contact *find(const struct registry *r, const struct wanted *w, struct str impu)
{
    struct identity_key k;
    const struct contact *g;
    size_t it = 0;
    if (identity_key_init(&k, r->plan, impu))
        return NULL;
    uint64_t key = registry_identity_key(registry_address_key(w->at), k.hash);
    while ((g = map_find(&r->by_identity, key, &it)))
        if (is_wanted(g, w) && contact_distinct(g, &k))
            break;
    if (!g)
        g = find_covering(r, w, &k);
    identity_key_done(&k);
    return g;
}

const struct contact *registry_find(const struct registry *r, const struct access_flow *f,
                                struct str impu)
{
    struct wanted w = {.at = &f->remote, .flow = f};
    return impu.n ? find(r, &w, impu) : registry_newest_on_flow(r, f);
}

const struct contact *registry_find_at(const struct registry *r, const struct addr *at, const struct association *of,
                                   struct str impu)
{
    struct wanted w = {.at = at, .of = of};
    return find(r, &w, impu);
}

const struct contact *registry_newest_of(const struct registry *r, const struct association *a)
{
    const struct contact *newest = NULL;
    size_t it = 0;
    for (struct contact *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && (!newest || g->id > newest->id))
            newest = g;
    return newest;
}

const struct contact *registry_contact_of(const struct registry *r, const struct association *a,
                                      const struct sip_uri *contact)
{
    size_t it = 0;
    for (struct contact *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && contact_is(g, contact))
            return g;
    return NULL;
}

bool registry_flow_has(const struct registry *r, const struct access_flow *f, const struct association *a)
{
    size_t it = 0;
    for (struct contact *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && registry_same_flow(&g->flow, f))
            return true;
    return false;
}

struct association_table *registry_associations(const struct registry *r)
{
    return r->associations;
}

size_t registry_count(const struct registry *r)
{
    return r->by_default.n;
}

size_t registry_patterns(const struct registry *r)
{
    return shared_count(r->patterns);
}

const struct contact *registry_next(const struct registry *r, size_t *it)
{
    return map_next(&r->by_default, it);
}
