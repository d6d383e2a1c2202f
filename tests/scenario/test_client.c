// SPDX-License-Identifier: Apache-2.0
// Client transactions against the clock: RFC 3261 17.1, RFC 6026 7.2. The peer is 1 ms away; a turn of
// the loop takes a microsecond, so a timer armed by a message fires a millisecond "late".
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core.h"
#include "stack/transport/transport.h"

static void open_stage(struct stage *st, bool tcp, const char *method)
{
    stage_open(st, NULL);
    st->peer = tcp ? peer_tcp(st->sc, PEER) : peer_udp(st->sc, PEER);
    st->call = (struct call){.core = st->core, .method = method,
                             .uri = tcp ? "sip:b@192.0.2.2;transport=tcp" : "sip:b@192.0.2.2"};
}

static void expect_all(struct peer *p, const char *start, const uint64_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        peer_expect(p, at[i], start);
    peer_quiet(p);
}

// ---- silence ----

// RFC 3261 17.1.1.2: Timer A doubles without end, Timer B is 64*T1.
static void invite_udp_silence(void **state)
{
    static const uint64_t at[] = {1, 501, 1501, 3501, 7501, 15501, 31501};
    struct stage st;
    open_stage(&st, false, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 200000);
    expect_all(st.peer, "INVITE sip:b@192.0.2.2 SIP/2.0", at, ARRAY_LEN(at));
    call_expect(&st.call, "32000 failed 408\n32000 ended\n");
    assert_int_equal(st.call.writes, 1);
    assert_int_equal(core_count(st.core, "sip_transaction_timeouts"), 1);
    stage_close(&st);
}

// RFC 3261 17.1.2.2: Timer E doubles up to T2, Timer F is 64*T1.
static void request_udp_silence(void **state)
{
    static const uint64_t at[] = {1, 501, 1501, 3501, 7501, 11501, 15501, 19501, 23501, 27501, 31501};
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    call_start(&st.call);
    scene_run(st.sc, 200000);
    expect_all(st.peer, "MESSAGE ", at, ARRAY_LEN(at));
    call_expect(&st.call, "32000 failed 408\n32000 ended\n");
    stage_close(&st);
}

// TS 24.229 table 7.7.1, towards the UE: T1 2 s, T2 16 s, Timer B and F 128 s.
static void ue_timers(void **state)
{
    static const uint64_t invite[] = {1, 2001, 6001, 14001, 30001, 62001, 126001};
    static const uint64_t other[] = {1, 2001, 6001, 14001, 30001, 46001, 62001, 78001, 94001, 110001, 126001};
    for (int k = 0; k < 2; k++) {
        struct stage st;
        open_stage(&st, false, k ? "MESSAGE" : "INVITE");
        core_listen(st.core, "192.0.2.9:5070", 1, &sip_timers_ue);
        st.call.label = 1;
        call_start(&st.call);
        scene_run(st.sc, 300000);
        assert_non_null(strstr(st.call.vias[0], "192.0.2.9:5070"));
        expect_all(st.peer, k ? "MESSAGE " : "INVITE ", k ? other : invite,
                   k ? ARRAY_LEN(other) : ARRAY_LEN(invite));
        call_expect(&st.call, "128000 failed 408\n128000 ended\n");
        stage_close(&st);
    }
}

static void tcp_does_not_retransmit(void **state)
{
    for (int k = 0; k < 2; k++) {
        struct stage st;
        open_stage(&st, true, k ? "MESSAGE" : "INVITE");
        call_start(&st.call);
        scene_run(st.sc, 200000);
        assert_non_null(peer_next(st.peer));
        peer_quiet(st.peer);
        call_expect(&st.call, "32000 failed 408\n32000 ended\n");
        stage_close(&st);
    }
}

