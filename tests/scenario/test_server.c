// SPDX-License-Identifier: Apache-2.0
// Server transactions against the clock: RFC 3261 17.2, 9.2, 18.2, RFC 6026 7.1. The peer is 1 ms away.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "core.h"

static void open_stage(struct stage *st, bool tcp)
{
    stage_open(st, NULL);
    stage_peer(st, tcp);
}

#define UDP_VIA "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-a1"
#define TCP_VIA "SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK-a1"

static void request(struct peer *p, const char *method, const char *via, const char *to_tag)
{
    peer_printf(p, CORE, "%s sip:b@192.0.2.9 SIP/2.0\nVia: %s\nFrom: <sip:a@x>;tag=f\n"
                "To: <sip:b@x>%s\nCall-ID: c1\nCSeq: 1 %s\nMax-Forwards: 70\nContent-Length: 0\n\n",
                method, via, to_tag, method);
}

// ---- other requests ----

static void request_udp(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "MESSAGE", UDP_VIA, "");
    scene_run(st.sc, 100);
    request(st.peer, "MESSAGE", UDP_VIA, ""); // Trying: swallowed
    scene_run(st.sc, 200);
    peer_quiet(st.peer);
    assert_int_equal(core_reply(st.core, 100), 0);
    scene_run(st.sc, 300);
    peer_expect(st.peer, 201, "SIP/2.0 100 ");
    request(st.peer, "MESSAGE", UDP_VIA, ""); // Proceeding: the provisional again
    scene_run(st.sc, 400);
    peer_expect(st.peer, 302, "SIP/2.0 100 ");
    assert_int_equal(core_reply(st.core, 200), 0);
    assert_int_equal(core_reply(st.core, 404), ERR_STATE);
    scene_run(st.sc, 500);
    struct heard *first = peer_expect(st.peer, 401, "SIP/2.0 200 ");
    request(st.peer, "MESSAGE", UDP_VIA, "");
    scene_run(st.sc, 600);
    struct heard *again = peer_expect(st.peer, 502, "SIP/2.0 200 ");
    assert_true(str_eq(first->bytes, again->bytes));
    scene_run(st.sc, 32399); // Timer J 32 s
    core_expect(st.core, "1 request MESSAGE\n");
    scene_run(st.sc, 32401);
    core_expect(st.core, "1 request MESSAGE\n32400 end\n");
    assert_int_equal(core_reply(st.core, 200), ERR_NOTFOUND);
    request(st.peer, "MESSAGE", UDP_VIA, ""); // by now a new one
    scene_run(st.sc, 33000);
    assert_int_equal(st.core->requests, 2);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_run(st.sc, 100000);
    assert_int_equal(core_count(st.core, "sip_retransmits_in"), 3);
    stage_close(&st);
}

static void request_tcp_ends_at_once(void **state)
{
    struct stage st;
    open_stage(&st, true);
    st.core->answer = 200;
    request(st.peer, "MESSAGE", TCP_VIA, "");
    scene_run(st.sc, 1000);
    peer_status(st.peer, 200);
    assert_int_equal(core_count(st.core, "sip_transactions_held"), 0); // Timer J 0
    assert_int_equal(st.core->ends, 1);
    stage_close(&st);
}

