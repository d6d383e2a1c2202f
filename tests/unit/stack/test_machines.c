// SPDX-License-Identifier: Apache-2.0
// Every pair of state and event of the transaction machines, against the figures of RFC 3261 17 and
// RFC 6026 as written down here a second time: where a row leads, and that nothing else is declared.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "stack/txn/txn_priv.h"
#include "tests/common/machines.h"

static const struct machine_pair invite_client[] = {
    {TXN_INIT, EV_START, "Calling"},
    {TXN_INIT, EV_NO_TARGET, "Terminated"},
    {TXN_INIT, EV_CANCEL, "Init"},
    {TXN_INIT, EV_DROP, "Terminated"},
    {TXN_CALLING, EV_CANCEL, "Calling"},
    {TXN_CALLING, EV_TIMER_A, "Calling"},
    {TXN_CALLING, EV_TIMER_B, "Init Terminated"},
    {TXN_CALLING, EV_ERROR, "Init Terminated"},
    {TXN_CALLING, EV_1XX, "Proceeding"},
    {TXN_CALLING, EV_2XX, "Accepted"},
    {TXN_CALLING, EV_3XX_6XX, "Init Terminated Completed"},
    {TXN_PROCEEDING, EV_1XX, "Proceeding"},
    {TXN_PROCEEDING, EV_2XX, "Accepted"},
    {TXN_PROCEEDING, EV_3XX_6XX, "Init Terminated Completed"},
    {TXN_PROCEEDING, EV_CANCEL, "Proceeding"},
    {TXN_PROCEEDING, EV_CANCEL_LATE, "Terminated"},
    {TXN_PROCEEDING, EV_ERROR, "Proceeding Terminated"},
    {TXN_COMPLETED, EV_3XX_6XX, "Completed"},
    {TXN_COMPLETED, EV_TIMER_D, "Terminated"},
    {TXN_COMPLETED, EV_DROP, "Terminated"},
    {TXN_COMPLETED, EV_ERROR, "Terminated"},
    {TXN_ACCEPTED, EV_2XX, "Accepted"},
    {TXN_ACCEPTED, EV_TIMER_M, "Terminated"},
    {TXN_ACCEPTED, EV_DROP, "Terminated"},
    {TXN_ACCEPTED, EV_ERROR, "Accepted"},
};

static const struct machine_pair request_client[] = {
    {TXN_INIT, EV_START, "Trying"},
    {TXN_INIT, EV_NO_TARGET, "Terminated"},
    {TXN_INIT, EV_DROP, "Terminated"},
    {TXN_TRYING, EV_TIMER_E, "Trying"},
    {TXN_TRYING, EV_TIMER_F, "Init Terminated"},
    {TXN_TRYING, EV_ERROR, "Init Terminated"},
    {TXN_TRYING, EV_1XX, "Proceeding"},
    {TXN_TRYING, EV_FINAL, "Init Terminated Completed"},
    {TXN_PROCEEDING, EV_TIMER_E, "Proceeding"},
    {TXN_PROCEEDING, EV_TIMER_F, "Terminated"},
    {TXN_PROCEEDING, EV_1XX, "Proceeding"},
    {TXN_PROCEEDING, EV_FINAL, "Init Terminated Completed"},
    {TXN_PROCEEDING, EV_ERROR, "Proceeding Terminated"},
    {TXN_COMPLETED, EV_FINAL, "Completed"},
    {TXN_COMPLETED, EV_1XX, "Completed"},
    {TXN_COMPLETED, EV_TIMER_K, "Terminated"},
    {TXN_COMPLETED, EV_DROP, "Terminated"},
    {TXN_COMPLETED, EV_ERROR, "Completed"},
};

static const struct machine_pair invite_server[] = {
    {TXN_PROCEEDING, EV_REQUEST, "Proceeding"},
    {TXN_PROCEEDING, EV_DROP, "Terminated"},
    {TXN_PROCEEDING, EV_TU_1XX, "Proceeding"},
    {TXN_PROCEEDING, EV_TU_2XX, "Accepted"},
    {TXN_PROCEEDING, EV_TU_3XX_6XX, "Completed"},
    {TXN_PROCEEDING, EV_ERROR, "Proceeding"},
    {TXN_COMPLETED, EV_REQUEST, "Completed"},
    {TXN_COMPLETED, EV_TIMER_G, "Completed"},
    {TXN_COMPLETED, EV_ACK, "Terminated Confirmed"},
    {TXN_COMPLETED, EV_TIMER_H, "Terminated"},
    {TXN_COMPLETED, EV_DROP, "Terminated"},
    {TXN_COMPLETED, EV_ERROR, "Terminated"},
    {TXN_CONFIRMED, EV_ACK, "Confirmed"},
    {TXN_CONFIRMED, EV_REQUEST, "Confirmed"},
    {TXN_CONFIRMED, EV_TIMER_I, "Terminated"},
    {TXN_CONFIRMED, EV_DROP, "Terminated"},
    {TXN_CONFIRMED, EV_ERROR, "Confirmed"},
    {TXN_ACCEPTED, EV_REQUEST, "Accepted"},
    {TXN_ACCEPTED, EV_ACK, "Accepted"},
    {TXN_ACCEPTED, EV_TU_2XX, "Accepted"},
    {TXN_ACCEPTED, EV_TIMER_L, "Terminated"},
    {TXN_ACCEPTED, EV_DROP, "Terminated"},
    {TXN_ACCEPTED, EV_ERROR, "Accepted"},
};

