// SPDX-License-Identifier: Apache-2.0
// A node that subscribes to bob's counter and notes what it is told; bob and eve notify by hand.
#pragma once

#include "event_lab.h"

#define S "10.0.1.1"
#define BOB "10.0.0.2"
#define EVE "10.0.0.3"

struct lab {
    struct world w;
    struct node *n;
    struct peer *bob, *eve;
    struct event *core;
    struct counter counter; // what is known of bob's state
    event_id id, fork;
    unsigned states, ends, forks, challenges, answers, saves;
    enum event_state last;
    struct event_end end;
    bool stop_in_state, forget_in_end, forget_in_fork, forget_in_challenge;
};

void lab_init(struct lab *l);
void lab_done(struct lab *l);
uint64_t alive(const struct lab *l); // subscriptions of the node

extern const struct event_subscriber_ops lab_ops; // arg: the lab's counter
// A subscription to the counter for 600 s.
struct event_subscription plan(struct lab *l);
int start(struct lab *l, struct event_subscription p);
void start_kept(struct lab *l); // one that comes back

// ---- bob, the notifier ----

extern int notify_cseq; // of the last NOTIFY
// A NOTIFY in the dialog of that SUBSCRIBE. state: Subscription-State, event: Event, NULL: without.
void notify_from(struct peer *p, const char *sub, const char *tag, const char *state,
                 const char *event, const char *body);
// The same from bob, who must be answered 200.
void notify(struct lab *l, const char *sub, const char *state, const char *body);
void grant(struct lab *l, const char *sub, const char *expires);
// A subscription that is there; what was sent for it.
const char *established(struct lab *l);
