// SPDX-License-Identifier: Apache-2.0
// A machine of the session core with its timers. Rows start them and states stop them (base/fsm.h);
// this file keeps them, looks up how long they last, and feeds their events. Timers of one event
// share a place, since one of them runs at a time.
#pragma once

#include "base/fsm.h"
#include "io/loop.h"
#include "stack/session/timers.h"

enum { MACHINE_TIMERS = 2 }; // events of timers in one machine

struct machine;

struct machine_kind {
    struct fsm fsm; // obj of its guards and actions is the struct machine
    // What a timer lasts that the tables say ms of. NULL: as they say.
    uint64_t (*reckon)(struct machine *m, unsigned timer, uint64_t ms);
};

struct machine {
    const struct machine_kind *kind;
    struct loop *loop;
    const struct sip_timers *sip; // the column of SIP's timers
    void *owner;
    uint8_t state;
    uint8_t runs[MACHINE_TIMERS]; // which timer; 0: none
    uint32_t interval;            // ms, of the first place's timer when it doubles
    uint64_t due[MACHINE_TIMERS]; // ms of the loop's time
    struct timer timers[MACHINE_TIMERS];
};

// In its first state. sip NULL: the core's.
void machine_init(struct machine *m, const struct machine_kind *k, struct loop *l,
                  const struct sip_timers *sip, void *owner);
// Its object goes: no timer runs any more. One that is all zero may be done.
void machine_done(struct machine *m);
// False: this is not the time for it, and nothing has changed. The owner may be gone after it.
bool machine_step(struct machine *m, unsigned event, void *arg);
// Twice as long as the last time, from first on, up to most: for reckon, of a timer of the first
// place.
uint64_t machine_doubled(struct machine *m, uint64_t first, uint64_t most);

// Until a timer runs out; 0: it does not run.
uint64_t machine_left_ms(const struct machine *m, unsigned timer);

static inline void *machine_owner(void *m)
{
    return ((struct machine *)m)->owner;
}
static inline bool machine_is_idle(const struct machine *m)
{
    return m->state == m->kind->fsm.first;
}
static inline const char *machine_state_name(const struct machine *m)
{
    return m->kind->fsm.states[m->state];
}

// For people: the timer that runs out first, NULL: none runs.
const char *machine_next_timer(const struct machine *m, uint64_t *ret_left_ms);

// ---- for the tables ----

#define MACHINE_BIT(timer) (UINT32_C(1) << (timer))
void machine_arm(void *m, unsigned timer);
void machine_stop(void *m, uint32_t runs);

// The struct fsm of a machine in a file that has state_names, event_names, rows, timers and runs.
#define MACHINE_FSM(text, start)                                                                   \
    {                                                                                              \
        .name = (text), .states = state_names, .events = event_names,                              \
        .n_states = ARRAY_LEN(state_names), .n_events = ARRAY_LEN(event_names), .rows = rows,      \
        .n_rows = ARRAY_LEN(rows), .first = (start), .timers = timers, .runs = runs,               \
        .arm = machine_arm, .stop = machine_stop                                                   \
    }
