// SPDX-License-Identifier: Apache-2.0
#include "dia/fd.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/dict.h"

struct get {
    const struct dia_dict *d;
    const struct dia_frame *f;
    struct dia_fault *fault;
};

static int get_fields(struct get *g, msg_or_avp *parent, const struct dia_grammar *gr, char *st);

enum { OCCURS_TOO_MANY_TIMES = 5009 };

static const struct {
    const char *name;
    uint32_t code;
} faults[] = {
    {"DIAMETER_COMMAND_UNSUPPORTED", 3001},
    {"DIAMETER_APPLICATION_UNSUPPORTED", 3007},
    {"DIAMETER_INVALID_HDR_BITS", 3008},
    {"DIAMETER_INVALID_AVP_BITS", 3009},
    {"DIAMETER_AVP_UNSUPPORTED", 5001},
    {"DIAMETER_INVALID_AVP_VALUE", 5004},
    {"DIAMETER_MISSING_AVP", 5005},
    {"DIAMETER_AVP_NOT_ALLOWED", 5008},
    {"DIAMETER_AVP_OCCURS_TOO_MANY_TIMES", OCCURS_TOO_MANY_TIMES},
    {"DIAMETER_INVALID_AVP_LENGTH", 5014},
};

// RFC 6733 7.1.5, 5005: the missing AVP with a value of the least length, zeroes.
static struct str make_missing(struct dia_fault *f, const struct avp_hdr *h)
{
    const struct dia_avp *row = dia_avp_find(h->avp_code, h->avp_flags & AVP_FLAG_VENDOR ?
                                                              h->avp_vendor : 0);
    if (!row)
        return STR_NONE;
    size_t head = row->vendor ? 12 : 8;
    size_t data = row->type == DIA_U32 ? 4 : row->type == DIA_U64 ? 8 : 0;
    memset(f->made, 0, sizeof f->made);
    dia_put32(f->made, row->code);
    f->made[4] = (char)row->flags;
    dia_put24(f->made + 5, (uint32_t)(head + data));
    if (row->vendor)
        dia_put32(f->made + 8, row->vendor);
    return (struct str){f->made, head + data};
}

static void fault_from(struct get *g, struct fd_pei *e)
{
    struct dia_fault *f = g->fault;
    *f = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = e->pei_errcode};
    for (size_t i = 0; e->pei_errcode && i < ARRAY_LEN(faults); i++)
        if (strcmp(faults[i].name, e->pei_errcode) == 0)
            f->code = faults[i].code;
    struct avp_hdr *h;
    if (e->pei_avp && fd_msg_avp_hdr(e->pei_avp, &h) == 0) {
        if (f->code == DIA_MISSING_AVP)
            f->avp = make_missing(f, h);
        else
            f->avp = dia_frame_search(g->d, g->f, h->avp_code,
                                      h->avp_flags & AVP_FLAG_VENDOR ? h->avp_vendor : 0);
    }
    if (e->pei_avp && e->pei_avp_free)
        (void)fd_msg_free(e->pei_avp);
}

static int bad_avp(struct get *g, const struct avp_hdr *h, uint32_t code, const char *why)
{
    uint32_t vendor = h->avp_flags & AVP_FLAG_VENDOR ? h->avp_vendor : 0;
    *g->fault = (struct dia_fault){
        .code = code, .avp = dia_frame_search(g->d, g->f, h->avp_code, vendor), .why = why};
    return ERR_BAD;
}

static int bad_value(struct get *g, const struct avp_hdr *h)
{
    return bad_avp(g, h, DIA_INVALID_AVP_VALUE, "AVP value outside its range");
}

static int get_group(struct get *g, struct avp *a, const struct avp_hdr *h,
                     const struct dia_field *f, char *at)
{
    if (f->value)
        *(bool *)(at + f->value - 1) = h->avp_flags & AVP_FLAG_MANDATORY;
    return get_fields(g, a, f->group, at);
}

// Codes are per vendor: of another one's only the class can be told (RFC 6733 7.6, 7.7).
static int get_experimental(struct avp *group, uint32_t vendor, struct dia_result *ret_result)
{
    struct avp *a;
    bool ours = false;
    for (int r = fd_msg_browse(group, MSG_BRW_FIRST_CHILD, &a, NULL); r == 0 && a;
         r = fd_msg_browse(a, MSG_BRW_NEXT, &a, NULL)) {
        struct avp_hdr *h;
        (void)fd_msg_avp_hdr(a, &h);
        if (h->avp_code == 298 && h->avp_value)
            *ret_result = (struct dia_result){h->avp_value->u32, true};
        if (h->avp_code == 266 && h->avp_value)
            ours = h->avp_value->u32 == vendor;
    }
    if (!ours)
        *ret_result = (struct dia_result){ret_result->code / 1000 * 1000, false};
    return 0;
}

