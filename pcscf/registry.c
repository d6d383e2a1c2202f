// SPDX-License-Identifier: Apache-2.0
#include "pcscf/registry.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "sip/uri.h"

enum { IMPUS_MAX = 32, CANON_ROOM = 512 };

// Service-Routes repeat: one per S-CSCF, shared by its users.
struct route {
    UT_hash_handle hh;
    size_t users;
    struct str text; // in the same allocation
};

// An identity as received, and where it is in the table.
struct reg_impu {
    struct str text;
    uint64_t key;
};

// One allocation: struct, then the texts of contact and identities.
struct reg {
    struct registry *owner;
    struct timer expiry;
    struct access_flow flow;
    struct route *route;
    struct list same_flow; // ring of the contacts on one flow, newest first; by_flow has the newest
    uint64_t expires_at;   // loop time in ms
    struct str contact;
    uint64_t contact_key;
    uint32_t n_impus;
    struct reg_impu impus[];
};

struct registry {
    struct loop *loop;
    const struct registry_ops *ops;
    void *arg;
    struct map by_contact;  // hash of contact and default identity
    struct map by_identity; // hash of flow and canonical identity
    struct map by_flow;     // hash of flow -> its newest contact
    struct route *routes;
};

// ---- keys ----

enum { FLOW_BYTES = 19 };

static size_t flow_bytes(const struct access_flow *f, unsigned char *b)
{
    uint16_t port = addr_port(&f->remote);
    bool ip6 = addr_is_ip6(&f->remote);
    const void *ip = ip6 ? (const void *)&f->remote.in6.sin6_addr : &f->remote.in4.sin_addr;
    size_t n = ip6 ? 16 : 4;
    b[0] = (unsigned char)f->proto;
    memcpy(b + 1, &port, sizeof port);
    memcpy(b + 3, ip, n);
    return n + 3;
}

static uint64_t flow_key(const struct access_flow *f)
{
    unsigned char b[FLOW_BYTES];
    return hash_bytes(b, flow_bytes(f, b));
}

// An identity in its canonical form, whole: two that differ anywhere are two.
struct canon {
    struct arena arena;
    _Alignas(8) char room[CANON_ROOM];
    struct str text;
};

// The identity itself when it cannot be made canonical. ERR_NOMEM, and nothing to undo.
static int canon_init(struct canon *c, struct str impu)
{
    struct sip_uri u;
    arena_init(&c->arena, c->room, sizeof c->room);
    c->text = sip_uri_parse(&c->arena, impu, &u) == 0 ? sip_uri_canon(&c->arena, &u) : STR_NONE;
    if (!c->arena.failed && !c->text.p)
        c->text = impu;
    if (c->text.p)
        return 0;
    arena_done(&c->arena);
    return ERR_NOMEM;
}

static void canon_done(struct canon *c)
{
    arena_done(&c->arena);
}

// With the hash of what an identity belongs to.
static int identity_key(uint64_t owner, struct str impu, uint64_t *ret_key)
{
    struct canon c;
    int err = canon_init(&c, impu);
    if (err)
        return err;
    *ret_key = owner * 31 + hash_bytes(c.text.p, c.text.n);
    canon_done(&c);
    return 0;
}

static bool same_identity(struct str a, struct str b)
{
    struct canon ca, cb;
    if (str_eq(a, b))
        return true;
    if (canon_init(&ca, a))
        return false;
    bool same = canon_init(&cb, b) == 0;
    if (same) {
        same = str_eq(ca.text, cb.text);
        canon_done(&cb);
    }
    canon_done(&ca);
    return same;
}

static bool same_flow(const struct access_flow *a, const struct access_flow *b)
{
    return a->proto == b->proto && addr_eq(&a->remote, &b->remote);
}

// ---- shared Service-Routes ----

