// SPDX-License-Identifier: Apache-2.0
// Two user agents with a back-to-back user agent between them.
#pragma once

#include "agent.h"
#include "stack/session/bridge.h"

#define A "10.0.0.1"
#define B "10.0.0.2"
#define M "10.0.0.5"
#define Q "10.0.0.7"
#define CALL "sip:bob@" M

struct bridged {
    struct world w;
    struct tap tap;
    struct agent a, b;
    struct node *middle;
    struct session_layer *layer;
    struct bridge *bridge;
    struct session_params in, out;
    unsigned closed;
    bool by_caller;
    struct session_end end;
    bool swells; // BYEs and 2xx of the bridge are larger than any message may be: they cannot be
                 // sent
};

void bridged_init(struct bridged *l);
void bridged_done(struct bridged *l); // everything has come to its end
// a calls b through it, who picks up.
void bridged_talk(struct bridged *l, const char *offer);
// One of them hangs up.
void bridged_bye(struct bridged *l, struct agent *who);
