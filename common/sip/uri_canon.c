// SPDX-License-Identifier: Apache-2.0
// The canonical form of an identity, and the telephone number in a URI.
#include <arpa/inet.h>

#include "base/writer.h"
#include "sip/families.h"
#include "sip/uri.h"
#include "sip/cursor.h"

struct str sip_host_name(struct str host)
{
    bool one = host.n > 1 && host.p[host.n - 1] == '.' && host.p[host.n - 2] != '.';
    return one ? str_head(host, host.n - 1) : host;
}

struct str sip_host_ip6(struct str host, char buf[SIP_IP6_MAX])
{
    struct in6_addr ip;
    if (host.n < 2 || host.n > SIP_IP6_MAX || host.p[0] != '[' || host.p[host.n - 1] != ']')
        return STR_NONE;
    memcpy(buf, host.p + 1, host.n - 2);
    buf[host.n - 2] = 0;
    if (inet_pton(AF_INET6, buf, &ip) != 1 || !inet_ntop(AF_INET6, &ip, buf + 1, SIP_IP6_MAX - 2))
        return STR_NONE;
    size_t n = strlen(buf + 1);
    buf[0] = '[';
    buf[n + 1] = ']';
    return str_make(buf, n + 2);
}

bool sip_host_eq(struct str a, struct str b)
{
    char x[SIP_IP6_MAX], y[SIP_IP6_MAX];
    if (str_ieq(a, b))
        return true;
    struct str one = sip_host_ip6(a, x), other = sip_host_ip6(b, y);
    return one.n && str_eq(one, other);
}

static void put_lower(struct writer *w, struct str s)
{
    char *p = w->p + w->n;
    writer_str(w, s);
    for (size_t i = 0; !w->failed && i < s.n; i++)
        p[i] = ch_lower(p[i]);
}

static void put_host(struct writer *w, struct str host)
{
    char buf[SIP_IP6_MAX];
    struct str ip6 = sip_host_ip6(host, buf);
    if (ip6.n)
        writer_str(w, ip6);
    else
        put_lower(w, sip_host_name(host));
}

// Escapes of unreserved characters resolved, the others with upper-case digits.
static void put_user(struct writer *w, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    if (str_chr(s, '%') < 0) { // as nearly all
        writer_str(w, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (ch != '%' || s.n - i < 3) {
            writer_chr(w, ch);
            continue;
        }
        unsigned v = ch_hex(s.p[i + 1]) << 4 | ch_hex(s.p[i + 2]);
        ch = (char)v;
        i += 2;
        if (ch_is(ch, CH_ALPHA | CH_DIGIT) || (ch != 0 && strchr("-_.!~*'()", ch)))
            writer_chr(w, ch);
        else
            writer_str(w, str_make((char[]){'%', digits[v >> 4], digits[v & 15]}, 3));
    }
}

struct str sip_user_plain(struct arena *a, struct str user)
{
    char *p = arena_alloc(a, user.n + 1);
    struct writer w = writer_init(p, user.n + 1);
    if (p)
        put_user(&w, user);
    return p ? writer_done(&w) : STR_NONE;
}

// ---- numbers ----

static bool is_separator(char c)
{
    return c == '-' || c == '.' || c == '(' || c == ')';
}

// Escapes resolved, whatever they stand for: "%2B49" is +49.
static struct str unescaped(struct arena *a, struct str s)
{
    if (str_chr(s, '%') < 0)
        return s;
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++) {
        bool escape = s.p[i] == '%' && s.n - i >= 3;
        p[n++] = escape ? (char)(ch_hex(s.p[i + 1]) << 4 | ch_hex(s.p[i + 2])) : s.p[i];
        i += escape ? 2 : 0;
    }
    return p ? str_make(p, n) : STR_NONE;
}

// global-number-digits or local-number-digits (RFC 3966 3)
static bool is_number(struct str s)
{
    bool global = s.n && *s.p == '+', digit = false;
    for (size_t i = global ? 1 : 0; i < s.n; i++) {
        bool one = ch_is(s.p[i], global ? CH_DIGIT : CH_HEX) ||
                   (!global && (s.p[i] == '*' || s.p[i] == '#'));
        if (!one && !is_separator(s.p[i]))
            return false;
        digit |= one;
    }
    return digit;
}

// descriptor = domainname / global-number-digits (RFC 3966 3)
static bool is_context(struct str s)
{
    if (s.n && *s.p == '+')
        return is_number(s);
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_HOST))
            return false;
    return s.n > 0;
}

