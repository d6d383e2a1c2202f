// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/txn_priv.h"

const char *const txn_state_names[TXN_STATES] = {
    "Init", "Calling", "Trying", "Proceeding", "Completed", "Confirmed", "Accepted", "Terminated",
};

const char *const txn_event_names[TXN_EVENTS] = {
    "start", "no target",
    "1xx", "2xx", "300-699", "final",
    "request", "ACK",
    "send 1xx", "send 2xx", "send 300-699", "send final",
    "timer A", "timer B", "timer D", "timer M",
    "timer E", "timer F", "timer K",
    "timer G", "timer H", "timer I", "timer L", "timer J",
    "100 due", "too late",
    "transport error",
};
