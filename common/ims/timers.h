// SPDX-License-Identifier: Apache-2.0
// Timers of the IM CN subsystem beside those of SIP: one row per timer with the specification's name,
// the default, the range a configuration may give, and the clause. An NF takes its defaults and its
// configuration rows from here; SIP's own timers are struct sip_timers in stack/stack.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum ims_timer {
    IMS_REG_AWAIT_AUTH,      // S-CSCF: challenge sent, response awaited
    IMS_REQUEST_AWAIT_AUTH,  // S-CSCF: the same for a request other than REGISTER
    IMS_EMERG_REG,           // UE
    IMS_EMERG_REQUEST,       // UE
    IMS_REG_EXPIRES,         // UE asks for this, S-CSCF grants at most this
    IMS_REG_EXPIRES_MIN,     // S-CSCF: less is refused by 423
    IMS_REREG_BEFORE,        // UE: re-registers this long before the expiry when it is over 1200 s
    IMS_REG_SUBSCRIPTION,    // reg event package
    IMS_CX_TIMEOUT,          // CSCF: answer from the HSS
    IMS_TIMER_COUNT,
};

struct ims_timer_row {
    const char *name;
    uint32_t ms, min_ms, max_ms;
    const char *clause;
};

extern const struct ims_timer_row ims_timers[IMS_TIMER_COUNT];

static inline uint32_t ims_timer_ms(enum ims_timer t)
{
    return ims_timers[t].ms;
}