static void owners_time_is_for_silence_only(void **state)
{
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    st.call.timeout_ms = 3000;
    call_start(&st.call);
    scene_run(st.sc, 100000);
    call_expect(&st.call, "3000 failed 408\n3000 ended\n");
    struct call second = st.call;
    second.log[0] = '\0';
    while (peer_next(st.peer))
        ;
    call_start(&second); // at 100000
    scene_run(st.sc, 100010);
    peer_answer(st.peer, peer_expect(st.peer, 100001, "MESSAGE "), 100, NULL);
    scene_run(st.sc, 300000);
    // RFC 3261 17.1.2.2: Timer F runs from when the request was sent, whatever comes in between.
    call_expect(&second, "100011 100\n132001 failed 408\n132001 ended\n");
    stage_close(&st);
}

// ---- answers ----

static void invite_udp_accepted(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 700);
    peer_expect(st.peer, 1, "INVITE ");
    struct heard *h = peer_expect(st.peer, 501, "INVITE ");
    peer_answer(st.peer, h, 180, NULL);
    scene_run(st.sc, 60000); // a provisional ends Timers A and B
    peer_answer(st.peer, h, 200, NULL);
    scene_run(st.sc, 61000);
    peer_answer(st.peer, h, 200, NULL); // RFC 6026 7.2: each 2xx goes up
    peer_answer(st.peer, h, 180, NULL); // not declared any more
    peer_answer(st.peer, h, 486, NULL);
    scene_run(st.sc, 200000);
    call_expect(&st.call, "701 180\n60001 200\n61001 200\n92002 ended\n");
    peer_quiet(st.peer); // the ACK is the owner's
    stage_close(&st);
}

// RFC 3261 17.1.1.3: what the ACK for a refusal is made of.
static void invite_udp_refused(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    st.call.extra = "Route: <sip:r1@192.0.2.2;lr>, <sip:r2@192.0.2.3;lr>\nRoute: <sip:r3@x;lr>\nX-Mine: no";
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *h = peer_expect(st.peer, 1, "INVITE ");
    peer_answer(st.peer, h, 486, NULL);
    scene_run(st.sc, 1000);
    struct heard *ack = peer_expect(st.peer, 12, "ACK sip:b@192.0.2.2 SIP/2.0");
    assert_string_equal(heard_header(st.sc, ack, "Via"), st.call.vias[0]);
    assert_string_equal(heard_header(st.sc, ack, "To"), "<sip:b@example.org>;tag=peer");
    assert_string_equal(heard_header(st.sc, ack, "From"), "<sip:a@example.org>;tag=f");
    assert_string_equal(heard_header(st.sc, ack, "Call-ID"), "call-1");
    assert_string_equal(heard_header(st.sc, ack, "CSeq"), "7 ACK");
    assert_int_equal(sip_msg_count(ack->msg, SIP_H_ROUTE), 3);
    assert_int_equal(sip_msg_count(ack->msg, SIP_H_VIA), 1);
    assert_string_equal(heard_header(st.sc, ack, "X-Mine"), "");
    peer_answer(st.peer, h, 486, NULL); // its retransmission is acknowledged again, not reported
    scene_run(st.sc, 200000);
    peer_expect(st.peer, 1002, "ACK ");
    peer_quiet(st.peer);
    call_expect(&st.call, "11 486\n32012 ended\n"); // Timer D 32 s
    stage_close(&st);
}

static void invite_tcp_refused(void **state)
{
    struct stage st;
    open_stage(&st, true, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 100);
    struct heard *h = peer_next(st.peer);
    assert_non_null(h);
    peer_answer(st.peer, h, 404, NULL);
    scene_run(st.sc, 102);
    call_expect(&st.call, "101 404\n101 ended\n"); // Timer D 0
    scene_run(st.sc, 200);
    peer_expect(st.peer, 102, "ACK ");
    peer_answer(st.peer, h, 404, NULL);
    scene_run(st.sc, 1000);
    peer_quiet(st.peer);
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 1);
    stage_close(&st);
}