static int get_num(struct get *g, const struct avp_hdr *h, const struct dia_field *f, char *at)
{
    uint32_t v = h->avp_value->u32;
    switch ((enum dia_kind)f->kind) {
    case DIA_NUM:
        if (f->value && v > f->value)
            return bad_value(g, h);
        memcpy(at, &v, sizeof v);
        return 0;
    case DIA_SWITCH:
        *(bool *)at = v == f->value;
        return 0;
    case DIA_BIT:
        *(bool *)at = v & f->value;
        return 0;
    case DIA_BOOL:
        if (v > 1)
            return bad_value(g, h);
        *(bool *)at = v;
        return 0;
    case DIA_RESULT:
        *(struct dia_result *)(void *)at = (struct dia_result){v, false};
        return 0;
    default:
        return 0;
    }
}

static int get_one(struct get *g, struct avp *a, const struct avp_hdr *h,
                   const struct dia_field *f, char *at)
{
    switch ((enum dia_kind)f->kind) {
    case DIA_RULE:
    case DIA_CONST:
    case DIA_COUNTER:
    case DIA_FAILED:
        return 0;
    case DIA_GROUP:
        return get_group(g, a, h, f, at);
    case DIA_EXPERIMENTAL:
        return get_experimental(a, f->value, (void *)at);
    case DIA_STR:
        if (h->avp_value)
            *(struct str *)(void *)at =
                (struct str){(const char *)h->avp_value->os.data, h->avp_value->os.len};
        return 0;
    default:
        return h->avp_value ? get_num(g, h, f, at) : 0;
    }
}

static const struct dia_field *field_of(const struct dia_dict *d, const struct dia_grammar *gr,
                                        const struct avp_hdr *h)
{
    uint32_t vendor = h->avp_flags & AVP_FLAG_VENDOR ? h->avp_vendor : 0;
    uint64_t key = dia_avp_key(h->avp_code, vendor);
    for (size_t i = 0; i < gr->n; i++)
        if (d->key[gr->fields[i].avp] == key)
            return &gr->fields[i];
    return NULL;
}

// A list is longer than the struct's. Of an answer and of the link's own messages the rest may go; a
// request of which a part is not done must not be answered as if all were.
static int list_full(struct get *g, const struct avp_hdr *h)
{
    if (g->f->app == DIA_APP_BASE || !(g->f->flags & DIA_CMD_R))
        return 0;
    return bad_avp(g, h, DIA_UNABLE_TO_COMPLY, "more AVPs of a kind than are taken");
}

static int get_fields(struct get *g, msg_or_avp *parent, const struct dia_grammar *gr, char *st)
{
    struct avp *a;
    uint64_t seen = 0; // a bit for each field; no grammar has more
    for (int e = fd_msg_browse(parent, MSG_BRW_FIRST_CHILD, &a, NULL); e == 0 && a;
         e = fd_msg_browse(a, MSG_BRW_NEXT, &a, NULL)) {
        struct avp_hdr *h;
        (void)fd_msg_avp_hdr(a, &h);
        const struct dia_field *f = field_of(g->d, gr, h);
        if (!f)
            continue;
        uint64_t bit = 1ull << (f - gr->fields);
        if (f->max == 1 && (seen & bit))
            return bad_avp(g, h, OCCURS_TOO_MANY_TIMES, "AVP occurs too often");
        seen |= bit;
        char *at = st + f->at;
        if (f->cap) {
            size_t *n = (size_t *)(void *)(st + f->count_at);
            if (*n == f->cap) {
                int full = list_full(g, h);
                if (full)
                    return full;
                continue;
            }
            at += (*n)++ * f->stride;
        }
        if (f->present_at)
            *(bool *)(st + f->present_at - 1) = true;
        int r = get_one(g, a, h, f, at);
        if (r)
            return r;
    }
    return 0;
}

void dia_msg_free(struct msg *m)
{
    if (m)
        (void)fd_msg_free(m);
}

int dia_decode(const struct dia_dict *d, const struct dia_frame *f, const struct dia_grammar *g,
               void *st, size_t size, struct msg **ret_msg, struct dia_fault *ret_fault)
{
    memset(st, 0, size);
    uint8_t *copy = malloc(f->bytes.n); // libfdproto frees it
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, f->bytes.p, f->bytes.n);
    copy[4] = f->flags;
    struct msg *m = NULL;
    struct get get = {.d = d, .f = f, .fault = ret_fault};
    if (fd_msg_parse_buffer(&copy, f->bytes.n, &m) != 0) {
        free(copy);
        *ret_fault = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = "not Diameter"};
        return ERR_BAD;
    }
    struct fd_pei pei = {0};
    int r = fd_msg_parse_rules(m, d->fd, &pei);
    if (r) {
        fault_from(&get, &pei);
        r = r == ENOMEM ? ERR_NOMEM : ERR_BAD;
    } else {
        r = get_fields(&get, m, g, st);
    }
    if (r) {
        dia_msg_free(m);
        return r;
    }
    *ret_msg = m;
    return 0;
}
