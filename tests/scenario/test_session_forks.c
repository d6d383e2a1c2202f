// SPDX-License-Identifier: Apache-2.0
// One INVITE and several who answer it, and several ways on which one INVITE comes (RFC
// 3261 8.2.2.2, 9.1, 9.2, 13.2.2.4, RFC 3262 5).
#include "lab.h"

#include <stdio.h>

static unsigned withdrawn;
static char withdrawn_of[32];

static void on_withdrawn(void *arg, struct session *s, struct str fork)
{
    withdrawn++;
    (void)snprintf(withdrawn_of, sizeof withdrawn_of, "%.*s", STR_ARG(fork));
}

static void init(struct lab *l)
{
    lab_init(l);
    (void)lab_peer(l);
    l->a.p.rel100 = SESSION_REL_SUPPORTED;
    lab_ops(l, &l->a)->withdrawn = on_withdrawn;
    withdrawn = 0;
}

static void a_hangs_up(struct lab *l)
{
    assert_int_equal(session_hang_up(l->a.s), 0);
    lab_says_ok(l, peer_expect(l->q, "BYE "));
    lab_done(l);
}

// A request of one of those who have answered.
static void fork_sends(struct lab *l, const char *method, const char *tag, const char *body)
{
    char to[128], from[128], id[128];
    (void)snprintf(to, sizeof to, "%s", header_of(l->invite, "To", 0));
    (void)snprintf(from, sizeof from, "%s", header_of(l->invite, "From", 0));
    (void)snprintf(id, sizeof id, "%s", header_of(l->invite, "Call-ID", 0));
    peer_send(l->q, A,
              "%s sip:a@" A " SIP/2.0\nVia: SIP/2.0/UDP " Q ";branch=z9hG4bK%s%s\n"
              "From: %s;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: 7 %s\nMax-Forwards: 70\n"
              "Contact: <sip:" Q ">\nContent-Type: application/sdp\nContent-Length: %zu\n\n%s",
              method, method, tag, to, tag, from, id, method, strlen(body), body);
}

// ---- offers of forks ----

