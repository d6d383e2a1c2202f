// SPDX-License-Identifier: Apache-2.0
// Contacts at the registrar: kept whole, replaced when the UE has moved, told apart by private identity and
// flow; and what happens when REGISTERs wait for the HSS at the same time.
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static struct sip_msg *expect(struct sip_msg *m, unsigned status)
{
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

static struct reg at_contact(const struct reg *r, const char *contact)
{
    struct reg again = *r;
    again.contact = contact;
    return again;
}

static void set(uint32_t aka, uint32_t digest, int outbound)
{
    struct scscf_config c = w.cfg;
    c.registration.contacts_aka = aka;
    c.registration.contacts_digest = digest;
    c.registration.outbound = outbound;
    scscf_reload(w.scscf, &c);
}

#define INSTANCE "+sip.instance=\"<urn:gsma:imei:86000000-000000-0>\""
#define TAGS                                                                                       \
    ";+g.3gpp.accesstype=\"cellular2\";video;audio;+g.3gpp.smsip;+g.3gpp.nw-init-ussi;q=1.0"       \
    ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";" INSTANCE

// TS 24.229 5.4.1.2.2F: a phone sees confirmed what it said of itself, also after a refresh without some of
// it; what the registrar has to say itself is not taken over.
static void contacts_are_kept_whole(void **state)
{
    struct reg r = at_contact(&alice, "\"Alice\" <sip:u@192.0.2.1:5060;transport=tcp>" TAGS
                                      ";pub-gruu=\"sip:x\";expires=600;x-odd=\"a;b,c\"");
    struct sip_msg *m = world_registered(&r);
    assert_string_equal(header(m, SIP_H_CONTACT),
                        "\"Alice\" <sip:u@192.0.2.1:5060;transport=tcp>;expires=600" TAGS
                        ";x-odd=\"a;b,c\"");
    r = at_contact(&alice, "<sip:u@192.0.2.1:5060;transport=tcp>;+g.3gpp.smsip;" INSTANCE);
    r.integrity = "yes";
    m = expect(world_register(&r), 200);
    assert_string_equal(header(m, SIP_H_CONTACT),
                        "<sip:u@192.0.2.1:5060;transport=tcp>;expires=3600;+g.3gpp.smsip;" INSTANCE);
    assert_int_equal(held_bindings(w.scscf), 1);
}

// ---- a UE that has moved (TS 24.229 5.4.1.2.2) ----

// Another address, the same run of the phone or another one: with AKA what was bound before goes, and the
// 200 lists what lives.
static void one_contact_with_aka(void **state)
{
    static const char *const runs[] = {"call-1", "call-2"};
    for (size_t i = 0; i < 2; i++) {
        struct reg r = at_contact(&alice, i ? "<sip:alice@192.0.2.3>" : "<sip:alice@192.0.2.2>");
        (void)world_registered(&alice);
        r.call_id = runs[i];
        struct sip_msg *m = world_registered(&r);
        assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 1);
        assert_has(header(m, SIP_H_CONTACT), i ? "192.0.2.3" : "192.0.2.2");
        assert_int_equal(held_bindings(w.scscf), 1);
    }
    unsigned sars = w.hss.n_sar;
    world_run(100);
    assert_int_equal(w.hss.n_sar, sars); // the user has not left
}

static void as_many_as_wanted_with_aka(void **state)
{
    static const char *const contacts[] = {"<sip:a@192.0.2.1>", "<sip:a@192.0.2.2>",
                                           "<sip:a@192.0.2.3>"};
    set(2, 0, SCSCF_OUTBOUND_STRICT);
    for (size_t i = 0; i < 3; i++) {
        struct reg r = at_contact(&alice, contacts[i]);
        struct sip_msg *m = world_registered(&r);
        assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), i ? 2 : 1);
    }
    struct reg r = at_contact(&alice, "");
    r.integrity = "yes";
    struct sip_msg *m = expect(world_register(&r), 200);
    assert_lacks(sip_msg_bytes(m).p, "192.0.2.1>"); // the oldest
}

