// SPDX-License-Identifier: Apache-2.0
// Requests of peers: the checks of RFC 6733 6.1.4 and 7.1 in order, the handler, the answer.
#include "base/err.h"
#include "base/log.h"
#include "dia/node_priv.h"

enum {
    COMMAND_UNSUPPORTED = 3001,
    REALM_NOT_SERVED = 3003,
    APPLICATION_UNSUPPORTED = 3007,
    INVALID_HDR_BITS = 3008,
    UNKNOWN_SESSION_ID = 5002,
    PROXY_KEPT = 4096,
};

// ---- errors ----

static void send_bytes(struct dia_conn *c, struct dia_bytes *b, struct str session)
{
    if (dia_conn_send(c, (struct str){(char *)b->p, b->n}, session) == 0)
        c->peer->counts.answers_out++;
    else
        c->peer->counts.dropped++;
}

static void fill_origin(const struct dia_node *n, const struct dia_grammar *g, void *st, struct str session)
{
    dia_place_set(st, g->places.session_id, session);
    dia_place_set(st, g->places.origin_host, n->host);
    dia_place_set(st, g->places.origin_realm, n->realm);
}

// An answer without the E bit obeys its command's grammar, so its typed struct is written.
static int encode_refusal(struct dia_node *n, const struct dia_command *cmd, struct dia_header *h,
                          struct str session, uint32_t code, struct dia_bytes *ret_bytes)
{
    if (code / 1000 == 3 || !cmd) {
        struct dia_error e = {.result.code = code, .session_id = session, .origin_host = n->host,
                              .origin_realm = n->realm};
        h->flags |= DIA_CMD_E;
        return dia_encode(n->dict, &dia_error_grammar, &e, h, ret_bytes);
    }
    union {
        max_align_t align;
        char bytes[DIA_TYPED_MAX];
    } st;
    memset(&st, 0, cmd->out->size);
    fill_origin(n, cmd->out, &st, session);
    dia_result_set(cmd->out, &st, (struct dia_result){code, false});
    return dia_encode(n->dict, cmd->out, &st, h, ret_bytes);
}

static const struct dia_command *known_command(const struct dia_node *n, const struct dia_frame *f)
{
    if (f->code == DIA_CER || f->code == DIA_DWR || f->code == DIA_DPR)
        return dia_command_find(&dia_base, f->code);
    for (size_t i = 0; i < n->n_apps; i++)
        if (n->apps[i]->app == f->app)
            return dia_command_find(n->apps[i], f->code);
    return NULL;
}

void dia_send_error(struct dia_conn *c, const struct dia_frame *f, uint32_t code,
                    const struct dia_fault *fault)
{
    struct dia_node *n = c->node;
    struct dia_header h = {.flags = f->flags & DIA_CMD_P, .code = f->code, .app = f->app,
                           .hbh = f->hbh, .ete = f->ete};
    struct arena a;
    char first[256];
    struct dia_bytes b;
    if (encode_refusal(n, known_command(n, f), &h, f->session_id, code, &b) != 0)
        return;
    arena_init(&a, first, sizeof first);
    struct str proxy = f->proxied ? dia_frame_copy(f, 284, &a) : STR_NONE;
    if (fault && fault->limit && proxy.n > PROXY_KEPT) // it may be what there is too much of
        proxy = STR_NONE;
    if (dia_bytes_append(&b, proxy) == 0 && (!fault || dia_bytes_fail(&b, fault->avp) == 0)) {
        c->peer->counts.errors_out++;
        send_bytes(c, &b, f->session_id);
    }
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter request %u of %.*s refused with %u: %s", f->code,
                 STR_ARG(c->peer->host), code, fault && fault->why ? fault->why : "");
    arena_done(&a);
    dia_bytes_free(&b);
}

// ---- requests ----

