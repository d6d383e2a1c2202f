// SPDX-License-Identifier: Apache-2.0
// What a node keeps: memory and disk agree in the end, whatever the disk did meanwhile, and nobody
// is told that something is on the disk that is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/sim.h"
#include "io/sim_disk.h"
#include "store/keep.h"

enum { THINGS = 6, VALUE = 24, STEPS_MAX = 1000 };
#define FOLDER "/state/node"

struct thing {
    struct keep_item item;
    bool here;
    char value[VALUE];
};

struct node {
    struct sim *sim;
    struct loop *loop;
    struct keep *keep;
    struct thing things[THINGS];
    size_t padding; // of each value
    int starved;    // the thing whose value has no memory, counted from 1; 0: none
    uint64_t max_bytes;
};

static struct node node;

// ---- the node ----

static void write_key(void *arg, const struct keep_item *it, struct writer *w)
{
    const struct thing *t = CONTAINER_OF(it, const struct thing, item);
    (void)arg;
    writer_printf(w, "%d", (int)(t - node.things));
}

static int write_value(void *arg, const struct keep_item *it, struct writer *w)
{
    const struct thing *t = CONTAINER_OF(it, const struct thing, item);
    (void)arg;
    if (node.starved == 1 + (int)(t - node.things))
        return ERR_NOMEM;
    writer_str(w, str_from(t->value));
    for (size_t i = 0; i < node.padding; i++)
        writer_chr(w, '.');
    return 0;
}

static const struct keep_kind kind = {
    .prefix = STR_INIT("thing/"), .key = write_key, .value = write_value};
static const struct keep_kind vital = {
    .prefix = STR_INIT("vital/"), .key = write_key, .value = write_value, .vital = true};

static int on_load(void *arg, struct str key, struct str value)
{
    uint32_t i;
    (void)arg;
    assert_int_equal(str_u32(key, &i), 0);
    if (str_starts(value, STR("old")))
        return ERR_NODATA;
    while (value.n && value.p[value.n - 1] == '.')
        value.n--;
    struct thing *t = &node.things[i];
    assert_false(t->here);
    t->here = true;
    (void)snprintf(t->value, VALUE, "%.*s", STR_ARG(value));
    keep_item_init(&t->item, &kind);
    return 0;
}

static int open_as(const char *name, uint32_t format, char *why, size_t size)
{
    struct keep_params p = {
        .loop = node.loop, .folder = FOLDER, .node = str_from(name), .format = format, .max_bytes = node.max_bytes};
    return keep_open(&p, why, size, &node.keep);
}

static void start(void)
{
    char why[256];
    memset(node.things, 0, sizeof node.things);
    assert_int_equal(sim_node(node.sim, "node", &node.loop), 0);
    if (open_as("test", 1, why, sizeof why) != 0)
        fail_msg("%s", why);
    assert_int_equal(keep_load(node.keep, &kind, on_load, NULL), 0);
}

static void stop(void)
{
    sim_crash(node.sim, node.loop);
    keep_close(node.keep);
    loop_free(node.loop);
    node.keep = NULL;
    node.loop = NULL;
}

static void restart(void)
{
    stop();
    sim_disk_power_cycle(sim_disk_at(node.sim, FOLDER), SIM_DISK_SOME);
    start();
}

static struct disk *disk(void)
{
    return sim_disk_at(node.sim, FOLDER);
}

static void run(uint64_t ms)
{
    (void)sim_run(node.sim, sim_now_ms(node.sim) + ms);
}

static void set(int i, const char *value)
{
    struct thing *t = &node.things[i];
    if (!t->here)
        keep_item_init(&t->item, &kind);
    t->here = true;
    (void)snprintf(t->value, VALUE, "%s", value);
    keep_changed(node.keep, &t->item);
}

static void remove_thing(int i)
{
    keep_removed(node.keep, &node.things[i].item);
    node.things[i].here = false;
}

static void expect(int i, const char *value)
{
    const struct thing *t = &node.things[i];
    assert_int_equal(t->here, value != NULL);
    if (value)
        assert_string_equal(t->value, value);
}

// What came back to who waits.
struct came {
    unsigned times;
    int err;
};

static void on_came(void *arg, uint64_t id, int err)
{
    struct came *c = arg;
    assert_int_equal(id, 7);
    c->times++;
    c->err = err;
}

static int wait_for(int i, struct came *c)
{
    *c = (struct came){0};
    return keep_wait(node.keep, &node.things[i].item, on_came, c, 7);
}

