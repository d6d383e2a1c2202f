// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include "base/err.h"
#include "base/mem.h"

static inline unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    size_t i = 0;
    // Most that are compared are the same to the byte, or differ at once.
    for (uint64_t x, y; a.n - i >= sizeof x; i += sizeof x) {
        memcpy(&x, a.p + i, sizeof x);
        memcpy(&y, b.p + i, sizeof y);
        if (x != y)
            break;
    }
    for (; i < a.n; i++)
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_icmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int c = lower(a.p[i]) - lower(b.p[i]);
        if (c)
            return c;
    }
    return (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_ieq(str_head(s, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

ptrdiff_t str_chr(struct str s, char c)
{
    const char *q = s.n ? memchr(s.p, c, s.n) : NULL;
    return q ? q - s.p : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.n == 0)
        return 0;
    const char *q = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return q ? q - s.p : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_skip(s, 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_split(struct str *s, char sep)
{
    struct str all = *s;
    ptrdiff_t i = str_chr(all, sep);
    if (i < 0) {
        *s = STR_NONE;
        return all;
    }
    *s = str_skip(all, (size_t)i + 1);
    return str_head(all, (size_t)i);
}

int str_u64(struct str s, uint64_t *ret_v)
{
    uint64_t v = 0;
    if (s.n == 0)
        return ERR_BAD;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
        if (d > 9)
            return ERR_BAD;
        if (v > (UINT64_MAX - d) / 10)
            return ERR_TOOBIG;
        v = v * 10 + d;
    }
    *ret_v = v;
    return 0;
}

int str_u32(struct str s, uint32_t *ret_v)
{
    uint64_t v;
    int e = str_u64(s, &v);
    if (e)
        return e;
    if (v > UINT32_MAX)
        return ERR_TOOBIG;
    *ret_v = (uint32_t)v;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    unsigned char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

int str_unhex(struct str s, void *ret_bytes, size_t n)
{
    unsigned char *out = ret_bytes;
    if (s.n != 2 * n)
        return ERR_BAD;
    for (size_t i = 0; i < s.n; i++)
        if (hex_digit(s.p[i]) < 0)
            return ERR_BAD;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
    return 0;
}

char *str_cdup(struct str s)
{
    char *p = mem_alloc(s.n + 1);
    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

struct str str_dup(struct str s)
{
    char *p = str_cdup(s);
    return (struct str){p, p ? s.n : 0};
}
