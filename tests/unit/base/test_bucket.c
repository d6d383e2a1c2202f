// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bucket.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

static const uint64_t SECOND = 1000000000;

static struct bucket_table *make(size_t keys, struct bucket_rate rate)
{
    struct bucket_table *t = NULL;
    assert_int_equal(bucket_table_new(keys, rate, &t), 0);
    return t;
}

static uint64_t key(uint64_t n)
{
    return hash_bytes(&n, sizeof n);
}

static unsigned take_many(struct bucket_table *t, uint64_t k, unsigned n, uint64_t now)
{
    unsigned got = 0;
    while (n--)
        got += bucket_take(t, k, now);
    return got;
}

// Keys below n whose bucket is not full.
static size_t not_full(const struct bucket_table *t, uint64_t n, uint64_t now)
{
    size_t found = 0;
    for (uint64_t i = 0; i < n; i++)
        found += !bucket_is_full(t, key(i), now);
    return found;
}

static void burst_then_rate(void **state)
{
    (void)state;
    struct bucket_table *t = make(64, bucket_every_seconds(10, 5));
    uint64_t now = 7 * SECOND;
    assert_true(bucket_is_full(t, key(1), now));
    assert_int_equal(take_many(t, key(1), 8, now), 5);
    assert_int_equal(bucket_wait(t, key(1), now), 10 * SECOND);
    assert_int_equal(bucket_retry_s(t, key(1), now), 10);
    assert_int_equal(bucket_retry_s(t, key(1), now + 1), 10);
    assert_int_equal(bucket_retry_s(t, key(2), now), 1);
    assert_int_equal(bucket_wait(t, key(2), now), 0);
    assert_false(bucket_take(t, key(1), now + 10 * SECOND - 1));
    assert_true(bucket_take(t, key(1), now + 10 * SECOND));
    assert_false(bucket_take(t, key(1), now + 10 * SECOND));
    // refused takes cost nothing, and a bucket never holds more than its burst
    assert_int_equal(take_many(t, key(1), 100, now + 1000 * SECOND), 5);
    assert_int_equal(not_full(t, 8, now + 1000 * SECOND), 1);
    assert_int_equal(not_full(t, 8, now + 1050 * SECOND), 0);
    assert_false(bucket_is_full(t, key(1), now + 1049 * SECOND));
    assert_true(bucket_is_full(t, key(1), now + 1050 * SECOND));
    bucket_table_free(t);
}

static void many_per_second(void **state)
{
    (void)state;
    struct bucket_table *t = make(64, bucket_per_second(100, 20));
    unsigned got = 0;
    for (uint64_t now = 0; now < 10 * SECOND; now += SECOND / 1000)
        got += bucket_take(t, key(1), now);
    assert_in_range(got, 1000 + 19, 1000 + 20);
    bucket_table_free(t);
}

static void giving_back(void **state)
{
    (void)state;
    struct bucket_table *t = make(64, bucket_every_seconds(60, 3));
    assert_int_equal(take_many(t, key(1), 3, SECOND), 3);
    assert_false(bucket_has(t, key(1), SECOND));
    bucket_give(t, key(1), 1, SECOND);
    assert_true(bucket_has(t, key(1), SECOND));
    assert_int_equal(take_many(t, key(1), 3, SECOND), 1);
    bucket_give(t, key(1), UINT32_MAX, SECOND);
    assert_int_equal(take_many(t, key(1), 9, SECOND), 3);
    bucket_give(t, key(2), 1, SECOND); // never seen
    assert_int_equal(take_many(t, key(2), 9, SECOND), 3);
    bucket_table_free(t);
}

static void without_limit(void **state)
{
    (void)state;
    struct bucket_table *t = make(8, bucket_per_second(0, 5));
    assert_int_equal(take_many(t, key(1), 1000, 0), 1000);
    bucket_table_set_rate(t, bucket_per_second(5, 0));
    assert_int_equal(take_many(t, key(1), 1000, 0), 1000);
    assert_int_equal(bucket_wait(t, key(1), 0), 0);
    bucket_table_set_rate(t, bucket_per_second(1, 2));
    assert_int_equal(take_many(t, key(1), 1000, 0), 2);
    bucket_table_free(t);
}

static void absurd_rate(void **state)
{
    (void)state;
    struct bucket_rate never = {.every_ns = UINT64_MAX, .burst = UINT32_MAX};
    struct bucket_table *t = make(8, never);
    assert_true(bucket_take(t, key(1), UINT64_MAX / 4));
    bucket_table_set_rate(t, bucket_per_second(10, 1)); // what was taken at that rate is owed
    assert_int_equal(bucket_retry_s(t, key(1), UINT64_MAX / 4), 1);
    bucket_table_free(t);
}

// A key that is held up stays so, whatever number of other keys is brought against it.
static void not_washed_out(void **state)
{
    (void)state;
    struct bucket_table *t = make(1024, bucket_every_seconds(10, 5));
    uint64_t now = SECOND;
    assert_int_equal(take_many(t, key(0), 9, now), 5);
    for (uint64_t i = 1; i <= 200000; i++)
        assert_true(bucket_take(t, key(i), now));
    assert_false(bucket_has(t, key(0), now));
    assert_int_equal(bucket_forgotten(t), 0);
    assert_in_range(not_full(t, 200001, now), 1000, 1024);
    // nor does an attack that goes on for as long as the bucket takes to fill
    for (uint64_t i = 0; i < 50000; i++)
        (void)bucket_take(t, key(1000000 + i), now + i * 200000);
    assert_false(bucket_has(t, key(0), now + 10 * SECOND - 1));
    assert_true(bucket_take(t, key(0), now + 10 * SECOND));
    bucket_table_free(t);
}

// With more keys held up than there is room for, the table says so.
static void too_small(void **state)
{
    (void)state;
    struct bucket_table *t = make(8, bucket_every_seconds(10, 1));
    for (uint64_t i = 0; i < 20; i++)
        assert_true(bucket_take(t, key(i), SECOND));
    assert_int_equal(bucket_forgotten(t), 12);
    assert_int_equal(not_full(t, 20, SECOND), 8);
    bucket_table_free(t);
}

static void pairs(void **state)
{
    (void)state;
    assert_int_equal(bucket_key_of(1, 2), bucket_key_of(1, 2));
    assert_int_not_equal(bucket_key_of(1, 2), bucket_key_of(2, 1));
}

static void out_of_memory(void **state)
{
    (void)state;
    struct bucket_table *t = NULL;
    mem_fail_after(0);
    assert_int_equal(bucket_table_new(8, bucket_per_second(1, 1), &t), ERR_NOMEM);
    mem_fail_after(-1);
    assert_null(t);
    bucket_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate), cmocka_unit_test(many_per_second),
        cmocka_unit_test(giving_back),     cmocka_unit_test(without_limit),
        cmocka_unit_test(absurd_rate),     cmocka_unit_test(not_washed_out),
        cmocka_unit_test(too_small),       cmocka_unit_test(pairs),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
