// SPDX-License-Identifier: Apache-2.0
// REGISTER through the P-CSCF (TS 24.229 5.2.2): what it adds, what it refuses, what it remembers.
#include "stage.h"

#include <stdio.h>

#include "base/log.h"

#define AUTH(rest)                                                                                 \
    "Authorization: Digest username=\"alice@" HOME "\", realm=\"" HOME "\", uri=\"sip:" HOME       \
    "\", nonce=\"n1\"" rest "\n"
#define ANSWERED ", response=\"0123456789abcdef0123456789abcdef\""

static struct heard *sent(const struct request *r)
{
    ue_send(&st.alice, r);
    return expect(st.core, "REGISTER ");
}

// TS 24.229 5.2.2.1.
static void adds_what_the_home_network_needs(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){.headers = "Supported: path\nRoute: <sip:203.0.113.9;lr>\n"});
    assert_has(h, "Path: <sip:");
    assert_has(h, "@pcscf." HOME ":5070;lr>");
    assert_has(h, "Require: path");
    assert_has(h, "P-Visited-Network-ID: \"visited.example\"");
    assert_has(h, "P-Charging-Vector: icid-value=\"");
    assert_has(h, "orig-ioi=\"ioi.example\"");
    assert_lacks(h, "203.0.113.9");
    assert_int_equal(occurrences(h, "Via: "), 2);
    assert_has(h, "Max-Forwards: 69");
}

// A Path of the UE's own would lead terminating requests elsewhere.
static void path_is_this_node_alone(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){.headers = "Path: <sip:203.0.113.9;lr>\n"});
    assert_lacks(h, "203.0.113.9");
    assert_int_equal(occurrences(h, "Path: "), 1);
}

static void path_is_required_once(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){.headers = "Require: path\n"});
    assert_int_equal(occurrences(h, "Require: "), 1);
}

// RFC 7315 5.6: each charging identifier is a new one, also after a restart.
static void charging_identifiers_are_unique(void **state)
{
    enum { N = 200 };
    static char seen[N][256];
    (void)state;
    stage_start();
    for (int i = 0; i < N; i++) {
        if (i == N / 2)
            stage_restart();
        struct heard *h = sent(&(struct request){0});
        (void)snprintf(seen[i], sizeof seen[i], "%s", header(h, "P-Charging-Vector"));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
        peer_answer(st.core, h, 500, NULL);
        (void)expect(st.alice.peer, "SIP/2.0 500");
    }
}

// ---- integrity-protected (TS 24.229 5.2.2.2, 5.2.2.3, 7.2A.2) ----

// Of SIP Digest nothing is known before there is a response, or an association.
static void digest_without_response_says_nothing(void **state)
{
    (void)state;
    st.cfg.aka_in_clear = false;
    stage_start();
    struct heard *h = sent(&(struct request){.headers = AUTH(", response=\"\"")});
    assert_has(h, "response=\"\"");
    assert_lacks(h, "integrity-protected");
}

static void first_answer_is_pending(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){.headers = AUTH(ANSWERED)});
    assert_has(h, "integrity-protected=\"ip-assoc-pending\"");
    assert_has(h, "response=\"0123456789abcdef0123456789abcdef\"");
}

// With a response or without.
static void known_address_is_associated(void **state)
{
    static const char *const auths[] = {AUTH(ANSWERED), AUTH(", response=\"\"")};
    (void)state;
    st.cfg.aka_in_clear = false;
    stage_start();
    (void)registered(&st.alice);
    for (size_t i = 0; i < ARRAY_LEN(auths); i++) {
        struct heard *h = sent(&(struct request){.headers = auths[i]});
        assert_has(h, "integrity-protected=\"ip-assoc-yes\"");
        struct ue other_port = ue_udp(i ? "198.51.100.1:5063" : "198.51.100.1:5062", ACCESS);
        ue_send(&other_port, &(struct request){.headers = auths[i]});
        assert_has(expect(st.core, "REGISTER "), "integrity-protected=\"ip-assoc-yes\"");
    }
}

