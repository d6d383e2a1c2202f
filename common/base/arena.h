// SPDX-License-Identifier: Apache-2.0
// Bump allocator: many small allocations, freed together. One arena belongs to each received or
// built message. Failure is sticky: allocate freely, test arena.failed once at the end.
#pragma once

#include "base/str.h"

struct arena_chunk;

struct arena {
    char *p, *end;             // free space in the present chunk
    struct arena_chunk *chunks;// heap chunks, newest first
    size_t next_size;          // size of the next heap chunk in bytes
    size_t heap, heap_max;     // bytes of heap chunks; how many they may become, 0: any number
    bool failed;               // an allocation failed since init
    bool full;                 // because of heap_max
};

// Starts an arena. first (n bytes, may be NULL) is caller-owned memory used before the heap.
void arena_init(struct arena *a, void *first, size_t n);

// Frees all heap chunks. The arena may be initialised again.
void arena_done(struct arena *a);

void *arena_grow(struct arena *a, size_t n);

// n bytes aligned to 8, uninitialised; NULL and the sticky flag when out of memory.
static inline void *arena_alloc(struct arena *a, size_t n)
{
    size_t rounded = (n + 7 + !n) & ~(size_t)7; // nothing takes room too: its address is not NULL
    if (rounded < n || (size_t)(a->end - a->p) < rounded)
        return arena_grow(a, rounded < n ? n : rounded);
    void *p = a->p;
    a->p += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n);

// From here on the arena takes at most max bytes from the heap (0: any number). Beyond it allocations
// fail as if memory had run out, and `full` says why.
static inline void arena_set_max(struct arena *a, size_t max)
{
    a->heap_max = max;
}

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

// Copy of s in the arena, followed by a NUL that is not counted; STR_NONE on failure.
struct str arena_dup(struct arena *a, struct str s);

// Formatted text in the arena; STR_NONE on failure.
struct str arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// The concatenation of n slices; STR_NONE on failure.
struct str arena_cat(struct arena *a, const struct str *parts, size_t n);
#define ARENA_CAT(a, ...)                                                                          \
    arena_cat((a), (const struct str[]){__VA_ARGS__},                                              \
              sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

// ---- text made of many pieces ----

// Text that grows at the end of the arena, in place as long as nothing else is allocated: n bytes cost
// O(n) time and memory, in however many pieces. In a loop this takes the place of ARENA_CAT, which
// copies all that was there before. Failure is sticky and shows in the result.
struct arena_buf {
    struct arena *a;
    char *p;
    size_t n, cap;
    bool failed;
};

static inline struct arena_buf arena_buf_init(struct arena *a)
{
    return (struct arena_buf){.a = a};
}

void arena_buf_add(struct arena_buf *b, struct str s);
void arena_buf_printf(struct arena_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Adds sep first unless s is the first piece of all.
void arena_buf_item(struct arena_buf *b, struct str sep, struct str s);
// The text, followed by a NUL that is not counted; empty with p not NULL when nothing was added,
// STR_NONE when an allocation failed. Gives back what it does not need; ends the buffer.
struct str arena_buf_done(struct arena_buf *b);
