// SPDX-License-Identifier: Apache-2.0
// Scenarios on the simulated loop: stacks under test as nodes, scripted SIP peers around them, and
// virtual time. A peer speaks UDP in plain text; a node is a real stack with a handler of the
// test's.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/sim.h"
#include "stack/session/ua.h"
#include "stack/stack.h"
#include "tests/common/place.h"

enum { WORLD_NODES = 8, WORLD_PEERS = 8, PEER_INBOX = 64 };

struct node {
    struct world *w;
    struct loop *loop;
    struct stack *stack;
    const char *ip;
    void (*on_request)(struct node *n, struct pxy *p); // NULL: node_relay
    const char *next_hop;                              // of node_relay; NULL: Route or Request-URI
    bool record_route;                                 // of node_relay
    const struct pxy_forward_ops *ops; // of node_relay, NULL: one that counts; nf is the node
    unsigned requests, acks, responses, last_status;
    pxy_id last;
    void *data;
};

struct peer {
    struct world *w;
    struct loop *loop;
    struct udp *udp;
    const char *ip;
    char *inbox[PEER_INBOX]; // NUL-terminated messages, oldest first
    size_t n, seen;
    bool keep_duplicates; // otherwise a retransmission is dropped on arrival
};

struct world {
    struct sim *sim;
    struct node nodes[WORLD_NODES];
    size_t n_nodes;
    struct peer peers[WORLD_PEERS];
    size_t n_peers;
    long live_before;
};

void world_init(struct world *w); // seed 1
void world_init_seed(struct world *w, uint64_t seed);
// Ends everything and checks that nothing is left on the heap.
void world_done(struct world *w);
void world_run(struct world *w, uint64_t ms);

extern const struct pxy_forward_ops count_ops; // counts responses and passes them on; nf is the node
extern const struct stack_ops node_ops; // for a test that adds to them

// A stack listening on ip:5060, UDP and TCP. params may be NULL; loop and arg are filled in, ops when NULL.
struct node *node_new(struct world *w, const char *ip, const struct stack_params *params);
// Forwards by the node's settings: the default handler.
void node_relay(struct node *n, struct pxy *p);

struct peer *peer_new(struct world *w, const char *ip);
// Sends text to dst:5060, "\n" as CRLF.
void peer_send(struct peer *p, const char *dst, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct request {
    const char *method, *uri;
    const char *branch;   // NULL: "z9hG4bK-" method cseq
    const char *call_id;  // NULL: "call-1"
    const char *to_tag;   // NULL: none
    const char *from_tag; // NULL: "from-1"
    int cseq;             // 0: 1
    int max_forwards;     // 0: 70; -1: send 0
    const char *extra;    // further header lines, each ended by "\n"; NULL: none
};
void peer_request(struct peer *p, const char *dst, const struct request *r);

// The next message, waiting at most ms of virtual time; NULL when none comes.
const char *peer_next(struct peer *p, uint64_t ms);
// The next message must start so ("INVITE ", "SIP/2.0 180"); 100 is skipped unless asked for. Waits
// up to five seconds.
const char *peer_expect(struct peer *p, const char *start);
// Nothing but 100 arrives for ms.
void peer_expect_silence(struct peer *p, uint64_t ms);
// Answers a request received from dst: Vias, From, To with tag, Call-ID, CSeq, Record-Route copied.
// tag may be NULL. extra as in struct request.
void peer_reply(struct peer *p, const char *dst, const char *req, const char *status_line,
                const char *tag, const char *extra);

// i-th header line's value with this name ("Via"), in a static ring of buffers; NULL past the last.
const char *header_of(const char *msg, const char *name, unsigned i);
unsigned count_of(const char *msg, const char *name);
// Request-URI of a request.
const char *uri_of(const char *msg);
// The route set a UAC (reversed) or UAS (straight) has to use: Record-Route of msg as Route lines.
const char *routes_reversed(const char *msg);
const char *routes_straight(const char *msg);
// Value of a header parameter such as "branch" or "tag"; NULL when absent.
const char *param_of(const char *value, const char *name);

#define assert_contains(hay, needle)                                                               \
    do {                                                                                           \
        const char *hay_ = (hay);                                                                  \
        if (!hay_ || !strstr(hay_, (needle)))                                                      \
            fail_msg("\"%s\" not in:\n%s", (needle), hay_ ? hay_ : "(null)");                      \
    } while (0)
