// SPDX-License-Identifier: Apache-2.0
// Numbers that are dialled, identities that are asserted, home domains: TS 24.229 5.4.3.2, 5.4.3.3, 5.4.1.2.2F.
#include <stdio.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)
#define SECOND "operator.example"
#define EXT(type, inner) "<Extension><IdentityType>" type "</IdentityType>" inner "</Extension>"
#define NAMED(uri, inner)                                                                          \
    "<PublicIdentity><Identity>" uri "</Identity>" EXT("0", "<Extension>" inner "</Extension>")     \
    "</PublicIdentity>"
#define GROUP(g) "<AliasIdentityGroupID>" g "</AliasIdentityGroupID>"
#define NAME(n) "<DisplayName>" n "</DisplayName>"
#define OF_TYPE(uri, type, inner)                                                                   \
    "<PublicIdentity><Identity>" uri "</Identity>" EXT(type, inner) "</PublicIdentity>"

static int set_up(void **state)
{
    static struct str further[] = {STR_INIT(SECOND)}, zeros[] = {STR_INIT("00")}, codes[] = {STR_INIT("8xx")};
    (void)world_set_up(state);
    world_kill_scscf();
    w.cfg.home = (struct node_numbering){.domains = {further, 1},
                                         .country_code = STR("49"),
                                         .national_prefix = STR("0"),
                                         .international_prefixes = {zeros, 1},
                                         .short_codes = {codes, 1}};
    world_start_scscf();
    world_run(2000);
    return 0;
}

static struct sip_msg *registered(const char *profile)
{
    w.hss.profile = profile;
    return world_registered(&alice);
}

static void originate(const char *uri, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: <sip:orig@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n"
                "P-Charging-Vector: icid-value=ic2\n%sContent-Length: 0\n\n",
                uri, w.branch, w.branch, headers);
}

#define PAI_ALICE "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n"

static void terminate(const char *uri)
{
    w.branch++;
    world_sendf(W_ICSCF,
                "INVITE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
                "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 INVITE\n"
                "Contact: <sip:bob@192.0.2.2>\nContent-Length: 0\n\n",
                uri, w.branch, w.branch);
}

static void same(const char *of, struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("%s: %.*s instead of %s", of, STR_ARG(got), want);
}

// What a user dials and where it goes; a status in place of an URI: the answer.
static void dialled(void **state)
{
    static const struct {
        const char *uri, *to;
        unsigned status;
    } rows[] = {
        {"tel:08912;phone-context=" DOMAIN, "sip:+498912@" DOMAIN ";user=phone", 0},
        {"sip:08912;phone-context=" DOMAIN "@" DOMAIN ";user=phone", "sip:+498912@" DOMAIN ";user=phone", 0},
        {"sip:08912@" SECOND ";user=phone", "sip:+498912@" DOMAIN ";user=phone", 0},
        {"tel:004989-12", "sip:+498912@" DOMAIN ";user=phone", 0},
        {"sip:+49-8912@" DOMAIN ":5060;user=phone", "sip:+498912@" DOMAIN ";user=phone", 0},
        {"tel:812;phone-context=" SECOND, "sip:812;phone-context=" DOMAIN "@" DOMAIN ";user=phone", 0},
        {"tel:*21#;phone-context=" DOMAIN, "sip:*21%23;phone-context=" DOMAIN "@" DOMAIN ";user=phone", 0},
        {"sip:bob@" DOMAIN ":5060", "sip:bob@" DOMAIN ":5060", 0},
        {"sip:08912@" DOMAIN, "sip:08912@" DOMAIN, 0},
        {"sip:bob@" SECOND, "sip:bob@" SECOND, 0},
        {"tel:00", NULL, 484},
        {"sip:0@" DOMAIN ";user=phone", NULL, 484},
        {"tel:7042;phone-context=else.example", NULL, 404},
        {"mailto:x@y", NULL, 416},
    };
    (void)registered(ALICE_PROFILE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        originate(rows[i].uri, PAI_ALICE);
        if (rows[i].status) {
            (void)world_expect(W_PCSCF, rows[i].status);
            continue;
        }
        struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
        same(rows[i].uri, sip_msg_uri_text(m), rows[i].to);
        assert_true(sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY)); // it stays at home
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
}

// profile, what is asserted, what stands beside it; NULL: nothing
static const struct {
    const char *profile, *asserted, *alias;
} aliases[] = {
    {ALICE_PROFILE, "sip:alice@" DOMAIN, "tel:+15551"},
    {ALICE_PROFILE, "tel:+1-5551", "sip:alice@" DOMAIN},
    {ALICE_PROFILE, "sip:+15551@" DOMAIN ";user=phone", "tel:+15551"},
    {PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN)), "sip:alice@" DOMAIN, NULL},
    {PROFILE("alice@" DOMAIN, NAMED("sip:alice@" DOMAIN, GROUP("1")) NAMED("tel:+1", GROUP("2"))
                                  NAMED("tel:+2", GROUP("1"))),
     "sip:alice@" DOMAIN, "tel:+2"},
    {PROFILE("alice@" DOMAIN, NAMED("sip:alice@" DOMAIN, GROUP("1")) ID("tel:+1")), "sip:alice@" DOMAIN, NULL},
    {PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) BARRED("tel:+1")), "sip:alice@" DOMAIN, NULL},
    {PROFILE("alice@" DOMAIN, NAMED("sip:alice@" DOMAIN, GROUP("1")) ID("tel:+1")), "tel:+1",
     "sip:+1@" DOMAIN ";user=phone"},
    {"<?xml version=\"1.0\"?><IMSSubscription><PrivateID>alice@" DOMAIN "</PrivateID><ServiceProfile>" ID(
         "sip:alice@" DOMAIN) "</ServiceProfile><ServiceProfile>" ID("tel:+1") "<Extension><SharedIFCSetID>7"
     "</SharedIFCSetID></Extension></ServiceProfile></IMSSubscription>",
     "sip:alice@" DOMAIN, NULL},
};

