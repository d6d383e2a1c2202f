// SPDX-License-Identifier: Apache-2.0
#include "sip/auth.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/param.h"

// Names of the parameters that have a slice of their own.
static const struct {
    struct str name;
    size_t offset;
} fields[] = {
    {STR_INIT("username"), offsetof(struct sip_auth, username)},
    {STR_INIT("realm"), offsetof(struct sip_auth, realm)},
    {STR_INIT("nonce"), offsetof(struct sip_auth, nonce)},
    {STR_INIT("uri"), offsetof(struct sip_auth, uri)},
    {STR_INIT("response"), offsetof(struct sip_auth, response)},
    {STR_INIT("algorithm"), offsetof(struct sip_auth, algorithm)},
    {STR_INIT("cnonce"), offsetof(struct sip_auth, cnonce)},
    {STR_INIT("opaque"), offsetof(struct sip_auth, opaque)},
    {STR_INIT("qop"), offsetof(struct sip_auth, qop)},
    {STR_INIT("nc"), offsetof(struct sip_auth, nc)},
    {STR_INIT("auts"), offsetof(struct sip_auth, auts)},
    {STR_INIT("ck"), offsetof(struct sip_auth, ck)},
    {STR_INIT("ik"), offsetof(struct sip_auth, ik)},
    {STR_INIT("integrity-protected"), offsetof(struct sip_auth, integrity_protected)},
    {STR_INIT("stale"), offsetof(struct sip_auth, stale)},
    {STR_INIT("domain"), offsetof(struct sip_auth, domain)},
    {STR_INIT("nextnonce"), offsetof(struct sip_auth, nextnonce)},
    {STR_INIT("rspauth"), offsetof(struct sip_auth, rspauth)},
};

// A parameter given twice is malformed: two elements that each took another one would disagree
// about who is authenticated.
static void assign(struct cur *c, struct sip_auth *v, const struct sip_param *p)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!str_ieq(p->name, fields[i].name))
            continue;
        struct str *slot = (struct str *)(void *)((char *)v + fields[i].offset);
        if (slot->p || !p->value.p)
            cur_fail(c);
        *slot = sip_unquote(c->arena, p->value);
        return;
    }
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

static int parse(struct arena *a, struct str s, struct sip_auth *ret_auth,
                 void (*read)(struct cur *, struct sip_auth *))
{
    struct sip_auth v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_auth = v;
    return e;
}

int sip_auth_parse(struct arena *a, struct str s, struct sip_auth *ret_auth)
{
    return parse(a, s, ret_auth, sip_auth_read);
}

int sip_auth_info_parse(struct arena *a, struct str s, struct sip_auth *ret_auth)
{
    return parse(a, s, ret_auth, sip_auth_info_read);
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
