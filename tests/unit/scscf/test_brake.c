// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/sim.h"
#include "scscf/brake.h"

static struct sim *sim;
static struct loop *loop;
static struct brake *brake;

static const struct brake_config defaults = {
    .keys = 65536, .known_s = 604800, .vector_every_s = 10, .vectors_per_source = 100,
    .vectors_per_user = 100, .failures = 5, .failure_every_s = 10, .failures_per_source = 60,
    .failures_per_user = 60};

enum { ALICE = 1, BOB = 2, HOME = 100 };

static int set_up(void **state)
{
    (void)state;
    int err = sim_new(1, &sim);
    if (!err)
        err = sim_node(sim, "scscf", &loop);
    return err ? err : brake_new(loop, &defaults, &brake);
}

static int tear_down(void **state)
{
    (void)state;
    brake_free(brake);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static void seconds(unsigned n)
{
    (void)sim_run(sim, sim_now_ms(sim) + n * 1000);
}

static bool vector(uint64_t user, uint64_t source)
{
    const struct brake_key k = {user, source};
    return brake_vector(brake, &k, false).retry_s == 0;
}

static uint32_t answer_wait(uint64_t user, uint64_t source)
{
    const struct brake_key k = {user, source};
    return brake_answer(brake, &k).retry_s;
}

static bool answer(uint64_t user, uint64_t source)
{
    return answer_wait(user, source) == 0;
}

static void failed(uint64_t user, uint64_t source)
{
    const struct brake_key k = {user, source};
    brake_failed(brake, &k);
}

static void succeeded(uint64_t user, uint64_t source)
{
    const struct brake_key k = {user, source};
    brake_succeeded(brake, &k);
}

static unsigned vectors(uint64_t user, uint64_t source, unsigned n)
{
    unsigned got = 0;
    while (n--)
        got += vector(user, source);
    return got;
}

// A user as one source sees him: ten at once, then one in ten seconds; others are not affected.
static void vectors_of_a_pair(void **state)
{
    (void)state;
    assert_int_equal(vectors(ALICE, 5, 50), BRAKE_VECTORS);
    assert_true(vector(ALICE, HOME));
    assert_true(vector(BOB, 5));
    seconds(10);
    assert_int_equal(vectors(ALICE, 5, 50), 1);
    succeeded(ALICE, 5);
    assert_int_equal(vectors(ALICE, 5, 50), BRAKE_VECTORS);
}

static void vectors_of_a_source(void **state)
{
    (void)state;
    unsigned got = 0;
    for (uint64_t user = 0; user < 5000; user++)
        got += vector(user, 5);
    assert_int_equal(got, 1000);
    assert_true(vector(ALICE, HOME));
    seconds(1);
    got = 0;
    for (uint64_t user = 5000; user < 6000; user++)
        got += vector(user, 5);
    assert_int_equal(got, 100);
}

// Who asks again and again leaves room for those who ask for the first time.
static void newcomers_come_first(void **state)
{
    (void)state;
    unsigned again = 0;
    for (unsigned round = 0; round < 10; round++)
        for (uint64_t source = 0; source < 1000; source++)
            again += vector(ALICE, 1000 + source) && round;
    assert_int_equal(again, 200);
    assert_true(vector(ALICE, HOME));
}

// Even sources without number do not hold up one that the user has registered from.
static void his_own_source_is_never_held_up(void **state)
{
    (void)state;
    const struct brake_key own = {ALICE, HOME};
    succeeded(ALICE, HOME);
    for (uint64_t source = 1000; source < 30000; source++) {
        (void)vector(ALICE, source);
        failed(ALICE, source);
    }
    assert_false(vector(ALICE, 5));
    assert_false(answer(ALICE, 5));
    assert_true(vector(ALICE, HOME));
    assert_true(answer(ALICE, HOME));
    // nor by what others do from there
    for (uint64_t user = 1000; user < 5000; user++) {
        (void)vector(user, HOME);
        failed(user, HOME);
    }
    assert_false(vector(BOB, HOME));
    assert_false(answer(BOB, HOME));
    assert_true(vector(ALICE, HOME));
    assert_true(answer(ALICE, HOME));
    // his own mistakes count there too
    for (unsigned i = 0; i < 5; i++)
        brake_failed(brake, &own);
    assert_int_equal(answer_wait(ALICE, HOME), 10);
    // and he is forgotten after a week without
    seconds(604801);
    for (uint64_t source = 1000; source < 30000; source++)
        failed(ALICE, source);
    assert_false(answer(ALICE, HOME));
}

static void failures_of_a_pair(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(answer(ALICE, 5));
        failed(ALICE, 5);
    }
    assert_int_equal(answer_wait(ALICE, 5), 10);
    assert_true(answer(BOB, 5));
    assert_true(answer(ALICE, HOME));
    seconds(10);
    assert_true(answer(ALICE, 5));
    failed(ALICE, 5);
    assert_false(answer(ALICE, 5));
    seconds(10);
    succeeded(ALICE, 5); // a right answer after some typing errors: all is well
    for (unsigned i = 0; i < 5; i++)
        failed(ALICE, 5);
    assert_false(answer(ALICE, 5));
}

static void failures_of_a_source_and_of_a_user(void **state)
{
    (void)state;
    for (uint64_t user = 1000; user < 1060; user++)
        failed(user, 5);
    assert_int_equal(answer_wait(BOB, 5), 1);
    assert_true(answer(BOB, 6));
    for (uint64_t source = 1000; source < 1060; source++)
        failed(ALICE, source);
    assert_int_equal(answer_wait(ALICE, 6), 1);
    seconds(1);
    assert_true(answer(BOB, 5));
    assert_true(answer(ALICE, 6));
}

static void zero_is_no_limit(void **state)
{
    (void)state;
    const struct brake_config none = {.keys = 1};
    brake_reload(brake, &none);
    assert_int_equal(vectors(ALICE, 5, 3000), 3000);
    for (unsigned i = 0; i < 3000; i++)
        failed(ALICE, 5);
    assert_true(answer(ALICE, 5));
    succeeded(ALICE, 5);
}

static void log_lines(void **state)
{
    (void)state;
    unsigned n = 0;
    for (unsigned i = 0; i < 1000; i++)
        n += brake_may_log(brake);
    assert_int_equal(n, 10);
    seconds(1);
    assert_true(brake_may_log(brake));
}

static void out_of_memory(void **state)
{
    (void)state;
    struct brake *b = NULL;
    for (long n = 0; n < 10; n++) {
        mem_fail_after(n);
        int err = brake_new(loop, &defaults, &b);
        mem_fail_after(-1);
        assert_int_equal(err, n < 10 ? ERR_NOMEM : 0);
    }
    assert_null(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vectors_of_a_pair),
        TEST(vectors_of_a_source),
        TEST(newcomers_come_first),
        TEST(his_own_source_is_never_held_up),
        TEST(failures_of_a_pair),
        TEST(failures_of_a_source_and_of_a_user),
        TEST(zero_is_no_limit),
        TEST(log_lines),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
