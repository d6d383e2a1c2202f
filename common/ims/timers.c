// SPDX-License-Identifier: Apache-2.0
#include "ims/timers.h"

#define S 1000u

const struct ims_timer_row ims_timers[IMS_TIMER_COUNT] = {
    // clang-format off
    [IMS_REG_AWAIT_AUTH] = {"reg-await-auth", IMS_REG_AWAIT_AUTH_S * S, 1 * S, 600 * S, "TS 24.229 7.8"},
    [IMS_REQUEST_AWAIT_AUTH] = {"request-await-auth", 240 * S, 1 * S, 600 * S, "TS 24.229 7.8"},
    [IMS_EMERG_REG] = {"emerg-reg", 10 * S, 8 * S, 20 * S, "TS 24.229 7.8"},
    [IMS_EMERG_REQUEST] = {"emerg-request", 10 * S, 5 * S, 15 * S, "TS 24.229 7.8"},
    [IMS_REG_EXPIRES] = {"reg-expires", IMS_REG_EXPIRES_S * S, 60 * S, 4000000 * S, "TS 24.229 5.1.1.2.1"},
    [IMS_REG_GRANTED] = {"reg-granted", IMS_REG_GRANTED_S * S, 60 * S, 4000000 * S, "TS 24.229 5.4.1.2.2F"},
    [IMS_REG_EXPIRES_MIN] = {"reg-expires-min", IMS_REG_EXPIRES_MIN_S * S, 1 * S, 86400 * S, "TS 24.229 5.4.1.2.2"},
    [IMS_REREG_BEFORE] = {"rereg-before", 600 * S, 1 * S, 86400 * S, "TS 24.229 5.1.1.4.1"},
    [IMS_REG_SUBSCRIPTION] = {"reg-subscription", 600000 * S, 60 * S, 4000000 * S, "TS 24.229 5.1.1.3"},
    [IMS_CX_TIMEOUT] = {"cx-timeout", IMS_CX_TIMEOUT_MS, 100, 60 * S, "TS 29.229 5"},
    [IMS_SCSCF_SILENCE] = {"scscf-silence", IMS_SCSCF_SILENCE_MS, 100, 32 * S, "TS 24.229 5.3.1.3"},
    [IMS_SCSCF_MARK] = {"scscf-mark", IMS_SCSCF_MARK_MS, 0, 3600 * S, "TS 24.229 5.3.1.3"},
    [IMS_LEG_CORE] = {"leg-core", IMS_LEG_CORE_MS, 1 * S, 128 * S, "RFC 4320 4.2"},
    [IMS_LEG_ORIGINATING] = {"leg-originating", IMS_LEG_ORIGINATING_MS, 1 * S, 128 * S, "RFC 4320 4.2"},
    [IMS_LEG_SCSCF] = {"leg-scscf", IMS_LEG_SCSCF_MS, 1 * S, 128 * S, "RFC 4320 4.2"},
    [IMS_LEG_TERMINATING] = {"leg-terminating", IMS_LEG_TERMINATING_MS, 1 * S, 128 * S, "RFC 4320 4.2"},
    [IMS_LEG_UE] = {"leg-ue", IMS_LEG_UE_MS, 1 * S, 128 * S, "TS 24.229 7.7"},
    [IMS_FORK_GRACE] = {"fork-grace", IMS_FORK_GRACE_MS, 1, 32 * S, "RFC 3261 16.7"},
    // clang-format on
};
