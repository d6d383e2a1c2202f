// SPDX-License-Identifier: Apache-2.0
// Hierarchical timer wheel: seven levels of 64 slots. A timer sits on the level of the highest
// six-bit group in which its tick differs from the present one, so it moves down at most six times
// in its life; starting and stopping are list operations. Timers of one tick expire in the order
// in which they were started.
#pragma once

#include "io/loop.h"

enum { WHEEL_BITS = 6, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_LEVELS = 7 };

struct wheel {
    uint64_t now;                     // tick up to which timers have expired
    uint64_t occupied[WHEEL_LEVELS];  // a bit may outlive its slot's last timer until it is asked
    struct list expired;
    struct list slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w);
// Stops every timer.
void wheel_done(struct wheel *w);
// Puts t, which must not be active, in place to expire at tick due, or at the next tick if due
// is not in the future.
void wheel_add(struct wheel *w, struct timer *t, uint64_t due);
// Moves the timers due at or before tick to the expired list.
void wheel_advance(struct wheel *w, uint64_t tick);
// Takes the next expired timer off; NULL when there is none.
struct timer *wheel_pop(struct wheel *w);
// A tick at or before the earliest expiry, exact within the present 64 ticks; false without timers.
bool wheel_next(struct wheel *w, uint64_t *ret_tick);