static void methods_do_not_mix(void **state)
{
    struct stage st;
    open_stage(&st, false);
    st.core->answer = 200;
    request(st.peer, "MESSAGE", UDP_VIA, "");
    request(st.peer, "OPTIONS", UDP_VIA, "");
    request(st.peer, "JUGGLE", UDP_VIA, "");
    request(st.peer, "WAVE", UDP_VIA, "");
    request(st.peer, "MESSAGE", "SIP/2.0/UDP 192.0.2.2:5061;branch=z9hG4bK-a1", "");
    request(st.peer, "MESSAGE", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-a2", "");
    scene_run(st.sc, 100);
    assert_int_equal(st.core->requests, 6);
    scene_run(st.sc, 100000);
    stage_close(&st);
}

// The ACK for the last refusal that the peer heard, with its To tag.
static void acknowledge(struct stage *st, const char *via)
{
    char tag[64];
    struct heard *h, *last = NULL;
    while ((h = peer_next(st->peer)))
        last = h;
    assert_non_null(last);
    (void)snprintf(tag, sizeof tag, ";tag=%.*s", STR_ARG(sip_msg_to_tag(last->msg)));
    request(st->peer, "ACK", via, tag);
}

// Runs until every transaction is over.
static void close_all(struct stage *st)
{
    scene_run(st->sc, 300000);
    stage_close(st);
}

// RFC 3261 17.2.3: peers of RFC 2543 have branches without the magic cookie.
static void old_branches(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", "SIP/2.0/UDP 192.0.2.2:5060;branch=1", "");
    request(st.peer, "INVITE", "SIP/2.0/UDP 192.0.2.2:5060;branch=1", "");
    scene_run(st.sc, 100);
    assert_int_equal(st.core->requests, 1);
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 200);
    acknowledge(&st, "SIP/2.0/UDP 192.0.2.2:5060;branch=1");
    scene_run(st.sc, 100000);
    core_expect(st.core, "1 request INVITE\n5202 end\n");
    stage_close(&st);
}

#define OLD_VIA "SIP/2.0/UDP 192.0.2.2:5060"

// ... or none at all, and then the To tag tells requests apart, and the ACK for a refusal has that of
// the refusal: another one's is not absorbed, for it may be for a 2xx that was forked here.
static void no_branches(void **state)
{
    struct stage st;
    open_stage(&st, false);
    st.core->answer = 486;
    request(st.peer, "INVITE", OLD_VIA, "");
    request(st.peer, "INVITE", OLD_VIA, "");
    scene_run(st.sc, 100);
    assert_int_equal(st.core->requests, 1);
    request(st.peer, "INVITE", OLD_VIA, ";tag=dialog"); // another one
    request(st.peer, "MESSAGE", OLD_VIA, "");
    scene_run(st.sc, 200);
    assert_int_equal(st.core->requests, 3);
    close_all(&st);
}

static void keep_line(void *arg, const struct txn_line *t)
{
    char *text = arg, peer[ADDR_TEXT_MAX];
    snprintf(text + strlen(text), 400 - strlen(text), "%s{%s} %.*s %u %s %s %.*s\n", t->machine, t->state,
             STR_ARG(t->method), (unsigned)t->age_ms, t->timer ? t->timer : "-", t->user ? t->user : "-",
             STR_ARG(addr_text(&t->peer, peer)));
}

// What "sip transactions" shows: as many as asked for, those that are at work first.
static void transactions_are_listed(void **state)
{
    struct stage st;
    char text[400] = "";
    open_stage(&st, false);
    request(st.peer, "MESSAGE", UDP_VIA, "");
    scene_run(st.sc, 100);
    assert_int_equal(core_reply(st.core, 200), 0);
    request(st.peer, "MESSAGE", OLD_VIA, "");
    request(st.peer, "INVITE", OLD_VIA, "");
    scene_run(st.sc, 200);
    assert_int_equal(txn_held(st.core->txns), 3);
    assert_int_equal(txn_list(st.core->txns, 2, keep_line, text), 2);
    assert_string_equal(text, "request-server{Trying} MESSAGE 99 100 due core 192.0.2.2:5060\n"
                              "invite-server{Proceeding} INVITE 99 - core 192.0.2.2:5060\n");
    text[0] = '\0';
    assert_int_equal(txn_list(st.core->txns, 10, keep_line, text), 3);
    assert_non_null(strstr(text, "request-server{Completed} MESSAGE 199 timer J core 192.0.2.2:5060\n"));
    assert_int_equal(core_reply(st.core, 486), 0);
    close_all(&st);
}

