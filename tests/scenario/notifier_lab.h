// SPDX-License-Identifier: Apache-2.0
// A node that is subscribed to, with the counters of counter.h as its state, and two peers who
// subscribe by hand.
#pragma once

#include "event_lab.h"

#define N "10.0.1.1"
#define BOB "10.0.0.2"
#define EVE "10.0.0.3"
#define EVENT "Event: x-counter\n"
#define CONTACT "<sip:state@" N ">"

struct lab {
    struct world w;
    struct node *n;
    struct peer *bob, *eve;
    struct event *core;
    struct counter counter;
    enum sip_proto last_proto;
};

void lab_init(struct lab *l);
void lab_init_limits(struct lab *l, struct event_limits limits);
// When everything has expired nothing is left.
void lab_done(struct lab *l);
uint64_t figure(const struct lab *l, const char *name, const char *labels);
uint64_t alive(const struct lab *l); // subscriptions to the node

// ---- a subscriber ----

struct sub {
    struct peer *p;
    char call_id[32], tag[64]; // tag: the notifier's
    int cseq;
};

struct sub sub_of(struct peer *p, const char *call_id);
// SUBSCRIBE for the counter of that name ("a"), inside the dialog when there is one.
void subscribe_to(struct lab *l, struct sub *s, const char *user, const char *extra);
void ask(struct lab *l, struct sub *s, const char *extra);
// The response must have this status.
const char *answered(struct sub *s, const char *status);
void ok_notify(struct sub *s, const char *m);
// The next NOTIFY, which is answered; its substate and body must begin so.
const char *told(struct sub *s, const char *substate, const char *body);
// A subscription that is there.
struct sub subscribed(struct lab *l, struct peer *p, const char *call_id, const char *extra);

// For what a counter does within (counter.h).
void end_it(struct counter *c, event_id id);
