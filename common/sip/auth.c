// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/words.h"

// The slice that a parameter has of its own, found by length and then by words; NULL: none.
static struct str *slot_of(struct sip_auth *v, struct str name)
{
#define SLOT(literal, member)                                                                      \
    if (word_same(name.p, literal, sizeof literal - 1))                                            \
        return &v->member;
    switch (name.n) {
    case 2:
        SLOT("nc", nc)
        SLOT("ck", ck)
        SLOT("ik", ik)
        return NULL;
    case 3:
        SLOT("uri", uri)
        SLOT("qop", qop)
        return NULL;
    case 4:
        SLOT("auts", auts)
        return NULL;
    case 5:
        SLOT("realm", realm)
        SLOT("nonce", nonce)
        SLOT("stale", stale)
        return NULL;
    case 6:
        SLOT("cnonce", cnonce)
        SLOT("opaque", opaque)
        SLOT("domain", domain)
        return NULL;
    case 7:
        SLOT("rspauth", rspauth)
        return NULL;
    case 8:
        SLOT("username", username)
        SLOT("response", response)
        return NULL;
    case 9:
        SLOT("algorithm", algorithm)
        SLOT("nextnonce", nextnonce)
        return NULL;
    case 19:
        SLOT("integrity-protected", integrity_protected)
        return NULL;
    default:
        return NULL;
    }
#undef SLOT
}

// A parameter given twice is malformed: two elements that each took another one would disagree
// about who is authenticated.
static void assign(struct cur *c, struct sip_auth *v, const struct sip_param *p)
{
    struct str *slot = slot_of(v, p->name);
    if (!slot)
        return;
    if (slot->p || !p->value.p)
        cur_fail(c);
    *slot = sip_unquote(c->arena, p->value);
}

// auth-param = token EQUAL ( token / quoted-string )
static void auth_params(struct cur *c, struct sip_auth *v)
{
    struct sip_param **tail = &v->params;
    do {
        struct sip_param *p = cur_param(c);
        if (!p)
            return;
        assign(c, v, p);
        *tail = p;
        tail = &p->next;
    } while (cur_sep(c, ','));
}

void sip_auth_read(struct cur *c, struct sip_auth *v)
{
    *v = (struct sip_auth){.scheme = cur_token(c)};
    const char *blank = c->p;
    cur_sws(c);
    if (c->p == blank)
        cur_fail(c);
    auth_params(c, v);
}

void sip_auth_info_read(struct cur *c, struct sip_auth *v)
{
    *v = (struct sip_auth){.scheme = STR_NONE};
    auth_params(c, v);
}

void sip_auth_write(struct writer *w, const struct sip_auth *v)
{
    writer_str(w, v->scheme);
    if (v->scheme.n)
        writer_chr(w, ' ');
    for (const struct sip_param *p = v->params; p; p = p->next) {
        sip_param_write(w, p);
        if (p->next)
            writer_lit(w, ", ");
    }
}
