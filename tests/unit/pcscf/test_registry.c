// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/sim.h"
#include "pcscf/registry.h"
#include "pcscf/registry_disk.h"

struct fixture {
    struct sim *sim;
    struct loop *loop;
    struct registry *reg;
    int expired;
};

static void on_expired(void *arg, const struct contact *r)
{
    struct fixture *f = arg;
    f->expired++;
}

static void set_up(struct fixture *f)
{
    static const struct registry_ops ops = {.expired = on_expired};
    *f = (struct fixture){0};
    assert_int_equal(sim_new(1, &f->sim), 0);
    assert_int_equal(sim_node(f->sim, "p", &f->loop), 0);
    assert_int_equal(registry_new(f->loop, NULL, &ops, f, &f->reg), 0);
}

static void tear_down(struct fixture *f)
{
    registry_free(f->reg);
    loop_free(f->loop);
    sim_free(f->sim);
}

static bool not_this(void *arg, const struct contact *r)
{
    return !str_eq(contact_uri(r), *(const struct str *)arg);
}

static bool remove_contact(struct registry *reg, struct str contact, struct str impu)
{
    return registry_keep(reg, STR_NONE, impu, not_this, &contact) > 0;
}

static struct access_flow flow_of(uint16_t port)
{
    struct access_flow f = {.proto = SIP_PROTO_UDP};
    assert_int_equal(addr_parse(STR("192.0.2.1"), port, &f.remote), 0);
    return f;
}

static int set(struct fixture *f, const struct access_flow *flow, const char *user, uint64_t ms)
{
    char sip[64], contact[64];
    snprintf(sip, sizeof sip, "sip:%s@home.net", user);
    snprintf(contact, sizeof contact, "sip:%s@192.0.2.1", user);
    struct identity impus[] = {{.uri = str_from(sip)}, {.uri = STR("tel:+1-555")}};
    struct access_flow own = *flow;
    own.user = hash_bytes(user, strlen(user));
    struct contact_params p = {.flow = &own, .impi = str_from(user), .contact = str_from(contact), .identities = impus,
                           .n_identities = 2, .service_route = STR("<sip:s;lr>"), .expires_ms = ms};
    return registry_set(f->reg, &p, NULL);
}

static void finds_by_flow_and_identity(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1), b = flow_of(2);
    assert_int_equal(set(&f, &a, "alice", 1000), 0);
    assert_int_equal(set(&f, &a, "bob", 1000), 0);
    const struct contact *r = registry_find(f.reg, &a, STR("sip:alice@HOME.net"));
    assert_non_null(r);
    assert_true(str_eq(contact_impu(r, 0), STR("sip:alice@home.net")));
    assert_true(str_eq(contact_service_route(r), STR("<sip:s;lr>")));
    assert_non_null(registry_find(f.reg, &a, STR("tel:+1555")));
    assert_null(registry_find(f.reg, &b, STR("sip:alice@home.net")));
    assert_null(registry_find(f.reg, &a, STR("sip:mallory@home.net")));
    assert_true(str_eq(contact_impu(registry_find(f.reg, &a, STR_NONE), 0), STR("sip:bob@home.net")));
    assert_true(remove_contact(f.reg, STR("sip:bob@192.0.2.1"), STR("sip:bob@home.net")));
    assert_true(str_eq(contact_impu(registry_find(f.reg, &a, STR_NONE), 0), STR("sip:alice@home.net")));
    assert_false(remove_contact(f.reg, STR("sip:bob@192.0.2.1"), STR("sip:bob@home.net")));
    tear_down(&f);
}

static struct keep *restored(struct fixture *f, struct conf_addrs *listen, const struct token_key *key)
{
    struct keep *k = NULL;
    char why[160];
    struct registry_restored n;
    struct keep_params p = {.loop = f->loop, .folder = "/state", .node = STR("pcscf"), .format = 1};
    assert_int_equal(keep_open(&p, why, sizeof why, &k), 0);
    struct registry_disk d = {.keep = k, .listen = listen, .key = key, .max_contacts = 100};
    assert_int_equal(registry_restore(f->reg, &d, &n), 0);
    return k;
}

