// SPDX-License-Identifier: Apache-2.0
// A contact by itself: what it holds, by what it is found, and whether it is the one that somebody means.
#include "base/hash.h"
#include "ims/wildcard.h"
#include "pcscf/registry_priv.h"
#include "sip/uri.h"

// ---- keys ----

uint64_t registry_address_key(const struct addr *a)
{
    return addr_is_ip6(a) ? hash_bytes(&a->in6.sin6_addr, 16) : hash_bytes(&a->in4.sin_addr, 4);
}

uint64_t registry_identity_key(uint64_t at, uint64_t hash)
{
    return at * 31 + hash;
}

uint64_t registry_flow_key(const struct access_flow *f)
{
    uint64_t key[2] = {f->proto, f->id};
    if (f->proto == SIP_PROTO_UDP) {
        key[0] = registry_address_key(&f->remote);
        key[1] = addr_port(&f->remote);
    }
    return hash_bytes(key, sizeof key);
}

// A connection is the same as long as it is open: the next one from its port may be somebody else's.
bool registry_same_flow(const struct access_flow *a, const struct access_flow *b)
{
    return a->proto == b->proto &&
           (a->proto == SIP_PROTO_UDP ? addr_eq(&a->remote, &b->remote) : a->id && a->id == b->id);
}

// ---- its Contact URI ----

enum { CONTACT_ROOM = 512 };

bool contact_is(const struct contact *g, const struct sip_uri *uri)
{
    _Alignas(8) char room[CONTACT_ROOM];
    struct arena a;
    struct sip_uri own;
    if (str_eq(g->uri, uri->text))
        return true;
    arena_init(&a, room, sizeof room);
    bool same = sip_uri_parse(&a, g->uri, &own) == 0 && sip_uri_eq(&own, uri);
    arena_done(&a);
    return same;
}

// ---- identities ----

static struct str impu_uri(const struct contact_impu *i)
{
    return str_make(i->text, i->n_uri);
}

static struct str impu_display(const struct contact_impu *i)
{
    return str_make(i->text + i->n_uri, i->n_display);
}

static struct str impu_canon_form(const struct contact_impu *i)
{
    return i->n_canon ? str_make(i->text + i->n_uri + i->n_display, i->n_canon) : impu_uri(i);
}

const struct contact_impu *contact_distinct(const struct contact *g, const struct identity_key *k)
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
static const struct contact_impu *distinct_as_named(const struct contact *g, const struct identity_key *k, struct str impu)
{
    const struct contact_impu *first = contact_distinct(g, k);
    for (const struct contact_impu *i = first; i && i < &g->impus[g->n_impus]; i++)
        if (i->hash == k->hash && str_eq(impu_canon_form(i), k->text) && is_tel(impu_uri(i)) == is_tel(impu))
            return i;
    return first;
}

const struct contact_impu *contact_covering(const struct contact *g, const struct identity_key *k, size_t *left)
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

bool contact_has_identity(const struct contact *r, struct str impu, struct identity *ret, bool *ret_covered)
{
    struct identity_key k;
    size_t left = REGISTRY_PATTERNS_TRIED;
    if (identity_key_init(&k, r->owner->plan, impu))
        return false;
    const struct contact_impu *distinct = distinct_as_named(r, &k, impu), *found = distinct ? distinct : contact_covering(r, &k, &left);
    identity_key_done(&k);
    if (!found)
        return false;
    *ret = (struct identity){distinct ? impu_uri(found) : impu, impu_display(found)};
    *ret_covered = !distinct;
    return true;
}

// ---- what it holds ----

const struct access_flow *contact_flow(const struct contact *r)
{
    return &r->flow;
}

struct association *contact_association(const struct contact *r)
{
    return r->association;
}

bool contact_is_nat(const struct contact *r)
{
    return r->nat;
}

bool contact_is_outbound(const struct contact *r)
{
    return r->outbound;
}

struct str contact_uri(const struct contact *r)
{
    return r->uri;
}

struct str contact_home(const struct contact *r)
{
    return shared_text(r->home);
}

struct str contact_service_route(const struct contact *r)
{
    return shared_text(r->route);
}

struct str contact_charging_addresses(const struct contact *r)
{
    return shared_text(r->charging);
}

struct str contact_term_ioi(const struct contact *r)
{
    return shared_text(r->term_ioi);
}

struct identity contact_identity(const struct contact *r, size_t i)
{
    if (i >= r->n_impus + r->n_patterns)
        return (struct identity){STR_NONE, STR_NONE};
    return (struct identity){impu_uri(&r->impus[i]), impu_display(&r->impus[i])};
}

uint64_t contact_expires_in_ms(const struct registry *r, const struct contact *g)
{
    uint64_t now = loop_now(r->loop) / 1000000;
    return g->expires_at > now ? g->expires_at - now : 0;
}