#define DAVE_PROFILE PROFILE("dave@" DOMAIN, ID("sip:dave@" DOMAIN))

// Phones may share an account of SIP Digest; one of them that has moved is known by its instance.
static void many_contacts_with_digest(void **state)
{
    w.hss.digest = true;
    w.hss.profile = DAVE_PROFILE;
    struct reg one = at_contact(&dave, "<sip:d@192.0.2.1>;" INSTANCE);
    struct reg two = at_contact(&dave, "<sip:d@192.0.2.2>");
    struct reg moved = at_contact(&dave, "<sip:d@192.0.2.3>;" INSTANCE);
    one.call_id = "one";
    two.call_id = "two";
    (void)world_registered(&one);
    (void)world_registered(&two);
    assert_int_equal(held_bindings(w.scscf), 2);
    struct sip_msg *m = world_registered(&moved);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    assert_lacks(sip_msg_bytes(m).p, "192.0.2.1>");
    set(1, 1, SCSCF_OUTBOUND_STRICT);
    m = world_registered(&two);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 1);
}

// Without an authentication only the very address counts, not the instance.
static void refresh_from_another_address(void **state)
{
    struct reg r = at_contact(&alice, "<sip:a@192.0.2.1>;" INSTANCE);
    (void)world_registered(&r);
    r = at_contact(&alice, "<sip:a@192.0.2.2>;" INSTANCE);
    r.integrity = "yes";
    (void)expect(world_register(&r), 403);
    r.contact = "<sip:a@192.0.2.2>;reg-id=1;" INSTANCE; // a flow only if outbound is in use
    (void)expect(world_register(&r), 403);
}

// ---- several private identities in one set (TS 29.228 6.1.2.1) ----

static const struct reg watch = {.impi = "watch@" DOMAIN, .impu = "sip:alice@" DOMAIN,
                                 .contact = "<sip:w@192.0.2.8>", .call_id = "watch"};

static void private_identities_come_and_go_alone(void **state)
{
    (void)world_registered(&alice);
    struct sip_msg *m = world_registered(&watch);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    assert_int_equal(w.hss.sars[1], CX_REGISTRATION);
    // One removes what is its own only.
    struct reg gone = watch;
    gone.integrity = "yes";
    gone.expires = -1;
    gone.contact = "<sip:alice@192.0.2.1:5060>";
    (void)expect(world_register(&gone), 481);
    gone.contact = "*";
    m = expect(world_register(&gone), 200);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    world_run(100);
    assert_int_equal(w.hss.sars[2], CX_USER_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "watch@" DOMAIN);
    assert_int_equal(held_bindings(w.scscf), 1);
    // And is challenged when it comes back, though the set is registered.
    struct reg again = watch;
    again.integrity = "yes";
    (void)expect(world_register(&again), 401);
}

static void private_identities_expire_alone(void **state)
{
    struct reg brief = watch;
    brief.expires = 600;
    (void)world_registered(&alice);
    (void)world_registered(&brief);
    world_run(601000);
    assert_int_equal(held_registrations(w.scscf), 1);
    assert_int_equal(held_bindings(w.scscf), 1);
    assert_int_equal(w.hss.n_sar, 3);
    assert_int_equal(w.hss.sars[2], CX_TIMEOUT_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "watch@" DOMAIN);
    world_run(3600000);
    assert_int_equal(w.hss.n_sar, 4);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
}

// ---- flows (RFC 5626) ----

#define SUPPORTED "Supported: outbound\n"
#define OB "Path: <sip:flow2@127.0.1.10:5060;lr;ob>\n"
#define FLOW(address, id) "<sip:a@" address ">;" INSTANCE ";reg-id=" id

static struct reg flow(const char *contact, const char *headers)
{
    struct reg r = at_contact(&alice, contact);
    r.headers = headers;
    r.no_path = true;
    return r;
}