// Visual separators mean nothing, nor does the case of letters.
static struct str plain_number(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++)
        if (!is_separator(s.p[i]))
            p[n++] = ch_lower(s.p[i]);
    return p ? str_make(p, n) : STR_NONE;
}

static struct str plain_context(struct arena *a, struct str s)
{
    if (s.n && *s.p == '+')
        return plain_number(a, s);
    s = sip_host_name(s);
    char *p = arena_alloc(a, s.n);
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = ch_lower(s.p[i]);
    return p ? str_make(p, s.n) : STR_NONE;
}

static struct str user_param(struct arena *a, struct str params, struct str wanted)
{
    while (params.n) {
        struct str value = str_split(&params, ';'), name = str_split(&value, '=');
        if (str_ieq(unescaped(a, name), wanted))
            return unescaped(a, value);
    }
    return STR_NONE;
}

bool sip_uri_is_phone(const struct sip_uri *u)
{
    return u->scheme == SIP_SCHEME_TEL ||
           str_ieq(sip_uri_param(u, STR("user"), NULL), STR("phone"));
}

bool sip_uri_number(struct arena *a, const struct sip_uri *u, struct sip_number *ret_number)
{
    struct str digits = u->user, context = STR_NONE;
    if (u->scheme == SIP_SCHEME_TEL) {
        context = sip_uri_param(u, STR("phone-context"), NULL);
    } else if (u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS) {
        struct str rest = u->user;
        digits = unescaped(a, str_split(&rest, ';'));
        context = user_param(a, rest, STR("phone-context"));
    }
    if (!is_number(digits) || (context.n && !is_context(context)))
        return false;
    bool global = *digits.p == '+';
    struct sip_number n = {plain_number(a, digits),
                           context.n && !global ? plain_context(a, context) : STR_NONE};
    if (a->failed)
        return false;
    *ret_number = n;
    return true;
}

// ---- the canonical form ----

struct str sip_number_tel(struct arena *a, const struct sip_number *n)
{
    return n->context.n ? ARENA_CAT(a, STR("tel:"), n->digits, STR(";phone-context="), n->context)
                        : ARENA_CAT(a, STR("tel:"), n->digits);
}

// '#' has to be escaped in a user part (RFC 3261 25.1).
struct str sip_number_user(struct arena *a, struct str digits)
{
    struct arena_buf b = arena_buf_init(a);
    while (digits.n) {
        bool more = str_chr(digits, '#') >= 0;
        arena_buf_add(&b, str_split(&digits, '#'));
        if (more)
            arena_buf_add(&b, STR("%23"));
    }
    return arena_buf_done(&b);
}

struct str sip_number_sip(struct arena *a, const struct sip_number *n, struct str domain)
{
    struct str user = sip_number_user(a, n->digits);
    return n->context.n ? ARENA_CAT(a, STR("sip:"), user, STR(";phone-context="), n->context,
                                    STR("@"), domain, STR(";user=phone"))
                        : ARENA_CAT(a, STR("sip:"), user, STR("@"), domain, STR(";user=phone"));
}

// A number that stands for itself: a global one, or a local one with its context (RFC 3261 19.1.6).
static bool stands_alone(const struct sip_uri *u, const struct sip_number *n)
{
    return u->scheme == SIP_SCHEME_TEL || n->context.n || *n->digits.p == '+';
}

struct str sip_uri_canon(struct arena *a, const struct sip_uri *u)
{
    struct sip_number number;
    if (u->scheme == SIP_SCHEME_OTHER || u->scheme == SIP_SCHEME_URN)
        return STR_NONE;
    if (sip_uri_is_phone(u) && sip_uri_number(a, u, &number) && stands_alone(u, &number))
        return sip_number_tel(a, &number);
    if (u->scheme == SIP_SCHEME_TEL) // of a context that is none
        return STR_NONE;
    size_t cap = u->user.n + u->host.n + SIP_IP6_MAX + 8;
    char *p = arena_alloc(a, cap);
    if (!p)
        return STR_NONE;
    struct writer w = writer_init(p, cap);
    writer_str(&w, u->scheme == SIP_SCHEME_SIPS ? STR("sips:") : STR("sip:"));
    if (u->user.p) {
        put_user(&w, u->user);
        writer_chr(&w, '@');
    }
    put_host(&w, u->host);
    return w.failed ? STR_NONE : writer_done(&w);
}
