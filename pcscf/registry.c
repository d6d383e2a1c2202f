// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/err.h"
#include "ims/wildcard.h"
#include "pcscf/registry_priv.h"

enum { DRAFT_ROOM = 2048, IMPU_TEXT_MAX = 8192 };

// ---- keys ----

static uint64_t default_key(const struct contact *g)
{
    return registry_identity_key(0, g->impus[0].hash);
}

static uint64_t impu_key(const struct contact *g, size_t i)
{
    return registry_identity_key(registry_address_key(&g->flow.remote), g->impus[i].hash);
}

// ---- on a flow ----

// A connection of an earlier run, which no message comes on any more.
static bool is_lost(const struct access_flow *f)
{
    return f->proto != SIP_PROTO_UDP && !f->id;
}

// The flow's table entry always names the newest contact, so a flow that serves thousands of users
// costs one slot.
static int join_flow(struct registry *r, struct contact *g)
{
    if (is_lost(&g->flow))
        return 0;
    struct contact *head = registry_newest_on_flow(r, &g->flow);
    uint64_t key = registry_flow_key(&g->flow);
    if (map_add(&r->by_flow, key, g))
        return ERR_NOMEM;
    if (head) {
        map_remove(&r->by_flow, key, head);
        list_add_before(&head->same_flow, &g->same_flow);
    }
    return 0;
}

static void leave_flow(struct registry *r, struct contact *g)
{
    if (is_lost(&g->flow))
        return;
    uint64_t key = registry_flow_key(&g->flow);
    if (registry_newest_on_flow(r, &g->flow) == g) {
        map_remove(&r->by_flow, key, g);
        // Cannot fail: the slot just freed is there.
        if (!list_empty(&g->same_flow))
            (void)map_add(&r->by_flow, key, LIST_ENTRY(g->same_flow.next, struct contact, same_flow));
    }
    list_del(&g->same_flow);
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = (*(struct contact *const *)a)->id, y = (*(struct contact *const *)b)->id;
    return (x > y) - (x < y);
}

int registry_sort_flows(struct registry *r)
{
    size_t n = 0, it = 0;
    struct contact **all = r->by_user.n ? mem_alloc(r->by_user.n * sizeof(struct contact *)) : NULL;
    if (!all)
        return r->by_user.n ? ERR_NOMEM : 0;
    for (struct contact *g; (g = map_next(&r->by_user, &it)) != NULL;)
        all[n++] = g;
    qsort(all, n, sizeof(struct contact *), by_id);
    int e = 0;
    for (size_t i = 0; !e && i < n; i++) {
        leave_flow(r, all[i]);
        e = join_flow(r, all[i]);
    }
    mem_free(all);
    return e;
}

// ---- life of a contact ----

static void unlink_contact(struct registry *r, struct contact *g)
{
    timer_stop(&g->expiry);
    map_remove(&r->by_default, default_key(g), g);
    map_remove(&r->by_user, g->user_key, g);
    for (size_t i = 0; i < g->n_impus; i++)
        map_remove(&r->by_identity, impu_key(g, i), g);
    map_remove(&r->by_pattern, registry_address_key(&g->flow.remote), g);
    leave_flow(r, g);
}

static void tell(struct registry *r, const struct access_flow *f)
{
    if (r->ops && r->ops->flow_changed)
        r->ops->flow_changed(r->arg, f);
}

static bool is_exact(const struct contact *g)
{
    return g->nat || g->outbound;
}

static void put_texts(struct registry *r, struct contact *g)
{
    shared_put(&r->texts, g->home);
    shared_put(&r->texts, g->route);
    shared_put(&r->texts, g->charging);
    shared_put(&r->texts, g->term_ioi);
    for (size_t i = 0; i < g->n_impus + g->n_patterns; i++)
        shared_put(&r->patterns, g->impus[i].pattern);
}

static void contact_free(struct registry *r, struct contact *g)
{
    struct access_flow f = g->flow;
    unlink_contact(r, g);
    if (g->association)
        association_leave(g->association, is_exact(g));
    put_texts(r, g);
    mem_free(g);
    tell(r, &f);
}

