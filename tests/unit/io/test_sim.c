// SPDX-License-Identifier: Apache-2.0
// What only the simulation has: seeds, faults, cut links, crashes.
#include "env.h"

#include "base/hash.h"
#include "io/sim.h"

enum { NODES = 4 };

// A node with a datagram socket, a listener, and at most one connection.
struct node {
    struct sim *s;
    struct loop *l;
    struct udp *u;
    struct tcp_listener *listener;
    struct tcp *c;
    struct timer t;
    struct node *all;
    unsigned got, out_of_order, accepted, connected, closed, fired, done;
    uint64_t last, bytes, runs;
    int err;
    uint64_t at_ms; // of the last event
};

static struct addr ip(unsigned i, uint16_t port)
{
    struct addr a = {.in4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    a.in4.sin_addr.s_addr = htonl(0x0a000001 + i);
    return a;
}

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct node *n = arg;
    uint64_t v = 0;
    memcpy(&v, data.p, data.n < sizeof v ? data.n : sizeof v);
    n->out_of_order += v < n->last;
    n->last = v;
    n->got++;
}

static void on_connected(void *arg)
{
    ((struct node *)arg)->connected++;
}

static void on_data(void *arg, struct str bytes)
{
    struct node *n = arg;
    n->bytes += bytes.n;
    n->runs++;
    n->at_ms = sim_now_ms(n->s);
}

static void on_closed(void *arg, int err)
{
    struct node *n = arg;
    n->c = NULL;
    n->closed++;
    n->err = err;
    n->at_ms = sim_now_ms(n->s);
}

static const struct tcp_ops ops = {
    .connected = on_connected, .data = on_data, .closed = on_closed};

static void on_accept(void *arg, struct tcp *c)
{
    struct node *n = arg;
    n->accepted++;
    if (n->c)
        tcp_abort(n->c);
    n->c = c;
    tcp_set_owner(c, &ops, n);
}

static void node_open(struct sim *s, struct node *all, unsigned i)
{
    struct node *n = &all[i];
    *n = (struct node){.s = s, .all = all};
    assert_int_equal(sim_node(s, "n", &n->l), 0);
    struct udp_params p = {.local = ip(i, 5060), .cb = on_datagram, .arg = n};
    assert_int_equal(udp_open(n->l, &p, &n->u), 0);
    assert_int_equal(tcp_listen(n->l, &p.local, false, on_accept, n, &n->listener), 0);
}

static struct sim *world(uint64_t seed, struct node *all, unsigned n)
{
    struct sim *s;
    assert_int_equal(sim_new(seed, &s), 0);
    for (unsigned i = 0; i < n; i++)
        node_open(s, all, i);
    return s;
}

static void node_connect(struct node *n, unsigned to)
{
    struct addr a = ip(to, 5060);
    assert_int_equal(tcp_connect(n->l, NULL, &a, &ops, n, &n->c), 0);
}

static void node_close(struct node *n)
{
    udp_close(n->u);
    tcp_close(n->c);
    tcp_listener_close(n->listener);
    timer_stop(&n->t);
    loop_free(n->l);
}

// ---- seeds ----

static void trace(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst,
                  bool tcp, bool dropped, struct str data)
{
    uint64_t *h = arg, part[5] = {*h, at_us, hash_bytes(src, addr_len(src)),
                                  hash_bytes(dst, addr_len(dst)),
                                  hash_bytes(data.p, data.n) * 4 + (uint64_t)(tcp * 2 + dropped)};
    *h = hash_bytes(part, sizeof part);
}

static void gossip(void *arg)
{
    struct node *n = arg;
    char data[300];
    loop_random(n->l, data, sizeof data);
    struct addr to = ip((unsigned)(loop_random_u64(n->l) % NODES), 5060);
    assert_int_equal(udp_send(n->u, &to, str_make(data, 8 + (unsigned char)data[0])), 0);
    if (n->c)
        (void)tcp_send(n->c, str_make(data, sizeof data));
    else
        node_connect(n, (unsigned)(loop_random_u64(n->l) % NODES));
    timer_start(n->l, &n->t, loop_random_u64(n->l) % 20);
}

