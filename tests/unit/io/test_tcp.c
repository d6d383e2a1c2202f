// SPDX-License-Identifier: Apache-2.0
// TCP on both loops.
#include "env.h"

enum { BIG = 3 << 20 };

// One end of a connection and what happened to it.
struct end {
    struct env *e;
    struct tcp *c;
    bool connected, closed, echo, drained, done_at_close;
    bool abort_at_data, close_at_data, close_at_connected, close_at_closed;
    int err;
    size_t got, want, runs;
    uint64_t sum; // of bytes weighted by position
    const char *send;
    size_t send_n, sent;
};

struct world {
    struct env *e;
    struct tcp_listener *listener;
    struct end client, server;
    unsigned accepted;
    bool refuse, close_listener;
};

static void feed(struct end *x)
{
    while (x->c && x->sent < x->send_n) {
        size_t n = x->send_n - x->sent < 30000 ? x->send_n - x->sent : 30000;
        if (tcp_send(x->c, str_make(x->send + x->sent, n)) != 0)
            return;
        x->sent += n;
    }
}

static void on_connected(void *arg)
{
    struct end *x = arg;
    assert_false(x->connected);
    x->connected = true;
    if (x->close_at_connected) {
        tcp_close(x->c);
        x->c = NULL;
    }
    feed(x);
}

static void on_data(void *arg, struct str bytes)
{
    struct end *x = arg;
    assert_non_null(x->c);
    assert_true(bytes.n > 0);
    x->runs++;
    for (size_t i = 0; i < bytes.n; i++)
        x->sum += (x->got + i + 1) * (unsigned char)bytes.p[i];
    x->got += bytes.n;
    if (x->echo)
        assert_int_equal(tcp_send(x->c, bytes), 0);
    if (x->abort_at_data)
        tcp_abort(x->c);
    if (x->close_at_data)
        tcp_close(x->c);
    if (x->abort_at_data || x->close_at_data)
        x->c = NULL;
    if (x->got == x->want)
        env_done(x->e);
}

static void on_drained(void *arg)
{
    struct end *x = arg;
    x->drained = true;
    assert_int_equal(tcp_unsent(x->c), 0);
    feed(x);
}

static void on_closed(void *arg, int err)
{
    struct end *x = arg;
    assert_false(x->closed);
    x->closed = true;
    x->err = err;
    if (x->close_at_closed)
        tcp_close(x->c);
    x->c = NULL;
    if (x->done_at_close)
        env_done(x->e);
}

static const struct tcp_ops ops = {
    .connected = on_connected, .data = on_data, .drained = on_drained, .closed = on_closed};

static void on_accept(void *arg, struct tcp *c)
{
    struct world *w = arg;
    w->accepted++;
    if (w->refuse)
        return;
    w->server.c = c;
    tcp_set_owner(c, &ops, &w->server);
    if (w->close_listener) {
        tcp_listener_close(w->listener);
        w->listener = NULL;
    }
    feed(&w->server);
}

static struct world *world_new(struct env *e)
{
    static struct world w;
    struct addr a = env_addr(0);
    w = (struct world){.e = e, .client.e = e, .server.e = e};
    assert_int_equal(tcp_listen(e->loop, &a, false, on_accept, &w, &w.listener), 0);
    assert_int_not_equal(addr_port(tcp_listener_local(w.listener)), 0);
    return &w;
}

static void world_connect(struct world *w)
{
    assert_int_equal(tcp_connect(w->e->loop, NULL, tcp_listener_local(w->listener), &ops,
                                 &w->client, &w->client.c),
                     0);
    assert_false(w->client.connected);
}

static void world_done(struct world *w)
{
    tcp_close(w->client.c);
    tcp_close(w->server.c);
    tcp_listener_close(w->listener);
}

static char *pattern(size_t n)
{
    static char data[BIG];
    uint32_t v = 1;
    assert_true(n <= sizeof data);
    for (size_t i = 0; i < n; i++)
        data[i] = (char)((v = v * 1664525 + 1013904223) >> 24);
    return data;
}

static uint64_t checksum(const char *data, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (i + 1) * (unsigned char)data[i];
    return sum;
}

