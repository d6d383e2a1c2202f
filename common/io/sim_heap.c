// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "io/sim_priv.h"

// Four children a node: half the levels of a binary heap, and siblings share cache lines.
enum { ARITY = 4, CAP_MIN = 256 };

static bool before(const struct sim_slot *a, const struct sim_slot *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void set(struct sim_heap *h, size_t i, struct sim_slot s)
{
    h->slots[i] = s;
    s.e->pos = i;
}

static size_t parent(size_t i)
{
    return (i - 2) / ARITY + 1;
}

static void up(struct sim_heap *h, size_t i, struct sim_slot s)
{
    while (i > 1 && before(&s, &h->slots[parent(i)])) {
        set(h, i, h->slots[parent(i)]);
        i = parent(i);
    }
    set(h, i, s);
}

static void down(struct sim_heap *h, size_t i, struct sim_slot s)
{
    for (;;) {
        size_t first = ARITY * (i - 1) + 2, best = 0;
        for (size_t c = first; c < first + ARITY && c <= h->n; c++) {
            if (!best || before(&h->slots[c], &h->slots[best]))
                best = c;
        }
        if (!best || before(&s, &h->slots[best]))
            break;
        set(h, i, h->slots[best]);
        i = best;
    }
    set(h, i, s);
}

static bool grow(struct sim_heap *h, size_t want)
{
    if (want < h->cap)
        return true;
    size_t cap = h->cap ? h->cap * 2 : CAP_MIN;
    struct sim_slot *p = mem_realloc(h->slots, cap * sizeof *p);
    if (!p)
        return false;
    h->slots = p;
    h->cap = cap;
    return true;
}

bool sim_heap_reserve(struct sim_heap *h, size_t more)
{
    if (!grow(h, h->n + h->reserved + more + 1))
        return false;
    h->reserved += more;
    return true;
}

bool sim_heap_put(struct sim_heap *h, struct sim_event *e, uint64_t at, bool reserved)
{
    struct sim_slot s = {.at = at, .seq = ++h->seq, .e = e};
    if (e->pos) {
        if (before(&s, &h->slots[e->pos]))
            up(h, e->pos, s);
        else
            down(h, e->pos, s);
        return true;
    }
    if (!reserved && !grow(h, h->n + h->reserved + 2))
        return false;
    up(h, ++h->n, s);
    return true;
}

void sim_heap_remove(struct sim_heap *h, struct sim_event *e)
{
    size_t i = e->pos;
    if (!i)
        return;
    e->pos = 0;
    struct sim_slot last = h->slots[h->n--];
    if (last.e == e)
        return;
    if (i > 1 && before(&last, &h->slots[parent(i)]))
        up(h, i, last);
    else
        down(h, i, last);
}

void sim_heap_done(struct sim_heap *h)
{
    mem_free(h->slots);
    *h = (struct sim_heap){0};
}
