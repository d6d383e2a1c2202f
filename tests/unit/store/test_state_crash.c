// SPDX-License-Identifier: Apache-2.0
// The power fails at every step of a history, a byte written being a step: what is there afterwards
// is what some number of whole turns made, and at least those that had been acknowledged.
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "state_env.h"

enum { TURNS = 9, OPS = 4, KEYS = 6, TEXT = 4096, BROKEN_TURNS = 6 };

static char expected[TURNS + 1][TEXT]; // after so many turns

struct history {
    struct world w;
    unsigned acked[TURNS];
    unsigned begun; // turns that were called
    bool failed;    // the power has
};

static const char *value_of(unsigned turn, unsigned i, char buf[64])
{
    (void)snprintf(buf, 64, "%u.%u-%.*s", turn, i, (int)(turn * 7 + i * 5) % 30,
                   "abcdefghijklmnopqrstuvwxyzabcdef");
    return buf;
}

static unsigned key_of(unsigned turn, unsigned i)
{
    return (turn * 5 + i * i) % KEYS;
}

static bool deletes(unsigned turn, unsigned i)
{
    return (turn + i) % 4 == 3;
}

static void expect(void)
{
    char values[KEYS][64] = {""};
    for (unsigned t = 0; t < TURNS; t++) {
        for (unsigned i = 0; i < OPS; i++) {
            char buf[64];
            (void)snprintf(values[key_of(t, i)], 64, "%s",
                           deletes(t, i) ? "" : value_of(t, i, buf));
        }
        size_t n = 0;
        for (unsigned k = 0; k < KEYS; k++)
            if (values[k][0])
                n += (size_t)snprintf(expected[t + 1] + n, TEXT - n, "k%u=%s;", k, values[k]);
    }
}

static void power_failed(void *arg)
{
    ((struct history *)arg)->failed = true;
}

static void came(void *arg, uint64_t id, int err, const struct state_record *r)
{
    struct history *h = arg;
    (void)r;
    if (!err || err == ERR_NOTFOUND)
        h->acked[id]++;
}

static void call_turn(struct history *h, unsigned t)
{
    struct state_done done = {came, h, t};
    h->begun = t + 1;
    for (unsigned i = 0; i < OPS; i++) {
        char key[8], buf[64];
        (void)snprintf(key, sizeof(key), "k%u", key_of(t, i));
        int err = deletes(t, i) ? state_delete(h->w.state, str_from(key), STATE_ANY, done)
                                : state_put(h->w.state, str_from(key),
                                            str_from(value_of(t, i, buf)), STATE_ANY, done);
        assert_int_equal(err, 0);
    }
}

// ahead: all turns are called at once, and go one by one beside the steps of snapshots.
static void live(struct history *h, bool ahead)
{
    for (unsigned t = 0; t < TURNS && !h->failed; t++) {
        call_turn(h, t);
        if (!ahead)
            (void)sim_run(h->w.sim, sim_now_ms(h->w.sim) + 50);
    }
    (void)sim_run(h->w.sim, sim_now_ms(h->w.sim) + 50);
}

static void check(struct history *h, uint64_t step)
{
    char text[TEXT], again[TEXT];
    unsigned acked = 0, found = TURNS + 1;
    while (acked < TURNS && h->acked[acked] == OPS)
        acked++;
    dump(&h->w, "k", 3, text, sizeof(text));
    for (unsigned t = acked; t <= h->begun; t++)
        if (strcmp(text, expected[t]) == 0)
            found = t;
    if (found > TURNS)
        fail_msg("power failed at step %llu: %u of %u turns acknowledged, found %s",
                 (unsigned long long)step, acked, h->begun, text);
    // It goes on from there, and what it writes is there the next time.
    assert_int_equal(put(&h->w, "z", "after", 0).err, 0);
    world_kill(&h->w);
    sim_disk_power_cycle(h->w.disk, SIM_DISK_ALL);
    world_start(&h->w);
    assert_string_equal(get(&h->w, "z").value, "after");
    dump(&h->w, "k", STATE_SCAN_MAX, again, sizeof(again));
    assert_string_equal(again, text);
}

// Returns whether the power failed within the history.
static bool fail_at(uint64_t step, enum sim_disk_loss loss, uint64_t seed, uint64_t compact_bytes,
                    bool ahead)
{
    struct history h = {0};
    world_new(&h.w, seed);
    h.w.params.compact_bytes = compact_bytes;
    h.w.params.limits.batch = ahead ? OPS : 0;
    sim_disk_fail_after(h.w.disk, step, power_failed, &h);
    if (world_open(&h.w, NULL, 0) == 0) {
        live(&h, ahead);
        world_kill(&h.w);
    }
    bool failed = h.failed;
    sim_disk_power_cycle(h.w.disk, loss);
    world_start(&h.w);
    check(&h, step);
    world_end(&h.w);
    return failed;
}

static void every_step(uint64_t compact_bytes, bool ahead)
{
    uint64_t step = 0;
    bool failed = true;
    for (; failed; step++) {
        failed = fail_at(step, SIM_DISK_ALL, 1, compact_bytes, ahead);
        (void)fail_at(step, SIM_DISK_NONE, 1, compact_bytes, ahead);
        for (uint64_t seed = 1; seed <= 3; seed++)
            (void)fail_at(step, SIM_DISK_SOME, seed * 1000 + step, compact_bytes, ahead);
    }
    assert_true(step > 1000);
}

static void of_the_log(void **state)
{
    (void)state;
    every_step(1 << 20, false);
}

