// SPDX-License-Identifier: Apache-2.0
// One INVITE and several who answer it, and several ways on which one INVITE comes (RFC
// 3261 8.2.2.2, 9.1, 9.2, 13.2.2.4, RFC 3262 5).
#include "agent.h"

#include <stdio.h>

#define A "10.0.0.1"
#define B "10.0.0.2"
#define Q "10.0.0.7"
#define CALL_B "sip:bob@" B

struct lab {
    struct world w;
    struct agent a, b;
    struct peer *q;
    struct session_ops ops;
    char invite[4096];
};

static unsigned withdrawn;

static void on_withdrawn(void *arg, struct session *s)
{
    withdrawn++;
}

static void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    agent_init(&l->a, &l->w, A);
    agent_init(&l->b, &l->w, B);
    l->q = peer_new(&l->w, Q);
    l->a.p.rel100 = SESSION_REL_SUPPORTED;
    l->ops = *l->a.p.ops;
    l->ops.withdrawn = on_withdrawn;
    l->a.p.ops = &l->ops;
    withdrawn = 0;
}

static void lab_done(struct lab *l)
{
    world_run(&l->w, 200000);
    assert_int_equal(session_layer_count(l->a.layer), 0);
    assert_int_equal(session_layer_count(l->b.layer), 0);
    nothing_open(&l->a);
    nothing_open(&l->b);
    agent_done(&l->a);
    agent_done(&l->b);
    world_done(&l->w);
}

static void call(struct lab *l, const char *offer)
{
    agent_call(&l->a, "sip:x@" Q, offer);
    (void)snprintf(l->invite, sizeof l->invite, "%s", peer_expect(l->q, "INVITE "));
}

// With a body, if there is one; what peer_reply writes behind it belongs to no message.
static void answers(struct lab *l, const char *status, const char *tag, const char *more,
                    const char *body)
{
    char extra[512];
    (void)snprintf(extra, sizeof extra,
                   "Contact: <sip:" Q ">\nAllow: UPDATE\n%sContent-Type: application/sdp\n"
                   "Content-Length: %zu\n\n%s",
                   more, strlen(body), body);
    peer_reply(l->q, A, l->invite, status, tag, extra);
}

static void reply_to(struct lab *l, const char *request)
{
    peer_reply(l->q, A, request, "200 OK", NULL, NULL);
}

static void hears(struct lab *l, const char *method, const char *tag)
{
    const char *m = peer_expect(l->q, method);
    assert_contains(header_of(m, "To", 0), tag);
    if (strcmp(method, "ACK ") != 0)
        reply_to(l, m);
}

static void a_hangs_up(struct lab *l)
{
    assert_int_equal(session_hang_up(l->a.s), 0);
    reply_to(l, peer_expect(l->q, "BYE "));
    lab_done(l);
}

// ---- offers of forks ----

// RFC 3262 5: each answer goes to who has offered, though the other's dialog is the older one.
static void answered_in_their_order(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.silent_offers = true;
    call(&l, NULL);
    answers(&l, "180 Ringing", "two", "", "");
    answers(&l, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "offer-1");
    answers(&l, "183 Progress", "two", "Require: 100rel\nRSeq: 1\n", "offer-2");
    world_run(&l.w, 100);
    assert_int_equal(l.a.offers, 2);
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *prack = peer_expect(l.q, "PRACK ");
    assert_contains(prack, "tag=one");
    assert_contains(prack, "answer-1");
    reply_to(&l, prack);
    answers(&l, "200 OK", "one", "", "");
    hears(&l, "ACK ", "tag=one");
    world_run(&l.w, 100);
    assert_int_equal(withdrawn, 1); // that of the other one, which was the next
    assert_int_equal(session_answer(l.a.s, STR("answer-2")), ERR_STATE);
    a_hangs_up(&l);
}

