// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include "base/err.h"
#include "base/mem.h"

enum { CAP_MIN = 16 };

struct map_slot {
    uint64_t key;
    void *value; // NULL: free
};

void map_done(struct map *m)
{
    if (m->slots)
        mem_keep(-1);
    mem_free(m->slots);
    *m = (struct map){0};
}

// Keys may be sequential ids: spread them over the slots.
static size_t home(const struct map *m, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (m->cap - 1);
}

static void put(struct map *m, uint64_t key, void *value)
{
    size_t i = home(m, key);
    while (m->slots[i].value)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = (struct map_slot){key, value};
}

static int grow(struct map *m)
{
    struct map bigger = {.cap = m->cap ? m->cap * 2 : CAP_MIN, .n = m->n};
    bigger.slots = mem_zalloc(bigger.cap * sizeof *bigger.slots);
    if (!bigger.slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].value)
            put(&bigger, m->slots[i].key, m->slots[i].value);
    if (!m->slots)
        mem_keep(1);
    mem_free(m->slots);
    *m = bigger;
    return 0;
}

int map_add(struct map *m, uint64_t key, void *value)
{
    if (4 * (m->n + 1) > 3 * m->cap && grow(m))
        return ERR_NOMEM;
    put(m, key, value);
    m->n++;
    return 0;
}

// Backward-shift deletion keeps probe runs unbroken without tombstones.
static void close_gap(struct map *m, size_t gap)
{
    size_t mask = m->cap - 1;
    for (size_t i = (gap + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t want = home(m, m->slots[i].key);
        if (((i - want) & mask) >= ((i - gap) & mask)) {
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    }
    m->slots[gap].value = NULL;
}

void map_remove(struct map *m, uint64_t key, const void *value)
{
    if (!m->cap)
        return;
    for (size_t i = home(m, key); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
        if (m->slots[i].key == key && m->slots[i].value == value) {
            close_gap(m, i);
            m->n--;
            return;
        }
    }
}

void map_replace(struct map *m, uint64_t key, const void *value, void *by)
{
    if (!m->cap)
        return;
    for (size_t i = home(m, key); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
        if (m->slots[i].key == key && m->slots[i].value == value) {
            m->slots[i].value = by;
            return;
        }
    }
}

void *map_find(const struct map *m, uint64_t key, size_t *it)
{
    if (!m->cap)
        return NULL;
    size_t mask = m->cap - 1;
    for (size_t i = *it ? *it & mask : home(m, key); m->slots[i].value; i = (i + 1) & mask) {
        if (m->slots[i].key == key) {
            *it = ((i + 1) & mask) + m->cap; // never 0
            return m->slots[i].value;
        }
    }
    return NULL;
}

void *map_next(const struct map *m, size_t *it)
{
    while (*it < m->cap) {
        void *v = m->slots[(*it)++].value;
        if (v)
            return v;
    }
    return NULL;
}
