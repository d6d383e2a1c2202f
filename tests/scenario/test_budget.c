// SPDX-License-Identifier: Apache-2.0
// Time is spent once: one budget for all targets of a request, another transport only after an
// error, blame only for a node's own silence, ICMP errors, and what RFC 4320 says of requests that
// take long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "core.h"
#include "stack/transport/transport_priv.h"

#define A "192.0.2.1:5060"
#define B "192.0.2.2:5060"

// a.example.org before b.example.org
static void two_servers(const struct stage *st)
{
    scene_dns_srv(st->sc, "_sip._udp.pool.example.org", 10, 1, "a.example.org", 5060);
    scene_dns_srv(st->sc, "_sip._udp.pool.example.org", 20, 1, "b.example.org", 5060);
    scene_dns_host(st->sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st->sc, "b.example.org", "192.0.2.2");
}

#define POOL "sip:pool.example.org;transport=udp"

// Both servers are there; they say nothing unless they are told to.
static void open_pool(struct stage *st)
{
    stage_open(st, NULL);
    two_servers(st);
    st->a = peer_udp(st->sc, A);
    st->b = peer_udp(st->sc, B);
}

static unsigned heard(struct peer *p)
{
    unsigned n = 0;
    while (peer_next(p))
        n++;
    return n;
}

// ---- one budget ----

static void targets_share_the_time(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct stage st;
        open_pool(&st);
        struct peer *a = st.a, *b = st.b;
        struct call *c = call_new(&st, methods[i], POOL);
        c->leg_ms = 20000;
        call_start(c);
        scene_pass(st.sc, 15000);
        assert_int_equal(c->writes, 2);
        scene_pass(st.sc, 4990);
        assert_null(strstr(c->log, "failed"));
        scene_pass(st.sc, 100);
        assert_non_null(strstr(c->log, "failed 408\n"));
        assert_in_range(heard(a), 5, 7);
        assert_in_range(heard(b), 5, 7);
        stage_run_out(&st);
    }
}

// The name is slow, the budget is the same.
static void dns_is_part_of_it(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_udp(st.sc, A);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    struct call *c = call_new(&st, "MESSAGE", "sip:a.example.org");
    c->leg_ms = 6000;
    call_start(c);
    scene_pass(st.sc, 5990);
    assert_null(strstr(c->log, "failed"));
    scene_pass(st.sc, 100);
    assert_non_null(strstr(c->log, "failed 408\n"));
    assert_true(heard(a) >= 3);
    stage_run_out(&st);
}

// A 100 says that somebody works on it: there is no second target, and no more time either.
static void trying_ends_the_search(void **state)
{
    struct stage st;
    open_pool(&st);
    struct peer *a = st.a, *b = st.b;
    struct call *c = call_new(&st, "MESSAGE", POOL);
    c->leg_ms = 20000;
    call_start(c);
    scene_pass(st.sc, 4000);
    peer_answer(a, peer_next(a), 100, NULL);
    scene_pass(st.sc, 15990);
    assert_null(strstr(c->log, "failed"));
    scene_pass(st.sc, 100);
    assert_non_null(strstr(c->log, "failed 408\n"));
    peer_quiet(b);
    stage_run_out(&st);
}

// ---- another transport ----

static void silence_is_not_asked_again_by_udp(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct stage st;
        stage_open(&st, &(struct stack_params){.tcp_prefer = true});
        struct peer *tcp = peer_tcp(st.sc, A), *udp = peer_udp(st.sc, A);
        struct call *c = call_new(&st, methods[i], "sip:x@192.0.2.1");
        c->leg_ms = 12000;
        call_start(c);
        scene_pass(st.sc, 13000);
        assert_non_null(strstr(c->log, "failed 408\n"));
        assert_int_equal(c->writes, 1);
        assert_int_equal(heard(tcp), 1);
        peer_quiet(udp);
        // Nor does the next request turn to UDP because of it.
        call_start(c);
        scene_pass(st.sc, 1000);
        assert_int_equal(heard(tcp), 1);
        peer_quiet(udp);
        stage_run_out(&st);
    }
}

