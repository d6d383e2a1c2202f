// SPDX-License-Identifier: Apache-2.0
// Attacks on the whole core in simulation: sequences of mutated messages from strangers, from
// registered UEs, from a neighbour inside the trust domain and over Diameter, responses included, at
// moments that are wrong; and messages that change on their way. What the core sent before is what
// new messages are made of. Everything is decided by a struct choice, so a seed replays.
//
// What must hold, whatever was sent: the loop gets on (each step ends within a number of events, and
// no callback lasts), what is sent is bounded by what came, everything that was begun ends, memory
// returns, and at the end alice registers and calls bob.
#pragma once

#include "tests/sim/choice.h"

struct storm_result {
    const char *problem; // NULL: all of it held
    uint64_t got, limit; // figures of the problem
    uint64_t sent;       // datagrams, segments and connections of ours, tampered ones included
    uint64_t messages;   // what the nodes and UEs delivered to each other, ours not counted
    uint64_t hash;       // of all that was delivered and when
};

void storm_run(uint64_t seed, struct choice *c, unsigned steps, struct storm_result *ret_result);
