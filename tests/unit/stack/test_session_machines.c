// SPDX-License-Identifier: Apache-2.0
// Every pair of state and event of the session core's machines, as written down here a second time:
// where a row leads, which timers run, and that nothing else is declared (RFC 3261 13 to 15, RFC
// 3262 3, RFC 3264 4, RFC 3515, RFC 4028).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/sim.h"
#include "stack/session/actions.h"
#include "stack/session/served.h"
#include "tests/common/machines.h"
#include "tests/common/place.h"

static const struct machine_pair session_rows[] = {
    {SS_INIT, SE_CALL, "Calling"},
    {SS_INIT, SE_INVITE, "Ringing"},
    {SS_CALLING, SE_EARLY, "Early"},
    {SS_CALLING, SE_OK, "Up"},
    {SS_CALLING, SE_REFUSED, "Ended"},
    {SS_CALLING, SE_HANG_UP, "Cancelling"},
    {SS_CALLING, SE_DROP, "Ended"},
    {SS_EARLY, SE_EARLY, "Early"},
    {SS_EARLY, SE_OK, "Up"},
    {SS_EARLY, SE_REFUSED, "Ended"},
    {SS_EARLY, SE_HANG_UP, "Cancelling"},
    {SS_EARLY, SE_BYE, "Cancelling"},
    {SS_EARLY, SE_DROP, "Ended"},
    {SS_CANCELLING, SE_EARLY, "Cancelling"},
    {SS_CANCELLING, SE_OK, "Ending"},
    {SS_CANCELLING, SE_REFUSED, "Ended"},
    {SS_CANCELLING, SE_BYE, "Cancelling"},
    {SS_CANCELLING, SE_DROP, "Ended"},
    {SS_RINGING, SE_RINGING, "Ringing Ringing"},
    {SS_RINGING, SE_RING_AGAIN, "Ringing"},
    {SS_RINGING, SE_NO_PRACK, "Ringing"},
    {SS_RINGING, SE_ACCEPT, "Answered"},
    {SS_RINGING, SE_REJECT, "Ended"},
    {SS_RINGING, SE_CANCELLED, "Ended"},
    {SS_RINGING, SE_BYE, "Ended"},
    {SS_RINGING, SE_LOST, "Ended"},
    {SS_RINGING, SE_DROP, "Ended"},
    {SS_ANSWERED, SE_ACK, "Up"},
    {SS_ANSWERED, SE_NO_ACK, "Ending"},
    {SS_ANSWERED, SE_LOST, "Ended"},
    {SS_ANSWERED, SE_HANG_UP, "Leaving"},
    {SS_ANSWERED, SE_BYE, "Ended"},
    {SS_ANSWERED, SE_DROP, "Ended"},
    {SS_LEAVING, SE_ACK, "Ending"},
    {SS_LEAVING, SE_NO_ACK, "Ending"},
    {SS_LEAVING, SE_BYE, "Ended"},
    {SS_LEAVING, SE_DROP, "Ended"},
    {SS_UP, SE_HANG_UP, "Ending"},
    {SS_UP, SE_NO_ACK, "Ending"},
    {SS_UP, SE_BYE, "Ended"},
    {SS_UP, SE_DROP, "Ended"},
    {SS_ENDING, SE_OVER, "Ended"},
    {SS_ENDING, SE_BYE, "Ended"},
    {SS_ENDING, SE_DROP, "Ended"},
};

static const struct machine_pair offer_rows[] = {
    {OA_STABLE, OE_SEND_OFFER, "Sent"},      {OA_STABLE, OE_RECV_OFFER, "Received"},
    {OA_SENT, OE_RECV_ANSWER, "Stable"},     {OA_SENT, OE_WITHDRAW, "Stable"},
    {OA_RECEIVED, OE_SEND_ANSWER, "Stable"}, {OA_RECEIVED, OE_WITHDRAW, "Stable"},
};

// RFC 3261 13.3.1.4, 8.2.2.2
static const struct machine_pair served_rows[] = {
    {SV_OPEN, VE_ACCEPT, "Accepted"},   {SV_OPEN, VE_LEAVE, "Leaving"},
    {SV_OPEN, VE_GONE, "Leaving"},      {SV_ACCEPTED, VE_AGAIN, "Accepted"},
    {SV_ACCEPTED, VE_ACK, "Leaving"},   {SV_ACCEPTED, VE_NO_ACK, "Leaving"},
    {SV_ACCEPTED, VE_LEAVE, "Leaving"}, {SV_ACCEPTED, VE_GONE, "Leaving"},
    {SV_LEAVING, VE_KEEP, "Past"},
};

