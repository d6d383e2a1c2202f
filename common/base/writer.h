// SPDX-License-Identifier: Apache-2.0
// Bounded text writer into caller-owned memory. Overflow is sticky: write freely, test failed once.
#pragma once

#include <inttypes.h>

#include "base/str.h"

struct writer {
    char *p;     // buffer
    size_t n;    // bytes written
    size_t cap;  // bytes available
    bool failed; // something did not fit; nothing is written after that
};

static inline struct writer writer_init(void *p, size_t cap)
{
    return (struct writer){.p = p, .cap = cap};
}

static inline void writer_str(struct writer *w, struct str s)
{
    if (w->failed || w->cap - w->n < s.n) {
        w->failed = true;
        return;
    }
    if (s.n)
        memcpy(w->p + w->n, s.p, s.n);
    w->n += s.n;
}

static inline void writer_chr(struct writer *w, char c)
{
    writer_str(w, (struct str){&c, 1});
}

#define writer_lit(w, lit) writer_str((w), STR(lit))

void writer_u64(struct writer *w, uint64_t v);
// Lower-case hexadecimal of n bytes.
void writer_hex(struct writer *w, const void *bytes, size_t n);
// The lowest `width` digits of v, 16 at most.
void writer_hex_u64(struct writer *w, uint64_t v, int width);
void writer_printf(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct str writer_done(const struct writer *w)
{
    return (struct str){w->p, w->n};
}
