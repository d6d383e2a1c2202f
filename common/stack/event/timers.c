// SPDX-License-Identifier: Apache-2.0
#include "stack/event/timers.h"

#include "stack/txn/timers.h"

struct event_timers event_timers_make(const struct sip_timers *t)
{
    return (struct event_timers){
#define X(field, name, ms, t1s, clause) .field = (ms) + (t1s)*t->t1,
        EVENT_TIMER_TABLE(X)
#undef X
    };
}