// Timer E at T2 after a provisional; Timer K 5 s, in which repeated finals are swallowed.
static void request_udp_proceeding(void **state)
{
    static const uint64_t at[] = {501, 4501, 8501};
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *h = peer_expect(st.peer, 1, "MESSAGE ");
    peer_answer(st.peer, h, 100, NULL);
    scene_run(st.sc, 10000);
    peer_answer(st.peer, h, 200, NULL);
    scene_run(st.sc, 12000);
    peer_answer(st.peer, h, 200, NULL);
    scene_run(st.sc, 100000);
    expect_all(st.peer, "MESSAGE ", at, ARRAY_LEN(at));
    call_expect(&st.call, "11 100\n10001 200\n15002 ended\n");
    stage_close(&st);
}

static void request_tcp_ends_at_once(void **state)
{
    struct stage st;
    open_stage(&st, true, "OPTIONS");
    call_start(&st.call);
    peer_auto(st.peer, 200);
    scene_run(st.sc, 1000);
    assert_non_null(strstr(st.call.log, " 200\n"));
    assert_non_null(strstr(st.call.log, "ended"));
    assert_int_equal(core_count(st.core, "sip_transactions_held"), 0);
    stage_close(&st);
}

static void extension_method(void **state)
{
    struct stage st;
    open_stage(&st, false, "JUGGLE");
    peer_auto(st.peer, 200);
    call_start(&st.call);
    scene_run(st.sc, 100000);
    call_expect(&st.call, "2 200\n5003 ended\n");
    stage_close(&st);
}

// ---- CANCEL (RFC 3261 9.1) ----

static void cancel_after_provisional(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    st.call.extra = "Route: <sip:r1@192.0.2.2;lr>";
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *invite = peer_expect(st.peer, 1, "INVITE ");
    peer_answer(st.peer, invite, 180, NULL);
    scene_run(st.sc, 100);
    assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR("SIP;cause=200")), 0);
    scene_run(st.sc, 200);
    struct heard *cancel = peer_expect(st.peer, 101, "CANCEL sip:b@192.0.2.2 SIP/2.0");
    assert_string_equal(heard_header(st.sc, cancel, "Via"), st.call.vias[0]);
    assert_string_equal(heard_header(st.sc, cancel, "To"), "<sip:b@example.org>");
    assert_string_equal(heard_header(st.sc, cancel, "CSeq"), "7 CANCEL");
    assert_string_equal(heard_header(st.sc, cancel, "Route"), "<sip:r1@192.0.2.2;lr>");
    assert_string_equal(heard_header(st.sc, cancel, "Reason"), "SIP;cause=200");
    peer_answer(st.peer, cancel, 200, NULL);
    peer_answer(st.peer, invite, 487, NULL);
    scene_run(st.sc, 100000);
    peer_expect(st.peer, 202, "ACK ");
    peer_quiet(st.peer);
    call_expect(&st.call, "11 180\n201 487\n32202 ended\n");
    stage_close(&st);
}

static void cancel_waits_for_provisional(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *invite = peer_expect(st.peer, 1, "INVITE ");
    assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR_NONE), 0);
    assert_true(txn_client_cancel(st.core->txns, st.call.id, STR_NONE) != 0);
    scene_run(st.sc, 600);
    peer_expect(st.peer, 501, "INVITE ");
    peer_quiet(st.peer);
    peer_answer(st.peer, invite, 100, NULL);
    scene_run(st.sc, 1000);
    peer_expect(st.peer, 602, "CANCEL ");
    // nobody answers anything: the CANCEL is repeated, the INVITE is given up after 64*T1
    scene_run(st.sc, 200000);
    peer_expect(st.peer, 1103, "CANCEL ");
    call_expect(&st.call, "601 100\n32602 failed 408\n32602 ended\n");
    stage_close(&st);
}

// The INVITE's transaction is over before the CANCEL's answer comes: still not a stray.
static void cancel_answered_last(void **state)
{
    struct stage st;
    open_stage(&st, true, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 100);
    struct heard *invite = peer_next(st.peer);
    assert_non_null(invite);
    peer_answer(st.peer, invite, 180, NULL);
    scene_run(st.sc, 200);
    assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR_NONE), 0);
    scene_run(st.sc, 300);
    struct heard *cancel = peer_expect(st.peer, 201, "CANCEL ");
    peer_answer(st.peer, invite, 487, NULL);
    scene_run(st.sc, 400);
    call_expect(&st.call, "101 180\n301 487\n301 ended\n");
    peer_answer(st.peer, cancel, 200, NULL);
    scene_run(st.sc, 500);
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 0);
    stage_close(&st);
}