#define OF_BOB "Authorization: Digest username=\"bob@" HOME "\", realm=\"" HOME "\", nonce=\"n1\", uri=\"sip:" HOME "\""

// TS 33.203 N.2.1: the association is the private identity's. A known To is none.
static void other_address_or_user_is_not_associated(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    assert_has(sent(&(struct request){.headers = OF_BOB ANSWERED "\n"}), "integrity-protected=\"ip-assoc-pending\"");
    struct ue other = ue_udp("198.51.100.9:5060", ACCESS);
    ue_send(&other, &(struct request){.headers = AUTH(ANSWERED)});
    assert_has(expect(st.core, "REGISTER "), "integrity-protected=\"ip-assoc-pending\"");
}

// 7.2A.2: without a security association "no", whatever else is known.
static void aka_is_not_protected_without_ipsec(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    assert_has(sent(&(struct request){.headers = AUTH(", algorithm=AKAv1-MD5, response=\"\"")}),
               "integrity-protected=\"no\"");
    assert_has(sent(&(struct request){.headers = AUTH(", algorithm=AKAv1-MD5" ANSWERED)}),
               "integrity-protected=\"no\"");
    // Where it may come in clear, it may come without the algorithm's name at first.
    assert_has(sent(&(struct request){.headers = AUTH(", response=\"\"")}), "integrity-protected=\"no\"");
}

static void aka_in_clear_is_for_laboratories(void **state)
{
    (void)state;
    st.cfg.aka_in_clear = false;
    stage_start();
    ue_send(&st.alice, &(struct request){.headers = AUTH(", algorithm=AKAv1-MD5, response=\"\"")});
    assert_has(expect(st.alice.peer, "SIP/2.0 421"), "Require: sec-agree");
    (void)sent(&(struct request){.headers = AUTH(", response=\"\"")}); // SIP Digest
}

static void what_the_ue_claims_never_passes(void **state)
{
    static const char *const claims[] = {
        AUTH(ANSWERED ", integrity-protected=\"yes\""),
        AUTH(ANSWERED ", Integrity-Protected = yes"),
        AUTH(ANSWERED ",\n integrity-protected\n =\n \"yes\""),
        "Authorization: digest integrity-protected=\"yes\", username=\"a\", realm=\"r\", nonce=\"n\","
        " uri=\"sip:x\"" ANSWERED "\n",
        AUTH(ANSWERED) AUTH(ANSWERED ", integrity-protected=yes"),
        "Authorization: Basic integrity-protected=\"yes\"\n" AUTH(ANSWERED),
        AUTH(ANSWERED) "Authorization: Digest integrity-protected=\"yes\"\n",
    };
    (void)state;
    stage_start();
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        struct heard *h = sent(&(struct request){.headers = claims[i]});
        assert_lacks(h, "\"yes\"");
        assert_lacks(h, "=yes");
        assert_lacks(h, "= yes");
        assert_has(h, "integrity-protected=\"");
    }
}

// What the registrar might read differently is not passed on with the P-CSCF's word.
static void malformed_authorization_is_refused(void **state)
{
    static const char *const bad[] = {
        "Authorization: Digest integrity-protected=\"yes\n",
        AUTH(ANSWERED ", integrity-protected=no, integrity-protected=\"yes\""),
        "Authorization: Digest username=\"a\" integrity-protected=\"yes\"\n",
        AUTH(ANSWERED) "Authorization: Digest username=\"a\" integrity-protected=\"yes\"\n",
    };
    (void)state;
    stage_start();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ue_send(&st.alice, &(struct request){.headers = bad[i]});
        (void)expect(st.alice.peer, "SIP/2.0 400");
    }
    expect_nothing(st.core);
}

// ---- refusals ----

static void foreign_domain_is_forbidden(void **state)
{
    (void)state;
    stage_start();
    ue_send(&st.alice, &(struct request){.uri = "sip:other.example"});
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(st.core);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_domain, 1);
}

static void malformed_contact_is_refused(void **state)
{
    (void)state;
    stage_start();
    ue_send(&st.alice, &(struct request){.contact = "<sip:ue@"});
    struct heard *h = expect(st.alice.peer, "SIP/2.0 400");
    assert_has(h, "Contact");
}

