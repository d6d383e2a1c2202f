// SPDX-License-Identifier: Apache-2.0
#include "base/base64url.h"

#include "base/err.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str base64url_write(struct arena *a, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    size_t out = (n * 8 + 5) / 6;
    char *p = arena_alloc(a, out);
    if (!p)
        return STR_NONE;
    for (size_t i = 0; i < out; i++) {
        size_t bit = i * 6, at = bit / 8;
        unsigned pair = (unsigned)b[at] << 8 | (at + 1 < n ? b[at + 1] : 0u);
        p[i] = digits[pair >> (10 - bit % 8) & 63];
    }
    return str_make(p, out);
}

int base64url_parse(struct str s, unsigned char *b, size_t cap, size_t *ret_n)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!d)
            return ERR_BAD;
        acc = acc << 6 | (uint32_t)(d - digits);
        bits += 6;
        if (bits < 8)
            continue;
        if (n == cap)
            return ERR_BAD;
        bits -= 8;
        b[n++] = (unsigned char)(acc >> bits);
    }
    if (bits >= 6 || (acc & ((1u << bits) - 1)))
        return ERR_BAD;
    *ret_n = n;
    return 0;
}
