// SPDX-License-Identifier: Apache-2.0
// Timers of the IM CN subsystem beside those of SIP: one row per timer with the specification's name,
// the default, the range a configuration may give, and the clause. An NF takes its defaults and its
// configuration rows from here; SIP's own timers are in stack/txn/timers.h.
//
// The legs are not in a specification. RFC 3261 gives each hop of a request the same 64*T1, so that all
// of them end at once, or one after the other. Here the time of one request is divided: each hop towards
// the called side has less, gives up first, and its answer is back before the hop before it gives up. A
// UE of RFC 3261 waits 32 s (Timer F), one of TS 24.229 table 7.7.1 128 s.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Defaults, in the unit of the configuration; IMS_TIMER_TEXT makes the text of a configuration row.
#define IMS_REG_AWAIT_AUTH_S 240
#define IMS_REG_EXPIRES_S 600000
#define IMS_REG_EXPIRES_MIN_S 60
#define IMS_REG_GRANTED_S 3600
#define IMS_CX_TIMEOUT_MS 5000
#define IMS_SCSCF_SILENCE_MS 8000
#define IMS_SCSCF_MARK_MS 30000
#define IMS_LEG_CORE_MS 28000
#define IMS_LEG_ORIGINATING_MS 25000
#define IMS_LEG_SCSCF_MS 22000
#define IMS_LEG_TERMINATING_MS 19000
#define IMS_LEG_UE_MS 16000
#define IMS_FORK_GRACE_MS 1000

#define IMS_TIMER_TEXT(value) IMS_TIMER_TEXT_(value)
#define IMS_TIMER_TEXT_(value) #value

enum ims_timer {
    IMS_REG_AWAIT_AUTH,     // S-CSCF: challenge sent, response awaited
    IMS_REQUEST_AWAIT_AUTH, // S-CSCF: the same for a request other than REGISTER
    IMS_EMERG_REG,          // UE
    IMS_EMERG_REQUEST,      // UE
    IMS_REG_EXPIRES,        // UE asks for this
    IMS_REG_GRANTED,        // S-CSCF grants at most this
    IMS_REG_EXPIRES_MIN,    // S-CSCF: less is refused by 423
    IMS_REREG_BEFORE,       // UE: re-registers this long before the expiry when it is over 1200 s
    IMS_REG_SUBSCRIPTION,   // reg event package
    IMS_CX_TIMEOUT,         // CSCF: answer from the HSS
    IMS_SCSCF_SILENCE,      // I-CSCF: an S-CSCF that says nothing to what it answers itself
    IMS_SCSCF_MARK,         // I-CSCF: how long it is avoided then
    IMS_LEG_CORE,           // P-CSCF to I-CSCF or S-CSCF
    IMS_LEG_ORIGINATING,    // S-CSCF of the calling user to whoever is next
    IMS_LEG_SCSCF,          // I-CSCF to S-CSCF
    IMS_LEG_TERMINATING,    // S-CSCF of the called user to P-CSCF
    IMS_LEG_UE,             // P-CSCF to UE
    IMS_FORK_GRACE,         // S-CSCF: a silent branch beside one that has answered
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
