// SPDX-License-Identifier: Apache-2.0
// What happens to the segments of simulated TCP on their way: they arrive at an end or a listener, or wait for a link
// that is cut; and the SYN that begins it.
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_tcp_priv.h"

// ---- arrival ----

// Both ends learn of it: the one here now, the other after a delay.
static void reset_fault(struct sim_conn *k, int here)
{
    sim_conn_control(k, here, SEG_RST);
    if (k->end[here])
        sim_tcp_die(k->end[here], ERR_CLOSED);
}

// The receiver took n bytes: a sender that had to stop may go on.
static void consumed(struct sim_conn *k, int from, size_t n)
{
    struct sim_flow *f = &k->flow[from];
    struct sim_tcp *sender = k->end[from];
    f->window -= n;
    if (!sender || f->ack_due || outbuf_len(&sender->base.out) == 0)
        return;
    f->ack_due = sim_segment_put(k, !from, SEG_ACK, STR_NONE);
}

static void take_data(struct sim_conn *k, struct sim_segment *g)
{
    struct sim_tcp *c = k->end[!g->from];
    consumed(k, g->from, g->n);
    if (c->state != SIM_OPEN)
        return;
    struct str data = str_make(g->data, g->n);
    data = sim_tamper(k->sim, &k->addr[g->from], &k->addr[!g->from], true, data);
    if (data.n)
        c->base.ops->data(c->base.arg, data);
}

static void take_fin(struct sim_tcp *c)
{
    if (c->state != SIM_OPEN)
        return;
    // What was sent to a peer that has only closed its sending half still leaves.
    const struct tcp_ops *ops = c->base.ops;
    sim_tcp_start_closing(c);
    ops->closed(c->base.arg, ERR_CLOSED);
}

// Hands a segment to the end it was sent to; that end is there.
static void take(struct sim_conn *k, struct sim_segment *g)
{
    struct sim_tcp *c = k->end[!g->from];
    switch ((enum sim_seg_kind)g->kind) {
    case SEG_SYN:
        break;
    case SEG_SYNACK:
        sim_tcp_connected(c);
        break;
    case SEG_DATA:
        take_data(k, g);
        break;
    case SEG_ACK:
        k->flow[!g->from].ack_due = false;
        tcp_dirty(&c->base);
        break;
    case SEG_FIN:
        take_fin(c);
        break;
    case SEG_RST:
        sim_tcp_die(c, c->state == SIM_CONNECTING ? ERR_REFUSED : ERR_CLOSED);
        break;
    }
}

static void read_on(struct sim_conn *k, int side)
{
    struct list *unread = &k->flow[!side].unread;
    k->pins++;
    while (k->end[side] && !k->end[side]->base.paused && !list_empty(unread)) {
        struct sim_segment *g = LIST_ENTRY(unread->next, struct sim_segment, queue);
        list_del(&g->queue);
        take(k, g);
        sim_segment_free(g);
    }
    sim_conn_unpin(k);
}

static void on_resume(struct sim *s, struct sim_event *e)
{
    struct sim_tcp *c = CONTAINER_OF(e, struct sim_tcp, resume);
    struct sim_node *n = c->obj.node;
    (void)s;
    sim_turn_begin(n);
    if (c->conn)
        read_on(c->conn, c->side);
    sim_turn_end(n);
}

// Data and the end of the stream wait for a receiver that does not read.
static bool must_wait(const struct sim_conn *k, const struct sim_segment *g)
{
    const struct sim_tcp *c = k->end[!g->from];
    return (g->kind == SEG_DATA || g->kind == SEG_FIN) && c->state == SIM_OPEN &&
           (c->base.paused || !list_empty(&k->flow[g->from].unread));
}

static void arrive(struct sim *s, struct sim_segment *g)
{
    struct sim_conn *k = g->conn;
    struct sim_tcp *c = k->end[!g->from];
    struct sim_node *n = c->obj.node;
    struct sim_path path = sim_path_find(s, &k->addr[g->from], &k->addr[!g->from]);
    bool broken = g->kind == SEG_DATA && sim_chance(s, path.faults->reset_ppm);
    if (g->kind == SEG_DATA)
        sim_trace(s, &k->addr[g->from], &k->addr[!g->from], true, broken,
                  str_make(g->data, g->n));
    sim_turn_begin(n);
    // The timers that ran first may have closed this end.
    if (!k->end[!g->from]) {
        sim_segment_free(g);
    } else if (broken) {
        reset_fault(k, !g->from);
        sim_segment_free(g);
    } else if (must_wait(k, g)) {
        list_add(&k->flow[g->from].unread, &g->queue);
    } else {
        take(k, g);
        sim_segment_free(g);
    }
    sim_turn_end(n);
}

static void arrive_syn(struct sim *s, struct sim_segment *g)
{
    struct sim_conn *k = g->conn;
    struct sim_bind *b = sim_bind_find(s, &k->addr[0], &k->addr[1], true);
    if (k->end[0] && b)
        sim_tcp_accept(b, k);
    else if (k->end[0])
        sim_conn_control(k, 1, SEG_RST);
    sim_segment_free(g);
}

// ---- cut links ----