static void flows_stand_side_by_side(void **state)
{
    struct reg one = flow(FLOW("192.0.2.1", "1"), SUPPORTED OB);
    struct reg two = flow(FLOW("192.0.2.1", "2"), SUPPORTED OB);
    struct sip_msg *m = world_registered(&one);
    assert_string_equal(header(m, SIP_H_REQUIRE), "outbound");
    assert_has(header(m, SIP_H_CONTACT), "reg-id=1");
    m = world_registered(&two);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    // The same flow at another address takes the place of the first one; a third is one too many.
    struct reg again = flow(FLOW("192.0.2.5", "2"), SUPPORTED OB);
    m = world_registered(&again);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 2);
    again.contact = FLOW("192.0.2.6", "3");
    m = expect(world_register(&again), 401);
    again.auth = world_credentials(m, alice.impi, RES, 1, "yes");
    m = expect(world_register(&again), 403);
    assert_has(header(m, SIP_H_WARNING), "too many flows");
    // One flow leaves.
    struct reg gone = flow(FLOW("192.0.2.5", "2"), SUPPORTED OB);
    gone.integrity = "yes";
    gone.expires = -1;
    (void)expect(world_register(&gone), 200);
    assert_int_equal(held_bindings(w.scscf), 1);
    // The card is in another UE, or the UE uses flows no more: all of it goes.
    (void)world_registered(&alice);
    assert_int_equal(held_bindings(w.scscf), 1);
}

static void first_hop_without_outbound(void **state)
{
    struct reg r = flow(FLOW("192.0.2.1", "1"), SUPPORTED "Path: <sip:f@127.0.1.10:5060;lr>\n");
    (void)expect(world_register(&r), 439);
    assert_int_equal(w.hss.n_mar, 0);
    set(1, 0, SCSCF_OUTBOUND_LENIENT);
    struct sip_msg *m = world_registered(&r);
    assert_false(sip_msg_has(m, SIP_H_REQUIRE));
    // A UE that has reg-id in its Contact and knows nothing of outbound (there are such) has one contact.
    set(1, 0, SCSCF_OUTBOUND_STRICT);
    r = flow(FLOW("192.0.2.2", "2"), "Path: <sip:f@127.0.1.10:5060;lr;ob>\n");
    m = world_registered(&r);
    assert_int_equal(sip_msg_count(m, SIP_H_CONTACT), 1);
    assert_has(header(m, SIP_H_CONTACT), ";reg-id=2");
    set(1, 0, SCSCF_OUTBOUND_OFF);
    r = flow(FLOW("192.0.2.3", "3"), SUPPORTED OB);
    m = world_registered(&r);
    assert_false(sip_msg_has(m, SIP_H_REQUIRE));
    r.contact = FLOW("192.0.2.3", "3") ", " FLOW("192.0.2.4", "4");
    set(1, 0, SCSCF_OUTBOUND_STRICT);
    (void)expect(world_register(&r), 400);
}

static void call(unsigned n)
{
    world_sendf(W_ICSCF,
                "MESSAGE sip:alice@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKf%u\n"
                "Max-Forwards: 70\nFrom: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">\n"
                "Call-ID: f%u\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n", n, n);
}

// RFC 5626 7: the flows of one UE one after the other, the newest first; one that has failed is gone.
static void flows_are_tried_one_by_one(void **state)
{
    struct reg one = flow(FLOW("192.0.2.1", "1"), SUPPORTED OB);
    struct reg two = flow(FLOW("192.0.2.2", "2"), SUPPORTED OB);
    (void)world_registered(&one);
    (void)world_registered(&two);
    call(1);
    struct sip_msg *m = sip_msg_ref(world_expect_request(W_PCSCF, "MESSAGE"));
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:a@192.0.2.2")));
    assert_null(world_take(W_PCSCF));
    world_answer(W_PCSCF, m, 430, "");
    sip_msg_unref(m);
    m = world_expect_request(W_PCSCF, "MESSAGE");
    assert_true(str_eq(sip_msg_uri_text(m), STR("sip:a@192.0.2.1")));
    world_answer(W_PCSCF, m, 200, "");
    (void)world_expect(W_ICSCF, 200);
    assert_int_equal(held_bindings(w.scscf), 1);
    call(2);
    world_answer(W_PCSCF, world_expect_request(W_PCSCF, "MESSAGE"), 430, "");
    (void)world_expect(W_ICSCF, 480);
    assert_int_equal(held_bindings(w.scscf), 1); // the last one stays until it expires
}