static void no_branches_ack(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", OLD_VIA, "");
    scene_run(st.sc, 100);
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 200);
    request(st.peer, "ACK", OLD_VIA, ";tag=another");
    scene_run(st.sc, 300);
    assert_int_equal(st.core->acks, 1);
    acknowledge(&st, OLD_VIA);
    scene_run(st.sc, 100000);
    assert_int_equal(st.core->acks, 1);
    assert_non_null(strstr(st.core->log, "\n5302 end\n"));
    stage_close(&st);
}

static void no_branches_ack_in_dialog(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", OLD_VIA, ";tag=dialog");
    scene_run(st.sc, 100);
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 200);
    request(st.peer, "ACK", OLD_VIA, ";tag=dialog");
    scene_run(st.sc, 100000);
    core_expect(st.core, "1 request INVITE\n5202 end\n");
    stage_close(&st);
}

static void no_branches_cancel(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", OLD_VIA, "");
    scene_run(st.sc, 100);
    request(st.peer, "CANCEL", OLD_VIA, "");
    scene_run(st.sc, 200);
    assert_int_equal(st.core->cancels, 1);
    assert_int_equal(core_reply(st.core, 487), 0);
    close_all(&st);
}

// A phone that uses TCP for what is long only cancels and acknowledges by UDP.
static void cancelled_by_another_transport(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *stream = peer_tcp_to(st.sc, "192.0.2.2:0", CORE);
    scene_run(st.sc, 10);
    request(stream, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 100);
    request(st.peer, "CANCEL", UDP_VIA, "");
    scene_run(st.sc, 200);
    assert_int_equal(st.core->cancels, 1);
    assert_int_equal(core_reply(st.core, 487), 0);
    scene_run(st.sc, 300);
    request(st.peer, "ACK", UDP_VIA, ";tag=any");
    scene_run(st.sc, 400);
    assert_int_equal(st.core->acks, 0);
    close_all(&st);
}

// A client that uses its branch again is answered for what it asks, not with what it was told before;
// so is one that tries again over a connection.
static void branch_used_again(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *stream = peer_tcp_to(st.sc, "192.0.2.2:0", CORE);
    st.core->answer = 200;
    scene_run(st.sc, 10);
    request(st.peer, "MESSAGE", UDP_VIA, "");
    request(stream, "MESSAGE", UDP_VIA, "");
    peer_printf(st.peer, CORE, "MESSAGE sip:b@192.0.2.9 SIP/2.0\nVia: %s\nFrom: <sip:a@x>;tag=f\n"
                "To: <sip:b@x>\nCall-ID: c2\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n", UDP_VIA);
    peer_printf(st.peer, CORE, "MESSAGE sip:b@192.0.2.9 SIP/2.0\nVia: %s\nFrom: <sip:a@x>;tag=f\n"
                "To: <sip:b@x>\nCall-ID: c1\nCSeq: 2 MESSAGE\nContent-Length: 0\n\n", UDP_VIA);
    scene_run(st.sc, 100);
    assert_int_equal(st.core->requests, 4);
    peer_status(stream, 200);
    for (int i = 0; i < 3; i++)
        peer_status(st.peer, 200);
    close_all(&st);
}

// A branch longer than the key's buffer.
static void long_branch(void **state)
{
    struct stage st;
    open_stage(&st, false);
    char via[900];
    int n = snprintf(via, sizeof via, "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK");
    memset(via + n, 'x', 700);
    via[n + 700] = '\0';
    for (int len = 60; len <= 700; len += 640) {
        via[n + len] = '\0';
        request(st.peer, "MESSAGE", via, "");
        request(st.peer, "MESSAGE", via, "");
        via[n + len] = 'x';
        scene_run(st.sc, (uint64_t)len);
        assert_int_equal(core_reply(st.core, 200), 0);
    }
    assert_int_equal(st.core->requests, 2);
    scene_run(st.sc, 100000);
    stage_close(&st);
}

// ---- INVITE ----

