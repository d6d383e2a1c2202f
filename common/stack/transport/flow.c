// SPDX-License-Identifier: Apache-2.0
// The flow table: by id (slots) and by listener and remote address (hash); in two classes, each with
// the least recently used first.
#include "base/err.h"
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

uint64_t flow_source(const struct flow *f)
{
    return addr_network_key(&f->info.remote, f->transport->limits.source_prefix);
}

struct list *flow_users(struct flow *f)
{
    return &f->users;
}

bool transport_flow_info(const struct transport *t, flow_id flow, struct flow_info *ret_info)
{
    const struct flow *f = flow_find(t, flow);
    if (!f)
        return false;
    *ret_info = f->info;
    return true;
}

// ---- the tables ----

static struct flow_key key_of(const struct listener *l, const struct addr *remote)
{
    struct flow_key k = {.listener = l->index, .port = addr_port(remote)};
    k.ip6 = addr_is_ip6(remote);
    if (k.ip6) {
        k.scope = remote->in6.sin6_scope_id;
        memcpy(k.ip, &remote->in6.sin6_addr, 16);
    } else {
        memcpy(k.ip, &remote->in4.sin_addr, 4);
    }
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

static int index_flow(struct transport *t, struct flow *f)
{
    struct flow *other = NULL;
    HASH_FIND(hh, t->by_key, &f->key, sizeof f->key, other);
    if (other)
        return 0; // found by its id only
    HASH_ADD(hh, t->by_key, key, sizeof f->key, f);
    return f->hh.tbl ? 0 : ERR_NOMEM;
}

static void start_aging(struct transport *t)
{
    if (!timer_active(&t->age))
        timer_start(t->loop, &t->age, FLOW_AGE_MS);
}

int flow_put(struct flow *f)
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

void flow_touch(struct flow *f)
{
    f->last_ms = loop_now(f->transport->loop) / 1000000;
    list_del(&f->lru);
    list_add(lru_of(f), &f->lru);
}

void flow_reclass(struct flow *f, enum flow_class to)
{
    *count_of(f) -= 1;
    f->in_class = to;
    *count_of(f) += 1;
    list_del(&f->lru);
    list_add(lru_of(f), &f->lru);
}

void flow_take(struct flow *f)
{
    struct transport *t = f->transport;
    slots_remove(&t->ids, f->id);
    if (f->hh.tbl)
        HASH_DELETE(hh, t->by_key, f);
    list_del(&f->lru);
    *count_of(f) -= 1;
    f->info.open = false;
    t->count.flows_closed++;
}
