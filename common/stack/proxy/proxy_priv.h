// SPDX-License-Identifier: Apache-2.0
// Inside the proxy. A request's journey: proxy.c takes a pxy from the pool (proxy_request.c), proxy_check.c validates
// it and prepares its route (RFC 3261 16.3, 16.4), the owner forwards (proxy_forward.c, 16.6), responses come back to
// the response context (proxy_context.c, 16.7 to 16.10), and the pxy goes back to the pool at the end of the turn in
// which its last transaction ended.
//
// Each file needs those below it only:
//     proxy (the layer), pipeline | proxy_check, proxy_forward | proxy_context | proxy_reply | proxy_branches |
//     proxy_request | proxy_late, stateless
#pragma once

#include "base/list.h"
#include "base/log.h"
#include "base/slots.h"
#include "io/loop.h"
#include "sip/msg.h"
#include "sip/uri.h"
#include "stack/proxy/proxy.h"
#include "stack/transport/transport.h"
#include "stack/txn/txn.h"

enum {
    PXY_INLINE = 2048,  // arena bytes in the pxy itself: most requests need no more
    PXY_POOL_MAX = 256, // pxys kept for reuse
    PXY_ACK_BUCKETS = 64,
};

struct pxy_layer {
    struct loop *loop;
    struct txn_layer *txns;
    struct transport *transport;
    struct pxy_owner_ops owner;
    void *owner_arg;
    struct str proxy_require[PXY_OPTION_TAGS], supported; // as given
    struct slots ids;
    struct list all; // every live pxy but those leaving
    size_t n_live;
    struct list pool;
    size_t n_pool;
    struct list leaving; // to be released at the end of the turn
    struct list lates;   // what is left of accepted INVITEs, by branch
    size_t n_lates;
    struct deferred release;
    struct list await_ack[PXY_ACK_BUCKETS]; // 2xx answered here, by dialog
};

// One client transaction of a response context.
struct branch {
    struct list link;
    struct pxy *pxy;
    txn_id txn;             // 0 when it will call no more
    struct sip_edits edits; // of the request, as they were when the branch started
    const struct pxy_forward_ops *ops;
    void *nf, *ctx;
    struct timer timer_c;
    bool open;                 // no final response yet
    bool accepted;             // a 2xx of an INVITE came
    bool provisional;          // one came, 100 included
    bool spoke;                // one came, 100 not included
    bool ending;               // Timer C is the end of its silence
    uint32_t silent_ms;        // see struct pxy_target
    uint64_t started;          // ms of loop time
    bool cancelled, timed_out; // CANCEL sent; Timer C was the reason
    unsigned label;            // of the listener that sent it
    bool outside;              // see struct pxy_target
    const char *trouble;       // why it failed without a response (in the pxy's arena); NULL: no idea
    unsigned status;           // final response that counts, 0: none or taken by the NF
    struct sip_msg *msg;       // NULL: ended without one
    struct sip_edits up;       // what to change in it, or further headers of a response made here
};

struct pxy {
    struct list link; // all, pool or leaving
    struct pxy_layer *layer;
    pxy_id id;
    txn_id server; // 0: an ACK, or the transaction has gone
    uint64_t born; // ms of loop time
    flow_id flow;
    struct flow_info source;
    struct sip_msg *req;
    const struct sip_uri *own_route;
    struct sip_edits edits;
    void *ctx;
    void (*free_ctx)(void *ctx);
    const char *trouble; // of the branch that failed last
    struct txn_asked *asked; // by targets with elsewhere; NULL: no such target yet
    struct list branches;
    struct branch *held;     // whose response waits for the NF
    size_t n_open; // branches without final response
    size_t n_live; // branches whose transaction may still call
    uint64_t loop_hash;
    uint32_t forwards; // calls of pxy_forward so far
    bool invite, ack;
    bool answered;  // final response sent, or nobody left to send it to
    bool accepted;  // a 2xx to an INVITE was passed on
    bool cancelled; // by the upstream side
    bool no_more;   // a 6xx came: no new branches
    bool pending;   // the NF took the last response, or holds one, and owes a decision
    bool leaving;
    bool starved;   // memory beyond the limit was counted
    // 2xx to an INVITE answered here (RFC 3261 13.3.1.4), or an ACK that waits for its owner
    struct timer timer;
    struct str to_tag;             // of responses made here, once needed
    struct str ok;                 // the response, to be retransmitted
    uint32_t ok_interval, ok_left; // ms
    uint64_t ack_key;
    struct list ack_link;
    struct arena arena;
    char inline_mem[PXY_INLINE];
};