static void invite_refused_udp(void **state)
{
    static const uint64_t again[] = {1702, 2702, 4702, 8702, 12702};
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 500);
    peer_expect(st.peer, 2, "SIP/2.0 100 "); // at once, by itself
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 600);
    peer_expect(st.peer, 502, "SIP/2.0 100 ");
    assert_int_equal(core_reply(st.core, 180), 0);
    scene_run(st.sc, 1100);
    peer_expect(st.peer, 601, "SIP/2.0 180 ");
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 1201);
    peer_expect(st.peer, 1102, "SIP/2.0 180 ");
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 15000);
    struct heard *h = peer_expect(st.peer, 1202, "SIP/2.0 486 ");
    assert_true(sip_msg_to_tag(h->msg).n > 0);
    for (size_t i = 0; i < ARRAY_LEN(again); i++) // Timer G: T1, doubled up to T2
        peer_expect(st.peer, again[i], "SIP/2.0 486 ");
    peer_quiet(st.peer);
    request(st.peer, "ACK", UDP_VIA, ";tag=any");
    scene_run(st.sc, 16000);
    request(st.peer, "ACK", UDP_VIA, ";tag=any");    // Confirmed: swallowed
    request(st.peer, "INVITE", UDP_VIA, "");         // late, too
    scene_run(st.sc, 100000);
    peer_quiet(st.peer);
    core_expect(st.core, "1 request INVITE\n20002 end\n"); // Timer I 5 s
    stage_close(&st);
}

static void invite_without_ack(void **state)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        struct stage st;
        open_stage(&st, tcp);
        request(st.peer, "INVITE", tcp ? TCP_VIA : UDP_VIA, "");
        scene_run(st.sc, 1000);
        assert_int_equal(core_reply(st.core, 500), 0);
        scene_run(st.sc, 100000);
        assert_non_null(strstr(st.core->log, "\n33000 end ERR_TIMEOUT\n")); // Timer H 32 s
        unsigned finals = 0;
        for (struct heard *h; (h = peer_next(st.peer));)
            finals += sip_msg_status(h->msg) == 500;
        // UDP: 0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5 s
        assert_int_equal(finals, tcp ? 1 : 11);
        stage_close(&st);
    }
}

static void invite_refused_tcp(void **state)
{
    struct stage st;
    open_stage(&st, true);
    st.core->answer = 603;
    request(st.peer, "INVITE", TCP_VIA, "");
    scene_run(st.sc, 5000);
    peer_status(st.peer, 603); // no 100: it was answered in the callback
    peer_quiet(st.peer);
    request(st.peer, "ACK", TCP_VIA, ";tag=any");
    scene_run(st.sc, 5010);
    assert_int_equal(core_count(st.core, "sip_transactions_held"), 0); // Timer I 0
    assert_int_equal(st.core->acks, 0);
    stage_close(&st);
}

// RFC 3261 17.2.1: the 100 need not be there before 200 ms. On a connection it waits for company,
// and goes alone when there is none.
static void trying_on_a_connection(void **state)
{
    struct stage st;
    open_stage(&st, true);
    request(st.peer, "INVITE", TCP_VIA, "");
    scene_run(st.sc, 20);
    peer_quiet(st.peer);
    assert_int_equal(core_reply(st.core, 180), 0);
    scene_run(st.sc, 40);
    peer_expect(st.peer, 21, "SIP/2.0 100 ");
    peer_expect(st.peer, 21, "SIP/2.0 180 ");
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 50);
    peer_status(st.peer, 486);
    request(st.peer, "INVITE", TCP_VIA "2", "");
    scene_run(st.sc, 300);
    struct heard *h = peer_status(st.peer, 100);
    assert_in_range(h->at_ms, 60, 250);
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 40000);
    stage_close(&st);
}

