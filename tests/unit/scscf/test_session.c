// SPDX-License-Identifier: Apache-2.0
// Originating, terminating and in-dialog requests at the S-CSCF.
#include <stdio.h>
#include <string.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, registered, world_tear_down)

static int registered(void **state)
{
    int err = world_set_up(state);
    if (!err)
        (void)world_registered(&alice);
    return err;
}

// A request along alice's Service-Route, as her P-CSCF sends it.
static void originate(const char *method, const char *uri, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: <sip:orig@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <%s>\nCall-ID: s%u\nCSeq: 1 %s\n"
                "Contact: <sip:alice@192.0.2.1>\n"
                "P-Charging-Vector: icid-value=\"ic2\";orig-ioi=type1.example\n"
                "P-Access-Network-Info: 3GPP-E-UTRAN\n%sContent-Length: 0\n\n",
                method, uri, w.branch, uri, w.branch, method, headers);
}

#define PAI_ALICE "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n"

// A request for uri, as the I-CSCF sends it.
static void terminate(const char *method, const char *uri, const char *headers)
{
    w.branch++;
    world_sendf(
        W_ICSCF,
        "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\n"
        "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
        "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <%s>\nCall-ID: s%u\nCSeq: 1 %s\n"
        "Contact: <sip:bob@192.0.2.2>\nP-Charging-Vector: icid-value=ic3;orig-ioi=o.example;transit-ioi=\"t.1\"\n"
        "%sContent-Length: 0\n\n",
        method, uri, w.branch, uri, w.branch, method, headers);
}

// TS 24.229 5.4.3.2
static void originating_request(void **state)
{
    originate("INVITE", "sip:bob@" DOMAIN, PAI_ALICE);
    struct sip_msg *m = world_expect_request(W_ICSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:bob@" DOMAIN)));
    assert_false(sip_msg_has(m, SIP_H_ROUTE));
    assert_string_equal(header(m, SIP_H_RECORD_ROUTE), "<sip:mo@127.0.1.30:5060;lr>");
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), 2);
    const struct sip_addr *tel = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 1);
    assert_true(str_eq(tel->uri.text, STR("tel:+15551")));
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "icid-value=ic2");
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "orig-ioi=" DOMAIN);
    assert_true(sip_msg_has(m, SIP_H_P_ACCESS_NETWORK_INFO));
    assert_int_equal(sip_msg_max_forwards(m), 69);
    world_answer(W_ICSCF, m, 200,
                 "Contact: <sip:bob@192.0.2.2>\nP-Charging-Vector: icid-value=ic2;orig-ioi=" DOMAIN
                 ";term-ioi=far.example\n");
    m = world_expect(W_PCSCF, 200);
    assert_string_equal(header(m, SIP_H_RECORD_ROUTE), "<sip:mo@127.0.1.30:5060;lr>");
    // The P-CSCF has its own orig-ioi back, and ours (TS 24.229 4.5.4).
    assert_string_equal(header(m, SIP_H_P_CHARGING_VECTOR),
                        "icid-value=ic2;orig-ioi=type1.example;term-ioi=" DOMAIN);
}