// A refresh takes over the record of the contact before it, so records come back in another order than they were made.
static void newest_after_a_restart(void **state)
{
    (void)state;
    struct keyring ring = keyring_make(&(struct keyring_seed){.names = {1}, .first = {2}, .id = 1}, 0);
    struct token_key key = {.ring = &ring};
    struct fixture f;
    struct access_flow a = flow_of(1);
    struct conf_addrs listen = {.v = &a.remote, .n = 1};
    set_up(&f);
    struct keep *k = restored(&f, &listen, &key);
    assert_int_equal(set(&f, &a, "alice", 100000), 0);
    assert_int_equal(set(&f, &a, "bob", 100000), 0);
    assert_int_equal(set(&f, &a, "carol", 100000), 0);
    assert_int_equal(set(&f, &a, "alice", 100000), 0);
    (void)sim_run(f.sim, 1000);
    keep_close(k);
    registry_free(f.reg);
    assert_int_equal(registry_new(f.loop, NULL, NULL, NULL, &f.reg), 0);
    k = restored(&f, &listen, &key);
    assert_int_equal(registry_count(f.reg), 3);
    static const char *const newest_first[] = {"alice", "carol", "bob"};
    for (size_t i = 0; i < 3; i++) {
        char impu[64], contact[64];
        (void)snprintf(impu, sizeof impu, "sip:%s@home.net", newest_first[i]);
        (void)snprintf(contact, sizeof contact, "sip:%s@192.0.2.1", newest_first[i]);
        assert_true(str_eq(contact_impu(registry_find(f.reg, &a, STR_NONE), 0), str_from(impu)));
        assert_true(remove_contact(f.reg, str_from(contact), str_from(impu)));
    }
    keep_close(k);
    tear_down(&f);
}

// The same contact from another flow replaces what was known.
static void moves(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1), b = flow_of(2);
    assert_int_equal(set(&f, &a, "alice", 1000), 0);
    assert_int_equal(set(&f, &b, "alice", 1000), 0);
    assert_int_equal(registry_count(f.reg), 1);
    assert_null(registry_find(f.reg, &a, STR_NONE));
    assert_non_null(registry_find(f.reg, &b, STR_NONE));
    tear_down(&f);
}

static void expires(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1);
    assert_int_equal(set(&f, &a, "alice", 1000), 0);
    assert_int_equal(set(&f, &a, "bob", 5000), 0);
    (void)sim_run(f.sim, 500);
    assert_int_equal(set(&f, &a, "alice", 1000), 0); // refreshed
    (void)sim_run(f.sim, 1400);
    assert_int_equal(f.expired, 0);
    (void)sim_run(f.sim, 1600);
    assert_int_equal(f.expired, 1);
    assert_int_equal(registry_count(f.reg), 1);
    assert_int_equal(contact_expires_in_ms(f.reg, registry_find(f.reg, &a, STR_NONE)) / 100, 34);
    tear_down(&f);
}

static void many_on_one_flow(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1);
    char user[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(user, sizeof user, "u%d", i);
        assert_int_equal(set(&f, &a, user, 1000 + (uint64_t)i), 0);
    }
    assert_non_null(registry_find(f.reg, &a, STR("sip:u1500@home.net")));
    assert_true(remove_contact(f.reg, STR("sip:u1500@192.0.2.1"), STR("sip:u1500@home.net")));
    (void)sim_run(f.sim, 10000);
    assert_int_equal(f.expired, 2999);
    assert_int_equal(registry_count(f.reg), 0);
    tear_down(&f);
}

static bool none(void *arg, const struct contact *g)
{
    (void)arg, (void)g;
    return false;
}

