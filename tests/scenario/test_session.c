// SPDX-License-Identifier: Apache-2.0
// The session core: two user agents, and a wire that loses what it is told to (RFC 3261 13 to 15,
// 3264, 3311, 6337).
#include "lab.h"

// ---- life ----

static void call_and_bye(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    lab_talk(&l, "offer-a");
    assert_string_equal(l.b.offer, "offer-a");
    assert_string_equal(l.a.answer, "from-b");
    assert_int_equal(l.a.last_progress, 180);
    assert_string_equal(session_state_name(l.a.s), "Up");
    lab_hang_up(&l, &l.a);
}

static void called_side_hangs_up(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    lab_hang_up(&l, &l.b);
}

static void refused(void **state)
{
    struct lab l;
    lab_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 100);
    assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = 486}), 0);
    world_run(&l.w, 100);
    assert_int_equal(l.a.end.status, 486);
    assert_true(l.a.end.by_remote);
    assert_false(l.a.end.established);
    lab_done(&l);
}

// RFC 3261 13.2.2.4: an ACK that was lost comes again with the 2xx.
static void ack_lost(void **state)
{
    struct lab l;
    lab_init(&l);
    l.tap.lose = "ACK ";
    l.tap.lose_n = 3;
    l.tap.count = "SIP/2.0 200";
    l.b.pick_up = true;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(l.b.established, 0);
    world_run(&l.w, 8000);
    assert_int_equal(l.b.established, 1);
    assert_int_equal(l.tap.counted, 4);
    lab_hang_up(&l, &l.a);
}

// RFC 3261 13.3.1.4: without any ACK the called side gives up.
static void no_ack_at_all(void **state)
{
    struct lab l;
    lab_init(&l);
    l.tap.lose = "ACK ";
    l.tap.lose_n = 1000;
    l.b.pick_up = true;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 40000);
    assert_int_equal(l.b.closed, 1);
    assert_int_equal(l.a.closed, 1);
    lab_done(&l);
}

// A BYE waits for the ACK of its own 2xx (RFC 3261 15).
static void hang_up_before_ack(void **state)
{
    struct lab l;
    lab_init(&l);
    l.tap.lose = "ACK ";
    l.tap.lose_n = 1;
    l.tap.count = "BYE ";
    l.b.pick_up = true;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_hang_up(l.b.s), 0);
    world_run(&l.w, 100);
    assert_int_equal(l.tap.counted, 0);
    world_run(&l.w, 1000);
    assert_int_equal(l.tap.counted, 1);
    assert_int_equal(l.a.closed, 1);
    lab_done(&l);
}

static void cancel(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_hang_up(l.a.s), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 487);
    assert_int_equal(l.b.end.status, 487);
    assert_true(l.b.end.by_remote);
    lab_done(&l);
}

// RFC 3261 9.1: the 200 crosses the CANCEL: acknowledged, and hung up.
static void cancel_against_ok(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    l.tap.lose = "CANCEL ";
    l.tap.lose_n = 1;
    assert_int_equal(session_hang_up(l.a.s), 0);
    assert_int_equal(
        session_accept(l.b.s, &(struct session_reply){.status = 200, .body = STR("from-b")}), 0);
    world_run(&l.w, 2000);
    assert_int_equal(l.a.established, 0);
    assert_int_equal(l.b.established, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_done(&l);
}

static void silence(void **state)
{
    struct lab l;
    lab_init(&l);
    l.tap.lose = "INVITE ";
    l.tap.lose_n = 1000;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 40000);
    assert_int_equal(l.a.end.status, 408);
    assert_false(l.a.end.by_remote);
    lab_done(&l);
}

// RFC 3261 12.2.1.2: who has lost the session says 481, and that ends it here.
static void lost_by_the_other_side(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    session_drop(l.b.s);
    l.b.s = NULL;
    assert_int_equal(session_modify(l.a.s, STR("again")), 0);
    world_run(&l.w, 1000);
    assert_int_equal(l.a.last_modified, 481);
    assert_int_equal(l.a.closed, 1);
    assert_non_null(l.a.end.cause);
    lab_done(&l);
}

