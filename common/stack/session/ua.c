// SPDX-License-Identifier: Apache-2.0
#include "stack/session/ua.h"

#include "base/err.h"
#include "base/list.h"
#include "base/slots.h"
#include "base/writer.h"
#include "sip/addr_hdr.h"
#include "sip/msg.h"
#include "sip/uri.h"
#include "stack/txn/txn.h"

struct ua_layer {
    struct txn_layer *txns;
    struct slots ids;
    struct list all;
};

// One request under way. The bytes are those of sip_write_request; Via goes in when the flow is
// known.
struct ua_txn {
    struct list link;
    struct ua_layer *layer;
    ua_id id;
    txn_id txn;
    ua_response_cb cb;
    void *arg;
    size_t n, line; // bytes; of them the start line
    char bytes[];
};

int ua_layer_new(struct txn_layer *txns, struct ua_layer **ret_layer)
{
    struct ua_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->txns = txns;
    list_init(&l->all);
    *ret_layer = l;
    return 0;
}

struct str ua_random_text(struct loop *l, struct arena *a, size_t n)
{
    uint8_t bytes[32];
    n = n < sizeof bytes ? n : sizeof bytes;
    char *p = arena_alloc(a, 2 * n);
    if (!p)
        return STR_NONE;
    loop_random(l, bytes, n);
    struct writer w = writer_init(p, 2 * n);
    writer_hex(&w, bytes, n);
    return writer_done(&w);
}

static void ua_txn_free(struct ua_txn *u)
{
    slots_remove(&u->layer->ids, u->id);
    list_del(&u->link);
    mem_free(u);
}

void ua_layer_free(struct ua_layer *l)
{
    if (!l)
        return;
    while (!list_empty(&l->all))
        ua_txn_free(LIST_ENTRY(l->all.next, struct ua_txn, link));
    slots_done(&l->ids);
    mem_free(l);
}

static int write_request(void *arg, struct str via, struct writer *w)
{
    const struct ua_txn *u = arg;
    writer_str(w, str_make(u->bytes, u->line));
    writer_lit(w, "Via: ");
    writer_str(w, via);
    writer_lit(w, "\r\n");
    writer_str(w, str_make(u->bytes + u->line, u->n - u->line));
    return w->failed ? ERR_TOOBIG : 0;
}

// The callback comes last: the user may forget the request in it.
static void on_client(void *arg, txn_id id, enum txn_client_event ev, unsigned status,
                      struct sip_msg *msg)
{
    struct ua_txn *u = arg;
    (void)id;
    if (ev == TXN_ENDED) {
        ua_txn_free(u);
        return;
    }
    if (u->cb)
        u->cb(u->arg, u->id, status, msg);
}

static void ack_sent(void *arg)
{
    ua_txn_free(arg);
}

// What every request of this node carries unless the user says otherwise (RFC 3261 8.1.1.6, 20.41).
static void put_defaults(const struct ua_layer *l, const struct ua_request *r, struct writer *w)
{
    struct str v, agent = txn_agent(l->txns);
    if (!sip_edits_first(r->headers, SIP_H_MAX_FORWARDS, &v))
        writer_lit(w, "Max-Forwards: 70\r\n");
    if (agent.n && !sip_edits_first(r->headers, SIP_H_USER_AGENT, &v)) {
        writer_lit(w, "User-Agent: ");
        writer_str(w, agent);
        writer_lit(w, "\r\n");
    }
}

