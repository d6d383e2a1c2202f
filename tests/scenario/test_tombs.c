// SPDX-License-Identifier: Apache-2.0
// What is left of a finished transaction: the few bytes that it takes, and that nobody outside notices: what is sent
// again is absorbed, answered or passed on as before, until its timer runs out (RFC 3261 17, RFC 6026 7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "core.h"

enum {
    LITTLE = 400,     // of one, with what the heap and the tables take, but without a message that is sent again
    SEND_AGAIN = 700, // of one with such a message, as short as those here
};

#define VIA "SIP/2.0/UDP " PEER ";branch=z9hG4bK-0123456789abcdef.0123456789ab"

static void request(struct peer *p, const char *method, const char *via, const char *to_tag)
{
    peer_printf(p, CORE, "%s sip:b@192.0.2.9 SIP/2.0\nVia: %s\nFrom: <sip:a@x>;tag=f\n"
                "To: <sip:b@x>%s\nCall-ID: c1\nCSeq: 1 %s\nMax-Forwards: 70\nContent-Length: 0\n\n",
                method, via, to_tag, method);
}

static void open_stage(struct stage *st)
{
    stage_open(st, NULL);
    st->peer = peer_udp(st->sc, PEER);
}

static void assert_finished(const struct core *c, uint64_t n, uint64_t at_most)
{
    uint64_t bytes = core_count(c, "sip_finished_bytes");
    assert_int_equal(core_count(c, "sip_transactions_finished"), n);
    assert_int_equal(core_count(c, "sip_transactions"), 0);
    assert_in_range(bytes, n, n * at_most);
}

static struct heard *after(struct stage *st, uint64_t ms)
{
    scene_pass(st->sc, ms);
    return peer_next(st->peer);
}

// ---- server side ----

// RFC 3261 17.2.2.
static void answer_is_sent_again(void **state)
{
    struct stage st;
    open_stage(&st);
    st.core->answer = 404;
    request(st.peer, "MESSAGE", VIA, "");
    struct heard *first = after(&st, 10);
    assert_finished(st.core, 1, SEND_AGAIN);
    for (int i = 0; i < 5; i++) {
        request(st.peer, "MESSAGE", VIA, "");
        assert_true(str_eq(first->bytes, after(&st, 6000)->bytes));
        peer_quiet(st.peer);
    }
    assert_int_equal(st.core->requests, 1);
    assert_int_equal(core_reply(st.core, 200), ERR_STATE);
    scene_run(st.sc, 32100);
    assert_finished(st.core, 0, 0);
    assert_int_equal(core_reply(st.core, 200), ERR_NOTFOUND);
    request(st.peer, "MESSAGE", VIA, ""); // a new one by now
    assert_non_null(after(&st, 10));
    assert_int_equal(st.core->requests, 2);
    stage_run_out(&st);
}

// RFC 3261 18.2.2: each where it came from.
static void answer_goes_to_who_asked(void **state)
{
    struct stage st;
    open_stage(&st);
    struct peer *other = peer_udp(st.sc, "192.0.2.3:5060");
    st.core->answer = 200;
    request(st.peer, "MESSAGE", VIA, "");
    request(other, "MESSAGE", "SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK-other", "");
    scene_pass(st.sc, 10);
    struct heard *one = peer_next(st.peer), *two = peer_next(other);
    request(other, "MESSAGE", "SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK-other", "");
    request(st.peer, "MESSAGE", VIA, "");
    scene_pass(st.sc, 10);
    assert_true(str_eq(peer_next(st.peer)->bytes, one->bytes));
    assert_true(str_eq(peer_next(other)->bytes, two->bytes));
    assert_int_equal(st.core->requests, 2);
    stage_run_out(&st);
}

