// SPDX-License-Identifier: Apache-2.0
// The flow table: by id (slots) and by listener and remote address (hash); in two classes, each with
// the least recently used first.
#include "base/err.h"
#include "base/log.h"
#include "stack/transport/guard.h"
#include "stack/transport/transport_priv.h"

struct flow *flow_find(const struct transport *t, flow_id id)
{
    return id ? slots_find(&t->ids, id) : NULL;
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

bool flow_is_ours(const struct flow *f)
{
    return f->ours;
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
    HASH_FIND(hh, l->transport->by_key, &k, sizeof k, f);
    return f;
}

static struct list *lru_of(struct flow *f)
{
    struct transport *t = f->transport;
    return &(f->info.proto == SIP_PROTO_UDP ? t->udp : t->tcp)[f->in_class];
}

static size_t *count_of(struct flow *f)
{
    struct transport *t = f->transport;
    return &(f->info.proto == SIP_PROTO_UDP ? t->n_udp : t->n_tcp)[f->in_class];
}

// Takes the least recently used flow without a transaction out of a full table.
static bool evict(struct list *lru)
{
    unsigned looked = 0;
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (++looked > FLOW_LOOKED_AT)
            return false;
        if (!list_empty(&f->users) || (f->stream && f->stream->reading))
            continue;
        if (f->stream)
            stream_close(f, ERR_FULL, true);
        else
            flow_close(f, ERR_FULL);
        return true;
    }
    return false;
}

static size_t sum(const size_t *n)
{
    return n[FLOW_OF_STRANGER] + n[FLOW_OF_KNOWN];
}

// Strangers have a share of their own, and are the first to go when everything is taken.
static bool make_room(struct transport *t, enum sip_proto proto, enum flow_class of)
{
    bool udp = proto == SIP_PROTO_UDP;
    struct list *lru = udp ? t->udp : t->tcp;
    const size_t *n = udp ? t->n_udp : t->n_tcp;
    size_t share = udp ? t->limits.flows : 0;
    if (of == FLOW_OF_STRANGER && share && n[FLOW_OF_STRANGER] >= share) {
        t->count.drop_flows++;
        return evict(&lru[FLOW_OF_STRANGER]);
    }
    if (sum(n) < (udp ? FLOW_MAX_UDP : FLOW_MAX_TCP))
        return true;
    return evict(&lru[FLOW_OF_STRANGER]) || (of == FLOW_OF_KNOWN && evict(&lru[FLOW_OF_KNOWN]));
}

static int index_flow(struct transport *t, struct flow *f)
{
    struct flow *other = NULL;
    HASH_FIND(hh, t->by_key, &f->key, sizeof f->key, other);
    if (other)
        return 0; // found by its id only
    HASH_ADD(hh, t->by_key, key, sizeof f->key, f);
    return f->hh.tbl ? 0 : ERR_NOMEM;
}

void flow_guest(struct flow *f, struct listener *l, const struct addr *local,
                const struct addr *remote)
{
    memset(f, 0, sizeof *f);
    f->transport = l->transport;
    f->listener = l;
    f->info = (struct flow_info){
        .proto = l->proto, .local = *local, .remote = *remote, .listener = l->label, .open = true};
    f->key = key_of(l, remote);
    list_init(&f->users);
    list_init(&f->lru);
    list_init(&f->of_source);
}

static void start_aging(struct transport *t)
{
    if (!timer_active(&t->age))
        timer_start(t->loop, &t->age, FLOW_AGE_MS);
}

static int put_into_tables(struct flow *f)
{
    struct transport *t = f->transport;
    f->id = f->info.id = slots_add(&t->ids, f);
    if (!f->id || index_flow(t, f)) {
        slots_remove(&t->ids, f->id);
        return ERR_NOMEM;
    }
    list_add(lru_of(f), &f->lru);
    *count_of(f) += 1;
    t->count.flows_opened++;
    if (f->info.proto == SIP_PROTO_UDP)
        start_aging(t);
    return 0;
}

int flow_new(struct listener *l, const struct addr *local, const struct addr *remote,
             struct flow **ret_flow)
{
    struct transport *t = l->transport;
    struct flow guest;
    flow_guest(&guest, l, local, remote);
    guest.last_ms = loop_now(t->loop) / 1000000;
    enum stack_standing standing = guard_standing(&guest);
    guest.in_class = standing == STACK_STRANGER ? FLOW_OF_STRANGER : FLOW_OF_KNOWN;
    if (!make_room(t, l->proto, guest.in_class))
        return ERR_FULL;
    struct flow *f = mem_alloc(sizeof *f);
    if (!f)
        return ERR_NOMEM;
    *f = guest;
    list_init(&f->users);
    list_init(&f->lru);
    list_init(&f->of_source);
    int err = put_into_tables(f);
    if (err) {
        mem_free(f);
        return err;
    }
    *ret_flow = f;
    return 0;
}

struct flow *flow_settle(struct flow *f)
{
    struct flow *real;
    if (f->id)
        return f;
    real = flow_lookup(f->listener, &f->info.remote);
    if (!real && flow_new(f->listener, &f->info.local, &f->info.remote, &real))
        return NULL;
    real->got = f->got;
    return real;
}

void flow_touch(struct flow *f)
{
    f->last_ms = loop_now(f->transport->loop) / 1000000;
    list_del(&f->lru);
    list_add(lru_of(f), &f->lru);
}

