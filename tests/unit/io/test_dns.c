// SPDX-License-Identifier: Apache-2.0
// Names: c-ares against a server on the same loop, and the simulated records; the cache, flights
// and cancelling are the same for both.
#include "dns_server.h"

#include <stdio.h>

#include "io/sim.h"
#include "io/uv.h"

struct asked {
    struct env *e;
    int err, calls;
    size_t n;
    struct dns_rr rrs[4];
    char text[256];
    uint64_t cancel; // in its callback
    bool again;
};

struct world {
    struct env *e;
    struct dns_server server;
};

static void on_answer(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct asked *q = arg;
    q->calls++;
    q->err = err;
    q->n = n;
    for (size_t i = 0; i < n && i < ARRAY_LEN(q->rrs); i++)
        q->rrs[i] = rrs[i];
    if (q->cancel)
        dns_cancel(q->e->loop, q->cancel);
    uint64_t id;
    if (q->again) {
        q->again = false;
        assert_int_equal(dns_query(q->e->loop, STR("two.test"), DNS_A, on_answer, q, &id), 0);
        return;
    }
    env_done(q->e);
}

// The real loop under test gets a server of its own, on itself: the loop is made twice because
// the server's port must be known first.
static struct world *world_new(struct env *e, uint32_t timeout_ms)
{
    static struct world w;
    w = (struct world){.e = e};
    if (e->sim) {
        struct dns_rr rr = {.ttl = 60, .ip = env_addr(0)};
        assert_int_equal(sim_dns_add(e->sim, "Two.test.", DNS_A, &rr), 0);
        rr.ttl = 120;
        assert_int_equal(sim_dns_add(e->sim, "two.test", DNS_A, &rr), 0);
        rr = (struct dns_rr){.ttl = 60,
                             .srv = {.priority = 1, .port = 5060, .target = STR("a.test")}};
        assert_int_equal(sim_dns_add(e->sim, "_sip._udp.test", DNS_SRV, &rr), 0);
        return &w;
    }
    struct addr port = env_addr(0);
    dns_server_open(&w.server, e->loop);
    port = *udp_local(w.server.u);
    dns_server_close(&w.server);
    loop_free(e->loop);
    struct uv_loop_params p = {
        .dns_servers = &port, .n_dns_servers = 1, .dns_timeout_ms = timeout_ms, .dns_tries = 2};
    assert_int_equal(uvloop_new(&p, &e->loop), 0);
    dns_server_open_at(&w.server, e->loop, &port);
    return &w;
}

static uint64_t ask(struct asked *q, struct env *e, const char *name, enum dns_type type)
{
    uint64_t id = 0;
    *q = (struct asked){.e = e, .err = 1};
    assert_int_equal(dns_query(e->loop, str_from(name), type, on_answer, q, &id), 0);
    assert_int_not_equal(id, 0);
    assert_int_equal(q->calls, 0);
    return id;
}

static void addresses(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q;
    ask(&q, w->e, "TWO.test.", DNS_A);
    env_run(w->e);
    assert_int_equal(q.err, 0);
    assert_int_equal(q.n, 2);
    assert_true(q.rrs[0].ttl == 120 || q.rrs[0].ttl == 60);
}

static void on_srv(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct asked *q = arg;
    assert_int_equal(err, 0);
    assert_true(n >= 1);
    assert_true(str_eq(rrs[0].srv.target, STR("a.test")));
    assert_int_equal(rrs[0].srv.port, 5060);
    env_done(q->e);
}

static void services(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q = {.e = w->e};
    uint64_t id;
    // Twice: from the server, then from the cache.
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dns_query(w->e->loop, STR("_sip._udp.test"), DNS_SRV, on_srv, &q, &id), 0);
        env_run(w->e);
    }
    assert_true(w->e->sim || w->server.queries == 1);
}