// RFC 6026 7.1, RFC 3261 9.2: a further 2xx passes, nothing else does; the INVITE is absorbed, its ACK is the user's,
// and its CANCEL is too late.
static void accepted_invite(void **state)
{
    struct stage st;
    open_stage(&st);
    request(st.peer, "INVITE", VIA, "");
    scene_pass(st.sc, 10);
    peer_status(st.peer, 100);
    txn_id id = st.core->id;
    assert_int_equal(core_reply(st.core, 200), 0);
    struct heard *ok = after(&st, 10);
    assert_finished(st.core, 1, LITTLE);
    request(st.peer, "INVITE", VIA, "");
    assert_null(after(&st, 10));
    assert_int_equal(core_reply(st.core, 486), ERR_STATE);
    assert_int_equal(core_reply(st.core, 180), ERR_STATE);
    assert_int_equal(core_reply(st.core, 200), 0);
    assert_true(str_eq(after(&st, 10)->bytes, ok->bytes));
    request(st.peer, "ACK", VIA, ";tag=x");
    assert_null(after(&st, 10));
    assert_int_equal(st.core->acks, 1);
    request(st.peer, "CANCEL", VIA, "");
    assert_true(str_starts(after(&st, 10)->bytes, STR("SIP/2.0 200")));
    assert_int_equal(st.core->cancels, 0);
    assert_int_equal(st.core->id, id);
    assert_int_equal(st.core->requests, 1);
    assert_finished(st.core, 2, SEND_AGAIN);
    scene_run(st.sc, 32200);
    assert_int_equal(st.core->ends, 1);
    assert_finished(st.core, 0, 0);
    request(st.peer, "CANCEL", VIA, ""); // Timer L is over
    assert_true(str_starts(after(&st, 10)->bytes, STR("SIP/2.0 481")));
    stage_run_out(&st);
}

// RFC 3261 17.2.1: until its ACK the refusal is repeated by the whole transaction; after it little is left.
static void refused_invite(void **state)
{
    struct stage st;
    open_stage(&st);
    request(st.peer, "INVITE", VIA, "");
    scene_pass(st.sc, 10);
    peer_status(st.peer, 100);
    assert_int_equal(core_reply(st.core, 486), 0);
    struct heard *busy = after(&st, 600);
    assert_true(str_eq(peer_next(st.peer)->bytes, busy->bytes)); // Timer G
    request(st.peer, "INVITE", VIA, "");
    assert_true(str_eq(after(&st, 10)->bytes, busy->bytes));
    assert_int_equal(core_count(st.core, "sip_transactions"), 1);
    request(st.peer, "ACK", VIA, ";tag=x");
    assert_null(after(&st, 10));
    assert_finished(st.core, 1, LITTLE);
    request(st.peer, "INVITE", VIA, "");
    request(st.peer, "ACK", VIA, ";tag=x");
    assert_null(after(&st, 10));
    request(st.peer, "CANCEL", VIA, "");
    assert_true(str_starts(after(&st, 10)->bytes, STR("SIP/2.0 200")));
    assert_int_equal(st.core->acks, 0);
    assert_int_equal(st.core->requests, 1);
    scene_pass(st.sc, 5100); // Timer I
    assert_int_equal(st.core->ends, 1);
    stage_run_out(&st);
}

// RFC 3261 18.2.2: a further 2xx makes a connection when that of the INVITE has gone.
static void accepted_over_a_lost_connection(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *back = peer_tcp(st.sc, PEER);
    st.peer = peer_tcp_to(st.sc, "192.0.2.2:0", CORE);
    scene_pass(st.sc, 5);
    request(st.peer, "INVITE", "SIP/2.0/TCP " PEER ";branch=z9hG4bK-tcp", "");
    scene_pass(st.sc, 10);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_pass(st.sc, 10);
    assert_finished(st.core, 1, LITTLE);
    peer_close(st.peer, false);
    scene_pass(st.sc, 10);
    assert_int_equal(core_reply(st.core, 200), 0);
    scene_pass(st.sc, 100);
    peer_status(back, 200);
    stage_run_out(&st);
}

// ---- client side ----

