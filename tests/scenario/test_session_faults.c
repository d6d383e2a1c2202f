// SPDX-License-Identifier: Apache-2.0
// The session core when things cross, come late, twice or not at all (RFC 3261 8.2.2.2, 13 to 15,
// RFC 3262 3, 5, RFC 3515, RFC 3891).
#include "lab.h"

#include <stdio.h>

static void peer_hears_bye(struct lab *l)
{
    peer_reply(l->q, B, peer_expect(l->q, "BYE "), "200 OK", NULL, NULL);
}

// ---- callbacks ----

static server_id left_open;
static struct session *left_session;

static void leave_open(void *arg, struct session *s, server_id id, const struct sip_msg *m)
{
    left_open = id;
    left_session = s;
}

static void hang_up_then(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    assert_int_equal(session_hang_up(s), 0);
}

// A request whose callback sends another: what is kept of re-INVITEs makes room, not the request.
static void callback_hangs_up(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_ops(&l, &l.b)->request = leave_open;
    lab_talk(&l, "offer-a");
    assert_int_equal(session_request(l.a.s, SIP_INFO, STR("text/plain"), STR("5"), hang_up_then),
                     0);
    world_run(&l.w, 100);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
        world_run(&l.w, 300);
    }
    assert_int_equal(l.a.modified, 2);
    session_reply_to(left_session, left_open, 200);
    world_run(&l.w, 1000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

// RFC 3261 13.2.2.4: a 2xx has its ACK, even when nobody wants the session any more.
static void hang_up_on_answer(void *arg, struct session *s, struct str body,
                              const struct sip_msg *m)
{
    (void)session_hang_up(s);
}

static void ack_before_bye(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_ops(&l, &l.a)->answer = hang_up_on_answer;
    l.b.pick_up = true;
    l.tap.count = "ACK ";
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 1000);
    assert_int_equal(l.tap.counted, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

static void ack_before_bye_without_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.silent_offers = l.b.pick_up = true;
    l.tap.count = "ACK ";
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 200);
    assert_int_equal(l.tap.counted, 0);
    assert_int_equal(session_hang_up(l.a.s), 0);
    world_run(&l.w, 3000);
    assert_int_equal(l.tap.counted, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

// ---- what is open at the end ----

// RFC 3261 15.1.2.
static void open_change_at_the_end(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_talk(&l, "offer-a");
    l.b.silent_offers = true;
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 100);
    l.tap.count = "SIP/2.0 487";
    assert_int_equal(session_hang_up(l.b.s), 0);
    world_run(&l.w, 1000);
    assert_int_equal(l.tap.counted, 1);
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

static void dropped_while_it_rings(void **state)
{
    struct lab l;
    lab_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    session_drop(l.b.s);
    l.b.s = l.b.all[0] = NULL;
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 480);
    lab_end(&l);
}

static void request_left_open(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_ops(&l, &l.b)->request = leave_open;
    lab_talk(&l, "offer-a");
    l.tap.count = "BYE ";
    for (int i = 0; i < 8; i++)
        assert_int_equal(session_request(l.a.s, SIP_INFO, STR("text/plain"), STR("5"), NULL), 0);
    assert_int_not_equal(session_request(l.a.s, SIP_INFO, STR("text/plain"), STR("5"), NULL), 0);
    assert_int_equal(session_hang_up(l.a.s), 0); // the BYE has room
    world_run(&l.w, 2000);
    assert_int_equal(l.tap.counted, 1);
    assert_int_equal(l.a.end.status, 200);
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

// ---- reliable responses ----

// RFC 3262 3.
static void prack_after_the_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.rel100 = l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 180, .reliable = true};
    l.b.n_ring = 1;
    l.tap.count = "SIP/2.0 481";
    lab_talk(&l, "offer-a");
    assert_int_equal(l.tap.counted, 0);
    lab_end(&l);
}

