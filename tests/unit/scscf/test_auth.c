// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/sim.h"
#include "scscf/auth.h"

static struct sim *sim;
static struct loop *loop;
static struct auth_table *table;
static unsigned timed_out;

static void on_timed_out(void *arg, const struct challenge *c)
{
    (void)arg;
    (void)c;
    timed_out++;
}

static int set_up(void **state)
{
    (void)state;
    timed_out = 0;
    struct auth_params p = {.await_ms = 240000, .nonce_ms = 600000, .timed_out = on_timed_out};
    int err = sim_new(1, &sim);
    if (!err)
        err = sim_node(sim, "scscf", &loop);
    p.loop = loop;
    return err ? err : auth_table_new(&p, &table);
}

static int tear_down(void **state)
{
    (void)state;
    auth_table_free(table);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static struct challenge *store(enum auth_scheme scheme, const char *nonce)
{
    struct challenge c = {.scheme = scheme, .impi = STR("a@d"), .impu = STR("sip:a@d"),
                          .call_id = STR("x"), .nonce = str_from(nonce), .realm = STR("d"),
                          .secret = STR("12345678")};
    assert_int_equal(auth_store(table, &c), 0);
    return auth_find(table, STR("a@d"), str_from(nonce));
}

// TS 24.229 5.4.1.2.2, TS 33.203 6.1.1: a vector is good for one response.
static void aka_is_used_once(void **state)
{
    (void)state;
    struct challenge *c = store(AUTH_AKA, "n");
    assert_true(auth_awaited(c));
    auth_accepted(c, 0);
    assert_null(auth_find(table, STR("a@d"), STR("n")));
}

// TS 33.203 N.2.1: a digest nonce serves again, until it is too old.
static void digest_nonce_lives_on(void **state)
{
    (void)state;
    struct challenge *c = store(AUTH_DIGEST, "n");
    auth_accepted(c, 1);
    c = auth_find(table, STR("a@d"), STR("n"));
    assert_non_null(c);
    assert_false(auth_awaited(c));
    auth_accepted(c, 7);
    assert_int_equal(c->nc, 7);
    (void)sim_run(sim, 601000);
    assert_null(auth_find(table, STR("a@d"), STR("n")));
    assert_int_equal(timed_out, 0);
}

// TS 24.229 table 7.8.1: reg-await-auth, 4 minutes.
static void await_runs_out(void **state)
{
    (void)state;
    (void)store(AUTH_AKA, "n");
    (void)sim_run(sim, 239000);
    assert_int_equal(auth_table_count(table), 1);
    (void)sim_run(sim, 241000);
    assert_int_equal(auth_table_count(table), 0);
    assert_int_equal(timed_out, 1);
}

// Whoever sends a REGISTER in a user's name gets a challenge; the user's own stays.
static void challenges_are_told_apart_by_nonce(void **state)
{
    (void)state;
    struct challenge *one = store(AUTH_AKA, "one"), *two = store(AUTH_DIGEST, "two");
    assert_int_equal(auth_table_count(table), 2);
    assert_ptr_equal(auth_find(table, STR("a@d"), STR("one")), one);
    assert_ptr_equal(auth_find(table, STR("a@d"), STR("two")), two);
    assert_null(auth_find(table, STR("a@d"), STR("three")));
    assert_null(auth_find(table, STR("b@d"), STR("one")));
    assert_true(auth_has_realm(table, STR("a@d"), STR("d")));
    assert_false(auth_has_realm(table, STR("a@d"), STR("e")));
    assert_false(auth_has_realm(table, STR("b@d"), STR("d")));
    assert_false(auth_is_last(table, one));
    auth_forget(two);
    auth_forget(NULL);
    assert_true(auth_is_last(table, one));
    (void)sim_run(sim, 241000);
    assert_int_equal(timed_out, 1);
    assert_int_equal(auth_table_count(table), 0);
}

static void same_nonce_means_the_newest(void **state)
{
    (void)state;
    (void)store(AUTH_AKA, "n");
    struct challenge *c = store(AUTH_DIGEST, "n");
    assert_int_equal(c->scheme, AUTH_DIGEST);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    char name[] = "A";
    struct challenge *used = store(AUTH_DIGEST, "n");
    auth_accepted(used, 1);
    for (unsigned i = 0; i < AUTH_PENDING_MAX + 2; i++, name[0]++)
        (void)store(AUTH_AKA, name);
    assert_int_equal(auth_table_count(table), AUTH_PENDING_MAX + 1);
    assert_null(auth_find(table, STR("a@d"), STR("A")));
    assert_null(auth_find(table, STR("a@d"), STR("B")));
    assert_non_null(auth_find(table, STR("a@d"), STR("C")));
    // What was answered rightly is not displaced by what was not, and has its own bound.
    assert_ptr_equal(auth_find(table, STR("a@d"), STR("n")), used);
    for (unsigned i = 0; i < AUTH_PENDING_MAX; i++, name[0]++)
        auth_accepted(store(AUTH_DIGEST, name), 1);
    assert_null(auth_find(table, STR("a@d"), STR("n")));
    auth_forget_used(table, STR("a@d"));
    assert_true(auth_table_count(table) > 0 && auth_table_count(table) <= AUTH_PENDING_MAX);
    assert_int_equal(timed_out, 0);
}

static struct challenge *store_from(const char *impi, uint64_t source, const char *nonce)
{
    struct challenge c = {.impi = str_from(impi), .impu = STR("sip:a@d"), .call_id = STR("x"),
                          .nonce = str_from(nonce), .realm = STR("d"), .secret = STR("1"),
                          .source = source, .flow = source + 1, .cseq = 7};
    assert_int_equal(auth_store(table, &c), 0);
    return auth_find(table, c.impi, c.nonce);
}

// One source makes room for itself alone, whatever number of challenges it asks for.
static void a_source_displaces_its_own(void **state)
{
    (void)state;
    char name[32];
    struct challenge *own = store_from("a@d", 1, "own"), *bob = store_from("b@d", 2, "bob");
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        (void)store_from("a@d", 2, name);
    }
    assert_ptr_equal(auth_find(table, STR("a@d"), STR("own")), own);
    assert_ptr_equal(auth_find(table, STR("b@d"), STR("bob")), bob);
    assert_int_equal(auth_table_count(table), 2 + AUTH_PENDING_MAX);
    assert_int_equal(auth_evicted_own(table), 1000 - AUTH_PENDING_MAX);
    assert_int_equal(auth_evicted_others(table), 0);
    assert_false(auth_is_last(table, own));
    assert_true(auth_is_last(table, bob));
}

