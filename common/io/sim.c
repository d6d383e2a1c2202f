// SPDX-License-Identifier: Apache-2.0
#include "io/sim_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

enum { WORK_US_MIN = 20, WORK_US_SPAN = 1000 };

static const uint64_t WALL_START_MS = 1767225600000; // 2026-01-01T00:00:00Z

// ---- randomness ----

uint64_t sim_random(struct sim *s)
{
    return sim_draw(&s->rng_test);
}

static void node_random(struct loop *l, void *ret_bytes, size_t n)
{
    unsigned char *p = ret_bytes;
    while (n > 0) {
        uint64_t v = sim_draw(&sim_node_of(l)->rng);
        size_t take = n < sizeof v ? n : sizeof v;
        memcpy(p, &v, take);
        p += take;
        n -= take;
    }
}

// ---- turns ----

static void on_wake(struct sim *s, struct sim_event *e)
{
    struct sim_node *n = CONTAINER_OF(e, struct sim_node, wake);
    (void)s;
    sim_turn_begin(n);
    sim_turn_end(n);
}

static void node_wake(struct loop *l)
{
    sim_arm(sim_node_of(l));
}

// ---- work ----

struct sim_work {
    struct sim_event ev;
    struct sim_obj obj;
    work_fn done;
    void *arg;
};

static void work_destroy(struct sim_obj *o)
{
    struct sim_work *k = CONTAINER_OF(o, struct sim_work, obj);
    sim_heap_remove(&o->node->sim->heap, &k->ev);
    mem_free(k);
}

static void on_work_done(struct sim *s, struct sim_event *e)
{
    struct sim_work *k = CONTAINER_OF(e, struct sim_work, ev);
    struct sim_node *n = k->obj.node;
    (void)s;
    sim_turn_begin(n);
    if (!n->base.dead) {
        sim_obj_close(&k->obj);
        if (k->done)
            k->done(k->arg);
    }
    sim_turn_end(n);
}

static int node_work(struct loop *l, work_fn run, work_fn done, void *arg)
{
    struct sim_node *n = sim_node_of(l);
    struct sim_work *k = mem_zalloc(sizeof *k);
    if (!k)
        return ERR_NOMEM;
    k->ev.run = on_work_done;
    k->done = done;
    k->arg = arg;
    sim_obj_add(&k->obj, n, sim_obj_close, work_destroy);
    uint64_t us = WORK_US_MIN + sim_draw(&n->sim->rng_net) % WORK_US_SPAN;
    if (!sim_schedule(n->sim, &k->ev, n->sim->now + us * SIM_US)) {
        sim_obj_close(&k->obj);
        return ERR_NOMEM;
    }
    run(arg);
    return 0;
}

static void node_work_forget(struct loop *l, const void *arg)
{
    struct sim_node *n = sim_node_of(l);
    LIST_EACH(&n->objs, it) {
        struct sim_obj *o = LIST_ENTRY(it, struct sim_obj, link);
        struct sim_work *k = CONTAINER_OF(o, struct sim_work, obj);
        if (o->destroy == work_destroy && k->arg == arg)
            k->done = NULL;
    }
}

// ---- nodes ----

static uint64_t node_wall_ms(const struct loop *l)
{
    const struct sim *s = CONTAINER_OF(l, const struct sim_node, base)->sim;
    return WALL_START_MS + s->now / SIM_MS + (uint64_t)s->wall_jump;
}

static int node_run(struct loop *l)
{
    (void)l;
    return ERR_UNSUPPORTED;
}

static void node_stop(struct loop *l)
{
    (void)l;
}

static void node_free(struct loop *l)
{
    struct sim_node *n = sim_node_of(l);
    struct sim *s = n->sim;
    sim_crash(s, l);
    LIST_EACH(&n->objs, it)
        sim_obj_close(LIST_ENTRY(it, struct sim_obj, link));
    s->heap.reserved--;
    list_del(&n->link);
    mem_free(n);
}

static int node_watch_open(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb,
                           void *arg, struct watch **ret_watch)
{
    return ERR_UNSUPPORTED;
}

static void node_watch_close(struct watch *w)
{
    (void)w;
}

static int node_signal(struct loop *l, int signo, signal_cb cb, void *arg)
{
    return ERR_UNSUPPORTED;
}

