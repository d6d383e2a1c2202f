// SPDX-License-Identifier: Apache-2.0
// What HSSs of others may write, and still mean: the user profile in another order, with elements of other releases and
// of vendors (TS 29.228 annexes B, E), SAAs about several private identities (TS 29.228 6.1.2.1), and MAA and SAA with
// their AVPs in any order, with unknown ones between and with other M bits (RFC 6733 3.2, 4.1; TS 29.229 6.1.4, 6.1.8).
#include <stdio.h>

#include "../avps.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
#define HEAD "<?xml version=\"1.0\"?>"
#define SUB(inner) "<IMSSubscription><PrivateID>alice@" DOMAIN "</PrivateID>" inner "</IMSSubscription>"
#define SP(inner) "<ServiceProfile>" inner "</ServiceProfile>"
#define ALICE "<sip:alice@" DOMAIN ">"

// The profile, and what of it the UE is told in P-Associated-URI: the default identity is the first.
static const struct {
    const char *what, *profile, *associated;
} rows[] = {
    {"barred first", HEAD SUB(SP(BARRED("sip:001@" DOMAIN) BARRED("tel:+1") ID("sip:alice@" DOMAIN) ID("tel:+2"))),
     ALICE ", <tel:+2>"},
    {"the default in the second service profile",
     HEAD SUB(SP(BARRED("sip:001@" DOMAIN)) SP(ID("sip:alice@" DOMAIN)) SP(ID("tel:+2"))), ALICE ", <tel:+2>"},
    {"registered by one that is not the default", HEAD SUB(SP(ID("tel:+2") ID("sip:alice@" DOMAIN))),
     "<tel:+2>, " ALICE},
    {"elements in another order",
     HEAD "<IMSSubscription>" SP(
         "<InitialFilterCriteria><ApplicationServer><DefaultHandling>0</DefaultHandling><ServerName>sip:as@x"
         "</ServerName></ApplicationServer><Priority>1</Priority></InitialFilterCriteria>"
         "<PublicIdentity><Identity>sip:alice@" DOMAIN "</Identity><BarringIndication>false</BarringIndication>"
         "</PublicIdentity>") "<PrivateID>alice@" DOMAIN "</PrivateID></IMSSubscription>",
     ALICE},
    {"a name space, attributes, comments, CDATA, blanks",
     HEAD "<cx:IMSSubscription xmlns:cx=\"urn:x\" a=\"b\"><!-- x --><cx:PrivateID> alice@" DOMAIN
          "\n</cx:PrivateID><cx:ServiceProfile>"
          "<cx:PublicIdentity><cx:Identity><![CDATA[sip:alice@" DOMAIN
          "]]></cx:Identity></cx:PublicIdentity></cx:ServiceProfile>"
          "</cx:IMSSubscription>",
     ALICE},
    {"elements and extensions of others",
     HEAD SUB("<Vendor><Identity>sip:not@" DOMAIN "</Identity></Vendor>" SP(
         "<PublicIdentity><Identity>sip:alice@" DOMAIN
         "</Identity><Extension><IdentityType>0</IdentityType><Extension><Extension>"
         "<ServiceLevelTraceInfo>x</ServiceLevelTraceInfo><Extension><ExtendedPriority><PriorityNamespace>ets</"
         "PriorityNamespace>"
         "</ExtendedPriority><MaxNumOfAllowedSimultRegistrations>5</MaxNumOfAllowedSimultRegistrations></Extension></"
         "Extension>"
         "</Extension></Extension><VendorFlag>1</VendorFlag></PublicIdentity><Extension><CSLocationServerName>sip:as@x"
         "</CSLocationServerName></Extension>") "<Extension><IMSI>001010000000001</IMSI><ReferenceLocationInformation/"
                                                "></Extension>"),
     ALICE},
    {"a display name with markup",
     HEAD SUB(SP("<PublicIdentity><Identity>sip:alice@" DOMAIN
                 "</Identity><Extension><IdentityType>0</IdentityType><Extension><DisplayName>"
                 "A &lt;sip:x@y&gt;, &quot;B&quot;</DisplayName></Extension></Extension></PublicIdentity>")),
     "\"A <sip:x@y>, \\\"B\\\"\" " ALICE},
    {"odd forms of identities", HEAD SUB(SP(ID("SIP:alice@IMS.Example.:5060;transport=tcp") ID("tel:+1-2(3)"))),
     "<SIP:alice@IMS.Example.:5060;transport=tcp>, <tel:+1-2(3)>"},
    {"another private identity of the subscription",
     HEAD "<IMSSubscription><PrivateID>alice2@" DOMAIN "</PrivateID>" SP(ID("sip:alice@" DOMAIN)) "</IMSSubscription>",
     ALICE},
    {"identities of one type behind another",
     HEAD SUB(SP(
         "<PublicIdentity><Identity>sip:psi@" DOMAIN
         "</Identity><Extension><IdentityType>1</IdentityType></Extension></PublicIdentity>" ID("sip:alice@" DOMAIN))),
     "<sip:psi@" DOMAIN ">, " ALICE},
    {"a criterion that cannot be read beside",
     HEAD SUB(SP(ID("sip:alice@" DOMAIN) "<InitialFilterCriteria><Priority>high</Priority>"
                                         "</InitialFilterCriteria>")),
     ALICE},
    {"empty service profile parts",
     HEAD SUB(SP(ID("sip:alice@" DOMAIN) "<CoreNetworkServicesAuthorization/><Extension/>")), ALICE},
};

