// SPDX-License-Identifier: Apache-2.0
// The edge of the trust domain (TS 24.229 4.4, 5.2.6.3, 5.2.6.4): who a UE is, what it may not say and may
// not see.
#include <stdio.h>

#include "stage.h"
#include "tests/common/trust_samples.h"

static struct heard *invited(const char *headers)
{
    ue_send(&st.alice, &(struct request){.to = BOB, .headers = headers});
    return expect(st.core, "INVITE ");
}

static void stage_with_alice(void)
{
    stage_start();
    (void)registered(&st.alice);
}

// ---- who it is (TS 24.229 5.2.6.3.1) ----

static void default_identity_is_asserted(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited(NULL);
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
    assert_int_equal(occurrences(h, "P-Asserted-Identity"), 1);
}

static void preferred_identity_of_the_set_is_asserted(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited("P-Preferred-Identity: \"A\" <" ALICE_TEL ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE_TEL ">");
    assert_lacks(h, "P-Preferred-Identity");
    // Whatever else the UE's URI says is not vouched for.
    h = invited("P-Preferred-Identity: <" ALICE ";evil=1?Subject=x>\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
    h = invited("P-Preferred-Identity: <tel:+1-555-000-0001>\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE_TEL ">");
    h = invited("P-Preferred-Identity: <sip:eve@" HOME ">, <" ALICE_TEL ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE_TEL ">");
}

// A SIP and a tel URI of one user may be preferred together (RFC 3325 9.2).
static void two_preferred_identities(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited("P-Preferred-Identity: <" ALICE_TEL ">, <" ALICE ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE_TEL ">, <" ALICE ">");
    h = invited("P-Preferred-Identity: <" ALICE ">, <" ALICE ">, <" BOB ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
}

static void another_preferred_identity_is_not(void **state)
{
    (void)state;
    stage_with_alice();
    struct ue bob = ue_udp("198.51.100.2:5060", ACCESS);
    (void)registered_as(&bob, &(struct request){.from = BOB},
                        "Contact: <sip:ue@198.51.100.2:5060>;expires=600\n"
                        "Service-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" BOB ">\n");
    struct heard *h = invited("P-Preferred-Identity: <" BOB ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
    ue_send(&st.alice, &(struct request){.from = BOB, .to = "sip:carol@" HOME});
    h = expect(st.core, "INVITE ");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
}

// Two users of one flow (a gateway): each is known by what it says.
static void one_flow_of_two_users(void **state)
{
    (void)state;
    stage_with_alice();
    (void)registered_as(&st.alice, &(struct request){.from = BOB, .contact = "<sip:b@198.51.100.1>"},
                        "Contact: <sip:b@198.51.100.1>;expires=600\n"
                        "Service-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" BOB ">\n");
    struct heard *h = invited(NULL);
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
    h = invited("P-Preferred-Identity: <" BOB ">\n");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" BOB ">");
}

// ---- what it may not say ----

#define LIES                                                                                       \
    "P-Asserted-Identity: <sip:eve@" HOME ">\np-asserted-identity: <tel:+1999>\n"                  \
    "P-Charging-Vector: icid-value=\"lie\"\nP-Charging-Function-Addresses: ccf=203.0.113.9\n"      \
    "P-Served-User: <sip:eve@" HOME ">;sescase=orig\nP-Associated-URI: <sip:eve@" HOME ">\n"       \
    "P-User-Database: <aaa://eve>\nP-Profile-Key: <sip:eve@" HOME ">\n"                            \
    "P-Called-Party-ID: <sip:eve@" HOME ">\nP-Visited-Network-ID: eve\n"                           \
    "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel.eve\n"                              \
    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=\"eve\";network-provided\n"        \
    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=\"honest\"\n"

static void lies_are_removed(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited(LIES);
    assert_lacks(h, "eve");
    assert_lacks(h, "+1999");
    assert_lacks(h, "lie");
    assert_lacks(h, "203.0.113.9");
    assert_has(h, "honest");
    assert_int_equal(occurrences(h, "icid-value="), 1);
    ue_send(&st.alice, &(struct request){.headers = LIES});
    h = expect(st.core, "REGISTER ");
    assert_lacks(h, "eve");
    assert_lacks(h, "+1999");
    assert_lacks(h, "lie");
    assert_has(h, "honest");
}

// A value that cannot be read does not hide the one behind it.
static void malformed_headers_hide_nothing(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited("P-Access-Network-Info: ;;=\n"
                              "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=eve;network-provided\n"
                              "P-Preferred-Identity: <<<\nP-Preferred-Identity: <" BOB ">\n"
                              "P-Asserted-Identity: <<<eve\n");
    assert_lacks(h, "eve");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE ">");
}

static void security_agreement_stays_here(void **state)
{
    (void)state;
    stage_with_alice();
    struct heard *h = invited("Require: sec-agree\nProxy-Require: sec-agree\n"
                              "Security-Verify: ipsec-3gpp;alg=hmac-sha-1-96;q=0.1\n");
    assert_lacks(h, "sec-agree");
    assert_lacks(h, "Security-Verify");
}

static void unregistered_is_forbidden(void **state)
{
    (void)state;
    stage_with_alice();
    struct ue other = ue_udp("198.51.100.9:5060", ACCESS);
    ue_send(&other, &(struct request){.to = BOB});
    (void)expect(other.peer, "SIP/2.0 403");
    ue_send(&other, &(struct request){.method = "MESSAGE", .to = BOB, .headers = LIES});
    (void)expect(other.peer, "SIP/2.0 403");
    expect_nothing(st.core);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_unregistered, 2);
}

// The far side of this node is not a way around it.
static void own_core_uri_in_route_is_no_way_in(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    struct ue eve = ue_udp("198.51.100.66:5060", ACCESS);
    const char *route = text("Route: <%s>\n" LIES, path);
    ue_send(&eve, &(struct request){.to = ALICE, .headers = route});
    (void)expect(eve.peer, "SIP/2.0 403");
    expect_nothing(st.alice.peer);
    // Nor for a registered one: the stored Service-Route counts.
    struct heard *h = invited(route);
    assert_string_equal(header(h, "Route"), SERVICE_ROUTE);
    expect_nothing(st.alice.peer);
}

// ---- the core side ----

static void only_trusted_nodes_reach_the_core_side(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    struct ue eve = ue_udp("198.51.100.66:5060", PCSCF_CORE_AT);
    const char *route = text("Route: <%s>\n", path);
    ue_send(&eve, &(struct request){.to = ALICE, .headers = route});
    (void)expect(eve.peer, "SIP/2.0 403");
    expect_nothing(st.alice.peer);
    core_send(&(struct request){.from = BOB, .to = ALICE, .headers = route});
    (void)expect(st.alice.peer, "INVITE ");
}

// ---- what a UE may not see (TS 24.229 5.2.6.4.3) ----

static struct heard *called(const char *headers)
{
    const char *path = registered(&st.alice);
    const char *all = text("Route: <%s>\n%s", path, headers);
    core_send(&(struct request){.from = BOB, .to = "sip:ue@198.51.100.1:5060", .headers = all});
    return expect(st.alice.peer, "INVITE ");
}

#define INSIDE                                                                                     \
    "P-Charging-Vector: icid-value=\"secret\"\nP-Charging-Function-Addresses: ccf=secret\n"        \
    "P-Served-User: <sip:secret@" HOME ">\nP-User-Database: <aaa://secret>\n"                      \
    "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=secret\n"                                   \
    "P-Asserted-Identity: <" BOB ">\n"

static void inside_information_stays_inside(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = called(INSIDE);
    assert_lacks(h, "secret");
    assert_has(h, "P-Asserted-Identity: <" BOB ">");
    h = invited(NULL);
    peer_answer(st.core, h, 200, INSIDE);
    h = expect(st.alice.peer, "SIP/2.0 200");
    assert_lacks(h, "secret");
    assert_has(h, "P-Asserted-Identity: <" BOB ">");
}

// RFC 3325 7.
static void asserted_identity_is_hidden_when_asked_for(void **state)
{
    (void)state;
    stage_start();
    assert_lacks(called("P-Asserted-Identity: <" BOB ">\nPrivacy: header;id\n"), "P-Asserted");
    assert_has(called("P-Asserted-Identity: <" BOB ">\nPrivacy: none\n"), "P-Asserted");
    assert_has(called("P-Asserted-Identity: <" BOB ">\nPrivacy: user\n"), "P-Asserted");
    struct heard *h = invited(NULL);
    peer_answer(st.core, h, 200, "P-Asserted-Identity: <" BOB ">\nPrivacy: id\n");
    assert_lacks(expect(st.alice.peer, "SIP/2.0 200"), "P-Asserted");
}

// The called UE answers as whom it was called (TS 24.229 5.2.6.4.4), and with the caller's charging vector.
static void answers_are_asserted_too(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = called("P-Called-Party-ID: <" ALICE_TEL ">\n" INSIDE);
    peer_answer(st.alice.peer, h, 200, LIES "P-Preferred-Identity: <sip:eve@" HOME ">\n");
    h = expect(st.core, "SIP/2.0 200");
    assert_lacks(h, "eve");
    assert_lacks(h, "lie");
    assert_string_equal(header(h, "P-Asserted-Identity"), "<" ALICE_TEL ">");
    // 5.2.6.4.4 and 4.5.4: the vector of the request, and this network's name as term-ioi.
    assert_string_equal(header(h, "P-Charging-Vector"),
                        "icid-value=\"secret\";term-ioi=\"ioi.example\"");
}

// ---- the whole table (TS 24.229 4.4) ----

static void assert_marks(const struct heard *h, enum trust_way way, bool request)
{
    size_t n;
    const struct trust_row *rows = trust_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct trust_sample *s = trust_sample_of(&rows[i]);
        if (s->id == SIP_H_P_CHARGING_VECTOR && !request && way == TRUST_IN)
            continue; // the request's
        bool passes = s->line && trust_sample_passes(&rows[i], way, TRUST_UE, request);
        if ((str_find(h->bytes, str_from(s->mark)) >= 0) != passes)
            fail_msg("%s is %s in\n%.*s", s->mark, passes ? "gone" : "there", STR_ARG(h->bytes));
    }
}

static const char *samples(void)
{
    static char lines[8192];
    return trust_sample_lines(lines, sizeof lines);
}

static void table_for_what_a_ue_says(void **state)
{
    (void)state;
    stage_with_alice();
    ue_send(&st.alice, &(struct request){.to = BOB, .uri = BOB ";iotl=homeA-homeB", .headers = samples()});
    assert_marks(expect(st.core, "INVITE "), TRUST_IN, true);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB, .headers = samples()});
    assert_marks(expect(st.core, "MESSAGE "), TRUST_IN, true);
    const char *path = registered(&st.alice);
    for (unsigned status = 180; status < 700; status += 106) { // 180, 286, 392, 498, 604
        core_send(&(struct request){.from = BOB, .to = "sip:ue@198.51.100.1:5060",
                                    .headers = text("Route: <%s>\n", path)});
        peer_answer(st.alice.peer, expect(st.alice.peer, "INVITE "), status, samples());
        assert_marks(expect(st.core, "SIP/2.0 "), TRUST_IN, false);
        if (status >= 300)
            (void)expect(st.alice.peer, "ACK ");
    }
}