// ---- at the same time ----

static const char *stored(const struct sip_msg *challenge, const struct reg *r, char *room, size_t n)
{
    (void)snprintf(room, n, "%s", world_credentials(challenge, r->impi, RES, 1, "yes"));
    return room;
}

// More than may be bound, all of them before the HSS has answered the first one.
static void many_at_once(void **state)
{
    enum { N = 6 };
    char auth[N][1024], contact[N][64];
    struct reg all[N];
    set(0, 0, SCSCF_OUTBOUND_STRICT);
    w.hss.fresh = true;
    for (unsigned i = 0; i < N; i++) {
        (void)snprintf(contact[i], sizeof contact[i], "<sip:a@192.0.2.%u>", i + 1);
        all[i] = at_contact(&alice, contact[i]);
        all[i].auth = stored(expect(world_register(&all[i]), 401), &alice, auth[i], sizeof auth[i]);
    }
    for (unsigned i = 0; i < N; i++)
        world_send_register(&all[i]);
    unsigned good = 0, bad = 0;
    for (struct sip_msg *m; (m = world_take(W_PCSCF));) {
        good += sip_msg_status(m) == 200;
        bad += sip_msg_status(m) == 403;
    }
    assert_int_equal(good, 3);
    assert_int_equal(bad, N - 3);
    assert_int_equal(held_bindings(w.scscf), 3);
}

// The HSS is silent, and not even that is said: who is registered goes on, who is not is refused
// (TS 24.229 5.4.1.2.2F).
static void deadline_of_the_assignment(void **state)
{
    char auth[1024];
    struct reg bob = alice;
    (void)world_registered(&alice);
    struct reg refresh = alice;
    refresh.integrity = "yes";
    w.hss.silent = true;
    world_send_register(&refresh);
    world_run(100);
    expire_wait(scscf_stack(w.scscf));
    (void)world_expect(W_PCSCF, 200);
    world_run(10000);
    assert_null(world_take(W_PCSCF));
    w.hss.silent = false;
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    (void)expect(world_register(&gone), 200);
    bob.auth = stored(expect(world_register(&bob), 401), &bob, auth, sizeof auth);
    w.hss.silent = true;
    world_send_register(&bob);
    world_run(100);
    expire_wait(scscf_stack(w.scscf));
    struct sip_msg *m = world_expect(W_PCSCF, 504);
    assert_has(header(m, SIP_H_WARNING), "HSS did not answer in time");
    assert_int_equal(held_bindings(w.scscf), 0);
}

static void deadline_of_the_challenge(void **state)
{
    w.hss.silent = true;
    world_send_register(&alice);
    world_run(100);
    expire_wait(scscf_stack(w.scscf));
    (void)world_expect(W_PCSCF, 504);
    world_run(10000);
    assert_null(world_take(W_PCSCF));
    assert_int_equal(held_challenges(w.scscf), 0);
}

// What comes later is done first: what it has removed is not bound again by what waited.
static void overtaken_by_a_deregistration(void **state)
{
    (void)world_registered(&alice);
    struct reg refresh = alice, gone = alice_gone;
    refresh.integrity = gone.integrity = "yes";
    w.hss.hold = true;
    world_send_register(&refresh);
    world_run(200);
    (void)expect(world_register(&gone), 200);
    assert_int_equal(held_bindings(w.scscf), 0);
    world_answer_held();
    struct sip_msg *m = world_expect(W_PCSCF, 500);
    assert_has(header(m, SIP_H_WARNING), "newer REGISTER");
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_USER_DEREGISTRATION);
}

