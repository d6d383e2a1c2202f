// SPDX-License-Identifier: Apache-2.0
// REGISTER at the S-CSCF, flow by flow.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
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

static const char *credentials(const struct sip_msg *m)
{
    return world_credentials(m, alice.impi, RES, 1, "yes");
}

// TS 24.229 5.4.1.2.1: MAR, then 401 with the vector, ck and ik for the P-CSCF.
static void initial_register_is_challenged(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    assert_non_null(c);
    assert_true(str_eq(c->realm, STR(DOMAIN)));
    assert_true(str_eq(c->algorithm, STR("AKAv1-MD5")));
    assert_true(str_eq(c->nonce, STR("MDEyMzQ1Njc4OWFiY2RlZkFCQ0RFRkdISUpLTE1OT1A=")));
    assert_true(str_eq(c->ck, STR("636b636b636b636b636b636b636b636b")));
    assert_true(str_eq(c->ik, STR("696b696b696b696b696b696b696b696b")));
    assert_true(str_eq(c->qop, STR("auth"))); // RFC 7616 3.3
    assert_string_equal(w.hss.mar_scheme, "Digest-AKAv1-MD5");
    assert_string_equal(w.hss.mar_impi, "alice@" DOMAIN);
    assert_string_equal(w.hss.mar_impu, "sip:alice@" DOMAIN);
    assert_int_equal(w.hss.n_sar, 0);
    assert_int_equal(held_challenges(w.scscf), 1);
}

// TS 24.229 5.4.1.1: without Authorization the private identity is derived from To, also of a number.
static void private_identity_of_a_number(void **state)
{
    (void)state;
    struct reg r = alice;
    r.impu = "sip:+15551@" DOMAIN ";user=phone";
    r.auth = "";
    (void)expect(world_register(&r), 401);
    assert_string_equal(w.hss.mar_impi, "+15551@" DOMAIN);
    assert_string_equal(w.hss.mar_impu, "tel:+15551");
}

// TS 24.229 5.4.1.2.2, 5.4.1.2.2F: everything that the 200 carries.
static void right_response_registers(void **state)
{
    w.hss.ccf = "aaa://ccf.ims.example";
    struct sip_msg *m = world_registered(&alice);
    assert_string_equal(header(m, SIP_H_P_ASSOCIATED_URI), "<sip:alice@" DOMAIN ">, <tel:+15551>");
    assert_has(header(m, SIP_H_SERVICE_ROUTE), "<sip:orig.");
    assert_has(header(m, SIP_H_SERVICE_ROUTE), "@127.0.1.30:5060;lr>");
    assert_string_equal(header(m, SIP_H_PATH), "<sip:flow1@127.0.1.10:5060;lr>");
    assert_string_equal(header(m, SIP_H_CONTACT), "<sip:alice@192.0.2.1:5060>;expires=3600");
    assert_has(header(m, SIP_H_P_CHARGING_FUNCTION_ADDRESSES), "ccf=\"aaa://ccf.ims.example\"");
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "icid-value=ic1");
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "orig-ioi=visited.example");
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "term-ioi=" DOMAIN);
    assert_int_equal(w.hss.n_sar, 1);
    assert_int_equal(w.hss.sars[0], CX_REGISTRATION);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(held_bindings(w.scscf), 1);
    assert_int_equal(held_challenges(w.scscf), 0);
}

// TS 24.229 5.4.1.2.2F: charging addresses are for a P-CSCF of this network only.
static void charging_addresses_stay_at_home(void **state)
{
    static const struct {
        const char *visited;
        bool home;
    } rows[] = {{DOMAIN, true},
                {"IMS.example", true},
                {DOMAIN ".evil.example", false},
                {"not-" DOMAIN, false},
                {"visited.example", false}};
    w.hss.ccf = "aaa://ccf.ims.example";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct reg r = alice;
        r.visited = rows[i].visited;
        struct sip_msg *m = world_registered(&r);
        assert_int_equal(sip_msg_has(m, SIP_H_P_CHARGING_FUNCTION_ADDRESSES), rows[i].home);
    }
}

// TS 24.229 5.4.1.2.2: over the security association no new challenge is needed.
static void protected_register_refreshes(void **state)
{
    (void)world_registered(&alice);
    struct reg again = alice;
    again.integrity = "yes";
    (void)expect(world_register(&again), 200);
    assert_int_equal(w.hss.n_mar, 1);
    assert_int_equal(w.hss.sars[1], CX_RE_REGISTRATION);
    assert_int_equal(held_bindings(w.scscf), 1);
}

