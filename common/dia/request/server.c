// SPDX-License-Identifier: Apache-2.0
// Requests of peers: the checks of RFC 6733 6.1.4 and 7.1 in order, the handler, the answer.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/request/request_priv.h"

enum {
    COMMAND_UNSUPPORTED = 3001,
    REALM_NOT_SERVED = 3003,
    APPLICATION_UNSUPPORTED = 3007,
    INVALID_HDR_BITS = 3008,
    UNKNOWN_SESSION_ID = 5002,
};

// ---- requests ----

static int add_path(struct dia_request *q, struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_path *w = ARENA_NEW(&q->arena, struct dia_path);
    if (!w)
        return ERR_NOMEM;
    w->conn = dia_conn_id(c);
    w->hbh = f->hbh;
    w->proxy = f->proxied ? dia_frame_copy(f, 284, &q->arena) : STR_NONE;
    if (q->arena.failed)
        return ERR_NOMEM;
    w->next = q->paths;
    q->paths = w;
    ++*dia_conn_serving(c);
    return 0;
}

static struct dia_request *request_new(struct dia_request_layer *l, struct dia_conn *c,
                                       const struct dia_frame *f, const struct dia_service *s,
                                       const struct dia_command *cmd)
{
    struct dia_request *q = mem_alloc(sizeof *q);
    if (!q)
        return NULL;
    q->layer = l;
    q->service = s;
    q->cmd = cmd;
    q->ete = f->ete;
    q->paths = NULL;
    q->dup = NULL;
    arena_init(&q->arena, q->first, sizeof q->first);
    q->session_id = arena_dup(&q->arena, f->session_id);
    list_add(&l->requests, &q->link);
    if (add_path(q, c, f) != 0) {
        dia_request_free(q);
        return NULL;
    }
    return q;
}

void dia_request_free(struct dia_request *q)
{
    if (q->dup)
        q->dup->request = NULL;
    for (struct dia_path *w = q->paths; w; w = w->next) {
        struct dia_conn *c = dia_conn_find(q->layer->link, w->conn);
        if (c)
            --*dia_conn_serving(c);
    }
    list_del(&q->link);
    arena_done(&q->arena);
    mem_free(q);
}

// The result of a check, or 0.
static uint32_t check(struct dia_request_layer *l, struct dia_conn *c, const struct dia_frame *f,
                      const struct dia_service *s, const struct dia_command *cmd)
{
    bool known = false;
    for (size_t i = 0; i < l->self->n_apps; i++)
        known |= l->self->apps[i]->app == f->app;
    if (f->app != DIA_APP_BASE && !known)
        return APPLICATION_UNSUPPORTED;
    if (!s || !cmd)
        return COMMAND_UNSUPPORTED;
    if (f->flags & DIA_CMD_E)
        return INVALID_HDR_BITS;
    if (f->dest_realm.n && !str_ieq(f->dest_realm, l->self->realm))
        return REALM_NOT_SERVED;
    if (f->dest_host.n && !str_ieq(f->dest_host, l->self->host))
        return DIA_UNABLE_TO_DELIVER;
    if (dia_session_unknown(l, cmd, f))
        return UNKNOWN_SESSION_ID;
    return *dia_conn_serving(c) >= l->max_pending ? DIA_TOO_BUSY : 0;
}

// A copy of an earlier request: answered again with the same bytes, or one more way for the answer.
static void repeat(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f,
                   struct dia_dup *e)
{
    h->counts->duplicates++;
    if (e->request) {
        (void)add_path(e->request, c, f);
        return;
    }
    if (!e->answer.p)
        return;
    struct arena a;
    char first[256];
    struct dia_bytes b = {0};
    arena_init(&a, first, sizeof first);
    if (dia_bytes_append(&b, (struct str){(char *)e->answer.p, e->answer.n}) == 0 &&
        dia_bytes_append(&b, f->proxied ? dia_frame_copy(f, 284, &a) : STR_NONE) == 0) {
        dia_bytes_set_hbh(&b, f->hbh);
        dia_conn_answer(c, &b, f->session_id);
    }
    arena_done(&a);
    dia_bytes_free(&b);
}

static void handle(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f,
                   const struct dia_service *s, const struct dia_command *cmd)
{
    union {
        max_align_t align;
        char bytes[DIA_TYPED_MAX];
    } st;
    struct dia_request_layer *l = h->layer;
    struct dia_fault fault = {0};
    struct dia_read read;
    int r = dia_decode(l->self->dict, f, cmd->in, &st, &read, &fault);
    if (r) {
        h->counts->bad++;
        dia_conn_send_error(c, f, fault.code ? fault.code : DIA_UNABLE_TO_COMPLY, &fault);
        return;
    }
    struct dia_request *q = request_new(l, c, f, s, cmd);
    if (q) {
        dia_dup_add(l, f, q);
        s->handler(s->ctx, q, cmd, &st);
    } else {
        dia_conn_send_error(c, f, DIA_TOO_BUSY, NULL);
    }
    dia_read_done(&read);
}

