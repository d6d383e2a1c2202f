// SPDX-License-Identifier: Apache-2.0
// The columns of TS 24.229 table 7.7.1: between network elements (as RFC 3261 table 4), and at the
// P-CSCF towards the UE. Timer C is "more than 3 minutes" in both (RFC 3261 16.6 step 11).
#include "stack/txn/timers.h"

const struct sip_timers sip_timers_core = {
    .t1 = 500, .t2 = 4000, .t4 = 5000,
    .timer_b = 32000, .timer_d = 32000, .timer_f = 32000, .timer_h = 32000,
    .timer_i = 5000, .timer_j = 32000, .timer_k = 5000, .timer_c = 181000,
};

const struct sip_timers sip_timers_ue = {
    .t1 = 2000, .t2 = 16000, .t4 = 17000,
    .timer_b = 128000, .timer_d = 128000, .timer_f = 128000, .timer_h = 128000,
    .timer_i = 17000, .timer_j = 128000, .timer_k = 17000, .timer_c = 181000,
};
