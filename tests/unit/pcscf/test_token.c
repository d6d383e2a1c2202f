// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "base/err.h"
#include "base/mem.h"
#include "pcscf/token.h"
#include "sip/uri.h"

static struct keyring ring, other_ring;
static struct token_key key = {.ring = &ring, .boot = 7, .node = 3};

static int make_rings(void **state)
{
    (void)state;
    ring = keyring_make(&(struct keyring_seed){.names = {1}, .first = {2}, .id = 1}, 0);
    other_ring = keyring_make(&(struct keyring_seed){.names = {1}, .first = {3}, .id = 1}, 0);
    return 0;
}

static struct access_flow flow_of(const char *ip, uint16_t port, enum sip_proto proto, flow_id id)
{
    struct access_flow f = {.proto = proto, .id = id};
    assert_int_equal(addr_parse(str_from(ip), port, &f.remote), 0);
    return f;
}

#define PATH ((struct token_use){.kind = TOKEN_PATH})
#define CALL ((struct token_use){.kind = TOKEN_CORE, .call_id = STR_INIT("call")})

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
        struct str t = token_write(&key, &a, &flows[i], &CALL);
        assert_int_equal(token_parse(&key, t, &CALL, &got, NULL), 0);
        assert_int_equal(got.proto, flows[i].proto);
        assert_int_equal(got.id, flows[i].id);
        assert_true(addr_eq(&got.remote, &flows[i].remote));
        // A later run of the node knows the address, not the connection.
        struct token_key later = {.ring = &ring, .boot = 8, .node = 3};
        assert_int_equal(token_parse(&later, t, &CALL, &got, NULL), 0);
        assert_int_equal(got.id, 0);
        // Nor does another node with the same keys.
        struct token_key elsewhere = {.ring = &ring, .boot = 7, .node = 4};
        assert_int_equal(token_parse(&elsewhere, t, &CALL, &got, NULL), 0);
        assert_int_equal(got.id, 0);
        assert_int_equal(token_origin(&key, t), TOKEN_OF_THIS_RUN);
        assert_int_equal(token_origin(&later, t), TOKEN_OF_EARLIER_RUN);
        assert_int_equal(token_origin(&elsewhere, t), TOKEN_OF_ANOTHER);
        assert_int_equal(token_origin(&key, str_skip(t, 4)), TOKEN_NONE);
        arena_done(&a);
    }
}

// The bits that the last character has to spare are zero: no other text stands for the same flow.
static void one_text(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const struct access_flow flows[] = {flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 3),
                                        flow_of("2001:db8::1", 5060, SIP_PROTO_TCP, 3)};
    const struct token_use uses[] = {PATH, CALL, {.kind = TOKEN_ACCESS, .call_id = STR_INIT("call")}};
    for (size_t k = 0; k < 2 * ARRAY_LEN(uses); k++) {
        struct arena a;
        struct access_flow got;
        char copy[128];
        unsigned good = 0;
        arena_init(&a, NULL, 0);
        struct str t = token_write(&key, &a, &flows[k % 2], &uses[k / 2]);
        memcpy(copy, t.p, t.n);
        for (size_t i = 0; i < 64; i++) {
            copy[t.n - 1] = digits[i];
            good += token_parse(&key, str_make(copy, t.n), &uses[k / 2], &got, NULL) == 0;
        }
        assert_int_equal(good, 1);
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
    struct str t = token_write(&key, &a, &f, &PATH);
    char copy[128];
    for (size_t i = 0; i < t.n; i++) {
        memcpy(copy, t.p, t.n);
        copy[i] = copy[i] == 'A' ? 'Q' : 'A';
        if (i + 1 < t.n) // the last digit has spare bits
            assert_int_equal(token_parse(&key, str_make(copy, t.n), &PATH, &got, NULL), ERR_BAD);
        assert_int_equal(token_parse(&key, str_head(t, i), &PATH, &got, NULL), ERR_BAD);
    }
    memcpy(copy, t.p, t.n);
    memcpy(copy + t.n, "AAAA", 4);
    assert_int_equal(token_parse(&key, str_make(copy, t.n + 4), &PATH, &got, NULL), ERR_BAD);
    struct token_key other = {.ring = &other_ring, .boot = 7, .node = 3};
    assert_int_equal(token_parse(&other, t, &PATH, &got, NULL), ERR_BAD);
    assert_int_equal(token_parse(&key, STR("alice"), &PATH, &got, NULL), ERR_BAD);
    assert_int_equal(token_parse(&key, str_make("a\0b", 3), &PATH, &got, NULL), ERR_BAD);
    arena_done(&a);
}

