// SPDX-License-Identifier: Apache-2.0
// IMS restoration in the HSS: what an S-CSCF leaves there, who gets it, when it goes (TS 23.380 4, TS 29.228 6.1.2.1);
// and how another S-CSCF comes in the place of one that does not answer (TS 29.228 6.1.1.1, 6.1.4.1, 6.3.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/provision.h"
#include "world.h"

#define IMPI(name) name "@" DOMAIN
#define IMPU(name) "sip:" name "@" DOMAIN
#define ALICE IMPI("alice"), IMPU("alice")

static struct world w;

static void configure(uint32_t size)
{
    struct hss_settings s = w.hss->settings;
    s.restoration_size = size;
    hss_configure(w.hss, &s);
}

static int set_up(void **state)
{
    world_open(&w, true);
    configure(4096);
    return 0;
}

static int tear_down(void **state)
{
    world_close(&w);
    return 0;
}

// ---- requests ----

static struct cx_restoration_contact contact(const char *uri)
{
    return (struct cx_restoration_contact){.path = STR("<sip:pcscf." DOMAIN ";lr>"), .contact = str_from(uri)};
}

// Up to two contacts; NULL: no more.
static struct cx_sar sar(const char *impi, const char *impu, enum cx_sar_type type, const char *first,
                         const char *second)
{
    static struct cx_restoration_contact room[64][2];
    static unsigned next;
    struct cx_sar s = world_sar_of(impi, impu, type);
    struct cx_restoration_contact *c = room[next++ % 64];
    if (!first)
        return s;
    c[0] = contact(first);
    if (second)
        c[1] = contact(second);
    s.restoration =
        (struct cx_restoration){.present = true, .impi = str_from(impi), .contacts = c, .n_contacts = second ? 2 : 1};
    return s;
}

static struct reply ask(const char *impi, const char *impu, enum cx_sar_type type, const char *first,
                        const char *second)
{
    struct cx_sar s = sar(impi, impu, type, first, second);
    return world_sar(&w, &s);
}

static void expect(const char *what, struct reply r, uint32_t code, const char *restored)
{
    expect_result(what, r.result, code, code >= 5000 && code < 5010);
    if (strcmp(r.restored, restored) != 0)
        fail_msg("%s: \"%s\" and not \"%s\"", what, r.restored, restored);
}

static void expect_kept(const char *what, const char *restored)
{
    expect(what, ask(ALICE, CX_NO_ASSIGNMENT, NULL, NULL), DIA_SUCCESS, restored);
}

static void registered(const char *first, const char *second)
{
    struct cx_mar m = world_mar_of(ALICE);
    expect_result("MAR", world_mar(&w, &m).result, DIA_SUCCESS, false);
    expect("REGISTRATION", ask(ALICE, CX_REGISTRATION, first, second), DIA_SUCCESS, "");
}

static struct reply lir(bool and_capabilities)
{
    return world_lir(&w, &(struct cx_lir){.impu = STR(IMPU("alice")), .and_capabilities = and_capabilities});
}

static struct reply uar(enum cx_uar_type type)
{
    return world_uar(&w, &(struct cx_uar){.impi = STR(IMPI("alice")), .impu = STR(IMPU("alice")),
                                          .visited_network = STR(DOMAIN), .type = type});
}

// ---- what a value in the store is ----

