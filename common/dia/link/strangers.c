// SPDX-License-Identifier: Apache-2.0
// Accepted connections that have not said who they are, or not proved it. They are few, short-lived and
// cheap, and more of them push out the oldest, so that they keep no peer from connecting.
#include "base/log.h"
#include "dia/link/link_priv.h"

enum { COMPLAIN_MS = 10000 };

static void push_out(struct dia_conn *c, enum dia_excess which)
{
    struct dia_link_layer *l = c->layer;
    uint64_t now = loop_now(l->loop) / 1000000;
    char at[ADDR_TEXT_MAX];
    l->excess[which]++;
    if (!l->told_ms || now >= l->told_ms + COMPLAIN_MS) {
        l->told_ms = now;
        LOG(LOG_WARN, "too many diameter connections without a CER, the oldest ends",
            LF_Z("limit", which == DIA_OVER_SOURCE ? "strangers_per_source" : "strangers"),
            LF("address", addr_text(tcp_remote(c->tcp), at)), LF_NUM("now", l->n_strangers));
    }
    dia_conn_close(c, false);
}

void dia_strangers_trim(struct dia_conn *c)
{
    struct dia_link_layer *l = c->layer;
    struct dia_conn *oldest = NULL, *oldest_here = NULL;
    uint64_t source = addr_source_key(tcp_remote(c->tcp)); // of IPv6 a /64: a site has as much to choose from
    size_t here = 0;
    LIST_EACH(&l->conns, it) {
        struct dia_conn *s = LIST_ENTRY(it, struct dia_conn, link);
        if (!s->stranger)
            continue;
        oldest = oldest ? oldest : s;
        if (addr_source_key(tcp_remote(s->tcp)) != source)
            continue;
        oldest_here = oldest_here ? oldest_here : s;
        here++;
    }
    if (here > l->max_same_source)
        push_out(oldest_here, DIA_OVER_SOURCE);
    else if (l->n_strangers > l->max_strangers)
        push_out(oldest, DIA_OVER_STRANGERS);
}
