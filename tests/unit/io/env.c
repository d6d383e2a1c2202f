// SPDX-License-Identifier: Apache-2.0
#include "env.h"

#include "io/sim.h"
#include "io/uv.h"

enum { GUARD_MS = 10000, SIM_GUARD_MS = 600000 };

static void give_up(void *arg)
{
    struct env *e = arg;
    e->gave_up = true;
    loop_stop(e->loop);
}

static struct env *env_new(void)
{
    static struct env e;
    e = (struct env){.live = mem_live()};
    timer_init(&e.guard, give_up, &e);
    return &e;
}

int env_setup_uv(void **state)
{
    struct env *e = env_new();
    struct uv_loop_params p = {0};
    *state = e;
    return uvloop_new(&p, &e->loop);
}

int env_setup_sim(void **state)
{
    struct env *e = env_new();
    *state = e;
    int err = sim_new(1, &e->sim);
    return err < 0 ? err : sim_node(e->sim, "node", &e->loop);
}

int env_teardown(void **state)
{
    struct env *e = *state;
    loop_free(e->loop);
    sim_free(e->sim);
    return mem_live() == e->live ? 0 : -1;
}

void env_run(struct env *e)
{
    e->done = e->gave_up = false;
    timer_start(e->loop, &e->guard, e->sim ? SIM_GUARD_MS : GUARD_MS);
    if (e->sim) {
        while (!e->done && !e->gave_up && sim_step(e->sim))
            continue;
    } else {
        (void)loop_run(e->loop);
    }
    timer_stop(&e->guard);
    assert_false(e->gave_up);
    assert_true(e->done);
}

void env_done(void *env)
{
    struct env *e = env;
    e->done = true;
    loop_stop(e->loop);
}

void env_pass(struct env *e, uint64_t ms)
{
    struct timer t;
    timer_init(&t, env_done, e);
    timer_start(e->loop, &t, ms);
    env_run(e);
}

struct addr env_addr(uint16_t port)
{
    struct addr a = {0};
    assert_int_equal(addr_parse(STR("127.0.0.1"), port, &a), 0);
    return a;
}
