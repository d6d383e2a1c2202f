// SPDX-License-Identifier: Apache-2.0
// State machines as data: one const table of rows, one file that writes the state. A row names state, event, optional
// guard, action, next state, the clause it comes from, and the timers that taking it starts. The first row that fits is
// taken: the state is set, the row's timers are started, those that the new state has no row for are stopped, and
// the action runs; it is the last thing that touches the object, which may be freed in it.
//
// A machine with timers names each with its event and the value of the owner's timer table that it lasts; the owner
// keeps the timers themselves and starts and stops them (arm, stop), since a machine knows no loop.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef int (*fsm_guard)(void *obj, void *arg);  // nonzero: the row fits
typedef void (*fsm_action)(void *obj, void *arg);

enum { FSM_ARMS = 2 };

struct fsm_row {
    uint8_t state, event, next;
    fsm_guard guard;   // NULL: always
    fsm_action action; // NULL: none
    const char *clause;
    uint8_t arms[FSM_ARMS]; // timers to start; 0: none
};

// Timer 0 is none.
struct fsm_timer {
    const char *name; // "timer B"
    uint8_t event;    // is fed when it runs out
    uint8_t lasts;    // which value of the owner's timer table; what it means is the owner's
};

struct fsm {
    const char *name;            // "invite-client"
    const char *const *states;   // names by state
    const char *const *events;   // names by event
    size_t n_states, n_events;
    const struct fsm_row *rows;
    size_t n_rows;
    uint8_t first;               // the state of a new object
    const struct fsm_timer *timers; // by number; NULL: it has none, and none of what follows
    const uint32_t *runs; // by state: the timers that may run in it, as bits (those whose event it has a row for)
    void (*arm)(void *obj, unsigned timer);
    void (*stop)(void *obj, uint32_t runs); // all but these
};

// The state of a new object.
void fsm_start(const struct fsm *m, uint8_t *state);
// Feeds event to the object whose state is *state. Returns 0, or ERR_STATE for a pair that no row
// declares (nothing changes; logged at debug). Transitions are logged at trace level.
int fsm_step(const struct fsm *m, uint8_t *state, unsigned event, void *obj, void *arg);
