// SPDX-License-Identifier: Apache-2.0
#include "pcscf/sources.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum { SETS = 4096, WAYS = 4, UNIT = 1000 };

struct source {
    unsigned char ip[8]; // IPv4, or the first half of IPv6
    bool ip6;
    uint64_t level; // UNITs; 0: free
    uint64_t at_ms; // when level was right
};

struct sources {
    uint32_t limit, drain_ms;
    struct source v[SETS][WAYS];
};

int sources_new(uint32_t limit, uint32_t drain_ms, struct sources **ret_sources)
{
    struct sources *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->limit = limit;
    s->drain_ms = drain_ms;
    *ret_sources = s;
    return 0;
}

void sources_free(struct sources *s)
{
    mem_free(s);
}

static struct source key_of(const struct addr *a)
{
    struct source k = {.ip6 = addr_is_ip6(a)};
    if (k.ip6)
        memcpy(k.ip, &a->in6.sin6_addr, 8);
    else
        memcpy(k.ip, &a->in4.sin_addr, 4);
    return k;
}

static struct source *set_of(struct sources *s, const struct source *k)
{
    return s->v[hash_bytes(k->ip, sizeof k->ip) % SETS];
}

static struct source *find(struct sources *s, const struct source *k)
{
    struct source *set = set_of(s, k);
    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].level && set[i].ip6 == k->ip6 && memcmp(set[i].ip, k->ip, sizeof k->ip) == 0)
            return &set[i];
    return NULL;
}

static void drain(const struct sources *s, struct source *o, uint64_t now_ms)
{
    uint64_t ms = now_ms - o->at_ms, gone = o->level;
    if (ms < s->drain_ms)
        gone = ms * s->limit * UNIT / s->drain_ms;
    if (!gone)
        return; // too soon to count, and not to be forgotten
    o->level = o->level > gone ? o->level - gone : 0;
    o->at_ms = now_ms;
}

// A place for a source that has none: the one with the least in it.
static struct source *place_for(struct sources *s, const struct source *k, uint64_t now_ms)
{
    struct source *set = set_of(s, k), *least = set;
    for (unsigned i = 0; i < WAYS; i++) {
        drain(s, &set[i], now_ms);
        if (set[i].level < least->level)
            least = &set[i];
    }
    *least = *k;
    least->at_ms = now_ms;
    return least;
}

bool sources_take(struct sources *s, const struct addr *a, uint64_t now_ms)
{
    struct source k = key_of(a);
    if (!s->limit)
        return true;
    struct source *o = find(s, &k);
    if (o)
        drain(s, o, now_ms);
    else
        o = place_for(s, &k, now_ms);
    if (o->level + UNIT > (uint64_t)s->limit * UNIT)
        return false;
    if (!o->level)
        o->at_ms = now_ms;
    o->level += UNIT;
    return true;
}

void sources_give(struct sources *s, const struct addr *a, unsigned n)
{
    struct source k = key_of(a), *o = find(s, &k);
    uint64_t back = (uint64_t)n * UNIT;
    if (o)
        o->level = o->level > back ? o->level - back : 0;
}
