// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/sources.h"

#include "base/err.h"
#include "stack/transport/transport_priv.h"

enum {
    COUNTS = 1024,       // a source with more connections is as greedy as one with so many
    IDLE_LOOKED_AT = 64, // connections of a source, and sources, in search of an idle one
};

struct sources {
    struct map by_key;
    struct list counts[COUNTS + 1];
    unsigned greediest; // no list beyond it has a source
    size_t n_connections, n;
};

int sources_new(struct transport *t)
{
    struct sources *g = mem_zalloc(sizeof *g);
    if (!g)
        return ERR_NOMEM;
    t->sources = g;
    for (unsigned i = 0; i <= COUNTS; i++)
        list_init(&g->counts[i]);
    return 0;
}

void sources_free(struct transport *t)
{
    if (!t->sources)
        return;
    map_done(&t->sources->by_key);
    mem_free(t->sources);
    t->sources = NULL;
}

void sources_stats(const struct transport *t, stack_stat_cb cb, void *arg)
{
    cb(arg, "sip_stranger_connections", "", t->sources->n_connections);
    cb(arg, "sip_stranger_sources", "", t->sources->n);
}

size_t sources_connections(const struct sources *g)
{
    return g->n_connections;
}

struct source *source_find(struct sources *g, uint64_t key)
{
    size_t it = 0;
    return map_find(&g->by_key, key, &it); // the key is the source: see flow_source
}

static void rank(struct sources *g, struct source *o)
{
    unsigned n = o->n < COUNTS ? o->n : COUNTS;
    list_del(&o->as_greedy);
    list_add(&g->counts[n], &o->as_greedy);
    if (n > g->greediest)
        g->greediest = n;
    while (g->greediest && list_empty(&g->counts[g->greediest]))
        g->greediest--;
}

static struct source *make_source(struct sources *g, uint64_t key)
{
    struct source *o = mem_zalloc(sizeof *o);
    if (!o || map_add(&g->by_key, key, o)) {
        mem_free(o);
        return NULL;
    }
    o->key = key;
    list_init(&o->conns);
    list_init(&o->as_greedy);
    g->n++;
    return o;
}

// Without memory for it a connection is counted nowhere, and nobody loses his for it.
void source_enlist(struct flow *f)
{
    struct sources *g = f->transport->sources;
    uint64_t key = flow_source(f);
    if (f->source || !f->stream || f->ours || f->standing != STACK_STRANGER)
        return;
    struct source *o = source_find(g, key);
    if (!o && !(o = make_source(g, key)))
        return;
    f->source = o;
    list_add(&o->conns, &f->of_source);
    o->n++;
    g->n_connections++;
    rank(g, o);
}

void source_delist(struct flow *f)
{
    struct sources *g = f->transport->sources;
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
    map_remove(&g->by_key, o->key, o);
    g->n--;
    mem_free(o);
}

void source_used(struct flow *f)
{
    if (!f->source)
        return;
    list_del(&f->of_source);
    list_add(&f->source->conns, &f->of_source);
}

struct flow *source_oldest_idle(struct source *o)
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

struct flow *sources_greediest_idle(struct sources *g)
{
    unsigned looked = 0;
    for (unsigned n = g->greediest; n; n--) {
        LIST_EACH(&g->counts[n], it) {
            struct flow *f = source_oldest_idle(LIST_ENTRY(it, struct source, as_greedy));
            if (f)
                return f;
            if (++looked == IDLE_LOOKED_AT)
                return NULL;
        }
    }
    return NULL;
}
