// SPDX-License-Identifier: Apache-2.0
#include "sip/uri.h"

#include "base/writer.h"
#include "sip/families.h"
#include "sip/cursor.h"
#include "sip/words.h"

// uri-parameters, tel parameters: *( ";" pname [ "=" pvalue ] ), no blanks around.
static inline struct sip_param *uri_params(struct cur *c)
{
    struct sip_param *first = NULL, **tail = &first;
    while (cur_take(c, ';')) {
        struct str name = cur_escaped(c, CH_URI_PARAM), value = STR_NONE;
        if (cur_take(c, '=')) {
            value = cur_escaped(c, CH_URI_PARAM);
            if (!value.n)
                cur_fail(c);
        }
        if (!name.n)
            cur_fail(c);
        struct sip_param *p = c->bad ? NULL : cur_param_new(c, name, value);
        if (!p)
            break;
        *tail = p;
        tail = &p->next;
    }
    return first;
}

// hostport uri-parameters [ headers ]
static inline void behind_user(struct cur *c, struct sip_uri *u)
{
    u->host = cur_host(c);
    u->port = cur_port(c);
    u->params = uri_params(c);
    if (CUR_RARELY(cur_peek(c) == '?')) {
        c->p++;
        u->headers = cur_escaped(c, CH_URI_HEADER);
        if (!u->headers.n)
            cur_fail(c);
    }
}

// userinfo with more than a plain user: user [ ":" password ] "@"
static void user_and_rest(struct cur *c, struct sip_uri *u)
{
    u->user = cur_escaped(c, CH_USER);
    if (cur_take(c, ':'))
        u->password = cur_escaped(c, CH_PASSWORD);
    if (!u->user.n)
        cur_fail(c);
    cur_expect(c, '@');
    behind_user(c, u);
}

// The part behind "sip:". Most often it begins with a plain user or with the host. Only when reading
// it so does not reach the end, the user may be something else: '@' occurs nowhere else unescaped.
static void sip_rest(struct cur *outer, struct sip_uri *u)
{
    struct cur c = cur_copy(outer);
    struct str start = cur_span(&c, CH_HOST);
    if (start.n && cur_take(&c, '@'))
        u->user = start;
    else
        c.p = start.p;
    behind_user(&c, u);
    bool ends = !c.bad && (cur_done(&c) || *c.p == '>');
    if (CUR_RARELY(!u->user.n && !ends)) {
        u->params = NULL;
        u->headers = STR_NONE;
        user_and_rest(outer, u);
        return;
    }
    cur_put(outer, &c);
}

// RFC 3966 3: global-number-digits or local-number-digits, at least one digit.
static void tel_rest(struct cur *c, struct sip_uri *u)
{
    bool digit = false;
    u->user = cur_span1(c, CH_PHONE);
    for (size_t i = 0; i < u->user.n; i++) {
        char ch = u->user.p[i];
        digit |= ch_is(ch, CH_HEX) || ch == '*' || ch == '#';
        if (ch == '+' ? i > 0 : u->user.p[0] == '+' && !ch_is(ch, CH_DIGIT) && ch != '-' &&
                                    ch != '.' && ch != '(' && ch != ')')
            cur_fail(c);
    }
    if (!digit)
        cur_fail(c);
    u->params = uri_params(c);
}

static void other_rest(struct cur *c, struct sip_uri *u)
{
    struct str scheme = cur_token(c);
    if (!scheme.n || !ch_is(scheme.p[0], CH_ALPHA))
        cur_fail(c);
    cur_expect(c, ':');
    if (WORD_IS(scheme, "tel")) {
        u->scheme = SIP_SCHEME_TEL;
        tel_rest(c, u);
    } else if (WORD_IS(scheme, "sips")) {
        u->scheme = SIP_SCHEME_SIPS;
        sip_rest(c, u);
    } else {
        u->scheme = WORD_IS(scheme, "urn") ? SIP_SCHEME_URN : SIP_SCHEME_OTHER;
        (void)cur_span1(c, CH_URI);
    }
}

void sip_uri_read(struct cur *c, struct sip_uri *u)
{
    const char *from = c->p;
    *u = (struct sip_uri){.scheme = SIP_SCHEME_SIP};
    if (c->end - from > 4 && from[3] == ':' && word_same(from, "sip", 3)) {
        c->p += 4;
        sip_rest(c, u);
    } else {
        other_rest(c, u);
    }
    u->text = cur_since(c, from);
}

int sip_uri_parse(struct arena *a, struct str s, struct sip_uri *ret_uri)
{
    struct sip_uri u;
    struct cur c = cur_init(a, s);
    sip_uri_read(&c, &u);
    if (a->failed)
        return ERR_NOMEM;
    if (c.bad || !cur_done(&c))
        return ERR_BAD;
    *ret_uri = u;
    return 0;
}

static void write_sip(struct writer *w, const struct sip_uri *u)
{
    writer_str(w, u->scheme == SIP_SCHEME_SIPS ? STR("sips:") : STR("sip:"));
    if (u->user.p) {
        writer_str(w, u->user);
        if (u->password.p) {
            writer_chr(w, ':');
            writer_str(w, u->password);
        }
        writer_chr(w, '@');
    }
    writer_str(w, u->host);
    if (u->port) {
        writer_chr(w, ':');
        writer_u64(w, u->port);
    }
    sip_params_write(w, u->params);
    if (u->headers.n) {
        writer_chr(w, '?');
        writer_str(w, u->headers);
    }
}

void sip_uri_write(struct writer *w, const struct sip_uri *u)
{
    switch (u->scheme) {
    case SIP_SCHEME_SIP:
    case SIP_SCHEME_SIPS:
        write_sip(w, u);
        return;
    case SIP_SCHEME_TEL:
        writer_lit(w, "tel:");
        writer_str(w, u->user);
        sip_params_write(w, u->params);
        return;
    case SIP_SCHEME_URN:
    case SIP_SCHEME_OTHER:
        writer_str(w, u->text);
        return;
    }
}

struct str sip_uri_param(const struct sip_uri *u, struct str name, bool *ret_present)
{
    return sip_param_get(u->params, name, ret_present);
}
