// SPDX-License-Identifier: Apache-2.0
// What a finished call holds in each node of the whole core, and for how long: tombstones of its transactions
// (RFC 3261 17, RFC 6026 7), no request, no context.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/sim/world.h"

enum {
    CALLER = 0,
    CALLED = 1,
    USERS = 2,
    TALK_MS = 2000,
    ALL_TIMERS_MS = 200000, // the longest is 128 s (TS 24.229 table 7.7.1)
    REGISTERED_MS = 5000,
};

static struct world w; // large: not on the stack

static uint64_t sum(const char *name)
{
    uint64_t n = 0;
    for (int k = W_ICSCF; k < W_NODES; k++)
        n += world_stack_stat(&w, (enum world_node)k, name);
    return n;
}

static void start(void)
{
    world_start(&w, 1, USERS);
    for (size_t i = 0; i < USERS; i++)
        world_register(&w, i);
    world_run(&w, REGISTERED_MS);
    assert_int_equal(w.counts.register_ok, USERS);
    world_run(&w, ALL_TIMERS_MS);
}

static void call(void)
{
    uint64_t before = w.counts.call_established;
    world_call(&w, CALLER, CALLED);
    world_run(&w, TALK_MS);
    assert_int_equal(w.counts.call_established, before + 1);
    world_hang_up(&w);
    world_run(&w, TALK_MS);
}

static void a_finished_call(void **state)
{
    static const struct {
        enum world_node node;
        const char *name;
        uint64_t at_most;
    } nodes[] = {{W_PCSCF, "p", 5000}, {W_ICSCF, "i", 1000}, {W_SCSCF, "s", 2500}};
    (void)state;
    start();
    for (int round = 0; round < 2; round++) {
        assert_int_equal(sum("sip_transactions_held"), 0);
        call();
        for (size_t k = 0; k < sizeof nodes / sizeof *nodes; k++) {
            uint64_t bytes = world_stack_stat(&w, nodes[k].node, "sip_finished_bytes");
            print_message("# finished_call_%s %llu bytes, %llu transactions\n", nodes[k].name,
                          (unsigned long long)bytes,
                          (unsigned long long)world_stack_stat(&w, nodes[k].node, "sip_transactions_finished"));
            assert_in_range(bytes, 100, nodes[k].at_most);
        }
        assert_int_equal(sum("sip_requests_held"), 0);
        assert_int_equal(sum("sip_transactions"), 0);
        assert_true(sum("sip_requests_accepted") > 0);
        world_run(&w, ALL_TIMERS_MS);
        assert_int_equal(sum("sip_finished_bytes"), 0);
        assert_int_equal(sum("sip_requests_accepted"), 0);
    }
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_finished_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
