// SPDX-License-Identifier: Apache-2.0
#include "io/wheel.h"

void wheel_init(struct wheel *w)
{
    memset(w, 0, sizeof *w);
    list_init(&w->expired);
    for (size_t level = 0; level < WHEEL_LEVELS; level++) {
        for (size_t s = 0; s < WHEEL_SLOTS; s++)
            list_init(&w->slot[level][s]);
    }
}

static void list_clear(struct list *head)
{
    while (!list_empty(head))
        list_del(head->next);
}

void wheel_done(struct wheel *w)
{
    list_clear(&w->expired);
    for (size_t level = 0; level < WHEEL_LEVELS; level++) {
        for (size_t s = 0; s < WHEEL_SLOTS; s++)
            list_clear(&w->slot[level][s]);
    }
}

static void place(struct wheel *w, struct timer *t)
{
    unsigned level = (63u - (unsigned)__builtin_clzll(t->due ^ w->now)) / WHEEL_BITS;
    unsigned s = (unsigned)(t->due >> (level * WHEEL_BITS)) & (WHEEL_SLOTS - 1);
    w->occupied[level] |= 1ull << s;
    list_add(&w->slot[level][s], &t->link);
}

void wheel_add(struct wheel *w, struct timer *t, uint64_t due)
{
    const uint64_t end = (1ull << (WHEEL_LEVELS * WHEEL_BITS)) - 1;
    t->due = due > w->now ? due : w->now + 1;
    if (t->due > end)
        t->due = end;
    place(w, t);
}

// The occupied slot that comes first, and the tick at which it begins.
static struct list *next_slot(struct wheel *w, uint64_t *ret_tick)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        while (w->occupied[level]) {
            unsigned s = (unsigned)__builtin_ctzll(w->occupied[level]);
            unsigned low = level * WHEEL_BITS, high = low + WHEEL_BITS;
            if (!list_empty(&w->slot[level][s])) {
                *ret_tick = (w->now >> high << high) | (uint64_t)s << low;
                return &w->slot[level][s];
            }
            w->occupied[level] &= ~(1ull << s);
        }
    }
    return NULL;
}

void wheel_advance(struct wheel *w, uint64_t tick)
{
    struct list *slot, batch;
    uint64_t start;
    while ((slot = next_slot(w, &start)) && start <= tick) {
        w->now = start;
        list_init(&batch);
        list_splice(&batch, slot);
        LIST_EACH(&batch, it) {
            struct timer *t = LIST_ENTRY(it, struct timer, link);
            list_del(it);
            if (t->due <= start)
                list_add(&w->expired, it);
            else
                place(w, t);
        }
    }
    if (tick > w->now)
        w->now = tick;
}

struct timer *wheel_pop(struct wheel *w)
{
    if (list_empty(&w->expired))
        return NULL;
    struct timer *t = LIST_ENTRY(w->expired.next, struct timer, link);
    list_del(&t->link);
    return t;
}

bool wheel_next(struct wheel *w, uint64_t *ret_tick)
{
    if (!list_empty(&w->expired)) {
        *ret_tick = w->now;
        return true;
    }
    return next_slot(w, ret_tick) != NULL;
}
