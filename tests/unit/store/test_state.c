// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "state_env.h"
#include "store/record.h"

static int start(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    lines_catch();
    world_new(w, 1);
    world_start(w);
    *state = w;
    return 0;
}

static int stop(void **state)
{
    struct world *w = *state;
    world_end(w);
    free(w);
    return mem_live() == 0 ? 0 : -1;
}

static void restart(struct world *w)
{
    world_kill(w);
    sim_disk_power_cycle(w->disk, SIM_DISK_ALL);
    world_start(w);
}

static void is_text(struct world *w, const char *prefix, size_t page, const char *text)
{
    char buf[4096];
    dump(w, prefix, page, buf, sizeof(buf));
    assert_string_equal(buf, text);
}

static void put_get_delete(void **state)
{
    struct world *w = *state;
    assert_int_equal(get(w, "a").err, ERR_NOTFOUND);
    struct came first = put(w, "a", "one", STATE_ANY);
    assert_int_equal(first.err, 0);
    assert_int_equal(first.id, 7);
    assert_true(first.version > 0);
    struct came c = get(w, "a");
    assert_int_equal(c.err, 0);
    assert_int_equal(c.version, first.version);
    assert_string_equal(c.value, "one");
    assert_true(put(w, "a", "", STATE_ANY).version > first.version);
    assert_string_equal(get(w, "a").value, "");
    assert_int_equal(del(w, "a", STATE_ANY).err, 0);
    assert_int_equal(del(w, "a", STATE_ANY).err, ERR_NOTFOUND);
    assert_int_equal(get(w, "a").err, ERR_NOTFOUND);
    assert_int_equal(state_figures(w->state).records, 0);
    assert_int_equal(state_figures(w->state).live_bytes, 0);
}

static void compare_and_set(void **state)
{
    struct world *w = *state;
    uint64_t v = put(w, "a", "1", 0).version;
    struct came c = put(w, "a", "2", 0);
    assert_int_equal(c.err, ERR_STATE);
    assert_int_equal(c.version, v);
    assert_int_equal(put(w, "a", "2", v + 1).err, ERR_STATE);
    uint64_t v2 = put(w, "a", "2", v).version;
    assert_true(v2 > v);
    assert_int_equal(del(w, "a", v).err, ERR_STATE);
    assert_int_equal(del(w, "a", v2).err, 0);
    assert_int_equal(del(w, "a", v2).err, ERR_STATE);
    // A record made again has no version that there was, after a restart and a snapshot neither.
    w->params.compact_bytes = 1;
    restart(w);
    (void)put(w, "b", "x", STATE_ANY);
    assert_true(state_figures(w->state).compactions > 0);
    restart(w);
    assert_true(put(w, "a", "3", 0).version > v2 + 1);
    assert_int_equal(put(w, "a", "4", v).err, ERR_STATE);
    assert_int_equal(state_figures(w->state).conflicts, 1);
}

// However small a batch is.
static void together(void **state)
{
    struct world *w = *state;
    struct came c[3];
    (void)put(w, "a", "1", STATE_ANY);
    w->params.limits.batch = 1;
    restart(w);
    uint64_t before = state_figures(w->state).batches;
    assert_int_equal(state_put(w->state, STR("b"), STR("1"), STATE_ANY, came_done(&c[0])), 0);
    assert_int_equal(state_put_vital(w->state, STR("c"), STR("1"), came_done(&c[1])), 0);
    assert_int_equal(state_delete(w->state, STR("a"), STATE_ANY, came_done(&c[2])), 0);
    world_run(w);
    assert_int_equal(state_figures(w->state).batches, before + 2);
    is_text(w, "", 10, "b=1;c=1;");
}

