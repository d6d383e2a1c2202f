// SPDX-License-Identifier: Apache-2.0
// Where a UE's and a foreign network's word leads: not to the core, its HSS, or private addresses.
#include <stdio.h>

#include "stack/stack.h"
#include "tests/common/figure.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)
#define PAI_ALICE "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n"

static struct str foreign[2], networks[1];

static void policy(const char *domain, const char *network)
{
    foreign[0] = str_from(domain);
    networks[0] = str_from(network);
    w.cfg.routing.foreign = (struct conf_strs){foreign, foreign[0].n > 0};
    w.cfg.routing.networks = (struct conf_strs){networks, networks[0].n > 0};
    scscf_reload(w.scscf, &w.cfg);
}

static void dns(const char *name, const char *ip)
{
    struct dns_rr rr = {.ttl = 60, .ip = place(ip)};
    assert_int_equal(sim_dns_add(w.sim, name, DNS_A, &rr), 0);
}

static int set_up(void **state)
{
    (void)world_set_up(state);
    dns("hss.evil.example", "127.0.1.40:0");
    dns("private.evil.example", "10.0.0.1:0");
    dns("own.evil.example", "127.0.1.30:0");
    dns("good.example", "198.51.100.66:0");
    policy("", "");
    (void)world_registered(&alice);
    return 0;
}

static uint64_t requests_out(void)
{
    return figure_of(scscf_stack(w.scscf), "sip_requests_out", NULL);
}

static void originate(const char *uri)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: <sip:orig@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN
                ">;tag=f\nTo: <sip:x@y>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n"
                "P-Charging-Vector: icid-value=\"ic2\";orig-ioi=type1.example\n"
                "P-Access-Network-Info: 3GPP-E-UTRAN\n" PAI_ALICE "Content-Length: 0\n\n",
                uri, w.branch, w.branch);
}

static void in_dialog(int socket, const char *uri, const char *route)
{
    w.branch++;
    world_sendf(socket,
                "BYE %s SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bKd%u;rport\nMax-Forwards: 70\n%s"
                "From: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:x@y>;tag=t\nCall-ID: d%u\n"
                "CSeq: 2 BYE\nContent-Length: 0\n\n", uri, w.branch, route, w.branch);
}

// TS 24.229 5.4.3.2, RFC 3261 21.4.5: an address, a foreign domain, our own domain with another host
// behind it.
static void nowhere_by_default(void **state)
{
    static const char *const uris[] = {
        "sip:x@127.0.1.40:3868", "sip:x@127.0.1.40", "sip:x@127.0.1.20:5060", "sip:x@127.0.1.30:5060",
        "sip:x@198.51.100.66", "sip:x@[::1]:5060", "sip:x@[::ffff:127.0.1.40]:3868",
        "sip:x@good.example", "sip:x@hss." DOMAIN, "sip:x@hss." DOMAIN ":3868",
        "sip:bob@" DOMAIN ";maddr=127.0.1.40", "sip:x@scscf." DOMAIN, "sip:x@localhost",
    };
    uint64_t out = requests_out();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        originate(uris[i]);
        struct sip_msg *m = world_expect(W_PCSCF, 404);
        assert_has(header(m, SIP_H_WARNING), "target");
    }
    assert_int_equal(requests_out(), out);
}

// The port and the transport of an identity of ours do not say where the I-CSCF listens.
static void identities_of_ours_go_to_our_entry(void **state)
{
    (void)state;
    originate("sip:bob@" DOMAIN ":3868;transport=tcp");
    struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
    assert_true(sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY));
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

// A name that may be gone to must not be one for the core, whoever answers for it in DNS.
static void names_that_point_into_the_core(void **state)
{
    static const char *const uris[] = {
        "sip:x@hss.evil.example", "sip:x@hss.evil.example:3868", "sip:x@private.evil.example",
        "sip:x@own.evil.example",
    };
    uint64_t out = requests_out();
    (void)state;
    policy("*", "");
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        originate(uris[i]);
        (void)world_expect(W_PCSCF, 404);
    }
    assert_int_equal(requests_out(), out);
}

// TS 24.229 4.4, RFC 3325 5: nothing that only the trust domain may know goes there.
static void a_listed_domain(void **state)
{
    (void)state;
    policy("good.example", "");
    originate("sip:x@good.example;transport=udp");
    struct sip_msg *m = world_expect_request(W_EVE, "MESSAGE");
    assert_false(sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY));
    assert_false(sip_msg_has(m, SIP_H_P_CHARGING_VECTOR));
    assert_false(sip_msg_has(m, SIP_H_P_ACCESS_NETWORK_INFO));
    world_answer(W_EVE, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
    policy("", ""); // SIGHUP
    originate("sip:x@good.example;transport=udp");
    (void)world_expect(W_PCSCF, 404);
}

