// SPDX-License-Identifier: Apache-2.0
// Two S-CSCFs, of which the one that all users are registered at dies (TS 23.380 4; TS 29.228 6.1.2.1; TS 24.229
// 5.3.1.3, 5.3.2.1, 5.1.2A.1.6): who is called rings by way of the other one, which has got his contact from
// the HSS; who calls is told once to register anew, and does so at the other one. When the first one is back nobody is
// lost, and in the end nothing is left at either.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "hss/hss.h"
#include "pcscf/pcscf.h"
#include "scscf/scscf.h"
#include "sip/msg.h"
#include "tests/common/held.h"
#include "tests/sim/world.h"

enum {
    USERS = 12,
    SEEDS = 10,
    STEP_MS = 100,
    END_MS = 200000, // an operation of a phone has ended by then
    SETTLE_MS = 240000,
    EXPIRY_MS = 3700000,
    LOSS_PPM = 20000,
};

static struct world w; // large: not on the stack
static uint64_t seed;

static void check(bool good, const char *what, uint64_t a, uint64_t b)
{
    if (!good)
        fail_msg("seed %llu: %s (%llu, %llu)", (unsigned long long)seed, what, (unsigned long long)a,
                 (unsigned long long)b);
}

static void expect(const char *what, uint64_t is, uint64_t wanted)
{
    check(is == wanted, what, is, wanted);
}

static size_t held(enum world_node k)
{
    return w.node[k].nf ? held_registrations(w.node[k].nf) : 0;
}

static void wait_for_the_end(void)
{
    for (int i = 0; i < END_MS / STEP_MS && w.pending; i++)
        world_run(&w, STEP_MS);
    expect("operations that do not end", w.pending, 0);
}

static void everybody_registers(void)
{
    for (size_t i = 0; i < USERS; i++) {
        world_register(&w, i);
        world_run(&w, sim_random(w.sim) % 50);
    }
    wait_for_the_end();
}

static void calls(size_t from, size_t to)
{
    world_call(&w, from, to);
    wait_for_the_end();
}

// ---- whom the HSS names ----

static void on_uaa(void *arg, const struct cx_uaa *a)
{
    (void)snprintf(arg, 128, "%.*s", STR_ARG(a->server_name));
}

static void expect_server(size_t user, const char *host)
{
    char impi[80], named[128] = "";
    (void)snprintf(impi, sizeof impi, "0010110%08zu@%s", user, W_DOMAIN);
    struct cx_uar q = {.impi = str_from(impi), .impu = str_from(w.users[user].uri), .visited_network = STR(W_DOMAIN)};
    hss_uar(w.node[W_HSS].nf, &q, on_uaa, named);
    world_run(&w, 10);
    check(strstr(named, host) != NULL, "the HSS names another S-CSCF", user, 0);
}

// ---- what is left ----

static void expect_nothing_open(void)
{
    static const enum world_node nodes[] = {W_ICSCF, W_SCSCF, W_PCSCF, W_SCSCF_2};
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        expect("transactions left", world_stack_stat(&w, nodes[i], "sip_transactions"), 0);
    expect("challenges left", held_challenges(w.node[W_SCSCF].nf) + held_challenges(w.node[W_SCSCF_2].nf), 0);
}

static void expect_expired(void)
{
    world_run(&w, EXPIRY_MS);
    expect("registrations at the first", held(W_SCSCF), 0);
    expect("registrations at the second", held(W_SCSCF_2), 0);
    expect("contacts at the P-CSCF", pcscf_counters(w.node[W_PCSCF].nf)->registrations, 0);
}

static void one(void (*story)(void))
{
    long live = mem_live();
    world_start_pair(&w, seed, USERS);
    story();
    world_stop(&w);
    sip_msg_pool_drain();
    expect("allocations left", (uint64_t)(mem_live() - live), 0);
}

static void each_seed(void (*story)(void))
{
    for (seed = 1; seed <= SEEDS; seed++)
        one(story);
}

// ---- without other faults: everything succeeds ----

