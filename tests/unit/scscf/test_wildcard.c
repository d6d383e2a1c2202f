// SPDX-License-Identifier: Apache-2.0
// Wildcarded public identities at the S-CSCF: P-Profile-Key (RFC 5002; TS 24.229 5.4.3.2, 5.4.3.3),
// Wildcarded-Public-Identity in SAR (TS 29.228 6.1.2), P-Associated-URI (TS 24.229 5.4.1.2.2F, 5.2.2.1).
#include <stdio.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
#define EXT(type, inner) "<Extension><IdentityType>" type "</IdentityType>" inner "</Extension>"
#define OF_TYPE(uri, type, inner) "<PublicIdentity><Identity>" uri "</Identity>" EXT(type, inner) "</PublicIdentity>"
#define WILD(pattern) "<Extension><Extension><WildcardedIMPU>" pattern "</WildcardedIMPU></Extension></Extension>"
#define LIST "sip:list!.*!@" DOMAIN
#define PAI_ALICE "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n"
#define KEY(pattern) "P-Profile-Key: <" pattern ">\n"

// As different HSSs write it: the pattern in Identity, in WildcardedIMPU, with a distinct identity, of a PSI.
static const char *const profiles[] = {
    PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) OF_TYPE(LIST, "4", "")),
    PROFILE("alice@" DOMAIN, OF_TYPE(LIST, "4", WILD(LIST)) ID("sip:alice@" DOMAIN)),
    PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) OF_TYPE("sip:list0@" DOMAIN, "4", WILD(LIST))),
    PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) OF_TYPE(
                                 "sip:list0@" DOMAIN, "2", "<WildcardedPSI>SIP:list!.*!@IMS.Example</WildcardedPSI>")),
};

static struct sip_msg *registered(const char *profile)
{
    w.hss.profile = profile;
    return world_registered(&alice);
}

static void terminate_from(int socket, const char *address, const char *uri, const char *headers)
{
    w.branch++;
    world_sendf(socket,
                "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bKt%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
                "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n%s"
                "Content-Length: 0\n\n",
                uri, address, w.branch, w.branch, headers);
}

static void terminate(const char *uri, const char *headers)
{
    terminate_from(W_ICSCF, "127.0.1.20:5060", uri, headers);
}

static void originate_along(const char *way, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "MESSAGE sip:bob@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: %s\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n%sContent-Length: 0\n\n",
                w.branch, way, w.branch, headers);
}

static void originate(const char *headers)
{
    originate_along("<sip:orig@127.0.1.30:5060;lr>", headers);
}

static void reaches_alice(const char *uri, const char *called)
{
    struct sip_msg *m = world_expect_request(W_PCSCF, "MESSAGE");
    if (!str_eq(sip_msg_uri(m)->user, STR("alice")))
        fail_msg("%s goes to %.*s", uri, STR_ARG(sip_msg_uri_text(m)));
    assert_string_equal(header(m, SIP_H_P_CALLED_PARTY_ID), called);
    assert_false(sip_msg_has(m, SIP_H_P_PROFILE_KEY));
    world_answer(W_PCSCF, m, 200, "");
    (void)world_expect(W_ICSCF, 200);
}

static void called_by_its_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        (void)registered(profiles[i]);
        unsigned sars = w.hss.n_sar;
        terminate("sip:list7@" DOMAIN, KEY(LIST));
        reaches_alice(profiles[i], "<sip:list7@" DOMAIN ">");
        terminate("sip:list7@" DOMAIN, "P-Profile-Key: SIP:list!%2E*!@" DOMAIN "\n");
        reaches_alice(profiles[i], "<sip:list7@" DOMAIN ">");
        terminate("sip:alice@" DOMAIN, KEY(LIST)); // a distinct identity of the set is itself
        reaches_alice(profiles[i], "<sip:alice@" DOMAIN ">");
        assert_int_equal(w.hss.n_sar, sars);
        (void)world_register(&alice_gone);
        world_run(1000);
    }
}

