// SPDX-License-Identifier: Apache-2.0
// A machine's table (base/fsm.h) against what a test has written down a second time.
#pragma once

#include "base/fsm.h"

struct machine_row {
    uint8_t state, event;
    const char *next; // names of the states it may lead to, in the order of the rows
};

// Each pair of state and event leads where rows say, and nowhere when they do not name it; every row has its clause.
void machine_walk(const struct fsm *m, const struct machine_row *rows, size_t n);
// What no row declares is refused and changes nothing; how many pairs that were. obj is not looked at.
size_t machine_refuses(const struct fsm *m, void *obj);
// The last row of a pair takes what the guards before it leave: no input falls through.
void machine_has_defaults(const struct fsm *m);
// A timer runs in the states that have a row for its end, and in no other, and a row starts none that its state does
// not await. The timers that are started somewhere, as bits.
uint32_t machine_timers(const struct fsm *m, unsigned n_timers);