// RFC 3261 13.2.1: without an offer the first reliable response has one, or is not reliable.
static void no_offer_to_answer_by_prack(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.rel100 = l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 180, .reliable = true};
    l.b.n_ring = 1;
    l.tap.count = "SIP/2.0 180";
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 300);
    assert_int_equal(l.tap.counted, 1);
    assert_null(strstr(l.tap.last, "RSeq"));
    assert_int_equal(session_hang_up(l.a.s), 0);
    world_run(&l.w, 300);
    l.a.p.rel100 = SESSION_REL_REQUIRED;
    l.b.n_ring = 0;
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 300);
    assert_int_equal(session_progress(l.b.s, &l.b.ring[0]), ERR_INVAL);
    lab_end(&l);
}

// RFC 3262 5.
static void prack_without_the_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    struct peer *p = lab_peer(&l);
    char rack[64];
    l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early")};
    l.b.n_ring = 1;
    l.tag[0] = '\0';
    lab_sends(&l, B, "INVITE", 1, "one", "Supported: 100rel\n", "");
    const char *m = peer_expect(p, "SIP/2.0 183");
    lab_learns_tag(&l, m);
    (void)snprintf(rack, sizeof rack, "RAck: %s 1 INVITE\n", header_of(m, "RSeq", 0));
    lab_sends(&l, B, "PRACK", 2, "two", rack, "");
    peer_expect(p, "SIP/2.0 400");
    peer_expect(p, "SIP/2.0 400");
    l.tag[0] = '\0';
    assert_int_equal(l.b.closed, 1);
    lab_end(&l);
}

// RFC 3261 13.3.1.1.
static void rings_for_long(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    l.tap.count = "SIP/2.0 180";
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 150000);
    assert_int_equal(l.tap.counted, 3);
    lab_end(&l);
}

// ---- offers ----

// RFC 3311 5.1: the 200 to the INVITE says nothing to the offer in an UPDATE.
static void answer_of_another_transaction(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.rel100 = l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early-b")};
    l.b.n_ring = 1;
    l.b.silent_offers = true;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_modify(l.a.s, STR("update")), 0);
    world_run(&l.w, 100);
    assert_string_equal(l.b.offer, "update");
    assert_int_equal(
        session_accept(l.b.s, &(struct session_reply){.status = 200, .body = STR("stale")}), 0);
    world_run(&l.w, 200);
    assert_int_equal(l.a.established, 1);
    assert_string_equal(l.a.answer, "early-b");
    assert_int_equal(session_answer(l.b.s, STR("update-answer")), 0);
    world_run(&l.w, 300);
    assert_string_equal(l.a.answer, "update-answer");
    assert_int_equal(l.a.last_modified, 200);
    assert_true(session_may_modify(l.a.s));
    lab_end(&l);
}

static void ack_without_the_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    (void)lab_is_called(&l, "");
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    peer_hears_bye(&l);
    world_run(&l.w, 100);
    assert_int_equal(l.b.closed, 1);
    assert_non_null(l.b.end.cause);
    lab_end(&l);
}

// An ACK that comes again is not the one of the re-INVITE.
static void old_ack(void **state)
{
    struct lab l;
    lab_init(&l);
    struct peer *p = lab_is_called(&l, "offer");
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    world_run(&l.w, 100);
    lab_sends(&l, B, "INVITE", 2, "two", "", "");
    peer_expect(p, "SIP/2.0 200");
    lab_sends(&l, B, "ACK", 1, "a2", "", "");
    world_run(&l.w, 100);
    assert_int_equal(l.b.closed, 0);
    assert_int_equal(l.b.answers, 0);
    lab_sends(&l, B, "ACK", 2, "a3", "", "answer");
    world_run(&l.w, 100);
    assert_string_equal(l.b.answer, "answer");
    assert_true(session_may_modify(l.b.s));
    assert_int_equal(session_hang_up(l.b.s), 0);
    peer_hears_bye(&l);
    lab_end(&l);
}

