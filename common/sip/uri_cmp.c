// SPDX-License-Identifier: Apache-2.0
// Comparison of URIs.
#include <stdlib.h>

#include "sip/uri.h"
#include "sip/cursor.h"

// RFC 3261 19.1.4: an escaped character equals itself unless it is reserved. An escape that
// matters comes out above 255, so that it never equals the bare character.
static unsigned next_char(struct str *s, bool fold)
{
    char ch = *s->p;
    unsigned escaped = 0;
    if (ch == '%' && s->n >= 3) {
        ch = (char)(ch_hex(s->p[1]) << 4 | ch_hex(s->p[2]));
        *s = str_skip(*s, 2);
        if (!ch_is(ch, CH_ALPHA | CH_DIGIT) && (ch == 0 || !strchr("-_.!~*'()", ch)))
            escaped = 256;
    }
    *s = str_skip(*s, 1);
    return (unsigned char)(fold ? ch_lower(ch) : ch) | escaped;
}

static bool text_eq(struct str a, struct str b, bool fold)
{
    if ((a.p == NULL) != (b.p == NULL))
        return false;
    while (a.n && b.n)
        if (next_char(&a, fold) != next_char(&b, fold))
            return false;
    return a.n == b.n;
}

// ---- parameters and headers, whatever their order ----

// What a URI may have of either kind and still be compared: beyond it, it equals only its own text.
enum { PAIRS_MAX = 64 };

struct pair {
    struct str name, value;
    size_t i;
};

struct pairs {
    size_t n;
    struct pair v[PAIRS_MAX];
};

static int text_cmp(struct str a, struct str b)
{
    while (a.n && b.n) {
        unsigned x = next_char(&a, true), y = next_char(&b, true);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.n > 0) - (b.n > 0);
}

static int name_cmp(const struct pair *a, const struct pair *b)
{
    return text_cmp(a->name, b->name);
}

// By name. One that is repeated, which it must not be (RFC 3261 19.1.1), keeps its order.
static int pair_cmp(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int d = name_cmp(x, y);
    return d ? d : (x->i > y->i) - (x->i < y->i);
}

static bool pair_add(struct pairs *ps, struct str name, struct str value)
{
    if (ps->n == PAIRS_MAX)
        return false;
    ps->v[ps->n] = (struct pair){name, value, ps->n};
    ps->n++;
    return true;
}

static void pairs_sort(struct pairs *ps)
{
    if (ps->n > 1)
        qsort(ps->v, ps->n, sizeof *ps->v, pair_cmp);
}

static bool params_read(const struct sip_param *p, struct pairs *ret_pairs)
{
    ret_pairs->n = 0;
    for (; p; p = p->next)
        if (!pair_add(ret_pairs, p->name, p->value))
            return false;
    pairs_sort(ret_pairs);
    return true;
}

// Parameters that never match their absence (RFC 3261 19.1.4; transport by its examples).
static bool needs_partner(struct str name)
{
    return str_ieq(name, STR("user")) || str_ieq(name, STR("ttl")) ||
           str_ieq(name, STR("method")) || str_ieq(name, STR("maddr")) ||
           str_ieq(name, STR("transport"));
}

typedef bool (*pair_fn)(const struct pair *a, const struct pair *b);

// Is the i-th, which has no partner, another of the name before it?
static bool is_surplus(const struct pairs *ps, size_t i)
{
    return i && name_cmp(&ps->v[i - 1], &ps->v[i]) == 0;
}

// Do the pairs agree by name? alone: may one be without a partner?
static bool pairs_agree(const struct pairs *a, const struct pairs *b, pair_fn same,
                        bool (*alone)(struct str name))
{
    size_t i = 0, j = 0;
    while (i < a->n || j < b->n) {
        int d = i == a->n ? 1 : j == b->n ? -1 : name_cmp(&a->v[i], &b->v[j]);
        if (d == 0 && !same(&a->v[i], &b->v[j]))
            return false;
        if (d && (is_surplus(d < 0 ? a : b, d < 0 ? i : j) ||
                  !alone(d < 0 ? a->v[i].name : b->v[j].name)))
            return false;
        i += d <= 0;
        j += d >= 0;
    }
    return true;
}

static bool may_be_alone(struct str name)
{
    return !needs_partner(name);
}

static bool never_alone(struct str name)
{
    (void)name;
    return false;
}

