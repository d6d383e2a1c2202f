// SPDX-License-Identifier: Apache-2.0
// Key rings of running nodes, in simulated time: rotation, several instances with one file,
// troubles.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/keyfile.h"
#include "app/keys.h"
#include "base/err.h"
#include "io/sim.h"

static struct sim *sim;
static struct loop *loops[2];
static uint64_t at_ms;
static char folder[32], path[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/carillon-test-keys.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/ring", folder);
    at_ms = 0;
    return sim_new(1, &sim) || sim_node(sim, "one", &loops[0]) || sim_node(sim, "two", &loops[1]);
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loops[0]);
    loop_free(loops[1]);
    sim_free(sim);
    (void)unlink(path);
    return rmdir(folder);
}

static struct keys *started(size_t node, bool file, uint32_t rotate_s)
{
    const struct node_keys c = {
        .file = file ? str_from(path) : STR_NONE, .keep = 2, .rotate_s = rotate_s};
    struct keys_params p = {
        .loop = loops[node], .config = &c, .name = node ? STR("two") : STR("one")};
    struct keys *k = NULL;
    assert_int_equal(keys_new(&p, &k), 0);
    return k;
}

static void pass(uint64_t seconds)
{
    at_ms += seconds * 1000;
    (void)sim_run(sim, at_ms);
}

struct outcome {
    bool there;
    int err;
};

static void on_rotated(void *arg, struct keys *k, int err)
{
    (void)k;
    *(struct outcome *)arg = (struct outcome){true, err};
}

static int rotated(struct keys *k)
{
    struct outcome o = {0};
    int err = keys_rotate(k, "test", on_rotated, &o);
    if (err != KEYS_LATER)
        return err;
    assert_false(o.there);
    assert_int_equal(keys_rotate(k, "test", on_rotated, &o), ERR_INUSE);
    while (!o.there)
        (void)sim_run(sim, ++at_ms);
    return o.err;
}

static uint16_t signer(const struct keys *k)
{
    uint16_t id;
    (void)keyring_sign(keys_ring(k), KEY_FLOW, &id);
    return id;
}

static bool knows(const struct keys *k, uint16_t id)
{
    return keyring_verify(keys_ring(k), KEY_FLOW, id) != NULL;
}

static void in_memory_rotates_by_command_alone(void **state)
{
    (void)state;
    struct keys *k = started(0, false, 60);
    uint16_t first = signer(k);
    assert_null(keys_file(k));
    pass(1000);
    assert_int_equal(signer(k), first);
    assert_int_equal(rotated(k), 0);
    assert_int_not_equal(signer(k), first);
    assert_string_equal(keys_at(k, 0).state, "signs");
    assert_string_equal(keys_at(k, 1).state, "verifies");
    assert_int_equal(keys_at(k, 1).age_s, 1000);
    keys_free(k);
}

static void file_outlives_the_process(void **state)
{
    (void)state;
    struct keys *k = started(0, true, 0);
    struct keyring before = *keys_ring(k);
    uint32_t node = keys_node(k);
    keys_free(k);
    k = started(0, true, 0);
    assert_memory_equal(keys_ring(k), &before, sizeof before);
    assert_int_equal(keys_node(k), node);
    keys_free(k);
}

// However often it is rotated: a key that somebody does not know yet signs nothing, and what signed
// is not forgotten.
static void rotated_again_before_it_signs(void **state)
{
    (void)state;
    struct keys *a = started(0, true, 0), *b = started(1, true, 0); // two older keys are kept
    uint16_t first = signer(a);
    pass(100);
    assert_int_equal(rotated(a), 0);
    assert_int_equal(rotated(a), 0);
    assert_int_equal(rotated(a), ERR_STATE);
    assert_int_equal(rotated(b), ERR_STATE);
    assert_int_equal(keys_ring(a)->n, 3);
    for (int i = 0; i < 30; i++) {
        assert_true(knows(b, signer(a)) && knows(a, signer(b)));
        assert_true(i > 5 || signer(a) == first);
        pass(1);
    }
    assert_int_equal(signer(a), key_short(&keys_ring(a)->keys[0]));
    assert_int_equal(signer(b), signer(a));
    assert_int_equal(rotated(b), 0);
    assert_false(knows(b, first));
    keys_free(a);
    keys_free(b);
}

// The node ends while its rotation is on its way: who asked hears of it, and the file is whole.
static void ends_while_rotating(void **state)
{
    struct outcome o = {0};
    struct keyring r;
    (void)state;
    struct keys *k = started(0, true, 0);
    assert_int_equal(keys_rotate(k, "test", on_rotated, &o), KEYS_LATER);
    keys_free(k);
    assert_true(o.there);
    assert_int_equal(o.err, ERR_CANCELLED);
    assert_int_equal(keyfile_read(path, false, &r, NULL), 0);
}

