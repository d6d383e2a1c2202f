// SPDX-License-Identifier: Apache-2.0
// Two sessions joined back to back: what passes through, and what stays with each side.
#include "bridged.h"

#include <stdio.h>

static void call_and_bye(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    l.tap.count = "INVITE sip:bob@" B;
    bridged_talk(&l, "offer-a");
    assert_contains(l.tap.last, "From: <sip:middle@example.org>");
    assert_string_equal(l.b.offer, "offer-a");
    assert_string_equal(l.a.answer, "from-b");
    assert_int_equal(l.a.last_progress, 180);
    bridged_bye(&l, &l.b);
}

static void late_offer_through(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, NULL);
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    bridged_bye(&l, &l.a);
}

static void reliable_on_both_sides(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.a.p.rel100 = l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early-b")};
    l.b.n_ring = 1;
    l.tap.count = "PRACK ";
    agent_call(&l.a, CALL, "offer-a");
    world_run(&l.w, 500);
    assert_int_equal(l.tap.counted, 2);
    assert_string_equal(l.a.answer, "early-b");
    assert_int_equal(session_modify(l.a.s, STR("resources")), 0); // UPDATE, through both
    world_run(&l.w, 500);
    assert_string_equal(l.b.offer, "resources");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(session_accept(l.b.s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.a.established, 1);
    bridged_bye(&l, &l.a);
}

static void changes_through(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 500);
    assert_string_equal(l.b.offer, "hold");
    assert_int_equal(l.a.last_modified, 200);
    l.a.refuse_offers = 488;
    assert_int_equal(session_modify(l.b.s, STR("video")), 0);
    world_run(&l.w, 500);
    assert_string_equal(l.a.offer, "video");
    assert_int_equal(l.b.last_modified, 488);
    l.a.refuse_offers = 0;
    assert_int_equal(session_modify(l.b.s, STR_NONE), 0); // and one without an offer
    world_run(&l.w, 500);
    assert_string_equal(l.b.offer, "from-a");
    assert_int_equal(l.b.last_modified, 200);
    bridged_bye(&l, &l.a);
}

// Both sides change at once: who asks again while his other side's change waits for its next try is refused, and
// nobody gets an offer for an answer (RFC 3261 14.1, 14.2).
static void changes_cross(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    l.tap.count = "SIP/2.0 491";
    assert_int_equal(session_modify(l.a.s, STR("hold-a")), 0);
    assert_int_equal(session_modify(l.b.s, STR("hold-b")), 0);
    world_run(&l.w, 20000);
    assert_true(l.tap.counted >= 2);
    assert_int_equal(l.a.last_modified, 200);
    assert_string_equal(l.a.answer, "from-b");
    assert_string_equal(l.b.offer, "hold-a");
    assert_int_equal(l.b.last_modified, 200);
    assert_string_equal(l.b.answer, "from-a");
    assert_string_equal(l.a.offer, "hold-b");
    bridged_bye(&l, &l.a);
}

static void info_through(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    assert_int_equal(session_request(l.a.s, SIP_INFO, STR("text/plain"), STR("5"), NULL), 0);
    l.tap.count = "SIP/2.0 200";
    world_run(&l.w, 300);
    assert_int_equal(l.b.requests, 1);
    assert_int_equal(l.tap.counted, 2);
    bridged_bye(&l, &l.a);
}

static void refused(void **state)
{
    struct bridged l;
    bridged_init(&l);
    agent_call(&l.a, CALL, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = 486}), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 486);
    assert_int_equal(l.closed, 1);
    assert_false(l.by_caller);
    bridged_done(&l);
}

static void cancelled(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    agent_call(&l.a, CALL, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_hang_up(l.a.s), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.a.end.status, 487);
    assert_int_equal(l.b.end.status, 487);
    assert_int_equal(l.closed, 1);
    assert_true(l.by_caller);
    bridged_done(&l);
}