static void protected_register_of_a_new_contact_is_refused(void **state)
{
    (void)world_registered(&alice);
    struct reg again = alice;
    again.integrity = "yes";
    again.contact = "<sip:alice@192.0.2.9>";
    (void)expect(world_register(&again), 403);
    assert_int_equal(held_bindings(w.scscf), 1);
}

// Somebody else's private identity does not ride on alice's registration.
static void protected_register_of_another_impi_is_challenged(void **state)
{
    (void)world_registered(&alice);
    struct reg again = alice;
    again.integrity = "yes";
    again.impi = "mallory@" DOMAIN;
    (void)expect(world_register(&again), 401);
    w.hss.mar_result = (struct dia_result){CX_ERROR_IDENTITIES_DONT_MATCH, true};
    (void)expect(world_register(&again), 403);
}

// TS 33.203 6.1.2.1, TS 24.229 5.4.1.2.3A: a wrong RES is refused at once; the HSS is told.
static void wrong_response(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg bad = with_auth(&alice, world_credentials(m, alice.impi, "wrong RES", 1, "yes"));
    m = expect(world_register(&bad), 403);
    assert_has(header(m, SIP_H_WARNING), "wrong response");
    assert_int_equal(w.hss.n_mar, 1);
    world_run(100);
    assert_int_equal(w.hss.n_sar, 1);
    assert_int_equal(w.hss.sars[0], CX_AUTHENTICATION_FAILURE);
    assert_int_equal(held_challenges(w.scscf), 0);
    assert_int_equal(held_registrations(w.scscf), 0);
}

static void wrong_then_right(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, world_credentials(m, alice.impi, "wrong RES", 1, "yes"));
    (void)expect(world_register(&r), 403);
    (void)world_registered(&alice);
}

// A failed re-authentication leaves the user registered (TS 24.229 5.4.1.2.3, note).
static void failure_keeps_the_registration(void **state)
{
    w.cfg.auth.max_failures = 1;
    scscf_reload(w.scscf, &w.cfg);
    (void)world_registered(&alice);
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg bad = with_auth(&alice, world_credentials(m, alice.impi, "wrong RES", 1, "yes"));
    (void)expect(world_register(&bad), 403);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// The response came, but its text is empty and there is no AUTS: the UE found the MAC wrong.
static void mac_failure(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    char auth[512];
    (void)snprintf(auth, sizeof auth, "Digest username=\"%s\",realm=\"" DOMAIN "\",nonce=\"%.*s\","
                   "uri=\"sip:" DOMAIN "\",response=\"\"", alice.impi, STR_ARG(c->nonce));
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 403);
}

static const char *auts_credentials(const struct sip_msg *m)
{
    static char auth[512];
    const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    (void)snprintf(auth, sizeof auth, "Digest username=\"%s\",realm=\"" DOMAIN "\",nonce=\"%.*s\","
                   "uri=\"sip:" DOMAIN "\",response=\"\",auts=\"QVVUU0FVVFNBVVRTMTQ=\"",
                   alice.impi, STR_ARG(c->nonce));
    return auth;
}

// TS 24.229 5.4.1.2.3, TS 29.228 6.3.1: RAND and AUTS go to the HSS, a new challenge to the UE; but
// not again and again.
static void resynchronisation(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, auts_credentials(m));
    m = expect(world_register(&r), 401);
    assert_int_equal(w.hss.n_resync, 1);
    assert_memory_equal(w.hss.auts, "0123456789abcdefAUTSAUTSAUTS14", 30);
    r.auth = auts_credentials(m);
    m = expect(world_register(&r), 401);
    r.auth = auts_credentials(m);
    (void)expect(world_register(&r), 403);
    assert_int_equal(w.hss.n_resync, 2);
}

static void resynchronised_then_right(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, auts_credentials(m));
    m = expect(world_register(&r), 401);
    r.auth = credentials(m);
    (void)expect(world_register(&r), 200);
}

// The HSS finds that the AUTS was not made by the card: the UE's fault, not the network's.
static void false_auts(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, auts_credentials(m));
    w.hss.mar_result = (struct dia_result){DIA_UNABLE_TO_COMPLY, false};
    m = expect(world_register(&r), 403);
    assert_has(header(m, SIP_H_WARNING), "AUTS");
    world_run(100);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_AUTHENTICATION_FAILURE);
    assert_int_equal(held_challenges(w.scscf), 0);
}