#define SEC_AGREE                                                                                  \
    "Require: sec-agree\nProxy-Require: sec-agree\nSupported: path, sec-agree\n"                   \
    "Security-Client: ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1;spi-s=2;port-c=3;port-s=4\n"

// RFC 3329 2.3.1.
static void security_required(void **state)
{
    (void)state;
    st.cfg.security = PCSCF_SECURITY_REQUIRED;
    stage_start();
    ue_send(&st.alice, &(struct request){0});
    struct heard *h = expect(st.alice.peer, "SIP/2.0 421");
    assert_has(h, "Require: sec-agree");
    ue_send(&st.alice, &(struct request){.headers = SEC_AGREE});
    h = expect(st.alice.peer, "SIP/2.0 494");
    assert_has(h, "Require: sec-agree");
    expect_nothing(st.core);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_security, 2);
}

// RFC 3329 2.3.1: the option tag tells who knows of agreements, not the header.
static void who_knows_agreements(void **state)
{
    static const struct {
        const char *headers;
        const char *answer;
    } rows[] = {
        {"Supported: path\n", "SIP/2.0 421"},
        {"Security-Client: ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1;spi-s=2;port-c=3;port-s=4\n", "SIP/2.0 421"},
        {"Supported: path, Sec-Agree\n", "SIP/2.0 494"},
        {"Require: sec-agree\n", "SIP/2.0 494"},
        {"Proxy-Require: sec-agree\n", "SIP/2.0 494"},
    };
    (void)state;
    st.cfg.security = PCSCF_SECURITY_REQUIRED;
    stage_start();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ue_send(&st.alice, &(struct request){.headers = rows[i].headers});
        struct heard *h = expect(st.alice.peer, rows[i].answer);
        assert_has(h, "Require: sec-agree");
        assert_lacks(h, "Security-Server"); // nothing to list
    }
}

// TS 24.229 5.2.2.1: the agreement is between the UE and this P-CSCF.
static void security_offer_stays_here(void **state)
{
    (void)state;
    for (int s = PCSCF_SECURITY_OPTIONAL; s <= PCSCF_SECURITY_OFF; s++) {
        st.cfg.security = s;
        if (st.pcscf)
            stage_restart();
        else
            stage_start();
        struct heard *h = sent(&(struct request){.headers = SEC_AGREE});
        assert_lacks(h, "Security-Client");
        assert_lacks(h, "sec-agree");
        assert_has(h, "Supported: path");
        peer_answer(st.core, h, 500, NULL);
        (void)expect(st.alice.peer, "SIP/2.0 500");
    }
}

static void as_many_as_configured(void **state)
{
    (void)state;
    st.cfg.max_registrations = 1;
    stage_start();
    (void)registered(&st.alice);
    struct ue bob = ue_udp("198.51.100.2:5060", ACCESS);
    ue_send(&bob, &(struct request){.from = BOB});
    struct heard *h = expect(bob.peer, "SIP/2.0 503");
    assert_has(h, "Retry-After: ");
    expect_nothing(st.core);
    // Those who are here may renew and leave.
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.expires = -1}, NULL);
    assert_int_equal(n_registered(), 0);
    ue_send(&bob, &(struct request){.from = BOB});
    (void)expect(st.core, "REGISTER ");
}

// ---- the home network's silence ----

static char logged[8192];

static void note(void *arg, enum log_level level, struct str line)
{
    size_t n = strlen(logged);
    (void)arg;
    if (level <= LOG_WARN)
        (void)snprintf(logged + n, sizeof logged - n, "%.*s\n", STR_ARG(line));
}

static void expect_504(const char *cause)
{
    logged[0] = 0;
    log_set_sink(note, NULL);
    ue_send(&st.alice, &(struct request){0});
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 200000);
    struct heard *h = expect(st.alice.peer, "SIP/2.0 504");
    log_set_sink(NULL, NULL);
    assert_has(h, "Warning: 399 ");
    assert_non_null(strstr(logged, "status=504"));
    assert_non_null(strstr(logged, ALICE));
    assert_non_null(strstr(logged, cause));
    assert_ptr_equal(strchr(logged, '\n') + 1, logged + strlen(logged)); // one line
    expect_nothing(st.alice.peer);
}

