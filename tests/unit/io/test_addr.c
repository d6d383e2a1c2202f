// SPDX-License-Identifier: Apache-2.0
#include "env.h"

static const struct {
    const char *in;
    uint16_t default_port;
    const char *out; // NULL: ERR_BAD
} rows[] = {
    {"192.0.2.1:5060", 1, "192.0.2.1:5060"},
    {"192.0.2.1", 5070, "192.0.2.1:5070"},
    {"[2001:db8::1]:5061", 1, "[2001:db8::1]:5061"},
    {"[2001:db8::1]", 7, "[2001:db8::1]:7"},
    {"2001:db8:0::1", 8, "[2001:db8::1]:8"},
    {"2001:db8:::192.0.2.1", 9, "[2001:db8::c000:201]:9"}, // RFC 5118 4.10
    {"[2001:db8::192.0.2.1]", 9, "[2001:db8::c000:201]:9"},
    {"2001:db8:::1", 9, NULL},
    {"2001:db8::::192.0.2.1", 9, NULL},
    {"2001:::db8:192.0.2.1", 9, NULL},
    {"::", 9, "[::]:9"},
    {"0.0.0.0:65535", 1, "0.0.0.0:65535"},
    {"192.0.2.1:65536", 1, NULL},
    {"192.0.2.1:", 1, NULL},
    {"192.0.2.1:5060x", 1, NULL},
    {"192.0.2", 1, NULL},
    {"192.0.2.256", 1, NULL},
    {"[192.0.2.1]:5060", 1, NULL},
    {"[2001:db8::1]5060", 1, NULL},
    {"[2001:db8::1", 1, NULL},
    {"example.org:5060", 1, NULL},
    {"", 1, NULL},
    {":5060", 1, NULL},
    {"[]:5060", 1, NULL},
};

static void text_round_trip(void **state)
{
    char buf[ADDR_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct addr a;
        int err = addr_parse_port(str_from(rows[i].in), rows[i].default_port, &a);
        if (!rows[i].out) {
            assert_int_equal(err, ERR_BAD);
            continue;
        }
        assert_int_equal(err, 0);
        struct str s = addr_text(&a, buf);
        assert_int_equal(s.n, strlen(rows[i].out));
        assert_string_equal(s.p, rows[i].out);
    }
}

static void forms(void **state)
{
    char buf[ADDR_TEXT_MAX];
    struct addr a;
    (void)state;
    assert_int_equal(addr_parse(STR("[2001:db8::1]"), 5060, &a), 0);
    assert_true(addr_is_ip6(&a));
    assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
    assert_string_equal(addr_ip_text(&a, buf).p, "2001:db8::1");
    assert_string_equal(addr_host_text(&a, buf).p, "[2001:db8::1]");
    assert_int_equal(addr_host_text(&a, buf).n, 13);
    assert_int_equal(addr_parse(STR("192.0.2.1"), 5060, &a), 0);
    assert_string_equal(addr_host_text(&a, buf).p, "192.0.2.1");
    assert_int_equal(addr_parse((struct str){"192.0.2.1\0x", 11}, 1, &a), ERR_BAD);
}

