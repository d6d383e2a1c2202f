// SPDX-License-Identifier: Apache-2.0
// Selection of an S-CSCF: TS 29.228 6.7.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "icscf/select.h"

static struct str none[] = {STR_INIT("1"), STR_INIT("2")}, video[] = {STR_INIT("7")},
                  wrong[] = {STR_INIT("x")};

static struct scscf_table table_of(const struct icscf_scscf *rows, size_t n)
{
    struct scscf_table t;
    struct conf_table c = {(void *)rows, n};
    assert_int_equal(scscf_table_init(&t, &c), 0);
    return t;
}

static const struct icscf_scscf rows[] = {
    {.name = STR_INIT("sip:a"), .capabilities = {none, 2}, .priority = 1, .weight = 1},
    {.name = STR_INIT("sip:b"), .capabilities = {video, 1}, .priority = 1, .weight = 1},
    {.name = STR_INIT("sip:c"), .capabilities = {none, 2}, .priority = 2, .weight = 1},
};

static void mandatory_capabilities(void **state)
{
    (void)state;
    struct scscf_table t = table_of(rows, 3);
    uint32_t wanted = 7;
    struct cx_capabilities c = {.mandatory = &wanted, .n_mandatory = 1};
    assert_true(str_eq(scscf_select(&t, &c, NULL, 0, 0), STR("sip:b")));
    wanted = 9;
    assert_null(scscf_select(&t, &c, NULL, 0, 0).p);
    c = (struct cx_capabilities){.mandatory = (uint32_t[]){1, 2}, .n_mandatory = 2};
    assert_true(str_eq(scscf_select(&t, &c, NULL, 0, 0), STR("sip:a")));
    struct str tried[] = {STR("sip:a")};
    assert_true(str_eq(scscf_select(&t, &c, tried, 1, 0), STR("sip:c")));
    scscf_table_done(&t);
}

static void optional_capabilities_prefer(void **state)
{
    (void)state;
    struct scscf_table t = table_of(rows, 3);
    struct cx_capabilities c = {.optional = (uint32_t[]){7}, .n_optional = 1};
    for (uint64_t draw = 0; draw < 4; draw++)
        assert_true(str_eq(scscf_select(&t, &c, NULL, 0, draw), STR("sip:b")));
    scscf_table_done(&t);
}

static void proposed_names_come_first(void **state)
{
    (void)state;
    struct scscf_table t = table_of(rows, 3);
    struct cx_capabilities c = {.server_names = (struct str[]){STR("sip:z"), STR("sip:y")}, .n_server_names = 2};
    struct str tried[] = {STR("sip:z")};
    assert_true(str_eq(scscf_select(&t, &c, NULL, 0, 0), STR("sip:z")));
    assert_true(str_eq(scscf_select(&t, &c, tried, 1, 0), STR("sip:y")));
    scscf_table_done(&t);
}

static void weights_share_the_load(void **state)
{
    (void)state;
    const struct icscf_scscf two[] = {
        {.name = STR("sip:a"), .priority = 1, .weight = 3},
        {.name = STR("sip:b"), .priority = 1, .weight = 1},
        {.name = STR("sip:idle"), .priority = 1, .weight = 0},
        {.name = STR("sip:spare"), .priority = 5, .weight = 9},
    };
    struct scscf_table t = table_of(two, 4);
    struct cx_capabilities c = {0};
    unsigned a = 0, b = 0;
    for (uint64_t draw = 0; draw < 400; draw++) {
        struct str name = scscf_select(&t, &c, NULL, 0, draw);
        a += str_eq(name, STR("sip:a"));
        b += str_eq(name, STR("sip:b"));
    }
    assert_int_equal(a, 300);
    assert_int_equal(b, 100);
    struct str tried[] = {STR("sip:a"), STR("sip:b")};
    assert_true(str_eq(scscf_select(&t, &c, tried, 2, 1), STR("sip:idle")));
    scscf_table_done(&t);
}

static void a_capability_is_a_number(void **state)
{
    (void)state;
    struct scscf_table t;
    struct icscf_scscf row = {.name = STR("sip:a"), .capabilities = {wrong, 1}};
    struct conf_table c = {&row, 1};
    log_set_level(LOG_ERROR);
    assert_int_equal(scscf_table_init(&t, &c), ERR_INVAL);
    assert_int_equal(mem_live(), 0);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct scscf_table t;
    struct conf_table c = {(void *)rows, 3};
    for (long n = 0; n < 7; n++) {
        mem_fail_after(n);
        int err = scscf_table_init(&t, &c);
        mem_fail_after(-1);
        assert_int_equal(err, ERR_NOMEM);
        assert_int_equal(mem_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mandatory_capabilities),
        cmocka_unit_test(optional_capabilities_prefer),
        cmocka_unit_test(proposed_names_come_first),
        cmocka_unit_test(weights_share_the_load),
        cmocka_unit_test(a_capability_is_a_number),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
