// SPDX-License-Identifier: Apache-2.0
// A user of transactions in the place of the proxy, so that they can be driven row by row: it claims everything, notes
// what the transaction layer tells it, with the virtual time, and does only what the test says.
#pragma once

#include "scene.h"
#include "stack/stack.h"

struct core {
    struct scene *scene;
    struct loop *loop;
    struct stack *stack;
    struct txn_layer *txns;  // of the stack
    unsigned answer;         // answers every new request at once with this; 0: the test answers
    char log[8192];          // what was told, one line each: "1500 failed 408"
    txn_id id;               // of the last new request
    struct sip_msg *msg;     // the last new request
    flow_id flow;
    unsigned requests, acks, cancels, ends, flows_closed, traces, trying_due;
};

// A node with a core: UDP and TCP listeners at `at` ("192.0.2.9:5060"), label 0.
struct core *core_new(struct scene *sc, const char *at, const struct stack_params *p);
// Another listener pair.
void core_listen(struct core *c, const char *at, unsigned label, const struct sip_timers *t);
void core_free(struct core *c);
uint64_t core_count(const struct core *c, const char *stat);

// Responds to the last request.
int core_reply(struct core *c, unsigned status);

// A request of the core's own through a client transaction.
struct call {
    struct core *core;
    const char *method, *uri;
    const char *extra;       // header lines with \n, may be NULL
    size_t pad;              // body bytes
    char log[4096];          // "1500 180\n", "32000 failed 408\n", "... ended\n"
    unsigned writes;
    txn_id id;
    flow_id flow;            // 0: by uri
    unsigned label;
    uint32_t timeout_ms, leg_ms;
    bool speaks;
    bool (*elsewhere)(unsigned status);
    struct txn_asked *asked;
    unsigned fail_write;     // the write that fails, from 1; 0: none
    char vias[16][160];      // as given, one for each write
    bool in_start;           // a callback from within the call would be a fault
};
void call_start(struct call *c);
int call_try(struct call *c); // the same, and it may fail
int call_ack(struct call *c); // txn_send_ack
void call_expect(const struct call *c, const char *log);
void core_expect(const struct core *c, const char *log);

// ---- the usual set-up ----

#define CORE "192.0.2.9:5060"
#define PEER "192.0.2.2:5060"

// A core and whoever it speaks with; a test uses what it needs of it.
struct stage {
    struct scene *sc;
    struct core *core;
    struct peer *peer;  // at PEER
    struct peer *a, *b; // a pool of servers
    struct call call;   // of the core
};
// With a core at CORE.
void stage_open(struct stage *st, const struct stack_params *p);
// A peer at PEER, or one with a connection from there to the core.
void stage_peer(struct stage *st, bool connected);
// Nothing is held by now.
void stage_close(struct stage *st);
// Nothing is held when every timer has had its time.
void stage_run_out(struct stage *st);
struct call *call_new(const struct stage *st, const char *method, const char *uri);