// Snapshots are written between the turns, and beside them.
static void of_snapshots(void **state)
{
    (void)state;
    every_step(1, false);
}

static void of_turns_in_a_row(void **state)
{
    (void)state;
    every_step(1, true);
}

static void snapshots_happen(void **state)
{
    (void)state;
    struct history h = {0};
    world_new(&h.w, 1);
    h.w.params.compact_bytes = 1;
    world_start(&h.w);
    live(&h, false);
    struct state_figures f = state_figures(h.w.state);
    assert_true(f.compactions >= 2);
    assert_int_equal(f.compaction_failures, 0);
    for (unsigned t = 0; t < TURNS; t++)
        assert_int_equal(h.acked[t], OPS);
    world_end(&h.w);
}

// Some changes of the files fail, with the machine alive; later ones succeed. What was acknowledged meanwhile is
// there whatever happens to the process and the power afterwards.
struct breakage {
    uint64_t skip; // changes before those that fail
    unsigned n, turns;
    enum sim_disk_loss loss;
    bool read; // something is read after each turn: a batch with nothing to write
};

static void live_with(struct history *h, const struct breakage *b)
{
    for (unsigned t = 0; t < b->turns; t++) {
        char key[16];
        struct came c, read;
        (void)snprintf(key, sizeof(key), "k%u", t);
        assert_int_equal(state_put(h->w.state, str_from(key), STR("v"), 0, came_done(&c)), 0);
        while (!c.times)
            assert_true(sim_step(h->w.sim));
        h->acked[t] = !c.err;
        if (b->read)
            assert_int_equal(state_get(h->w.state, str_from(key), came_done(&read)), 0);
        // Sometimes long enough for a snapshot that failed to be tried again.
        (void)sim_run(h->w.sim, sim_now_ms(h->w.sim) + (t % 3 == 2 ? 3000 : 50));
    }
}

static void live_and_die(struct history *h, const struct breakage *b)
{
    world_new(&h->w, b->skip);
    h->w.params.compact_bytes = 1;
    world_start(&h->w);
    sim_disk_break_after(h->w.disk, b->skip, b->n);
    live_with(h, b);
    world_kill(&h->w);
}

static void expect_acked(struct history *h, const struct breakage *b)
{
    char why[160] = "";
    if (world_open(&h->w, why, sizeof(why)) != 0)
        fail_msg("%u changes failed after %llu, %u turns: %s", b->n, (unsigned long long)b->skip, b->turns, why);
    for (unsigned t = 0; t < b->turns; t++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%u", t);
        if (h->acked[t] && get(&h->w, key).err != 0)
            fail_msg("%u changes failed after %llu, %u turns: turn %u was acknowledged and is lost", b->n,
                     (unsigned long long)b->skip, b->turns, t);
    }
    world_end(&h->w);
}

static void breaks_with(const struct breakage *b)
{
    struct history h = {0};
    live_and_die(&h, b);
    sim_disk_power_cycle(h.w.disk, b->loss);
    expect_acked(&h, b);
}

// The process is killed while the disk fails, and the power fails in the next one's start.
static void starts_without_power(const struct breakage *b, uint64_t step)
{
    struct history h = {0};
    live_and_die(&h, b);
    sim_disk_break(h.w.disk, 0);
    sim_disk_fail_after(h.w.disk, step, NULL, NULL);
    if (world_open(&h.w, NULL, 0) == 0)
        world_kill(&h.w);
    sim_disk_power_cycle(h.w.disk, SIM_DISK_SOME);
    expect_acked(&h, b);
}

static void files_that_break(void **state)
{
    (void)state;
    struct breakage b = {0};
    for (b.turns = 1; b.turns <= BROKEN_TURNS; b.turns++)
        for (b.skip = 0; b.skip < 14 * b.turns; b.skip++)
            for (b.n = 1; b.n <= 5; b.n++)
                for (b.loss = SIM_DISK_NONE; b.loss <= SIM_DISK_SOME; b.loss++)
                    for (unsigned read = 0; read < 2; read++) {
                        b.read = read;
                        breaks_with(&b);
                    }
}

static void killed_while_files_break(void **state)
{
    (void)state;
    struct breakage b = {.n = 100};
    for (b.turns = 1; b.turns <= 3; b.turns++)
        for (b.skip = 0; b.skip < 14 * b.turns; b.skip++)
            for (uint64_t step = 0; step < 16; step++)
                starts_without_power(&b, step);
}

// kill -9 with the machine alive, at any moment of the virtual time.
static void killed(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 300; us++) {
        struct history h = {0};
        world_new(&h.w, us);
        h.w.params.compact_bytes = 1;
        world_start(&h.w);
        for (unsigned t = 0; t < TURNS; t++)
            call_turn(&h, t);
        for (uint64_t i = 0; i < us / 10 && sim_step(h.w.sim); i++)
            continue;
        world_kill(&h.w);
        world_start(&h.w);
        check(&h, us);
        world_end(&h.w);
    }
}

static int leaks(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    lines_catch();
    expect();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(snapshots_happen, leaks),
        cmocka_unit_test_teardown(of_the_log, leaks),
        cmocka_unit_test_teardown(of_snapshots, leaks),
        cmocka_unit_test_teardown(of_turns_in_a_row, leaks),
        cmocka_unit_test_teardown(files_that_break, leaks),
        cmocka_unit_test_teardown(killed_while_files_break, leaks),
        cmocka_unit_test_teardown(killed, leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