// RFC 3262 3
static const struct machine_pair reliable_rows[] = {
    {RL_IDLE, RE_SEND, "Sent"},     {RL_SENT, RE_AGAIN, "Sent"}, {RL_SENT, RE_PRACK, "Idle"},
    {RL_SENT, RE_NO_PRACK, "Late"}, {RL_SENT, RE_FINAL, "Late"}, {RL_LATE, RE_PRACK, "Idle"},
};

// RFC 3261 14.1
static const struct machine_pair change_rows[] = {
    {CH_IDLE, CE_START, "Sent"},    {CH_IDLE, CE_START_LATER, "Waiting"},
    {CH_SENT, CE_GLARE, "Waiting"}, {CH_SENT, CE_AFTER, "Waiting"},
    {CH_SENT, CE_DONE, "Idle"},     {CH_WAITING, CE_AGAIN, "Waiting Sent"},
    {CH_WAITING, CE_DONE, "Idle"},
};

// RFC 4028 7, 9, 10
static const struct machine_pair interval_rows[] = {
    {SI_OFF, IE_OURS, "Ours"},        {SI_OFF, IE_THEIRS, "Theirs"}, {SI_OURS, IE_OURS, "Ours"},
    {SI_OURS, IE_THEIRS, "Theirs"},   {SI_OURS, IE_NONE, "Off"},     {SI_OURS, IE_REFRESH, "Ours"},
    {SI_OURS, IE_BUSY, "Ours"},       {SI_OURS, IE_EXPIRED, "Off"},  {SI_THEIRS, IE_OURS, "Ours"},
    {SI_THEIRS, IE_THEIRS, "Theirs"}, {SI_THEIRS, IE_NONE, "Off"},   {SI_THEIRS, IE_EXPIRED, "Off"},
};

// RFC 3515 2.4, RFC 6665 4.1.2
static const struct machine_pair asking_rows[] = {
    {AS_IDLE, AE_ASK, "Asked"},       {AS_ASKED, AE_ACCEPTED, "Accepted"},
    {AS_ASKED, AE_TOLD, "Told"},      {AS_ASKED, AE_OVER, "Idle"},
    {AS_ACCEPTED, AE_TOLD, "Told"},   {AS_ACCEPTED, AE_OVER, "Idle"},
    {AS_ACCEPTED, AE_SILENT, "Idle"}, {AS_TOLD, AE_ACCEPTED, "Told"},
    {AS_TOLD, AE_TOLD, "Told"},       {AS_TOLD, AE_OVER, "Idle"},
    {AS_TOLD, AE_EXPIRED, "Idle"},
};

static const struct machine_pair asked_rows[] = {
    {DS_IDLE, DE_TAKE, "Open"},
    {DS_OPEN, DE_TELL, "Open"},
    {DS_OPEN, DE_OVER, "Idle"},
    {DS_OPEN, DE_EXPIRED, "Idle"},
};

// RFC 3261 13.2.2.4
static const struct machine_pair stray_rows[] = {
    {0, 0, "Open Open"},
    {1, 1, "Open"},
    {1, 2, "Over"},
    {1, 3, "Over"},
};

static const struct {
    const struct machine_kind *kind;
    const struct machine_pair *pairs;
    size_t n;
    unsigned n_timers;
} machines[] = {
    {&session_machine, session_rows, ARRAY_LEN(session_rows), ST_TIMERS},
    {&served_machine, served_rows, ARRAY_LEN(served_rows), VT_TIMERS},
    {&reliable_machine, reliable_rows, ARRAY_LEN(reliable_rows), RT_TIMERS},
    {&change_machine, change_rows, ARRAY_LEN(change_rows), CT_TIMERS},
    {&interval_machine, interval_rows, ARRAY_LEN(interval_rows), IT_TIMERS},
    {&refer_asking_machine, asking_rows, ARRAY_LEN(asking_rows), AT_TIMERS},
    {&refer_asked_machine, asked_rows, ARRAY_LEN(asked_rows), DT_TIMERS},
    {&stray_machine, stray_rows, ARRAY_LEN(stray_rows), 3},
};

static void every_pair(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++)
        machine_check_pairs(&machines[i].kind->fsm, machines[i].pairs, machines[i].n);
    machine_check_pairs(&offer_machine, offer_rows, ARRAY_LEN(offer_rows));
}

// At most two events of timers, the first of which may double (machine.h).
static void timers_run_where_their_end_is_awaited(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        const struct fsm *m = &machines[i].kind->fsm;
        int second = -1;
        machine_check_timers(m, machines[i].n_timers);
        for (unsigned t = 2; t < machines[i].n_timers; t++)
            if (m->timers[t].event != m->timers[1].event) {
                assert_true(second < 0 || second == m->timers[t].event);
                second = m->timers[t].event;
            }
    }
}

