// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_priv.h"

enum { ICMP_QUOTE = 548 }; // 576 less the headers

struct sim_udp {
    struct udp base;
    struct sim_obj obj;
    struct sim_bind bind;
};

struct sim_packet {
    struct sim_event ev;
    struct list link; // in sim.packets
    struct addr src, dst;
    uint32_t n;
    char data[];
};

// ---- packets ----

static void packet_free(struct sim_packet *p)
{
    list_del(&p->link);
    mem_free(p);
}

static void deliver(struct sim_packet *p, struct sim *s, struct sim_bind *b)
{
    struct sim_node *n = b->node;
    struct sim_udp *u = CONTAINER_OF(b, struct sim_udp, bind);
    struct str data = sim_tamper(s, &p->src, &p->dst, false, str_make(p->data, p->n));
    sim_trace(s, &p->src, &p->dst, false, !data.p, data.p ? data : str_make(p->data, p->n));
    sim_turn_begin(n);
    if (data.p && !u->obj.closed && !n->base.dead)
        u->base.cb(u->base.arg, &p->src, &p->dst, data);
    sim_turn_end(n);
}

// ICMP port unreachable: only a host that is up says so, one that has crashed says nothing.
static void on_report(struct sim *s, struct sim_event *e)
{
    struct sim_packet *p = CONTAINER_OF(e, struct sim_packet, ev);
    struct sim_path path = sim_path_find(s, &p->src, &p->dst);
    struct sim_bind *b = sim_path_cut(&path) ? NULL : sim_bind_find(s, &p->src, &p->dst, false);
    struct sim_udp *u = b ? CONTAINER_OF(b, struct sim_udp, bind) : NULL;
    if (u && u->base.unreachable) {
        struct sim_node *n = b->node;
        sim_turn_begin(n);
        if (!u->obj.closed && !n->base.dead)
            u->base.unreachable(u->base.arg, &p->src, ERR_REFUSED, str_make(p->data, p->n));
        sim_turn_end(n);
    }
    packet_free(p);
}

static struct sim_packet *packet_new(struct sim *s, const struct addr *src, const struct addr *dst,
                                     struct str data)
{
    struct sim_packet *p = mem_alloc(sizeof *p + data.n);
    if (!p)
        return NULL;
    p->ev = (struct sim_event){0};
    p->src = *src;
    p->dst = *dst;
    p->n = (uint32_t)data.n;
    if (data.n)
        memcpy(p->data, data.p, data.n);
    list_init(&p->link);
    list_add(&s->packets, &p->link);
    return p;
}

static void send_report(struct sim *s, const struct sim_packet *lost)
{
    struct sim_path back = sim_path_find(s, &lost->dst, &lost->src);
    if (sim_path_cut(&back) || !sim_host_up(s, &lost->dst) ||
        sim_chance(s, back.faults->loss_ppm))
        return;
    struct sim_packet *p = packet_new(s, &lost->dst, &lost->src,
                                      str_head(str_make(lost->data, lost->n), ICMP_QUOTE));
    if (!p)
        return;
    p->ev.run = on_report;
    if (!sim_schedule(s, &p->ev, s->now + sim_path_delay(s, &back)))
        packet_free(p);
}

static void on_packet(struct sim *s, struct sim_event *e)
{
    struct sim_packet *p = CONTAINER_OF(e, struct sim_packet, ev);
    struct sim_path path = sim_path_find(s, &p->src, &p->dst);
    struct sim_bind *b = sim_path_cut(&path) ? NULL : sim_bind_find(s, &p->src, &p->dst, false);
    if (b)
        deliver(p, s, b);
    else
        sim_trace(s, &p->src, &p->dst, false, true, str_make(p->data, p->n));
    if (!b && !sim_path_cut(&path))
        send_report(s, p);
    packet_free(p);
}

static void put_packet(struct sim *s, const struct addr *src, const struct addr *dst,
                       struct str data, uint64_t at)
{
    struct sim_packet *p = packet_new(s, src, dst, data);
    if (!p)
        return;
    p->ev.run = on_packet;
    if (!sim_schedule(s, &p->ev, at))
        packet_free(p);
}

