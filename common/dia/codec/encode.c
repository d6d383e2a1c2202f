// SPDX-License-Identifier: Apache-2.0
#include "dia/codec/fd.h"

#include "base/err.h"
#include "dia/codec/dict.h"

enum { VENDOR_ID = 266, EXPERIMENTAL_RESULT_CODE = 298 };

// How many AVPs were added, so that a group that got none is left away.
struct put {
    const struct dia_dict *d;
    uint32_t app;
    msg_or_avp *parent;
    unsigned added;
};

static int put_fields(struct put *p, const struct dia_grammar *g, const char *st);

static struct dict_object *object_of(const struct put *p, const struct dia_avp *avp)
{
    return dia_dict_find(p->d, DIA_KEY(avp->code, avp->vendor))->object;
}

static int put_value(struct put *p, const struct dia_avp *avp, union avp_value *v)
{
    struct avp *a;
    if (fd_msg_avp_new(object_of(p, avp), 0, &a) != 0)
        return ERR_NOMEM;
    if (fd_msg_avp_setvalue(a, v) != 0 || fd_msg_avp_add(p->parent, MSG_BRW_LAST_CHILD, a) != 0) {
        (void)fd_msg_free(a);
        return ERR_NOMEM;
    }
    p->added++;
    return 0;
}

static int put_u32(struct put *p, const struct dia_avp *avp, uint32_t v)
{
    return put_value(p, avp, &(union avp_value){.u32 = v});
}

static int put_str(struct put *p, const struct dia_avp *avp, struct str s)
{
    static uint8_t nothing;
    return put_value(p, avp, &(union avp_value){
        .os = {.data = s.n ? (uint8_t *)s.p : &nothing, .len = s.n}});
}

static int put_group(struct put *p, const struct dia_field *f, const char *st, bool force)
{
    struct avp *a;
    if (fd_msg_avp_new(object_of(p, f->avp), 0, &a) != 0)
        return ERR_NOMEM;
    struct put in = {.d = p->d, .app = p->app, .parent = a};
    int r = put_fields(&in, f->group, st);
    if (r || (!in.added && !force)) {
        (void)fd_msg_free(a);
        return r;
    }
    if (fd_msg_avp_add(p->parent, MSG_BRW_LAST_CHILD, a) != 0) {
        (void)fd_msg_free(a);
        return ERR_NOMEM;
    }
    p->added++;
    return 0;
}

static int put_experimental(struct put *p, const struct dia_field *f, uint32_t code)
{
    struct avp *a;
    if (fd_msg_avp_new(object_of(p, f->avp), 0, &a) != 0)
        return ERR_NOMEM;
    struct put in = {.d = p->d, .app = p->app, .parent = a};
    const struct dia_avp *vendor = dia_dict_avp(p->d, VENDOR_ID, 0);
    const struct dia_avp *result = dia_dict_avp(p->d, EXPERIMENTAL_RESULT_CODE, 0);
    if (put_u32(&in, vendor, f->value) || put_u32(&in, result, code) ||
        fd_msg_avp_add(p->parent, MSG_BRW_LAST_CHILD, a) != 0) {
        (void)fd_msg_free(a);
        return ERR_NOMEM;
    }
    p->added++;
    return 0;
}

static int put_result(struct put *p, const struct dia_field *f, const struct dia_result *r)
{
    if (f->kind == DIA_KIND_EXPERIMENTAL)
        return r->experimental ? put_experimental(p, f, r->code) : 0;
    return r->experimental ? 0 : put_u32(p, f->avp, r->code);
}

// RFC 6733 4.3.1, Time: the first four octets of an NTP timestamp.
static int put_time(struct put *p, const struct dia_avp *avp, uint32_t seconds)
{
    char four[4];
    dia_put32(four, seconds);
    return put_str(p, avp, (struct str){four, sizeof four});
}

static int put_u64(struct put *p, const struct dia_avp *avp, const char *at, bool force)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v || force ? put_value(p, avp, &(union avp_value){.u64 = v}) : 0;
}

static uint32_t num_at(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

// One element. force: it is written even when it is empty.
static int put_one(struct put *p, const struct dia_field *f, const char *at, bool force)
{
    switch ((enum dia_kind)f->kind) {
    case DIA_KIND_FAILED:
        return 0;
    case DIA_KIND_STR: {
        const struct str *s = (const void *)at;
        return s->n || force ? put_str(p, f->avp, *s) : 0;
    }
    case DIA_KIND_NUM:
        return num_at(at) || force ? put_u32(p, f->avp, num_at(at)) : 0;
    case DIA_KIND_NUM64:
        return put_u64(p, f->avp, at, force);
    case DIA_KIND_TIME:
        return num_at(at) || force ? put_time(p, f->avp, num_at(at)) : 0;
    case DIA_KIND_APPLICATION:
        return put_u32(p, f->avp, p->app);
    case DIA_KIND_CONST:
        return put_u32(p, f->avp, f->value);
    case DIA_KIND_SWITCH:
    case DIA_KIND_BIT:
        return *(const bool *)at ? put_u32(p, f->avp, f->value) : 0;
    case DIA_KIND_BOOL:
        return *(const bool *)at || force ? put_u32(p, f->avp, *(const bool *)at) : 0;
    case DIA_KIND_COUNTER:
        return *(const size_t *)at ? put_u32(p, f->avp, (uint32_t)*(const size_t *)at) : 0;
    case DIA_KIND_GROUP:
        return put_group(p, f, at, force);
    case DIA_KIND_RESULT:
    case DIA_KIND_EXPERIMENTAL:
        return put_result(p, f, (const void *)at);
    }
    return ERR_INVAL;
}

static int put_list(struct put *p, const struct dia_field *f, const char *st)
{
    size_t n = *(const size_t *)(const void *)(st + f->count_at);
    const char *first = *(const char *const *)(const void *)(st + f->at);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = put_one(p, f, first + i * f->stride, true);
    return r;
}

static int put_fields(struct put *p, const struct dia_grammar *g, const char *st)
{
    int r = 0;
    for (size_t i = 0; i < g->n && r == 0; i++) {
        const struct dia_field *f = &g->fields[i];
        bool force = f->min > 0;
        if (f->present_at && !(force = *(const bool *)(st + f->present_at - 1)))
            continue;
        r = f->stride ? put_list(p, f, st) : put_one(p, f, st + f->at, force);
    }
    return r;
}

int dia_encode(const struct dia_dict *d, const struct dia_grammar *g, const void *st,
               const struct dia_header *h, struct dia_bytes *ret_bytes)
{
    struct msg *m;
    if (fd_msg_new(NULL, 0, &m) != 0)
        return ERR_NOMEM;
    struct msg_hdr *hdr;
    (void)fd_msg_hdr(m, &hdr);
    hdr->msg_flags = h->flags;
    hdr->msg_code = h->code;
    hdr->msg_appl = h->app;
    hdr->msg_hbhid = h->hbh;
    hdr->msg_eteid = h->ete;
    struct put p = {.d = d, .app = h->app, .parent = m};
    struct dia_bytes b = {0};
    int r = put_fields(&p, g, st);
    if (r == 0 && fd_msg_bufferize(m, &b.p, &b.n) != 0)
        r = ERR_NOMEM;
    (void)fd_msg_free(m);
    if (r == 0 && b.n > DIA_FRAME_MAX)
        r = ERR_TOOBIG;
    if (r) {
        dia_bytes_free(&b);
        return r;
    }
    *ret_bytes = b;
    return 0;
}
