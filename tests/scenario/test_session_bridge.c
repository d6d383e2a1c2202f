// SPDX-License-Identifier: Apache-2.0
// Two sessions joined back to back: what passes through, and what stays with each side.
#include "agent.h"
#include "stack/session/bridge.h"

#include <stdio.h>

#include "tests/common/figure.h"

#define A "10.0.0.1"
#define B "10.0.0.2"
#define M "10.0.0.5"
#define CALL "sip:bob@" M

struct lab {
    struct world w;
    struct tap tap;
    struct agent a, b;
    struct node *middle;
    struct session_layer *layer;
    struct bridge *bridge;
    struct session_params in, out;
    unsigned closed;
    bool by_caller;
    struct session_end end;
};

static void on_closed(void *arg, struct bridge *b, const struct session_end *e, bool by_caller)
{
    struct lab *l = arg;
    l->closed++;
    l->end = *e;
    l->by_caller = by_caller;
    l->bridge = NULL;
}

// What is larger than any message may be: it cannot be sent.
static bool swells;

static void on_decorate(void *arg, struct bridge *b, bool to_caller, enum sip_method method,
                        unsigned status, struct sip_edits *e)
{
    static char large[70000];
    memset(large, 'x', sizeof large);
    if (swells && (method == SIP_BYE || status / 100 == 2))
        sip_edit_append_named(e, STR("Subject"), str_make(large, sizeof large));
}

static const struct bridge_ops bridge_ops = {.closed = on_closed, .decorate = on_decorate};

static bool wants(void *arg, const struct sip_msg *m)
{
    return true;
}

static void on_invite(void *arg, server_id id, const struct sip_msg *m)
{
    struct lab *l = arg;
    struct bridge_params p = {.ops = &bridge_ops, .arg = l, .in = l->in, .out = l->out};
    (void)bridge_take(l->layer, id, &p, &l->bridge);
}

static const struct session_layer_ops layer_ops = {.wants = wants, .incoming = on_invite};

static void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    agent_init(&l->a, &l->w, A);
    agent_init(&l->b, &l->w, B);
    l->a.says = "from-a";
    l->b.says = "from-b";
    l->middle = node_new(&l->w, M, NULL);
    struct session_layer_params lp = {.txns = stack_txns(l->middle->stack),
                                      .uas = stack_uas(l->middle->stack),
                                      .ops = &layer_ops,
                                      .arg = l};
    assert_int_equal(session_layer_new(&lp, &l->layer), 0);
    l->in = (struct session_params){.contact = STR("<sip:" M ">"),
                                    .allow = STR("INVITE, ACK, BYE, UPDATE, PRACK"),
                                    .rel100 = SESSION_REL_SUPPORTED};
    l->out = l->in;
    l->out.uri = STR("sip:bob@" B);
    l->out.from = STR("sip:middle@example.org");
    tap_init(&l->tap, &l->w);
}

static void lab_done(struct lab *l)
{
    world_run(&l->w, 200000);
    assert_int_equal(session_layer_count(l->layer), 0);
    assert_int_equal(session_layer_count(l->a.layer), 0);
    assert_int_equal(session_layer_count(l->b.layer), 0);
    assert_int_equal(figure_of(l->middle->stack, "sip_transactions_held", NULL), 0);
    nothing_open(&l->a);
    nothing_open(&l->b);
    agent_done(&l->a);
    agent_done(&l->b);
    session_layer_free(l->layer);
    world_done(&l->w);
}

static void talk(struct lab *l, const char *offer)
{
    l->b.pick_up = true;
    agent_call(&l->a, CALL, offer);
    world_run(&l->w, 500);
    assert_int_equal(l->a.established, 1);
    assert_int_equal(l->b.established, 1);
}

static void bye(struct lab *l, struct agent *who)
{
    assert_int_equal(session_hang_up(who->s), 0);
    world_run(&l->w, 1000);
    assert_int_equal(l->a.closed, 1);
    assert_int_equal(l->b.closed, 1);
    assert_int_equal(l->closed, 1);
    lab_done(l);
}

static void call_and_bye(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    l.tap.count = "INVITE sip:bob@" B;
    talk(&l, "offer-a");
    assert_contains(l.tap.last, "From: <sip:middle@example.org>");
    assert_string_equal(l.b.offer, "offer-a");
    assert_string_equal(l.a.answer, "from-b");
    assert_int_equal(l.a.last_progress, 180);
    bye(&l, &l.b);
}

static void late_offer_through(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, NULL);
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    bye(&l, &l.a);
}

static void reliable_on_both_sides(void **state)
{
    struct lab l;
    lab_init(&l);
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
    bye(&l, &l.a);
}

static void changes_through(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
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
    bye(&l, &l.a);
}