// Operations of one turn take effect in the order of the calls, reads among them.
static void one_turn(void **state)
{
    struct world *w = *state;
    struct came c[7];
    uint64_t before = state_figures(w->state).batches;
    assert_int_equal(state_get(w->state, STR("k"), came_done(&c[0])), 0);
    assert_int_equal(state_put(w->state, STR("k"), STR("1"), 0, came_done(&c[1])), 0);
    assert_int_equal(state_get(w->state, STR("k"), came_done(&c[2])), 0);
    assert_int_equal(state_delete(w->state, STR("k"), STATE_ANY, came_done(&c[3])), 0);
    assert_int_equal(state_get(w->state, STR("k"), came_done(&c[4])), 0);
    assert_int_equal(state_put(w->state, STR("k"), STR("2"), 0, came_done(&c[5])), 0);
    assert_int_equal(state_barrier(w->state, came_done(&c[6])), 0);
    assert_int_equal(state_figures(w->state).waiting, 7);
    world_run(w);
    static const int errs[] = {ERR_NOTFOUND, 0, 0, 0, ERR_NOTFOUND, 0, 0};
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_int_equal(c[i].times, 1);
        assert_int_equal(c[i].err, errs[i]);
    }
    assert_string_equal(c[2].value, "1");
    assert_string_equal(get(w, "k").value, "2");
    assert_int_equal(state_figures(w->state).batches, before + 1);
    assert_int_equal(state_figures(w->state).waiting, 0);
    assert_int_equal(state_figures(w->state).waiting_bytes, 0);
    restart(w);
    is_text(w, "", 10, "k=2;");
}

static void deleted_and_made_in_one_turn(void **state)
{
    struct world *w = *state;
    (void)put(w, "k", "0", STATE_ANY);
    struct state_done nobody = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(state_delete(w->state, STR("k"), STATE_ANY, nobody), 0);
        assert_int_equal(state_put(w->state, STR("k"), STR("x"), STATE_ANY, nobody), 0);
    }
    assert_int_equal(state_delete(w->state, STR("k"), STATE_ANY, nobody), 0);
    world_run(w);
    is_text(w, "", 10, "");
    assert_int_equal(state_figures(w->state).records, 0);
}

static void scans(void **state)
{
    struct world *w = *state;
    static const char *const keys[] = {"b/2", "a", "b/1", "b", "b/3", "c", "b/", "b0"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        (void)put(w, keys[i], keys[i], STATE_ANY);
    is_text(w, "b/", 1, "b/=b/;b/1=b/1;b/2=b/2;b/3=b/3;");
    is_text(w, "b/", 3, "b/=b/;b/1=b/1;b/2=b/2;b/3=b/3;");
    is_text(w, "d", 3, "");
    is_text(w, "", 1024, "a=a;b=b;b/=b/;b/1=b/1;b/2=b/2;b/3=b/3;b0=b0;c=c;");
    restart(w);
    is_text(w, "b", 2, "b=b;b/=b/;b/1=b/1;b/2=b/2;b/3=b/3;b0=b0;");
}

static void outside_the_range(void **state)
{
    struct world *w = *state;
    struct state_done nobody = {0};
    static char large[STATE_VALUE_MAX + 1];
    assert_int_equal(state_put(w->state, STR(""), STR("x"), STATE_ANY, nobody), ERR_INVAL);
    assert_int_equal(
        state_put(w->state, str_make(large, STATE_KEY_MAX + 1), STR("x"), STATE_ANY, nobody),
        ERR_INVAL);
    assert_int_equal(
        state_put(w->state, STR("a"), str_make(large, sizeof(large)), STATE_ANY, nobody),
        ERR_INVAL);
    assert_int_equal(state_get(w->state, STR(""), nobody), ERR_INVAL);
    assert_int_equal(state_put(w->state, str_make(large, STATE_KEY_MAX),
                               str_make(large, STATE_VALUE_MAX), 0, nobody),
                     0);
    world_run(w);
    restart(w);
    assert_int_equal(state_figures(w->state).records, 1);
}

struct seen {
    char text[512];
    size_t n;
    struct state_watch *watch;
    struct came *of; // had not come back
};

static void on_change(void *arg, const struct state_record *r)
{
    struct seen *s = arg;
    s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%.*s%s%.*s;", STR_ARG(r->key),
                             r->version ? "=" : "-", STR_ARG(r->value));
    if (s->of)
        assert_int_equal(s->of->times, 0);
}

