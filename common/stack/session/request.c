// SPDX-License-Identifier: Apache-2.0
// Requests of ours inside a dialog, with what is common to them: credentials (RFC 3261 22.3), and
// ACKs for a 2xx (13.2.2.4), which are sent again as often as the 2xx comes again.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/session_priv.h"

// KEPT_MAX: re-INVITEs whose 2xx may still come again.
enum { KEPT_MAX = 3 };

static void forget_oldest(struct session *s)
{
    unsigned kept = 0;
    struct request *oldest = NULL;
    LIST_EACH(&s->requests, it) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        kept += r->done;
        oldest = r->done && !oldest ? r : oldest;
    }
    if (kept >= KEPT_MAX)
        request_free(oldest);
}

struct request *request_new(struct leg *g, enum sip_method method, request_cb cb)
{
    struct session *s = g->session;
    forget_oldest(s);
    struct request *r = s->n_requests < REQUESTS_MAX ? mem_zalloc(sizeof *r) : NULL;
    if (!r)
        return NULL;
    r->session = s;
    r->leg = g;
    r->method = method;
    r->cb = cb;
    arena_init(&r->mem, NULL, 0);
    list_add(&s->requests, &r->link);
    s->n_requests++;
    return r;
}

void request_free(struct request *r)
{
    if (r->id)
        ua_forget(r->session->layer->uas, r->id);
    list_del(&r->link);
    r->session->n_requests--;
    arena_done(&r->mem);
    mem_free(r);
}

void request_header(struct request *r, enum sip_hid id, struct str value)
{
    if (r->n_headers == REQUEST_HEADERS)
        return;
    r->headers[r->n_headers].id = id;
    r->headers[r->n_headers++].value = arena_dup(&r->mem, value);
}

void request_named(struct request *r, struct str name, struct str value)
{
    if (r->n_headers == REQUEST_HEADERS)
        return;
    r->headers[r->n_headers].id = SIP_H_OTHER;
    r->headers[r->n_headers].name = name;
    r->headers[r->n_headers++].value = value;
}

void request_body(struct request *r, struct str type, struct str body)
{
    r->type = arena_dup(&r->mem, type);
    r->body = arena_dup(&r->mem, body);
}

bool request_pending(const struct session *s, enum sip_method method)
{
    LIST_EACH(&s->requests, it) {
        const struct request *r = LIST_ENTRY(it, struct request, link);
        if (!r->done && (method == SIP_UNKNOWN ? r->method != SIP_PRACK : r->method == method))
            return true;
    }
    return false;
}

static bool describes(enum sip_method m)
{
    return m == SIP_INVITE || m == SIP_UPDATE;
}

static int write_and_send(struct request *r);

// The same request with credentials (RFC 3261 22.3).
static bool authenticate(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    if (!m || (status != 401 && status != 407) || !s->p.auth || session_over(s))
        return false;
    return uac_auth_take(s->p.auth, &r->tries, m) && write_and_send(r) == 0;
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct request *r = arg;
    struct session *s = r->session;
    if (r->done) { // a 2xx that came again
        if (status / 100 == 2)
            request_ack_again(r->leg, r->cseq);
        return;
    }
    if (status < 200)
        return;
    if (status >= 300)
        r->id = 0;
    if (authenticate(r, status, m))
        return;
    if (m)
        dialog_on_response(r->leg->dialog, m);
    bool keep = r->method == SIP_INVITE && status < 300;
    r->done = true;
    if (!session_over(s) && r->cb)
        r->cb(r, status, m);
    if (!keep)
        request_free(r);
}

static void put_headers(struct request *r, struct sip_edits *h)
{
    struct session *s = r->session;
    for (size_t i = 0; i < r->n_headers; i++)
        if (r->headers[i].id == SIP_H_OTHER)
            sip_edit_append_named(h, r->headers[i].name, r->headers[i].value);
        else
            sip_edit_append(h, r->headers[i].id, r->headers[i].value);
    if (describes(r->method)) {
        interval_request(s, r->leg, h);
        session_describe(s, r->method, 0, h);
    } else {
        session_decorate(s, r->method, 0, h);
    }
}

static int write_and_send(struct request *r)
{
    struct session *s = r->session;
    struct arena a;
    char room[2048];
    struct sip_edits h;
    struct str uri;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    int e = r->mem.failed ? ERR_NOMEM : dialog_request(r->leg->dialog, r->method, 0, &h, &uri);
    if (!e) {
        struct dialog_info info;
        dialog_get_info(r->leg->dialog, &info);
        r->cseq = info.local_cseq;
        if (s->p.auth)
            uac_auth_add(s->p.auth, &r->tries, &h, sip_method_name(r->method), uri);
        put_headers(r, &h);
        if (r->body.n)
            sip_edit_body(&h, r->type, r->body);
        struct ua_request q = {
            .method = r->method, .uri = uri, .headers = &h, .cb = on_response, .arg = r};
        e = a.failed ? ERR_NOMEM : ua_send(s->layer->uas, &q, &r->id);
    }
    // The ACK has what the INVITE had.
    if (!e && r->method == SIP_INVITE) {
        struct str v = STR_NONE;
        r->leg->ack.proxy = sip_edits_first(&h, SIP_H_PROXY_AUTHORIZATION, &v);
        if (!r->leg->ack.proxy)
            (void)sip_edits_first(&h, SIP_H_AUTHORIZATION, &v);
        (void)heap_set(&r->leg->ack.credentials, v);
    }
    arena_done(&a);
    return e;
}

int request_send(struct request *r)
{
    int e = write_and_send(r);
    if (e)
        request_free(r);
    return e;
}

// ---- ACK ----

static void send_ack(struct leg *g)
{
    struct session *s = g->session;
    struct arena a;
    char room[1024];
    struct sip_edits h;
    struct str uri;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    if (dialog_request(g->dialog, SIP_ACK, g->ack.cseq, &h, &uri) == 0) {
        if (g->ack.credentials.n)
            sip_edit_append(&h, g->ack.proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION,
                            g->ack.credentials);
        session_decorate(s, SIP_ACK, 0, &h);
        if (g->ack.body.n)
            sip_edit_body(&h, session_type(s), g->ack.body);
        struct ua_request q = {.method = SIP_ACK, .uri = uri, .headers = &h};
        if (!a.failed)
            (void)ua_send(s->layer->uas, &q, NULL);
    }
    arena_done(&a);
}

void request_ack(struct leg *g, uint32_t cseq, struct str body)
{
    g->ack.cseq = cseq;
    g->ack.sent = true;
    (void)heap_set(&g->ack.body, body);
    send_ack(g);
}

void request_ack_again(struct leg *g, uint32_t cseq)
{
    if (g->ack.sent && g->ack.cseq == cseq)
        send_ack(g);
}

// ---- of the owner's ----

static void on_user_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    if (r->user_cb)
        r->user_cb(s->arg, s, status, m);
}

int session_request(struct session *s, enum sip_method method, struct str type, struct str body,
                    session_request_cb cb)
{
    struct request *r =
        s->leg && s->state == SS_UP ? request_new(s->leg, method, on_user_response) : NULL;
    if (!r)
        return ERR_STATE;
    r->user_cb = cb;
    if (body.n)
        request_body(r, type, body);
    return request_send(r);
}