// Large for UDP, so it goes by TCP; whoever is silent there is not asked by UDP.
static void size_does_not_make_a_second_try(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *tcp = peer_tcp(st.sc, A), *udp = peer_udp(st.sc, A);
    struct call *c = call_new(&st, "MESSAGE", "sip:x@192.0.2.1");
    c->pad = 2000;
    c->leg_ms = 8000;
    call_start(c);
    scene_pass(st.sc, 9000);
    assert_non_null(strstr(c->log, "failed 408\n"));
    assert_int_equal(heard(tcp), 1);
    peer_quiet(udp);
    stage_run_out(&st);
}

// ---- blame ----

static void message_lost_behind_a_node(void **state)
{
    struct stage st;
    open_pool(&st);
    struct peer *a = st.a, *b = st.b;
    struct call *c = call_new(&st, "MESSAGE", POOL);
    c->leg_ms = 6000; // for the first one alone
    call_start(c);
    scene_pass(st.sc, 7000);
    assert_true(heard(a) > 0);
    call_start(c);
    scene_pass(st.sc, 100);
    assert_int_equal(heard(a), 1); // it is asked first as before
    (void)heard(b);
    stage_run_out(&st);
}

static void silence_to_an_invite_is_its_own(void **state)
{
    struct stage st;
    open_pool(&st);
    struct peer *a = st.a, *b = st.b;
    peer_auto(b, 486);
    struct call *c = call_new(&st, "INVITE", POOL);
    c->leg_ms = 12000;
    call_start(c);
    scene_pass(st.sc, 7000);
    assert_non_null(strstr(c->log, " 486\n"));
    assert_true(heard(a) > 0 && heard(b) > 0);
    struct call *second = call_new(&st, "MESSAGE", POOL), *third = call_new(&st, "MESSAGE", POOL);
    call_start(second);
    scene_pass(st.sc, 100);
    peer_quiet(a);
    // After a while one request goes there to see, the others do not wait for it.
    scene_pass(st.sc, 6000);
    call_start(call_new(&st, "MESSAGE", POOL));
    call_start(third);
    scene_pass(st.sc, 400);
    assert_int_equal(heard(a), 1);
    peer_auto(a, 200);
    scene_pass(st.sc, 3000); // its retransmission was answered
    (void)heard(a);
    call_start(call_new(&st, "MESSAGE", POOL));
    scene_pass(st.sc, 100);
    assert_int_equal(heard(a), 1);
    stage_run_out(&st);
}

// Who says anything at all meanwhile is not dead.
static void who_speaks_is_not_silent(void **state)
{
    struct stage st;
    open_pool(&st);
    struct peer *a = st.a, *b = st.b;
    peer_auto(b, 486);
    struct call *c = call_new(&st, "INVITE", POOL);
    c->leg_ms = 12000;
    call_start(c);
    scene_pass(st.sc, 3000);
    peer_send(
        a, CORE,
        "OPTIONS sip:192.0.2.9 SIP/2.0\nVia: SIP/2.0/UDP " A ";branch=z9hG4bK-o\n"
        "Max-Forwards: 70\nFrom: <sip:a@x>;tag=f\nTo: <sip:b@x>\nCall-ID: o\nCSeq: 1 OPTIONS\n"
        "Content-Length: 0\n\n");
    scene_pass(st.sc, 4000);
    assert_non_null(strstr(c->log, " 486\n"));
    (void)heard(a);
    struct call *second = call_new(&st, "MESSAGE", POOL);
    call_start(second);
    scene_pass(st.sc, 100);
    assert_int_equal(heard(a), 1);
    stage_run_out(&st);
}