static void cancel_crossing_success(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *invite = peer_expect(st.peer, 1, "INVITE ");
    peer_answer(st.peer, invite, 180, NULL);
    scene_run(st.sc, 100);
    peer_answer(st.peer, invite, 200, NULL);
    assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR_NONE), 0);
    scene_run(st.sc, 110);
    peer_answer(st.peer, peer_expect(st.peer, 101, "CANCEL "), 481, NULL);
    assert_true(txn_client_cancel(st.core->txns, st.call.id, STR_NONE) != 0);
    scene_run(st.sc, 100000);
    call_expect(&st.call, "11 180\n101 200\n32102 ended\n");
    stage_close(&st);
}

// ---- others ----

static void forgotten_says_nothing(void **state)
{
    struct stage st;
    open_stage(&st, false, "INVITE");
    call_start(&st.call);
    scene_run(st.sc, 10);
    struct heard *invite = peer_expect(st.peer, 1, "INVITE ");
    txn_client_forget(st.core->txns, st.call.id);
    peer_answer(st.peer, invite, 603, NULL);
    scene_run(st.sc, 100000);
    peer_expect(st.peer, 12, "ACK "); // the machine goes on
    call_expect(&st.call, "");
    stage_close(&st);
}

// RFC 3261 17.1.3, 18.1.2: branch, method and sent-by have to fit.
static void strangers_are_dropped(void **state)
{
    static const char *const forms[] = {
        "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK0000000001000000.000000000000",
        "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKother",
    };
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    call_start(&st.call);
    scene_run(st.sc, 10);
    peer_expect(st.peer, 1, "MESSAGE ");
    const char *tail = "From: <sip:a@example.org>;tag=f\nTo: <sip:b@example.org>;tag=t\n"
                       "Call-ID: call-1\nContent-Length: 0\n";
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        peer_printf(st.peer, CORE, "SIP/2.0 200 OK\nVia: %s\n%sCSeq: 7 MESSAGE\n\n", forms[i], tail);
    peer_printf(st.peer, CORE, "SIP/2.0 200 OK\nVia: %s\n%sCSeq: 7 OPTIONS\n\n", st.call.vias[0], tail);
    char other[200];
    snprintf(other, sizeof other, "SIP/2.0/UDP 198.51.100.1:5060%s", strchr(st.call.vias[0], ';'));
    peer_printf(st.peer, CORE, "SIP/2.0 200 OK\nVia: %s\n%sCSeq: 7 MESSAGE\n\n", other, tail);
    scene_run(st.sc, 100);
    call_expect(&st.call, "");
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 4);
    peer_printf(st.peer, CORE, "SIP/2.0 200 OK\nVia: %s\n%sCSeq: 7 MESSAGE\n\n", st.call.vias[0], tail);
    scene_run(st.sc, 100000);
    call_expect(&st.call, "101 200\n5102 ended\n");
    stage_close(&st);
}

static void via_has_what_it_needs(void **state)
{
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    peer_auto(st.peer, 200);
    call_start(&st.call);
    struct call second = st.call;
    second.writes = 0;
    call_start(&second);
    assert_true(strncmp(st.call.vias[0], "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK", 41) == 0);
    assert_non_null(strstr(st.call.vias[0], ";rport"));
    assert_string_not_equal(st.call.vias[0], second.vias[0]);
    scene_run(st.sc, 100000);
    stage_close(&st);
}

static void ack_without_transaction(void **state)
{
    struct stage st;
    open_stage(&st, false, "ACK");
    assert_int_equal(call_ack(&st.call), 0);
    scene_run(st.sc, 100000);
    peer_expect(st.peer, 1, "ACK ");
    peer_quiet(st.peer);
    call_expect(&st.call, "0 done\n");
    stage_close(&st);
}

