// SPDX-License-Identifier: Apache-2.0
// Looking up contacts, and what they hold.
#include "base/arena.h"
#include "ims/wildcard.h"
#include "pcscf/registry_priv.h"

// ---- identities ----

static struct str impu_uri(const struct reg_impu *i)
{
    return str_make(i->text, i->n_uri);
}

static struct str impu_display(const struct reg_impu *i)
{
    return str_make(i->text + i->n_uri, i->n_display);
}

static struct str impu_canon_form(const struct reg_impu *i)
{
    return i->n_canon ? str_make(i->text + i->n_uri + i->n_display, i->n_canon) : impu_uri(i);
}

const struct reg_impu *reg_distinct(const struct reg *g, const struct identity_key *k)
{
    for (size_t i = 0; i < g->n_impus; i++)
        if (g->impus[i].hash == k->hash && str_eq(impu_canon_form(&g->impus[i]), k->text))
            return &g->impus[i];
    return NULL;
}

static bool is_tel(struct str uri)
{
    return str_istarts(uri, STR("tel:"));
}

// Of a tel URI and its SIP companion (TS 24.229 4.2) the one that is named.
static const struct reg_impu *distinct_as_named(const struct reg *g, const struct identity_key *k, struct str impu)
{
    const struct reg_impu *first = reg_distinct(g, k);
    for (const struct reg_impu *i = first; i && i < &g->impus[g->n_impus]; i++)
        if (i->hash == k->hash && str_eq(impu_canon_form(i), k->text) && is_tel(impu_uri(i)) == is_tel(impu))
            return i;
    return first;
}

// Each pattern that is tried takes one of *left.
static const struct reg_impu *covering(const struct reg *g, const struct identity_key *k, size_t *left)
{
    if (k->text.n > WILDCARD_TEXT_MAX)
        return NULL;
    for (size_t i = g->n_impus; i < g->n_impus + g->n_patterns && *left; i++) {
        struct shared *pattern = g->impus[i].pattern;
        --*left;
        if (!wildcard_may_cover(shared_text(pattern), k->text))
            continue; // nobody has to pay for compiling it
        const struct wildcard *w = shared_pattern(pattern);
        if (w && wildcard_covers(w, k->text))
            return &g->impus[i];
    }
    return NULL;
}

// ---- who is asked for ----

struct wanted {
    const struct addr *at;
    const struct access_flow *flow;     // NULL: any at that address
    const struct association *of;       // NULL: any
};

static bool is_wanted(const struct reg *g, const struct wanted *w)
{
    return addr_eq_ip(&g->flow.remote, w->at) && (!w->flow || registry_same_flow(&g->flow, w->flow)) &&
           (!w->of || g->association == w->of);
}

static const struct reg *find_covering(const struct registry *r, const struct wanted *w, const struct identity_key *k)
{
    const struct map *m = w->of ? &r->by_user : &r->by_pattern;
    uint64_t key = w->of ? association_key(w->of) : registry_address_key(w->at);
    size_t it = 0, left = REGISTRY_PATTERNS_TRIED;
    for (struct reg *g; left && (g = map_find(m, key, &it)); left -= left > 0)
        if (is_wanted(g, w) && covering(g, k, &left))
            return g;
    return NULL;
}

// A distinct identity goes before a pattern (TS 23.003 13.5).
static const struct reg *find(const struct registry *r, const struct wanted *w, struct str impu)
{
    struct identity_key k;
    const struct reg *g;
    size_t it = 0;
    if (identity_key_init(&k, r->plan, impu))
        return NULL;
    uint64_t key = registry_identity_key(registry_address_key(w->at), k.hash);
    while ((g = map_find(&r->by_identity, key, &it)))
        if (is_wanted(g, w) && reg_distinct(g, &k))
            break;
    if (!g)
        g = find_covering(r, w, &k);
    identity_key_done(&k);
    return g;
}

const struct reg *registry_find(const struct registry *r, const struct access_flow *f,
                                struct str impu)
{
    struct wanted w = {.at = &f->remote, .flow = f};
    return impu.n ? find(r, &w, impu) : registry_newest_on_flow(r, f);
}

const struct reg *registry_find_at(const struct registry *r, const struct addr *at, const struct association *of,
                                   struct str impu)
{
    struct wanted w = {.at = at, .of = of};
    return find(r, &w, impu);
}

const struct reg *registry_newest_of(const struct registry *r, const struct association *a)
{
    const struct reg *newest = NULL;
    size_t it = 0;
    for (struct reg *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && (!newest || g->order > newest->order))
            newest = g;
    return newest;
}

const struct reg *registry_contact_of(const struct registry *r, const struct association *a,
                                      const struct sip_uri *contact)
{
    size_t it = 0;
    for (struct reg *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && reg_has_contact(g, contact))
            return g;
    return NULL;
}

bool registry_flow_has(const struct registry *r, const struct access_flow *f, const struct association *a)
{
    size_t it = 0;
    for (struct reg *g; (g = map_find(&r->by_user, association_key(a), &it));)
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

const struct reg *registry_next(const struct registry *r, size_t *it)
{
    return map_next(&r->by_default, it);
}

struct association *reg_association(const struct reg *r)
{
    return r->association;
}

bool reg_is_nat(const struct reg *r)
{
    return r->nat;
}

bool reg_is_outbound(const struct reg *r)
{
    return r->outbound;
}

struct str reg_contact(const struct reg *r)
{
    return r->contact;
}

struct str reg_home(const struct reg *r)
{
    return shared_text(r->home);
}

struct str reg_service_route(const struct reg *r)
{
    return shared_text(r->route);
}

struct str reg_charging_addresses(const struct reg *r)
{
    return shared_text(r->charging);
}

struct str reg_term_ioi(const struct reg *r)
{
    return shared_text(r->term_ioi);
}

struct reg_identity reg_identity_at(const struct reg *r, size_t i)
{
    if (i >= r->n_impus + r->n_patterns)
        return (struct reg_identity){STR_NONE, STR_NONE};
    return (struct reg_identity){impu_uri(&r->impus[i]), impu_display(&r->impus[i])};
}

bool reg_has_identity(const struct reg *r, struct str impu, struct reg_identity *ret, bool *ret_covered)
{
    struct identity_key k;
    size_t left = REGISTRY_PATTERNS_TRIED;
    if (identity_key_init(&k, r->owner->plan, impu))
        return false;
    const struct reg_impu *distinct = distinct_as_named(r, &k, impu), *found = distinct ? distinct : covering(r, &k, &left);
    identity_key_done(&k);
    if (!found)
        return false;
    *ret = (struct reg_identity){distinct ? impu_uri(found) : impu, impu_display(found)};
    *ret_covered = !distinct;
    return true;
}

const struct access_flow *reg_flow(const struct reg *r)
{
    return &r->flow;
}

uint64_t reg_expires_in_ms(const struct registry *reg, const struct reg *r)
{
    uint64_t now = loop_now(reg->loop) / 1000000;
    return r->expires_at > now ? r->expires_at - now : 0;
}