// An UPDATE of ours without an offer that fails leaves theirs alone.
static void refresh_fails_while_an_offer_is_open(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.p.timer = true;
    l.b.p.expires_s = 90;
    l.b.p.refresher = SESSION_REFRESHER_UAS;
    l.b.silent_offers = l.b.pick_up = true;
    struct peer *p = lab_peer(&l);
    l.tag[0] = '\0';
    lab_sends(&l, B, "INVITE", 1, "one", "Supported: timer\nAllow: INVITE, UPDATE\n", "offer");
    lab_learns_tag(&l, peer_expect(p, "SIP/2.0 200"));
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    world_run(&l.w, 44000);
    char update[4096];
    (void)snprintf(update, sizeof update, "%s", peer_expect(p, "UPDATE "));
    lab_sends(&l, B, "INVITE", 2, "two", "", "hold");
    world_run(&l.w, 100);
    peer_reply(p, B, update, "503 Service Unavailable", NULL, NULL);
    world_run(&l.w, 100);
    assert_int_equal(session_answer(l.b.s, STR("held")), 0);
    assert_contains(peer_expect(p, "SIP/2.0 200"), "held");
    lab_sends(&l, B, "ACK", 2, "a2", "", "");
    world_run(&l.w, 100);
    assert_int_equal(session_hang_up(l.b.s), 0);
    peer_hears_bye(&l);
    lab_end(&l);
}

// RFC 3261 14.2: a re-INVITE that is cancelled: the owner hears of it.
static unsigned withdrawn;

static void on_withdrawn(void *arg, struct session *s, struct str fork)
{
    withdrawn++;
}

static void change_is_cancelled(void **state)
{
    struct lab l;
    lab_init(&l);
    lab_ops(&l, &l.b)->withdrawn = on_withdrawn;
    withdrawn = 0;
    struct peer *p = lab_is_called(&l, "offer");
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    l.b.silent_offers = true;
    lab_sends(&l, B, "INVITE", 2, "two", "", "hold");
    world_run(&l.w, 100);
    lab_sends(&l, B, "CANCEL", 2, "two", "", "");
    world_run(&l.w, 100);
    assert_int_equal(withdrawn, 1);
    assert_int_equal(session_answer(l.b.s, STR("late")), ERR_STATE);
    assert_true(session_may_modify(l.b.s));
    peer_expect(p, "SIP/2.0 200"); // of the CANCEL
    peer_expect(p, "SIP/2.0 487");
    lab_sends(&l, B, "ACK", 2, "two", "", "");
    assert_int_equal(session_hang_up(l.b.s), 0);
    peer_hears_bye(&l);
    lab_end(&l);
}

// ---- forks ----

// A change that went to a fork which is dropped has come to its end, too.
static void change_goes_with_its_fork(void **state)
{
    struct lab l;
    lab_init_fork(&l);
    l.a.p.rel100 = l.b.p.rel100 = l.c.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early")};
    l.c.ring[0] = l.b.ring[0];
    l.b.n_ring = l.c.n_ring = 1;
    l.b.silent_offers = l.c.silent_offers = true;
    agent_call(&l.a, "sip:anybody@example.org", "offer-a");
    world_run(&l.w, 2000);
    assert_int_equal(session_modify(l.a.s, STR("update")), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.b.offers + l.c.offers, 1);
    struct agent *other = l.b.offers ? &l.c : &l.b;
    assert_int_equal(session_accept(other->s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 2000);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(l.a.modified, 1);
    assert_int_equal(l.a.last_modified, 487);
    other->silent_offers = false;
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.a.last_modified, 200);
    lab_end(&l);
}

// RFC 3261 13.2.2.4: a fork that answers when the session is over.
static void fork_answers_after_the_end(void **state)
{
    struct lab l;
    lab_init(&l);
    struct peer *p = lab_peer(&l);
    char invite[4096];
    agent_call(&l.a, "sip:x@" Q, "offer-a");
    (void)snprintf(invite, sizeof invite, "%s", peer_expect(p, "INVITE "));
    peer_reply(p, A, invite, "200 OK", "one", "Contact: <sip:" Q ">\n");
    peer_expect(p, "ACK ");
    assert_int_equal(session_hang_up(l.a.s), 0);
    peer_reply(p, A, peer_expect(p, "BYE "), "200 OK", NULL, NULL);
    world_run(&l.w, 100);
    assert_int_equal(l.a.closed, 1);
    peer_reply(p, A, invite, "200 OK", "two", "Contact: <sip:" Q ">\n");
    assert_contains(peer_expect(p, "ACK "), "tag=two");
    const char *bye = peer_expect(p, "BYE ");
    assert_contains(bye, "tag=two");
    peer_reply(p, A, bye, "200 OK", NULL, NULL);
    peer_reply(p, A, invite, "200 OK", "one", "Contact: <sip:" Q ">\n"); // its ACK was lost
    assert_contains(peer_expect(p, "ACK "), "tag=one");
    peer_expect_silence(p, 1000);
    lab_end(&l);
}

