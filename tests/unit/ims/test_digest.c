// SPDX-License-Identifier: Apache-2.0
// The examples of RFC 2617 3.5, RFC 7616 3.9.1 and AKAv1-MD5 of RFC 3310 (password is RES, any
// bytes).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/aka.h"
#include "ims/digest.h"

static struct digest *digest;

static int setup(void **state)
{
    (void)state;
    return digest_new(&digest);
}

static int teardown(void **state)
{
    (void)state;
    digest_free(digest);
    return mem_live() == 0 ? 0 : -1;
}

struct example {
    const char *clause;
    enum digest_alg alg;
    const char *user, *realm, *password, *nonce, *method, *uri, *qop, *nc, *cnonce, *body;
    bool response_side;
    const char *want;
};

static const struct example examples[] = {
    {"RFC 2617 3.5", DIGEST_MD5, "Mufasa", "testrealm@host.com", "Circle Of Life",
     "dcd98b7102dd2f0e8b11d0f600bfb0c093", "GET", "/dir/index.html", "auth", "00000001", "0a4f113b",
     NULL, false, "6629fae49393a05397450978507c4ef1"},
    {"RFC 7616 3.9.1 MD5", DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life",
     "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "GET", "/dir/index.html", "auth", "00000001",
     "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", NULL, false,
     "8ca523f5e9506fed4657c9700eebdbec"},
    {"RFC 7616 3.9.1 SHA-256", DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life",
     "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "GET", "/dir/index.html", "auth", "00000001",
     "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", NULL, false,
     "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    // Computed with Python's hashlib from the formulas.
    {"RFC 2617 3.2.2.1 without qop", DIGEST_MD5, "bob", "biloxi.com", "zanzibar",
     "dcd98b7102dd2f0e8b11d0f600bfb0c093", "INVITE", "sip:bob@biloxi.com", "", "", "", NULL, false,
     "bf57e4e0d0bffc0fbaedce64d59add5e"},
    {"RFC 2617 3.2.2.3 auth-int", DIGEST_MD5, "bob", "biloxi.com", "zanzibar",
     "dcd98b7102dd2f0e8b11d0f600bfb0c093", "INVITE", "sip:bob@biloxi.com", "auth-int", "00000001",
     "0a4f113b", "v=0\r\n", false, "77226bb823dc077c1ad3537415667bae"},
    {"RFC 2617 3.2.3 rspauth", DIGEST_MD5, "bob", "biloxi.com", "zanzibar",
     "dcd98b7102dd2f0e8b11d0f600bfb0c093", "REGISTER", "sip:biloxi.com", "auth", "00000001",
     "0a4f113b", NULL, true, "327a38e8faa634f303e56559dda25745"},
};

static void published_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];
        char ha1[DIGEST_HEX_MAX], got[DIGEST_HEX_MAX];
        assert_int_equal(digest_ha1(digest, e->alg, str_from(e->user), str_from(e->realm),
                                    str_from(e->password), ha1),
                         0);
        struct digest_params p = {
            .alg = e->alg,
            .ha1 = str_from(ha1),
            .nonce = str_from(e->nonce),
            .method = str_from(e->method),
            .uri = str_from(e->uri),
            .qop = str_from(e->qop),
            .nc = str_from(e->nc),
            .cnonce = str_from(e->cnonce),
            .body = str_from(e->body),
            .response_side = e->response_side,
        };
        assert_int_equal(digest_response(digest, &p, got), 0);
        if (strcmp(got, e->want) != 0)
            fail_msg("%s: %s", e->clause, got);
    }
}

// RFC 3310 3.3: the password is RES as it is, zero bytes included.
static void aka_password_with_zero_bytes(void **state)
{
    (void)state;
    const char res[8] = {'\x12', 0, '\xff', 0, 0, '\x3a', '\x0a', 0};
    char full[DIGEST_HEX_MAX], cut[DIGEST_HEX_MAX];
    assert_int_equal(digest_ha1(digest, DIGEST_MD5, STR("u@r"), STR("r"), str_make(res, 8), full),
                     0);
    assert_string_equal(full, "fa789ef653b42f0f5b687eadb9bf3262");
    assert_int_equal(digest_ha1(digest, DIGEST_MD5, STR("u@r"), STR("r"), str_make(res, 1), cut),
                     0);
    assert_string_not_equal(full, cut);
}

// A REGISTER after resynchronisation carries an empty password (RFC 3310 3.4).
static void empty_password(void **state)
{
    (void)state;
    char got[DIGEST_HEX_MAX];
    assert_int_equal(digest_ha1(digest, DIGEST_MD5, STR("u@r"), STR("r"), STR_NONE, got), 0);
    assert_string_equal(got, "6a3ead529495b72ace63b80dd3447290");
}

static void comparison(void **state)
{
    (void)state;
    assert_true(digest_equal(STR("6629FAE4"), STR("6629fae4")));
    assert_false(digest_equal(STR("6629fae4"), STR("6629fae5")));
    assert_false(digest_equal(STR("6629fae4"), STR("6629fae")));
    assert_false(digest_equal(STR(""), STR("")));
    assert_false(digest_equal(STR_NONE, STR("6629fae4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(aka_password_with_zero_bytes),
        cmocka_unit_test(empty_password),
        cmocka_unit_test(comparison),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