static struct route *route_get(struct registry *r, struct str text)
{
    struct route *t;
    HASH_FIND(hh, r->routes, text.p, text.n, t);
    if (t) {
        t->users++;
        return t;
    }
    t = mem_zalloc(sizeof *t + text.n);
    if (!t)
        return NULL;
    if (text.n)
        memcpy(t + 1, text.p, text.n);
    t->text = str_make((char *)(t + 1), text.n);
    t->users = 1;
    HASH_ADD_KEYPTR(hh, r->routes, t->text.p, t->text.n, t);
    return t;
}

static void route_put(struct registry *r, struct route *t)
{
    if (!t || --t->users)
        return;
    HASH_DEL(r->routes, t);
    mem_free(t);
}

// ---- life of a contact ----

static struct reg *newest_on_flow(const struct registry *r, const struct access_flow *f)
{
    size_t it = 0;
    struct reg *g;
    while ((g = map_find(&r->by_flow, flow_key(f), &it)))
        if (same_flow(&g->flow, f))
            return g;
    return NULL;
}

// The flow's table entry always names the newest contact, so a flow that serves thousands of users
// costs one slot.
static int join_flow(struct registry *r, struct reg *g)
{
    struct reg *head = newest_on_flow(r, &g->flow);
    uint64_t key = flow_key(&g->flow);
    if (map_add(&r->by_flow, key, g))
        return ERR_NOMEM;
    if (head) {
        map_remove(&r->by_flow, key, head);
        list_add_before(&head->same_flow, &g->same_flow);
    }
    return 0;
}

static void leave_flow(struct registry *r, struct reg *g)
{
    uint64_t key = flow_key(&g->flow);
    if (newest_on_flow(r, &g->flow) == g) {
        map_remove(&r->by_flow, key, g);
        // Cannot fail: the slot just freed is there.
        if (!list_empty(&g->same_flow))
            (void)map_add(&r->by_flow, key, LIST_ENTRY(g->same_flow.next, struct reg, same_flow));
    }
    list_del(&g->same_flow);
}

static void unlink_reg(struct registry *r, struct reg *g)
{
    timer_stop(&g->expiry);
    map_remove(&r->by_contact, g->contact_key, g);
    for (size_t i = 0; i < g->n_impus; i++)
        map_remove(&r->by_identity, g->impus[i].key, g);
    leave_flow(r, g);
}

static void tell(struct registry *r, const struct access_flow *f)
{
    if (r->ops && r->ops->flow_changed)
        r->ops->flow_changed(r->arg, f);
}

static void reg_free(struct registry *r, struct reg *g)
{
    struct access_flow f = g->flow;
    unlink_reg(r, g);
    route_put(r, g->route);
    mem_free(g);
    tell(r, &f);
}

static uint64_t contact_hash(struct str contact)
{
    return hash_bytes(contact.p, contact.n);
}

static int make_keys(struct reg *g)
{
    uint64_t flow = flow_key(&g->flow);
    int e = identity_key(contact_hash(g->contact), g->impus[0].text, &g->contact_key);
    for (size_t i = 0; !e && i < g->n_impus; i++)
        e = identity_key(flow, g->impus[i].text, &g->impus[i].key);
    return e;
}

static int link_reg(struct registry *r, struct reg *g)
{
    int e = map_add(&r->by_contact, g->contact_key, g);
    for (size_t i = 0; !e && i < g->n_impus; i++)
        e = map_add(&r->by_identity, g->impus[i].key, g);
    return e ? e : join_flow(r, g);
}

static void on_expiry(void *arg)
{
    struct reg *g = arg;
    struct registry *r = g->owner;
    if (r->ops && r->ops->expired)
        r->ops->expired(r->arg, g);
    reg_free(r, g);
}

static char *put_text(struct str *slot, struct str s, char *at)
{
    memcpy(at, s.p, s.n);
    *slot = str_make(at, s.n);
    return at + s.n;
}

