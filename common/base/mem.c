// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <stdlib.h>

// Test hooks; worker threads of the loop allocate too, hence atomics.
static _Atomic long fail_after = -1;
static _Atomic long live, kept;

static int may_allocate(void)
{
    long left = fail_after;
    if (left < 0)
        return 1;
    if (left == 0)
        return 0;
    fail_after = left - 1;
    return 1;
}

void *mem_alloc(size_t n)
{
    void *p = may_allocate() ? malloc(n ? n : 1) : NULL;
    if (p)
        live++;
    return p;
}

void *mem_zalloc(size_t n)
{
    void *p = may_allocate() ? calloc(1, n ? n : 1) : NULL;
    if (p)
        live++;
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = may_allocate() ? realloc(p, n ? n : 1) : NULL;
    if (q && !p)
        live++;
    return q;
}

void mem_free(void *p)
{
    if (!p)
        return;
    live--;
    free(p);
}

void mem_fail_after(long n)
{
    fail_after = n;
}

long mem_live(void)
{
    return live;
}

void mem_keep(long n)
{
    kept += n;
}

long mem_kept(void)
{
    return kept;
}