static void table_for_what_a_ue_hears(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    const char *all = text("Route: <%s>\n%s", path, samples());
    core_send(&(struct request){.from = BOB, .to = "sip:ue@198.51.100.1:5060",
                                .uri = "sip:ue@198.51.100.1:5060;iotl=homeA-homeB", .headers = all});
    assert_marks(expect(st.alice.peer, "INVITE "), TRUST_OUT, true);
    core_send(&(struct request){.method = "MESSAGE", .from = BOB, .to = "sip:ue@198.51.100.1:5060", .headers = all});
    assert_marks(expect(st.alice.peer, "MESSAGE "), TRUST_OUT, true);
    for (unsigned status = 180; status < 700; status += 106) {
        peer_answer(st.core, invited(NULL), status, samples());
        assert_marks(expect(st.alice.peer, "SIP/2.0 "), TRUST_OUT, false);
        if (status >= 300)
            (void)expect(st.core, "ACK ");
    }
}

static void table_inside_a_dialog(void **state)
{
    (void)state;
    stage_with_alice();
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "in-dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    const char *core_way = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, NULL);
    const char *ue_way = uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route");
    struct request bye = {.method = "BYE",
                          .uri = "sip:bob@192.0.2.20:5060;transport=udp",
                          .to = BOB,
                          .to_tag = "peer",
                          .call_id = "in-dialog",
                          .headers = text("Route: <%s>\n%s", ue_way, samples())};
    ue_send(&st.alice, &bye);
    h = expect(st.core, "BYE ");
    assert_marks(h, TRUST_IN, true);
    peer_answer(st.core, h, 200, samples());
    assert_marks(expect(st.alice.peer, "SIP/2.0 200"), TRUST_OUT, false);
    core_send(&(struct request){.method = "BYE",
                                .from = BOB,
                                .to = "sip:ue@198.51.100.1:5060",
                                .to_tag = "x",
                                .call_id = "in-dialog",
                                .headers = text("Route: <%s>\n%s", core_way, samples())});
    h = expect(st.alice.peer, "BYE ");
    assert_marks(h, TRUST_OUT, true);
    peer_answer(st.alice.peer, h, 200, samples());
    assert_marks(expect(st.core, "SIP/2.0 200"), TRUST_IN, false);
}