static int setup(void **state)
{
    (void)state;
    node = (struct node){0};
    log_set_level(LOG_ERROR);
    assert_int_equal(sim_new(1, &node.sim), 0);
    start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_after(-1);
    if (node.loop)
        stop();
    sim_free(node.sim);
    return mem_live() == 0 ? 0 : -1;
}

static void no_line(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level, (void)line;
}

// ---- good days ----

static void test_survives(void **state)
{
    (void)state;
    set(0, "a");
    set(1, "b");
    set(2, "c");
    run(100);
    set(1, "d");
    remove_thing(2);
    run(100);
    restart();
    assert_int_equal(keep_figures(node.keep).loaded, 2);
    expect(0, "a");
    expect(1, "d");
    expect(2, NULL);
}

static void test_once_a_turn(void **state)
{
    (void)state;
    char value[VALUE];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(value, VALUE, "%d", i);
        set(0, value);
    }
    set(1, "b");
    run(100);
    const struct keep_figures f = keep_figures(node.keep);
    assert_int_equal(f.state.puts, 3); // and the folder's owner
    assert_int_equal(f.unwritten, 0);
    restart();
    expect(0, "49");
}

static void test_waits(void **state)
{
    (void)state;
    struct came first, second, late;
    set(0, "a");
    assert_int_equal(wait_for(0, &first), 0);
    assert_int_equal(wait_for(0, &second), 0);
    assert_int_equal(first.times, 0);
    run(100);
    assert_int_equal(first.times, 1);
    assert_int_equal(first.err, 0);
    assert_int_equal(second.times, 1);
    assert_int_equal(wait_for(0, &late), KEEP_NOW);
    run(100);
    assert_int_equal(late.times, 0);
}

// Runs until the write is on its way.
static void fly(void)
{
    while (!node.things[0].item.write)
        assert_true(sim_step(node.sim));
}

// Who waits for a value that is newer than what is on its way waits for the newer one.
static void test_waits_for_the_newer_value(void **state)
{
    (void)state;
    struct came first, second;
    set(0, "a");
    assert_int_equal(wait_for(0, &first), 0);
    fly();
    set(0, "b");
    assert_int_equal(wait_for(0, &second), 0);
    while (!first.times)
        assert_true(sim_step(node.sim));
    assert_int_equal(second.times, 0);
    run(100);
    assert_int_equal(second.times, 1);
    restart();
    expect(0, "b");
}

static void test_removal_is_waited_for(void **state)
{
    (void)state;
    struct came gone, value;
    set(0, "a");
    run(100);
    set(0, "b");
    assert_int_equal(wait_for(0, &value), 0);
    assert_int_equal(keep_removed_wait(node.keep, &node.things[0].item, on_came,
                                       memset(&gone, 0, sizeof gone), 7),
                     0);
    node.things[0].here = false;
    keep_removed(node.keep, &node.things[0].item); // twice
    run(100);
    assert_int_equal(gone.times, 1);
    assert_int_equal(gone.err, 0);
    assert_int_equal(value.times, 1);
    restart();
    expect(0, NULL);
}

static void test_removed_while_on_its_way(void **state)
{
    (void)state;
    set(0, "a");
    fly();
    remove_thing(0);
    run(100);
    restart();
    expect(0, NULL);
}

static void test_made_again(void **state)
{
    (void)state;
    set(0, "a");
    run(100);
    remove_thing(0);
    set(0, "b");
    run(100);
    remove_thing(0);
    run(1);
    set(0, "c");
    run(100);
    restart();
    expect(0, "c");
}

static void test_flush(void **state)
{
    (void)state;
    struct came c = {0}, none = {0};
    set(0, "a");
    set(1, "b");
    assert_int_equal(keep_wait_all(node.keep, on_came, &c, 7), 0);
    run(100);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, 0);
    assert_int_equal(keep_wait_all(node.keep, on_came, &none, 7), KEEP_NOW);
    restart();
    expect(0, "a");
    expect(1, "b");
}

static void test_of_no_use(void **state)
{
    (void)state;
    set(0, "old");
    set(1, "new");
    run(100);
    restart();
    assert_int_equal(keep_figures(node.keep).dropped, 1);
    run(100);
    restart();
    assert_int_equal(keep_figures(node.keep).dropped, 0);
    expect(0, NULL);
    expect(1, "new");
}

