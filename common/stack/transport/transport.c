// SPDX-License-Identifier: Apache-2.0
// The layer's life, its listeners, and recognising this node's own names.
#include <stdio.h>

#include "base/err.h"
#include "base/writer.h"
#include "sip/uri.h"
#include "stack/transport/guard.h"
#include "stack/transport/sources.h"
#include "stack/transport/transport_priv.h"

static int write_names(struct listener *l, struct str advertise)
{
    char host[ADDR_TEXT_MAX], text[320];
    struct str h = advertise.n ? advertise : addr_host_text(&l->local, host);
    if (!advertise.n && addr_is_any(&l->local))
        return ERR_INVAL; // nobody could answer to 0.0.0.0
    struct writer w = writer_init(text, sizeof text);
    writer_str(&w, l->proto == SIP_PROTO_UDP ? STR("SIP/2.0/UDP ") : STR("SIP/2.0/TCP "));
    writer_str(&w, h);
    writer_chr(&w, ':');
    writer_u64(&w, addr_port(&l->local));
    if (w.failed)
        return ERR_TOOBIG;
    l->host = str_dup(h);
    l->via_prefix = str_dup(writer_done(&w));
    return l->host.p && l->via_prefix.p ? 0 : ERR_NOMEM;
}

static int open_socket(struct listener *l, const struct stack_listen *p)
{
    struct loop *loop = l->transport->loop;
    if (p->proto == SIP_PROTO_UDP) {
        struct udp_params u = {.local = p->local, .reuseport = p->reuseport,
                               .cb = udp_flow_receive,
                               .unreachable = udp_flow_unreachable, .arg = l};
        int err = udp_open(loop, &u, &l->udp);
        if (!err)
            l->local = *udp_local(l->udp);
        return err;
    }
    int err = tcp_listen(loop, &p->local, p->reuseport, stream_accept, l, &l->tcp);
    if (!err)
        l->local = *tcp_listener_local(l->tcp);
    return err;
}

static void listener_done(struct listener *l)
{
    udp_close(l->udp);
    tcp_listener_close(l->tcp);
    mem_free((void *)l->host.p);
    mem_free((void *)l->via_prefix.p);
}

int transport_listen(struct transport *t, const struct stack_listen *p)
{
    if (p->proto != SIP_PROTO_UDP && p->proto != SIP_PROTO_TCP)
        return ERR_UNSUPPORTED;
    if (t->n_listeners == LISTENER_MAX)
        return ERR_FULL;
    struct listener *l = &t->listeners[t->n_listeners];
    *l = (struct listener){.transport = t, .index = t->n_listeners, .proto = p->proto,
                           .label = p->label, .timers = p->timers};
    int err = open_socket(l, p);
    if (!err)
        err = write_names(l, p->advertise);
    if (err) {
        listener_done(l);
        return err;
    }
    if (p->outside)
        t->outside |= 1u << p->label;
    t->n_listeners++;
    return 0;
}

bool transport_has(const struct transport *t, enum sip_proto proto, bool ip6)
{
    for (unsigned i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        if (l->proto == proto && addr_is_ip6(&l->local) == ip6 && !is_outside(t, l->label))
            return true;
    }
    return false;
}

static bool is_host(const struct listener *l, struct str host, const struct addr *ip)
{
    return str_ieq(l->host, host) || (ip && addr_eq_ip(&l->local, ip));
}

bool transport_is_sent_by(const struct transport *t, struct str host, uint16_t port)
{
    struct addr ip;
    bool numeric = addr_parse(host, 0, &ip) == 0;
    for (unsigned i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        if ((!port || addr_port(&l->local) == port) && is_host(l, host, numeric ? &ip : NULL))
            return true;
    }
    return false;
}

// Without a port an IP address means 5060, and a name whatever DNS says about it: any port.
static bool is_own(const struct transport *t, struct str host, uint16_t port)
{
    struct addr ip;
    bool numeric = addr_parse(host, 0, &ip) == 0;
    if (!port && numeric)
        port = 5060;
    for (unsigned i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        if (port && addr_port(&l->local) != port)
            continue;
        if (is_host(l, host, numeric ? &ip : NULL))
            return true;
        for (size_t a = 0; a < t->n_alias; a++)
            if (str_ieq(t->alias[a], host))
                return true;
    }
    return false;
}

bool transport_is_own_uri(const struct transport *t, const struct sip_uri *u)
{
    bool sip = u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS;
    return sip && is_own(t, u->host, u->port);
}

bool transport_is_outside(const struct transport *t, unsigned label)
{
    return is_outside(t, label);
}

// ---- the way to a next hop ----

// The listener that sends: the first of this label with the right protocol and family.
static struct listener *listener_for(struct transport *t, enum sip_proto proto, bool ip6,
                                     unsigned label)
{
    for (unsigned i = 0; i < t->n_listeners; i++) {
        struct listener *l = &t->listeners[i];
        if (l->proto == proto && l->label == label && addr_is_ip6(&l->local) == ip6)
            return l;
    }
    return NULL;
}