static void absent_names(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q;
    for (int i = 0; i < 2; i++) {
        ask(&q, w->e, "none.test", DNS_A);
        env_run(w->e);
        assert_int_equal(q.err, ERR_NODATA);
        assert_int_equal(q.n, 0);
    }
    assert_true(w->e->sim || w->server.queries == 1); // kept by its SOA
    ask(&q, w->e, "two.test", DNS_AAAA);
    env_run(w->e);
    assert_int_equal(q.err, ERR_NODATA);
}

static void server_failure_is_not_kept(void **state)
{
    struct world *w = world_new(*state, 200);
    struct asked q;
    ask(&q, w->e, "fail.test", DNS_A);
    env_run(w->e);
    assert_int_equal(q.err, ERR_DNS);
    unsigned before = w->server.queries;
    ask(&q, w->e, "fail.test", DNS_A);
    env_run(w->e);
    assert_true(w->server.queries > before);
}

static void silent_server(void **state)
{
    struct world *w = world_new(*state, 50);
    struct asked q;
    w->server.silent = true;
    if (w->e->sim)
        sim_dns_down(w->e->sim, true);
    ask(&q, w->e, "two.test", DNS_A);
    env_run(w->e);
    assert_int_equal(q.err, ERR_TIMEOUT);
    assert_true(w->e->sim || w->server.queries == 2);
}

// The first of two servers is silent: one query finds out, the others do not wait for it.
static void silent_first_server(void **state)
{
    struct env *e = *state;
    struct dns_server first, second;
    struct addr at[2];
    struct asked q;
    dns_server_open(&first, e->loop);
    dns_server_open(&second, e->loop);
    at[0] = *udp_local(first.u);
    at[1] = *udp_local(second.u);
    dns_server_close(&first);
    dns_server_close(&second);
    loop_free(e->loop);
    struct uv_loop_params p = {
        .dns_servers = at, .n_dns_servers = 2, .dns_timeout_ms = 100, .dns_tries = 2};
    assert_int_equal(uvloop_new(&p, &e->loop), 0);
    dns_server_open_at(&first, e->loop, &at[0]);
    dns_server_open_at(&second, e->loop, &at[1]);
    first.silent = true;
    static const char *const names[] = {"two.test", "six.test", "none.test"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ask(&q, e, names[i], DNS_A);
        env_run(e);
        assert_int_equal(first.queries, 1);
        assert_true(second.queries > i);
        if (i == 0)
            assert_int_equal(q.n, 2);
    }
    first.silent = false; // and when the second one falls silent, the first has its turn again
    second.silent = true;
    dns_flush(e->loop);
    ask(&q, e, "two.test", DNS_A);
    env_run(e);
    assert_int_equal(q.n, 2);
    assert_int_equal(first.queries, 2);
}

static void cache_and_flush(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q;
    for (int i = 0; i < 3; i++) {
        ask(&q, w->e, "two.test", DNS_A);
        env_run(w->e);
        assert_int_equal(q.n, 2);
    }
    assert_true(w->e->sim || w->server.queries == 1);
    dns_flush(w->e->loop);
    ask(&q, w->e, "two.test", DNS_A);
    env_run(w->e);
    assert_true(w->e->sim || w->server.queries == 2);
}

static void one_flight_for_all(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q[20];
    for (size_t i = 0; i < ARRAY_LEN(q); i++)
        ask(&q[i], w->e, i % 2 ? "two.test" : "TWO.TEST", DNS_A);
    env_run(w->e);
    env_pass(w->e, 5);
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        assert_int_equal(q[i].calls, 1);
        assert_int_equal(q[i].n, 2);
    }
    assert_true(w->e->sim || w->server.queries == 1);
}

static void cancelled(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked a, b, c;
    uint64_t id = ask(&a, w->e, "two.test", DNS_A);
    ask(&b, w->e, "two.test", DNS_A);
    uint64_t third = ask(&c, w->e, "two.test", DNS_A);
    dns_cancel(w->e->loop, id);
    dns_cancel(w->e->loop, id);
    dns_cancel(w->e->loop, 0);
    b.cancel = third;
    env_run(w->e);
    env_pass(w->e, 5);
    assert_int_equal(a.calls, 0);
    assert_int_equal(b.calls, 1);
    assert_int_equal(c.calls, 0);
}

