// SPDX-License-Identifier: Apache-2.0
#include "scscf/unregistered.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct entry {
    struct list age;
    uint64_t due_ms, round;
    struct registration *set; // without contacts, of u->sets; NULL: the HSS gave no profile
    struct str called;        // texts behind the struct
    size_t index, bytes;
    struct unregistered_user user;
};

struct unregistered {
    struct unregistered_params p;
    uint64_t keep_ms, round;
    struct registrar *sets; // what their profiles are found by
    struct map by_set, by_called;
    struct list ages; // oldest first; a shorter time to keep may put a later one before its turn
    struct timer timer;
    size_t n, bytes;
};

static uint64_t now_ms(const struct unregistered *u)
{
    return loop_now(u->p.loop) / 1000000;
}

static struct entry *of_set(const struct unregistered *u, const struct registration *set)
{
    size_t it = 0;
    return set ? map_find(&u->by_set, (uintptr_t)set, &it) : NULL;
}

static struct entry *of_called(const struct unregistered *u, struct str called)
{
    size_t it = 0;
    for (struct entry *e; (e = map_find(&u->by_called, hash_bytes(called.p, called.n), &it));)
        if (str_eq(e->called, called))
            return e;
    return NULL;
}

static struct entry *oldest(const struct unregistered *u)
{
    return list_empty(&u->ages) ? NULL : LIST_ENTRY(u->ages.next, struct entry, age);
}

static void entry_free(struct unregistered *u, struct entry *e)
{
    map_remove(&u->by_called, hash_bytes(e->called.p, e->called.n), e);
    if (e->set) {
        map_remove(&u->by_set, (uintptr_t)e->set, e);
        registration_free(e->set);
    }
    list_del(&e->age);
    u->n--;
    u->bytes -= e->bytes;
    mem_free(e);
}

// What was called is another's by now.
static void forget_called(struct unregistered *u, struct entry *e)
{
    map_remove(&u->by_called, hash_bytes(e->called.p, e->called.n), e);
    e->called = STR_NONE;
    if (!e->set)
        entry_free(u, e);
}

static void give_back(struct unregistered *u, struct entry *e)
{
    u->p.given_back(u->p.arg, &e->user);
    entry_free(u, e);
}

static void arm(struct unregistered *u)
{
    struct entry *e = oldest(u);
    uint64_t now = now_ms(u);
    timer_stop(&u->timer);
    if (e)
        timer_start(u->p.loop, &u->timer, e->due_ms > now ? e->due_ms - now : 0);
}

static void on_due(void *arg)
{
    struct unregistered *u = arg;
    uint64_t now = now_ms(u);
    for (struct entry *e; (e = oldest(u)) && e->due_ms <= now;)
        give_back(u, e);
    arm(u);
}

// ---- of the same set ----

// Each is compared once in a round, however many identities they have in common.
static void drop_with(struct unregistered *u, const struct registration *reg, struct str impu)
{
    size_t it = 0;
    struct entry *e = of_called(u, impu);
    if (e && !e->set)
        entry_free(u, e);
    for (struct registration *set; (set = registrar_next_with(u->sets, impu, &it, NULL));) {
        e = of_set(u, set);
        if (!e || set == reg || e->round == u->round)
            continue;
        e->round = u->round;
        if (registration_is_apart(reg, registration_profile(set)))
            continue;
        entry_free(u, e);
        it = 0;
    }
}

static void drop_set(struct unregistered *u, const struct registration *reg)
{
    size_t n = profile_identity_count(registration_profile(reg));
    u->round++;
    for (size_t i = 0; u->n && i < n; i++)
        if (registration_canon(reg, i).n)
            drop_with(u, reg, registration_canon(reg, i));
}

void unregistered_drop(struct unregistered *u, const struct registration *reg)
{
    drop_set(u, reg);
    arm(u);
}

// ---- one more ----

