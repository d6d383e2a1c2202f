// SPDX-License-Identifier: Apache-2.0
// The cursor every grammar rule works on. Failure is sticky: the first rule that does not match
// sets bad and moves to the end, so rules compose without tests in between.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "sip/chars.h"
#include "sip/types.h"

#define CUR_RARELY(condition) __builtin_expect((condition), 0)

struct cur {
    const char *p, *end;
    struct arena *arena; // for parameters and unescaped text
    bool bad;
    const char *base;      // in a message: its bytes,
    const uint64_t *delim; // and their bitmap (sip/split.h); NULL outside
};

static inline struct cur cur_init(struct arena *a, struct str s)
{
    const char *p = s.p ? s.p : "";
    return (struct cur){.p = p, .end = p + s.n, .arena = a};
}

// Copies member by member: a copy of the whole struct would use wide loads, which have to wait for
// the narrow stores just before them.
static inline struct cur cur_copy(const struct cur *c)
{
    struct cur copy;
    copy.p = c->p;
    copy.end = c->end;
    copy.arena = c->arena;
    copy.bad = c->bad;
    copy.base = c->base;
    copy.delim = c->delim;
    return copy;
}

// How far a copy came.
static inline void cur_put(struct cur *c, const struct cur *copy)
{
    c->p = copy->p;
    c->bad = copy->bad;
}

// A part of c up to end, read by a cursor of its own.
static inline struct cur cur_part(const struct cur *c, const char *end)
{
    struct cur part = *c;
    part.end = end;
    return part;
}

static inline void cur_fail(struct cur *c)
{
    c->bad = true;
    c->p = c->end;
}

static inline bool cur_done(const struct cur *c)
{
    return c->p == c->end;
}

// The present character, 0 at the end.
static inline char cur_peek(const struct cur *c)
{
    return c->p < c->end ? *c->p : 0;
}

