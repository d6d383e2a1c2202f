// SPDX-License-Identifier: Apache-2.0
// The one door to the heap, so that a test can make the n-th allocation fail, and the scope-exit
// clean-up attribute.
#pragma once

#include <stddef.h>

// n bytes, 16-byte aligned, uninitialised; NULL when out of memory. Freed by mem_free.
void *mem_alloc(size_t n) __attribute__((malloc, warn_unused_result));

// As mem_alloc, zeroed.
void *mem_zalloc(size_t n) __attribute__((malloc, warn_unused_result));

// As realloc(3): on failure returns NULL and leaves p alone.
void *mem_realloc(void *p, size_t n) __attribute__((warn_unused_result));

// Frees p, which may be NULL.
void mem_free(void *p);

// Test hook: after n more successful allocations each further one fails; -1 switches it off.
void mem_fail_after(long n);

// Number of allocations made by mem_* and not freed yet, for leak checks in tests.
long mem_live(void);

// Of these, room that is there for whatever comes through its owner, and stays: the array of a table, the
// bytes of a queue. The owner tells of it, with 1 and -1.
void mem_keep(long n);
long mem_kept(void);

// May a block be kept for the next that wants one? It would hide a use after free from the sanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define MEM_RECYCLES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_RECYCLES 0
#endif
#endif
#ifndef MEM_RECYCLES
#define MEM_RECYCLES 1
#endif

static inline void mem_cleanup(void *pp)
{
    mem_free(*(void **)pp);
}

// Local variable that owns something: fn(&variable) runs when the scope ends.
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE CLEANUP(mem_cleanup)

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
