// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ims/wildcard.h"
#include "pcscf/identities.h"
#include "pcscf/shared.h"
#include "sip/uri.h"

struct read {
    struct sip_msg *m;
    struct arena arena;
    struct sip_edits edits;
    struct identity *ids;
    size_t n, more;
};

static void read_init(struct read *r, const char *headers, size_t max)
{
    struct sip_parse_error e;
    arena_init(&r->arena, NULL, 0);
    struct str text = ARENA_CAT(&r->arena,
                                STR("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=f\r\n"
                                    "To: <sip:a@h>;tag=t\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"),
                                str_from(headers), STR("Content-Length: 0\r\n\r\n"));
    assert_int_equal(sip_msg_parse(text, &r->m, &e), 0);
    sip_edits_init(&r->edits, &r->arena, r->m);
    assert_int_equal(identities_read(&r->edits, max, &r->ids, &r->n, &r->more), 0);
}

static void read_done(struct read *r)
{
    sip_msg_unref(r->m);
    arena_done(&r->arena);
}

// TS 24.229 5.2.2.1: in their order, over all fields, whatever the one before is.
static void reads_a_list(void **state)
{
    static const char *const want[][2] = {{"sip:a@h", "\"A, the <first>\""}, {"sip:p![a-z],?!@h", ""}, {"tel:+49", "Tel"},
                                          {"sip:b@h;x=1", ""}};
    struct read r;
    (void)state;
    read_init(&r,
              "P-Associated-URI: \"A, the <first>\" <sip:a@h>;p=1, <sip:p![a-z],?!@h>, nonsense, <>\r\n"
              "P-Associated-URI: Tel <tel:+49>, <sip:b@h;x=1>\r\n",
              10);
    assert_int_equal(r.n, 4);
    assert_int_equal(r.more, 0);
    for (size_t i = 0; i < r.n; i++) {
        assert_true(str_eq(r.ids[i].uri, str_from(want[i][0])));
        assert_true(str_eq(r.ids[i].display, str_from(want[i][1])));
    }
    read_done(&r);
}

static void reads_so_many(void **state)
{
    struct read r;
    (void)state;
    read_init(&r, "P-Associated-URI: <sip:a@h>, <sip:b@h>\r\nP-Associated-URI: <sip:c@h>\r\n", 2);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.more, 1);
    read_done(&r);
    read_init(&r, "Supported: path\r\n", 2);
    assert_int_equal(r.n, 0);
    read_done(&r);
}

// However many patterns stand before them, a UE keeps the identities that it may speak as.
static void distinct_ones_have_room_first(void **state)
{
    struct read r;
    (void)state;
    read_init(&r, "P-Associated-URI: <sip:p!.%2A!@h>, <sip:q!.%2A!@h>, <sip:a@h>, <>, <sip:r!.%2A!@h>, <sip:b@h>\r\n", 3);
    assert_int_equal(r.n, 3);
    assert_int_equal(r.more, 2);
    assert_true(str_eq(r.ids[0].uri, STR("sip:p!.%2A!@h")));
    assert_true(str_eq(r.ids[1].uri, STR("sip:a@h")));
    assert_true(str_eq(r.ids[2].uri, STR("sip:b@h")));
    read_done(&r);
    read_init(&r, "P-Associated-URI: <sip:p!.%2A!@h>, <sip:a@h>, <sip:b@h>, <sip:c@h>\r\n", 2);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.more, 2);
    assert_true(str_eq(r.ids[0].uri, STR("sip:a@h")));
    read_done(&r);
}

// What is long, or goes over lines, would be repeated in other messages.
static void odd_names_are_left_out(void **state)
{
    struct read r;
    (void)state;
    read_init(&r, "P-Associated-URI: \"A\r\n B\" <sip:a@h>, A;b <sip:p![x]!@h>, \"P\" <sip:q![x]!@h>\r\n", 3);
    assert_int_equal(r.n, 3);
    assert_int_equal(r.ids[0].display.n, 0);
    assert_int_equal(r.ids[1].display.n, 0);
    assert_true(str_eq(r.ids[2].display, STR("\"P\"")));
    read_done(&r);
}