// Without the HSS's word, or with one that cannot be meant, whatever a registered pattern covers may be another user's:
// the HSS is asked, once for a while (TS 29.228 6.5).
static void not_by_its_own_matching(void **state)
{
    (void)state;
    w.cfg.covered.known_s = 3600;
    scscf_reload(w.scscf, &w.cfg);
    (void)registered(profiles[0]);
    unsigned before = w.hss.n_sar;
    terminate("sip:list7@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 480);
    assert_int_equal(w.hss.sars[before], CX_NO_ASSIGNMENT);
    assert_int_equal(w.hss.n_sar, before + 2);
    world_run(60000);
    static const char *const keys[] = {"", KEY("sip:other!.*!@" DOMAIN), KEY("sip:list!(!@" DOMAIN),
                                       "P-Profile-Key: <\n", KEY("sip:list8@" DOMAIN)};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        unsigned sars = w.hss.n_sar;
        terminate("sip:list7@" DOMAIN, keys[i]);
        (void)world_expect(W_ICSCF, 480);
        assert_int_equal(w.hss.n_sar, sars + 1);
        assert_int_equal(w.hss.sars[sars], CX_UNREGISTERED_USER);
        assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
        assert_string_equal(w.hss.sar_wildcard, "");
        world_run(60000);
    }
    terminate_from(W_EVE, "192.0.2.66:5060", "sip:list7@" DOMAIN, KEY(LIST)); // nobody whose word counts
    (void)world_expect(W_EVE, 480);
}

static void asked_for_by_its_key(void **state)
{
    (void)state;
    w.hss.profile = profiles[0];
    terminate("sip:list7@" DOMAIN, KEY(LIST));
    (void)world_expect(W_ICSCF, 480);
    assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
    assert_string_equal(w.hss.sar_wildcard, LIST);
    world_run(60000);
    w.hss.profile =
        PROFILE("alice@" DOMAIN,
                ID("sip:alice@" DOMAIN) "<PublicIdentity><BarringIndication>1</BarringIndication><Identity>" LIST
                                        "</Identity>" EXT("4", "") "</PublicIdentity>");
    terminate("sip:list7@" DOMAIN, KEY(LIST));
    (void)world_expect(W_ICSCF, 404);
    world_run(60000);
    w.hss.wildcard = LIST; // the HSS says it in SAA alone
    terminate("sip:list7@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 404);
}

// ---- whose a covered identity is (TS 29.228 6.5) ----

static void asked(enum cx_sar_type type, unsigned n)
{
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], type);
    assert_int_equal(w.hss.n_sar, n);
}

// A call without the HSS's word for it is the user's when the HSS says so, which is asked once.
static void called_without_a_key(void **state)
{
    (void)state;
    (void)registered(profiles[0]);
    w.hss.wildcard = LIST;
    unsigned sars = w.hss.n_sar;
    for (int i = 0; i < 3; i++) {
        terminate("sip:list7@" DOMAIN, "");
        reaches_alice("by the HSS's word", "<sip:list7@" DOMAIN ">");
    }
    asked(CX_NO_ASSIGNMENT, sars + 1);
    assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
    assert_string_equal(w.hss.sar_wildcard, "");
    assert_true(w.hss.sar_have_profile);
    world_run(301000); // the word has grown old
    terminate("sip:list7@" DOMAIN, "");
    reaches_alice("asked again", "<sip:list7@" DOMAIN ">");
    asked(CX_NO_ASSIGNMENT, sars + 2);
    world_run(301000);
    w.hss.silent = true; // nobody says that it is no longer so
    terminate("sip:list7@" DOMAIN, "");
    world_run(6000);
    reaches_alice("as it was said last", "<sip:list7@" DOMAIN ">");
}

static void asserts(const char *identities, unsigned status)
{
    originate(identities);
    if (status == 200)
        world_answer(W_ICSCF, world_expect_request(W_ICSCF, "MESSAGE"), 200, "");
    (void)world_expect(W_PCSCF, status);
}

#define PAI(uri) "P-Asserted-Identity: <" uri ">\n"

// A distinct identity inside of alice's is somebody else's, who is not registered here: she cannot be him.
static void asserted_of_somebody_else(void **state)
{
    static const struct {
        struct dia_result result;
        const char *wildcard;
        unsigned status, asked;
    } rows[] = {
        {{DIA_SUCCESS, false}, LIST, 200, 1},
        {{DIA_SUCCESS, false}, NULL, 403, 1},                    // a distinct one, of a set that is assigned here
        {{DIA_SUCCESS, false}, "sip:list3!.*!@" DOMAIN, 403, 1}, // of another pattern, whose fixed part is longer
        {{CX_ERROR_USER_UNKNOWN, true}, NULL, 403, 1},
        {{DIA_UNABLE_TO_COMPLY, false}, NULL, 403, 2}, // nobody is assigned; or the HSS has its own trouble
        {{DIA_TOO_BUSY, false}, NULL, 503, 2},
        {{DIA_UNABLE_TO_DELIVER, false}, NULL, 504, 2},
    };
    (void)state;
    (void)registered(profiles[0]);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char header[100];
        unsigned sars = w.hss.n_sar;
        w.hss.read_result = rows[i].result;
        w.hss.wildcard = rows[i].wildcard;
        (void)snprintf(header, sizeof header, PAI("sip:list3%zu@" DOMAIN), i);
        asserts(header, rows[i].status);
        asserts(header, rows[i].status);
        asked(CX_NO_ASSIGNMENT, sars + rows[i].asked);
    }
}

