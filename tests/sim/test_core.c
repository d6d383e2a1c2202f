// SPDX-License-Identifier: Apache-2.0
// The whole core in simulation:
//   test_core [--seeds N] [--first SEED] [--users N] [--log LEVEL]
// For each seed one run without faults, in which everything must succeed and the counters of the nodes
// must agree, and one with loss, delay, duplication, reordering, resets, restarts, and in each round one
// trouble more (partition, loss one way, names that come and go, no memory, a loss of power in the middle of a write),
// in which everything must end. After each, nothing may be left: no transaction, call, challenge, binding or
// allocation. Every tenth seed is run twice and must give the same trace. TAP on standard output.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "pcscf/pcscf.h"
#include "scscf/scscf.h"
#include "sip/msg.h"
#include "tests/common/held.h"
#include "tests/sim/world.h"

enum { ROUNDS = 4, SETTLE_MS = 240000, EXPIRY_MS = 3700000, ONE_WAY_PPM = 500000, POWER_STEPS = 40000,
       WAVE = 50, WAVE_MS = 1000 };

struct result {
    uint64_t hash, messages, registrations, calls, failures;
    unsigned problems;
};

static struct world world; // large: not on the stack

// Log lines in virtual time.
static uint64_t clock_ms(void *arg)
{
    return world.sim ? sim_now_ms(world.sim) : 0;
}

static bool quiet(void)
{
    return world.pending == 0;
}

static unsigned check(bool good, uint64_t seed, const char *what, uint64_t a, uint64_t b)
{
    if (!good)
        printf("# seed %llu: %s (%llu, %llu)\n", (unsigned long long)seed, what,
               (unsigned long long)a, (unsigned long long)b);
    return !good;
}

static void run_ms(uint64_t ms)
{
    world_run(&world, ms);
}

static void faults(uint32_t loss_ppm)
{
    struct sim_faults f = {.loss_ppm = loss_ppm,
                           .dup_ppm = loss_ppm,
                           .reorder_ppm = loss_ppm,
                           .reset_ppm = loss_ppm / 100,
                           .delay_min_us = 200,
                           .delay_max_us = loss_ppm ? 30000 : 2000};
    sim_set_faults(world.sim, &f);
}

// What goes wrong in a round beside all that.
enum trouble { NOTHING, PARTITION, ONE_WAY, NO_NAMES, NO_MEMORY, NO_POWER, TROUBLES };

struct plan {
    enum trouble trouble;
    struct addr a, b;
    enum world_node node; // whose machine loses its power in the middle of a write
    uint64_t steps;
    bool names_gone;
};

static struct plan plan_trouble(bool rough)
{
    struct plan p = {.trouble = NOTHING};
    if (!rough)
        return p;
    p.trouble = (enum trouble)(sim_random(world.sim) % TROUBLES);
    uint64_t a = sim_random(world.sim) % W_NODES, b = 1 + sim_random(world.sim) % (W_NODES - 1);
    p.node = sim_random(world.sim) % 2 ? W_SCSCF : W_PCSCF;
    p.steps = sim_random(world.sim) % POWER_STEPS;
    p.a = world_address((enum world_node)a);
    p.b = world_address((enum world_node)((a + b) % W_NODES));
    return p;
}

static void begin_trouble(const struct plan *p)
{
    if (p->trouble == PARTITION)
        (void)sim_partition(world.sim, &p->a, &p->b, true);
    if (p->trouble == ONE_WAY)
        (void)sim_lose(world.sim, &p->a, &p->b, ONE_WAY_PPM);
    if (p->trouble == NO_POWER)
        world_crash_after(&world, p->node, p->steps);
}

// Between two calls.
static void step_trouble(struct plan *p)
{
    if (p->trouble == NO_NAMES && sim_random(world.sim) % 8 == 0) {
        p->names_gone = !p->names_gone;
        sim_dns_down(world.sim, p->names_gone);
    }
    if (p->trouble == NO_MEMORY && sim_random(world.sim) % 16 == 0) {
        mem_fail_after((long)(sim_random(world.sim) % 300));
        run_ms(3);
        mem_fail_after(-1);
    }
}

static void end_trouble(const struct plan *p)
{
    if (p->trouble == PARTITION)
        (void)sim_partition(world.sim, &p->a, &p->b, false);
    if (p->trouble == ONE_WAY)
        (void)sim_lose(world.sim, &p->a, &p->b, 0);
    if (p->trouble == NO_POWER) {
        world_crash_after(&world, p->node, UINT64_MAX);
        world_boot(&world, p->node);
    }
    sim_dns_down(world.sim, false);
}

static void register_all(bool rough)
{
    size_t n = world.n_users;
    enum world_node victim = (enum world_node)(sim_random(world.sim) % W_NODES);
    for (size_t i = 0; i < n; i++) {
        if (rough && i == n / 2)
            world_kill(&world, victim);
        if (rough && i == n / 2 + 1 + n / 10)
            world_boot(&world, victim);
        world_register(&world, i);
        run_ms(sim_random(world.sim) % 10);
    }
    world_boot(&world, victim);
    run_ms(rough ? 40000 : 3000);
}

