// SPDX-License-Identifier: Apache-2.0
// A SIP node's engine, wired from its layers: transport <- txn <- { proxy, session, event }. What each does with a
// message stands in its header (stack/transport/transport.h, stack/txn/txn.h, stack/proxy/proxy.h, stack/session/ua.h);
// here are the parameters of them all, and what a network function asks them for by its stack. A layer includes
// none above it, and calls it by its ops only.
#pragma once

#include "io/loop.h"
#include "sip/edit.h"
#include "sip/limits.h"
#include "stack/proxy/proxy.h"
#include "stack/transport/transport.h"
#include "stack/txn/txn.h"

struct stack;
struct job;
struct ua_layer;

struct stack_ops {
    // A new request outside or inside a dialog, ACK for 2xx included, CANCEL excluded. The owner must
    // sooner or later call pxy_reply or pxy_forward (for an ACK: pxy_forward or nothing; one that is
    // neither forwarded nor has a context by pxy_set_ctx when this returns is gone then).
    void (*request)(void *arg, struct pxy *p);
    // An INVITE that the owner has not finally answered was cancelled from upstream: the stack answers
    // 487 and cancels the branches; p is still there during the call. May be NULL.
    void (*cancelled)(void *arg, struct pxy *p);
    // The class of a new request for overload control, when the owner knows more than the message says
    // (shed_class of stack/txn/shed.h). May be NULL.
    enum overload_class (*classify)(void *arg, const struct sip_msg *m,
                                    const struct flow_info *from);
    // A connection-oriented flow closed, or a UDP flow was reported unreachable. May be NULL.
    void (*flow_closed)(void *arg, flow_id flow);
    // May a request go to this address, when the next hop is somebody else's word (pxy_target.word)?
    // Asked for each address after resolution, whatever name stood before it. NULL: to any.
    bool (*may_reach)(void *arg, unsigned word, const struct addr *a);
    // Every message in and out. May be NULL.
    void (*trace)(void *arg, const struct stack_trace *t);
    // Who is at the other end? Asked once for each flow, and again after stack_recheck. NULL:
    // everybody is trusted.
    enum stack_standing (*standing)(void *arg, const struct flow_info *from);
    // A key (base/bucket.h) for whose flow it is, when the standing is STACK_KNOWN: all his flows share the limit
    // of one user. Asked along with standing. NULL: each source address is one user.
    uint64_t (*user)(void *arg, const struct flow_info *from);
    // No connection could be made to this address of a struct stack_reach, and a request that should have had
    // one for its size went by UDP. May be NULL.
    void (*no_stream)(void *arg, const struct addr *to);
    // False when a new request (ACK too; not CANCEL) of a stranger is to be refused: it is answered
    // without state, once for each time it arrives, and an ACK is dropped. NULL: all may pass.
    bool (*screen)(void *arg, const struct flow_info *from, const struct sip_msg *m,
                   struct stack_refusal *ret_refusal);
    // The status by which a new request is refused while the node drains. NULL: 503.
    unsigned (*leaving)(void *arg, const struct sip_msg *m);
};

struct stack_params {
    struct loop *loop;
    const struct stack_ops *ops;
    void *arg;
    struct str server;      // Server and User-Agent value; empty: none
    struct str host_alias[TRANSPORT_ALIASES]; // further host names that mean this node in Route and Request-URI
    struct str proxy_require[PXY_OPTION_TAGS]; // option tags accepted in Proxy-Require, static text; others: 420
    // Option tags for Supported (static text, may be empty) of a node that answers OPTIONS to itself without
    // the owner; p NULL: the owner answers them.
    struct str supported;
    size_t max_transactions;// beyond it: 503 with Retry-After at once; 0: 200000
    size_t max_message;     // bytes; 0: what message says
    const struct sip_limits *message; // of received messages, copied; NULL or all zero: sip_limits_default
    struct overload_params overload; // all zero: off
    uint32_t keep_s;        // keep-alives that are asked for are answered, and wanted so often (RFC 6223); 0: no
    bool tcp_prefer;        // choose TCP towards a numeric or A-record next hop without transport
    struct stack_limits limits;
    enum stack_warnings warnings;
    // Calls that pass (stack/proxy/calls.h): how many are counted at most, 0: none, as of a node that does not stay on
    // their way; and after how long one without a session timer counts as over.
    uint32_t max_calls, call_lifetime_s;
};

int stack_new(const struct stack_params *p, struct stack **ret_stack);
// Ends every transaction without a word on the wire and closes all transports.
void stack_free(struct stack *s);

int stack_listen(struct stack *s, const struct stack_listen *l);

// Changes the settings of overload control.
void stack_set_overload(struct stack *s, const struct overload_params *p);
bool stack_flow(const struct stack *s, flow_id flow, struct flow_info *ret_info);
// Closes a connection when this turn is over, unless something is in progress on it.
void stack_flow_close(struct stack *s, flow_id flow);
// The standing of the flows to and from this address has changed (a contact was registered or left).
void stack_recheck(struct stack *s, enum sip_proto proto, const struct addr *remote);
// That of any flow may have (another list of trusted neighbours).
void stack_recheck_all(struct stack *s);
void stack_set_limits(struct stack *s, const struct stack_limits *l);
void stack_set_warnings(struct stack *s, enum stack_warnings w);
// True when the URI's host and port are one of this node's listeners or aliases.
bool stack_is_own(const struct stack *s, const struct sip_uri *u);
// Stops taking new requests outside dialogs (503 with Retry-After, as a probe by OPTIONS too); what belongs to a dialog
// goes on. done is called when no call and no transaction is left.
void stack_drain(struct stack *s, timer_cb done, void *arg);
// done of stack_drain now, whatever is left, unless it was called already.
void stack_drain_cut(struct stack *s);
struct stack_left {
    size_t calls, transactions;
};
struct stack_left stack_left(const struct stack *s);

// Counters of all layers, for /metrics.
void stack_stats(const struct stack *s, stack_stat_cb cb, void *arg);

// ---- the layers ----

struct txn_layer *stack_txns(const struct stack *s);
struct ua_layer *stack_uas(const struct stack *s);

// NULL when it is gone by now (cancelled and finished, or the stack is draining).
struct pxy *pxy_find(const struct stack *s, pxy_id id);
// The job (stack/proxy/pipeline.h) that waits with this pxy, to be resumed; NULL when it is gone or over, which is
// normal.
struct job *pxy_job(const struct stack *s, pxy_id id);
