// SPDX-License-Identifier: Apache-2.0
// What a burst took goes back to the system when nobody has needed it for a while, and no sooner;
// what is in use stays. Judged by the pages that the kernel counts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <malloc.h>

#include "app/app_priv.h"
#include "io/sim.h"

enum { BLOCKS = 400000, BLOCK = 200, KEPT_EACH = 100, MB = 1 << 20, LOOK_MS = 10000 };

static struct sim *sim;
static struct app app;
static char *blocks[BLOCKS];

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long all = 0, here = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &all, &here), 2);
    fclose(f);
    return (size_t)here * 4096;
}

// All of it is touched; one block in a hundred stays in use until the test is over.
static void burst(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = blocks[i] ? blocks[i] : mem_alloc(BLOCK);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)(i % 251), BLOCK);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (i % KEPT_EACH == 0)
            continue;
        mem_free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void run(uint64_t ms)
{
    (void)sim_run(sim, sim_now_ms(sim) + ms);
}

static int set_up(void **state)
{
    app = (struct app){.heap_idle = 0};
    app_heap_keep();
    assert_int_equal(sim_new(1, &sim), 0);
    assert_int_equal(sim_node(sim, "node", &app.loop), 0);
    app_heap_watch(&app);
    return 0;
}

static int tear_down(void **state)
{
    timer_stop(&app.heap_timer);
    for (size_t i = 0; i < BLOCKS; i += KEPT_EACH) {
        for (size_t k = 0; blocks[i] && k < BLOCK; k++)
            assert_int_equal((unsigned char)blocks[i][k], i % 251);
        mem_free(blocks[i]);
        blocks[i] = NULL;
    }
    loop_free(app.loop);
    sim_free(sim);
    return 0;
}

// Another allocator (a sanitizer's) is no concern of ours.
static void need_glibc(void)
{
    if (mallinfo2().fordblks < 40 * MB)
        skip();
}

static void a_burst_goes_back(void **state)
{
    burst();
    need_glibc();
    size_t full = resident();
    run(2 * LOOK_MS + 1);
    assert_true(resident() + 8 * MB > full); // it may be needed again in a moment
    run(LOOK_MS);
    assert_true(resident() + 30 * MB < full);
}

static void what_is_needed_again_stays(void **state)
{
    burst();
    need_glibc();
    size_t full = resident();
    static char *again[BLOCKS];
    for (int i = 0; i < 6; i++) {
        run(LOOK_MS);
        for (size_t k = 0; k < BLOCKS; k++)
            again[k] = mem_alloc(BLOCK);
        run(LOOK_MS); // a look at which hardly anything is free
        for (size_t k = 0; k < BLOCKS; k++)
            mem_free(again[k]);
    }
    assert_true(resident() + 8 * MB > full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_needed_again_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("app_heap", tests, NULL, NULL);
}