// The new key signs when the other instance has read it, and not before.
static void two_instances_of_one_file(void **state)
{
    (void)state;
    struct keys *a = started(0, true, 0), *b = started(1, true, 0);
    uint16_t first = signer(a);
    assert_int_equal(signer(b), first);
    assert_int_not_equal(keys_node(a), keys_node(b));
    pass(100);
    assert_int_equal(rotated(a), 0);
    assert_int_equal(signer(a), first);
    assert_string_equal(keys_at(a, 0).state, "waits");
    for (int i = 0; i < 30; i++) {
        pass(1);
        assert_true(knows(b, signer(a)) && knows(a, signer(b)));
    }
    assert_int_not_equal(signer(a), first);
    assert_int_equal(signer(a), signer(b));
    assert_true(knows(a, first) && knows(b, first));
    keys_free(a);
    keys_free(b);
}

// What it is said to last it does, when the rotation is due at once and somebody rotates by hand behind it.
static void lasts_as_long_as_it_is_said(void **state)
{
    (void)state;
    struct keys *k = started(0, true, 100);
    uint16_t first = signer(k);
    pass(95);
    bool said = keys_lasts(k, first, 100), said_more = keys_lasts(k, first, 101);
    assert_true(said && !said_more);
    pass(15); // by time
    assert_int_equal(keys_ring(k)->n, 2);
    pass(15);
    assert_int_equal(rotated(k), 0);
    pass(95);
    assert_true(knows(k, first));
    pass(35);
    assert_false(knows(k, first));
    keys_free(k);
}

// Of two that want to at the same time one does.
static void age_rotates(void **state)
{
    (void)state;
    struct keys *a = started(0, true, 100), *b = started(1, true, 100);
    uint16_t first = signer(a);
    pass(99);
    assert_int_equal(keys_ring(a)->n, 1);
    pass(30);
    assert_int_equal(keys_ring(a)->n, 2);
    assert_int_equal(keys_ring(b)->n, 2);
    assert_int_equal(signer(a), signer(b));
    assert_int_not_equal(signer(a), first);
    assert_true(knows(a, first));
    // A key is good for as many rotations as are kept, but for the next one, and one by hand.
    assert_true(knows(a, first) && !keys_lasts(a, first, 0));
    pass(110);
    assert_true(knows(a, first) && !keys_lasts(a, first, 0));
    assert_true(keys_lasts(a, signer(a), 100));
    assert_false(keys_lasts(a, signer(a), 101));
    pass(110);
    assert_false(knows(a, first) || knows(b, first));
    keys_free(a);
    keys_free(b);
}

// A file that goes, or is changed by a hand, leaves what is in memory; rotation is refused, and
// nothing is made anew.
static void troubles_leave_the_ring(void **state)
{
    (void)state;
    struct keys *k = started(0, true, 100);
    uint16_t first = signer(k);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(rotated(k), ERR_DENIED);
    pass(300);
    assert_int_equal(signer(k), first);
    assert_int_equal(keys_ring(k)->n, 1);
    assert_int_equal(chmod(path, 0600), 0);
    pass(30);
    assert_int_equal(keys_ring(k)->n, 2);
    assert_int_equal(unlink(path), 0);
    pass(300);
    assert_int_equal(rotated(k), ERR_NOTFOUND);
    assert_true(knows(k, first));
    keys_free(k);
}

static void wrong_file_refuses_the_start(void **state)
{
    (void)state;
    const struct node_keys c = {.file = str_from(path), .keep = 2};
    struct keys_params p = {.loop = loops[0], .config = &c, .name = STR("one")};
    struct keys *k = NULL;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    assert_true(fputs("carillon-keys 1\nnames 00", f) >= 0 && fclose(f) == 0);
    assert_int_equal(keys_new(&p, &k), ERR_MORE);
    assert_null(k);
}

// A clock that goes back makes nothing older, one that jumps rotates once.
static void clock_jumps(void **state)
{
    (void)state;
    struct keys *k = started(0, true, 1000);
    pass(20);
    sim_jump_wall(sim, -500000);
    pass(20);
    assert_int_equal(keys_ring(k)->n, 1);
    assert_int_equal(keys_at(k, 0).age_s, 0);
    sim_jump_wall(sim, 500000000);
    pass(60);
    assert_int_equal(keys_ring(k)->n, 2);
    // The newest is from a future that will not come: it signs, and is followed by another.
    uint16_t late = signer(k);
    sim_jump_wall(sim, -500000000);
    assert_int_equal(signer(k), late);
    pass(60);
    assert_int_equal(keys_ring(k)->n, 3);
    pass(60);
    assert_int_equal(keys_ring(k)->n, 3);
    assert_int_not_equal(signer(k), late);
    keys_free(k);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(in_memory_rotates_by_command_alone),
        TEST(file_outlives_the_process),
        TEST(two_instances_of_one_file),
        TEST(rotated_again_before_it_signs),
        TEST(ends_while_rotating),
        TEST(age_rotates),
        TEST(lasts_as_long_as_it_is_said),
        TEST(troubles_leave_the_ring),
        TEST(wrong_file_refuses_the_start),
        TEST(clock_jumps),
    };
    return cmocka_run_group_tests_name("app_keys", tests, NULL, NULL);
}