// TS 24.229 4.5.2 table 4-2A: what a UE sends later is charged with what it sent first, on either side of the call,
// and the UE never learns by which name.
static void dialogs_keep_their_icid(void **state)
{
    static const char far[] = "sip:bob@192.0.2.20:5060;transport=udp";
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "out"});
    struct heard *h = expect(st.core, "INVITE ");
    const char *vector = header(h, "P-Charging-Vector");
    peer_answer(st.core, h, 200, NULL);
    h = expect(st.alice.peer, "SIP/2.0 200");
    assert_lacks(h, "icid-value");
    const char *way = text("Route: <%s>\n", uri_in(h, "Record-Route"));
    ue_send(&st.alice, &(struct request){.method = "ACK", .uri = far, .to = BOB, .to_tag = "peer", .call_id = "out",
                                         .headers = way});
    assert_string_equal(header(expect(st.core, "ACK "), "P-Charging-Vector"), vector);
    ue_send(&st.alice, &(struct request){.method = "BYE", .uri = far, .to = BOB, .to_tag = "peer", .call_id = "out",
                                         .headers = way});
    assert_string_equal(header(expect(st.core, "BYE "), "P-Charging-Vector"), vector);
    // Called: with the identifier of the network that called.
    core_send(&(struct request){.from = BOB, .to = "sip:ue@198.51.100.1:5060", .call_id = "in",
                                .headers = text("Route: <%s>\nP-Charging-Vector: icid-value=\"theirs@x\"\n", path)});
    h = expect(st.alice.peer, "INVITE ");
    assert_lacks(h, "theirs");
    way = text("Route: <%s>\n", uri_in(h, "Record-Route"));
    ue_send(&st.alice, &(struct request){.method = "BYE", .uri = far, .from = "sip:ue@198.51.100.1:5060", .to = BOB,
                                         .to_tag = "f", .call_id = "in", .headers = way});
    h = expect(st.core, "BYE ");
    assert_has(h, "icid-value=\"theirs@x\"");
    assert_has(h, "orig-ioi=\"ioi.example\"");
    peer_answer(st.core, h, 200, NULL);
}

