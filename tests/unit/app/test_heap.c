// SPDX-License-Identifier: Apache-2.0
// What a burst took goes back to the system when nobody has needed it for a while, and no sooner;
// what is in use stays. Judged by what the allocator is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <malloc.h>

#include "app/app_priv.h"
#include "io/sim.h"

// What the allocator says is free, and how often it was told to give back, whatever allocator this build has.
static size_t free_bytes;
static unsigned trims;
static size_t kept;

struct mallinfo2 __wrap_mallinfo2(void);
int __wrap_malloc_trim(size_t keep);

struct mallinfo2 __wrap_mallinfo2(void)
{
    return (struct mallinfo2){.fordblks = free_bytes};
}

int __wrap_malloc_trim(size_t keep)
{
    trims++;
    kept = keep;
    return 1;
}

enum { MB = 1 << 20, LOOK_MS = 10000 };

static struct sim *sim;
static struct app app;

static int set_up(void **state)
{
    (void)state;
    app = (struct app){.heap_idle = 0};
    free_bytes = 0;
    trims = 0;
    assert_int_equal(sim_new(1, &sim), 0);
    assert_int_equal(sim_node(sim, "node", &app.loop), 0);
    app_heap_watch(&app);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    timer_stop(&app.heap_timer);
    loop_free(app.loop);
    sim_free(sim);
    return 0;
}

static void looks(unsigned n)
{
    (void)sim_run(sim, sim_now_ms(sim) + n * LOOK_MS);
}

static void a_burst_goes_back(void **state)
{
    (void)state;
    free_bytes = 100 * MB;
    looks(2);
    assert_int_equal(trims, 0); // it may be needed again in a moment
    looks(1);
    assert_int_equal(trims, 1);
    assert_int_equal(kept, 16 * MB);
    free_bytes = 16 * MB;
    looks(20);
    assert_int_equal(trims, 1);
}

static void what_is_needed_again_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        free_bytes = 100 * MB;
        looks(2);
        free_bytes = 10 * MB;
        looks(1);
    }
    assert_int_equal(trims, 0);
}

static void little_stays(void **state)
{
    (void)state;
    free_bytes = 32 * MB;
    looks(20);
    assert_int_equal(trims, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_needed_again_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(little_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("app_heap", tests, NULL, NULL);
}
