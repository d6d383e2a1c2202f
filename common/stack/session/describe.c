// SPDX-License-Identifier: Apache-2.0
// What goes into the messages of a session: whom it is from, what is supported, what its owner
// adds; and what was described last.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/session_priv.h"

// ---- texts ----

struct str heap_set(struct str *at, struct str v)
{
    struct str copy = v.n ? str_dup(v) : STR_NONE;
    mem_free((void *)at->p);
    *at = copy;
    return copy;
}

bool list_has(struct str list, struct str token)
{
    while (list.n)
        if (str_ieq(str_trim(str_split(&list, ',')), token))
            return true;
    return false;
}

// ---- descriptions ----

struct str session_type(const struct session *s)
{
    return s->p.content_type.n ? s->p.content_type : STR("application/sdp");
}

int session_keep_described(struct session *s, struct str body)
{
    if (!body.n || body.n > BODY_MAX)
        return 0;
    return heap_set(&s->described, body).p ? 0 : ERR_NOMEM;
}

// ---- headers ----

void session_decorate(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e)
{
    if (s->ops->decorate)
        s->ops->decorate(s->arg, s, method, status, e);
}

static struct str supported(const struct session *s, struct arena *a)
{
    struct arena_buf b = arena_buf_init(a);
    if (s->p.rel100 != SESSION_REL_OFF)
        arena_buf_item(&b, STR(", "), STR("100rel"));
    if (s->p.timer)
        arena_buf_item(&b, STR(", "), STR("timer"));
    if (s->p.supported.n)
        arena_buf_item(&b, STR(", "), s->p.supported);
    return arena_buf_done(&b);
}

void session_describe(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e)
{
    struct str tags = supported(s, e->arena);
    sip_edit_append(e, SIP_H_CONTACT, s->p.contact);
    if (s->p.allow.n)
        sip_edit_append(e, SIP_H_ALLOW, s->p.allow);
    if (tags.n)
        sip_edit_append(e, SIP_H_SUPPORTED, tags);
    session_decorate(s, method, status, e);
}

void credentials_copy(struct sip_edits *to, const struct sip_edits *from)
{
    static const enum sip_hid ids[] = {SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION};
    struct str value;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct sip_edits_iter it = sip_edits_iter_init(from, ids[i]);
        while (sip_edits_iter_next(&it, &value))
            sip_edit_append(to, ids[i], arena_dup(to->arena, value));
    }
}

struct str session_unknown_option(const struct session_params *p, const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_REQUIRE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));) {
        bool known = (str_ieq(t->token, STR("100rel")) && p->rel100 != SESSION_REL_OFF) ||
                     (str_ieq(t->token, STR("timer")) && p->timer) ||
                     list_has(p->supported, t->token);
        if (!known)
            return t->token;
    }
    return STR_NONE;
}