// Each user registers and calls another one, a few milliseconds apart; nodes die and come back.
static void work(bool rough)
{
    size_t n = world.n_users;
    for (int round = 0; round < ROUNDS; round++) {
        register_all(rough);
        enum world_node victim = (enum world_node)(sim_random(world.sim) % W_NODES);
        struct plan trouble = plan_trouble(rough);
        begin_trouble(&trouble);
        for (size_t i = 0; i < n; i++) {
            if (rough && i == n / 3)
                world_kill(&world, victim);
            if (rough && i == n / 3 + 1 + n / 10)
                world_boot(&world, victim);
            step_trouble(&trouble);
            world_call(&world, i, (i + 1 + sim_random(world.sim) % (n - 1)) % n);
            run_ms(sim_random(world.sim) % (rough ? 300 : 10));
        }
        end_trouble(&trouble);
        world_boot(&world, victim);
        run_ms(rough ? 40000 : 3000);
    }
    faults(0);
    run_ms(SETTLE_MS);
    // A node that died may have left a call with one end: people put the phone down in the end.
    if (rough)
        world_hang_up(&world);
    run_ms(SETTLE_MS);
}

static size_t calls_left(void)
{
    size_t n = 0;
    for (size_t i = 0; i < W_HUBS; i++)
        n += hub_calls(world.hub[i]);
    return n;
}

static unsigned check_quiet(uint64_t seed)
{
    unsigned bad = check(quiet(), seed, "operations that never ended", world.pending, 0);
    bad += check(calls_left() == 0, seed, "calls left at UEs", calls_left(), 0);
    for (int k = W_ICSCF; k < W_NODES; k++) {
        uint64_t t = world_stack_stat(&world, (enum world_node)k, "sip_transactions");
        bad += check(t == 0, seed, "transactions left at node", t, (uint64_t)k);
    }
    uint64_t c = held_challenges(world.node[W_SCSCF].nf);
    return bad + check(c == 0, seed, "challenges left", c, 0);
}

// Those who go from one user of a node to another are one call there.
static unsigned check_calls(uint64_t seed, uint64_t calls)
{
    unsigned bad = 0;
    for (int k = W_SCSCF; k <= W_PCSCF; k++) {
        uint64_t total = world_stack_stat(&world, (enum world_node)k, "sip_calls_total"),
                 now = world_stack_stat(&world, (enum world_node)k, "sip_calls");
        bad += check(total == calls, seed, "calls counted at a node", total, calls);
        bad += check(now == 0, seed, "calls counted at a node that have ended", now, (uint64_t)k);
    }
    return bad;
}

static unsigned check_exact(uint64_t seed)
{
    const struct world_counts *c = &world.counts;
    size_t n = world.n_users;
    const struct pcscf_counters *p = pcscf_counters(world.node[W_PCSCF].nf);
    uint64_t bindings = held_bindings(world.node[W_SCSCF].nf);
    unsigned bad = check(c->register_failed == 0, seed, "registrations failed", c->register_failed, 0);
    bad += check(c->register_ok == n * ROUNDS, seed, "registrations", c->register_ok, n * ROUNDS);
    bad += check(c->call_failed == 0, seed, "calls failed", c->call_failed, 0);
    bad += check(c->call_ok == n * ROUNDS, seed, "calls", c->call_ok, n * ROUNDS);
    bad += check(p->registrations == n, seed, "contacts at the P-CSCF", p->registrations, n);
    bad += check(bindings == n, seed, "bindings at the S-CSCF", bindings, n);
    bad += check_calls(seed, c->call_ok);
    return bad + check(p->registered == c->register_ok, seed, "P-CSCF's and UEs' registrations",
                       p->registered, c->register_ok);
}

static unsigned check_expired(uint64_t seed)
{
    uint64_t p = pcscf_counters(world.node[W_PCSCF].nf)->registrations;
    uint64_t b = held_bindings(world.node[W_SCSCF].nf), r = held_registrations(world.node[W_SCSCF].nf);
    unsigned bad = check(p == 0, seed, "contacts that did not expire at the P-CSCF", p, 0);
    bad += check(b == 0, seed, "bindings that did not expire", b, 0);
    for (int k = W_SCSCF; k <= W_PCSCF; k++) {
        uint64_t calls = world_stack_stat(&world, (enum world_node)k, "sip_calls");
        bad += check(calls == 0, seed, "calls counted at a node that are long over", calls, (uint64_t)k);
    }
    return bad + check(r == 0, seed, "registrations that did not expire", r, 0);
}

// ---- who is registered ----

static void on_contact(void *arg, const struct pcscf_contact *c)
{
    (void)c;
    ++*(size_t *)arg;
}

static size_t at_pcscf(size_t user)
{
    size_t n = 0;
    pcscf_contacts(world.node[W_PCSCF].nf, str_from(world.users[user].uri), on_contact, &n);
    return n;
}

