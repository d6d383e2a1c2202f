// SPDX-License-Identifier: Apache-2.0
// REGISTER with SIP Digest, flow by flow.
#include <stdio.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static struct sip_msg *expect(struct sip_msg *m, unsigned status)
{
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

static struct reg with_auth(const struct reg *r, const char *auth)
{
    struct reg again = *r;
    again.auth = auth;
    return again;
}

// TS 24.229 5.4.1.2.1A, 5.4.1.2.2A, TS 33.203 annex N
#define DAVE_PROFILE PROFILE("dave@" DOMAIN, ID("sip:dave@" DOMAIN))

static void use_digest(enum digest_alg alg)
{
    w.hss.digest = true;
    w.hss.alg = alg;
    w.hss.profile = DAVE_PROFILE;
}

static void digest_registers(void **state)
{
    for (enum digest_alg alg = DIGEST_MD5; alg <= DIGEST_SHA256; alg++) {
        use_digest(alg);
        struct sip_msg *m = expect(world_register(&dave), 401);
        assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "qop=\"auth\"");
        assert_lacks(header(m, SIP_H_WWW_AUTHENTICATE), "stale");
        assert_string_equal(w.hss.mar_scheme, "Unknown");
        assert_string_equal(w.hss.mar_impi, "dave@" DOMAIN);
        m = world_registered(&dave);
        assert_has(header(m, SIP_H_AUTHENTICATION_INFO), "rspauth=");
        assert_has(header(m, SIP_H_AUTHENTICATION_INFO), "nc=00000001");
    }
}

// TS 29.228 table 6.3.7: the newer algorithm comes beside MD5 and is the one that is challenged with.
static void digest_alternate_algorithm(void **state)
{
    use_digest(DIGEST_SHA256);
    w.hss.alternate = true;
    struct sip_msg *m = expect(world_register(&dave), 401);
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "algorithm=SHA-256");
    (void)world_registered(&dave);
}

// RFC 7616 3.4: the nonce serves again with a higher count, never with the same.
static void digest_nonce_count(void **state)
{
    use_digest(DIGEST_MD5);
    struct sip_msg *m = expect(world_register(&dave), 401);
    char one[1024], two[1024];
    (void)snprintf(one, sizeof one, "%s", world_credentials(m, dave.impi, "secret", 1, "ip-assoc-pending"));
    (void)snprintf(two, sizeof two, "%s", world_credentials(m, dave.impi, "secret", 2, "ip-assoc-yes"));
    struct reg r = with_auth(&dave, one);
    (void)expect(world_register(&r), 200);
    r.auth = two;
    (void)expect(world_register(&r), 200);
    assert_int_equal(w.hss.n_mar, 1);
    m = expect(world_register(&r), 401);
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "stale=true");
}

// A stranger's challenge does not end the nonce that dave uses.
static void digest_nonce_outlives_a_stranger(void **state)
{
    use_digest(DIGEST_MD5);
    struct sip_msg *m = expect(world_register(&dave), 401);
    char one[1024], two[1024];
    (void)snprintf(one, sizeof one, "%s",
                   world_credentials(m, dave.impi, "secret", 1, "ip-assoc-pending"));
    (void)snprintf(two, sizeof two, "%s",
                   world_credentials(m, dave.impi, "secret", 2, "ip-assoc-yes"));
    struct reg r = with_auth(&dave, one), stranger = dave;
    (void)expect(world_register(&r), 200);
    stranger.call_id = "stranger";
    for (unsigned i = 0; i < 20; i++)
        (void)expect(world_register(&stranger), 401);
    r.auth = two;
    (void)expect(world_register(&r), 200);
}

static void digest_nonce_expires(void **state)
{
    use_digest(DIGEST_MD5);
    struct sip_msg *m = expect(world_register(&dave), 401);
    char two[1024];
    struct reg r = with_auth(&dave, world_credentials(m, dave.impi, "secret", 1, "ip-assoc-pending"));
    (void)snprintf(two, sizeof two, "%s", world_credentials(m, dave.impi, "secret", 2, "ip-assoc-yes"));
    r = with_auth(&dave, world_credentials(m, dave.impi, "secret", 1, "ip-assoc-pending"));
    (void)expect(world_register(&r), 200);
    world_run(601000);
    r.auth = two;
    m = expect(world_register(&r), 401);
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "stale=true");
}

static void digest_wrong_password(void **state)
{
    use_digest(DIGEST_MD5);
    struct sip_msg *m = expect(world_register(&dave), 401);
    struct reg r = with_auth(&dave, world_credentials(m, dave.impi, "wrong", 1, "ip-assoc-pending"));
    m = expect(world_register(&r), 401);
    assert_lacks(header(m, SIP_H_WWW_AUTHENTICATE), "stale");
    r.auth = world_credentials(m, dave.impi, "wrong", 1, "ip-assoc-pending");
    (void)expect(world_register(&r), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(digest_registers),
        TEST(digest_alternate_algorithm),
        TEST(digest_nonce_count),
        TEST(digest_nonce_outlives_a_stranger),
        TEST(digest_nonce_expires),
        TEST(digest_wrong_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
