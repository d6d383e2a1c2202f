// SPDX-License-Identifier: Apache-2.0
// Comparing short names with constants, by whole words of memory.
#pragma once

#include "base/str.h"

// A load of exactly n bytes, n a constant: 1, 2, 4 or 8.
__attribute__((always_inline)) static inline uint64_t word_load(const char *p, size_t n)
{
    uint64_t v8;
    uint32_t v4;
    uint16_t v2;
    switch (n) {
    case 8:
        memcpy(&v8, p, 8);
        return v8;
    case 4:
        memcpy(&v4, p, 4);
        return v4;
    case 2:
        memcpy(&v2, p, 2);
        return v2;
    default:
        return (unsigned char)*p;
    }
}

// The n bytes at p are those of the lower-case literal but for the case of letters. n is a constant
// where this is inlined. Setting bit 5 makes letters lower case and leaves '-', '+', '.' and digits
// alone; it would also take some control characters for these, which no token holds.
__attribute__((always_inline)) static inline bool word_same(const char *p, const char *literal,
                                                            size_t n)
{
    const uint64_t fold = 0x2020202020202020u;
    size_t i = 0;
    uint64_t differ = 0;
    for (; i + 8 <= n; i += 8)
        differ |= (word_load(p + i, 8) | fold) ^ word_load(literal + i, 8);
    size_t rest = n - i;
    if (rest & 4) {
        differ |= (word_load(p + i, 4) | (fold >> 32)) ^ word_load(literal + i, 4);
        i += 4;
    }
    if (rest & 2) {
        differ |= (word_load(p + i, 2) | (fold >> 48)) ^ word_load(literal + i, 2);
        i += 2;
    }
    if (rest & 1)
        differ |= (word_load(p + i, 1) | (fold >> 56)) ^ word_load(literal + i, 1);
    return differ == 0;
}

// s, which is a token, is the lower-case literal, case-insensitively.
#define WORD_IS(s, literal)                                                                        \
    ((s).n == sizeof(literal) - 1 && word_same((s).p, "" literal, sizeof(literal) - 1))
