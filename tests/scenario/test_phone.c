// SPDX-License-Identifier: Apache-2.0
// What a phone (tools/ue) does over hours: refreshes that fail (RFC 5626 4.5), and what comes after them.
#include "harness.h"

#include "tools/ue/ue.h"

#define P "10.0.0.2"
#define UE "10.0.1.1"

struct lab {
    struct world w;
    struct peer *network;
    struct loop *loop;
    struct hub *hub;
    struct phone *phone;
    unsigned registered, failed;
};

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct lab *l = arg;
    l->registered++;
}

static void on_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct lab *l = arg;
    l->failed++;
}

static void lab_init(struct lab *l)
{
    static const struct ue_ops ops = {.registered = on_registered, .register_failed = on_failed};
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->network = peer_new(&l->w, P);
    assert_int_equal(sim_node(l->w.sim, "ue", &l->loop), 0);
    struct hub_params hp = {.loop = l->loop};
    assert_int_equal(addr_parse(STR(UE), 5060, &hp.local), 0);
    assert_int_equal(addr_parse(STR(P), 5060, &hp.proxy), 0);
    assert_int_equal(hub_new(&hp, &l->hub), 0);
    struct phone_params pp = {.impi = STR("dave@example.org"), .impu = STR("sip:dave@example.org"),
                              .domain = STR("example.org"), .password = STR("secret"), .expires = 2000,
                              .refresh = true, .ops = &ops, .arg = l};
    assert_int_equal(phone_new(l->hub, &pp, &l->phone), 0);
    assert_int_equal(phone_register(l->phone), 0);
}

static void lab_done(struct lab *l)
{
    hub_free(l->hub);
    loop_free(l->loop);
    world_done(&l->w);
}

// The next REGISTER comes within this time, and not before, and is answered so.
static void expect_register(struct lab *l, uint64_t least_s, uint64_t most_s, const char *status, const char *extra)
{
    peer_expect_silence(l->network, least_s * 1000);
    const char *m = peer_next(l->network, (most_s - least_s + 1) * 1000);
    assert_non_null(m);
    assert_contains(m, "REGISTER ");
    peer_reply(l->network, UE, m, status, "net", extra);
    world_run(&l->w, 10);
}

#define GRANTED "Expires: 2000\n"

static void refused_refreshes(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "503 Service Unavailable", ""); // TS 24.229 5.1.1.4.1: 600 s before the end
    expect_register(&l, 14, 30, "500 Server Internal Error", "");
    expect_register(&l, 29, 60, "403 Forbidden", "");
    expect_register(&l, 59, 120, "503 Service Unavailable", "Retry-After: 500\n");
    expect_register(&l, 499, 500, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "500 Server Internal Error", ""); // and from the beginning
    expect_register(&l, 14, 30, "200 OK", GRANTED);
    assert_int_equal(l.registered, 3);
    assert_int_equal(l.failed, 5);
    lab_done(&l);
}

static void never_more_than_half_an_hour(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "500 No", "");
    for (unsigned i = 0; i < 8; i++)
        expect_register(&l, 0, 1800, "500 No", "");
    expect_register(&l, 899, 1800, "500 No", "");
    lab_done(&l);
}

// A registration that was asked for is one attempt.
static void first_attempt(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "503 Service Unavailable", "Retry-After: 5\n");
    peer_expect_silence(l.network, 4000000);
    assert_int_equal(l.failed, 1);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_refreshes),
        cmocka_unit_test(never_more_than_half_an_hour),
        cmocka_unit_test(first_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