// Inside the association a phone repeats its credentials with the next count: it is not challenged, nor is
// what it says looked at (TS 24.229 5.4.1.2.2). From elsewhere a vector is good for one use (TS 33.203 6.1.1).
static void refresh_with_the_old_nonce(void **state)
{
    char one[1024], two[1024];
    struct sip_msg *m = expect(world_register(&alice), 401);
    (void)snprintf(one, sizeof one, "%s", world_credentials(m, alice.impi, RES, 1, "yes"));
    (void)snprintf(two, sizeof two, "%s", world_credentials(m, alice.impi, RES, 2, "yes"));
    struct reg r = with_auth(&alice, one);
    (void)expect(world_register(&r), 200);
    r.auth = two;
    (void)expect(world_register(&r), 200);
    assert_int_equal(w.hss.n_mar, 1);
    char *protected = strstr(two, "integrity-protected=\"yes\"");
    assert_non_null(protected);
    memcpy(protected, "integrity-protected=\"no\" ", 26);
    (void)expect(world_register(&r), 401);
}

// TS 24.229 5.4.1.1: TLS beneath the registration proves nothing about the user.
static void tls_is_no_proof(void **state)
{
    (void)world_registered(&alice);
    struct reg r = alice;
    r.integrity = "tls-connected";
    (void)expect(world_register(&r), 401);
    r = alice_gone;
    r.integrity = "tls-connected";
    (void)expect(world_register(&r), 401);
    assert_int_equal(held_bindings(w.scscf), 1);
}

static void malformed_auts(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    const struct sip_auth *c = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    char auth[512];
    (void)snprintf(auth, sizeof auth, "Digest username=\"%s\",realm=\"" DOMAIN "\",nonce=\"%.*s\","
                   "uri=\"sip:" DOMAIN "\",response=\"\",auts=\"!!\"", alice.impi,
                   STR_ARG(c->nonce));
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 400);
}

// A response that was accepted once is worth nothing the second time.
static void replayed_response(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    char auth[1024];
    (void)snprintf(auth, sizeof auth, "%s", world_credentials(m, alice.impi, RES, 1, "no"));
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 200);
    (void)expect(world_register(&r), 401);
}

// TS 24.229 table 7.8.1: after reg-await-auth the response is too late.
static void late_response(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    char auth[1024];
    (void)snprintf(auth, sizeof auth, "%s", credentials(m));
    world_run(241000);
    assert_int_equal(held_challenges(w.scscf), 0);
    assert_int_equal(w.hss.sars[0], CX_AUTHENTICATION_TIMEOUT);
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 401);
}

// TS 24.229 5.4.1.2.2: the response must come with the Call-ID of the challenge.
static void response_with_another_call_id(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, credentials(m));
    r.call_id = "call-2";
    (void)expect(world_register(&r), 401);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// ---- several challenges at once ----

static struct sip_msg *by_stranger(const char *auth)
{
    struct reg r = with_auth(&alice, auth);
    r.call_id = "stranger";
    r.contact = "<sip:eve@198.51.100.66>";
    return world_register(&r);
}

// Anybody may ask for a challenge in alice's name; her own answer is right all the same
// (TS 24.229 5.4.1.2.2).
static void challenge_of_a_stranger(void **state)
{
    char auth[1024];
    w.hss.fresh = true;
    struct sip_msg *m = expect(world_register(&alice), 401);
    (void)snprintf(auth, sizeof auth, "%s", credentials(m));
    for (unsigned i = 0; i < 3; i++)
        (void)expect(by_stranger(NULL), 401);
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 200);
    assert_int_equal(held_challenges(w.scscf), 3);
    // Of all that nobody answers the HSS is told once (TS 24.229 5.4.1.2.3).
    unsigned sars = w.hss.n_sar;
    world_run(241000);
    assert_int_equal(held_challenges(w.scscf), 0);
    assert_int_equal(w.hss.n_sar, sars + 1);
    assert_int_equal(w.hss.sars[sars], CX_AUTHENTICATION_TIMEOUT);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// Nor does his failure end what is pending: the HSS is not told, it would forget this S-CSCF.
static void failure_of_a_stranger(void **state)
{
    char auth[1024];
    w.cfg.auth.max_failures = 1;
    scscf_reload(w.scscf, &w.cfg);
    w.hss.fresh = true;
    struct sip_msg *m = expect(world_register(&alice), 401);
    (void)snprintf(auth, sizeof auth, "%s", credentials(m));
    m = expect(by_stranger(NULL), 401);
    (void)expect(by_stranger(world_credentials(m, alice.impi, "wrong RES", 1, "no")), 403);
    world_run(100);
    assert_int_equal(w.hss.n_sar, 0);
    struct reg r = with_auth(&alice, auth);
    (void)expect(world_register(&r), 200);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// One guess for each challenge: what was answered wrongly cannot be answered again.
static void wrongly_answered_is_over(void **state)
{
    char right[1024];
    w.hss.fresh = true;
    struct sip_msg *m = expect(world_register(&alice), 401);
    (void)snprintf(right, sizeof right, "%s", credentials(m));
    struct reg r = with_auth(&alice, world_credentials(m, alice.impi, "wrong RES", 1, "yes"));
    (void)expect(world_register(&r), 403);
    r.auth = right;
    (void)expect(world_register(&r), 401);
    assert_int_equal(held_registrations(w.scscf), 0);
}

static void response_for_another_identity(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, credentials(m));
    r.impu = "sip:bob@" DOMAIN;
    m = expect(world_register(&r), 403);
    assert_has(header(m, SIP_H_WARNING), "do not belong together");
}