int flow_get(struct transport *t, enum sip_proto proto, const struct addr *remote, unsigned label,
             flow_id *ret_flow)
{
    struct listener *l = listener_for(t, proto, addr_is_ip6(remote), label);
    if (!l)
        return ERR_NOTFOUND;
    struct flow *f = flow_lookup(l, remote);
    int err = 0;
    bool made = !f;
    if (made && proto == SIP_PROTO_UDP)
        err = flow_new(l, &l->local, remote, &f);
    else if (made)
        err = stream_connect(l, remote, &f);
    if (err)
        return err;
    if (made)
        f->ours = true;
    *ret_flow = f->id;
    return 0;
}

// ---- what the layers above share with it ----

struct loop *transport_loop(const struct transport *t)
{
    return t->loop;
}

struct writer transport_scratch(struct transport *t)
{
    return scratch_of(t);
}

struct str transport_server(const struct transport *t)
{
    return t->server;
}

uint64_t transport_secret(const struct transport *t)
{
    return t->secret;
}

void transport_recheck_all(struct transport *t)
{
    if (++t->standing_epoch == 0)
        t->standing_epoch = 1;
}

void transport_set_warnings(struct transport *t, enum stack_warnings w)
{
    t->warnings = w;
}

void transport_set_limits(struct transport *t, const struct stack_limits *l)
{
    t->limits = *l;
    guard_set_limits(t);
}

// ---- counters ----

static void flow_stats(const struct transport *t, stack_stat_cb cb, void *arg)
{
    static const struct {
        const char *udp, *tcp;
    } labels[FLOW_CLASSES] = {
        [FLOW_OF_STRANGER] = {"proto=\"udp\",of=\"strangers\"", "proto=\"tcp\",of=\"strangers\""},
        [FLOW_OF_KNOWN] = {"proto=\"udp\",of=\"known\"", "proto=\"tcp\",of=\"known\""},
    };
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        cb(arg, "sip_flows", labels[i].udp, t->n_udp[i]);
        cb(arg, "sip_flows", labels[i].tcp, t->n_tcp[i]);
    }
}

void transport_stats(const struct transport *t, stack_stat_cb cb, void *arg)
{
#define X(field, name, labels) cb(arg, name, labels, t->count.field);
    TRANSPORT_COUNTERS(X)
#undef X
    for (int i = SIP_LIMIT_NONE + 1; i < SIP_LIMIT_COUNT; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "limit=\"%s\"", sip_limit_rows[i].name);
        cb(arg, "sip_limit_exceeded", labels, t->beyond[i]);
    }
    flow_stats(t, cb, arg);
    sources_stats(t, cb, arg);
}

// ---- life ----

static int copy_text(struct str v, struct str *ret_copy)
{
    if (!v.n)
        return 0;
    *ret_copy = str_dup(v);
    return ret_copy->p ? 0 : ERR_NOMEM;
}

static int copy_params(struct transport *t, const struct transport_params *p)
{
    t->owner = p->owner;
    t->owner_arg = p->owner_arg;
    t->message = *p->message;
    t->max_message = p->max_message;
    t->keep_s = p->keep_s;
    t->limits = p->limits;
    t->warnings = p->warnings;
    t->secret = loop_random_u64(p->loop);
    int err = copy_text(p->server, &t->server);
    for (size_t i = 0; !err && i < TRANSPORT_ALIASES; i++)
        if (p->alias[i].n)
            err = copy_text(p->alias[i], &t->alias[t->n_alias++]);
    t->scratch = mem_alloc(TRANSPORT_SCRATCH);
    return err || !t->scratch ? ERR_NOMEM : 0;
}

int transport_new(const struct transport_params *p, struct transport **ret_transport)
{
    struct transport *t = mem_zalloc(sizeof *t);
    if (!t)
        return ERR_NOMEM;
    t->loop = p->loop;
    t->standing_epoch = 1;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        list_init(&t->udp[i]);
        list_init(&t->tcp[i]);
    }
    timer_init(&t->age, flow_age, t);
    int err = copy_params(t, p);
    if (!err)
        err = sources_new(t);
    if (!err)
        err = guard_new(t);
    if (err) {
        transport_free(t);
        return err;
    }
    *ret_transport = t;
    return 0;
}

void transport_set_user(struct transport *t, const struct transport_user_ops *ops, void *arg)
{
    t->user = ops;
    t->user_arg = arg;
}

// No callbacks: the transactions have gone and the owner has asked for this.
static void free_flows(struct transport *t, struct list *lru)
{
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (f->hh.tbl)
            HASH_DELETE(hh, t->by_key, f);
        list_del(&f->lru);
        source_delist(f);
        if (f->stream)
            tcp_close(f->stream->tcp);
        stream_free(f);
        mem_free(f);
    }
}

void transport_free(struct transport *t)
{
    if (!t)
        return;
    timer_stop(&t->age);
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        free_flows(t, &t->udp[i]);
        free_flows(t, &t->tcp[i]);
    }
    for (unsigned i = 0; i < t->n_listeners; i++)
        listener_done(&t->listeners[i]);
    slots_done(&t->ids);
    guard_free(t);
    sources_free(t);
    mem_free((void *)t->server.p);
    for (size_t i = 0; i < t->n_alias; i++)
        mem_free((void *)t->alias[i].p);
    mem_free(t->scratch);
    mem_free(t);
}
