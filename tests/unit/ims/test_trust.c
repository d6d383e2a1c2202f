// SPDX-License-Identifier: Apache-2.0
// Who is in the trust domain (RFC 3325 2.3); what crosses its edge is tested in
// tests/scenario/pcscf/test_trust.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/trust.h"

static bool has(const struct trust_domain *d, const char *ip)
{
    struct addr a;
    assert_int_equal(addr_parse(str_from(ip), 5060, &a), 0);
    return trust_domain_has(d, &a);
}

static void members(void **state)
{
    static const struct str texts[] = {STR_INIT("192.0.2.7"), STR_INIT("198.51.100.0/25"),
                                       STR_INIT("203.0.113.129/31"), STR_INIT("2001:db8::7"),
                                       STR_INIT("2001:db8:3::/47")};
    static const char *const in[] = {"192.0.2.7",     "198.51.100.0",      "198.51.100.127",
                                     "203.0.113.128", "203.0.113.129",     "2001:db8::7",
                                     "2001:db8:3::1", "2001:db8:2:ffff::", "::ffff:192.0.2.7"};
    static const char *const out[] = {"192.0.2.6",        "192.0.2.8",         "198.51.100.128",
                                      "198.51.101.0",     "203.0.113.130",     "203.0.113.127",
                                      "2001:db8::8:7",    "2001:db8:1:ffff::", "2001:db8:4::",
                                      "::ffff:192.0.2.8", "0.0.0.0",           "::"};
    struct trust_domain d;
    struct str bad;
    (void)state;
    assert_int_equal(trust_domain_init(&d, texts, ARRAY_LEN(texts), &bad), 0);
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        if (!has(&d, in[i]))
            fail_msg("%s is out", in[i]);
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        if (has(&d, out[i]))
            fail_msg("%s is in", out[i]);
    trust_domain_done(&d);
}

static void nobody_and_everybody(void **state)
{
    static const struct str all[] = {STR_INIT("0.0.0.0/0"), STR_INIT("::/0")};
    struct trust_domain d = {0};
    struct str bad;
    (void)state;
    assert_false(has(&d, "127.0.0.1"));
    assert_int_equal(trust_domain_init(&d, NULL, 0, &bad), 0);
    assert_false(has(&d, "127.0.0.1"));
    assert_false(has(&d, "0.0.0.0"));
    trust_domain_done(&d);
    assert_int_equal(trust_domain_init(&d, all, 2, &bad), 0);
    assert_true(has(&d, "198.51.100.1"));
    assert_true(has(&d, "2001:db8::1"));
    trust_domain_done(&d);
    trust_domain_done(&d);
}

static void what_is_no_network(void **state)
{
    static const char *const texts[] = {"",
                                        "/",
                                        "192.0.2.1/",
                                        "192.0.2.1/33",
                                        "192.0.2.1/x",
                                        "/8",
                                        "192.0.2.1/-1",
                                        "192.0.2.1/0008",
                                        "2001:db8::/129",
                                        "icscf.example",
                                        "192.0.2.1/8/8",
                                        "192.0.2.1/8 "};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str pair[] = {STR("192.0.2.1"), str_from(texts[i])}, bad = STR_NONE;
        struct trust_domain d = {0};
        long live = mem_live();
        if (trust_domain_init(&d, pair, 2, &bad) != ERR_BAD)
            fail_msg("'%s' is a network", texts[i]);
        assert_ptr_equal(bad.p, texts[i]);
        assert_null(d.nets);
        assert_int_equal(mem_live(), live);
    }
}

static void out_of_memory(void **state)
{
    static const struct str texts[] = {STR_INIT("192.0.2.7")};
    struct trust_domain d = {0};
    struct str bad;
    (void)state;
    mem_fail_after(0);
    int err = trust_domain_init(&d, texts, 1, &bad);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(d.nets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),
        cmocka_unit_test(nobody_and_everybody),
        cmocka_unit_test(what_is_no_network),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
