// SPDX-License-Identifier: Apache-2.0
// The package of the tests, "x-counter": a resource is the user part of the Request-URI and has a
// number. Whole, its state is "all 7"; what has changed since number 5 is "+2 from 5", for the type
// application/x-counter only. Both end with filler, as long as the test wants.
#pragma once

#include "stack/event/event.h"

enum { COUNTERS = 8 };

struct counter {
    struct event_package package; // its arg is the counter
    struct event *core;
    struct {
        char name[16];
        uint64_t number;
    } of[COUNTERS];
    size_t n;
    size_t filler; // bytes behind the state
    int full_err;  // what full returns in place of writing
    bool unlimited;
    bool by_contact; // each Contact has one subscription
    const char *
        note; // what it wants remembered of who subscribes, and says in each message; NULL: nothing
    enum event_verdict verdict;
    struct event_refusal refusal;
    event_id asked; // the last that authorise was asked for
    // What it does, once, while the core asks it for a verdict or a state, and when it hears of an
    // end; NULL: nothing
    void (*within)(struct counter *c, event_id id);
    void (*at_end)(struct counter *c, event_id id);
    unsigned asks, fulls, partials, ended, saves;
    event_id saved;                                  // the last whose record it was asked to keep
    void (*at_save)(struct counter *c, event_id id); // as at_end
    // As the arg of a subscriber
    uint64_t known;
    unsigned wholes, steps, gaps;
};

void counter_init(struct counter *c);
// The package is added to the core.
int counter_attach(struct counter *c, struct event *core);
// Adds to the resource's number, which begins with 0, and tells the core.
void counter_add(struct counter *c, const char *name, uint64_t n);