static void every_truncation(void **state)
{
    const struct cx_restoration_contact all[] = {
        {.path = STR_INIT("<sip:p>"),
         .contact = STR_INIT("<sip:c>;expires=7"),
         .cseq_present = true,
         .cseq = 0xfffffffe,
         .call_id = STR_INIT("c1"),
         .subscription = {true, STR_INIT("s1"), STR_INIT("f"), STR_INIT("t"), STR_INIT("rr"), STR_INIT("ct")},
         .pcscf_subscription = {true, STR_INIT("s2"), STR_INIT("f2"), STR_INIT("t2"), STR_INIT("c2")}},
        {.path = STR_INIT("<sip:p>"), .contact = STR_INIT("<sip:d>")}};
    const struct cx_restoration r = {
        .present = true, .timeout = 0xe8000003, .scheme = STR_INIT("SIP Digest"), .contacts = all, .n_contacts = 2};
    struct cx_restoration back;
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str v = hss_restoration_write(&a, &r);
    assert_int_equal(hss_restoration_read(&a, v, &back), 0);
    struct str again = hss_restoration_write(&a, &back);
    assert_int_equal(again.n, v.n);
    assert_memory_equal(again.p, v.p, v.n);
    assert_true(back.contacts[0].pcscf_subscription.present && !back.contacts[1].subscription.present);
    assert_true(str_eq(back.contacts[0].subscription.record_route, STR("rr")));
    assert_int_equal(back.contacts[0].cseq, 0xfffffffe);
    assert_int_equal(back.timeout, 0xe8000003);
    for (size_t n = 0; n < v.n; n++)
        assert_int_equal(hss_restoration_read(&a, str_make(arena_dup(&a, str_head(v, n)).p, n), &back), ERR_BAD);
    char *bytes = (char *)v.p;
    bytes[3] = 2; // another form
    assert_int_equal(hss_restoration_read(&a, v, &back), ERR_BAD);
    bytes[3] = 1;
    memset(bytes + 22, 0xff, 4); // so many contacts that there cannot be
    assert_int_equal(hss_restoration_read(&a, v, &back), ERR_BAD);
    arena_done(&a);
}

// ---- kept and given ----

static void kept_and_given(void **state)
{
    registered("<sip:1>", "<sip:2>");
    struct reply r = ask(ALICE, CX_NO_ASSIGNMENT, NULL, NULL);
    expect("the profile alone", r, DIA_SUCCESS, IMPI("alice") " <sip:1> <sip:2>");
    assert_true(r.has_user_data);
    r = ask(NULL, "tel:+15550000001", CX_UNREGISTERED_USER, NULL, NULL);
    expect("taken for unregistered", r, CX_ERROR_IN_ASSIGNMENT_TYPE, IMPI("alice") " <sip:1> <sip:2>");
    assert_true(r.has_user_data);
    assert_string_equal(r.impi, IMPI("alice"));
    assert_int_equal(lir(false).result.code, DIA_SUCCESS);
    struct cx_sar has = sar(NULL, IMPU("alice"), CX_UNREGISTERED_USER, NULL, NULL);
    has.user_data_already_available = true; // it goes with what is restored
    assert_true(world_sar(&w, &has).has_user_data);
    assert_int_equal(hss_stats(w.hss)->restorations_kept, 1);
    assert_int_equal(hss_stats(w.hss)->restorations_given, 3);
}

static void nothing_kept(void **state)
{
    registered(NULL, NULL);
    struct reply r = ask(NULL, IMPU("alice"), CX_UNREGISTERED_USER, NULL, NULL);
    expect("registered", r, CX_ERROR_IN_ASSIGNMENT_TYPE, "");
    assert_false(r.has_user_data);
    expect_kept("nothing", "");
}

static void the_last_counts(void **state)
{
    registered("<sip:1>", "<sip:2>");
    expect("changed", ask(ALICE, CX_RE_REGISTRATION, "<sip:3>", NULL), DIA_SUCCESS, "");
    expect_kept("changed", IMPI("alice") " <sip:3>");
    expect("not changed", ask(ALICE, CX_RE_REGISTRATION, NULL, NULL), DIA_SUCCESS, "");
    expect_kept("not changed", IMPI("alice") " <sip:3>");
    expect("another identity of the set", ask(IMPI("alice"), "tel:+15550000001", CX_RE_REGISTRATION, "<sip:4>", NULL),
           DIA_SUCCESS, "");
    expect_kept("one for the set", IMPI("alice") " <sip:4>");
}