static void call(const char *uri)
{
    w.branch++;
    world_sendf(W_ICSCF,
                "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
                "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n"
                "Content-Length: 0\n\n",
                uri, w.branch, w.branch);
}

static void profiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w.hss.profile = rows[i].profile;
        const char *got = header(world_registered(&alice), SIP_H_P_ASSOCIATED_URI);
        if (strcmp(got, rows[i].associated) != 0)
            fail_msg("%s: %s", rows[i].what, got);
        call("sip:alice@" DOMAIN);
        world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 200, "");
        (void)world_expect(W_ICSCF, 200);
        struct reg gone = alice_gone;
        gone.integrity = "yes";
        assert_int_equal(sip_msg_status(world_register(&gone)), 200);
        world_run(1000);
        assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_USER_DEREGISTRATION);
        assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
    }
}

// Not one of them holds what was registered: the HSS is told, and another S-CSCF may do better (TS 29.228 6.1.2.1).
static void unusable(void **state)
{
    static const char *const bad[] = {
        HEAD SUB(""),
        HEAD SUB(SP("")),
        HEAD SUB(SP(ID("sip:else@" DOMAIN))),
        HEAD SUB(SP(ID("mailto:alice@" DOMAIN))),
        HEAD "<IMSSubscription>" SP(ID("sip:alice@" DOMAIN)) "</IMSSubscription>",
        HEAD "<Other/>",
        "no XML",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        w.hss.profile = bad[i];
        w.hss.fresh = true;
        struct reg answer = alice;
        answer.auth = world_credentials(world_register(&alice), "alice@" DOMAIN, RES, 1, "yes");
        struct sip_msg *m = world_register(&answer);
        if (sip_msg_status(m) != 480)
            fail_msg("%s: %u", bad[i], sip_msg_status(m));
        world_run(1000);
        assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_ADMINISTRATIVE_DEREGISTRATION);
        assert_int_equal(w.hss.n_sar, 2 * (i + 1)); // once
        assert_int_equal(held_registrations(w.scscf), 0);
    }
}

// ---- MAA and SAA ----

static struct avps avps;

static void expect_header(const struct sip_msg *m, enum sip_hid id, const char *wanted)
{
    if (strcmp(header(m, id), wanted) != 0)
        fail_msg("order %u, more %u: %s", avps.order, avps.more, header(m, id));
}

static void leave(const struct reg *r, const char *integrity)
{
    struct reg gone = *r;
    gone.expires = -1;
    gone.integrity = integrity;
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    world_run(200);
    assert_int_equal(held_registrations(w.scscf), 0);
}

static void by_aka(void)
{
    w.hss.digest = false;
    w.hss.profile = ALICE_PROFILE;
    struct sip_msg *m = world_register(&alice);
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "ck=\"636b636b");
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "ik=\"696b696b");
    m = world_registered(&alice);
    expect_header(m, SIP_H_P_ASSOCIATED_URI, ALICE ", <tel:+15551>");
    expect_header(m, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, "ccf=\"aaa://ccf.ims.example\"");
    leave(&alice, "yes");
}

// Digest-* beside and below SIP-Digest-Authenticate, with a second algorithm.
static void by_digest(void)
{
    w.hss.digest = w.hss.alternate = true;
    w.hss.alg = DIGEST_SHA256;
    w.hss.profile = PROFILE("dave@" DOMAIN, ID("sip:dave@" DOMAIN));
    struct sip_msg *m = world_register(&dave);
    assert_has(header(m, SIP_H_WWW_AUTHENTICATE), "algorithm=SHA-256");
    expect_header(world_registered(&dave), SIP_H_P_ASSOCIATED_URI, "<sip:dave@" DOMAIN ">");
    struct reg gone = dave;
    gone.auth = NULL;
    leave(&gone, "ip-assoc-yes");
}

static void refused_by(struct dia_result *by, struct dia_result r, unsigned status)
{
    struct reg answer = alice;
    w.hss.digest = false;
    w.hss.profile = ALICE_PROFILE;
    *by = r;
    struct sip_msg *m = world_register(&alice);
    if (by == &w.hss.sar_result) {
        answer.auth = world_credentials(m, "alice@" DOMAIN, RES, 1, "yes");
        m = world_register(&answer);
    }
    if (!m || sip_msg_status(m) != status)
        fail_msg("order %u, more %u: %.*s", avps.order, avps.more, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    *by = (struct dia_result){0};
    assert_int_equal(held_registrations(w.scscf), 0);
}

static void answers(void **state)
{
    static const unsigned more[] = {0, AVPS_STRANGERS, AVPS_M_CLEAR, AVPS_M_SET, AVPS_SESSION | AVPS_STRANGERS};
    (void)state;
    w.hss.fresh = true;
    w.hss.ccf = "aaa://ccf.ims.example";
    avps = (struct avps){0};
    avps_tamper(w.sim, &avps);
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        avps.more = more[i];
        for (avps.order = 0; avps.order < AVPS_ORDERS; avps.order++) {
            by_aka();
            by_digest();
            refused_by(&w.hss.mar_result, (struct dia_result){CX_ERROR_USER_UNKNOWN, true}, 403);
            refused_by(&w.hss.sar_result, (struct dia_result){CX_ERROR_ROAMING_NOT_ALLOWED, true}, 403);
            world_run(5000); // the transactions of before have ended
        }
    }
    assert_true(avps.n >= ARRAY_LEN(more) * AVPS_ORDERS * 8);
    avps_tamper(w.sim, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(profiles), TEST(unusable), TEST(answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
