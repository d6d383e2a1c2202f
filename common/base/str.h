// SPDX-License-Identifier: Apache-2.0
// A slice: pointer and length, passed by value, never NUL-terminated, never owning.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_INIT(lit) {"" lit, sizeof(lit) - 1}
#define STR_NONE ((struct str){NULL, 0})
// printf("%.*s", STR_ARG(s))
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_make(const char *p, size_t n)
{
    return (struct str){p, n};
}

// Slice over a NUL-terminated string; NULL gives the empty slice.
static inline struct str str_from(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

// ASCII case-insensitive equality.
bool str_ieq(struct str a, struct str b);
// ASCII case-insensitive order, shorter first when one is a prefix of the other.
int str_icmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

// Index of the first c (or of the first occurrence of needle), or -1.
ptrdiff_t str_chr(struct str s, char c);
ptrdiff_t str_find(struct str s, struct str needle);

// The part from index i (clamped) on, and the first n bytes (clamped).
static inline struct str str_skip(struct str s, size_t i)
{
    if (i > s.n)
        i = s.n;
    return (struct str){s.p ? s.p + i : NULL, s.n - i};
}

static inline struct str str_head(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}

// Without leading and trailing SP, HTAB, CR, LF.
struct str str_trim(struct str s);

// Takes the part of *s before sep as the result and leaves the part after it in *s; without sep
// all of it is taken and *s becomes empty with p NULL.
struct str str_split(struct str *s, char sep);

// Decimal digits only, whole slice; ERR_BAD on anything else, ERR_TOOBIG beyond the type's range.
int str_u32(struct str s, uint32_t *ret_v);
int str_u64(struct str s, uint64_t *ret_v);

// Hexadecimal text of exactly 2*n digits to n bytes; ERR_BAD otherwise.
int str_unhex(struct str s, void *ret_bytes, size_t n);

// NUL-terminated heap copy, freed with mem_free; NULL when out of memory.
char *str_cdup(struct str s);

// Heap copy as a slice; on failure the slice has p NULL. Freed with mem_free((void *)s.p).
struct str str_dup(struct str s);