static void silent_entry_point_is_504(void **state)
{
    (void)state;
    stage_start();
    expect_504("does not answer");
}

static void unreachable_entry_point_is_504(void **state)
{
    (void)state;
    st.cfg.home_entry = STR("sip:192.0.2.99;transport=tcp");
    stage_start();
    expect_504("cannot be reached");
}

static void entry_point_not_in_dns_is_504(void **state)
{
    (void)state;
    st.cfg.home_entry = STR("");
    stage_start();
    expect_504("cannot be reached");
    sim_dns_down(scene_sim(st.sc), true);
    expect_504("cannot be reached");
}

// An answer of the home network is its own.
static void refusals_of_the_home_network_pass(void **state)
{
    static const unsigned statuses[] = {403, 423, 500, 503, 600};
    char start[32];
    (void)state;
    stage_start();
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct heard *h = sent(&(struct request){0});
        peer_answer(st.core, h, statuses[i], NULL);
        // RFC 3261 16.7 step 6: a 503 is not for the next hop's client.
        (void)snprintf(start, sizeof start, "SIP/2.0 %u", statuses[i] == 503 ? 500 : statuses[i]);
        (void)expect(st.alice.peer, start);
    }
    assert_int_equal(n_registered(), 0);
}

static void entry_point_by_dns(void **state)
{
    (void)state;
    st.cfg.home_entry = STR("");
    stage_start();
    scene_dns_naptr(st.sc, HOME, 10, "SIP+D2U", "_sip._udp." HOME);
    scene_dns_srv(st.sc, "_sip._udp." HOME, 1, 1, "icscf." HOME, 5060);
    scene_dns_host(st.sc, "icscf." HOME, "192.0.2.20");
    assert_has(sent(&(struct request){0}), "REGISTER sip:" HOME " ");
}

static struct str further[3];

static struct peer *second_entry(void)
{
    further[0] = STR("sip:192.0.2.21;transport=udp");
    st.cfg.further_entries = (struct conf_strs){further, 1};
    stage_start();
    return peer_udp(st.sc, "192.0.2.21:5060");
}

// TS 24.229 5.2.2.1: the next entry point is asked, and what it answers counts.
static void another_entry_point_is_asked(void **state)
{
    static const unsigned statuses[] = {302, 305, 480, 503};
    (void)state;
    struct peer *second = second_entry();
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct heard *h = sent(&(struct request){0});
        peer_answer(st.core, h, statuses[i], "Contact: <sip:203.0.113.9>\n");
        struct heard *again = expect(second, "REGISTER sip:" HOME " ");
        assert_string_equal(header(again, "Path"), header(h, "Path"));
        assert_string_equal(header(again, "P-Charging-Vector"), header(h, "P-Charging-Vector"));
        assert_int_equal(occurrences(again, "Path: "), 1);
        peer_answer(second, again, 401, "WWW-Authenticate: Digest realm=\"" HOME "\", nonce=\"n\"\n");
        assert_lacks(expect(st.alice.peer, "SIP/2.0 401"), "203.0.113.9");
    }
    assert_int_equal(pcscf_counters(st.pcscf)->entries_passed_over, ARRAY_LEN(statuses));
}

static void another_entry_point_registers(void **state)
{
    (void)state;
    struct peer *second = second_entry();
    peer_answer(st.core, sent(&(struct request){0}), 480, NULL);
    peer_answer(second, expect(second, "REGISTER "), 200,
                "Contact: <sip:ue@198.51.100.1:5060>;expires=600\nService-Route: " SERVICE_ROUTE "\n"
                "P-Associated-URI: <" ALICE ">\n");
    (void)expect(st.alice.peer, "SIP/2.0 200");
    assert_int_equal(n_registered(), 1);
}

