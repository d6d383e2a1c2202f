// SPDX-License-Identifier: Apache-2.0
#include "ims/wildcard.h"

#include <tre/tre.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "ims/ere.h"

static bool has_scheme(struct str s)
{
    return str_istarts(s, STR("sip:")) || str_istarts(s, STR("sips:")) || str_istarts(s, STR("tel:"));
}

bool wildcard_split(struct str text, struct wildcard_parts *ret_parts)
{
    ptrdiff_t open = str_chr(text, '!');
    if (!has_scheme(text) || open < 0)
        return false;
    size_t close = text.n - 1; // the outermost two count
    while (text.p[close] != '!')
        close--;
    struct str head = str_head(text, (size_t)open);
    if (close == (size_t)open || str_chr(head, '@') >= 0 || str_chr(head, ';') >= 0)
        return false;
    *ret_parts = (struct wildcard_parts){head, str_make(text.p + open + 1, close - (size_t)open - 1), str_skip(text, close + 1)};
    return true;
}

// ---- the canonical form ----

// Of a number: without what only separates (RFC 3966 5.1.1).
static struct str without_separators(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++)
        if (!memchr("-.()", s.p[i], 4))
            p[n++] = s.p[i];
    return p ? str_make(p, n) : STR_NONE;
}

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr("0123456789*#", s.p[i], 12))
            return false;
    return true;
}

static struct str joined(struct arena *a, struct str head, const struct wildcard_parts *p, struct str tail)
{
    return ARENA_CAT(a, head, STR("!"), p->expression, STR("!"), tail);
}

// The fixed part of an identity of the same kind: with a user part or number of its own, so that it can be read.
static int read_frame(struct arena *a, const struct wildcard_parts *p, struct sip_uri *ret_u)
{
    return sip_uri_parse(a, ARENA_CAT(a, p->head, STR("0"), p->tail), ret_u);
}

static struct str canon_number(struct arena *a, const struct numbering *n, const struct wildcard_parts *p, struct str before,
                               struct str after, struct str context, const char **ret_why)
{
    struct str head = without_separators(a, before), tail = without_separators(a, after);
    bool global = str_starts(head, STR("+"));
    if (!is_digits(str_skip(head, global)) || !is_digits(tail)) {
        *ret_why = "what stands beside its expression is no part of a telephone number";
        return STR_NONE;
    }
    if (global)
        return joined(a, ARENA_CAT(a, STR("tel:"), head), p, tail);
    if (!context.n) {
        *ret_why = "a number with a wildcard begins with + or has a phone-context";
        return STR_NONE;
    }
    struct sip_uri u;
    struct str sample = ARENA_CAT(a, STR("tel:0;phone-context="), context);
    if (sip_uri_parse(a, sample, &u) || !(sample = sip_uri_canon(a, &u)).n) {
        *ret_why = "its phone-context is none";
        return STR_NONE;
    }
    struct str name = sip_host_name(str_skip(sample, sizeof("tel:0;phone-context=") - 1));
    if (n && n->domain.n && !numbering_is_home(n, name)) {
        *ret_why = "its phone-context is no domain of this network";
        return STR_NONE;
    }
    if (n && n->domain.n) // as the numbers themselves are (numbering.h)
        name = numbering_domain_of(n, name);
    return joined(a, ARENA_CAT(a, STR("tel:"), head), p, ARENA_CAT(a, tail, STR(";phone-context="), name));
}

static struct str canon_tel(struct arena *a, const struct numbering *n, const struct wildcard_parts *p,
                            const struct sip_uri *u, const char **ret_why)
{
    struct str after = p->tail;
    ptrdiff_t semicolon = str_chr(after, ';');
    if (semicolon >= 0)
        after = str_head(after, (size_t)semicolon);
    return canon_number(a, n, p, str_skip(p->head, 4), after, sip_uri_param(u, STR("phone-context"), NULL), ret_why);
}

// The fixed part of a user as canonical identities have it. What stands in them otherwise could never be covered.
static bool fixed_part(struct arena *a, struct str part, struct str *ret_part)
{
    struct sip_uri u;
    if (sip_uri_parse(a, ARENA_CAT(a, STR("sip:0"), part, STR("@h")), &u))
        return false;
    struct str user = sip_user_plain(a, part);
    *ret_part = user;
    return str_chr(user, '!') < 0;
}