// RFC 6026 7.1: after a 2xx the transaction stays to swallow the INVITE again; each 2xx of the core
// passes; the ACK is the core's.
static void invite_accepted(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 1000);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_run(st.sc, 1400);
    peer_status(st.peer, 100);
    peer_expect(st.peer, 1001, "SIP/2.0 200 ");
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 1500);
    peer_quiet(st.peer);
    assert_int_equal(core_reply(st.core, 200), 0);
    assert_int_equal(core_reply(st.core, 486), ERR_STATE);
    assert_int_equal(core_reply(st.core, 180), ERR_STATE);
    scene_run(st.sc, 2000);
    peer_expect(st.peer, 1501, "SIP/2.0 200 ");
    request(st.peer, "ACK", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-a2", ";tag=any");
    request(st.peer, "ACK", UDP_VIA, ";tag=any"); // a peer that takes the INVITE's branch
    scene_run(st.sc, 100000);
    peer_quiet(st.peer);
    core_expect(st.core, "1 request INVITE\n2001 ack\n2001 ack\n33000 end\n"); // Timer L 32 s
    stage_close(&st);
}

// ---- CANCEL ----

static void cancel_proceeding(void **state)
{
    struct stage st;
    open_stage(&st, false);
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 100);
    peer_status(st.peer, 100);
    request(st.peer, "CANCEL", UDP_VIA, "");
    scene_run(st.sc, 200);
    struct heard *ok = peer_expect(st.peer, 102, "SIP/2.0 200 ");
    assert_string_equal(heard_header(st.sc, ok, "CSeq"), "1 CANCEL");
    request(st.peer, "CANCEL", UDP_VIA, ""); // again: the same answer, no second event
    scene_run(st.sc, 300);
    assert_true(str_eq(ok->bytes, peer_expect(st.peer, 202, "SIP/2.0 200 ")->bytes));
    assert_int_equal(core_reply(st.core, 487), 0);
    scene_run(st.sc, 400);
    struct heard *refused = peer_expect(st.peer, 301, "SIP/2.0 487 ");
    assert_true(str_eq(sip_msg_to_tag(ok->msg), sip_msg_to_tag(refused->msg))); // RFC 3261 9.2
    request(st.peer, "ACK", UDP_VIA, ";tag=any");
    scene_run(st.sc, 100000);
    core_expect(st.core, "1 request INVITE\n101 cancel\n5402 end\n");
    stage_close(&st);
}

static void cancel_too_late_or_unknown(void **state)
{
    struct stage st;
    open_stage(&st, false);
    st.core->answer = 200;
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 100);
    peer_status(st.peer, 200);
    request(st.peer, "CANCEL", UDP_VIA, "");
    scene_run(st.sc, 200);
    peer_status(st.peer, 200);
    request(st.peer, "CANCEL", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-zz", "");
    scene_run(st.sc, 300);
    peer_status(st.peer, 481);
    scene_run(st.sc, 100000);
    assert_int_equal(st.core->cancels, 0);
    stage_close(&st);
}

// ---- the way back ----