static int ua_txn_new(struct ua_layer *l, const struct ua_request *r, struct ua_txn **ret_u)
{
    struct str method = r->method == SIP_UNKNOWN ? r->method_name : sip_method_name(r->method);
    char defaults[256];
    struct writer d = writer_init(defaults, sizeof defaults);
    struct writer w = txn_scratch(l->txns);
    put_defaults(l, r, &d);
    int err = sip_write_request(method, r->uri, r->headers, &w);
    if (err || d.failed)
        return err ? err : ERR_TOOBIG;
    ptrdiff_t eol = str_find(writer_done(&w), STR("\r\n"));
    if (eol < 0)
        return ERR_INVAL;
    struct ua_txn *u = mem_alloc(sizeof *u + w.n + d.n);
    if (!u)
        return ERR_NOMEM;
    *u = (struct ua_txn){.layer = l, .cb = r->cb, .arg = r->arg};
    u->line = (size_t)eol + 2;
    u->n = w.n + d.n;
    memcpy(u->bytes, w.p, u->line);
    memcpy(u->bytes + u->line, d.p, d.n);
    memcpy(u->bytes + u->line + d.n, w.p + u->line, w.n - u->line);
    u->id = slots_add(&l->ids, u);
    if (!u->id) {
        mem_free(u);
        return ERR_NOMEM;
    }
    list_add(&l->all, &u->link);
    *ret_u = u;
    return 0;
}

// Next hop: as told, else the first Route, else the Request-URI (RFC 3261 8.1.2).
static int next_hop(struct arena *a, const struct ua_request *r, struct sip_uri *ret_uri)
{
    struct str text;
    if (r->next_hop.n)
        return sip_uri_parse(a, r->next_hop, ret_uri);
    if (sip_edits_first(r->headers, SIP_H_ROUTE, &text)) {
        struct sip_addr route;
        int err = sip_addr_parse(a, route_take(&text), &route);
        if (!err)
            *ret_uri = route.uri;
        return err;
    }
    return sip_uri_parse(a, r->uri, ret_uri);
}

static int start(struct ua_layer *l, const struct ua_request *r, struct ua_txn *u,
                 const struct sip_uri *uri)
{
    if (r->method == SIP_ACK) {
        struct txn_send_params a = {
            .write = write_request,
            .done = ack_sent,
            .arg = u,
            .flow = r->flow,
            .uri = uri,
            .label = r->label,
        };
        return txn_send_ack(l->txns, &a);
    }
    struct txn_client_params c = {
        .method = r->method,
        .method_name = r->method_name,
        .write = write_request,
        .cb = on_client,
        .arg = u,
        .flow = r->flow,
        .uri = uri,
        .label = r->label,
        .timeout_ms = r->timeout_ms,
    };
    return txn_client_start(l->txns, &c, &u->txn);
}

int ua_send(struct ua_layer *l, const struct ua_request *r, ua_id *ret_id)
{
    char mem[1024];
    struct arena a;
    struct sip_uri uri = {0};
    struct ua_txn *u = NULL;
    arena_init(&a, mem, sizeof mem);
    int err = r->flow ? 0 : next_hop(&a, r, &uri);
    if (!err)
        err = ua_txn_new(l, r, &u);
    if (!err) {
        ua_id id = u->id; // an ACK may be gone when start returns
        err = start(l, r, u, r->flow ? NULL : &uri);
        if (err)
            ua_txn_free(u);
        else if (ret_id)
            *ret_id = id;
    }
    arena_done(&a);
    return err;
}

int ua_cancel(struct ua_layer *l, ua_id id)
{
    struct ua_txn *u = slots_find(&l->ids, id);
    return u && u->txn ? txn_client_cancel(l->txns, u->txn, STR_NONE) : ERR_NOTFOUND;
}

int ua_redirect(struct ua_layer *l, ua_id id, ua_response_cb cb, void *arg)
{
    struct ua_txn *u = slots_find(&l->ids, id);
    if (!u)
        return ERR_NOTFOUND;
    u->cb = cb;
    u->arg = arg;
    return 0;
}

void ua_forget(struct ua_layer *l, ua_id id)
{
    struct ua_txn *u = slots_find(&l->ids, id);
    if (!u)
        return;
    if (!u->txn) {
        u->cb = NULL; // an ACK on its way
        return;
    }
    txn_client_forget(l->txns, u->txn);
    ua_txn_free(u);
}
