// SPDX-License-Identifier: Apache-2.0
// Who is called and is not registered (TS 29.228 6.1.2.1): one profile of each implicit
// registration set is kept, by whatever identity of it he is called, and given back to the HSS
// unless he has registered meanwhile.
#include <stdio.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
#define LIST "sip:list!.*!@" DOMAIN
#define KEY "P-Profile-Key: <" LIST ">\n"
#define NUMBER "tel:7042;phone-context=" DOMAIN
#define ALICE_LIST PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID_WILD(LIST))
#define ALICE_NUMBER PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID(NUMBER))

static void send_call(const char *uri, const char *headers)
{
    w.branch++;
    world_sendf(W_ICSCF,
                "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKt%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
                "From: <sip:bob@" DOMAIN
                ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: s%u\nCSeq: 1 MESSAGE\n%s"
                "Content-Length: 0\n\n",
                uri, w.branch, w.branch, headers);
}

static void call(const char *uri, const char *headers, unsigned status)
{
    send_call(uri, headers);
    (void)world_expect(W_ICSCF, status);
}

static unsigned count(enum cx_sar_type type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w.hss.n_sar && i < W_SARS; i++)
        n += w.hss.sars[i] == type;
    return n;
}

static void absent(const char *profile)
{
    w.hss.profile = profile;
    w.hss.impi = "alice@" DOMAIN;
}

static void told(enum cx_sar_type type, const char *impi, const char *impu)
{
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], type);
    assert_string_equal(w.hss.sar_impi, impi);
    assert_string_equal(w.hss.sar_impu, impu);
}

// ---- one of each set ----

static void one_of_a_set(void **state)
{
    (void)state;
    absent(ALICE_PROFILE);
    call("sip:alice@" DOMAIN, "", 480);
    call("tel:+15551", "", 480);
    call("sip:001@" DOMAIN, "", 404); // barred
    assert_int_equal(w.hss.n_sar, 1);
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 2);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:alice@" DOMAIN);
}

// However many numbers of a wildcarded identity are called, with or without the HSS's word for it.
static void many_numbers_of_one_set(void **state)
{
    (void)state;
    absent(ALICE_LIST);
    for (int i = 0; i < 20; i++) {
        char uri[64];
        (void)snprintf(uri, sizeof uri, "sip:list%d@" DOMAIN, i);
        call(uri, KEY, 480);
    }
    assert_int_equal(count(CX_UNREGISTERED_USER), 1);
    for (int i = 0; i < 20; i++) {
        char uri[64];
        (void)snprintf(uri, sizeof uri, "sip:list%d@" DOMAIN, i);
        call(uri, "", 480);
        call(uri, "", 480);
    }
    assert_int_equal(count(CX_UNREGISTERED_USER),
                     20); // a distinct one of another set might be inside
    world_run(60000);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 1);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:alice@" DOMAIN);
}

// A set without a distinct identity is given back by what was called.
static void nothing_but_a_pattern(void **state)
{
    (void)state;
    absent(PROFILE("alice@" DOMAIN, ID_WILD(LIST)));
    call("sip:list7@" DOMAIN, KEY, 480);
    world_run(60000);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:list7@" DOMAIN);
}

// The HSS has it as a number, the call means it by a name.
static void given_back_as_the_set_has_it(void **state)
{
    (void)state;
    absent(ALICE_NUMBER);
    call("sip:7042@" DOMAIN, "", 480);
    call("sip:7042@" DOMAIN, "", 480);
    call(NUMBER, "", 480);
    assert_int_equal(w.hss.n_sar, 1);
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 2);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, NUMBER);
    absent(PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) BARRED(NUMBER)));
    call("sip:7042@" DOMAIN, "", 404);
    call("sip:7042@" DOMAIN, "", 404);
}

