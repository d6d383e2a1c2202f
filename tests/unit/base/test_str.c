// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

static void numbers(void **state)
{
    (void)state;
    uint32_t v = 7;
    assert_int_equal(str_u32(STR("4294967295"), &v), 0);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(str_u32(STR("4294967296"), &v), ERR_TOOBIG);
    assert_int_equal(str_u32(STR(""), &v), ERR_BAD);
    assert_int_equal(str_u32(STR("1x"), &v), ERR_BAD);
    assert_int_equal(v, UINT32_MAX);
}

static void splitting(void **state)
{
    (void)state;
    struct str s = STR("a;b;");
    assert_true(str_eq(str_split(&s, ';'), STR("a")));
    assert_true(str_eq(str_split(&s, ';'), STR("b")));
    assert_non_null(s.p);
    assert_int_equal(str_split(&s, ';').n, 0);
    assert_null(s.p);
}

static void unhex(void **state)
{
    (void)state;
    unsigned char b[2] = {0};
    assert_int_equal(str_unhex(STR("aF01"), b, 2), 0);
    assert_int_equal(b[0], 0xaf);
    assert_int_equal(b[1], 0x01);
    assert_int_equal(str_unhex(STR("aF0"), b, 2), ERR_BAD);
    assert_int_equal(str_unhex(STR("aFg1"), b, 2), ERR_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(splitting),
        cmocka_unit_test(unhex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
