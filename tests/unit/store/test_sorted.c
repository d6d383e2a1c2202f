// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/sorted.h"

enum { KEYS = 5000 };

static struct sorted_entry *entry(struct str key)
{
    struct sorted_entry *e = mem_zalloc(sizeof(*e) + key.n);
    assert_non_null(e);
    e->key_n = (uint16_t)key.n;
    memcpy(e->key, key.p, key.n);
    return e;
}

static struct str key_of(unsigned i, char buf[16])
{
    return str_make(buf, (size_t)snprintf(buf, 16, "%06u", i));
}

static void add(struct sorted *s, unsigned i)
{
    char buf[16];
    assert_int_equal(sorted_add(s, entry(key_of(i, buf))), 0);
}

static void drop(struct sorted *s, unsigned i)
{
    char buf[16];
    struct sorted_entry *e = sorted_find(s, key_of(i, buf));
    assert_non_null(e);
    sorted_remove(s, e);
    mem_free(e);
}

// Everything that is there, once and in order.
static void walk(const struct sorted *s, const bool *there)
{
    char buf[16];
    struct sorted_at at = sorted_from(s, STR("0"), false);
    for (unsigned i = 0; i < KEYS; i++) {
        struct str key = key_of(i, buf);
        struct sorted_entry *e = sorted_find(s, key);
        assert_int_equal(e != NULL, there[i]);
        if (e)
            assert_ptr_equal(sorted_next(s, &at), e);
    }
    assert_null(sorted_next(s, &at));
}

static void in_any_order(void **state)
{
    (void)state;
    struct sorted s = {0};
    bool there[KEYS] = {false};
    uint64_t lot = 1;
    for (unsigned round = 0; round < 40000; round++) {
        lot = lot * 6364136223846793005u + 1442695040888963407u;
        unsigned i = (unsigned)(lot >> 33) % KEYS;
        if (there[i])
            drop(&s, i);
        else
            add(&s, i);
        there[i] = !there[i];
        if (round % 5000 == 0)
            walk(&s, there);
    }
    walk(&s, there);
    sorted_done(&s);
}

static void in_order_and_back(void **state)
{
    (void)state;
    struct sorted s = {0};
    bool there[KEYS] = {false};
    for (unsigned i = 0; i < KEYS; i++) {
        add(&s, i);
        there[i] = true;
    }
    walk(&s, there);
    assert_int_equal(s.n, KEYS);
    for (unsigned i = KEYS; i > 0; i--) {
        drop(&s, i - 1);
        there[i - 1] = false;
        if (i % 1000 == 0)
            walk(&s, there);
    }
    assert_int_equal(s.n, 0);
    sorted_done(&s);
}

static void from_a_key(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "aa", "ab", "b", "ba"};
    struct sorted s = {0};
    struct sorted_at at = sorted_from(&s, STR("a"), false);
    assert_null(sorted_next(&s, &at));
    for (size_t i = ARRAY_LEN(keys); i > 0; i--)
        assert_int_equal(sorted_add(&s, entry(str_from(keys[i - 1]))), 0);
    at = sorted_from(&s, STR("aa"), false);
    assert_memory_equal(sorted_next(&s, &at)->key, "aa", 2);
    at = sorted_from(&s, STR("aa"), true);
    assert_memory_equal(sorted_next(&s, &at)->key, "ab", 2);
    at = sorted_from(&s, STR("aaa"), true);
    assert_memory_equal(sorted_next(&s, &at)->key, "ab", 2);
    at = sorted_from(&s, STR("bb"), false);
    assert_null(sorted_next(&s, &at));
    at = sorted_from(&s, STR(""), false);
    assert_memory_equal(sorted_next(&s, &at)->key, "a", 1);
    sorted_done(&s);
}

// What cannot be added is not there, and everything else is.
static void no_memory(void **state)
{
    (void)state;
    struct sorted s = {0};
    unsigned failures = 0;
    for (unsigned i = 0; i < 2000; i++) {
        char buf[16];
        struct sorted_entry *e = entry(key_of(i * 7 % 2000, buf));
        mem_fail_after(0);
        int err = sorted_add(&s, e);
        mem_fail_after(-1);
        if (err) {
            assert_null(sorted_find(&s, sorted_key(e)));
            failures++;
            assert_int_equal(sorted_add(&s, e), 0);
        }
    }
    assert_true(failures > 2);
    assert_int_equal(s.n, 2000);
    sorted_done(&s);
}

static int leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(in_any_order, leaks),
        cmocka_unit_test_teardown(in_order_and_back, leaks),
        cmocka_unit_test_teardown(from_a_key, leaks),
        cmocka_unit_test_teardown(no_memory, leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
