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

// The count goes with the challenge, also when the HSS gives no new one.
static void guesses_are_counted_without_hss(void **state)
{
    use_digest(DIGEST_MD5);
    struct sip_msg *m = expect(world_register(&dave), 401);
    struct reg r = with_auth(&dave, world_credentials(m, dave.impi, "wrong", 1, "ip-assoc-pending"));
    w.hss.mar_result = (struct dia_result){DIA_UNABLE_TO_DELIVER, false};
    (void)expect(world_register(&r), 504);
    (void)expect(world_register(&r), 403);
}

static void reload(bool md5_beside, bool check_uri, int scheme)
{
    struct scscf_config c = w.cfg;
    c.auth.md5_beside = md5_beside;
    c.auth.check_uri = check_uri;
    c.auth.default_scheme = scheme;
    scscf_reload(w.scscf, &c);
}

// RFC 8760 2.4: the stronger one first, the UE answers the one that it knows; an answer without a word about
// it is MD5 (RFC 7616 3.3).
static void both_algorithms(void **state)
{
    static const char *const says[] = {"MD5", "SHA-256", ""};
    use_digest(DIGEST_SHA256);
    w.hss.alternate = true;
    reload(true, true, SCSCF_SCHEME_HSS);
    for (size_t i = 0; i < 3; i++) {
        struct sip_msg *m = expect(world_register(&dave), 401);
        char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], auth[1024];
        assert_int_equal(sip_msg_count(m, SIP_H_WWW_AUTHENTICATE), 2);
        const struct sip_auth *first = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
        const struct sip_auth *second = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 1);
        assert_true(str_eq(first->algorithm, STR("SHA-256")));
        assert_true(str_eq(second->algorithm, STR("MD5")));
        enum digest_alg alg = i == 1 ? DIGEST_SHA256 : DIGEST_MD5;
        assert_int_equal(digest_ha1(w.digest, alg, str_from(dave.impi), first->realm, STR("secret"), ha1), 0);
        struct digest_params p = {.alg = alg, .ha1 = str_from(ha1), .nonce = first->nonce,
                                  .method = STR("REGISTER"), .uri = STR("sip:" DOMAIN),
                                  .qop = STR("auth"), .nc = STR("00000001"), .cnonce = STR("cn")};
        assert_int_equal(digest_response(w.digest, &p, response), 0);
        (void)snprintf(auth, sizeof auth,
                       "Digest username=\"%s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"sip:" DOMAIN
                       "\",response=\"%s\",qop=auth,nc=00000001,cnonce=\"cn\"%s%s,"
                       "integrity-protected=\"ip-assoc-pending\"",
                       dave.impi, STR_ARG(first->realm), STR_ARG(first->nonce), response,
                       *says[i] ? ",algorithm=" : "", says[i]);
        struct reg r = with_auth(&dave, auth);
        (void)expect(world_register(&r), 200);
    }
}

// RFC 7616 3.4.6: credentials that were made for another host are not taken here.
static void uri_of_the_credentials(void **state)
{
    static const struct {
        const char *uri;
        unsigned status;
    } rows[] = {{"sip:elsewhere.example", 400}, {"x", 400}, {"sip:" DOMAIN ":5060;transport=tcp", 401},
                {"sip:scscf." DOMAIN ":5060", 401}, {"sip:127.0.1.10:5060", 401}};
    use_digest(DIGEST_MD5);
    for (int check = 1; check >= 0; check--) {
        reload(false, check, SCSCF_SCHEME_HSS);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct sip_msg *m = expect(world_register(&dave), 401);
            const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
            char auth[1024];
            (void)snprintf(auth, sizeof auth,
                           "Digest username=\"%s\",realm=\"" DOMAIN "\",nonce=\"%.*s\",uri=\"%s\","
                           "response=\"00000000000000000000000000000000\",qop=auth,nc=00000001,"
                           "cnonce=\"c\"", dave.impi, STR_ARG(c->nonce), rows[i].uri);
            struct reg r = with_auth(&dave, auth);
            (void)expect(world_register(&r), check ? rows[i].status : 401);
        }
    }
}

// A realm is a text, not a name: what was computed with another one is none of ours.
static void realm_of_the_credentials(void **state)
{
    use_digest(DIGEST_MD5);
    struct reg first = with_auth(&dave, "Digest username=\"dave@" DOMAIN "\",realm=\"IMS.Example\","
                                        "nonce=\"\",uri=\"sip:" DOMAIN "\",response=\"\"");
    struct sip_msg *m = expect(world_register(&first), 401);
    const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    char auth[1024];
    (void)snprintf(auth, sizeof auth, "Digest username=\"dave@" DOMAIN "\",realm=\"IMS.Example\","
                   "nonce=\"%.*s\",uri=\"sip:" DOMAIN "\",response=\"0\"", STR_ARG(c->nonce));
    struct reg r = with_auth(&dave, auth);
    m = expect(world_register(&r), 403);
    assert_has(header(m, SIP_H_WARNING), "foreign realm");
}

// What is asked for when neither the UE nor the P-CSCF says anything; what the HSS has decides in the end.
static void default_scheme(void **state)
{
    static const char *const schemes[] = {"Unknown", "Digest-AKAv1-MD5", "SIP Digest"};
    use_digest(DIGEST_MD5);
    for (int i = 0; i < 3; i++) {
        reload(false, true, i);
        (void)expect(world_register(&dave), 401);
        assert_string_equal(w.hss.mar_scheme, schemes[i]);
    }
    unsigned asked = w.hss.n_mar;
    reload(false, true, SCSCF_SCHEME_AKA);
    w.hss.mar_result = (struct dia_result){CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, true};
    (void)expect(world_register(&dave), 403);
    assert_int_equal(w.hss.n_mar, asked + 2);
    assert_string_equal(w.hss.mar_scheme, "Unknown");
}

static void default_scheme_of_a_p_cscf(void **state)
{
    static struct scscf_pcscf rows[] = {{STR_INIT("127.0.1.10"), SCSCF_SCHEME_DIGEST}};
    use_digest(DIGEST_MD5);
    world_kill_scscf();
    w.cfg.auth.pcscfs = (struct conf_table){rows, 1};
    w.cfg.auth.default_scheme = SCSCF_SCHEME_AKA;
    world_start_scscf();
    world_run(40000);
    (void)expect(world_register(&dave), 401);
    assert_string_equal(w.hss.mar_scheme, "SIP Digest");
    struct reg other = dave;
    other.no_path = true;
    other.headers = "Path: <sip:other.example;lr>\n";
    (void)expect(world_register(&other), 401);
    assert_string_equal(w.hss.mar_scheme, "Digest-AKAv1-MD5");
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
        TEST(guesses_are_counted_without_hss),
        TEST(both_algorithms),
        TEST(uri_of_the_credentials),
        TEST(realm_of_the_credentials),
        TEST(default_scheme),
        TEST(default_scheme_of_a_p_cscf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