// What memory one private identity may have at most; the oldest goes.
static void one_user_is_bounded(void **state)
{
    (void)state;
    char name[32];
    for (unsigned i = 0; i < AUTH_USER_MAX + 100; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        (void)store_from("a@d", i, name);
    }
    (void)store_from("b@d", 1, "bob");
    assert_int_equal(auth_table_count(table), AUTH_USER_MAX + 1);
    assert_int_equal(auth_evicted_others(table), 100);
    assert_null(auth_find(table, STR("a@d"), STR("n99")));
    assert_non_null(auth_find(table, STR("a@d"), STR("n100")));
    (void)sim_run(sim, 241000);
    assert_int_equal(auth_table_count(table), 0);
    assert_int_equal(timed_out, AUTH_USER_MAX + 1);
}

static void all_are_bounded(void **state)
{
    (void)state;
    char name[32];
    auth_table_free(table);
    struct auth_params p = {.loop = loop, .await_ms = 240000, .nonce_ms = 600000, .max = 20};
    assert_int_equal(auth_table_new(&p, &table), 0);
    for (unsigned i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof name, "u%u", i);
        (void)store_from(name, i, "n");
    }
    assert_int_equal(auth_table_count(table), 20);
    assert_null(auth_find(table, STR("u9"), STR("n")));
    assert_non_null(auth_find(table, STR("u10"), STR("n")));
}

static void the_same_register(void **state)
{
    (void)state;
    struct challenge *c = store_from("a@d", 1, "n"), as = *c;
    assert_ptr_equal(auth_find_same(table, &as), c);
    as.flow++;
    assert_null(auth_find_same(table, &as));
    as = *c;
    as.source++;
    assert_null(auth_find_same(table, &as));
    as = *c;
    as.cseq++;
    assert_null(auth_find_same(table, &as));
    as = *c;
    as.call_id = STR("y");
    assert_null(auth_find_same(table, &as));
    as = *c;
    as.impu = STR("sip:b@d");
    assert_null(auth_find_same(table, &as));
    as = (struct challenge){.impi = STR("a@d"), .impu = STR("sip:a@d"), .call_id = STR("x"),
                            .source = 1, .flow = 2, .cseq = 7};
    assert_ptr_equal(auth_find_same(table, &as), c);
    auth_accepted(c, 0);
    assert_null(auth_find_same(table, &as));
}

static void out_of_memory_keeps_the_old(void **state)
{
    (void)state;
    (void)store(AUTH_AKA, "one");
    struct challenge c = {.impi = STR("a@d"), .nonce = STR("two")};
    struct challenge other = {.impi = STR("b@d"), .nonce = STR("two")};
    for (long n = 0; n < 2; n++) {
        mem_fail_after(n);
        int err = auth_store(table, n ? &other : &c);
        mem_fail_after(-1);
        assert_int_equal(err, ERR_NOMEM);
    }
    assert_int_equal(auth_table_count(table), 1);
    assert_true(str_eq(auth_find(table, STR("a@d"), STR("one"))->nonce, STR("one")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(aka_is_used_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digest_nonce_lives_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(await_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(challenges_are_told_apart_by_nonce, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_nonce_means_the_newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_displaces_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_user_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_register, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory_keeps_the_old, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
