// SPDX-License-Identifier: Apache-2.0
#include "sip/contact.h"

#include "base/writer.h"
#include "sip/addr_hdr.h"
#include "sip/cursor.h"
#include "sip/words.h"

static int64_t expires_of(struct str s)
{
    uint32_t v;
    int e = str_u32(s, &v);
    if (e == ERR_TOOBIG) // RFC 3261 20.19: delta-seconds end at 2**32-1
        return UINT32_MAX;
    return e ? 3600 : v;
}

static void contact_param(struct cur *c, const struct sip_param *p, struct sip_contact *v)
{
    if (WORD_IS(p->name, "expires")) {
        v->expires = expires_of(p->value);
    } else if (WORD_IS(p->name, "q")) {
        struct cur q = cur_init(c->arena, p->value);
        v->q = cur_qvalue(&q);
        if (q.bad || !cur_done(&q))
            cur_fail(c);
    } else if (WORD_IS(p->name, "+sip.instance")) {
        v->instance = sip_unquote(c->arena, p->value);
    } else if (WORD_IS(p->name, "reg-id")) {
        if (str_u32(p->value, &v->reg_id))
            v->reg_id = 0; // RFC 5626 6: a value out of range is as if absent
    }
}

void sip_contact_read(struct cur *c, struct sip_contact *v)
{
    const char *from = c->p;
    *v = (struct sip_contact){.expires = -1, .q = 1000};
    if (cur_take(c, '*')) {
        cur_sws(c);
        if (cur_done(c)) {
            v->star = true;
            return;
        }
        c->p = from;
    }
    sip_addr_read(c, &v->addr);
    for (const struct sip_param *p = v->addr.params; p; p = p->next)
        contact_param(c, p, v);
}

int sip_contact_parse(struct arena *a, struct str s, struct sip_contact *ret_contact)
{
    struct sip_contact v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    sip_contact_read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_contact = v;
    return e;
}

void sip_contact_write(struct writer *w, const struct sip_contact *v)
{
    if (v->star)
        writer_chr(w, '*');
    else
        sip_addr_write(w, &v->addr);
}
