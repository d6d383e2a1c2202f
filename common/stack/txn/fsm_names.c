// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/txn_priv.h"

const char *const txn_state_names[TXN_STATES] = {
    "Init", "Calling", "Trying", "Proceeding", "Completed", "Confirmed", "Accepted", "Terminated",
};

const char *const txn_event_names[TXN_EVENTS] = {
    "start", "no target",
    "1xx", "2xx", "300-699", "final",
    "request", "ACK",
    "send 1xx", "send 2xx", "send 300-699", "send final",
    "cancel", "no end after CANCEL",
    "timer A", "timer B", "timer D", "timer M",
    "timer E", "timer F", "timer K",
    "timer G", "timer H", "timer I", "timer L", "timer J",
    "100 due", "too late",
    "transport error", "drop",
};

const struct fsm_timer txn_timers[TXN_TIMERS] = {
    [TM_A] = {"timer A", EV_TIMER_A, SIP_TIMER_t1}, // doubles
    [TM_B] = {"timer B", EV_TIMER_B, SIP_TIMER_timer_b}, // a target's share of it
    [TM_CANCEL] = {"after CANCEL", EV_CANCEL_LATE, SIP_TIMER_timer_b},
    [TM_D] = {"timer D", EV_TIMER_D, SIP_TIMER_timer_d},
    [TM_M] = {"timer M", EV_TIMER_M, SIP_TIMER_timer_m},
    [TM_E] = {"timer E", EV_TIMER_E, SIP_TIMER_t1}, // doubles up to T2
    [TM_F] = {"timer F", EV_TIMER_F, SIP_TIMER_timer_f}, // a target's share of it
    [TM_F_LEFT] = {"timer F", EV_TIMER_F, SIP_TIMER_timer_f}, // what is left of it
    [TM_K] = {"timer K", EV_TIMER_K, SIP_TIMER_timer_k},
    [TM_G] = {"timer G", EV_TIMER_G, SIP_TIMER_t1}, // doubles up to T2
    [TM_H] = {"timer H", EV_TIMER_H, SIP_TIMER_timer_h},
    [TM_I] = {"timer I", EV_TIMER_I, SIP_TIMER_timer_i},
    [TM_L] = {"timer L", EV_TIMER_L, SIP_TIMER_timer_l},
    [TM_TRYING] = {"100 due", EV_TRYING_DUE, SIP_TIMER_t2}, // when a timer E that started now would reach it
    [TM_LATE] = {"too late", EV_TOO_LATE, SIP_TIMER_timer_f}, // the client's timer F, from the request on
    [TM_J] = {"timer J", EV_TIMER_J, SIP_TIMER_timer_j},
};