static void is_a_pattern(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    assert_true(identity_is_pattern(&a, STR("sip:p!.*!@h")));
    assert_true(identity_is_pattern(&a, STR("tel:+49!%5B0-9%5D+!")));
    assert_false(identity_is_pattern(&a, STR("sip:hello!@h")));
    assert_false(identity_is_pattern(&a, STR("sip:a@h")));
    arena_done(&a);
}

static void says_who_it_is(void **state)
{
    static const char *const rows[][2] = {{"sip:a@H;x=1?y=z", "sip:a@H"},
                                          {"sips:a:secret@h:5061", "sips:a@h"},
                                          {"sip:+49;phone-context=h@h;user=phone;x", "sip:+49@h;user=phone"},
                                          // TS 24.229 4.4.12
                                          {"sip:+498912;cpc=operator;oli=27@h;user=phone", "sip:+498912@h;user=phone"},
                                          {"sip:70;cpc=operator;phone-context=H.x@h;user=phone", "sip:70;phone-context=h.x@h;user=phone"},
                                          {"sip:+49%3891;cpc=x@h", "sip:+49891@h"},
                                          {"sip:fe.de@h", "sip:fe.de@h"}, // a name, not the number fede
                                          {"sip:Bea@h", "sip:Bea@h"},
                                          {"sip:1-2;cpc=x@h", "sip:1-2@h"},
                                          {"sip:*21%23;x@h;user=phone", "sip:*21%23@h;user=phone"},
                                          {"tel:+49;cpc=operator;oli=27", "tel:+49"},
                                          {"tel:70;phone-context=h;x=1", "tel:70;phone-context=h"},
                                          {"tel:+49-1", "tel:+49-1"}};
    struct arena a;
    struct sip_uri u;
    (void)state;
    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(sip_uri_parse(&a, str_from(rows[i][0]), &u), 0);
        assert_true(str_eq(identity_plain(&a, &u), str_from(rows[i][1])));
    }
    arena_done(&a);
}

// One text for all who have it, until the last one goes.
static void texts_are_shared(void **state)
{
    struct shared *table = NULL;
    (void)state;
    struct shared *one = shared_get(&table, STR("<sip:s;lr>")), *same = shared_get(&table, STR("<sip:s;lr>"));
    struct shared *none = shared_get(&table, STR_NONE);
    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, none);
    assert_int_equal(shared_count(table), 2);
    shared_put(&table, one);
    assert_true(shared_has(table, STR("<sip:s;lr>")));
    assert_true(str_eq(shared_text(same), STR("<sip:s;lr>")));
    shared_put(&table, same);
    shared_put(&table, none);
    shared_put(&table, NULL);
    assert_null(table);
}

static void patterns_are_compiled_once(void **state)
{
    struct shared *table = NULL;
    (void)state;
    struct shared *p = shared_get(&table, STR("sip:p!.*!@h")), *bad = shared_get(&table, STR("sip:p!(!@h"));
    const struct wildcard *w = shared_pattern(p);
    assert_non_null(w);
    assert_ptr_equal(shared_pattern(p), w);
    assert_true(wildcard_covers(w, STR("sip:p1@h")));
    assert_null(shared_pattern(bad));
    shared_put(&table, p);
    shared_put(&table, bad);
    assert_null(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_list),       cmocka_unit_test(reads_so_many), cmocka_unit_test(distinct_ones_have_room_first),    cmocka_unit_test(odd_names_are_left_out),
        cmocka_unit_test(is_a_pattern),       cmocka_unit_test(says_who_it_is),   cmocka_unit_test(texts_are_shared),
        cmocka_unit_test(patterns_are_compiled_once),
    };
    return cmocka_run_group_tests_name("pcscf_identities", tests, NULL, NULL);
}
