// SPDX-License-Identifier: Apache-2.0
// The network side of simulated TCP: segments, their arrival, cut links.
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_tcp_priv.h"

// ---- life ----

static void on_give_up(struct sim *s, struct sim_event *e);

struct sim_conn *sim_conn_new(struct sim *s, const struct addr *client, const struct addr *server)
{
    struct sim_conn *k = mem_zalloc(sizeof *k);
    if (!k)
        return NULL;
    k->sim = s;
    k->addr[0] = *client;
    k->addr[1] = *server;
    k->give_up.run = on_give_up;
    list_init(&k->segments);
    list_init(&k->held);
    list_init(&k->flow[0].unread);
    list_init(&k->flow[1].unread);
    list_init(&k->link);
    list_add(&s->conns, &k->link);
    return k;
}

static void segment_free(struct sim_segment *g)
{
    sim_heap_remove(&g->conn->sim->heap, &g->ev);
    list_del(&g->link);
    list_del(&g->queue);
    mem_free(g);
}

static void conn_free(struct sim_conn *k)
{
    LIST_EACH(&k->segments, it)
        segment_free(LIST_ENTRY(it, struct sim_segment, link));
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

static void unpin(struct sim_conn *k)
{
    k->pins--;
    conn_release(k);
}

void sim_conn_detach(struct sim_conn *k, int side)
{
    struct list *unread = &k->flow[!side].unread;
    k->end[side] = NULL;
    while (!list_empty(unread))
        segment_free(LIST_ENTRY(unread->next, struct sim_segment, queue));
    conn_release(k);
}

void sim_conns_done(struct sim *s)
{
    LIST_EACH(&s->conns, it)
        conn_free(LIST_ENTRY(it, struct sim_conn, link));
}

// ---- sending ----

static void on_segment(struct sim *s, struct sim_event *e);

static bool schedule(struct sim_segment *g)
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

static bool put_segment(struct sim_conn *k, int from, enum sim_seg_kind kind, struct str data)
{
    struct sim_segment *g = mem_alloc(sizeof *g + data.n);
    if (!g)
        return false;
    *g = (struct sim_segment){.conn = k, .from = (uint8_t)from, .kind = kind,
                              .n = (uint32_t)data.n};
    g->ev.run = on_segment;
    list_init(&g->queue);
    list_init(&g->link);
    list_add(&k->segments, &g->link);
    if (data.n)
        memcpy(g->data, data.p, data.n);
    if (schedule(g))
        return true;
    segment_free(g);
    return false;
}

void sim_conn_control(struct sim_conn *k, int from, enum sim_seg_kind kind)
{
    (void)put_segment(k, from, kind, STR_NONE);
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
        if (!put_segment(k, from, SEG_DATA, str_make(data.p + sent, n)))
            break;
        f->window += n;
        sent += n;
    }
    return sent;
}

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
    f->ack_due = put_segment(k, !from, SEG_ACK, STR_NONE);
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

void sim_conn_read(struct sim_conn *k, int side)
{
    struct list *unread = &k->flow[!side].unread;
    k->pins++;
    while (k->end[side] && !k->end[side]->base.paused && !list_empty(unread)) {
        struct sim_segment *g = LIST_ENTRY(unread->next, struct sim_segment, queue);
        list_del(&g->queue);
        take(k, g);
        segment_free(g);
    }
    unpin(k);
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
        segment_free(g);
    } else if (broken) {
        reset_fault(k, !g->from);
        segment_free(g);
    } else if (must_wait(k, g)) {
        list_add(&k->flow[g->from].unread, &g->queue);
    } else {
        take(k, g);
        segment_free(g);
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
    segment_free(g);
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
    unpin(k);
}

static void release_held(struct sim_conn *k)
{
    while (!list_empty(&k->held)) {
        struct sim_segment *g = LIST_ENTRY(k->held.next, struct sim_segment, queue);
        list_del(&g->queue);
        if (!schedule(g))
            segment_free(g);
    }
}

void sim_tcp_link_cut(struct sim *s, struct sim_link *link, bool cut)
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

// ---- the event ----

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
        segment_free(g);
    }
    unpin(k);
}
