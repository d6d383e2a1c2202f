// SPDX-License-Identifier: Apache-2.0
#include "base/base64url.h"

#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { NO_DIGIT = 64 };

// What each character of ASCII is worth.
static const unsigned char values[128] = {
    // clang-format off
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    // clang-format on
};

// n digits for the uppermost bits of 24.
static void put(char *p, uint32_t bits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = digits[bits >> (18 - 6 * i) & 63];
}

struct str base64url_write(struct arena *a, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    size_t out = (n * 8 + 5) / 6;
    char *all = arena_alloc(a, out), *p = all;
    if (!all)
        return STR_NONE;
    for (; n >= 3; n -= 3, b += 3, p += 4)
        put(p, (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2], 4);
    if (n)
        put(p, (uint32_t)b[0] << 16 | (n > 1 ? (uint32_t)b[1] << 8 : 0), n + 1);
    return str_make(all, out);
}

// The bits of n digits; NO_DIGIT << 18 and more when one is none.
static uint32_t take(const char *p, size_t n)
{
    uint32_t bits = 0, wrong = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i], v = values[c & 127];
        wrong |= v | (c & 128);
        bits = bits << 6 | (v & 63);
    }
    return wrong >= NO_DIGIT ? (uint32_t)NO_DIGIT << 18 : bits;
}

int base64url_parse(struct str s, unsigned char *b, size_t cap, size_t *ret_n)
{
    size_t n = s.n / 4 * 3 + s.n % 4 * 6 / 8, left = s.n % 4, spare = left * 6 % 8;
    const char *p = s.n ? s.p : "";
    if (left == 1 || n > cap)
        return ERR_BAD;
    for (const char *end = p + (s.n - left); p < end; p += 4, b += 3) {
        uint32_t bits = take(p, 4);
        if (bits >> 24)
            return ERR_BAD;
        b[0] = (unsigned char)(bits >> 16);
        b[1] = (unsigned char)(bits >> 8);
        b[2] = (unsigned char)bits;
    }
    uint32_t bits = left ? take(p, left) : 0;
    if (bits >> 24 || (bits & ((1u << spare) - 1)))
        return ERR_BAD;
    bits >>= spare;
    for (size_t i = left * 6 / 8; i-- > 0; bits >>= 8)
        b[i] = (unsigned char)bits;
    *ret_n = n;
    return 0;
}
