// SPDX-License-Identifier: Apache-2.0
// What is remembered of the HSS's word for numbers of wildcarded identities: for how long, and in how much room.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/sim.h"
#include "scscf/covered.h"

#define PATTERN STR("tel:+4989!.*!")

static struct sim *sim;
static struct loop *loop;
static struct covered *c;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(sim_new(1, &sim), 0);
    assert_int_equal(sim_node(sim, "n", &loop), 0);
    assert_int_equal(covered_new(loop, 1024, &c), 0);
    covered_set_known(c, 300);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    covered_free(c);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static enum covered_word find(struct str pattern, struct str impu, bool stale)
{
    bool is_stale = !stale;
    enum covered_word word = covered_find(c, pattern, impu, &is_stale);
    assert_int_equal(is_stale, stale);
    return word;
}

static void remembered(void **state)
{
    (void)state;
    assert_int_equal(find(PATTERN, STR("tel:+49891"), false), COVERED_UNKNOWN);
    assert_int_equal(covered_bytes(c), 0);
    covered_keep(c, PATTERN, STR("tel:+49891"), COVERED_BY_PATTERN);
    covered_keep(c, PATTERN, STR("tel:+49892"), COVERED_BY_OTHER);
    assert_int_equal(find(PATTERN, STR("tel:+49891"), false), COVERED_BY_PATTERN);
    assert_int_equal(find(PATTERN, STR("tel:+49892"), false), COVERED_BY_OTHER);
    assert_int_equal(find(STR("tel:+498!.*!"), STR("tel:+49891"), false), COVERED_UNKNOWN);
    (void)sim_run(sim, 300000);
    assert_int_equal(find(PATTERN, STR("tel:+49891"), true), COVERED_BY_PATTERN);
    covered_keep(c, PATTERN, STR("tel:+49891"), COVERED_BY_OTHER);
    assert_int_equal(find(PATTERN, STR("tel:+49891"), false), COVERED_BY_OTHER);
    assert_int_equal(covered_count(c), 2);
}

// Whatever is called, the room stays the same, and the newest is there.
static void bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "tel:+4989%u", i);
        covered_keep(c, PATTERN, str_from(text), COVERED_BY_PATTERN);
        assert_int_equal(find(PATTERN, str_from(text), false), COVERED_BY_PATTERN);
    }
    assert_in_range(covered_count(c), 1000, 1024);
    assert_int_equal(covered_bytes(c), 1024 * 16);
}

// The oldest of those that could make room does.
static void the_oldest_goes(void **state)
{
    size_t left = 0;
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char text[32];
        if (i % 100 == 0)
            (void)sim_run(sim, sim_now_ms(sim) + 1000);
        (void)snprintf(text, sizeof text, "tel:+4989%u", i);
        covered_keep(c, PATTERN, str_from(text), COVERED_BY_PATTERN);
    }
    for (unsigned i = 0; i < 200; i++) {
        char text[32];
        bool stale;
        (void)snprintf(text, sizeof text, "tel:+4989%u", i);
        left += covered_find(c, PATTERN, str_from(text), &stale) != COVERED_UNKNOWN;
    }
    assert_in_range(left, 0, 20);
}

static void without_memory(void **state)
{
    (void)state;
    mem_fail_after(0);
    covered_keep(c, PATTERN, STR("tel:+49891"), COVERED_BY_PATTERN);
    mem_fail_after(-1);
    assert_int_equal(find(PATTERN, STR("tel:+49891"), false), COVERED_UNKNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(remembered), TEST(bounded), TEST(the_oldest_goes), TEST(without_memory)};
    return cmocka_run_group_tests_name("scscf_covered", tests, NULL, NULL);
}