// A change that a fork wanted is refused when another is chosen.
static void change_of_a_fork_that_goes(void **state)
{
    struct lab l;
    lab_init(&l);
    call(&l, "offer-a");
    answers(&l, "183 Progress", "one", "Require: 100rel\nRSeq: 1\n", "answer-1");
    const char *prack = peer_expect(l.q, "PRACK ");
    char to[128], from[128], id[128];
    (void)snprintf(to, sizeof to, "%s", header_of(prack, "To", 0));
    (void)snprintf(from, sizeof from, "%s", header_of(prack, "From", 0));
    (void)snprintf(id, sizeof id, "%s", header_of(prack, "Call-ID", 0));
    reply_to(&l, prack);
    l.a.silent_offers = true;
    peer_send(l.q, A,
              "UPDATE sip:a@" A " SIP/2.0\nVia: SIP/2.0/UDP " Q ";branch=z9hG4bKupdate\n"
              "From: %s\nTo: %s\nCall-ID: %s\nCSeq: 7 UPDATE\nMax-Forwards: 70\n"
              "Contact: <sip:" Q ">\nContent-Type: application/sdp\nContent-Length: 7\n\noffer-1",
              to, from, id);
    world_run(&l.w, 100);
    assert_int_equal(l.a.offers, 1);
    answers(&l, "200 OK", "two", "", "answer-2");
    peer_expect(l.q, "SIP/2.0 487");
    hears(&l, "ACK ", "tag=two");
    assert_int_equal(withdrawn, 1);
    a_hangs_up(&l);
}

// ---- more forks than there is room for ----

// 12 that ring, and one more that answers.
static void ring(struct lab *l)
{
    char tag[16];
    call(l, "offer-a");
    for (int i = 0; i < 12; i++) {
        (void)snprintf(tag, sizeof tag, "fork-%d", i);
        answers(l, "180 Ringing", tag, "", "");
    }
    world_run(&l->w, 100);
    answers(l, "200 OK", "last", "", "answer");
    hears(l, "ACK ", "tag=last");
    world_run(&l->w, 100);
    assert_int_equal(l->a.established, 1);
}

static void answer_of_one_too_many(void **state)
{
    struct lab l;
    lab_init(&l);
    ring(&l);
    assert_string_equal(l.a.answer, "answer");
    a_hangs_up(&l);
}

static void all_answer(void **state)
{
    struct lab l;
    char tag[24];
    lab_init(&l);
    ring(&l);
    for (int i = 0; i < 14; i++) {
        (void)snprintf(tag, sizeof tag, "tag=fork-%d", i);
        answers(&l, "200 OK", tag + 4, "", "answer");
        hears(&l, "ACK ", tag);
        hears(&l, "BYE ", tag);
    }
    assert_int_equal(session_hang_up(l.a.s), 0);
    reply_to(&l, peer_expect(l.q, "BYE "));
    answers(&l, "200 OK", "later", "", "answer");
    hears(&l, "ACK ", "tag=later");
    hears(&l, "BYE ", "tag=later");
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
    lab_init(&l);
    call(&l, "offer-a");
    answers(&l, "180 Ringing", "one", "", "");
    world_run(&l.w, 100);
    drop(&l);
    reply_to(&l, peer_expect(l.q, "CANCEL "));
    answers(&l, "200 OK", "one", "", "answer");
    hears(&l, "ACK ", "tag=one");
    hears(&l, "BYE ", "tag=one");
    lab_done(&l);
}

static void dropped_before_anybody_rings(void **state)
{
    struct lab l;
    lab_init(&l);
    call(&l, "offer-a");
    drop(&l);
    peer_expect_silence(l.q, 300);
    answers(&l, "180 Ringing", "one", "", "");
    reply_to(&l, peer_expect(l.q, "CANCEL "));
    answers(&l, "487 Request Terminated", "one", "", "");
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
    lab_init(&l);
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
    lab_init(&l);
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
    lab_init(&l);
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
        cmocka_unit_test(answered_in_their_order), cmocka_unit_test(change_of_a_fork_that_goes),
        cmocka_unit_test(answer_of_one_too_many),  cmocka_unit_test(all_answer),
        cmocka_unit_test(dropped_while_it_rings),  cmocka_unit_test(dropped_before_anybody_rings),
        cmocka_unit_test(merged_after_the_ack),    cmocka_unit_test(merged_after_the_refusal),
        cmocka_unit_test(tag_of_the_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