// ---- proxy_request.c ----
// server 0: an ACK. NULL: out of memory.
struct pxy *pxy_new(struct pxy_layer *l, txn_id server, struct sip_msg *m, flow_id flow);
// Releases the pxy at the end of the turn when nothing holds it any more.
void pxy_settle(struct pxy *p);
// The end of the turn.
void pxy_release_leaving(void *layer);
void pxy_free_all(struct pxy_layer *l);

// Why what was read of the request, or prepared for it, may be wanting: an allocation failed. NULL: none
// did.
const char *pxy_starved(struct pxy *p);

// ---- proxy_late.c ----
// What goes upstream of msg: without our Via (RFC 3261 16.7 step 3). False when nothing would be left.
bool pxy_edits_up(struct sip_msg *msg, struct sip_edits *e);
// Passes msg on with its edits. A failure is ours: the caller decides what it means.
int pxy_pass_up(struct txn_layer *l, txn_id server, unsigned status, const struct sip_msg *msg,
                const struct sip_edits *up);
// Can the pxy of this branch go, and a further 2xx still be passed on?
bool pxy_late_will_do(const struct branch *b);
// It goes: whoever is told of the branch's transaction from now on knows what `late` needs.
void pxy_late_keep(struct branch *b);
// All of them; no transactions are left.
void pxy_late_free_all(struct pxy_layer *l);

// ---- proxy_check.c ----
// True when the owner may see the request; otherwise it has been answered (or is an ACK to drop).
bool pxy_check(struct pxy *p);

// ---- stateless.c ----
// What the proxy core refuses, before there is anything but the message: status or 0, *ret_why (untouched: the
// standard phrase) and headers for the response. RFC 3261 16.3: steps 1 to 3; step 5; all of them.
unsigned pxy_check_message(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why);
unsigned pxy_check_required(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why,
                            struct sip_edits *extra);
unsigned pxy_check_stateless(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why,
                             struct sip_edits *extra);
// Does the OPTIONS ask this node itself (RFC 3261 11.2, 16.3)? What it is then answered with: 200 and
// what options_describe adds.
bool options_is_ours(const struct pxy_layer *l, const struct sip_msg *m);
void options_describe(const struct pxy_layer *l, struct sip_edits *e);

// ---- proxy_context.c ----
void pxy_branch_provisional(struct branch *b, unsigned status, struct sip_msg *msg);
// msg NULL: ended without a response.
void pxy_branch_final(struct branch *b, unsigned status, struct sip_msg *msg);
void pxy_branch_timer_c(void *arg);

// ---- proxy_branches.c ----
// Stops listening to the branch's transaction.
void pxy_branch_forget(struct branch *b);
void pxy_cancel_branches(struct pxy *p, struct str reason);
// The final response has been sent, or cannot be: what is still open downstream is given up.
void pxy_finish(struct pxy *p, struct str cancel_reason);

// ---- proxy_reply.c ----
// Adds `399 host "text"` (RFC 3261 20.43), or what of it may be told to who asked.
void pxy_warn(struct pxy *p, struct sip_edits *extra, struct str text);
// Stops the retransmission of a 2xx made here.
void pxy_ok_stop(struct pxy *p);
// The ACK for a 2xx made here, if it is one.
void pxy_ok_acked(struct pxy_layer *l, const struct sip_msg *ack);
// Has a 2xx been sent here that waits for this ACK?
bool pxy_awaits_ack(const struct pxy_layer *l, const struct sip_msg *ack);
