// SPDX-License-Identifier: Apache-2.0
// What a subscriber does when its notifier refuses, forgets, is silent, or ends the subscription:
// RFC 6665 4.1.2.2, 4.1.3.
#include "subscriber_lab.h"

#include <stdio.h>

static void refused(void **state)
{
    static const char *const statuses[] = {"403 No", "404 No", "489 No", "481 No", "604 No"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lab_init(&l);
        start_kept(&l);
        peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), statuses[i], "n0", NULL);
        world_run(&l.w, 5);
        assert_int_equal(l.ends, 1);
        assert_false(l.end.again);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// RFC 6665 4.1.2.2: lost by the notifier, it is asked for anew, with a Call-ID and tag of its own.
static void anew_after(void **state)
{
    static const char *const statuses[] = {"481 No", "404 No", "489 No", "483 No"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = established(&l);
        world_run(&l.w, 300000);
        const char *r = peer_expect(l.bob, "SUBSCRIBE ");
        peer_reply(l.bob, S, r, statuses[i], NULL, NULL);
        r = peer_expect(l.bob, "SUBSCRIBE sip:a@example.org SIP/2.0");
        assert_int_equal(l.ends, 1);
        assert_true(l.end.again);
        assert_null(param_of(header_of(r, "To", 0), "tag"));
        assert_string_not_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
        assert_string_not_equal(header_of(r, "From", 0), header_of(m, "From", 0));
        assert_string_equal(header_of(r, "CSeq", 0), "1 SUBSCRIBE");
        // What still comes in the old dialog is nobody's.
        notify_from(l.bob, m, "n1", "active", "x-counter", NULL);
        (void)peer_expect(l.bob, "SIP/2.0 481");
        grant(&l, r, "600");
        notify(&l, r, "active;expires=600", "all 3");
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

// Another error says nothing of the subscription: it is there until it expires, and is tried again.
static void refresh_fails(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l), *r;
    world_run(&l.w, 300000);
    r = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, r, "500 Oops", NULL, "Retry-After: 200\n");
    peer_expect_silence(l.bob, 199000);
    notify(&l, m, "active", "+1 from 0"); // it is there
    r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "n1");
    peer_reply(l.bob, S, r, "500 Oops", NULL, NULL);
    for (int i = 0; i < 40 && !l.ends; i++) {
        world_run(&l.w, 3000);
        while ((r = peer_next(l.bob, 0)))
            if (!l.ends)
                peer_reply(l.bob, S, r, "500 Oops", NULL, NULL);
    }
    assert_int_equal(l.ends, 1); // expired
    assert_true(l.end.again);
    lab_done(&l);
}

static void silent_refresh(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    world_run(&l.w, 300000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    world_run(&l.w, 32000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:a@example.org"); // another may answer
    lab_done(&l);
}

static void timer_n(void **state)
{
    struct lab l;
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.keep = keep;
        assert_int_equal(start(&l, p), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        grant(&l, m, "600");
        world_run(&l.w, 31900);
        assert_int_equal(l.ends, 0);
        world_run(&l.w, 200);
        assert_int_equal(l.ends, 1);
        assert_int_equal(l.end.status, 408);
        assert_int_equal(l.end.again, keep);
        notify_from(l.bob, m, "n1", "active", "x-counter", NULL); // too late
        (void)peer_expect(l.bob, "SIP/2.0 481");
        world_run(&l.w, 2000);
        if (keep)
            (void)peer_expect(l.bob, "SUBSCRIBE ");
        lab_done(&l);
    }
}

// Waits grow, and a server that says when is believed.
static void backs_off(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    uint64_t last = 0;
    for (int i = 0; i < 8; i++) {
        peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
        world_run(&l.w, 5);
        assert_true(l.end.again);
        assert_true(l.end.again_ms >= (i < 7 ? last * 5 / 4 : 320000) && l.end.again_ms <= 400000);
        last = l.end.again_ms;
        world_run(&l.w, last - 1000);
    }
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "500 No", "n0", "Retry-After: 1000\n");
    world_run(&l.w, 5);
    assert_int_equal(l.end.again_ms, 1000000);
    lab_done(&l);
}

// RFC 6665 4.1.3
static void reasons(void **state)
{
    static const struct {
        const char *state;
        enum event_reason reason;
        bool again;
        uint64_t least, most;
    } rows[] = {
        {"terminated;reason=deactivated", EVENT_DEACTIVATED, true, 0, 0},
        {"terminated;reason=deactivated;retry-after=99", EVENT_DEACTIVATED, true, 0, 6250},
        {"terminated;reason=probation", EVENT_PROBATION, true, 5000, 6250},
        {"terminated;reason=probation;retry-after=77", EVENT_PROBATION, true, 77000, 77000},
        {"terminated;reason=rejected", EVENT_REJECTED, false, 0, 0},
        {"terminated;reason=rejected;retry-after=5", EVENT_REJECTED, false, 0, 0},
        {"terminated;reason=timeout", EVENT_TIMEOUT, true, 0, 0},
        {"terminated;reason=giveup;retry-after=60", EVENT_GIVEUP, true, 60000, 60000},
        {"terminated;reason=giveup", EVENT_GIVEUP, true, 5000, 6250},
        {"terminated;reason=noresource", EVENT_NORESOURCE, false, 0, 0},
        {"terminated;reason=invariant", EVENT_INVARIANT, false, 0, 0},
        {"terminated;reason=whim", EVENT_NO_REASON, true, 0, 0},
        {"Terminated;retry-after=9", EVENT_NO_REASON, true, 9000, 9000},
        {"terminated", EVENT_NO_REASON, true, 0, 0},
    };
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = established(&l);
        notify(&l, m, rows[i].state, "all 0");
        assert_int_equal(l.ends, 1);
        assert_int_equal(l.end.reason, rows[i].reason);
        assert_int_equal(l.end.again, rows[i].again);
        assert_in_range(l.end.again_ms, rows[i].least, rows[i].most);
        assert_int_equal(alive(&l), rows[i].again);
        if (rows[i].again)
            (void)peer_next(l.bob, 80000);
        peer_expect_silence(l.bob, rows[i].again ? 10 : 1000000);
        lab_done(&l);
    }
}

// Ended at once again and again, it is not asked for at once again and again.
static void no_storm(void **state)
{
    struct lab l;
    unsigned asked = 0;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    uint64_t end = sim_now_ms(l.w.sim) + 60000;
    for (const char *m; sim_now_ms(l.w.sim) < end;) {
        m = peer_next(l.bob, 1000);
        if (!m || strncmp(m, "SUBSCRIBE ", 10) != 0)
            continue;
        asked++;
        grant(&l, m, "600");
        notify_from(l.bob, m, "n1", "terminated;reason=deactivated", "x-counter", NULL);
    }
    assert_in_range(asked, 3, 6);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),       cmocka_unit_test(anew_after),
        cmocka_unit_test(refresh_fails), cmocka_unit_test(silent_refresh),
        cmocka_unit_test(timer_n),       cmocka_unit_test(backs_off),
        cmocka_unit_test(reasons),       cmocka_unit_test(no_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
