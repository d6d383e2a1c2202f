// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/timers.h"

const struct sip_timers sip_timers_core = {
#define X(field, name, core, ue, clause) .field = core,
    SIP_TIMER_TABLE(X)
#undef X
};

const struct sip_timers sip_timers_ue = {
#define X(field, name, core, ue, clause) .field = ue,
    SIP_TIMER_TABLE(X)
#undef X
};

const struct sip_timer_row sip_timer_rows[SIP_TIMER_COUNT] = {
#define X(field, name, core, ue, clause) {name, core, ue, clause},
    SIP_TIMER_TABLE(X)
#undef X
};
