// SPDX-License-Identifier: Apache-2.0
#include "scscf/service_route.h"

#include "base/base64url.h"
#include "base/hash.h"

// Layout: key, node, flow, set, tag. The flow is 0 without flows. The set is what remains of its
// name under the key, by which it is known when the private identity, which the tag is over
// together with all before it, is not.
enum {
    NODE_AT = 2,
    FLOW_AT = NODE_AT + 4,
    SET_AT = FLOW_AT + 4,
    TAG_AT = SET_AT + 4,
    BYTES = TAG_AT + 8
};

#define PREFIX ROUTE_ORIG "."

bool service_route_is(struct str user)
{
    return str_eq(user, STR(ROUTE_ORIG)) || str_starts(user, STR(PREFIX));
}

// What the set is called in tokens: by its default identity when its first one was written.
static uint64_t name_of_set(const struct scscf *s, const struct registration *reg)
{
    struct str impu = scscf_default_impu(reg);
    return hash_keyed(keys_ring(s->keys)->names, impu.p, impu.n);
}

static struct registration_route route_of(const struct scscf *s, const struct registration *reg)
{
    struct registration_route r = registration_route(reg);
    if (!r.key)
        r.set = name_of_set(s, reg);
    return r;
}

// Flows of one number on two devices are two.
static uint32_t flow_of(const struct scscf *s, const struct binding *b)
{
    if (!b || !b->reg_id)
        return 0;
    struct str instance = binding_text(b, BINDING_INSTANCE);
    uint64_t h = hash_mix(keys_ring(s->keys)->names[0], b->reg_id, instance);
    return (uint32_t)h ? (uint32_t)h : 1;
}

static uint64_t tag_of(const uint64_t key[2], const unsigned char *b, uint64_t set, struct str impi)
{
    uint64_t all[3] = {hash_keyed(key, impi.p, impi.n), set, hash_keyed(key, b, TAG_AT)};
    return hash_keyed(key, all, sizeof all);
}

static uint32_t short_set(const uint64_t key[2], uint64_t set)
{
    return (uint32_t)hash_keyed(key, &set, sizeof set);
}

// ---- writing ----

// The contact that the REGISTER has bound; of one without contacts, the newest of its private
// identity.
static const struct binding *binding_of(const struct registration *reg,
                                        const struct service_route_of *of)
{
    const struct binding *newest = NULL;
    for (const struct binding *b = registration_bindings(reg); b; b = b->next) {
        if (!str_eq(binding_impi(b), of->impi))
            continue;
        if (b->cseq == of->cseq && str_eq(binding_text(b, BINDING_CALL_ID), of->call_id))
            return b;
        if (!newest)
            newest = b;
    }
    return newest;
}

// The key of its last one, unless that may be forgotten before the registration is refreshed again.
static const uint64_t *choose_key(const struct scscf *s, struct registration *reg,
                                  struct registration_route *r)
{
    const struct keyring *ring = keys_ring(s->keys);
    if (r->key && keys_lasts(s->keys, r->key, s->cfg->registration.max_s))
        return keyring_verify(ring, KEY_SERVICE_ROUTE, r->key);
    const uint64_t *key = keyring_sign(ring, KEY_SERVICE_ROUTE, &r->key);
    registration_set_route(reg, r);
    return key;
}

void service_route_choose(const struct scscf *s, struct registration *reg)
{
    struct registration_route r = route_of(s, reg);
    (void)choose_key(s, reg, &r);
}

struct str service_route_write(struct scscf *s, struct arena *a, struct registration *reg,
                               const struct service_route_of *of)
{
    unsigned char b[BYTES];
    struct registration_route r = route_of(s, reg);
    const uint64_t *key = choose_key(s, reg, &r);
    uint32_t node = keys_node(s->keys), flow = flow_of(s, binding_of(reg, of));
    memcpy(b, &r.key, NODE_AT);
    memcpy(b + NODE_AT, &node, 4);
    memcpy(b + FLOW_AT, &flow, 4);
    uint32_t set = short_set(key, r.set);
    memcpy(b + SET_AT, &set, 4);
    uint64_t tag = tag_of(key, b, r.set, of->impi);
    memcpy(b + TAG_AT, &tag, 8);
    struct str token = base64url_write(a, b, BYTES);
    return ARENA_CAT(a, STR("<sip:" PREFIX), token, STR("@"), s->route_host, STR(";lr>"));
}

// ---- reading ----

// A flow may be gone that the registration still has others of.
static bool fits(const struct scscf *s, const struct registration *reg, const uint64_t key[2],
                 const unsigned char b[BYTES])
{
    struct registration_route r = route_of(s, reg);
    struct str last = STR_NONE;
    uint64_t tag;
    memcpy(&tag, b + TAG_AT, 8);
    for (const struct binding *at = registration_bindings(reg); at; at = at->next) {
        struct str impi = binding_impi(at);
        if (last.p && str_eq(impi, last))
            continue;
        if (tag == tag_of(key, b, r.set, impi))
            return true;
        last = impi;
    }
    return false;
}

enum service_route_verdict service_route_judge(const struct scscf *s, struct str user,
                                               const struct registration *reg)
{
    unsigned char b[BYTES];
    size_t n;
    uint16_t id;
    uint32_t node, set;
    if (!str_starts(user, STR(PREFIX)))
        return SERVICE_ROUTE_PLAIN;
    if (base64url_parse(str_skip(user, sizeof PREFIX - 1), b, sizeof b, &n) || n != BYTES)
        return SERVICE_ROUTE_OTHER;
    memcpy(&id, b, NODE_AT);
    memcpy(&node, b + NODE_AT, 4);
    const uint64_t *key = keyring_verify(keys_ring(s->keys), KEY_SERVICE_ROUTE, id);
    if (!key)
        return SERVICE_ROUTE_GONE;
    if (fits(s, reg, key, b))
        return SERVICE_ROUTE_FITS;
    memcpy(&set, b + SET_AT, 4);
    if (set == short_set(key, route_of(s, reg).set))
        return SERVICE_ROUTE_GONE;
    return node == keys_node(s->keys) ? SERVICE_ROUTE_OTHER : SERVICE_ROUTE_MOVED;
}