static int add_path(struct dia_request *q, struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_path *w = ARENA_NEW(&q->arena, struct dia_path);
    if (!w)
        return ERR_NOMEM;
    w->conn = c->id;
    w->hbh = f->hbh;
    w->proxy = f->proxied ? dia_frame_copy(f, 284, &q->arena) : STR_NONE;
    if (q->arena.failed)
        return ERR_NOMEM;
    w->next = q->paths;
    q->paths = w;
    c->serving++;
    return 0;
}

static struct dia_request *request_new(struct dia_conn *c, const struct dia_frame *f,
                                       const struct dia_service *s, const struct dia_command *cmd)
{
    struct dia_request *q = mem_alloc(sizeof *q);
    if (!q)
        return NULL;
    q->node = c->node;
    q->service = s;
    q->cmd = cmd;
    q->ete = f->ete;
    q->paths = NULL;
    q->dup = NULL;
    arena_init(&q->arena, q->first, sizeof q->first);
    q->session_id = arena_dup(&q->arena, f->session_id);
    list_add(&c->node->requests, &q->link);
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
        struct dia_conn *c = dia_conn_find(q->node, w->conn);
        if (c)
            c->serving--;
    }
    list_del(&q->link);
    arena_done(&q->arena);
    mem_free(q);
}

// The result of a check, or 0.
static uint32_t check(struct dia_node *n, const struct dia_conn *c, const struct dia_frame *f,
                      const struct dia_service *s, const struct dia_command *cmd)
{
    bool known = false;
    for (size_t i = 0; i < n->n_apps; i++)
        known |= n->apps[i]->app == f->app;
    if (f->app != DIA_APP_BASE && !known)
        return APPLICATION_UNSUPPORTED;
    if (!s || !cmd)
        return COMMAND_UNSUPPORTED;
    if (f->flags & DIA_CMD_E)
        return INVALID_HDR_BITS;
    if (f->dest_realm.n && !str_ieq(f->dest_realm, n->realm))
        return REALM_NOT_SERVED;
    if (f->dest_host.n && !str_ieq(f->dest_host, n->host))
        return DIA_UNABLE_TO_DELIVER;
    if (dia_session_unknown(n, cmd, f))
        return UNKNOWN_SESSION_ID;
    return c->serving >= n->max_pending ? DIA_TOO_BUSY : 0;
}

// A copy of an earlier request: answered again with the same bytes, or one more way for the answer.
static void repeat(struct dia_conn *c, const struct dia_frame *f, struct dia_dup *e)
{
    c->peer->counts.duplicates++;
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
        send_bytes(c, &b, f->session_id);
    }
    arena_done(&a);
    dia_bytes_free(&b);
}

static void handle(struct dia_conn *c, const struct dia_frame *f, const struct dia_service *s,
                   const struct dia_command *cmd)
{
    union {
        max_align_t align;
        char bytes[DIA_TYPED_MAX];
    } st;
    struct dia_fault fault = {0};
    struct dia_read read;
    int r = dia_decode(c->node->dict, f, cmd->in, &st, &read, &fault);
    if (r) {
        c->peer->counts.bad++;
        dia_send_error(c, f, fault.code ? fault.code : DIA_UNABLE_TO_COMPLY, &fault);
        return;
    }
    struct dia_request *q = request_new(c, f, s, cmd);
    if (q) {
        dia_dup_add(c->node, f, q);
        s->handler(s->ctx, q, cmd, &st);
    } else {
        dia_send_error(c, f, DIA_TOO_BUSY, NULL);
    }
    dia_read_done(&read);
}