static void longest(void **state)
{
    char buf[ADDR_TEXT_MAX];
    struct addr a;
    (void)state;
    assert_int_equal(
        addr_parse(STR("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), UINT16_MAX, &a), 0);
    struct str s = addr_text(&a, buf);
    assert_string_equal(s.p, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void comparing(void **state)
{
    struct addr a, b, c, any;
    (void)state;
    assert_int_equal(addr_parse(STR("192.0.2.1"), 5060, &a), 0);
    assert_int_equal(addr_parse(STR("192.0.2.1"), 5061, &b), 0);
    assert_int_equal(addr_parse(STR("::ffff:192.0.2.1"), 5060, &c), 0);
    assert_int_equal(addr_parse(STR("::"), 0, &any), 0);
    assert_true(addr_eq_ip(&a, &b));
    assert_false(addr_eq(&a, &b));
    assert_true(addr_eq(&a, &c)); // RFC 4291 2.5.5.2: an IPv4 node, however it is written
    assert_false(addr_is_ip6(&c));
    addr_set_port(&b, 5060);
    assert_true(addr_eq(&a, &b));
    assert_int_equal(addr_port(&b), 5060);
    assert_true(addr_is_any(&any));
    assert_false(addr_is_any(&a));
}

static uint64_t source_key(const char *ip, uint16_t port)
{
    struct addr a;
    assert_int_equal(addr_parse(str_from(ip), port, &a), 0);
    return addr_source_key(&a);
}

static void sources(void **state)
{
    (void)state;
    assert_int_equal(source_key("192.0.2.1", 5060), source_key("192.0.2.1", 1));
    assert_int_equal(source_key("192.0.2.1", 5060), source_key("::ffff:192.0.2.1", 2));
    assert_int_not_equal(source_key("192.0.2.1", 5060), source_key("192.0.2.2", 5060));
    assert_int_equal(source_key("2001:db8:1:2::1", 1), source_key("2001:db8:1:2:ffff::9", 2));
    assert_int_not_equal(source_key("2001:db8:1:2::1", 1), source_key("2001:db8:1:3::1", 1));
    assert_int_not_equal(source_key("fe80::1", 1), source_key("fe80::2", 1));
    assert_int_not_equal(source_key("192.0.2.1", 1), source_key("c000:201::", 1));
    assert_int_not_equal(source_key("0.0.0.0", 1), source_key("::", 1));
    // Behind a translator (RFC 6052) or a relay (RFC 3056) stands all of IPv4.
    assert_int_equal(source_key("64:ff9b::192.0.2.1", 1), source_key("192.0.2.1", 1));
    assert_int_not_equal(source_key("64:ff9b::192.0.2.1", 1), source_key("64:ff9b::192.0.2.2", 1));
    assert_int_equal(source_key("2002:c000:201:7::9", 1), source_key("192.0.2.1", 1));
}

static bool same_network(const char *a, const char *b, unsigned bits)
{
    struct addr x, y;
    assert_int_equal(addr_parse(str_from(a), 1, &x), 0);
    assert_int_equal(addr_parse(str_from(b), 2, &y), 0);
    return addr_network_key(&x, bits) == addr_network_key(&y, bits);
}

static void networks(void **state)
{
    (void)state;
    assert_true(same_network("2001:db8:1:2::1", "2001:db8:1:2::2", 0));
    assert_false(same_network("2001:db8:1:2::1", "2001:db8:1:3::1", 0));
    assert_true(same_network("2001:db8:1:200::1", "2001:db8:1:2ff::1", 56));
    assert_false(same_network("2001:db8:1:200::1", "2001:db8:1:300::1", 56));
    assert_true(same_network("2001:db8:1::1", "2001:db8:1:ffff::1", 48));
    assert_false(same_network("2001:db8::1", "2001:db8::2", 128));
    assert_true(same_network("2001:db8::c", "2001:db8::f", 126));
    assert_false(same_network("2001:db8::b", "2001:db8::c", 126));
    assert_false(same_network("192.0.2.1", "192.0.2.2", 32));
    assert_false(same_network("fe80::1", "fe80::2", 64));
}

static void loopbacks(void **state)
{
    static const struct {
        const char *ip;
        bool is;
    } them[] = {{"127.0.0.1", true}, {"127.255.0.1", true}, {"::1", true},          {"::ffff:127.0.0.1", true},
                {"::2", false},      {"::1:0", false},      {"128.0.0.1", false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(them); i++) {
        struct addr a;
        assert_int_equal(addr_parse(str_from(them[i].ip), 0, &a), 0);
        assert_int_equal(addr_is_loopback(&a), them[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(forms),
        cmocka_unit_test(longest),
        cmocka_unit_test(comparing),
        cmocka_unit_test(sources),
        cmocka_unit_test(networks),
        cmocka_unit_test(loopbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
