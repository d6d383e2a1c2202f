// SPDX-License-Identifier: Apache-2.0
// What the S-CSCF believes of whom (RFC 3325, TS 24.229 4.4): an outsider reaches its port.
#include <stdio.h>

#include "tests/common/figure.h"
#include "tests/common/trust_samples.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, registered, world_tear_down)

static int registered(void **state)
{
    int err = world_set_up(state);
    if (!err)
        (void)world_registered(&alice);
    return err;
}

#define LIES                                                                                       \
    "P-Asserted-Identity: <sip:carol@" DOMAIN ">\nP-Served-User: <sip:carol@" DOMAIN ">\n"         \
    "P-Charging-Vector: icid-value=carol;orig-ioi=carol\nP-Charging-Function-Addresses: "          \
    "ccf=carol\n"                                                                                  \
    "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=carol;network-provided\n"

static void eve_sends(const char *method, const char *uri, const char *to_tag, const char *headers)
{
    w.branch++;
    world_sendf(
        W_EVE,
        "%s %s SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.66:5060;branch=z9hG4bKe%u\n"
        "Max-Forwards: 70\nFrom: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">%s\n"
        "Call-ID: e%u\nCSeq: 1 %s\nContact: <sip:eve@198.51.100.66>\n%sContent-Length: 0\n\n",
        method, uri, w.branch, to_tag, w.branch, method, headers);
}

// Server transactions so far.
static uint64_t n_transactions(void)
{
    return figure_of(scscf_stack(w.scscf), "sip_transactions_total", "server");
}

// TS 24.229 7.2A.2: "ip-assoc-yes" is the P-CSCF's word.
static void integrity_protected_of_an_outsider(void **state)
{
    unsigned mars = w.hss.n_mar, sars = w.hss.n_sar;
    uint64_t before = n_transactions();
    eve_sends("REGISTER", "sip:" DOMAIN, "",
              "Authorization: Digest username=\"alice@" DOMAIN "\",realm=\"" DOMAIN "\",nonce=\"\","
              "uri=\"\",response=\"\",integrity-protected=\"ip-assoc-yes\"\nExpires: 600\n");
    struct sip_msg *m = world_expect(W_EVE, 403);
    assert_has(header(m, SIP_H_WARNING), "outside the trust domain");
    assert_int_equal(w.hss.n_mar, mars);
    assert_int_equal(w.hss.n_sar, sars);
    assert_int_equal(held_bindings(w.scscf), 1);
    assert_int_equal(n_transactions(), before);
}

// TS 24.229 5.4.3.1: an asserted identity is what makes a request alice's.
static void outsider_does_not_originate(void **state)
{
    uint64_t before = n_transactions();
    eve_sends("MESSAGE", "sip:bob@" DOMAIN, "",
              "Route: <sip:orig@127.0.1.30:5060;lr>\nP-Asserted-Identity: <sip:alice@" DOMAIN
              ">\n");
    (void)world_expect(W_EVE, 403);
    eve_sends("MESSAGE", "sip:bob@" DOMAIN, "",
              "Route: <sip:127.0.1.30:5060;lr;orig>\nP-Asserted-Identity: <sip:alice@" DOMAIN
              ">\n");
    (void)world_expect(W_EVE, 403);
    assert_null(world_take(W_ICSCF));
    assert_int_equal(n_transactions(), before);
}

// RFC 3325 5: who calls is heard, what he asserts is not.
static void assertions_of_an_outsider(void **state)
{
    eve_sends("MESSAGE", "sip:alice@" DOMAIN, "", LIES);
    struct sip_msg *m = world_expect_request(W_PCSCF, "MESSAGE");
    assert_int_equal(str_find(sip_msg_bytes(m), STR("carol")), -1);
    world_answer(W_PCSCF, m, 200, "P-Charging-Vector: icid-value=ic9\n");
    m = world_expect(W_EVE, 200);
    assert_int_equal(str_find(sip_msg_bytes(m), STR("carol")), -1);
}

// Inside a dialog only along a route of ours: this node is no relay for anybody.
static void outsider_inside_a_dialog(void **state)
{
    eve_sends("BYE", "sip:x@127.0.1.20", ";tag=t", LIES);
    (void)world_expect(W_EVE, 403);
    assert_null(world_take(W_ICSCF));
    eve_sends("BYE", "sip:x@127.0.1.20", ";tag=t", "Route: <sip:mt@127.0.1.30:5060;lr>\n" LIES);
    struct sip_msg *m = world_expect_request(W_ICSCF, "BYE");
    assert_int_equal(str_find(sip_msg_bytes(m), STR("carol")), -1);
}