static void foreign_domains(void **state)
{
    struct reg r = alice;
    r.uri = "sip:elsewhere.example";
    (void)expect(world_register(&r), 403);
    r = alice;
    r.impu = "sip:alice@elsewhere.example";
    (void)expect(world_register(&r), 403);
    r.impu = "sips:alice@elsewhere.example";
    (void)expect(world_register(&r), 403);
    r = with_auth(&alice, "Digest username=\"a\",realm=\"elsewhere\",nonce=\"\",uri=\"\",response=\"\"");
    (void)expect(world_register(&r), 403);
    assert_int_equal(w.hss.n_mar, 0);
}

// The I-CSCF puts the S-CSCF's name into the Request-URI (TS 24.229 5.3.1.2).
static void own_name_as_request_uri(void **state)
{
    struct reg r = alice;
    r.uri = "sip:scscf." DOMAIN ":5060";
    (void)expect(world_register(&r), 401);
}

static void unsupported_extension(void **state)
{
    struct reg r = alice;
    r.headers = "Require: carrot\n";
    struct sip_msg *m = expect(world_register(&r), 420);
    assert_string_equal(header(m, SIP_H_UNSUPPORTED), "carrot");
}

// Every result that the HSS may give to a MAR, and the response that goes with it.
static void mar_results(void **state)
{
    static const struct {
        struct dia_result result;
        unsigned status;
    } rows[] = {
        {{CX_ERROR_USER_UNKNOWN, true}, 403},
        {{CX_ERROR_IDENTITIES_DONT_MATCH, true}, 403},
        {{DIA_UNABLE_TO_DELIVER, false}, 504},
        {{3003, false}, 504},
        {{3999, false}, 504},
        {{DIA_TOO_BUSY, false}, 503},
        {{DIA_UNABLE_TO_COMPLY, false}, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w.hss.mar_result = rows[i].result;
        struct sip_msg *m = expect(world_register(&alice), rows[i].status);
        assert_int_equal(sip_msg_has(m, SIP_H_RETRY_AFTER), rows[i].status == 503);
    }
    assert_int_equal(held_challenges(w.scscf), 0);
}

// The P-CSCF took a digest user for one of IMS-AKA: the HSS decides (TS 24.229 5.4.1.1).
static void hss_decides_the_scheme(void **state)
{
    w.hss.mar_result = (struct dia_result){CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, true};
    (void)expect(world_register(&alice), 403);
    assert_int_equal(w.hss.n_mar, 2);
    assert_string_equal(w.hss.mar_scheme, "Unknown");
}

// An HSS that is silent, and one that is gone, are never the user's fault.
static void hss_down_at_mar(void **state)
{
    w.hss.silent = true;
    struct sip_msg *m = world_register(&alice);
    assert_null(m);
    world_run(6000);
    m = world_expect(W_PCSCF, 504);
    assert_has(header(m, SIP_H_WARNING), "did not answer");
    world_kill_hss();
    world_run(1000);
    assert_null(world_register(&alice)); // waits a moment for an HSS that may be back
    world_run(3000);
    (void)world_expect(W_PCSCF, 504);
}

static void hss_back_again(void **state)
{
    world_kill_hss();
    world_run(1000);
    assert_null(world_register(&alice));
    world_run(3000);
    (void)world_expect(W_PCSCF, 504);
    world_start_hss();
    world_run(60000);
    (void)world_registered(&alice);
}

static void sar_results(void **state)
{
    static const struct {
        struct dia_result result;
        unsigned status;
    } rows[] = {
        {{CX_ERROR_USER_UNKNOWN, true}, 403},
        {{CX_ERROR_IDENTITY_ALREADY_REGISTERED, true}, 403},
        {{DIA_UNABLE_TO_DELIVER, false}, 504},
        {{DIA_UNABLE_TO_COMPLY, false}, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sip_msg *m = expect(world_register(&alice), 401);
        w.hss.sar_result = rows[i].result;
        struct reg r = with_auth(&alice, credentials(m));
        (void)expect(world_register(&r), rows[i].status);
        assert_int_equal(held_registrations(w.scscf), 0);
    }
}

static void unusable_profiles(void **state)
{
    static const char *const profiles[] = {
        "<IMSSubscription/>", "nonsense", NULL,
        PROFILE("alice@" DOMAIN, ID("sip:somebody.else@" DOMAIN)),
    };
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        w.hss.profile = profiles[i];
        struct sip_msg *m = expect(world_register(&alice), 401);
        struct reg r = with_auth(&alice, credentials(m));
        (void)expect(world_register(&r), 480); // another S-CSCF may do (TS 24.229 5.3.1.3)
        assert_int_equal(held_registrations(w.scscf), 0);
        world_run(100); // the HSS does not go on taking the user for registered
        assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_ADMINISTRATIVE_DEREGISTRATION);
    }
}

