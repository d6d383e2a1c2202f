// SPDX-License-Identifier: Apache-2.0
// The connections that strangers have open, counted by source (flow_source), so that whoever has most loses one
// when there are too many. Counting only: who closes them is guard.h.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "stack/transport/transport.h"

struct sources;

// Who has connections open.
struct source {
    uint64_t key;
    unsigned n;
    struct list conns;     // flow.of_source: the one used longest ago first
    struct list as_greedy; // in sources.counts[n]
};

int sources_new(struct transport *t); // sets t->sources
// The flows have gone, and the sources with them.
void sources_free(struct transport *t);
void sources_stats(const struct transport *t, stack_stat_cb cb, void *arg);
size_t sources_connections(const struct sources *g);
struct source *source_find(struct sources *g, uint64_t key);

// f is a stranger's connection from now on; nothing happens to what is none.
void source_enlist(struct flow *f);
// f, which may be in the lists of its source, goes, or its standing has changed.
void source_delist(struct flow *f);
// A whole message came: it is not the oldest any more.
void source_used(struct flow *f);

// The connection that a source can lose best, and that of whoever has most; NULL: all are in use.
struct flow *source_oldest_idle(struct source *o);
struct flow *sources_greediest_idle(struct sources *g);