// An HSS that gives no profile, and one that gives what cannot be read.
static void without_a_profile(void **state)
{
    (void)state;
    static const char *const profiles[] = {NULL, "<"};
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        unsigned sars = w.hss.n_sar;
        absent(profiles[i]);
        call("sip:alice@" DOMAIN, "", 480);
        call("sip:alice@" DOMAIN, "", 480);
        assert_int_equal(w.hss.n_sar, sars + 1);
        world_run(60000);
        assert_int_equal(w.hss.n_sar, sars + 2);
        told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:alice@" DOMAIN);
    }
}

// ---- who registers meanwhile ----

static void nothing_more_is_said(const struct reg *r)
{
    (void)world_registered(r);
    unsigned sars = w.hss.n_sar;
    world_run(60000);
    if (w.hss.n_sar != sars)
        fail_msg("SAR %d of %s, %s", (int)w.hss.sars[sars], w.hss.sar_impi, w.hss.sar_impu);
}

static void registered_after_a_covered_number(void **state)
{
    (void)state;
    absent(ALICE_LIST);
    call("sip:list7@" DOMAIN, KEY, 480);
    nothing_more_is_said(&alice);
}

static void registered_after_nothing_but_a_pattern(void **state)
{
    (void)state;
    absent(NULL);
    call("sip:list7@" DOMAIN, KEY, 480);
    w.hss.profile = ALICE_LIST;
    nothing_more_is_said(&alice);
}

static void registered_after_another_reading(void **state)
{
    (void)state;
    absent(ALICE_NUMBER);
    call("sip:7042@" DOMAIN, "", 480);
    nothing_more_is_said(&alice);
}

// The HSS has named no private identity, and its word is that a set may not be served: by whatever
// reading he is called.
static void registered_without_a_name(void **state)
{
    (void)state;
    w.hss.profile = NULL;
    call("sip:7042@" DOMAIN, "", 480);
    w.hss.profile = ALICE_NUMBER;
    nothing_more_is_said(&alice);
}

#define SET_A PROFILE("alice@" DOMAIN, ID("sip:a@" DOMAIN) ID("sip:alice@" DOMAIN))
#define SET_B PROFILE("other@" DOMAIN, ID("sip:b@" DOMAIN) ID("sip:alice@" DOMAIN))
static const struct reg other = {.impi = "other@" DOMAIN,
                                 .impu = "sip:alice@" DOMAIN,
                                 .contact = "<sip:other@192.0.2.9>",
                                 .call_id = "other"};

// An identity is in two sets (TS 23.228 4.3.3.4): each registers its own, whichever the registrar
// finds first.
static void registered_of_two_sets(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.profile = SET_B;
    (void)world_registered(&other);
    absent(SET_A);
    call("sip:a@" DOMAIN, "", 480);
    nothing_more_is_said(&alice);
}

// The other's registration is not the end of this one.
static void the_other_of_two_sets(void **state)
{
    (void)state;
    w.hss.fresh = true;
    absent(SET_A);
    call("sip:a@" DOMAIN, "", 480);
    w.hss.profile = SET_B;
    (void)world_registered(&other);
    world_run(60000);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:a@" DOMAIN);
}

// A pattern of another set of the same user covers it.
static void a_distinct_one_inside_a_pattern(void **state)
{
    (void)state;
    absent(PROFILE("alice@" DOMAIN, ID("sip:list7@" DOMAIN)));
    call("sip:list7@" DOMAIN, "", 480);
    w.hss.profile = ALICE_LIST;
    (void)world_registered(&alice);
    world_run(60000);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:list7@" DOMAIN);
}

// ---- answers that are late, or lost ----

static void lost(void **state)
{
    (void)state;
    absent(ALICE_PROFILE);
    w.hss.lose = 1;
    send_call("sip:alice@" DOMAIN, "");
    world_run(10000);
    (void)world_expect(W_ICSCF, 504);
    assert_int_equal(w.hss.n_sar, 2);
    told(CX_TIMEOUT_DEREGISTRATION, "", "sip:alice@" DOMAIN);
}

