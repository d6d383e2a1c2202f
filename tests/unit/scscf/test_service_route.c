// SPDX-License-Identifier: Apache-2.0
// TS 24.229 5.4.1.2.2F: the Service-Route tells the registration; 5.4.3.2: what comes along it is
// of its user.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/keys.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
#define BOB_PROFILE PROFILE("bob@" DOMAIN, ID("sip:bob@" DOMAIN))

static const struct reg bob = {
    .impi = "bob@" DOMAIN, .impu = "sip:bob@" DOMAIN, .contact = "<sip:bob@192.0.2.9:5060>"};

struct way {
    char text[160]; // with its brackets
};

static struct way way_of(struct sip_msg *m)
{
    struct way v;
    (void)snprintf(v.text, sizeof v.text, "%s", header(m, SIP_H_SERVICE_ROUTE));
    assert_has(v.text, "<sip:orig.");
    assert_has(v.text, "@127.0.1.30:5060;lr>");
    return v;
}

static struct way registered(const struct reg *r, const char *profile)
{
    w.hss.profile = profile;
    return way_of(world_registered(r));
}

static struct sip_msg *taken(const struct reg *r)
{
    struct sip_msg *m = world_register(r);
    if (!m || sip_msg_status(m) != 200)
        fail_msg("%.*s", STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

static struct way refreshed(const struct reg *r)
{
    struct reg again = *r;
    again.integrity = "yes";
    return way_of(taken(&again));
}

static void originate(const char *way, const char *asserted)
{
    w.branch++;
    world_sendf(
        W_PCSCF,
        "MESSAGE sip:carol@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKo%u\n"
        "Max-Forwards: 70\nRoute: %s\nFrom: <sip:x@" DOMAIN ">;tag=f\nTo: <sip:carol@" DOMAIN ">\n"
        "Call-ID: s%u\nCSeq: 1 MESSAGE\n%sContent-Length: 0\n\n",
        w.branch, way, w.branch, asserted);
}

static void goes(const char *way, const char *asserted)
{
    originate(way, asserted);
    struct sip_msg *m = world_expect_request(W_ICSCF, "MESSAGE");
    world_answer(W_ICSCF, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

static void is_answered(const char *way, const char *asserted, unsigned status)
{
    originate(way, asserted);
    (void)world_expect(W_PCSCF, status);
}

#define PAI(uri) "P-Asserted-Identity: <" uri ">\n"
#define PAI_ALICE PAI("sip:alice@" DOMAIN)
#define PAI_BOB PAI("sip:bob@" DOMAIN)

static void one_for_each_registration(void **state)
{
    (void)state;
    struct way a = registered(&alice, ALICE_PROFILE), b = registered(&bob, BOB_PROFILE);
    assert_string_not_equal(a.text, b.text);
    w.hss.profile = ALICE_PROFILE;
    for (int i = 0; i < 3; i++)
        assert_string_equal(refreshed(&alice).text, a.text);
    // Also one that only asks.
    struct reg query = alice;
    query.contact = "";
    assert_string_equal(refreshed(&query).text, a.text);
}

#define FLOW(id) "<sip:a@192.0.2.2" id ">;+sip.instance=\"<urn:uuid:0>\";reg-id=" id

// RFC 5626 6: each flow has its own.
static void one_for_each_flow(void **state)
{
    (void)state;
    struct reg one = alice, two = alice;
    one.headers = two.headers = "Supported: outbound\nPath: <sip:flow2@127.0.1.10:5060;lr;ob>\n";
    one.no_path = two.no_path = true;
    one.contact = FLOW("1");
    two.contact = FLOW("2");
    struct way a = registered(&one, ALICE_PROFILE), b = registered(&two, ALICE_PROFILE);
    assert_string_not_equal(a.text, b.text);
    assert_string_equal(refreshed(&one).text, a.text);
    assert_string_equal(refreshed(&two).text, b.text);
    goes(a.text, PAI_ALICE);
    goes(b.text, PAI_ALICE);
    // The way of a flow that is gone is still one of the registration.
    struct reg gone = two;
    gone.integrity = "yes";
    gone.expires = -1;
    (void)taken(&gone);
    goes(b.text, PAI_ALICE);
}

// Whatever the P-CSCF asserts: each may say of himself what is in his set, and nobody else.
static void another_user_is_refused(void **state)
{
    (void)state;
    struct way a = registered(&alice, ALICE_PROFILE), b = registered(&bob, BOB_PROFILE);
    goes(a.text, PAI_ALICE);
    goes(a.text, PAI("tel:+15551"));
    goes(b.text, PAI_BOB);
    is_answered(a.text, PAI_BOB, 403);
    is_answered(b.text, PAI_ALICE, 403);
    is_answered(a.text, "P-Asserted-Identity: <sip:alice@" DOMAIN ">, <sip:bob@" DOMAIN ">\n", 403);
}

// A way that is not of our making is nobody's; that of an application server or of another make
// tells none (5.7.3, 5.4.3.1).
static void other_words(void **state)
{
    (void)state;
    (void)registered(&alice, ALICE_PROFILE);
    is_answered("<sip:orig.@127.0.1.30:5060;lr>", PAI_ALICE, 403);
    is_answered("<sip:orig.alice@127.0.1.30:5060;lr>", PAI_ALICE, 403);
    goes("<sip:orig@127.0.1.30:5060;lr>", PAI_ALICE);
    goes("<sip:as-session@127.0.1.30:5060;lr;orig>", PAI_ALICE);
}

static void restored_by(const struct way *way, const char *asserted)
{
    originate(way->text, asserted);
    struct sip_msg *m = world_expect(W_PCSCF, 504);
    assert_string_equal(header(m, SIP_H_P_ASSERTED_IDENTITY), way->text);
    assert_string_equal(header(m, SIP_H_CONTENT_TYPE), "application/3gpp-ims+xml");
}

// Each character of the token, bent in its first bit: key, node, flow, set, tag. Another set is somebody else's; what
// only may be somebody else's is restored, which heals it if it is not (5.4.3.2). None is served.
static void each_field_is_signed(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { BEGIN = sizeof "<sip:orig." - 1, CHARS = 30, SET = 14, TAG = 19 };
    (void)state;
    struct way a = registered(&alice, ALICE_PROFILE);
    assert_int_equal(strcspn(a.text + BEGIN, "@"), CHARS);
    for (size_t i = 0; i < CHARS; i++) {
        struct way bent = a;
        char *c = bent.text + BEGIN + i;
        *c = digits[(size_t)(strchr(digits, *c) - digits) ^ 32];
        if (i >= SET && i < TAG)
            is_answered(bent.text, PAI_ALICE, 403);
        else
            restored_by(&bent, PAI_ALICE);
    }
    goes(a.text, PAI_ALICE);
}

// 5.4.3.2: the phone heeds the 504 because it names the Service-Route that the phone has.
static void restoration_names_the_way(void **state)
{
    (void)state;
    struct way a = registered(&alice, ALICE_PROFILE);
    world_kill_scscf();
    world_start_scscf();
    world_run(40000);
    restored_by(&a, PAI_ALICE);
    // Registered again, with another contact, under the keys of the new run: the old one is not
    // hers for sure.
    struct way again = registered(&alice, ALICE_PROFILE);
    assert_string_not_equal(again.text, a.text);
    restored_by(&a, PAI_ALICE);
    goes(again.text, PAI_ALICE);
}

// Two private identities of one set: who has lost his contact here registers anew, though the identity is registered.
static void one_of_two_who_share_a_set_is_gone(void **state)
{
    struct reg second = alice;
    (void)state;
    second.impi = "alice-2@" DOMAIN;
    second.contact = "<sip:alice@192.0.2.3:5060>";
    struct way a = registered(&alice, ALICE_PROFILE), b = registered(&second, ALICE_PROFILE);
    assert_string_not_equal(a.text, b.text);
    goes(a.text, PAI_ALICE);
    goes(b.text, PAI_ALICE);
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    (void)taken(&gone);
    restored_by(&a, PAI_ALICE);
    goes(b.text, PAI_ALICE);
}

static void keys_in_a_file_outlive_the_node(void **state)
{
    char path[64];
    (void)state;
    world_kill_scscf();
    (void)snprintf(path, sizeof path, "/tmp/carillon-test-ring.%ld", (long)getpid());
    w.cfg.keys.file = str_from(path);
    world_start_scscf();
    world_run(40000);
    struct way a = registered(&alice, ALICE_PROFILE);
    world_forget_scscf();
    world_run(40000);
    restored_by(&a, PAI_ALICE);
    assert_string_equal(registered(&alice, ALICE_PROFILE).text, a.text);
    goes(a.text, PAI_ALICE);
    assert_int_equal(unlink(path), 0);
}

static void starts_as(uint32_t node)
{
    world_kill_scscf();
    w.cfg.keys.node = node;
    w.cfg.state.dir = STR("none"); // its disk is its own
    world_start_scscf();
    world_run(40000);
}

// Two S-CSCFs with one ring: each knows what is the other's. Of a user who is served here now it is taken; of somebody
// else it says that his registration is not here, which is no reason to call the P-CSCF a liar.
static void of_another_node(void **state)
{
    char path[64];
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/carillon-test-ring.%ld", (long)getpid());
    w.cfg.keys.file = str_from(path);
    starts_as(1);
    struct way a = registered(&alice, ALICE_PROFILE);
    starts_as(2);
    restored_by(&a, PAI_ALICE);
    struct way b = registered(&bob, BOB_PROFILE);
    restored_by(&a, PAI_BOB);
    struct way here = registered(&alice, ALICE_PROFILE);
    assert_string_not_equal(here.text, a.text);
    goes(here.text, PAI_ALICE);
    goes(a.text, PAI_ALICE);
    is_answered(here.text, PAI_BOB, 403);
    goes(b.text, PAI_BOB);
    assert_int_equal(unlink(path), 0);
}

// The value stays through rotations, and changes at a refresh before its key is forgotten.
static void keys_turn(void **state)
{
    (void)state;
    world_kill_scscf();
    w.cfg.keys.keep = 2;
    world_start_scscf();
    world_run(40000);
    struct way a = registered(&alice, ALICE_PROFILE);
    assert_int_equal(keys_rotate(scscf_keys(w.scscf), "test", NULL, NULL), 0);
    assert_string_equal(refreshed(&alice).text, a.text);
    assert_int_equal(keys_rotate(scscf_keys(w.scscf), "test", NULL, NULL), 0);
    goes(a.text, PAI_ALICE);
    struct way b = refreshed(&alice);
    assert_string_not_equal(b.text, a.text);
    goes(a.text, PAI_ALICE);
    assert_int_equal(keys_rotate(scscf_keys(w.scscf), "test", NULL, NULL), 0);
    goes(b.text, PAI_ALICE);
    restored_by(&a, PAI_ALICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_for_each_registration),
        TEST(one_for_each_flow),
        TEST(another_user_is_refused),
        TEST(other_words),
        TEST(each_field_is_signed),
        TEST(restoration_names_the_way),
        TEST(one_of_two_who_share_a_set_is_gone),
        TEST(keys_in_a_file_outlive_the_node),
        TEST(of_another_node),
        TEST(keys_turn),
    };
    return cmocka_run_group_tests_name("scscf_service_route", tests, NULL, NULL);
}
