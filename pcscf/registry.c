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
    struct association *association;
    struct route *route;
    struct list same_flow; // ring of the contacts on one flow, newest first; by_flow has the newest
    uint64_t expires_at;   // loop time in ms
    uint64_t order;        // the higher, the newer
    struct str contact;
    uint64_t default_key, user_key;
    bool nat, outbound;
    uint32_t n_impus;
    struct reg_impu impus[];
};

struct registry {
    struct loop *loop;
    const struct registry_ops *ops;
    void *arg;
    struct association_table *associations;
    struct map by_default;  // hash of default identity
    struct map by_identity; // hash of address and canonical identity
    struct map by_user;     // hash of association
    struct map by_flow;     // hash of flow -> its newest contact
    struct route *routes;
    uint64_t registered;        // so far
};

// ---- keys ----

static uint64_t address_key(const struct addr *a)
{
    return addr_is_ip6(a) ? hash_bytes(&a->in6.sin6_addr, 16) : hash_bytes(&a->in4.sin_addr, 4);
}

static uint64_t flow_key(const struct access_flow *f)
{
    uint64_t key[2] = {f->proto, f->id};
    if (f->proto == SIP_PROTO_UDP) {
        key[0] = address_key(&f->remote);
        key[1] = addr_port(&f->remote);
    }
    return hash_bytes(key, sizeof key);
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

// A connection is the same as long as it is open: the next one from its port may be somebody else's.
static bool same_flow(const struct access_flow *a, const struct access_flow *b)
{
    return a->proto == b->proto &&
           (a->proto == SIP_PROTO_UDP ? addr_eq(&a->remote, &b->remote) : a->id && a->id == b->id);
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
    map_remove(&r->by_default, g->default_key, g);
    map_remove(&r->by_user, g->user_key, g);
    for (size_t i = 0; i < g->n_impus; i++)
        map_remove(&r->by_identity, g->impus[i].key, g);
    leave_flow(r, g);
}

static void tell(struct registry *r, const struct access_flow *f)
{
    if (r->ops && r->ops->flow_changed)
        r->ops->flow_changed(r->arg, f);
}

static bool is_exact(const struct reg *g)
{
    return g->nat || g->outbound;
}

static void reg_free(struct registry *r, struct reg *g)
{
    struct access_flow f = g->flow;
    unlink_reg(r, g);
    if (g->association)
        association_leave(g->association, is_exact(g));
    route_put(r, g->route);
    mem_free(g);
    tell(r, &f);
}

static int make_keys(struct reg *g)
{
    uint64_t at = address_key(&g->flow.remote);
    int e = identity_key(0, g->impus[0].text, &g->default_key);
    for (size_t i = 0; !e && i < g->n_impus; i++)
        e = identity_key(at, g->impus[i].text, &g->impus[i].key);
    return e;
}

static int link_reg(struct registry *r, struct reg *g)
{
    int e = map_add(&r->by_default, g->default_key, g);
    for (size_t i = 0; !e && i < g->n_impus; i++)
        e = map_add(&r->by_identity, g->impus[i].key, g);
    if (!e)
        e = map_add(&r->by_user, g->user_key, g);
    return e ? e : join_flow(r, g);
}

static int join_association(struct registry *r, struct reg *g, struct str impi)
{
    struct association *a;
    int e = association_get(r->associations, &g->flow.remote, impi, g->flow.user, &a);
    if (e)
        return e;
    association_join(a, is_exact(g));
    g->association = a;
    g->user_key = association_key(a);
    return 0;
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
    g->order = ++r->registered;
    g->nat = p->nat;
    g->outbound = p->outbound;
    g->route = make_keys(g) == 0 ? route_get(r, p->service_route) : NULL;
    if (g->route && join_association(r, g, p->impi) == 0 && link_reg(r, g) == 0)
        return g;
    reg_free(r, g);
    return NULL;
}

// A Contact URI as text and read; what cannot be read is compared as it stands.
struct contact {
    struct arena arena;
    _Alignas(8) char room[CANON_ROOM];
    struct str text;
    struct sip_uri uri;
    bool read;
};

static void contact_init(struct contact *c, struct str text)
{
    arena_init(&c->arena, c->room, sizeof c->room);
    c->text = text;
    c->read = sip_uri_parse(&c->arena, text, &c->uri) == 0;
}

static void contact_done(struct contact *c)
{
    arena_done(&c->arena);
}

static bool has_contact(const struct reg *g, const struct sip_uri *uri)
{
    struct contact c;
    if (str_eq(g->contact, uri->text))
        return true;
    contact_init(&c, g->contact);
    bool same = c.read && sip_uri_eq(&c.uri, uri);
    contact_done(&c);
    return same;
}

static struct reg *next_of_default(const struct registry *r, struct str impu, uint64_t key, size_t *it)
{
    for (struct reg *g; (g = map_find(&r->by_default, key, it));)
        if (same_identity(g->impus[0].text, impu))
            return g;
    return NULL;
}

static struct reg *find_contact(const struct registry *r, struct str contact, struct str impu)
{
    struct contact c;
    struct reg *g;
    size_t it = 0;
    uint64_t key;
    if (identity_key(0, impu, &key))
        return NULL;
    contact_init(&c, contact);
    while ((g = next_of_default(r, impu, key, &it)))
        if (c.read ? has_contact(g, &c.uri) : str_eq(g->contact, contact))
            break;
    contact_done(&c);
    return g;
}

size_t registry_keep(struct registry *r, struct str impu, bool (*listed)(void *arg, const struct reg *g), void *arg)
{
    size_t n = 0, it = 0;
    uint64_t key;
    if (identity_key(0, impu, &key))
        return 0;
    for (struct reg *g; (g = next_of_default(r, impu, key, &it));) {
        if (listed(arg, g))
            continue;
        reg_free(r, g);
        n++;
        it = 0; // a removal may move an entry to where the walk has been already
    }
    return n;
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
    if (association_table_new(&r->associations)) {
        mem_free(r);
        return ERR_NOMEM;
    }
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
    while ((g = map_next(&r->by_default, &it))) {
        timer_stop(&g->expiry);
        route_put(r, g->route);
        mem_free(g);
    }
    map_done(&r->by_default);
    map_done(&r->by_identity);
    map_done(&r->by_user);
    map_done(&r->by_flow);
    association_table_free(r->associations);
    mem_free(r);
}

// ---- look-up ----

static struct reg *next_at(const struct registry *r, const struct addr *at, struct str impu, uint64_t key, size_t *it)
{
    for (struct reg *g; (g = map_find(&r->by_identity, key, it));)
        if (addr_eq_ip(&g->flow.remote, at) && reg_impu_like(g, impu).p)
            return g;
    return NULL;
}

const struct reg *registry_find(const struct registry *r, const struct access_flow *f,
                                struct str impu)
{
    size_t it = 0;
    uint64_t key;
    if (impu.n == 0)
        return newest_on_flow(r, f);
    if (identity_key(address_key(&f->remote), impu, &key))
        return NULL;
    for (struct reg *g; (g = next_at(r, &f->remote, impu, key, &it));)
        if (same_flow(&g->flow, f))
            return g;
    return NULL;
}

const struct reg *registry_find_at(const struct registry *r, const struct addr *at, const struct association *of,
                                   struct str impu)
{
    size_t it = 0;
    uint64_t key;
    if (identity_key(address_key(at), impu, &key))
        return NULL;
    for (struct reg *g; (g = next_at(r, at, impu, key, &it));)
        if (!of || g->association == of)
            return g;
    return NULL;
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
        if (g->association == a && has_contact(g, contact))
            return g;
    return NULL;
}

bool registry_flow_has(const struct registry *r, const struct access_flow *f, const struct association *a)
{
    size_t it = 0;
    for (struct reg *g; (g = map_find(&r->by_user, association_key(a), &it));)
        if (g->association == a && same_flow(&g->flow, f))
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