static uint64_t story(uint64_t seed)
{
    static struct node all[NODES];
    struct sim_faults f = {.loss_ppm = 20000, .dup_ppm = 20000, .reorder_ppm = 20000,
                           .reset_ppm = 5000, .delay_min_us = 100, .delay_max_us = 3000};
    struct sim *s = world(seed, all, NODES);
    uint64_t h = 0;
    sim_set_faults(s, &f);
    sim_set_trace(s, trace, &h);
    for (unsigned i = 0; i < NODES; i++) {
        timer_init(&all[i].t, gossip, &all[i]);
        timer_start(all[i].l, &all[i].t, i);
    }
    (void)sim_run(s, 3000);
    sim_crash(s, all[1].l);
    (void)sim_run(s, 4000);
    node_close(&all[1]);
    node_open(s, all, 1);
    struct addr a = ip(0, 0), b = ip(2, 0);
    assert_int_equal(sim_partition(s, &a, &b, true), 0);
    (void)sim_run(s, 6000);
    assert_true(all[0].got > 20 && all[2].bytes > 1000);
    h ^= sim_random(s);
    sim_free(s);
    return h;
}

static void same_seed_same_story(void **state)
{
    long live = mem_live();
    uint64_t first = story(7);
    (void)state;
    assert_true(story(7) == first);
    assert_true(story(8) != first);
    assert_int_equal(mem_live(), live);
}

// ---- faults ----

static void send_numbers(struct node *n, unsigned to, unsigned count)
{
    struct addr a = ip(to, 5060);
    for (uint64_t i = 1; i <= count; i++) {
        assert_int_equal(udp_send(n->u, &a, str_make((char *)&i, sizeof i)), 0);
        (void)sim_run(n->s, sim_now_ms(n->s) + 1);
    }
    (void)sim_run(n->s, sim_now_ms(n->s) + 1000);
}

static void fault_rates(void **state)
{
    enum { COUNT = 20000 };
    static struct node all[2];
    struct sim *s = world(3, all, 2);
    struct sim_faults f = {.delay_min_us = 100, .delay_max_us = 5000};
    (void)state;
    sim_set_faults(s, &f);
    send_numbers(&all[0], 1, COUNT);
    assert_int_equal(all[1].got, COUNT);
    assert_int_equal(all[1].out_of_order, 0);
    f.loss_ppm = 100000;
    sim_set_faults(s, &f);
    all[1].got = 0;
    send_numbers(&all[0], 1, COUNT);
    assert_in_range(all[1].got, COUNT * 89 / 100, COUNT * 91 / 100);
    f = (struct sim_faults){.dup_ppm = 50000, .delay_max_us = 100};
    sim_set_faults(s, &f);
    all[1].got = 0;
    send_numbers(&all[0], 1, COUNT);
    assert_in_range(all[1].got, COUNT * 104 / 100, COUNT * 106 / 100);
    f = (struct sim_faults){.reorder_ppm = 50000, .delay_max_us = 100};
    sim_set_faults(s, &f);
    all[1].got = all[1].out_of_order = 0;
    all[1].last = 0;
    send_numbers(&all[0], 1, COUNT);
    assert_int_equal(all[1].got, COUNT);
    assert_in_range(all[1].out_of_order, COUNT / 100, COUNT * 6 / 100);
    node_close(&all[0]);
    node_close(&all[1]);
    sim_free(s);
}

static void lost_one_way(void **state)
{
    static struct node all[2];
    struct sim *s = world(3, all, 2);
    struct addr a = ip(0, 1), b = ip(1, 2);
    (void)state;
    assert_int_equal(sim_lose(s, &a, &b, 1000000), 0);
    send_numbers(&all[0], 1, 10);
    send_numbers(&all[1], 0, 10);
    assert_int_equal(all[1].got, 0);
    assert_int_equal(all[0].got, 10);
    assert_int_equal(sim_lose(s, &a, &b, 0), 0);
    send_numbers(&all[0], 1, 10);
    assert_int_equal(all[1].got, 10);
    node_close(&all[0]);
    node_close(&all[1]);
    sim_free(s);
}

