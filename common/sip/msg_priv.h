// SPDX-License-Identifier: Apache-2.0
// Inside of a message. One block holds the struct, the received bytes, the header slices and the
// first part of the arena.
#pragma once

#include "base/arena.h"
#include "sip/cursor.h"
#include "sip/msg.h"

// One header field. Its line ends where the next one begins: behind the last there is one more,
// which is the blank line.
struct sip_field {
    uint16_t at;     // of the name
    uint16_t name_n;
    uint16_t value;  // trimmed
    uint16_t value_n;
    uint8_t id;      // enum sip_hid
    bool again;      // another field with this id follows
};

// Typed values of one header, each where it was read. The places of a few are here, of more in the
// arena.
struct sip_values {
    int err;
    uint32_t n, room;
    const void **at;
    const void *few[4];
};

struct sip_msg {
    unsigned refs;
    unsigned pool;          // class of the block, see pool.h
    struct arena arena;
    struct str bytes;       // start line to end of body
    size_t headers, blank;  // offsets of the first header field and of the line that ends them
    uint64_t *delim;        // bitmap over the headers: sip/split.h
    struct sip_field *fields;
    size_t n_fields;
    uint16_t first[SIP_H_COUNT];   // index + 1 of the first field of each id, 0: none
    struct sip_values **values;    // by index of the first field; made on first use

    bool bad;
    enum sip_method method;
    unsigned status;
    struct str method_name, uri_text, reason, body, call_id;
    bool uri_good;
    int max_forwards;

    // what follows is not zeroed with the rest: it takes longer than reading a header
    uint16_t last[SIP_H_COUNT]; // as first, of the last field, where there are several
    struct sip_uri uri;         // when uri_good
    struct sip_via via;         // text.p NULL: not read, and so below
    struct sip_addr from, to;
    struct sip_cseq cseq;       // method_name.p NULL: not read
};

static inline struct str sip_field_value(const struct sip_msg *m, const struct sip_field *f)
{
    return str_make(m->bytes.p + f->value, f->value_n);
}

static inline struct str sip_field_name(const struct sip_msg *m, const struct sip_field *f)
{
    return str_make(m->bytes.p + f->at, f->name_n);
}

// Offset behind the field's line, CRLF included.
static inline size_t sip_field_end(const struct sip_field *f)
{
    return f[1].at;
}

// First field of a header, NULL when absent.
static inline const struct sip_field *sip_field_first(const struct sip_msg *m, enum sip_hid id)
{
    size_t i = (unsigned)id < SIP_H_COUNT ? m->first[id] : 0;
    return i ? &m->fields[i - 1] : NULL;
}

// Next field with the id of f, NULL when there is none.
static inline const struct sip_field *sip_field_next(const struct sip_msg *m,
                                                     const struct sip_field *f)
{
    if (!f->again)
        return NULL;
    for (const struct sip_field *g = f + 1; g < m->fields + m->n_fields; g++)
        if (g->id == f->id)
            return g;
    return NULL;
}

// A field that may occur once: do further ones say the same? Else two elements would act on
// different messages.
static inline bool sip_field_agrees(const struct sip_msg *m, const struct sip_field *f)
{
    struct str value = sip_field_value(m, f);
    for (const struct sip_field *g = f; (g = sip_field_next(m, g)) != NULL;)
        if (!str_eq(value, sip_field_value(m, g)))
            return false;
    return true;
}

// Cursor over a part of the headers of m. It is filled member by member: see cur_copy.
static inline void sip_msg_cur(const struct sip_msg *m, struct str part, struct cur *ret_cur)
{
    ret_cur->p = part.p;
    ret_cur->end = part.p + part.n;
    ret_cur->arena = (struct arena *)(uintptr_t)&m->arena;
    ret_cur->bad = false;
    ret_cur->base = m->bytes.p;
    ret_cur->delim = m->delim;
}

// Splits off start line and header fields. 0, ERR_NOMEM, or ERR_BAD with *ret_err when a line is
// malformed; what could be split is there even then.
int sip_split(struct sip_msg *m, struct sip_parse_error *ret_err);

// Checks and fills the fields that routing needs; *ret_usable: a 400 can be answered.
int sip_route_check(struct sip_msg *m, struct sip_parse_error *ret_err, bool *ret_usable);

// Takes the element before the next separator outside quotes and angle brackets from *rest, which is
// a part of a field of m; false when nothing is left. The element is trimmed.
bool sip_element_next(const struct sip_msg *m, struct str *rest, char separator,
                      struct str *ret_element);

// ---- Blocks for messages, recycled: a message costs one allocation, and that one is seldom new.

// At least *n bytes and the class to give back; *n becomes what there is. NULL: out of memory.
void *sip_pool_get(size_t *n, unsigned *ret_class);
void sip_pool_put(void *p, unsigned class);
