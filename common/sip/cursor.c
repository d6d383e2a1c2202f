// SPDX-License-Identifier: Apache-2.0
#include "sip/cursor.h"

#include "sip/types.h"

struct str cur_escaped(struct cur *c, unsigned classes)
{
    const char *from = c->p;
    for (;;) {
        (void)cur_span(c, classes);
        if (cur_peek(c) != '%')
            break;
        if (c->end - c->p < 3 || !ch_is(c->p[1], CH_HEX) || !ch_is(c->p[2], CH_HEX)) {
            cur_fail(c);
            return STR_NONE;
        }
        c->p += 3;
    }
    return str_make(from, (size_t)(c->p - from));
}

uint32_t cur_number(struct cur *c, uint32_t max)
{
    uint64_t v = 0;
    const char *from = c->p;
    while (c->p < c->end && ch_is(*c->p, CH_DIGIT) && v <= max)
        v = v * 10 + (unsigned)(*c->p++ - '0');
    if (c->p == from || v > max) {
        cur_fail(c);
        return 0;
    }
    return (uint32_t)v;
}

struct str cur_quoted(struct cur *c)
{
    const char *from = c->p;
    cur_expect(c, '"');
    for (;;) {
        (void)cur_span(c, CH_QUOTED);
        if (cur_take(c, '"'))
            return str_make(from, (size_t)(c->p - from));
        // quoted-pair: anything of ASCII but CR and LF may be escaped
        if (c->end - c->p < 2 || *c->p != '\\' || c->p[1] == '\r' || c->p[1] == '\n' ||
            (unsigned char)c->p[1] > 0x7f)
            break;
        c->p += 2;
    }
    cur_fail(c);
    return STR_NONE;
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

static struct str ipv6_reference(struct cur *c)
{
    const char *from = c->p++;
    unsigned colons = 0;
    for (; c->p < c->end && (ch_is(*c->p, CH_HEX) || *c->p == ':' || *c->p == '.'); c->p++)
        colons += *c->p == ':';
    if (colons < 2)
        cur_fail(c);
    cur_expect(c, ']');
    return str_make(from, (size_t)(c->p - from));
}

struct str cur_host(struct cur *c)
{
    return cur_peek(c) == '[' ? ipv6_reference(c) : cur_span1(c, CH_HOST);
}

uint16_t cur_port(struct cur *c)
{
    return cur_take(c, ':') ? (uint16_t)cur_number(c, 65535) : 0;
}
