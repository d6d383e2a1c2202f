// SPDX-License-Identifier: Apache-2.0
// IMS restoration at the S-CSCF (TS 23.380 4; TS 29.228 6.1.2.1): what it leaves with the HSS of a registration, and
// how it goes on with one that it does not know.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

#define PHONE "<sip:alice@192.0.2.1:5060>"
#define FLOW "<sip:flow1@127.0.1.10:5060;lr>"
#define TIME_1900 UINT32_C(2208988800)
#define LIST "sip:list!.*!@" DOMAIN
#define WITH_LIST PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID_WILD(LIST))
#define DAVE PROFILE("dave@" DOMAIN, ID("sip:dave@" DOMAIN))

static int set_up(void **state)
{
    int err = world_set_up(state);
    w.cfg.restoration.on = true;
    w.hss.restores = true;
    scscf_reload(w.scscf, &w.cfg);
    return err;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)

static uint32_t now_1900(void)
{
    return (uint32_t)(loop_wall_ms(w.scscf_loop) / 1000) + TIME_1900;
}

static void counted(enum scscf_counter c, uint64_t n)
{
    assert_int_equal(w.scscf->counters[c], n);
}

// ---- what is told ----

static struct sip_msg *refresh(const struct reg *r)
{
    struct reg again = *r;
    again.integrity = "yes";
    struct sip_msg *m = world_register(&again);
    assert_int_equal(sip_msg_status(m), 200);
    return m;
}

static unsigned leave(void)
{
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    return sip_msg_status(world_register(&gone));
}

static void told(const char *text)
{
    if (strcmp(w.hss.sar_restoration, text) != 0)
        fail_msg("\"%s\" and not \"%s\"", w.hss.sar_restoration, text);
}

static void told_with_a_registration(void **state)
{
    (void)state;
    struct reg r = alice;
    r.contact = "\"A\" <sip:alice@192.0.2.1:5060>;+sip.instance=\"<urn:uuid:7>\";q=0.5";
    (void)world_registered(&r);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_REGISTRATION);
    told("alice@" DOMAIN " | " FLOW
         " \"A\" <sip:alice@192.0.2.1:5060>;expires=3600;+sip.instance=\"<urn:uuid:7>\";q=0.5");
    assert_true(w.hss.sar_features);
    assert_false(w.hss.sar_multiple); // one identity module is one phone
    assert_string_equal(w.hss.sar_scheme, "Digest-AKAv1-MD5");
    assert_in_range(now_1900() + 3600 - w.hss.sar_timeout, 0, 2);
    world_run(5000);
    assert_int_equal(leave(), 200);
    world_run(1000);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_USER_DEREGISTRATION);
    told("");
    assert_false(w.hss.sar_features);
}

// When there is something new: another contact or Path, or an end that is much later.
static void told_when_it_has_changed(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    world_run(200000);
    (void)refresh(&alice);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_RE_REGISTRATION);
    told("");
    world_run(100000); // each of them is no news, but what the HSS knows is old by and by
    (void)refresh(&alice);
    told("");
    world_run(100000);
    (void)refresh(&alice);
    told("alice@" DOMAIN " | " FLOW " " PHONE ";expires=3600");
    assert_in_range(now_1900() + 3600 - w.hss.sar_timeout, 0, 2);
    (void)refresh(&alice);
    told("");
    struct reg other = alice;
    other.contact = PHONE ";video";
    (void)refresh(&other);
    told("alice@" DOMAIN " | " FLOW " " PHONE ";expires=3600;video");
    other.expires = 600; // sooner is no news: who takes over ends it when the phone does not come
    (void)refresh(&other);
    told("");
}

static void told_to_whom_it_is_of_use(void **state)
{
    (void)state;
    w.hss.restores = false;
    (void)world_registered(&alice);
    told("alice@" DOMAIN " | " FLOW " " PHONE ";expires=3600"); // it had not said what it can do
    world_run(400000);
    (void)refresh(&alice);
    told("");
    assert_true(w.hss.sar_features);
    w.hss.restores = true; // another release
    world_run(400000);
    (void)refresh(&alice);
    told("");
    (void)refresh(&alice);
    told("alice@" DOMAIN " | " FLOW " " PHONE ";expires=3600");
    w.cfg.restoration.on = false;
    scscf_reload(w.scscf, &w.cfg);
    world_run(400000);
    (void)refresh(&alice);
    told("");
    assert_false(w.hss.sar_features);
}