static bool failed_within(const struct stage *st, struct call *c, uint64_t ms)
{
    call_start(c);
    scene_pass(st->sc, ms);
    return strstr(c->log, "failed 408\n") != NULL;
}

// There is no other node to ask. The first one to find it silent waits its whole time; those after him hear of it
// soon, but for one now and then who finds out whether it is back.
static void nobody_waits_long_for_a_silent_node_again(void **state)
{
    static const char *const uris[] = {"sip:x@192.0.2.1", "sip:x@a.example.org", "sip:x@192.0.2.1;transport=udp"};
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        struct stage st;
        stage_open(&st, NULL);
        scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
        struct peer *a = peer_udp(st.sc, A);
        struct call *c[8];
        for (size_t k = 0; k < ARRAY_LEN(c); k++) {
            c[k] = call_new(&st, k == 2 ? "MESSAGE" : "INVITE", uris[i]);
            c[k]->leg_ms = 12000;
        }
        scene_pass(st.sc, 1000);
        assert_false(failed_within(&st, c[0], 11900));
        scene_pass(st.sc, 200);
        assert_non_null(strstr(c[0]->log, "failed 408\n"));
        assert_true(failed_within(&st, c[1], 2200));
        assert_false(failed_within(&st, c[2], 2200)); // somebody behind it may be the slow one
        scene_pass(st.sc, 5000);
        call_start(c[3]); // this one finds out
        assert_true(failed_within(&st, c[4], 2200));
        assert_null(strstr(c[3]->log, "failed"));
        scene_pass(st.sc, 10000);
        (void)heard(a);
        peer_auto(a, 486);
        call_start(c[5]);
        scene_pass(st.sc, 1000);
        assert_non_null(strstr(c[5]->log, " 486\n"));
        peer_auto(a, 0);
        scene_pass(st.sc, 6000);
        assert_false(failed_within(&st, c[6], 11900));
        scene_pass(st.sc, 200);
        stage_run_out(&st);
    }
}

// RFC 3261 21.5.4: a 503 says how long it is meant, or it is as good as a 500.
static void refusal_with_and_without_retry_after(void **state)
{
    for (int k = 0; k < 2; k++) {
        struct stage st;
        open_pool(&st);
        struct peer *a = st.a, *b = st.b;
        peer_auto(b, 200);
        struct call *c = call_new(&st, "MESSAGE", POOL);
        call_start(c);
        scene_pass(st.sc, 10);
        peer_answer(a, peer_next(a), 503, k ? "Retry-After: 20 (busy)\n" : NULL);
        scene_pass(st.sc, 10);
        assert_non_null(strstr(c->log, " 200\n"));
        scene_pass(st.sc, 15000);
        call_start(c);
        scene_pass(st.sc, 100);
        assert_int_equal(heard(a), k ? 0 : 1);
        stage_run_out(&st);
    }
}

// ---- ICMP (RFC 3261 18.4) ----

static void closed_port_fails_at_once(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct stage st;
        stage_open(&st, NULL);
        (void)peer_udp(st.sc, "192.0.2.1:5099"); // the host is up
        struct call *c = call_new(&st, methods[i], "sip:x@192.0.2.1");
        c->leg_ms = 20000;
        call_start(c);
        scene_pass(st.sc, 10);
        call_expect(c, "2 failed 503\n2 ended\n");
        assert_int_equal(core_count(st.core, "sip_unreachable_reports"), 1);
        stage_run_out(&st);
    }
}

static void closed_port_then_the_next_target(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st);
    (void)peer_udp(st.sc, "192.0.2.1:5099");
    struct peer *b = peer_udp(st.sc, B);
    peer_auto(b, 200);
    struct call *c = call_new(&st, "MESSAGE", POOL);
    call_start(c);
    scene_pass(st.sc, 10);
    assert_non_null(strstr(c->log, " 200\n"));
    assert_int_equal(heard(b), 1);
    stage_run_out(&st);
}