// Two identities are asked for one after the other; an HSS that does not answer lets nobody be whom it has not said.
static void asserted_together(void **state)
{
    (void)state;
    (void)registered(profiles[0]);
    w.hss.wildcard = LIST;
    unsigned sars = w.hss.n_sar;
    asserts(PAI("sip:list1@" DOMAIN) PAI("sip:list2@" DOMAIN), 200);
    asked(CX_NO_ASSIGNMENT, sars + 2);
    asserts(PAI("sip:list2@" DOMAIN) PAI("sip:list1@" DOMAIN), 200);
    asked(CX_NO_ASSIGNMENT, sars + 2);
    asserts(PAI("sip:list3@" DOMAIN) PAI("sip:list4@" DOMAIN) PAI("sip:list5@" DOMAIN), 403);
    asked(CX_NO_ASSIGNMENT, sars + 4);
    w.hss.silent = true;
    originate(PAI("sip:list6@" DOMAIN));
    world_run(6000);
    (void)world_expect(W_PCSCF, 504);
    world_run(301000);
    originate(PAI("sip:list1@" DOMAIN)); // as it was said last
    world_run(6000);
    world_answer(W_ICSCF, world_expect_request(W_ICSCF, "MESSAGE"), 200, "");
    (void)world_expect(W_PCSCF, 200);
}

// For an HSS that does not say it.
static void asserted_by_matching(void **state)
{
    (void)state;
    w.cfg.covered.whose = SCSCF_COVERED_MATCH;
    scscf_reload(w.scscf, &w.cfg);
    (void)registered(profiles[0]);
    unsigned sars = w.hss.n_sar;
    asserts(PAI("sip:list1@" DOMAIN), 200);
    assert_int_equal(w.hss.n_sar, sars);
}

// What else the answer brings is asked for with the next registration.
static void changed_meanwhile(void **state)
{
    struct reg r = alice;
    (void)state;
    (void)registered(profiles[0]);
    r.integrity = "yes";
    assert_int_equal(sip_msg_status(world_register(&r)), 200);
    assert_true(w.hss.sar_have_profile);
    w.hss.wildcard = LIST;
    w.hss.changed = true;
    asserts(PAI("sip:list1@" DOMAIN), 200);
    w.hss.changed = false;
    assert_int_equal(sip_msg_status(world_register(&r)), 200);
    assert_false(w.hss.sar_have_profile);
}

// The P-CSCF has asserted what its user's wildcarded identity covers, and says so or not.
static void originating(void **state)
{
    static const char *const keys[] = {"", KEY(LIST), KEY("sip:other!.*!@" DOMAIN)};
    (void)state;
    w.hss.wildcard = LIST;
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        (void)registered(profiles[i]);
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            char headers[300];
            (void)snprintf(headers, sizeof headers, "P-Asserted-Identity: <sip:list9@" DOMAIN ">\n%s", keys[k]);
            originate(headers);
            struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
            assert_string_equal(header(m, SIP_H_P_ASSERTED_IDENTITY), "<sip:list9@" DOMAIN ">");
            assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), 1);
            assert_false(sip_msg_has(m, SIP_H_P_PROFILE_KEY));
            world_answer(W_ICSCF, m, 200, "");
            (void)world_expect(W_PCSCF, 200);
        }
        originate("P-Asserted-Identity: <sip:lis@" DOMAIN ">\n");
        (void)world_expect(W_PCSCF, 504);
        (void)world_register(&alice_gone);
        world_run(1000);
    }
}

// A distinct identity inside of alice's is bob's, who is registered: she cannot be him, along her own way, whatever her
// P-CSCF says; he can, and is served by his own profile (TS 29.228 6.5).
static void distinct_before_wildcarded(void **state)
{
    static const char *const keys[] = {"", KEY(LIST)};
    static const struct reg bob = {
        .impi = "bob@" DOMAIN, .impu = "sip:list9@" DOMAIN, .contact = "<sip:bob@192.0.2.9:5060>"};
    char hers[200], his[200], headers[300];
    (void)state;
    w.hss.wildcard = LIST;
    (void)snprintf(hers, sizeof hers, "%s", header(registered(profiles[0]), SIP_H_SERVICE_ROUTE));
    w.hss.profile = PROFILE("bob@" DOMAIN, ID("sip:list9@" DOMAIN));
    (void)snprintf(his, sizeof his, "%s", header(world_registered(&bob), SIP_H_SERVICE_ROUTE));
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        (void)snprintf(headers, sizeof headers, "P-Asserted-Identity: <sip:list9@" DOMAIN ">\n%s", keys[k]);
        originate_along(hers, headers);
        (void)world_expect(W_PCSCF, 403);
        originate_along(his, headers);
        struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
        (void)snprintf(headers, sizeof headers, "P-Asserted-Identity: <sip:list8@" DOMAIN ">\n%s", keys[k]);
        originate_along(hers, headers);
        m = world_expect_request(W_ICSCF, "MESSAGE");
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
        originate_along(his, headers);
        (void)world_expect(W_PCSCF, 403);
    }
}

