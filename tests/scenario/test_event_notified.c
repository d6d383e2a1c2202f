// SPDX-License-Identifier: Apache-2.0
// NOTIFYs as a subscriber gets them: RFC 6665 4.1.2.4, wrong ones, gaps, those of further
// notifiers; and its own bounds.
#include "subscriber_lab.h"

#include <stdio.h>

static void wrong_notifies(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l);
    unsigned states = l.states;
    notify_from(l.eve, m, "other", "active", "x-counter", NULL); // no forks wanted
    (void)peer_expect(l.eve, "SIP/2.0 481");
    notify_from(l.bob, m, "n1", "active", "presence", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", "active", NULL, NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", "active", "x-counter;id=1", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", NULL, "x-counter", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 400");
    notify_from(l.bob, m, "n1", "active", "x-counter", "rubbish");
    (void)peer_expect(l.bob, "SIP/2.0 400");
    notify_from(l.bob, m, "n1", "active", "x-counter", "<xml/>");
    (void)peer_expect(l.bob, "SIP/2.0 415");
    notify_cseq -= 20;
    notify_from(l.bob, m, "n1", "terminated", "x-counter", NULL); // an old one that comes late
    (void)peer_expect(l.bob, "SIP/2.0 500");
    notify_cseq += 20;
    assert_int_equal(l.states, states);
    peer_request(
        l.bob, S,
        &(struct request){
            .method = "NOTIFY", .uri = "sip:me@" S, .call_id = "x", .extra = "Event: x-counter\n"});
    (void)peer_expect(l.bob, "SIP/2.0 481");
    notify(&l, m, "active", "all 2");
    assert_int_equal(l.counter.known, 2);
    notify(&l, m, "waiting", NULL); // an extension
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// What a first NOTIFY made is not kept when it was refused: the next one, in another dialog of the
// same notifier, begins anew, and until then Timer N runs.
static void wrong_first(void **state)
{
    struct lab l;
    (void)state;
    for (int late = 0; late < 2; late++) {
        lab_init(&l);
        assert_int_equal(start(&l, plan(&l)), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        notify_from(l.bob, m, "n1", "active;expires=600", "x-counter", "rubbish");
        (void)peer_expect(l.bob, "SIP/2.0 400");
        if (late) { // 481: there is none (RFC 6665 4.1.2.1)
            peer_reply(l.bob, S, m, "481 No", "n0", NULL);
            world_run(&l.w, 5);
            assert_int_equal(l.ends, 1);
            assert_int_equal(l.end.status, 481);
        } else {
            notify_from(l.bob, m, "n2", "active;expires=600", "x-counter", "all 4");
            (void)peer_expect(l.bob, "SIP/2.0 200");
            assert_int_equal(l.counter.known, 4);
        }
        assert_int_equal(alive(&l), !late);
        lab_done(&l);
    }
}

// A partial state that does not follow: the whole is asked for, not more often than every five
// seconds.
static void gap(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l);
    notify(&l, m, "active", "+1 from 3");
    const char *r = peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    assert_string_equal(header_of(r, "Expires", 0), "600");
    grant(&l, r, "600");
    notify(&l, r, "active;expires=600", "all 4");
    assert_int_equal(l.counter.known, 4);
    notify(&l, r, "active", "+1 from 7");
    peer_expect_silence(l.bob, 2000);
    assert_int_equal(l.counter.gaps, 2);
    lab_done(&l);
}

static void forked(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    p.keep = true;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 2);
    notify_from(l.eve, m, "e2", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 481"); // one more than was wanted
    world_run(&l.w, 301000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    const char *r = peer_expect(l.eve, "SUBSCRIBE sip:" EVE); // each is refreshed by itself
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "e1");
    peer_reply(l.eve, S, r, "481 No", NULL, NULL);
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again); // the first of them is what is kept
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// One whose first NOTIFY is refused is not there, and nobody hears of it; the next may be.
static void fork_refused(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "rubbish");
    (void)peer_expect(l.eve, "SIP/2.0 400");
    assert_int_equal(l.forks, 0);
    assert_int_equal(alive(&l), 1);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 2);
    world_run(&l.w, 700000); // neither is refreshed
    assert_int_equal(l.ends, 2);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

// The owner may forget a subscription in whatever tells him of it.
static void forgotten_within(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    l.forget_in_fork = l.forget_in_challenge = true;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 1);
    event_forget(l.core, l.id);
    assert_int_equal(start(&l, p), 0);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "407 Who", "n0", NULL);
    world_run(&l.w, 50);
    assert_int_equal(l.challenges, 1);
    assert_int_equal(alive(&l), 0);
    assert_int_equal(l.ends, 0);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

static void own_limit(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    event_set_limits(l.core, &(struct event_limits){.own = 2});
    start_kept(&l);
    start_kept(&l);
    assert_int_equal(start(&l, plan(&l)), ERR_FULL);
    struct event_subscription bad = plan(&l);
    event_set_limits(l.core, &(struct event_limits){0});
    bad.uri = STR_NONE;
    assert_int_equal(start(&l, bad), ERR_INVAL);
    bad = plan(&l);
    bad.ops = NULL;
    assert_int_equal(start(&l, bad), ERR_INVAL);
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0;; n++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.keep = true;
        mem_fail_after(n);
        int err = event_subscribe(l.core, &p, &l.id);
        mem_fail_after(-1);
        assert_int_equal(alive(&l), !err);
        lab_done(&l);
        if (!err)
            break;
        assert_int_equal(err, ERR_NOMEM);
        assert_true(n < 200);
    }
}

// It comes back whatever failed on the way.
static void out_of_memory_later(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0; n < 60; n++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        grant(&l, m, "600");
        mem_fail_after(n);
        notify_from(l.bob, m, "n1", "active;expires=600", "x-counter", "all 1");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        world_run(&l.w, 300000);
        mem_fail_after(n);
        world_run(&l.w, 5000); // the refresh
        mem_fail_after(-1);
        world_run(&l.w, 1000000);
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_notifies),
        cmocka_unit_test(wrong_first),
        cmocka_unit_test(gap),
        cmocka_unit_test(forked),
        cmocka_unit_test(fork_refused),
        cmocka_unit_test(forgotten_within),
        cmocka_unit_test(own_limit),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(out_of_memory_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
