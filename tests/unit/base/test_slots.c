// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/slots.h"

static void ids_are_found_and_never_reused(void **state)
{
    struct slots t = {0};
    int objs[300];
    uint64_t ids[300];
    for (int i = 0; i < 300; i++) {
        ids[i] = slots_add(&t, &objs[i]);
        assert_true(ids[i] != 0);
    }
    for (int i = 0; i < 300; i++)
        assert_ptr_equal(slots_find(&t, ids[i]), &objs[i]);
    for (int round = 0; round < 1000; round++) {
        uint64_t old = ids[7];
        slots_remove(&t, old);
        assert_null(slots_find(&t, old));
        ids[7] = slots_add(&t, &objs[7]);
        assert_true(ids[7] != old);
        assert_null(slots_find(&t, old));
        assert_ptr_equal(slots_find(&t, ids[7]), &objs[7]);
    }
    assert_int_equal(t.n, 300);
    assert_int_equal(mem_kept(), 1);
    slots_done(&t);
    slots_done(&t);
    assert_int_equal(mem_kept(), 0);
    assert_int_equal(mem_live(), 0);
}

static void strangers_find_nothing(void **state)
{
    struct slots t = {0};
    int obj;
    assert_null(slots_find(&t, 0));
    uint64_t id = slots_add(&t, &obj);
    assert_null(slots_find(&t, 0));
    assert_null(slots_find(&t, id + 1));
    assert_null(slots_find(&t, id | 0xffffff));
    slots_remove(&t, id + 1);
    slots_remove(&t, 0);
    assert_ptr_equal(slots_find(&t, id), &obj);
    slots_remove(&t, id);
    slots_remove(&t, id);
    assert_true(slots_add(&t, &obj) != slots_add(&t, &obj));
    slots_done(&t);
}

static void another_in_its_place(void **state)
{
    struct slots t = {0};
    int a, b;
    uint64_t id = slots_add(&t, &a);
    slots_replace(&t, id, &b);
    assert_ptr_equal(slots_find(&t, id), &b);
    slots_remove(&t, id);
    slots_replace(&t, id, &a);
    assert_null(slots_find(&t, id));
    slots_done(&t);
}

static void out_of_memory_gives_no_id(void **state)
{
    struct slots t = {0};
    int obj;
    mem_fail_after(0);
    assert_int_equal(slots_add(&t, &obj), 0);
    mem_fail_after(-1);
    assert_true(slots_add(&t, &obj) != 0);
    slots_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found_and_never_reused),
        cmocka_unit_test(strangers_find_nothing),
        cmocka_unit_test(another_in_its_place),
        cmocka_unit_test(out_of_memory_gives_no_id),
    };
    return cmocka_run_group_tests_name("stack_slots", tests, NULL, NULL);
}