// Every bit of every field, of each kind of token: protocol, family and kind, port, flow, run, listener, user, key,
// node, address, routes, tag.
static void each_field_is_signed(void **state)
{
    (void)state;
    const struct access_flow flows[] = {flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 3),
                                        flow_of("2001:db8::1", 5060, SIP_PROTO_TCP, 3)};
    const struct token_use uses[] = {PATH, CALL, {.kind = TOKEN_ACCESS, .call_id = STR_INIT("call"), .routes = 7}};
    for (size_t k = 0; k < 2 * ARRAY_LEN(uses); k++) {
        const struct token_use *use = &uses[k / 2];
        unsigned char bytes[128];
        struct access_flow got;
        struct arena a;
        size_t n;
        arena_init(&a, NULL, 0);
        struct str t = token_write(&key, &a, &flows[k % 2], use);
        assert_int_equal(base64url_parse(t, bytes, sizeof bytes, &n), 0);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            struct str bent = base64url_write(&a, bytes, n);
            if (token_parse(&key, bent, use, &got, NULL) != ERR_BAD)
                fail_msg("token %zu, bit %zu", k, bit);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        assert_int_equal(token_parse(&key, base64url_write(&a, bytes, n), use, &got, NULL), 0);
        arena_done(&a);
    }
}

// A token of one dialog is none of another, nor a Path, nor of the dialog's other side.
static void one_purpose_each(void **state)
{
    (void)state;
    static const struct token_use uses[] = {
        {.kind = TOKEN_PATH},
        {.kind = TOKEN_CORE, .call_id = STR_INIT("call-1")},
        {.kind = TOKEN_CORE, .call_id = STR_INIT("call-2")},
        {.kind = TOKEN_ACCESS, .call_id = STR_INIT("call-1"), .peer_tag = STR_INIT("a")},
        {.kind = TOKEN_ACCESS, .call_id = STR_INIT("call-1"), .peer_tag = STR_INIT("b")},
        {.kind = TOKEN_ACCESS, .call_id = STR_INIT("a"), .peer_tag = STR_INIT("call-1")},
        {.kind = TOKEN_ACCESS, .call_id = STR_INIT("call-1")},
    };
    static const char *const ips[] = {"192.0.2.1", "2001:db8::1"};
    struct access_flow f = {.proto = SIP_PROTO_UDP, .id = 5}, got;
    struct arena a;
    arena_init(&a, NULL, 0);
    for (size_t ip = 0; ip < ARRAY_LEN(ips); ip++) {
        assert_int_equal(addr_parse(str_from(ips[ip]), 5060, &f.remote), 0);
        for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
            struct str t = token_write(&key, &a, &f, &uses[i]);
            for (size_t k = 0; k < ARRAY_LEN(uses); k++)
                assert_int_equal(token_parse(&key, t, &uses[k], &got, NULL), i == k ? 0 : ERR_BAD);
        }
    }
    arena_done(&a);
}

static uint64_t route_of(struct arena *a, const char *uri)
{
    struct sip_uri u;
    assert_int_equal(sip_uri_parse(a, str_from(uri), &u), 0);
    return token_add_route(&key, 0, &u);
}

static void route_set_travels_in_the_token(void **state)
{
    (void)state;
    struct access_flow f = flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 3), got;
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = STR("c"),
                            .peer_tag = STR("t"),
                            .routes = 0x1234567890abcdef};
    struct arena a;
    uint64_t routes = 0;
    arena_init(&a, NULL, 0);
    struct str t = token_write(&key, &a, &f, &use);
    use.routes = 0;
    assert_int_equal(token_parse(&key, t, &use, &got, &routes), 0);
    assert_true(routes == 0x1234567890abcdef);
    t = token_write(&key, &a, &f, &PATH);
    assert_int_equal(token_parse(&key, t, &PATH, &got, &routes), 0);
    assert_true(routes == 0);
    arena_done(&a);
}

