// SPDX-License-Identifier: Apache-2.0
#include "pcscf/association.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

// An address that somebody is registered at.
struct place {
    struct addr at; // without port
    uint64_t key;
    size_t n;
    struct list associations;
};

// The address is the association's.
struct heard {
    flow_id id; // of a connection
    uint16_t port;
    uint8_t proto;
};

struct association {
    struct association_table *owner;
    struct place *place;
    struct list of_place;
    size_t n_contacts, n_exact;
    uint64_t user, key;
    struct heard *heard; // the oldest first; NULL until there is one
    uint8_t n_heard;
    bool no_tcp;
    struct str impi; // behind the struct
};

struct association_table {
    struct map places, by_user; // by address; by address and user
    size_t shared, flows;
    uint64_t flows_replaced, changes;
};

// ---- addresses ----

static uint64_t place_key(const struct addr *a)
{
    return addr_is_ip6(a) ? hash_bytes(&a->in6.sin6_addr, 16) : hash_bytes(&a->in4.sin_addr, 4);
}

static struct place *place_find(const struct association_table *t, const struct addr *at)
{
    size_t it = 0;
    for (struct place *p; (p = map_find(&t->places, place_key(at), &it));)
        if (addr_eq_ip(&p->at, at))
            return p;
    return NULL;
}

static struct place *place_get(struct association_table *t, const struct addr *at)
{
    struct place *p = place_find(t, at);
    if (p)
        return p;
    p = mem_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->at = *at;
    addr_set_port(&p->at, 0);
    p->key = place_key(at);
    list_init(&p->associations);
    if (!map_add(&t->places, p->key, p))
        return p;
    mem_free(p);
    return NULL;
}

static void place_put(struct association_table *t, struct place *p)
{
    if (p->n)
        return;
    map_remove(&t->places, p->key, p);
    mem_free(p);
}

static struct association *first_at(const struct place *p)
{
    return LIST_ENTRY(p->associations.next, struct association, of_place);
}

static bool is_shared(const struct place *p)
{
    return p->n > 1 || (p->n && first_at(p)->n_exact);
}

static void forget_heard(struct association *a)
{
    a->owner->flows -= a->n_heard;
    mem_free(a->heard);
    a->heard = NULL;
    a->n_heard = 0;
}

// What was heard by the address alone proves nothing any more.
static void recount(struct association_table *t, struct place *p, bool was_shared)
{
    bool shared = is_shared(p);
    t->changes += shared != was_shared;
    t->shared = t->shared + shared - was_shared;
    if (!shared || was_shared)
        return;
    LIST_EACH(&p->associations, it)
        forget_heard(LIST_ENTRY(it, struct association, of_place));
}

// ---- life ----

int association_table_new(struct association_table **ret_table)
{
    struct association_table *t = mem_zalloc(sizeof *t);
    if (!t)
        return ERR_NOMEM;
    *ret_table = t;
    return 0;
}

void association_table_free(struct association_table *t)
{
    if (!t)
        return;
    size_t it = 0;
    for (struct place *p; (p = map_next(&t->places, &it));) {
        LIST_EACH(&p->associations, i) {
            struct association *a = LIST_ENTRY(i, struct association, of_place);
            mem_free(a->heard);
            mem_free(a);
        }
        mem_free(p);
    }
    map_done(&t->places);
    map_done(&t->by_user);
    mem_free(t);
}

struct association_stats association_stats(const struct association_table *t)
{
    return (struct association_stats){.associations = t->by_user.n,
                                      .addresses = t->places.n,
                                      .shared = t->shared,
                                      .flows = t->flows,
                                      .flows_replaced = t->flows_replaced,
                                      .changes = t->changes};
}

static uint64_t key_of(uint64_t place, uint64_t user)
{
    uint64_t both[2] = {place, user};
    return hash_bytes(both, sizeof both);
}

struct association *association_find(const struct association_table *t, const struct addr *at,
                                     uint64_t user)
{
    size_t it = 0;
    for (struct association *a; (a = map_find(&t->by_user, key_of(place_key(at), user), &it));)
        if (a->user == user && addr_eq_ip(&a->place->at, at))
            return a;
    return NULL;
}

