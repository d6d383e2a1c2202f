// SPDX-License-Identifier: Apache-2.0
// The parts of one stack and how they reach each other. Transports hand parsed messages to the
// transaction layer (stack_on_message); that hands new requests to the proxy layer (pxy_on_*).
// Each part owns its tables behind an opaque pointer.
#pragma once

#include "stack/stack.h"
#include "stack/txn.h"

struct writer;
struct transport_layer; // transport.c
struct resolver;        // resolve.c
struct txn_layer;       // txn.c
struct pxy_layer;       // proxy.c
struct ua_layer;        // ua.c

enum { STACK_SCRATCH = 65536 };

// One row per counter: field, metric name, labels. stack_stats walks it.
#define STACK_COUNTERS(X)                                                                          \
    X(requests_in, "sip_requests_in", "")                                                          \
    X(requests_out, "sip_requests_out", "")                                                        \
    X(responses_in, "sip_responses_in", "")                                                        \
    X(responses_out, "sip_responses_out", "")                                                      \
    X(retransmits_in, "sip_retransmits_in", "")                                                    \
    X(retransmits_out, "sip_retransmits_out", "")                                                  \
    X(malformed, "sip_malformed_in", "")                                                           \
    X(oversize, "sip_oversize_in", "")                                                             \
    X(stray_responses, "sip_stray_responses_in", "")                                               \
    X(keepalives, "sip_keepalives_in", "")                                                         \
    X(bytes_in, "sip_bytes_in", "")                                                                \
    X(bytes_out, "sip_bytes_out", "")                                                              \
    X(send_errors, "sip_send_errors", "")                                                          \
    X(overload, "sip_overload_rejected", "")                                                       \
    X(timeouts, "sip_transaction_timeouts", "")                                                    \
    X(failovers, "sip_target_failovers", "")                                                       \
    X(flows_opened, "sip_flows_opened", "")                                                        \
    X(flows_closed, "sip_flows_closed", "")                                                        \
    X(stream_errors, "sip_stream_errors", "")                                                      \
    X(dns_queries, "sip_dns_queries", "")

struct stack_counters {
#define X(field, name, labels) uint64_t field;
    STACK_COUNTERS(X)
#undef X
};

struct stack {
    struct loop *loop;
    const struct stack_ops *ops;
    void *arg;
    struct str server;        // own copy
    struct str alias[4];      // own copies
    size_t n_alias;
    struct str proxy_require[4]; // as given
    size_t max_transactions, max_message;
    bool tcp_prefer, draining;
    timer_cb drained;
    void *drained_arg;
    struct deferred drain_check;
    uint64_t secret;          // keys tags and loop hashes
    struct stack_counters count;
    struct sip_limits limits;
    uint64_t beyond[SIP_LIMIT_COUNT]; // messages that were, by limit
    struct transport_layer *transports;
    struct resolver *resolver;
    struct txn_layer *txns;
    struct pxy_layer *pxys;
    struct ua_layer *uas;
    char *scratch;            // STACK_SCRATCH bytes for the message being built; never kept
};

// A writer over the scratch buffer. Valid until the next call into the stack that builds a message
// (txn_client_start, stack_scratch itself): build, hand over, forget.
struct writer stack_scratch(struct stack *s);

// ---- layers that other files implement; called by stack_new and stack_free ----
int pxy_layer_new(struct stack *s);   // sets s->pxys
void pxy_layer_free(struct stack *s); // called after all transactions have gone (no txn callbacks)
void pxy_stats(const struct stack *s, stack_stat_cb cb, void *arg);
int ua_layer_new(struct stack *s);    // sets s->uas
void ua_layer_free(struct stack *s);

// ---- transaction layer -> proxy layer ----
// A new request with a server transaction; m is valid during the call: sip_msg_ref it to keep it. Its
// top Via has received and rport filled in already. When this returns and no response was given to an
// INVITE yet, the transaction layer sends 100 itself.
void pxy_on_request(struct stack *s, txn_id id, struct sip_msg *m, flow_id flow);
// An ACK for a 2xx; there is no transaction.
void pxy_on_ack(struct stack *s, struct sip_msg *m, flow_id flow);
// The INVITE of this server transaction, which has no final response yet, was cancelled. The CANCEL
// itself has been answered 200. owner is what txn_server_set_owner gave.
void pxy_on_cancel(struct stack *s, txn_id invite, void *owner, const struct sip_msg *cancel);
// The server transaction has gone; err is 0, or ERR_TIMEOUT (no ACK), ERR_IO (response not sent). Never
// called from within a call to this layer. Not called when the owner is NULL.
void pxy_on_server_end(struct stack *s, txn_id id, void *owner, int err);

// ---- transports -> transaction layer ----
struct flow;
// f is where it came from. Takes over nothing; m is referenced by whoever keeps it.
void stack_on_message(struct stack *s, struct flow *f, struct sip_msg *m);