static void on_first_change(void *arg, const struct state_record *r)
{
    struct seen *s = arg;
    on_change(arg, r);
    state_unwatch(s->watch);
}

static void watches(void **state)
{
    struct world *w = *state;
    struct came c;
    struct seen all = {.of = &c}, some = {{0}}, once = {{0}};
    assert_int_equal(state_watch(w->state, STR(""), on_change, &all, &all.watch), 0);
    assert_int_equal(state_watch(w->state, STR("b"), on_change, &some, &some.watch), 0);
    assert_int_equal(state_watch(w->state, STR(""), on_first_change, &once, &once.watch), 0);
    assert_int_equal(state_put(w->state, STR("a"), STR("1"), STATE_ANY, came_done(&c)), 0);
    assert_int_equal(all.n, 0);
    world_run(w);
    all.of = NULL;
    (void)put(w, "bb", "2", STATE_ANY);
    (void)put(w, "bb", "3", 0); // another version: nothing changes
    (void)del(w, "bb", STATE_ANY);
    (void)del(w, "bb", STATE_ANY);
    assert_string_equal(all.text, "a=1;bb=2;bb-;");
    assert_string_equal(some.text, "bb=2;bb-;");
    assert_string_equal(once.text, "a=1;");
    state_unwatch(some.watch);
    (void)put(w, "bb", "4", STATE_ANY);
    assert_string_equal(some.text, "bb=2;bb-;");
    struct state_watch *extra[STATE_WATCHES_MAX];
    for (int i = 0; i < STATE_WATCHES_MAX - 1; i++)
        assert_int_equal(state_watch(w->state, STR("x"), on_change, &some, &extra[i]), 0);
    assert_int_equal(state_watch(w->state, STR("x"), on_change, &some, &extra[0]), ERR_FULL);
}

static void a_full_queue_pushes_back(void **state)
{
    struct world *w = *state;
    w->params.limits = (struct state_limits){.waiting = 4, .waiting_bytes = 10};
    restart(w);
    struct came c[5];
    for (int i = 0; i < 4; i++)
        assert_int_equal(state_get(w->state, STR("k"), came_done(&c[i])), 0);
    assert_int_equal(state_get(w->state, STR("k"), came_done(&c[4])), ERR_FULL);
    world_run(w);
    assert_int_equal(c[3].times, 1);
    assert_int_equal(c[4].times, 0);
    assert_int_equal(state_put(w->state, STR("k"), STR("0123456789"), STATE_ANY, came_done(&c[0])),
                     ERR_FULL);
    assert_int_equal(state_put(w->state, STR("k"), STR("012345678"), STATE_ANY, came_done(&c[0])),
                     0);
    assert_int_equal(state_get(w->state, STR("k"), came_done(&c[1])), ERR_FULL);
    world_run(w);
    assert_int_equal(c[0].err, 0);
    assert_int_equal(state_figures(w->state).pushed_back, 3);
    assert_int_equal(lines_with("is behind"), 2);
}

// A disk that refuses: everybody is told, nothing is half there, one line, and it goes on by
// itself.
static void fails_and_goes_on(struct world *w, int err)
{
    struct came c[4];
    assert_int_equal(state_put(w->state, STR("a"), STR("new"), STATE_ANY, came_done(&c[0])), 0);
    assert_int_equal(state_get(w->state, STR("a"), came_done(&c[1])), 0);
    assert_int_equal(state_delete(w->state, STR("b"), STATE_ANY, came_done(&c[2])), 0);
    assert_int_equal(state_put(w->state, STR("c"), STR("new"), STATE_ANY, came_done(&c[3])), 0);
    world_run(w);
    assert_int_equal(c[0].err, err);
    assert_int_equal(c[1].err, 0);
    assert_string_equal(c[1].value, "old");
    assert_int_equal(c[2].err, err);
    assert_int_equal(c[3].err, err);
    assert_true(state_figures(w->state).failing);
    assert_int_equal(put(w, "a", "newer", STATE_ANY).err, err);
    assert_int_equal(lines_with("refuses writes"), 1);
    is_text(w, "", 10, "a=old;b=old;");
}

