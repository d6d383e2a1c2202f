// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/err.h"
#include "dia/codec/dict.h"

struct raw_avp {
    struct str whole; // header and data, without padding
    struct str data;
    uint32_t code, vendor;
};

// Takes the AVP at the front of *rest. ERR_BAD when its length is impossible; a->whole is then what
// there is of it.
static int avp_take(struct str *rest, struct raw_avp *a)
{
    a->whole = *rest;
    if (rest->n < 8)
        return ERR_BAD;
    a->code = dia_get32(rest->p);
    bool vendor = (uint8_t)rest->p[4] & DIA_AVP_V;
    size_t len = dia_get24(rest->p + 5), head = vendor ? 12 : 8, padded = (len + 3) & ~(size_t)3;
    a->vendor = 0;
    if (len < head || padded > rest->n)
        return ERR_BAD;
    if (vendor)
        a->vendor = dia_get32(rest->p + 8);
    a->whole = str_head(*rest, len);
    a->data = str_skip(a->whole, head);
    *rest = str_skip(*rest, padded);
    return 0;
}

int dia_frame_length(struct str stream, size_t *ret_n)
{
    if (stream.n && stream.p[0] != 1)
        return ERR_BAD;
    if (stream.n < 4)
        return ERR_MORE;
    size_t n = dia_get24(stream.p + 1);
    if (n < DIA_HEADER || n % 4 || n > DIA_FRAME_MAX)
        return ERR_BAD;
    *ret_n = n;
    return stream.n < n ? ERR_MORE : 0;
}

// RFC 6733 7.1.5, 5014: the header of the offending AVP with zeroes behind it.
static int bad_length(struct dia_fault *ret_fault, struct str avp)
{
    bool vendor = avp.n > 4 && ((uint8_t)avp.p[4] & DIA_AVP_V);
    size_t head = vendor ? 12 : 8;
    memset(ret_fault->made, 0, sizeof ret_fault->made);
    memcpy(ret_fault->made, avp.p, avp.n < head ? avp.n : head);
    dia_put24(ret_fault->made + 5, (uint32_t)head);
    ret_fault->avp = (struct str){ret_fault->made, head};
    ret_fault->code = 5014;
    ret_fault->why = "impossible AVP length";
    return ERR_BAD;
}

struct walk {
    const struct dia_dict *d;
    const struct dia_limits *max;
    struct dia_fault *fault;
    uint32_t avps;
};

const struct dia_limits dia_limits_default = {DIA_MESSAGE_MAX, DIA_AVPS_MAX, DIA_DEPTH_MAX};

static int over(struct walk *w, const char *limit, const char *why)
{
    *w->fault = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = why, .limit = limit};
    return ERR_BAD;
}

static int take(struct walk *w, struct str *rest, struct raw_avp *a)
{
    if (++w->avps > w->max->avps)
        return over(w, "avps", "more AVPs than are taken");
    return avp_take(rest, a) ? bad_length(w->fault, a->whole) : 0;
}

static int check_group(struct walk *w, const struct raw_avp *group, unsigned depth)
{
    if (!dia_dict_grouped(w->d, group->code, group->vendor))
        return 0;
    if (depth > w->max->depth)
        return over(w, "depth", "groups too deep");
    struct str rest = group->data;
    struct raw_avp a;
    int r = 0;
    while (rest.n && r == 0) {
        r = take(w, &rest, &a);
        if (r == 0)
            r = check_group(w, &a, depth + 1);
    }
    return r;
}

static void note(struct dia_frame *f, const struct raw_avp *a)
{
    if (a->vendor)
        return;
    switch (a->code) {
    case 263: f->session_id = a->data; break;
    case 264: f->origin_host = a->data; break;
    case 296: f->origin_realm = a->data; break;
    case 293: f->dest_host = a->data; break;
    case 283: f->dest_realm = a->data; break;
    case 284: f->proxied = true; break;
    case 268: f->result_code = a->data.n == 4 ? dia_get32(a->data.p) : 0; break;
    default: break;
    }
}

static struct dia_frame header(struct str bytes)
{
    return (struct dia_frame){
        .bytes = bytes,
        .flags = (uint8_t)bytes.p[4],
        .code = dia_get24(bytes.p + 5),
        .app = dia_get32(bytes.p + 8),
        .hbh = dia_get32(bytes.p + 12),
        .ete = dia_get32(bytes.p + 16),
    };
}

