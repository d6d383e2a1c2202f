// SPDX-License-Identifier: Apache-2.0
#include "dns_server.h"

#include "base/arena.h"
#include "io/dns_msg.h"

static struct dns_msg parse(struct arena *a, const char *name, enum dns_type type)
{
    static char query[512], answer[2048];
    size_t n = dns_server_query(name, type, query);
    n = dns_server_answer(str_make(query, n), answer, sizeof answer);
    return dns_msg_parse(str_make(answer, n), type, a);
}

static void records(void **state)
{
    struct arena a;
    char text[ADDR_TEXT_MAX];
    (void)state;
    arena_init(&a, NULL, 0);
    struct dns_msg m = parse(&a, "two.test", DNS_A);
    assert_int_equal(m.err, 0);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.ttl, 60);
    assert_int_equal(m.rrs[0].ttl, 120);
    assert_string_equal(addr_text(&m.rrs[1].ip, text).p, "192.0.2.2:0");
    m = parse(&a, "alias.test", DNS_A);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.ttl, 5);
    m = parse(&a, "six.test", DNS_AAAA);
    assert_string_equal(addr_ip_text(&m.rrs[0].ip, text).p, "2001:db8::6");
    m = parse(&a, "_sip._udp.test", DNS_SRV);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.rrs[1].srv.priority, 20);
    assert_int_equal(m.rrs[1].srv.weight, 10);
    assert_int_equal(m.rrs[1].srv.port, 5060);
    assert_true(str_eq(m.rrs[1].srv.target, STR("b.c.test")));
    m = parse(&a, "naptr.test", DNS_NAPTR);
    assert_int_equal(m.rrs[0].naptr.order, 10);
    assert_int_equal(m.rrs[0].naptr.preference, 50);
    assert_true(str_eq(m.rrs[0].naptr.flags, STR("s")));
    assert_true(str_eq(m.rrs[0].naptr.service, STR("SIP+D2U")));
    assert_int_equal(m.rrs[0].naptr.regexp.n, 0);
    assert_true(str_eq(m.rrs[0].naptr.replacement, STR("_sip._udp.naptr.test")));
    arena_done(&a);
}

// RFC 2308 5.
static void absence(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    struct dns_msg m = parse(&a, "none.test", DNS_A);
    assert_int_equal(m.err, ERR_NODATA);
    assert_int_equal(m.ttl, 7);
    m = parse(&a, "two.test", DNS_AAAA);
    assert_int_equal(m.err, ERR_NODATA);
    assert_int_equal(m.ttl, 0);
    m = parse(&a, "fail.test", DNS_A);
    assert_int_equal(m.err, ERR_DNS);
    arena_done(&a);
}

// Cut anywhere (each copy ends where its allocation ends), and with each byte spoiled.
static void damage(void **state)
{
    static const struct {
        const char *name;
        enum dns_type type;
    } rows[] = {{"naptr.test", DNS_NAPTR}, {"_sip._udp.test", DNS_SRV}, {"none.test", DNS_A}};
    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        char query[512], answer[2048];
        size_t n = dns_server_query(rows[r].name, rows[r].type, query);
        n = dns_server_answer(str_make(query, n), answer, sizeof answer);
        for (size_t cut = 0; cut < n; cut++) {
            struct arena a;
            char *copy = mem_alloc(cut);
            memcpy(copy, answer, cut);
            arena_init(&a, NULL, 0);
            struct dns_msg m = dns_msg_parse(str_make(copy, cut), rows[r].type, &a);
            assert_true(r == 2 || m.err == ERR_DNS);
            arena_done(&a);
            mem_free(copy);
        }
        for (size_t i = 0; i < n * 256; i++) {
            struct arena a;
            char *copy = mem_alloc(n);
            memcpy(copy, answer, n);
            copy[i / 256] = (char)i;
            arena_init(&a, NULL, 0);
            struct dns_msg m = dns_msg_parse(str_make(copy, n), rows[r].type, &a);
            assert_true(m.err == 0 || m.err == ERR_DNS || m.err == ERR_NODATA);
            arena_done(&a);
            mem_free(copy);
        }
    }
}

// RFC 1035 4.1.4: a name that points at itself.
static void pointer_loop(void **state)
{
    static const char bytes[] = "\x12\x34\x81\x80\0\0\0\1\0\0\0\0"
                                "\xc0\x0c\0\x21\0\1\0\0\0\x0a\0\x08\0\1\0\1\x13\xc4\xc0\x1e";
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    struct dns_msg m = dns_msg_parse(str_make(bytes, sizeof bytes - 1), DNS_SRV, &a);
    assert_int_equal(m.err, ERR_DNS);
    arena_done(&a);
}

static void root_target(void **state)
{
    static const char bytes[] = "\x12\x34\x81\x80\0\0\0\1\0\0\0\0"
                                "\0\0\x21\0\1\0\0\0\x0a\0\x07\0\1\0\1\x13\xc4\0";
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    struct dns_msg m = dns_msg_parse(str_make(bytes, sizeof bytes - 1), DNS_SRV, &a);
    assert_int_equal(m.err, 0);
    assert_true(str_eq(m.rrs[0].srv.target, STR(".")));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),      cmocka_unit_test(absence),
        cmocka_unit_test(damage),       cmocka_unit_test(pointer_loop),
        cmocka_unit_test(root_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