static int link_contact(struct registry *r, struct contact *g)
{
    int e = map_add(&r->by_default, default_key(g), g);
    for (size_t i = 0; !e && i < g->n_impus; i++)
        e = map_add(&r->by_identity, impu_key(g, i), g);
    if (!e && g->n_patterns)
        e = map_add(&r->by_pattern, registry_address_key(&g->flow.remote), g);
    if (!e)
        e = map_add(&r->by_user, g->user_key, g);
    return e ? e : join_flow(r, g);
}

static int join_association(struct registry *r, struct contact *g, struct str impi)
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

static void contact_end(struct registry *r, struct contact *g)
{
    kept_end(r, g);
    contact_free(r, g);
}

static void on_expiry(void *arg)
{
    struct contact *g = arg;
    struct registry *r = g->owner;
    if (r->ops && r->ops->expired)
        r->ops->expired(r->arg, g);
    contact_end(r, g);
}

// ---- making one ----

// Identities as they will be kept, in an arena: the distinct ones first.
struct draft_impu {
    struct identity id;
    struct str canon;
    uint64_t hash;
    bool plain; // its canonical form takes no memory of its own
};
struct draft {
    struct arena arena;
    _Alignas(8) char room[DRAFT_ROOM];
    struct draft_impu *impus;
    size_t n_distinct, n; // of impus
    size_t text;          // bytes that they take
    size_t n_new;         // patterns that the registry does not have
};

static int draft_distinct(struct draft *d, const struct registry *r, struct draft_impu *i)
{
    struct identity_key k;
    if (identity_key_init(&k, r->plan, i->id.uri))
        return ERR_NOMEM;
    i->canon = arena_dup(&d->arena, k.text);
    i->hash = k.hash;
    i->plain = str_eq(i->canon, i->id.uri);
    identity_key_done(&k);
    return 0;
}

static void draft_pattern(struct draft *d, const struct registry *r, struct draft_impu *i, size_t max)
{
    const char *why;
    i->canon = wildcard_canon(&d->arena, r->plan, wildcard_from_uri(&d->arena, i->id.uri), &why);
    i->plain = true;
    if (!i->canon.n || shared_has(r->patterns, i->canon))
        return;
    if (shared_count(r->patterns) + d->n_new >= max)
        i->canon = STR_NONE;
    else
        d->n_new++;
}

// One that nothing can be compared with is left out.
static int draft_add(struct draft *d, const struct registry *r, const struct contact_params *p,
                     const struct identity *id, bool pattern)
{
    struct draft_impu *i = &d->impus[d->n];
    int e = 0;
    *i = (struct draft_impu){.id = *id};
    if (pattern)
        draft_pattern(d, r, i, p->max_patterns);
    else
        e = draft_distinct(d, r, i);
    size_t n = id->uri.n + id->display.n;
    if (e || d->arena.failed)
        return ERR_NOMEM;
    if (!i->canon.n || n + i->canon.n > IMPU_TEXT_MAX)
        return 0;
    d->text += n + (i->plain ? 0 : i->canon.n);
    d->n++;
    return 0;
}

static int draft_init(struct draft *d, const struct registry *r, const struct contact_params *p)
{
    arena_init(&d->arena, d->room, sizeof d->room);
    d->impus = arena_alloc(&d->arena, (p->n_identities + 1) * sizeof *d->impus);
    d->n = d->n_distinct = d->n_new = 0;
    d->text = p->contact.n;
    for (int pattern = 0; d->impus && pattern < 2; pattern++) {
        for (size_t i = 0; i < p->n_identities; i++)
            if (identity_is_pattern(&d->arena, p->identities[i].uri) == pattern &&
                draft_add(d, r, p, &p->identities[i], pattern))
                return ERR_NOMEM;
        d->n_distinct = pattern ? d->n_distinct : d->n;
    }
    return d->arena.failed ? ERR_NOMEM : d->n_distinct ? 0 : ERR_INVAL;
}

