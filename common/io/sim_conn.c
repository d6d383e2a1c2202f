// SPDX-License-Identifier: Apache-2.0
// The network side of simulated TCP: connections, and the segments that are sent.
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_tcp_priv.h"

// ---- life ----

struct sim_conn *sim_conn_new(struct sim *s, const struct addr *client, const struct addr *server,
                              const struct sim_wire *wire)
{
    struct sim_conn *k = mem_zalloc(sizeof *k);
    if (!k)
        return NULL;
    k->sim = s;
    k->addr[0] = *client;
    k->addr[1] = *server;
    k->wire = wire;
    k->give_up.run = wire->given_up;
    list_init(&k->segments);
    list_init(&k->held);
    list_init(&k->flow[0].unread);
    list_init(&k->flow[1].unread);
    list_init(&k->link);
    list_add(&s->conns, &k->link);
    return k;
}

void sim_segment_free(struct sim_segment *g)
{
    sim_heap_remove(&g->conn->sim->heap, &g->ev);
    list_del(&g->link);
    list_del(&g->queue);
    mem_free(g);
}

static void conn_free(struct sim_conn *k)
{
    LIST_EACH(&k->segments, it)
        sim_segment_free(LIST_ENTRY(it, struct sim_segment, link));
    sim_heap_remove(&k->sim->heap, &k->give_up);
    list_del(&k->link);
    mem_free(k);
}

// Gone when neither an end nor a segment is left, nor a call that is about to look at them.
static void conn_release(struct sim_conn *k)
{
    if (!k->pins && !k->end[0] && !k->end[1] && list_empty(&k->segments))
        conn_free(k);
}

void sim_conn_unpin(struct sim_conn *k)
{
    k->pins--;
    conn_release(k);
}

void sim_conn_detach(struct sim_conn *k, int side)
{
    struct list *unread = &k->flow[!side].unread;
    k->end[side] = NULL;
    while (!list_empty(unread))
        sim_segment_free(LIST_ENTRY(unread->next, struct sim_segment, queue));
    conn_release(k);
}

void sim_conns_done(struct sim *s)
{
    LIST_EACH(&s->conns, it)
        conn_free(LIST_ENTRY(it, struct sim_conn, link));
}

// ---- sending ----

bool sim_segment_schedule(struct sim_segment *g)
{
    struct sim_conn *k = g->conn;
    struct sim_flow *f = &k->flow[g->from];
    struct sim_path path = sim_path_find(k->sim, &k->addr[g->from], &k->addr[!g->from]);
    uint64_t at = k->sim->now + sim_path_delay(k->sim, &path);
    if (at < f->last_at)
        at = f->last_at;
    f->last_at = at;
    return sim_schedule(k->sim, &g->ev, at);
}

bool sim_segment_put(struct sim_conn *k, int from, enum sim_seg_kind kind, struct str data)
{
    struct sim_segment *g = mem_alloc(sizeof *g + data.n);
    if (!g)
        return false;
    *g = (struct sim_segment){.conn = k, .from = (uint8_t)from, .kind = kind,
                              .n = (uint32_t)data.n};
    g->ev.run = k->wire->arrived;
    list_init(&g->queue);
    list_init(&g->link);
    list_add(&k->segments, &g->link);
    if (data.n)
        memcpy(g->data, data.p, data.n);
    if (sim_segment_schedule(g))
        return true;
    sim_segment_free(g);
    return false;
}

void sim_conn_control(struct sim_conn *k, int from, enum sim_seg_kind kind)
{
    (void)sim_segment_put(k, from, kind, STR_NONE);
}

// Three runs in four leave whole, as they would from one write; the rest is cut anywhere, so that
// every place where a message can be torn is met.
static size_t segment_size(struct sim *s, size_t n)
{
    if (n > SIM_SEGMENT)
        n = SIM_SEGMENT;
    uint64_t r = sim_draw(&s->rng_net);
    return r % 4 ? n : 1 + (r >> 8) % n;
}

size_t sim_conn_send(struct sim_conn *k, int from, struct str data)
{
    struct sim_flow *f = &k->flow[from];
    size_t sent = 0;
    while (sent < data.n && f->window < SIM_WINDOW) {
        size_t room = SIM_WINDOW - f->window, left = data.n - sent;
        size_t n = segment_size(k->sim, left < room ? left : room);
        if (!sim_segment_put(k, from, SEG_DATA, str_make(data.p + sent, n)))
            break;
        f->window += n;
        sent += n;
    }
    return sent;
}
