// SPDX-License-Identifier: Apache-2.0
// SIP's timers.
#pragma once

#include <stdint.h>

// Timer values in milliseconds (RFC 3261 table 4; TS 24.229 table 7.7.1 has two columns: between
// network nodes, and at the P-CSCF towards the UE).
struct sip_timers {
    uint32_t t1, t2, t4, timer_b, timer_d, timer_f, timer_h, timer_i, timer_k, timer_j, timer_c;
};
extern const struct sip_timers sip_timers_core; // T1 500 ms, T2 4 s, T4 5 s, ...
extern const struct sip_timers sip_timers_ue;   // T1 2 s, T2 16 s, T4 17 s, ...