static bool fixed_user(struct arena *a, const struct sip_uri *u, struct str head, struct str tail, struct str *ret_head,
                       struct str *ret_tail, const char **ret_why)
{
    struct sip_uri sample;
    struct sip_number number;
    if (u->password.p)
        *ret_why = "it has a password, which no identity has";
    else if (!fixed_part(a, head, ret_head) || !fixed_part(a, tail, ret_tail))
        *ret_why = "an escape beside its expression is none, or of an exclamation mark";
    else if (sip_uri_parse(a, ARENA_CAT(a, STR("sip:0"), tail, STR("@h")), &sample) == 0 &&
             sip_uri_number(a, &sample, &number) && number.context.n)
        *ret_why = "its phone-context makes a number of it, which needs user=phone";
    return !*ret_why && !a->failed;
}

static struct str canon_sip(struct arena *a, const struct numbering *n, const struct wildcard_parts *p,
                            const struct sip_uri *u, const char **ret_why)
{
    struct str scheme = u->scheme == SIP_SCHEME_SIPS ? STR("sips:") : STR("sip:");
    struct str before = str_skip(p->head, scheme.n);
    ptrdiff_t at = str_chr(p->tail, '@');
    if (at < 0) {
        *ret_why = "its expression does not stand in the user part";
        return STR_NONE;
    }
    struct str after = str_head(p->tail, (size_t)at);
    if (n && n->domain.n && !numbering_is_home(n, u->host)) {
        *ret_why = "its host is no home domain (home.domains)";
        return STR_NONE;
    }
    if (sip_uri_is_phone(u))
        return canon_number(a, n, p, before, after, u->host, ret_why);
    if (!fixed_user(a, u, before, after, &before, &after, ret_why))
        return STR_NONE;
    // The host is what the canonical form of a sample has.
    struct sip_uri sample;
    struct str canon = ARENA_CAT(a, scheme, STR("0@"), str_skip(p->tail, (size_t)at + 1));
    if (sip_uri_parse(a, canon, &sample) || !(canon = sip_uri_canon(a, &sample)).n) {
        *ret_why = "its host is none";
        return STR_NONE;
    }
    return joined(a, ARENA_CAT(a, scheme, before), p, ARENA_CAT(a, after, str_skip(canon, scheme.n + 1)));
}

struct str wildcard_canon(struct arena *a, const struct numbering *n, struct str text, const char **ret_why)
{
    struct wildcard_parts p;
    struct sip_uri u;
    *ret_why = NULL;
    if (text.n > WILDCARD_TEXT_MAX)
        *ret_why = "it is longer than 255 bytes";
    else if (!wildcard_split(text, &p))
        *ret_why = "it has no expression between two exclamation marks";
    else
        *ret_why = ere_refused(p.expression, WILDCARD_SIZE_MAX, WILDCARD_DEPTH_MAX);
    if (*ret_why)
        return STR_NONE;
    if (read_frame(a, &p, &u)) {
        *ret_why = "what stands around its expression is not of a sip, sips or tel URI";
        return STR_NONE;
    }
    struct str canon = u.scheme == SIP_SCHEME_TEL ? canon_tel(a, n, &p, &u, ret_why) : canon_sip(a, n, &p, &u, ret_why);
    if (canon.n > WILDCARD_TEXT_MAX) {
        *ret_why = "it is longer than 255 bytes";
        return STR_NONE;
    }
    return canon;
}

// ---- matching ----

struct wildcard {
    struct wildcard_parts parts; // of text
    regex_t expression;
    struct str text;
    char memory[];
};

// The expression has to match the whole of what is between the fixed parts: ^(...)$.
static int compile(struct wildcard *w)
{
    char anchored[WILDCARD_TEXT_MAX + 4];
    struct str e = w->parts.expression;
    size_t n = 0;
    anchored[n++] = '^';
    anchored[n++] = '(';
    memcpy(anchored + n, e.p, e.n);
    n += e.n;
    anchored[n++] = ')';
    anchored[n++] = '$';
    return tre_regncomp(&w->expression, anchored, n, REG_EXTENDED | REG_NOSUB);
}