static void goes_with_the_registration(void **state)
{
    static const struct {
        enum cx_sar_type type;
        bool stays, by_impi;
    } rows[] = {
        {CX_USER_DEREGISTRATION, false, true},
        {CX_TIMEOUT_DEREGISTRATION, false, false},
        {CX_ADMINISTRATIVE_DEREGISTRATION, false, true},
        {CX_DEREGISTRATION_TOO_MUCH_DATA, false, true},
        {CX_USER_DEREGISTRATION_STORE_SERVER_NAME, false, true},
        {CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME, false, false},
        {CX_AUTHENTICATION_FAILURE, true, true},
        {CX_AUTHENTICATION_TIMEOUT, true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        registered("<sip:1>", NULL);
        struct cx_mar m = world_mar_of(ALICE);
        assert_int_equal(world_mar(&w, &m).result.code, DIA_SUCCESS); // challenged once more
        expect("end", ask(rows[i].by_impi ? IMPI("alice") : NULL, IMPU("alice"), rows[i].type, NULL, NULL), DIA_SUCCESS,
               "");
        expect("again", ask(ALICE, CX_RE_REGISTRATION, NULL, NULL), DIA_SUCCESS, "");
        expect_kept("after the end", rows[i].stays ? IMPI("alice") " <sip:1>" : "");
        (void)ask(ALICE, CX_USER_DEREGISTRATION, NULL, NULL);
    }
}

// Each private identity of a set has its own; who registers one gets those of the others.
static void several_private_identities(void **state)
{
    expect("first", ask(IMPI("bob"), IMPU("bob"), CX_REGISTRATION, "<sip:b1>", NULL), DIA_SUCCESS, "");
    struct reply r = ask(IMPI("bob2"), IMPU("bob"), CX_REGISTRATION, "<sip:b2>", NULL);
    expect("second", r, DIA_SUCCESS, IMPI("bob") " <sip:b1>");
    assert_int_equal(r.n_registered, 2);
    assert_int_equal(r.n_associated, 2);
    expect("both", ask(IMPI("bob"), IMPU("bob"), CX_NO_ASSIGNMENT, NULL, NULL), DIA_SUCCESS,
           IMPI("bob") " <sip:b1>; " IMPI("bob2") " <sip:b2>");
    expect("again", ask(IMPI("bob"), IMPU("bob"), CX_RE_REGISTRATION, NULL, NULL), DIA_SUCCESS,
           IMPI("bob2") " <sip:b2>");
    expect("one leaves", ask(IMPI("bob"), IMPU("bob"), CX_USER_DEREGISTRATION, NULL, NULL), DIA_SUCCESS, "");
    expect("the other", ask(NULL, IMPU("bob"), CX_UNREGISTERED_USER, NULL, NULL), CX_ERROR_IN_ASSIGNMENT_TYPE,
           IMPI("bob2") " <sip:b2>");
    expect("another set", ask(IMPI("bob"), IMPU("work"), CX_REGISTRATION, "<sip:w>", NULL), DIA_SUCCESS, "");
    expect("of one set", ask(IMPI("bob"), IMPU("work"), CX_NO_ASSIGNMENT, NULL, NULL), DIA_SUCCESS,
           IMPI("bob") " <sip:w>");
}

// An S-CSCF that was started anew is about to overwrite the contacts that it has forgotten.
static void one_more_contact(void **state)
{
    struct cx_sar s = sar(ALICE, CX_REGISTRATION, "<sip:2>", NULL);
    s.multiple_registration = true;
    expect("nothing to be lost", world_sar(&w, &s), DIA_SUCCESS, "");
    s = sar(ALICE, CX_REGISTRATION, "<sip:3>", NULL);
    s.multiple_registration = true;
    struct reply r = world_sar(&w, &s);
    expect("one more", r, CX_ERROR_IN_ASSIGNMENT_TYPE, IMPI("alice") " <sip:2>");
    assert_true(r.has_user_data);
    expect("both of them", ask(ALICE, CX_RE_REGISTRATION, "<sip:2>", "<sip:3>"), DIA_SUCCESS, "");
    expect_kept("both of them", IMPI("alice") " <sip:2> <sip:3>");
}

static void bounded(void **state)
{
    char uri[300];
    memset(uri, 'x', sizeof uri - 1);
    uri[sizeof uri - 1] = 0;
    registered("<sip:1>", NULL);
    configure(256);
    expect("too big", ask(ALICE, CX_RE_REGISTRATION, uri, NULL), DIA_SUCCESS, "");
    expect_kept("what is no longer true is gone", "");
    assert_int_equal(hss_stats(w.hss)->restorations_unkept, 1);
    configure(0);
    expect("off", ask(ALICE, CX_RE_REGISTRATION, "<sip:1>", NULL), DIA_SUCCESS, "");
    expect_kept("off", "");
}

static int forget_work(struct hss_op *op, void *arg)
{
    return hss_subscriber_delete(op, str_from(arg));
}

static void forget(const char *impi)
{
    char why[160];
    struct list ops;
    struct hss_op *op = hss_task_new(w.hss);
    assert_non_null(op);
    op->task = forget_work;
    op->arg = (void *)impi;
    list_init(&ops);
    list_add(&ops, &op->link);
    assert_int_equal(hss_transaction(&w.hss->writer, &ops, why, sizeof why), 0);
    hss_op_free(op);
}

static void provisioning_takes_it_away(void **state)
{
    uint64_t n, bytes;
    world_close(&w);
    w = (struct world){0};
    world_open_file(&w, true);
    configure(4096);
    registered("<sip:1>", NULL);
    world_close(&w);
    world_open_file(&w, false);
    configure(4096);
    expect_kept("after a restart", IMPI("alice") " <sip:1>");
    hss_restorations_stored(w.hss, &n, &bytes);
    assert_int_equal(n, 1);
    assert_in_range(bytes, 40, 200);
    (void)ask(ALICE, CX_RE_REGISTRATION, "<sip:1>", "<sip:2>");
    uint64_t before = bytes;
    hss_restorations_stored(w.hss, &n, &bytes);
    assert_int_equal(n, 1);
    assert_true(bytes > before);
    forget(IMPI("alice"));
    hss_restorations_stored(w.hss, &n, &bytes);
    assert_int_equal(n, 0);
    assert_int_equal(bytes, 0);
    world_close(&w);
    world_remove(&w);
    world_open(&w, true);
}

// ---- another S-CSCF ----

static struct cx_sar by_other(const char *impi, enum cx_sar_type type, const char *uri)
{
    struct cx_sar s = sar(impi, IMPU("alice"), type, uri, NULL);
    s.server_name = STR(SCSCF2);
    return s;
}

static void taken_over(void **state)
{
    static const struct {
        const char *impi;
        enum cx_sar_type type;
        bool by_lir;
        uint32_t refused, code;
        const char *restored;
    } rows[] = {
        {NULL, CX_UNREGISTERED_USER, true, CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX_ERROR_IN_ASSIGNMENT_TYPE,
         IMPI("alice") " <sip:1>"},
        {IMPI("alice"), CX_NO_ASSIGNMENT, true, DIA_UNABLE_TO_COMPLY, DIA_SUCCESS, IMPI("alice") " <sip:1>"},
        {IMPI("alice"), CX_REGISTRATION, false, CX_ERROR_IDENTITY_ALREADY_REGISTERED, DIA_SUCCESS, ""},
        {IMPI("alice"), CX_RE_REGISTRATION, false, CX_ERROR_IDENTITY_ALREADY_REGISTERED, DIA_SUCCESS, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        registered("<sip:1>", NULL);
        struct cx_sar other = by_other(rows[i].impi, rows[i].type, NULL);
        struct reply r = world_sar(&w, &other);
        expect("not asked for", r, rows[i].refused, "");
        assert_string_equal(r.server_name, SCSCF);
        r = rows[i].by_lir ? lir(true) : uar(CX_UAR_REGISTRATION_AND_CAPABILITIES);
        expect_result("asked for", r.result, DIA_SUCCESS, false);
        assert_true(r.capabilities.present && !r.has_server_name);
        assert_string_equal(lir(false).server_name, SCSCF); // until it comes
        expect("taken over", world_sar(&w, &other), rows[i].code, rows[i].restored);
        assert_string_equal(lir(false).server_name, SCSCF2);
        assert_string_equal(uar(CX_UAR_REGISTRATION).server_name, SCSCF2);
        expect("the former one", ask(ALICE, CX_RE_REGISTRATION, "<sip:9>", NULL), CX_ERROR_IDENTITY_ALREADY_REGISTERED,
               "");
        struct cx_sar profile = by_other(IMPI("alice"), CX_NO_ASSIGNMENT, NULL);
        expect("kept", world_sar(&w, &profile), DIA_SUCCESS, IMPI("alice") " <sip:1>");
        struct cx_sar end = by_other(IMPI("alice"), CX_USER_DEREGISTRATION, NULL);
        expect("end", world_sar(&w, &end), DIA_SUCCESS, "");
    }
}

// Where nothing is kept nobody but the assigned S-CSCF can serve who is registered, and it may be back at once.
static void nothing_to_go_on_with(void **state)
{
    registered(NULL, NULL);
    struct reply r = lir(true);
    expect_result("named again", r.result, DIA_SUCCESS, false);
    assert_string_equal(r.server_name, SCSCF);
    assert_int_equal(uar(CX_UAR_REGISTRATION_AND_CAPABILITIES).result.code, DIA_SUCCESS);
    struct cx_sar called = by_other(NULL, CX_UNREGISTERED_USER, NULL),
                  calls = by_other(IMPI("alice"), CX_NO_ASSIGNMENT, NULL);
    r = world_sar(&w, &called);
    expect("called", r, CX_ERROR_IDENTITY_ALREADY_REGISTERED, "");
    assert_string_equal(r.server_name, SCSCF);
    expect("calls", world_sar(&w, &calls), DIA_UNABLE_TO_COMPLY, "");
    assert_string_equal(lir(false).server_name, SCSCF);
    struct cx_sar registers = by_other(IMPI("alice"), CX_REGISTRATION, "<sip:1>");
    expect("registers", world_sar(&w, &registers), DIA_SUCCESS, "");
    assert_string_equal(lir(false).server_name, SCSCF2);
}

// What is kept, as a later HSS would have written it.
static void make_unknown(void)
{
    char path[96];
    sqlite3 *db = NULL;
    world_path(&w, "hss.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE restoration SET value = CAST(x'00000009' || substr(value, 5) AS BLOB)", NULL, NULL,
                     NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
}

// A value that nobody can read is as good as none: it names no S-CSCF, and holds up no registration.
static void of_an_unknown_form(void **state)
{
    world_close(&w);
    w = (struct world){0};
    world_open_file(&w, true);
    configure(4096);
    registered("<sip:1>", NULL);
    make_unknown();
    expect_kept("unknown", "");
    struct reply r = lir(true);
    expect_result("named again", r.result, DIA_SUCCESS, false);
    assert_string_equal(r.server_name, SCSCF);
    struct cx_sar more = sar(ALICE, CX_REGISTRATION, "<sip:2>", NULL);
    more.multiple_registration = true;
    expect("nothing to be lost", world_sar(&w, &more), DIA_SUCCESS, "");
    expect_kept("overwritten", IMPI("alice") " <sip:2>");
    world_close(&w);
    world_remove(&w);
    world_open(&w, true);
}

static void taken_over_by_a_challenge(void **state)
{
    struct cx_mar other = world_mar_of(ALICE);
    other.server_name = STR(SCSCF2);
    struct cx_sar profile = by_other(IMPI("alice"), CX_NO_ASSIGNMENT, NULL);
    registered("<sip:1>", NULL);
    assert_int_equal(uar(CX_UAR_REGISTRATION_AND_CAPABILITIES).result.code, DIA_SUCCESS);
    assert_int_equal(world_mar(&w, &other).result.code, DIA_SUCCESS);
    expect("asked for: kept", world_sar(&w, &profile), DIA_SUCCESS, IMPI("alice") " <sip:1>");
    struct cx_mar back = world_mar_of(ALICE);
    assert_int_equal(world_mar(&w, &back).result.code, DIA_SUCCESS); // the flag is reset: nobody has asked for that
    expect_kept("not asked for: of another S-CSCF", "");
}

// Who was thought dead and registers the user again lives.
static void the_assigned_one_lives(void **state)
{
    registered("<sip:1>", NULL);
    assert_int_equal(lir(true).result.code, DIA_SUCCESS);
    expect("it lives", ask(ALICE, CX_RE_REGISTRATION, NULL, NULL), DIA_SUCCESS, "");
    struct cx_sar other = by_other(NULL, CX_UNREGISTERED_USER, NULL);
    expect("nobody else any more", world_sar(&w, &other), CX_ERROR_IDENTITY_ALREADY_REGISTERED, "");
}

static void nobody_to_be_replaced(void **state)
{
    struct reply r = lir(true);
    expect_result("not registered", r.result, CX_ERROR_IDENTITY_NOT_REGISTERED, true);
    r = uar(CX_UAR_REGISTRATION_AND_CAPABILITIES);
    expect_result("capabilities", r.result, DIA_SUCCESS, false);
    registered("<sip:1>", NULL);
    struct cx_sar other = by_other(NULL, CX_UNREGISTERED_USER, NULL);
    expect("no flag was left", world_sar(&w, &other), CX_ERROR_IDENTITY_ALREADY_REGISTERED, "");
    expect("end", ask(ALICE, CX_USER_DEREGISTRATION, NULL, NULL), DIA_SUCCESS, "");
    registered("<sip:1>", NULL);
    assert_int_equal(lir(true).result.code, DIA_SUCCESS);
    expect("end", ask(ALICE, CX_USER_DEREGISTRATION, NULL, NULL), DIA_SUCCESS, "");
    registered("<sip:1>", NULL);
    expect("it went with the registration", world_sar(&w, &other), CX_ERROR_IDENTITY_ALREADY_REGISTERED, "");
}

// ---- features (TS 29.229 7.1.1, 7.2.1) ----

static void features(void **state)
{
    struct cx_feature f = {DIA_VENDOR_3GPP, 1, CX_IMS_RESTORATION, .required = true};
    struct cx_lir l = {.impu = STR(IMPU("alice")), .head.features = &f, .head.n_features = 1};
    struct reply r = world_lir(&w, &l);
    expect_result("there", r.result, CX_ERROR_IDENTITY_NOT_REGISTERED, true);
    assert_int_equal(r.features, CX_IMS_RESTORATION);
    assert_false(lir(false).has_features);
    struct cx_sar s = sar(ALICE, CX_REGISTRATION, NULL, NULL);
    s.head.features = &f;
    s.head.n_features = 1;
    assert_int_equal(world_sar(&w, &s).features, CX_IMS_RESTORATION);
    configure(0);
    r = world_lir(&w, &l);
    expect_result("off and required", r.result, CX_ERROR_FEATURE_UNSUPPORTED, true);
    assert_true(r.has_features && !r.features);
    f.required = false;
    r = world_lir(&w, &l);
    expect_result("off and not required", r.result, DIA_SUCCESS, false);
    assert_true(r.has_features && !r.features);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation),
        TEST(kept_and_given),
        TEST(nothing_kept),
        TEST(the_last_counts),
        TEST(goes_with_the_registration),
        TEST(several_private_identities),
        TEST(one_more_contact),
        TEST(bounded),
        TEST(provisioning_takes_it_away),
        TEST(taken_over),
        TEST(nothing_to_go_on_with),
        TEST(of_an_unknown_form),
        TEST(taken_over_by_a_challenge),
        TEST(the_assigned_one_lives),
        TEST(nobody_to_be_replaced),
        TEST(features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
