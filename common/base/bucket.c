// SPDX-License-Identifier: Apache-2.0
#include "base/bucket.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct bucket {
    uint64_t key;
    uint64_t full_at; // when it is full again; not later than now: as if it were not there
};

struct bucket_table {
    struct bucket_rate rate;
    uint64_t depth; // ns from an empty bucket to a full one
    uint64_t forgotten;
    size_t sets; // a power of two
    struct bucket v[];
};

static const uint64_t NS_MAX = UINT64_MAX / 16;

static bool limited(const struct bucket_table *t)
{
    return t->depth != 0;
}

void bucket_table_set_rate(struct bucket_table *t, struct bucket_rate rate)
{
    if (rate.burst && rate.every_ns > NS_MAX / rate.burst)
        rate.every_ns = NS_MAX / rate.burst;
    t->rate = rate;
    t->depth = rate.every_ns * rate.burst;
}

int bucket_table_new(size_t keys, struct bucket_rate rate, struct bucket_table **ret_table)
{
    size_t sets = 1;
    while (sets * BUCKET_WAYS < keys)
        sets *= 2;
    struct bucket_table *t = mem_zalloc(sizeof *t + sets * BUCKET_WAYS * sizeof *t->v);
    if (!t)
        return ERR_NOMEM;
    t->sets = sets;
    bucket_table_set_rate(t, rate);
    *ret_table = t;
    return 0;
}

void bucket_table_free(struct bucket_table *t)
{
    mem_free(t);
}

static size_t set_of(const struct bucket_table *t, uint64_t key)
{
    return (size_t)(key & (t->sets - 1)) * BUCKET_WAYS;
}

static size_t find(const struct bucket_table *t, uint64_t key)
{
    size_t set = set_of(t, key);
    for (size_t i = set; i < set + BUCKET_WAYS; i++)
        if (t->v[i].key == key)
            return i;
    return SIZE_MAX;
}

static uint64_t full_at(const struct bucket_table *t, uint64_t key, uint64_t now)
{
    size_t i = find(t, key);
    return i != SIZE_MAX && t->v[i].full_at > now ? t->v[i].full_at : now;
}

// Taking one token makes the bucket full one interval later; it must not be later than a whole
// depth from now. After a change of the rate full_at may be anything.
static uint64_t wait_of(const struct bucket_table *t, uint64_t full, uint64_t now)
{
    uint64_t after = full + t->rate.every_ns, most = now + t->depth;
    return after > most ? after - most : 0;
}

static struct bucket *place_for(struct bucket_table *t, uint64_t key, uint64_t now)
{
    size_t i = find(t, key), set = set_of(t, key);
    if (i != SIZE_MAX)
        return &t->v[i];
    struct bucket *b = &t->v[set];
    for (i = set + 1; i < set + BUCKET_WAYS; i++)
        if (t->v[i].full_at < b->full_at)
            b = &t->v[i];
    if (b->full_at > now && wait_of(t, b->full_at, now))
        t->forgotten++;
    *b = (struct bucket){key, now};
    return b;
}

bool bucket_take(struct bucket_table *t, uint64_t key, uint64_t now_ns)
{
    if (!limited(t))
        return true;
    uint64_t full = full_at(t, key, now_ns);
    if (wait_of(t, full, now_ns))
        return false;
    place_for(t, key, now_ns)->full_at = full + t->rate.every_ns;
    return true;
}

uint64_t bucket_wait(const struct bucket_table *t, uint64_t key, uint64_t now_ns)
{
    return limited(t) ? wait_of(t, full_at(t, key, now_ns), now_ns) : 0;
}

bool bucket_has(const struct bucket_table *t, uint64_t key, uint64_t now_ns)
{
    return bucket_wait(t, key, now_ns) == 0;
}

bool bucket_is_full(const struct bucket_table *t, uint64_t key, uint64_t now_ns)
{
    return !limited(t) || full_at(t, key, now_ns) == now_ns;
}

uint32_t bucket_retry_s(const struct bucket_table *t, uint64_t key, uint64_t now_ns)
{
    uint64_t s = (bucket_wait(t, key, now_ns) + 999999999) / 1000000000;
    return s > UINT32_MAX ? UINT32_MAX : s ? (uint32_t)s : 1;
}

void bucket_give(struct bucket_table *t, uint64_t key, uint32_t n, uint64_t now_ns)
{
    size_t i = find(t, key);
    if (i == SIZE_MAX || !limited(t))
        return;
    uint64_t back = n < t->rate.burst ? n * t->rate.every_ns : t->depth;
    uint64_t owed = t->v[i].full_at > now_ns ? t->v[i].full_at - now_ns : 0;
    t->v[i].full_at = now_ns + (owed > back ? owed - back : 0);
}

uint64_t bucket_key_of(uint64_t a, uint64_t b)
{
    uint64_t both[2] = {a, b};
    return hash_bytes(both, sizeof both);
}

uint64_t bucket_forgotten(const struct bucket_table *t)
{
    return t->forgotten;
}