static const struct reg first = {.impi = "dave@" DOMAIN,
                                 .impu = "sip:dave@" DOMAIN,
                                 .auth = "",
                                 .integrity = "ip-assoc-pending",
                                 .contact = "<sip:d@192.0.2.1>",
                                 .call_id = "d1"};
static const struct reg second = {.impi = "dave@" DOMAIN,
                                  .impu = "sip:dave@" DOMAIN,
                                  .auth = "",
                                  .integrity = "ip-assoc-pending",
                                  .contact = "<sip:d@192.0.2.2>",
                                  .call_id = "d2"};

static void two_phones(void)
{
    w.hss.digest = true;
    w.hss.profile = DAVE;
    (void)world_registered(&first);
    assert_true(w.hss.sar_multiple);
    (void)world_registered(&second);
}

// All that the private identity has bound, the newest first.
static void told_all_of_it(void **state)
{
    (void)state;
    two_phones();
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_RE_REGISTRATION);
    assert_false(w.hss.sar_multiple);
    told("dave@" DOMAIN " | " FLOW " <sip:d@192.0.2.2>;expires=3600 | " FLOW " <sip:d@192.0.2.1>;expires=3600");
    assert_string_equal(w.hss.sar_scheme, "SIP Digest");
}

static void told_as_much_as_fits(void **state)
{
    (void)state;
    w.cfg.restoration.max_size = 160;
    scscf_reload(w.scscf, &w.cfg);
    two_phones();
    told("dave@" DOMAIN " | " FLOW " <sip:d@192.0.2.2>;expires=3600");
    counted(SC_RESTORATION_CUT, 1);
}

// ---- what is given back ----

static struct cx_restoration_contact phones[] = {
    {.path = STR_INIT(FLOW),
     .contact = STR_INIT(PHONE ";expires=3600;+sip.instance=\"<urn:uuid:7>\""),
     .call_id = STR_INIT("c1"),
     .cseq = 3,
     .cseq_present = true},
};
static struct cx_restoration given[] = {
    {.present = true, .impi = STR_INIT("alice@" DOMAIN), .contacts = phones, .n_contacts = 1},
    {.present = true, .impi = STR_INIT("tablet@" DOMAIN), .contacts = phones, .n_contacts = 1},
};

// The HSS has alice registered, for left_s from now on.
static void hss_has_alice(int32_t left_s)
{
    given[0].timeout = now_1900() + (uint32_t)left_s;
    w.hss.given = given;
    w.hss.n_given = 1;
    w.hss.impi = "alice@" DOMAIN;
}

static void call_at(const char *uri)
{
    w.branch++;
    world_sendf(W_ICSCF,
                "INVITE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKd%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\nFrom: <sip:bob@" DOMAIN ">;tag=f\n"
                "To: <sip:alice@" DOMAIN ">\nCall-ID: d%u\nCSeq: 1 INVITE\nContact: <sip:bob@192.0.2.2>\n"
                "Content-Length: 0\n\n",
                uri, w.branch, w.branch);
}

#define ALICE "sip:alice@" DOMAIN

static void rings(const char *uri)
{
    call_at(uri);
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:alice@192.0.2.1:5060")));
    assert_has(header(m, SIP_H_ROUTE), FLOW);
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
    (void)world_expect_request(W_PCSCF, "ACK");
}

static void call_is_answered(unsigned status)
{
    call_at(ALICE);
    (void)world_expect(W_ICSCF, status);
}

// Who is called is registered here from then on, until his time is over or he comes again.
static void called(void **state)
{
    (void)state;
    hss_has_alice(1000);
    rings(ALICE);
    assert_int_equal(w.hss.n_sar, 1);
    assert_int_equal(w.hss.sars[0], CX_UNREGISTERED_USER);
    assert_true(w.hss.sar_features);
    rings("tel:+15551");
    assert_int_equal(w.hss.n_sar, 1);
    assert_int_equal(held_registrations(w.scscf), 1);
    counted(SC_RESTORED, 1);
    struct reg r = alice; // a refresh needs no challenge, and the numbers of its Call-ID go on
    r.contact = PHONE ";+sip.instance=\"<urn:uuid:7>\"";
    r.call_id = "c1";
    r.integrity = "yes";
    r.cseq = 3;
    assert_int_equal(sip_msg_status(world_register(&r)), 500);
    r.cseq = 4;
    assert_int_equal(sip_msg_status(world_register(&r)), 200);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_RE_REGISTRATION);
    assert_int_equal(held_bindings(w.scscf), 1);
}

