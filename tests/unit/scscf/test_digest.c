// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "scscf/digest.h"

static struct digest *d;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return digest_new(&d);
}

static int tear_down(void **state)
{
    (void)state;
    digest_free(d);
    arena_done(&arena);
    return 0;
}

// The example of RFC 7616 3.9.1 ("Mufasa", GET /dir/index.html), MD5 and SHA-256.
#define REALM STR("http-auth@example.org")
#define NONCE STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v")
#define CNONCE STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")

static struct str ha1(enum digest_alg alg)
{
    char *room = arena_alloc(&arena, DIGEST_HEX_MAX);
    assert_int_equal(digest_ha1(d, alg, STR("Mufasa"), REALM, STR("Circle of Life"), room), 0);
    return str_from(room);
}

static struct sip_auth answer(const char *response)
{
    return (struct sip_auth){.username = STR("Mufasa"), .realm = REALM, .nonce = NONCE,
                             .uri = STR("/dir/index.html"), .response = str_from(response),
                             .cnonce = CNONCE, .qop = STR("auth"), .nc = STR("00000001")};
}

#define MD5_RESPONSE "8ca523f5e9506fed4657c9700eebdbec"
#define SHA_RESPONSE "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"

static void published_examples(void **state)
{
    (void)state;
    uint32_t nc = 0;
    struct str info = STR_NONE;
    struct challenge c = {.scheme = AUTH_DIGEST, .alg = DIGEST_MD5, .nonce = NONCE, .realm = REALM,
                          .secret = ha1(DIGEST_MD5)};
    struct sip_auth a = answer(MD5_RESPONSE);
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, &info), DIGEST_RIGHT);
    assert_int_equal(nc, 1);
    assert_true(str_starts(info, STR("qop=auth,rspauth=\"")));
    c.alg = DIGEST_SHA256;
    c.secret = ha1(DIGEST_SHA256);
    a = answer(SHA_RESPONSE);
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, &info), DIGEST_RIGHT);
    a.algorithm = STR("SHA-256");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, &info), DIGEST_RIGHT);
    a.algorithm = STR("MD5");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, &info), DIGEST_MALFORMED);
}

static void unhappy(void **state)
{
    (void)state;
    uint32_t nc = 0;
    struct challenge c = {.scheme = AUTH_DIGEST, .alg = DIGEST_MD5, .nonce = NONCE, .realm = REALM,
                          .secret = ha1(DIGEST_MD5)};
    struct sip_auth a = answer(MD5_RESPONSE);
    assert_int_equal(digest_check(d, &c, &a, STR("PUT"), &arena, &nc, NULL), DIGEST_WRONG);
    c.nc = 1;
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_REPLAYED);
    c.nc = 0;
    a.nc = STR("00000000");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
    a.nc = STR("1");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
    a = answer(MD5_RESPONSE);
    a.qop = STR("auth-int");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
    a = answer(MD5_RESPONSE);
    a.qop = STR_NONE;
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
    a = answer(MD5_RESPONSE);
    a.cnonce = STR_NONE;
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
    a = answer("");
    assert_int_equal(digest_check(d, &c, &a, STR("GET"), &arena, &nc, NULL), DIGEST_MALFORMED);
}

// RFC 3310 3.3: the password is RES as bytes, here with a NUL among them; qop may be absent (3.4).
static void aka(void **state)
{
    (void)state;
    static const char res[8] = {1, 2, 0, 4, 5, (char)0xff, 7, 8};
    char a1[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX];
    uint32_t nc = 5;
    struct str info = STR("x");
    struct challenge c = {.scheme = AUTH_AKA, .alg = DIGEST_MD5, .nonce = STR("bm9uY2U="),
                          .realm = STR("d"), .secret = str_make(res, sizeof res)};
    assert_int_equal(digest_ha1(d, DIGEST_MD5, STR("a@d"), STR("d"), c.secret, a1), 0);
    struct digest_params p = {.alg = DIGEST_MD5, .ha1 = str_from(a1), .nonce = c.nonce,
                              .method = STR("REGISTER"), .uri = STR("sip:d")};
    assert_int_equal(digest_response(d, &p, want), 0);
    struct sip_auth a = {.username = STR("a@d"), .uri = STR("sip:d"), .response = str_from(want),
                         .algorithm = STR("AKAv1-MD5")};
    assert_int_equal(digest_check(d, &c, &a, STR("REGISTER"), &arena, &nc, &info), DIGEST_RIGHT);
    assert_int_equal(nc, 0);
    assert_null(info.p);
    a.username = STR("b@d");
    assert_int_equal(digest_check(d, &c, &a, STR("REGISTER"), &arena, &nc, &info), DIGEST_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_examples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unhappy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aka, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