// ---- why it was refused ----

// RFC 3261 20.43: where the network's nodes are is not for UEs, unless the operator wants it.
static void warnings_towards_a_ue(void **state)
{
    (void)state;
    st.cfg.warnings = STACK_WARNINGS_FULL;
    stage_with_alice();
    peer_answer(st.core, invited(NULL), 480, "Warning: 399 10.0.0.9:5060 \"asked: hss.core.example\"\n");
    assert_has(expect(st.alice.peer, "SIP/2.0 480"), "10.0.0.9:5060 \"asked: hss.core.example\"");
    (void)expect(st.core, "ACK ");
    st.cfg.warnings = STACK_WARNINGS_PLAIN;
    stage_restart();
    (void)registered(&st.alice);
    peer_answer(st.core, invited(NULL), 480, "Warning: 399 10.0.0.9:5060 \"asked: hss.core.example\"\n");
    assert_has(expect(st.alice.peer, "SIP/2.0 480"), "Warning: 399 ims \"asked\"");
}

// ---- where a UE is (TS 24.229 4.4.3, 7.2A.4) ----

static void network_provided_location(void **state)
{
    static struct str known[] = {STR_INIT("198.51.100.7 IEEE-802.3"),
                                 STR_INIT("198.51.100.0/24  IEEE-802.11;i-wlan-node-id=a0b1c2d3e4f5"),
                                 STR_INIT("198.51.100.1 IEEE-802.3")};
    static const char provided[] =
        "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=a0b1c2d3e4f5;network-provided\r\n";
    (void)state;
    st.cfg.network_info = (struct conf_strs){known, 3};
    stage_start();
    ue_send(&st.alice, &(struct request){.headers = "P-Access-Network-Info: 3GPP-GERAN;cgi-3gpp=1\n"});
    struct heard *h = expect(st.core, "REGISTER ");
    assert_has(h, provided);
    assert_has(h, "P-Access-Network-Info: 3GPP-GERAN;cgi-3gpp=1\r\n");
    peer_answer(st.core, h, 500, NULL);
    (void)expect(st.alice.peer, "SIP/2.0 500");
    const char *path = registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .headers = "P-Access-Network-Info: x;network-provided\n"});
    h = expect(st.core, "INVITE ");
    assert_has(h, provided);
    assert_int_equal(occurrences(h, "network-provided"), 1);
    core_send(&(struct request){.uri = "sip:ue@198.51.100.1:5060", .from = BOB, .to = ALICE,
                                .headers = text("Route: <%s>\nP-Access-Network-Info: y;network-provided\n", path)});
    h = expect(st.alice.peer, "INVITE ");
    assert_lacks(h, "network-provided");
    peer_answer(st.alice.peer, h, 180, NULL);
    assert_has(expect(st.core, "SIP/2.0 180"), provided);
    struct ue other = ue_udp("203.0.113.7:5060", ACCESS);
    ue_send(&other, &(struct request){0});
    assert_lacks(expect(st.core, "REGISTER "), "P-Access-Network-Info");
}

