// SPDX-License-Identifier: Apache-2.0
#include "ims/descriptions.h"

#include "sip/cursor.h"
#include "sip/header.h"

// What a message or a part says of its body.
struct content {
    struct str type, boundary; // type p NULL: none is given
    bool encoded;
};

// ---- headers ----

// A phone that takes what it cannot read for a description gets what it takes for one looked at.
static const struct str sdp_type = STR_INIT("application/sdp");

static bool is_type(struct str s, struct str type)
{
    struct str sub = s, wanted = type;
    struct str main = str_trim(str_split(&sub, '/')), wanted_main = str_split(&wanted, '/');
    return str_ieq(main, wanted_main) && (!wanted.n || str_ieq(str_trim(sub), wanted));
}

// quoted-string (RFC 3261 25.1) without its quotes.
static struct str unquoted(struct arena *a, struct str s)
{
    if (s.n < 2 || *s.p != '"')
        return s;
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 1; p && i + 1 < s.n; i++) {
        i += s.p[i] == '\\' && i + 2 < s.n;
        p[n++] = s.p[i];
    }
    return p ? str_make(p, n) : STR_NONE;
}

static void take_type(struct content *c, struct arena *a, const struct sip_token *t)
{
    c->type = t->token;
    c->boundary = STR_NONE;
    for (const struct sip_param *p = t->params; p && !c->boundary.n; p = p->next)
        if (str_ieq(p->name, STR("boundary")))
            c->boundary = unquoted(a, p->value);
}

static void read_type(struct content *c, struct arena *a, struct str value)
{
    struct cur cur = cur_init(a, value);
    struct sip_token t = {.token = STR_NONE};
    sip_header(SIP_H_CONTENT_TYPE)->read(&cur, &t);
    if (cur.bad || cur.p != cur.end)
        t = (struct sip_token){.token = sdp_type};
    take_type(c, a, &t);
}

// RFC 2045 6.1: those three encode nothing.
static bool is_plain(struct str encoding)
{
    return str_ieq(encoding, STR("7bit")) || str_ieq(encoding, STR("8bit")) || str_ieq(encoding, STR("binary")) ||
           str_ieq(encoding, STR("identity"));
}

static bool is_encoding(struct str name)
{
    return str_ieq(name, STR("Content-Encoding")) || str_ieq(name, STR("e")) ||
           str_ieq(name, STR("Content-Transfer-Encoding"));
}

// A header field with the lines that continue it (RFC 3261 7.3.1), without its line end; empty: the headers are over.
static struct str next_field(struct str *rest)
{
    const char *from = rest->p;
    struct str line = str_split(rest, '\n');
    if (!line.n || str_eq(line, STR("\r")))
        return STR_NONE;
    while (rest->n && (*rest->p == ' ' || *rest->p == '\t'))
        line = str_split(rest, '\n');
    return str_make(from, (size_t)(line.p + line.n - from));
}

// Of several types the one that makes a description of it counts.
static unsigned weight(struct str type)
{
    return is_type(type, sdp_type) ? 2 : is_type(type, STR("multipart"));
}

// *rest begins behind the headers then.
static struct content part_content(struct arena *a, struct str *rest)
{
    struct content c = {.type = STR("text/plain")}; // RFC 2046 5.1
    bool typed = false;
    for (struct str field; rest->n && (field = next_field(rest)).n;) {
        struct str name = str_trim(str_split(&field, ':'));
        field = str_trim(field);
        if (is_encoding(name))
            c.encoded |= !is_plain(field);
        if (sip_hid_from(name) != SIP_H_CONTENT_TYPE)
            continue;
        struct content one = {.encoded = c.encoded};
        read_type(&one, a, field);
        if (!typed || weight(one.type) > weight(c.type))
            c = (struct content){one.type, one.boundary, c.encoded};
        typed = true;
    }
    return c;
}

static bool says_encoded(const struct sip_msg *m, struct str name)
{
    struct str value = str_trim(sip_msg_raw_named(m, name));
    return value.n && !is_plain(value);
}

static struct content message_content(struct arena *a, const struct sip_msg *m)
{
    const struct sip_token *type = sip_msg_at(m, SIP_H_CONTENT_TYPE, 0);
    struct content c = {.type = sdp_type};
    if (type)
        take_type(&c, a, type);
    c.encoded = says_encoded(m, STR("Content-Encoding")) || says_encoded(m, STR("e")) ||
                says_encoded(m, STR("Content-Transfer-Encoding"));
    return c;
}

// ---- parts ----

// "--", the boundary, "--" behind the last part, and blanks.
static bool is_delimiter(struct str boundary, struct str line)
{
    if (!str_starts(line, STR("--")) || !str_starts(str_skip(line, 2), boundary))
        return false;
    struct str rest = str_trim(str_skip(line, 2 + boundary.n));
    return !rest.n || str_eq(rest, STR("--"));
}

// The next part with its headers, without the line end in front of its delimiter.
static bool next_part(struct descriptions_part *p, struct str *ret_part)
{
    struct str line = STR_NONE;
    while (p->rest.n && !is_delimiter(p->boundary, line))
        line = str_split(&p->rest, '\n');
    if (!p->rest.n || !is_delimiter(p->boundary, line))
        return false;
    const char *from = p->rest.p, *end = from + p->rest.n;
    struct str next = p->rest;
    while (p->rest.n) {
        line = str_split(&next, '\n');
        if (is_delimiter(p->boundary, line)) {
            end = p->rest.p;
            break;
        }
        p->rest = next;
    }
    *ret_part = str_make(from, (size_t)(end - from));
    return true;
}

// NONE: it is no description, or a multipart whose parts come next.
static enum description enter(struct descriptions *d, const struct content *c, struct str body, struct str *ret_text)
{
    bool multipart = is_type(c->type, STR("multipart"));
    if (!multipart && !is_type(c->type, sdp_type))
        return DESCRIPTION_NONE;
    if (c->encoded)
        return DESCRIPTION_ENCODED;
    if (!multipart) {
        *ret_text = body;
        return DESCRIPTION_TEXT;
    }
    if (!c->boundary.n || d->depth == DESCRIPTIONS_DEPTH)
        return DESCRIPTION_HIDDEN;
    d->parts[d->depth++] = (struct descriptions_part){body, c->boundary};
    return DESCRIPTION_NONE;
}

enum description descriptions_next(struct descriptions *d, struct str *ret_text)
{
    struct str part;
    while (d->depth) {
        if (!next_part(&d->parts[d->depth - 1], &part)) {
            d->depth--;
            continue;
        }
        struct content c = part_content(d->arena, &part);
        enum description found = enter(d, &c, part, ret_text);
        if (found)
            return found;
    }
    return DESCRIPTION_NONE;
}

enum description descriptions_first(struct descriptions *d, const struct sip_msg *m, struct arena *a,
                                    struct str *ret_text)
{
    *d = (struct descriptions){.arena = a};
    struct content c = message_content(a, m);
    enum description found = enter(d, &c, sip_msg_body(m), ret_text);
    return found ? found : descriptions_next(d, ret_text);
}
