// SPDX-License-Identifier: Apache-2.0
// What sip_msg_parse checks besides the lines: the fields a proxy routes by.
#include "sip/addr_hdr.h"
#include "sip/families.h"
#include "sip/cursor.h"
#include "sip/msg_priv.h"
#include "sip/token.h"
#include "sip/uri.h"
#include "sip/usual.h"

struct check {
    struct sip_msg *m;
    struct sip_parse_error *err;
    bool bad;
};

__attribute__((cold, noinline)) static void complain(struct check *k, const char *what,
                                                     size_t offset)
{
    k->bad = true;
    if (!k->err->what)
        *k->err = (struct sip_parse_error){what, offset};
}

static size_t offset_of(const struct check *k, enum sip_hid id)
{
    const struct sip_field *f = sip_field_first(k->m, id);
    return f ? f->at : k->m->blank;
}

// A complaint about a header, at its first field.
__attribute__((cold, noinline)) static bool bad_header(struct check *k, enum sip_hid id)
{
    complain(k, sip_hid_name(id).p, offset_of(k, id));
    return false;
}

// Cursor over the only field of a header; false and a complaint when it is absent or contradicted.
static inline bool only(struct check *k, enum sip_hid id, struct cur *c)
{
    const struct sip_field *f = sip_field_first(k->m, id);
    if (CUR_RARELY(!f || !sip_field_agrees(k->m, f)))
        return bad_header(k, id);
    sip_msg_cur(k->m, sip_field_value(k->m, f), c);
    return true;
}

static inline bool consumed(struct check *k, enum sip_hid id, const struct cur *c)
{
    return !CUR_RARELY(c->bad || !cur_done(c)) || bad_header(k, id);
}

// Without a branch it is from an element of RFC 2543, whose transactions are told apart otherwise
// (RFC 3261 17.2.3, RFC 4475 3.4.1).
static bool top_via(struct check *k)
{
    const struct sip_field *f = sip_field_first(k->m, SIP_H_VIA);
    if (f) {
        struct cur c;
        sip_msg_cur(k->m, sip_field_value(k->m, f), &c);
        sip_via_read(&c, &k->m->via);
        cur_sws(&c);
        if (!c.bad && (cur_done(&c) || cur_peek(&c) == ','))
            return true;
        k->m->via.text = STR_NONE; // nothing of it is to be used
    }
    return bad_header(k, SIP_H_VIA);
}

// RFC 3261 8.1.1.3 wants a tag in From, 8.1.1.7 a branch that begins so; an element that knew neither
// when it made the request may leave out both, and its tag counts as empty (RFC 3261 12.1.1). A
// response has what the request had.
static bool may_lack_tag(const struct sip_msg *m)
{
    size_t n = m->status || !m->via.text.p ? 0 : sip_msg_count(m, SIP_H_VIA);
    const struct sip_via *origin = n ? sip_msg_at(m, SIP_H_VIA, n - 1) : NULL;
    return m->status || (origin && !str_starts(origin->branch, STR("z9hG4bK")));
}

static bool party(struct check *k, enum sip_hid id, struct sip_addr *ret_addr)
{
    struct cur c;
    if (!only(k, id, &c))
        return false;
    sip_addr_read(&c, ret_addr);
    if (ret_addr->tag.p && !ret_addr->tag.n)
        cur_fail(&c);
    return consumed(k, id, &c);
}

static void call_id(struct check *k)
{
    struct cur c;
    if (!only(k, SIP_H_CALL_ID, &c))
        return;
    sip_call_id_read(&c, &k->m->call_id);
    (void)consumed(k, SIP_H_CALL_ID, &c);
}

// RFC 3261 8.1.1.5: the method of CSeq is that of the request.
static void cseq(struct check *k)
{
    struct cur c;
    struct sip_msg *m = k->m;
    if (!only(k, SIP_H_CSEQ, &c))
        return;
    sip_cseq_read(&c, &m->cseq);
    if (!consumed(k, SIP_H_CSEQ, &c))
        return;
    if (m->status) {
        m->method = m->cseq.method;
        m->method_name = m->cseq.method_name;
    } else if (m->method != m->cseq.method ||
               (!m->method && !str_eq(m->method_name, m->cseq.method_name))) {
        complain(k, "CSeq", offset_of(k, SIP_H_CSEQ));
    }
}

static void max_forwards(struct check *k)
{
    struct cur c = {0};
    k->m->max_forwards = -1;
    if (!sip_field_first(k->m, SIP_H_MAX_FORWARDS) || !only(k, SIP_H_MAX_FORWARDS, &c))
        return;
    uint32_t n = cur_number(&c, 255);
    if (consumed(k, SIP_H_MAX_FORWARDS, &c))
        k->m->max_forwards = (int)n;
}

// RFC 3261 18.3: a datagram that is shorter than announced is refused, a longer one is cut.
static void content_length(struct check *k)
{
    struct cur c = {0};
    struct sip_msg *m = k->m;
    if (!sip_field_first(m, SIP_H_CONTENT_LENGTH) || !only(k, SIP_H_CONTENT_LENGTH, &c))
        return;
    uint32_t n = cur_number(&c, SIP_MSG_MAX);
    if (!consumed(k, SIP_H_CONTENT_LENGTH, &c))
        return;
    if (n > m->body.n) {
        complain(k, "Content-Length", offset_of(k, SIP_H_CONTENT_LENGTH));
        return;
    }
    m->bytes.n -= m->body.n - n;
    m->body.n = n;
}

static void request_uri(struct check *k)
{
    struct sip_msg *m = k->m;
    if (m->status || !m->uri_text.n)
        return;
    struct cur c;
    sip_msg_cur(m, m->uri_text, &c);
    struct walk w = walk_init(&c);
    m->uri_good = walk_uri(&w, c.arena, &m->uri) && w.p == c.end;
    if (!m->uri_good) {
        sip_uri_read(&c, &m->uri);
        // RFC 3261 19.1.1: no headers in a Request-URI
        m->uri_good = !c.bad && cur_done(&c) && !m->uri.headers.n;
    }
    if (!m->uri_good)
        complain(k, "Request-URI", (size_t)(m->uri_text.p - m->bytes.p));
}

static void routes(struct check *k)
{
    if (sip_iter_init(k->m, SIP_H_ROUTE).err == ERR_BAD)
        complain(k, "Route", offset_of(k, SIP_H_ROUTE));
}

int sip_route_check(struct sip_msg *m, struct sip_parse_error *ret_err, bool *ret_usable)
{
    struct check k = {.m = m, .err = ret_err};
    request_uri(&k);
    (void)top_via(&k);
    // What a 400 copies is there as far as it came; without any Via nobody could know it as his.
    *ret_usable = sip_field_first(m, SIP_H_VIA) != NULL;
    if (party(&k, SIP_H_FROM, &m->from) && !m->from.tag.n && !may_lack_tag(m))
        complain(&k, "From", offset_of(&k, SIP_H_FROM));
    (void)party(&k, SIP_H_TO, &m->to);
    call_id(&k);
    cseq(&k);
    max_forwards(&k);
    routes(&k);
    content_length(&k);
    if (m->arena.failed)
        return ERR_NOMEM;
    return k.bad ? ERR_BAD : 0;
}
