// SPDX-License-Identifier: Apache-2.0
// What everybody above the transports says about flows: their names, who is at the other end, what strangers
// may use. Values only; transport.h has what can be done with them.
#pragma once

#include "io/loop.h"
#include "sip/types.h"

// SIP's timers for what goes over a listener (stack/txn/timers.h); transports only hand them on.
struct sip_timers;

// Identity of a flow (a UDP peer address on a listening socket, or one TCP connection); ids are
// never reused in a process. 0 is no flow.
typedef uint64_t flow_id;

struct flow_info {
    enum sip_proto proto;
    struct addr local, remote;
    unsigned listener; // label given to stack_listen
    flow_id id;        // 0: not known yet
    bool open;         // a TCP flow that has closed is false
};

// Who speaks on a flow. A message of a stranger is measured by its source before it is read, and a new
// request of his passes stack_ops.screen before anything is kept for it.
enum stack_standing {
    STACK_TRUSTED,  // a neighbour: neither measured nor screened
    STACK_KNOWN,    // a registered user: his new requests are measured by user (stack_ops.user), not screened
    STACK_VOUCHED,  // screened, but not measured (a load generator, a gateway that the operator names)
    STACK_STRANGER, // anybody else
};

// A traced message as it left or arrived on the wire.
struct stack_trace {
    bool out;
    enum sip_proto proto;
    struct addr local, remote;
    struct str bytes;
    struct str call_id; // may be empty
};

// What strangers may use, and registered users, and the past. 0 is no limit everywhere.
struct stack_limits {
    uint32_t source_rate, source_burst; // messages of one source (addr_source_key): a second, at once
    uint32_t user_rate, user_burst;     // new requests of one registered user
    uint32_t connections;               // of strangers, that were accepted
    uint32_t connections_per_source;
    uint32_t first_ms;  // from accepting a stranger's connection to the first whole message
    uint32_t idle_ms;   // a stranger's connection without a whole message
    uint32_t flows;     // strangers' UDP flows
    uint32_t reserve;   // descriptors that strangers leave free; half of them for trusted ones
    uint32_t finished_mb; // MiB that is kept of finished transactions (stack/txn/tomb.h)
};

// What a Warning (RFC 3261 20.43) tells those outside of the network of why this node refused: the cause
// without addresses and names of hosts, all of it, nothing. A trusted neighbour hears all.
enum stack_warnings { STACK_WARNINGS_PLAIN, STACK_WARNINGS_FULL, STACK_WARNINGS_NONE };

struct stack_listen {
    enum sip_proto proto;
    struct addr local;
    bool reuseport;
    unsigned label;                  // e.g. 0 core side, 1 UE side
    const struct sip_timers *timers; // for transactions on this listener; NULL: core
    struct str advertise;            // host to put into Via and to recognise as own; empty: the IP
    bool outside;                    // a refusal from there tells nothing about the network
};

// Counters, for /metrics: name ("sip_requests_in"), labels text (may be ""), value.
typedef void (*stack_stat_cb)(void *arg, const char *name, const char *labels, uint64_t value);
