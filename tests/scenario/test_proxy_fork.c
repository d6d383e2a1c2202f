// SPDX-License-Identifier: Apache-2.0
// The response context of RFC 3261 16.7 to 16.10: forking, the best response, CANCEL, re-selection,
// Timer C.
#include "fork.h"

// ---- forking ----

static void losers_cancelled(void **state)
{
    struct fork f;
    const char *i1, *i2, *m;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    assert_string_not_equal(param_of(header_of(i1, "Via", 0), "branch"),
                            param_of(header_of(i2, "Via", 0), "branch"));
    answer(f.b1, i1, "180 Ringing", NULL);
    answer(f.b2, i2, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    peer_expect(f.alice, "SIP/2.0 180");
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    m = peer_expect(f.b2, "CANCEL sip:" B2 " SIP/2.0");
    assert_contains(header_of(m, "Reason", 0), "cause=200");
    assert_string_equal(header_of(m, "Via", 0), header_of(i2, "Via", 0));
    answer(f.b2, m, "200 OK", NULL);
    answer(f.b2, i2, "487 Request Terminated", NULL);
    peer_expect(f.b2, "ACK ");
    peer_expect_silence(f.alice, 2000);
    fork_done(&f);
}

// The loser's 200 crosses our CANCEL: it goes upstream too, and the caller ends one of the calls.
static void two_ok(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    peer_reply(f.b1, P, i1, "200 OK", "t1", NULL);
    peer_reply(f.b2, P, i2, "200 OK", "t2", NULL);
    const char *first = header_of(peer_expect(f.alice, "SIP/2.0 200"), "To", 0);
    const char *second = header_of(peer_expect(f.alice, "SIP/2.0 200"), "To", 0);
    assert_string_not_equal(first, second);
    fork_done(&f);
}

// What is not an INVITE cannot be cancelled: the slower branch is left to itself.
static void forked_message(void **state)
{
    struct fork f;
    const char *m1, *m2;
    (void)state;
    fork_init(&f, fork_both);
    peer_request(f.alice, P, &(struct request){.method = "MESSAGE", .uri = "sip:bob@example.org"});
    m1 = peer_expect(f.b1, "MESSAGE ");
    m2 = peer_expect(f.b2, "MESSAGE ");
    answer(f.b2, m2, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    assert_null(pxy_find(f.p->stack, f.p->last));
    answer(f.b1, m1, "404 Not Found", NULL);
    peer_expect_silence(f.alice, 1000);
    peer_expect_silence(f.b1, 1000);
    fork_done(&f);
}

struct best_row {
    const char *s1, *s2, *want;
};

// RFC 3261 16.7 step 6.
static const struct best_row best_rows[] = {
    {"404 Not Found", "486 Busy Here", "SIP/2.0 404"},
    {"486 Busy Here", "302 Moved", "SIP/2.0 302"},
    {"500 Server Error", "486 Busy Here", "SIP/2.0 486"},
    {"486 Busy Here", "603 Decline", "SIP/2.0 603"},
    {"302 Moved", "600 Busy Everywhere", "SIP/2.0 600"},
    {"404 Not Found", "415 Unsupported Media Type", "SIP/2.0 415"},
    {"408 Request Timeout", "404 Not Found", "SIP/2.0 404"},
    {"430 Flow Failed", "486 Busy Here", "SIP/2.0 486"},
    {"503 Service Unavailable", "502 Bad Gateway", "SIP/2.0 502"},
    {"503 Service Unavailable", "503 Service Unavailable", "SIP/2.0 500"},
};

static void best_response(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof best_rows / sizeof *best_rows; i++) {
        const struct best_row *r = &best_rows[i];
        struct fork f;
        const char *i1, *i2;
        fork_init(&f, fork_both);
        invite(&f, &i1, &i2);
        answer(f.b1, i1, r->s1, NULL);
        peer_expect(f.b1, "ACK ");
        peer_expect_silence(f.alice, 50);
        answer(f.b2, i2, r->s2, NULL);
        peer_expect(f.alice, r->want);
        ack_final(&f);
        fork_done(&f);
    }
}

// A 480 that stands for a failed flow (RFC 3326) says no more of the user than a 430 does.
static void failed_flow_is_no_answer(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b1, i1, "480 Temporarily Unavailable", "Reason: SIP;cause=430;text=\"Flow Failed\"\n");
    peer_expect(f.b1, "ACK ");
    answer(f.b2, i2, "486 Busy Here", NULL);
    peer_expect(f.alice, "SIP/2.0 486");
    ack_final(&f);
    fork_done(&f);
}

