// SPDX-License-Identifier: Apache-2.0
// The cursor every grammar rule works on. Failure is sticky: the first rule that does not match
// sets bad and moves to the end, so rules compose without tests in between.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "sip/chars.h"

struct cur {
    const char *p, *end;
    struct arena *arena; // for parameters and unescaped text
    bool bad;
};

static inline struct cur cur_init(struct arena *a, struct str s)
{
    return (struct cur){.p = s.p, .end = s.p + s.n, .arena = a};
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
    cur_sws(c);
    if (!cur_take(c, ch)) {
        c->p = back;
        return false;
    }
    cur_sws(c);
    return true;
}

// Characters of a class, possibly none.
static inline struct str cur_span(struct cur *c, unsigned classes)
{
    const char *from = c->p;
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

// Characters of a class and %HH escapes, possibly none.
struct str cur_escaped(struct cur *c, unsigned classes);
// 1*DIGIT of at most max.
uint32_t cur_number(struct cur *c, uint32_t max);
// quoted-string, quotes included.
struct str cur_quoted(struct cur *c);
// qvalue in thousandths.
uint16_t cur_qvalue(struct cur *c);
// host: name, IPv4 address or IPv6reference.
struct str cur_host(struct cur *c);
// [ ":" port ]: 0 when there is none.
uint16_t cur_port(struct cur *c);

// The result of parsing a whole slice: everything must be consumed but trailing blanks.
static inline int cur_finish(struct cur *c)
{
    cur_sws(c);
    if (c->arena->failed)
        return ERR_NOMEM;
    return c->bad || !cur_done(c) ? ERR_BAD : 0;
}

struct sip_param;

// generic-param: token [ EQUAL gen-value ]. NULL when it fails.
struct sip_param *cur_param(struct cur *c);
// *( SEMI generic-param )
struct sip_param *cur_params(struct cur *c);
// A new parameter in the cursor's arena, NULL when out of memory.
struct sip_param *cur_param_new(struct cur *c, struct str name, struct str value);
