// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
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

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void comparing(void **state)
{
    (void)state;
    static const struct {
        struct str a, b;
        bool same;
        int icmp;
    } t[] = {
        {STR_INIT(""), STR_INIT(""), true, 0},        {STR_INIT("a"), STR_INIT(""), false, 1},
        {STR_INIT("ab"), STR_INIT("abc"), false, -1}, {STR_INIT("AB"), STR_INIT("ab"), false, 0},
        {STR_INIT("b"), STR_INIT("abc"), false, 1},    {STR_INIT("["), STR_INIT("{"), false, -1},
        {STR_INIT("\xff"), STR_INIT("a"), false, 1},   {STR_INIT("Z"), STR_INIT("a"), false, 1},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(sign(str_icmp(t[i].a, t[i].b)), t[i].icmp);
        assert_int_equal(sign(str_icmp(t[i].b, t[i].a)), -t[i].icmp);
        assert_int_equal(str_eq(t[i].a, t[i].b), t[i].same);
        assert_int_equal(str_ieq(t[i].a, t[i].b), t[i].icmp == 0);
    }
    assert_true(str_eq(STR_NONE, STR("")));
    // Bit 0x20 alone does not make two characters equal.
    assert_false(str_ieq(STR("@["), STR("`{")));
}

static void prefixes(void **state)
{
    (void)state;
    assert_true(str_starts(STR("sip:a"), STR("sip:")));
    assert_false(str_starts(STR("SIP:a"), STR("sip:")));
    assert_true(str_istarts(STR("SIP:a"), STR("sip:")));
    assert_false(str_istarts(STR("si"), STR("sip")));
    assert_true(str_starts(STR("x"), STR("")));
    assert_true(str_ends(STR("a.org"), STR(".org")));
    assert_false(str_ends(STR("rg"), STR(".org")));
    assert_true(str_ends(STR_NONE, STR("")));
}

static void searching(void **state)
{
    (void)state;
    assert_int_equal(str_chr(STR("abca"), 'a'), 0);
    assert_int_equal(str_chr(STR("abc"), 'x'), -1);
    assert_int_equal(str_chr(STR_NONE, 'x'), -1);
    assert_int_equal(str_find(STR("aab"), STR("ab")), 1);
    assert_int_equal(str_find(STR("aab"), STR("abc")), -1);
    assert_int_equal(str_find(STR("ab"), STR("ab")), 0);
    assert_int_equal(str_find(STR("ab"), STR("")), 0);
    assert_int_equal(str_find(STR(""), STR("a")), -1);
}

static void parts(void **state)
{
    (void)state;
    assert_true(str_eq(str_skip(STR("abc"), 1), STR("bc")));
    assert_int_equal(str_skip(STR("abc"), 9).n, 0);
    assert_true(str_eq(str_head(STR("abc"), 2), STR("ab")));
    assert_true(str_eq(str_head(STR("abc"), 9), STR("abc")));
    assert_int_equal(str_skip(STR_NONE, 3).n, 0);
    assert_true(str_eq(str_trim(STR(" \t\r\na b\n ")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void long_numbers(void **state)
{
    (void)state;
    uint64_t v = 7;
    assert_int_equal(str_u64(STR("18446744073709551615"), &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(str_u64(STR("18446744073709551616"), &v), ERR_TOOBIG);
    assert_int_equal(str_u64(STR("99999999999999999999"), &v), ERR_TOOBIG);
    assert_int_equal(str_u64(STR("000000000000000000000000000042"), &v), 0);
    assert_true(v == 42);
    assert_int_equal(str_u64(STR("+1"), &v), ERR_BAD);
    assert_int_equal(str_u64(STR(" 1"), &v), ERR_BAD);
    assert_int_equal(str_u64(STR("1\0"), &v), ERR_BAD);
}

static void copies(void **state)
{
    (void)state;
    long live = mem_live();
    char *c = str_cdup(STR("abc"));
    assert_string_equal(c, "abc");
    mem_free(c);
    struct str s = str_dup(STR_NONE);
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
    mem_free((void *)s.p);
    mem_fail_after(0);
    assert_null(str_cdup(STR("abc")));
    s = str_dup(STR("abc"));
    mem_fail_after(-1);
    assert_null(s.p);
    assert_int_equal(s.n, 0);
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),   cmocka_unit_test(splitting),    cmocka_unit_test(unhex),
        cmocka_unit_test(comparing), cmocka_unit_test(prefixes),     cmocka_unit_test(searching),
        cmocka_unit_test(parts),     cmocka_unit_test(long_numbers), cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