static void telephone_number_becomes_sip(void **state)
{
    originate("INVITE", "tel:+1-555-2", PAI_ALICE);
    struct sip_msg *m = world_expect_request(W_ICSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:+15552@" DOMAIN ";user=phone")));
    world_answer(W_ICSCF, m, 486, "");
    (void)world_expect(W_PCSCF, 486);
    originate("INVITE", "tel:5552;phone-context=+1", PAI_ALICE);
    m = world_expect_request(W_ICSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:+15552@" DOMAIN ";user=phone")));
    world_answer(W_ICSCF, m, 404, "");
    (void)world_expect(W_PCSCF, 404);
}

// TS 24.229 5.4.3.2: who is asserted by number alone gets a SIP URI beside it.
static void asserted_tel_has_a_sip_form(void **state)
{
    originate("MESSAGE", "sip:bob@" DOMAIN, "P-Asserted-Identity: <tel:+15551>\n");
    struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_int_equal(sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY), 2);
    const struct sip_addr *sip = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 1);
    assert_true(str_eq(sip->uri.text, STR("sip:alice@" DOMAIN)));
    assert_false(sip_msg_has(m, SIP_H_RECORD_ROUTE));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

// TS 24.229 4.4: what a foreign network must not see.
static void foreign_target(void **state)
{
    originate("MESSAGE", "sip:eve@other.example", PAI_ALICE "Privacy: id\n");
    struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_false(sip_msg_has(m, SIP_H_P_ACCESS_NETWORK_INFO));
    assert_false(sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

static void originating_refusals(void **state)
{
    originate("INVITE", "sip:bob@" DOMAIN, "P-Asserted-Identity: <sip:001@" DOMAIN ">\n");
    (void)world_expect(W_PCSCF, 403);
    originate("INVITE", "sip:bob@" DOMAIN, "");
    (void)world_expect(W_PCSCF, 403);
    originate("INVITE", "urn:service:sos", PAI_ALICE);
    (void)world_expect(W_PCSCF, 416);
}

// Not registered here, though it came along our Service-Route: asked to register anew.
static void originating_after_restart(void **state)
{
    world_forget_scscf();
    world_run(40000);
    originate("INVITE", "sip:bob@" DOMAIN, PAI_ALICE);
    struct sip_msg *m = world_expect(W_PCSCF, 504);
    assert_string_equal(header(m, SIP_H_CONTENT_TYPE), "application/3gpp-ims+xml");
    struct str body = sip_msg_body(m);
    assert_true(str_find(body, STR("<action>initial-registration</action>")) > 0);
    // The UE heeds it only from whom it knows by that very URI (TS 24.229 5.1.2A.1.6).
    assert_string_equal(header(m, SIP_H_P_ASSERTED_IDENTITY), "<sip:orig@127.0.1.30:5060;lr>");
}

// TS 24.229 5.4.3.3
static void terminating_request(void **state)
{
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:alice@192.0.2.1:5060")));
    assert_string_equal(header(m, SIP_H_ROUTE), "<sip:flow1@127.0.1.10:5060;lr>");
    assert_string_equal(header(m, SIP_H_P_CALLED_PARTY_ID), "<sip:alice@" DOMAIN ">");
    assert_string_equal(header(m, SIP_H_RECORD_ROUTE), "<sip:mt@127.0.1.30:5060;lr>");
    // Between us and the P-CSCF the name is ours (TS 24.229 4.5.4, table 4-2B).
    assert_string_equal(header(m, SIP_H_P_CHARGING_VECTOR), "icid-value=ic3;orig-ioi=" DOMAIN);
    world_answer(W_PCSCF, m, 180, "Contact: <sip:alice@192.0.2.1:5060>\n");
    (void)world_expect(W_ICSCF, 180);
    world_answer(W_PCSCF, m, 200,
                 "Contact: <sip:alice@192.0.2.1:5060>\nP-Charging-Vector: icid-value=ic3\n");
    m = world_expect(W_ICSCF, 200);
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "orig-ioi=o.example");
    assert_has(header(m, SIP_H_P_CHARGING_VECTOR), "term-ioi=" DOMAIN);
}

// A 2xx that comes again, or of another fork, when nothing is known of its request any more: as the first one.
static void accepted_twice(void **state)
{
    static const char *const vectors[] = {"", "P-Charging-Vector: icid-value=ic;term-ioi=far.example\n"};
    const struct stack *s = scscf_stack(w.scscf);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char headers[300];
        (void)snprintf(headers, sizeof headers, "Contact: <sip:x@192.0.2.1>\n%s" PAI_ALICE, vectors[i]);
        terminate("INVITE", "sip:alice@" DOMAIN, "");
        struct sip_msg *m = sip_msg_ref(world_expect_request(W_PCSCF, "INVITE"));
        world_accept_twice(W_PCSCF, m, headers, W_ICSCF, s);
        sip_msg_unref(m);
        originate("INVITE", "sip:bob@" DOMAIN, PAI_ALICE);
        m = sip_msg_ref(world_expect_request(W_ICSCF, "INVITE"));
        world_accept_twice(W_ICSCF, m, headers, W_PCSCF, s);
        sip_msg_unref(m);
        originate("INVITE", "sip:eve@other.example", PAI_ALICE); // whose vector is not believed
        m = sip_msg_ref(world_expect_request(W_ICSCF, "INVITE"));
        world_accept_twice(W_ICSCF, m, headers, W_PCSCF, s);
        sip_msg_unref(m);
    }
}

static void terminating_by_number(void **state)
{
    static const char *const uris[] = {"tel:+15551", "sip:+15551@" DOMAIN ";user=phone",
                                       "SIP:alice@IMS.Example:5060;x=y"};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        terminate("MESSAGE", uris[i], "");
        struct sip_msg *m = world_expect_request(W_PCSCF, "MESSAGE");
        char want[128];
        (void)snprintf(want, sizeof want, "<%s>", uris[i]);
        assert_string_equal(header(m, SIP_H_P_CALLED_PARTY_ID), want);
        world_answer(W_PCSCF, m, 200, "");
        (void)world_expect(W_ICSCF, 200);
    }
}

