// SPDX-License-Identifier: Apache-2.0
// One end of a simulated connection, as its owner has it.
#include "io/sim_tcp_priv.h"

#include "base/err.h"
#include "base/mem.h"

static struct sim_tcp *tcp_of(struct tcp *base)
{
    return CONTAINER_OF(base, struct sim_tcp, base);
}

// ---- end ----

static void finish(struct sim_tcp *c)
{
    c->state = SIM_CLOSED;
    c->base.closing = true;
    timer_stop(&c->timer);
    list_del(&c->base.dirty);
    sim_heap_remove(&c->obj.node->sim->heap, &c->resume);
    if (c->conn)
        sim_conn_detach(c->conn, c->side);
    c->conn = NULL;
    sim_obj_close(&c->obj);
}

void sim_tcp_die(struct sim_tcp *c, int err)
{
    finish(c);
    tcp_tell_closed(&c->base, err);
}

void sim_tcp_reset(struct sim_tcp *c)
{
    sim_conn_control(c->conn, c->side, SEG_RST);
    finish(c);
}

static void on_timer(void *arg)
{
    struct sim_tcp *c = arg;
    bool connecting = c->state == SIM_CONNECTING;
    sim_tcp_reset(c);
    if (connecting)
        tcp_tell_closed(&c->base, ERR_TIMEOUT);
}

static void crash(struct sim_obj *o)
{
    struct sim_tcp *c = CONTAINER_OF(o, struct sim_tcp, obj);
    struct sim_conn *conn = c->conn;
    c->conn = NULL;
    sim_heap_remove(&o->node->sim->heap, &c->resume);
    if (!conn)
        return;
    sim_conn_control(conn, c->side, SEG_RST);
    sim_conn_detach(conn, c->side);
}

static void destroy(struct sim_obj *o)
{
    struct sim_tcp *c = CONTAINER_OF(o, struct sim_tcp, obj);
    timer_stop(&c->timer);
    outbuf_done(&c->base.out);
    mem_free(c);
}

// Lets the output leave at the end of this turn, then a FIN.
void sim_tcp_start_closing(struct sim_tcp *c)
{
    c->base.closing = true;
    c->base.ops = NULL;
    c->state = SIM_CLOSING;
    timer_start(c->base.loop, &c->timer, TCP_LINGER_MS);
    tcp_dirty(&c->base);
    loop_touch(c->base.loop);
}

// ---- output ----

void sim_tcp_flush(struct tcp *base)
{
    struct sim_tcp *c = tcp_of(base);
    if (!c->conn || (c->state != SIM_OPEN && c->state != SIM_CLOSING))
        return;
    size_t n = sim_conn_send(c->conn, c->side, outbuf_str(&base->out));
    bool stuck = n < outbuf_len(&base->out) && c->conn->flow[c->side].window < SIM_WINDOW;
    if (stuck) // out of memory: again next turn
        tcp_dirty(base);
    if (n > 0)
        tcp_sent(base, n);
    if (c->conn && c->state == SIM_CLOSING && outbuf_len(&base->out) == 0) {
        sim_conn_control(c->conn, c->side, SEG_FIN);
        finish(c);
    }
}

// ---- opening ----

struct sim_tcp *sim_tcp_new(struct sim_node *n, struct sim_conn *conn, int side)
{
    struct sim_tcp *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    tcp_init(&c->base, &n->base);
    timer_init(&c->timer, on_timer, c);
    c->resume.run = conn->wire->resumed;
    c->base.local = conn->addr[side];
    c->base.remote = conn->addr[!side];
    c->side = (uint8_t)side;
    c->conn = conn;
    conn->end[side] = c;
    sim_obj_add(&c->obj, n, crash, destroy);
    return c;
}

void sim_tcp_connected(struct sim_tcp *c)
{
    if (c->state != SIM_CONNECTING)
        return;
    timer_stop(&c->timer);
    c->base.connected = true;
    if (c->base.closing) {
        sim_tcp_start_closing(c);
        return;
    }
    c->state = SIM_OPEN;
    if (outbuf_len(&c->base.out))
        tcp_dirty(&c->base);
    c->base.ops->connected(c->base.arg);
}

// ---- the owner's calls ----

void sim_tcp_pause(struct tcp *base)
{
    struct sim_tcp *c = tcp_of(base);
    struct sim *s = c->obj.node->sim;
    if (c->state == SIM_OPEN && !base->paused && !c->resume.pos)
        (void)sim_schedule(s, &c->resume, s->now + SIM_US);
}

void sim_tcp_close(struct tcp *base)
{
    struct sim_tcp *c = tcp_of(base);
    base->ops = NULL;
    if (base->loop->dead) {
        sim_obj_close(&c->obj);
        return;
    }
    if (base->closing)
        return;
    base->closing = true;
    if (c->state == SIM_OPEN)
        sim_tcp_start_closing(c);
    else if (outbuf_len(&base->out) == 0)
        sim_tcp_reset(c);
}

void sim_tcp_abort(struct tcp *base)
{
    struct sim_tcp *c = tcp_of(base);
    base->ops = NULL;
    if (base->loop->dead)
        sim_obj_close(&c->obj);
    else if (c->state != SIM_CLOSED)
        sim_tcp_reset(c);
}