void flow_set_standing(struct flow *f, enum stack_standing standing)
{
    enum flow_class to = standing == STACK_STRANGER ? FLOW_OF_STRANGER : FLOW_OF_KNOWN;
    bool moves = f->id && to != f->in_class;
    f->standing = standing;
    if (moves)
        *count_of(f) -= 1;
    f->in_class = to;
    if (!moves)
        return;
    *count_of(f) += 1;
    list_del(&f->lru);
    list_add(lru_of(f), &f->lru);
    if (!f->stream)
        return;
    if (to == FLOW_OF_STRANGER)
        guard_enlist(f);
    else
        guard_delist(f);
    stream_rearm(f);
}

// ---- age ----

// A flow with a transaction is in use; it is looked at again later.
static unsigned age(struct list *lru, uint64_t now_ms, uint64_t limit_ms)
{
    unsigned n = 0;
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (f->last_ms + limit_ms > now_ms || n++ == FLOW_AGED)
            break;
        if (list_empty(&f->users))
            flow_close(f, ERR_TIMEOUT);
        else
            flow_touch(f);
    }
    return n;
}

void flow_age(void *transport)
{
    struct transport *t = transport;
    uint64_t now = loop_now(t->loop) / 1000000;
    (void)age(&t->udp[FLOW_OF_STRANGER], now, FLOW_IDLE_STRANGER_MS);
    (void)age(&t->udp[FLOW_OF_KNOWN], now, FLOW_IDLE_MS);
    if (sum(t->n_udp))
        start_aging(t);
}

static void unlink_flow(struct flow *f)
{
    struct transport *t = f->transport;
    slots_remove(&t->ids, f->id);
    if (f->hh.tbl)
        HASH_DELETE(hh, t->by_key, f);
    list_del(&f->lru);
    guard_delist(f);
    *count_of(f) -= 1;
    f->info.open = false;
    f->transport->count.flows_closed++;
    stream_free(f);
}

void flow_close(struct flow *f, int err)
{
    struct transport *t = f->transport;
    flow_id id = f->id;
    unlink_flow(f);
    t->user->flow_closed(t->user_arg, f, err);
    mem_free(f);
    if (t->owner.flow_closed)
        t->owner.flow_closed(t->owner_arg, id);
}

void flow_discard(struct flow *f)
{
    unlink_flow(f);
    mem_free(f);
}

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
    struct transport *t = f->transport;
    if (!t->owner.trace)
        return;
    struct stack_trace line = {.out = out,
                               .proto = f->info.proto,
                               .local = f->info.local,
                               .remote = *remote,
                               .bytes = bytes,
                               .call_id = call_id.n ? call_id : find_call_id(bytes)};
    t->owner.trace(t->owner_arg, &line);
}

static int sent(struct flow *f, const struct addr *to, struct str bytes, struct str call_id,
                int err)
{
    struct transport_counters *c = &f->transport->count;
    if (err) {
        c->send_errors++;
        return err;
    }
    c->bytes_out += bytes.n;
    *(str_starts(bytes, STR("SIP/2.0 ")) ? &c->responses_out : &c->requests_out) += 1;
    flow_trace(f, true, to, bytes, call_id);
    return 0;
}

static int stream_send(struct flow *f, struct str bytes, struct str call_id, bool later)
{
    if (f->stream->close_err)
        return ERR_CLOSED;
    int err = later ? tcp_send_later(f->stream->tcp, bytes) : tcp_send(f->stream->tcp, bytes);
    f->stream->last_used = loop_now(f->transport->loop) / 1000000;
    if (err)
        stream_doom(f, err);
    return sent(f, &f->info.remote, bytes, call_id, err);
}

int flow_send(struct flow *f, struct str bytes, struct str call_id)
{
    if (!f->stream)
        return flow_send_to(f, &f->info.remote, bytes, call_id);
    return stream_send(f, bytes, call_id, false);
}

int flow_send_later(struct flow *f, struct str bytes, struct str call_id)
{
    return f->stream ? stream_send(f, bytes, call_id, true) : ERR_INVAL;
}

int flow_send_to(struct flow *f, const struct addr *to, struct str bytes, struct str call_id)
{
    if (f->stream)
        return ERR_INVAL;
    return sent(f, to, bytes, call_id, udp_send(f->listener->udp, to, bytes));
}

void transport_recheck(struct transport *t, enum sip_proto proto, const struct addr *remote)
{
    for (unsigned i = 0; i < t->n_listeners; i++) {
        struct listener *l = &t->listeners[i];
        struct flow *f = l->proto == proto ? flow_lookup(l, remote) : NULL;
        if (!f)
            continue;
        f->checked = 0;
        (void)guard_standing(f);
    }
}

void transport_flow_close(struct transport *t, flow_id flow)
{
    struct flow *f = flow_find(t, flow);
    if (!f || !f->stream || f->stream->close_err || !list_empty(&f->users))
        return;
    f->stream->close_err = ERR_FULL;
    timer_start(t->loop, &f->stream->timer, 0);
}

bool transport_flow_info(const struct transport *t, flow_id flow, struct flow_info *ret_info)
{
    const struct flow *f = flow_find(t, flow);
    if (!f)
        return false;
    *ret_info = f->info;
    return true;
}
