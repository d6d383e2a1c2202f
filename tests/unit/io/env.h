// SPDX-License-Identifier: Apache-2.0
// One loop of either kind, so that the same test runs on both. The virtual clock makes the
// simulation's runs short; the real loop gives up after ten seconds.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

struct env {
    struct loop *loop;
    struct sim *sim; // NULL: the real loop
    struct timer guard;
    bool done, gave_up;
    long live; // allocations before
};

// Setup and teardown for cmocka; the teardown checks that nothing leaked.
int env_setup_uv(void **state);
int env_setup_sim(void **state);
int env_teardown(void **state);

// Runs the loop until env_done; fails the test when that does not happen.
void env_run(struct env *e);
void env_done(void *env);
// Runs for about ms.
void env_pass(struct env *e, uint64_t ms);

// 127.0.0.1 with a port.
struct addr env_addr(uint16_t port);

#define ENV_TEST_UV(f) {#f " (uv)", f, env_setup_uv, env_teardown, NULL}
#define ENV_TEST_SIM(f) {#f " (sim)", f, env_setup_sim, env_teardown, NULL}
#define ENV_TEST(f) ENV_TEST_UV(f), ENV_TEST_SIM(f)