static void barred(void **state)
{
    (void)state;
    (void)registered(
        PROFILE("alice@" DOMAIN,
                ID("sip:alice@" DOMAIN) "<PublicIdentity><BarringIndication>1</BarringIndication><Identity>" LIST
                                        "</Identity>" EXT("4", "") "</PublicIdentity>"));
    originate("P-Asserted-Identity: <sip:list9@" DOMAIN ">\n");
    (void)world_expect(W_PCSCF, 403);
    terminate("sip:list7@" DOMAIN, KEY(LIST));
    (void)world_expect(W_ICSCF, 404);
}

// A number that is covered has a SIP form beside it, and no alias of the set's.
static void numbers(void **state)
{
    (void)state;
    (void)registered(PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID("tel:+1") OF_TYPE("tel:+4989!.*!", "4", "")));
    w.hss.wildcard = "tel:+4989!.*!";
    originate("P-Asserted-Identity: <tel:+49-8912>\n");
    struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), 2);
    const struct sip_addr *alias = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 1);
    assert_true(str_eq(alias->uri.text, STR("sip:+498912@" DOMAIN ";user=phone")));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
    w.hss.wildcard = NULL;
    terminate("tel:+498977", KEY("tel:+4989!.*!"));
    reaches_alice("tel", "<tel:+498977>");
}

static void associated(void **state)
{
    (void)state;
    const char *profile = PROFILE("alice@" DOMAIN, OF_TYPE("sip:a![0-9]{1,3}!@" DOMAIN, "4", "") ID("sip:alice@" DOMAIN)
                                                       OF_TYPE("sip:b!(!@" DOMAIN, "4", "") ID("tel:+1"));
    assert_string_equal(header(registered(profile), SIP_H_P_ASSOCIATED_URI),
                        "<sip:alice@" DOMAIN ">, <tel:+1>, <sip:a!%5B0-9%5D%7B1,3%7D!@" DOMAIN ">");
    w.cfg.registration.associated_wildcards = false;
    scscf_reload(w.scscf, &w.cfg);
    assert_string_equal(header(registered(profile), SIP_H_P_ASSOCIATED_URI), "<sip:alice@" DOMAIN ">, <tel:+1>");
}

// Private identities whose sets have a wildcarded identity in common: each may say what it covers along his own way.
static void shared_by_two_sets(void **state)
{
    static const char PAI[] = "P-Asserted-Identity: <sip:list9@" DOMAIN ">\n";
    static const struct reg bob = {
        .impi = "bob@" DOMAIN, .impu = "sip:bob@" DOMAIN, .contact = "<sip:bob@192.0.2.9:5060>"};
    char ways[2][160];
    (void)state;
    w.hss.wildcard = LIST;
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) OF_TYPE(LIST, "4", ""));
    (void)snprintf(ways[0], sizeof ways[0], "%s", header(world_registered(&alice), SIP_H_SERVICE_ROUTE));
    w.hss.profile = PROFILE("bob@" DOMAIN, ID("sip:bob@" DOMAIN) OF_TYPE(LIST, "4", ""));
    (void)snprintf(ways[1], sizeof ways[1], "%s", header(world_registered(&bob), SIP_H_SERVICE_ROUTE));
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        originate_along(ways[i], PAI);
        struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
    originate_along(ways[1], PAI_ALICE);
    (void)world_expect(W_PCSCF, 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(called_by_its_key),
        TEST(not_by_its_own_matching),
        TEST(asked_for_by_its_key),
        TEST(originating),
        TEST(distinct_before_wildcarded),
        TEST(called_without_a_key),
        TEST(asserted_of_somebody_else),
        TEST(asserted_together),
        TEST(asserted_by_matching),
        TEST(changed_meanwhile),
        TEST(barred),
        TEST(numbers),
        TEST(shared_by_two_sets),
        TEST(associated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
