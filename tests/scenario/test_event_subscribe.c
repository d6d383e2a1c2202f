// SPDX-License-Identifier: Apache-2.0
// A subscription of a node: RFC 6665 4.1.2 from its first SUBSCRIBE to its refreshes.
#include "subscriber_lab.h"

#include <stdio.h>

static void whole_life(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    assert_int_equal(l.states, 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE sip:a@example.org SIP/2.0");
    assert_string_equal(header_of(m, "Event", 0), "x-counter");
    assert_string_equal(header_of(m, "Expires", 0), "600");
    assert_string_equal(header_of(m, "Accept", 0), "application/x-counter, text/plain");
    assert_string_equal(header_of(m, "Contact", 0), "<sip:me@" S ">");
    assert_null(param_of(header_of(m, "To", 0), "tag"));
    grant(&l, m, "600");
    assert_int_equal(l.answers, 1);
    notify(&l, m, "active;expires=600", "all 5");
    assert_int_equal(l.counter.known, 5);
    notify(&l, m, "active;expires=599", "+2 from 5");
    assert_int_equal(l.counter.known, 7);
    // TS 24.229 5.1.1.3: when half of the time is over, in the dialog that the NOTIFY has made.
    peer_expect_silence(l.bob, 298000);
    const char *r = peer_expect(l.bob, "SUBSCRIBE sip:" BOB ":5060 SIP/2.0");
    assert_string_equal(header_of(r, "Route", 0), "<sip:" BOB ";lr>");
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "n1");
    assert_string_equal(header_of(r, "From", 0), header_of(m, "From", 0));
    assert_string_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
    assert_string_equal(header_of(r, "CSeq", 0), "2 SUBSCRIBE");
    grant(&l, r, "600");
    notify(&l, r, "active;expires=600", "all 7");
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    assert_int_equal(l.ends, 0);
    r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "0");
    grant(&l, r, "0");
    assert_int_equal(l.ends, 0);
    notify(&l, r, "terminated;reason=timeout", NULL);
    assert_int_equal(l.last, EVENT_STATE_TERMINATED);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again);
    assert_int_equal(alive(&l), 0);
    peer_expect_silence(l.bob, 2000000);
    lab_done(&l);
}

// RFC 6665 4.1.2.4: the NOTIFY may come before the response.
static void notify_first(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    notify(&l, m, "pending;expires=100", NULL);
    assert_int_equal(l.last, EVENT_STATE_PENDING);
    notify(&l, m, "active;expires=100", "all 1");
    grant(&l, m, "100");
    assert_int_equal(l.states, 2);
    peer_expect_silence(l.bob, 49000);
    (void)peer_expect(l.bob, "SUBSCRIBE ");
    lab_done(&l);
}

static void fetch(void **state)
{
    struct lab l;
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.one_shot = true;
        p.keep = true; // means nothing here
        assert_int_equal(start(&l, p), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        assert_string_equal(header_of(m, "Expires", 0), "0");
        grant(&l, m, "0");
        notify(&l, m, odd ? "active;expires=0" : "terminated;reason=timeout", "all 9");
        assert_int_equal(l.counter.known, 9);
        assert_int_equal(l.ends, 1);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// What the notifier says of the expiry counts, and saying it again does not put the refresh off.
static void expiry_of_notifier(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    notify(&l, m, "active;expires=60", "all 0");
    for (int left = 59; left > 32; left--) {
        char text[32];
        world_run(&l.w, 1000);
        (void)snprintf(text, sizeof text, "active;expires=%d", left);
        notify(&l, m, text, "all 0");
    }
    notify(&l, m, "active", "all 0"); // nothing said, nothing changed
    world_run(&l.w, 3000);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(m, "Expires", 0), "600");
    lab_done(&l);
}

// The next SUBSCRIBE comes at this many ms, not before, and the subscription is there still.
static void refreshed_in(struct lab *l, unsigned ms)
{
    peer_expect_silence(l->bob, ms - 1000);
    const char *r = peer_expect(l->bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "600");
    assert_int_equal(l->ends, 0);
}

// RFC 6665 4.1.2.2: refreshed while the last expiry was just set, it gets the same one again, and
// is refreshed before that. The second time the 200 says nothing of it.
static void refreshed_soon(void **state)
{
    struct lab l;
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        lab_init(&l);
        assert_int_equal(start(&l, plan(&l)), 0);
        (void)established(&l);
        world_run(&l.w, 500);
        assert_int_equal(event_refresh(l.core, l.id, 0), 0);
        const char *r = peer_expect(l.bob, "SUBSCRIBE ");
        if (silent)
            peer_reply(l.bob, S, r, "200 OK", "n1", NULL);
        else
            grant(&l, r, "600");
        notify(&l, r, silent ? "active" : "active;expires=600", "all 0");
        refreshed_in(&l, 300000);
        lab_done(&l);
    }
}

// The same when the core asks by itself, since a partial state did not follow.
static void gap_soon(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    world_run(&l.w, 500);
    notify(&l, m, "active;expires=599", "+1 from 7");
    m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 8");
    refreshed_in(&l, 300000);
    lab_done(&l);
}

// And when the refresh failed: what the notifier says of the expiry does not bring the next one
// forward.
static void failed_refresh_soon(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    world_run(&l.w, 500);
    assert_int_equal(event_refresh(l.core, l.id, 0), 0);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "500 Oops", NULL, "Retry-After: 400\n");
    world_run(&l.w, 500);
    notify(&l, m, "active;expires=599", "all 0");
    refreshed_in(&l, 399000);
    lab_done(&l);
}

static void too_brief(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, m, "423 Interval Too Brief", "n0", "Min-Expires: 1800\n");
    const char *r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "1800");
    assert_string_equal(header_of(r, "CSeq", 0), "2 SUBSCRIBE");
    assert_string_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
    peer_reply(l.bob, S, r, "423 Interval Too Brief", "n0", "Min-Expires: 1800\n");
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 1); // nonsense is not repeated
    assert_int_equal(l.end.status, 423);
    lab_done(&l);
}

static void challenged(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_null(header_of(m, "Proxy-Authorization", 0));
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_non_null(header_of(m, "Proxy-Authorization", 0));
    (void)l;
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    world_run(&l.w, 5);
    assert_int_equal(l.challenges, 3);
    assert_int_equal(l.end.status, 407);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void within_timers(void *arg, const struct event_line *line)
{
    assert_true(line->expires_ms <= UINT64_C(1) << 40); // what timer_start takes
}

// Whatever the notifier says, the timers can hold it.
static void lasts_for_ever(void **state)
{
    static const char *const said[] = {"4294967295", "99999999999999999999", "1073741825"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        char text[64];
        lab_init(&l);
        assert_int_equal(start(&l, plan(&l)), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        grant(&l, m, said[i]);
        (void)snprintf(text, sizeof text, "active;expires=%s", said[i]);
        notify(&l, m, text, "all 1");
        assert_int_equal(event_list(l.core, 1, within_timers, NULL), 1);
        peer_expect_silence(l.bob, 1000000000);
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life),
        cmocka_unit_test(notify_first),
        cmocka_unit_test(fetch),
        cmocka_unit_test(expiry_of_notifier),
        cmocka_unit_test(refreshed_soon),
        cmocka_unit_test(gap_soon),
        cmocka_unit_test(failed_refresh_soon),
        cmocka_unit_test(too_brief),
        cmocka_unit_test(challenged),
        cmocka_unit_test(lasts_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