static struct heard *begin(struct stage *st, const char *method)
{
    open_stage(st);
    st->call = (struct call){.core = st->core, .method = method, .uri = "sip:b@192.0.2.2"};
    call_start(&st->call);
    return after(st, 10);
}

// RFC 6026 7.2: each 2xx goes to the user, for Timer M.
static void further_2xx(void **state)
{
    struct stage st;
    struct heard *invite = begin(&st, "INVITE");
    peer_answer(st.peer, invite, 200, NULL);
    scene_pass(st.sc, 10);
    assert_finished(st.core, 1, LITTLE);
    assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR_NONE), ERR_STATE);
    peer_answer(st.peer, invite, 200, NULL);
    peer_answer(st.peer, invite, 180, NULL); // no longer of interest
    scene_pass(st.sc, 10);
    peer_quiet(st.peer);
    call_expect(&st.call, "11 200\n21 200\n");
    scene_run(st.sc, 32100);
    call_expect(&st.call, "11 200\n21 200\n32012 ended\n");
    peer_answer(st.peer, invite, 200, NULL);
    scene_pass(st.sc, 10);
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 1);
    stage_run_out(&st);
}

// RFC 3261 17.1.1.2: each further refusal gets the ACK again, for Timer D.
static void further_refusals(void **state)
{
    struct stage st;
    struct heard *invite = begin(&st, "INVITE");
    peer_answer(st.peer, invite, 486, NULL);
    struct heard *ack = after(&st, 10);
    assert_true(str_starts(ack->bytes, STR("ACK ")));
    assert_finished(st.core, 1, SEND_AGAIN);
    for (int i = 0; i < 4; i++) {
        peer_answer(st.peer, invite, 486, NULL);
        assert_true(str_eq(after(&st, 7000)->bytes, ack->bytes));
    }
    call_expect(&st.call, "11 486\n");
    scene_run(st.sc, 32100);
    call_expect(&st.call, "11 486\n32012 ended\n");
    stage_run_out(&st);
}

// RFC 3261 17.1.2.2: for Timer K.
static void further_answers(void **state)
{
    struct stage st;
    struct heard *m = begin(&st, "MESSAGE");
    peer_answer(st.peer, m, 200, NULL);
    scene_pass(st.sc, 10);
    assert_finished(st.core, 1, LITTLE);
    peer_answer(st.peer, m, 200, NULL);
    scene_pass(st.sc, 10);
    call_expect(&st.call, "11 200\n");
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 0);
    scene_run(st.sc, 5100);
    call_expect(&st.call, "11 200\n5012 ended\n");
    stage_run_out(&st);
}

// A request of no known method has its name beside its branch.
static void another_method(void **state)
{
    struct stage st;
    struct heard *m = begin(&st, "JUGGLE");
    peer_answer(st.peer, m, 200, NULL);
    peer_answer(st.peer, m, 200, NULL);
    scene_pass(st.sc, 10);
    call_expect(&st.call, "11 200\n");
    assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 0);
    stage_run_out(&st);
}

// What belongs to a forgotten transaction is absorbed, and nobody hears of it.
static void forgotten(void **state)
{
    struct stage st;
    struct heard *invite = begin(&st, "INVITE");
    peer_answer(st.peer, invite, 200, NULL);
    scene_pass(st.sc, 10);
    txn_client_forget(st.core->txns, st.call.id);
    peer_answer(st.peer, invite, 200, NULL);
    scene_pass(st.sc, 40000);
    call_expect(&st.call, "11 200\n");
    stage_run_out(&st);
}

