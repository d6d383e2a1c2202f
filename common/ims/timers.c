// SPDX-License-Identifier: Apache-2.0
#include "ims/timers.h"

#define S 1000u

const struct ims_timer_row ims_timers[IMS_TIMER_COUNT] = {
    // clang-format off
    [IMS_REG_AWAIT_AUTH]      = {"reg-await-auth",       240 * S,     1 * S,     600 * S, "TS 24.229 7.8"},
    [IMS_REQUEST_AWAIT_AUTH]  = {"request-await-auth",   240 * S,     1 * S,     600 * S, "TS 24.229 7.8"},
    [IMS_EMERG_REG]           = {"emerg-reg",             10 * S,     8 * S,      20 * S, "TS 24.229 7.8"},
    [IMS_EMERG_REQUEST]       = {"emerg-request",         10 * S,     5 * S,      15 * S, "TS 24.229 7.8"},
    [IMS_REG_EXPIRES]         = {"reg-expires",       600000 * S,    60 * S, 4000000 * S, "TS 24.229 5.1.1.2.1"},
    [IMS_REG_EXPIRES_MIN]     = {"reg-expires-min",       60 * S,     1 * S,   86400 * S, "TS 24.229 5.4.1.2.2"},
    [IMS_REREG_BEFORE]        = {"rereg-before",         600 * S,     1 * S,   86400 * S, "TS 24.229 5.1.1.4.1"},
    [IMS_REG_SUBSCRIPTION]    = {"reg-subscription",  600000 * S,    60 * S, 4000000 * S, "TS 24.229 5.1.1.3"},
    [IMS_CX_TIMEOUT]          = {"cx-timeout",             5 * S,       100,      60 * S, "TS 29.229 5"},
    // clang-format on
};
