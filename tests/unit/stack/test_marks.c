// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stack/txn/marks.h"

static struct marks m;

static int set_up(void **state)
{
    m = (struct marks){.n = 0};
    return 0;
}

static void forgiven_by_an_answer(void **state)
{
    marks_set(&m, 7, 1000, 500);
    assert_true(marks_has(&m, 7, 1000, true));
    assert_false(marks_has(&m, 8, 1000, true));
    marks_clear(&m, 7);
    marks_clear(&m, 8);
    assert_false(marks_has(&m, 7, 1000, true));
    assert_int_equal(m.n, 0);
}

// After its time one request is let through, and the others wait for what becomes of it.
static void one_probe(void **state)
{
    marks_set(&m, 7, 1000, 500);
    assert_true(marks_has(&m, 7, 1499, true));
    assert_true(marks_has(&m, 7, 1500, false)); // who would not try it does not use the probe up
    assert_false(marks_has(&m, 7, 1500, true));
    assert_true(marks_has(&m, 7, 1500, true));
    assert_true(marks_has(&m, 7, 1500 + MARKS_PROBE_MS - 1, true));
    assert_false(marks_has(&m, 7, 1500 + MARKS_PROBE_MS, true)); // nothing was heard of it
}

static void failed_probes_take_longer_and_longer(void **state)
{
    uint64_t now = 1000, length = 500;
    marks_set(&m, 7, now, 500);
    for (int i = 0; i < 6; i++) {
        marks_set(&m, 7, now + 1, 500); // of what was under way: says nothing new
        assert_true(marks_has(&m, 7, now + length - 1, true));
        assert_false(marks_has(&m, 7, now + length, true));
        now += length + 10;
        marks_set(&m, 7, now, 500);
        length = i < MARKS_DOUBLINGS ? length * 2 : length;
    }
    assert_int_equal(length, 500u << MARKS_DOUBLINGS);
}

static void bounded(void **state)
{
    for (uint64_t i = 0; i < 2 * MARKS_MAX; i++)
        marks_set(&m, i, i, 1000);
    assert_int_equal(m.n, MARKS_MAX);
    assert_false(marks_has(&m, 0, 200, true));
    assert_true(marks_has(&m, 2 * MARKS_MAX - 1, 200, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(forgiven_by_an_answer, set_up),
        cmocka_unit_test_setup(one_probe, set_up),
        cmocka_unit_test_setup(failed_probes_take_longer_and_longer, set_up),
        cmocka_unit_test_setup(bounded, set_up),
    };
    return cmocka_run_group_tests_name("stack_marks", tests, NULL, NULL);
}