// RFC 3261 8.2.2.2, 19.3: by another branch it is the same call; to another user of ours it is not.
static void merged(void **state)
{
    struct lab l;
    lab_init(&l);
    struct peer *p = lab_peer(&l);
    char first[80];
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    struct request r = {.method = "INVITE", .uri = CALL_B, .extra = "Contact: <sip:" Q ">\n"};
    peer_request(p, B, &r);
    lab_learns_tag(&l, peer_expect(p, "SIP/2.0 180"));
    (void)snprintf(first, sizeof first, "%s", l.tag);
    r.branch = "z9hG4bKother";
    peer_request(p, B, &r);
    peer_expect(p, "SIP/2.0 482");
    r.branch = "z9hG4bKthird";
    r.uri = "sip:other@" B;
    peer_request(p, B, &r);
    lab_learns_tag(&l, peer_expect(p, "SIP/2.0 180"));
    assert_string_not_equal(first, l.tag);
    assert_int_equal(session_layer_count(l.b.layer), 2);
    lab_end(&l);
}

// ---- REFER, Replaces ----

static void second_refer_has_an_id(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    lab_talk(&l, "offer-a");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
        world_run(&l.w, 300);
        assert_int_equal(session_refer_progress(l.b.s, 200), 0);
        world_run(&l.w, 300);
        assert_true(l.a.refer_over);
        assert_contains(l.tap.last, i ? "Event: refer;id=" : "Event: refer\r\n");
    }
    lab_end(&l);
}

// A late 481 to a NOTIFY of the first does not end the subscription of the second.
static void late_answer_about_the_first_refer(void **state)
{
    static const char refer_to[] = "Refer-To: <sip:carol@example.org>\n";
    struct lab l;
    lab_init(&l);
    l.b.on_refer = 202;
    struct peer *p = lab_is_called(&l, "offer");
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    lab_sends(&l, B, "REFER", 2, "two", refer_to, "");
    (void)peer_expect(p, "SIP/2.0 202");
    const char *first = peer_expect(p, "NOTIFY ");
    assert_int_equal(session_refer_progress(l.b.s, 200), 0);
    const char *last = peer_expect(p, "NOTIFY ");
    peer_reply(p, B, last, "200 OK", NULL, NULL);
    lab_sends(&l, B, "REFER", 3, "three", refer_to, "");
    (void)peer_expect(p, "SIP/2.0 202");
    const char *second = peer_expect(p, "NOTIFY ");
    assert_contains(second, "Event: refer;id=");
    peer_reply(p, B, first, "481 No", NULL, NULL);
    world_run(&l.w, 100);
    assert_int_equal(session_refer_progress(l.b.s, 180), 0);
    peer_reply(p, B, second, "481 No", NULL, NULL);
    world_run(&l.w, 100);
    assert_int_equal(session_refer_progress(l.b.s, 180), ERR_STATE);
    assert_int_equal(session_hang_up(l.b.s), 0);
    world_run(&l.w, 50000);
    lab_done(&l);
}

// RFC 3891 3.
static void replaces_out_of_place(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.p.supported = STR("replaces");
    struct peer *p = lab_is_called(&l, "offer");
    lab_sends(&l, B, "ACK", 1, "a1", "", "");
    lab_sends(&l, B, "INFO", 2, "two", "Replaces: x;to-tag=1;from-tag=2\n", "");
    peer_expect(p, "SIP/2.0 400");
    l.tag[0] = '\0';
    struct request r = {.method = "INVITE",
                        .uri = CALL_B,
                        .call_id = "call-2",
                        .extra = "Contact: <sip:" Q ">\nReplaces: x;to-tag=1;from-tag=2\n"
                                 "Replaces: y;to-tag=1;from-tag=2\n"};
    peer_request(p, B, &r);
    peer_expect(p, "SIP/2.0 400");
    assert_int_equal(session_hang_up(l.b.s), 0);
    peer_hears_bye(&l);
    lab_end(&l);
}