// Two identities that differ far behind are two: neither is asserted for the other, and neither is
// taken away with the other.
static void long_identities(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1);
    char one[3100], two[3100], other_case[3100];
    for (size_t n = 200; n < 3000; n += 233) {
        snprintf(one, sizeof one, "sip:%0*d@home.net", (int)n, 1);
        snprintf(two, sizeof two, "sip:%0*d@home.net", (int)n, 2);
        snprintf(other_case, sizeof other_case, "sip:%0*d@HOME.NET", (int)n, 1);
        struct identity impus[] = {{.uri = str_from(one)}};
        struct contact_params p = {.flow = &a, .contact = STR("sip:c@192.0.2.1"), .identities = impus,
                               .n_identities = 1, .service_route = STR("<sip:s;lr>"), .expires_ms = 1000};
        assert_int_equal(registry_set(f.reg, &p, NULL), 0);
        const struct contact *r = registry_find(f.reg, &a, str_from(one));
        assert_non_null(r);
        assert_ptr_equal(registry_find(f.reg, &a, str_from(other_case)), r);
        assert_null(registry_find(f.reg, &a, str_from(two)));
        struct identity id;
        bool covered;
        assert_false(contact_has_identity(r, str_from(two), &id, &covered));
        assert_false(remove_contact(f.reg, STR("sip:c@192.0.2.1"), str_from(two)));
        assert_int_equal(registry_keep(f.reg, STR_NONE, str_from(two), none, NULL), 0);
        assert_true(remove_contact(f.reg, STR("sip:c@192.0.2.1"), str_from(one)));
    }
    tear_down(&f);
}

// Another port or transport is another flow, and the same address.
static void by_address(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1), b = flow_of(2), tcp = flow_of(1), tcp2 = flow_of(1), elsewhere = flow_of(1);
    tcp.proto = tcp2.proto = SIP_PROTO_TCP;
    tcp.id = 7;
    tcp2.id = 8;
    assert_int_equal(addr_parse(STR("192.0.2.2"), 1, &elsewhere.remote), 0);
    assert_int_equal(set(&f, &a, "alice", 1000), 0);
    const struct contact *r = registry_find_at(f.reg, &b.remote, NULL, STR("sip:alice@home.net"));
    assert_non_null(r);
    assert_null(registry_find_at(f.reg, &elsewhere.remote, NULL, STR("sip:alice@home.net")));
    const struct association *of = association_alone(registry_associations(f.reg), &b.remote);
    assert_ptr_equal(contact_association(r), of);
    assert_ptr_equal(registry_find_at(f.reg, &b.remote, of, STR("tel:+1555")), r);
    assert_ptr_equal(registry_newest_of(f.reg, of), r);
    assert_true(registry_flow_has(f.reg, &a, of));
    assert_false(registry_flow_has(f.reg, &b, of));
    // A connection is known by itself, not by its port.
    assert_int_equal(set(&f, &tcp, "alice", 1000), 0);
    assert_non_null(registry_find(f.reg, &tcp, STR_NONE));
    assert_null(registry_find(f.reg, &tcp2, STR_NONE));
    assert_null(registry_find(f.reg, &a, STR_NONE));
    tear_down(&f);
}

static bool is_second(void *arg, const struct contact *g)
{
    (void)arg;
    return str_eq(contact_uri(g), STR("sip:two@192.0.2.2"));
}

// RFC 3261 10.3: what is not listed has ended, wherever it was registered.
static void keeps_what_is_listed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct identity impus[] = {{.uri = STR("sip:alice@home.net")}};
    for (uint16_t i = 1; i <= 20; i++) {
        struct access_flow flow = flow_of(i);
        char contact[64];
        flow.user = 5;
        snprintf(contact, sizeof contact, i == 2 ? "sip:two@192.0.2.2" : "sip:c%u@192.0.2.1", i);
        struct contact_params p = {.flow = &flow, .impi = STR("a"), .contact = str_from(contact), .identities = impus,
                               .n_identities = 1, .service_route = STR("<sip:s;lr>"), .expires_ms = 1000};
        assert_int_equal(registry_set(f.reg, &p, NULL), 0);
    }
    struct access_flow bob = flow_of(99);
    assert_int_equal(set(&f, &bob, "bob", 1000), 0);
    assert_int_equal(registry_keep(f.reg, STR_NONE, STR("sip:alice@HOME.net"), is_second, NULL), 19);
    assert_int_equal(registry_count(f.reg), 2);
    assert_int_equal(association_stats(registry_associations(f.reg)).associations, 2);
    tear_down(&f);
}

