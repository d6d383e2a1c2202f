// SPDX-License-Identifier: Apache-2.0
// Back-to-back user agent: one session that came in, joined with one that goes out. What one side
// says, offers, answers and refuses is said on the other; a session's own affairs (100rel, glare,
// intervals, credentials) stay with it. A bridge's journey: bridge_take takes an INVITE and sends
// another; progress and answers of that go back; offers in whatever message pass through, answered
// when the other side has answered; the end of one side is the end of both.
#pragma once

#include "stack/session/session.h"

struct bridge;

struct bridge_ops {
    // Both sides have ended; e: of the one that ended first; it came from the calling side. The
    // bridge is gone after that.
    void (*closed)(void *arg, struct bridge *b, const struct session_end *e, bool by_caller);
    // As session_ops.decorate, for the side of the caller or the called one. May be NULL.
    void (*decorate)(void *arg, struct bridge *b, bool to_caller, enum sip_method method,
                     unsigned status, struct sip_edits *e);
};

struct bridge_params {
    const struct bridge_ops *ops;
    void *arg;
    struct session_params in, out; // ops, arg and body are the bridge's
};

// *ret_bridge is NULL when the INVITE was answered here (session_take), or the other one could not
// be sent (500).
int bridge_take(struct session_layer *l, server_id id, const struct bridge_params *p,
                struct bridge **ret_bridge);
// Hangs up on both sides.
void bridge_hang_up(struct bridge *b);
