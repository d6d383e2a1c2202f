// SPDX-License-Identifier: Apache-2.0
#include "ims/impu.h"

#include "base/arena.h"
#include "ims/wildcard.h"

struct str impu_canon(struct arena *a, const struct numbering *n, const struct sip_uri *u)
{
    struct number v = {.kind = NUMBER_NONE};
    if (u->scheme == SIP_SCHEME_OTHER || u->scheme == SIP_SCHEME_URN)
        return STR_NONE;
    if (n)
        v = numbering_read(a, n, u);
    return v.kind == NUMBER_NONE ? sip_uri_canon(a, u) : sip_number_tel(a, &v.value);
}

struct str impu_canon_text(struct arena *a, const struct numbering *n, struct str text)
{
    struct sip_uri u;
    struct wildcard_parts p;
    const char *why;
    if (!wildcard_split(text, &p))
        return sip_uri_parse(a, text, &u) ? (a->failed ? STR_NONE : text) : impu_canon(a, n, &u);
    struct str pattern = wildcard_canon(a, n, text, &why);
    return pattern.n || a->failed ? pattern : text;
}

struct str impu_number(struct arena *a, const struct numbering *n, struct str text)
{
    struct sip_uri u;
    struct number v = {.kind = NUMBER_NONE};
    if (n && sip_uri_parse(a, text, &u) == 0)
        v = numbering_read(a, n, &u);
    if (n && v.kind == NUMBER_NONE && !a->failed && sip_uri_parse(a, text, &u) == 0)
        v = numbering_guess(a, n, &u);
    return v.kind == NUMBER_GLOBAL || v.kind == NUMBER_LOCAL ? sip_number_tel(a, &v.value) : STR_NONE;
}

// ---- who may be meant ----

struct forms {
    struct str *v;
    size_t n;
};

static void add_form(struct forms *f, struct str form)
{
    bool there = !form.n || f->n == IMPU_READINGS_MAX;
    for (size_t i = 0; !there && i < f->n; i++)
        there = str_eq(f->v[i], form);
    if (!there)
        f->v[f->n++] = form;
}

static void add_sip(struct arena *a, struct forms *f, struct str user, struct str domain)
{
    struct sip_uri u;
    struct str text = ARENA_CAT(a, STR("sip:"), user, STR("@"), domain);
    if (domain.n && text.n && sip_uri_parse(a, text, &u) == 0)
        add_form(f, sip_uri_canon(a, &u));
}

static void add_sips(struct arena *a, const struct numbering *n, struct forms *f, struct str digits)
{
    struct str user = sip_number_user(a, digits);
    add_sip(a, f, user, n->domain);
    for (size_t i = 0; i < n->n_domains; i++)
        add_sip(a, f, user, n->domains[i]);
}

void impu_readings(struct arena *a, const struct numbering *n, const struct sip_uri *u,
                   struct str ret_forms[IMPU_READINGS_MAX], size_t *ret_n)
{
    struct forms f = {ret_forms, 0};
    struct str local[NUMBERING_LOCAL_MAX];
    size_t n_local = 0;
    struct number v = {.kind = NUMBER_NONE};
    add_form(&f, impu_canon(a, n, u));
    if (f.n && n)
        v = numbering_read(a, n, u);
    if (f.n && n && v.kind == NUMBER_NONE) {
        v = numbering_guess(a, n, u);
        if (v.kind != NUMBER_NONE)
            add_form(&f, sip_number_tel(a, &v.value));
    }
    if (v.kind == NUMBER_GLOBAL || v.kind == NUMBER_LOCAL)
        add_sips(a, n, &f, v.value.digits);
    if (v.kind == NUMBER_GLOBAL)
        numbering_local(a, n, v.value.digits, local, &n_local);
    for (size_t i = 0; i < n_local; i++)
        add_sips(a, n, &f, local[i]);
    *ret_n = f.n;
}

// ---- can it be reached? ----

static const char *no_number(const struct numbering *n, const struct sip_uri *u,
                             const struct number *v)
{
    bool bare = u->scheme == SIP_SCHEME_TEL && *u->user.p != '+' &&
                !sip_uri_param(u, STR("phone-context"), NULL).n;
    if (bare)
        return "a tel URI needs + and a country code, or a phone-context (RFC 3966 5.1.4)";
    if (v->kind == NUMBER_INCOMPLETE)
        return "it is a prefix of the numbering plan and no number";
    if (v->kind == NUMBER_FOREIGN && n->domain.n)
        return "its phone-context is no domain of this network and none of numbering.contexts";
    return NULL;
}

const char *impu_unreachable(struct arena *a, const struct numbering *n, struct str text)
{
    static const struct numbering none;
    struct sip_uri u;
    struct wildcard_parts p;
    const char *refused = NULL;
    if (wildcard_split(text, &p))
        return wildcard_canon(a, n, text, &refused).n || a->failed ? NULL : refused;
    if (sip_uri_parse(a, text, &u) || u.scheme == SIP_SCHEME_OTHER || u.scheme == SIP_SCHEME_URN)
        return "it is not a sip, sips or tel URI";
    if (u.scheme != SIP_SCHEME_TEL && !u.user.n)
        return "it has no user part";
    n = n ? n : &none;
    struct number v = numbering_read(a, n, &u);
    const char *why = no_number(n, &u, &v);
    if (why)
        return why;
    if (!impu_canon(a, n, &u).n)
        return "it has no canonical form";
    if (u.scheme != SIP_SCHEME_TEL && n->domain.n && !numbering_is_home(n, u.host))
        return "its host is no home domain (home.domains)";
    return NULL;
}
