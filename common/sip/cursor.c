// SPDX-License-Identifier: Apache-2.0
#include "sip/cursor.h"

const char *cur_escapes_end(const char *p, const char *end, unsigned classes)
{
    while (p < end) {
        if (ch_is(*p, classes))
            p++;
        else if (*p != '%')
            break;
        else if (end - p >= 3 && ch_is(p[1], CH_HEX) && ch_is(p[2], CH_HEX))
            p += 3;
        else
            return NULL;
    }
    return p;
}

const char *cur_quoted_end(const char *p, const char *end, const char *base, const uint64_t *delim)
{
    for (;;) {
        if (delim)
            p = cur_span_end(p, end, base, delim, CH_QUOTED);
        else
            while (p < end && ch_is(*p, CH_QUOTED))
                p++;
        if (p < end && *p == '"')
            return p + 1;
        // quoted-pair: anything of ASCII but CR and LF may be escaped
        if (end - p < 2 || *p != '\\' || p[1] == '\r' || p[1] == '\n' ||
            (unsigned char)p[1] > 0x7f)
            return NULL;
        p += 2;
    }
}

const char *cur_ipv6_end(const char *p, const char *end)
{
    unsigned colons = 0;
    for (p++; p < end && (ch_is(*p, CH_HEX) || *p == ':' || *p == '.'); p++)
        colons += *p == ':';
    return colons >= 2 && p < end && *p == ']' ? p + 1 : NULL;
}

uint16_t cur_qvalue(struct cur *c)
{
    unsigned v = 0, unit = 100;
    if (cur_peek(c) != '0' && cur_peek(c) != '1') {
        cur_fail(c);
        return 0;
    }
    v = *c->p++ == '1' ? 1000 : 0;
    if (cur_take(c, '.'))
        for (; unit && ch_is(cur_peek(c), CH_DIGIT); unit /= 10)
            v += (unsigned)(*c->p++ - '0') * unit;
    if (v > 1000)
        cur_fail(c);
    return (uint16_t)v;
}