static void serve(void)
{
    everybody_registers();
    expect("at the first", held(W_SCSCF), USERS);
    world_kill(&w, W_SCSCF);
    calls(0, 1); // 504: this phone registers anew, by itself
    world_run(&w, END_MS);
    expect("moved", held(W_SCSCF_2), 1);
    expect_server(0, "scscf2.");
    uint64_t ok = w.counts.call_ok, registered = w.counts.register_ok;
    for (size_t i = 1; i < USERS; i++)
        calls(0, i);
    expect("calls to users of the dead one", w.counts.call_ok, ok + USERS - 1);
    expect("registrations meanwhile", w.counts.register_ok, registered);
    expect("restored", held(W_SCSCF_2), USERS);
    for (size_t i = 0; i < USERS; i++)
        expect_server(i, "scscf2.");
    for (size_t i = 1; i < USERS; i++)
        calls(i, 0); // 504 once
    world_run(&w, END_MS);
    ok = w.counts.call_ok;
    for (size_t i = 1; i < USERS; i++)
        calls(i, i - 1);
    expect("calls of users of the dead one", w.counts.call_ok, ok + USERS - 1);
}

// It has kept on its disk what is no longer so, and ends it by itself; the HSS does not listen to it.
static void come_back(void)
{
    world_boot(&w, W_SCSCF);
    world_run(&w, 10000);
    everybody_registers();
    uint64_t ok = w.counts.call_ok;
    for (size_t i = 0; i < USERS; i++)
        calls(i, (i + 1) % USERS);
    expect("calls when it is back", w.counts.call_ok, ok + USERS);
    for (size_t i = 0; i < USERS; i++)
        expect_server(i, "scscf2.");
    expect("failed registrations", w.counts.register_failed, 0);
    world_run(&w, SETTLE_MS);
    expect_nothing_open();
}

static void calm_story(void)
{
    struct sim_faults f = {.delay_min_us = 200, .delay_max_us = 20000};
    sim_set_faults(w.sim, &f);
    serve();
    come_back();
    expect_expired();
}

static void calm(void **state)
{
    (void)state;
    each_seed(calm_story);
}

// ---- with messages lost, and either of them dying at any time: everything ends ----

static void rough_round(void)
{
    enum world_node victim = sim_random(w.sim) % 2 ? W_SCSCF : W_SCSCF_2;
    size_t dies = sim_random(w.sim) % USERS, back = dies + sim_random(w.sim) % USERS;
    for (size_t i = 0; i < 2 * (size_t)USERS; i++) {
        if (i == dies)
            world_kill(&w, victim);
        if (i == back)
            world_boot(&w, victim);
        if (sim_random(w.sim) % 3 == 0)
            world_register(&w, i % USERS);
        world_call(&w, i % USERS, (i + 1 + sim_random(w.sim) % (USERS - 1)) % USERS);
        world_run(&w, sim_random(w.sim) % 3000);
    }
    world_boot(&w, victim);
}

static void rough_story(void)
{
    struct sim_faults f = {
        .loss_ppm = LOSS_PPM, .dup_ppm = LOSS_PPM, .reorder_ppm = LOSS_PPM, .delay_min_us = 200, .delay_max_us = 30000};
    sim_set_faults(w.sim, &f);
    everybody_registers();
    for (int i = 0; i < 4; i++)
        rough_round();
    f = (struct sim_faults){.delay_min_us = 200, .delay_max_us = 2000};
    sim_set_faults(w.sim, &f);
    world_run(&w, SETTLE_MS);
    world_hang_up(&w); // of a call that has lost a node
    world_run(&w, SETTLE_MS);
    wait_for_the_end();
    everybody_registers();
    uint64_t ok = w.counts.call_ok;
    for (size_t i = 0; i < USERS; i++)
        calls(i, (i + 1) % USERS);
    check(w.counts.call_ok == ok + USERS, "calls in the end", w.counts.call_ok, ok + USERS);
    world_run(&w, SETTLE_MS);
    expect_nothing_open();
    expect_expired();
}

static void rough(void **state)
{
    (void)state;
    each_seed(rough_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(calm), cmocka_unit_test(rough)};
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("sim_restoration", tests, NULL, NULL);
}
