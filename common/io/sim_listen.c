// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_tcp_priv.h"

struct sim_listener {
    struct tcp_listener base;
    struct sim_obj obj;
    struct sim_bind bind;
};

static void accept_one(struct sim_listener *t, struct sim_conn *conn)
{
    struct sim_tcp *c = sim_tcp_new(t->obj.node, conn, 1);
    if (!c) {
        sim_conn_control(conn, 1, SEG_RST);
        return;
    }
    c->state = SIM_OPEN;
    c->base.connected = true;
    c->base.headroom = t->obj.node->headroom;
    sim_conn_control(conn, 1, SEG_SYNACK);
    t->base.cb(t->base.arg, &c->base);
    if (c->conn && c->state == SIM_OPEN && !c->base.ops)
        sim_tcp_reset(c);
}

void sim_tcp_accept(struct sim_bind *b, struct sim_conn *conn)
{
    struct sim_listener *t = CONTAINER_OF(b, struct sim_listener, bind);
    struct sim_node *n = b->node;
    sim_turn_begin(n);
    // The timers that ran first may have closed the listener.
    if (t->obj.closed || n->base.dead)
        sim_conn_control(conn, 1, SEG_RST);
    else
        accept_one(t, conn);
    sim_turn_end(n);
}

static void take_off(struct sim_obj *o)
{
    sim_bind_remove(o->node->sim, &CONTAINER_OF(o, struct sim_listener, obj)->bind);
}

static void destroy(struct sim_obj *o)
{
    mem_free(CONTAINER_OF(o, struct sim_listener, obj));
}

int sim_tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
                   void *arg, struct tcp_listener **ret_listener)
{
    struct sim_node *n = sim_node_of(l);
    struct sim_listener *t = mem_zalloc(sizeof *t);
    if (!t)
        return ERR_NOMEM;
    t->base = (struct tcp_listener){.loop = l, .local = *local, .cb = cb, .arg = arg};
    int err = sim_bind_add(&t->bind, n, &t->base.local, true, reuseport);
    if (err < 0) {
        mem_free(t);
        return err;
    }
    sim_obj_add(&t->obj, n, take_off, destroy);
    *ret_listener = &t->base;
    return 0;
}

void sim_tcp_listener_close(struct tcp_listener *base)
{
    struct sim_listener *t = CONTAINER_OF(base, struct sim_listener, base);
    if (t->obj.closed)
        return;
    take_off(&t->obj);
    sim_obj_close(&t->obj);
}