// Every second datagram is another, every fourth is gone.
static struct str tamper(void *arg, const struct addr *src, const struct addr *dst, bool tcp,
                         struct str data)
{
    static const uint64_t other = 99;
    unsigned *seen = arg, k = (*seen)++ % 4;
    (void)src, (void)dst;
    assert_false(tcp);
    return k == 0 ? STR_NONE : k == 2 ? str_make((const char *)&other, sizeof other) : data;
}

static void forged_and_tampered(void **state)
{
    static struct node all[2];
    struct sim *s = world(3, all, 2);
    struct addr nobody = ip(77, 5060), b = ip(1, 5060);
    uint64_t number = 5;
    unsigned seen = 0;
    (void)state;
    sim_inject(s, &nobody, &b, str_make((char *)&number, sizeof number));
    (void)sim_run(s, 100);
    assert_int_equal(all[1].got, 1);
    assert_int_equal(all[1].last, 5);
    sim_set_tamper(s, tamper, &seen);
    send_numbers(&all[0], 1, 8);
    assert_int_equal(seen, 8);
    assert_int_equal(all[1].got, 1 + 6);
    sim_set_tamper(s, NULL, NULL);
    send_numbers(&all[0], 1, 8);
    assert_int_equal(all[1].got, 1 + 6 + 8);
    node_close(&all[0]);
    node_close(&all[1]);
    sim_free(s);
}

static void one_link_only(void **state)
{
    static struct node all[3];
    struct sim *s = world(3, all, 3);
    struct sim_faults lossy = {.loss_ppm = 1000000};
    struct addr a = ip(0, 1), b = ip(1, 2);
    (void)state;
    assert_int_equal(sim_set_link(s, &b, &a, &lossy), 0);
    send_numbers(&all[0], 1, 10);
    send_numbers(&all[1], 0, 10);
    send_numbers(&all[0], 2, 10);
    assert_int_equal(all[0].got + all[1].got, 0);
    assert_int_equal(all[2].got, 10);
    assert_int_equal(sim_set_link(s, &a, &b, NULL), 0);
    send_numbers(&all[0], 1, 10);
    assert_int_equal(all[1].got, 10);
    assert_int_equal(sim_partition(s, &a, &b, true), 0);
    send_numbers(&all[0], 1, 10);
    assert_int_equal(all[1].got, 10);
    assert_int_equal(sim_partition(s, &a, &b, false), 0);
    send_numbers(&all[0], 1, 10);
    assert_int_equal(all[1].got, 20);
    sim_free(s);
}

static void streams_are_torn_anywhere(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    (void)state;
    node_connect(&all[0], 1);
    (void)sim_run(s, 10);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(tcp_send(all[0].c, STR("0123456789")), 0);
        (void)sim_run(s, sim_now_ms(s) + 1);
    }
    assert_int_equal(all[1].bytes, 10000);
    assert_in_range(all[1].runs, 1100, 2000);
    sim_free(s);
}

static void resets(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    struct sim_faults f = {.reset_ppm = 1000000};
    (void)state;
    node_connect(&all[0], 1);
    (void)sim_run(s, 10);
    sim_set_faults(s, &f);
    assert_int_equal(tcp_send(all[0].c, STR("x")), 0);
    (void)sim_run(s, 20);
    assert_int_equal(all[0].err, ERR_CLOSED);
    assert_int_equal(all[1].err, ERR_CLOSED);
    assert_int_equal(all[1].bytes, 0);
    sim_free(s);
}

// ---- cut links ----