// In time for the UE: all together have the leg's.
static void silent_entry_point_is_passed_over(void **state)
{
    (void)state;
    st.cfg.leg_core_ms = 8000;
    struct peer *second = second_entry();
    uint64_t before = sim_now_ms(scene_sim(st.sc));
    (void)sent(&(struct request){0});
    scene_run(st.sc, before + 5000);
    peer_answer(second, expect(second, "REGISTER "), 403, NULL);
    (void)expect(st.alice.peer, "SIP/2.0 403");
}

static void no_entry_point_is_left(void **state)
{
    (void)state;
    struct peer *second = second_entry();
    peer_answer(st.core, sent(&(struct request){0}), 480, NULL);
    peer_answer(second, expect(second, "REGISTER "), 302, "Contact: <sip:203.0.113.9>\n");
    struct heard *h = expect(st.alice.peer, "SIP/2.0 504");
    assert_lacks(h, "203.0.113.9");
    expect_nothing(st.core);
    expect_nothing(second);
    peer_answer(st.core, sent(&(struct request){0}), 403, NULL); // the user's own
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(second);
}

// n entry points by SRV at 192.0.2.20 and the following addresses, and what home.further_entries says.
static void entries_by_dns(struct peer **at, unsigned n, const char *one_more)
{
    st.cfg.home_entry = STR("");
    further[0] = str_from(one_more);
    st.cfg.further_entries = (struct conf_strs){further, *one_more ? 1 : 0};
    stage_start();
    scene_dns_naptr(st.sc, HOME, 10, "SIP+D2U", "_sip._udp." HOME);
    at[0] = st.core;
    for (unsigned i = 0; i < n; i++) {
        const char *name = text("icscf%u." HOME, i), *ip = text("192.0.2.%u", 20 + i);
        scene_dns_srv(st.sc, "_sip._udp." HOME, (uint16_t)(i + 1), 1, name, 5060);
        scene_dns_host(st.sc, name, ip);
        if (i)
            at[i] = peer_udp(st.sc, text("%s:5060", ip));
    }
}

// TS 24.229 5.2.2.1: the addresses of one name are entry points, too.
static void another_address_is_asked(void **state)
{
    struct peer *at[3];
    (void)state;
    entries_by_dns(at, 3, "");
    struct heard *h = sent(&(struct request){0});
    peer_answer(at[0], h, 302, "Contact: <sip:203.0.113.9>\n");
    struct heard *again = expect(at[1], "REGISTER sip:" HOME " ");
    assert_string_equal(header(again, "Path"), header(h, "Path"));
    assert_string_equal(header(again, "P-Charging-Vector"), header(h, "P-Charging-Vector"));
    assert_int_equal(occurrences(again, "Path: "), 1);
    assert_int_equal(occurrences(again, "Via: "), occurrences(h, "Via: "));
    peer_answer(at[1], again, 480, "Retry-After: 600\n");
    peer_answer(at[2], expect(at[2], "REGISTER "), 200,
                "Contact: <sip:ue@198.51.100.1:5060>;expires=600\nService-Route: " SERVICE_ROUTE "\n"
                "P-Associated-URI: <" ALICE ">\n");
    assert_lacks(expect(st.alice.peer, "SIP/2.0 200"), "203.0.113.9");
    assert_int_equal(n_registered(), 1);
    peer_answer(at[0], sent(&(struct request){0}), 403, NULL); // what it thinks of the user
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(at[1]);
}

static void no_address_is_left(void **state)
{
    struct peer *at[3];
    (void)state;
    entries_by_dns(at, 3, "sip:icscf1." HOME ";transport=udp"); // which is among those of the domain
    peer_answer(at[0], sent(&(struct request){0}), 480, NULL);
    for (unsigned i = 1; i < 3; i++)
        peer_answer(at[i], expect(at[i], "REGISTER "), i == 1 ? 305 : 480, "Contact: <sip:203.0.113.9>\n");
    assert_lacks(expect(st.alice.peer, "SIP/2.0 504"), "203.0.113.9");
    for (unsigned i = 0; i < 3; i++)
        expect_nothing(at[i]);
    assert_int_equal(n_registered(), 0);
}

