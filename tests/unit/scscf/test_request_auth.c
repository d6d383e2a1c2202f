// SPDX-License-Identifier: Apache-2.0
// Requests whose sender the P-CSCF could not make out (TS 24.229 5.4.3.6): 407, and what an answer
// to it is worth.
#include <stdio.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
#define DAVE "dave@" DOMAIN
#define DAVE_PROFILE PROFILE(DAVE, ID("sip:" DAVE) ID("tel:+15554"))
#define BOB "sip:bob@" DOMAIN

static void register_dave(void)
{
    w.hss.digest = true;
    w.hss.alg = DIGEST_MD5;
    w.hss.profile = DAVE_PROFILE;
    (void)world_registered(&dave);
}

// A MESSAGE along our Service-Route, without an asserted identity.
static void asks(const char *from, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "MESSAGE " BOB
                " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKq%u\nMax-Forwards: 70\n"
                "Route: <sip:orig@127.0.1.30:5060;lr>\nFrom: <%s>;tag=f\nTo: <" BOB
                ">\nCall-ID: q%u\n"
                "CSeq: %u MESSAGE\nP-Charging-Vector: icid-value=ic\n%sContent-Length: 0\n\n",
                w.branch, from, w.branch, w.branch, headers);
}

static struct sip_msg *challenged(void)
{
    struct sip_msg *m = world_expect(W_PCSCF, 407);
    assert_has(header(m, SIP_H_PROXY_AUTHENTICATE), "Digest realm=\"" DOMAIN "\"");
    assert_has(header(m, SIP_H_PROXY_AUTHENTICATE), "qop=\"auth\"");
    return m;
}

static const char *line(const char *credentials)
{
    static char out[2][1100];
    static unsigned n;
    char *to = out[n++ % 2];
    (void)snprintf(to, sizeof out[0], "Proxy-Authorization: %s\n", credentials);
    return to;
}

static void answered_by_the_user(void **state)
{
    (void)state;
    register_dave();
    unsigned mars = w.hss.n_mar;
    asks("sip:" DAVE, "");
    struct sip_msg *m = challenged();
    assert_int_equal(w.hss.n_mar, mars); // what was known of him is enough
    char second[1100];
    (void)snprintf(second, sizeof second, "%s",
                   line(world_proxy_credentials(m, DAVE, "secret", 2, "MESSAGE")));
    const char *first = line(world_proxy_credentials(m, DAVE, "secret", 1, "MESSAGE"));
    asks("sip:" DAVE, first);
    m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_has(header(m, SIP_H_P_ASSERTED_IDENTITY), "<sip:" DAVE ">");
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), 2); // and its number
    assert_false(sip_msg_has(m, SIP_H_PROXY_AUTHORIZATION));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
    asks("sip:" DAVE, first); // overheard and said again
    assert_has(header(world_expect(W_PCSCF, 407), SIP_H_PROXY_AUTHENTICATE), "stale=true");
    asks("sip:someone@" DOMAIN, ""); // nobody here
    (void)world_expect(W_PCSCF, 504);
    char preferred[1200];
    (void)snprintf(preferred, sizeof preferred, "P-Preferred-Identity: <tel:+15554>\n%s", second);
    asks("sip:anonymous@anonymous.invalid", preferred);
    m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_string_equal(header(m, SIP_H_P_ASSERTED_IDENTITY), "<tel:+15554>");
    assert_false(sip_msg_has(m, SIP_H_P_PREFERRED_IDENTITY));
}

static void wrong_answers(void **state)
{
    (void)state;
    register_dave();
    asks("sip:" DAVE, "");
    struct sip_msg *m = challenged();
    // Another method's, another user's, another password's.
    asks("sip:" DAVE, line(world_proxy_credentials(m, "eve@" DOMAIN, "secret", 1, "MESSAGE")));
    m = challenged();
    asks("sip:" DAVE, line(world_proxy_credentials(m, DAVE, "secret", 1, "INVITE")));
    m = challenged();
    asks("sip:" DAVE, line(world_proxy_credentials(m, DAVE, "wrong", 1, "MESSAGE")));
    (void)world_expect(W_PCSCF, 403); // the second in a row
    assert_null(world_take(W_ICSCF));
}

// Silence is nobody's failure: the HSS hears nothing, and the registration stays.
static void silence(void **state)
{
    (void)state;
    register_dave();
    unsigned sars = w.hss.n_sar;
    asks("sip:" DAVE, "");
    (void)challenged();
    world_run(300000);
    assert_int_equal(w.hss.n_sar, sars);
}

// Nothing is known of him any more but that he is registered.
static void secret_of_the_hss(void **state)
{
    (void)state;
    register_dave();
    world_run(700000); // the nonce of the registration is too old
    unsigned mars = w.hss.n_mar;
    asks("sip:" DAVE, "");
    struct sip_msg *m = challenged();
    assert_int_equal(w.hss.n_mar, mars + 1);
    assert_string_equal(w.hss.mar_scheme, "SIP Digest");
    asks("sip:" DAVE, line(world_proxy_credentials(m, DAVE, "secret", 1, "MESSAGE")));
    world_answer(W_ICSCF, world_expect_request(W_ICSCF, "MESSAGE"), 200, "");
    (void)world_expect(W_PCSCF, 200);
    // Or he has no password at all.
    w.hss.digest = false;
    world_run(700000);
    asks("sip:" DAVE, "");
    (void)world_expect(W_PCSCF, 403);
}

// TS 24.229 5.4.3.2: a proof makes nobody of an identity that may not originate.
static void barred_identity_is_not_asserted(void **state)
{
    (void)state;
    w.hss.digest = true;
    w.hss.alg = DIGEST_MD5;
    w.hss.profile = PROFILE(DAVE, ID("sip:" DAVE) BARRED("sip:hidden@" DOMAIN));
    (void)world_registered(&dave);
    asks("sip:hidden@" DOMAIN, "");
    struct sip_msg *m = challenged();
    asks("sip:hidden@" DOMAIN, line(world_proxy_credentials(m, DAVE, "secret", 1, "MESSAGE")));
    (void)world_expect(W_PCSCF, 403);
    assert_null(world_take(W_ICSCF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answered_by_the_user),
        TEST(wrong_answers),
        TEST(silence),
        TEST(secret_of_the_hss),
        TEST(barred_identity_is_not_asserted),
    };
    return cmocka_run_group_tests_name("scscf_request_auth", tests, NULL, NULL);
}
