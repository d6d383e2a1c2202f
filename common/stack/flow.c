// SPDX-License-Identifier: Apache-2.0
// The flow table: by id (slots) and by listener and remote address (hash), least recently used
// first.
#include "base/err.h"
#include "base/log.h"
#include "stack/transport_priv.h"

struct flow *flow_find(const struct stack *s, flow_id id)
{
    return id ? slots_find(&s->transports->ids, id) : NULL;
}

flow_id flow_get_id(const struct flow *f)
{
    return f->id;
}

const struct flow_info *flow_get_info(const struct flow *f)
{
    return &f->info;
}

uint64_t flow_heard(const struct flow *f)
{
    return f->heard;
}

bool flow_is_connected(const struct flow *f)
{
    return f->info.open && (!f->stream || f->stream->connected);
}

bool flow_is_reliable(const struct flow *f)
{
    return f->stream != NULL;
}

const struct sip_timers *flow_timers(const struct flow *f)
{
    return f->listener->timers;
}

struct str flow_via_prefix(const struct flow *f)
{
    return f->listener->via_prefix;
}

struct str flow_sent_by(const struct flow *f)
{
    return f->listener->host;
}

struct list *flow_users(struct flow *f)
{
    return &f->users;
}

static struct flow_key key_of(const struct listener *l, const struct addr *remote)
{
    struct flow_key k = {.listener = l->index, .port = addr_port(remote)};
    k.ip6 = addr_is_ip6(remote);
    if (k.ip6)
        memcpy(k.ip, &remote->in6.sin6_addr, 16);
    else
        memcpy(k.ip, &remote->in4.sin_addr, 4);
    return k;
}

struct flow *flow_lookup(struct listener *l, const struct addr *remote)
{
    struct flow_key k = key_of(l, remote);
    struct flow *f = NULL;
    HASH_FIND(hh, l->stack->transports->by_key, &k, sizeof k, f);
    return f;
}

// Makes room in a full table: the least recently used flow without a transaction goes.
static void evict(struct list *lru)
{
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (!list_empty(&f->users) || (f->stream && f->stream->reading))
            continue;
        if (f->stream)
            stream_close(f, ERR_FULL, true);
        else
            flow_close(f, ERR_FULL);
        return;
    }
}

static void make_room(struct transport_layer *t, enum sip_proto proto)
{
    if (proto == SIP_PROTO_UDP && t->n_udp >= FLOW_MAX_UDP)
        evict(&t->lru_udp);
    else if (proto == SIP_PROTO_TCP && t->n_tcp >= FLOW_MAX_TCP)
        evict(&t->lru_tcp);
}

static int index_flow(struct transport_layer *t, struct flow *f)
{
    struct flow *other = NULL;
    HASH_FIND(hh, t->by_key, &f->key, sizeof f->key, other);
    if (other)
        return 0; // found by its id only
    HASH_ADD(hh, t->by_key, key, sizeof f->key, f);
    return f->hh.tbl ? 0 : ERR_NOMEM;
}

int flow_new(struct listener *l, const struct addr *local, const struct addr *remote,
             struct flow **ret_flow)
{
    struct stack *s = l->stack;
    struct transport_layer *t = s->transports;
    make_room(t, l->proto);
    struct flow *f = mem_zalloc(sizeof *f);
    if (!f)
        return ERR_NOMEM;
    f->stack = s;
    f->listener = l;
    f->info = (struct flow_info){
        .proto = l->proto, .local = *local, .remote = *remote, .listener = l->label, .open = true};
    f->key = key_of(l, remote);
    list_init(&f->users);
    f->id = slots_add(&t->ids, f);
    if (!f->id || index_flow(t, f)) {
        slots_remove(&t->ids, f->id);
        mem_free(f);
        return ERR_NOMEM;
    }
    list_add(l->proto == SIP_PROTO_UDP ? &t->lru_udp : &t->lru_tcp, &f->lru);
    *(l->proto == SIP_PROTO_UDP ? &t->n_udp : &t->n_tcp) += 1;
    s->count.flows_opened++;
    *ret_flow = f;
    return 0;
}

void flow_touch(struct flow *f)
{
    struct transport_layer *t = f->stack->transports;
    list_del(&f->lru);
    list_add(f->stream ? &t->lru_tcp : &t->lru_udp, &f->lru);
}