// Only a relay sends what others ask. Else a peer could have the answers that another one was given, by
// its name and an End-to-End-Id.
static bool speaks_for_another(struct dia_conn *c, const struct dia_frame *f)
{
    const struct dia_peer *p = c->peer;
    if (p->relay || p->apps.relay || !f->origin_host.n || str_ieq(f->origin_host, p->host))
        return false;
    struct dia_fault fault = {.code = DIA_INVALID_AVP_VALUE, .why = "Origin-Host of another node",
                              .avp = dia_frame_search(c->node->dict, f, 264, 0)};
    LOG(LOG_WARN, "diameter request refused", LF("peer", p->host), LF("origin_host", f->origin_host),
        LF_Z("reason", "it is no relay, and the Origin-Host is not its own"),
        LF_NUM("command", f->code), LF("session", f->session_id));
    dia_send_error(c, f, fault.code, &fault);
    return true;
}

void dia_serve_request(struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_node *n = c->node;
    const struct dia_service *s = NULL;
    for (size_t i = 0; i < n->n_services; i++)
        if (n->services[i].iface->app == f->app)
            s = &n->services[i];
    const struct dia_command *cmd = s ? dia_command_find(s->iface, f->code) : NULL;
    c->peer->counts.requests_in++;
    if (speaks_for_another(c, f))
        return;
    uint32_t code = check(n, c, f, s, cmd);
    struct dia_dup *e = code == 0 || code == DIA_TOO_BUSY ? dia_dup_find(n, f) : NULL;
    if (e)
        repeat(c, f, e);
    else if (code)
        dia_send_error(c, f, code, NULL);
    else
        handle(c, f, s, cmd);
}

// ---- answers ----

static void send_path(struct dia_request *q, const struct dia_path *w, struct dia_bytes *b)
{
    struct dia_conn *c = dia_conn_find(q->node, w->conn);
    size_t own = b->n;
    if (!c) {
        q->node->counts.dropped++;
        return;
    }
    if (dia_bytes_append(b, w->proxy) != 0)
        return;
    dia_bytes_set_hbh(b, w->hbh);
    send_bytes(c, b, q->session_id);
    b->n = own;
    dia_put24(b->p + 1, (uint32_t)own);
}

// An answer is remembered for copies of the request, unless it only said that there is no time: then a copy
// is another try.
static void finish(struct dia_request *q, struct dia_bytes *b, bool keep)
{
    for (struct dia_path *w = q->paths; w; w = w->next)
        send_path(q, w, b);
    if (q->dup && keep)
        dia_dup_answered(q->node, q->dup, b);
    else if (q->dup)
        dia_dup_free(q->node, q->dup);
    q->dup = NULL;
    dia_bytes_free(b);
    dia_request_free(q);
}

void dia_refuse(struct dia_request *q, uint32_t code)
{
    struct dia_header h = {.flags = q->cmd->flags, .code = q->cmd->code,
                           .app = q->service->iface->app, .ete = q->ete};
    struct dia_bytes b;
    if (encode_refusal(q->node, q->cmd, &h, q->session_id, code, &b) == 0)
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
    fill_origin(q->node, g, answer, q->session_id);
    struct dia_header h = {.flags = q->cmd->flags, .code = q->cmd->code,
                           .app = q->service->iface->app, .ete = q->ete};
    struct dia_bytes b;
    if (dia_encode(q->node->dict, g, answer, &h, &b) != 0) {
        dia_refuse(q, DIA_UNABLE_TO_COMPLY);
        return;
    }
    (void)dia_bytes_fail(&b, dia_place_get(answer, g->places.failed)); // without memory for it: the answer alone
    finish(q, &b, true);
}

int dia_serve(struct dia_node *n, const struct dia_interface *i, dia_handler h, const void *ops,
              void *ctx)
{
    bool known = false;
    for (size_t k = 0; k < n->n_apps; k++)
        known |= n->apps[k] == i;
    if (!known)
        return ERR_INVAL;
    for (size_t k = 0; k < n->n_services; k++)
        if (n->services[k].iface == i)
            return ERR_EXISTS;
    n->services[n->n_services++] = (struct dia_service){i, h, ops, ctx};
    return 0;
}

const void *dia_request_ops(const struct dia_request *q)
{
    return q->service->ops;
}