// Two networks have the same local number, and neither a say in the other's.
static void networks_are_apart(void **state)
{
    static const struct str more[] = {STR_INIT("b.example")};
    static const struct numbering plan = {
        .domain = STR_INIT("a.example"), .domains = more, .n_domains = 1, .several = true};
    static const char *const numbers[] = {"tel:7042;phone-context=a.example", "tel:7042;phone-context=b.example"};
    static const char *const patterns[] = {"tel:80!..!;phone-context=a.example", "tel:80!..!;phone-context=b.example"};
    static const struct str homes[] = {STR_INIT("a.example"), STR_INIT("b.example")};
    struct fixture f;
    struct access_flow flows[2] = {flow_of(1), flow_of(2)};
    (void)state;
    set_up(&f);
    registry_free(f.reg);
    assert_int_equal(registry_new(f.loop, &plan, NULL, NULL, &f.reg), 0);
    for (size_t i = 0; i < 2; i++) {
        struct identity impus[] = {{.uri = str_from(numbers[i])}, {.uri = str_from(patterns[i])}};
        flows[i].user = i + 1;
        struct contact_params p = {.flow = &flows[i],
                                   .impi = homes[i],
                                   .contact = STR("sip:ue@192.0.2.1"),
                                   .identities = impus,
                                   .n_identities = 2,
                                   .max_patterns = 9,
                                   .home = homes[i],
                                   .expires_ms = 1000};
        assert_int_equal(registry_set(f.reg, &p, NULL), 0);
    }
    assert_int_equal(registry_count(f.reg), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct addr *at = &flows[i].remote;
        const struct contact *g = registry_find_at(f.reg, at, NULL, str_from(numbers[i]));
        assert_true(g && str_eq(contact_home(g), homes[i]));
        struct str covered = i ? STR("sip:8001@B.example;user=phone") : STR("tel:8001;phone-context=A.example");
        assert_ptr_equal(registry_find_at(f.reg, at, NULL, covered), g);
    }
    assert_null(registry_find_at(f.reg, &flows[0].remote, NULL, STR("tel:7042")));
    assert_int_equal(registry_keep(f.reg, homes[0], str_from(numbers[0]), none, NULL), 1);
    assert_int_equal(registry_keep(f.reg, homes[0], str_from(numbers[1]), none, NULL), 0);
    assert_int_equal(registry_count(f.reg), 1);
    tear_down(&f);
}

// Whatever allocation fails, what was registered stays and nothing leaks.
static void out_of_memory(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct access_flow a = flow_of(1), b = flow_of(2);
    assert_int_equal(set(&f, &a, "alice", 1000), 0);
    int e = ERR_NOMEM;
    for (long n = 0; e; n++) {
        mem_fail_after(n);
        e = set(&f, &b, "alice", 1000);
        mem_fail_after(-1);
        assert_int_equal(registry_count(f.reg), 1);
        assert_true(e == 0 || e == ERR_NOMEM);
        assert_non_null(registry_find(f.reg, e ? &a : &b, STR("tel:+1555")));
        assert_int_equal(association_stats(registry_associations(f.reg)).associations, 1);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_flow_and_identity), cmocka_unit_test(moves),
        cmocka_unit_test(expires),                    cmocka_unit_test(many_on_one_flow),
        cmocka_unit_test(long_identities),            cmocka_unit_test(by_address),
        cmocka_unit_test(keeps_what_is_listed), cmocka_unit_test(networks_are_apart),
        cmocka_unit_test(newest_after_a_restart), cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
