// SPDX-License-Identifier: Apache-2.0
// The I-CSCF's procedures: TS 24.229 5.3.1, 5.3.2.
#include "tests/common/figure.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static unsigned branch;

static void send_register(const char *contact, const char *auth)
{
    branch++;
    world_sendf(W_PCSCF, "REGISTER sip:" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKr%u\nMax-Forwards: 70\n"
                "From: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">\nCall-ID: r%u\n"
                "CSeq: 1 REGISTER\n%s%sPath: <sip:flow1@127.0.1.10:5060;lr>\nRequire: path\n"
                "P-Visited-Network-ID: \"visited.example\"\nExpires: 600\nContent-Length: 0\n\n",
                branch, branch, contact, auth);
}

#define CONTACT "Contact: <sip:alice@192.0.2.1>\n"
#define AUTH "Authorization: Digest username=\"impi@" DOMAIN "\",realm=\"d\",nonce=\"\",uri=\"\"\n"

static void send_request(const char *method, const char *uri, const char *headers)
{
    branch++;
    world_sendf(W_PCSCF, "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKi%u\n"
                "Max-Forwards: 70\n%sFrom: <sip:bob@" DOMAIN ">;tag=f\nTo: <%s>\nCall-ID: i%u\n"
                "CSeq: 1 %s\nContact: <sip:bob@192.0.2.2>\nContent-Length: 0\n\n",
                method, uri, branch, headers, uri, branch, method);
}

// TS 24.229 5.3.1.2: UAR, then the S-CSCF's name as Request-URI.
static void register_goes_to_the_assigned_server(void **state)
{
    send_register(CONTACT, AUTH);
    struct sip_msg *m = world_expect_request(W_S1, "REGISTER");
    assert_true(str_eq(sip_msg_uri_text(m), STR(S1)));
    assert_true(sip_msg_has(m, SIP_H_PATH));
    assert_false(sip_msg_has(m, SIP_H_RECORD_ROUTE));
    assert_string_equal(w.asked.impi, "impi@" DOMAIN);
    assert_string_equal(w.asked.impu, "sip:alice@" DOMAIN);
    assert_string_equal(w.asked.visited, "visited.example");
    assert_int_equal(w.asked.type, CX_UAR_REGISTRATION);
    world_answer(W_S1, m, 401, "");
    (void)world_expect(W_PCSCF, 401);
}

// RFC 6026 7.2: a 2xx again, when nothing is known of its request any more.
static void accepted_twice(void **state)
{
    send_request("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = sip_msg_ref(world_expect_request(W_S1, "INVITE"));
    world_accept_twice(W_S1, m, "Contact: <sip:x@192.0.2.1>\nP-Charging-Vector: icid-value=1\n", W_PCSCF,
                       icscf_stack(w.icscf));
    sip_msg_unref(m);
}

static void identity_without_credentials(void **state)
{
    send_register(CONTACT, "");
    (void)world_expect_request(W_S1, "REGISTER");
    assert_string_equal(w.asked.impi, "alice@" DOMAIN);
}

static void deregistration_is_told(void **state)
{
    send_register("Contact: <sip:alice@192.0.2.1>;expires=0\n", AUTH);
    (void)world_expect_request(W_S1, "REGISTER");
    assert_int_equal(w.asked.type, CX_UAR_DE_REGISTRATION);
}

// No S-CSCF yet: by capabilities (TS 29.228 6.7).
static void register_selects_by_capabilities(void **state)
{
    w.server = NULL;
    w.capabilities = true;
    w.mandatory = 7;
    w.result = (struct dia_result){CX_FIRST_REGISTRATION, true};
    send_register(CONTACT, AUTH);
    struct sip_msg *m = world_expect_request(W_S2, "REGISTER");
    assert_true(str_eq(sip_msg_uri_text(m), STR(S2)));
}

static void no_server_has_the_capabilities(void **state)
{
    w.server = NULL;
    w.capabilities = true;
    w.mandatory = 8;
    send_register(CONTACT, AUTH);
    (void)world_expect(W_PCSCF, 600);
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    (void)world_expect(W_PCSCF, 480);
}

static const struct {
    struct dia_result result;
    unsigned on_register, on_other;
} results[] = {
    {{CX_ERROR_USER_UNKNOWN, true}, 403, 404},
    {{CX_ERROR_IDENTITIES_DONT_MATCH, true}, 403, 404},
    {{CX_ERROR_IDENTITY_NOT_REGISTERED, true}, 403, 480},
    {{CX_ERROR_ROAMING_NOT_ALLOWED, true}, 403, 404},
    {{DIA_AUTHORIZATION_REJECTED, false}, 403, 404},
    {{DIA_TOO_BUSY, false}, 503, 503},
    {{DIA_UNABLE_TO_DELIVER, false}, 480, 480},
    {{DIA_UNABLE_TO_COMPLY, false}, 480, 480},
    {{5001, false}, 480, 480}, // DIAMETER_AVP_UNSUPPORTED, not 3GPP's USER_UNKNOWN
};

static void refusals_of_the_hss(void **state)
{
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        w.result = results[i].result;
        send_register(CONTACT, AUTH);
        (void)world_expect(W_PCSCF, results[i].on_register);
        send_request("MESSAGE", "sip:alice@" DOMAIN, "");
        (void)world_expect(W_PCSCF, results[i].on_other);
    }
    assert_null(world_take(W_S1));
}

