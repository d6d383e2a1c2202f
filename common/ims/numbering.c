// SPDX-License-Identifier: Apache-2.0
#include "ims/numbering.h"

#include "base/arena.h"
#include "sip/chars.h"

enum { E164_DIGITS = 15 }; // ITU-T E.164 6.1

// ---- names ----

// The home domain of this name as it is configured; empty: it is none.
static struct str home_of(const struct numbering *n, struct str host)
{
    host = sip_host_name(host);
    if (!host.n)
        return STR_NONE;
    if (str_ieq(host, n->domain))
        return n->domain;
    for (size_t i = 0; i < n->n_domains; i++)
        if (str_ieq(host, n->domains[i]))
            return n->domains[i];
    return STR_NONE;
}

bool numbering_is_home(const struct numbering *n, struct str host)
{
    return home_of(n, host).n > 0;
}

struct str numbering_domain_of(const struct numbering *n, struct str name)
{
    struct str own = n->several ? home_of(n, name) : STR_NONE;
    return own.n ? own : n->domain;
}

// "*.example.org" is every name below example.org.
static bool name_fits(struct str pattern, struct str name)
{
    if (!str_starts(pattern, STR("*.")))
        return str_ieq(sip_host_name(pattern), name);
    struct str tail = str_skip(pattern, 1);
    return name.n > tail.n && str_ieq(str_skip(name, name.n - tail.n), tail);
}

static bool is_own_context(const struct numbering *n, struct str context)
{
    if (numbering_is_home(n, context))
        return true;
    for (size_t i = 0; i < n->n_contexts; i++)
        if (name_fits(n->contexts[i], context))
            return true;
    return false;
}

// ---- digits ----

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_DIGIT))
            return false;
    return s.n > 0;
}

static bool code_fits(struct str pattern, struct str digits)
{
    if (pattern.n != digits.n)
        return false;
    for (size_t i = 0; i < pattern.n; i++) {
        char p = ch_lower(pattern.p[i]);
        if (p == 'x' ? !ch_is(digits.p[i], CH_DIGIT) : p != digits.p[i])
            return false;
    }
    return true;
}

static bool is_short_code(const struct numbering *n, struct str digits)
{
    for (size_t i = 0; i < n->n_short_codes; i++)
        if (code_fits(n->short_codes[i], digits))
            return true;
    return false;
}

// The longest of the prefixes that it begins with.
static struct str international_prefix(const struct numbering *n, struct str digits)
{
    struct str best = STR_NONE;
    for (size_t i = 0; i < n->n_international; i++) {
        struct str p = n->international_prefixes[i];
        if (p.n > best.n && str_starts(digits, p))
            best = p;
    }
    return best;
}

// Is something in front of the digits that the plan takes off? *ret_global: what stands for it
// then.
static bool has_prefix(struct arena *a, const struct numbering *n, struct str digits,
                       struct str *ret_global)
{
    struct str in = international_prefix(n, digits), rest = str_skip(digits, in.n);
    if (in.n) {
        *ret_global = rest.n ? ARENA_CAT(a, STR("+"), rest) : STR_NONE;
        return true;
    }
    if (!n->country_code.n || !n->national_prefix.n || !str_starts(digits, n->national_prefix))
        return false;
    rest = str_skip(digits, n->national_prefix.n);
    *ret_global = rest.n ? ARENA_CAT(a, STR("+"), n->country_code, rest) : STR_NONE;
    return true;
}

// A national number that is dialled as it is: in a plan without a national prefix, or by its
// length.
static bool is_bare_national(const struct numbering *n, struct str digits)
{
    if (!n->country_code.n)
        return false;
    return n->national_length ? digits.n == n->national_length : !n->national_prefix.n;
}

static struct number global(struct str digits)
{
    return (struct number){NUMBER_GLOBAL, {digits, STR_NONE}};
}

static struct number local(enum number_kind kind, struct str digits, struct str domain)
{
    return (struct number){kind, {digits, domain}};
}

// name: whose number it is; empty: it does not say so.
static struct number own_number(struct arena *a, const struct numbering *n, struct str digits, struct str name)
{
    struct str plus, domain = numbering_domain_of(n, name);
    if (!all_digits(digits) || is_short_code(n, digits))
        return local(NUMBER_LOCAL, digits, domain);
    if (has_prefix(a, n, digits, &plus))
        return plus.n ? global(plus) : local(NUMBER_INCOMPLETE, digits, domain);
    if (is_bare_national(n, digits))
        return global(ARENA_CAT(a, STR("+"), n->country_code, digits));
    return local(NUMBER_LOCAL, digits, domain);
}

