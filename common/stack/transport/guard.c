// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/guard.h"

#include "base/bucket.h"
#include "base/err.h"
#include "base/map.h"
#include "stack/transport/transport_priv.h"

enum {
    SOURCE_KEYS = 1 << 16, // sources that are held to their rate at the same time
    USER_KEYS = 1 << 16,   // registered users, the same
    COUNTS = 1024,         // a source with more connections is as greedy as one with so many
    IDLE_LOOKED_AT = 64,   // connections of a source, and sources, in search of an idle one
};

// Who has connections open.
struct source {
    uint64_t key;
    unsigned n;
    struct list conns;    // flow.of_source: the one used longest ago first
    struct list as_greedy; // in guard.counts[n]
};

struct guard {
    struct bucket_table *by_source, *by_user;
    struct map sources;
    struct list counts[COUNTS + 1];
    unsigned greediest; // no list beyond it has a source
    size_t n_connections, n_sources;
};

// ---- life ----

int guard_new(struct transport *t)
{
    const struct stack_limits *l = &t->limits;
    struct guard *g = mem_zalloc(sizeof *g);
    if (!g)
        return ERR_NOMEM;
    t->guard = g;
    for (unsigned i = 0; i <= COUNTS; i++)
        list_init(&g->counts[i]);
    if (!t->owner.standing)
        return 0; // nobody is a stranger
    int err = bucket_table_new(SOURCE_KEYS, bucket_per_second(l->source_rate, l->source_burst), &g->by_source);
    if (err)
        return err;
    // Only who registers users has any.
    return bucket_table_new(t->owner.user ? USER_KEYS : 1, bucket_per_second(l->user_rate, l->user_burst),
                            &g->by_user);
}

void guard_set_limits(struct transport *t)
{
    const struct stack_limits *l = &t->limits;
    if (!t->guard->by_source)
        return;
    bucket_table_set_rate(t->guard->by_source, bucket_per_second(l->source_rate, l->source_burst));
    bucket_table_set_rate(t->guard->by_user, bucket_per_second(l->user_rate, l->user_burst));
}

// The flows have gone, and the sources with them.
void guard_free(struct transport *t)
{
    struct guard *g = t->guard;
    if (!g)
        return;
    bucket_table_free(g->by_source);
    bucket_table_free(g->by_user);
    map_done(&g->sources);
    mem_free(g);
    t->guard = NULL;
}

void guard_stats(const struct transport *t, stack_stat_cb cb, void *arg)
{
    const struct guard *g = t->guard;
    cb(arg, "sip_stranger_connections", "", g->n_connections);
    cb(arg, "sip_stranger_sources", "", g->n_sources);
}

// ---- standing ----

enum stack_standing guard_standing(struct flow *f)
{
    struct transport *t = f->transport;
    if (!t->owner.standing)
        return STACK_TRUSTED;
    if (f->checked != t->standing_epoch) {
        f->checked = t->standing_epoch;
        flow_set_standing(f, t->owner.standing(t->owner_arg, &f->info));
        f->user = f->standing == STACK_KNOWN && t->owner.user ? t->owner.user(t->owner_arg, &f->info)
                                                              : addr_source_key(&f->info.remote);
    }
    return f->standing;
}

uint64_t transport_log_source(const struct transport *t, flow_id flow, const struct addr *remote,
                              struct str identity)
{
    struct flow *f = flow_find(t, flow);
    bool trusted = f && guard_standing(f) == STACK_TRUSTED;
    return trusted && identity.n ? hash_bytes(identity.p, identity.n) : addr_source_key(remote);
}

// ---- rates ----

void guard_log_drop(struct flow *f, const char *what)
{
    transport_log(f, "messages dropped", what, STR_NONE);
}

bool guard_source_pays(struct flow *f)
{
    struct transport *t = f->transport;
    if (bucket_take(t->guard->by_source, addr_source_key(&f->info.remote), loop_now(t->loop)))
        return true;
    t->count.drop_source++;
    guard_log_drop(f, "more than its rate from one source");
    return false;
}

// What comes back on a flow that this node made itself was asked for; a new request on it pays later.
bool guard_admit(struct flow *f)
{
    return guard_standing(f) != STACK_STRANGER || f->ours || guard_source_pays(f);
}

bool guard_user_pays(struct flow *f)
{
    struct transport *t = f->transport;
    if (bucket_take(t->guard->by_user, f->user, loop_now(t->loop)))
        return true;
    t->count.drop_user++;
    return false;
}

// ---- connections by source ----

