// SPDX-License-Identifier: Apache-2.0
#include "dia/codec/fd.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dia/codec/dict.h"

enum {
    OCCURS_TOO_MANY_TIMES = 5009,
    VENDOR_ID = 266,
    EXPERIMENTAL_RESULT_CODE = 298,
    ORIGIN_HOST = 264,
    ORIGIN_REALM = 296
};

struct get {
    const struct dia_dict *d;
    const struct dia_frame *f;
    struct arena *lists;
    struct dia_fault *fault;
};

static int get_fields(struct get *g, msg_or_avp *parent, const struct dia_grammar *gr, uint64_t required,
                      char *st);

// ---- faults ----

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
    {"DIAMETER_AVP_NOT_ALLOWED", 5008},
    {"DIAMETER_INVALID_AVP_LENGTH", 5014},
};

// RFC 6733 7.1.5, 5005: the missing AVP with a value of the least length, zeroes.
static int missing(struct get *g, const struct dia_avp *row)
{
    struct dia_fault *f = g->fault;
    size_t head = row->vendor ? 12 : 8;
    size_t data = row->type == DIA_U32 || row->type == DIA_I32 ? 4 :
                  row->type == DIA_U64 || row->type == DIA_I64 ? 8 :
                                                                 0;
    *f = (struct dia_fault){.code = DIA_MISSING_AVP, .why = "DIAMETER_MISSING_AVP"};
    dia_put32(f->made, row->code);
    f->made[4] = (char)row->flags;
    dia_put24(f->made + 5, (uint32_t)(head + data));
    if (row->vendor)
        dia_put32(f->made + 8, row->vendor);
    f->avp = (struct str){f->made, head + data};
    return ERR_BAD;
}

static void fault_from(struct get *g, struct fd_pei *e)
{
    struct dia_fault *f = g->fault;
    *f = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = e->pei_errcode};
    for (size_t i = 0; e->pei_errcode && i < ARRAY_LEN(faults); i++)
        if (strcmp(faults[i].name, e->pei_errcode) == 0)
            f->code = faults[i].code;
    struct avp_hdr *h;
    if (e->pei_avp && fd_msg_avp_hdr(e->pei_avp, &h) == 0)
        f->avp = dia_frame_search(g->d, g->f, h->avp_code,
                                  h->avp_flags & AVP_FLAG_VENDOR ? h->avp_vendor : 0);
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

// ---- one AVP ----

static int get_group(struct get *g, struct avp *a, const struct avp_hdr *h,
                     const struct dia_field *f, char *at)
{
    if (f->value)
        *(bool *)(at + f->value - 1) = h->avp_flags & AVP_FLAG_MANDATORY;
    return get_fields(g, a, f->group, f->group->required, at);
}

// Codes are per vendor: of another one's only the class can be told (RFC 6733 7.6, 7.7).
static int get_experimental(struct get *g, struct avp *group, uint32_t vendor, struct dia_result *ret_result)
{
    struct avp *a;
    bool named = false, coded = false, ours = false;
    for (int r = fd_msg_browse(group, MSG_BRW_FIRST_CHILD, &a, NULL); r == 0 && a;
         r = fd_msg_browse(a, MSG_BRW_NEXT, &a, NULL)) {
        struct avp_hdr *h;
        (void)fd_msg_avp_hdr(a, &h);
        if (h->avp_flags & AVP_FLAG_VENDOR || !h->avp_value)
            continue;
        if (h->avp_code == EXPERIMENTAL_RESULT_CODE) {
            *ret_result = (struct dia_result){h->avp_value->u32, true};
            coded = true;
        } else if (h->avp_code == VENDOR_ID) {
            ours = h->avp_value->u32 == vendor;
            named = true;
        }
    }
    if (!named || !coded)
        return missing(g, dia_dict_avp(g->d, named ? EXPERIMENTAL_RESULT_CODE : VENDOR_ID, 0));
    if (!ours)
        *ret_result = (struct dia_result){ret_result->code / 1000 * 1000, false};
    return 0;
}

