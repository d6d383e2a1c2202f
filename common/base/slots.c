// SPDX-License-Identifier: Apache-2.0
#include "base/slots.h"

#include "base/mem.h"

enum { SLOTS_MAX = 1 << 24 };

static int grow(struct slots *t)
{
    if (t->n < t->cap)
        return 0;
    uint32_t cap = t->cap ? t->cap * 2 : 64;
    if (t->cap >= SLOTS_MAX)
        return -1;
    struct slot *v = mem_realloc(t->v, cap * sizeof *v);
    if (!v)
        return -1;
    if (!t->v)
        mem_keep(1);
    t->v = v;
    t->cap = cap;
    return 0;
}

uint64_t slots_add(struct slots *t, void *obj)
{
    uint32_t i;
    if (t->free) {
        i = t->free - 1;
        t->free = t->v[i].next_free;
    } else {
        if (grow(t))
            return 0;
        i = t->n++;
        t->v[i] = (struct slot){0};
    }
    t->v[i].obj = obj;
    t->v[i].uses++;
    return t->v[i].uses << 24 | i;
}

void slots_replace(struct slots *t, uint64_t id, void *obj)
{
    if (slots_find(t, id))
        t->v[id & 0xffffff].obj = obj;
}

void slots_remove(struct slots *t, uint64_t id)
{
    if (!slots_find(t, id))
        return;
    struct slot *s = &t->v[id & 0xffffff];
    s->obj = NULL;
    s->next_free = t->free;
    t->free = (uint32_t)(id & 0xffffff) + 1;
}

void slots_done(struct slots *t)
{
    if (t->v)
        mem_keep(-1);
    mem_free(t->v);
    *t = (struct slots){0};
}
