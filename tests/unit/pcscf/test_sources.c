// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "pcscf/sources.h"

static struct sources *s;

static int set_up(void **state)
{
    (void)state;
    return sources_new(10, 1000, &s);
}

static int tear_down(void **state)
{
    (void)state;
    sources_free(s);
    return 0;
}

static struct addr ip(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(str_from(text), 5060, &a), 0);
    return a;
}

// How many of n are let through.
static unsigned take(const char *text, unsigned n, uint64_t now_ms)
{
    struct addr a = ip(text);
    unsigned taken = 0;
    while (n--)
        taken += sources_take(s, &a, now_ms);
    return taken;
}

static void give(const char *text, unsigned n)
{
    struct addr a = ip(text);
    sources_give(s, &a, n);
}

static void each_source_has_its_own_limit(void **state)
{
    (void)state;
    assert_int_equal(take("192.0.2.1", 15, 5), 10);
    assert_int_equal(take("192.0.2.2", 5, 5), 5);
    assert_int_equal(take("192.0.2.1", 1, 5), 0);
    assert_int_equal(take("2001:db8:0:1::1", 8, 5), 8);
    assert_int_equal(take("2001:db8:0:1:ffff::2", 8, 5), 2); // the same /64
    assert_int_equal(take("2001:db8:0:2::1", 8, 5), 8);
}

static void finished_ones_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(take("192.0.2.1", 10, 5), 10);
    give("192.0.2.1", 2);
    assert_int_equal(take("192.0.2.1", 5, 5), 2);
    give("192.0.2.1", 100);
    assert_int_equal(take("192.0.2.1", 15, 5), 10);
    give("192.0.2.9", 2); // never seen
    assert_int_equal(take("192.0.2.9", 15, 5), 10);
}

static void unfinished_ones_are_forgotten(void **state)
{
    (void)state;
    assert_int_equal(take("192.0.2.1", 10, 5), 10);
    assert_int_equal(take("192.0.2.1", 10, 205), 2);
    // Asking again and again does not stop the clock.
    for (uint64_t t = 206; t < 305; t++)
        assert_int_equal(take("192.0.2.1", 1, t), 0);
    assert_int_equal(take("192.0.2.1", 1, 305), 1);
    assert_int_equal(take("192.0.2.1", 20, 100000), 10);
}

static void no_limit(void **state)
{
    struct sources *none;
    struct addr a = ip("192.0.2.1");
    (void)state;
    assert_int_equal(sources_new(0, 1000, &none), 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(sources_take(none, &a, 5));
    sources_give(none, &a, 5);
    sources_free(none);
}

// More sources than places: who has begun most keeps his.
static void crowd_does_not_hide_a_flood(void **state)
{
    (void)state;
    assert_int_equal(take("192.0.2.1", 10, 5), 10);
    for (unsigned i = 0; i < 65536; i++) {
        struct addr a = ip("10.0.0.0");
        unsigned char *b = (unsigned char *)&a.in4.sin_addr;
        b[2] = (unsigned char)(i >> 8);
        b[3] = (unsigned char)i;
        assert_true(sources_take(s, &a, 5));
    }
    assert_int_equal(take("192.0.2.1", 5, 5), 0);
}

static void out_of_memory(void **state)
{
    struct sources *none = NULL;
    (void)state;
    mem_fail_after(0);
    int err = sources_new(1, 1, &none);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(none);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_source_has_its_own_limit), T(finished_ones_do_not_count),
        T(unfinished_ones_are_forgotten), T(no_limit),
        T(crowd_does_not_hide_a_flood),   T(out_of_memory),
    };
    return cmocka_run_group_tests_name("pcscf_sources", tests, NULL, NULL);
}
