// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/guard.h"

#include "base/bucket.h"
#include "base/err.h"
#include "stack/transport/sources.h"
#include "stack/transport/transport_priv.h"

enum {
    SOURCE_KEYS = 1 << 16, // sources that are held to their rate at the same time
    USER_KEYS = 1 << 16,   // registered users, the same
};

struct guard {
    struct bucket_table *by_source, *by_user;
};

// ---- life ----

int guard_new(struct transport *t)
{
    const struct stack_limits *l = &t->limits;
    struct guard *g = mem_zalloc(sizeof *g);
    if (!g)
        return ERR_NOMEM;
    t->guard = g;
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

void guard_free(struct transport *t)
{
    struct guard *g = t->guard;
    if (!g)
        return;
    bucket_table_free(g->by_source);
    bucket_table_free(g->by_user);
    mem_free(g);
    t->guard = NULL;
}

// ---- rates ----

void guard_log_drop(struct flow *f, const char *what)
{
    transport_log(f, "messages dropped", what, STR_NONE);
}

bool guard_source_pays(struct flow *f)
{
    struct transport *t = f->transport;
    if (bucket_take(t->guard->by_source, flow_source(f), loop_now(t->loop)))
        return true;
    t->count.drop_source++;
    guard_log_drop(f, "more than its rate from one source");
    return false;
}

// What comes back on a flow that this node made itself was asked for; a new request on it pays later.
bool guard_admit(struct flow *f)
{
    return standing_of(f) != STACK_STRANGER || f->ours || guard_source_pays(f);
}

bool guard_user_pays(struct flow *f)
{
    struct transport *t = f->transport;
    if (bucket_take(t->guard->by_user, f->user, loop_now(t->loop)))
        return true;
    t->count.drop_user++;
    return false;
}

// ---- connections ----

static bool evict(struct flow *f)
{
    if (!f)
        return false;
    f->transport->count.evicted++;
    stream_close(f, ERR_FULL, false);
    return true;
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
    return left >= (stranger ? l->reserve : l->reserve / 2) || evict(sources_greediest_idle(f->transport->sources));
}

bool guard_connection(struct flow *f)
{
    struct transport *t = f->transport;
    const struct stack_limits *l = &t->limits;
    struct sources *g = t->sources;
    bool stranger = standing_of(f) == STACK_STRANGER;
    bool room = has_descriptors(f, stranger || f->standing == STACK_VOUCHED);
    if (!fits(f, room, &t->count.drop_reserve, "descriptors are kept for others"))
        return false;
    if (!stranger)
        return true;
    struct source *o = source_find(g, flow_source(f));
    room = !l->connections_per_source || !o || o->n < l->connections_per_source || evict(source_oldest_idle(o));
    if (!fits(f, room, &t->count.drop_per_source, "as many as one source may have"))
        return false;
    room = !l->connections || sources_connections(g) < l->connections || evict(sources_greediest_idle(g));
    if (!fits(f, room, &t->count.drop_connections, "as many as strangers may have"))
        return false;
    source_enlist(f);
    return true;
}