static void unlink_flow(struct flow *f)
{
    struct transport_layer *t = f->stack->transports;
    slots_remove(&t->ids, f->id);
    if (f->hh.tbl)
        HASH_DELETE(hh, t->by_key, f);
    list_del(&f->lru);
    *(f->info.proto == SIP_PROTO_UDP ? &t->n_udp : &t->n_tcp) -= 1;
    f->info.open = false;
    f->stack->count.flows_closed++;
    stream_free(f);
}

void flow_close(struct flow *f, int err)
{
    struct stack *s = f->stack;
    flow_id id = f->id;
    unlink_flow(f);
    txn_on_flow_closed(s, f, err);
    mem_free(f);
    if (s->ops->flow_closed)
        s->ops->flow_closed(s->arg, id);
}

void flow_discard(struct flow *f)
{
    unlink_flow(f);
    mem_free(f);
}

// The listener that sends: the first of this label with the right protocol and family.
static struct listener *listener_for(struct transport_layer *t, enum sip_proto proto, bool ip6,
                                     unsigned label)
{
    for (unsigned i = 0; i < t->n_listeners; i++) {
        struct listener *l = &t->listeners[i];
        if (l->proto == proto && l->label == label && addr_is_ip6(&l->local) == ip6)
            return l;
    }
    return NULL;
}

int flow_get(struct stack *s, enum sip_proto proto, const struct addr *remote, unsigned label,
             flow_id *ret_flow)
{
    struct listener *l = listener_for(s->transports, proto, addr_is_ip6(remote), label);
    if (!l)
        return ERR_NOTFOUND;
    struct flow *f = flow_lookup(l, remote);
    int err = 0;
    if (!f && proto == SIP_PROTO_UDP)
        err = flow_new(l, &l->local, remote, &f);
    else if (!f)
        err = stream_connect(l, remote, &f);
    if (err)
        return err;
    *ret_flow = f->id;
    return 0;
}

// The Call-ID of a message just built, for the trace only.
static struct str find_call_id(struct str bytes)
{
    while (bytes.n) {
        struct str line = str_split(&bytes, '\n');
        if (line.n <= 1)
            break;
        struct str v = line, name = str_trim(str_split(&v, ':'));
        if (str_ieq(name, STR("Call-ID")) || str_ieq(name, STR("i")))
            return str_trim(v);
    }
    return STR_NONE;
}

void flow_trace(struct flow *f, bool out, const struct addr *remote, struct str bytes,
                struct str call_id)
{
    struct stack *s = f->stack;
    if (!s->ops->trace)
        return;
    struct stack_trace t = {.out = out,
                            .proto = f->info.proto,
                            .local = f->info.local,
                            .remote = *remote,
                            .bytes = bytes,
                            .call_id = call_id.n ? call_id : find_call_id(bytes)};
    s->ops->trace(s->arg, &t);
}

static int sent(struct flow *f, const struct addr *to, struct str bytes, struct str call_id,
                int err)
{
    struct stack_counters *c = &f->stack->count;
    if (err) {
        c->send_errors++;
        return err;
    }
    c->bytes_out += bytes.n;
    *(str_starts(bytes, STR("SIP/2.0 ")) ? &c->responses_out : &c->requests_out) += 1;
    flow_trace(f, true, to, bytes, call_id);
    return 0;
}

static int stream_send(struct stack *s, struct flow *f, struct str bytes, struct str call_id,
                       bool later)
{
    if (f->stream->close_err)
        return ERR_CLOSED;
    int err = later ? tcp_send_later(f->stream->tcp, bytes) : tcp_send(f->stream->tcp, bytes);
    f->stream->last_used = loop_now(s->loop) / 1000000;
    if (err)
        stream_doom(f, err);
    return sent(f, &f->info.remote, bytes, call_id, err);
}

int flow_send(struct stack *s, struct flow *f, struct str bytes, struct str call_id)
{
    if (!f->stream)
        return flow_send_to(s, f, &f->info.remote, bytes, call_id);
    return stream_send(s, f, bytes, call_id, false);
}

int flow_send_later(struct stack *s, struct flow *f, struct str bytes, struct str call_id)
{
    return f->stream ? stream_send(s, f, bytes, call_id, true) : ERR_INVAL;
}

int flow_send_to(struct stack *s, struct flow *f, const struct addr *to, struct str bytes,
                 struct str call_id)
{
    if (f->stream)
        return ERR_INVAL;
    return sent(f, to, bytes, call_id, udp_send(f->listener->udp, to, bytes));
}

bool stack_flow(const struct stack *s, flow_id flow, struct flow_info *ret_info)
{
    const struct flow *f = flow_find(s, flow);
    if (!f)
        return false;
    *ret_info = f->info;
    return true;
}
