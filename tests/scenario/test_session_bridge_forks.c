// SPDX-License-Identifier: Apache-2.0
// A bridge whose called side forks: the caller has one dialog, and talks to who accepts (RFC 3262
// 5, RFC 3264 4, RFC 3311 5.1).
#include "bridged.h"

#include <stdio.h>

static char invite[4096];

// What peer_reply writes behind the body belongs to no message.
static void fork_offers(struct peer *p, const char *status, const char *tag, const char *more,
                        const char *body)
{
    char extra[512];
    (void)snprintf(extra, sizeof extra,
                   "Contact: <sip:" Q ">\n%sContent-Type: application/sdp\n"
                   "Content-Length: %zu\n\n%s",
                   more, strlen(body), body);
    peer_reply(p, M, invite, status, tag, extra);
}

// To a re-INVITE.
static void fork_answers(struct peer *p, const char *again, const char *body)
{
    char kept[sizeof invite], copy[4096];
    (void)snprintf(copy, sizeof copy, "%s", again);
    memcpy(kept, invite, sizeof kept);
    memcpy(invite, copy, sizeof copy);
    fork_offers(p, "200 OK", NULL, "", body);
    memcpy(invite, kept, sizeof kept);
}

static struct peer *call_forks(struct bridged *l)
{
    struct peer *p = peer_new(&l->w, Q);
    l->out.uri = STR("sip:bob@" Q);
    l->a.p.rel100 = SESSION_REL_SUPPORTED;
    l->a.silent_offers = true;
    agent_call(&l->a, CALL, NULL);
    (void)snprintf(invite, sizeof invite, "%s", peer_expect(p, "INVITE "));
    fork_offers(p, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "offer-1");
    world_run(&l->w, 200);
    assert_string_equal(l->a.offer, "offer-1");
    return p;
}

static void fork_ends(struct bridged *l, struct peer *p, const char *bye)
{
    peer_reply(p, M, bye, "200 OK", NULL, NULL);
    world_run(&l->w, 1000);
    assert_int_equal(l->a.closed, 1);
    assert_int_equal(l->closed, 1);
    bridged_done(l);
}