static struct sim *cut_world(struct node *all, const char *bytes)
{
    struct sim *s = world(5, all, 2);
    struct addr a = ip(0, 0), b = ip(1, 0);
    node_connect(&all[0], 1);
    (void)sim_run(s, 100);
    assert_int_equal(sim_partition(s, &a, &b, true), 0);
    assert_int_equal(tcp_send(all[0].c, str_from(bytes)), 0);
    return s;
}

static void cut_and_healed(void **state)
{
    static struct node all[2];
    struct sim *s = cut_world(all, "abc");
    struct addr a = ip(0, 0), b = ip(1, 0);
    (void)state;
    (void)sim_run(s, 20000);
    assert_int_equal(all[1].bytes, 0);
    assert_int_equal(sim_partition(s, &a, &b, false), 0);
    (void)sim_run(s, 20100);
    assert_int_equal(all[1].bytes, 3);
    (void)sim_run(s, 200000);
    assert_int_equal(all[0].closed + all[1].closed, 0);
    sim_free(s);
}

static void cut_for_too_long(void **state)
{
    static struct node all[2];
    struct sim *s = cut_world(all, "abc");
    (void)state;
    (void)sim_run(s, 29000);
    assert_int_equal(all[0].closed, 0);
    (void)sim_run(s, 31000);
    assert_int_equal(all[0].err, ERR_TIMEOUT);
    assert_int_equal(all[1].closed, 0);
    (void)sim_run(s, 89000);
    assert_int_equal(all[1].closed, 0);
    (void)sim_run(s, 91000);
    assert_int_equal(all[1].err, ERR_TIMEOUT);
    sim_free(s);
}

static void connecting_over_a_cut_link(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    struct addr a = ip(0, 0), b = ip(1, 0);
    (void)state;
    assert_int_equal(sim_partition(s, &a, &b, true), 0);
    node_connect(&all[0], 1);
    (void)sim_run(s, 4990);
    assert_int_equal(all[0].closed, 0);
    (void)sim_run(s, 5010);
    assert_int_equal(all[0].err, ERR_TIMEOUT);
    assert_int_equal(sim_partition(s, &a, &b, false), 0);
    (void)sim_run(s, 6000);
    assert_int_equal(all[1].accepted, 0);
    sim_free(s);
}

// ---- crashes ----

static void on_timer(void *arg)
{
    ((struct node *)arg)->fired++;
}

static void on_run(void *arg)
{
    (void)arg;
}

static void on_done(void *arg)
{
    ((struct node *)arg)->done++;
}

static void crash_drops_everything(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    struct node *n = &all[1];
    struct addr to = ip(0, 5060);
    struct udp *u;
    uint64_t id;
    (void)state;
    node_connect(&all[0], 1);
    (void)sim_run(s, 10);
    timer_init(&n->t, on_timer, n);
    timer_start(n->l, &n->t, 5);
    assert_int_equal(loop_work(n->l, on_run, on_done, n), 0);
    assert_int_equal(udp_send(n->u, &to, STR("never")), 0);
    assert_int_equal(tcp_send(n->c, STR("never")), 0);
    assert_int_equal(dns_query(n->l, STR("x.test"), DNS_A, (dns_cb)NULL, n, &id), 0);
    sim_crash(s, n->l);
    assert_int_equal(all[0].closed, 0);
    (void)sim_run(s, 100);
    assert_int_equal(all[0].err, ERR_CLOSED);
    assert_int_equal(all[0].got + all[0].bytes + n->fired + n->done + n->closed, 0);
    // The dead node's objects can still be used and closed, to no effect.
    struct udp_params p = {.local = ip(9, 1), .cb = on_datagram};
    timer_start(n->l, &n->t, 5);
    assert_false(timer_active(&n->t));
    assert_int_equal(udp_send(n->u, &to, STR("x")), ERR_CLOSED);
    assert_int_equal(tcp_send(n->c, STR("x")), ERR_CLOSED);
    assert_int_equal(udp_open(n->l, &p, &u), ERR_STATE);
    tcp_pause(n->c, true);
    dns_cancel(n->l, id);
    dns_flush(n->l);
    (void)loop_random_u64(n->l);
    node_close(n);
    // The addresses are free again, and the newcomer is heard.
    node_open(s, all, 1);
    node_connect(&all[0], 1);
    (void)sim_run(s, 200);
    assert_int_equal(all[1].accepted, 1);
    node_close(&all[0]);
    node_close(&all[1]);
    sim_free(s);
}