// The values, as written down here a second time.
static void timers_last_what_the_table_says(void **state)
{
    static const uint32_t ms[SESSION_TIMER_COUNT] = {
        [SESSION_TIMER_progress] = 60000,  [SESSION_TIMER_reliable] = 150000,
        [SESSION_TIMER_change_busy] = 500, [SESSION_TIMER_refresh_busy] = 5000,
        [SESSION_TIMER_refer] = 180000,    [SESSION_TIMER_refer_most] = 3600000};
    for (unsigned i = 0; i < SESSION_TIMER_COUNT; i++) {
        assert_int_equal(session_timer_rows[i].ms, ms[i]);
        assert_true(session_timer_rows[i].text[0] && session_timer_rows[i].clause[0]);
    }
}

// ---- how a machine's timers run ----

enum { X_IDLE, X_ON, X_STATES };
enum { XE_START, XE_AGAIN, XE_END, XE_STOP, XE_EVENTS };
enum { XT_NONE, XT_AGAIN, XT_END, XT_TIMERS };

static unsigned agains, ends;

static void count_again(void *obj, void *arg)
{
    agains++;
}

static void count_end(void *obj, void *arg)
{
    ends++;
}

static const char *const state_names[X_STATES] = {"Idle", "On"};
static const char *const event_names[XE_EVENTS] = {"start", "again", "end", "stop"};
static const struct fsm_timer timers[XT_TIMERS] = {
    [XT_AGAIN] = {"again", XE_AGAIN, SESSION_TIMER_SIP | SIP_TIMER_t1},
    [XT_END] = {"end", XE_END, SESSION_TIMER_SIP | SIP_TIMER_timer_h},
};
static const struct fsm_row rows[] = {
    {X_IDLE, XE_START, X_ON, NULL, NULL, "a test's", {XT_AGAIN, XT_END}},
    {X_ON, XE_AGAIN, X_ON, NULL, count_again, "a test's", {XT_AGAIN}},
    {X_ON, XE_END, X_IDLE, NULL, count_end, "a test's"},
    {X_ON, XE_STOP, X_IDLE, NULL, NULL, "a test's"},
};
static const uint32_t runs[X_STATES] = {[X_ON] = MACHINE_BIT(XT_AGAIN) | MACHINE_BIT(XT_END)};

static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    return timer == XT_AGAIN ? machine_doubled(m, ms, m->sip->t2) : ms;
}

static const struct machine_kind kind = {MACHINE_FSM("test", X_IDLE), reckon};

static void timers_double_end_and_stop(void **state)
{
    struct sim *sim;
    struct loop *loop;
    struct machine m;
    uint64_t left;
    agains = ends = 0;
    assert_int_equal(sim_new(1, &sim), 0);
    assert_int_equal(sim_node(sim, "10.0.0.1", &loop), 0);
    machine_init(&m, &kind, loop, NULL, NULL);
    assert_true(machine_is_idle(&m));
    assert_null(machine_next_timer(&m, &left));
    assert_false(machine_step(&m, XE_STOP, NULL));
    assert_true(machine_step(&m, XE_START, NULL));
    assert_string_equal(machine_next_timer(&m, &left), "again");
    assert_int_equal(left, 500);
    assert_int_equal(machine_left_ms(&m, XT_END), 32000);
    pass_ms(sim, 4000);
    assert_int_equal(agains, 3); // 0.5, 1.5, 3.5
    pass_ms(sim, 27900);
    assert_int_equal(agains, 10); // then each 4 s
    assert_string_equal(machine_next_timer(&m, &left), "end");
    pass_ms(sim, 10000);
    assert_int_equal(ends, 1);
    assert_true(machine_is_idle(&m));
    assert_true(machine_step(&m, XE_START, NULL)); // it begins with T1 again
    pass_ms(sim, 600);
    assert_int_equal(agains, 11);
    assert_true(machine_step(&m, XE_STOP, NULL));
    pass_ms(sim, 60000);
    assert_int_equal(agains, 11);
    assert_int_equal(ends, 1);
    machine_done(&m);
    loop_free(loop);
    sim_free(sim);
}

// RFC 3264 4: only one exchange at a time.
static void one_exchange_at_a_time(void **state)
{
    struct leg g = {.oa = OA_STABLE};
    assert_true(offer_step(&g, OE_SEND_OFFER));
    assert_false(offer_step(&g, OE_SEND_OFFER));
    assert_false(offer_step(&g, OE_RECV_OFFER));
    assert_false(g.described);
    assert_true(offer_step(&g, OE_RECV_ANSWER));
    assert_true(g.described);
    assert_false(offer_step(&g, OE_RECV_ANSWER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(timers_run_where_their_end_is_awaited),
        cmocka_unit_test(timers_last_what_the_table_says),
        cmocka_unit_test(timers_double_end_and_stop),
        cmocka_unit_test(one_exchange_at_a_time),
    };
    return cmocka_run_group_tests_name("session_machines", tests, NULL, NULL);
}