static const uint64_t unacked_ns = (uint64_t)TCP_UNACKED_MS * SIM_MS;
static const uint64_t silence_ns =
    ((uint64_t)TCP_KEEPALIVE_IDLE_MS + TCP_KEEPALIVE_STEP_MS * TCP_KEEPALIVE_TRIES) * SIM_MS;

static void hold(struct sim_segment *g, const struct sim_link *link)
{
    struct sim_conn *k = g->conn;
    uint64_t at = k->sim->now + unacked_ns, silence = link->cut_at + silence_ns;
    bool first = list_empty(&k->held);
    list_add(&k->held, &g->queue);
    if (first)
        (void)sim_schedule(k->sim, &k->give_up, at < silence ? at : silence);
}

static bool holds_from(const struct sim_conn *k, int side)
{
    LIST_EACH(&k->held, it) {
        if (LIST_ENTRY(it, struct sim_segment, queue)->from == side)
            return true;
    }
    return false;
}

static void give_up(struct sim_conn *k, int side)
{
    struct sim_tcp *c = k->end[side];
    struct sim_node *n = c->obj.node;
    sim_turn_begin(n);
    if (k->end[side]) {
        sim_conn_control(k, side, SEG_RST);
        sim_tcp_die(c, ERR_TIMEOUT);
    }
    sim_turn_end(n);
}

// Retransmissions or keep-alive probes have gone unanswered for too long.
static void on_give_up(struct sim *s, struct sim_event *e)
{
    struct sim_conn *k = CONTAINER_OF(e, struct sim_conn, give_up);
    struct sim_path path = sim_path_find(s, &k->addr[0], &k->addr[1]);
    if (!sim_path_cut(&path))
        return;
    bool silent = s->now >= path.link->cut_at + silence_ns;
    bool unacked[2] = {holds_from(k, 0), holds_from(k, 1)};
    k->pins++;
    for (int side = 0; side < 2; side++) {
        if (k->end[side] && (silent || unacked[side]))
            give_up(k, side);
    }
    if (k->end[0] || k->end[1])
        (void)sim_schedule(s, &k->give_up, path.link->cut_at + silence_ns);
    sim_conn_unpin(k);
}

static void release_held(struct sim_conn *k)
{
    while (!list_empty(&k->held)) {
        struct sim_segment *g = LIST_ENTRY(k->held.next, struct sim_segment, queue);
        list_del(&g->queue);
        if (!sim_segment_schedule(g))
            sim_segment_free(g);
    }
}

static void tell_connections(struct sim *s, struct sim_link *link, bool cut)
{
    LIST_EACH(&s->conns, it) {
        struct sim_conn *k = LIST_ENTRY(it, struct sim_conn, link);
        struct sim_path path = sim_path_find(s, &k->addr[0], &k->addr[1]);
        if (path.link != link)
            continue;
        if (cut) {
            (void)sim_schedule(s, &k->give_up, s->now + silence_ns);
        } else {
            sim_heap_remove(&s->heap, &k->give_up);
            release_held(k);
        }
    }
}

int sim_partition(struct sim *s, const struct addr *a, const struct addr *b, bool cut)
{
    int dir;
    struct sim_link *k = sim_link_find(s, a, b, &dir);
    if (!k)
        return ERR_NOMEM;
    if (k->cut == cut)
        return 0;
    k->cut = cut;
    k->cut_at = s->now;
    tell_connections(s, k, cut);
    return 0;
}

// ---- connections ----

static void on_segment(struct sim *s, struct sim_event *e)
{
    struct sim_segment *g = CONTAINER_OF(e, struct sim_segment, ev);
    struct sim_conn *k = g->conn;
    struct sim_path path = sim_path_find(s, &k->addr[g->from], &k->addr[!g->from]);
    if (sim_path_cut(&path)) {
        hold(g, path.link);
        return;
    }
    k->pins++;
    if (g->kind == SEG_SYN) {
        arrive_syn(s, g);
    } else if (k->end[!g->from]) {
        arrive(s, g);
    } else {
        if (g->kind == SEG_DATA)
            sim_trace(s, &k->addr[g->from], &k->addr[!g->from], true, true,
                      str_make(g->data, g->n));
        sim_segment_free(g);
    }
    sim_conn_unpin(k);
}

static const struct sim_wire wire = {.arrived = on_segment, .given_up = on_give_up, .resumed = on_resume};

int sim_tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                    const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp)
{
    struct sim_node *n = sim_node_of(l);
    struct addr from = sim_source(n, local, remote);
    if (!local || addr_port(local) == 0)
        addr_set_port(&from, sim_next_port(n->sim));
    struct sim_conn *conn = sim_conn_new(n->sim, &from, remote, &wire);
    if (!conn)
        return ERR_NOMEM;
    struct sim_tcp *c = sim_tcp_new(n, conn, 0);
    if (!c) {
        sim_conn_detach(conn, 0);
        return ERR_NOMEM;
    }
    tcp_set_owner(&c->base, ops, arg);
    sim_conn_control(conn, 0, SEG_SYN);
    timer_start(l, &c->timer, TCP_CONNECT_MS);
    *ret_tcp = &c->base;
    return 0;
}