static void response_goes_where_via_says(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *nat = peer_udp(st.sc, "192.0.2.3:40000");
    struct peer *sent_by = peer_udp(st.sc, "192.0.2.3:5070");
    st.core->answer = 200;
    // RFC 3581 4: rport asked for, and received added with it
    request(nat, "MESSAGE", "SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK-n1", "");
    // RFC 3261 18.2.2: without rport to the source's address and the sent-by's port
    request(nat, "MESSAGE", "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-n2", "");
    // a name in sent-by
    request(nat, "MESSAGE", "SIP/2.0/UDP ue.example.org:5070;branch=z9hG4bK-n3;x=\"a;b\"", "");
    // a source that claims to have been seen elsewhere
    request(nat, "MESSAGE", "SIP/2.0/UDP 192.0.2.3:5070;received=192.0.2.2;branch=z9hG4bK-n4", "");
    // maddr
    request(nat, "MESSAGE", "SIP/2.0/UDP 10.0.0.1;maddr=192.0.2.2;branch=z9hG4bK-n5", "");
    scene_run(st.sc, 100);
    struct heard *h = peer_status(nat, 200);
    assert_string_equal(heard_header(st.sc, h, "Via"),
                        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-n1;rport=40000;received=192.0.2.3");
    peer_quiet(nat);
    h = peer_status(sent_by, 200);
    assert_string_equal(heard_header(st.sc, h, "Via"),
                        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-n2;received=192.0.2.3");
    h = peer_status(sent_by, 200);
    assert_string_equal(heard_header(st.sc, h, "Via"),
                        "SIP/2.0/UDP ue.example.org:5070;branch=z9hG4bK-n3;x=\"a;b\";received=192.0.2.3");
    h = peer_status(sent_by, 200);
    assert_string_equal(heard_header(st.sc, h, "Via"),
                        "SIP/2.0/UDP 192.0.2.3:5070;branch=z9hG4bK-n4;received=192.0.2.3");
    peer_quiet(sent_by);
    peer_status(st.peer, 200);
    scene_run(st.sc, 100000);
    stage_close(&st);
}

// RFC 3261 18.2.2: the connection has closed meanwhile; a new one goes to the sent-by's port.
static void response_on_a_new_connection(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *listener = peer_tcp(st.sc, "192.0.2.3:5080");
    struct peer *client = peer_tcp_to(st.sc, "192.0.2.3:0", CORE);
    scene_run(st.sc, 5);
    request(client, "MESSAGE", "SIP/2.0/TCP 192.0.2.3:5080;branch=z9hG4bK-t", "");
    scene_run(st.sc, 10);
    assert_int_equal(st.core->requests, 1);
    peer_close(client, false);
    scene_run(st.sc, 1000);
    assert_int_equal(st.core->flows_closed, 1);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_run(st.sc, 2000);
    peer_status(listener, 200);
    assert_int_equal(peer_connections(listener), 1);
    scene_run(st.sc, 100000);
    stage_close(&st);
}

static void response_to_nobody(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *client = peer_tcp_to(st.sc, "192.0.2.3:0", CORE);
    scene_run(st.sc, 5);
    request(client, "INVITE", "SIP/2.0/TCP 192.0.2.3:5080;branch=z9hG4bK-t", "");
    scene_run(st.sc, 10);
    peer_close(client, true);
    scene_run(st.sc, 1000);
    assert_int_equal(core_reply(st.core, 486), 0);
    scene_run(st.sc, 2000); // refused: nobody listens there
    assert_int_equal(st.core->ends, 1);
    assert_non_null(strstr(st.core->log, "end ERR_IO"));
    stage_close(&st);
}

// ---- load ----

static void overload_is_shed(void **state)
{
    struct scene *sc = scene_new(1);
    struct stack_params p = {.max_transactions = 1, .server = STR("carillon")};
    struct stage st = {.sc = sc, .core = core_new(sc, CORE, &p), .peer = peer_udp(sc, PEER)};
    request(st.peer, "MESSAGE", UDP_VIA, "");
    scene_run(sc, 10);
    request(st.peer, "MESSAGE", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-b", "");
    request(st.peer, "ACK", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-c", ";tag=x");
    scene_run(sc, 20);
    struct heard *h = peer_status(st.peer, 503);
    assert_string_equal(heard_header(sc, h, "Retry-After"), "5");
    assert_string_equal(heard_header(sc, h, "Server"), "carillon");
    assert_int_equal(st.core->requests, 1);
    assert_int_equal(st.core->acks, 1);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_run(sc, 30);
    peer_status(st.peer, 200);
    request(st.peer, "MESSAGE", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-d", "");
    scene_run(sc, 40); // the first one only lingers: there is room
    assert_int_equal(st.core->requests, 2);
    assert_int_equal(core_reply(st.core, 200), 0);
    assert_int_equal(core_count(st.core, "sip_overload_rejected"), 1);
    scene_run(sc, 100000);
    stage_close(&st);
}

static void on_drained(void *arg)
{
    *(uint64_t *)arg += 1;
}

static void drain(void **state)
{
    struct stage st;
    open_stage(&st, false);
    uint64_t drained = 0;
    request(st.peer, "INVITE", UDP_VIA, "");
    scene_run(st.sc, 10);
    peer_status(st.peer, 100);
    txn_id invite = st.core->id;
    stack_drain(st.core->stack, on_drained, &drained);
    scene_run(st.sc, 20);
    assert_int_equal(drained, 0);
    request(st.peer, "INVITE", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-b", "");
    request(st.peer, "INFO", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-c", ";tag=dialog");
    scene_run(st.sc, 30);
    peer_status(st.peer, 503);
    assert_int_equal(st.core->requests, 2);
    assert_int_equal(core_reply(st.core, 200), 0);
    st.core->id = invite;
    assert_int_equal(drained, 0);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_run(st.sc, 40);
    assert_int_equal(drained, 1); // finished ones do not hold it up
    scene_run(st.sc, 100000);
    assert_int_equal(drained, 1);
    stage_close(&st);
}

// ---- loops ----

static struct sip_msg *parse(const char *route, const char *uri, const char *vias)
{
    char text[1000];
    struct sip_msg *m;
    struct sip_parse_error e;
    snprintf(text, sizeof text, "MESSAGE %s SIP/2.0\r\n%s%sFrom: <sip:a@x>;tag=f\r\nTo: <sip:b@x>\r\n"
             "Call-ID: c1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n", uri, vias, route);
    assert_int_equal(sip_msg_parse(str_from(text), &m, &e), 0);
    return m;
}

static void loops_and_spirals(void **state)
{
    struct stage st;
    open_stage(&st, false);
    const struct txn_layer *l = st.core->txns;
    const char *via = "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n";
    struct sip_msg *m = parse("Route: <sip:n1;lr>\r\n", "sip:b@x", via);
    uint64_t h = txn_loop_hash(l, m);
    struct sip_msg *same = parse("Route: <sip:n1;lr>\r\n", "sip:b@x",
                                 "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK2\r\n");
    struct sip_msg *spiral = parse("", "sip:b@x", via), *other = parse("", "sip:c@x", via);
    assert_true(h != 0 && h == txn_loop_hash(l, same));
    assert_true(txn_loop_hash(l, spiral) != h);
    assert_true(txn_loop_hash(l, other) != txn_loop_hash(l, spiral));
    assert_false(txn_is_loop(l, m, h));
    char vias[400];
    for (int own = 0; own < 2; own++) {
        snprintf(vias, sizeof vias, "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n"
                 "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK01.02.%016" PRIx64 "\r\n",
                 own ? "192.0.2.9" : "192.0.2.8", h);
        struct sip_msg *back = parse("Route: <sip:n1;lr>\r\n", "sip:b@x", vias);
        assert_int_equal(txn_is_loop(l, back, h), own);
        assert_false(txn_is_loop(l, back, h + 1));
        sip_msg_unref(back);
    }
    sip_msg_unref(m);
    sip_msg_unref(same);
    sip_msg_unref(spiral);
    sip_msg_unref(other);
    stage_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_udp),
        cmocka_unit_test(request_tcp_ends_at_once),
        cmocka_unit_test(methods_do_not_mix),
        cmocka_unit_test(old_branches),
        cmocka_unit_test(no_branches),
        cmocka_unit_test(no_branches_ack),
        cmocka_unit_test(transactions_are_listed),
        cmocka_unit_test(no_branches_ack_in_dialog),
        cmocka_unit_test(no_branches_cancel),
        cmocka_unit_test(cancelled_by_another_transport),
        cmocka_unit_test(branch_used_again),
        cmocka_unit_test(long_branch),
        cmocka_unit_test(invite_refused_udp),
        cmocka_unit_test(invite_without_ack),
        cmocka_unit_test(invite_refused_tcp),
        cmocka_unit_test(trying_on_a_connection),
        cmocka_unit_test(invite_accepted),
        cmocka_unit_test(cancel_proceeding),
        cmocka_unit_test(cancel_too_late_or_unknown),
        cmocka_unit_test(response_goes_where_via_says),
        cmocka_unit_test(response_on_a_new_connection),
        cmocka_unit_test(response_to_nobody),
        cmocka_unit_test(overload_is_shed),
        cmocka_unit_test(drain),
        cmocka_unit_test(loops_and_spirals),
    };
    return cmocka_run_group_tests_name("scenario_server", tests, NULL, NULL);
}