// Who owned a session may be gone when he was told of its end: a 2xx of a re-INVITE that comes again in the
// same turn has its ACK, and he is not asked what to put into it.
static unsigned asked_late;

static void ask_late(void *arg, struct session *s, enum sip_method method, unsigned status, struct sip_edits *e)
{
    asked_late += ((const struct agent *)arg)->closed;
}

// What the peer sends is gathered, and arrives as one run of the first stream that brings anything.
struct bundle {
    char text[8192];
    size_t n;
    unsigned acks;
};

static struct str gather(void *arg, const struct addr *src, const struct addr *dst, bool tcp, struct str data)
{
    struct bundle *b = arg;
    struct addr from = place(A);
    b->acks += str_starts(data, STR("ACK "));
    if (addr_eq_ip(src, &from))
        return data;
    struct str all = tcp ? str_make(b->text, b->n) : STR_NONE;
    assert_true(tcp || b->n + data.n <= sizeof b->text);
    if (!tcp)
        memcpy(b->text + b->n, data.p, data.n);
    b->n = tcp ? 0 : b->n + data.n;
    return all;
}

static void ignore(void *arg)
{
}

static void ignore_bytes(void *arg, struct str bytes)
{
}

static void ignore_end(void *arg, int err)
{
}

static struct tcp *arrive_as_one(struct peer *p)
{
    static const struct tcp_ops ops = {.connected = ignore, .data = ignore_bytes, .closed = ignore_end};
    struct addr to = place(A);
    struct tcp *t;
    assert_int_equal(tcp_connect(p->loop, NULL, &to, &ops, p, &t), 0);
    assert_int_equal(tcp_send(t, STR("+")), 0);
    return t;
}

static void nobody_asked_after_the_end(void **state)
{
    struct lab l;
    lab_init(&l);
    struct peer *q = lab_peer(&l);
    lab_ops(&l, &l.a)->decorate = ask_late;
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "200 OK", "q", "", "answer-1");
    (void)peer_expect(q, "ACK ");
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    (void)snprintf(l.invite, sizeof l.invite, "%s", peer_expect(q, "INVITE "));
    lab_answers(&l, "200 OK", NULL, "", "answer-2");
    (void)peer_expect(q, "ACK ");
    assert_int_equal(session_hang_up(l.a.s), 0);
    const char *bye = peer_expect(q, "BYE ");
    struct bundle both = {.n = 0};
    sim_set_tamper(l.w.sim, gather, &both);
    lab_says_ok(&l, bye);
    lab_says_ok(&l, l.invite);
    world_run(&l.w, 100);
    struct tcp *t = arrive_as_one(q);
    world_run(&l.w, 100);
    assert_int_equal(both.acks, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(asked_late, 0);
    sim_set_tamper(l.w.sim, NULL, NULL);
    tcp_close(t);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callback_hangs_up),
        cmocka_unit_test(ack_before_bye),
        cmocka_unit_test(ack_before_bye_without_answer),
        cmocka_unit_test(open_change_at_the_end),
        cmocka_unit_test(dropped_while_it_rings),
        cmocka_unit_test(request_left_open),
        cmocka_unit_test(prack_after_the_answer),
        cmocka_unit_test(no_offer_to_answer_by_prack),
        cmocka_unit_test(prack_without_the_answer),
        cmocka_unit_test(rings_for_long),
        cmocka_unit_test(answer_of_another_transaction),
        cmocka_unit_test(ack_without_the_answer),
        cmocka_unit_test(old_ack),
        cmocka_unit_test(refresh_fails_while_an_offer_is_open),
        cmocka_unit_test(change_is_cancelled),
        cmocka_unit_test(change_goes_with_its_fork),
        cmocka_unit_test(fork_answers_after_the_end),
        cmocka_unit_test(merged),
        cmocka_unit_test(second_refer_has_an_id),
        cmocka_unit_test(late_answer_about_the_first_refer),
        cmocka_unit_test(replaces_out_of_place),
        cmocka_unit_test(nobody_asked_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