// The peer dies while it works on the request: what is sent to it next says so.
static void closed_port_after_a_provisional(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    (void)peer_udp(st.sc, "192.0.2.1:5099");
    struct peer *a = peer_udp(st.sc, A);
    struct call *c = call_new(&st, "INVITE", "sip:x@192.0.2.1");
    call_start(c);
    scene_pass(st.sc, 10);
    peer_answer(a, peer_next(a), 180, NULL);
    scene_pass(st.sc, 10);
    peer_stop_listening(a);
    assert_int_equal(txn_client_cancel(st.core->txns, c->id, STR_NONE), 0);
    scene_pass(st.sc, 10);
    assert_non_null(strstr(c->log, "failed 503\n"));
    stage_run_out(&st);
}

// As the transports tell of an ICMP error.
static void report_unreachable(struct flow *f, struct str quoted)
{
    const struct transport *t = f->transport;
    t->user->unreachable(t->user_arg, f, quoted);
}

// A report counts for what was sent and is not answered; a forged one has to guess it.
static void forged_reports(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_udp(st.sc, A);
    struct call *c = call_new(&st, "MESSAGE", "sip:x@192.0.2.1");
    call_start(c);
    scene_pass(st.sc, 10);
    const struct addr to = place(A);
    flow_id id;
    assert_int_equal(flow_get(txn_transport(st.core->txns), SIP_PROTO_UDP, &to, 0, &id), 0);
    struct flow *f = flow_find(txn_transport(st.core->txns), id);
    assert_non_null(f);
    report_unreachable(f, STR("MESSAGE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;b=x"));
    scene_pass(st.sc, 10);
    call_expect(c, "");
    peer_answer(a, peer_next(a), 200, NULL);
    scene_pass(st.sc, 10);
    report_unreachable(f, STR_NONE); // nothing waits any more
    scene_pass(st.sc, 10);
    assert_null(strstr(c->log, "failed"));
    c = call_new(&st, "MESSAGE", "sip:x@192.0.2.1");
    call_start(c);
    scene_pass(st.sc, 10);
    report_unreachable(f, STR_NONE); // RFC 792 promises no more than the UDP header
    scene_pass(st.sc, 10);
    assert_non_null(strstr(c->log, "failed 503\n"));
    stage_run_out(&st);
}

// ---- connections that close while the request is worked on ----

static void flow_is_the_only_way(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct stage st;
        stage_open(&st, NULL);
        struct peer *ue = peer_tcp_to(st.sc, "192.0.2.3:0", CORE);
        scene_pass(st.sc, 5);
        peer_send(ue, NULL,
                  "OPTIONS sip:192.0.2.9 SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.3;branch=z9hG4bK-o\n"
                  "Max-Forwards: 70\nFrom: <sip:a@x>;tag=f\nTo: <sip:b@x>\nCall-ID: o\n"
                  "CSeq: 1 OPTIONS\nContent-Length: 0\n\n");
        scene_pass(st.sc, 10);
        struct call *c = call_new(&st, methods[i], "sip:x@192.0.2.3");
        c->flow = st.core->flow;
        call_start(c);
        scene_pass(st.sc, 10);
        peer_answer(ue, peer_next(ue), i ? 180 : 100, NULL);
        scene_pass(st.sc, 10);
        peer_close(ue, false);
        scene_pass(st.sc, 20);
        assert_non_null(strstr(c->log, "failed 503\n"));
        stage_run_out(&st);
    }
}

static void node_that_died(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_tcp(st.sc, A);
    struct call *c = call_new(&st, "INVITE", "sip:x@192.0.2.1;transport=tcp");
    call_start(c);
    scene_pass(st.sc, 10);
    peer_answer(a, peer_next(a), 180, NULL);
    scene_pass(st.sc, 10);
    peer_stop_listening(a);
    peer_close(a, true);
    scene_pass(st.sc, 100); // made again: refused
    assert_non_null(strstr(c->log, "failed 503\n"));
    stage_run_out(&st);
}