static void test_large_values(void **state)
{
    (void)state;
    struct came c;
    node.padding = 100000;
    set(0, "a");
    run(100);
    restart();
    expect(0, "a");
    node.padding = STATE_VALUE_MAX + 1;
    set(0, "b");
    set(1, "c");
    assert_int_equal(wait_for(0, &c), 0);
    log_set_sink(no_line, NULL);
    run(100);
    log_set_sink(NULL, NULL);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, ERR_INVAL);
    assert_int_equal(keep_figures(node.keep).lost, 2);
    assert_int_equal(keep_figures(node.keep).unwritten, 0);
}

static void test_whose_folder(void **state)
{
    (void)state;
    char why[256];
    struct keep *own = node.keep;
    run(100);
    assert_int_equal(open_as("test", 1, why, sizeof why), ERR_INUSE);
    assert_non_null(strstr(why, "another process"));
    node.keep = own;
    stop();
    assert_int_equal(sim_node(node.sim, "node", &node.loop), 0);
    assert_int_equal(open_as("other", 1, why, sizeof why), ERR_BAD);
    assert_string_equal(why, "it is of test, not of other");
    assert_int_equal(open_as("test", 2, why, sizeof why), 0);
    run(100);
    keep_close(node.keep);
    assert_int_equal(open_as("test", 1, why, sizeof why), ERR_BAD);
    assert_non_null(strstr(why, "newer"));
    loop_free(node.loop);
    node.loop = NULL;
}

static void test_nothing_is_kept(void **state)
{
    (void)state;
    struct keep_item it;
    struct came c = {0};
    keep_item_init(&it, &kind);
    keep_changed(NULL, &it);
    assert_int_equal(keep_wait(NULL, &it, on_came, &c, 7), KEEP_NOW);
    keep_removed(NULL, &it);
    assert_int_equal(keep_load(NULL, &kind, on_load, NULL), 0);
    assert_false(keep_failing(NULL));
    assert_int_equal(keep_figures(NULL).state.records, 0);
    keep_close(NULL);
}

// ---- bad days ----

static void test_full_disk(void **state)
{
    (void)state;
    struct came c, d;
    set(0, "a");
    set(1, "b");
    run(100);
    log_set_sink(no_line, NULL);
    sim_disk_set_room(disk(), 0);
    set(0, "c");
    set(2, "d");
    remove_thing(1);
    assert_int_equal(wait_for(0, &c), 0);
    run(100);
    assert_int_equal(c.err, ERR_FULL);
    assert_true(keep_failing(node.keep));
    set(0, "e");
    assert_int_equal(wait_for(0, &d), 0);
    run(5000);
    assert_int_equal(d.times, 1);
    assert_int_equal(d.err, ERR_FULL);
    assert_int_equal(keep_figures(node.keep).unwritten, 3);
    assert_true(keep_figures(node.keep).unwritten_ms >= 5000);
    sim_disk_set_room(disk(), UINT64_MAX);
    run(5000);
    log_set_sink(NULL, NULL);
    assert_false(keep_failing(node.keep));
    assert_int_equal(keep_figures(node.keep).unwritten, 0);
    restart();
    expect(0, "e");
    expect(1, NULL);
    expect(2, "d");
}

// A removal that the disk has refused must not take what came later.
static void test_made_again_while_it_fails(void **state)
{
    (void)state;
    set(0, "a");
    run(100);
    log_set_sink(no_line, NULL);
    sim_disk_break(disk(), 1);
    remove_thing(0);
    run(10);
    assert_true(keep_failing(node.keep));
    set(0, "b");
    run(5000);
    log_set_sink(NULL, NULL);
    assert_int_equal(keep_figures(node.keep).unwritten, 0);
    restart();
    expect(0, "b");
}

static void test_flush_tells_of_failure(void **state)
{
    (void)state;
    struct came c = {0};
    log_set_sink(no_line, NULL);
    sim_disk_set_room(disk(), 0);
    set(0, "a");
    run(10);
    set(1, "b");
    assert_int_equal(keep_wait_all(node.keep, on_came, &c, 7), 0);
    run(10);
    log_set_sink(NULL, NULL);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, ERR_FULL);
}

// Until what was asked is on its way.
static void take_off(void)
{
    while (keep_figures(node.keep).state.waiting == 0)
        assert_true(sim_step(node.sim));
}

