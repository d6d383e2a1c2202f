// SPDX-License-Identifier: Apache-2.0
// REFER (RFC 3515, 4488) and Replaces (RFC 3891).
#include "lab.h"

#include <stdio.h>

// ---- REFER ----

static void refer(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    assert_int_equal(session_refer(l.a.s, STR("<sip:dave@example.org>"), false), ERR_STATE);
    world_run(&l.w, 300);
    assert_string_equal(l.b.refer_to, "sip:carol@example.org");
    assert_int_equal(l.a.refer_status, 100);
    assert_false(l.a.refer_over);
    assert_int_equal(session_refer_progress(l.b.s, 180), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 180);
    assert_int_equal(session_refer_progress(l.b.s, 200), 0);
    assert_int_equal(session_refer_progress(l.b.s, 200), ERR_STATE);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 200);
    assert_true(l.a.refer_over);
    assert_int_equal(l.tap.counted, 3);
    assert_contains(l.tap.last, "Subscription-State: terminated;reason=noresource");
    assert_contains(l.tap.last, "Content-Type: message/sipfrag;version=2.0");
    lab_end(&l);
}

static void refer_refused(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 603);
    assert_true(l.a.refer_over);
    lab_end(&l);
}

static void refer_without_subscription(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), true), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 202);
    assert_true(l.a.refer_over);
    assert_int_equal(l.tap.counted, 0);
    lab_end(&l);
}

// RFC 6665 4.1.2.4: a REFER that was accepted, and nothing more.
static void refer_and_silence(void **state)
{
    struct lab l;
    lab_init(&l);
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "200 OK", "one", "", "answer");
    (void)lab_hears(&l, "ACK ", "tag=one");
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    peer_reply(l.q, A, peer_expect(l.q, "REFER "), "202 Accepted", NULL, NULL);
    world_run(&l.w, 31000);
    assert_false(l.a.refer_over);
    world_run(&l.w, 2000);
    assert_true(l.a.refer_over);
    assert_int_equal(l.a.refer_status, 408);
    assert_int_equal(session_refer(l.a.s, STR("<sip:dave@example.org>"), false), 0);
    peer_reply(l.q, A, peer_expect(l.q, "REFER "), "603 Decline", NULL, NULL);
    world_run(&l.w, 100);
    assert_int_equal(session_hang_up(l.a.s), 0);
    (void)lab_hears(&l, "BYE ", "tag=one");
    lab_done(&l);
}

// RFC 6665 4.2.2: a subscription that nothing is said in ends when it has said that it would.
static void refer_without_progress(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    world_run(&l.w, 100000);
    assert_int_equal(session_refer_progress(l.b.s, 180), 0);
    world_run(&l.w, 179000);
    assert_false(l.a.refer_over);
    assert_int_equal(l.tap.counted, 2);
    world_run(&l.w, 2000);
    assert_int_equal(l.tap.counted, 3);
    assert_contains(l.tap.last, "Subscription-State: terminated;reason=timeout");
    assert_contains(l.tap.last, "SIP/2.0 180 Ringing");
    assert_true(l.a.refer_over);
    assert_int_equal(session_refer_progress(l.b.s, 200), ERR_STATE);
    lab_end(&l);
}

// ---- Replaces ----

static void replace(struct lab *l, const char *more, struct str *ret)
{
    static char text[256];
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str v = session_replaces(l->a.s, &a);
    (void)snprintf(text, sizeof text, "%.*s%s", STR_ARG(v), more);
    arena_done(&a);
    *ret = str_from(text);
}

static void replaces(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.p.supported = STR("replaces");
    struct session *old = l.b.s;
    replace(&l, "", &l.a.p.replaces);
    l.a.p.require = STR("replaces");
    agent_call(&l.a, CALL_B, "offer-2");
    world_run(&l.w, 1000);
    assert_int_equal(l.b.incoming, 2);
    assert_ptr_not_equal(l.b.s, old);
    assert_null(l.b.all[0]); // its BYE was sent
    assert_int_equal(l.a.established, 2);
    assert_int_equal(l.a.closed, 1);
    lab_end(&l);
}

static void replaces_what_is_not_there(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.p.supported = STR("replaces");
    lab_talk(&l, "offer-a");
    struct session *first = l.a.s;
    l.a.p.replaces = STR("nobody;to-tag=a;from-tag=b");
    agent_call(&l.a, CALL_B, "offer-2");
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 481);
    l.a.s = first;
    replace(&l, ";early-only", &l.a.p.replaces); // RFC 3891 3: it is answered
    agent_call(&l.a, CALL_B, "offer-3");
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 486);
    l.a.s = first;
    lab_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refer_and_silence),
        cmocka_unit_test(refer_without_progress),
        cmocka_unit_test(refer),
        cmocka_unit_test(refer_refused),
        cmocka_unit_test(refer_without_subscription),
        cmocka_unit_test(replaces),
        cmocka_unit_test(replaces_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