int dia_frame_parse_within(const struct dia_dict *d, const struct dia_limits *max, struct str bytes,
                           struct dia_frame *ret_frame, struct dia_fault *ret_fault)
{
    struct walk w = {.d = d, .max = max, .fault = ret_fault};
    struct str rest = str_skip(bytes, DIA_HEADER);
    struct raw_avp a;
    int r = 0;
    *ret_frame = header(bytes);
    while (rest.n && r == 0) {
        r = take(&w, &rest, &a);
        if (r)
            break;
        note(ret_frame, &a);
        r = check_group(&w, &a, 1);
    }
    return r;
}

int dia_frame_parse(const struct dia_dict *d, struct str bytes, struct dia_frame *ret_frame,
                    struct dia_fault *ret_fault)
{
    return dia_frame_parse_within(d, &dia_limits_default, bytes, ret_frame, ret_fault);
}

void dia_frame_peek(struct str front, struct dia_frame *ret_frame)
{
    struct str rest = str_skip(front, DIA_HEADER);
    struct raw_avp a;
    *ret_frame = header(front);
    if (avp_take(&rest, &a) == 0 && a.code == 263)
        note(ret_frame, &a);
}

// The next AVP with this code, with its padding; empty at the end.
static struct str next_of(struct str *rest, uint32_t code)
{
    struct raw_avp avp;
    while (rest->n) {
        struct str before = *rest;
        if (avp_take(rest, &avp))
            break;
        if (avp.code == code && avp.vendor == 0)
            return str_head(before, before.n - rest->n);
    }
    return STR_NONE;
}

struct str dia_frame_copy(const struct dia_frame *f, uint32_t code, struct arena *a)
{
    struct str rest = str_skip(f->bytes, DIA_HEADER), one;
    size_t n = 0, at = 0;
    while ((one = next_of(&rest, code)).n)
        n += one.n;
    char *out = n ? arena_alloc(a, n) : NULL;
    if (!out)
        return STR_NONE;
    rest = str_skip(f->bytes, DIA_HEADER);
    while ((one = next_of(&rest, code)).n) {
        memcpy(out + at, one.p, one.n);
        at += one.n;
    }
    return (struct str){out, n};
}

static struct str search(const struct dia_dict *d, struct str rest, uint32_t code, uint32_t vendor)
{
    struct raw_avp a;
    while (rest.n && avp_take(&rest, &a) == 0) {
        if (a.code == code && a.vendor == vendor)
            return a.whole;
        if (!dia_dict_grouped(d, a.code, a.vendor))
            continue;
        struct str in = search(d, a.data, code, vendor);
        if (in.p)
            return in;
    }
    return STR_NONE;
}

struct str dia_frame_search(const struct dia_dict *d, const struct dia_frame *f, uint32_t code,
                            uint32_t vendor)
{
    return search(d, str_skip(f->bytes, DIA_HEADER), code, vendor);
}

void dia_bytes_free(struct dia_bytes *b)
{
    free(b->p);
    *b = (struct dia_bytes){0};
}

int dia_bytes_append(struct dia_bytes *b, struct str avps)
{
    if (avps.n == 0)
        return 0;
    if (b->n + avps.n > DIA_FRAME_MAX)
        return ERR_TOOBIG;
    uint8_t *p = realloc(b->p, b->n + avps.n);
    if (!p)
        return ERR_NOMEM;
    memcpy(p + b->n, avps.p, avps.n);
    b->p = p;
    b->n += avps.n;
    dia_put24(p + 1, (uint32_t)b->n);
    return 0;
}

int dia_bytes_fail(struct dia_bytes *b, struct str avp)
{
    enum { LONGEST = 1024 };
    if (avp.n < 8)
        return 0;
    char out[8 + LONGEST] = {0};
    size_t keep = avp.n > LONGEST ? ((uint8_t)avp.p[4] & DIA_AVP_V ? 12 : 8) : avp.n;
    dia_put32(out, 279);
    out[4] = DIA_AVP_M;
    memcpy(out + 8, avp.p, keep);
    dia_put24(out + 8 + 5, (uint32_t)keep);
    size_t n = 8 + ((keep + 3) & ~(size_t)3);
    dia_put24(out + 5, (uint32_t)n);
    return dia_bytes_append(b, (struct str){out, n});
}

void dia_bytes_set_hbh(struct dia_bytes *b, uint32_t hbh)
{
    dia_put32(b->p + 12, hbh);
}

void dia_bytes_set_flags(struct dia_bytes *b, uint8_t set)
{
    b->p[4] |= set;
}