// RFC 3261 19.1.4 as far as a UE may write a URI of its route set anew; all else is another route.
static void route_sets_compare(void **state)
{
    (void)state;
    static const char one[] = "sip:mo@scscf.example:5060;lr;transport=tcp";
    static const char *const same[] = {"sip:mo@SCSCF.example:5060;lr;transport=tcp",
                                       "sip:mo@scscf.example:5060;Transport=TCP;lr=on"};
    static const char *const others[] = {
        "sip:mo@scscf.example:5060;lr",
        "sip:orig@scscf.example:5060;lr;transport=tcp",
        "sip:MO@scscf.example:5060;lr;transport=tcp",
        "sip:mo@scscf.example;lr;transport=tcp",
        "sips:mo@scscf.example:5060;lr;transport=tcp",
        "sip:mo@evil.example:5060;lr;transport=tcp",
        "sip:mo@scscf.example:5060;lr;transport=tcp;maddr=203.0.113.9",
        "sip:mo@scscf.example:5060;lr;transport=udp",
        "sip:mo@scscf.example:5060;lr;transport=tcp;orig",
        "sip:mo@scscf.example:5060;lr;transport=tcp?Route=x",
        "tel:+1555"};
    struct arena a;
    struct sip_uri u;
    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (route_of(&a, one) != route_of(&a, same[i]))
            fail_msg("%s", same[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (route_of(&a, one) == route_of(&a, others[i]))
            fail_msg("%s", others[i]);
    // RFC 5954 4.2: a UE may write an address in its own way.
    assert_true(route_of(&a, "sip:mo@[2001:db8::1]:5060;lr") == route_of(&a, "sip:mo@[2001:DB8:0::0:1]:5060;lr"));
    assert_true(route_of(&a, "sip:mo@[2001:db8::1]:5060;lr") != route_of(&a, "sip:mo@[2001:db8::2]:5060;lr"));
    assert_int_equal(sip_uri_parse(&a, str_from(one), &u), 0);
    uint64_t twice = token_add_route(&key, route_of(&a, others[0]), &u);
    assert_true(twice != token_add_route(&key, route_of(&a, one), &u));
    assert_true(twice != route_of(&a, one));
    arena_done(&a);
}

// Yesterday's tokens are good while their key is kept; names and route sets do not change with the keys.
static void keys_rotate_under_tokens(void **state)
{
    (void)state;
    struct keyring turning = ring;
    const struct token_key k = {.ring = &turning, .boot = 7, .node = 3};
    struct access_flow f = flow_of("192.0.2.1", 5060, SIP_PROTO_UDP, 3), got;
    struct arena a;
    struct sip_uri u;
    arena_init(&a, NULL, 0);
    assert_int_equal(sip_uri_parse(&a, STR("sip:mo@scscf.example;lr"), &u), 0);
    struct str first = token_write(&k, &a, &f, &CALL);
    uint64_t user = token_user(&k, STR("impi")), routes = token_add_route(&k, 0, &u);
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t secret[KEYRING_SECRET] = {i, 9};
        assert_int_equal(token_parse(&k, first, &CALL, &got, NULL), 0);
        keyring_add(&turning, secret, 2, 100u + i);
        struct str newest = token_write(&k, &a, &f, &CALL);
        assert_false(str_eq(newest, first));
        assert_int_equal(token_parse(&k, newest, &CALL, &got, NULL), 0);
        assert_int_equal(token_origin(&k, first), i < 2 ? TOKEN_OF_THIS_RUN : TOKEN_OF_FORGOTTEN_KEY);
        assert_int_equal(token_parse(&key, newest, &CALL, &got, NULL), ERR_BAD);
    }
    assert_int_equal(token_parse(&k, first, &CALL, &got, NULL), ERR_BAD);
    assert_true(user == token_user(&k, STR("impi")));
    assert_true(routes == token_add_route(&k, 0, &u));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),         cmocka_unit_test(one_text),
        cmocka_unit_test(forgeries),          cmocka_unit_test(each_field_is_signed),
        cmocka_unit_test(one_purpose_each),   cmocka_unit_test(route_set_travels_in_the_token),
        cmocka_unit_test(route_sets_compare), cmocka_unit_test(keys_rotate_under_tokens),
    };
    return cmocka_run_group_tests(tests, make_rings, NULL);
}