// Unknown to us: the HSS is asked as for an unregistered user (TS 29.228 6.1.2).
static void terminating_to_the_unregistered(void **state)
{
    w.hss.profile = PROFILE("bob@" DOMAIN, ID("sip:bob@" DOMAIN) BARRED("sip:002@" DOMAIN));
    terminate("INVITE", "sip:bob@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 480);
    assert_int_equal(w.hss.sars[1], CX_UNREGISTERED_USER);
    assert_string_equal(w.hss.sar_impu, "sip:bob@" DOMAIN);
    terminate("INVITE", "sip:002@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 404);
    w.hss.sar_result = (struct dia_result){CX_ERROR_USER_UNKNOWN, true};
    terminate("INVITE", "sip:nobody@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 404);
    world_run(60000); // what was kept of bob is given back
    w.hss.sar_result = (struct dia_result){CX_ERROR_IN_ASSIGNMENT_TYPE, true};
    terminate("INVITE", "sip:bob@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 480);
    w.hss.sar_result = (struct dia_result){DIA_UNABLE_TO_DELIVER, false};
    terminate("INVITE", "sip:bob@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 504);
    assert_int_equal(held_registrations(w.scscf), 1);
}

static void terminating_refusals(void **state)
{
    terminate("INVITE", "sip:001@" DOMAIN, "");
    (void)world_expect(W_ICSCF, 404);
    terminate("INVITE", "sip:x@foreign.example", "");
    (void)world_expect(W_ICSCF, 404);
    terminate("INVITE", "mailto:x@y", "");
    (void)world_expect(W_ICSCF, 416);
}

static void two_phones(const char *contacts)
{
    struct reg r = alice;
    r.contact = contacts;
    (void)world_registered(&r);
}

// RFC 3261 16.6: equal q rings together, the losers are cancelled.
static void forking(void **state)
{
    two_phones("<sip:alice@192.0.2.1:5060>, <sip:a2@192.0.2.7>");
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *first = sip_msg_ref(world_expect_request(W_PCSCF, "INVITE"));
    struct sip_msg *second = sip_msg_ref(world_expect_request(W_PCSCF, "INVITE"));
    assert_false(str_eq(sip_msg_uri_text(first), sip_msg_uri_text(second)));
    world_answer(W_PCSCF, second, 180, "Contact: <sip:x@192.0.2.7>\n");
    (void)world_expect(W_ICSCF, 180);
    world_answer(W_PCSCF, first, 200, "Contact: <sip:x@192.0.2.1>\n");
    (void)world_expect(W_ICSCF, 200);
    struct sip_msg *m = world_expect_request(W_PCSCF, "CANCEL");
    assert_true(str_eq(sip_msg_uri_text(m), sip_msg_uri_text(second)));
    world_answer(W_PCSCF, m, 200, "");
    world_answer(W_PCSCF, second, 487, "");
    (void)world_expect_request(W_PCSCF, "ACK");
    sip_msg_unref(first);
    sip_msg_unref(second);
}

static void serial_by_q(void **state)
{
    two_phones("<sip:alice@192.0.2.1:5060>;q=0.3, <sip:a2@192.0.2.7>;q=0.9");
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:a2@192.0.2.7")));
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect_request(W_PCSCF, "ACK");
    m = world_expect_request(W_PCSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:alice@192.0.2.1:5060")));
    world_answer(W_PCSCF, m, 200, "Contact: <sip:x@192.0.2.1>\n");
    (void)world_expect(W_ICSCF, 200);
}

static void serial_all_fail(void **state)
{
    two_phones("<sip:alice@192.0.2.1:5060>;q=0.3, <sip:a2@192.0.2.7>;q=0.9");
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    world_answer(W_PCSCF, m, 603, "");
    (void)world_expect(W_ICSCF, 603);
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    m = world_expect_request(W_PCSCF, "INVITE");
    world_answer(W_PCSCF, m, 480, "");
    m = world_expect_request(W_PCSCF, "INVITE");
    world_answer(W_PCSCF, m, 480, "");
    (void)world_expect(W_ICSCF, 480);
}

// ---- what the caller prefers (RFC 3841) ----

#define VIDEO "<sip:v@192.0.2.1>;audio;video;methods=\"INVITE,MESSAGE\""
#define VOICE "<sip:a@192.0.2.2>;audio;methods=\"INVITE\""

// Sends a request and gives the first one that comes out.
static struct sip_msg *first_asked(const char *method, const char *headers)
{
    terminate(method, "sip:alice@" DOMAIN, headers);
    return world_expect_request(W_PCSCF, method);
}

// The only one that comes out goes to uri, and is refused or answered.
static void only_asked(const char *method, const char *headers, const char *uri, unsigned status)
{
    struct sip_msg *m = sip_msg_ref(first_asked(method, headers));
    assert_true(str_eq(sip_msg_uri_text(m), str_from(uri)));
    assert_null(world_take(W_PCSCF));
    world_answer(W_PCSCF, m, status, "");
    sip_msg_unref(m);
}

static void caller_preferences(void **state)
{
    two_phones(VOICE ", " VIDEO);
    // The one that fits better first, and then the other one.
    only_asked("INVITE", "Accept-Contact: *;audio;video\n", "sip:v@192.0.2.1", 486);
    (void)world_expect_request(W_PCSCF, "ACK");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:a@192.0.2.2")));
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
    (void)world_expect_request(W_PCSCF, "ACK");
    // One that is not wanted is not asked.
    only_asked("INVITE", "Reject-Contact: *;video\n", "sip:a@192.0.2.2", 486);
    (void)world_expect(W_ICSCF, 486);
    (void)world_expect_request(W_PCSCF, "ACK");
    // Nor one that says that it cannot (7.2.2).
    only_asked("MESSAGE", "", "sip:v@192.0.2.1", 200);
    (void)world_expect(W_ICSCF, 200);
    terminate("INVITE", "sip:alice@" DOMAIN, "Accept-Contact: *;isfocus;require;explicit\n");
    (void)world_expect(W_ICSCF, 480);
}

static void request_disposition(void **state)
{
    two_phones("<sip:one@192.0.2.1>;q=0.5, <sip:two@192.0.2.2>");
    struct sip_msg *m = first_asked("MESSAGE", "Request-Disposition: no-fork\n");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:two@192.0.2.2")));
    world_answer(W_PCSCF, m, 480, "");
    (void)world_expect(W_ICSCF, 480);
    m = first_asked("MESSAGE", "Request-Disposition: parallel\n");
    struct sip_msg *both[2] = {sip_msg_ref(m), sip_msg_ref(world_expect_request(W_PCSCF, "MESSAGE"))};
    for (int i = 0; i < 2; i++) {
        world_answer(W_PCSCF, both[i], 480, "");
        sip_msg_unref(both[i]);
    }
    (void)world_expect(W_ICSCF, 480);
    two_phones("<sip:one@192.0.2.1>, <sip:two@192.0.2.2>");
    world_answer(W_PCSCF, first_asked("MESSAGE", "Request-Disposition: sequential\n"), 480, "");
    world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 200, "");
    (void)world_expect(W_ICSCF, 200);
}

// TS 29.229 6.3.45: the identity that was called stays, the contact is the last entry of Route.
static void loose_route(void **state)
{
    w.hss.loose_route = true;
    (void)world_registered(&alice);
    struct sip_msg *m = first_asked("INVITE", "");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:alice@" DOMAIN)));
    assert_string_equal(header(m, SIP_H_ROUTE),
                        "<sip:flow1@127.0.1.10:5060;lr>, <sip:alice@192.0.2.1:5060;lr>");
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
}

// ---- SUBSCRIBE ----

// RFC 6665 4.2.1.1: what nobody serves is refused by the network and does not come back to the phone.
static void subscriptions(void **state)
{
    static const struct {
        const char *headers;
        bool passes;
    } rows[] = {
        {PAI_ALICE "Event: reg\n", false},
        {"P-Asserted-Identity: <sip:pcscf." DOMAIN ">\nEvent: reg\n", false},
        {PAI_ALICE "Event: message-summary\n", false},
        {"P-Asserted-Identity: <tel:+15551>\nEvent: presence\n", false},
        {PAI_ALICE, false},
        {PAI_ALICE "Event: dialog\n", true},
        {"P-Asserted-Identity: <sip:bob@" DOMAIN ">\nEvent: dialog;sla\n", true},
    };
    struct reg r = alice;
    r.contact = "<sip:alice@192.0.2.1:5060>;events=\"dialog,refer\"";
    (void)world_registered(&r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        terminate("SUBSCRIBE", i & 1 ? "tel:+15551" : "sip:alice@" DOMAIN, rows[i].headers);
        if (rows[i].passes)
            world_answer(W_PCSCF, world_expect_request(W_PCSCF, "SUBSCRIBE"), 489, "");
        struct sip_msg *m = world_expect(W_ICSCF, 489);
        if (!rows[i].passes)
            assert_true(sip_msg_count(m, SIP_H_ALLOW_EVENTS) > 0);
        assert_null(world_take(W_PCSCF));
    }
}

// ---- contacts that cannot be reached ----

static void configure(uint32_t failures, uint32_t contacts)
{
    struct scscf_config c = w.cfg;
    c.registration.failures = failures;
    c.registration.contacts_aka = contacts;
    scscf_reload(w.scscf, &c);
}

#define STALE STR("sip:a2@192.0.2.7")

// Two INVITEs arrive at the P-CSCF, in whichever order: the stale contact's flow has failed (as status and headers
// say it), the other one is busy.
static void call_stale_and_busy(unsigned status, const char *headers)
{
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *both[2];
    for (int i = 0; i < 2; i++)
        both[i] = sip_msg_ref(world_expect_request(W_PCSCF, "INVITE"));
    for (int i = 0; i < 2; i++) {
        bool stale = str_eq(sip_msg_uri_text(both[i]), STALE);
        world_answer(W_PCSCF, both[i], stale ? status : 486, stale ? headers : "");
        (void)world_expect_request(W_PCSCF, "ACK");
        sip_msg_unref(both[i]);
    }
    (void)world_expect(W_ICSCF, 486);
}

// A phone that was killed and came back elsewhere: what is left of it goes after two failures, and not
// before; somebody who can be reached is there.
static void stale_contact_is_unbound(void **state)
{
    configure(2, 0);
    two_phones("<sip:alice@192.0.2.1:5060>, <sip:a2@192.0.2.7>");
    call_stale_and_busy(430, "");
    assert_int_equal(held_bindings(w.scscf), 2);
    call_stale_and_busy(480, "Reason: SIP;cause=430\n");
    assert_int_equal(held_bindings(w.scscf), 1);
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_false(str_eq(sip_msg_uri_text(m), STALE));
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
}

// RFC 5626 7: nobody beyond this node hears of a failed flow. The only contact stays, however often.
static void the_last_contact_stays(void **state)
{
    configure(2, 0);
    (void)world_registered(&alice);
    for (int i = 0; i < 4; i++) {
        terminate("MESSAGE", "sip:alice@" DOMAIN, "");
        world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), i & 1 ? 430 : 504, "");
        struct sip_msg *m = world_expect(W_ICSCF, 480);
        assert_has(header(m, SIP_H_WARNING), "no contact of the called user can be reached");
    }
    assert_int_equal(held_bindings(w.scscf), 1);
}

// The identity module is in one UE: what it had bound before is of its past.
static void new_registration_replaces_the_old(void **state)
{
    struct reg back = alice;
    configure(0, 1);
    (void)world_registered(&alice);
    back.contact = "<sip:alice@192.0.2.1:5099>";
    back.call_id = "another-run";
    (void)world_registered(&back);
    assert_int_equal(held_bindings(w.scscf), 1);
    terminate("MESSAGE", "sip:alice@" DOMAIN, "");
    assert_true(str_eq(sip_msg_uri_text(world_expect_request(W_PCSCF, "MESSAGE")),
                       STR("sip:alice@192.0.2.1:5099")));
}

static void registrations_stand_side_by_side_if_wanted(void **state)
{
    struct reg back = alice;
    configure(0, 0);
    (void)world_registered(&alice);
    back.contact = "<sip:alice@192.0.2.1:5099>";
    back.call_id = "another-run";
    (void)world_registered(&back);
    assert_int_equal(held_bindings(w.scscf), 2);
}

// In-dialog requests follow the route set; that the user is known does not matter.
static void in_dialog(void **state)
{
    static const char *const methods[] = {"BYE", "PRACK", "UPDATE", "INVITE", "INFO", "MESSAGE",
                                          "OPTIONS", "SUBSCRIBE", "NOTIFY", "REFER"};
    world_forget_scscf();
    world_run(40000);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        world_sendf(W_PCSCF,
                    "%s sip:bob@192.0.2.2 SIP/2.0\n"
                    "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKd%zu\nMax-Forwards: 70\n"
                    "Route: <sip:mo@127.0.1.30:5060;lr>, <sip:next@127.0.1.20:5060;lr>\n"
                    "From: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:bob@" DOMAIN ">;tag=t\n"
                    "Call-ID: d\nCSeq: %zu %s\nContent-Length: 0\n\n",
                    methods[i], i, i + 2, methods[i]);
        struct sip_msg *m = world_expect_request(W_ICSCF, methods[i]);
        assert_string_equal(header(m, SIP_H_ROUTE), "<sip:next@127.0.1.20:5060;lr>");
        assert_true(str_eq(sip_msg_uri_text(m), STR("sip:bob@192.0.2.2")));
        // TS 24.229 5.4.3.2: target refresh requests
        bool refresh = !strstr("BYE PRACK INFO MESSAGE OPTIONS", methods[i]);
        assert_string_equal(header(m, SIP_H_RECORD_ROUTE), refresh ? "<sip:mo@127.0.1.30:5060;lr>" : "");
        world_answer(W_ICSCF, m, 200, "Contact: <sip:bob@192.0.2.2>\n");
        (void)world_expect(W_PCSCF, 200);
    }
}

static void ack_passes(void **state)
{
    world_send(W_PCSCF,
               "ACK sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKa\n"
               "Max-Forwards: 70\nRoute: <sip:mo@127.0.1.30:5060;lr>, "
               "<sip:next@127.0.1.20:5060;lr>\nFrom: <sip:a@d>;tag=f\nTo: <sip:b@d>;tag=t\n"
               "Call-ID: d\nCSeq: 1 ACK\nContent-Length: 0\n\n");
    (void)world_expect_request(W_ICSCF, "ACK");
    world_send(W_PCSCF,
               "ACK sip:127.0.1.30 SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKb\n"
               "Max-Forwards: 70\nFrom: <sip:a@d>;tag=f\nTo: <sip:b@d>;tag=t\n"
               "Call-ID: d\nCSeq: 1 ACK\nContent-Length: 0\n\n");
    assert_null(world_take(W_ICSCF));
}

static void lost_in_dialog_request(void **state)
{
    world_send(W_PCSCF,
               "BYE sip:127.0.1.30 SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKl\n"
               "Max-Forwards: 70\nFrom: <sip:a@d>;tag=f\nTo: <sip:b@d>;tag=t\n"
               "Call-ID: d\nCSeq: 2 BYE\nContent-Length: 0\n\n");
    (void)world_expect(W_PCSCF, 481);
}

static void cancel(void **state)
{
    terminate("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = sip_msg_ref(world_expect_request(W_PCSCF, "INVITE"));
    world_answer(W_PCSCF, m, 180, "Contact: <sip:x@192.0.2.1>\n");
    (void)world_expect(W_ICSCF, 180);
    world_sendf(W_ICSCF,
                "CANCEL sip:alice@" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\nMax-Forwards: 70\n"
                "Route: <sip:scscf." DOMAIN ":5060;lr>\nFrom: <sip:bob@" DOMAIN ">;tag=f\n"
                "To: <sip:alice@" DOMAIN ">\nCall-ID: s%u\nCSeq: 1 CANCEL\nContent-Length: 0\n\n",
                w.branch, w.branch);
    (void)world_expect(W_ICSCF, 200);
    struct sip_msg *c = world_expect_request(W_PCSCF, "CANCEL");
    world_answer(W_PCSCF, c, 200, "");
    world_answer(W_PCSCF, m, 487, "");
    (void)world_expect(W_ICSCF, 487);
    sip_msg_unref(m);
}

// Cancelled while the HSS is still being asked.
static void cancel_while_waiting(void **state)
{
    w.hss.silent = true;
    terminate("INVITE", "sip:bob@" DOMAIN, "");
    world_run(500);
    world_sendf(W_ICSCF,
                "CANCEL sip:bob@" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\nMax-Forwards: 70\n"
                "Route: <sip:scscf." DOMAIN ":5060;lr>\nFrom: <sip:bob@" DOMAIN ">;tag=f\n"
                "To: <sip:bob@" DOMAIN ">\nCall-ID: s%u\nCSeq: 1 CANCEL\nContent-Length: 0\n\n",
                w.branch, w.branch);
    struct sip_msg *m;
    bool terminated = false;
    while ((m = world_take(W_ICSCF)))
        terminated = terminated || sip_msg_status(m) == 487;
    assert_true(terminated);
    world_run(60000);
}

static struct sip_msg *ask_options(int from, const char *uri, const char *headers, unsigned status)
{
    w.branch++;
    world_sendf(from, "OPTIONS %s SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.77;rport;branch=z9hG4bKp%u\n"
                "%sFrom: <sip:a@d>;tag=f\nTo: <sip:127.0.1.30>\nCall-ID: p%u\nCSeq: 2 OPTIONS\n"
                "X-Padding: %0500d\nContent-Length: 0\n\n", uri, w.branch, headers, w.branch, 0);
    return world_expect(from, status);
}

// RFC 3261 11.2, 16.3: a probe of the node is answered by it, whoever asks.
static void options_to_the_node(void **state)
{
    static const int who[] = {W_PCSCF, W_EVE};
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        struct sip_msg *m = ask_options(who[i], "sip:127.0.1.30", "Max-Forwards: 70\n", 200);
        assert_has(header(m, SIP_H_ALLOW), "INVITE");
        assert_has(header(m, SIP_H_ALLOW), "PUBLISH");
        assert_string_equal(header(m, SIP_H_ACCEPT), "application/sdp");
        assert_has(header(m, SIP_H_SUPPORTED), "outbound");
        (void)ask_options(who[i], "sip:scscf." DOMAIN ":5060", "Max-Forwards: 70\n", 200);
        (void)ask_options(who[i], "sip:alice@" DOMAIN, "Max-Forwards: 0\n", 200);
        (void)ask_options(who[i], "sip:127.0.1.30",
                          "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n", 200);
        (void)ask_options(who[i], "sip:127.0.1.30", "Max-Forwards: 0\nProxy-Require: x\n", 420);
    }
    // Somebody else's phone is asked itself.
    w.branch++;
    world_sendf(W_ICSCF, "OPTIONS sip:alice@" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKo%u\nMax-Forwards: 70\n"
                "From: <sip:a@d>;tag=f\nTo: <sip:alice@" DOMAIN ">\nCall-ID: o\nCSeq: 2 OPTIONS\n"
                "Content-Length: 0\n\n", w.branch);
    world_answer(W_PCSCF, world_expect_request(W_PCSCF, "OPTIONS"), 200, "");
    (void)world_expect(W_ICSCF, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(originating_request),
        TEST(telephone_number_becomes_sip),
        TEST(accepted_twice),
        TEST(asserted_tel_has_a_sip_form),
        TEST(foreign_target),
        TEST(originating_refusals),
        TEST(originating_after_restart),
        TEST(terminating_request),
        TEST(terminating_by_number),
        TEST(terminating_to_the_unregistered),
        TEST(terminating_refusals),
        TEST(forking),
        TEST(stale_contact_is_unbound),
        TEST(the_last_contact_stays),
        TEST(new_registration_replaces_the_old),
        TEST(registrations_stand_side_by_side_if_wanted),
        TEST(caller_preferences),
        TEST(request_disposition),
        TEST(loose_route),
        TEST(subscriptions),
        TEST(serial_by_q),
        TEST(serial_all_fail),
        TEST(in_dialog),
        TEST(ack_passes),
        TEST(lost_in_dialog_request),
        TEST(cancel),
        TEST(cancel_while_waiting),
        TEST(options_to_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