// It is on its way, and is changed again: the answer is that of the newer value, which the disk refuses.
static void test_all_are_the_newer_values(void **state)
{
    (void)state;
    struct came all = {0};
    run(100);
    log_set_sink(no_line, NULL);
    set(0, "a");
    take_off();
    set(0, "b");
    sim_disk_break_after(disk(), 2, 1);
    assert_int_equal(keep_wait_all(node.keep, on_came, &all, 7), 0);
    while (!all.times)
        assert_true(sim_step(node.sim));
    log_set_sink(NULL, NULL);
    assert_int_equal(all.err, ERR_IO);
    assert_int_equal(keep_figures(node.keep).state.batches, 3); // the owner's too
}

// One that is changed without end does not keep the others waiting.
static void test_all_come_back_beside_one_that_changes(void **state)
{
    (void)state;
    struct came all = {0};
    set(0, "a");
    take_off();
    set(0, "b");
    assert_int_equal(keep_wait_all(node.keep, on_came, &all, 7), 0);
    for (unsigned i = 0; i < STEPS_MAX && !all.times; i++) {
        assert_true(sim_step(node.sim));
        set(0, i % 2 ? "c" : "d");
    }
    assert_int_equal(all.times, 1);
    assert_int_equal(all.err, 0);
}

static int set_and_wait(int i, const char *value, struct came *c)
{
    uint64_t mark = keep_mark(node.keep);
    *c = (struct came){0};
    set(i, value);
    return keep_wait_since(node.keep, mark, on_came, c, 7);
}

// There is no room for one more record, but for those that are there.
static void test_others_are_no_concern(void **state)
{
    (void)state;
    struct came a, b, again, gone = {0};
    set(0, "a");
    set(2, "c");
    run(100);
    node.max_bytes = keep_figures(node.keep).state.live_bytes + 10;
    restart();
    log_set_sink(no_line, NULL);
    assert_int_equal(set_and_wait(1, "new", &b), 0);
    assert_int_equal(set_and_wait(0, "b", &a), 0);
    run(100);
    assert_int_equal(b.err, ERR_FULL);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.err, 0);
    // Beside each try of the one that is refused.
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(set_and_wait(0, i % 2 ? "d" : "e", &a), 0);
        take_off();
        assert_int_equal(set_and_wait(0, i % 2 ? "f" : "g", &again), 0);
        run(130);
        assert_int_equal(a.times + again.times, 2);
        assert_int_equal(a.err, 0);
        assert_int_equal(again.err, 0);
        assert_true(keep_failing(node.keep));
    }
    uint64_t mark = keep_mark(node.keep);
    remove_thing(2);
    assert_int_equal(keep_wait_since(node.keep, mark, on_came, &gone, 7), 0);
    run(2000);
    log_set_sink(NULL, NULL);
    assert_int_equal(gone.times, 1);
    assert_int_equal(gone.err, 0);
    assert_false(keep_failing(node.keep));
}

static void test_nothing_since(void **state)
{
    (void)state;
    struct came c = {0};
    run(100);
    assert_int_equal(keep_wait_since(NULL, keep_mark(NULL), on_came, &c, 7), KEEP_NOW);
    assert_int_equal(keep_wait_since(node.keep, keep_mark(node.keep), on_came, &c, 7), KEEP_NOW);
    set(0, "a");
    assert_int_equal(keep_wait_since(node.keep, keep_mark(node.keep), on_came, &c, 7), 0);
    run(100);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, 0);
}

// It does not end with each try, nor with the removal of what was refused.
static void test_fails_without_a_break(void **state)
{
    (void)state;
    run(100);
    log_set_sink(no_line, NULL);
    sim_disk_set_room(disk(), 0);
    set(0, "a");
    set(1, "b");
    run(100);
    uint64_t begun = sim_now_ms(node.sim);
    while (sim_now_ms(node.sim) < begun + 5000 && sim_step(node.sim))
        assert_true(keep_failing(node.keep));
    assert_true(keep_figures(node.keep).unwritten_ms >= 4000);
    remove_thing(0);
    remove_thing(1);
    assert_true(keep_failing(node.keep));
    run(3000);
    log_set_sink(NULL, NULL);
    assert_false(keep_failing(node.keep)); // what was never written need not be removed
}