static void expires(void **state)
{
    (void)state;
    hss_has_alice(1000);
    rings(ALICE);
    world_run(990000);
    assert_int_equal(held_registrations(w.scscf), 1);
    world_run(20000);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
}

// By another reading of what was called than the HSS's, and by a wildcarded identity that it names.
static void called_by_what_the_hss_names(void **state)
{
    (void)state;
    hss_has_alice(1000);
    w.hss.profile = WITH_LIST;
    w.hss.wildcard = LIST;
    rings("sip:list7@" DOMAIN);
    assert_int_equal(w.hss.n_sar, 1);
    rings(ALICE);
    assert_int_equal(w.hss.n_sar, 1);
}

static void called_as_a_name(void **state)
{
    (void)state;
    hss_has_alice(1000);
    w.hss.profile = PROFILE("alice@" DOMAIN, ID("tel:7042;phone-context=" DOMAIN) ID("sip:alice@" DOMAIN));
    rings("sip:7042@" DOMAIN);
    assert_int_equal(w.hss.n_sar, 1);
}

static void originate(unsigned status)
{
    w.branch++;
    world_sendf(W_PCSCF,
                "MESSAGE sip:bob@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
                "Max-Forwards: 70\nRoute: <sip:orig@127.0.1.30:5060;lr>\nFrom: <sip:alice@" DOMAIN ">;tag=f\n"
                "To: <sip:bob@" DOMAIN ">\nCall-ID: o%u\nCSeq: 1 MESSAGE\n"
                "P-Asserted-Identity: <sip:alice@" DOMAIN ">\nContent-Length: 0\n\n",
                w.branch, w.branch);
    if (status == 200)
        world_answer(W_ICSCF, world_expect_request(W_ICSCF, "MESSAGE"), 200, "");
    struct sip_msg *m = world_expect(W_PCSCF, status);
    if (status == 504)
        assert_true(str_find(sip_msg_body(m), STR("<type>restoration</type>")) >= 0);
}

// Who calls is served, and nobody tells his phone to register anew.
static void calls(void **state)
{
    (void)state;
    hss_has_alice(1000);
    originate(200);
    assert_int_equal(w.hss.n_sar, 1);
    assert_int_equal(w.hss.sars[0], CX_NO_ASSIGNMENT);
    assert_string_equal(w.hss.sar_impi, "");
    originate(200);
    assert_int_equal(w.hss.n_sar, 1);
    rings(ALICE);
}