// ---- offers ----

static void late_offer(void **state)
{
    struct lab l;
    lab_init(&l);
    l.tap.count = "ACK ";
    lab_talk(&l, NULL);
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    assert_contains(l.tap.last, "\r\n\r\nfrom-a");
    lab_hang_up(&l, &l.a);
}

// The ACK waits for the answer, and comes again with it.
static void late_offer_answered_later(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.silent_offers = l.b.pick_up = true;
    l.tap.count = l.tap.lose = "ACK ";
    l.tap.lose_n = 1;
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 700);
    assert_int_equal(l.tap.counted, 0);
    assert_int_equal(l.a.established, 0);
    assert_int_equal(session_answer(l.a.s, STR("slow")), 0);
    assert_int_equal(session_answer(l.a.s, STR("twice")), ERR_STATE);
    world_run(&l.w, 5000);
    assert_int_equal(l.tap.counted, 2);
    assert_string_equal(l.b.answer, "slow");
    lab_hang_up(&l, &l.a);
}

static void late_offer_refused(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.refuse_offers = 488;
    l.b.pick_up = true;
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 1000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_done(&l);
}

static void reinvite(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    assert_int_equal(session_modify(l.a.s, STR("more")), ERR_STATE);
    world_run(&l.w, 300);
    assert_string_equal(l.b.offer, "hold");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(l.a.answers, 2);
    assert_int_equal(session_modify(l.b.s, STR("back")), 0);
    world_run(&l.w, 300);
    assert_string_equal(l.a.offer, "back");
    assert_string_equal(l.b.answer, "from-a");
    lab_hang_up(&l, &l.a);
}

static void reinvite_without_offer(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    assert_int_equal(session_modify(l.a.s, STR_NONE), 0);
    world_run(&l.w, 300);
    assert_string_equal(l.b.offer, "");
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    assert_int_equal(l.a.last_modified, 200);
    lab_hang_up(&l, &l.a);
}

static void reinvite_refused(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.refuse_offers = 488;
    assert_int_equal(session_modify(l.a.s, STR("video")), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.last_modified, 488);
    l.b.refuse_offers = 0;
    assert_int_equal(session_modify(l.a.s, STR("audio")), 0); // nothing has changed by that
    world_run(&l.w, 300);
    assert_int_equal(l.a.last_modified, 200);
    lab_hang_up(&l, &l.a);
}

// RFC 3261 14.2: the 2xx to a re-INVITE that nobody acknowledges.
static void reinvite_never_acknowledged(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.tap.lose = "ACK ";
    l.tap.lose_n = 1000;
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 40000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_done(&l);
}

// RFC 3261 14.1: both at once; both are told 491, and who made the Call-ID comes second.
static void glare(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.tap.count = "SIP/2.0 491";
    assert_int_equal(session_modify(l.a.s, STR("mine")), 0);
    assert_int_equal(session_modify(l.b.s, STR("yours")), 0);
    world_run(&l.w, 2050);
    assert_int_equal(l.tap.counted, 2);
    assert_int_equal(l.b.modified, 1);
    assert_int_equal(l.a.modified, 0);
    world_run(&l.w, 2500);
    assert_int_equal(l.a.modified, 1);
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(l.b.last_modified, 200);
    lab_hang_up(&l, &l.a);
}

// RFC 3261 14.2: a second one while the first is not answered: 500 with Retry-After.
static void overlapping(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.silent_offers = true;
    assert_int_equal(session_modify(l.a.s, STR("first")), 0);
    world_run(&l.w, 100);
    l.tap.count = "SIP/2.0 500";
    assert_int_equal(
        session_request(l.a.s, SIP_INVITE, STR("application/sdp"), STR("second"), NULL), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.tap.counted, 1);
    assert_contains(l.tap.last, "Retry-After: ");
    assert_int_equal(session_answer(l.b.s, STR("late")), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.last_modified, 200);
    lab_hang_up(&l, &l.a);
}

