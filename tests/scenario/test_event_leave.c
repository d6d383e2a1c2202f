// SPDX-License-Identifier: Apache-2.0
// A subscriber that leaves: RFC 6665 4.1.2.3, at each moment and whatever the notifier makes of it.
#include "subscriber_lab.h"

#include <stdio.h>

static void stop_early(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_int_equal(event_unsubscribe(l.core, l.id), 0); // there is no dialog to say it in
    peer_expect_silence(l.bob, 100);
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 1");
    m = peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    assert_string_equal(header_of(m, "Expires", 0), "0");
    notify(&l, m, "active;expires=600", "all 1"); // it crossed
    grant(&l, m, "0");
    notify(&l, m, "terminated;reason=timeout", NULL);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void stop_unheard(void **state)
{
    struct lab l;
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        lab_init(&l);
        start_kept(&l);
        (void)established(&l);
        assert_int_equal(event_unsubscribe(l.core, l.id), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        if (answered)
            grant(&l, m, "0");
        world_run(&l.w, 33000); // no last NOTIFY
        assert_int_equal(l.ends, 1);
        assert_false(l.end.again);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// RFC 6665 4.1.2.3: a notifier that wants to know who leaves, again and again, does not keep him.
static void stop_challenged(void **state)
{
    struct lab l;
    unsigned asked = 0;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    l.challenges = 0;
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    for (const char *m; asked < 20 && (m = peer_next(l.bob, 1000)); asked++) {
        assert_string_equal(header_of(m, "Expires", 0), "0");
        l.challenges = 0; // he always has an answer
        peer_reply(l.bob, S, m, "407 Who", "n1", NULL);
    }
    assert_int_equal(asked, 4);
    assert_int_equal(l.ends, 1);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

// Nor one that does it slowly: the time for the last NOTIFY does not begin anew.
static void stop_challenged_late(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    world_run(&l.w, 20000);
    peer_reply(l.bob, S, m, "407 Who", "n1", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_non_null(header_of(m, "Proxy-Authorization", 0));
    grant(&l, m, "0");
    world_run(&l.w, 11000);
    assert_int_equal(l.ends, 0);
    world_run(&l.w, 2000);
    assert_int_equal(l.ends, 1);
    lab_done(&l);
}

static void stop_between(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
    world_run(&l.w, 5);
    assert_true(l.end.again);
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    assert_int_equal(l.ends, 1);
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 2);
    assert_int_equal(event_unsubscribe(l.core, l.id), ERR_NOTFOUND);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

static void from_within(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.stop_in_state = true;
    start_kept(&l);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 1");
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(m, "Expires", 0), "0");
    notify(&l, m, "terminated", NULL);
    assert_int_equal(alive(&l), 0);
    l.stop_in_state = false;
    l.forget_in_end = true;
    start_kept(&l);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
    world_run(&l.w, 5);
    assert_int_equal(alive(&l), 0);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_early),      cmocka_unit_test(stop_unheard),
        cmocka_unit_test(stop_challenged), cmocka_unit_test(stop_challenged_late),
        cmocka_unit_test(stop_between),    cmocka_unit_test(from_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
