// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static uint64_t work, bytes;
static bool on;

void hostile_measure(void (*fn)(void *arg), void *arg, uint64_t *ret_bytes, uint64_t *ret_work)
{
    work = bytes = 0;
    on = true;
    fn(arg);
    on = false;
    *ret_bytes = bytes;
    *ret_work = work;
}

// ---- work ----

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    work++;
}

// The linker sends the calls of these here (--wrap in meson.build).
#define WRAP_N(type, name, params, args)                                                           \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        work += n / 8;                                                                             \
        return __real_##name args;                                                                 \
    }

WRAP_N(void *, memcpy, (void *to, const void *from, size_t n), (to, from, n))
WRAP_N(void *, memmove, (void *to, const void *from, size_t n), (to, from, n))
WRAP_N(void *, memset, (void *to, int c, size_t n), (to, c, n))
WRAP_N(int, memcmp, (const void *a, const void *b, size_t n), (a, b, n))

// What is searched costs as far as it is looked at.
#define WRAP_SEARCH(name, params, args)                                                            \
    void *__real_##name params;                                                                    \
    void *__wrap_##name params;                                                                    \
    void *__wrap_##name params                                                                     \
    {                                                                                              \
        const char *at = __real_##name args;                                                       \
        work += (at ? (size_t)(at - (const char *)a) : n) / 8;                                     \
        return (void *)at;                                                                         \
    }

WRAP_SEARCH(memchr, (const void *a, int c, size_t n), (a, c, n))
WRAP_SEARCH(memmem, (const void *a, size_t n, const void *b, size_t k), (a, n, b, k))

size_t __real_strlen(const char *s);
size_t __wrap_strlen(const char *s);
size_t __wrap_strlen(const char *s)
{
    size_t n = __real_strlen(s);
    work += n / 8;
    return n;
}

// ---- bytes: the heap of the whole process, by the C library's own names for it ----

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    bytes += on ? n : 0;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t each)
{
    bytes += on ? n * each : 0;
    return __libc_calloc(n, each);
}

void *realloc(void *p, size_t n)
{
    bytes += on ? n : 0;
    return __libc_realloc(p, n);
}

size_t hostile_live(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

// ---- verdict ----

static bool below(const char *name, const char *what, uint64_t value, uint64_t max)
{
    if (value <= max)
        return true;
    printf("# %s: %s %llu, allowed are %llu\n", name, what, (unsigned long long)value,
           (unsigned long long)max);
    return false;
}

static bool bounded(const char *name, const struct hostile_cost *c, const struct hostile_bound *b)
{
    bool good = below(name, "bytes", c->bytes, b->bytes_base + b->bytes_each * c->n);
    return below(name, "work", c->work, b->work_base + b->work_each * c->n) && good;
}

int hostile_within(const char *name, const struct hostile_cost *small,
                   const struct hostile_cost *large, const struct hostile_bound *b)
{
    uint64_t pct = b->growth_pct ? b->growth_pct : 130;
    bool good = bounded(name, small, b);
    good = bounded(name, large, b) && good;
    // Per byte; the base is what any input costs and would hide growth in the smaller one.
    uint64_t most = b->work_base + small->work * large->n / (small->n ? small->n : 1) * pct / 100;
    return below(name, "work at the larger size", large->work, most) && good ? 0 : -1;
}
