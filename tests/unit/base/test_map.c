// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/mem.h"

static size_t count(const struct map *m, uint64_t key)
{
    size_t it = 0, n = 0;
    while (map_find(m, key, &it))
        n++;
    return n;
}

static void equal_keys(void **state)
{
    (void)state;
    struct map m = {0};
    int v[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(map_add(&m, 42, &v[i]), 0);
    assert_int_equal(count(&m, 42), 3);
    map_remove(&m, 42, &v[1]);
    map_remove(&m, 42, &v[1]);
    assert_int_equal(count(&m, 42), 2);
    assert_int_equal(m.n, 2);
    map_done(&m);
}

static void another_in_its_place(void **state)
{
    (void)state;
    struct map m = {0};
    int v[3] = {0}, other = 0;
    map_replace(&m, 42, &v[0], &other); // there is none
    for (int i = 0; i < 3; i++)
        assert_int_equal(map_add(&m, 42, &v[i]), 0);
    map_replace(&m, 42, &v[1], &other);
    map_replace(&m, 41, &v[2], &other);
    map_replace(&m, 42, &v[1], &v[1]);
    size_t it = 0;
    assert_ptr_equal(map_find(&m, 42, &it), &v[0]);
    assert_ptr_equal(map_find(&m, 42, &it), &other);
    assert_ptr_equal(map_find(&m, 42, &it), &v[2]);
    assert_int_equal(m.n, 3);
    map_done(&m);
}

// Random adds and removes against a plain count per key.
static void against_model(void **state)
{
    (void)state;
    enum { KEYS = 64, STEPS = 200000 };
    static char value[KEYS][8];
    int have[KEYS][8] = {{0}};
    struct map m = {0};
    uint64_t rnd = 1;
    for (int s = 0; s < STEPS; s++) {
        rnd = rnd * 6364136223846793005u + 1442695040888963407u;
        size_t k = (rnd >> 40) % KEYS, j = (rnd >> 33) % 8;
        if (have[k][j])
            map_remove(&m, k, &value[k][j]);
        else
            assert_int_equal(map_add(&m, k, &value[k][j]), 0);
        have[k][j] = !have[k][j];
    }
    for (size_t k = 0; k < KEYS; k++) {
        size_t want = 0;
        for (size_t j = 0; j < 8; j++)
            want += have[k][j];
        assert_int_equal(count(&m, k), want);
    }
    map_done(&m);
}

// However much it grows, its room is one thing that is kept, and gone with it.
static void room(void **state)
{
    (void)state;
    struct map m = {0};
    int v[1000];
    long live = mem_live(), kept = mem_kept();
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(map_add(&m, i, &v[i]), 0);
    assert_int_equal(mem_kept() - kept, 1);
    assert_int_equal(mem_live() - live, 1);
    for (uint64_t i = 0; i < 1000; i++)
        map_remove(&m, i, &v[i]);
    map_done(&m);
    map_done(&m);
    assert_int_equal(mem_kept(), kept);
    assert_int_equal(mem_live(), live);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct map m = {0};
    int v;
    mem_fail_after(0);
    assert_int_not_equal(map_add(&m, 1, &v), 0);
    mem_fail_after(-1);
    assert_int_equal(m.n, 0);
    assert_int_equal(map_add(&m, 1, &v), 0);
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys),
        cmocka_unit_test(another_in_its_place),
        cmocka_unit_test(against_model),
        cmocka_unit_test(room),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
