// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/log_limit.h"

static char last[1000];
static unsigned n;

static void keep(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level;
    n++;
    memcpy(last, line.p, line.n < sizeof last ? line.n : sizeof last - 1);
    last[line.n < sizeof last ? line.n : sizeof last - 1] = 0;
}

static int set_up(void **state)
{
    (void)state;
    log_admit_reset();
    log_set_level(LOG_INFO);
    log_set_sink(keep, NULL);
    n = 0;
    return 0;
}

static unsigned admitted(const char *kind, const char *detail, uint64_t source, uint64_t now,
                         unsigned times)
{
    unsigned yes = 0;
    for (unsigned i = 0; i < times; i++)
        yes += log_admit(kind, detail, source, now);
    return yes;
}

static void one_source(void **state)
{
    (void)state;
    assert_int_equal(admitted("refused", "a", 1, 0, 50), LOG_SOURCE_LINES);
    assert_int_equal(admitted("refused", "b", 1, 0, 5), 5); // another cause
    assert_int_equal(admitted("refused", "a", 2, 0, 5), 5); // another source
    assert_int_equal(admitted("refused", NULL, 1, 0, 5), 5);
    log_admit_tick(LOG_WINDOW_MS - 1);
    assert_int_equal(n, 0);
    log_admit_tick(LOG_WINDOW_MS);
    assert_int_equal(n, 1);
    assert_non_null(strstr(last, "log lines suppressed lines=30 of=refused cause=a"));
    log_admit_tick(LOG_WINDOW_MS);
    assert_int_equal(n, 1);
    assert_int_equal(admitted("refused", "a", 1, LOG_WINDOW_MS, 50), LOG_SOURCE_LINES);
    assert_int_equal(log_suppressed(), 60);
}

static void all_sources(void **state)
{
    unsigned yes = 0;
    (void)state;
    for (uint64_t source = 1; source <= 10000; source++)
        yes += log_admit("refused", "a", source * 0x9e3779b97f4a7c15u, 5);
    assert_int_equal(yes, LOG_KIND_LINES);
    assert_true(log_admit("refused", "b", 1, 5));
    // The summary comes also without a tick, with the first line of the next window.
    assert_true(log_admit("refused", "a", 1, 5 + LOG_WINDOW_MS));
    assert_non_null(strstr(last, "lines=9900"));
}

// More kinds than there are places: bounded all the same, and nothing is written twice.
static void many_kinds(void **state)
{
    char kind[] = "kind 000";
    unsigned yes = 0;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        kind[5] = (char)('0' + i / 100);
        kind[6] = (char)('0' + i / 10 % 10);
        kind[7] = (char)('0' + i % 10);
        yes += admitted(kind, NULL, 1, 0, 30);
    }
    assert_true(yes <= 64 * LOG_SOURCE_LINES && yes >= 32 * LOG_SOURCE_LINES);
    assert_true(log_admit("kind 000", NULL, 2, LOG_WINDOW_MS));
}

static void clock_that_goes_back(void **state)
{
    (void)state;
    assert_int_equal(admitted("refused", "a", 1, 1000000, 50), LOG_SOURCE_LINES);
    assert_int_equal(admitted("refused", "a", 1, 0, 50), LOG_SOURCE_LINES);
}

static void level_comes_first(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    for (unsigned i = 0; i < 100; i++)
        LOG_FROM(1, 0, LOG_INFO, "refused", "a", LF_NUM("i", i));
    assert_int_equal(n, 0);
    assert_int_equal(log_suppressed(), 0);
    log_set_level(LOG_INFO);
    LOG_FROM(1, 0, LOG_INFO, "refused", "a", LF_NUM("i", 7));
    assert_non_null(strstr(last, "refused i=7"));
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_source), T(all_sources), T(many_kinds), T(clock_that_goes_back), T(level_comes_first),
    };
    return cmocka_run_group_tests_name("base_log_limit", tests, NULL, NULL);
}
