// SPDX-License-Identifier: Apache-2.0
#include "sip/uri.h"

#include "base/writer.h"
#include "sip/param.h"
#include "sip/uri_priv.h"

// uri-parameters, tel parameters: *( ";" pname [ "=" pvalue ] ), no blanks around.
static struct sip_param *uri_params(struct cur *c)
{
    struct sip_param *first = NULL, **tail = &first;
    while (!c->bad && cur_take(c, ';')) {
        struct str name = cur_escaped(c, CH_URI_PARAM), value = STR_NONE;
        if (cur_take(c, '=')) {
            value = cur_escaped(c, CH_URI_PARAM);
            if (!value.n)
                cur_fail(c);
        }
        if (!name.n)
            cur_fail(c);
        *tail = c->bad ? NULL : cur_param_new(c, name, value);
        if (*tail)
            tail = &(*tail)->next;
    }
    return first;
}

// [ user [ ":" password ] "@" ]: '@' occurs nowhere else unescaped, so its absence after what
// could be a user means that there is none.
static void userinfo(struct cur *c, struct sip_uri *u)
{
    const char *back = c->p;
    struct str user = cur_escaped(c, CH_USER), password = STR_NONE;
    if (cur_take(c, ':'))
        password = cur_escaped(c, CH_PASSWORD);
    if (c->bad || !cur_take(c, '@')) {
        // an escape can be wrong in the user only: no other part before '@' may hold one
        c->p = c->bad ? c->end : back;
        return;
    }
    if (!user.n)
        cur_fail(c);
    u->user = user;
    u->password = password;
}

static void sip_uri_rest(struct cur *c, struct sip_uri *u)
{
    userinfo(c, u);
    u->host = cur_host(c);
    u->port = cur_port(c);
    u->params = uri_params(c);
    if (cur_take(c, '?')) {
        u->headers = cur_escaped(c, CH_URI_HEADER);
        if (!u->headers.n)
            cur_fail(c);
    }
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

static enum sip_scheme scheme_of(struct str s)
{
    static const struct {
        struct str name;
        enum sip_scheme scheme;
    } schemes[] = {
        {STR_INIT("sip"), SIP_SCHEME_SIP},
        {STR_INIT("sips"), SIP_SCHEME_SIPS},
        {STR_INIT("tel"), SIP_SCHEME_TEL},
        {STR_INIT("urn"), SIP_SCHEME_URN},
    };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (str_ieq(s, schemes[i].name))
            return schemes[i].scheme;
    return SIP_SCHEME_OTHER;
}

void sip_uri_read(struct cur *c, struct sip_uri *u)
{
    *u = (struct sip_uri){.text = {c->p, (size_t)(c->end - c->p)}};
    struct str scheme = cur_token(c);
    if (!scheme.n || !ch_is(scheme.p[0], CH_ALPHA))
        cur_fail(c);
    cur_expect(c, ':');
    u->scheme = scheme_of(scheme);
    if (u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS)
        sip_uri_rest(c, u);
    else if (u->scheme == SIP_SCHEME_TEL)
        tel_rest(c, u);
    else
        (void)cur_span1(c, CH_URI);
    if (!cur_done(c))
        cur_fail(c);
}

int sip_uri_parse(struct arena *a, struct str s, struct sip_uri *ret_uri)
{
    struct sip_uri u;
    struct cur c = cur_init(a, s);
    sip_uri_read(&c, &u);
    if (a->failed)
        return ERR_NOMEM;
    if (c.bad)
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