// RFC 3966 5.1.5: the context is what the number has in front of it everywhere else.
static struct number below_prefix(struct arena *a, const struct numbering *n,
                                  const struct sip_number *v)
{
    struct str plus;
    if (!all_digits(v->digits))
        return (struct number){NUMBER_FOREIGN, *v};
    if (str_eq(str_skip(v->context, 1), n->country_code) && n->country_code.n &&
        has_prefix(a, n, v->digits, &plus))
        return plus.n ? global(plus) : (struct number){NUMBER_INCOMPLETE, *v};
    return global(ARENA_CAT(a, v->context, v->digits));
}

// Does a number without a context say by its URI whose it is?
static bool is_of_us(const struct numbering *n, const struct sip_uri *u)
{
    if (u->scheme == SIP_SCHEME_TEL)
        return n->domain.n && !(n->several && n->n_domains);
    return n->domain.n && numbering_is_home(n, u->host);
}

static struct number means(struct arena *a, const struct numbering *n, const struct sip_number *v,
                           const struct sip_uri *u)
{
    if (*v->digits.p == '+')
        return (struct number){NUMBER_GLOBAL, *v};
    if (v->context.n && *v->context.p == '+')
        return below_prefix(a, n, v);
    if (v->context.n ? is_own_context(n, v->context) : is_of_us(n, u))
        return own_number(a, n, v->digits, v->context.n ? v->context : u->host);
    return v->context.n ? (struct number){NUMBER_FOREIGN, *v}
                        : (struct number){.kind = NUMBER_NONE};
}

static bool has_context(const struct sip_uri *u)
{
    return str_chr(u->user, ';') >= 0;
}

struct number numbering_read(struct arena *a, const struct numbering *n, const struct sip_uri *u)
{
    struct sip_number v;
    bool at_home = u->scheme == SIP_SCHEME_TEL || numbering_is_home(n, u->host);
    bool says = sip_uri_is_phone(u), may = at_home && has_context(u);
    if (!says && !may)
        return (struct number){.kind = NUMBER_NONE};
    if (!sip_uri_number(a, u, &v) || (!says && !v.context.n))
        return (struct number){.kind = NUMBER_NONE};
    return means(a, n, &v, u);
}

struct number numbering_guess(struct arena *a, const struct numbering *n, const struct sip_uri *u)
{
    struct sip_number v;
    if (u->scheme == SIP_SCHEME_TEL || !numbering_is_home(n, u->host) || !sip_uri_number(a, u, &v))
        return (struct number){.kind = NUMBER_NONE};
    for (size_t i = 0; i < v.digits.n; i++) // "ada" is a name
        if ((v.digits.p[i] | 0x20) >= 'a' && (v.digits.p[i] | 0x20) <= 'f')
            return (struct number){.kind = NUMBER_NONE};
    return means(a, n, &v, u);
}

void numbering_local(struct arena *a, const struct numbering *n, struct str global,
                     struct str ret_forms[NUMBERING_LOCAL_MAX], size_t *ret_n)
{
    struct str digits = str_skip(global, 1), rest = str_skip(digits, n->country_code.n);
    *ret_n = 0;
    if (!n->country_code.n || !str_starts(digits, n->country_code) || !rest.n)
        return;
    if (n->national_prefix.n)
        ret_forms[(*ret_n)++] = ARENA_CAT(a, n->national_prefix, rest);
    if (is_bare_national(n, rest))
        ret_forms[(*ret_n)++] = rest;
}

// ---- is it a plan? ----

const char *numbering_bad_digits(struct str s)
{
    return all_digits(s) && s.n <= E164_DIGITS ? NULL : "expected digits";
}

const char *numbering_bad_short_code(struct str s)
{
    bool good = s.n > 0 && s.n <= E164_DIGITS;
    for (size_t i = 0; good && i < s.n; i++)
        good = ch_is(s.p[i], CH_DIGIT) || ch_lower(s.p[i]) == 'x';
    return good ? NULL : "expected digits, with x for any of them, such as 112 or 8xx";
}

const char *numbering_bad_context(struct str s)
{
    if (str_starts(s, STR("*.")))
        s = str_skip(s, 2);
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_HOST))
            s.n = 0;
    return s.n ? NULL : "expected domain names, such as example.org or *.example.org";
}
