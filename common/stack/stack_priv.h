// SPDX-License-Identifier: Apache-2.0
// The parts of one stack and how they reach each other. Transports hand parsed messages to the
// transaction layer (stack_on_message); that hands new requests to the proxy layer (pxy_on_*).
// Each part owns its tables behind an opaque pointer.
#pragma once

#include "stack/stack.h"
#include "stack/txn/txn.h"

struct writer;
struct transport_layer; // transport.c
struct guard;           // guard.c
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
    X(stray_acks, "sip_stray_acks_in", "")                                                         \
    X(keepalives, "sip_keepalives_in", "")                                                         \
    X(bytes_in, "sip_bytes_in", "")                                                                \
    X(bytes_out, "sip_bytes_out", "")                                                              \
    X(send_errors, "sip_send_errors", "")                                                          \
    X(overload, "sip_overload_rejected", "")                                                       \
    X(forbidden, "sip_targets_forbidden", "")                                                      \
    X(timeouts, "sip_transaction_timeouts", "")                                                    \
    X(too_late, "sip_requests_too_late", "")                                                       \
    X(unreachable, "sip_unreachable_reports", "")                                                  \
    X(failovers, "sip_target_failovers", "")                                                       \
    X(flows_opened, "sip_flows_opened", "")                                                        \
    X(flows_closed, "sip_flows_closed", "")                                                        \
    X(stream_errors, "sip_stream_errors", "")                                                      \
    X(dns_queries, "sip_dns_queries", "")                                                          \
    X(strangers_refused, "sip_strangers_refused", "")                                              \
    X(strangers_unanswered, "sip_strangers_unanswered", "")                                        \
    X(drop_source, "sip_limit_reached", "limit=\"source_rate\"")                                   \
    X(drop_user, "sip_limit_reached", "limit=\"user_rate\"")                                       \
    X(drop_flows, "sip_limit_reached", "limit=\"flows\"")                                          \
    X(drop_open, "sip_limit_reached", "limit=\"transactions\"")                                    \
    X(drop_acks, "sip_limit_reached", "limit=\"acks\"")                                            \
    X(drop_connections, "sip_limit_reached", "limit=\"connections\"")                              \
    X(drop_per_source, "sip_limit_reached", "limit=\"connections_per_source\"")                    \
    X(drop_reserve, "sip_limit_reached", "limit=\"reserve\"")                                      \
    X(evicted, "sip_connections_evicted", "")                                                      \
    X(idle_closed, "sip_idle_connections_closed", "")

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
    struct str supported;        // as given
    size_t max_transactions, max_message;
    bool tcp_prefer, draining;
    uint32_t keep_s;
    struct stack_limits limits;
    enum stack_warnings warnings;
    uint32_t standing_epoch;  // of what flows know about their standing
    timer_cb drained;
    void *drained_arg;
    struct deferred drain_check;
    uint64_t secret;          // keys tags and loop hashes
    struct stack_counters count;
    struct sip_limits message;
    uint64_t beyond[SIP_LIMIT_COUNT]; // messages that were, by limit
    struct transport_layer *transports;
    struct guard *guard;
    struct resolver *resolver;
    struct txn_layer *txns;
    struct pxy_layer *pxys;
    struct ua_layer *uas;
    struct overload *overload;
    unsigned outside;         // listener labels as bits: peers there are not the network
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
// asked is what overload control was asked for it.
void pxy_on_request(struct stack *s, txn_id id, struct sip_msg *m, flow_id flow,
                    const struct overload_request *asked);
// What the proxy core refuses (RFC 3261 16.3), before there is anything but the message: status or 0,
// *ret_why (untouched: the standard phrase) and headers for the response.
unsigned pxy_check_stateless(const struct stack *s, const struct sip_msg *m, struct str *ret_why,
                             struct sip_edits *extra);
// Does the OPTIONS ask this node itself (RFC 3261 11.2, 16.3)? What it is then answered with: 200 and
// what options_describe adds.
bool options_is_ours(const struct stack *s, const struct sip_msg *m);
void options_describe(const struct stack *s, struct sip_edits *e);
// Is this a tag that Proxy-Require may have?
bool pxy_knows_option(const struct stack *s, struct str tag);
// An ACK for a 2xx; there is no transaction.
void pxy_on_ack(struct stack *s, struct sip_msg *m, flow_id flow);
// Has a 2xx been sent here that waits for this ACK?
bool pxy_awaits_ack(const struct stack *s, const struct sip_msg *ack);
// The INVITE of this server transaction, which has no final response yet, was cancelled. The CANCEL
// itself has been answered 200. owner is what txn_server_set_owner gave.
void pxy_on_cancel(struct stack *s, txn_id invite, void *owner, const struct sip_msg *cancel);
// A request other than INVITE has not been answered for so long that RFC 4320 4.1 wants a 100: the owner
// sends it through the transaction.
void pxy_on_trying_due(struct stack *s, txn_id id, void *owner);
// The server transaction has gone; err is 0, or ERR_TIMEOUT (no ACK), ERR_IO (response not sent). Never
// called from within a call to this layer. Not called when the owner is NULL.
void pxy_on_server_end(struct stack *s, txn_id id, void *owner, int err);

// ---- transports -> transaction layer ----
struct flow;
// f is where it came from. Takes over nothing; m is referenced by whoever keeps it.
void stack_on_message(struct stack *s, struct flow *f, struct sip_msg *m);
