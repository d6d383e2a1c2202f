// SPDX-License-Identifier: Apache-2.0
// Answers of the HSS that do not arrive, profiles of users who are not registered, and identities that the HSS has in
// several sets (TS 29.228 6.1.2.1, TS 23.228 4.3.3.4).
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static enum cx_sar_type last_sar(void)
{
    return w.hss.sars[w.hss.n_sar - 1];
}

static unsigned count(enum cx_sar_type type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w.hss.n_sar && i < W_SARS; i++)
        n += w.hss.sars[i] == type;
    return n;
}

// ---- a registration whose answer is lost ----

// The HSS has the user registered, and nothing is bound: it hears so.
static void registration_lost(void **state)
{
    (void)state;
    w.hss.lose = 1;
    world_send_answer(&alice);
    world_run(10000);
    (void)world_expect(W_PCSCF, 504);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(last_sar(), CX_ADMINISTRATIVE_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
    assert_string_equal(w.hss.sar_impu, "sip:alice@" DOMAIN);
}

// The note about it waits until the HSS answers again, and is dropped when the user has come back by then.
static void registered_again_before_it_was_told(void **state)
{
    (void)state;
    w.hss.lose = 2; // the note's as well
    world_send_answer(&alice);
    world_run(8000);
    (void)world_expect(W_PCSCF, 504);
    (void)world_registered(&alice);
    world_run(120000);
    assert_int_equal(last_sar(), CX_REGISTRATION);
    assert_int_equal(held_registrations(w.scscf), 1);
}

// Another REGISTER of the same phone is on its way when the first one is given up: what it comes to decides.
static void another_on_its_way(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.lose = 1;
    world_send_answer(&alice);
    world_run(3000);
    w.hss.hold = true;
    world_send_answer(&alice);
    world_run(4000); // the first one has been given up
    assert_int_equal(count(CX_ADMINISTRATIVE_DEREGISTRATION), 0);
    world_answer_held();
    world_run(60000);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(count(CX_ADMINISTRATIVE_DEREGISTRATION), 0);
}

// The same, and it comes to nothing: the doubt is about both.
static void another_refused(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.lose = 1;
    world_send_answer(&alice);
    world_run(3000);
    w.hss.hold = true;
    world_send_answer(&alice);
    world_run(4000);
    w.hss.sar_result = (struct dia_result){CX_ERROR_ROAMING_NOT_ALLOWED, true};
    world_answer_held();
    w.hss.sar_result = (struct dia_result){0};
    world_run(60000);
    assert_int_equal(count(CX_ADMINISTRATIVE_DEREGISTRATION), 1);
}

// A refusal is one: there is nothing to take back.
static void refused(void **state)
{
    (void)state;
    w.hss.sar_result = (struct dia_result){CX_ERROR_ROAMING_NOT_ALLOWED, true};
    world_send_answer(&alice);
    (void)world_expect(W_PCSCF, 403);
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 1);
}

// ---- a refresh whose answer is lost ----

static struct sip_msg *refreshed(void)
{
    struct reg refresh = alice;
    refresh.integrity = "yes";
    world_send_register(&refresh);
    world_run(10000);
    return world_expect(W_PCSCF, 200);
}

#define NEW_NAME                                                                                                       \
    "<?xml version=\"1.0\"?><IMSSubscription><PrivateID>alice@" DOMAIN "</PrivateID><ServiceProfile>"                  \
    ID("sip:alice@" DOMAIN) ID("tel:+15559") "</ServiceProfile></IMSSubscription>"

// A changed profile may have been in it: the HSS is asked for all of it with the next one, and no longer than that.
static void refresh_lost(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    (void)refreshed();
    assert_true(w.hss.sar_have_profile);
    w.hss.profile = NEW_NAME;
    w.hss.lose = 1;
    assert_lacks(header(refreshed(), SIP_H_P_ASSOCIATED_URI), "+15559");
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_has(header(refreshed(), SIP_H_P_ASSOCIATED_URI), "+15559");
    assert_int_equal(last_sar(), CX_RE_REGISTRATION);
    assert_false(w.hss.sar_have_profile);
    (void)refreshed();
    assert_true(w.hss.sar_have_profile);
    assert_int_equal(count(CX_ADMINISTRATIVE_DEREGISTRATION), 0);
}