static void echo(void **state)
{
    struct world *w = world_new(*state);
    w->server.echo = true;
    w->client.send = "hello";
    w->client.send_n = w->client.want = 5;
    world_connect(w);
    env_run(w->e);
    assert_true(w->client.connected);
    assert_int_equal(w->client.sum, checksum("hello", 5));
    assert_true(addr_eq(tcp_local(w->client.c), tcp_remote(w->server.c)));
    assert_true(addr_eq(tcp_remote(w->client.c), tcp_local(w->server.c)));
    world_done(w);
}

static void sent_before_connected(void **state)
{
    struct world *w = world_new(*state);
    w->server.want = 6;
    world_connect(w);
    assert_int_equal(tcp_send(w->client.c, STR("abc")), 0);
    assert_int_equal(tcp_send(w->client.c, STR("def")), 0);
    assert_int_equal(tcp_unsent(w->client.c), 6);
    env_run(w->e);
    assert_int_equal(w->server.sum, checksum("abcdef", 6));
    assert_int_equal(tcp_unsent(w->client.c), 0);
    world_done(w);
}

static void sent_later(void **state)
{
    struct world *w = world_new(*state);
    w->server.want = 1;
    w->client.send = "a";
    w->client.send_n = 1;
    world_connect(w);
    env_run(w->e);
    assert_int_equal(tcp_send_later(w->client.c, STR("bc")), 0);
    assert_int_equal(tcp_send_later(w->client.c, STR("d")), 0);
    env_pass(w->e, 5);
    if (w->e->sim) // the real clock may have gone further
        assert_int_equal(w->server.got, 1);
    assert_int_equal(tcp_send(w->client.c, STR("ef")), 0);
    w->server.want = 6;
    env_run(w->e);
    assert_int_equal(w->server.sum, checksum("abcdef", 6));
    if (w->e->sim)
        assert_int_equal(w->server.runs, 2);
    // Nobody keeps it company: it goes alone.
    assert_int_equal(tcp_send_later(w->client.c, STR("g")), 0);
    w->server.want = 7;
    env_run(w->e);
    assert_int_equal(tcp_unsent(w->client.c), 0);
    // A connection that closes waits for nothing.
    assert_int_equal(tcp_send_later(w->client.c, STR("h")), 0);
    tcp_close(w->client.c);
    w->client.c = NULL;
    w->server.want = 8;
    env_run(w->e);
    assert_int_equal(w->server.sum, checksum("abcdefgh", 8));
    world_done(w);
}

static void large_transfer_both_ways(void **state)
{
    struct world *w = world_new(*state);
    char *data = pattern(BIG);
    w->server.echo = true;
    w->client.send = data;
    w->client.send_n = w->client.want = BIG;
    world_connect(w);
    env_run(w->e);
    assert_int_equal(w->client.got, BIG);
    assert_int_equal(w->client.sum, checksum(data, BIG));
    assert_true(w->client.runs > 10);
    world_done(w);
}

static void capped_and_drained(void **state)
{
    struct world *w = world_new(*state);
    char *data = pattern(BIG);
    w->client.send = data;
    w->client.send_n = w->server.want = BIG;
    world_connect(w);
    tcp_set_cap(w->client.c, 100000);
    env_run(w->e);
    assert_true(w->client.drained);
    assert_int_equal(w->server.sum, checksum(data, BIG));
    world_done(w);
}

static void cap_takes_nothing(void **state)
{
    struct world *w = world_new(*state);
    world_connect(w);
    tcp_set_cap(w->client.c, 10);
    assert_int_equal(tcp_send(w->client.c, STR("12345678901")), ERR_FULL);
    assert_int_equal(tcp_unsent(w->client.c), 0);
    assert_int_equal(tcp_send(w->client.c, STR("1234567")), 0);
    assert_int_equal(tcp_send(w->client.c, STR("8901")), ERR_FULL);
    assert_int_equal(tcp_send(w->client.c, STR("890")), 0);
    w->server.want = 10;
    env_run(w->e);
    assert_int_equal(w->server.sum, checksum("1234567890", 10));
    env_pass(w->e, 5);
    assert_true(w->client.drained);
    world_done(w);
}