// Two stacks over a bad network: every request ends once, and what one side answered the other got.
static void lossy_network(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scene *sc = scene_new(seed);
        struct sim_faults f = {.loss_ppm = 300000, .dup_ppm = 100000, .reorder_ppm = 100000,
                               .delay_min_us = 1000, .delay_max_us = 80000};
        sim_set_faults(scene_sim(sc), &f);
        struct core *a = core_new(sc, CORE, NULL), *b = core_new(sc, PEER, NULL);
        struct call *calls = scene_alloc(sc, 40 * sizeof *calls);
        b->answer = 200;
        unsigned good = 0;
        for (int i = 0; i < 40; i++) {
            calls[i] = (struct call){.core = a, .method = "MESSAGE", .uri = "sip:b@192.0.2.2"};
            call_start(&calls[i]);
        }
        scene_run(sc, 500000);
        for (int i = 0; i < 40; i++) {
            const char *log = calls[i].log;
            good += strstr(log, " 200\n") != NULL;
            assert_true((strstr(log, " 200\n") != NULL) != (strstr(log, "failed 408") != NULL));
            assert_non_null(strstr(log, "ended\n"));
        }
        assert_true(good >= 38); // eleven tries each
        assert_int_equal(b->requests, 40); // no request is seen twice
        assert_int_equal(b->ends, 40);
        assert_int_equal(core_count(a, "sip_transactions_held"), 0);
        assert_int_equal(core_count(b, "sip_transactions_held"), 0);
        core_free(a);
        core_free(b);
        scene_free(sc);
    }
}

// The n-th allocation fails, and all after it for a while: nothing crashes, nothing leaks, whatever
// was started ends, and afterwards everything works.
static void out_of_memory(void **state)
{
    static const char *const uris[] = {"sip:b@192.0.2.2", "sip:b@192.0.2.2;transport=tcp",
                                       "sip:b@host.example.org"};
    unsigned hit = 0;
    for (long n = 0; n < 150; n++) {
        struct scene *sc = scene_new(1);
        struct core *a = core_new(sc, CORE, NULL), *b = core_new(sc, PEER, NULL);
        struct call *c = scene_alloc(sc, 2 * sizeof *c);
        scene_dns_host(sc, "host.example.org", "192.0.2.2");
        b->answer = n & 1 ? 404 : 200;
        for (int i = 0; i < 2; i++)
            c[i] = (struct call){.core = a, .method = n & 2 ? "INVITE" : "MESSAGE", .uri = uris[n % 3]};
        mem_fail_after(n / 3);
        int err = call_try(&c[0]);
        scene_run(sc, 100);
        mem_fail_after(-1);
        hit += err != 0 || strstr(c[0].log, "failed") || !strstr(c[0].log, n & 1 ? "404" : "200");
        scene_run(sc, 100000);
        assert_true(err != 0 || strstr(c[0].log, "ended\n") != NULL);
        call_start(&c[1]);
        scene_run(sc, 200000);
        // The simulated kernel's segments are allocated too: a connection may never recover.
        if (n % 3 != 1 && !strstr(c[1].log, n & 1 ? " 404\n" : " 200\n"))
            fail_msg("allocation %ld: first %d %s, second %s", n, err, c[0].log, c[1].log);
        assert_non_null(strstr(c[1].log, "ended\n"));
        assert_int_equal(core_count(a, "sip_transactions_held"), 0);
        assert_int_equal(core_count(b, "sip_transactions_held"), 0);
        core_free(a);
        core_free(b);
        scene_free(sc);
    }
    assert_true(hit > 10);
}

// ---- size ----

// Between the largest datagram and the largest message.
enum { OUTGROWN = 65255, BEYOND = 65500 };

