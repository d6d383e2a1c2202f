// SPDX-License-Identifier: Apache-2.0
// What the HSS keeps of contacts, there and back (TS 29.229 6.3.46, 6.3.52, 6.3.71).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "scscf/restoration_form.h"
#include "sip/msg.h"

#define WALL UINT64_C(1700000000500)
#define PATH "<sip:token@pcscf.ims.example;lr;ob>"

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
    sip_msg_pool_drain();
    return mem_live() ? -1 : 0;
}

static void assert_text(struct str s, const char *text)
{
    if (!str_eq(s, str_from(text)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), text);
}

static const struct binding_params phones[] = {
    {.text = {[BINDING_URI] = STR_INIT("sip:a@192.0.2.1:5060;transport=tcp"),
              [BINDING_DISPLAY] = STR_INIT("\"Alice, \\\"A\\\"\""),
              [BINDING_PARAMS] = STR_INIT(";+sip.instance=\"<urn:uuid:1>\";reg-id=2;q=0.5;audio"),
              [BINDING_PATH] = STR_INIT("<sip:ibcf;lr>, " PATH),
              [BINDING_CALL_ID] = STR_INIT("c1@a"),
              [BINDING_INSTANCE] = STR_INIT("<urn:uuid:1>"),
              [BINDING_IMPI] = STR_INIT("alice@d")},
     .cseq = 7,
     .reg_id = 2,
     .q = 500,
     .expires_s = 3600},
    {.text = {[BINDING_URI] = STR_INIT("sip:a@192.0.2.2"),
              [BINDING_PATH] = STR_INIT(PATH),
              [BINDING_CALL_ID] = STR_INIT("c2"),
              [BINDING_IMPI] = STR_INIT("alice@d")},
     .cseq = 1,
     .q = 1000,
     .expires_s = 600},
};

static struct restoration_limits limits(uint64_t wall_ms)
{
    return (struct restoration_limits){
        .wall_ms = wall_ms, .max_s = 7200, .default_s = 1800, .max_contacts = 3, .max = 4096, .flows = true};
}

static struct cx_restoration written(uint64_t wall_ms, size_t n, size_t max, size_t *ret_left_out)
{
    const struct restoration_of of = {.impi = STR("alice@d"),
                                      .scheme = STR("SIP Digest"),
                                      .contacts = phones,
                                      .n = n,
                                      .wall_ms = wall_ms,
                                      .max = max};
    struct cx_restoration r;
    assert_int_equal(restoration_write(&arena, &of, &r, ret_left_out), 0);
    return r;
}

static struct restoration_contacts read_at(const struct cx_restoration *r, uint64_t wall_ms)
{
    struct restoration_limits l = limits(wall_ms);
    struct restoration_contacts c = {0};
    const char *why = NULL;
    if (restoration_read(&arena, r, &l, &c, &why))
        fail_msg("%s", why ? why : "no reason");
    return c;
}

static void there_and_back(void **state)
{
    size_t left_out;
    (void)state;
    struct cx_restoration r = written(WALL, 2, 4096, &left_out);
    assert_int_equal(left_out, 0);
    assert_true(r.present);
    assert_text(r.contacts[1].contact, "<sip:a@192.0.2.2>;expires=600");
    struct restoration_contacts c = read_at(&r, WALL);
    assert_int_equal(c.n, 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < BINDING_TEXTS; k++)
            if (!str_eq(c.v[i].text[k], phones[i].text[k]))
                fail_msg("text %zu: %.*s", k, STR_ARG(c.v[i].text[k]));
        assert_int_equal(c.v[i].cseq, phones[i].cseq);
        assert_int_equal(c.v[i].reg_id, phones[i].reg_id);
        assert_int_equal(c.v[i].q, phones[i].q);
        assert_int_equal(c.v[i].expires_s, phones[i].expires_s);
    }
}

// Each by itself, whenever it is read; also when the 32 bits of Time begin anew in between (2036).
static void times(void **state)
{
    static const uint64_t walls[] = {WALL, UINT64_C(2085978495000), UINT64_C(2085978496000), UINT64_C(4102444800000)};
    size_t left_out;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(walls); i++) {
        struct cx_restoration r = written(walls[i], 2, 4096, &left_out);
        struct restoration_contacts c = read_at(&r, walls[i] + 599000);
        assert_int_equal(c.v[0].expires_s, 3001);
        assert_int_equal(c.v[1].expires_s, 1);
        c = read_at(&r, walls[i] + 601000);
        assert_int_equal(c.v[0].expires_s, 2999);
        assert_int_equal(c.v[1].expires_s, 0);
        c = read_at(&r, walls[i] + 86400000);
        assert_int_equal(c.v[0].expires_s, 0);
    }
}

// As another maker's S-CSCF may leave it.
static void of_others(void **state)
{
    const struct cx_restoration_contact one[] = {{.path = STR_INIT(PATH), .contact = STR_INIT("sip:a@192.0.2.1")}};
    const struct cx_restoration_contact two[] = {
        {.path = STR_INIT("<sip:p;lr>"), .contact = STR_INIT("<sip:a@192.0.2.1>;reg-id=1;+sip.instance=\"<urn:x>\"")},
        {.path = STR_INIT(PATH), .contact = STR_INIT("<sip:a@192.0.2.1>;expires=100;reg-id=1")}};
    struct cx_restoration r = {.present = true, .impi = STR("a@d"), .contacts = one, .n_contacts = 1};
    (void)state;
    assert_int_equal(read_at(&r, WALL).v[0].expires_s, 1800);
    r.timeout = (uint32_t)(WALL / 1000 + UINT64_C(2208988800) + 50);
    assert_int_equal(read_at(&r, WALL).v[0].expires_s, 50);
    r.timeout += 1000000; // no longer than a registration may be
    assert_int_equal(read_at(&r, WALL).v[0].expires_s, 7200);
    r = (struct cx_restoration){.present = true, .impi = STR("a@d"), .contacts = two, .n_contacts = 2};
    struct restoration_contacts c = read_at(&r, WALL);
    assert_int_equal(c.v[0].expires_s, 100);
    assert_int_equal(c.v[1].expires_s, 100);
    assert_int_equal(c.v[0].reg_id, 0); // nobody keeps the flow
    assert_int_equal(c.v[1].reg_id, 0); // of no instance
}

