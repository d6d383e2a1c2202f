// SPDX-License-Identifier: Apache-2.0
// Where a fuzzer's decisions come from: bytes that somebody else chose (libFuzzer), while there are
// any, then a seeded generator. The same bytes and seed make the same decisions.
#pragma once

#include "base/str.h"

struct choice {
    struct str bytes;
    uint64_t state;
};

static inline uint64_t choice_u64(struct choice *c)
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// From 0 to below - 1; 0 when below is 0.
static inline size_t choose(struct choice *c, size_t below)
{
    if (below == 0)
        return 0;
    if (c->bytes.n == 0)
        return (size_t)(choice_u64(c) % below);
    size_t v = (uint8_t)c->bytes.p[0], n = below > 256 && c->bytes.n > 1 ? 2 : 1;
    if (n == 2)
        v = v << 8 | (uint8_t)c->bytes.p[1];
    c->bytes = str_skip(c->bytes, n);
    return v % below;
}

// True once in n times.
static inline bool chance(struct choice *c, size_t n)
{
    return choose(c, n) == 0;
}
