// SPDX-License-Identifier: Apache-2.0
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/writer.h"
#include "sip/addr_hdr.h"
#include "sip/cursor.h"
#include "sip/edit.h"
#include "sip/families.h"
#include "sip/header.h"
#include "sip/msg.h"
#include "sip/token.h"
#include "sip/uri.h"
#include "tests/common/wire.h"

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static char out[4 * SIP_MSG_MAX];

static void all_values(const struct sip_msg *m)
{
    for (unsigned id = 0; id < SIP_H_COUNT; id++) {
        size_t n = sip_msg_count(m, (enum sip_hid)id);
        for (size_t i = 0; i < n; i++) {
            struct writer w = writer_init(out, sizeof out);
            const void *v = sip_msg_at(m, (enum sip_hid)id, i);
            MUST(v != NULL);
            sip_header((enum sip_hid)id)->write(&w, v);
        }
        MUST(sip_msg_at(m, (enum sip_hid)id, n) == NULL);
    }
}

static bool same_params(const struct sip_param *p, const struct sip_param *q)
{
    for (; p && q; p = p->next, q = q->next)
        if (!str_eq(p->name, q->name) || !str_eq(p->value, q->value) || !p->value.p != !q->value.p)
            return false;
    return !p && !q;
}

static bool same_uri(const struct sip_uri *u, const struct sip_uri *v)
{
    return u->scheme == v->scheme && str_eq(u->text, v->text) && str_eq(u->user, v->user) &&
           !u->user.p == !v->user.p && str_eq(u->password, v->password) &&
           !u->password.p == !v->password.p && str_eq(u->host, v->host) && u->port == v->port &&
           str_eq(u->headers, v->headers) && same_params(u->params, v->params);
}

static bool same_addr(const struct sip_addr *v, const struct sip_addr *x)
{
    return str_eq(v->display, x->display) && same_uri(&v->uri, &x->uri) &&
           same_params(v->params, x->params) && str_eq(v->tag, x->tag) &&
           !v->tag.p == !x->tag.p && str_eq(v->text, x->text);
}

static bool same_via(const struct sip_via *v, const struct sip_via *x)
{
    return v->proto == x->proto && str_eq(v->proto_name, x->proto_name) &&
           str_eq(v->host, x->host) && v->port == x->port && str_eq(v->branch, x->branch) &&
           str_eq(v->received, x->received) && str_eq(v->maddr, x->maddr) &&
           v->has_rport == x->has_rport && v->rport == x->rport && v->ttl == x->ttl &&
           same_params(v->params, x->params) && str_eq(v->text, x->text);
}

static bool same_token(const struct sip_token *v, const struct sip_token *x)
{
    return str_eq(v->token, x->token) && same_params(v->params, x->params);
}

// As below, of tokens. They do not know their text, but it can be written.
static void tokens_alone(struct arena *a, const struct sip_msg *m, enum sip_hid id)
{
    static char text[SIP_MSG_MAX];
    struct sip_token token;
    for (size_t i = 0, n = sip_msg_count(m, id); i < n; i++) {
        const struct sip_token *v = sip_msg_at(m, id, i);
        struct writer w = writer_init(text, sizeof text);
        sip_token_write(&w, v);
        MUST(sip_token_parse(a, writer_done(&w), &token) == 0 && same_token(v, &token));
    }
}

// What stands in a message is read in another way than what stands alone. The same comes out: of
// the values that were read.
static void alone(struct arena *a, const struct sip_msg *m)
{
    struct sip_addr addr;
    struct sip_via via;
    struct sip_uri uri;
    for (unsigned id = 1; id < SIP_H_COUNT; id++) {
        size_t n = sip_msg_count(m, (enum sip_hid)id);
        bool is_addr = sip_header((enum sip_hid)id)->read == sip_header(SIP_H_FROM)->read;
        for (size_t i = 0; is_addr && i < n; i++) {
            const struct sip_addr *v = sip_msg_at(m, (enum sip_hid)id, i);
            MUST(sip_addr_parse(a, v->text, &addr) == 0 && same_addr(v, &addr));
        }
        if (sip_header((enum sip_hid)id)->read == sip_header(SIP_H_SUPPORTED)->read)
            tokens_alone(a, m, (enum sip_hid)id);
    }
    for (size_t i = 0; i < sip_msg_count(m, SIP_H_VIA); i++) {
        const struct sip_via *v = sip_msg_at(m, SIP_H_VIA, i);
        struct cur c = cur_init(a, v->text);
        cur_sws(&c);
        sip_via_read(&c, &via);
        MUST(cur_finish(&c) == 0 && same_via(v, &via));
    }
    if (sip_msg_is_request(m)) {
        bool good = sip_uri_parse(a, sip_msg_uri_text(m), &uri) == 0 && !uri.headers.n;
        MUST(good == (sip_msg_uri(m) != NULL));
        MUST(!good || same_uri(sip_msg_uri(m), &uri));
    }
}