// ---- several who answer ----

static void forked_with_two_oks(void **state)
{
    struct lab l;
    lab_init_fork(&l);
    l.b.pick_up = l.c.pick_up = true;
    agent_call(&l.a, "sip:anybody@example.org", "offer-a");
    world_run(&l.w, 2000);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(l.b.established, 1);
    assert_int_equal(l.c.established, 1);
    assert_int_equal(l.b.closed + l.c.closed, 1); // the other one was thanked and left
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(session_hang_up(l.a.s), 0);
    world_run(&l.w, 1000);
    assert_int_equal(l.b.closed + l.c.closed, 2);
    lab_done(&l);
}

static void forked_early_dialogs(void **state)
{
    struct lab l;
    lab_init_fork(&l);
    l.a.p.rel100 = l.b.p.rel100 = l.c.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = l.c.ring[0] = (struct session_reply){.status = 183, .reliable = true};
    l.b.ring[0].body = STR("early-b");
    l.c.ring[0].body = STR("early-c");
    l.b.n_ring = l.c.n_ring = 1;
    agent_call(&l.a, "sip:anybody@example.org", "offer-a");
    world_run(&l.w, 2000);
    assert_int_equal(l.a.progress, 3); // the proxy's 100, too
    assert_int_equal(l.a.answers, 2);  // each dialog has its answer (RFC 6337 2.2)
    assert_int_equal(session_accept(l.c.s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 2000);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(l.b.closed, 1);
    assert_int_equal(l.b.end.status, 487);
    assert_int_equal(session_hang_up(l.c.s), 0);
    lab_done(&l);
}

// ---- without memory ----

// Whatever allocation fails: both sides come to an end, and nothing stays.
static void without_memory(void **state)
{
    for (long n = 0; n < 160; n++) {
        struct lab l;
        lab_init(&l);
        l.a.poor = l.b.poor = l.b.pick_up = true;
        l.a.p.rel100 = l.b.p.rel100 = n % 2 ? SESSION_REL_SUPPORTED : SESSION_REL_OFF;
        l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early")};
        l.b.n_ring = 1;
        mem_fail_after(n);
        (void)agent_try(&l.a, CALL_B, n % 4 < 2 ? "offer-a" : NULL);
        world_run(&l.w, 3000);
        if (l.a.s && session_is_established(l.a.s))
            (void)session_modify(l.a.s, STR("hold"));
        world_run(&l.w, 1000);
        mem_fail_after(-1);
        world_run(&l.w, 5000);
        if (l.a.s)
            (void)session_hang_up(l.a.s);
        if (l.b.s)
            (void)session_hang_up(l.b.s);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_and_bye),
        cmocka_unit_test(called_side_hangs_up),
        cmocka_unit_test(refused),
        cmocka_unit_test(ack_lost),
        cmocka_unit_test(no_ack_at_all),
        cmocka_unit_test(hang_up_before_ack),
        cmocka_unit_test(cancel),
        cmocka_unit_test(cancel_against_ok),
        cmocka_unit_test(silence),
        cmocka_unit_test(lost_by_the_other_side),
        cmocka_unit_test(late_offer),
        cmocka_unit_test(late_offer_answered_later),
        cmocka_unit_test(late_offer_refused),
        cmocka_unit_test(reinvite),
        cmocka_unit_test(reinvite_without_offer),
        cmocka_unit_test(reinvite_refused),
        cmocka_unit_test(reinvite_never_acknowledged),
        cmocka_unit_test(glare),
        cmocka_unit_test(overlapping),
        cmocka_unit_test(forked_with_two_oks),
        cmocka_unit_test(forked_early_dialogs),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
