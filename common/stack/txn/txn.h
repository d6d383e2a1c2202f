// SPDX-License-Identifier: Apache-2.0
// Transactions: the machines of RFC 3261 17 with RFC 6026, as the proxy and UA cores use them. No
// callback ever comes from within a call of this header: what can be said at once is said at the
// end of the turn. Ids are never reused; a call with an id that has gone returns ERR_NOTFOUND or
// does nothing, which is normal.
#pragma once

#include "stack/stack.h"
#include "stack/txn/resolve.h"

struct writer;

typedef uint64_t txn_id; // 0: none

// ---- client side ----

enum txn_client_event {
    TXN_RESPONSE, // status and msg: every provisional (100 included), the final, each 2xx of an INVITE
    TXN_FAILED,   // msg NULL: 408 no answer, 503 transport error or no address, 513 too large for any
                  // datagram and no connection to be had; after all targets; 404 when there are
                  // none that may be reached
    TXN_ENDED,    // the last one, always given exactly once: arg is not used any more
};

// Final = TXN_RESPONSE with status >= 200, or TXN_FAILED; not both (further 2xx of an INVITE apart).
// msg is valid during the call: sip_msg_ref to keep it.
typedef void (*txn_client_cb)(void *arg, txn_id id, enum txn_client_event ev, unsigned status,
                              struct sip_msg *msg);

// Writes the whole request into w, with `via` as the value of a new topmost Via. Called once for
// each target tried, the first time possibly before txn_client_start returns; must not call into the
// stack. Its arg must live until TXN_ENDED. Returns 0 or an error (the transaction then fails, 503).
typedef int (*txn_write)(void *arg, struct str via, struct writer *w);

struct txn_client_params {
    enum sip_method method;    // not ACK: see txn_send_ack. SIP_UNKNOWN is an extension method
    struct str method_name;    // for SIP_UNKNOWN; copied
    txn_write write;
    txn_client_cb cb;
    void *arg;                 // for both
    flow_id flow;              // send here and nowhere else; 0: by reach or uri
    const struct stack_reach *reach; // NULL: resolve uri; read during the call
    const struct sip_uri *uri; // next hop to resolve (topmost Route or Request-URI); read during the call
    unsigned label;            // of the listener that sends
    unsigned word;             // whose word uri is: stack_ops.may_reach; 0: our own
    // What all targets together may take: without a final response (INVITE: without any) the
    // transaction fails with 408. 0: Timer B/F.
    uint32_t leg_ms;
    uint32_t timeout_ms;       // per target: no response at all after that; 0: its share of leg_ms
    bool speaks;               // the next hop answers this request itself: its silence is its own
    bool withdraw;             // a target that says nothing to an INVITE gets a CANCEL when it is given up
    uint64_t loop_hash;        // txn_loop_hash of the received request; 0: originated here
};

// Starts a client transaction: resolves, connects, sends, retransmits, tries the next target on a
// transport error, 503 or silence (RFC 3263 4.3), builds the ACK for a non-2xx. Another transport of the
// same node is tried after a transport error only. ERR_NOMEM, ERR_INVAL.
int txn_client_start(struct stack *s, const struct txn_client_params *p, txn_id *ret_id);

// Why it has failed, while the owner is told so: the name and what DNS said, or the address and what happened
// there. NULL: nothing is known beyond the status.
const char *txn_client_trouble(const struct stack *s, txn_id id);

// Sends a CANCEL for an INVITE: at once when a provisional response was seen, else as soon as one
// comes (RFC 3261 9.1); nothing when it has a final response. reason: value of a Reason header, empty:
// none. Without a final response within 64*T1 after the CANCEL the INVITE fails with 408; one that is
// still being resolved is never sent and fails with 487.
int txn_client_cancel(struct stack *s, txn_id id, struct str reason);

// No further callbacks (TXN_ENDED included, and write is not called again); it ends by itself.
void txn_client_forget(struct stack *s, txn_id id);

// The flow the request went out on (0 while resolving).
flow_id txn_client_flow(const struct stack *s, txn_id id);

// An ACK for a 2xx (or any request that needs no transaction): resolved and written as by
// txn_client_start, sent once. write's arg must live until done(done_arg), which is called once at
// the latest when it has left; done may be NULL only when the target is a flow, or write's data
// outlives the stack's.
struct txn_send_params {
    txn_write write;
    timer_cb done;
    void *arg;                 // for both
    flow_id flow;
    const struct stack_reach *reach;
    const struct sip_uri *uri;
    unsigned label, word;
    uint64_t loop_hash;
};
int txn_send_ack(struct stack *s, const struct txn_send_params *p);

// ---- server side ----

// Attached to the transaction for pxy_on_cancel and pxy_on_server_end.
void txn_server_set_owner(struct stack *s, txn_id id, void *owner);
// Sends a response through the transaction. bytes (usually the scratch) are copied as needed. ERR_STATE
// when a final response was sent already (further 2xx of an INVITE pass), ERR_NOTFOUND when it has gone,
// ERR_TOOBIG when it needs a datagram that is larger than any can be; another may be sent then.
int txn_server_reply(struct stack *s, txn_id id, unsigned status, struct str bytes);
// No final response to it can be sent: it ends.
void txn_server_drop(struct stack *s, txn_id id);
// Listener timers and label of the transaction's flow.
const struct sip_timers *txn_server_timers(const struct stack *s, txn_id id);

// Answers m, which has or has not a transaction, with a response built from nothing but m (To tag by
// txn_to_tag, Server as configured); for 4xx-6xx made by the stack itself. extra as in
// sip_write_response. An ACK is never answered.
int txn_server_reject(struct stack *s, txn_id id, const struct sip_msg *m, unsigned status,
                      struct str reason, const struct sip_edits *extra);

// ---- helpers ----

enum { TXN_TAG_LEN = 16 };
// The To tag that this stack gives to responses for m: the same for a request, its retransmissions
// and its CANCEL, without any state.
struct str txn_to_tag(const struct stack *s, const struct sip_msg *m, char buf[TXN_TAG_LEN]);
// Does this ACK belong to a response that this stack itself made for an INVITE without a To tag?
bool txn_is_own_tag(const struct stack *s, const struct sip_msg *ack);

// Hash over what routes a request (RFC 3261 16.6 step 8 as revised by RFC 5393 4.2): Request-URI, Route,
// tags, Call-ID, CSeq number, Proxy-Require, Proxy-Authorization. Never 0. It becomes the second part of
// the branches that m is forwarded with.
uint64_t txn_loop_hash(const struct stack *s, const struct sip_msg *m);
// True when one of m's Vias is ours and carries this hash: a loop, not a spiral (RFC 3261 16.3 step 4).
bool txn_is_loop(const struct stack *s, const struct sip_msg *m, uint64_t loop_hash);

// Number of transactions of both sides that are not finished: a final response is still due or (INVITE
// server) its ACK. Those that only absorb retransmissions do not count.
size_t txn_count(const struct stack *s);
// Those of them, on the server side, that strangers have opened.
size_t txn_strangers(const struct stack *s);

// ---- for stack.c ----
void txn_stats(const struct stack *s, stack_stat_cb cb, void *arg);
int txn_layer_new(struct stack *s);
// Drops every transaction without a word; no callbacks.
void txn_layer_free(struct stack *s);
