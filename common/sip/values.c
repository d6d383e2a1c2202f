// SPDX-License-Identifier: Apache-2.0
// Typed values of a header, made on first use.
#include "base/mem.h"
#include "sip/cursor.h"
#include "sip/header.h"
#include "sip/msg_priv.h"

static bool value_add(struct arena *a, struct sip_values *vs, const void *value)
{
    if (CUR_RARELY(vs->n == vs->room)) {
        const void **more = arena_alloc(a, 2 * vs->room * sizeof *more);
        if (!more)
            return false;
        memcpy(more, vs->at, vs->n * sizeof *more);
        vs->at = more;
        vs->room *= 2;
    }
    vs->at[vs->n++] = value;
    return true;
}

// A header with one value, or the first value of one, that sip_route_check has read already; NULL:
// none of those.
static const void *read_before(const struct sip_msg *m, enum sip_hid id)
{
    if (m->bad)
        return NULL;
    switch (id) {
    case SIP_H_VIA:
        return &m->via;
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

// The values of one field. known: it is the top Via, the first of which has been read already.
// RFC 3261 7.3.1: an empty list is allowed where the grammar has one, e.g. "Supported:".
static inline int read_field(struct sip_msg *m, const struct sip_header *h,
                             const struct sip_field *f, bool known, struct sip_values *vs)
{
    struct cur c;
    sip_msg_cur(m, sip_field_value(m, f), &c);
    if (known)
        c.p = m->via.text.p + m->via.text.n;
    if (known ? !cur_sep(&c, h->separator) : h->multi == SIP_LIST && cur_done(&c))
        return cur_finish(&c);
    do {
        void *v = arena_alloc(&m->arena, h->size);
        if (!v || !value_add(&m->arena, vs, v))
            return ERR_NOMEM;
        h->read(&c, v);
    } while (h->multi == SIP_LIST && !c.bad && cur_sep(&c, h->separator));
    return cur_finish(&c);
}

static inline int read_all(struct sip_msg *m, const struct sip_field *f, struct sip_values *vs)
{
    const struct sip_header *h = sip_header((enum sip_hid)f->id);
    const void *before = read_before(m, (enum sip_hid)f->id);
    if (before && !value_add(&m->arena, vs, before))
        return ERR_NOMEM;
    if (before && h->multi == SIP_ONE)
        return 0;
    if (h->multi == SIP_ONE && !sip_field_agrees(m, f))
        return ERR_BAD;
    bool known = before != NULL;
    for (; f; f = h->multi == SIP_ONE ? NULL : sip_field_next(m, f)) {
        int e = read_field(m, h, f, known, vs);
        if (e)
            return e;
        known = false;
    }
    return 0;
}

// NULL: out of memory. Each header comes here once or twice: better whole than in every caller.
__attribute__((noinline)) static const struct sip_values *values_of(struct sip_msg *m,
                                                                    const struct sip_field *f)
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
        vs->n = 0;
        vs->room = ARRAY_LEN(vs->few);
        vs->at = vs->few;
        vs->err = read_all(m, f, vs);
        *slot = vs;
    }
    return *slot;
}

const void *sip_msg_at(const struct sip_msg *m, enum sip_hid id, size_t i)
{
    const struct sip_field *f = sip_field_first(m, id);
    // the cache is the one part of a message that changes after the parse
    const struct sip_values *vs = f ? values_of((struct sip_msg *)(uintptr_t)m, f) : NULL;
    return vs && !vs->err && i < vs->n ? vs->at[i] : NULL;
}

size_t sip_msg_count(const struct sip_msg *m, enum sip_hid id)
{
    const struct sip_field *f = sip_field_first(m, id);
    const struct sip_values *vs = f ? values_of((struct sip_msg *)(uintptr_t)m, f) : NULL;
    return vs && !vs->err ? vs->n : 0;
}

struct sip_iter sip_iter_init(const struct sip_msg *m, enum sip_hid id)
{
    const struct sip_field *f = sip_field_first(m, id);
    const struct sip_values *vs = f ? values_of((struct sip_msg *)(uintptr_t)m, f) : NULL;
    if (!f)
        return (struct sip_iter){0};
    if (!vs || vs->err)
        return (struct sip_iter){.err = vs ? vs->err : ERR_NOMEM};
    return (struct sip_iter){.at = vs->at, .n = vs->n};
}

struct sip_iter sip_iter_back(const struct sip_msg *m, enum sip_hid id)
{
    struct sip_iter it = sip_iter_init(m, id);
    it.back = true;
    return it;
}

struct sip_iter sip_iter_from(const struct sip_msg *m, enum sip_hid id, size_t i)
{
    struct sip_iter it = sip_iter_init(m, id);
    it.done = i < it.n ? i : it.n;
    return it;
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

// ---- elements of a header field that holds a list ----

// Offset of the separator that ends the first element of s, or s.n. All that can end or hide one is
// marked in the bitmap of the message.
static size_t element_end(const struct sip_msg *m, struct str s, char separator)
{
    bool quoted = false, bracket = false;
    const char *end = s.p + s.n;
    for (const char *p = s.p; p < end; p++) {
        p = cur_span_end(p, end, m->bytes.p, m->delim, CH_HOST);
        if (p == end)
            break;
        if (quoted) {
            quoted = *p != '"';
            p += *p == '\\';
        } else if (*p == '"') {
            quoted = true;
        } else if (*p == '<' || *p == '>') {
            bracket = *p == '<';
        } else if (*p == separator && !bracket) {
            return (size_t)(p - s.p);
        }
    }
    return s.n;
}

bool sip_element_next(const struct sip_msg *m, struct str *rest, char separator,
                      struct str *ret_element)
{
    if (!rest->p)
        return false;
    size_t n = element_end(m, *rest, separator);
    *ret_element = str_trim(str_head(*rest, n));
    *rest = n < rest->n ? str_skip(*rest, n + 1) : STR_NONE;
    return true;
}