// RFC 3262 5: each answer goes to who has offered, though the other's dialog is the older one.
static void answered_in_their_order(void **state)
{
    struct lab l;
    init(&l);
    l.a.silent_offers = true;
    (void)lab_calls(&l, NULL);
    lab_answers(&l, "180 Ringing", "two", "", "");
    lab_answers(&l, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "offer-1");
    lab_answers(&l, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    world_run(&l.w, 100);
    assert_int_equal(l.a.offers, 2);
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *prack = peer_expect(l.q, "PRACK ");
    assert_contains(prack, "tag=one");
    assert_contains(prack, "answer-1");
    lab_says_ok(&l, prack);
    lab_answers(&l, "200 OK", "one", "", "");
    lab_hears(&l, "ACK ", "tag=one");
    world_run(&l.w, 100);
    assert_int_equal(withdrawn, 1); // that of the other one, which was the next
    assert_int_equal(session_answer(l.a.s, STR("answer-2")), ERR_STATE);
    a_hangs_up(&l);
}

static void two_offer(struct lab *l)
{
    l->a.silent_offers = true;
    (void)lab_calls(l, NULL);
    lab_answers(l, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "offer-1");
    lab_answers(l, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    world_run(&l->w, 100);
    assert_int_equal(l->a.offers, 2);
}

// Whoever is chosen: the owner hears of each offer that needs no answer any more, the oldest or
// not.
static void each_withdrawn_offer_is_told(void **state)
{
    struct lab l;
    init(&l);
    two_offer(&l);
    lab_answers(&l, "200 OK", "one", "", "");
    (void)lab_hears(&l, "ACK ", "tag=one");
    world_run(&l.w, 100);
    assert_int_equal(withdrawn, 1);
    assert_string_equal(withdrawn_of, "two");
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    assert_contains(lab_hears(&l, "PRACK ", "tag=one"), "answer-1");
    assert_int_equal(session_answer(l.a.s, STR("answer-2")), ERR_STATE);
    a_hangs_up(&l);
}

// RFC 3261 15: whose offer is refused has its end, and nobody else.
static void one_offer_is_refused(void **state)
{
    struct lab l;
    init(&l);
    two_offer(&l);
    assert_int_equal(session_refuse(l.a.s, 488), 0);
    assert_null(strstr(lab_hears(&l, "PRACK ", "tag=one"), "\r\n\r\na"));
    (void)lab_hears(&l, "BYE ", "tag=one");
    lab_answers(&l, "180 Ringing", "one", "", ""); // it has not heard of it yet
    assert_int_equal(session_answer(l.a.s, STR("answer-2")), 0);
    assert_contains(lab_hears(&l, "PRACK ", "tag=two"), "answer-2");
    lab_answers(&l, "200 OK", "two", "", "");
    (void)lab_hears(&l, "ACK ", "tag=two");
    world_run(&l.w, 100);
    assert_int_equal(l.a.established, 1);
    a_hangs_up(&l);
}

// Its 2xx was faster than the BYE: it has its ACK and another BYE, and since a proxy has cancelled
// the others for it, that is the end.
static void refused_fork_accepts(void **state)
{
    struct lab l;
    init(&l);
    two_offer(&l);
    assert_int_equal(session_refuse(l.a.s, 488), 0);
    (void)lab_hears(&l, "PRACK ", "tag=one");
    (void)lab_hears(&l, "BYE ", "tag=one");
    lab_answers(&l, "200 OK", "one", "", "");
    const char *m = peer_next(l.q, 1000);
    if (m && strncmp(m, "CANCEL ", 7) == 0) { // it is too late for that
        lab_says_ok(&l, m);
        m = peer_next(l.q, 1000);
    }
    assert_contains(m, "ACK ");
    (void)lab_hears(&l, "BYE ", "tag=one");
    world_run(&l.w, 100);
    assert_int_equal(l.a.established, 0);
    assert_int_equal(l.a.closed, 1);
    assert_non_null(l.a.end.cause);
    lab_done(&l);
}

// A fork that says BYE before anybody has accepted goes alone, though it was the last to be heard
// of.
static void bye_of_one_fork(void **state)
{
    struct lab l;
    init(&l);
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "180 Ringing", "one", "", "");
    lab_answers(&l, "180 Ringing", "two", "", "");
    world_run(&l.w, 100);
    fork_sends(&l, "BYE", "two", "");
    peer_expect(l.q, "SIP/2.0 200");
    peer_expect_silence(l.q, 1000); // no CANCEL
    lab_answers(&l, "200 OK", "one", "", "answer");
    (void)lab_hears(&l, "ACK ", "tag=one");
    world_run(&l.w, 100);
    assert_int_equal(l.a.established, 1);
    a_hangs_up(&l);
}

// A change that a fork wanted is refused when another is chosen.
static void change_of_a_fork_that_goes(void **state)
{
    struct lab l;
    init(&l);
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "answer-1");
    const char *prack = peer_expect(l.q, "PRACK ");
    lab_says_ok(&l, prack);
    l.a.silent_offers = true;
    fork_sends(&l, "UPDATE", "one", "offer-1");
    world_run(&l.w, 100);
    assert_int_equal(l.a.offers, 1);
    lab_answers(&l, "200 OK", "two", "", "answer-2");
    peer_expect(l.q, "SIP/2.0 487");
    lab_hears(&l, "ACK ", "tag=two");
    assert_int_equal(withdrawn, 1);
    a_hangs_up(&l);
}

// ---- more forks than there is room for ----

// 12 that ring, and one more that answers.
static void ring(struct lab *l)
{
    char tag[24];
    (void)lab_calls(l, "offer-a");
    for (int i = 0; i < 12; i++) {
        (void)snprintf(tag, sizeof tag, "fork-%d", i);
        lab_answers(l, "180 Ringing", tag, "", "");
    }
    world_run(&l->w, 100);
    lab_answers(l, "200 OK", "last", "", "answer");
    lab_hears(l, "ACK ", "tag=last");
    world_run(&l->w, 100);
    assert_int_equal(l->a.established, 1);
}

static void answer_of_one_too_many(void **state)
{
    struct lab l;
    init(&l);
    ring(&l);
    assert_string_equal(l.a.answer, "answer");
    a_hangs_up(&l);
}

static void all_answer(void **state)
{
    struct lab l;
    char tag[24];
    init(&l);
    ring(&l);
    for (int i = 0; i < 14; i++) {
        (void)snprintf(tag, sizeof tag, "tag=fork-%d", i);
        lab_answers(&l, "200 OK", tag + 4, "", "answer");
        lab_hears(&l, "ACK ", tag);
        lab_hears(&l, "BYE ", tag);
    }
    assert_int_equal(session_hang_up(l.a.s), 0);
    lab_says_ok(&l, peer_expect(l.q, "BYE "));
    lab_answers(&l, "200 OK", "later", "", "answer");
    lab_hears(&l, "ACK ", "tag=later");
    lab_hears(&l, "BYE ", "tag=later");
    lab_done(&l);
}

// ---- dropped before the answer ----

static void drop(struct lab *l)
{
    session_drop(l->a.s);
    l->a.s = l->a.all[0] = NULL;
}

