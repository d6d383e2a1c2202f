// SPDX-License-Identifier: Apache-2.0
// The table of profiles of users who are not registered: how much it takes, and what goes when there is no room.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/sim.h"
#include "scscf/unregistered.h"

enum { MAX = 5, MAX_BYTES = 20000 };

static struct sim *sim;
static struct loop *loop;
static struct profile_store *store;
static struct unregistered *u;
static unsigned n_back;
static char back[64]; // the last one that was given back

static void given_back(void *arg, const struct unregistered_user *user)
{
    (void)arg;
    n_back++;
    (void)snprintf(back, sizeof back, "%.*s", STR_ARG(user->impu));
}

static int set_up(void **state)
{
    (void)state;
    n_back = 0;
    back[0] = 0;
    int err = sim_new(1, &sim);
    if (!err)
        err = sim_node(sim, "scscf", &loop);
    struct unregistered_params p = {.loop = loop, .max = MAX, .max_bytes = MAX_BYTES, .given_back = given_back};
    if (!err)
        err = profile_store_new(&store);
    if (!err)
        err = unregistered_new(&p, &u);
    if (!err)
        unregistered_set_keep(u, 30);
    return err;
}

static int tear_down(void **state)
{
    (void)state;
    unregistered_free(u);
    profile_store_free(store);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static void add(const char *user, size_t bytes)
{
    char uri[64], xml[400];
    struct profile *p = NULL;
    struct xml_error e;
    (void)snprintf(uri, sizeof uri, "sip:%s@d", user);
    (void)snprintf(
        xml, sizeof xml,
        "<IMSSubscription><PrivateID>%s@d</PrivateID><ServiceProfile><PublicIdentity><Identity>%s</Identity></"
        "PublicIdentity>"
        "<PublicIdentity><Identity>sip:also-%s@d</Identity></PublicIdentity></ServiceProfile></IMSSubscription>",
        user, uri, user);
    assert_int_equal(profile_parse(store, str_from(xml), &p, &e), 0);
    unregistered_add(
        u, &(struct unregistered_new){
               .called = str_from(uri), .impu = str_from(uri), .impi = str_from(user), .profile = p, .bytes = bytes});
}

static bool has(const char *uri)
{
    struct str impu = str_from(uri);
    size_t i;
    return unregistered_find(u, &impu, 1, STR_NONE, &i) != NULL;
}

static void users_at_most(void **state)
{
    (void)state;
    static const char *const users[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < MAX; i++)
        add(users[i], 100);
    assert_int_equal(n_back, 0);
    add("f", 100);
    assert_int_equal(n_back, 1);
    assert_string_equal(back, "sip:a@d");
    assert_int_equal(unregistered_count(u), MAX);
    assert_false(has("sip:also-a@d"));
    assert_true(has("sip:also-b@d"));
}

static void bytes_at_most(void **state)
{
    (void)state;
    add("a", 8000);
    add("b", 8000);
    add("c", 8000);
    assert_int_equal(unregistered_count(u), 2);
    assert_string_equal(back, "sip:a@d");
    assert_true(unregistered_bytes(u) > 16000 && unregistered_bytes(u) < MAX_BYTES);
    add("d", MAX_BYTES); // alone it is kept: it cannot be had smaller
    assert_int_equal(unregistered_count(u), 1);
    assert_int_equal(n_back, 3);
    assert_true(has("sip:d@d"));
}

static void one_of_a_set(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        add("a", 100);
    assert_int_equal(unregistered_count(u), 1);
    assert_int_equal(n_back, 0);
}

static void out_of_memory(void **state)
{
    (void)state;
    for (long n = 0; n < 20; n++) {
        struct profile *p = NULL;
        struct xml_error e;
        assert_int_equal(
            profile_parse(store,
                          STR("<IMSSubscription><PrivateID>a</PrivateID><ServiceProfile><PublicIdentity>"
                              "<Identity>SIP:A@d</Identity></PublicIdentity></ServiceProfile></IMSSubscription>"),
                          &p, &e),
            0);
        mem_fail_after(n);
        unregistered_add(
            u, &(struct unregistered_new){.called = STR("sip:x@d"), .impu = STR("sip:A@d"), .profile = p, .bytes = 1});
        mem_fail_after(-1);
        assert_int_equal(unregistered_count(u) + (unsigned)(n_back > (unsigned)n), 1);
    }
    assert_true(n_back > 2 && n_back < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(users_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_of_a_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
