// SPDX-License-Identifier: Apache-2.0
// Numbers and texts as bytes of a fixed form, lowest byte first, for records that outlive the process. Writing goes to
// a writer, whose flag tells at the end whether all of it fitted; reading has such a flag of its own, so that a record
// is read whole and judged once.
#pragma once

#include "base/writer.h"

static inline void pack_uint(struct writer *w, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        writer_chr(w, (char)(v >> 8 * i));
}

static inline void pack_u8(struct writer *w, uint64_t v)
{
    pack_uint(w, v, 1);
}

static inline void pack_u16(struct writer *w, uint64_t v)
{
    pack_uint(w, v, 2);
}

static inline void pack_u32(struct writer *w, uint64_t v)
{
    pack_uint(w, v, 4);
}

static inline void pack_u64(struct writer *w, uint64_t v)
{
    pack_uint(w, v, 8);
}

enum { PACK_TEXT_FIXED = 2 }; // bytes of a text beside its own

// At most UINT16_MAX bytes.
static inline void pack_text(struct writer *w, struct str s)
{
    if (s.n > UINT16_MAX)
        w->failed = true;
    pack_u16(w, s.n);
    writer_str(w, s);
}

struct unpack {
    struct str left;
    bool failed; // there was less than was read; what was read since is 0 or empty
};

static inline struct unpack unpack_from(struct str bytes)
{
    return (struct unpack){.left = bytes};
}

// A slice of the record.
static inline struct str unpack_bytes(struct unpack *u, size_t n)
{
    if (u->failed || u->left.n < n) {
        u->failed = true;
        return STR_NONE;
    }
    struct str s = str_head(u->left, n);
    u->left = str_skip(u->left, n);
    return s;
}

static inline uint64_t unpack_uint(struct unpack *u, unsigned bytes)
{
    struct str s = unpack_bytes(u, bytes);
    uint64_t v = 0;
    for (size_t i = s.n; i > 0; i--)
        v = v << 8 | (unsigned char)s.p[i - 1];
    return v;
}

static inline uint8_t unpack_u8(struct unpack *u)
{
    return (uint8_t)unpack_uint(u, 1);
}

static inline uint16_t unpack_u16(struct unpack *u)
{
    return (uint16_t)unpack_uint(u, 2);
}

static inline uint32_t unpack_u32(struct unpack *u)
{
    return (uint32_t)unpack_uint(u, 4);
}

static inline uint64_t unpack_u64(struct unpack *u)
{
    return unpack_uint(u, 8);
}

static inline struct str unpack_text(struct unpack *u)
{
    return unpack_bytes(u, unpack_u16(u));
}

// All of it was there, and no more.
static inline bool unpack_done(const struct unpack *u)
{
    return !u->failed && u->left.n == 0;
}

// A number as a key: hexadecimal, of an even number of digits up to 16, never 0. Numbers go on behind the highest that
// there is: of the upper half none is read. ERR_BAD.
int pack_read_name(struct str digits, uint64_t *ret_name);
