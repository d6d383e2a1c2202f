// SPDX-License-Identifier: Apache-2.0
// Wiring: makes the layers, hands each its part of what the owner gave, and passes on what he asks
// for.
#include "base/err.h"
#include "base/mem.h"
#include "dia/interface.h"
#include "dia/node_priv.h"
#include "dia/session.h"

enum {
    TW_MS = 30000,
    TC_MS = 30000,
    MAX_PENDING = 10000,
    MAX_BUFFERED = 4 << 20,
    MAX_STRANGERS = 64,
    MAX_SAME_SOURCE = 8,
    CER_MS = 5000,
    CER_BYTES = 4096,
    TRY_MS = 1500,
    CONNECT_WAIT_MS = 2000,
};

static uint32_t or (uint32_t value, uint32_t def)
{
    return value ? value : def;
}

static int make_link(struct dia_node *n, const struct dia_params *p)
{
    struct dia_link_params q = {
        .loop = p->loop,
        .host = p->origin_host,
        .realm = p->origin_realm,
        .product = p->product.n ? p->product : STR("Carillon"),
        .vendor_id = p->vendor_id,
        .applications = p->applications,
        .n_applications = p->n_applications,
        .limits = { or (p->limits.message, DIA_MESSAGE_MAX), or (p->limits.avps, DIA_AVPS_MAX),
                    or (p->limits.depth, DIA_DEPTH_MAX)},
        .max_buffered = p->max_buffered ? p->max_buffered : MAX_BUFFERED,
        .max_strangers = or (p->max_strangers, MAX_STRANGERS),
        .max_same_source = or (p->max_strangers_per_source, MAX_SAME_SOURCE),
        .cer_ms = or (p->cer_ms, CER_MS),
        .cer_bytes = or (p->cer_bytes, CER_BYTES),
        .trace = p->trace,
        .trace_arg = p->arg,
    };
    return dia_link_new(&q, &n->link);
}

static int make_peers(struct dia_node *n, const struct dia_params *p)
{
    struct dia_peers_params q = {
        .link = n->link,
        .watchdog_ms = or (p->watchdog_ms, TW_MS),
        .connect_ms = or (p->connect_ms, TC_MS),
        .accept_unknown = p->accept_unknown,
        .state = p->peer_state,
        .state_arg = p->arg,
    };
    return dia_peers_new(&q, &n->peers);
}

static int make_requests(struct dia_node *n, const struct dia_params *p)
{
    struct dia_requests_params q = {
        .link = n->link,
        .peers = n->peers,
        .max_pending = p->max_pending ? p->max_pending : MAX_PENDING,
        .try_ms = or (p->retry_ms, TRY_MS),
        .connect_wait_ms = or (p->connect_wait_ms, CONNECT_WAIT_MS),
    };
    return dia_requests_new(&q, &n->requests);
}

int dia_node_new(const struct dia_params *p, struct dia_node **ret_node)
{
    if (!p->origin_host.n || p->origin_host.n > 255 || !p->origin_realm.n ||
        p->n_applications > DIA_MAX_APPLICATIONS)
        return ERR_INVAL;
    struct dia_node *n = mem_zalloc(sizeof *n);
    if (!n)
        return ERR_NOMEM;
    int r = make_link(n, p);
    if (r == 0)
        r = make_peers(n, p);
    if (r == 0)
        r = make_requests(n, p);
    if (r) {
        dia_node_free(n);
        return r;
    }
    *ret_node = n;
    return 0;
}

// What waits goes first, so that nobody is called any more.
void dia_node_free(struct dia_node *n)
{
    if (!n)
        return;
    if (n->link)
        dia_link_stop(n->link);
    dia_requests_clear(n->requests);
    dia_peers_free(n->peers);
    dia_requests_free(n->requests);
    dia_link_free(n->link);
    mem_free(n);
}

int dia_node_listen(struct dia_node *n, enum dia_transport t, const struct addr *local)
{
    return dia_link_listen(n->link, t, local);
}

int dia_peer_add(struct dia_node *n, const struct dia_peer_params *p)
{
    return dia_peers_add(n->peers, p);
}

void dia_drain(struct dia_node *n, timer_cb done, void *arg)
{
    dia_link_stop(n->link);
    dia_requests_drain(n->requests);
    dia_peers_drain(n->peers, done, arg);
}

int dia_request_send(struct dia_node *n, const struct dia_send *s)
{
    return dia_requests_send(n->requests, s);
}

int dia_serve(struct dia_node *n, const struct dia_interface *i, dia_handler h, const void *ops,
              void *ctx)
{
    return dia_requests_serve(n->requests, i, h, ops, ctx);
}

int dia_session_new(struct dia_node *n, const struct dia_session_params *p,
                    struct dia_session **ret_session)
{
    return dia_requests_session(n->requests, p, ret_session);
}

bool dia_ready(const struct dia_node *n, struct str realm)
{
    return dia_requests_ready(n->requests, realm);
}

bool dia_reaches(const struct dia_node *n, struct str host, struct str realm)
{
    return dia_requests_reach(n->requests, host, realm);
}

bool dia_has_agents(const struct dia_node *n)
{
    return dia_requests_agents(n->requests);
}

size_t dia_node_peers(const struct dia_node *n, size_t max, dia_peer_list_cb cb, void *arg,
                      size_t *ret_all)
{
    return dia_peers_list(n->peers, max, cb, arg, ret_all);
}

void dia_stats(const struct dia_node *n, dia_stat_cb cb, void *arg)
{
    dia_requests_stats(n->requests, cb, arg);
    dia_link_stats(n->link, cb, arg);
}
