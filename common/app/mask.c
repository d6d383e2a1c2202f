// SPDX-License-Identifier: Apache-2.0
#include "app/mask.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static void cover(char *p, size_t n)
{
    memset(p, '*', n);
}

// ---- SIP ----

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Behind "ck" or "ik", in any case, as a parameter's name at p[at]; 0: it is none.
static size_t key_name(const char *p, size_t n, size_t at)
{
    bool first = at && (p[at - 1] == ',' || is_space(p[at - 1]));
    if (!first || n - at < 2 || (p[at + 1] | 0x20) != 'k')
        return 0;
    return (p[at] | 0x20) == 'c' || (p[at] | 0x20) == 'i' ? at + 2 : 0;
}

// The value behind "=" from p[at] on is covered; gives where it ends.
static size_t cover_value(char *p, size_t n, size_t at)
{
    while (at < n && is_space(p[at]))
        at++;
    if (at == n || p[at] != '=')
        return at;
    at++;
    while (at < n && is_space(p[at]))
        at++;
    bool quoted = at < n && p[at] == '"';
    size_t from = quoted ? ++at : at;
    while (at < n && (quoted ? p[at] != '"' && p[at] != '\r' && p[at] != '\n'
                             : p[at] != ',' && !is_space(p[at])))
        at++;
    cover(p + from, at - from);
    return at;
}

static size_t headers_end(const char *p, size_t n)
{
    for (size_t i = 0; i + 3 < n; i++)
        if (memcmp(p + i, "\r\n\r\n", 4) == 0)
            return i;
    return n;
}

void mask_sip(char *data, size_t n)
{
    n = headers_end(data, n);
    for (size_t at = 0; at < n; at++) {
        size_t behind = key_name(data, n, at);
        if (behind)
            at = cover_value(data, n, behind);
    }
}

// ---- Diameter ----

enum { HEADER = 20, VENDOR_3GPP = 10415, DEPTH = 6, FLAG_VENDOR = 0x80 };

struct secret {
    uint32_t vendor, code;
    bool group; // has secrets inside
};

static const struct secret secrets[] = {
    {VENDOR_3GPP, 612, true},  // SIP-Auth-Data-Item
    {VENDOR_3GPP, 635, true},  // SIP-Digest-Authenticate
    {VENDOR_3GPP, 609, false}, // SIP-Authenticate
    {VENDOR_3GPP, 610, false}, // SIP-Authorization
    {VENDOR_3GPP, 625, false}, // Confidentiality-Key
    {VENDOR_3GPP, 626, false}, // Integrity-Key
    {0, 121, false},           // Digest-HA1
    {0, 380, true},            // SIP-Authenticate of RFC 4740
    {0, 279, true},            // Failed-AVP
};

static uint32_t u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static const struct secret *find(uint32_t vendor, uint32_t code)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (secrets[i].vendor == vendor && secrets[i].code == code)
            return &secrets[i];
    return NULL;
}

static void mask_avps(char *p, size_t n, unsigned depth)
{
    for (size_t at = 0; depth && n - at >= 8;) {
        bool vendor = p[at + 4] & FLAG_VENDOR;
        size_t head = vendor ? 12 : 8, length = u32(p + at + 4) & 0xffffff;
        if (length < head || n - at < head)
            return;
        size_t have = length < n - at ? length : n - at;
        const struct secret *s = find(vendor ? u32(p + at + 8) : 0, u32(p + at));
        if (s && s->group)
            mask_avps(p + at + head, have - head, depth - 1);
        else if (s)
            cover(p + at + head, have - head);
        size_t step = (length + 3) & ~(size_t)3;
        if (step >= n - at)
            return;
        at += step;
    }
}

void mask_diameter(char *data, size_t n)
{
    if (n > HEADER)
        mask_avps(data + HEADER, n - HEADER, DEPTH);
}