static struct association *association_new(struct association_table *t, const struct addr *at,
                                           struct str impi, uint64_t user)
{
    struct association *a = mem_zalloc(sizeof *a + impi.n);
    if (!a)
        return NULL;
    a->owner = t;
    a->user = user;
    a->impi = str_make((char *)(a + 1), impi.n);
    if (impi.n)
        memcpy(a + 1, impi.p, impi.n);
    list_init(&a->of_place);
    a->place = place_get(t, at);
    if (!a->place) {
        mem_free(a);
        return NULL;
    }
    a->key = key_of(a->place->key, a->user);
    if (!map_add(&t->by_user, a->key, a))
        return a;
    place_put(t, a->place);
    mem_free(a);
    return NULL;
}

int association_get(struct association_table *t, const struct addr *at, struct str impi,
                    uint64_t user, struct association **ret_association)
{
    struct association *a = association_find(t, at, user);
    if (!a) {
        a = association_new(t, at, impi, user);
        if (!a)
            return ERR_NOMEM;
        bool was_shared = is_shared(a->place);
        list_add(&a->place->associations, &a->of_place);
        a->place->n++;
        t->changes++;
        recount(t, a->place, was_shared);
    }
    *ret_association = a;
    return 0;
}

void association_give_back(struct association *a)
{
    if (!a || a->n_contacts)
        return;
    struct association_table *t = a->owner;
    struct place *p = a->place;
    bool was_shared = is_shared(p);
    forget_heard(a);
    map_remove(&t->by_user, a->key, a);
    list_del(&a->of_place);
    p->n--;
    t->changes++;
    mem_free(a);
    recount(t, p, was_shared);
    place_put(t, p);
}

void association_join(struct association *a, bool exact)
{
    bool was_shared = is_shared(a->place);
    a->n_contacts++;
    a->n_exact += exact;
    a->no_tcp = false;
    recount(a->owner, a->place, was_shared);
}

void association_leave(struct association *a, bool exact)
{
    bool was_shared = is_shared(a->place);
    a->n_contacts--;
    a->n_exact -= exact;
    recount(a->owner, a->place, was_shared);
    association_give_back(a);
}

// ---- look-up ----

struct association *association_alone(const struct association_table *t, const struct addr *at)
{
    const struct place *p = place_find(t, at);
    return p && p->n && !is_shared(p) ? first_at(p) : NULL;
}

bool association_any(const struct association_table *t, const struct addr *at)
{
    return place_find(t, at) != NULL;
}

struct str association_impi(const struct association *a)
{
    return a->impi;
}

uint64_t association_key(const struct association *a)
{
    return a->key;
}

// ---- flows ----

static bool is_flow(const struct heard *h, const struct access_flow *f)
{
    return h->proto == f->proto &&
           (f->proto == SIP_PROTO_UDP ? h->port == addr_port(&f->remote) : h->id == f->id);
}

static size_t find_heard(const struct association *a, const struct access_flow *f)
{
    size_t i = 0;
    while (i < a->n_heard && !is_flow(&a->heard[i], f))
        i++;
    return i;
}

bool association_heard(const struct association *a, const struct access_flow *f)
{
    return find_heard(a, f) < a->n_heard;
}

static void take_out(struct association *a, size_t i)
{
    memmove(a->heard + i, a->heard + i + 1, (a->n_heard - i - 1u) * sizeof *a->heard);
    a->n_heard--;
    a->owner->flows--;
}

bool association_hear(struct association *a, const struct access_flow *f, flow_id *ret_gone)
{
    size_t i = find_heard(a, f);
    bool known = i < a->n_heard;
    flow_id gone = 0;
    if (!a->heard)
        a->heard = mem_zalloc(ASSOCIATION_FLOWS * sizeof *a->heard);
    if (!a->heard)
        return false; // it stays a stranger's
    if (!known && a->n_heard == ASSOCIATION_FLOWS) {
        i = 0;
        gone = a->heard[0].id;
        a->owner->changes++;
        a->owner->flows_replaced++;
    }
    if (i < a->n_heard)
        take_out(a, i);
    a->heard[a->n_heard++] = (struct heard){.id = f->proto == SIP_PROTO_UDP ? 0 : f->id,
                                            .port = addr_port(&f->remote),
                                            .proto = (uint8_t)f->proto};
    a->owner->flows++;
    if (ret_gone)
        *ret_gone = gone;
    return !known;
}

flow_id association_connection(const struct association *a, size_t *it)
{
    while (*it < a->n_heard) {
        const struct heard *h = &a->heard[a->n_heard - ++*it];
        if (h->id)
            return h->id;
    }
    return 0;
}

void association_set_no_tcp(struct association *a, bool no_tcp)
{
    a->no_tcp = no_tcp;
}

bool association_no_tcp(const struct association *a)
{
    return a->no_tcp;
}