static int get_num(struct get *g, const struct avp_hdr *h, const struct dia_field *f, char *at)
{
    uint32_t v = h->avp_value->u32;
    switch ((enum dia_kind)f->kind) {
    case DIA_KIND_NUM:
        if (f->value && (v > f->value || v < f->low))
            return bad_value(g, h);
        memcpy(at, &v, sizeof v);
        return 0;
    case DIA_KIND_NUM64:
        memcpy(at, &h->avp_value->u64, sizeof h->avp_value->u64);
        return 0;
    case DIA_KIND_SWITCH:
        *(bool *)at = v == f->value;
        return 0;
    case DIA_KIND_BIT:
        *(bool *)at = v & f->value;
        return 0;
    case DIA_KIND_BOOL:
        if (v > 1)
            return bad_value(g, h);
        *(bool *)at = v;
        return 0;
    case DIA_KIND_RESULT:
        *(struct dia_result *)(void *)at = (struct dia_result){v, false};
        return 0;
    default:
        return 0;
    }
}

static int get_time(struct get *g, const struct avp_hdr *h, char *at)
{
    if (h->avp_value->os.len != 4)
        return bad_avp(g, h, 5014, "a Time is four octets");
    uint32_t v = dia_get32(h->avp_value->os.data);
    memcpy(at, &v, sizeof v);
    return 0;
}

static int get_one(struct get *g, struct avp *a, const struct avp_hdr *h,
                   const struct dia_field *f, char *at)
{
    switch ((enum dia_kind)f->kind) {
    case DIA_KIND_CONST:
    case DIA_KIND_APPLICATION:
    case DIA_KIND_COUNTER:
    case DIA_KIND_FAILED:
        return 0;
    case DIA_KIND_GROUP:
        return get_group(g, a, h, f, at);
    case DIA_KIND_EXPERIMENTAL:
        return get_experimental(g, a, f->value, (void *)at);
    case DIA_KIND_STR:
        if (h->avp_value)
            *(struct str *)(void *)at =
                (struct str){(const char *)h->avp_value->os.data, h->avp_value->os.len};
        return 0;
    case DIA_KIND_TIME:
        return h->avp_value ? get_time(g, h, at) : 0;
    default:
        return h->avp_value ? get_num(g, h, f, at) : 0;
    }
}

// ---- all of them ----

static uint64_t key_of(const struct avp_hdr *h)
{
    return DIA_KEY(h->avp_code, h->avp_flags & AVP_FLAG_VENDOR ? h->avp_vendor : 0);
}

// AVPs mostly come in the order of the grammar: the search begins where the last one was.
static const struct dia_field *field_of(const struct dia_grammar *gr, uint64_t key, size_t *at)
{
    for (size_t i = *at; i < gr->n; i++)
        if (gr->fields[i].key == key)
            return &gr->fields[*at = i];
    for (size_t i = 0; i < *at; i++)
        if (gr->fields[i].key == key)
            return &gr->fields[*at = i];
    return NULL;
}

// How many there are from a on, without what stands before it or inside of it.
static size_t count_from(struct avp *a, uint64_t key)
{
    size_t n = 0;
    for (int e = 0; e == 0 && a; e = fd_msg_browse(a, MSG_BRW_NEXT, &a, NULL)) {
        struct avp_hdr *h;
        (void)fd_msg_avp_hdr(a, &h);
        n += key_of(h) == key;
    }
    return n;
}

// The next element of a list. With the first one comes room for all, so that a list costs one more walk and
// no byte too much.
static char *list_next(struct get *g, const struct dia_field *f, struct avp *a, char *st)
{
    char **first = (char **)(void *)(st + f->at);
    size_t *n = (size_t *)(void *)(st + f->count_at);
    if (!*first)
        *first = arena_zalloc(g->lists, count_from(a, f->key) * f->stride);
    return *first ? *first + (*n)++ * f->stride : NULL;
}

// Are there as many as there may be? What may be there more than once and has a member is a list.
static bool is_full(const struct dia_field *f, bool seen, const char *st)
{
    if (f->max <= 1)
        return f->max && seen;
    return f->stride && *(const size_t *)(const void *)(st + f->count_at) >= f->max;
}