// Nor by what a newer registration from another address has bound, in another run of the phone.
static void overtaken_by_a_move(void **state)
{
    char auth[1024];
    w.hss.fresh = true;
    (void)world_registered(&alice);
    struct reg old = at_contact(&alice, "<sip:a@192.0.2.2>"), new = at_contact(&alice, "<sip:a@192.0.2.3>");
    new.call_id = "later";
    old.auth = stored(expect(world_register(&old), 401), &alice, auth, sizeof auth);
    w.hss.hold = true;
    world_send_register(&old);
    world_run(200);
    (void)world_registered(&new);
    world_answer_held();
    (void)world_expect(W_PCSCF, 500);
    assert_int_equal(held_bindings(w.scscf), 1);
    struct reg ask = at_contact(&alice, "");
    ask.integrity = "yes";
    assert_has(header(expect(world_register(&ask), 200), SIP_H_CONTACT), "192.0.2.3");
}

// The contact that a refresh is about has gone while the HSS was asked: it needs a proof now.
static void nothing_left_to_refresh(void **state)
{
    struct reg brief = alice, refresh = alice;
    brief.expires = 60;
    (void)world_registered(&brief);
    refresh.integrity = "yes";
    world_run(59000);
    w.hss.hold = true;
    world_send_register(&refresh);
    world_run(2000);
    assert_int_equal(held_bindings(w.scscf), 0);
    world_answer_held();
    world_run(100);
    (void)world_expect(W_PCSCF, 401);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(w.hss.sars[w.hss.n_sar - 1], CX_TIMEOUT_DEREGISTRATION); // the last word
}

// An older number that arrives later does not win, at whichever address (RFC 3261 10.3).
static void older_number_arrives_later(void **state)
{
    char auth[1024];
    w.hss.fresh = true;
    struct reg old = at_contact(&alice, "<sip:a@192.0.2.1>"), new = at_contact(&alice, "<sip:a@192.0.2.2>");
    old.auth = stored(expect(world_register(&old), 401), &alice, auth, sizeof auth);
    new.cseq = 900000;
    old.cseq = 800000;
    (void)world_registered(&new);
    (void)expect(world_register(&old), 500);
    assert_int_equal(held_bindings(w.scscf), 1);
    struct reg ask = at_contact(&alice, "");
    ask.integrity = "yes";
    assert_has(header(expect(world_register(&ask), 200), SIP_H_CONTACT), "192.0.2.2");
}

static void ignore(void *arg, enum log_level level, struct str line)
{
}

// RFC 3261 10.3: all of a REGISTER or nothing of it, also when memory runs out on the way.
static void bound_whole_or_not_at_all(void **state)
{
    char auth[1024];
    unsigned refused = 0;
    w.hss.fresh = true;
    log_set_sink(ignore, NULL);
    for (long n = 0; n < 60; n++) {
        (void)world_registered(&alice);
        assert_int_equal(held_bindings(w.scscf), 1);
        struct reg two = at_contact(&alice, "<sip:a@192.0.2.2>;audio, <sip:a@192.0.2.3>;video");
        two.auth = stored(expect(world_register(&two), 401), &alice, auth, sizeof auth);
        world_send_register(&two);
        mem_fail_after(n);
        world_run(100);
        mem_fail_after(-1);
        size_t bound = held_bindings(w.scscf);
        assert_true(bound == 1 || bound == 2);
        refused += bound == 1;
        world_run(70000); // links come back, transactions end
        while (world_take(W_PCSCF))
            ;
    }
    log_set_sink(NULL, NULL);
    assert_true(refused > 0 && refused < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(contacts_are_kept_whole),
        TEST(one_contact_with_aka),
        TEST(as_many_as_wanted_with_aka),
        TEST(many_contacts_with_digest),
        TEST(refresh_from_another_address),
        TEST(private_identities_come_and_go_alone),
        TEST(private_identities_expire_alone),
        TEST(flows_stand_side_by_side),
        TEST(first_hop_without_outbound),
        TEST(flows_are_tried_one_by_one),
        TEST(many_at_once),
        TEST(deadline_of_the_assignment),
        TEST(deadline_of_the_challenge),
        TEST(overtaken_by_a_deregistration),
        TEST(overtaken_by_a_move),
        TEST(nothing_left_to_refresh),
        TEST(older_number_arrives_later),
        TEST(bound_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
