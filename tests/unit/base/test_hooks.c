// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hooks.h"

static const struct trigger begins = {"dialog begins"}, ends = {"dialog ends"};
static char trail[16];
static size_t n_trail;

struct say {
    char c;
    enum step_verdict v;
};

static enum step_verdict say(void *arg, void *at)
{
    const struct say *s = arg;
    assert_string_equal(at, "the dialog");
    trail[n_trail++] = s->c;
    trail[n_trail] = '\0';
    return s->v;
}

static enum step_verdict run(const struct hooks *h, const struct trigger *point)
{
    n_trail = 0;
    trail[0] = '\0';
    return hooks_run(h, point, "the dialog");
}

static void run_in_the_order_of_registration(void **state)
{
    struct hooks h = {0};
    struct say a = {'a', STEP_CONTINUE}, b = {'b', STEP_WAIT}, c = {'c', STEP_CONTINUE};
    (void)state;
    assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, say, &b), 0);
    assert_int_equal(hooks_add(&h, &ends, HOOK_BEFORE, say, &c), 0);
    assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, say, &a), 0);
    assert_int_equal(run(&h, &begins), STEP_CONTINUE); // nobody can wait there
    assert_string_equal(trail, "ba");
    assert_int_equal(run(&h, &ends), STEP_CONTINUE);
    assert_string_equal(trail, "c");
}

static void first_refusal_counts(void **state)
{
    struct hooks h = {0};
    struct say a = {'a', STEP_REJECT}, b = {'b', STEP_CONTINUE};
    (void)state;
    assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, say, &a), 0);
    assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, say, &b), 0);
    assert_int_equal(run(&h, &begins), STEP_REJECT);
    assert_string_equal(trail, "a");
}

static void sides_are_points_of_their_own(void **state)
{
    struct hooks h = {0};
    (void)state;
    assert_int_equal(hooks_add(&h, &begins, HOOK_AFTER, hook_count, NULL), 0);
    assert_int_equal(hooks_find(&h, &begins, HOOK_BEFORE, 0), h.n);
    assert_int_equal(hooks_find(&h, &begins, HOOK_AFTER, 0), 0);
    assert_int_equal(hooks_find(&h, &begins, HOOK_AFTER, 1), h.n);
    assert_int_equal(hooks_find(&h, &begins, HOOK_AFTER, 99), h.n);
    assert_true(hooks_has(&h, &begins));
}

static void number_is_bounded(void **state)
{
    struct hooks h = {0};
    uint64_t n = 0;
    (void)state;
    assert_false(hooks_has(&h, &begins));
    for (size_t i = 0; i < HOOKS_MAX; i++)
        assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, hook_count, &n), 0);
    assert_int_equal(hooks_add(&h, &begins, HOOK_BEFORE, hook_count, &n), ERR_FULL);
    assert_int_equal(hooks_run(&h, &begins, NULL), STEP_CONTINUE);
    assert_int_equal(n, HOOKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_in_the_order_of_registration),
        cmocka_unit_test(first_refusal_counts),
        cmocka_unit_test(sides_are_points_of_their_own),
        cmocka_unit_test(number_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
