// SPDX-License-Identifier: Apache-2.0
// The same store on the system's disk and the real loop: the work comes back from another thread.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/uv.h"
#include "store/state_log.h"

enum { RECORDS = 3000 };

static char folder[64];
static struct loop *loop;
static struct disk *disk;
static struct state *state_;

static void open_all(void)
{
    char why[160] = "";
    assert_int_equal(uvloop_new(&(struct uv_loop_params){0}, &loop), 0);
    assert_int_equal(disk_open(folder, &disk), 0);
    struct state_log_params p = {.disk = disk, .compact_bytes = 1 << 16};
    if (state_open_log(loop, &p, why, sizeof(why), &state_) != 0)
        fail_msg("%s", why);
}

static void close_all(void)
{
    state_close(state_);
    disk_free(disk);
    loop_free(loop);
}

static void remove_name(void *arg, const char *name)
{
    char path[384];
    (void)arg;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/carillon-state-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    struct disk *d;
    (void)state;
    if (disk_open(folder, &d) != 0 || d->ops->list(d, remove_name, NULL) != 0)
        return -1;
    disk_free(d);
    (void)rmdir(folder);
    return mem_live() == 0 ? 0 : -1;
}

static void over(void *arg, uint64_t id, int err, const struct state_record *r)
{
    *(int *)arg = err;
    (void)id;
    (void)r;
    loop_stop(loop);
}

static void wait_for_all(void)
{
    int err = -1;
    assert_int_equal(state_barrier(state_, (struct state_done){over, &err, 0}), 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(err, 0);
}

static void put_all(unsigned round)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        char key[32], value[256];
        int k = snprintf(key, sizeof(key), "r/%06u", i);
        int v = snprintf(value, sizeof(value), "%u-%0200u", round, i);
        assert_int_equal(state_put(state_, str_make(key, (size_t)k), str_make(value, (size_t)v),
                                   STATE_ANY, (struct state_done){0}),
                         0);
    }
    wait_for_all();
}

static void survives(void **state)
{
    (void)state;
    open_all();
    for (unsigned round = 0; round < 12; round++)
        put_all(round);
    struct state_figures f = state_figures(state_);
    assert_int_equal(f.records, RECORDS);
    assert_int_equal(f.failed, 0);
    assert_true(f.compactions > 0);
    close_all();
    open_all();
    assert_int_equal(state_figures(state_).records, RECORDS);
    assert_int_equal(state_figures(state_).live_bytes, f.live_bytes);
    wait_for_all();
    close_all();
}

// Closed with work under way: it is waited for, and nobody is called.
static void closed_at_work(void **state)
{
    (void)state;
    open_all();
    int err = 1;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(state_put(state_, STR("k"), STR("v"), STATE_ANY, (struct state_done){0}),
                         0);
        assert_int_equal(state_barrier(state_, (struct state_done){0}), 0);
    }
    assert_int_equal(
        state_put(state_, STR("k"), STR("v"), STATE_ANY, (struct state_done){over, &err, 0}), 0);
    close_all();
    assert_int_equal(err, 1);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

// The loop goes on when its store is gone, and the store that is opened next has what the work that
// was under way had written.
static void closed_and_opened(void **state)
{
    (void)state;
    open_all();
    for (int i = 0; i < 20; i++) {
        struct deferred d;
        char why[160];
        deferred_init(&d, stop, loop);
        assert_int_equal(state_put(state_, STR("k"), STR("v"), STATE_ANY, (struct state_done){0}),
                         0);
        loop_defer(loop, &d);
        assert_int_equal(loop_run(loop), 0);
        state_close(state_);
        struct state_log_params p = {.disk = disk, .compact_bytes = 1};
        assert_int_equal(state_open_log(loop, &p, why, sizeof(why), &state_), 0);
        assert_int_equal(state_figures(state_).records, 1);
    }
    wait_for_all();
    close_all();
}

static void one_owner(void **state)
{
    struct disk *second = NULL;
    struct stat st;
    (void)state;
    open_all();
    assert_int_equal(disk_open(folder, &second), ERR_INUSE);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close_all();
    assert_int_equal(disk_open("/nonexistent/folder", &second), ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(survives, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_at_work, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_and_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(one_owner, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