// TS 24.229 5.3.1.3, 5.3.2.2: with an HSS that is silent or gone the query cannot be completed, which is
// never a refusal.
static void hss_down(void **state)
{
    w.silent = true;
    send_register(CONTACT, AUTH);
    world_run(6000);
    (void)world_expect(W_PCSCF, 480);
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    world_run(6000);
    (void)world_expect(W_PCSCF, 480);
    world_kill_hss();
    world_run(1000);
    send_register(CONTACT, AUTH); // waits a moment for an HSS that may be back
    world_run(3000);
    (void)world_expect(W_PCSCF, 480);
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    world_run(3000);
    (void)world_expect(W_PCSCF, 480);
}

// Nobody says even that there is no answer: the wait ends all the same, and what comes then is for nobody.
static void deadline_of_the_query(void **state)
{
    w.silent = true;
    send_register(CONTACT, AUTH);
    world_run(100);
    expire_wait(icscf_stack(w.icscf));
    (void)world_expect(W_PCSCF, 480);
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    world_run(100);
    expire_wait(icscf_stack(w.icscf));
    (void)world_expect(W_PCSCF, 480);
    world_run(7000); // by now the queries have ended
    assert_null(world_take(W_PCSCF));
    assert_int_equal(w.n_uar + w.n_lir, 2);
}

// On behalf of a user whom the HSS does not know as registered: no such user, as far as that request goes.
static void originating_for_nobody(void **state)
{
    w.result = (struct dia_result){CX_ERROR_IDENTITY_NOT_REGISTERED, true};
    send_request("MESSAGE", "sip:x@elsewhere.example",
                 "Route: <sip:icscf." DOMAIN ":5060;lr;orig>\n"
                 "P-Asserted-Identity: <sip:carol@" DOMAIN ">\n");
    (void)world_expect(W_PCSCF, 404);
}

static void skip_retransmissions(int socket)
{
    while (world_take(socket))
        ;
}

// TS 24.229 5.3.1.3: the assigned S-CSCF is silent, capabilities are asked for, another one is chosen.
static void silent_server_is_replaced(void **state)
{
    w.capabilities_on_demand = true;
    send_register(CONTACT, AUTH);
    (void)world_expect_request(W_S1, "REGISTER");
    world_run(8500);
    assert_int_equal(w.n_uar, 2);
    assert_int_equal(w.asked.type, CX_UAR_REGISTRATION_AND_CAPABILITIES);
    struct sip_msg *m = world_expect_request(W_S2, "REGISTER");
    assert_true(str_eq(sip_msg_uri_text(m), STR(S2)));
    world_answer(W_S2, m, 401, "");
    (void)world_expect(W_PCSCF, 401);
}

