// SPDX-License-Identifier: Apache-2.0
// What the S-CSCF believes of whom (RFC 3325, TS 24.229 4.4): an outsider reaches its port.
#include <stdio.h>

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

static void on_stat(void *arg, const char *name, const char *labels, uint64_t value)
{
    if (strcmp(name, "sip_transactions_total") == 0 && strstr(labels, "server"))
        *(uint64_t *)arg = value;
}

// Server transactions so far.
static uint64_t n_transactions(void)
{
    uint64_t n = 0;
    stack_stats(scscf_stack(w.scscf), on_stat, &n);
    return n;
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
    assert_int_equal(scscf_bindings(w.scscf), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(integrity_protected_of_an_outsider),
        TEST(outsider_does_not_originate),
        TEST(assertions_of_an_outsider),
        TEST(outsider_inside_a_dialog),
        TEST(trust_is_reloaded),
    };
    return cmocka_run_group_tests_name("scscf_trust", tests, NULL, NULL);
}