// One REGISTER is not put to any number of nodes.
static void so_many_addresses_are_asked(void **state)
{
    struct peer *at[8];
    (void)state;
    entries_by_dns(at, 8, "sip:192.0.2.40;transport=udp");
    struct peer *last = peer_udp(st.sc, "192.0.2.40:5060");
    peer_answer(at[0], sent(&(struct request){0}), 480, NULL);
    for (unsigned i = 1; i < 8; i++)
        peer_answer(at[i], expect(at[i], "REGISTER "), 480, NULL);
    (void)expect(st.alice.peer, "SIP/2.0 504");
    expect_nothing(last);
}

// All that are asked have the time of the leg together.
static void answers_that_come_late(void **state)
{
    struct peer *at[3];
    (void)state;
    st.cfg.leg_core_ms = 8000;
    entries_by_dns(at, 3, "");
    uint64_t before = sim_now_ms(scene_sim(st.sc));
    struct heard *h = sent(&(struct request){0});
    peer_answer(at[0], h, 100, NULL);
    scene_run(st.sc, before + 7000);
    peer_answer(at[0], h, 480, NULL);
    h = expect(at[1], "REGISTER ");
    scene_run(st.sc, before + 8100);
    (void)expect(st.alice.peer, "SIP/2.0 504");
    peer_answer(at[1], h, 480, NULL);
    expect_nothing(at[2]);
}

// ---- the challenge ----

// TS 24.229 5.2.2.2: the UE derives the keys itself.
static void keys_do_not_reach_the_ue(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){0});
    peer_answer(st.core, h, 401,
                "WWW-Authenticate: Digest realm=\"" HOME "\", nonce=\"abc\", algorithm=AKAv1-MD5, "
                "ik=\"00112233445566778899aabbccddeeff\", ck=\"ffeeddccbbaa99887766554433221100\", "
                "qop=\"auth\"\n"
                "WWW-Authenticate: Digest CK=\"ffeeddccbbaa99887766554433221100\", realm=\"x\", "
                "nonce=\"y\"\nP-Charging-Vector: icid-value=\"zz\"\n"
                "P-Charging-Function-Addresses: ccf=192.0.2.90\n");
    h = expect(st.alice.peer, "SIP/2.0 401");
    assert_lacks(h, "00112233445566778899aabbccddeeff");
    assert_lacks(h, "ffeeddccbbaa99887766554433221100");
    assert_has(h, "nonce=\"abc\"");
    assert_has(h, "qop=\"auth\"");
    assert_has(h, "algorithm=AKAv1-MD5");
    assert_lacks(h, "P-Charging-");
    assert_int_equal(n_registered(), 0);
}

// ---- what is remembered ----

static void ok_keeps_what_the_ue_needs(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = sent(&(struct request){0});
    peer_answer(st.core, h, 200,
                "Contact: <sip:ue@198.51.100.1:5060>;expires=600\nService-Route: " SERVICE_ROUTE
                "\nP-Associated-URI: <" ALICE ">\nP-Charging-Function-Addresses: ccf=192.0.2.90\n"
                "P-Charging-Vector: icid-value=\"zz\"\n");
    h = expect(st.alice.peer, "SIP/2.0 200");
    assert_has(h, "Service-Route: " SERVICE_ROUTE);
    assert_has(h, "P-Associated-URI: <" ALICE ">");
    assert_lacks(h, "P-Charging-");
    assert_int_equal(n_registered(), 1);
}

static void renewing_is_one_registration(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    scene_run(st.sc, 500000);
    (void)registered(&st.alice);
    assert_int_equal(n_registered(), 1);
    scene_run(st.sc, 900000); // past the first registration's end
    assert_int_equal(n_registered(), 1);
    assert_int_equal(pcscf_counters(st.pcscf)->expired, 0);
    scene_run(st.sc, 1200000);
    assert_int_equal(n_registered(), 0);
    assert_int_equal(pcscf_counters(st.pcscf)->expired, 1);
    ue_send(&st.alice, &(struct request){.to = BOB});
    (void)expect(st.alice.peer, "SIP/2.0 403");
}

static void leaving_ends_the_contact(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.expires = -1}, NULL);
    assert_int_equal(n_registered(), 0);
    assert_int_equal(pcscf_counters(st.pcscf)->deregistered, 1);
}