// TS 24.229 5.3.1.3: another S-CSCF has nothing to de-register.
static void silent_server_of_a_deregistration(void **state)
{
    w.capabilities_on_demand = true;
    send_register("Contact: <sip:alice@192.0.2.1>;expires=0\n", AUTH);
    (void)world_expect_request(W_S1, "REGISTER");
    world_run(8500);
    skip_retransmissions(W_S1);
    (void)world_expect(W_PCSCF, 504);
    assert_int_equal(w.n_uar, 1);
    assert_null(world_take(W_S2));
    send_register("Contact: <sip:alice@192.0.2.1>;expires=0\n", AUTH);
    world_answer(W_S1, world_expect_request(W_S1, "REGISTER"), 480, "");
    (void)world_expect(W_PCSCF, 480);
    assert_int_equal(w.n_uar, 2);
}

static void avoid(uint32_t ms)
{
    struct icscf_config c = w.cfg;
    c.scscf_mark_ms = ms;
    c.leg_ms = 22000;
    icscf_reload(w.icscf, &c);
}

// It was silent a moment ago: nobody waits for it again. Later one request tries it.
static void silent_server_is_avoided(void **state)
{
    w.capabilities_on_demand = true;
    avoid(30000);
    send_register(CONTACT, AUTH);
    world_run(8500);
    world_answer(W_S2, world_expect_request(W_S2, "REGISTER"), 401, "");
    (void)world_expect(W_PCSCF, 401);
    skip_retransmissions(W_S1);
    for (int i = 0; i < 2; i++) {
        send_register(CONTACT, AUTH);
        world_answer(W_S2, world_expect_request(W_S2, "REGISTER"), 401, "");
        (void)world_expect(W_PCSCF, 401);
        send_request("INVITE", "sip:alice@" DOMAIN, "");
        world_answer(W_S2, world_expect_request(W_S2, "INVITE"), 486, "");
        (void)world_expect(W_PCSCF, 486);
    }
    assert_null(world_take(W_S1));
    world_run(31000);
    send_register(CONTACT, AUTH);
    send_register(CONTACT, AUTH);
    struct sip_msg *m = sip_msg_ref(world_expect_request(W_S1, "REGISTER"));
    world_answer(W_S2, world_expect_request(W_S2, "REGISTER"), 401, ""); // the other one
    world_answer(W_S1, m, 401, "");
    sip_msg_unref(m);
    send_register(CONTACT, AUTH); // it is back
    world_answer(W_S1, world_expect_request(W_S1, "REGISTER"), 401, "");
}

// When there is no other one it is asked all the same.
static void the_only_server_is_never_avoided(void **state)
{
    static struct icscf_scscf only[] = {{.name = STR_INIT(S1), .priority = 1, .weight = 1}};
    struct icscf_config c = w.cfg;
    w.capabilities_on_demand = true;
    c.scscfs = (struct conf_table){only, 1};
    c.scscf_mark_ms = 30000;
    c.leg_ms = 22000;
    icscf_reload(w.icscf, &c);
    send_register(CONTACT, AUTH);
    world_run(9000);
    (void)world_expect(W_PCSCF, 504);
    skip_retransmissions(W_S1);
    send_register(CONTACT, AUTH);
    world_answer(W_S1, world_expect_request(W_S1, "REGISTER"), 401, "");
    (void)world_expect(W_PCSCF, 401);
}

