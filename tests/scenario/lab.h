// SPDX-License-Identifier: Apache-2.0
// Two user agents and a wire that loses what it is told to, a third one and a proxy that forks when
// a test wants them, and a peer in plain text.
#pragma once

#include "agent.h"

#define A "10.0.0.1"
#define B "10.0.0.2"
#define C "10.0.0.3"
#define P "10.0.0.9"
#define Q "10.0.0.7"
#define CALL_B "sip:bob@" B

struct lab {
    struct world w;
    struct tap tap;
    struct agent a, b, c;
    struct node *proxy;
    struct session_ops ops; // of whom the test changes
    // the peer in plain text
    struct peer *q;
    char tag[80];      // of the other side, in the dialog in which it sends requests
    char invite[4096]; // that it has to answer
};

void lab_init(struct lab *l);
// With c, and a proxy on a's way that forks to b and c.
void lab_init_fork(struct lab *l);
// Everything has come to its end by itself.
void lab_done(struct lab *l);
// Hangs up whatever there is, before that.
void lab_end(struct lab *l);
// a calls b, who picks up.
void lab_talk(struct lab *l, const char *offer);
void lab_hang_up(struct lab *l, struct agent *who);
// What the sessions of an agent tell is the test's to change.
struct session_ops *lab_ops(struct lab *l, struct agent *a);

// ---- the peer in plain text ----

struct peer *lab_peer(struct lab *l);
// A request to the agent at `to`, in a dialog when the peer has learnt its tag. more: further
// header lines.
void lab_sends(struct lab *l, const char *to, const char *method, int cseq, const char *branch,
               const char *more, const char *body);
void lab_learns_tag(struct lab *l, const char *response);
// It calls b, up to the 2xx.
struct peer *lab_is_called(struct lab *l, const char *offer);
// a calls it.
struct peer *lab_calls(struct lab *l, const char *offer);
// Response to that INVITE, with what more says and a body if there is one.
void lab_answers(struct lab *l, const char *status, const char *tag, const char *more,
                 const char *body);
void lab_says_ok(struct lab *l, const char *request);
// A request of a's in the dialog with this tag; it gets its 200 but for the ACK.
const char *lab_hears(struct lab *l, const char *method, const char *tag);