static void disk_full(void **state)
{
    struct world *w = *state;
    (void)put(w, "a", "old", STATE_ANY);
    (void)put(w, "b", "old", STATE_ANY);
    sim_disk_set_room(w->disk, state_figures(w->state).disk_bytes + 20);
    fails_and_goes_on(w, ERR_FULL);
    sim_disk_set_room(w->disk, UINT64_MAX);
    assert_int_equal(put(w, "a", "newest", STATE_ANY).err, 0);
    assert_false(state_figures(w->state).failing);
    restart(w);
    is_text(w, "", 10, "a=newest;b=old;");
}

static void disk_broken(void **state)
{
    struct world *w = *state;
    (void)put(w, "a", "old", STATE_ANY);
    (void)put(w, "b", "old", STATE_ANY);
    sim_disk_break(w->disk, 2);
    fails_and_goes_on(w, ERR_IO);
    assert_int_equal(put(w, "c", "x", 0).err, 0);
    restart(w);
    is_text(w, "", 10, "a=old;b=old;c=x;");
}

static void bound_of_the_store(void **state)
{
    struct world *w = *state;
    w->params.max_bytes = 100;
    restart(w);
    assert_int_equal(put(w, "a", "0123456789012345678901234567890123456789", 0).err, 0);
    assert_int_equal(put(w, "b", "0123456789012345678901234567890123456789", 0).err, ERR_FULL);
    assert_int_equal(put(w, "c", "0123456789012345678901234567890123456789", 0).err, ERR_FULL);
    assert_int_equal(lines_with("reached its bound"), 1);
    assert_int_equal(put(w, "a", "012345678901234567890123456789012345678", STATE_ANY).err, 0);
    assert_int_equal(del(w, "a", STATE_ANY).err, 0);
    assert_int_equal(put(w, "b", "x", 0).err, 0);
    assert_false(state_figures(w->state).failing);
}

// The snapshot's own troubles lose nothing and stop nobody.
static void snapshot_fails(void **state)
{
    struct world *w = *state;
    w->params.compact_bytes = 1;
    restart(w);
    (void)put(w, "a", "old", STATE_ANY);
    for (unsigned n = 1; n < 12; n++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%u", n);
        struct came c;
        assert_int_equal(state_put(w->state, STR("b"), str_from(text), STATE_ANY, came_done(&c)),
                         0);
        while (c.times == 0)
            assert_true(sim_step(w->sim));
        sim_disk_break(w->disk, n);
        (void)sim_run(w->sim, sim_now_ms(w->sim) + 30000);
        sim_disk_break(w->disk, 0);
        (void)snprintf(text, sizeof(text), "a=old;b=%u;", n);
        is_text(w, "", 10, text);
    }
    assert_true(state_figures(w->state).compaction_failures > 10);
    assert_false(state_figures(w->state).compacting);
    restart(w);
    is_text(w, "", 10, "a=old;b=11;");
}

// A snapshot that the disk has no room for takes none from the log, which goes on as long as there is some.
static void no_room_for_a_snapshot(void **state)
{
    struct world *w = *state;
    char value[64], text[8];
    struct disk_file *f;
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(text, sizeof(text), "%u", i % 40);
        (void)put(w, text, value, STATE_ANY);
    }
    w->params.compact_bytes = 1;
    w->params.limits.batch = 1;
    world_kill(w);
    sim_disk_power_cycle(w->disk, SIM_DISK_ALL);
    world_start(w);
    sim_disk_set_room(w->disk, state_figures(w->state).disk_bytes + 2000);
    unsigned puts = 0;
    while (puts < 100 && put(w, "same", "short", STATE_ANY).err == 0)
        puts++;
    assert_in_range(puts, 10, 99); // of some 130 bytes each, with the new log's head
    assert_true(state_figures(w->state).compaction_failures > 0);
    assert_int_equal(w->disk->ops->open(w->disk, "00000002.tmp", false, &f), ERR_NOTFOUND);
    assert_true(lines_with("cannot write its snapshot") > 0);
    sim_disk_set_room(w->disk, UINT64_MAX);
    assert_int_equal(put(w, "same", "short", STATE_ANY).err, 0);
    (void)sim_run(w->sim, sim_now_ms(w->sim) + 5000);
    assert_true(state_figures(w->state).compactions > 0);
}

