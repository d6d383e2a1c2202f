// SPDX-License-Identifier: Apache-2.0
#include "scscf/unregistered.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct entry {
    struct list age;
    uint64_t due_ms;
    struct profile *profile;
    struct unregistered_user user; // texts behind the struct
};

struct unregistered {
    struct unregistered_params p;
    uint64_t keep_ms;
    struct map by_impu;
    struct list ages; // oldest first; a shorter time to keep may put a later one before its turn
    struct timer timer;
    size_t n;
};

static uint64_t now_ms(const struct unregistered *u)
{
    return loop_now(u->p.loop) / 1000000;
}

static struct entry *find(const struct unregistered *u, struct str impu)
{
    size_t it = 0;
    for (struct entry *e; (e = map_find(&u->by_impu, hash_bytes(impu.p, impu.n), &it));)
        if (str_eq(e->user.impu, impu))
            return e;
    return NULL;
}

static struct entry *oldest(const struct unregistered *u)
{
    return list_empty(&u->ages) ? NULL : LIST_ENTRY(u->ages.next, struct entry, age);
}

static void entry_free(struct unregistered *u, struct entry *e)
{
    map_remove(&u->by_impu, hash_bytes(e->user.impu.p, e->user.impu.n), e);
    list_del(&e->age);
    u->n--;
    profile_free(e->profile);
    mem_free(e);
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

static struct entry *entry_new(struct str impu, struct str impi, struct profile *profile)
{
    struct entry *e = mem_zalloc(sizeof *e + impu.n + impi.n);
    if (!e)
        return NULL;
    char *at = (char *)(e + 1);
    memcpy(at, impu.p, impu.n);
    if (impi.n)
        memcpy(at + impu.n, impi.p, impi.n);
    e->user = (struct unregistered_user){str_make(at, impu.n), str_make(at + impu.n, impi.n), profile};
    e->profile = profile;
    return e;
}

void unregistered_add(struct unregistered *u, struct str impu, struct str impi, struct profile *profile)
{
    unregistered_drop(u, impu);
    struct entry *e = u->keep_ms ? entry_new(impu, impi, profile) : NULL;
    if (e && map_add(&u->by_impu, hash_bytes(impu.p, impu.n), e)) {
        mem_free(e);
        e = NULL;
    }
    if (!e) {
        struct unregistered_user user = {impu, impi, profile};
        u->p.given_back(u->p.arg, &user);
        profile_free(profile);
        return;
    }
    e->due_ms = now_ms(u) + u->keep_ms;
    list_add(&u->ages, &e->age);
    if (++u->n > u->p.max)
        give_back(u, oldest(u));
    arm(u);
}

const struct unregistered_user *unregistered_find(const struct unregistered *u, struct str impu)
{
    const struct entry *e = find(u, impu);
    return e ? &e->user : NULL;
}

void unregistered_drop(struct unregistered *u, struct str impu)
{
    struct entry *e = find(u, impu);
    if (!e)
        return;
    entry_free(u, e);
    arm(u);
}

size_t unregistered_count(const struct unregistered *u)
{
    return u->n;
}

int unregistered_new(const struct unregistered_params *p, struct unregistered **ret_u)
{
    struct unregistered *u = mem_zalloc(sizeof *u);
    if (!u)
        return ERR_NOMEM;
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
    map_done(&u->by_impu);
    mem_free(u);
}
