// SPDX-License-Identifier: Apache-2.0
// A state machine's table against a second one that a test has written down by hand.
#pragma once

#include "base/fsm.h"

struct machine_pair {
    uint8_t state, event;
    const char *next; // names of the states that it may lead to, in the order of the rows
};

// The pairs are those of the table and no others; those that are not declared are refused; the last
// row of a pair has no guard, so that nothing falls through; each row has its clause.
void machine_check_pairs(const struct fsm *m, const struct machine_pair *pairs, size_t n);
// A timer runs in the states that have a row for its end, and in no other; each of the n_timers
// (with the 0 that is none) is started somewhere, and no row starts one that its state does not
// await.
void machine_check_timers(const struct fsm *m, unsigned n_timers);
