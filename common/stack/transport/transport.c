// SPDX-License-Identifier: Apache-2.0
// Listeners: opening and closing them, and recognising this node's own names.
#include "base/err.h"
#include "base/writer.h"
#include "sip/uri.h"
#include "stack/transport/guard.h"
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
    struct loop *loop = l->stack->loop;
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

int transport_listen(struct stack *s, const struct stack_listen *p)
{
    struct transport_layer *t = s->transports;
    if (p->proto != SIP_PROTO_UDP && p->proto != SIP_PROTO_TCP)
        return ERR_UNSUPPORTED;
    if (t->n_listeners == LISTENER_MAX)
        return ERR_FULL;
    struct listener *l = &t->listeners[t->n_listeners];
    *l = (struct listener){.stack = s, .index = t->n_listeners, .proto = p->proto,
                           .label = p->label,
                           .timers = p->timers ? p->timers : &sip_timers_core};
    int err = open_socket(l, p);
    if (!err)
        err = write_names(l, p->advertise);
    if (err) {
        listener_done(l);
        return err;
    }
    t->n_listeners++;
    return 0;
}

bool transport_has(const struct stack *s, enum sip_proto proto, bool ip6)
{
    const struct transport_layer *t = s->transports;
    for (unsigned i = 0; i < t->n_listeners; i++) {
        const struct listener *l = &t->listeners[i];
        if (l->proto == proto && addr_is_ip6(&l->local) == ip6)
            return true;
    }
    return false;
}

static bool is_host(const struct listener *l, struct str host, const struct addr *ip)
{
    return str_ieq(l->host, host) || (ip && addr_eq_ip(&l->local, ip));
}

bool transport_is_sent_by(const struct stack *s, struct str host, uint16_t port)
{
    const struct transport_layer *t = s->transports;
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
bool transport_is_own(const struct stack *s, struct str host, uint16_t port)
{
    const struct transport_layer *t = s->transports;
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
        for (size_t a = 0; a < s->n_alias; a++)
            if (str_ieq(s->alias[a], host))
                return true;
    }
    return false;
}

void transport_stats(const struct stack *s, stack_stat_cb cb, void *arg)
{
    static const struct {
        const char *udp, *tcp;
    } labels[FLOW_CLASSES] = {
        [FLOW_OF_STRANGER] = {"proto=\"udp\",of=\"strangers\"", "proto=\"tcp\",of=\"strangers\""},
        [FLOW_OF_KNOWN] = {"proto=\"udp\",of=\"known\"", "proto=\"tcp\",of=\"known\""},
    };
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        cb(arg, "sip_flows", labels[i].udp, s->transports->n_udp[i]);
        cb(arg, "sip_flows", labels[i].tcp, s->transports->n_tcp[i]);
    }
}

int transport_layer_new(struct stack *s)
{
    struct transport_layer *t = mem_zalloc(sizeof *t);
    if (!t)
        return ERR_NOMEM;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        list_init(&t->udp[i]);
        list_init(&t->tcp[i]);
    }
    t->stack = s;
    timer_init(&t->age, flow_age, t);
    s->transports = t;
    return 0;
}

// No callbacks: the transactions have gone and the owner has asked for this.
static void free_flows(struct transport_layer *t, struct list *lru)
{
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (f->hh.tbl)
            HASH_DELETE(hh, t->by_key, f);
        list_del(&f->lru);
        guard_delist(f);
        if (f->stream)
            tcp_close(f->stream->tcp);
        stream_free(f);
        mem_free(f);
    }
}

void transport_layer_free(struct stack *s)
{
    struct transport_layer *t = s->transports;
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
    mem_free(t);
    s->transports = NULL;
}