// Closed while a batch is under way, on a loop that goes on: nobody is called any more.
static void closed_at_work(void **state)
{
    struct world *w = *state;
    struct came c[2];
    assert_int_equal(state_put(w->state, STR("a"), STR("x"), 0, came_done(&c[0])), 0);
    assert_true(sim_step(w->sim));
    assert_int_equal(state_put(w->state, STR("b"), STR("x"), 0, came_done(&c[1])), 0);
    state_close(w->state);
    world_run(w);
    assert_int_equal(c[0].times + c[1].times, 0);
    loop_free(w->loop);
    world_start(w);
    is_text(w, "", 10, "a=x;");
}

// ---- damage ----

static void rot_of_a_value(void **state)
{
    struct world *w = *state;
    (void)put(w, "a", "one", STATE_ANY);
    uint64_t at = state_figures(w->state).disk_bytes - 1;
    (void)put(w, "b", "two", STATE_ANY);
    assert_int_equal(sim_disk_rot(w->disk, "00000001.log", at), 0);
    assert_int_equal(get(w, "a").err, ERR_BAD);
    assert_int_equal(lines_with("damaged record"), 1);
    assert_int_equal(state_figures(w->state).damaged, 1);
    is_text(w, "", 10, "b=two;");
    assert_int_equal(put(w, "a", "again", STATE_ANY).err, 0);
    assert_string_equal(get(w, "a").value, "again");
}

// Acknowledged and damaged: the store says so and does not start, unless it is told to leave it
// out.
static void rot_before_the_start(void **state)
{
    struct world *w = *state;
    (void)put(w, "a", "one", STATE_ANY);
    uint64_t at = state_figures(w->state).disk_bytes - 1;
    (void)put(w, "b", "two", STATE_ANY);
    (void)put(w, "c", "three", STATE_ANY);
    assert_int_equal(sim_disk_rot(w->disk, "00000001.log", at), 0);
    world_kill(w);
    char why[160] = "";
    assert_int_equal(world_open(w, why, sizeof(why)), ERR_BAD);
    assert_non_null(strstr(why, "00000001.log is damaged at byte 40"));
    w->params.salvage = true;
    world_start(w);
    assert_int_equal(lines_with("has lost records"), 1);
    assert_int_equal(state_figures(w->state).damaged, 1);
    is_text(w, "", 10, "b=two;c=three;");
    assert_int_equal(put(w, "d", "four", STATE_ANY).err, 0);
    restart(w);
    is_text(w, "", 10, "b=two;c=three;d=four;");
}

static void rot_of_a_snapshot(void **state)
{
    struct world *w = *state;
    w->params.compact_bytes = 1;
    restart(w);
    (void)put(w, "a", "one", STATE_ANY);
    (void)put(w, "b", "two", STATE_ANY);
    (void)put(w, "b", "three", STATE_ANY);
    assert_true(state_figures(w->state).compactions > 0);
    char name[32];
    unsigned generation = 2;
    do
        (void)snprintf(name, sizeof(name), "%08x.snap", generation++);
    while (generation < 100 && sim_disk_rot(w->disk, name, 90) != 0);
    assert_true(generation < 100);
    world_kill(w);
    char why[160] = "";
    assert_int_equal(world_open(w, why, sizeof(why)), ERR_BAD);
    assert_non_null(strstr(why, name));
    assert_int_equal(sim_disk_rot(w->disk, name, 90), 0);
    world_start(w);
    is_text(w, "", 10, "a=one;b=three;");
}

