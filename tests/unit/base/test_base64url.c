// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64url.h"
#include "base/err.h"
#include "base/mem.h"

enum { MOST = 70 };

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
    return 0;
}

// RFC 4648 10, without padding, and the two digits that differ in its section 5.
static void vectors(void **state)
{
    static const struct {
        struct str bytes, text;
    } rows[] = {
        {STR_INIT(""), STR_INIT("")},
        {STR_INIT("f"), STR_INIT("Zg")},
        {STR_INIT("fo"), STR_INIT("Zm8")},
        {STR_INIT("foo"), STR_INIT("Zm9v")},
        {STR_INIT("foob"), STR_INIT("Zm9vYg")},
        {STR_INIT("fooba"), STR_INIT("Zm9vYmE")},
        {STR_INIT("foobar"), STR_INIT("Zm9vYmFy")},
        {STR_INIT("\xfb\xff\xbf"), STR_INIT("-_-_")},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char b[8];
        size_t n;
        struct str text = base64url_write(&arena, rows[i].bytes.p, rows[i].bytes.n);
        assert_true(str_eq(text, rows[i].text));
        assert_int_equal(base64url_parse(text, b, sizeof b, &n), 0);
        assert_true(str_eq(str_make((char *)b, n), rows[i].bytes));
    }
}

static void every_length(void **state)
{
    (void)state;
    unsigned char bytes[MOST], back[MOST];
    for (size_t i = 0; i < MOST; i++)
        bytes[i] = (unsigned char)(i * 167 + 13);
    for (size_t n = 0; n <= MOST; n++) {
        size_t got = MOST + 1;
        struct str text = base64url_write(&arena, bytes, n);
        assert_int_equal(text.n, (n * 8 + 5) / 6);
        assert_int_equal(base64url_parse(text, back, n, &got), 0);
        assert_int_equal(got, n);
        if (!n)
            continue;
        assert_memory_equal(back, bytes, n);
        assert_int_equal(base64url_parse(text, back, n - 1, &got), ERR_BAD);
        text.p = arena_dup(&arena, text).p;
        ((char *)(uintptr_t)text.p)[text.n] = 'A';
        text.n++;
        if (text.n % 4 == 1)
            assert_int_equal(base64url_parse(text, back, MOST, &got), ERR_BAD);
    }
}

// One text for each value: what is no digit is refused at every place, and so are bits that nothing is made of.
static void one_text_for_each(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 6; n++) {
        unsigned char bytes[6] = {0}, b[8];
        size_t got;
        struct str text = arena_dup(&arena, base64url_write(&arena, bytes, n));
        char *p = (char *)(uintptr_t)text.p;
        for (size_t at = 0; at < text.n; at++) {
            unsigned taken = 0;
            for (unsigned c = 0; c < 256; c++) {
                p[at] = (char)c;
                taken += base64url_parse(text, b, sizeof b, &got) == 0;
            }
            p[at] = 'A';
            size_t spare = at + 1 == text.n ? text.n * 6 % 8 : 0;
            assert_int_equal(taken, 64u >> spare);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vectors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_text_for_each, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
