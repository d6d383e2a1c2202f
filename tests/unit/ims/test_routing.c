// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "ims/routing.h"
#include "sip/uri.h"

static struct trust_domain core;
static struct routing r;

static void init(struct routing *to, const char *foreign, const char *networks, const char *ports)
{
    struct str f = str_from(foreign), n = str_from(networks), p = str_from(ports), bad = STR_NONE;
    struct routing_texts t = {&f, &n, &p, f.n > 0, n.n > 0, p.n > 0};
    assert_int_equal(routing_init(to, &t, &core, &bad), 0);
}

static int set_up(void **state)
{
    static const struct str nets[] = {STR_INIT("203.0.113.0/28"), STR_INIT("127.0.1.0/24")};
    struct str bad;
    (void)state;
    return trust_domain_init(&core, nets, 2, &bad);
}

static int tear_down(void **state)
{
    (void)state;
    routing_done(&r);
    trust_domain_done(&core);
    return mem_live() ? -1 : 0;
}

static struct addr at(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse_port(str_from(text), 5060, &a), 0);
    return a;
}

static bool allows(enum routing_word word, const char *text)
{
    struct addr a = at(text);
    return routing_allows(&r, word, &a);
}

static bool refuses(const char *uri)
{
    char room[1024];
    struct arena a;
    struct sip_uri u;
    arena_init(&a, room, sizeof room);
    assert_int_equal(sip_uri_parse(&a, str_from(uri), &u), 0);
    bool no = routing_refuses(&r, &u) != NULL;
    arena_done(&a);
    return no;
}

