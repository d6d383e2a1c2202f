// SPDX-License-Identifier: Apache-2.0
// The edge of the trust domain at the I-CSCF (TS 24.229 4.4), and what it adds to a request that comes in
// there (TS 24.229 4.5.2, 5.3.2.1).
#include <stdio.h>

#include "tests/common/trust_samples.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static unsigned branch;

static const char *samples(void)
{
    static char lines[8192];
    return trust_sample_lines(lines, sizeof lines);
}

#define REQUEST                                                                                    \
    "%s sip:alice@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKe%u\n"                 \
    "Max-Forwards: 70\nFrom: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">%s\nCall-ID: e%u\n" \
    "CSeq: 1 %s\n%sContent-Length: 0\n\n"

static void eve_sends(const char *method, const char *to_tag, const char *headers)
{
    branch++;
    world_sendf(W_EVE, REQUEST, method, "198.51.100.66", branch, to_tag, branch, method, headers);
}

static void neighbour_sends(const char *method, const char *headers)
{
    branch++;
    world_sendf(W_PCSCF, REQUEST, method, "127.0.1.10", branch, "", branch, method, headers);
}

static void table_from_outside(void **state)
{
    static char text[10000];
    (void)state;
    eve_sends("MESSAGE", "", samples());
    struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
    trust_assert_marks(m, TRUST_FOREIGN, TRUST_HOME);
    world_answer(W_S1, m, 200, samples());
    trust_assert_marks(world_expect(W_EVE, 200), TRUST_HOME, TRUST_FOREIGN);
    (void)snprintf(text, sizeof text, "Route: <sip:" ICSCF ";lr>, <sip:127.0.1.30:5060;lr>\n%s", samples());
    eve_sends("BYE", ";tag=t", text);
    m = world_expect_request(W_S1, "BYE");
    trust_assert_marks(m, TRUST_FOREIGN, TRUST_HOME);
    world_answer(W_S1, m, 404, samples());
    trust_assert_marks(world_expect(W_EVE, 404), TRUST_HOME, TRUST_FOREIGN);
}

// The first node of the network to see a request names it for charging; who has a name keeps it.
static void every_call_has_an_icid(void **state)
{
    struct str first, second, raw;
    (void)state;
    eve_sends("MESSAGE", "", "P-Charging-Vector: icid-value=lie\n");
    raw = sip_msg_raw(world_expect_request(W_S1, "MESSAGE"), SIP_H_P_CHARGING_VECTOR);
    assert_true(str_starts(raw, STR("icid-value=\"")));
    assert_int_equal(str_find(raw, STR("lie")), -1);
    first = str_dup(raw);
    eve_sends("MESSAGE", "", "");
    second = sip_msg_raw(world_expect_request(W_S1, "MESSAGE"), SIP_H_P_CHARGING_VECTOR);
    assert_true(second.n > 0 && !str_eq(first, second));
    mem_free((void *)first.p);
    neighbour_sends("MESSAGE", "P-Charging-Vector: icid-value=theirs;orig-ioi=x\n");
    raw = sip_msg_raw(world_expect_request(W_S1, "MESSAGE"), SIP_H_P_CHARGING_VECTOR);
    assert_true(str_eq(raw, STR("icid-value=theirs;orig-ioi=x")));
}

// TS 24.229 5.3.2.1: a way that is known already is gone, and the HSS is not asked.
static void a_route_is_followed(void **state)
{
    (void)state;
    neighbour_sends("MESSAGE", "Route: <sip:" ICSCF ";lr>, <sip:127.0.1.31:5060;lr>\n");
    struct sip_msg *m = world_expect_request(W_S2, "MESSAGE");
    assert_int_equal(w.n_lir, 0);
    assert_true(str_eq(sip_msg_raw(m, SIP_H_ROUTE), STR("<sip:127.0.1.31:5060;lr>")));
    eve_sends("MESSAGE", "", "Route: <sip:" ICSCF ";lr>, <sip:127.0.1.31:5060;lr>\n"); // not an outsider's
    (void)world_expect_request(W_S1, "MESSAGE");
    assert_int_equal(w.n_lir, 1);
}

// A de-registration that its S-CSCF does not take is not another S-CSCF's.
static void deregistration_stays_with_its_server(void **state)
{
    (void)state;
    world_sendf(W_PCSCF, "REGISTER sip:" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKr%u\n"
                "Max-Forwards: 70\nFrom: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN
                ">\nCall-ID: d\nCSeq: 1 REGISTER\nContact: <sip:alice@192.0.2.1>;expires=0\n"
                "Content-Length: 0\n\n", ++branch);
    (void)world_expect_request(W_S1, "REGISTER");
    world_run(60000);
    struct sip_msg *m = world_take(W_S2);
    if (m)
        fail_msg("the other one got %.*s", STR_ARG(sip_msg_bytes(m)));
    assert_int_equal(w.n_uar, 1);
}

// An S-CSCF that was only slow must not let a phone ring that another one has taken care of.
static void a_silent_server_is_told_to_forget(void **state)
{
    bool cancelled = false;
    (void)state;
    w.capabilities_on_demand = true;
    neighbour_sends("INVITE", "");
    world_run(9000);
    (void)world_expect_request(W_S2, "INVITE");
    for (struct sip_msg *m; !cancelled && (m = world_take(W_S1));)
        cancelled = sip_msg_method(m) == SIP_CANCEL;
    assert_true(cancelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(table_from_outside),
        TEST(every_call_has_an_icid),
        TEST(a_route_is_followed),
        TEST(deregistration_stays_with_its_server),
        TEST(a_silent_server_is_told_to_forget),
    };
    return cmocka_run_group_tests_name("icscf_edge", tests, NULL, NULL);
}