static void the_oldest_is_left_out(void **state)
{
    size_t left_out;
    (void)state;
    struct cx_restoration r = written(WALL, 2, 260, &left_out);
    assert_int_equal(left_out, 1);
    assert_int_equal(r.n_contacts, 1);
    assert_int_equal(read_at(&r, WALL).n, 1);
    r = written(WALL, 2, 100, &left_out);
    assert_int_equal(left_out, 2);
    assert_false(r.present);
}

// What a REGISTER could not have brought.
static void malformed(void **state)
{
    static const struct {
        const char *contact, *path, *call_id, *impi;
        size_t n;
    } rows[] = {
        {"", PATH, "c", "a@d", 1},
        {"*", PATH, "c", "a@d", 1},
        {"<sip:>", PATH, "c", "a@d", 1},
        {"<tel:+1555>", PATH, "c", "a@d", 1},
        {"<sip:a@b", PATH, "c", "a@d", 1},
        {"<sip:a@b>, <sip:c@d>", PATH, "c", "a@d", 1},
        {"\"x\r\nEvil: 1\" <sip:a@b>", PATH, "c", "a@d", 1},
        {"<sip:a@b>", "", "c", "a@d", 1},
        {"<sip:a@b>", "sip:p;lr", "c", "a@d", 1},
        {"<sip:a@b>", "<sip:p;lr>\r\n<sip:q>", "c", "a@d", 1},
        {"<sip:a@b>", "<tel:+1>", "c", "a@d", 1},
        {"<sip:a@b>", "<sip:p;lr>, x", "c", "a@d", 1},
        {"<sip:a@b>", "\"<\" <sip:p;lr>", "c", "a@d", 1},
        {"<sip:a@b>", PATH, "c d", "a@d", 1},
        {"<sip:a@b>", PATH, "c", "", 1},
        {"<sip:a@b>", PATH, "c", "a\n@d", 1},
        {"<sip:a@b>", PATH, "c", "a@d", 0},
        {"<sip:a@b>", PATH, "c", "a@d", 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cx_restoration_contact c[4];
        for (size_t k = 0; k < 4; k++)
            c[k] = (struct cx_restoration_contact){.path = str_from(rows[i].path),
                                                   .contact = str_from(rows[i].contact),
                                                   .call_id = str_from(rows[i].call_id)};
        const struct cx_restoration r = {
            .present = true, .impi = str_from(rows[i].impi), .contacts = c, .n_contacts = rows[i].n};
        struct restoration_limits l = limits(WALL);
        struct restoration_contacts all = {0};
        const char *why = NULL;
        int err = restoration_read(&arena, &r, &l, &all, &why);
        if (err != ERR_BAD || !why || all.n)
            fail_msg("row %zu: %d", i, err);
    }
}

static void many_entries(void **state)
{
    static char path[2000];
    struct restoration_limits l = limits(WALL);
    struct restoration_contacts all;
    const char *why;
    (void)state;
    for (size_t n = 0, at = 0; n < 17; n++) {
        at += (size_t)snprintf(path + at, sizeof path - at, "%s<sip:p%zu;lr>", n ? ", " : "", n);
        const struct cx_restoration_contact c = {.path = str_from(path), .contact = STR_INIT("<sip:a@b>")};
        const struct cx_restoration r = {.present = true, .impi = STR("a@d"), .contacts = &c, .n_contacts = 1};
        assert_int_equal(restoration_read(&arena, &r, &l, &all, &why), n < 16 ? 0 : ERR_BAD);
    }
    l.max = 50;
    const struct cx_restoration_contact c = {.path = STR_INIT(PATH), .contact = STR_INIT("<sip:a@b>")};
    const struct cx_restoration r = {.present = true, .impi = STR("a@d"), .contacts = &c, .n_contacts = 1};
    assert_int_equal(restoration_read(&arena, &r, &l, &all, &why), ERR_BAD);
}

static void without_memory(void **state)
{
    (void)state;
    for (long n = 0; n < 20; n++) {
        struct arena a;
        size_t left_out;
        struct cx_restoration r = {0};
        const struct restoration_of of = {
            .impi = STR("alice@d"), .contacts = phones, .n = 2, .wall_ms = WALL, .max = 4096};
        struct restoration_limits l = limits(WALL);
        struct restoration_contacts all;
        const char *why;
        arena_init(&a, NULL, 0);
        mem_fail_after(n);
        int err = restoration_write(&a, &of, &r, &left_out);
        if (!err)
            err = restoration_read(&a, &r, &l, &all, &why);
        mem_fail_after(-1);
        assert_true(!err || err == ERR_NOMEM);
        arena_done(&a);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(there_and_back), TEST(times),        TEST(of_others),      TEST(the_oldest_is_left_out),
        TEST(malformed),      TEST(many_entries), TEST(without_memory),
    };
    return cmocka_run_group_tests_name("scscf_restoration_form", tests, NULL, NULL);
}