// RFC 3261 9.1: its 2xx crosses the CANCEL, and has its ACK and BYE.
static void dropped_while_it_rings(void **state)
{
    struct lab l;
    init(&l);
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "180 Ringing", "one", "", "");
    world_run(&l.w, 100);
    drop(&l);
    lab_says_ok(&l, peer_expect(l.q, "CANCEL "));
    lab_answers(&l, "200 OK", "one", "", "answer");
    lab_hears(&l, "ACK ", "tag=one");
    lab_hears(&l, "BYE ", "tag=one");
    lab_done(&l);
}

static void dropped_before_anybody_rings(void **state)
{
    struct lab l;
    init(&l);
    (void)lab_calls(&l, "offer-a");
    drop(&l);
    peer_expect_silence(l.q, 300);
    lab_answers(&l, "180 Ringing", "one", "", "");
    lab_says_ok(&l, peer_expect(l.q, "CANCEL "));
    lab_answers(&l, "487 Request Terminated", "one", "", "");
    peer_expect(l.q, "ACK ");
    peer_expect_silence(l.q, 1000);
    lab_done(&l);
}

// ---- one INVITE on several ways ----

// As in answers, nothing behind the offer is looked at.
static void to_b(struct lab *l, const char *method, const char *branch, const char *to_tag)
{
    struct request r = {.method = method,
                        .uri = CALL_B,
                        .branch = branch,
                        .to_tag = to_tag,
                        .extra = strcmp(method, "INVITE") == 0
                                     ? "Content-Type: application/sdp\nContent-Length: 5\n\noffer"
                                     : NULL};
    peer_request(l->q, B, &r);
}

static const char *tag_of(const char *response)
{
    return param_of(header_of(response, "To", 0), "tag");
}

// RFC 3261 8.2.2.2: as long as the transaction is there, though the call has been up for long.
static void merged_after_the_ack(void **state)
{
    struct lab l;
    init(&l);
    l.b.pick_up = true;
    to_b(&l, "INVITE", "z9hG4bKone", NULL);
    to_b(&l, "ACK", "z9hG4bKack", tag_of(peer_expect(l.q, "SIP/2.0 200")));
    world_run(&l.w, 100);
    assert_int_equal(l.b.established, 1);
    to_b(&l, "INVITE", "z9hG4bKtwo", NULL);
    peer_expect(l.q, "SIP/2.0 482");
    to_b(&l, "ACK", "z9hG4bKtwo", "x");
    world_run(&l.w, 40000);
    to_b(&l, "INVITE", "z9hG4bKthree", NULL);
    peer_expect(l.q, "SIP/2.0 200");
    assert_int_equal(l.b.incoming, 2);
    for (unsigned i = 0; i < 2; i++)
        session_drop(l.b.all[i]);
    lab_done(&l);
}

static void merged_after_the_refusal(void **state)
{
    struct lab l;
    init(&l);
    to_b(&l, "INVITE", "z9hG4bKone", NULL);
    world_run(&l.w, 100);
    assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = 486}), 0);
    peer_expect(l.q, "SIP/2.0 486");
    world_run(&l.w, 100);
    to_b(&l, "INVITE", "z9hG4bKtwo", NULL);
    peer_expect(l.q, "SIP/2.0 482");
    assert_int_equal(l.b.incoming, 1);
    lab_done(&l);
}

// RFC 3261 9.2.
static void tag_of_the_cancel(void **state)
{
    struct lab l;
    char tag[80];
    init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    to_b(&l, "INVITE", "z9hG4bKone", NULL);
    (void)snprintf(tag, sizeof tag, "%s", tag_of(peer_expect(l.q, "SIP/2.0 180")));
    to_b(&l, "CANCEL", "z9hG4bKone", NULL);
    assert_string_equal(tag_of(peer_expect(l.q, "SIP/2.0 200")), tag);
    assert_string_equal(tag_of(peer_expect(l.q, "SIP/2.0 487")), tag);
    to_b(&l, "ACK", "z9hG4bKone", tag);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered_in_their_order),
        cmocka_unit_test(change_of_a_fork_that_goes),
        cmocka_unit_test(each_withdrawn_offer_is_told),
        cmocka_unit_test(one_offer_is_refused),
        cmocka_unit_test(refused_fork_accepts),
        cmocka_unit_test(bye_of_one_fork),
        cmocka_unit_test(answer_of_one_too_many),
        cmocka_unit_test(all_answer),
        cmocka_unit_test(dropped_while_it_rings),
        cmocka_unit_test(dropped_before_anybody_rings),
        cmocka_unit_test(merged_after_the_ack),
        cmocka_unit_test(merged_after_the_refusal),
        cmocka_unit_test(tag_of_the_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
