// SPDX-License-Identifier: Apache-2.0
// State machines as data: one const table of rows, one function that writes the state. A row
// names state, event, optional guard, action, next state and the clause it comes from. The first
// row that fits is taken; the state is set before the action runs, and the action is the last
// thing that touches the object, which may be freed in it.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef int (*fsm_guard)(void *obj, void *arg);  // nonzero: the row fits
typedef void (*fsm_action)(void *obj, void *arg);

struct fsm_row {
    uint8_t state, event, next;
    fsm_guard guard;   // NULL: always
    fsm_action action; // NULL: none
    const char *clause;
};

struct fsm {
    const char *name;            // "invite-client"
    const char *const *states;   // names by state
    const char *const *events;   // names by event
    size_t n_states, n_events;
    const struct fsm_row *rows;
    size_t n_rows;
};

// Feeds event to the object whose state is *state. Returns 0, or ERR_STATE for a pair that no row
// declares (nothing changes; logged at debug). Transitions are logged at trace level.
int fsm_step(const struct fsm *m, uint8_t *state, unsigned event, void *obj, void *arg);
