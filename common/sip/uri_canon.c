// SPDX-License-Identifier: Apache-2.0
// The canonical form of an identity.
#include "base/writer.h"
#include "sip/param.h"
#include "sip/uri_priv.h"

static void put_lower(struct writer *w, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        writer_chr(w, ch_lower(s.p[i]));
}

// Escapes of unreserved characters resolved, the others with upper-case digits.
static void put_user(struct writer *w, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
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

static void put_number(struct writer *w, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("-.()", s.p[i]))
            writer_chr(w, ch_lower(s.p[i]));
}

static void put_tel(struct writer *w, struct str number, struct str context)
{
    writer_lit(w, "tel:");
    put_number(w, number);
    if (!context.n)
        return;
    writer_lit(w, ";phone-context=");
    if (*context.p == '+')
        put_number(w, context);
    else
        put_lower(w, context);
}

static bool is_number(struct str s, unsigned classes)
{
    bool digit = false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ch_is(s.p[i], classes) && !strchr("-.()", s.p[i]))
            return false;
        digit |= ch_is(s.p[i], classes);
    }
    return digit;
}

// descriptor = domainname / global-number-digits (RFC 3966 3)
static bool is_context(struct str s)
{
    if (s.n && *s.p == '+')
        return is_number(str_skip(s, 1), CH_DIGIT);
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_HOST))
            return false;
    return s.n > 0;
}

// A sip URI with user=phone and a telephone-subscriber that stands for itself: a global number, or
// a local one with its phone-context (RFC 3261 19.1.6).
static bool as_tel(const struct sip_uri *u, struct str *ret_number, struct str *ret_context)
{
    struct str rest = u->user, number, context = STR_NONE;
    if (!str_ieq(sip_uri_param(u, STR("user"), NULL), STR("phone")))
        return false;
    number = str_split(&rest, ';');
    while (rest.n) {
        struct str value = str_split(&rest, ';'), name = str_split(&value, '=');
        if (str_ieq(name, STR("phone-context")))
            context = value;
    }
    bool global = number.n && *number.p == '+';
    if (global ? !is_number(str_skip(number, 1), CH_DIGIT)
               : !is_context(context) || !is_number(number, CH_HEX))
        return false;
    *ret_number = number;
    *ret_context = global ? STR_NONE : context;
    return true;
}

struct str sip_uri_canon(struct arena *a, const struct sip_uri *u)
{
    // the canonical form is never longer than the text and one "tel:" together
    size_t cap = u->text.n + u->user.n + u->host.n + 32;
    struct str number, context;
    if (u->scheme == SIP_SCHEME_OTHER || u->scheme == SIP_SCHEME_URN)
        return STR_NONE;
    char *p = arena_alloc(a, cap);
    if (!p)
        return STR_NONE;
    struct writer w = writer_init(p, cap);
    if (u->scheme == SIP_SCHEME_TEL) {
        put_tel(&w, u->user, sip_uri_param(u, STR("phone-context"), NULL));
    } else if (as_tel(u, &number, &context)) {
        put_tel(&w, number, context);
    } else {
        writer_str(&w, u->scheme == SIP_SCHEME_SIPS ? STR("sips:") : STR("sip:"));
        if (u->user.p) {
            put_user(&w, u->user);
            writer_chr(&w, '@');
        }
        put_lower(&w, u->host);
    }
    return w.failed ? STR_NONE : writer_done(&w);
}