struct wildcard *wildcard_new(struct str canonical)
{
    struct wildcard_parts p;
    if (canonical.n > WILDCARD_TEXT_MAX || !wildcard_split(canonical, &p) ||
        ere_refused(p.expression, WILDCARD_SIZE_MAX, WILDCARD_DEPTH_MAX))
        return NULL;
    struct wildcard *w = mem_alloc(sizeof *w + canonical.n);
    if (!w)
        return NULL;
    memcpy(w->memory, canonical.p, canonical.n);
    w->text = str_make(w->memory, canonical.n);
    (void)wildcard_split(w->text, &w->parts);
    if (compile(w) == REG_OK)
        return w;
    mem_free(w);
    return NULL;
}

struct wildcard *wildcard_free(struct wildcard *w)
{
    if (w)
        tre_regfree(&w->expression);
    mem_free(w);
    return NULL;
}

// Visible ASCII, as canonical identities are: what the expression's classes mean depends on no locale.
static bool is_visible(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

bool wildcard_covers(const struct wildcard *w, struct str identity)
{
    const struct wildcard_parts *p = &w->parts;
    if (identity.n < p->head.n + p->tail.n || !str_starts(identity, p->head) || !str_ends(identity, p->tail))
        return false;
    struct str middle = str_make(identity.p + p->head.n, identity.n - p->head.n - p->tail.n);
    return is_visible(middle) && tre_regnexec(&w->expression, middle.p, middle.n, 0, NULL, 0) == REG_OK;
}

bool wildcard_may_cover(struct str pattern, struct str identity)
{
    struct wildcard_parts p;
    return wildcard_split(pattern, &p) && identity.n >= p.head.n + p.tail.n && str_starts(identity, p.head) &&
           str_ends(identity, p.tail);
}

// ---- some of them compiled ----

struct wildcard_cache {
    size_t n;
    struct wildcard *slots[];
};

struct wildcard_cache *wildcard_cache_new(size_t slots)
{
    struct wildcard_cache *c = mem_zalloc(sizeof *c + slots * sizeof(struct wildcard *));
    if (c)
        c->n = slots;
    return c;
}

void wildcard_cache_free(struct wildcard_cache *c)
{
    for (size_t i = 0; c && i < c->n; i++)
        wildcard_free(c->slots[i]);
    mem_free(c);
}

const struct wildcard *wildcard_cache_find(struct wildcard_cache *c, struct str pattern)
{
    struct wildcard **slot = &c->slots[hash_bytes(pattern.p, pattern.n) % c->n];
    if (!*slot || !str_eq((*slot)->text, pattern)) {
        wildcard_free(*slot);
        *slot = wildcard_new(pattern);
    }
    return *slot;
}

bool wildcard_cache_covers(struct wildcard_cache *c, struct str pattern, struct str identity)
{
    const struct wildcard *w = wildcard_may_cover(pattern, identity) ? wildcard_cache_find(c, pattern) : NULL;
    return w && wildcard_covers(w, identity);
}

// ---- in header fields ----

// unreserved and user-unreserved of RFC 3261 25.1, and what holds the parts of the URI together.
static bool stands_for_itself(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("-_.!~*'()&=+$,;?/:@", c, 19);
}

struct str wildcard_to_uri(struct arena *a, struct str pattern)
{
    static const char hex[] = "0123456789ABCDEF";
    char *p = arena_alloc(a, 3 * pattern.n + 1);
    size_t n = 0;
    struct wildcard_parts parts;
    if (!wildcard_split(pattern, &parts))
        return pattern;
    const char *first = parts.expression.p, *end = first + parts.expression.n;
    for (const char *c = pattern.p; p && c < pattern.p + pattern.n; c++) {
        bool inside = c >= first && c < end;
        if (!inside || (stands_for_itself(*c) && !memchr(":@", *c, 2))) {
            p[n++] = *c;
            continue;
        }
        p[n++] = '%';
        p[n++] = hex[(unsigned char)*c >> 4];
        p[n++] = hex[*c & 15];
    }
    return p ? str_make(p, n) : STR_NONE;
}

struct str wildcard_from_uri(struct arena *a, struct str uri)
{
    struct wildcard_parts parts;
    if (!wildcard_split(uri, &parts))
        return uri;
    struct str in = parts.expression;
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;
    for (size_t i = 0; p && i < in.n; i++) {
        uint8_t byte = (uint8_t)in.p[i];
        if (byte == '%' && str_unhex(str_head(str_skip(in, i + 1), 2), &byte, 1) == 0)
            i += 2;
        p[n++] = (char)byte;
    }
    parts.expression = str_make(p, n);
    return p ? joined(a, parts.head, &parts, parts.tail) : STR_NONE;
}
