// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "pcscf/token.h"

static const struct token_key key = {.k = {1, 2}, .boot = 7};

static struct access_flow flow_of(const char *ip, uint16_t port, enum sip_proto proto, flow_id id)
{
    struct access_flow f = {.proto = proto, .id = id};
    assert_int_equal(addr_parse(str_from(ip), port, &f.remote), 0);
    return f;
}

static void round_trip(void **state)
{
    (void)state;
    const struct access_flow flows[] = {
        flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 0),
        flow_of("2001:db8::1", 65535, SIP_PROTO_TCP, UINT64_MAX),
    };
    for (size_t i = 0; i < 2; i++) {
        struct arena a;
        struct access_flow got;
        arena_init(&a, NULL, 0);
        struct str t = token_write(&key, &a, &flows[i], STR("call"));
        assert_int_equal(token_parse(&key, t, STR("call"), &got), 0);
        assert_int_equal(got.proto, flows[i].proto);
        assert_int_equal(got.id, flows[i].id);
        assert_true(addr_eq(&got.remote, &flows[i].remote));
        // A later run of the node knows the address, not the connection.
        struct token_key later = {.k = {1, 2}, .boot = 8};
        assert_int_equal(token_parse(&later, t, STR("call"), &got), 0);
        assert_int_equal(got.id, 0);
        arena_done(&a);
    }
}

// Each changed character, each shortening and each extension is noticed.
static void forgeries(void **state)
{
    (void)state;
    struct arena a;
    struct access_flow f = flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 3), got;
    arena_init(&a, NULL, 0);
    struct str t = token_write(&key, &a, &f, STR_NONE);
    char copy[128];
    for (size_t i = 0; i < t.n; i++) {
        memcpy(copy, t.p, t.n);
        copy[i] = copy[i] == 'A' ? 'Q' : 'A';
        if (i + 1 < t.n) // the last digit has spare bits
            assert_int_equal(token_parse(&key, str_make(copy, t.n), STR_NONE, &got), ERR_BAD);
        assert_int_equal(token_parse(&key, str_head(t, i), STR_NONE, &got), ERR_BAD);
    }
    memcpy(copy, t.p, t.n);
    memcpy(copy + t.n, "AAAA", 4);
    assert_int_equal(token_parse(&key, str_make(copy, t.n + 4), STR_NONE, &got), ERR_BAD);
    struct token_key other = {.k = {1, 3}, .boot = 7};
    assert_int_equal(token_parse(&other, t, STR_NONE, &got), ERR_BAD);
    assert_int_equal(token_parse(&key, STR("alice"), STR_NONE, &got), ERR_BAD);
    assert_int_equal(token_parse(&key, str_make("a\0b", 3), STR_NONE, &got), ERR_BAD);
    arena_done(&a);
}

// A token of one dialog is none of another, nor a Path.
static void one_purpose_each(void **state)
{
    (void)state;
    static const struct str purposes[] = {STR_INIT(""), STR_INIT("call-1"), STR_INIT("call-2")};
    struct access_flow f = {.proto = SIP_PROTO_UDP, .id = 5}, got;
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_int_equal(addr_parse(STR("192.0.2.1"), 5060, &f.remote), 0);
    for (size_t i = 0; i < ARRAY_LEN(purposes); i++) {
        struct str t = token_write(&key, &a, &f, purposes[i]);
        for (size_t k = 0; k < ARRAY_LEN(purposes); k++)
            assert_int_equal(token_parse(&key, t, purposes[k], &got), i == k ? 0 : ERR_BAD);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(forgeries), cmocka_unit_test(one_purpose_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