// ---- a distinct identity that a pattern of another set covers ----

#define LISTS PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID_WILD("sip:list!.*!@" DOMAIN))
#define LIST7 PROFILE("alice@" DOMAIN, ID("sip:list7@" DOMAIN))

static const struct reg list7 = {.impi = "alice@" DOMAIN,
                                 .impu = "sip:list7@" DOMAIN,
                                 .contact = "<sip:list7@192.0.2.7>",
                                 .call_id = "list7",
                                 .expires = 600};

// Both of one private identity; the second one expires while the HSS is silent.
static void expired_inside_a_pattern(void)
{
    w.hss.fresh = true;
    w.hss.profile = LISTS;
    (void)world_registered(&alice);
    w.hss.profile = LIST7;
    (void)world_registered(&list7);
    assert_int_equal(held_registrations(w.scscf), 2);
    w.hss.silent = true;
    world_run(602000);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 1);
    w.hss.silent = false;
}

static void its_end_is_told(void **state)
{
    (void)state;
    expired_inside_a_pattern();
    world_run(60000);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 2);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
    assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
}

// The other set's registration is not this one's.
static void the_other_set_refreshed(void **state)
{
    (void)state;
    expired_inside_a_pattern();
    w.hss.profile = LISTS;
    (void)refreshed();
    world_run(60000);
    assert_int_equal(count(CX_RE_REGISTRATION), 1);
    assert_int_equal(count(CX_TIMEOUT_DEREGISTRATION), 2);
    assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
}

static void lost_inside_a_pattern(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.profile = LISTS;
    (void)world_registered(&alice);
    w.hss.lose = 1;
    world_send_answer(&list7);
    world_run(10000);
    assert_int_equal(last_sar(), CX_ADMINISTRATIVE_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impu, "sip:list7@" DOMAIN);
}

// ---- users who are not registered ----

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

static void kept_for_a_while(void **state)
{
    (void)state;
    w.cfg.registration.keep_unregistered_s = 30;
    scscf_reload(w.scscf, &w.cfg);
    w.hss.impi = "alice@" DOMAIN;
    for (int i = 0; i < 3; i++) {
        call("sip:alice@" DOMAIN);
        (void)world_expect(W_ICSCF, 480);
        world_run(5000);
    }
    call("sip:001@" DOMAIN); // barred in the same set
    (void)world_expect(W_ICSCF, 404);
    assert_int_equal(count(CX_UNREGISTERED_USER), 1);
    assert_int_equal(w.hss.n_sar, 1);
    world_run(16000);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(last_sar(), CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
    assert_string_equal(w.hss.sar_impu, "sip:alice@" DOMAIN);
    world_run(60000);
    assert_int_equal(w.hss.n_sar, 2);
}

static void given_back_at_once(void **state)
{
    (void)state;
    w.cfg.registration.keep_unregistered_s = 0;
    scscf_reload(w.scscf, &w.cfg);
    call("sip:alice@" DOMAIN);
    (void)world_expect(W_ICSCF, 480);
    world_run(1000);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(last_sar(), CX_TIMEOUT_DEREGISTRATION);
}

// Who registers meanwhile is not ended by it.
static void registered_meanwhile(void **state)
{
    (void)state;
    w.cfg.registration.keep_unregistered_s = 30;
    scscf_reload(w.scscf, &w.cfg);
    call("sip:alice@" DOMAIN);
    (void)world_expect(W_ICSCF, 480);
    (void)world_registered(&alice);
    call("sip:alice@" DOMAIN);
    world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 200, "");
    (void)world_expect(W_ICSCF, 200);
    world_run(60000);
    assert_int_equal(last_sar(), CX_REGISTRATION);
}

// ---- one identity in two sets ----