// Nothing is kept, another S-CSCF serves the user, or the HSS is away: the phone registers anew (TS 23.380 4.3).
static void calls_without_a_trace(void **state)
{
    (void)state;
    originate(504);
    assert_int_equal(w.hss.n_sar, 1);
    hss_has_alice(1000);
    w.hss.read_result = (struct dia_result){DIA_UNABLE_TO_COMPLY, false};
    originate(504);
    w.hss.silent = true;
    w.branch++;
    world_kill_hss();
    world_run(1000);
    w.cfg.restoration.on = false;
    scscf_reload(w.scscf, &w.cfg);
    originate(504);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// What nobody could have registered is not used, and the call is as if nothing was kept.
static void malformed(void **state)
{
    static const struct cx_restoration_contact bad[] = {
        {.path = STR_INIT(FLOW), .contact = STR_INIT("tel:+1555")},
        {.path = STR_INIT("somewhere"), .contact = STR_INIT(PHONE)},
        {.path = STR_INIT(""), .contact = STR_INIT(PHONE)},
        {.path = STR_INIT(FLOW), .contact = STR_INIT(PHONE), .call_id = STR_INIT("a b")},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        hss_has_alice(1000);
        given[0].contacts = &bad[i];
        call_is_answered(480);
        assert_int_equal(held_registrations(w.scscf), 0);
        counted(SC_RESTORATION_REFUSED, i + 1);
    }
    given[0].contacts = phones;
    w.hss.profile = "<";
    call_is_answered(480);
    w.hss.profile = NULL;
    call_is_answered(480);
    assert_int_equal(held_registrations(w.scscf), 0);
    w.hss.profile = ALICE_PROFILE;
    rings(ALICE);
}

// Its time was over while nobody had it: nobody else would ever tell the HSS.
static void run_out(void **state)
{
    (void)state;
    hss_has_alice(-10);
    call_is_answered(480);
    world_run(1000);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
}

// What the HSS has still to be told of is not taken from it.
static void left_before_the_hss_knew(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    hss_has_alice(1000);
    w.hss.lose = 1;
    assert_int_equal(leave(), 200);
    call_is_answered(480);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// Other private identities of the set are registered as well, by way of nobody here until one of them comes.
static void others_of_the_set(void **state)
{
    (void)state;
    hss_has_alice(1000);
    given[1].timeout = given[0].timeout;
    w.hss.given = &given[1];
    w.hss.also_registered = true;
    struct reg r = alice;
    r.contact = "<sip:alice@192.0.2.77>";
    (void)world_registered(&r);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(held_bindings(w.scscf), 2);
    (void)refresh(&r); // they come again each time
    assert_int_equal(held_bindings(w.scscf), 2);
    counted(SC_RESTORED, 1);
}

// ---- a contact beside those that are not known here (Multiple-Registration-Indication) ----

static struct cx_restoration_contact elsewhere[] = {
    {.path = STR_INIT(FLOW), .contact = STR_INIT("<sip:d@192.0.2.1>;expires=3600"), .call_id = STR_INIT("d1")}};
static struct cx_restoration of_dave[] = {
    {.present = true, .impi = STR_INIT("dave@" DOMAIN), .contacts = elsewhere, .n_contacts = 1}};

static void hss_has_dave(void)
{
    w.hss.digest = true;
    w.hss.profile = DAVE;
    of_dave[0].timeout = now_1900() + 1000;
    w.hss.given = of_dave;
    w.hss.n_given = 1;
}

static void one_more_phone(void **state)
{
    (void)state;
    hss_has_dave();
    struct sip_msg *m = world_registered(&second);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(w.hss.sars[0], CX_REGISTRATION);
    assert_int_equal(w.hss.sars[1], CX_RE_REGISTRATION);
    assert_false(w.hss.sar_multiple);
    assert_has(w.hss.sar_restoration, "<sip:d@192.0.2.2>;expires=3600 | " FLOW " <sip:d@192.0.2.1>;expires=");
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    assert_int_equal(held_bindings(w.scscf), 2);
}

// What is of no use is overwritten.
static void one_more_phone_beside_rubbish(void **state)
{
    (void)state;
    hss_has_dave();
    elsewhere[0].path = STR("x");
    struct sip_msg *m = world_registered(&second);
    elsewhere[0].path = STR(FLOW);
    assert_int_equal(w.hss.n_sar, 2);
    assert_int_equal(w.hss.sars[1], CX_REGISTRATION);
    assert_false(w.hss.sar_multiple);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 1);
}

// ---- from there on it is a registration like any other ----

static void on_the_disk(void **state)
{
    (void)state;
    hss_has_alice(1000);
    rings(ALICE);
    world_run(1000);
    world_kill_scscf();
    world_start_scscf();
    world_run(4000);
    w.hss.n_given = 0;
    assert_int_equal(held_registrations(w.scscf), 1);
    rings(ALICE);
    assert_int_equal(w.hss.n_sar, 1);
}

// Whatever allocation fails, the call is answered and nothing is left half done.
static void without_memory(void **state)
{
    (void)state;
    hss_has_alice(1000);
    for (long n = 0; n < 120; n += 3) {
        call_at(ALICE);
        world_run(2); // until the HSS has been asked
        mem_fail_after(n);
        world_run(3);
        mem_fail_after(-1);
        world_run(1000);
        size_t regs = held_registrations(w.scscf);
        assert_int_equal(held_bindings(w.scscf), regs);
        for (struct sip_msg *m; (m = world_heard(W_PCSCF));)
            if (sip_msg_is_request(m) && sip_msg_method(m) == SIP_INVITE)
                world_answer(W_PCSCF, m, 486, "");
        world_run(1000);
        while (world_take(W_ICSCF))
            ;
        while (world_heard(W_PCSCF))
            ;
        if (!regs)
            continue;
        size_t it = 0;
        registration_end(registrar_next(w.scscf->registrar, &it), BINDING_UNDONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(told_with_a_registration),
        TEST(told_when_it_has_changed),
        TEST(told_to_whom_it_is_of_use),
        TEST(told_all_of_it),
        TEST(told_as_much_as_fits),
        TEST(called),
        TEST(expires),
        TEST(called_by_what_the_hss_names),
        TEST(called_as_a_name),
        TEST(calls),
        TEST(calls_without_a_trace),
        TEST(malformed),
        TEST(run_out),
        TEST(left_before_the_hss_knew),
        TEST(others_of_the_set),
        TEST(one_more_phone),
        TEST(one_more_phone_beside_rubbish),
        TEST(on_the_disk),
        TEST(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