// The edits of a proxy on a good message leave a good message.
static void forward(const struct sip_msg *m)
{
    struct sip_edits e;
    struct sip_msg *again;
    struct sip_parse_error err;
    struct writer w = writer_init(out, sizeof out);
    size_t routes = sip_msg_count(m, SIP_H_ROUTE), vias = sip_msg_count(m, SIP_H_VIA);
    sip_edits_init(&e, sip_msg_arena(m), m);
    sip_edit_remove_at(&e, SIP_H_ROUTE, 0);
    sip_edit_set(&e, SIP_H_MAX_FORWARDS, STR("7"));
    sip_edit_prepend(&e, SIP_H_VIA, STR("SIP/2.0/UDP x;branch=z9hG4bKx"));
    MUST(sip_msg_write(m, &e, &w) == 0);
    if (w.n > SIP_MSG_MAX)
        return;
    MUST(sip_msg_parse(writer_done(&w), &again, &err) == 0);
    MUST(sip_msg_max_forwards(again) == 7);
    MUST(!vias || sip_msg_count(again, SIP_H_VIA) == vias + 1);
    MUST(sip_msg_count(again, SIP_H_ROUTE) == routes - (routes > 0));
    MUST(str_eq(sip_msg_body(again), sip_msg_body(m)));
    sip_msg_unref(again);
}

static void answer(const struct sip_msg *m)
{
    struct writer w = writer_init(out, sizeof out);
    MUST(sip_write_response(m, 400, STR_NONE, STR("t"), NULL, &w) == 0);
}

void exercise_msg(struct str data)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error err = {.what = NULL};
    size_t skip, len;
    (void)wire_frame(data, &skip, &len);
    int e = sip_msg_parse(data, &m, &err);
    MUST(e == 0 || e == ERR_BAD || e == ERR_TOOBIG);
    MUST((e == 0) == (m && !sip_msg_is_bad(m)));
    MUST(e != ERR_BAD || (err.what && err.offset <= data.n));
    if (!m)
        return;
    if (!e) {
        struct writer w = writer_init(out, sizeof out);
        struct str bytes = sip_msg_bytes(m);
        MUST(sip_msg_write(m, NULL, &w) == 0 && str_eq(writer_done(&w), bytes));
        MUST(sip_msg_via(m) && sip_msg_cseq(m) && sip_msg_from(m) && sip_msg_to(m) &&
             sip_msg_call_id(m).n);
        forward(m);
    }
    all_values(m);
    struct arena a;
    arena_init(&a, NULL, 0);
    alone(&a, m);
    arena_done(&a);
    if (sip_msg_is_request(m))
        answer(m);
    sip_msg_unref(m);
}

void exercise_uri(struct str data)
{
    struct arena a;
    struct sip_uri u, again;
    struct writer w = writer_init(out, sizeof out);
    arena_init(&a, NULL, 0);
    if (sip_uri_parse(&a, data, &u) == 0) {
        sip_uri_write(&w, &u);
        MUST(sip_uri_parse(&a, writer_done(&w), &again) == 0);
        MUST(sip_uri_eq(&u, &again) && sip_uri_eq(&again, &u));
        struct str canon = sip_uri_canon(&a, &u);
        if (canon.p) {
            MUST(sip_uri_parse(&a, canon, &again) == 0);
            MUST(str_eq(sip_uri_canon(&a, &again), canon));
        }
    }
    arena_done(&a);
}
