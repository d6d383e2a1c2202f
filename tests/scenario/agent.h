// SPDX-License-Identifier: Apache-2.0
// User agents on the simulated loop: a node whose requests go to the session core, and what its
// owner was told.
#pragma once

#include "harness.h"
#include "stack/session/session.h"

enum { AGENT_SESSIONS = 4, AGENT_TEXT = 128 };

struct agent {
    struct node *node;
    struct session_layer *layer;
    struct session_params p;
    struct session *s;                   // the last one
    struct session *all[AGENT_SESSIONS]; // in their order; closed ones are NULL
    unsigned n, incoming;
    // what it does by itself
    struct session_reply ring[3]; // in their order, when an INVITE comes; status 0: no more
    unsigned n_ring;
    bool pick_up, silent_offers; // 200 at once; offers are answered by the test
    bool poor;                   // what it does may fail for want of memory
    unsigned refuse_offers;      // status; 0: they are answered
    unsigned on_refer;           // status
    const char *says;            // its descriptions
    // what it was told
    unsigned progress, established, closed, modified, offers, answers, refused, requests;
    unsigned last_progress, last_modified, refer_status;
    bool refer_over;
    struct session_end end;
    char offer[AGENT_TEXT], answer[AGENT_TEXT], refer_to[AGENT_TEXT];
};

// Makes a.node's requests its own.
void agent_init(struct agent *a, struct world *w, const char *ip);
void agent_done(struct agent *a); // before world_done
// No transaction is left: each request of its peers was answered, and its own are over.
void nothing_open(const struct agent *a);
void agent_call(struct agent *a, const char *target, const char *offer);
int agent_try(struct agent *a, const char *target, const char *offer); // may fail

// What is seen, and lost, on the wire.
struct tap {
    const char *lose;  // messages that start so are lost...
    unsigned lose_n;   // ...so many times
    const char *count; // messages that start so are counted
    unsigned counted;
    char last[4096]; // the last one counted
};
void tap_init(struct tap *t, struct world *w);
