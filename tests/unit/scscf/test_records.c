// SPDX-License-Identifier: Apache-2.0
// What the S-CSCF keeps beyond the process, as bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pack.h"
#include "scscf/note_record.h"
#include "scscf/registration_record.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return mem_live() ? -1 : 0;
}

static void assert_same(struct str a, struct str b)
{
    if (!str_eq(a, b))
        fail_msg("\"%.*s\" is not \"%.*s\"", STR_ARG(a), STR_ARG(b));
}

// ---- registrations ----

static struct record_contact contacts[2] = {
    {.p = {.text = {[BINDING_URI] = STR_INIT("sip:a@192.0.2.1"),
                    [BINDING_DISPLAY] = STR_INIT("\"Alice\""),
                    [BINDING_PARAMS] = STR_INIT(";audio;+sip.instance=\"<urn:uuid:1>\""),
                    [BINDING_PATH] = STR_INIT("<sip:token@pcscf;lr;ob>"),
                    [BINDING_CALL_ID] = STR_INIT("c1"),
                    [BINDING_INSTANCE] = STR_INIT("<urn:uuid:1>"),
                    [BINDING_IMPI] = STR_INIT("alice@d")},
           .cseq = 7, .reg_id = 2, .q = 500, .id = 12},
     .due_ms = 1700000000000},
    {.p = {.text = {[BINDING_URI] = STR_INIT("sip:a@192.0.2.2"), [BINDING_IMPI] = STR_INIT("other@d")}, .id = 3},
     .due_ms = 1},
};
static const struct record_registration whole = {.loose_route = true,
                                                 .route = {.set = 0x1234567890abcdef, .key = 77},
                                                 .charging = STR_INIT("ccf=a;ecf=b"),
                                                 .profile = STR_INIT("\1whatever\0stands here"),
                                                 .n = 2,
                                                 .contacts = contacts};

static struct str written(const struct record_registration *r, char *room, size_t size)
{
    struct writer w = writer_init(room, size);
    record_registration_write(r, &w);
    assert_false(w.failed);
    return writer_done(&w);
}

static void registration_is_the_same(void **state)
{
    (void)state;
    char room[1024];
    struct record_registration r;
    struct str bytes = written(&whole, room, sizeof room);
    assert_int_equal(record_registration_read(&arena, bytes, &r), 0);
    assert_true(r.loose_route);
    assert_int_equal(r.route.set, whole.route.set);
    assert_int_equal(r.route.key, whole.route.key);
    assert_same(r.charging, whole.charging);
    assert_same(r.profile, whole.profile);
    assert_int_equal(r.n, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct record_contact *a = &contacts[i], *b = &r.contacts[i];
        assert_int_equal(b->due_ms, a->due_ms);
        assert_int_equal(b->p.id, a->p.id);
        assert_int_equal(b->p.cseq, a->p.cseq);
        assert_int_equal(b->p.reg_id, a->p.reg_id);
        assert_int_equal(b->p.q, a->p.q);
        for (size_t k = 0; k < BINDING_TEXTS; k++)
            assert_same(b->p.text[k], a->p.text[k]);
    }
}

static void registration_that_is_cut(void **state)
{
    (void)state;
    char room[1024];
    struct record_registration r;
    struct str bytes = written(&whole, room, sizeof room - 1);
    for (size_t n = 0; n < bytes.n; n++)
        assert_int_equal(record_registration_read(&arena, str_head(bytes, n), &r), ERR_BAD);
    room[bytes.n] = 0;
    assert_int_equal(record_registration_read(&arena, str_make(room, bytes.n + 1), &r), ERR_BAD);
}

static void registration_of_a_newer_form(void **state)
{
    (void)state;
    char room[1024];
    struct record_registration r;
    struct str bytes = written(&whole, room, sizeof room);
    room[0]++;
    assert_int_equal(record_registration_read(&arena, bytes, &r), ERR_UNSUPPORTED);
    room[0] = 0;
    assert_int_equal(record_registration_read(&arena, bytes, &r), ERR_BAD);
}

static void registration_that_cannot_be(void **state)
{
    (void)state;
    char room[1024];
    struct record_registration r, bad = whole;
    struct record_contact two[2] = {contacts[1], contacts[0]}; // the newest is not first
    bad.contacts = two;
    assert_int_equal(record_registration_read(&arena, written(&bad, room, sizeof room), &r), ERR_BAD);
    two[0].p.text[BINDING_IMPI] = STR_NONE; // nobody's
    bad.n = 1;
    assert_int_equal(record_registration_read(&arena, written(&bad, room, sizeof room), &r), ERR_BAD);
    two[0] = contacts[0];
    two[0].p.id = UINT64_MAX / 2 + 1; // there would be no end of numbers behind it
    assert_int_equal(record_registration_read(&arena, written(&bad, room, sizeof room), &r), ERR_BAD);
    bad.n = 0;
    struct writer w = writer_init(room, sizeof room);
    record_registration_write(&bad, &w);
    assert_true(w.failed);
}

// ---- notes ----

static const struct outbox_note note = {CX_TIMEOUT_DEREGISTRATION, STR_INIT("c1"), STR_INIT("alice@d"),
                                        STR_INIT("sip:alice@d"), true};

static void note_is_the_same(void **state)
{
    (void)state;
    char room[256];
    struct outbox_note n;
    uint64_t seq, until;
    struct writer w = writer_init(room, sizeof room);
    note_record_write(&note, 1234567890123, &w);
    struct str bytes = writer_done(&w), key = STR("000000000000002a");
    assert_int_equal(note_record_read(key, bytes, &seq, &n, &until), 0);
    assert_int_equal(seq, 42);
    assert_int_equal(until, 1234567890123);
    assert_int_equal(n.type, note.type);
    assert_true(n.by_pattern);
    assert_same(n.call_id, note.call_id);
    assert_same(n.impi, note.impi);
    assert_same(n.impu, note.impu);
    for (size_t k = 0; k < bytes.n; k++)
        assert_int_equal(note_record_read(key, str_head(bytes, k), &seq, &n, &until), ERR_BAD);
    assert_int_equal(note_record_read(STR("x"), bytes, &seq, &n, &until), ERR_BAD);
    room[1] = CX_DEREGISTRATION_TOO_MUCH_DATA + 1;
    assert_int_equal(note_record_read(key, bytes, &seq, &n, &until), ERR_BAD);
    room[0]++;
    assert_int_equal(note_record_read(key, bytes, &seq, &n, &until), ERR_UNSUPPORTED);
}

// ---- names ----

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        uint64_t name;
    } table[] = {{"01", 0, 1}, {"0000002a", 0, 42}, {"7fffffffffffffff", 0, UINT64_MAX / 2},
                 {"8000000000000000", ERR_BAD, 0}, {"ffffffffffffffff", ERR_BAD, 0}, {"", ERR_BAD, 0},
                 {"00", ERR_BAD, 0}, {"1", ERR_BAD, 0}, {"0g", ERR_BAD, 0}, {"00000000000000000a", ERR_BAD, 0}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        uint64_t name = 0;
        assert_int_equal(pack_read_name(str_from(table[i].text), &name), table[i].err);
        assert_int_equal(name, table[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registration_is_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(registration_that_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(registration_of_a_newer_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(registration_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(note_is_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