static const struct machine_pair request_server[] = {
    {TXN_TRYING, EV_START, "Trying"},
    {TXN_TRYING, EV_DROP, "Terminated"},
    {TXN_PROCEEDING, EV_DROP, "Terminated"},
    {TXN_COMPLETED, EV_DROP, "Terminated"},
    {TXN_TRYING, EV_REQUEST, "Trying"},
    {TXN_TRYING, EV_TU_1XX, "Proceeding"},
    {TXN_TRYING, EV_TU_FINAL, "Terminated Completed"},
    {TXN_TRYING, EV_ERROR, "Trying"},
    {TXN_TRYING, EV_TRYING_DUE, "Trying"},
    {TXN_TRYING, EV_TOO_LATE, "Terminated"},
    {TXN_PROCEEDING, EV_REQUEST, "Proceeding"},
    {TXN_PROCEEDING, EV_TU_1XX, "Proceeding"},
    {TXN_PROCEEDING, EV_TU_FINAL, "Terminated Completed"},
    {TXN_PROCEEDING, EV_ERROR, "Proceeding"},
    {TXN_PROCEEDING, EV_TRYING_DUE, "Proceeding"},
    {TXN_PROCEEDING, EV_TOO_LATE, "Terminated"},
    {TXN_COMPLETED, EV_REQUEST, "Completed"},
    {TXN_COMPLETED, EV_TIMER_J, "Terminated"},
    {TXN_COMPLETED, EV_ERROR, "Completed"},
};

static const struct machine_pair once_client[] = {
    {TXN_INIT, EV_START, "Terminated"},
    {TXN_INIT, EV_NO_TARGET, "Terminated"},
    {TXN_INIT, EV_DROP, "Terminated"},
};

static const struct {
    const struct fsm *fsm;
    const struct machine_pair *rows;
    size_t n;
} machines[] = {
    {&txn_invite_client, invite_client, ARRAY_LEN(invite_client)},
    {&txn_request_client, request_client, ARRAY_LEN(request_client)},
    {&txn_invite_server, invite_server, ARRAY_LEN(invite_server)},
    {&txn_request_server, request_server, ARRAY_LEN(request_server)},
    {&txn_once_client, once_client, ARRAY_LEN(once_client)},
};

static void every_pair(void **state)
{
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        machine_check_pairs(machines[k].fsm, machines[k].rows, machines[k].n);
}

static void undeclared_pairs_are_refused(void **state)
{
    size_t refused = 0;
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        refused += machine_refuses(machines[k].fsm, NULL);
    assert_true(refused > 500);
}

static void guarded_rows_have_a_default(void **state)
{
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        machine_has_defaults(machines[k].fsm);
}

static void timers_run_where_their_end_is_awaited(void **state)
{
    uint32_t armed = 0;
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        if (machines[k].fsm->timers)
            armed |= machine_timers(machines[k].fsm, TXN_TIMERS);
    assert_int_equal(armed, TM_BIT(TXN_TIMERS) - 2);
}

// TS 24.229 table 7.7.1, as written down here a second time.
static void timers_last_what_the_tables_say(void **state)
{
    static const struct sip_timers core = {.t1 = 500, .t2 = 4000, .t4 = 5000, .timer_b = 32000, .timer_c = 181000,
        .timer_d = 32000, .timer_f = 32000, .timer_h = 32000, .timer_i = 5000, .timer_j = 32000, .timer_k = 5000,
        .timer_l = 32000, .timer_m = 32000};
    static const struct sip_timers ue = {.t1 = 2000, .t2 = 16000, .t4 = 17000, .timer_b = 128000, .timer_c = 181000,
        .timer_d = 128000, .timer_f = 128000, .timer_h = 128000, .timer_i = 17000, .timer_j = 128000,
        .timer_k = 17000, .timer_l = 128000, .timer_m = 128000};
    assert_memory_equal(&core, &sip_timers_core, sizeof core);
    assert_memory_equal(&ue, &sip_timers_ue, sizeof ue);
    for (unsigned i = 0; i < SIP_TIMER_COUNT; i++) {
        assert_int_equal(sip_timer_ms(&sip_timers_core, i), sip_timer_rows[i].core_ms);
        assert_int_equal(sip_timer_ms(&sip_timers_ue, i), sip_timer_rows[i].ue_ms);
        assert_true(sip_timer_rows[i].name[0] && sip_timer_rows[i].clause[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(undeclared_pairs_are_refused),
        cmocka_unit_test(guarded_rows_have_a_default),
        cmocka_unit_test(timers_run_where_their_end_is_awaited),
        cmocka_unit_test(timers_last_what_the_tables_say),
    };
    return cmocka_run_group_tests_name("stack_machines", tests, NULL, NULL);
}