// Another call asks the same; what it comes to decides.
static void lost_and_asked_again(void **state)
{
    (void)state;
    absent(ALICE_PROFILE);
    w.hss.lose = 1;
    send_call("sip:alice@" DOMAIN, "");
    world_run(3000);
    w.hss.hold = true;
    send_call("sip:alice@" DOMAIN, "");
    world_run(4000);
    assert_int_equal(w.hss.n_sar, 2);
    world_answer_held();
    world_run(1000);
    assert_int_equal(w.hss.n_sar, 2);
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 3);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 1);
}

// It is not told of one who has registered meanwhile, also by another reading.
static void lost_and_registered(void **state)
{
    (void)state;
    w.hss.profile = ALICE_NUMBER;
    w.hss.lose = 1;
    send_call("sip:7042@" DOMAIN, "");
    nothing_more_is_said(&alice);
}

// The HSS is slow: the user is called by one identity of the set, and registers by another before that is given up.
static void doubted_while_registering(void)
{
    w.hss.lose = 1;
    send_call("tel:+15551", "");
    world_run(3000);
    w.hss.hold = true;
    world_send_answer(&alice);
    world_run(4000);
    assert_int_equal(w.hss.n_sar, 2); // the doubt waits for what comes of it
}

static void lost_while_registering(void **state)
{
    (void)state;
    doubted_while_registering();
    world_answer_held();
    world_run(60000);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(w.hss.n_sar, 2);
}

static void lost_while_another_registers(void **state)
{
    (void)state;
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN));
    doubted_while_registering();
    world_answer_held();
    world_run(1000);
    assert_int_equal(w.hss.n_sar, 3);
    told(CX_TIMEOUT_DEREGISTRATION, "", "tel:+15551");
}

// The doubt waits for the HSS already when the registration starts.
static void doubted_before_registering(void **state)
{
    (void)state;
    w.hss.lose = 2; // the doubt's as well
    send_call("tel:+15551", "");
    world_run(10000);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 1);
    w.hss.hold = true;
    world_send_answer(&alice);
    world_run(4000); // the time for another try passes
    assert_int_equal(w.hss.n_sar, 3);
    world_answer_held();
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 3);
}

// The caller is gone when the answer comes.
static void late(void **state)
{
    (void)state;
    absent(ALICE_PROFILE);
    w.hss.hold = true;
    w.branch++;
    static const char head[] =
        "INVITE sip:alice@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKlate\n"
        "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\n"
        "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: late\nCSeq: 1 INVITE\n"
        "Contact: <sip:bob@192.0.2.7>\nContent-Length: 0\n\n";
    world_send(W_ICSCF, head);
    world_run(500);
    world_send(W_ICSCF, "CANCEL sip:alice@" DOMAIN
                        " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKlate\n"
                        "Max-Forwards: 70\nFrom: <sip:bob@" DOMAIN
                        ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: late\n"
                        "CSeq: 1 CANCEL\nContent-Length: 0\n\n");
    world_run(500);
    world_answer_held();
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 2);
    told(CX_TIMEOUT_DEREGISTRATION, "alice@" DOMAIN, "sip:alice@" DOMAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_of_a_set),
        TEST(many_numbers_of_one_set),
        TEST(nothing_but_a_pattern),
        TEST(given_back_as_the_set_has_it),
        TEST(without_a_profile),
        TEST(registered_after_a_covered_number),
        TEST(registered_after_nothing_but_a_pattern),
        TEST(registered_after_another_reading),
        TEST(registered_without_a_name),
        TEST(registered_of_two_sets),
        TEST(the_other_of_two_sets),
        TEST(a_distinct_one_inside_a_pattern),
        TEST(lost),
        TEST(lost_and_asked_again),
        TEST(lost_and_registered),
        TEST(lost_while_registering),
        TEST(lost_while_another_registers),
        TEST(doubted_before_registering),
        TEST(late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