static size_t at_scscf(size_t user)
{
    const struct scscf *s = world.node[W_SCSCF].nf;
    const struct registration *reg = registrar_find(s->registrar, str_from(world.users[user].uri), NULL);
    return reg ? registration_binding_count(reg) : 0;
}

// Whatever has died: what a phone was told holds, and HSS and S-CSCF say the same of everybody.
static unsigned check_users(uint64_t seed)
{
    unsigned bad = 0;
    for (size_t i = 0; i < world.n_users; i++) {
        bool confirmed = phone_is_registered(world.users[i].phone), hss = world_is_registered(&world, i);
        size_t p = at_pcscf(i), s = at_scscf(i);
        bad += check(!confirmed || p == 1, seed, "contacts at the P-CSCF of a phone that is registered", p, i);
        bad += check(!confirmed || s == 1, seed, "bindings at the S-CSCF of a phone that is registered", s, i);
        bad += check(hss == (s > 0), seed, "HSS and S-CSCF disagree about a user", hss, i);
    }
    return bad;
}

// And everybody can register, after which all three agree.
static unsigned check_agreement(uint64_t seed)
{
    unsigned bad = check_users(seed);
    uint64_t before = world.counts.register_ok;
    for (size_t i = 0; i < world.n_users; i++) {
        world_register(&world, i);
        if (i % WAVE == WAVE - 1)
            run_ms(WAVE_MS); // all at once would be an overload
    }
    run_ms(SETTLE_MS);
    uint64_t done = world.counts.register_ok - before;
    bad += check(done == world.n_users, seed, "registrations when all is well again", done, world.n_users);
    uint64_t p = pcscf_counters(world.node[W_PCSCF].nf)->registrations;
    bad += check(p == world.n_users, seed, "contacts at the P-CSCF when all have registered", p, world.n_users);
    return bad + check_users(seed);
}

// What the operations ended with, as a comment.
static void print_statuses(uint64_t seed)
{
    printf("# seed %llu ended with", (unsigned long long)seed);
    for (size_t i = 0; i < ARRAY_LEN(world.counts.by_status); i++)
        if (world.counts.by_status[i])
            printf(" %zu:%llu", i, (unsigned long long)world.counts.by_status[i]);
    printf("\n");
}

static struct result run(uint64_t seed, size_t users, bool rough)
{
    struct result r = {0};
    long live = mem_live();
    world_start(&world, seed, users);
    faults(rough ? 20000 : 0);
    work(rough);
    r.problems = check_quiet(seed);
    if (!rough)
        r.problems += check_exact(seed);
    r.problems += check_agreement(seed);
    run_ms(EXPIRY_MS);
    r.problems += check_expired(seed);
    print_statuses(seed);
    r.hash = world.trace_hash;
    r.messages = world.trace_messages;
    r.registrations = world.counts.register_ok;
    r.calls = world.counts.call_ok;
    r.failures = world.counts.register_failed + world.counts.call_failed;
    world_stop(&world);
    sip_msg_pool_drain(); // messages kept for reuse are not left over
    r.problems += check(mem_live() == live, seed, "allocations left", (uint64_t)(mem_live() - live), 0);
    return r;
}

static void report(unsigned n, uint64_t seed, const char *kind, const struct result *r, bool good)
{
    printf("%sok %u - seed %llu %s: %llu registrations, %llu calls, %llu failures, %llu messages\n",
           good ? "" : "not ", n, (unsigned long long)seed, kind, (unsigned long long)r->registrations,
           (unsigned long long)r->calls, (unsigned long long)r->failures,
           (unsigned long long)r->messages);
    (void)fflush(stdout);
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t def)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return def;
}

int main(int argc, char **argv)
{
    uint64_t seeds = option(argc, argv, "--seeds", 3), first = option(argc, argv, "--first", 1);
    size_t users = (size_t)option(argc, argv, "--users", 100);
    unsigned n = 0, bad = 0;
    enum log_level level = LOG_ERROR;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--log") == 0)
            (void)log_level_parse(str_from(argv[i + 1]), &level);
    log_set_level(level);
    log_set_clock(clock_ms, NULL);
    printf("1..%llu\n", (unsigned long long)(2 * seeds + (seeds + 9) / 10));
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct result calm = run(seed, users, false), rough = run(seed, users, true);
        report(++n, seed, "calm", &calm, calm.problems == 0);
        // Faults may make operations fail, but a core that fails most of them is broken.
        bool enough = rough.registrations + rough.calls > rough.failures;
        report(++n, seed, "rough", &rough, rough.problems == 0 && enough);
        bad += (calm.problems != 0) + (rough.problems != 0 || !enough);
        if ((seed - first) % 10)
            continue;
        struct result again = run(seed, users, true);
        bool same = again.hash == rough.hash && again.messages == rough.messages;
        report(++n, seed, "rough again, same trace", &again, same);
        bad += !same;
    }
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