// RFC 6890, RFC 4193, RFC 4291: every block, its ends and what is beside it.
static void private_addresses(void **state)
{
    static const struct {
        const char *ip;
        bool is;
    } rows[] = {
        {"0.0.0.0", true}, {"0.255.255.255", true}, {"1.0.0.0", false},
        {"9.255.255.255", false}, {"10.0.0.0", true}, {"10.255.255.255", true}, {"11.0.0.0", false},
        {"100.63.255.255", false}, {"100.64.0.0", true}, {"100.127.255.255", true},
        {"100.128.0.0", false}, {"126.255.255.255", false}, {"127.0.0.1", true},
        {"127.255.255.255", true}, {"128.0.0.0", false}, {"169.254.169.254", true},
        {"169.253.0.1", false}, {"172.15.255.255", false}, {"172.16.0.0", true},
        {"172.31.255.255", true}, {"172.32.0.0", false}, {"192.0.0.8", true}, {"192.0.1.1", false},
        {"192.168.0.0", true}, {"192.169.0.0", false}, {"198.17.255.255", false},
        {"198.18.0.0", true}, {"198.19.255.255", true}, {"198.20.0.0", false},
        {"223.255.255.255", false}, {"224.0.0.1", true}, {"239.255.255.255", true},
        {"255.255.255.255", true}, {"198.51.100.1", false},
        {"::", true}, {"::1", true}, {"::127.0.0.1", true}, {"::ffff:127.0.0.1", true},
        {"::ffff:10.0.0.1", true}, {"::ffff:198.51.100.1", false}, {"64:ff9b::7f00:1", true},
        {"64:ff9b::c633:6401", false}, {"2002:7f00:1::1", true}, {"2002:c633:6401::1", false},
        {"100::1", true}, {"fbff::1", false}, {"fc00::1", true}, {"fdff::1", true}, {"fe00::1", false},
        {"fe80::1", true}, {"febf::1", true}, {"fec0::1", true}, {"ff02::1", true},
        {"2001:db8::1", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr a;
        assert_int_equal(addr_parse(str_from(rows[i].ip), 5060, &a), 0);
        if (routing_is_private(&a) != rows[i].is)
            fail_msg("%s", rows[i].ip);
    }
}

static void by_default_nothing(void **state)
{
    (void)state;
    init(&r, "", "", "");
    assert_true(refuses("sip:x@other.example"));
    assert_true(refuses("sip:x@198.51.100.1"));
    assert_true(refuses("sip:x@127.0.1.40:3868"));
    assert_true(refuses("sip:x@[2001:db8::1]"));
    assert_true(refuses("sip:x@other.example;maddr=127.0.1.40"));
}

static void listed_domains(void **state)
{
    (void)state;
    init(&r, "*.other.example", "", "");
    assert_false(refuses("sip:x@a.other.example"));
    assert_false(refuses("sip:x@A.B.Other.Example.:5060"));
    assert_true(refuses("sip:x@other.example"));
    assert_true(refuses("sip:x@another.example"));
    assert_true(refuses("sip:x@a.other.example.evil.example"));
    assert_true(refuses("sip:x@a.other.example:3868"));
    assert_true(refuses("sip:x@a.other.example;maddr=127.0.0.1"));
    assert_true(refuses("sip:x@a.other.example;maddr=evil.example"));
    routing_done(&r);
    init(&r, "other.example", "", "");
    assert_false(refuses("sip:x@OTHER.example"));
    assert_true(refuses("sip:x@a.other.example"));
    routing_done(&r);
    init(&r, "*", "", "");
    assert_false(refuses("sip:x@anything.example"));
    assert_true(refuses("sip:x@198.51.100.1"));
    assert_true(refuses("sip:x@127.0.0.1."));
}

// A name may lead to a public address outside of the core only, whoever answers for it in DNS.
static void addresses_of_foreign_names(void **state)
{
    (void)state;
    struct addr own = at("198.51.100.30:5060");
    init(&r, "*", "", "");
    assert_int_equal(routing_protect(&r, &own), 0);
    assert_true(allows(WORD_FOREIGN, "198.51.100.1"));
    assert_false(allows(WORD_FOREIGN, "198.51.100.30"));
    assert_false(allows(WORD_FOREIGN, "203.0.113.5"));
    assert_false(allows(WORD_FOREIGN, "[::ffff:203.0.113.5]:5060"));
    assert_false(allows(WORD_FOREIGN, "127.0.1.40"));
    assert_false(allows(WORD_FOREIGN, "10.0.0.1"));
    assert_false(allows(WORD_FOREIGN, "198.51.100.1:3868"));
    assert_false(allows(WORD_FOREIGN, "198.51.100.1:5059"));
    assert_true(allows(WORD_FOREIGN, "198.51.100.1:5099"));
    assert_false(allows(WORD_FOREIGN, "198.51.100.1:5100"));
    assert_true(allows(WORD_OWN, "127.0.1.40:3868"));
}

static void hops_of_a_route_set(void **state)
{
    (void)state;
    struct addr own = at("198.51.100.30:5060");
    init(&r, "", "", "");
    assert_int_equal(routing_protect(&r, &own), 0);
    assert_true(allows(WORD_ROUTE, "203.0.113.5:5070"));
    assert_true(allows(WORD_ROUTE, "198.51.100.30"));
    assert_true(allows(WORD_ROUTE, "198.51.100.1"));
    assert_false(allows(WORD_ROUTE, "203.0.113.5:3868"));
    assert_false(allows(WORD_ROUTE, "203.0.113.5:9090"));
    assert_false(allows(WORD_ROUTE, "10.0.0.1"));
    assert_true(allows(WORD_NEAR, "203.0.113.5:5070"));
    assert_true(allows(WORD_NEAR, "198.51.100.30"));
    assert_false(allows(WORD_NEAR, "198.51.100.1"));
    assert_false(allows(WORD_NEAR, "203.0.113.5:9090"));
}

static void networks_and_ports(void **state)
{
    (void)state;
    init(&r, "", "127.0.2.0/24", "7000-7010");
    assert_false(refuses("sip:x@127.0.2.7"));
    assert_false(refuses("sip:x@127.0.2.7:7010"));
    assert_true(refuses("sip:x@127.0.2.7:5060"));
    assert_true(refuses("sip:x@127.0.3.7"));
    assert_true(allows(WORD_FOREIGN, "127.0.2.7:7000"));
    assert_false(allows(WORD_FOREIGN, "127.0.2.7:5060"));
    assert_false(allows(WORD_FOREIGN, "127.0.3.7:7000"));
    assert_false(allows(WORD_NEAR, "127.0.2.7:7000"));
}

static void wrong_texts(void **state)
{
    static const char *const foreign[] = {"", "a b", "*.", "*.*", "sip:x", "198.51.100.1", "a:5060", "a*"};
    static const char *const ports[] = {"", "x", "0", "65536", "7-6", "7-", "-7", "1-2-3"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        struct str f = str_from(foreign[i]), p = str_from(ports[i]), n = STR("10.0.0.0/33"), bad;
        const struct routing_texts t[] = {
            {.foreign = &f, .n_foreign = 1}, {.ports = &p, .n_ports = 1}, {.networks = &n, .n_networks = 1}};
        for (size_t k = 0; k < ARRAY_LEN(t); k++)
            if (routing_init(&r, &t[k], &core, &bad) != ERR_BAD)
                fail_msg("%s %s", foreign[i], ports[i]);
    }
}

static void out_of_memory(void **state)
{
    (void)state;
    struct str f = STR("a"), n = STR("10.0.0.0/8"), bad;
    struct routing_texts t = {.foreign = &f, .n_foreign = 1, .networks = &n, .n_networks = 1};
    for (long i = 0; i < 4; i++) {
        mem_fail_after(i);
        int err = routing_init(&r, &t, &core, &bad);
        mem_fail_after(-1);
        assert_int_equal(err, ERR_NOMEM);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(private_addresses),
        TEST(by_default_nothing),
        TEST(listed_domains),
        TEST(addresses_of_foreign_names),
        TEST(hops_of_a_route_set),
        TEST(networks_and_ports),
        TEST(wrong_texts),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