// ---- emergency (TS 24.229 5.2.10) ----

static void emergency_call_is_sent_elsewhere(void **state)
{
    static const char *const uris[] = {"urn:service:sos", "URN:service:sos.fire", "tel:112",
                                       ("sip:911@" HOME ";user=phone"), ("tel:911;phone-context=" HOME),
                                       "tel:1-1-2", ("sip:%39%31%31@" HOME)};
    static struct str numbers[] = {STR_INIT("112"), STR_INIT("911")};
    (void)state;
    st.cfg.emergency_numbers = (struct conf_strs){numbers, 2};
    stage_start();
    const char *path = registered(&st.alice);
    struct ue other = ue_udp("198.51.100.7:5060", ACCESS);
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        ue_send(&st.alice, &(struct request){.uri = uris[i], .to = "sip:x@" HOME});
        struct heard *h = expect(st.alice.peer, "SIP/2.0 380 Alternative Service");
        assert_string_equal(uri_in(h, "P-Asserted-Identity"), path);
        assert_string_equal(header(h, "Content-Type"), "application/3gpp-ims+xml");
        assert_has(h, "<type>emergency</type>");
        assert_lacks(h, "<action>");
        ue_send(&other, &(struct request){.uri = uris[i], .to = "sip:x@" HOME}); // not registered
        (void)expect(other.peer, "SIP/2.0 380");
    }
    expect_nothing(st.core);
    assert_int_equal(pcscf_counters(st.pcscf)->emergency, 2 * ARRAY_LEN(uris));
    ue_send(&st.alice, &(struct request){.to = "sip:1123@" HOME});
    (void)expect(st.core, "INVITE ");
}

// ---- a core that is gone (TS 24.229 5.2.6.3.2A) ----

static void silent_core_means_register_anew(void **state)
{
    (void)state;
    st.cfg.core_silence_ms = 1500;
    stage_start();
    const char *path = registered(&st.alice);
    struct heard *h = invited(NULL);
    while (str_starts(h->bytes, STR("INVITE ")))
        h = expect(st.core, "");
    assert_true(str_starts(h->bytes, STR("CANCEL "))); // for when it wakes up
    h = expect(st.alice.peer, "SIP/2.0 504");
    assert_string_equal(uri_in(h, "P-Asserted-Identity"), path);
    assert_has(h, "<type>restoration</type>");
    assert_has(h, "<action>initial-registration</action>");
    assert_int_equal(pcscf_counters(st.pcscf)->restoration, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(default_identity_is_asserted),
        T(preferred_identity_of_the_set_is_asserted),
        T(two_preferred_identities),
        T(another_preferred_identity_is_not),
        T(one_flow_of_two_users),
        T(lies_are_removed),
        T(malformed_headers_hide_nothing),
        T(security_agreement_stays_here),
        T(unregistered_is_forbidden),
        T(own_core_uri_in_route_is_no_way_in),
        T(only_trusted_nodes_reach_the_core_side),
        T(inside_information_stays_inside),
        T(asserted_identity_is_hidden_when_asked_for),
        T(answers_are_asserted_too),
        T(table_for_what_a_ue_says),
        T(table_for_what_a_ue_hears),
        T(table_inside_a_dialog),
        T(dialogs_keep_their_icid),
        T(warnings_towards_a_ue),
        T(network_provided_location),
        T(emergency_call_is_sent_elsewhere),
        T(silent_core_means_register_anew),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_trust", tests, NULL, NULL);
}
