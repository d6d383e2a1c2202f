// SPDX-License-Identifier: Apache-2.0
// UDP on both loops.
#include "env.h"

enum { MANY = 500 };

struct peer {
    struct env *e;
    struct udp *u;
    struct addr src, dst;
    unsigned got, want, turns_seen;
    size_t bytes;
    bool echo, close_at_first;
    char last[70000];
    size_t last_n;
    struct addr gone; // of the last ICMP report
    unsigned reports, want_reports;
    size_t quoted;
};

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct peer *p = arg;
    p->src = *src;
    p->dst = *dst;
    p->got++;
    p->bytes += data.n;
    p->last_n = data.n;
    memcpy(p->last, data.p, data.n);
    if (p->echo)
        assert_int_equal(udp_send(p->u, src, data), 0);
    if (p->close_at_first) {
        udp_close(p->u);
        p->u = NULL;
    }
    if (p->got == p->want)
        env_done(p->e);
}

static void on_unreachable(void *arg, const struct addr *dst, int err, struct str quoted)
{
    struct peer *p = arg;
    assert_int_equal(err, ERR_REFUSED);
    p->gone = *dst;
    p->reports++;
    p->quoted = quoted.n;
    assert_true(quoted.n < sizeof p->last);
    memcpy(p->last, quoted.p, quoted.n);
    if (p->reports == p->want_reports)
        env_done(p->e);
}

static void open_at(struct peer *p, struct env *e, const char *ip, bool reuseport, uint16_t port)
{
    p->e = e;
    struct udp_params params = {.reuseport = reuseport, .cb = on_datagram,
                                .unreachable = p->want_reports ? on_unreachable : NULL, .arg = p};
    assert_int_equal(addr_parse(str_from(ip), port, &params.local), 0);
    assert_int_equal(udp_open(e->loop, &params, &p->u), 0);
}

static void echo(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    a = (struct peer){.want = 1};
    b = (struct peer){.echo = true};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    assert_int_not_equal(addr_port(udp_local(a.u)), 0);
    assert_int_equal(udp_send(a.u, udp_local(b.u), STR("hello")), 0);
    env_run(e);
    assert_int_equal(b.got, 1);
    assert_true(addr_eq(&a.src, udp_local(b.u)));
    assert_true(addr_eq(&a.dst, udp_local(a.u)));
    assert_memory_equal(a.last, "hello", 5);
    udp_close(a.u);
    udp_close(b.u);
}

static void sizes(void **state)
{
    static const size_t n[] = {0, 1, 1500, 65507};
    static char data[65508];
    struct env *e = *state;
    static struct peer a, b;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 31);
    for (size_t i = 0; i < ARRAY_LEN(n); i++) {
        a = (struct peer){0};
        b = (struct peer){.want = 1};
        open_at(&a, e, "127.0.0.1", false, 0);
        open_at(&b, e, "127.0.0.1", false, 0);
        assert_int_equal(udp_send(a.u, udp_local(b.u), str_make(data, n[i])), 0);
        env_run(e);
        assert_int_equal(b.last_n, n[i]);
        assert_memory_equal(b.last, data, n[i]);
        assert_int_equal(udp_send(a.u, udp_local(b.u), str_make(data, 65508)), ERR_TOOBIG);
        udp_close(a.u);
        udp_close(b.u);
    }
}

static void many_in_one_turn(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    a = (struct peer){0};
    b = (struct peer){.want = MANY};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(udp_send(a.u, udp_local(b.u), STR("0123456789")), 0);
    env_run(e);
    assert_int_equal(b.bytes, MANY * 10);
    udp_close(a.u);
    udp_close(b.u);
}

static void batch_has_a_limit(void **state)
{
    static const char data[60000];
    struct env *e = *state;
    static struct peer a;
    int err = 0, n = 0;
    a = (struct peer){0};
    open_at(&a, e, "127.0.0.1", false, 0);
    while (err == 0 && n < 1000) {
        err = udp_send(a.u, udp_local(a.u), str_make(data, sizeof data));
        n++;
    }
    assert_int_equal(err, ERR_FULL);
    assert_in_range(n, 20, 100);
    env_pass(e, 50);
    assert_int_equal(udp_send(a.u, udp_local(a.u), STR("x")), 0);
    udp_close(a.u);
}

static void closed_inside_its_callback(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    a = (struct peer){0};
    b = (struct peer){.close_at_first = true};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    struct addr to = *udp_local(b.u);
    for (int i = 0; i < 40; i++)
        assert_int_equal(udp_send(a.u, &to, STR("x")), 0);
    env_pass(e, 50);
    assert_int_equal(b.got, 1);
    udp_close(a.u);
    udp_close(NULL);
}

static void sent_and_closed_in_one_turn(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    a = (struct peer){0};
    b = (struct peer){.want = 1};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    assert_int_equal(udp_send(a.u, udp_local(b.u), STR("bye")), 0);
    udp_close(a.u);
    env_run(e);
    udp_close(b.u);
}