// ---- contacts and expiry ----

static void too_brief(void **state)
{
    struct reg r = alice;
    r.expires = 30;
    struct sip_msg *m = expect(world_register(&r), 401);
    r.auth = credentials(m);
    m = expect(world_register(&r), 423);
    assert_string_equal(header(m, SIP_H_MIN_EXPIRES), "60");
    assert_int_equal(w.hss.n_sar, 0);
}

static void too_long_is_cut(void **state)
{
    struct reg r = alice;
    r.expires = 600000;
    struct sip_msg *m = world_registered(&r);
    assert_has(header(m, SIP_H_CONTACT), "expires=7200");
}

static void several_contacts(void **state)
{
    struct reg r = alice;
    r.contact = "<sip:a@192.0.2.1>;q=0.5;expires=600, <sip:a@192.0.2.2>"
                ";+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    struct sip_msg *m = world_registered(&r);
    assert_int_equal(held_bindings(w.scscf), 2);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    const char *all = sip_msg_bytes(m).p;
    assert_has(all, "<sip:a@192.0.2.1>;expires=600;q=0.5");
    assert_has(all, "<sip:a@192.0.2.2>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
}

static void too_many_contacts(void **state)
{
    struct reg r = alice;
    r.contact = "<sip:a@192.0.2.1>, <sip:a@192.0.2.2>, <sip:a@192.0.2.3>, <sip:a@192.0.2.4>";
    struct sip_msg *m = expect(world_register(&r), 401);
    r.auth = credentials(m);
    (void)expect(world_register(&r), 403);
}

static void bad_contacts(void **state)
{
    static const char *const contacts[] = {"*", "*, <sip:a@192.0.2.1>", "<tel:+1555>", "<sip:"};
    for (size_t i = 0; i < sizeof contacts / sizeof *contacts; i++) {
        struct reg r = alice;
        r.contact = contacts[i];
        (void)expect(world_register(&r), 400);
    }
}

static void bindings_can_be_asked_for(void **state)
{
    (void)world_registered(&alice);
    struct reg r = alice;
    r.contact = "";
    r.integrity = "yes";
    struct sip_msg *m = expect(world_register(&r), 200);
    assert_has(header(m, SIP_H_CONTACT), "sip:alice@192.0.2.1");
    assert_int_equal(w.hss.n_sar, 1);
}

static void older_cseq_is_refused(void **state)
{
    (void)world_registered(&alice);
    struct reg r = alice;
    r.integrity = "yes";
    r.cseq = 1;
    (void)expect(world_register(&r), 500);
}

// ---- de-registration (TS 24.229 5.4.1.4.1) ----

static void deregistration(void **state)
{
    (void)world_registered(&alice);
    struct reg r = alice_gone;
    r.integrity = "yes";
    struct sip_msg *m = expect(world_register(&r), 200);
    assert_string_equal(header(m, SIP_H_CONTACT), "<sip:alice@192.0.2.1:5060>;expires=0");
    assert_string_equal(header(m, SIP_H_PATH), "<sip:flow1@127.0.1.10:5060;lr>");
    assert_false(sip_msg_has(m, SIP_H_SERVICE_ROUTE));
    assert_int_equal(w.hss.sars[1], CX_USER_DEREGISTRATION);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(held_bindings(w.scscf), 0);
}

static void deregistration_of_one_contact(void **state)
{
    struct reg r = alice;
    r.contact = "<sip:a@192.0.2.1>, <sip:a@192.0.2.2>";
    (void)world_registered(&r);
    r = alice_gone;
    r.integrity = "yes";
    r.contact = "<sip:a@192.0.2.2>";
    struct sip_msg *m = expect(world_register(&r), 200);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    assert_has(sip_msg_bytes(m).p, "<sip:a@192.0.2.2>;expires=0");
    assert_has(sip_msg_bytes(m).p, "<sip:a@192.0.2.1>;expires=36");
    assert_false(sip_msg_has(m, SIP_H_SERVICE_ROUTE));
    assert_false(sip_msg_has(m, SIP_H_P_ASSOCIATED_URI));
    assert_int_equal(w.hss.n_sar, 1);
    r.contact = "*";
    (void)expect(world_register(&r), 200);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.sars[1], CX_USER_DEREGISTRATION);
}