// Only a relay sends what others ask. Else a peer could have the answers that another one was
// given, by its name and an End-to-End-Id.
static bool speaks_for_another(const struct dia_hop *h, struct dia_conn *c,
                               const struct dia_frame *f)
{
    const struct dia_peer_info *p = h->info;
    if (p->relay || p->apps.relay || !f->origin_host.n || str_ieq(f->origin_host, p->host))
        return false;
    struct dia_fault fault = {.code = DIA_INVALID_AVP_VALUE,
                              .why = "Origin-Host of another node",
                              .avp = dia_frame_search(h->layer->self->dict, f, 264, 0)};
    LOG(LOG_WARN, "diameter request refused", LF("peer", p->host),
        LF("origin_host", f->origin_host),
        LF_Z("reason", "it is no relay, and the Origin-Host is not its own"),
        LF_NUM("command", f->code), LF("session", f->session_id));
    dia_conn_send_error(c, f, fault.code, &fault);
    return true;
}

void dia_serve_request(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_request_layer *l = h->layer;
    const struct dia_service *s = NULL;
    for (size_t i = 0; i < l->n_services; i++)
        if (l->services[i].iface->app == f->app)
            s = &l->services[i];
    const struct dia_command *cmd = s ? dia_command_find(s->iface, f->code) : NULL;
    h->counts->requests_in++;
    if (speaks_for_another(h, c, f))
        return;
    uint32_t code = check(l, c, f, s, cmd);
    struct dia_dup *e = code == 0 || code == DIA_TOO_BUSY ? dia_dup_find(l, f) : NULL;
    if (e)
        repeat(h, c, f, e);
    else if (code)
        dia_conn_send_error(c, f, code, NULL);
    else
        handle(h, c, f, s, cmd);
}

// ---- answers ----

static void send_path(struct dia_request *q, const struct dia_path *w, struct dia_bytes *b)
{
    struct dia_conn *c = dia_conn_find(q->layer->link, w->conn);
    size_t own = b->n;
    if (!c) {
        q->layer->counts->dropped++;
        return;
    }
    if (dia_bytes_append(b, w->proxy) != 0)
        return;
    dia_bytes_set_hbh(b, w->hbh);
    dia_conn_answer(c, b, q->session_id);
    b->n = own;
    dia_put24(b->p + 1, (uint32_t)own);
}

// An answer is remembered for copies of the request, unless it only said that there is no time:
// then a copy is another try.
static void finish(struct dia_request *q, struct dia_bytes *b, bool keep)
{
    for (struct dia_path *w = q->paths; w; w = w->next)
        send_path(q, w, b);
    if (q->dup && keep)
        dia_dup_answered(q->layer, q->dup, b);
    else if (q->dup)
        dia_dup_free(q->layer, q->dup);
    q->dup = NULL;
    dia_bytes_free(b);
    dia_request_free(q);
}

void dia_refuse(struct dia_request *q, uint32_t code)
{
    struct dia_header h = {
        .flags = q->cmd->flags, .code = q->cmd->code, .app = q->service->iface->app, .ete = q->ete};
    struct dia_bytes b;
    if (dia_refusal_encode(q->layer->self, q->cmd, &h, q->session_id, code, &b) == 0)
        finish(q, &b, code != DIA_TOO_BUSY);
    else
        dia_request_free(q);
}

void dia_answer(struct dia_request *q, void *answer)
{
    const struct dia_grammar *g = q->cmd->out;
    struct dia_result result = dia_result_get(g, answer);
    if (!result.experimental && result.code / 1000 == 3) { // a protocol error (RFC 6733 7.1.3)
        dia_refuse(q, result.code);
        return;
    }
    dia_origin_set(q->layer->self, g, answer, q->session_id);
    struct dia_header h = {
        .flags = q->cmd->flags, .code = q->cmd->code, .app = q->service->iface->app, .ete = q->ete};
    struct dia_bytes b;
    if (dia_encode(q->layer->self->dict, g, answer, &h, &b) != 0) {
        dia_refuse(q, DIA_UNABLE_TO_COMPLY);
        return;
    }
    (void)dia_bytes_fail(
        &b, dia_place_get(answer, g->places.failed)); // without memory for it: the answer alone
    finish(q, &b, true);
}

int dia_requests_serve(struct dia_request_layer *l, const struct dia_interface *i, dia_handler h,
                       const void *ops, void *ctx)
{
    bool known = false;
    for (size_t k = 0; k < l->self->n_apps; k++)
        known |= l->self->apps[k] == i;
    if (!known)
        return ERR_INVAL;
    for (size_t k = 0; k < l->n_services; k++)
        if (l->services[k].iface == i)
            return ERR_EXISTS;
    l->services[l->n_services++] = (struct dia_service){i, h, ops, ctx};
    return 0;
}

const void *dia_request_ops(const struct dia_request *q)
{
    return q->service->ops;
}