// A 200 without P-Associated-URI, for a REGISTER by an identity that is not the default one.
static void leaving_by_another_identity(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.from = ALICE_TEL, .expires = -1},
                        "Supported: path\n");
    assert_int_equal(n_registered(), 0);
}

#define TWO                                                                                        \
    "Contact: <sip:ue@198.51.100.1:5060>;expires=600, <sip:second@198.51.100.1>;expires=600\n"       \
    "Service-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" ALICE ">\n"

// RFC 3261 10.3: none is left of the user, wherever his contacts were registered; others keep theirs.
static void star_ends_all_of_the_user(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.contact = "<sip:second@198.51.100.1>"}, TWO);
    struct ue elsewhere = ue_udp("198.51.100.7:5060", ACCESS);
    (void)registered_as(&elsewhere, &(struct request){0}, TWO "Contact: <sip:ue@198.51.100.7:5060>;expires=600\n");
    struct ue bob = ue_udp("198.51.100.2:5060", ACCESS);
    (void)registered_as(&bob, &(struct request){.from = BOB},
                        "Contact: <sip:ue@198.51.100.2:5060>;expires=600\n"
                        "Service-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" BOB ">\n");
    assert_int_equal(n_registered(), 4);
    (void)registered_as(&st.alice, &(struct request){.contact = "*", .expires = -1}, NULL);
    assert_int_equal(n_registered(), 1);
    assert_int_equal(pcscf_counters(st.pcscf)->deregistered, 3);
}

// A phone that comes back from another address, with another Contact: the answer lists that one only, and the old
// address, which may be given to somebody else next, is a stranger's.
static void who_has_moved_leaves_nothing_behind(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct ue now = ue_udp("198.51.100.7:5060", ACCESS);
    (void)registered(&now);
    assert_int_equal(n_registered(), 1);
    assert_int_equal(pcscf_counters(st.pcscf)->moved, 1);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
    (void)expect(st.alice.peer, "SIP/2.0 403");
    ue_send(&now, &(struct request){.method = "MESSAGE", .to = BOB});
    (void)expect(st.core, "MESSAGE ");
}

// Another UE's REGISTER, or a question, lists what is there, too.
static void every_answer_counts(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.contact = "<sip:second@198.51.100.1>"}, TWO);
    assert_int_equal(n_registered(), 2);
    (void)registered_as(&st.alice, &(struct request){.contact = ""},
                        "Contact: <sip:second@198.51.100.1>;expires=600\nP-Associated-URI: <" ALICE ">\n");
    assert_int_equal(n_registered(), 1);
    (void)registered_as(&st.alice, &(struct request){.contact = ""},
                        "Contact: <sip:x\nP-Associated-URI: <" ALICE ">\n");
    assert_int_equal(n_registered(), 1); // what cannot be read says nothing
}

// The registrar keeps the contact although the UE asked for its end: it is still there.
static void what_counts_is_the_answer(void **state)
{
    (void)state;
    stage_start();
    (void)registered_as(&st.alice, &(struct request){0},
                        "Contact: <sip:ue@198.51.100.1:5060>;expires=5\n"
                        "P-Associated-URI: <" ALICE ">\nService-Route: " SERVICE_ROUTE "\n");
    assert_int_equal(n_registered(), 1);
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 6000);
    assert_int_equal(n_registered(), 0);
    (void)registered_as(&st.alice, &(struct request){0}, "P-Associated-URI: <" ALICE ">\n");
    assert_int_equal(n_registered(), 0);
}

static void over_tcp_and_ipv6(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = ue_tcp("198.51.100.3:40000"), six = ue_udp("[2001:db8::1]:5060", ACCESS6);
    const char *a = registered(&tcp);
    const char *b =
        registered_as(&six, &(struct request){0},
                      "Contact: <sip:ue@198.51.100.3:40000>;expires=600, <sip:ue@[2001:db8::1]:5060>;expires=600\n"
                      "Service-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" ALICE ">\n");
    assert_string_not_equal(a, b);
    assert_int_equal(n_registered(), 2);
    ue_send(&six, &(struct request){.headers = AUTH(ANSWERED)});
    assert_has(expect(st.core, "REGISTER "), "integrity-protected=\"ip-assoc-yes\"");
}