// A datagram held back comes after those of the next few delays; the others keep their order.
static uint64_t arrival(struct sim *s, const struct sim_path *path)
{
    uint64_t at = s->now + sim_path_delay(s, path);
    if (sim_chance(s, path->faults->reorder_ppm)) {
        uint64_t step = (uint64_t)path->faults->delay_max_us * SIM_US + SIM_MS;
        return at + step + sim_draw(&s->rng_net) % (3 * step);
    }
    if (!path->link)
        return at;
    uint64_t *last = &path->link->last_at[path->dir];
    if (at < *last)
        at = *last;
    *last = at;
    return at;
}

static void send_one(struct sim_node *n, struct sim_udp *u, const struct udp_record *rec)
{
    struct sim *s = n->sim;
    struct str data = str_make((const char *)(rec + 1), rec->n);
    struct addr src = sim_source(n, rec->src.sa.sa_family ? &rec->src : &u->base.local, &rec->dst);
    struct sim_path path = sim_path_find(s, &src, &rec->dst);
    if (sim_path_cut(&path) || sim_chance(s, path.faults->loss_ppm) ||
        (path.link && sim_chance(s, path.link->loss_ppm[path.dir]))) {
        sim_trace(s, &src, &rec->dst, false, true, data);
        return;
    }
    put_packet(s, &src, &rec->dst, data, arrival(s, &path));
    if (sim_chance(s, path.faults->dup_ppm))
        put_packet(s, &src, &rec->dst, data, arrival(s, &path));
}

void sim_udp_flush(struct udp *base)
{
    struct sim_udp *u = CONTAINER_OF(base, struct sim_udp, base);
    while (outbuf_len(&base->out)) {
        const struct udp_record *rec = (const void *)outbuf_str(&base->out).p;
        size_t size = udp_record_size(rec->n);
        send_one(sim_node_of(base->loop), u, rec);
        outbuf_consume(&base->out, size);
    }
}

void sim_inject(struct sim *s, const struct addr *src, const struct addr *dst, struct str data)
{
    struct sim_path path = sim_path_find(s, src, dst);
    put_packet(s, src, dst, data, arrival(s, &path));
}

// ---- sockets ----

static void take_off(struct sim_obj *o)
{
    struct sim_udp *u = CONTAINER_OF(o, struct sim_udp, obj);
    sim_bind_remove(o->node->sim, &u->bind);
    list_del(&u->base.dirty);
}

static void destroy(struct sim_obj *o)
{
    struct sim_udp *u = CONTAINER_OF(o, struct sim_udp, obj);
    outbuf_done(&u->base.out);
    mem_free(u);
}

int sim_udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp)
{
    struct sim_node *n = sim_node_of(l);
    struct sim_udp *u = mem_zalloc(sizeof *u);
    if (!u)
        return ERR_NOMEM;
    u->base = (struct udp){.loop = l, .local = p->local, .cb = p->cb,
                            .unreachable = p->unreachable, .arg = p->arg};
    list_init(&u->base.dirty);
    int err = sim_bind_add(&u->bind, n, &u->base.local, false, p->reuseport);
    if (err < 0) {
        mem_free(u);
        return err;
    }
    sim_obj_add(&u->obj, n, take_off, destroy);
    *ret_udp = &u->base;
    return 0;
}

void sim_udp_close(struct udp *base)
{
    struct sim_udp *u = CONTAINER_OF(base, struct sim_udp, base);
    if (u->obj.closed)
        return;
    if (!base->loop->dead)
        sim_udp_flush(base);
    take_off(&u->obj);
    sim_obj_close(&u->obj);
}

void sim_packets_done(struct sim *s)
{
    LIST_EACH(&s->packets, it) {
        struct sim_packet *p = LIST_ENTRY(it, struct sim_packet, link);
        sim_heap_remove(&s->heap, &p->ev);
        packet_free(p);
    }
}