static void trust_is_reloaded(void **state)
{
    static struct str eve[] = {STR_INIT("198.51.100.66")}, bad[] = {STR_INIT("198.51.100.66/99")};
    struct scscf_config c = w.cfg;
    c.trusted = (struct conf_strs){eve, 1};
    scscf_reload(w.scscf, &c);
    c.trusted = (struct conf_strs){bad, 1};
    scscf_reload(w.scscf, &c);
    struct sip_msg *m = world_register(&alice);
    assert_int_equal(sip_msg_status(m), 403);
    eve_sends("MESSAGE", "sip:bob@" DOMAIN, "",
              "Route: <sip:orig@127.0.1.30:5060;lr>\nP-Asserted-Identity: <sip:alice@" DOMAIN
              ">\n");
    (void)world_expect_request(W_ICSCF, "MESSAGE");
}

// ---- the whole table (TS 24.229 4.4) ----

static const char *samples(void)
{
    static char lines[8192];
    return trust_sample_lines(lines, sizeof lines);
}

static const char *with_route(const char *headers)
{
    static char text[10000];
    (void)snprintf(text, sizeof text, "Route: <sip:mt@127.0.1.30:5060;lr>\n%s", headers);
    return text;
}

static void table_from_outside(void **state)
{
    (void)state;
    eve_sends("MESSAGE", "sip:alice@" DOMAIN, "", samples());
    struct sip_msg *m = world_expect_request(W_PCSCF, "MESSAGE");
    trust_assert_marks(m, TRUST_FOREIGN, TRUST_HOME);
    world_answer(W_PCSCF, m, 200, samples());
    trust_assert_marks(world_expect(W_EVE, 200), TRUST_HOME, TRUST_FOREIGN);
    eve_sends("BYE", "sip:x@127.0.1.20", ";tag=t", with_route(samples()));
    m = world_expect_request(W_ICSCF, "BYE");
    trust_assert_marks(m, TRUST_FOREIGN, TRUST_HOME);
    world_answer(W_ICSCF, m, 200, samples());
    trust_assert_marks(world_expect(W_EVE, 200), TRUST_HOME, TRUST_FOREIGN);
}

static void foreign_network(bool partner)
{
    static struct str far[] = {STR_INIT("good.example")};
    struct dns_rr rr = {.ttl = 60, .ip = place("198.51.100.66:0")};
    assert_int_equal(sim_dns_add(w.sim, "good.example", DNS_A, &rr), 0);
    w.cfg.routing.foreign = (struct conf_strs){far, 1};
    w.cfg.trust.partner_domains = (struct conf_strs){far, partner};
    scscf_reload(w.scscf, &w.cfg);
}

static void send_out(const char *method, const char *to_tag, const char *route, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "%s sip:x@good.example SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: <sip:%s@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <sip:x@y>%s\nCall-ID: o%u\nCSeq: 1 %s\n"
                "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n%sContent-Length: 0\n\n",
                method, w.branch, route, to_tag, w.branch, method, headers);
}

static void table_to_another_network(void **state)
{
    (void)state;
    for (unsigned partner = 0; partner < 2; partner++) {
        enum trust_side side = partner ? TRUST_PARTNER : TRUST_FOREIGN;
        foreign_network(partner);
        send_out("MESSAGE", "", "orig", samples());
        struct sip_msg *m = world_expect_request(W_EVE, "MESSAGE");
        trust_assert_marks(m, TRUST_HOME, side);
        world_answer(W_EVE, m, 200, samples());
        trust_assert_marks(world_expect(W_PCSCF, 200), side, TRUST_HOME);
        send_out("BYE", ";tag=t", "mo", samples());
        m = world_expect_request(W_EVE, "BYE");
        trust_assert_marks(m, TRUST_HOME, side);
        world_answer(W_EVE, m, 403, samples());
        trust_assert_marks(world_expect(W_PCSCF, 403), side, TRUST_HOME);
    }
}

