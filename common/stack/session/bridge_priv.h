// SPDX-License-Identifier: Apache-2.0
// The two halves of a bridge, as its files share them.
#pragma once

#include "stack/session/bridge.h"

enum { FORKS_MAX = 12 };

// Who has answered the INVITE of one side: what it describes, and what it was told of the other
// one.
struct fork {
    uint64_t tag;           // hash of it
    struct str said, heard; // heap
    uint32_t turn;          // its offer waits to be passed on, the least first; 0: none waits
};

struct half {
    struct bridge *bridge;
    struct half *other;
    struct session *session; // NULL: it is over
    struct fork forks[FORKS_MAX];
    size_t n_forks;
    uint32_t turns;
    uint64_t asker;    // of the forks, whose offer was passed on last
    uint64_t given;    // whose description the other side has; 0: none
    uint64_t chosen;   // who has accepted; 0: nobody yet
    bool asked;        // it waits for an answer (or offer) that the other side is to give
    bool wanting;      // and that is an offer, not an answer
    bool begun;        // the caller was made an offer in a response, and takes no other there
    bool stale;        // nobody waits for what the other side is to answer next
    bool changing;     // what was passed on went as a change, which has not ended
    bool realigning;   // that was the description of who has accepted, in the place of another's
    server_id request; // of its side, that the other side is to answer; 0: none
};

struct bridge {
    const struct bridge_ops *ops;
    void *arg;
    struct half caller, called;
    bool late; // the caller has made no offer
    bool ending;
    unsigned held; // it is being worked with, and stays, whatever ends
    struct session_end end;
    bool by_caller;
};

static inline bool half_is_caller(const struct half *h)
{
    return h == &h->bridge->caller;
}

// ---- bridge_offers.c ----

// What is between one side and this node is no matter of the other: credentials, intervals, other
// targets, and a dialog that is lost.
unsigned bridge_passed_on(unsigned status);
// Keeps what the caller offers in his INVITE. False: no memory.
bool bridge_first_offer(struct half *caller, struct str body);
void bridge_on_offer(struct half *h, struct str body, const struct sip_msg *m);
void bridge_on_answer(struct half *h, struct str body, const struct sip_msg *m);
void bridge_on_modified(struct half *h, unsigned status);
void bridge_on_withdrawn(struct half *h, struct str fork);
// The called side: rings, has accepted.
void bridge_on_progress(struct half *h, unsigned status, const struct sip_msg *m);
void bridge_on_accepted(struct half *h);
void bridge_forget_forks(struct half *h);