static bool same_folded(const struct pair *a, const struct pair *b)
{
    return text_eq(a->value, b->value, true);
}

static bool same_exactly(const struct pair *a, const struct pair *b)
{
    return text_eq(a->value, b->value, false);
}

static bool params_agree(const struct sip_param *a, const struct sip_param *b, pair_fn same,
                         bool (*alone)(struct str name))
{
    struct pairs x, y;
    if (!a && !b)
        return true;
    return params_read(a, &x) && params_read(b, &y) && pairs_agree(&x, &y, same, alone);
}

// RFC 3261 19.1.4: every header of either occurs in the other with the same value.
static bool headers_read(struct str s, struct pairs *ret_pairs)
{
    ret_pairs->n = 0;
    while (s.n) {
        struct str value = str_split(&s, '&'), name = str_split(&value, '=');
        if (!pair_add(ret_pairs, name, value.p ? value : str_make("", 0)))
            return false;
    }
    pairs_sort(ret_pairs);
    return true;
}

static bool headers_agree(struct str a, struct str b)
{
    struct pairs x, y;
    if (!a.n && !b.n)
        return true;
    return headers_read(a, &x) && headers_read(b, &y) &&
           pairs_agree(&x, &y, same_exactly, never_alone);
}

// One after the other, as they stand: also what repeats a parameter, or has very many.
static bool same_list(const struct sip_param *a, const struct sip_param *b)
{
    for (; a && b && str_eq(a->name, b->name) && str_eq(a->value, b->value); a = a->next)
        b = b->next;
    return !a && !b;
}

static bool sip_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    return a->port == b->port && sip_host_eq(a->host, b->host) && text_eq(a->user, b->user, false) &&
           text_eq(a->password, b->password, false) &&
           (same_list(a->params, b->params) ||
            params_agree(a->params, b->params, same_folded, may_be_alone)) &&
           (str_eq(a->headers, b->headers) || headers_agree(a->headers, b->headers));
}

static bool is_separator(char c)
{
    return c == '-' || c == '.' || c == '(' || c == ')';
}

static bool number_eq(struct str a, struct str b)
{
    for (;;) {
        while (a.n && is_separator(*a.p))
            a = str_skip(a, 1);
        while (b.n && is_separator(*b.p))
            b = str_skip(b, 1);
        if (!a.n || !b.n)
            return a.n == b.n;
        if (ch_lower(*a.p) != ch_lower(*b.p))
            return false;
        a = str_skip(a, 1);
        b = str_skip(b, 1);
    }
}

// RFC 3966 5: a phone-context that is a number is compared as one.
static bool same_tel(const struct pair *a, const struct pair *b)
{
    bool number = str_ieq(a->name, STR("phone-context")) && str_starts(a->value, STR("+")) &&
                  str_starts(b->value, STR("+"));
    return number ? number_eq(a->value, b->value) : same_folded(a, b);
}

static bool tel_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    return number_eq(a->user, b->user) &&
           (same_list(a->params, b->params) ||
            params_agree(a->params, b->params, same_tel, never_alone));
}

// The part after the scheme is case-sensitive, but for the namespace of a URN (RFC 8141 3.1) and
// for service URNs (RFC 5031 3).
static bool other_eq(struct str a, struct str b, bool urn)
{
    if (urn && str_istarts(a, STR("urn:service:")))
        return str_ieq(a, b);
    for (int part = 0; part < (urn ? 2 : 1); part++)
        if (!str_ieq(str_split(&a, ':'), str_split(&b, ':')))
            return false;
    return str_eq(a, b);
}

// What follows "sip:", in whatever case that is written.
static struct str behind_scheme(const struct sip_uri *u)
{
    ptrdiff_t colon = u->scheme == SIP_SCHEME_OTHER ? -1 : str_chr(u->text, ':');
    return str_skip(u->text, (size_t)(colon + 1));
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    if (str_eq(behind_scheme(a), behind_scheme(b))) // also what repeats a parameter, or has very many
        return true;
    switch (a->scheme) {
    case SIP_SCHEME_SIP:
    case SIP_SCHEME_SIPS:
        return sip_eq(a, b);
    case SIP_SCHEME_TEL:
        return tel_eq(a, b);
    case SIP_SCHEME_URN:
    case SIP_SCHEME_OTHER:
        break;
    }
    return other_eq(a->text, b->text, a->scheme == SIP_SCHEME_URN);
}
