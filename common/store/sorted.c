// SPDX-License-Identifier: Apache-2.0
#include "store/sorted.h"

#include "base/err.h"
#include "base/mem.h"

enum { CHUNK = 256, CAP_MIN = 64 };

struct sorted_chunk {
    size_t n; // never 0
    struct sorted_entry *e[CHUNK];
};

static int compare(const struct sorted_entry *e, struct str key)
{
    size_t n = e->key_n < key.n ? e->key_n : key.n;
    int c = n ? memcmp(e->key, key.p, n) : 0;
    return c ? c : (e->key_n > key.n) - (e->key_n < key.n);
}

void sorted_done(struct sorted *s)
{
    for (size_t i = 0; i < s->n_chunks; i++) {
        for (size_t j = 0; j < s->chunks[i]->n; j++)
            mem_free(s->chunks[i]->e[j]);
        mem_free(s->chunks[i]);
    }
    mem_free(s->chunks);
    *s = (struct sorted){0};
}

// The last chunk that begins with key or before it; 0 when none does.
static size_t chunk_of(const struct sorted *s, struct str key)
{
    size_t low = 0, high = s->n_chunks;
    while (low + 1 < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(s->chunks[mid]->e[0], key) <= 0)
            low = mid;
        else
            high = mid;
    }
    return low;
}

// The first place in the chunk whose key is not smaller.
static size_t place_in(const struct sorted_chunk *c, struct str key)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(c->e[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool comes_last(const struct sorted *s, struct str key)
{
    if (!s->n_chunks)
        return true;
    const struct sorted_chunk *last = s->chunks[s->n_chunks - 1];
    return compare(last->e[last->n - 1], key) < 0;
}

struct sorted_entry *sorted_find(const struct sorted *s, struct str key)
{
    if (comes_last(s, key)) // what comes in order costs no search
        return NULL;
    const struct sorted_chunk *c = s->chunks[chunk_of(s, key)];
    size_t i = place_in(c, key);
    return i < c->n && compare(c->e[i], key) == 0 ? c->e[i] : NULL;
}

static int chunk_insert(struct sorted *s, size_t at)
{
    if (s->n_chunks == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : CAP_MIN;
        struct sorted_chunk **bigger = mem_realloc(s->chunks, cap * sizeof(*bigger));
        if (!bigger)
            return ERR_NOMEM;
        s->chunks = bigger;
        s->cap = cap;
    }
    struct sorted_chunk *c = mem_alloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->n = 0;
    memmove(s->chunks + at + 1, s->chunks + at, (s->n_chunks - at) * sizeof(struct sorted_chunk *));
    s->chunks[at] = c;
    s->n_chunks++;
    return 0;
}

static void chunk_remove(struct sorted *s, size_t at)
{
    mem_free(s->chunks[at]);
    s->n_chunks--;
    memmove(s->chunks + at, s->chunks + at + 1, (s->n_chunks - at) * sizeof(struct sorted_chunk *));
}

static void insert_in(struct sorted_chunk *c, size_t i, struct sorted_entry *e)
{
    memmove(c->e + i + 1, c->e + i, (c->n - i) * sizeof(struct sorted_entry *));
    c->e[i] = e;
    c->n++;
}

static int append(struct sorted *s, struct sorted_entry *e)
{
    if (!s->n_chunks || s->chunks[s->n_chunks - 1]->n == CHUNK) {
        int err = chunk_insert(s, s->n_chunks);
        if (err)
            return err;
    }
    struct sorted_chunk *last = s->chunks[s->n_chunks - 1];
    last->e[last->n++] = e;
    s->n++;
    return 0;
}

int sorted_add(struct sorted *s, struct sorted_entry *e)
{
    struct str key = sorted_key(e);
    if (comes_last(s, key))
        return append(s, e);
    size_t at = chunk_of(s, key);
    struct sorted_chunk *c = s->chunks[at];
    size_t i = place_in(c, key);
    if (c->n == CHUNK) {
        int err = chunk_insert(s, at + 1);
        if (err)
            return err;
        struct sorted_chunk *upper = s->chunks[at + 1];
        c->n = CHUNK / 2;
        upper->n = CHUNK - CHUNK / 2;
        memcpy(upper->e, c->e + CHUNK / 2, upper->n * sizeof(struct sorted_entry *));
        if (i > CHUNK / 2) {
            c = upper;
            i -= CHUNK / 2;
        }
    }
    insert_in(c, i, e);
    s->n++;
    return 0;
}

// Two neighbours that have become small are one.
static void join(struct sorted *s, size_t at)
{
    if (at + 1 >= s->n_chunks)
        return;
    struct sorted_chunk *c = s->chunks[at], *next = s->chunks[at + 1];
    if (c->n + next->n > CHUNK / 2)
        return;
    memcpy(c->e + c->n, next->e, next->n * sizeof(struct sorted_entry *));
    c->n += next->n;
    chunk_remove(s, at + 1);
}

void sorted_remove(struct sorted *s, const struct sorted_entry *e)
{
    size_t at = chunk_of(s, sorted_key(e));
    struct sorted_chunk *c = s->chunks[at];
    size_t i = place_in(c, sorted_key(e));
    c->n--;
    memmove(c->e + i, c->e + i + 1, (c->n - i) * sizeof(struct sorted_entry *));
    s->n--;
    if (c->n == 0) {
        chunk_remove(s, at);
    } else if (c->n < CHUNK / 4) {
        join(s, at);
        if (at > 0)
            join(s, at - 1);
    }
}

struct sorted_at sorted_from(const struct sorted *s, struct str key, bool after)
{
    struct sorted_at at = {0, 0};
    if (!s->n_chunks)
        return at;
    at.chunk = chunk_of(s, key);
    const struct sorted_chunk *c = s->chunks[at.chunk];
    at.i = place_in(c, key);
    if (after && at.i < c->n && compare(c->e[at.i], key) == 0)
        at.i++;
    return at;
}

struct sorted_entry *sorted_next(const struct sorted *s, struct sorted_at *at)
{
    while (at->chunk < s->n_chunks && at->i >= s->chunks[at->chunk]->n)
        *at = (struct sorted_at){at->chunk + 1, 0};
    return at->chunk < s->n_chunks ? s->chunks[at->chunk]->e[at->i++] : NULL;
}

size_t sorted_memory(const struct sorted *s)
{
    return s->n_chunks * sizeof(struct sorted_chunk) + s->cap * sizeof(struct sorted_chunk *);
}
