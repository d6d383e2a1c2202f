// SPDX-License-Identifier: Apache-2.0
// The n-th allocation and all after it fail, on both loops: errors, no crash, no leak.
#include "dns_server.h"

#include "io/sim.h"
#include "io/uv.h"

struct busy {
    struct env *e;
    struct udp *u;
    struct tcp_listener *listener;
    struct tcp *client, *server;
    unsigned events;
};

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct busy *b = arg;
    b->events++;
    (void)udp_send(b->u, src, data);
}

static void on_connected(void *arg)
{
    ((struct busy *)arg)->events++;
}

static void on_data(void *arg, struct str bytes)
{
    ((struct busy *)arg)->events++;
}

static void on_client_closed(void *arg, int err)
{
    ((struct busy *)arg)->client = NULL;
}

static void on_server_closed(void *arg, int err)
{
    ((struct busy *)arg)->server = NULL;
}

static const struct tcp_ops client_ops = {
    .connected = on_connected, .data = on_data, .closed = on_client_closed};
static const struct tcp_ops server_ops = {
    .connected = on_connected, .data = on_data, .closed = on_server_closed};

static void on_accept(void *arg, struct tcp *c)
{
    struct busy *b = arg;
    b->server = c;
    tcp_set_owner(c, &server_ops, b);
    (void)tcp_send(c, STR("welcome"));
}

static void nothing(void *arg)
{
    (void)arg;
}

static void on_names(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    ((struct busy *)arg)->events++;
}

static void be_busy(struct env *e)
{
    static const char data[5000];
    struct busy b = {.e = e};
    uint64_t id;
    struct udp_params p = {.local = env_addr(0), .cb = on_datagram, .arg = &b};
    if (udp_open(e->loop, &p, &b.u) == 0)
        (void)udp_send(b.u, udp_local(b.u), str_make(data, sizeof data));
    if (tcp_listen(e->loop, &p.local, false, on_accept, &b, &b.listener) == 0 &&
        tcp_connect(e->loop, NULL, tcp_listener_local(b.listener), &client_ops, &b,
                    &b.client) == 0)
        (void)tcp_send(b.client, str_make(data, sizeof data));
    (void)loop_work(e->loop, nothing, nothing, &b);
    (void)dns_query(e->loop, STR("x.test"), DNS_A, on_names, &b, &id);
    env_pass(e, e->sim ? 20 : 5);
    if (b.client)
        (void)tcp_send(b.client, str_make(data, sizeof data));
    env_pass(e, e->sim ? 6000 : 5);
    udp_close(b.u);
    tcp_close(b.client);
    tcp_close(b.server);
    tcp_listener_close(b.listener);
    env_pass(e, 5);
}

static void every_allocation_fails(bool sim)
{
    for (long n = 0; n < 60; n++) {
        struct env e = {0};
        struct addr dns = env_addr(1);
        struct uv_loop_params p = {.dns_servers = &dns, .n_dns_servers = 1};
        long before = mem_live();
        timer_init(&e.guard, nothing, NULL);
        mem_fail_after(n);
        int err = sim ? sim_new(1, &e.sim) : uvloop_new(&p, &e.loop);
        if (sim && err == 0)
            err = sim_node(e.sim, "n", &e.loop);
        assert_true(err == 0 || err == ERR_NOMEM);
        if (err == 0)
            be_busy(&e);
        loop_free(e.loop);
        sim_free(e.sim);
        mem_fail_after(-1);
        assert_int_equal(mem_live(), before);
    }
}

static void real_loop(void **state)
{
    every_allocation_fails(false);
}

static void simulation(void **state)
{
    every_allocation_fails(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_loop),
        cmocka_unit_test(simulation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