// Who says when to come again speaks for the whole service: it is not made a 500 (RFC 3261 16.7 step 6).
static void overload_goes_on(void **state)
{
    struct fork f;
    const char *i1, *i2, *m;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b1, i1, "503 Service Unavailable", "Retry-After: 5\n");
    answer(f.b2, i2, "503 Service Unavailable", "Retry-After: 5\n");
    m = peer_expect(f.alice, "SIP/2.0 503");
    assert_contains(m, "Retry-After: 5\r\n");
    ack_final(&f);
    fork_done(&f);
}

// RFC 3261 16.7 step 7: the caller sees every challenge.
static void challenges_aggregated(void **state)
{
    struct fork f;
    const char *i1, *i2, *m;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b1, i1, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\n");
    answer(f.b2, i2, "407 Proxy Authentication Required",
           "Proxy-Authenticate: Digest realm=\"two\", nonce=\"2\"\n"
           "Proxy-Authenticate: Digest realm=\"three\", nonce=\"3\"\n");
    m = peer_expect(f.alice, "SIP/2.0 401");
    assert_int_equal(count_of(m, "WWW-Authenticate"), 1);
    assert_int_equal(count_of(m, "Proxy-Authenticate"), 2);
    assert_contains(m, "realm=\"two\", nonce=\"2\"\r\n");
    ack_final(&f);
    fork_done(&f);
}

// A 6xx cancels the others and waits for them.
static void six_hundred(void **state)
{
    struct fork f;
    const char *i1, *i2, *c;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b2, i2, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    answer(f.b1, i1, "603 Decline", NULL);
    c = peer_expect(f.b2, "CANCEL ");
    const struct pxy_target more = {.next_hop = STR("sip:" B1)};
    assert_int_equal(pxy_forward(pxy_find(f.p->stack, f.p->last), &more, 1, NULL, NULL), ERR_STATE);
    peer_expect_silence(f.alice, 100);
    answer(f.b2, c, "200 OK", NULL);
    answer(f.b2, i2, "487 Request Terminated", NULL);
    peer_expect(f.alice, "SIP/2.0 603");
    ack_final(&f);
    fork_done(&f);
}

// ---- CANCEL from upstream ----

static void cancel_ringing(void **state)
{
    struct fork f;
    const char *i1, *i2, *c;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b1, i1, "180 Ringing", NULL);
    answer(f.b2, i2, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    peer_expect(f.alice, "SIP/2.0 180");
    cancel(&f, "Reason: SIP;cause=486\n");
    peer_expect(f.alice, "SIP/2.0 200");
    c = peer_expect(f.b1, "CANCEL ");
    assert_string_equal(header_of(c, "Reason", 0), "SIP;cause=486");
    answer(f.b1, c, "200 OK", NULL);
    answer(f.b1, i1, "487 Request Terminated", NULL);
    c = peer_expect(f.b2, "CANCEL ");
    answer(f.b2, c, "200 OK", NULL);
    answer(f.b2, i2, "487 Request Terminated", NULL);
    peer_expect(f.alice, "SIP/2.0 487");
    ack_final(&f);
    fork_done(&f);
}

