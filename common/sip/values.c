// SPDX-License-Identifier: Apache-2.0
// Typed values of a header, made on first use.
#include "sip/cursor.h"
#include "sip/header.h"
#include "sip/msg_priv.h"

enum { SMALL = 32 }; // a value of which a few more may be allocated than there are

static void *value_new(struct arena *a, const struct sip_header *h, struct sip_values *vs,
                       size_t *cap)
{
    if (vs->n == *cap) {
        size_t more = *cap ? *cap * 2 : h->multi == SIP_LIST && h->size <= SMALL ? 8 : 1;
        void *p = arena_alloc(a, more * h->size);
        if (!p)
            return NULL;
        if (vs->n)
            memcpy(p, vs->first, vs->n * h->size);
        vs->first = p;
        *cap = more;
    }
    return (char *)vs->first + vs->n++ * h->size;
}

// The values of one field. RFC 3261 7.3.1: an empty list is allowed where the grammar has one,
// e.g. "Supported:".
static int read_field(struct sip_msg *m, const struct sip_header *h, const struct sip_field *f,
                      struct sip_values *vs, size_t *cap)
{
    struct cur c;
    // of which the first value has been read already
    const struct sip_field *top_via = m->bad ? NULL : sip_field_first(m, SIP_H_VIA);
    sip_msg_cur(m, sip_field_value(m, f), &c);
    if (h->multi == SIP_LIST && cur_done(&c))
        return 0;
    do {
        void *v = value_new(&m->arena, h, vs, cap);
        if (!v)
            return ERR_NOMEM;
        if (f == top_via && vs->n == 1) {
            *(struct sip_via *)v = m->via;
            c.p = m->via.text.p + m->via.text.n;
        } else {
            h->read(&c, v);
        }
    } while (h->multi == SIP_LIST && !c.bad && cur_sep(&c, h->separator));
    return cur_finish(&c);
}

// A header with one value that sip_route_check has read already; NULL: none of those.
static void *read_before(struct sip_msg *m, enum sip_hid id)
{
    if (m->bad)
        return NULL;
    switch (id) {
    case SIP_H_FROM:
        return &m->from;
    case SIP_H_TO:
        return &m->to;
    case SIP_H_CSEQ:
        return &m->cseq;
    case SIP_H_CALL_ID:
        return &m->call_id;
    default:
        return NULL;
    }
}

static int read_all(struct sip_msg *m, const struct sip_field *f, struct sip_values *vs)
{
    vs->size = 0; // unless there can be several
    vs->first = read_before(m, (enum sip_hid)f->id);
    vs->n = vs->first != NULL;
    if (vs->n)
        return 0;
    const struct sip_header *h = sip_header((enum sip_hid)f->id);
    vs->size = h->size;
    size_t cap = 0;
    for (; f; f = sip_field_next(m, f)) {
        if (h->multi == SIP_ONE && vs->n) {
            if (!str_eq(sip_field_value(m, f), sip_field_value(m, sip_field_first(m, f->id))))
                return ERR_BAD;
            continue;
        }
        int e = read_field(m, h, f, vs, &cap);
        if (e)
            return e;
    }
    return 0;
}

// NULL: out of memory.
static const struct sip_values *values_of(struct sip_msg *m, const struct sip_field *f)
{
    if (!m->values) {
        m->values = arena_zalloc(&m->arena, m->n_fields * sizeof(void *));
        if (!m->values)
            return NULL;
    }
    struct sip_values **slot = &m->values[f - m->fields];
    if (!*slot) {
        struct sip_values *vs = arena_alloc(&m->arena, sizeof *vs);
        if (!vs)
            return NULL;
        vs->err = read_all(m, f, vs);
        *slot = vs;
    }
    return *slot;
}

int sip_msg_get(const struct sip_msg *m, enum sip_hid id, size_t i, const void **ret_value)
{
    const struct sip_field *f = sip_field_first(m, id);
    if (!f)
        return ERR_NOTFOUND;
    // the cache is the one part of a message that changes after the parse
    const struct sip_values *vs = values_of((struct sip_msg *)(uintptr_t)m, f);
    if (!vs)
        return ERR_NOMEM;
    if (vs->err)
        return vs->err;
    if (i >= vs->n)
        return ERR_NOTFOUND;
    *ret_value = (const char *)vs->first + i * vs->size;
    return 0;
}

const void *sip_msg_at(const struct sip_msg *m, enum sip_hid id, size_t i)
{
    const void *v;
    return sip_msg_get(m, id, i, &v) ? NULL : v;
}

size_t sip_msg_count(const struct sip_msg *m, enum sip_hid id)
{
    const struct sip_field *f = sip_field_first(m, id);
    const struct sip_values *vs = f ? values_of((struct sip_msg *)(uintptr_t)m, f) : NULL;
    return vs && !vs->err ? vs->n : 0;
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_hid id, struct str token)
{
    char separator = sip_header(id)->separator;
    for (const struct sip_field *f = sip_field_first(m, id); f; f = sip_field_next(m, f)) {
        struct str rest = sip_field_value(m, f), element;
        while (sip_element_next(m, &rest, separator ? separator : ',', &element))
            if (str_ieq(str_trim(str_split(&element, ';')), token))
                return true;
    }
    return false;
}