// An ICMP port unreachable must not disturb the socket.
static void survives_an_absent_peer(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    a = (struct peer){.want = 1};
    b = (struct peer){.echo = true};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    struct addr gone = *udp_local(b.u);
    udp_close(b.u);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(udp_send(a.u, &gone, STR("x")), 0);
        env_pass(e, 5);
    }
    open_at(&b, e, "127.0.0.1", false, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(udp_send(a.u, i ? udp_local(b.u) : &gone, STR("y")), 0);
    env_run(e);
    udp_close(a.u);
    udp_close(b.u);
}

// RFC 3261 18.4: whoever asked is told which destination cannot be reached, and by what of the datagram.
static void told_of_an_absent_peer(void **state)
{
    static const char *const ips[] = {"127.0.0.1", "::1"};
    struct env *e = *state;
    static struct peer a, b;
    for (size_t i = 0; i < ARRAY_LEN(ips); i++) {
        a = (struct peer){.want_reports = 1};
        b = (struct peer){0};
        open_at(&a, e, ips[i], false, 0);
        open_at(&b, e, ips[i], false, 0);
        struct addr gone = *udp_local(b.u);
        udp_close(b.u);
        assert_int_equal(udp_send(a.u, &gone, STR("MESSAGE sip:x")), 0);
        env_run(e);
        assert_true(addr_eq(&a.gone, &gone));
        assert_int_equal(a.quoted, 13);
        assert_memory_equal(a.last, "MESSAGE sip:x", 13);
        udp_close(a.u);
    }
}

// A report about one destination takes nothing from the others, in the same batch or the next.
static void reports_cost_the_others_nothing(void **state)
{
    struct env *e = *state;
    static struct peer a, b, c;
    a = (struct peer){.want_reports = 1000000};
    b = (struct peer){.want = 200};
    c = (struct peer){0};
    open_at(&a, e, "127.0.0.1", false, 0);
    open_at(&b, e, "127.0.0.1", false, 0);
    open_at(&c, e, "127.0.0.1", false, 0);
    struct addr gone = *udp_local(c.u);
    udp_close(c.u);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(udp_send(a.u, i % 3 ? udp_local(b.u) : &gone, STR("x")), 0);
        if (i % 3 == 0)
            assert_int_equal(udp_send(a.u, udp_local(b.u), STR("y")), 0);
        if (i % 20 == 0)
            env_pass(e, 2);
    }
    env_run(e);
    assert_int_equal(b.got, 200);
    assert_true(a.reports > 0);
    udp_close(a.u);
    udp_close(b.u);
}

static void wildcard_sees_the_destination(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    static const struct {
        const char *any, *from, *to;
    } rows[] = {{"0.0.0.0", "127.0.0.1", "127.0.0.9"}, {"::", "::1", "::1"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr to;
        a = (struct peer){0};
        b = (struct peer){.want = 1};
        open_at(&a, e, rows[i].from, false, 0);
        open_at(&b, e, rows[i].any, false, 0);
        assert_int_equal(addr_parse(str_from(rows[i].to), addr_port(udp_local(b.u)), &to), 0);
        assert_int_equal(udp_send(a.u, &to, STR("x")), 0);
        env_run(e);
        assert_true(addr_eq(&b.dst, &to));
        assert_true(addr_eq(&b.src, udp_local(a.u)));
        // RFC 3581 4: back from where it was sent to.
        a.want = 1;
        assert_int_equal(udp_send_from(b.u, &b.dst, &b.src, STR("y")), 0);
        env_run(e);
        assert_true(addr_eq(&a.src, &to));
        udp_close(a.u);
        udp_close(b.u);
    }
}

static void address_in_use(void **state)
{
    struct env *e = *state;
    static struct peer a, b;
    struct udp *u = NULL;
    a = (struct peer){0};
    b = (struct peer){0};
    open_at(&a, e, "127.0.0.1", false, 0);
    struct udp_params p = {.local = *udp_local(a.u), .cb = on_datagram, .arg = &b};
    assert_int_equal(udp_open(e->loop, &p, &u), ERR_INUSE);
    assert_null(u);
    udp_close(a.u);
    env_pass(e, 1);
    open_at(&a, e, "127.0.0.1", true, addr_port(&p.local));
    open_at(&b, e, "127.0.0.1", true, addr_port(&p.local));
    assert_true(addr_eq(udp_local(a.u), udp_local(b.u)));
    udp_close(a.u);
    udp_close(b.u);
}

static void left_open(void **state)
{
    struct env *e = *state;
    static struct peer a;
    a = (struct peer){0};
    open_at(&a, e, "127.0.0.1", false, 0);
    assert_int_equal(udp_send(a.u, udp_local(a.u), STR("x")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_TEST(echo),
        ENV_TEST(sizes),
        ENV_TEST(many_in_one_turn),
        ENV_TEST(batch_has_a_limit),
        ENV_TEST(closed_inside_its_callback),
        ENV_TEST(sent_and_closed_in_one_turn),
        ENV_TEST(survives_an_absent_peer),
        ENV_TEST(told_of_an_absent_peer),
        ENV_TEST(reports_cost_the_others_nothing),
        ENV_TEST(wildcard_sees_the_destination),
        ENV_TEST(address_in_use),
        ENV_TEST(left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