static int get_fields(struct get *g, msg_or_avp *parent, const struct dia_grammar *gr, uint64_t required,
                      char *st)
{
    struct avp *a;
    uint64_t seen = 0; // a bit for each field; no grammar has more
    size_t last = 0;
    for (int e = fd_msg_browse(parent, MSG_BRW_FIRST_CHILD, &a, NULL); e == 0 && a;
         e = fd_msg_browse(a, MSG_BRW_NEXT, &a, NULL)) {
        struct avp_hdr *h;
        (void)fd_msg_avp_hdr(a, &h);
        const struct dia_field *f = field_of(gr, key_of(h), &last);
        if (!f)
            continue;
        uint64_t bit = 1ull << (f - gr->fields);
        if (is_full(f, seen & bit, st))
            return bad_avp(g, h, OCCURS_TOO_MANY_TIMES, "AVP occurs too often");
        seen |= bit;
        char *at = f->stride ? list_next(g, f, a, st) : st + f->at;
        if (!at)
            return ERR_NOMEM;
        if (f->present_at)
            *(bool *)(st + f->present_at - 1) = true;
        int r = get_one(g, a, h, f, at);
        if (r)
            return r;
    }
    for (size_t i = 0; (required & ~seen) >> i; i++)
        if ((required & ~seen) >> i & 1)
            return missing(g, gr->fields[i].avp);
    return 0;
}

// An answer with the E bit need not hold what its command's grammar wants, but the error grammar's (RFC 6733 7.2).
static int get_error(struct get *g, struct msg *m, const struct dia_grammar *gr, char *st)
{
    int r = get_fields(g, m, gr, 0, st);
    if (r == 0 && !g->f->origin_host.p)
        r = missing(g, dia_dict_avp(g->d, ORIGIN_HOST, 0));
    if (r == 0 && !g->f->origin_realm.p)
        r = missing(g, dia_dict_avp(g->d, ORIGIN_REALM, 0));
    return r;
}

void dia_read_done(struct dia_read *r)
{
    if (r->msg)
        (void)fd_msg_free(r->msg);
    r->msg = NULL;
    arena_done(&r->lists);
}

static int parse(struct get *g, struct msg **ret_msg)
{
    const struct dia_frame *f = g->f;
    uint8_t *copy = malloc(f->bytes.n); // libfdproto frees it
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, f->bytes.p, f->bytes.n);
    copy[4] = f->flags;
    if (fd_msg_parse_buffer(&copy, f->bytes.n, ret_msg) != 0) {
        free(copy);
        *g->fault = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = "not Diameter"};
        return ERR_BAD;
    }
    struct fd_pei pei = {0};
    int r = fd_msg_parse_dict(*ret_msg, g->d->fd, &pei);
    if (r)
        fault_from(g, &pei);
    return r == 0 ? 0 : r == ENOMEM ? ERR_NOMEM : ERR_BAD;
}

int dia_decode(const struct dia_dict *d, const struct dia_frame *f, const struct dia_grammar *g,
               void *st, struct dia_read *ret_read, struct dia_fault *ret_fault)
{
    struct get get = {.d = d, .f = f, .lists = &ret_read->lists, .fault = ret_fault};
    memset(st, 0, g->size);
    ret_read->msg = NULL;
    arena_init(&ret_read->lists, ret_read->first, sizeof ret_read->first);
    int r = parse(&get, &ret_read->msg);
    if (r == 0)
        r = f->flags & DIA_CMD_E && !(f->flags & DIA_CMD_R) ?
                get_error(&get, ret_read->msg, g, st) :
                get_fields(&get, ret_read->msg, g, g->required, st);
    if (r)
        dia_read_done(ret_read);
    return r;
}

// ---- raw AVPs ----

struct str dia_avp_text(struct arena *a, const struct dia_avp *avp, struct str value)
{
    size_t head = avp->vendor ? 12 : 8;
    char *p = arena_alloc(a, head + value.n);
    if (!p)
        return STR_NONE;
    dia_put32(p, avp->code);
    p[4] = (char)avp->flags;
    dia_put24(p + 5, (uint32_t)(head + value.n));
    if (avp->vendor)
        dia_put32(p + 8, avp->vendor);
    if (value.n)
        memcpy(p + head, value.p, value.n);
    return (struct str){p, head + value.n};
}

struct str dia_avp_number(struct arena *a, const struct dia_avp *avp, uint32_t value)
{
    char four[4];
    dia_put32(four, value);
    return dia_avp_text(a, avp, (struct str){four, sizeof four});
}