static void hung_up_in_the_middle(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    bridge_hang_up(l.bridge);
    world_run(&l.w, 1000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    bridged_done(&l);
}

// ---- what the sides do not share ----

static char peer_tag[80];

static void in_dialog(struct peer *p, const char *method, int cseq, const char *branch,
                      const char *body)
{
    peer_send(p, M,
              "%s " CALL " SIP/2.0\nVia: SIP/2.0/UDP " Q ";branch=z9hG4bK%s\n"
              "From: <sip:x@example.org>;tag=from-1\nTo: <" CALL ">%s%s\nCall-ID: call-1\n"
              "CSeq: %d %s\nMax-Forwards: 70\nContact: <sip:" Q ">\n%sContent-Length: %zu\n\n%s",
              method, branch, *peer_tag ? ";tag=" : "", peer_tag, cseq, method,
              *body ? "Content-Type: application/sdp\n" : "", strlen(body), body);
}

// A change that the caller has cancelled: the answer to it comes too late, and ends nothing.
static void change_cancelled(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = peer_new(&l.w, Q);
    l.b.pick_up = true;
    *peer_tag = '\0';
    in_dialog(p, "INVITE", 1, "one", "offer");
    (void)snprintf(peer_tag, sizeof peer_tag, "%s",
                   param_of(header_of(peer_expect(p, "SIP/2.0 200"), "To", 0), "tag"));
    in_dialog(p, "ACK", 1, "a1", "");
    l.b.silent_offers = true;
    world_run(&l.w, 100);
    in_dialog(p, "INVITE", 2, "two", "hold");
    world_run(&l.w, 100);
    assert_string_equal(l.b.offer, "hold");
    in_dialog(p, "CANCEL", 2, "two", "");
    world_run(&l.w, 100);
    assert_int_equal(session_answer(l.b.s, STR("late")), 0);
    peer_expect(p, "SIP/2.0 200");
    peer_expect(p, "SIP/2.0 487");
    in_dialog(p, "ACK", 2, "two", "");
    peer_expect_silence(p, 1000);
    assert_int_equal(l.b.closed, 0);
    assert_int_equal(session_hang_up(l.b.s), 0);
    peer_reply(p, M, peer_expect(p, "BYE "), "200 OK", NULL, NULL);
    bridged_done(&l);
}

// An answer that never comes: 488, and the call goes on.
static void change_without_answer(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    l.b.silent_offers = true;
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 200);
    assert_int_equal(session_answer(l.b.s, STR_NONE), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.a.last_modified, 488);
    bridged_bye(&l, &l.a);
}

static void refused_for_its_own_reasons(void **state)
{
    static const unsigned said[][2] = {{302, 480}, {401, 500}, {407, 500}, {422, 500}, {486, 486}};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct bridged l;
        bridged_init(&l);
        agent_call(&l.a, CALL, "offer-a");
        world_run(&l.w, 300);
        assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = said[i][0]}), 0);
        world_run(&l.w, 300);
        assert_int_equal(l.a.end.status, said[i][1]);
        bridged_done(&l);
    }
}

// A late offer in a reliable response could not be answered by who has no 100rel: it is not asked
// for.
static void late_offer_of_who_has_no_100rel(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("from-b")};
    l.b.n_ring = 1;
    bridged_talk(&l, NULL);
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    bridged_bye(&l, &l.a);
}

// Who does not answer any more does not hold the other.
static void hung_up_with_a_dead_caller(void **state)
{
    struct bridged l;
    bridged_init(&l);
    bridged_talk(&l, "offer-a");
    l.tap.lose = "BYE sip:" A;
    l.tap.lose_n = 1000;
    bridge_hang_up(l.bridge);
    world_run(&l.w, 1000);
    assert_int_equal(l.b.closed, 1);
    assert_int_equal(l.closed, 0);
    world_run(&l.w, 60000);
    assert_int_equal(l.closed, 1);
    session_drop(l.a.s); // it never hears of it
    l.a.s = NULL;
    bridged_done(&l);
}

// An answer that cannot be sent, and a BYE that cannot be sent after it.
static void both_sides_fail_at_once(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.b.pick_up = true;
    l.swells = true;
    l.tap.count = "BYE sip:" B;
    agent_call(&l.a, CALL, NULL);
    world_run(&l.w, 1000);
    l.swells = false;
    assert_int_equal(l.closed, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.tap.counted, 0);
    bridged_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_and_bye),
        cmocka_unit_test(late_offer_through),
        cmocka_unit_test(reliable_on_both_sides),
        cmocka_unit_test(changes_through),
        cmocka_unit_test(changes_cross),
        cmocka_unit_test(refused),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(hung_up_in_the_middle),
        cmocka_unit_test(info_through),
        cmocka_unit_test(change_cancelled),
        cmocka_unit_test(change_without_answer),
        cmocka_unit_test(refused_for_its_own_reasons),
        cmocka_unit_test(late_offer_of_who_has_no_100rel),
        cmocka_unit_test(hung_up_with_a_dead_caller),
        cmocka_unit_test(both_sides_fail_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