#define MO "Route: <sip:mo@127.0.1.30:5060;lr>\n"

// Inside a dialog the Request-URI and the rest of Route are the parties' word.
static void inside_dialogs(void **state)
{
    static const struct {
        const char *uri, *route;
    } rows[] = {
        {"sip:x@127.0.1.40:3868", MO},
        {"sip:x@127.0.1.40:5060", MO},
        {"sip:x@10.0.0.1", MO},
        {"sip:x@hss.evil.example", MO},
        {"sip:x@198.51.100.66:22", MO},
        {"sip:x@192.0.2.1", "Route: <sip:mo@127.0.1.30:5060;lr>, <sip:127.0.1.40:3868;lr>\n"},
        {"sip:x@192.0.2.1", "Route: <sip:mo@127.0.1.30:5060;lr>, <sip:127.0.1.40:9090;lr>\n"},
        {"sip:x@192.0.2.1", "Route: <sip:mo@127.0.1.30:5060;lr>, <sip:10.0.0.1;lr>\n"},
        {"sip:x@192.0.2.1", "Route: <sip:mo@127.0.1.30:5060;lr>, <sip:private.evil.example;lr>\n"},
        {"sip:x@198.51.100.66", ""},
    };
    uint64_t out = requests_out();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        in_dialog(W_PCSCF, rows[i].uri, rows[i].route);
        (void)world_expect(W_PCSCF, 404);
    }
    assert_int_equal(requests_out(), out);
    // a foreign party's Contact is an address, mostly
    in_dialog(W_PCSCF, "sip:eve@198.51.100.66:5060;transport=udp", MO);
    struct sip_msg *m = world_expect_request(W_EVE, "BYE");
    assert_false(sip_msg_has(m, SIP_H_P_CHARGING_VECTOR));
}

// An outsider who knows how our Route entries look is not carried on by them.
static void an_outsider_with_our_route(void **state)
{
    static const char *const routes[] = {
        "Route: <sip:mt@127.0.1.30:5060;lr>, <sip:127.0.1.40:3868;lr>\n",
        "Route: <sip:mt@127.0.1.30:5060;lr>, <sip:127.0.1.20:9090;lr>\n",
        "Route: <sip:mt@127.0.1.30:5060;lr>, <sip:198.51.100.67;lr>\n",
        "Route: <sip:mt@127.0.1.30:5060;lr>, <sip:good.example;lr>\n",
        "Route: <sip:mt@127.0.1.30:5060;lr>\n",
    };
    uint64_t out = requests_out();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        in_dialog(W_EVE, "sip:x@198.51.100.67", routes[i]);
        (void)world_expect(W_EVE, 404);
    }
    assert_int_equal(requests_out(), out);
    in_dialog(W_EVE, "sip:alice@192.0.2.1", "Route: <sip:mt@127.0.1.30:5060;lr>, "
                                            "<sip:token@127.0.1.10:5060;lr>\n");
    (void)world_expect_request(W_PCSCF, "BYE");
}

// A Contact without a Path is where the UE said it is.
static void contact_without_path(void **state)
{
    static const char *const contacts[] = {"<sip:a@127.0.1.40:3868>", "<sip:a@127.0.1.20>",
                                           "<sip:a@good.example>"};
    (void)state;
    w.cfg.registration.max_contacts = 10;
    w.cfg.registration.contacts_aka = 0;
    scscf_reload(w.scscf, &w.cfg);
    for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
        struct reg r = alice;
        r.no_path = true;
        r.contact = contacts[i];
        (void)world_registered(&r);
        uint64_t out = requests_out();
        w.branch++;
        world_sendf(W_ICSCF,
                    "MESSAGE sip:alice@" DOMAIN " SIP/2.0\n"
                    "Via: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\nMax-Forwards: 70\n"
                    "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">\nCall-ID: s%u\n"
                    "CSeq: 1 MESSAGE\nContent-Length: 0\n\n", w.branch, w.branch);
        struct sip_msg *m = world_expect_request(W_PCSCF, "MESSAGE"); // her other contact
        world_answer(W_PCSCF, m, 480, "");
        (void)world_expect(W_ICSCF, 480);
        assert_int_equal(requests_out() - out, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nowhere_by_default),
        TEST(identities_of_ours_go_to_our_entry),
        TEST(names_that_point_into_the_core),
        TEST(a_listed_domain),
        TEST(inside_dialogs),
        TEST(an_outsider_with_our_route),
        TEST(contact_without_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