// ---- RFC 4320 ----

static const char slow_request[] =
    "MESSAGE sip:b@192.0.2.9 SIP/2.0\nVia: SIP/2.0/%s 192.0.2.1:5060;branch=z9hG4bK-s\n"
    "Max-Forwards: 70\nFrom: <sip:a@x>;tag=f\nTo: <sip:b@x>\nCall-ID: s\nCSeq: 1 MESSAGE\n"
    "Content-Length: 0\n\n";

// 4.1: no 100 over UDP before Timer E has reached T2 at the client (0.5 + 1 + 2 s), one then.
static void trying_when_it_takes_long(void **state)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        struct stage st;
        stage_open(&st, NULL);
        struct peer *a = tcp ? peer_tcp_to(st.sc, "192.0.2.1:0", CORE) : peer_udp(st.sc, A);
        scene_pass(st.sc, 5);
        peer_printf(a, tcp ? NULL : CORE, slow_request, tcp ? "TCP" : "UDP");
        scene_pass(st.sc, 3490);
        peer_quiet(a);
        scene_pass(st.sc, 100);
        struct heard *h = peer_next(a);
        assert_non_null(h);
        assert_true(str_starts(h->bytes, STR("SIP/2.0 100")));
        assert_int_equal(core_reply(st.core, 200), 0);
        scene_pass(st.sc, 100);
        h = peer_next(a);
        assert_non_null(h);
        assert_true(str_starts(h->bytes, STR("SIP/2.0 200")));
        stage_run_out(&st);
    }
}

static void quick_answers_have_no_trying(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_udp(st.sc, A);
    st.core->answer = 200;
    peer_printf(a, CORE, slow_request, "UDP");
    scene_pass(st.sc, 60000);
    assert_int_equal(heard(a), 1);
    assert_int_equal(st.core->trying_due, 0);
    stage_run_out(&st);
}

// 4.2: when the client has given up there is no final response, whichever.
static void nothing_when_it_is_too_late(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_udp(st.sc, A);
    peer_printf(a, CORE, slow_request, "UDP");
    scene_pass(st.sc, 31990);
    assert_int_equal(st.core->ends, 0);
    scene_pass(st.sc, 100);
    assert_int_equal(st.core->ends, 1);
    assert_int_equal(core_reply(st.core, 200), ERR_NOTFOUND);
    assert_int_equal(core_count(st.core, "sip_requests_too_late"), 1);
    scene_pass(st.sc, 1000);
    assert_int_equal(heard(a), 1); // the 100
    stage_run_out(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_share_the_time),
        cmocka_unit_test(dns_is_part_of_it),
        cmocka_unit_test(trying_ends_the_search),
        cmocka_unit_test(silence_is_not_asked_again_by_udp),
        cmocka_unit_test(size_does_not_make_a_second_try),
        cmocka_unit_test(message_lost_behind_a_node),
        cmocka_unit_test(silence_to_an_invite_is_its_own),
        cmocka_unit_test(who_speaks_is_not_silent),
        cmocka_unit_test(nobody_waits_long_for_a_silent_node_again),
        cmocka_unit_test(refusal_with_and_without_retry_after),
        cmocka_unit_test(closed_port_fails_at_once),
        cmocka_unit_test(closed_port_then_the_next_target),
        cmocka_unit_test(closed_port_after_a_provisional),
        cmocka_unit_test(forged_reports),
        cmocka_unit_test(flow_is_the_only_way),
        cmocka_unit_test(node_that_died),
        cmocka_unit_test(trying_when_it_takes_long),
        cmocka_unit_test(quick_answers_have_no_trying),
        cmocka_unit_test(nothing_when_it_is_too_late),
    };
    return cmocka_run_group_tests_name("scenario_budget", tests, NULL, NULL);
}