// Its writer is asked again, the others go on meanwhile.
static void test_value_without_memory(void **state)
{
    (void)state;
    struct came a, b;
    log_set_sink(no_line, NULL);
    node.starved = 1;
    set(0, "a");
    set(1, "b");
    assert_int_equal(wait_for(0, &a), 0);
    assert_int_equal(wait_for(1, &b), 0);
    run(100);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.err, ERR_NOMEM);
    assert_int_equal(b.times, 1);
    assert_int_equal(b.err, 0);
    assert_true(keep_failing(node.keep));
    run(5000);
    assert_true(keep_failing(node.keep));
    node.starved = 0;
    run(2000);
    log_set_sink(NULL, NULL);
    assert_false(keep_failing(node.keep));
    assert_int_equal(keep_figures(node.keep).lost, 0);
    restart();
    expect(0, "a");
    expect(1, "b");
}

// While a record of somebody else's is refused.
static void test_gone_is_waited_for_alone(void **state)
{
    (void)state;
    struct came c = {0};
    log_set_sink(no_line, NULL);
    set(1, "b");
    run(100);
    assert_int_equal(keep_wait_gone(node.keep, STR("thing/1"), on_came, &c, 7), KEEP_NOW);
    node.starved = 1;
    set(0, "a");
    run(100);
    remove_thing(1);
    assert_int_equal(keep_wait_gone(node.keep, STR("thing/1"), on_came, &c, 7), 0);
    run(100);
    log_set_sink(NULL, NULL);
    assert_true(keep_failing(node.keep));
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, 0);
    assert_int_equal(keep_wait_gone(NULL, STR("thing/1"), on_came, &c, 7), KEEP_NOW);
}

// ---- what must not be lost ----

static int on_vital(void *arg, struct str key, struct str value)
{
    (void)key, (void)value;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned vitals(void)
{
    unsigned n = 0;
    assert_int_equal(keep_load(node.keep, &vital, on_vital, &n), 0);
    return n;
}

// In place of thing 2 there is a vital one.
static void change_over(void)
{
    struct thing *t = &node.things[3];
    keep_item_init(&t->item, &vital);
    (void)snprintf(t->value, VALUE, "in place of 2");
    keep_changed(node.keep, &t->item);
    remove_thing(2);
}

static void test_vital_beyond_the_bound(void **state)
{
    (void)state;
    struct came c;
    log_set_sink(no_line, NULL);
    set(2, "c");
    run(100);
    node.max_bytes = keep_figures(node.keep).state.live_bytes;
    restart();
    change_over();
    assert_int_equal(wait_for(3, &c), 0);
    run(100);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.err, 0);
    set(1, "b"); // what is not has no such room
    assert_int_equal(wait_for(1, &c), 0);
    run(100);
    log_set_sink(NULL, NULL);
    assert_int_equal(c.err, ERR_FULL);
    restart();
    assert_int_equal(vitals(), 1);
    expect(2, NULL);
}

// Whatever has no memory, and whenever the process dies.
static void test_one_or_the_other(void **state)
{
    (void)state;
    log_set_sink(no_line, NULL);
    for (long n = 0; n < 40; n++) {
        set(2, "c");
        run(100);
        mem_fail_after(n);
        change_over();
        run(100);
        mem_fail_after(-1);
        restart();
        bool there = node.things[2].here;
        assert_int_equal(vitals() + there, 1);
        teardown(NULL);
        setup(NULL);
        log_set_sink(no_line, NULL);
    }
    log_set_sink(NULL, NULL);
}

// A disk that is well again by then has what must not be lost first.
static void test_vital_is_tried_first(void **state)
{
    (void)state;
    log_set_sink(no_line, NULL);
    set(2, "c");
    run(100);
    sim_disk_set_room(disk(), 0);
    change_over();
    for (unsigned seconds = 0; seconds < 4; seconds++) {
        run(1000);
        assert_true(keep_failing(node.keep));
    }
    sim_disk_set_room(disk(), UINT64_MAX);
    while (keep_figures(node.keep).state.failing)
        assert_true(sim_step(node.sim));
    log_set_sink(NULL, NULL);
    restart();
    assert_true(vitals() + node.things[2].here > 0);
}

static void test_signed_when_the_disk_is_well_again(void **state)
{
    (void)state;
    char why[256];
    log_set_sink(no_line, NULL);
    sim_disk_break(disk(), 2);
    run(5000);
    log_set_sink(NULL, NULL);
    stop();
    assert_int_equal(sim_node(node.sim, "node", &node.loop), 0);
    assert_int_equal(open_as("other", 1, why, sizeof why), ERR_BAD);
    loop_free(node.loop);
    start();
}