// The caller has the offer of one fork before him when another answers with its own: his answer is
// for the first alone, and he is asked again (RFC 3264 4, RFC 3311 5.1).
static void another_fork_answers(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = call_forks(&l);
    fork_offers(p, "200 OK", "two", "", "offer-2");
    peer_expect_silence(p, 200);
    l.a.silent_offers = false;
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *ack = peer_expect(p, "ACK ");
    assert_contains(ack, "tag=two");
    assert_contains(ack, "from-a");
    assert_string_equal(l.a.offer, "offer-2");
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// The same when he has answered the first.
static void another_fork_after_the_answer(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = call_forks(&l);
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *prack = peer_expect(p, "PRACK ");
    assert_contains(prack, "answer-1");
    peer_reply(p, M, prack, "200 OK", NULL, NULL);
    l.a.silent_offers = false;
    fork_offers(p, "200 OK", "two", "", "offer-2");
    const char *ack = peer_expect(p, "ACK ");
    assert_contains(ack, "from-a");
    assert_string_equal(l.a.offer, "offer-2");
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// Two offers in reliable responses: the caller answers one after the other, and is told again of
// who accepts in the end; who accepts hears what he has said last (RFC 3262 5, RFC 3264 4, RFC
// 3311 5.1).
static void two_forks_offer(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = call_forks(&l);
    fork_offers(p, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    peer_expect_silence(p, 200);
    l.a.silent_offers = false;
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *prack = peer_expect(p, "PRACK ");
    assert_contains(prack, "tag=one");
    assert_contains(prack, "answer-1");
    peer_reply(p, M, prack, "200 OK", NULL, NULL);
    prack = peer_expect(p, "PRACK ");
    assert_contains(prack, "tag=two");
    assert_contains(prack, "from-a");
    peer_reply(p, M, prack, "200 OK", NULL, NULL);
    assert_string_equal(l.a.offer, "offer-2");
    fork_offers(p, "200 OK", "one", "", "");
    assert_contains(peer_expect(p, "ACK "), "tag=one");
    const char *again = peer_expect(p, "INVITE ");
    assert_contains(again, "tag=one");
    assert_contains(again, "\r\n\r\nfrom-a");
    assert_string_equal(l.a.offer, "offer-1");
    fork_answers(p, again, "offer-1");
    peer_expect(p, "ACK ");
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// He cannot be asked for the second one: it has its end, and the first one goes on.
static void two_forks_offer_and_no_update(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.in.no_update = true;
    struct peer *p = call_forks(&l);
    fork_offers(p, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    world_run(&l.w, 200);
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *m = peer_expect(p, "PRACK ");
    assert_contains(m, "answer-1");
    peer_reply(p, M, m, "200 OK", NULL, NULL);
    m = peer_expect(p, "PRACK ");
    assert_contains(m, "tag=two");
    assert_null(strstr(m, "answer-1"));
    peer_reply(p, M, m, "200 OK", NULL, NULL);
    m = peer_expect(p, "BYE ");
    assert_contains(m, "tag=two");
    peer_reply(p, M, m, "200 OK", NULL, NULL);
    fork_offers(p, "200 OK", "one", "", "");
    assert_contains(peer_expect(p, "ACK "), "tag=one");
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// The fork that is dropped has its offer with it: the caller is not told of it any more.
static void second_offer_goes_with_its_fork(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = call_forks(&l);
    fork_offers(p, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    world_run(&l.w, 200);
    fork_offers(p, "200 OK", "one", "", "");
    assert_contains(peer_expect(p, "ACK "), "tag=one");
    world_run(&l.w, 200);
    l.a.silent_offers = false;
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *m = peer_expect(p, "PRACK ");
    assert_contains(m, "tag=one");
    assert_contains(m, "answer-1");
    peer_reply(p, M, m, "200 OK", NULL, NULL);
    world_run(&l.w, 500);
    assert_int_equal(l.a.established, 1);
    assert_string_equal(l.a.offer, "offer-1");
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// The caller has the answer of one, reliably, when another accepts: he is told whom he talks to,
// and that one of what he says to it when it is new.
static void answer_of_another_fork(void **state)
{
    for (int changed = 0; changed < 2; changed++) {
        struct bridged l;
        bridged_init(&l);
        struct peer *p = peer_new(&l.w, Q);
        l.out.uri = STR("sip:bob@" Q);
        l.a.p.rel100 = SESSION_REL_SUPPORTED;
        l.a.says = changed ? "new-a" : "offer-a";
        agent_call(&l.a, CALL, "offer-a");
        (void)snprintf(invite, sizeof invite, "%s", peer_expect(p, "INVITE "));
        for (int i = 0; i < 2; i++) {
            fork_offers(p, "183 Progress", i ? "two" : "one", "Require: 100rel\nRSeq: 1\n",
                        i ? "answer-2" : "answer-1");
            peer_reply(p, M, peer_expect(p, "PRACK "), "200 OK", NULL, NULL);
            world_run(&l.w, 100);
        }
        assert_string_equal(l.a.answer, "answer-1");
        fork_offers(p, "200 OK", "two", "", "");
        peer_expect(p, "ACK ");
        world_run(&l.w, 1500);
        assert_int_equal(l.a.established, 1);
        assert_string_equal(l.a.offer, "answer-2");
        if (changed) {
            const char *again = peer_expect(p, "INVITE ");
            assert_contains(again, "\r\n\r\nnew-a");
            fork_answers(p, again, "answer-2");
            peer_expect(p, "ACK ");
        }
        peer_expect_silence(p, 2000);
        assert_int_equal(session_hang_up(l.a.s), 0);
        fork_ends(&l, p, peer_expect(p, "BYE "));
    }
}

// Unreliable answers are a preview: the 200 has that of who accepts, whoever was heard of last.
static void preview_of_another_fork(void **state)
{
    struct bridged l;
    bridged_init(&l);
    struct peer *p = peer_new(&l.w, Q);
    l.out.uri = STR("sip:bob@" Q);
    agent_call(&l.a, CALL, "offer-a");
    (void)snprintf(invite, sizeof invite, "%s", peer_expect(p, "INVITE "));
    fork_offers(p, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "answer-1");
    peer_reply(p, M, peer_expect(p, "PRACK "), "200 OK", NULL, NULL);
    fork_offers(p, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "answer-2");
    peer_reply(p, M, peer_expect(p, "PRACK "), "200 OK", NULL, NULL);
    fork_offers(p, "200 OK", "one", "", "");
    peer_expect(p, "ACK ");
    world_run(&l.w, 1000);
    assert_int_equal(l.a.established, 1);
    assert_string_equal(l.a.answer, "answer-1");
    peer_expect_silence(p, 1000);
    assert_int_equal(session_hang_up(l.a.s), 0);
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// He cannot be asked again: nobody talks to somebody who answered another.
static void another_fork_and_no_update(void **state)
{
    struct bridged l;
    bridged_init(&l);
    l.in.no_update = true;
    struct peer *p = call_forks(&l);
    fork_offers(p, "200 OK", "two", "", "offer-2");
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *ack = peer_expect(p, "ACK ");
    assert_contains(ack, "tag=two");
    assert_null(strstr(ack, "answer-1"));
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_fork_answers),
        cmocka_unit_test(another_fork_after_the_answer),
        cmocka_unit_test(another_fork_and_no_update),
        cmocka_unit_test(two_forks_offer),
        cmocka_unit_test(two_forks_offer_and_no_update),
        cmocka_unit_test(second_offer_goes_with_its_fork),
        cmocka_unit_test(answer_of_another_fork),
        cmocka_unit_test(preview_of_another_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
