// SPDX-License-Identifier: Apache-2.0
// Ids that are never reused, found without hashing: the low 24 bits are a slot, the rest counts the
// slot's uses. 0 is no id.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct slot {
    void *obj;
    uint64_t uses;
    uint32_t next_free;
};

struct slots {
    struct slot *v;
    uint32_t n, cap, free; // free: index + 1 of the first free slot
};

// New id for obj; 0 when out of memory or slots.
uint64_t slots_add(struct slots *t, void *obj);
// obj takes the place of what is there under this id; harmless when it has gone.
void slots_replace(struct slots *t, uint64_t id, void *obj);
void slots_remove(struct slots *t, uint64_t id);
void slots_done(struct slots *t);

// The object, NULL when it has gone.
static inline void *slots_find(const struct slots *t, uint64_t id)
{
    uint32_t i = (uint32_t)(id & 0xffffff);
    if (i >= t->n || t->v[i].uses != id >> 24)
        return NULL;
    return t->v[i].obj;
}
