// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/writer.h"

static void assert_str(struct str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void pieces(void **state)
{
    (void)state;
    char buf[128];
    struct writer w = writer_init(buf, sizeof buf);
    writer_lit(&w, "a=");
    writer_u64(&w, 0);
    writer_chr(&w, ' ');
    writer_u64(&w, UINT64_MAX);
    writer_str(&w, STR_NONE);
    writer_chr(&w, ' ');
    writer_hex(&w, "\x00\xaf\x9c", 3);
    writer_printf(&w, " %d%s", -5, "x");
    assert_false(w.failed);
    assert_str(writer_done(&w), "a=0 18446744073709551615 00af9c -5x");
}

// Every capacity from 0 on: what fits is a prefix, what does not fails and stays failed.
static void every_capacity(void **state)
{
    (void)state;
    static const char whole[] = "ab12345cdff!77";
    for (size_t cap = 0; cap <= sizeof whole; cap++) {
        char buf[sizeof whole + 8];
        memset(buf, '#', sizeof buf);
        struct writer w = writer_init(buf, cap);
        writer_lit(&w, "ab");
        writer_u64(&w, 12345);
        writer_lit(&w, "cd");
        writer_hex(&w, "\xff", 1);
        writer_chr(&w, '!');
        writer_printf(&w, "%d", 77);
        // printf needs room for its NUL, which is not counted.
        assert_int_equal(w.failed, cap < sizeof whole);
        assert_true(w.n <= cap);
        assert_memory_equal(buf, whole, w.n);
        assert_int_equal(buf[cap], '#');
        size_t n = w.n;
        if (!w.failed)
            continue;
        writer_chr(&w, 'z');
        writer_printf(&w, "z");
        assert_int_equal(w.n, n);
    }
}

static void no_buffer(void **state)
{
    (void)state;
    struct writer w = writer_init(NULL, 0);
    writer_str(&w, STR_NONE);
    assert_false(w.failed);
    writer_printf(&w, "%s", "");
    writer_chr(&w, 'x');
    assert_true(w.failed);
    assert_int_equal(writer_done(&w).n, 0);
}

static void digits_of_a_number(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 9, 10, 0x123456789abcdef0, 0xfedcba9876543210, UINT64_MAX, 0x0f0a090f00ff0102};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        for (int width = 1; width <= 16; width++) {
            char buf[17] = "", want[17];
            struct writer w = writer_init(buf, 16);
            writer_hex_u64(&w, numbers[i], width);
            snprintf(want, sizeof want, "%016" PRIx64, numbers[i]);
            assert_int_equal(w.n, width);
            assert_string_equal(buf, want + 16 - width);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_of_a_number),
        cmocka_unit_test(pieces),
        cmocka_unit_test(every_capacity),
        cmocka_unit_test(no_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
