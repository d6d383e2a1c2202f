// SPDX-License-Identifier: Apache-2.0
// Overload control of a node: which new requests it takes when more come than it, or what stands
// behind it, can serve. Pure arithmetic on what the caller tells; no loop, no messages.
//
// A request's journey: the transaction layer tells how long it had waited in the system
// (overload_waited) and asks whether a new one may come in (overload_ask); the proxy core tells when
// the network has answered it (overload_answered) or a node behind has refused for its own overload
// (overload_pushed_back). Two things bound what comes in:
//  - a window: of what machines answer (REGISTER) only so many are under way as are answered within the
//    time that an answer may take. Whatever is slow behind this node, its queue stays that short.
//  - a limit of so many a second for the lowest class of requests that still comes in, while the load is
//    above 1: while requests wait in this node's own system longer than they may, or nodes behind push back.
// Neither depends on how much is offered, so twice and eight times the maximum end in the same place
// (as for the rate-based control of RFC 7415).
//
// What is refused costs too: beyond so many refusals a second datagrams are dropped without a word.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// From what is refused first to what is never refused.
enum overload_class {
    OVERLOAD_NEW,     // begins something: a first REGISTER, an INVITE, a MESSAGE
    OVERLOAD_CARRIED, // the network has invested in it: answers to challenges, refreshes, later legs
    OVERLOAD_KEPT,    // within a dialog, CANCEL, emergency
    OVERLOAD_CLASSES
};

enum overload_verdict {
    OVERLOAD_TAKE,
    OVERLOAD_REFUSE, // 503 with Retry-After
    OVERLOAD_DROP,   // not even that
};

struct overload_params {
    bool off;
    uint32_t wait_ms;    // in the system before this process takes it: load 1
    uint32_t latency_ms; // from a REGISTER to the network's answer: the window
    uint32_t refusals;   // a second
    uint32_t retry_after_s;
};

struct overload_figures {
    double load;                       // of the last interval
    double limit[OVERLOAD_CLASSES];    // a second; negative: none
    uint64_t under_way, window;        // of what machines answer
    uint64_t refused[OVERLOAD_CLASSES], dropped, pushed_back, entered;
    uint64_t unread; // of those dropped: by overload_drops
};

struct overload;

// now in ns, monotonic, everywhere. ERR_NOMEM.
int overload_new(const struct overload_params *p, uint64_t now, struct overload **ret_overload);
void overload_free(struct overload *o); // takes NULL
void overload_set(struct overload *o, const struct overload_params *p);

void overload_waited(struct overload *o, uint64_t now, uint64_t waited_ns);
struct overload_request {
    enum overload_class kind;
    bool machine;   // the network answers it by itself, in a time that tells about the network
    bool droppable; // the peer will send again by itself (a datagram)
    bool acked;     // its refusal is acknowledged (INVITE)
};
enum overload_verdict overload_ask(struct overload *o, uint64_t now,
                                   const struct overload_request *r);
// For a datagram before it is read. Are the refusals of the moment used up?
bool overload_is_deaf(struct overload *o, uint64_t now);
// And would overload_ask say OVERLOAD_DROP to this one? True: it has said so, and counted it.
bool overload_drops(struct overload *o, const struct overload_request *r);
// One that was taken got its first answer other than 100, or will never get one. served: not a 5xx,
// which tells nothing of what can be done.
void overload_answered(struct overload *o, uint64_t now, const struct overload_request *r,
                       bool served);
void overload_pushed_back(struct overload *o, uint64_t now);

// Seconds for Retry-After: from the setting to twice it, by random, so that they do not all return
// at once.
uint32_t overload_retry_after(const struct overload *o, uint64_t random);
const struct overload_figures *overload_figures(const struct overload *o);