// No datagram can carry it: a connection is made, whatever the URI says about the transport, and
// towards a flow as well.
static void outgrown_goes_by_tcp(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct stage st;
        open_stage(&st, false, "MESSAGE");
        struct peer *stream = peer_tcp(st.sc, PEER);
        struct addr remote = place(PEER);
        st.call.uri = "sip:b@192.0.2.2;transport=udp";
        st.call.pad = OUTGROWN;
        if (i)
            assert_int_equal(flow_get(txn_transport(st.core->txns), SIP_PROTO_UDP, &remote, 0, &st.call.flow), 0);
        call_start(&st.call);
        scene_run(st.sc, 1000);
        struct heard *h = peer_next(stream);
        assert_non_null(h);
        assert_true(h->bytes.n > 65507);
        assert_non_null(strstr(heard_header(st.sc, h, "Via"), "SIP/2.0/TCP "));
        peer_quiet(st.peer);
        peer_answer(stream, h, 200, NULL);
        scene_run(st.sc, 100000);
        assert_non_null(strstr(st.call.log, " 200\n"));
        stage_close(&st);
    }
}

// Without a connection it is 513, not 503, and at once; nothing is cut off.
static void outgrown_and_no_connection(void **state)
{
    static const struct {
        const char *method;
        size_t pad;
        bool flow;
        unsigned status;
    } rows[] = {
        {"MESSAGE", OUTGROWN, false, 513}, {"INVITE", OUTGROWN, false, 513},
        {"MESSAGE", OUTGROWN, true, 513},  {"INVITE", OUTGROWN, true, 513},
        {"MESSAGE", BEYOND, false, 513},   {"MESSAGE", BEYOND, true, 513},
        {"MESSAGE", 2000, false, 408}, // fragments: the datagram leaves, nobody answers
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage st;
        char want[32];
        open_stage(&st, false, rows[i].method);
        struct addr remote = place(PEER);
        st.call.uri = "sip:b@192.0.2.2;transport=udp";
        st.call.pad = rows[i].pad;
        if (rows[i].flow)
            assert_int_equal(flow_get(txn_transport(st.core->txns), SIP_PROTO_UDP, &remote, 0, &st.call.flow), 0);
        call_start(&st.call);
        scene_run(st.sc, 200000);
        (void)snprintf(want, sizeof want, " failed %u\n", rows[i].status);
        if (!strstr(st.call.log, want))
            fail_msg("row %zu: %s", i, st.call.log);
        if (rows[i].status == 513)
            peer_quiet(st.peer);
        stage_close(&st);
    }
}

// It was written for UDP, is too long for it, and cannot be written again for the connection: what stands in
// the buffer then is neither.
static void half_written_is_not_sent(void **state)
{
    struct stage st;
    open_stage(&st, false, "MESSAGE");
    struct peer *stream = peer_tcp(st.sc, PEER);
    st.call.uri = "sip:b@192.0.2.2";
    st.call.pad = 2000;
    st.call.fail_write = 2;
    call_start(&st.call);
    scene_run(st.sc, 100000);
    assert_non_null(strstr(st.call.log, " failed 503\n"));
    peer_quiet(st.peer);
    peer_quiet(stream);
    stage_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invite_udp_silence),
        cmocka_unit_test(request_udp_silence),
        cmocka_unit_test(ue_timers),
        cmocka_unit_test(tcp_does_not_retransmit),
        cmocka_unit_test(owners_time_is_for_silence_only),
        cmocka_unit_test(invite_udp_accepted),
        cmocka_unit_test(invite_udp_refused),
        cmocka_unit_test(invite_tcp_refused),
        cmocka_unit_test(request_udp_proceeding),
        cmocka_unit_test(request_tcp_ends_at_once),
        cmocka_unit_test(extension_method),
        cmocka_unit_test(cancel_after_provisional),
        cmocka_unit_test(cancel_waits_for_provisional),
        cmocka_unit_test(cancel_answered_last),
        cmocka_unit_test(cancel_crossing_success),
        cmocka_unit_test(forgotten_says_nothing),
        cmocka_unit_test(strangers_are_dropped),
        cmocka_unit_test(via_has_what_it_needs),
        cmocka_unit_test(ack_without_transaction),
        cmocka_unit_test(lossy_network),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(outgrown_goes_by_tcp),
        cmocka_unit_test(outgrown_and_no_connection),
        cmocka_unit_test(half_written_is_not_sent),
    };
    return cmocka_run_group_tests_name("scenario_client", tests, NULL, NULL);
}