static void paused_receiver_stops_the_sender(void **state)
{
    struct world *w = world_new(*state);
    static char more[1 << 20];
    size_t put = 0;
    w->server.want = SIZE_MAX;
    world_connect(w);
    env_pass(w->e, 20);
    tcp_pause(w->server.c, true);
    tcp_set_cap(w->client.c, 64 << 20);
    for (int i = 0; i < 16; i++)
        put += tcp_send(w->client.c, str_make(more, sizeof more)) == 0 ? sizeof more : 0;
    env_pass(w->e, 50);
    assert_int_equal(w->server.got, 0);
    assert_true(tcp_unsent(w->client.c) > 0);
    w->server.want = put;
    tcp_pause(w->server.c, false);
    env_run(w->e);
    assert_int_equal(tcp_unsent(w->client.c), 0);
    world_done(w);
}

static void nobody_listens(void **state)
{
    struct world *w = world_new(*state);
    struct addr to = *tcp_listener_local(w->listener);
    tcp_listener_close(w->listener);
    w->listener = NULL;
    env_pass(w->e, 1);
    w->client.done_at_close = true;
    assert_int_equal(tcp_connect(w->e->loop, NULL, &to, &ops, &w->client, &w->client.c), 0);
    assert_int_equal(tcp_send(w->client.c, STR("x")), 0);
    assert_false(w->client.closed);
    env_run(w->e);
    assert_int_equal(w->client.err, ERR_REFUSED);
    assert_false(w->client.connected);
}

static void connect_from_a_local_address(void **state)
{
    struct world *w = world_new(*state);
    struct addr local;
    assert_int_equal(addr_parse(STR("127.0.0.7"), 0, &local), 0);
    assert_int_equal(tcp_connect(w->e->loop, &local, tcp_listener_local(w->listener), &ops,
                                 &w->client, &w->client.c),
                     0);
    w->client.send = "x";
    w->client.send_n = w->server.want = 1;
    env_run(w->e);
    assert_true(addr_eq_ip(tcp_remote(w->server.c), &local));
    assert_int_not_equal(addr_port(tcp_remote(w->server.c)), 0);
    world_done(w);
}

static void close_sends_what_is_buffered(void **state)
{
    struct world *w = world_new(*state);
    char *data = pattern(BIG);
    w->server.done_at_close = true;
    world_connect(w);
    env_pass(w->e, 20);
    assert_int_equal(tcp_send(w->client.c, str_make(data, BIG)), 0);
    struct tcp *c = w->client.c;
    w->client.c = NULL;
    tcp_close(c);
    assert_int_equal(tcp_send(c, STR("x")), ERR_CLOSED);
    env_run(w->e);
    assert_int_equal(w->server.err, ERR_CLOSED);
    assert_int_equal(w->server.got, BIG);
    assert_int_equal(w->server.sum, checksum(data, BIG));
    assert_false(w->client.closed);
    world_done(w);
}

static void close_before_connected_sends_first(void **state)
{
    struct world *w = world_new(*state);
    w->server.done_at_close = true;
    world_connect(w);
    assert_int_equal(tcp_send(w->client.c, STR("last words")), 0);
    tcp_close(w->client.c);
    w->client.c = NULL;
    env_run(w->e);
    assert_int_equal(w->server.got, 10);
    assert_false(w->client.connected);
    world_done(w);
}

// The request and the end of the stream come together; the answer still reaches the peer.
static void answer_to_a_peer_that_has_finished_sending(void **state)
{
    struct world *w = world_new(*state);
    w->server.echo = w->server.done_at_close = true;
    world_connect(w);
    env_pass(w->e, 20);
    assert_int_equal(tcp_send(w->client.c, STR("request")), 0);
    tcp_close(w->client.c);
    w->client.c = NULL;
    env_run(w->e);
    assert_int_equal(w->server.got, 7);
    assert_int_equal(w->server.err, ERR_CLOSED);
    world_done(w);
}