// RFC 3261 9.1: no CANCEL before a provisional response has come back.
static void cancel_before_100(void **state)
{
    struct fork f;
    const char *i1, *i2, *c;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    cancel(&f, NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    peer_expect_silence(f.b1, 100);
    answer(f.b1, i1, "100 Trying", NULL);
    c = peer_expect(f.b1, "CANCEL ");
    answer(f.b1, c, "200 OK", NULL);
    answer(f.b1, i1, "487 Request Terminated", NULL);
    answer(f.b2, i2, "486 Busy Here", NULL);
    peer_expect(f.alice, "SIP/2.0 48");
    ack_final(&f);
    fork_done(&f);
}

// The 200 of the INVITE was there first: the CANCEL has no effect.
static void cancel_after_ok(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b2, i2, "486 Busy Here", NULL);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    cancel(&f, NULL);
    assert_string_equal(header_of(peer_expect(f.alice, "SIP/2.0 200"), "CSeq", 0), "1 CANCEL");
    peer_expect(f.b2, "ACK ");
    peer_expect_silence(f.b1, 2000);
    fork_done(&f);
}

static void wait_forever(struct node *n, struct pxy *p)
{
    (void)n;
    (void)p;
}

// The NF still waits for its database: the stack answers, and the NF finds nothing any more.
static void cancel_before_forward(void **state)
{
    struct fork f;
    (void)state;
    fork_init(&f, wait_forever);
    peer_request(f.alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    world_run(&f.w, 100);
    assert_non_null(pxy_find(f.p->stack, f.p->last));
    cancel(&f, NULL);
    assert_string_equal(header_of(peer_expect(f.alice, "SIP/2.0 200"), "CSeq", 0), "1 CANCEL");
    peer_expect(f.alice, "SIP/2.0 487");
    ack_final(&f);
    world_run(&f.w, 10);
    assert_null(pxy_find(f.p->stack, f.p->last));
    fork_done(&f);
}

// ---- serial re-selection ----

static enum pxy_verdict next_target(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct node *n = nf;
    (void)msg;
    (void)edits;
    n->responses++;
    n->last_status = status;
    if (target_ctx || status < 300)
        return PXY_PASS;
    const struct pxy_target t = {.next_hop = STR("sip:" B2), .ctx = n};
    static const struct pxy_forward_ops ops = {.response = next_target};
    assert_int_equal(pxy_forward(p, &t, 1, &ops, n), 0);
    return PXY_TAKEN;
}

static void first_b1(struct node *n, struct pxy *p)
{
    static const struct pxy_forward_ops ops = {.response = next_target};
    const struct pxy_target t = {.next_hop = STR("sip:" B1), .timeout_ms = 3000};
    assert_int_equal(pxy_forward(p, &t, 1, &ops, n), 0);
}

static void reselect(const char *status, const char *method, unsigned want)
{
    struct fork f;
    const char *m;
    fork_init(&f, first_b1);
    peer_request(f.alice, P, &(struct request){.method = method, .uri = "sip:bob@example.org"});
    m = peer_expect(f.b1, method);
    if (status)
        answer(f.b1, m, status, NULL);
    else
        world_run(&f.w, 3500);
    m = peer_expect(f.b2, method);
    assert_int_equal(f.p->last_status, want);
    answer(f.b2, m, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    fork_done(&f);
}

static void reselect_after_503(void **state)
{
    (void)state;
    reselect("503 Service Unavailable", "INVITE", 503);
    reselect("503 Service Unavailable", "REGISTER", 503);
}

static void reselect_after_silence(void **state)
{
    (void)state;
    reselect(NULL, "INVITE", 408);
    reselect(NULL, "REGISTER", 408);
}

static enum pxy_verdict take(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                             const struct sip_msg *msg, struct sip_edits *edits)
{
    struct node *n = nf;
    (void)p;
    (void)target_ctx;
    (void)msg;
    (void)edits;
    n->last_status = status;
    return status < 300 ? PXY_PASS : PXY_TAKEN;
}

static void first_b1_taken(struct node *n, struct pxy *p)
{
    static const struct pxy_forward_ops ops = {.response = take};
    const struct pxy_target t = {.next_hop = STR("sip:" B1)};
    assert_int_equal(pxy_forward(p, &t, 1, &ops, n), 0);
}

// The NF decides later, by the pxy's id.
static void reselect_later(void **state)
{
    struct fork f;
    const char *i1, *m;
    (void)state;
    fork_init(&f, first_b1_taken);
    peer_request(f.alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    i1 = peer_expect(f.b1, "INVITE ");
    answer(f.b1, i1, "404 Not Found", NULL);
    peer_expect_silence(f.alice, 1000);
    assert_int_equal(f.p->last_status, 404);
    struct pxy *p = pxy_find(f.p->stack, f.p->last);
    assert_non_null(p);
    const struct pxy_target t = {.next_hop = STR("sip:" B2)};
    assert_int_equal(pxy_forward(p, &t, 1, NULL, NULL), 0);
    m = peer_expect(f.b2, "INVITE ");
    answer(f.b2, m, "486 Busy Here", NULL);
    peer_expect(f.alice, "SIP/2.0 486");
    ack_final(&f);
    fork_done(&f);
}

static void taken_then_cancelled(void **state)
{
    struct fork f;
    const char *i1;
    (void)state;
    fork_init(&f, first_b1_taken);
    peer_request(f.alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    i1 = peer_expect(f.b1, "INVITE ");
    answer(f.b1, i1, "404 Not Found", NULL);
    peer_expect(f.b1, "ACK ");
    cancel(&f, NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    peer_expect(f.alice, "SIP/2.0 487");
    ack_final(&f);
    fork_done(&f);
}

static void fork_both_taken(struct node *n, struct pxy *p)
{
    static const struct pxy_forward_ops ops = {.response = take};
    const struct pxy_target t[] = {{.next_hop = STR("sip:" B1)}, {.next_hop = STR("sip:" B2)}};
    assert_int_equal(pxy_forward(p, t, 2, &ops, n), 0);
}

// The NF took every response and can do nothing with them after the CANCEL: 487 all the same.
static void cancelled_then_taken(void **state)
{
    struct fork f;
    const char *i1, *i2, *c;
    (void)state;
    fork_init(&f, fork_both_taken);
    peer_request(f.alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    i1 = peer_expect(f.b1, "INVITE ");
    i2 = peer_expect(f.b2, "INVITE ");
    answer(f.b1, i1, "404 Not Found", NULL);
    answer(f.b2, i2, "100 Trying", NULL);
    peer_expect(f.b1, "ACK ");
    cancel(&f, NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    c = peer_expect(f.b2, "CANCEL ");
    answer(f.b2, c, "200 OK", NULL);
    answer(f.b2, i2, "487 Request Terminated", NULL);
    peer_expect(f.alice, "SIP/2.0 487");
    ack_final(&f);
    fork_done(&f);
}

// The NF refuses, then a callee picks up: too late for the server transaction.
static void ok_after_refusal(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    fork_init(&f, fork_both);
    invite(&f, &i1, &i2);
    assert_int_equal(pxy_reply(pxy_find(f.p->stack, f.p->last), 480, STR_NONE, NULL), 0);
    peer_expect(f.alice, "SIP/2.0 480");
    unsigned heard = f.p->responses;
    answer(f.b1, i1, "200 OK", NULL);
    answer(f.b2, i2, "486 Busy Here", NULL);
    peer_expect_silence(f.alice, 2000);
    assert_int_equal(f.p->responses, heard);
    ack_final(&f);
    fork_done(&f);
}

// ---- silence ----

static void only_b1(struct node *n, struct pxy *p)
{
    const struct pxy_target t = {0};
    sip_edit_uri(pxy_edits(p), STR("sip:" B1));
    assert_int_equal(pxy_forward(p, &t, 1, &count_ops, n), 0);
}

static void nobody_answers(void **state)
{
    struct fork f;
    (void)state;
    fork_init(&f, only_b1);
    peer_request(f.alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    world_run(&f.w, 33000);
    const char *m = peer_expect(f.alice, "SIP/2.0 408");
    assert_contains(header_of(m, "Warning", 0), "399 " P " \"no response from 10.0.0.2:5060/udp in time");
    assert_int_equal(f.p->last_status, 408);
    ack_final(&f);
    // RFC 4320 4.2: no 408 to a non-INVITE
    peer_request(f.alice, P,
                 &(struct request){.method = "MESSAGE", .uri = "sip:bob@example.org", .cseq = 2});
    world_run(&f.w, 33000);
    peer_expect(f.alice, "SIP/2.0 504");
    fork_done(&f);
}

// RFC 3261 16.8: reset by each provisional response but 100; then CANCEL, then 408.
static void timer_c(void **state)
{
    struct fork f;
    const char *i1, *c;
    (void)state;
    fork_init(&f, only_b1);
    invite(&f, &i1, NULL);
    answer(f.b1, i1, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    world_run(&f.w, sip_timers_core.timer_c - 5000);
    answer(f.b1, i1, "183 Session Progress", NULL);
    peer_expect(f.alice, "SIP/2.0 183");
    world_run(&f.w, sip_timers_core.timer_c - 5000);
    answer(f.b1, i1, "100 Trying", NULL);
    peer_expect_silence(f.b1, 1000);
    world_run(&f.w, 5000);
    c = peer_expect(f.b1, "CANCEL ");
    answer(f.b1, c, "200 OK", NULL);
    answer(f.b1, i1, "487 Request Terminated", NULL);
    assert_contains(peer_expect(f.alice, "SIP/2.0 408"), "before Timer C ran out");
    ack_final(&f);
    fork_done(&f);
}

// A callee that rings, is cancelled and then says nothing: 487 after 64*T1 (RFC 3261 9.1).
static void silent_after_cancel(void **state)
{
    struct fork f;
    const char *i1;
    (void)state;
    fork_init(&f, only_b1);
    invite(&f, &i1, NULL);
    answer(f.b1, i1, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    cancel(&f, NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    world_run(&f.w, 33000);
    peer_expect(f.alice, "SIP/2.0 487");
    ack_final(&f);
    fork_done(&f);
}

static void reply_200(struct node *n, struct pxy *p)
{
    fork_both(n, p);
    assert_int_equal(pxy_reply(p, 480, STR("Gone"), NULL), 0);
    assert_int_equal(pxy_reply(p, 500, STR_NONE, NULL), ERR_STATE);
    const struct pxy_target t = {.next_hop = STR("sip:" B1)};
    assert_int_equal(pxy_forward(p, &t, 1, NULL, NULL), ERR_STATE);
}

// A final reply after pxy_forward ends the branches.
static void reply_after_forward(void **state)
{
    struct fork f;
    const char *i1, *i2, *c;
    (void)state;
    fork_init(&f, reply_200);
    invite(&f, &i1, &i2);
    peer_expect(f.alice, "SIP/2.0 480 Gone");
    ack_final(&f);
    answer(f.b1, i1, "180 Ringing", NULL);
    c = peer_expect(f.b1, "CANCEL ");
    answer(f.b1, c, "200 OK", NULL);
    answer(f.b1, i1, "487 Request Terminated", NULL);
    answer(f.b2, i2, "486 Busy Here", NULL);
    peer_expect_silence(f.alice, 2000);
    fork_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losers_cancelled),      cmocka_unit_test(two_ok),
        cmocka_unit_test(forked_message),        cmocka_unit_test(best_response),
        cmocka_unit_test(failed_flow_is_no_answer),
        cmocka_unit_test(challenges_aggregated), cmocka_unit_test(six_hundred),
        cmocka_unit_test(cancel_ringing),        cmocka_unit_test(cancel_before_100),
        cmocka_unit_test(cancel_after_ok),       cmocka_unit_test(cancel_before_forward),
        cmocka_unit_test(overload_goes_on), cmocka_unit_test(reselect_after_503),
        cmocka_unit_test(reselect_after_silence),
        cmocka_unit_test(reselect_later),        cmocka_unit_test(taken_then_cancelled),
        cmocka_unit_test(cancelled_then_taken),  cmocka_unit_test(ok_after_refusal),
        cmocka_unit_test(nobody_answers),        cmocka_unit_test(timer_c),
        cmocka_unit_test(silent_after_cancel),   cmocka_unit_test(reply_after_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
