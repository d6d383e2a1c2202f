// SPDX-License-Identifier: Apache-2.0
#include "scscf/covered.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum { WAYS = 8 };

struct place {
    uint64_t hash;   // 0: free
    uint32_t from_s; // when the HSS said it
    uint32_t word;
};

struct covered {
    struct loop *loop;
    uint32_t known_s;
    size_t rows, n; // of WAYS places each; taken
    uint64_t key[2];
    struct place *places; // NULL: none is needed yet
};

static uint32_t now_s(const struct covered *c)
{
    return (uint32_t)(loop_now(c->loop) / 1000000000);
}

static uint64_t hash_of(const struct covered *c, struct str pattern, struct str impu)
{
    uint64_t both[2] = {hash_keyed(c->key, pattern.p, pattern.n), hash_keyed(c->key, impu.p, impu.n)};
    uint64_t h = hash_keyed(c->key, both, sizeof both);
    return h ? h : 1;
}

static struct place *row_of(const struct covered *c, uint64_t hash)
{
    return c->places + (hash % c->rows) * WAYS;
}

static struct place *find(const struct covered *c, uint64_t hash)
{
    struct place *row = c->places ? row_of(c, hash) : NULL;
    for (size_t i = 0; row && i < WAYS; i++)
        if (row[i].hash == hash)
            return &row[i];
    return NULL;
}

enum covered_word covered_find(const struct covered *c, struct str pattern, struct str impu, bool *ret_stale)
{
    const struct place *p = find(c, hash_of(c, pattern, impu));
    *ret_stale = p && now_s(c) - p->from_s >= c->known_s;
    return p ? (enum covered_word)p->word : COVERED_UNKNOWN;
}

// Its own, a free one, else the oldest.
static struct place *place_for(struct covered *c, uint64_t hash)
{
    struct place *own = find(c, hash), *row = row_of(c, hash), *best = row;
    for (size_t i = 0; !own && i < WAYS && best->hash; i++)
        if (!row[i].hash || now_s(c) - row[i].from_s > now_s(c) - best->from_s)
            best = &row[i];
    return own ? own : best;
}

void covered_keep(struct covered *c, struct str pattern, struct str impu, enum covered_word word)
{
    uint64_t hash = hash_of(c, pattern, impu);
    if (!c->places)
        c->places = mem_zalloc(c->rows * WAYS * sizeof *c->places);
    if (!c->places)
        return;
    struct place *p = place_for(c, hash);
    c->n += !p->hash;
    *p = (struct place){hash, now_s(c), word};
}

size_t covered_count(const struct covered *c)
{
    return c->n;
}

size_t covered_bytes(const struct covered *c)
{
    return c->places ? c->rows * WAYS * sizeof *c->places : 0;
}

void covered_set_known(struct covered *c, uint32_t seconds)
{
    c->known_s = seconds;
}

int covered_new(struct loop *l, uint32_t max, struct covered **ret_covered)
{
    struct covered *c = mem_zalloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->loop = l;
    c->rows = max / WAYS ? max / WAYS : 1;
    loop_random(l, c->key, sizeof c->key);
    *ret_covered = c;
    return 0;
}

void covered_free(struct covered *c)
{
    if (!c)
        return;
    mem_free(c->places);
    mem_free(c);
}