static void asked_again_in_the_callback(void **state)
{
    struct world *w = world_new(*state, 1000);
    struct asked q;
    ask(&q, w->e, "two.test", DNS_A);
    q.again = true;
    env_run(w->e);
    assert_int_equal(q.calls, 2);
    assert_int_equal(q.n, 2);
}

static void bad_names(void **state)
{
    struct world *w = world_new(*state, 1000);
    char longest[255];
    struct asked q = {.e = w->e};
    uint64_t id;
    static const char *const names[] = {"", ".", "a b", "a\\.b", "\xc3\xa9.test"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(dns_query(w->e->loop, str_from(names[i]), DNS_A, on_answer, &q, &id),
                         ERR_INVAL);
    memset(longest, 'a', sizeof longest);
    assert_int_equal(
        dns_query(w->e->loop, str_make(longest, sizeof longest), DNS_A, on_answer, &q, &id),
        ERR_INVAL);
    // A label of more than 63 letters is a name that no server can be asked for.
    assert_int_equal(dns_query(w->e->loop, str_make(longest, 64), DNS_A, on_answer, &q, &id), 0);
    env_run(w->e);
    assert_true(q.err == ERR_DNS || q.err == ERR_NODATA);
}

static void left_open(void **state)
{
    struct world *w = world_new(*state, 1000);
    static struct asked q[3];
    ask(&q[0], w->e, "two.test", DNS_A);
    env_run(w->e);
    ask(&q[0], w->e, "two.test", DNS_A);
    ask(&q[1], w->e, "six.test", DNS_AAAA);
    ask(&q[2], w->e, "six.test", DNS_AAAA);
    loop_free(w->e->loop);
    w->e->loop = NULL;
    assert_int_equal(q[0].calls + q[1].calls + q[2].calls, 0);
}

static void kept_for_its_ttl(void **state)
{
    struct env *e = *state;
    struct world *w = world_new(e, 1000);
    struct asked q;
    struct dns_rr rr = {.ttl = 120, .ip = env_addr(0)};
    ask(&q, e, "two.test", DNS_A);
    env_run(e);
    assert_int_equal(sim_dns_add(e->sim, "two.test", DNS_A, &rr), 0);
    env_pass(e, 58000);
    ask(&q, w->e, "two.test", DNS_A);
    env_run(e);
    assert_int_equal(q.n, 2);
    assert_true(q.rrs[0].ttl <= 2 && q.rrs[1].ttl > 50);
    env_pass(e, 2000);
    ask(&q, e, "two.test", DNS_A);
    env_run(e);
    assert_int_equal(q.n, 3);
}

static void cache_is_bounded(void **state)
{
    struct env *e = *state;
    struct asked q;
    char name[32];
    struct dns_rr rr = {.ttl = 3600, .ip = env_addr(0)};
    long live = 0;
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof name, "n%u.test", i);
        assert_int_equal(sim_dns_add(e->sim, name, DNS_A, &rr), 0);
        if (i == 10000)
            live = mem_live();
        long added = mem_live();
        ask(&q, e, name, DNS_A);
        env_run(e);
        assert_int_equal(q.n, 1);
        assert_true(i < 10000 || mem_live() == added);
    }
    assert_true(live > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_TEST(addresses),
        ENV_TEST(services),
        ENV_TEST(absent_names),
        ENV_TEST_UV(server_failure_is_not_kept),
        ENV_TEST(silent_server),
        ENV_TEST_UV(silent_first_server),
        ENV_TEST(cache_and_flush),
        ENV_TEST(one_flight_for_all),
        ENV_TEST(cancelled),
        ENV_TEST(asked_again_in_the_callback),
        ENV_TEST(bad_names),
        ENV_TEST(left_open),
        ENV_TEST_SIM(kept_for_its_ttl),
        ENV_TEST_SIM(cache_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