static void test_close_with_all_of_it_waiting(void **state)
{
    (void)state;
    struct came a, b, all = {0};
    set(0, "a");
    assert_int_equal(wait_for(0, &a), 0);
    fly();
    set(0, "b");
    set(1, "b");
    remove_thing(2);
    assert_int_equal(wait_for(0, &b), 0);
    assert_int_equal(keep_wait_all(node.keep, on_came, &all, 7), 0);
    stop();
    assert_int_equal(a.times + b.times + all.times, 0);
}

// ---- every byte, every allocation ----

// A history of one thing's values; which of them was confirmed last.
struct story {
    unsigned said, sure;
    bool failed;
};

static void on_sure(void *arg, uint64_t id, int err)
{
    struct story *s = arg;
    if (!err && id > s->sure)
        s->sure = (unsigned)id;
}

static void on_power(void *arg)
{
    ((struct story *)arg)->failed = true;
}

static void tell_story(struct story *s)
{
    char value[VALUE];
    while (s->said < 12 && !s->failed) {
        s->said++;
        (void)snprintf(value, VALUE, "%u", s->said);
        set(0, value);
        if (s->said % 3 == 0)
            remove_thing(1);
        else
            set(1, value);
        (void)keep_wait(node.keep, &node.things[0].item, on_sure, s, s->said);
        for (int i = 0; i < 6 && !s->failed && sim_step(node.sim); i++)
            ;
    }
    for (int i = 0;
         i < STEPS_MAX && !s->failed && keep_figures(node.keep).unwritten && sim_step(node.sim);
         i++)
        ; // without memory it is never over
}

static void test_crash_at_every_byte(void **state)
{
    (void)state;
    log_set_sink(no_line, NULL);
    bool over = false;
    for (uint64_t steps = 0; !over; steps++) {
        struct story s = {0};
        teardown(NULL);
        node = (struct node){0};
        assert_int_equal(sim_new(steps, &node.sim), 0);
        start();
        sim_disk_fail_after(disk(), steps, on_power, &s);
        tell_story(&s);
        over = !s.failed;
        restart();
        uint32_t found = 0;
        if (node.things[0].here)
            assert_int_equal(str_u32(str_from(node.things[0].value), &found), 0);
        if (found < s.sure || found > s.said)
            fail_msg("after %llu steps: %u found, %u confirmed", (unsigned long long)steps, found,
                     s.sure);
        if (over)
            assert_int_equal(found, s.said);
    }
    log_set_sink(NULL, NULL);
}

static void test_no_memory(void **state)
{
    (void)state;
    log_set_sink(no_line, NULL);
    for (long n = 0; n < 60; n++) {
        struct story s = {0};
        remove_thing(0);
        remove_thing(1);
        run(10000);
        uint64_t lost = keep_figures(node.keep).lost;
        mem_fail_after(n);
        tell_story(&s);
        mem_fail_after(-1);
        run(20000);
        assert_int_equal(keep_figures(node.keep).unwritten, 0);
        bool removed = keep_figures(node.keep).lost == lost;
        restart();
        expect(0, "12");
        if (removed)
            expect(1, NULL);
        if (node.things[1].here)
            remove_thing(1);
    }
    log_set_sink(NULL, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_survives),
        TEST(test_once_a_turn),
        TEST(test_waits),
        TEST(test_waits_for_the_newer_value),
        TEST(test_removal_is_waited_for),
        TEST(test_removed_while_on_its_way),
        TEST(test_made_again),
        TEST(test_flush),
        TEST(test_of_no_use),
        TEST(test_large_values),
        TEST(test_whose_folder),
        TEST(test_nothing_is_kept),
        TEST(test_full_disk),
        TEST(test_made_again_while_it_fails),
        TEST(test_flush_tells_of_failure),
        TEST(test_all_are_the_newer_values),
        TEST(test_all_come_back_beside_one_that_changes),
        TEST(test_others_are_no_concern),
        TEST(test_nothing_since),
        TEST(test_fails_without_a_break),
        TEST(test_value_without_memory),
        TEST(test_gone_is_waited_for_alone),
        TEST(test_vital_beyond_the_bound),
        TEST(test_one_or_the_other),
        TEST(test_vital_is_tried_first),
        TEST(test_signed_when_the_disk_is_well_again),
        TEST(test_close_with_all_of_it_waiting),
        TEST(test_crash_at_every_byte),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