static inline bool cur_take(struct cur *c, char ch)
{
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

static inline void cur_expect(struct cur *c, char ch)
{
    if (!cur_take(c, ch))
        cur_fail(c);
}

// SWS and LWS.
static inline void cur_sws(struct cur *c)
{
    while (c->p < c->end && ch_is(*c->p, CH_LWS))
        c->p++;
}

// SWS ch SWS, as in SEMI, EQUAL, COMMA, SLASH; stays put when ch does not follow.
static inline bool cur_sep(struct cur *c, char ch)
{
    const char *back = c->p;
    if (c->p < c->end && *c->p != ch) {
        if (!ch_is(*c->p, CH_LWS))
            return false;
        cur_sws(c);
    }
    if (!cur_take(c, ch)) {
        c->p = back;
        return false;
    }
    cur_sws(c);
    return true;
}

// First character outside the classes, by the bitmap: what it does not mark is in them all.
static inline const char *cur_span_end(const char *p, const char *end, const char *base,
                                       const uint64_t *delim, unsigned classes)
{
    for (;;) {
        size_t at = (size_t)(p - base);
        uint64_t word; // 57 bits at least
        memcpy(&word, (const char *)delim + at / 8, sizeof word);
        word >>= at % 8;
        p += CUR_RARELY(!word) ? 57 : (size_t)__builtin_ctzll(word);
        if (p >= end)
            return end;
        if (word && (classes == CH_HOST || !ch_is(*p, classes)))
            return p;
        p += word != 0;
    }
}

// Characters of a class, possibly none.
static inline struct str cur_span(struct cur *c, unsigned classes)
{
    const char *from = c->p;
    if (c->delim && (classes & CH_ABOVE_NAME))
        c->p = cur_span_end(c->p, c->end, c->base, c->delim, classes);
    else
        while (c->p < c->end && ch_is(*c->p, classes))
            c->p++;
    return str_make(from, (size_t)(c->p - from));
}

// One or more characters of a class.
static inline struct str cur_span1(struct cur *c, unsigned classes)
{
    struct str s = cur_span(c, classes);
    if (!s.n)
        cur_fail(c);
    return s;
}

static inline struct str cur_token(struct cur *c)
{
    return cur_span1(c, CH_TOKEN);
}

// What is rare or long is in functions of plain pointers, so that the cursor of the caller can live
// in registers. Each returns where its rule ends, NULL when it does not match.
const char *cur_escapes_end(const char *p, const char *end, unsigned classes);
const char *cur_ipv6_end(const char *p, const char *end);
// From behind the opening quote; base and delim as in struct cur.
const char *cur_quoted_end(const char *p, const char *end, const char *base, const uint64_t *delim);

static inline void cur_go(struct cur *c, const char *end)
{
    if (end)
        c->p = end;
    else
        cur_fail(c);
}

static inline struct str cur_since(const struct cur *c, const char *from)
{
    return str_make(from, (size_t)(c->p - from));
}

// Characters of a class and %HH escapes, possibly none.
static inline struct str cur_escaped(struct cur *c, unsigned classes)
{
    const char *from = c->p;
    (void)cur_span(c, classes);
    if (CUR_RARELY(cur_peek(c) == '%'))
        cur_go(c, cur_escapes_end(c->p, c->end, classes));
    return cur_since(c, from);
}

// 1*DIGIT of at most max.
static inline uint32_t cur_number(struct cur *c, uint32_t max)
{
    uint64_t v = 0;
    const char *from = c->p;
    for (; c->p < c->end && v <= max; c->p++) {
        unsigned digit = (unsigned)(unsigned char)*c->p - '0';
        if (digit > 9)
            break;
        v = v * 10 + digit;
    }
    if (c->p == from || v > max) {
        cur_fail(c);
        return 0;
    }
    return (uint32_t)v;
}

// quoted-string, quotes included.
static inline struct str cur_quoted(struct cur *c)
{
    const char *from = c->p;
    if (cur_take(c, '"'))
        cur_go(c, cur_quoted_end(c->p, c->end, c->base, c->delim));
    else
        cur_fail(c);
    return cur_since(c, from);
}

// host: name, IPv4 address or IPv6reference.
static inline struct str cur_host(struct cur *c)
{
    const char *from = c->p;
    if (CUR_RARELY(cur_peek(c) == '['))
        cur_go(c, cur_ipv6_end(c->p, c->end));
    else
        (void)cur_span1(c, CH_HOST);
    return cur_since(c, from);
}

// [ ":" port ]: 0 when there is none.
static inline uint16_t cur_port(struct cur *c)
{
    return cur_take(c, ':') ? (uint16_t)cur_number(c, 65535) : 0;
}

// qvalue in thousandths.
uint16_t cur_qvalue(struct cur *c);

// The result of parsing a whole slice: everything must be consumed but trailing blanks.
static inline int cur_finish(struct cur *c)
{
    cur_sws(c);
    if (c->arena->failed)
        return ERR_NOMEM;
    return c->bad || !cur_done(c) ? ERR_BAD : 0;
}

// A new parameter in the cursor's arena, NULL when out of memory.
static inline struct sip_param *cur_param_new(struct cur *c, struct str name, struct str value)
{
    struct sip_param *p = arena_alloc(c->arena, sizeof *p);
    if (CUR_RARELY(!p)) {
        cur_fail(c);
        return NULL;
    }
    p->name = name;
    p->value = value;
    p->next = NULL;
    return p;
}

// generic-param: token [ EQUAL gen-value ]. NULL when it fails.
static inline struct sip_param *cur_param_read(struct cur *c)
{
    struct str name = cur_token(c), value = STR_NONE;
    if (cur_sep(c, '='))
        value = cur_peek(c) == '"' ? cur_quoted(c) : cur_span1(c, CH_VALUE);
    return c->bad ? NULL : cur_param_new(c, name, value);
}

struct sip_param *cur_param(struct cur *c);
struct sip_param *cur_params_read(struct cur *c);

// *( SEMI generic-param ): most often there are none.
static inline struct sip_param *cur_params(struct cur *c)
{
    if (c->p == c->end || (*c->p != ';' && !ch_is(*c->p, CH_LWS)))
        return NULL;
    return cur_params_read(c);
}

// ---- what grammars share ----

struct sip_uri;

// A URI as far as its grammar goes; the caller looks what follows.
void sip_uri_read(struct cur *c, struct sip_uri *u);