static struct reg *reg_make(struct registry *r, const struct reg_params *p)
{
    size_t n = p->n_impus < IMPUS_MAX ? p->n_impus : IMPUS_MAX, text = p->contact.n;
    for (size_t i = 0; i < n; i++)
        text += p->impus[i].n;
    struct reg *g = mem_zalloc(sizeof *g + n * sizeof *g->impus + text);
    if (!g)
        return NULL;
    char *at = put_text(&g->contact, p->contact, (char *)&g->impus[n]);
    for (size_t i = 0; i < n; i++)
        at = put_text(&g->impus[i].text, p->impus[i], at);
    g->n_impus = (uint32_t)n;
    g->owner = r;
    g->flow = *p->flow;
    list_init(&g->same_flow);
    timer_init(&g->expiry, on_expiry, g);
    g->route = make_keys(g) == 0 ? route_get(r, p->service_route) : NULL;
    if (g->route && link_reg(r, g) == 0)
        return g;
    reg_free(r, g);
    return NULL;
}

static struct reg *find_contact(const struct registry *r, struct str contact, struct str impu)
{
    size_t it = 0;
    struct reg *g;
    uint64_t key;
    if (identity_key(contact_hash(contact), impu, &key))
        return NULL;
    while ((g = map_find(&r->by_contact, key, &it)))
        if (str_eq(g->contact, contact) && same_identity(g->impus[0].text, impu))
            return g;
    return NULL;
}

int registry_set(struct registry *r, const struct reg_params *p)
{
    if (p->n_impus == 0)
        return ERR_INVAL;
    struct reg *old = find_contact(r, p->contact, p->impus[0]);
    struct reg *g = reg_make(r, p);
    if (!g)
        return ERR_NOMEM;
    if (old)
        reg_free(r, old);
    g->expires_at = loop_now(r->loop) / 1000000 + p->expires_ms;
    timer_start(r->loop, &g->expiry, p->expires_ms);
    tell(r, &g->flow);
    return 0;
}

bool registry_remove(struct registry *r, struct str contact, struct str impu)
{
    struct reg *g = find_contact(r, contact, impu);
    if (g)
        reg_free(r, g);
    return g != NULL;
}

int registry_new(struct loop *l, const struct registry_ops *ops, void *arg,
                 struct registry **ret_registry)
{
    struct registry *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->loop = l;
    r->ops = ops;
    r->arg = arg;
    *ret_registry = r;
    return 0;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    size_t it = 0;
    struct reg *g;
    while ((g = map_next(&r->by_contact, &it))) {
        timer_stop(&g->expiry);
        route_put(r, g->route);
        mem_free(g);
    }
    map_done(&r->by_contact);
    map_done(&r->by_identity);
    map_done(&r->by_flow);
    mem_free(r);
}

// ---- look-up ----

const struct reg *registry_find(const struct registry *r, const struct access_flow *f,
                                struct str impu)
{
    size_t it = 0;
    struct reg *g;
    uint64_t key;
    if (impu.n == 0)
        return newest_on_flow(r, f);
    if (identity_key(flow_key(f), impu, &key))
        return NULL;
    while ((g = map_find(&r->by_identity, key, &it))) {
        if (same_flow(&g->flow, f) && reg_impu_like(g, impu).p)
            return g;
    }
    return NULL;
}

size_t registry_remove_identity(struct registry *r, const struct access_flow *f, struct str impu)
{
    size_t n = 0;
    const struct reg *g;
    while ((g = registry_find(r, f, impu))) {
        reg_free(r, (struct reg *)g);
        n++;
    }
    return n;
}

size_t registry_count(const struct registry *r)
{
    return r->by_contact.n;
}

const struct reg *registry_next(const struct registry *r, size_t *it)
{
    return map_next(&r->by_contact, it);
}

struct str reg_contact(const struct reg *r)
{
    return r->contact;
}

struct str reg_service_route(const struct reg *r)
{
    return r->route->text;
}

struct str reg_impu(const struct reg *r, size_t i)
{
    return i < r->n_impus ? r->impus[i].text : STR_NONE;
}

struct str reg_impu_like(const struct reg *r, struct str impu)
{
    for (size_t i = 0; i < r->n_impus; i++)
        if (same_identity(r->impus[i].text, impu))
            return r->impus[i].text;
    return STR_NONE;
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
