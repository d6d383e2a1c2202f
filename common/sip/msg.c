// SPDX-License-Identifier: Apache-2.0
// Life of a message, and its plain accessors.
#include <stddef.h>

#include "base/err.h"
#include "sip/msg_priv.h"
#include "sip/split.h"

enum {
    ARENA_FIRST = 2560,
};

static struct str without_leading_crlf(struct str data)
{
    while (data.n >= 2 && data.p[0] == '\r' && data.p[1] == '\n')
        data = str_skip(data, 2);
    return data;
}

// One block: the struct, the bytes with room to read whole blocks and names, the bitmap, the
// arena. The bytes begin where a line of the cache does, so that each block is in one line.
static struct sip_msg *msg_new(struct str data)
{
    size_t text = data.n / SPLIT_BLOCK * SPLIT_BLOCK + 2 * SPLIT_BLOCK;
    size_t bitmap = SPLIT_WORDS(data.n) * sizeof(uint64_t);
    size_t fixed = sizeof(struct sip_msg) + SPLIT_BLOCK + text + bitmap;
    size_t size = fixed + ARENA_FIRST;
    unsigned pool;
    struct sip_msg *m = sip_pool_get(&size, &pool);
    if (!m)
        return NULL;
    memset(m, 0, offsetof(struct sip_msg, last));
    m->via.text = m->from.text = m->from.tag = m->to.text = m->to.tag = STR_NONE;
    m->cseq.method_name = STR_NONE;
    char *bytes = (char *)(m + 1);
    bytes += -(uintptr_t)bytes % SPLIT_BLOCK;
    memset(bytes + text - 2 * SPLIT_BLOCK, 0, 2 * SPLIT_BLOCK);
    if (data.n)
        memcpy(bytes, data.p, data.n);
    m->refs = 1;
    m->pool = pool;
    m->bytes = str_make(bytes, data.n);
    m->delim = (uint64_t *)(void *)(bytes + text);
    arena_init(&m->arena, bytes + text + bitmap, size - fixed);
    return m;
}

int sip_msg_parse(struct str data, struct sip_msg **ret_msg, struct sip_parse_error *ret_err)
{
    struct sip_parse_error err = {.what = NULL};
    bool usable;
    *ret_msg = NULL;
    data = without_leading_crlf(data);
    if (data.n > SIP_MSG_MAX)
        return ERR_TOOBIG;
    struct sip_msg *m = msg_new(data);
    if (!m)
        return ERR_NOMEM;
    int split = sip_split(m, &err);
    int e = split == ERR_NOMEM ? split : sip_route_check(m, &err, &usable);
    if (e != ERR_NOMEM && split)
        e = split;
    m->bad = e != 0;
    if (e == ERR_BAD)
        *ret_err = err;
    if (e && (e != ERR_BAD || !usable || m->status || !m->method_name.n)) {
        sip_msg_unref(m);
        return e;
    }
    *ret_msg = m;
    return e;
}

struct sip_msg *sip_msg_ref(struct sip_msg *m)
{
    m->refs++;
    return m;
}

void sip_msg_unref(struct sip_msg *m)
{
    if (!m || --m->refs)
        return;
    if (m->arena.chunks) // most messages need no more than their block
        arena_done(&m->arena);
    sip_pool_put(m, m->pool);
}

bool sip_msg_is_request(const struct sip_msg *m)
{
    return m->status == 0;
}

enum sip_method sip_msg_method(const struct sip_msg *m)
{
    return m->method;
}

struct str sip_msg_method_name(const struct sip_msg *m)
{
    return m->method_name;
}

struct str sip_msg_uri_text(const struct sip_msg *m)
{
    return m->uri_text;
}

const struct sip_uri *sip_msg_uri(const struct sip_msg *m)
{
    return m->uri_good ? &m->uri : NULL;
}

unsigned sip_msg_status(const struct sip_msg *m)
{
    return m->status;
}

struct str sip_msg_reason(const struct sip_msg *m)
{
    return m->reason;
}

struct str sip_msg_bytes(const struct sip_msg *m)
{
    return m->bytes;
}

struct str sip_msg_body(const struct sip_msg *m)
{
    return m->body;
}

bool sip_msg_is_bad(const struct sip_msg *m)
{
    return m->bad;
}

struct arena *sip_msg_arena(const struct sip_msg *m)
{
    return &((struct sip_msg *)(uintptr_t)m)->arena;
}

struct str sip_msg_raw(const struct sip_msg *m, enum sip_hid id)
{
    const struct sip_field *f = sip_field_first(m, id);
    return f ? sip_field_value(m, f) : STR_NONE;
}

bool sip_msg_has(const struct sip_msg *m, enum sip_hid id)
{
    return sip_field_first(m, id) != NULL;
}

void sip_msg_ids(const struct sip_msg *m, uint64_t ret_bits[SIP_HID_WORDS])
{
    memset(ret_bits, 0, SIP_HID_WORDS * sizeof *ret_bits);
    for (const struct sip_field *f = m->fields; f < m->fields + m->n_fields; f++)
        ret_bits[f->id / 64] |= (uint64_t)1 << f->id % 64;
}

struct str sip_msg_raw_named(const struct sip_msg *m, struct str name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (str_ieq(sip_field_name(m, &m->fields[i]), name))
            return sip_field_value(m, &m->fields[i]);
    return STR_NONE;
}

const struct sip_via *sip_msg_via(const struct sip_msg *m)
{
    return m->via.text.p ? &m->via : NULL;
}

const struct sip_cseq *sip_msg_cseq(const struct sip_msg *m)
{
    return m->cseq.method_name.p ? &m->cseq : NULL;
}

struct str sip_msg_call_id(const struct sip_msg *m)
{
    return m->call_id;
}

struct str sip_msg_from_tag(const struct sip_msg *m)
{
    return m->from.tag;
}

struct str sip_msg_to_tag(const struct sip_msg *m)
{
    return m->to.tag;
}

const struct sip_addr *sip_msg_from(const struct sip_msg *m)
{
    return m->from.text.p ? &m->from : NULL;
}

const struct sip_addr *sip_msg_to(const struct sip_msg *m)
{
    return m->to.text.p ? &m->to : NULL;
}

int sip_msg_max_forwards(const struct sip_msg *m)
{
    return m->max_forwards;
}

int64_t sip_msg_expires(const struct sip_msg *m)
{
    const struct sip_delta *d = sip_msg_at(m, SIP_H_EXPIRES, 0);
    return d ? (int64_t)d->value : -1;
}
