// SPDX-License-Identifier: Apache-2.0
// Trigger points: places in procedures, and in whatever else has an order of events (a dialog),
// where other modules run something of theirs without the place knowing them. A point is the
// address of a constant: a step of a list has a side before it and one behind it, and a struct
// trigger is a point that several places share. A module registers its hooks at start; they run in
// the order in which they were registered. A table without hooks costs one test.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a step or a hook has come to.
enum step_verdict {
    STEP_CONTINUE, // what comes next
    STEP_WAIT,     // something asynchronous was started: it goes on when that has answered
    STEP_DONE,     // the end: everything has been done
    STEP_REJECT,   // the end: refused
};

enum hook_side { HOOK_BEFORE, HOOK_AFTER };

struct trigger {
    const char *name;
};

// at: what it happens to; of a step its struct job.
typedef enum step_verdict (*hook_fn)(void *arg, void *at);

struct hook {
    const void *point;
    enum hook_side side;
    hook_fn run;
    void *arg;
};

enum { HOOKS_MAX = 32 };

// All zero: no hooks.
struct hooks {
    uint64_t marks; // a bit for each point that has hooks, and for others
    size_t n;
    struct hook of[HOOKS_MAX];
};

// Once anything may run, no more are added. ERR_FULL beyond HOOKS_MAX.
int hooks_add(struct hooks *h, const void *point, enum hook_side side, hook_fn run, void *arg);

// The first hook of the point at or behind index i; h->n: none.
size_t hooks_find(const struct hooks *h, const void *point, enum hook_side side, size_t i);

static inline unsigned hooks_mark(const void *point)
{
    return (unsigned)((uintptr_t)point >> 4 & 63);
}

// False: certainly none.
static inline bool hooks_has(const struct hooks *h, const void *point)
{
    return h->marks >> hooks_mark(point) & 1;
}

// Runs the hooks of a point outside of any procedure: the first verdict that is not to continue
// ends it. There is nothing to come back to there, so a hook cannot wait: STEP_WAIT counts as
// STEP_CONTINUE.
enum step_verdict hooks_run(const struct hooks *h, const struct trigger *point, void *at);

// A hook that counts: arg is a uint64_t.
enum step_verdict hook_count(void *arg, void *at);