static void check_alias(size_t row, const struct sip_msg *m)
{
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), aliases[row].alias ? 2 : 1);
    const struct sip_addr *alias = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 1);
    if (alias)
        same(aliases[row].asserted, alias->uri.text, aliases[row].alias);
}

static void caller_and_alias(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        char pai[128];
        (void)registered(aliases[i].profile);
        (void)snprintf(pai, sizeof pai, "P-Asserted-Identity: <%s>\n", aliases[i].asserted);
        originate("sip:bob@" DOMAIN, pai);
        struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
        check_alias(i, m);
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
}

// TS 24.229 5.4.3.3: in what the called user answers, provisionally too.
static void called_and_alias(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        char headers[256];
        (void)registered(aliases[i].profile);
        (void)snprintf(headers, sizeof headers,
                       "Contact: <sip:alice@192.0.2.1:5060>\nP-Asserted-Identity: <%s>\n", aliases[i].asserted);
        terminate("sip:alice@" DOMAIN);
        struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
        world_answer(W_PCSCF, m, 180, headers);
        check_alias(i, world_expect(W_ICSCF, 180));
        world_answer(W_PCSCF, m, 200, headers);
        check_alias(i, world_expect(W_ICSCF, 200));
    }
}

static void foreign_assertion_is_left_alone(void **state)
{
    (void)registered(ALICE_PROFILE);
    terminate("sip:alice@" DOMAIN);
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    world_answer(W_PCSCF, m, 200,
                 "Contact: <sip:alice@192.0.2.1:5060>\nP-Asserted-Identity: <sip:else@" DOMAIN ">\n");
    assert_int_equal(sip_msg_count(world_expect(W_ICSCF, 200), SIP_H_P_ASSERTED_IDENTITY), 1);
}

static void barred_second_identity(void **state)
{
    (void)registered(ALICE_PROFILE);
    originate("sip:bob@" DOMAIN, "P-Asserted-Identity: <sip:alice@" DOMAIN ">, <sip:001@" DOMAIN ">\n");
    (void)world_expect(W_PCSCF, 403);
}

// TS 24.229 5.4.1.2.2F, 5.2.2.1, TS 29.228 annex E: names belong to it, barred ones and what a pattern covers do not;
// the patterns come last.
static void associated_uris(void **state)
{
    struct sip_msg *m = registered(PROFILE(
        "alice@" DOMAIN,
        BARRED("sip:001@" DOMAIN) NAMED("sip:alice@" DOMAIN, NAME("Al &quot;x&quot; \\ &#10;B")) ID("tel:+15551")
            OF_TYPE("sip:p!.*!@" DOMAIN, "4", "")
                OF_TYPE("sip:p7@" DOMAIN, "3", "<Extension><Extension><Extension><WildcardedIMPU>sip:p!.*!@" DOMAIN
                                               "</WildcardedIMPU></Extension></Extension></Extension>")));
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSOCIATED_URI), 3);
    assert_string_equal(header(m, SIP_H_P_ASSOCIATED_URI),
                        "\"Al \\\"x\\\" \\\\  B\" <sip:alice@" DOMAIN ">, <tel:+15551>, <sip:p!.*!@" DOMAIN ">");
}

// RFC 7315 4.2: the identity, not how a number was routed (RFC 4694).
static void called_party(void **state)
{
    static const char *const rows[][2] = {
        {"tel:+15551;npdi;rn=+1999;cic=+1234", "<tel:+15551>"},
        {"tel:+15551;ISUB=7;NPDI", "<tel:+15551;ISUB=7>"},
        {"sip:+15551;npdi;rn=+1999@" DOMAIN ";user=phone", "<sip:+15551@" DOMAIN ";user=phone>"},
        {"sip:alice@" DOMAIN ":5060;x=y", "<sip:alice@" DOMAIN ":5060;x=y>"},
        {"sip:+15551@" DOMAIN, "<tel:+15551>"}, // who is meant, not what was written
    };
    (void)registered(ALICE_PROFILE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        terminate(rows[i][0]);
        struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
        assert_string_equal(header(m, SIP_H_P_CALLED_PARTY_ID), rows[i][1]);
        world_answer(W_PCSCF, m, 486, "");
        (void)world_expect(W_ICSCF, 486);
    }
}

// TS 23.003 13.4: public identities lie in any domain of the operator.
static void further_domain(void **state)
{
    struct reg r = alice;
    r.impu = "sip:alice@" SECOND;
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@" SECOND) ID("tel:+15551"));
    (void)world_registered(&r);
    terminate("sip:alice@Operator.Example.:5060");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
    originate("sip:bob@" SECOND, "P-Asserted-Identity: <sip:alice@" SECOND ">\nP-Access-Network-Info: x\n");
    m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_true(sip_msg_has(m, SIP_H_P_ACCESS_NETWORK_INFO));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
    r.impu = "sip:alice@else.example";
    assert_int_equal(sip_msg_status(world_register(&r)), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dialled),
        TEST(caller_and_alias),
        TEST(called_and_alias),
        TEST(foreign_assertion_is_left_alone),
        TEST(barred_second_identity),
        TEST(associated_uris),
        TEST(called_party),
        TEST(further_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