static void crash_yourself(void *arg)
{
    struct node *n = arg;
    n->fired++;
    (void)tcp_send(n->c, STR("never"));
    sim_crash(n->s, n->l);
}

static void crash_inside_a_callback(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    struct node *n = &all[1];
    (void)state;
    node_connect(&all[0], 1);
    (void)sim_run(s, 10);
    timer_init(&n->t, crash_yourself, n);
    timer_start(n->l, &n->t, 5);
    (void)sim_run(s, 100);
    assert_int_equal(n->fired, 1);
    assert_int_equal(all[0].bytes, 0);
    assert_int_equal(all[0].err, ERR_CLOSED);
    node_close(n);
    sim_free(s);
}

static void addresses_have_one_owner(void **state)
{
    static struct node all[2], shared[2];
    struct sim *s = world(5, all, 2);
    struct udp_params p = {.local = ip(0, 5060), .cb = on_datagram};
    struct udp *u;
    (void)state;
    assert_int_equal(udp_open(all[1].l, &p, &u), ERR_INUSE);
    p.local = ip(0, 5061);
    p.reuseport = true;
    for (unsigned i = 0; i < 2; i++) {
        shared[i] = (struct node){.s = s};
        p.arg = &shared[i];
        assert_int_equal(udp_open(all[i].l, &p, &u), 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        struct udp *from;
        struct udp_params q = {.local = ip(20 + i, 1), .cb = on_datagram, .arg = &all[0]};
        assert_int_equal(udp_open(all[0].l, &q, &from), 0);
        assert_int_equal(udp_send(from, &p.local, STR("x")), 0);
    }
    (void)sim_run(s, 100);
    assert_int_equal(shared[0].got + shared[1].got, 100);
    assert_in_range(shared[0].got, 20, 80);
    sim_free(s);
}

// ---- clocks ----

static void clocks(void **state)
{
    static struct node all[2];
    struct sim *s = world(5, all, 2);
    uint64_t wall = loop_wall_ms(all[0].l);
    (void)state;
    assert_int_equal(sim_run(s, 1500), 0);
    assert_int_equal(sim_now_ms(s), 1500);
    assert_int_equal(loop_now(all[1].l), 1500000000);
    assert_int_equal(loop_wall_ms(all[1].l), wall + 1500);
    sim_jump_wall(s, -5000);
    assert_int_equal(loop_wall_ms(all[0].l), wall - 3500);
    assert_int_equal(loop_now(all[0].l), 1500000000);
    timer_init(&all[0].t, on_timer, &all[0]);
    timer_start(all[0].l, &all[0].t, 3600000);
    assert_true(sim_run(s, UINT64_MAX) < 10); // the clock jumps
    assert_int_equal(all[0].fired, 1);
    assert_int_equal(sim_now_ms(s), 3601500);
    assert_false(sim_step(s));
    sim_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_story),
        cmocka_unit_test(fault_rates),
        cmocka_unit_test(one_link_only),
        cmocka_unit_test(lost_one_way),
        cmocka_unit_test(forged_and_tampered),
        cmocka_unit_test(streams_are_torn_anywhere),
        cmocka_unit_test(resets),
        cmocka_unit_test(cut_and_healed),
        cmocka_unit_test(cut_for_too_long),
        cmocka_unit_test(connecting_over_a_cut_link),
        cmocka_unit_test(crash_drops_everything),
        cmocka_unit_test(crash_inside_a_callback),
        cmocka_unit_test(addresses_have_one_owner),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