// However many there are, they share the leg's time.
static void servers_share_the_time(void **state)
{
    static const char *const methods[] = {"REGISTER", "INVITE"};
    for (size_t i = 0; i < 2; i++) {
        struct icscf_config c = w.cfg;
        w.capabilities_on_demand = true;
        c.leg_ms = 10000;
        icscf_reload(w.icscf, &c);
        if (i)
            send_request(methods[i], "sip:alice@" DOMAIN, "");
        else
            send_register(CONTACT, AUTH);
        world_run(11500); // the second one has what the first has left of it
        skip_retransmissions(W_S1);
        skip_retransmissions(W_S2);
        (void)world_expect(W_PCSCF, 504);
    }
}

static void all_servers_silent(void **state)
{
    w.capabilities_on_demand = true;
    send_register(CONTACT, AUTH);
    world_run(20000);
    skip_retransmissions(W_S1);
    skip_retransmissions(W_S2);
    (void)world_expect(W_PCSCF, 504);
}

static void refusing_server_is_replaced(void **state)
{
    w.server = NULL;
    w.capabilities = true;
    send_register(CONTACT, AUTH);
    struct sip_msg *m = world_expect_request(W_S1, "REGISTER");
    world_answer(W_S1, m, 480, "");
    m = world_expect_request(W_S2, "REGISTER");
    assert_int_equal(w.n_uar, 1);
    world_answer(W_S2, m, 403, "");
    (void)world_expect(W_PCSCF, 403);
}

// SIGHUP: another table of S-CSCFs; one that is no good changes nothing.
static void reload(void **state)
{
    static struct str x[] = {STR_INIT("x")};
    static struct icscf_scscf only_two[] = {{.name = STR_INIT(S2), .priority = 1, .weight = 1}};
    static struct icscf_scscf bad[] = {{.name = STR_INIT(S1), .capabilities = {x, 1}}};
    w.server = NULL;
    w.capabilities = true;
    struct icscf_config c = w.cfg;
    c.scscfs = (struct conf_table){only_two, 1};
    icscf_reload(w.icscf, &c);
    send_register(CONTACT, AUTH);
    (void)world_expect_request(W_S2, "REGISTER");
    c.scscfs = (struct conf_table){bad, 1};
    icscf_reload(w.icscf, &c);
    send_register(CONTACT, AUTH);
    (void)world_expect_request(W_S2, "REGISTER");
}

static void foreign_register(void **state)
{
    world_sendf(W_PCSCF, "REGISTER sip:elsewhere.example SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKx\nMax-Forwards: 70\n"
                "From: <sip:a@b>;tag=f\nTo: <sip:a@b>\nCall-ID: x\nCSeq: 1 REGISTER\n"
                "Content-Length: 0\n\n");
    (void)world_expect(W_PCSCF, 403);
    assert_int_equal(w.n_uar, 0);
}

// TS 24.229 5.3.2.1: LIR, then the S-CSCF as Route; the Request-URI stays, no Record-Route.
static void request_is_routed_to_the_server(void **state)
{
    send_request("INVITE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_S1, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:alice@" DOMAIN)));
    assert_true(str_eq(sip_msg_raw(m, SIP_H_ROUTE), STR("<" S1 ";lr>")));
    assert_false(sip_msg_has(m, SIP_H_RECORD_ROUTE));
    assert_string_equal(w.asked.impu, "sip:alice@" DOMAIN);
    assert_false(w.asked.originating);
    world_answer(W_S1, m, 486, "");
    (void)world_expect(W_PCSCF, 486);
}

// What the HSS names is nowhere to go: another one is chosen, and the sender is not blamed.
static void server_name_that_is_no_uri(void **state)
{
    static const char *const names[] = {"x", "<sip:>", "sip:", "tel:+1555",
                                        "sip:127.0.1.30>\r\nEvil: 1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        w.server = names[i];
        send_request("MESSAGE", "sip:alice@" DOMAIN, "");
        struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
        assert_true(str_starts(sip_msg_raw(m, SIP_H_ROUTE), STR("<" S1)));
        world_answer(W_S1, m, 200, "");
        send_register(CONTACT, AUTH);
        world_answer(W_S1, world_expect_request(W_S1, "REGISTER"), 401, "");
    }
}