#define SET_A PROFILE("alice@" DOMAIN, ID("sip:a@" DOMAIN) ID("sip:alice@" DOMAIN))
#define SET_B PROFILE("other@" DOMAIN, ID("sip:b@" DOMAIN) ID("sip:alice@" DOMAIN))

static const struct reg other = {
    .impi = "other@" DOMAIN, .impu = "sip:alice@" DOMAIN, .contact = "<sip:other@192.0.2.9>", .call_id = "other"};

static void two_sets(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.profile = SET_A;
    assert_string_equal(header(world_registered(&alice), SIP_H_P_ASSOCIATED_URI),
                        "<sip:a@" DOMAIN ">, <sip:alice@" DOMAIN ">");
    w.hss.profile = SET_B;
    struct sip_msg *m = world_registered(&other);
    assert_string_equal(header(m, SIP_H_P_ASSOCIATED_URI), "<sip:b@" DOMAIN ">, <sip:alice@" DOMAIN ">");
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 1);
    assert_int_equal(held_registrations(w.scscf), 2);
    call("sip:alice@" DOMAIN); // both ring
    for (int i = 0; i < 2; i++)
        world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 480, "");
    (void)world_expect(W_ICSCF, 480);
    call("sip:b@" DOMAIN);
    m = world_expect_request(W_PCSCF, "MESSAGE");
    assert_true(str_eq(sip_msg_uri(m)->user, STR("other")));
    world_answer(W_PCSCF, m, 200, "");
    (void)world_expect(W_ICSCF, 200);
    w.hss.profile = SET_A; // each refreshes its own
    assert_has(header(refreshed(), SIP_H_P_ASSOCIATED_URI), "sip:a@");
    assert_int_equal(last_sar(), CX_RE_REGISTRATION);
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    world_run(1000);
    assert_int_equal(last_sar(), CX_USER_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impu, "sip:a@" DOMAIN);
    assert_int_equal(held_registrations(w.scscf), 1);
    call("sip:alice@" DOMAIN);
    m = world_expect_request(W_PCSCF, "MESSAGE");
    assert_true(str_eq(sip_msg_uri(m)->user, STR("other")));
    world_answer(W_PCSCF, m, 200, "");
}

// A set to which something was added is the same set: the registration is one.
static void a_set_that_grows(void **state)
{
    (void)state;
    w.hss.fresh = true;
    w.hss.profile = SET_A;
    (void)world_registered(&alice);
    w.hss.profile = PROFILE("other@" DOMAIN, ID("sip:a@" DOMAIN) ID("sip:alice@" DOMAIN) ID("tel:+1"));
    assert_int_equal(sip_msg_count(world_registered(&other), SIP_H_CONTACT), 2);
    assert_int_equal(held_registrations(w.scscf), 1);
    call("tel:+1");
    for (int i = 0; i < 2; i++)
        world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 480, "");
    (void)world_expect(W_ICSCF, 480);
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN)); // and one that shrinks
    struct reg refresh = alice;
    refresh.integrity = "yes";
    assert_string_equal(header(world_register(&refresh), SIP_H_P_ASSOCIATED_URI), "<sip:alice@" DOMAIN ">");
    call("sip:a@" DOMAIN);
    (void)world_expect(W_ICSCF, 480);
}

// The same identity twice in a profile is one.
static void given_twice(void **state)
{
    (void)state;
    w.hss.profile =
        PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID("SIP:alice@" DOMAIN ":5060") ID("sip:alice@" DOMAIN));
    (void)world_registered(&alice);
    call("sip:alice@" DOMAIN);
    world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 480, "");
    (void)world_expect(W_ICSCF, 480);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registration_lost), TEST(registered_again_before_it_was_told), TEST(another_on_its_way),
        TEST(another_refused),
        TEST(refused), TEST(refresh_lost), TEST(kept_for_a_while), TEST(given_back_at_once),
        TEST(registered_meanwhile), TEST(its_end_is_told), TEST(the_other_set_refreshed), TEST(lost_inside_a_pattern),
        TEST(two_sets), TEST(a_set_that_grows), TEST(given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