static struct source *find_source(struct guard *g, uint64_t key)
{
    size_t it = 0;
    return map_find(&g->sources, key, &it); // the key is the source: see addr_source_key
}

static void rank(struct guard *g, struct source *o)
{
    unsigned n = o->n < COUNTS ? o->n : COUNTS;
    list_del(&o->as_greedy);
    list_add(&g->counts[n], &o->as_greedy);
    if (n > g->greediest)
        g->greediest = n;
    while (g->greediest && list_empty(&g->counts[g->greediest]))
        g->greediest--;
}

static struct source *make_source(struct guard *g, uint64_t key)
{
    struct source *o = mem_zalloc(sizeof *o);
    if (!o || map_add(&g->sources, key, o)) {
        mem_free(o);
        return NULL;
    }
    o->key = key;
    list_init(&o->conns);
    list_init(&o->as_greedy);
    g->n_sources++;
    return o;
}

// Without memory for it a connection is counted nowhere, and nobody loses his for it.
void guard_enlist(struct flow *f)
{
    struct guard *g = f->transport->guard;
    uint64_t key = addr_source_key(&f->info.remote);
    if (f->source || !f->stream || f->ours || f->standing != STACK_STRANGER)
        return;
    struct source *o = find_source(g, key);
    if (!o && !(o = make_source(g, key)))
        return;
    f->source = o;
    list_add(&o->conns, &f->of_source);
    o->n++;
    g->n_connections++;
    rank(g, o);
}

void guard_delist(struct flow *f)
{
    struct guard *g = f->transport->guard;
    struct source *o = f->source;
    if (!o)
        return;
    list_del(&f->of_source);
    f->source = NULL;
    o->n--;
    g->n_connections--;
    rank(g, o);
    if (o->n)
        return;
    list_del(&o->as_greedy);
    map_remove(&g->sources, o->key, o);
    g->n_sources--;
    mem_free(o);
}

void guard_used(struct flow *f)
{
    if (!f->source)
        return;
    list_del(&f->of_source);
    list_add(&f->source->conns, &f->of_source);
}

static struct flow *oldest_idle(struct source *o)
{
    unsigned looked = 0;
    LIST_EACH(&o->conns, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, of_source);
        if (list_empty(&f->users) && !f->stream->reading)
            return f;
        if (++looked == IDLE_LOOKED_AT)
            break;
    }
    return NULL;
}

static bool evict_of(struct source *o)
{
    struct flow *f = o ? oldest_idle(o) : NULL;
    if (!f)
        return false;
    f->transport->count.evicted++;
    stream_close(f, ERR_FULL, false);
    return true;
}

static bool evict_greediest(struct guard *g)
{
    unsigned looked = 0;
    for (unsigned n = g->greediest; n; n--) {
        LIST_EACH(&g->counts[n], it) {
            if (evict_of(LIST_ENTRY(it, struct source, as_greedy)))
                return true;
            if (++looked == IDLE_LOOKED_AT)
                return false;
        }
    }
    return false;
}

static bool fits(struct flow *f, bool room, uint64_t *counter, const char *what)
{
    if (room)
        return true;
    *counter += 1;
    transport_log(f, "connection refused", what, STR_NONE);
    return false;
}

// Trusted ones may take half of what strangers must leave.
static bool has_descriptors(struct flow *f, bool stranger)
{
    const struct stack_limits *l = &f->transport->limits;
    size_t left = tcp_headroom(f->stream->tcp);
    return left >= (stranger ? l->reserve : l->reserve / 2) || evict_greediest(f->transport->guard);
}

bool guard_connection(struct flow *f)
{
    struct transport *t = f->transport;
    const struct stack_limits *l = &t->limits;
    struct guard *g = t->guard;
    bool stranger = guard_standing(f) == STACK_STRANGER;
    bool room = has_descriptors(f, stranger || f->standing == STACK_VOUCHED);
    if (!fits(f, room, &t->count.drop_reserve, "descriptors are kept for others"))
        return false;
    if (!stranger)
        return true;
    struct source *o = find_source(g, addr_source_key(&f->info.remote));
    room = !l->connections_per_source || !o || o->n < l->connections_per_source || evict_of(o);
    if (!fits(f, room, &t->count.drop_per_source, "as many as one source may have"))
        return false;
    room = !l->connections || g->n_connections < l->connections || evict_greediest(g);
    if (!fits(f, room, &t->count.drop_connections, "as many as strangers may have"))
        return false;
    guard_enlist(f);
    return true;
}