static void numbers_are_looked_up_as_tel(void **state)
{
    send_request("MESSAGE", "sip:+15551@" DOMAIN ";user=phone", "");
    (void)world_expect_request(W_S1, "MESSAGE");
    assert_string_equal(w.asked.impu, "tel:+15551");
    send_request("MESSAGE", "tel:+1-555-1", "");
    (void)world_expect_request(W_S1, "MESSAGE");
    assert_string_equal(w.asked.impu, "tel:+15551");
}

// TS 24.229 5.3.2.1A: "orig" from an application server.
static void originating_on_behalf(void **state)
{
    send_request("MESSAGE", "sip:x@elsewhere.example",
                 "Route: <sip:icscf." DOMAIN ":5060;lr;orig>\n"
                 "P-Asserted-Identity: <sip:carol@" DOMAIN ">\n");
    struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
    assert_true(str_eq(sip_msg_raw(m, SIP_H_ROUTE), STR("<" S1 ";lr;orig>")));
    assert_string_equal(w.asked.impu, "sip:carol@" DOMAIN);
    assert_true(w.asked.originating);
}

static void strange_targets(void **state)
{
    send_request("MESSAGE", "sip:x@elsewhere.example", "");
    (void)world_expect(W_PCSCF, 404);
    send_request("MESSAGE", "mailto:x@y", "");
    (void)world_expect(W_PCSCF, 416);
    assert_int_equal(w.n_lir, 0);
}