// RFC 3261 9.1: the answers to a CANCEL have the INVITE's branch, and find it whichever of the two ends first.
static void cancelled(void **state)
{
    for (int invite_first = 0; invite_first < 2; invite_first++) {
        struct stage st;
        struct heard *invite = begin(&st, "INVITE");
        peer_answer(st.peer, invite, 180, NULL);
        scene_pass(st.sc, 10);
        assert_int_equal(txn_client_cancel(st.core->txns, st.call.id, STR_NONE), 0);
        struct heard *cancel = after(&st, 10);
        for (int i = 0; i < 3; i++) { // and both again
            peer_answer(st.peer, invite_first ? invite : cancel, invite_first ? 487 : 200, NULL);
            scene_pass(st.sc, 10);
            peer_answer(st.peer, invite_first ? cancel : invite, invite_first ? 200 : 487, NULL);
            scene_pass(st.sc, 10);
        }
        assert_int_equal(core_count(st.core, "sip_stray_responses_in"), 0);
        assert_int_equal(core_count(st.core, "sip_transaction_timeouts"), 0);
        assert_finished(st.core, 2, SEND_AGAIN);
        scene_run(st.sc, 6000); // Timer K: the CANCEL's is over
        assert_finished(st.core, 1, SEND_AGAIN);
        stage_run_out(&st);
    }
}

// ---- all of them ----

static void note_age(void *arg, const struct txn_line *t)
{
    uint64_t *last = arg;
    assert_true(t->age_ms <= *last);
    *last = t->age_ms;
    assert_non_null(t->timer);
    assert_string_equal(t->user, "core");
}

// Those that have been here longest come first, whatever timer they wait for.
static void listed_by_age(void **state)
{
    struct stage st;
    open_stage(&st);
    for (int i = 0; i < 20; i++) {
        char via[80];
        snprintf(via, sizeof via, "SIP/2.0/UDP " PEER ";branch=z9hG4bK-%d", i);
        bool invite = i % 3 == 0;
        request(st.peer, invite ? "INVITE" : "MESSAGE", via, "");
        scene_pass(st.sc, 5);
        assert_int_equal(core_reply(st.core, invite ? 486 : 200), 0);
        scene_pass(st.sc, 5);
        if (invite)
            request(st.peer, "ACK", via, ";tag=x");
        scene_pass(st.sc, 5);
    }
    uint64_t last = UINT64_MAX;
    assert_int_equal(txn_list(st.core->txns, 100, note_age, &last), 20);
    last = UINT64_MAX;
    assert_int_equal(txn_list(st.core->txns, 7, note_age, &last), 7);
    assert_int_equal(txn_held(st.core->txns), 20);
    stage_run_out(&st);
}

static void drained(void *arg)
{
    *(bool *)arg = true;
}

// Nothing that is finished keeps a node from leaving.
static void drain_does_not_wait(void **state)
{
    struct stage st;
    bool done = false;
    open_stage(&st);
    st.core->answer = 200;
    request(st.peer, "INVITE", VIA, "");
    scene_pass(st.sc, 10);
    txn_drain(st.core->txns, drained, &done);
    scene_pass(st.sc, 1);
    assert_true(done);
    assert_finished(st.core, 1, LITTLE);
    stage_run_out(&st);
}

// Without memory for what would be left a transaction ends at once, and says so.
static void out_of_memory(void **state)
{
    for (long n = 0; n < 4; n++) {
        struct stage st;
        open_stage(&st);
        request(st.peer, "MESSAGE", VIA, "");
        scene_pass(st.sc, 10);
        mem_fail_after(n);
        int err = core_reply(st.core, 200);
        mem_fail_after(-1);
        if (err)
            assert_int_equal(core_reply(st.core, 200), 0);
        scene_pass(st.sc, 40000);
        assert_int_equal(st.core->ends, 1);
        stage_run_out(&st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_is_sent_again),
        cmocka_unit_test(answer_goes_to_who_asked),
        cmocka_unit_test(accepted_invite),
        cmocka_unit_test(refused_invite),
        cmocka_unit_test(accepted_over_a_lost_connection),
        cmocka_unit_test(further_2xx),
        cmocka_unit_test(further_refusals),
        cmocka_unit_test(further_answers),
        cmocka_unit_test(another_method),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(listed_by_age),
        cmocka_unit_test(drain_does_not_wait),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