static struct str put(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct entry *entry_new(const struct unregistered_new *n)
{
    size_t bytes = sizeof(struct entry) + n->called.n + n->impu.n + n->impi.n;
    struct entry *e = mem_zalloc(bytes);
    if (!e)
        return NULL;
    char *at = (char *)(e + 1);
    e->called = put(&at, n->called);
    e->user.impu = put(&at, n->impu);
    e->user.impi = put(&at, n->impi);
    e->user.by_pattern = n->by_pattern;
    e->index = n->index;
    e->bytes = bytes + n->bytes;
    return e;
}

// Takes the profile. ERR_NOMEM: all is as before.
static int file(struct unregistered *u, struct entry *e, struct profile *profile)
{
    if (profile && registrar_add(u->sets, profile, &e->set))
        return ERR_NOMEM;
    int err = e->set ? map_add(&u->by_set, (uintptr_t)e->set, e) : 0;
    if (!err && map_add(&u->by_called, hash_bytes(e->called.p, e->called.n), e)) {
        map_remove(&u->by_set, (uintptr_t)e->set, e);
        err = ERR_NOMEM;
    }
    if (err)
        registration_free(e->set);
    e->user.profile = profile;
    return err;
}

static int keep(struct unregistered *u, const struct unregistered_new *n)
{
    struct entry *e = entry_new(n);
    struct entry *before = of_called(u, n->called);
    int err = ERR_NOMEM;
    if (!e)
        profile_free(n->profile);
    else
        err = file(u, e, n->profile);
    if (err) {
        mem_free(e);
        return err;
    }
    e->due_ms = now_ms(u) + u->keep_ms;
    list_add(&u->ages, &e->age);
    u->n++;
    u->bytes += e->bytes;
    if (before)
        forget_called(u, before);
    if (e->set)
        drop_set(u, e->set);
    while (u->n > 1 && (u->n > u->p.max || u->bytes > u->p.max_bytes))
        give_back(u, oldest(u));
    return 0;
}

void unregistered_add(struct unregistered *u, const struct unregistered_new *n)
{
    int err = ERR_NOTFOUND;
    if (u->keep_ms)
        err = keep(u, n);
    else
        profile_free(n->profile);
    if (err) {
        struct unregistered_user user = {
            .impu = n->impu, .impi = n->impi, .by_pattern = n->by_pattern};
        u->p.given_back(u->p.arg, &user);
    }
    arm(u);
}

// ---- who is kept ----

const struct unregistered_user *unregistered_find(const struct unregistered *u,
                                                  const struct str *impus, size_t n, struct str key,
                                                  size_t *ret_index)
{
    const struct registration *set = NULL;
    size_t index = 0;
    for (size_t i = 0; !set && i < n; i++)
        set = registrar_find(u->sets, impus[i], &index);
    if (!set && key.n)
        set = registrar_find_pattern(u->sets, key, &index);
    const struct entry *e = set ? of_set(u, set) : n ? of_called(u, impus[0]) : NULL;
    if (!e)
        return NULL;
    *ret_index = set ? index : e->index;
    return &e->user;
}

size_t unregistered_count(const struct unregistered *u)
{
    return u->n;
}

size_t unregistered_bytes(const struct unregistered *u)
{
    return u->bytes;
}

// ---- life ----

int unregistered_new(const struct unregistered_params *p, struct unregistered **ret_u)
{
    struct unregistered *u = mem_zalloc(sizeof *u);
    if (!u)
        return ERR_NOMEM;
    struct registrar_params sets = {.loop = p->loop, .plan = p->plan};
    if (registrar_new(&sets, &u->sets)) {
        mem_free(u);
        return ERR_NOMEM;
    }
    u->p = *p;
    list_init(&u->ages);
    timer_init(&u->timer, on_due, u);
    *ret_u = u;
    return 0;
}

void unregistered_set_keep(struct unregistered *u, uint32_t seconds)
{
    u->keep_ms = (uint64_t)seconds * 1000;
}

void unregistered_free(struct unregistered *u)
{
    if (!u)
        return;
    timer_stop(&u->timer);
    for (struct entry *e; (e = oldest(u));)
        entry_free(u, e);
    map_done(&u->by_set);
    map_done(&u->by_called);
    registrar_free(u->sets);
    mem_free(u);
}
