// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void assert_str(struct str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void first_buffer_before_heap(void **state)
{
    (void)state;
    char first[64];
    struct arena a;
    long live = mem_live();
    arena_init(&a, first, sizeof first);
    char *p = arena_alloc(&a, 40);
    assert_true(p >= first && p + 40 <= first + sizeof first);
    assert_int_equal(mem_live(), live);
    char *q = arena_alloc(&a, 40);
    assert_true(q < first || q >= first + sizeof first);
    assert_int_equal(mem_live(), live + 1);
    arena_done(&a);
    assert_int_equal(mem_live(), live);
}

static void alignment(void **state)
{
    (void)state;
    char first[128];
    for (size_t skew = 0; skew < 9; skew++) {
        struct arena a;
        arena_init(&a, first + skew, 100);
        for (size_t n = 1; n < 20; n++) {
            char *p = arena_alloc(&a, n);
            assert_int_equal((uintptr_t)p & 7, 0);
            memset(p, 0xff, n); // AddressSanitizer watches the ends
        }
        arena_done(&a);
    }
    struct arena tiny;
    arena_init(&tiny, first + 1, 3); // no aligned byte in it
    assert_non_null(arena_alloc(&tiny, 1));
    arena_done(&tiny);
}

// Blocks of many sizes do not overlap.
static void blocks_are_apart(void **state)
{
    (void)state;
    struct arena a;
    unsigned char *block[200];
    arena_init(&a, NULL, 0);
    for (size_t i = 0; i < 200; i++) {
        block[i] = arena_zalloc(&a, i * 37 + 1);
        for (size_t k = 0; k < i * 37 + 1; k++)
            assert_int_equal(block[i][k], 0);
        memset(block[i], (int)i, i * 37 + 1);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 37 + 1; k++)
            assert_int_equal(block[i][k], i);
    arena_done(&a);
}

static void big_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    char *p = arena_alloc(&a, 1 << 20);
    memset(p, 1, 1 << 20);
    char *q = arena_alloc(&a, 16);
    memset(q, 2, 16);
    assert_int_equal(p[(1 << 20) - 1], 1);
    arena_done(&a);
}

static void texts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str s = arena_dup(&a, STR("abc"));
    assert_str(s, "abc");
    assert_int_equal(s.p[3], 0);
    assert_str(arena_dup(&a, STR_NONE), "");
    assert_str(ARENA_CAT(&a, STR("a"), STR_NONE, STR("bc"), STR("")), "abc");
    assert_str(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    char longer[5000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_str(arena_printf(&a, "%s", longer), longer);
    assert_false(a.failed);
    arena_done(&a);
}

static void failure_is_sticky(void **state)
{
    (void)state;
    struct arena a;
    long live = mem_live();
    arena_init(&a, NULL, 0);
    mem_fail_after(0);
    assert_null(arena_alloc(&a, 8));
    assert_null(arena_zalloc(&a, 8));
    assert_null(arena_dup(&a, STR("x")).p);
    assert_null(arena_printf(&a, "%d", 1).p);
    mem_fail_after(-1);
    assert_true(a.failed);
    assert_non_null(arena_alloc(&a, 8));
    assert_true(a.failed);
    arena_done(&a);
    assert_false(a.failed);
    assert_int_equal(mem_live(), live);
}

static void absurd_sizes(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_non_null(arena_alloc(&a, 8));
    assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
    assert_null(arena_alloc(&a, SIZE_MAX - 3)); // would wrap to a small number when rounded up
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_true(a.failed);
    arena_done(&a);
}

static void nothing_is_not_null(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    assert_non_null(arena_alloc(&a, 0));
    assert_false(a.failed);
    arena_done(&a);
}

// Text in pieces: in place while nothing else is allocated, and right when something is.
static void text_in_pieces(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    struct arena_buf b = arena_buf_init(&a);
    assert_str(arena_buf_done(&b), "");
    b = arena_buf_init(&a);
    arena_buf_item(&b, STR(", "), STR("a"));
    arena_buf_item(&b, STR(", "), STR("b"));
    char *other = arena_alloc(&a, 8);
    memset(other, 'x', 8);
    arena_buf_printf(&b, ";q=%d", 5);
    struct str text = arena_buf_done(&b);
    assert_str(text, "a, b;q=5");
    assert_int_equal(text.p[text.n], 0);
    assert_memory_equal(other, "xxxxxxxx", 8);
    assert_false(a.failed);
    arena_done(&a);
}

// Appending n pieces takes memory in proportion to the text, also when each is followed by an
// allocation of somebody else.
static void pieces_cost_their_length(void **state)
{
    (void)state;
    for (int beside = 0; beside < 2; beside++) {
        struct arena a;
        arena_init(&a, NULL, 0);
        struct arena_buf b = arena_buf_init(&a);
        for (int i = 0; i < 30000; i++) {
            arena_buf_add(&b, STR("tag, "));
            if (beside && i % 100 == 0)
                assert_non_null(arena_alloc(&a, 8));
        }
        assert_int_equal(arena_buf_done(&b).n, 150000);
        assert_in_range(a.heap, 150000, 800000);
        arena_done(&a);
    }
}

static void takes_no_more_than_allowed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    arena_set_max(&a, 10000);
    size_t n = 0;
    while (arena_alloc(&a, 100))
        n++;
    assert_in_range(n, 50, 100);
    assert_true(a.failed && a.full);
    assert_in_range(a.heap, 5000, 10000);
    struct arena_buf b = arena_buf_init(&a);
    arena_buf_add(&b, STR("more"));
    for (int i = 0; i < 2000; i++)
        arena_buf_add(&b, STR("and more"));
    assert_null(arena_buf_done(&b).p);
    arena_done(&a);
    assert_false(a.failed || a.full);
}

static void pieces_without_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 0);
    mem_fail_after(1);
    struct arena_buf b = arena_buf_init(&a);
    for (int i = 0; i < 1000; i++)
        arena_buf_printf(&b, "%d,", i);
    mem_fail_after(-1);
    assert_null(arena_buf_done(&b).p);
    assert_true(a.failed && !a.full);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_buffer_before_heap),
        cmocka_unit_test(alignment),
        cmocka_unit_test(blocks_are_apart),
        cmocka_unit_test(big_block),
        cmocka_unit_test(texts),
        cmocka_unit_test(failure_is_sticky),
        cmocka_unit_test(absurd_sizes),
        cmocka_unit_test(nothing_is_not_null),
        cmocka_unit_test(text_in_pieces),
        cmocka_unit_test(pieces_cost_their_length),
        cmocka_unit_test(takes_no_more_than_allowed),
        cmocka_unit_test(pieces_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
