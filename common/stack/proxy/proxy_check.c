// SPDX-License-Identifier: Apache-2.0
// Request validation and route information preprocessing: RFC 3261 16.3, 16.4.
#include "stack/proxy/proxy_priv.h"

#include "base/err.h"
#include "base/writer.h"
#include "stack/transport/transport.h"

enum { DEFAULT_MAX_FORWARDS = 70, MAX_FORWARDS_LIMIT = 255 };

// 0: go on; otherwise the status to answer with, *ret_why its reason phrase (empty: standard).
typedef unsigned (*check_fn)(struct pxy *p, struct str *ret_why, struct sip_edits *extra);

static unsigned check_message(struct pxy *p, struct str *ret_why, struct sip_edits *extra)
{
    (void)extra;
    return pxy_check_message(p->layer, p->req, ret_why);
}

// A request inside a dialog follows its route set: Max-Forwards ends a loop of those cheaply
// enough.
static unsigned check_loop(struct pxy *p, struct str *ret_why, struct sip_edits *extra)
{
    (void)ret_why;
    (void)extra;
    if (sip_msg_to_tag(p->req).p)
        return 0;
    p->loop_hash = txn_loop_hash(p->layer->txns, p->req);
    return txn_is_loop(p->layer->txns, p->req, p->loop_hash) ? 482 : 0;
}

static unsigned check_required(struct pxy *p, struct str *ret_why, struct sip_edits *extra)
{
    return p->ack ? 0 : pxy_check_required(p->layer, p->req, ret_why, extra);
}

static unsigned check_route(struct pxy *p, struct str *ret_why, struct sip_edits *extra)
{
    (void)extra;
    if (sip_iter_init(p->req, SIP_H_ROUTE).err != ERR_BAD)
        return 0;
    *ret_why = STR("Malformed Route");
    return 400;
}

// RFC 3261 16.3 in its order; the route set is checked with it because 16.4 reads it.
static const check_fn checks[] = {
    check_message, check_loop, check_required, check_route,
};

static bool validate(struct pxy *p)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct sip_edits extra;
        struct str why = STR_NONE;
        sip_edits_init(&extra, &p->arena, NULL);
        unsigned status = checks[i](p, &why, &extra);
        if (!status)
            continue;
        if (log_enabled(LOG_DEBUG))
            log_text(LOG_DEBUG, "request refused by the proxy core: %u %.*s call_id=%.*s", status,
                     STR_ARG(why), STR_ARG(sip_msg_call_id(p->req)));
        (void)pxy_reply(p, status, why, &extra);
        return false;
    }
    return true;
}

// ---- RFC 3261 16.4 ----

static bool has_uri_param(const struct sip_uri *u, struct str name)
{
    bool present = false;
    (void)sip_uri_param(u, name, &present);
    return present;
}

// Replaces the request by itself with edits applied, for the rare cases in which the owner has to
// see another Request-URI than the one received.
static int rewrite(struct pxy *p)
{
    struct writer w = txn_scratch(p->layer->txns);
    struct sip_parse_error where;
    struct sip_msg *m = NULL;
    int err = sip_msg_write(p->req, &p->edits, &w);
    if (!err)
        err = sip_msg_parse(writer_done(&w), &m, &where);
    if (err) {
        sip_msg_unref(m);
        return err;
    }
    sip_msg_unref(p->req);
    transport_bound_memory(p->layer->transport, m);
    p->req = m;
    sip_edits_init(&p->edits, &p->arena, m);
    return 0;
}

static const struct sip_uri *route_uri(const struct sip_msg *m, size_t i)
{
    const struct sip_addr *a = sip_msg_at(m, SIP_H_ROUTE, i);
    return a ? &a->uri : NULL;
}

// A strict router put our Record-Route URI into the Request-URI and the target behind the Route.
static int undo_strict_route(struct pxy *p)
{
    const struct sip_uri *u = sip_msg_uri(p->req);
    if (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS)
        return 0;
    if (!has_uri_param(u, STR("lr")) || !sip_msg_has(p->req, SIP_H_ROUTE) ||
        !transport_is_own_uri(p->layer->transport, u))
        return 0;
    size_t n = sip_msg_count(p->req, SIP_H_ROUTE);
    const struct sip_uri *last = n ? route_uri(p->req, n - 1) : NULL;
    struct sip_uri *own = ARENA_NEW(&p->arena, struct sip_uri);
    struct str own_text = arena_dup(&p->arena, u->text);
    if (!last || !own || !own_text.p)
        return last ? ERR_NOMEM : ERR_BAD;
    int err = sip_uri_parse(&p->arena, own_text, own);
    if (err)
        return err;
    sip_edit_uri(&p->edits, last->text);
    sip_edit_remove_at(&p->edits, SIP_H_ROUTE, n - 1);
    err = rewrite(p);
    if (!err)
        p->own_route = own;
    return err;
}