static void info_through(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    assert_int_equal(session_request(l.a.s, SIP_INFO, STR("text/plain"), STR("5"), NULL), 0);
    l.tap.count = "SIP/2.0 200";
    world_run(&l.w, 300);
    assert_int_equal(l.b.requests, 1);
    assert_int_equal(l.tap.counted, 2);
    bye(&l, &l.a);
}

static void refused(void **state)
{
    struct lab l;
    lab_init(&l);
    agent_call(&l.a, CALL, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = 486}), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 486);
    assert_int_equal(l.closed, 1);
    assert_false(l.by_caller);
    lab_done(&l);
}

static void cancelled(void **state)
{
    struct lab l;
    lab_init(&l);
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
    lab_done(&l);
}

static void hung_up_in_the_middle(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    bridge_hang_up(l.bridge);
    world_run(&l.w, 1000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    lab_done(&l);
}

// ---- what the sides do not share ----

#define Q "10.0.0.7"

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
    struct lab l;
    lab_init(&l);
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
    lab_done(&l);
}

// An answer that never comes: 488, and the call goes on.
static void change_without_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    l.b.silent_offers = true;
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    world_run(&l.w, 200);
    assert_int_equal(session_answer(l.b.s, STR_NONE), 0);
    world_run(&l.w, 500);
    assert_int_equal(l.a.last_modified, 488);
    bye(&l, &l.a);
}

static void refused_for_its_own_reasons(void **state)
{
    static const unsigned said[][2] = {{302, 480}, {401, 500}, {407, 500}, {422, 500}, {486, 486}};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct lab l;
        lab_init(&l);
        agent_call(&l.a, CALL, "offer-a");
        world_run(&l.w, 300);
        assert_int_equal(session_reject(l.b.s, &(struct session_reply){.status = said[i][0]}), 0);
        world_run(&l.w, 300);
        assert_int_equal(l.a.end.status, said[i][1]);
        lab_done(&l);
    }
}

// A late offer in a reliable response could not be answered by who has no 100rel: it is not asked
// for.
static void late_offer_of_who_has_no_100rel(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("from-b")};
    l.b.n_ring = 1;
    talk(&l, NULL);
    assert_string_equal(l.a.offer, "from-b");
    assert_string_equal(l.b.answer, "from-a");
    bye(&l, &l.a);
}

// Who does not answer any more does not hold the other.
static void hung_up_with_a_dead_caller(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
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
    lab_done(&l);
}

// ---- forks that offer ----

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

static struct peer *call_forks(struct lab *l)
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

static void fork_ends(struct lab *l, struct peer *p, const char *bye)
{
    peer_reply(p, M, bye, "200 OK", NULL, NULL);
    world_run(&l->w, 1000);
    assert_int_equal(l->a.closed, 1);
    assert_int_equal(l->closed, 1);
    lab_done(l);
}

// The caller has the offer of one fork before him when another answers with its own: his answer is
// for the first alone, and he is asked again (RFC 3264 4, RFC 3311 5.1).
static void another_fork_answers(void **state)
{
    struct lab l;
    lab_init(&l);
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
    struct lab l;
    lab_init(&l);
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

// He cannot be asked again: nobody talks to somebody who answered another.
static void another_fork_and_no_update(void **state)
{
    struct lab l;
    lab_init(&l);
    l.in.no_update = true;
    struct peer *p = call_forks(&l);
    fork_offers(p, "200 OK", "two", "", "offer-2");
    assert_int_equal(session_answer(l.a.s, STR("answer-1")), 0);
    const char *ack = peer_expect(p, "ACK ");
    assert_contains(ack, "tag=two");
    assert_null(strstr(ack, "answer-1"));
    fork_ends(&l, p, peer_expect(p, "BYE "));
}

// An answer that cannot be sent, and a BYE that cannot be sent after it.
static void both_sides_fail_at_once(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.pick_up = true;
    swells = true;
    l.tap.count = "BYE sip:" B;
    agent_call(&l.a, CALL, NULL);
    world_run(&l.w, 1000);
    swells = false;
    assert_int_equal(l.closed, 1);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.tap.counted, 0);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_and_bye),
        cmocka_unit_test(late_offer_through),
        cmocka_unit_test(reliable_on_both_sides),
        cmocka_unit_test(changes_through),
        cmocka_unit_test(refused),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(hung_up_in_the_middle),
        cmocka_unit_test(info_through),
        cmocka_unit_test(change_cancelled),
        cmocka_unit_test(change_without_answer),
        cmocka_unit_test(refused_for_its_own_reasons),
        cmocka_unit_test(late_offer_of_who_has_no_100rel),
        cmocka_unit_test(hung_up_with_a_dead_caller),
        cmocka_unit_test(another_fork_answers),
        cmocka_unit_test(another_fork_after_the_answer),
        cmocka_unit_test(another_fork_and_no_update),
        cmocka_unit_test(both_sides_fail_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
