// SPDX-License-Identifier: Apache-2.0
// Reading what nearly all values in a message look like, from one mark of its bitmap to the next:
// names of letters, digits, '-', '.' and '_', and single characters between them. Each function
// gives up, false, on anything else, right or wrong: then the reader of the whole grammar begins
// anew. What the two read is the same (tests/unit/sip/exercise.c compares them).
//
// Nothing here looks where the text ends. Behind a value in a message stand nothing but blanks up to
// the end of its line, behind the Request-URI a blank: a name ends there, and of the characters that
// are taken only the blank of usual_via and usual_display is found there. Behind it they want what
// is not found.
#pragma once

#include "sip/cursor.h"
#include "sip/words.h"

struct walk {
    const char *p, *base;
    const uint64_t *delim;
};

// c must have a bitmap.
static inline struct walk walk_init(const struct cur *c)
{
    return (struct walk){.p = c->p, .base = c->base, .delim = c->delim};
}

// A name, possibly empty. Of a longer one the first 57 characters: no single character follows then.
static inline struct str walk_name(struct walk *w)
{
    const char *from = w->p;
    size_t at = (size_t)(from - w->base);
    uint64_t word;
    memcpy(&word, (const char *)w->delim + at / 8, sizeof word);
    size_t n = (unsigned)__builtin_ctzll(word >> at % 8 | (uint64_t)1 << 57);
    w->p = from + n;
    return str_make(from, n);
}

static inline bool walk_take(struct walk *w, char ch)
{
    if (*w->p != ch)
        return false;
    w->p++;
    return true;
}

// [ ":" port ]
static inline bool walk_port(struct walk *w, uint16_t *ret_port)
{
    if (!walk_take(w, ':'))
        return true;
    unsigned v = 0;
    const char *from = w->p;
    for (unsigned digit; (digit = (unsigned char)*w->p - (unsigned)'0') <= 9 && v <= 65535; w->p++)
        v = v * 10 + digit;
    *ret_port = (uint16_t)v;
    return w->p > from && v <= 65535;
}

// pname [ "=" pvalue ], NULL when it is another.
static inline struct sip_param *walk_param(struct walk *w, struct arena *a)
{
    struct str name = walk_name(w), value = STR_NONE;
    if (walk_take(w, '=')) {
        value = walk_name(w);
        if (!value.n)
            return NULL;
    }
    struct sip_param *p = name.n ? arena_alloc(a, sizeof *p) : NULL;
    if (p) {
        p->name = name;
        p->value = value;
        p->next = NULL;
    }
    return p;
}

// Is this the end of an element or of one of its parameters?
static inline bool walk_ended(const struct walk *w, const struct cur *c)
{
    return *w->p == ';' || *w->p == ',' || w->p == c->end;
}

// generic-param of names, or with a quoted value: token [ "=" ( token / quoted-string ) ]. NULL,
// and c where it was, when it is another.
static inline struct sip_param *walk_generic_param(struct cur *c)
{
    struct walk w = walk_init(c);
    struct str name = walk_name(&w), value = STR_NONE;
    if (walk_take(&w, '=')) {
        value = walk_name(&w);
        if (*w.p == '"' && !value.n) {
            const char *end = cur_quoted_end(w.p + 1, c->end, c->base, c->delim);
            value = str_make(w.p, end ? (size_t)(end - w.p) : 0);
            w.p += value.n;
        }
        if (!value.n)
            return NULL;
    }
    if (!name.n || !walk_ended(&w, c))
        return NULL;
    c->p = w.p;
    return cur_param_new(c, name, value);
}

// *( ";" pname [ "=" pvalue ] )
static inline bool walk_params(struct walk *w, struct arena *a, struct sip_param **tail)
{
    while (walk_take(w, ';')) {
        struct sip_param *p = walk_param(w, a);
        if (!p)
            return false;
        *tail = p;
        tail = &p->next;
    }
    return true;
}

// [ user "@" ] host [ ":" port ]
static inline bool walk_user_host(struct walk *w, struct sip_uri *u)
{
    struct str s = walk_name(w);
    if (s.n && walk_take(w, '@')) {
        u->user = s;
        s = walk_name(w);
    }
    u->host = s;
    return s.n && walk_port(w, &u->port);
}

// "+" 1*DIGIT
static inline bool walk_global_number(struct walk *w, struct sip_uri *u)
{
    const char *from = w->p;
    if (!walk_take(w, '+'))
        return false;
    struct str digits = walk_name(w);
    for (size_t i = 0; i < digits.n; i++)
        if (!ch_is(digits.p[i], CH_DIGIT))
            return false;
    u->user = str_make(from, digits.n + 1);
    return digits.n > 0;
}

// A sip or tel URI. Whether it ends where it should is for the caller to see: a user part may look
// like a host up to there.
static inline bool walk_uri(struct walk *w, struct arena *a, struct sip_uri *u)
{
    const char *from = w->p;
    bool good;
    if (from[3] != ':') // readable: the buffer goes on behind a short value
        return false;
    // one by one, not zeroed as a whole: most are set again at once
    u->scheme = SIP_SCHEME_SIP;
    u->user = u->password = u->host = u->headers = STR_NONE;
    u->port = 0;
    u->params = NULL;
    w->p += 4;
    if (word_same(from, "sip", 3)) {
        good = walk_user_host(w, u);
    } else {
        u->scheme = SIP_SCHEME_TEL;
        good = word_same(from, "tel", 3) && walk_global_number(w, u);
    }
    good = good && walk_params(w, a, &u->params);
    u->text = str_make(from, (size_t)(w->p - from));
    return good;
}