// Only what was checked by this network names its users: another network's challenge is the UE's to answer.
static void credentials_end_here(void **state)
{
    (void)state;
    foreign_network(false);
    send_out("MESSAGE", "", "orig",
             "Authorization: Digest username=\"001@" DOMAIN "\",realm=\"" DOMAIN "\"\n"
             "Authorization: Digest username=\"alice\",realm=\"good.example\"\n"
             "Authorization: Digest username=\"001@" DOMAIN "\",realm=\"word.of.the.hss\"\n");
    struct sip_msg *m = world_expect_request(W_EVE, "MESSAGE");
    assert_int_equal(str_find(sip_msg_bytes(m), STR("001@")), -1);
    assert_has(header(m, SIP_H_AUTHORIZATION), "good.example");
}

// RFC 3261 16.7 step 6, 21.5.4: their overload is not ours.
static void overload_of_a_foreign_network(void **state)
{
    (void)state;
    foreign_network(false);
    send_out("MESSAGE", "", "orig", "");
    world_answer(W_EVE, world_expect_request(W_EVE, "MESSAGE"), 503, "Retry-After: 600\n");
    struct sip_msg *m = world_expect(W_PCSCF, 500);
    assert_string_equal(header(m, SIP_H_RETRY_AFTER), "600");
}

// ---- communication services (RFC 6050 4.1; TS 24.229 5.4.3.2) ----

#define MMTEL "urn:urn-7:3gpp-service.ims.icsi.mmtel"

static void send_home(const char *method, const char *headers)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "%s sip:bob@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKs%u\n"
                "Max-Forwards: 70\nRoute: <sip:orig@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <sip:x@y>\nCall-ID: s%u\nCSeq: 1 %s\n"
                "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n%sContent-Length: 0\n\n",
                method, w.branch, w.branch, method, headers);
}

static void preferred_service_is_asserted(void **state)
{
    static const struct {
        const char *headers, *asserted;
    } cases[] = {
        {"P-Preferred-Service: " MMTEL "\n", MMTEL},
        {"P-Preferred-Service: " MMTEL ".video\n", MMTEL ".video"},
        {"P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.other, " MMTEL "\n", MMTEL},
        {"P-Preferred-Service: " MMTEL "x\n", ""},
        {"P-Asserted-Service: " MMTEL ".as\nP-Preferred-Service: " MMTEL "\n", MMTEL ".as"},
    };
    (void)state;
    w.hss.profile = "<?xml version=\"1.0\"?><IMSSubscription><PrivateID>alice@" DOMAIN
                    "</PrivateID><ServiceProfile>" ID("sip:alice@" DOMAIN)
                    "<CoreNetworkServicesAuthorization><Extension><ListOfServiceIds><ServiceId>" MMTEL
                    "</ServiceId></ListOfServiceIds></Extension></CoreNetworkServicesAuthorization>"
                    "</ServiceProfile></IMSSubscription>";
    (void)world_registered(&alice);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        send_home("MESSAGE", cases[i].headers);
        struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
        assert_string_equal(header(m, SIP_H_P_ASSERTED_SERVICE), cases[i].asserted);
        assert_false(sip_msg_has(m, SIP_H_P_PREFERRED_SERVICE));
        world_answer(W_ICSCF, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
    w.cfg.services = SCSCF_SERVICES_REFUSE;
    scscf_reload(w.scscf, &w.cfg);
    send_home("MESSAGE", cases[3].headers);
    (void)world_expect(W_PCSCF, 403);
}

// A profile that lists none restricts none.
static void every_service_without_a_list(void **state)
{
    (void)state;
    send_home("MESSAGE", "P-Preferred-Service: " MMTEL "\n");
    assert_string_equal(header(world_expect_request(W_ICSCF, "MESSAGE"), SIP_H_P_ASSERTED_SERVICE), MMTEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(integrity_protected_of_an_outsider),
        TEST(outsider_does_not_originate),
        TEST(assertions_of_an_outsider),
        TEST(outsider_inside_a_dialog),
        TEST(trust_is_reloaded),
        TEST(table_from_outside),
        TEST(table_to_another_network),
        TEST(credentials_end_here),
        TEST(overload_of_a_foreign_network),
        TEST(preferred_service_is_asserted),
        TEST(every_service_without_a_list),
    };
    return cmocka_run_group_tests_name("scscf_trust", tests, NULL, NULL);
}