static size_t batch_text(char *buf, const struct batch_head *like, uint64_t version, const char *key)
{
    struct batch_head h = *like;
    h.kind = RECORD_LOG;
    h.n = 1;
    h.n_body = (uint32_t)record_size(strlen(key), 1);
    record_write(buf + BATCH_HEAD, &(struct record){.version = version, .key = str_from(key), .value = STR("v")});
    h.first = version;
    batch_seal(buf, &h);
    return BATCH_HEAD + h.n_body;
}

static void write_log(struct world *w, const char *name, const char *bytes, size_t n)
{
    struct disk_file *f;
    assert_int_equal(w->disk->ops->open(w->disk, name, true, &f), 0);
    assert_int_equal(w->disk->ops->truncate(f, 0), 0);
    assert_int_equal(w->disk->ops->write(f, 0, bytes, n), 0);
    assert_int_equal(w->disk->ops->sync(f), 0);
    w->disk->ops->close(f);
}

// A batch that the disk refused was left in a log, whole or torn, and the next log goes on with its version.
static void tail_before_the_last_log(void **state)
{
    struct world *w = *state;
    char buf[512];
    for (unsigned torn = 0; torn < 2; torn++) {
        struct batch_head h = {.generation = 1, .lot = 11, .first = 1, .kind = RECORD_HEAD};
        world_kill(w);
        batch_seal(buf, &h);
        size_t n = BATCH_HEAD;
        n += batch_text(buf + n, &h, 1, "a");
        n += batch_text(buf + n, &h, 2, "refused") - torn;
        write_log(w, "00000001.log", buf, n);
        h = (struct batch_head){.generation = 2, .lot = 22, .first = 2, .kind = RECORD_HEAD};
        batch_seal(buf, &h);
        write_log(w, "00000002.log", buf, BATCH_HEAD + batch_text(buf + BATCH_HEAD, &h, 2, "b"));
        world_start(w);
        is_text(w, "", 10, "a=v;b=v;");
        assert_int_equal(state_figures(w->state).damaged, 0);
    }
}

static void missing_file(void **state)
{
    struct world *w = *state;
    (void)put(w, "a", "one", STATE_ANY);
    world_kill(w);
    assert_int_equal(w->disk->ops->rename(w->disk, "00000001.log", "00000002.log"), 0);
    char why[160] = "";
    assert_int_equal(world_open(w, why, sizeof(why)), ERR_BAD);
    assert_int_equal(w->disk->ops->rename(w->disk, "00000002.log", "00000001.log"), 0);
    world_start(w);
}

// Whatever cannot be allocated: the operation fails or succeeds, whole, and the store goes on.
static void no_memory(void **state)
{
    struct world *w = *state;
    for (long n = 0; n < 40; n++) {
        struct came c = {0};
        char text[64];
        (void)put(w, "a", "old", STATE_ANY);
        mem_fail_after(n);
        int err = state_put(w->state, STR("a"), STR("new"), STATE_ANY, came_done(&c));
        world_run(w);
        mem_fail_after(-1);
        world_run(w);
        assert_int_equal(c.times, err ? 0 : 1);
        (void)snprintf(text, sizeof(text), "a=%s;", err || c.err ? "old" : "new");
        is_text(w, "", 10, text);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(put_get_delete),
        TEST(compare_and_set),
        TEST(together),
        TEST(one_turn),
        TEST(deleted_and_made_in_one_turn),
        TEST(scans),
        TEST(outside_the_range),
        TEST(watches),
        TEST(a_full_queue_pushes_back),
        TEST(disk_full),
        TEST(disk_broken),
        TEST(bound_of_the_store),
        TEST(snapshot_fails),
        TEST(no_room_for_a_snapshot),
        TEST(closed_at_work),
        TEST(rot_of_a_value),
        TEST(rot_before_the_start),
        TEST(rot_of_a_snapshot),
        TEST(tail_before_the_last_log),
        TEST(missing_file),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