static char *put_text(char *at, struct str s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static char *put_impu(struct registry *r, struct contact *g, struct contact_impu *to, const struct draft_impu *from,
                      char *at, bool pattern)
{
    *to = (struct contact_impu){.text = at,
                            .hash = from->hash,
                            .n_uri = (uint16_t)from->id.uri.n,
                            .n_display = (uint16_t)from->id.display.n,
                            .n_canon = from->plain ? 0 : (uint16_t)from->canon.n};
    if (pattern)
        to->pattern = shared_get(&r->patterns, from->canon);
    if (pattern)
        g->n_patterns++;
    else
        g->n_impus++;
    at = put_text(put_text(at, from->id.uri), from->id.display);
    return to->n_canon ? put_text(at, from->canon) : at;
}

static bool get_texts(struct registry *r, struct contact *g, const struct contact_params *p)
{
    g->home = shared_get(&r->texts, p->home);
    g->route = shared_get(&r->texts, p->service_route);
    g->charging = p->charging_addresses.n ? shared_get(&r->texts, p->charging_addresses) : NULL;
    g->term_ioi = p->term_ioi.n ? shared_get(&r->texts, p->term_ioi) : NULL;
    bool all = g->home && g->route && (g->charging || !p->charging_addresses.n) && (g->term_ioi || !p->term_ioi.n);
    for (size_t i = g->n_impus; i < g->n_impus + g->n_patterns; i++)
        all = all && g->impus[i].pattern;
    return all;
}

static struct contact *contact_make(struct registry *r, const struct contact_params *p, const struct draft *d)
{
    struct contact *g = mem_zalloc(sizeof *g + d->n * sizeof *g->impus + d->text);
    if (!g)
        return NULL;
    char *at = (char *)&g->impus[d->n];
    g->uri = str_make(at, p->contact.n);
    at = put_text(at, p->contact);
    for (size_t i = 0; i < d->n; i++)
        at = put_impu(r, g, &g->impus[i], &d->impus[i], at, i >= d->n_distinct);
    g->owner = r;
    g->flow = *p->flow;
    list_init(&g->same_flow);
    timer_init(&g->expiry, on_expiry, g);
    g->id = p->id ? p->id : r->last_id + 1;
    if (g->id > r->last_id)
        r->last_id = g->id;
    g->nat = p->nat;
    g->outbound = p->outbound;
    if (get_texts(r, g, p) && join_association(r, g, p->impi) == 0 && link_contact(r, g) == 0)
        return g;
    contact_free(r, g);
    return NULL;
}

// ---- one for another ----

size_t registry_keep(struct registry *r, struct str home, struct str impu,
                     bool (*listed)(void *arg, const struct contact *g), void *arg)
{
    struct identity_key k;
    size_t n = 0, it = 0;
    if (identity_key_init(&k, r->plan, impu))
        return 0;
    for (struct contact *g; (g = registry_next_of_default(r, &k, &it));) {
        if (!str_eq(contact_home(g), home) || listed(arg, g))
            continue;
        contact_end(r, g);
        n++;
        it = 0; // a removal may move an entry to where the walk has been already
    }
    identity_key_done(&k);
    return n;
}

static int replace(struct registry *r, const struct contact_params *p, const struct draft *d)
{
    struct contact *old = registry_replaced_by(r, p, d->impus[0].id.uri);
    struct contact *g = contact_make(r, p, d);
    if (!g)
        return ERR_NOMEM;
    if (kept_take(r, g, old, p->record)) {
        contact_free(r, g);
        return ERR_NOMEM;
    }
    g->expires_at = loop_now(r->loop) / 1000000 + p->expires_ms;
    timer_start(r->loop, &g->expiry, p->expires_ms);
    if (!p->id)
        kept_changed(r, g);
    if (old)
        contact_end(r, old);
    tell(r, &g->flow);
    return 0;
}

int registry_set(struct registry *r, const struct contact_params *p, size_t *ret_refused)
{
    struct draft d;
    int e = draft_init(&d, r, p);
    if (!e)
        e = replace(r, p, &d);
    if (!e && ret_refused)
        *ret_refused = p->n_identities - d.n;
    arena_done(&d.arena);
    return e;
}

// ---- the registry ----

int registry_new(struct loop *l, const struct numbering *plan, const struct registry_ops *ops, void *arg,
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
    r->plan = plan;
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
    struct contact *g;
    while ((g = map_next(&r->by_default, &it))) {
        timer_stop(&g->expiry);
        put_texts(r, g);
        mem_free(g->kept);
        mem_free(g);
    }
    map_done(&r->by_default);
    map_done(&r->by_identity);
    map_done(&r->by_pattern);
    map_done(&r->by_user);
    map_done(&r->by_flow);
    association_table_free(r->associations);
    mem_free(r);
}
