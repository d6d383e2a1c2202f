// SPDX-License-Identifier: Apache-2.0
// Who is subscribed to what, and how many subscriptions each has.
#include "base/err.h"
#include "base/hash.h"
#include "stack/event/event_priv.h"

static uint64_t resource_key(const struct event_package *p, struct str name)
{
    return hash_bytes(name.p, name.n) * 31 + hash_bytes(p->name.p, p->name.n);
}

struct resource *resource_find(const struct event *e, const struct event_package *p,
                               struct str name)
{
    size_t it = 0;
    for (struct resource *r; (r = map_find(&e->resources, resource_key(p, name), &it));)
        if (r->package == p && str_eq(resource_name(r), name))
            return r;
    return NULL;
}

struct resource *resource_get(struct event *e, const struct event_package *p, struct str name)
{
    struct resource *r = resource_find(e, p, name);
    if (r)
        return r;
    r = mem_zalloc(sizeof *r + name.n);
    if (!r)
        return NULL;
    r->package = p;
    r->key = resource_key(p, name);
    r->n = name.n;
    if (name.n)
        memcpy(r->name, name.p, name.n);
    list_init(&r->subs);
    if (map_add(&e->resources, r->key, r)) {
        mem_free(r);
        return NULL;
    }
    return r;
}

void resource_add(struct resource *r, struct notifier *n)
{
    n->resource = r;
    list_add(&r->subs, &n->of_resource);
    r->n_subs++;
}

void resource_remove(struct event *e, struct notifier *n)
{
    struct resource *r = n->resource;
    if (!r)
        return;
    for (struct resource_walk *w = r->walks; w; w = w->outer)
        if (w->next == &n->of_resource)
            w->next = n->of_resource.next;
    list_del(&n->of_resource);
    n->resource = NULL;
    r->n_subs--;
    resource_release(e, r);
}

void resource_release(struct event *e, struct resource *r)
{
    if (r->n_subs || r->pins)
        return;
    map_remove(&e->resources, r->key, r);
    mem_free(r);
}

void resource_walk_begin(struct resource *r, struct resource_walk *w)
{
    *w = (struct resource_walk){.next = r->subs.next, .outer = r->walks};
    r->walks = w;
    r->pins++;
}

struct notifier *resource_walk_next(struct resource *r, struct resource_walk *w)
{
    struct list *it = w->next;
    if (it == &r->subs)
        return NULL;
    w->next = it->next;
    return LIST_ENTRY(it, struct notifier, of_resource);
}

void resource_walk_end(struct event *e, struct resource *r, struct resource_walk *w)
{
    r->walks = w->outer;
    r->pins--;
    resource_release(e, r);
}

// ---- who subscribes ----

struct person *person_find(const struct event *e, struct str name)
{
    size_t it = 0;
    for (struct person *p; (p = map_find(&e->people, hash_bytes(name.p, name.n), &it));)
        if (str_eq(str_make(p->name, p->n_name), name))
            return p;
    return NULL;
}

static struct person *person_new(struct event *e, struct str name)
{
    struct person *p = mem_zalloc(sizeof *p + name.n);
    if (!p)
        return NULL;
    p->key = hash_bytes(name.p, name.n);
    p->n_name = (uint32_t)name.n;
    if (name.n)
        memcpy(p->name, name.p, name.n);
    if (!map_add(&e->people, p->key, p))
        return p;
    mem_free(p);
    return NULL;
}

int person_add(struct event *e, struct str name, struct person **ret_person)
{
    struct person *p = person_find(e, name);
    if (!p && !(p = person_new(e, name)))
        return ERR_NOMEM;
    p->n++;
    *ret_person = p;
    return 0;
}

void person_remove(struct event *e, struct person *p)
{
    if (!p || --p->n)
        return;
    map_remove(&e->people, p->key, p);
    mem_free(p);
}