static struct heard *asks(const struct ue *ue, const char *from)
{
    ue_send(ue, &(struct request){.from = from});
    return expect(st.core, "REGISTER ");
}

// One source that begins and never finishes is held up, others are not.
static void unfinished_registrations_of_a_source(void **state)
{
    (void)state;
    st.cfg.max_pending = 4;
    stage_start();
    (void)registered(&st.alice); // one that comes to its end does not count
    struct ue eve = ue_udp("198.51.100.66:5060", ACCESS),
              eve2 = ue_udp("198.51.100.66:5061", ACCESS);
    for (unsigned i = 0; i < 4; i++) {
        struct heard *h = asks(i % 2 ? &eve2 : &eve, text("sip:u%u@" HOME, i));
        peer_answer(st.core, h, 401, "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\"\n");
        (void)expect(i % 2 ? eve2.peer : eve.peer, "SIP/2.0 401");
    }
    ue_send(&eve, &(struct request){.from = "sip:u9@" HOME});
    struct heard *h = expect(eve.peer, "SIP/2.0 503");
    assert_string_equal(header(h, "Retry-After"), "30");
    assert_has(h, "too many unfinished registrations");
    expect_nothing(st.core);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_source, 1);
    // Neighbours, and who is registered, are served.
    struct ue bob = ue_udp("198.51.100.2:5060", ACCESS);
    (void)registered(&bob);
    for (unsigned i = 0; i < 10; i++)
        (void)registered(&st.alice);
    // An answer that comes to its end makes room for it and its challenge; the rest is forgotten in
    // time.
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 60500);
    (void)registered_as(&eve, &(struct request){.from = "sip:u0@" HOME}, NULL);
    (void)asks(&eve, "sip:u10@" HOME);
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 240000);
    for (unsigned i = 0; i < 4; i++)
        (void)asks(&eve, text("sip:v%u@" HOME, i));
}

static void any_number_of_unfinished_registrations(void **state)
{
    (void)state;
    st.cfg.max_pending = 0;
    stage_start();
    for (unsigned i = 0; i < 300; i++)
        (void)asks(&st.alice, text("sip:u%u@" HOME, i));
}

#define T(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(adds_what_the_home_network_needs),
        T(path_is_this_node_alone),
        T(path_is_required_once),
        T(charging_identifiers_are_unique),
        T(digest_without_response_says_nothing),
        T(aka_is_not_protected_without_ipsec),
        T(aka_in_clear_is_for_laboratories),
        T(first_answer_is_pending),
        T(known_address_is_associated),
        T(other_address_or_user_is_not_associated),
        T(what_the_ue_claims_never_passes),
        T(malformed_authorization_is_refused),
        T(foreign_domain_is_forbidden),
        T(malformed_contact_is_refused),
        T(security_required),
        T(who_knows_agreements),
        T(security_offer_stays_here),
        T(as_many_as_configured),
        T(silent_entry_point_is_504),
        T(unreachable_entry_point_is_504),
        T(entry_point_not_in_dns_is_504),
        T(refusals_of_the_home_network_pass),
        T(entry_point_by_dns),
        T(another_entry_point_is_asked),
        T(another_entry_point_registers),
        T(silent_entry_point_is_passed_over),
        T(no_entry_point_is_left),
        T(another_address_is_asked),
        T(no_address_is_left),
        T(so_many_addresses_are_asked),
        T(answers_that_come_late),
        T(keys_do_not_reach_the_ue),
        T(ok_keeps_what_the_ue_needs),
        T(renewing_is_one_registration),
        T(leaving_ends_the_contact),
        T(leaving_by_another_identity),
        T(star_ends_all_of_the_user),
        T(who_has_moved_leaves_nothing_behind),
        T(every_answer_counts),
        T(what_counts_is_the_answer),
        T(over_tcp_and_ipv6),
        T(unfinished_registrations_of_a_source),
        T(any_number_of_unfinished_registrations),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_register", tests, NULL, NULL);
}