static void abort_resets_the_peer(void **state)
{
    struct world *w = world_new(*state);
    w->client.done_at_close = true;
    w->server.abort_at_data = true;
    w->client.send = "x";
    w->client.send_n = 1;
    world_connect(w);
    env_run(w->e);
    assert_int_equal(w->client.err, ERR_CLOSED);
    assert_false(w->server.closed);
    world_done(w);
}

static void closed_inside_callbacks(void **state)
{
    struct world *w = world_new(*state);
    w->client.close_at_connected = true;
    w->server.done_at_close = w->server.close_at_closed = true;
    w->close_listener = true;
    world_connect(w);
    env_run(w->e);
    assert_true(w->client.connected);
    assert_false(w->client.closed);
    world_done(w);
    w = world_new(*state);
    w->server.close_at_data = w->server.echo = true;
    w->client.done_at_close = w->client.close_at_closed = true;
    w->client.send = "x";
    w->client.send_n = 1;
    world_connect(w);
    env_run(w->e);
    assert_int_equal(w->client.got, 1);
    assert_int_equal(w->client.err, ERR_CLOSED);
    world_done(w);
}

static void closed_right_after_opening(void **state)
{
    struct world *w = world_new(*state);
    w->refuse = true;
    for (int i = 0; i < 4; i++) {
        world_connect(w);
        if (i & 1)
            tcp_abort(w->client.c);
        else
            tcp_close(w->client.c);
        w->client.c = NULL;
    }
    env_pass(w->e, 30);
    assert_false(w->client.connected);
    assert_false(w->client.closed);
    world_done(w);
}

static void nobody_owns_the_accepted(void **state)
{
    struct world *w = world_new(*state);
    w->refuse = w->client.done_at_close = true;
    world_connect(w);
    env_run(w->e);
    assert_int_equal(w->accepted, 1);
    assert_int_equal(w->client.err, ERR_CLOSED);
    world_done(w);
}

static void many_connections(void **state)
{
    enum { N = 200 };
    struct world *w = world_new(*state);
    static struct end ends[N];
    w->server.echo = false;
    for (size_t i = 0; i < N; i++) {
        ends[i] = (struct end){.e = w->e};
        assert_int_equal(tcp_connect(w->e->loop, NULL, tcp_listener_local(w->listener), &ops,
                                     &ends[i], &ends[i].c),
                         0);
    }
    env_pass(w->e, 200);
    assert_int_equal(w->accepted, N);
    for (size_t i = 0; i < N; i++) {
        assert_true(ends[i].connected);
        if (i % 2)
            tcp_close(ends[i].c);
    }
    tcp_listener_close(w->listener);
}

static void left_open(void **state)
{
    struct world *w = world_new(*state);
    world_connect(w);
    env_pass(w->e, 10);
    assert_int_equal(tcp_send(w->client.c, STR("unsent")), 0);
    w->client.connected = false;
    world_connect(w);
    assert_int_equal(tcp_send(w->client.c, STR("unsent")), 0);
}

static void address_in_use(void **state)
{
    struct world *w = world_new(*state);
    struct tcp_listener *t = NULL;
    assert_int_equal(tcp_listen(w->e->loop, tcp_listener_local(w->listener), false, on_accept, w,
                                &t),
                     ERR_INUSE);
    assert_null(t);
    world_done(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_TEST(echo),
        ENV_TEST(sent_before_connected),
        ENV_TEST(sent_later),
        ENV_TEST(large_transfer_both_ways),
        ENV_TEST(capped_and_drained),
        ENV_TEST(cap_takes_nothing),
        ENV_TEST(paused_receiver_stops_the_sender),
        ENV_TEST(nobody_listens),
        ENV_TEST(connect_from_a_local_address),
        ENV_TEST(close_sends_what_is_buffered),
        ENV_TEST(close_before_connected_sends_first),
        ENV_TEST(answer_to_a_peer_that_has_finished_sending),
        ENV_TEST(abort_resets_the_peer),
        ENV_TEST(closed_inside_callbacks),
        ENV_TEST(closed_right_after_opening),
        ENV_TEST(nobody_owns_the_accepted),
        ENV_TEST(many_connections),
        ENV_TEST(left_open),
        ENV_TEST(address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