// The URI without maddr, port and transport.
static struct str strip_maddr(struct arena *a, const struct sip_uri *u)
{
    char *buf = arena_alloc(a, u->text.n + 1);
    if (!buf)
        return STR_NONE;
    struct writer w = writer_init(buf, u->text.n + 1);
    struct sip_uri v = *u;
    struct sip_param *keep = NULL, **tail = &keep;
    for (const struct sip_param *q = u->params; q; q = q->next) {
        if (str_ieq(q->name, STR("maddr")) || str_ieq(q->name, STR("transport")))
            continue;
        struct sip_param *copy = ARENA_NEW(a, struct sip_param);
        if (!copy)
            return STR_NONE;
        copy->name = q->name;
        copy->value = q->value;
        *tail = copy;
        tail = &copy->next;
    }
    v.params = keep;
    v.port = 0;
    sip_uri_write(&w, &v);
    return w.failed ? STR_NONE : writer_done(&w);
}

static int undo_maddr(struct pxy *p)
{
    const struct sip_uri *u = sip_msg_uri(p->req);
    if ((u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS) || !u->params)
        return 0;
    struct str maddr = sip_uri_param(u, STR("maddr"), NULL);
    if (!maddr.n)
        return 0;
    struct sip_uri own = {.scheme = u->scheme, .host = maddr, .port = u->port};
    if (!transport_is_own_uri(p->layer->transport, &own))
        return 0;
    struct str uri = strip_maddr(&p->arena, u);
    if (!uri.p)
        return ERR_NOMEM;
    sip_edit_uri(&p->edits, uri);
    return rewrite(p);
}

static void take_own_route(struct pxy *p)
{
    const struct sip_uri *u;
    if (p->own_route || !sip_msg_has(p->req, SIP_H_ROUTE))
        return;
    u = route_uri(p->req, 0);
    if (!u || !transport_is_own_uri(p->layer->transport, u))
        return;
    p->own_route = u;
    sip_edit_remove_at(&p->edits, SIP_H_ROUTE, 0);
}

// RFC 3261 16.6 step 3; done here so that every branch starts with it.
static void count_down(struct pxy *p)
{
    int n = sip_msg_max_forwards(p->req);
    n = n < 0 ? DEFAULT_MAX_FORWARDS : n > MAX_FORWARDS_LIMIT ? MAX_FORWARDS_LIMIT - 1 : n - 1;
    char *text = arena_alloc(&p->arena, 4);
    if (!text)
        return;
    struct writer w = writer_init(text, 4);
    writer_u64(&w, (uint64_t)n);
    sip_edit_set(&p->edits, SIP_H_MAX_FORWARDS, writer_done(&w));
}

static void answer_options(struct pxy *p)
{
    struct sip_edits extra;
    sip_edits_init(&extra, &p->arena, NULL);
    options_describe(p->layer, &extra);
    (void)pxy_reply(p, 200, STR_NONE, &extra);
}

bool pxy_check(struct pxy *p)
{
    if (!validate(p))
        return false;
    if (options_is_ours(p->layer, p->req)) {
        answer_options(p);
        return false;
    }
    int err = undo_strict_route(p);
    if (!err)
        err = undo_maddr(p);
    if (err) {
        bool bad = err == ERR_BAD;
        unsigned status = bad ? 400 : err == ERR_TOOBIG ? 513 : 500;
        (void)pxy_reply(p, status, bad ? STR("Malformed Route") : STR_NONE, NULL);
        return false;
    }
    take_own_route(p);
    count_down(p);
    const char *why = pxy_starved(p);
    if (!why)
        return true;
    LOG(LOG_WARN, "request refused", LF("call_id", sip_msg_call_id(p->req)), LF_NUM("status", 500),
        LF_Z("cause", why));
    (void)pxy_reply(p, 500, STR_NONE, NULL);
    return false;
}
