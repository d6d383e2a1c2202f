// SPDX-License-Identifier: Apache-2.0
// The timers of sessions: each value once. The machines of the session core name their timers by
// these rows, or by those of SIP (stack/txn/timers.h), whose columns know how far away the other
// side is.
#pragma once

#include "stack/txn/timers.h"

// name, for people, ms (0: reckoned when it starts), clause.
#define SESSION_TIMER_TABLE(X)                                                                     \
    X(reckoned, "reckoned", 0, "each machine says how")                                            \
    X(progress, "provisional response again", 60000, "RFC 3261 13.3.1.1")                          \
    X(reliable, "reliable response again", 150000, "RFC 3262 3")                                   \
    X(change_busy, "change after another", 500, "ours: theirs goes first")                         \
    X(refresh_busy, "refresh again, at least", 5000, "RFC 4028 10")                                \
    X(refer, "subscription of a REFER", 180000, "RFC 3515 2.4.4")                                  \
    X(refer_most, "subscription of a REFER, at most", 3600000, "ours: whatever a NOTIFY says")

enum session_timer {
#define X(name, text, ms, clause) SESSION_TIMER_##name,
    SESSION_TIMER_TABLE(X)
#undef X
        SESSION_TIMER_COUNT
};

// In a row of struct fsm_timer: lasts what this one of SIP's does.
enum { SESSION_TIMER_SIP = 0x80 };

struct session_timer_row {
    const char *text;
    uint32_t ms;
    const char *clause;
};
extern const struct session_timer_row session_timer_rows[SESSION_TIMER_COUNT];
