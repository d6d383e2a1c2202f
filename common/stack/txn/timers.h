// SPDX-License-Identifier: Apache-2.0
// SIP's timers: one table that says each value once, with two columns: between network nodes (RFC 3261 table 4), and
// between the P-CSCF and the UE (TS 24.229 table 7.7.1). The machines of transactions name their timers by its rows;
// the timers of IMS procedures are in ims/timers.h.
#pragma once

#include <stdint.h>

// name in struct sip_timers, for people, core ms, UE ms, clause. Timer C is "more than 3 minutes" in both.
#define SIP_TIMER_TABLE(X)                                      \
    X(t1, "T1", 500, 2000, "RFC 3261 17.1.1.1")                 \
    X(t2, "T2", 4000, 16000, "RFC 3261 17.1.2.2")               \
    X(t4, "T4", 5000, 17000, "RFC 3261 17.1.2.2")               \
    X(timer_b, "timer B", 32000, 128000, "RFC 3261 17.1.1.2")   \
    X(timer_c, "timer C", 181000, 181000, "RFC 3261 16.6")      \
    X(timer_d, "timer D", 32000, 128000, "RFC 3261 17.1.1.2")   \
    X(timer_f, "timer F", 32000, 128000, "RFC 3261 17.1.2.2")   \
    X(timer_h, "timer H", 32000, 128000, "RFC 3261 17.2.1")     \
    X(timer_i, "timer I", 5000, 17000, "RFC 3261 17.2.1")       \
    X(timer_j, "timer J", 32000, 128000, "RFC 3261 17.2.2")     \
    X(timer_k, "timer K", 5000, 17000, "RFC 3261 17.1.2.2")     \
    X(timer_l, "timer L", 32000, 128000, "RFC 6026 7.1")        \
    X(timer_m, "timer M", 32000, 128000, "RFC 6026 7.2")

enum sip_timer {
#define X(field, name, core, ue, clause) SIP_TIMER_##field,
    SIP_TIMER_TABLE(X)
#undef X
    SIP_TIMER_COUNT
};

// One column, in milliseconds.
struct sip_timers {
#define X(field, name, core, ue, clause) uint32_t field;
    SIP_TIMER_TABLE(X)
#undef X
};
extern const struct sip_timers sip_timers_core;
extern const struct sip_timers sip_timers_ue;

static inline uint32_t sip_timer_ms(const struct sip_timers *t, enum sip_timer i)
{
    return ((const uint32_t *)t)[i];
}

struct sip_timer_row {
    const char *name;
    uint32_t core_ms, ue_ms;
    const char *clause;
};
extern const struct sip_timer_row sip_timer_rows[SIP_TIMER_COUNT];
