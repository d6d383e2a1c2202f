// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/err.h"
#include "dia/base.h"
#include "dia/dict.h"

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

static int check_group(const struct dia_dict *d, struct str rest, unsigned depth,
                       struct dia_fault *ret_fault)
{
    if (depth > DIA_DEPTH_MAX) {
        *ret_fault = (struct dia_fault){.code = DIA_UNABLE_TO_COMPLY, .why = "groups too deep"};
        return ERR_BAD;
    }
    struct raw_avp a;
    while (rest.n) {
        if (avp_take(&rest, &a))
            return bad_length(ret_fault, a.whole);
        int r = dia_dict_grouped(d, a.code, a.vendor) ?
                    check_group(d, a.data, depth + 1, ret_fault) : 0;
        if (r)
            return r;
    }
    return 0;
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

int dia_frame_parse(const struct dia_dict *d, struct str bytes, struct dia_frame *ret_frame,
                    struct dia_fault *ret_fault)
{
    *ret_frame = (struct dia_frame){
        .bytes = bytes,
        .flags = (uint8_t)bytes.p[4],
        .code = dia_get24(bytes.p + 5),
        .app = dia_get32(bytes.p + 8),
        .hbh = dia_get32(bytes.p + 12),
        .ete = dia_get32(bytes.p + 16),
    };
    struct str rest = str_skip(bytes, DIA_HEADER);
    struct raw_avp a;
    while (rest.n) {
        if (avp_take(&rest, &a))
            return bad_length(ret_fault, a.whole);
        note(ret_frame, &a);
        int r = dia_dict_grouped(d, a.code, a.vendor) ? check_group(d, a.data, 1, ret_fault) : 0;
        if (r)
            return r;
    }
    return 0;
}

struct str dia_frame_copy(const struct dia_frame *f, uint32_t code, struct arena *a)
{
    struct str rest = str_skip(f->bytes, DIA_HEADER), out = STR_NONE;
    struct raw_avp avp;
    while (rest.n) {
        struct str before = rest;
        if (avp_take(&rest, &avp))
            break;
        if (avp.code == code && avp.vendor == 0)
            out = ARENA_CAT(a, out, str_head(before, before.n - rest.n));
    }
    return out;
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
