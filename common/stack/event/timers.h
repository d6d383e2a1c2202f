// SPDX-License-Identifier: Apache-2.0
// How long things last in the event core: one table that says each value once. The timers of its
// machines name their row; a row that has no value lasts as long as the two sides have agreed on.
#pragma once

#include <stdint.h>

struct sip_timers;

// name in struct event_timers, for people, ms, and so many T1 on top (RFC 3261 table 4), clause;
// NULL: of this house.
#define EVENT_TIMER_TABLE(X)                                                                       \
    X(expiry, "expiry", 0, 0, "RFC 6665 4.2.1.1")                                                  \
    X(verdict, "verdict", 4000, 0, "RFC 6665 4.2.1.3")                                             \
    X(interval, "interval", 0, 0, "RFC 6446 5.2")                                                  \
    X(pause, "retry-after", 0, 0, "RFC 3261 20.33")                                                \
    X(local_retry, "once more", 5000, 0, NULL)                                                     \
    X(comes_back, "who is sent away comes back", 60000, 0, NULL)                                   \
    X(timer_n, "timer N", 0, 64, "RFC 6665 4.1.2.4")                                               \
    X(soon, "end", 0, 0, "RFC 6665 4.1.2.3")                                                       \
    X(refresh, "refresh before the expiry", 600000, 0, "TS 24.229 5.1.1.3")                        \
    X(refresh_least, "between two refreshes", 5000, 0, NULL)                                       \
    X(retry, "retry", 5000, 0, "RFC 6665 4.1.2.2")                                                 \
    X(steady, "there for long enough", 60000, 0, NULL)                                             \
    X(whole_again, "between two requests for the whole", 5000, 0, NULL)                            \
    X(drift, "the same expiry, told later", 2000, 0, NULL)

enum event_timer {
#define X(field, name, ms, t1s, clause) ET_##field,
    EVENT_TIMER_TABLE(X)
#undef X
        ET_COUNT
};

// Milliseconds.
struct event_timers {
#define X(field, name, ms, t1s, clause) uint32_t field;
    EVENT_TIMER_TABLE(X)
#undef X
};

static inline uint32_t event_timer_ms(const struct event_timers *t, enum event_timer i)
{
    return ((const uint32_t *)t)[i];
}

// With the T1 of t.
struct event_timers event_timers_make(const struct sip_timers *t);