// Step 1: what is not bound is not removed, and the HSS hears nothing of it: a late REGISTER of an old
// address must not end what the user has elsewhere.
static void deregistration_of_nothing(void **state)
{
    struct reg r = alice_gone;
    (void)expect(world_register(&r), 481);
    assert_int_equal(w.hss.n_mar, 0);
    (void)world_registered(&alice);
    r.integrity = "yes";
    r.contact = "<sip:a@192.0.2.9>";
    (void)expect(world_register(&r), 481);
    assert_int_equal(held_bindings(w.scscf), 1);
    world_run(100);
    assert_int_equal(w.hss.n_sar, 1);
    // It expires between the challenge and its answer: then this S-CSCF is the assigned one, and lets go.
    struct reg late = alice_gone;
    world_run(3500000);
    struct sip_msg *m = expect(world_register(&late), 401);
    late.auth = credentials(m);
    world_run(101000);
    assert_int_equal(held_registrations(w.scscf), 0);
    (void)expect(world_register(&late), 481);
}

static void unprotected_deregistration_is_challenged(void **state)
{
    (void)world_registered(&alice);
    struct sip_msg *m = expect(world_register(&alice_gone), 401);
    assert_int_equal(held_registrations(w.scscf), 1);
    struct reg r = with_auth(&alice_gone, credentials(m));
    (void)expect(world_register(&r), 200);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// The HSS cannot be told: that keeps nobody from leaving (TS 24.229 5.4.1.4.1).
static void deregistration_without_hss(void **state)
{
    (void)world_registered(&alice);
    world_kill_hss();
    world_run(1000);
    struct reg r = alice_gone;
    r.integrity = "yes";
    (void)expect(world_register(&r), 200);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// Nor does it end a registration that is there (TS 24.229 5.4.1.2.2F).
static void refresh_without_hss(void **state)
{
    (void)world_registered(&alice);
    struct reg r = alice;
    r.integrity = "yes";
    w.hss.silent = true;
    assert_null(world_register(&r));
    world_run(6000);
    struct sip_msg *m = world_expect(W_PCSCF, 200);
    assert_has(header(m, SIP_H_CONTACT), ";expires=3600");
    world_kill_hss();
    world_run(1000);
    assert_null(world_register(&r));
    world_run(3000);
    (void)world_expect(W_PCSCF, 200);
}

// TS 29.228 6.1.2: TIMEOUT_DEREGISTRATION.
static void expiry_is_reported(void **state)
{
    (void)world_registered(&alice);
    world_run(3599000);
    assert_int_equal(held_registrations(w.scscf), 1);
    world_run(3000);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(w.hss.sars[1], CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impu, "sip:alice@" DOMAIN);
}

static void find_notice(void *arg, enum log_level level, struct str line)
{
    bool told = str_find(line, STR("server assignment not delivered")) >= 0 &&
                str_find(line, STR("impi=alice@" DOMAIN)) >= 0 &&
                str_find(line, STR("impu=sip:alice@" DOMAIN)) >= 0 &&
                str_find(line, STR("call_id=expires-1")) >= 0;
    *(unsigned *)arg += told;
}

// What the HSS is not told in time is one line with the identities and the Call-ID, however often it is tried,
// and nothing leaks when it is still under way at the end.
static void expiry_the_hss_does_not_hear_of(void **state)
{
    unsigned lines = 0;
    struct reg r = alice;
    r.call_id = "expires-1";
    (void)world_registered(&r);
    w.hss.silent = true;
    log_set_sink(find_notice, &lines);
    world_run(3602000);
    assert_int_equal(lines, 0); // it is being told
    world_run(60000);
    log_set_sink(NULL, NULL);
    assert_int_equal(lines, 1);
    w.hss.silent = false;
    (void)world_registered(&r);
    w.hss.silent = true;
    world_run(3602000);
}

// TS 29.228 6.1.2.1: what the HSS missed while it was silent it is told when it answers again.
static void told_after_an_outage(void **state)
{
    (void)world_registered(&alice);
    w.hss.silent = true;
    world_run(3602000 + 600000);
    assert_true(w.hss.n_sar > 2); // tried again and again
    w.hss.silent = false;
    unsigned before = w.hss.n_sar;
    world_run(70000);
    assert_int_equal(w.hss.n_sar, before + 1);
    assert_int_equal(w.hss.sars[before], CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impu, "sip:alice@" DOMAIN);
}

static void told_when_the_hss_is_back(void **state)
{
    (void)world_registered(&alice);
    world_kill_hss();
    world_run(3602000 + 3600000);
    world_start_hss();
    unsigned before = w.hss.n_sar;
    world_run(35000); // the connection is made within Tc
    assert_int_equal(w.hss.n_sar, before + 1);
    assert_int_equal(w.hss.sars[before], CX_TIMEOUT_DEREGISTRATION);
}

// Who has come back meanwhile is not deregistered by what is late, whichever of his identities he came with.
static void not_told_of_who_came_back(void **state)
{
    struct reg by_number = alice;
    by_number.impu = "tel:+15551";
    (void)world_registered(&by_number);
    w.hss.silent = true;
    world_run(3602000 + 10000);
    w.hss.silent = false;
    unsigned before = w.hss.n_sar;
    (void)world_registered(&alice);
    world_run(120000);
    for (unsigned i = before + 1; i < w.hss.n_sar; i++)
        assert_true(w.hss.sars[i] != CX_TIMEOUT_DEREGISTRATION);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// The same when the HSS writes the identity in a way of its own.
static void not_told_of_whom_the_hss_writes_otherwise(void **state)
{
    (void)state;
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@IMS.EXAMPLE"));
    (void)world_registered(&alice);
    w.hss.silent = true;
    world_run(3602000 + 10000);
    w.hss.silent = false;
    unsigned before = w.hss.n_sar;
    (void)world_registered(&alice);
    world_run(120000);
    for (unsigned i = before + 1; i < w.hss.n_sar; i++)
        assert_true(w.hss.sars[i] != CX_TIMEOUT_DEREGISTRATION);
}

// TS 29.228 6.1.2.1, TS 24.229 5.3.1.3: the HSS holds the user to be registered here, and hears that he is not;
// the I-CSCF hears that another S-CSCF may do.
static void a_profile_that_cannot_be_used(void **state)
{
    enum { IDS = 1001 };
    static char much[128 + IDS * 80];
    char *at = much + sprintf(much, "<IMSSubscription><PrivateID>a@b</PrivateID><ServiceProfile>");
    for (int i = 0; i < IDS; i++)
        at += sprintf(at, "<PublicIdentity><Identity>tel:+1555%04d</Identity></PublicIdentity>", i);
    strcpy(at, "</ServiceProfile></IMSSubscription>");
    const struct {
        const char *profile;
        enum cx_sar_type told;
    } rows[] = {{"<IMSSubscription/>", CX_ADMINISTRATIVE_DEREGISTRATION},
                {much, CX_DEREGISTRATION_TOO_MUCH_DATA}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w.hss.profile = rows[i].profile;
        unsigned before = w.hss.n_sar;
        struct sip_msg *m = world_register(&alice);
        assert_int_equal(sip_msg_status(m), 401);
        struct reg r = alice;
        r.auth = world_credentials(m, alice.impi, RES, 1, "no");
        assert_int_equal(sip_msg_status(world_register(&r)), 480);
        world_run(100);
        assert_int_equal(w.hss.n_sar, before + 2);
        assert_int_equal(w.hss.sars[before], CX_REGISTRATION);
        assert_int_equal(w.hss.sars[before + 1], rows[i].told);
        assert_int_equal(held_registrations(w.scscf), 0);
    }
}

// A user who is registered goes on with the profile that he has.
static void a_changed_profile_that_cannot_be_used(void **state)
{
    struct reg again = alice;
    (void)world_registered(&alice);
    w.hss.profile = "<IMSSubscription/>";
    again.integrity = "yes";
    struct sip_msg *m = world_register(&again);
    assert_int_equal(sip_msg_status(m), 200);
    assert_has(header(m, SIP_H_P_ASSOCIATED_URI), "sip:alice@" DOMAIN);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// TS 29.228 6.1.2.1: what the operator changed arrives with a re-registration.
static void a_changed_profile_arrives(void **state)
{
    struct reg again = alice;
    (void)world_registered(&alice);
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID("tel:+15559"));
    again.integrity = "yes";
    struct sip_msg *m = world_register(&again);
    assert_int_equal(sip_msg_status(m), 200);
    assert_has(header(m, SIP_H_P_ASSOCIATED_URI), "tel:+15559");
    assert_lacks(header(m, SIP_H_P_ASSOCIATED_URI), "tel:+15551");
}

// TS 29.229 5.5: who answered for the user before is named when others choose the HSS; one that is a peer of ours
// is reached by realm as well as ever.
static void the_hss_behind_a_relay(void **state)
{
    for (int relay = 0; relay < 2; relay++) {
        world_kill_scscf();
        w.cfg.diameter.hss = STR_NONE;
        ((struct node_peer *)w.cfg.diameter.peers.v)->relay = relay;
        world_start_scscf();
        world_run(1000);
        (void)world_registered(&alice);
        assert_string_equal(w.hss.sar_dest, relay ? "hss." DOMAIN : "");
    }
}

static void log_code(void *arg, enum log_level level, struct str line)
{
    *(bool *)arg |= str_find(line, STR("unknown Experimental-Result-Code 5999")) >= 0;
}

static void unknown_results_keep_their_number(void **state)
{
    bool told = false;
    w.hss.mar_result = (struct dia_result){5999, true};
    log_set_sink(log_code, &told);
    struct sip_msg *m = world_register(&alice);
    log_set_sink(NULL, NULL);
    assert_int_equal(sip_msg_status(m), 500);
    assert_has(header(m, SIP_H_WARNING), "unknown Experimental-Result-Code 5999");
    assert_true(told);
}

// Registered by a barred identity of the set: allowed, and not shown (TS 24.229 5.4.1.2.2F).
static void registration_by_the_barred_identity(void **state)
{
    struct reg r = alice;
    r.impu = "sip:001@" DOMAIN;
    struct sip_msg *m = world_registered(&r);
    assert_lacks(header(m, SIP_H_P_ASSOCIATED_URI), "001");
}

// After a restart an S-CSCF that keeps nothing knows nobody: it challenges, and all is well again.
static void restart(void **state)
{
    (void)world_registered(&alice);
    world_forget_scscf();
    world_run(40000);
    assert_int_equal(held_registrations(w.scscf), 0);
    struct reg r = alice;
    r.integrity = "yes";
    (void)expect(world_register(&r), 401);
    (void)world_registered(&alice);
}

static void restart_between_challenge_and_response(void **state)
{
    struct sip_msg *m = expect(world_register(&alice), 401);
    struct reg r = with_auth(&alice, credentials(m));
    char auth[1024];
    (void)snprintf(auth, sizeof auth, "%s", r.auth);
    r.auth = auth;
    world_kill_scscf();
    world_start_scscf();
    world_run(40000);
    m = expect(world_register(&r), 401);
    r.auth = credentials(m);
    (void)expect(world_register(&r), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(initial_register_is_challenged),
        TEST(right_response_registers),
        TEST(charging_addresses_stay_at_home),
        TEST(protected_register_refreshes),
        TEST(protected_register_of_a_new_contact_is_refused),
        TEST(protected_register_of_another_impi_is_challenged),
        TEST(wrong_response),
        TEST(wrong_then_right),
        TEST(failure_keeps_the_registration),
        TEST(mac_failure),
        TEST(resynchronisation),
        TEST(resynchronised_then_right),
        TEST(malformed_auts),
        TEST(false_auts),
        TEST(refresh_with_the_old_nonce),
        TEST(tls_is_no_proof),
        TEST(replayed_response),
        TEST(late_response),
        TEST(response_with_another_call_id),
        TEST(challenge_of_a_stranger),
        TEST(failure_of_a_stranger),
        TEST(wrongly_answered_is_over),
        TEST(response_for_another_identity),
        TEST(foreign_domains),
        TEST(own_name_as_request_uri),
        TEST(unsupported_extension),
        TEST(mar_results),
        TEST(hss_decides_the_scheme),
        TEST(hss_down_at_mar),
        TEST(hss_back_again),
        TEST(sar_results),
        TEST(unusable_profiles),
        TEST(too_brief),
        TEST(too_long_is_cut),
        TEST(several_contacts),
        TEST(too_many_contacts),
        TEST(bad_contacts),
        TEST(bindings_can_be_asked_for),
        TEST(older_cseq_is_refused),
        TEST(private_identity_of_a_number),
        TEST(deregistration),
        TEST(deregistration_of_one_contact),
        TEST(unprotected_deregistration_is_challenged),
        TEST(deregistration_of_nothing),
        TEST(deregistration_without_hss),
        TEST(refresh_without_hss),
        TEST(expiry_is_reported),
        TEST(expiry_the_hss_does_not_hear_of), TEST(told_after_an_outage), TEST(told_when_the_hss_is_back),
        TEST(not_told_of_who_came_back), TEST(not_told_of_whom_the_hss_writes_otherwise),
        TEST(unknown_results_keep_their_number), TEST(the_hss_behind_a_relay), TEST(a_profile_that_cannot_be_used),
        TEST(a_changed_profile_that_cannot_be_used), TEST(a_changed_profile_arrives),
        TEST(registration_by_the_barred_identity),
        TEST(restart),
        TEST(restart_between_challenge_and_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
