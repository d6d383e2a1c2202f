// SPDX-License-Identifier: Apache-2.0
// One connection: its life, what goes out on it, and its end.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "dia/link/link_priv.h"

struct dia_conn *dia_conn_new(struct dia_link_layer *l, bool initiator)
{
    struct dia_conn *c = mem_zalloc(sizeof *c + l->user->room);
    if (!c)
        return NULL;
    c->layer = l;
    c->counts = &l->count;
    c->id = ++l->next_conn;
    c->initiator = c->known = initiator;
    list_add(&l->conns, &c->link);
    HASH_ADD(hh, l->by_id, id, sizeof c->id, c);
    if (!c->hh.tbl) {
        list_del(&c->link);
        mem_free(c);
        return NULL;
    }
    return c;
}

struct dia_conn *dia_conn_find(struct dia_link_layer *l, uint64_t id)
{
    struct dia_conn *c;
    HASH_FIND(hh, l->by_id, &id, sizeof id, c);
    return c;
}

static void no_stranger(struct dia_conn *c)
{
    timer_stop(&c->timer);
    if (c->stranger)
        c->layer->n_strangers--;
    c->stranger = false;
}

void dia_conn_admit(struct dia_conn *c, struct dia_counts *counts)
{
    no_stranger(c);
    c->known = true;
    c->counts = counts;
}

void dia_conn_set_phase(struct dia_conn *c, enum dia_phase phase)
{
    c->phase = phase;
}

// The object outlives the callback that it may be closed in, until the end of the turn.
void dia_conn_close(struct dia_conn *c, bool flush)
{
    if (!c || c->dead)
        return;
    struct dia_link_layer *l = c->layer;
    c->dead = true;
    no_stranger(c);
    l->user->leaves(l->user_arg, c);
    if (c->tcp && flush)
        tcp_close(c->tcp);
    else if (c->tcp)
        tcp_abort(c->tcp);
    c->tcp = NULL;
    HASH_DELETE(hh, l->by_id, c);
    list_del(&c->link);
    list_add(&l->graves, &c->link);
    loop_defer(l->loop, &l->bury);
}

void dia_conn_lost(struct dia_conn *c, int err)
{
    if (c->dead)
        return;
    c->layer->user->lost(c->layer->user_arg, c, err);
    dia_conn_close(c, false);
}

void dia_conn_refuse(struct dia_conn *c, const char *why)
{
    if (c->dead)
        return;
    char at[ADDR_TEXT_MAX];
    LOG_FROM(c->tcp ? addr_source_key(tcp_remote(c->tcp)) : 0, loop_now(c->layer->loop) / 1000000,
             LOG_WARN, "diameter connection refused", why, LF("peer", dia_conn_name(c)),
             LF("address", c->tcp ? addr_text(tcp_remote(c->tcp), at) : STR("?")),
             LF_Z("reason", why));
    dia_conn_lost(c, 0);
}

// ---- out ----

static void trace(struct dia_conn *c, bool out, struct str bytes, struct str correlation)
{
    struct dia_trace t = {.out = out, .local = *tcp_local(c->tcp), .remote = *tcp_remote(c->tcp),
                          .bytes = bytes, .correlation = correlation};
    c->layer->trace(c->layer->trace_arg, &t);
}

void dia_conn_trace_in(struct dia_conn *c, struct str bytes, struct str correlation)
{
    if (c->layer->trace)
        trace(c, false, bytes, correlation);
}

// RFC 6733 2.1: a peer that does not read is not read either, so its requests cannot pile up here; the
// watchdog ends the connection when that lasts.
static void throttle(struct dia_conn *c)
{
    if (c->paused)
        return;
    c->paused = true;
    tcp_pause(c->tcp, true);
}

int dia_conn_send(struct dia_conn *c, struct str bytes, struct str correlation)
{
    if (c->dead)
        return ERR_CLOSED;
    int r = tcp_send(c->tcp, bytes);
    if (r == ERR_FULL)
        throttle(c);
    if (r == 0 && c->layer->trace)
        trace(c, true, bytes, correlation);
    return r;
}

// ---- what it is ----

struct str dia_conn_name(const struct dia_conn *c)
{
    return c->layer->user->name(c->layer->user_arg, c);
}

uint64_t dia_conn_id(const struct dia_conn *c)
{
    return c->id;
}

void *dia_conn_room(const struct dia_conn *c)
{
    return (void *)c->room;
}

bool dia_conn_is_ours(const struct dia_conn *c)
{
    return c->initiator;
}

bool dia_conn_is_open(const struct dia_conn *c)
{
    return c->phase == DIA_CONN_OPEN;
}

bool dia_conn_is_known(const struct dia_conn *c)
{
    return c->known;
}

const struct addr *dia_conn_remote(const struct dia_conn *c)
{
    return tcp_remote(c->tcp);
}

size_t dia_conn_unsent(const struct dia_conn *c)
{
    return tcp_unsent(c->tcp);
}

bool dia_conn_is_full(const struct dia_conn *c)
{
    return tcp_unsent(c->tcp) >= c->layer->max_buffered;
}

size_t *dia_conn_serving(struct dia_conn *c)
{
    return &c->serving;
}