static const struct loop_ops node_ops = {
    .run = node_run,
    .stop = node_stop,
    .free = node_free,
    .wall_ms = node_wall_ms,
    .random = node_random,
    .wake = node_wake,
    .work = node_work,
    .work_forget = node_work_forget,
    .disk = sim_folder_open,
    .udp_open = sim_udp_open,
    .udp_flush = sim_udp_flush,
    .udp_close = sim_udp_close,
    .tcp_listen = sim_tcp_listen,
    .tcp_listener_close = sim_tcp_listener_close,
    .tcp_connect = sim_tcp_connect,
    .tcp_flush = sim_tcp_flush,
    .tcp_pause = sim_tcp_pause,
    .tcp_close = sim_tcp_close,
    .tcp_abort = sim_tcp_abort,
    .dns_start = sim_dns_start,
    .watch_open = node_watch_open,
    .watch_close = node_watch_close,
    .signal = node_signal,
};

int sim_node(struct sim *s, const char *name, struct loop **ret_loop)
{
    struct sim_node *n = mem_zalloc(sizeof *n);
    if (!n)
        return ERR_NOMEM;
    if (!sim_heap_reserve(&s->heap, 1)) {
        mem_free(n);
        return ERR_NOMEM;
    }
    struct writer w = writer_init(n->name, sizeof n->name - 1);
    writer_str(&w, str_head(str_from(name), sizeof n->name - 1));
    n->sim = s;
    n->headroom = SIZE_MAX;
    n->wake.run = on_wake;
    uint64_t mix = s->seed + ++s->nodes_made * 0x632be59bd9b4e019u;
    n->rng = sim_draw(&mix);
    list_init(&n->objs);
    list_init(&n->graveyard);
    list_init(&n->link);
    loop_init(&n->base, &node_ops, &s->now);
    dns_init(&n->base);
    list_add(&s->nodes, &n->link);
    *ret_loop = &n->base;
    return 0;
}

void sim_set_headroom(struct loop *l, size_t n)
{
    CONTAINER_OF(l, struct sim_node, base)->headroom = n;
}

void sim_crash(struct sim *s, struct loop *l)
{
    struct sim_node *n = sim_node_of(l);
    if (l->dead)
        return;
    l->dead = true;
    loop_done(l);
    dns_done(l);
    LIST_EACH(&n->objs, it) {
        struct sim_obj *o = LIST_ENTRY(it, struct sim_obj, link);
        o->crash(o);
    }
    sim_heap_remove(&s->heap, &n->wake);
}

// ---- the world ----

int sim_new(uint64_t seed, struct sim **ret_sim)
{
    struct sim *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    uint64_t mix = seed;
    s->seed = sim_draw(&mix);
    s->rng_net = sim_draw(&mix);
    s->rng_test = sim_draw(&mix);
    s->faults.delay_min_us = s->faults.delay_max_us = SIM_DELAY_US;
    list_init(&s->nodes);
    list_init(&s->conns);
    list_init(&s->packets);
    list_init(&s->folders);
    *ret_sim = s;
    return 0;
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    LIST_EACH(&s->nodes, it)
        node_free(&LIST_ENTRY(it, struct sim_node, link)->base);
    sim_packets_done(s);
    sim_conns_done(s);
    sim_dns_done(s);
    sim_folders_done(s);
    sim_net_done(s);
    sim_heap_done(&s->heap);
    mem_free(s);
}

void sim_jump_wall(struct sim *s, int64_t ms)
{
    s->wall_jump += ms;
}

void sim_set_trace(struct sim *s, sim_trace_cb cb, void *arg)
{
    s->trace = cb;
    s->trace_arg = arg;
}

uint64_t sim_now_ms(const struct sim *s)
{
    return s->now / SIM_MS;
}

bool sim_step(struct sim *s)
{
    if (s->heap.n == 0)
        return false;
    struct sim_slot first = s->heap.slots[1];
    sim_heap_remove(&s->heap, first.e);
    if (first.at > s->now)
        s->now = first.at;
    first.e->run(s, first.e);
    return true;
}

uint64_t sim_run(struct sim *s, uint64_t until_ms)
{
    uint64_t events = 0, until = until_ms < UINT64_MAX / SIM_MS ? until_ms * SIM_MS : UINT64_MAX;
    s->stopped = false;
    while (!s->stopped && s->heap.n && s->heap.slots[1].at <= until) {
        (void)sim_step(s);
        events++;
    }
    if (!s->stopped && until != UINT64_MAX && s->now < until)
        s->now = until;
    return events;
}

void sim_stop(struct sim *s)
{
    s->stopped = true;
}

void sim_set_waited(struct loop *l, uint64_t ns)
{
    l->waited = ns;
}
