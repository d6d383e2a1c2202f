// SPDX-License-Identifier: Apache-2.0
// Comparison of URIs.
#include "sip/uri_priv.h"

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

static const struct sip_param *param_find(const struct sip_param *p, struct str name)
{
    while (p && !text_eq(p->name, name, true))
        p = p->next;
    return p;
}

// Parameters that never match their absence (RFC 3261 19.1.4; transport by its examples).
static bool needs_partner(struct str name)
{
    return str_ieq(name, STR("user")) || str_ieq(name, STR("ttl")) ||
           str_ieq(name, STR("method")) || str_ieq(name, STR("maddr")) ||
           str_ieq(name, STR("transport"));
}

// Every parameter of a agrees with b; the caller asks both ways. One that is repeated, which it must
// not be, agrees with any of its kind.
static bool params_agree(const struct sip_param *a, const struct sip_param *b)
{
    for (; a; a = a->next) {
        const struct sip_param *other = param_find(b, a->name);
        if (!other && needs_partner(a->name))
            return false;
        while (other && !text_eq(a->value, other->value, true)) {
            other = param_find(other->next, a->name);
            if (!other)
                return false;
        }
    }
    return true;
}

static struct str header_next(struct str *rest, struct str *ret_name)
{
    struct str value = str_split(rest, '&');
    *ret_name = str_split(&value, '=');
    return value.p ? value : str_make("", 0);
}

// Every header of a occurs in b with the same value.
static bool headers_within(struct str a, struct str b)
{
    while (a.n) {
        struct str name, value = header_next(&a, &name), rest = b;
        bool found = false;
        while (rest.n && !found) {
            struct str other, v = header_next(&rest, &other);
            found = text_eq(name, other, true) && text_eq(value, v, false);
        }
        if (!found)
            return false;
    }
    return true;
}

static bool sip_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    return a->port == b->port && str_ieq(a->host, b->host) && text_eq(a->user, b->user, false) &&
           text_eq(a->password, b->password, false) && params_agree(a->params, b->params) &&
           params_agree(b->params, a->params) && headers_within(a->headers, b->headers) &&
           headers_within(b->headers, a->headers);
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

// RFC 3966 5: every parameter needs its partner, whatever the order.
static bool tel_params_within(const struct sip_param *a, const struct sip_param *b)
{
    for (; a; a = a->next) {
        bool number = str_ieq(a->name, STR("phone-context")) && a->value.n && *a->value.p == '+';
        const struct sip_param *other = param_find(b, a->name);
        while (other && !(number ? number_eq(a->value, other->value)
                                 : text_eq(a->value, other->value, true)))
            other = param_find(other->next, a->name);
        if (!other)
            return false;
    }
    return true;
}

static bool tel_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    return number_eq(a->user, b->user) && tel_params_within(a->params, b->params) &&
           tel_params_within(b->params, a->params);
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

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    if (a->scheme != b->scheme)
        return false;
    if (str_eq(a->text, b->text)) // also what repeats a parameter
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