static void silent_server_of_a_request(void **state)
{
    w.capabilities_on_demand = true;
    send_request("INVITE", "sip:alice@" DOMAIN, "");
    world_run(8500);
    assert_int_equal(w.n_lir, 2);
    assert_true(w.asked.and_capabilities);
    struct sip_msg *m = world_expect_request(W_S2, "INVITE");
    world_answer(W_S2, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

// An HSS without IMS restoration names the assigned S-CSCF again (TS 29.228 6.1.4.1): there is no other then,
// whether it was silent now or lately.
static void nobody_else_may_serve(void **state)
{
    avoid(30000);
    send_register(CONTACT, AUTH);
    world_run(8500);
    assert_int_equal(w.n_uar, 2);
    skip_retransmissions(W_S1);
    (void)world_expect(W_PCSCF, 504);
    assert_null(world_take(W_S2));
    send_register(CONTACT, AUTH);
    struct sip_msg *m = world_expect_request(W_S1, "REGISTER");
    assert_int_equal(w.n_uar, 4);
    world_answer(W_S1, m, 401, "");
    (void)world_expect(W_PCSCF, 401);
    world_run(30000);
    send_request("INVITE", "sip:alice@" DOMAIN, "");
    world_run(8500);
    assert_int_equal(w.n_lir, 2);
    (void)world_expect(W_PCSCF, 504);
    assert_null(world_take(W_S2));
}

static void unknown_results_keep_their_number(void **state)
{
    w.result = (struct dia_result){5999, false};
    send_register(CONTACT, AUTH);
    struct sip_msg *m = world_expect(W_PCSCF, 480);
    struct str warning = sip_msg_raw(m, SIP_H_WARNING);
    assert_true(str_find(warning, STR("unknown Result-Code 5999")) >= 0);
}

// RFC 4320 4.1: nothing but its final response says that a MESSAGE is under way.
static void silent_user_is_not_a_failed_server(void **state)
{
    w.capabilities_on_demand = true;
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
    world_run(20000);
    assert_int_equal(w.n_lir, 1);
    assert_null(world_take(W_S2));
    world_answer(W_S1, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    world_run(40000);
    assert_int_equal(w.n_lir, 2);
    assert_null(world_take(W_S2));
    (void)world_expect(W_PCSCF, 504);
}

// A response that the called user may have given is passed on, not taken for a failure.
static void busy_user_is_not_a_failed_server(void **state)
{
    send_request("MESSAGE", "sip:alice@" DOMAIN, "");
    world_answer(W_S1, world_expect_request(W_S1, "MESSAGE"), 480, "");
    (void)world_expect(W_PCSCF, 480);
    assert_int_equal(w.n_lir, 1);
}

static void in_dialog(void **state)
{
    world_sendf(W_PCSCF, "BYE sip:bob@192.0.2.2 SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKd\nMax-Forwards: 70\n"
                "Route: <sip:" ICSCF ";lr>, <sip:127.0.1.30:5060;lr>\nFrom: <sip:a@d>;tag=f\n"
                "To: <sip:b@d>;tag=t\nCall-ID: d\nCSeq: 2 BYE\nContent-Length: 0\n\n");
    (void)world_expect_request(W_S1, "BYE");
    world_sendf(W_PCSCF, "BYE sip:bob@" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKe\nMax-Forwards: 70\n"
                "From: <sip:a@d>;tag=f\nTo: <sip:b@d>;tag=t\nCall-ID: e\nCSeq: 2 BYE\n"
                "Content-Length: 0\n\n");
    (void)world_expect(W_PCSCF, 481);
    assert_int_equal(w.n_lir, 0);
}

// ---- the trust domain (RFC 3325, TS 24.229 4.4) ----

#define EVE "Via: SIP/2.0/UDP 198.51.100.66:5060;branch=z9hG4bKeve%u\nMax-Forwards: 70\n"
#define LIES                                                                                       \
    "P-Asserted-Identity: <sip:carol@" DOMAIN ">\nP-Served-User: <sip:carol@" DOMAIN ">\n"         \
    "P-Charging-Vector: icid-value=lie\nP-Charging-Function-Addresses: ccf=lie\n"                  \
    "P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=lie;network-provided\n"

// TS 24.229 5.3.1.2: nobody outside may say integrity-protected. The refusal leaves nothing behind.
static void register_of_an_outsider(void **state)
{
    world_sendf(W_EVE, "REGISTER sip:" DOMAIN " SIP/2.0\n" EVE "From: <sip:alice@" DOMAIN ">;tag=f\n"
                    "To: <sip:alice@" DOMAIN ">\nCall-ID: e\nCSeq: 1 REGISTER\n" CONTACT
                    "Authorization: Digest username=\"impi@" DOMAIN
                    "\",realm=\"d\",nonce=\"\",uri=\"\","
                    "integrity-protected=\"ip-assoc-yes\"\nContent-Length: 0\n\n",
                    ++branch);
    struct sip_msg *m = world_expect(W_EVE, 403);
    assert_true(str_find(sip_msg_raw(m, SIP_H_WARNING), STR("outside the trust domain")) >= 0);
    assert_int_equal(figure_of(icscf_stack(w.icscf), "sip_transactions_total", "server"), 0);
    assert_int_equal(w.n_uar, 0);
    assert_null(world_take(W_S1));
}

static void eve_sends(const char *headers, const char *to_tag)
{
    world_sendf(W_EVE, "MESSAGE sip:alice@" DOMAIN " SIP/2.0\n" EVE "%sFrom: <sip:bob@" DOMAIN
                    ">;tag=f\nTo: <sip:alice@" DOMAIN ">%s\nCall-ID: e\nCSeq: 1 MESSAGE\n" LIES
                    "Content-Length: 0\n\n",
                    ++branch, headers, to_tag);
}

// TS 24.229 5.3.2.1, RFC 3325 5: a request is served, but what it asserts is not believed.
static void assertions_of_an_outsider(void **state)
{
    eve_sends("", "");
    struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
    assert_int_equal(str_find(sip_msg_bytes(m), STR("lie\r")), -1);
    assert_int_equal(str_find(sip_msg_bytes(m), STR("lie;")), -1);
    assert_int_equal(str_find(sip_msg_bytes(m), STR("carol")), -1);
    world_answer(W_S1, m, 200, "");
    (void)world_expect(W_EVE, 200);
    eve_sends("Route: <sip:" ICSCF ";lr>, <sip:127.0.1.30:5060;lr>\n", ";tag=t");
    m = world_expect_request(W_S1, "MESSAGE");
    assert_int_equal(str_find(sip_msg_bytes(m), STR("carol")), -1);
}

static void outsider_does_not_originate(void **state)
{
    eve_sends("Route: <sip:icscf." DOMAIN ":5060;lr;orig>\n", "");
    (void)world_expect(W_EVE, 403);
    assert_int_equal(w.n_lir, 0);
}

// SIGHUP takes over the list; one that is no good changes nothing.
static void trust_is_reloaded(void **state)
{
    static struct str eve[] = {STR_INIT("198.51.100.0/24")}, bad[] = {STR_INIT("eve")};
    struct icscf_config c = w.cfg;
    c.trusted = (struct conf_strs){eve, 1};
    icscf_reload(w.icscf, &c);
    eve_sends("Route: <sip:icscf." DOMAIN ":5060;lr;orig>\n", "");
    (void)world_expect_request(W_S1, "MESSAGE");
    c.trusted = (struct conf_strs){bad, 1};
    icscf_reload(w.icscf, &c);
    send_register(CONTACT, AUTH);
    (void)world_expect(W_PCSCF, 403);
}

static void options_to_the_node(void **state)
{
    send_request("OPTIONS", "sip:" ICSCF, "");
    (void)world_expect(W_PCSCF, 200);
    assert_int_equal(w.n_lir, 0);
}

// Only OPTIONS, and only for the node itself: not for a user or another node, whatever the method.
static void what_is_no_ping(void **state)
{
    static const struct {
        const char *method, *uri;
    } rows[] = {{"OPTIONS", "sip:alice@" DOMAIN}, {"OPTIONS", "sip:alice@" ICSCF},
                {"OPTIONS", "tel:+15550000001"},  {"OPTIONS", "sip:127.0.1.77:5060"},
                {"MESSAGE", "sip:" ICSCF},        {"INVITE", "sip:" ICSCF}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        send_request(rows[i].method, rows[i].uri, "");
        world_run(300);
        for (struct sip_msg *m; (m = world_take(W_PCSCF));)
            if (sip_msg_status(m) / 100 == 2)
                fail_msg("%s %s was answered", rows[i].method, rows[i].uri);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(register_goes_to_the_assigned_server),
        TEST(accepted_twice),
        TEST(identity_without_credentials),
        TEST(deregistration_is_told),
        TEST(register_selects_by_capabilities),
        TEST(no_server_has_the_capabilities),
        TEST(refusals_of_the_hss),
        TEST(hss_down), TEST(deadline_of_the_query),
        TEST(originating_for_nobody),
        TEST(silent_server_is_replaced), TEST(silent_server_of_a_deregistration),
        TEST(nobody_else_may_serve), TEST(unknown_results_keep_their_number),
        TEST(silent_server_is_avoided),
        TEST(the_only_server_is_never_avoided),
        TEST(servers_share_the_time),
        TEST(all_servers_silent),
        TEST(refusing_server_is_replaced),
        TEST(reload),
        TEST(foreign_register),
        TEST(request_is_routed_to_the_server),
        TEST(server_name_that_is_no_uri),
        TEST(numbers_are_looked_up_as_tel),
        TEST(originating_on_behalf),
        TEST(strange_targets),
        TEST(silent_server_of_a_request),
        TEST(silent_user_is_not_a_failed_server),
        TEST(busy_user_is_not_a_failed_server),
        TEST(in_dialog),
        TEST(options_to_the_node),
        TEST(what_is_no_ping),
        TEST(register_of_an_outsider),
        TEST(assertions_of_an_outsider),
        TEST(outsider_does_not_originate),
        TEST(trust_is_reloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
