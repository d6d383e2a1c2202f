// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { CHUNK_MIN = 1024, CHUNK_MAX = 65536 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t unused; // keeps the payload 16-byte aligned
};

void arena_init(struct arena *a, void *first, size_t n)
{
    size_t skew = first ? (8 - ((uintptr_t)first & 7)) & 7 : 0;
    if (skew > n)
        skew = n;
    *a = (struct arena){.next_size = CHUNK_MIN};
    if (first) {
        a->p = (char *)first + skew;
        a->end = a->p + ((n - skew) & ~(size_t)7);
    }
}

void arena_done(struct arena *a)
{
    struct arena_chunk *c = a->chunks, *next;
    for (; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    arena_init(a, NULL, 0);
}

static bool may_take(struct arena *a, size_t size)
{
    if (!a->heap_max || (size <= a->heap_max && a->heap <= a->heap_max - size))
        return true;
    a->full = true;
    return false;
}

void *arena_grow(struct arena *a, size_t n)
{
    size_t size = a->next_size < CHUNK_MIN ? CHUNK_MIN : a->next_size;
    if (size < n)
        size = n;
    bool allowed = n <= SIZE_MAX / 2 && may_take(a, size);
    struct arena_chunk *c = allowed ? mem_alloc(sizeof *c + size) : NULL;
    if (!c) {
        a->failed = true;
        return NULL;
    }
    a->heap += size;
    c->next = a->chunks;
    a->chunks = c;
    a->p = (char *)(c + 1) + n;
    a->end = (char *)(c + 1) + (size & ~(size_t)7);
    a->next_size = size * 2 > CHUNK_MAX ? CHUNK_MAX : size * 2;
    return c + 1;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

struct str arena_dup(struct arena *a, struct str s)
{
    return arena_cat(a, &s, 1);
}

struct str arena_cat(struct arena *a, const struct str *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    char *p = arena_alloc(a, total + 1);
    if (!p)
        return STR_NONE;
    char *q = p;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(q, parts[i].p, parts[i].n);
        q += parts[i].n;
    }
    *q = 0;
    return str_make(p, total);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? str_make(p, (size_t)n) : STR_NONE;
}

// ---- text made of many pieces ----

enum { BUF_FIRST = 64 };

// Room for n more bytes and a NUL.
static bool buf_reserve(struct arena_buf *b, size_t n)
{
    size_t need = b->n + n + 1, want = 2 * b->cap > need ? 2 * b->cap : need;
    if (n > SIZE_MAX / 4)
        b->failed = true;
    if (b->failed || need <= b->cap)
        return !b->failed;
    want = ((want < BUF_FIRST ? BUF_FIRST : want) + 7) & ~(size_t)7;
    if (b->p && b->p + b->cap == b->a->p && (size_t)(b->a->end - b->p) >= need) {
        size_t there = (size_t)(b->a->end - b->p) & ~(size_t)7;
        b->cap = want < there ? want : there;
        b->a->p = b->p + b->cap;
        return true;
    }
    char *p = arena_alloc(b->a, want);
    if (!p) {
        b->failed = true;
        return false;
    }
    if (b->n)
        memcpy(p, b->p, b->n);
    b->p = p;
    b->cap = want;
    return true;
}

void arena_buf_add(struct arena_buf *b, struct str s)
{
    if (!buf_reserve(b, s.n))
        return;
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

void arena_buf_item(struct arena_buf *b, struct str sep, struct str s)
{
    if (b->n)
        arena_buf_add(b, sep);
    arena_buf_add(b, s);
}

void arena_buf_printf(struct arena_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && buf_reserve(b, (size_t)n)) {
        (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

struct str arena_buf_done(struct arena_buf *b)
{
    if (!buf_reserve(b, 0))
        return STR_NONE;
    b->p[b->n] = 0;
    if (b->p + b->cap == b->a->p)
        b->a->p = b->p + ((b->n + 1 + 7) & ~(size_t)7);
    return str_make(b->p, b->n);
}
