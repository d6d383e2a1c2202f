// SPDX-License-Identifier: Apache-2.0
// Transactions: the machines of RFC 3261 17 with RFC 6026, the way of a request to its next hop (RFC 3263), and what
// a node takes when more comes than it can serve (overload.h). A request's journey: a message from a flow
// is matched to its server transaction; one that is sent again, a CANCEL, and the ACK for a refusal end here. A new one
// is screened when a stranger sends it (screen.h), must be let in (shed.h), gets a transaction, and goes to the first
// user of the layer that claims it: the proxy, a session core, an event core and an owner's own UAS are equal
// users, who answer by the transaction's id. A user's own request goes out through a client transaction, which
// finds its targets, tries one after the other, sends again, and tells the user of each response.
//
// No callback ever comes from within a call of this header: what can be said at once is said at the
// end of the turn. Ids are never reused; a call with an id that has gone returns ERR_NOTFOUND or
// does nothing, which is normal.
#pragma once

#include "sip/edit.h"
#include "stack/transport/flow.h"
#include "stack/txn/overload.h"
#include "stack/txn/timers.h"

struct resolver;
struct sip_msg;
struct sip_uri;
struct transport;
struct txn_layer;
struct writer;

typedef uint64_t txn_id; // 0: none

// ---- users ----

struct txn_user;

// What a user of transactions is told; NULL for what he does not want to hear.
struct txn_user_ops {
    const char *name; // "proxy", for people
    // Is it for you: a new request (never a CANCEL), or an ACK that acknowledges no refusal? Users are asked in the
    // order in which they were added; the first that says yes has it. NULL: takes what nobody claims; there
    // is one such user. A look-up that changes nothing.
    bool (*claims)(void *arg, const struct sip_msg *m, flow_id flow);
    // A new request with a server transaction; m is valid during the call: sip_msg_ref it to keep it. Its top Via
    // has received and rport filled in already. When this returns and no response was given to an INVITE yet, the
    // layer sends 100 itself.
    void (*request)(void *arg, txn_id id, struct sip_msg *m, flow_id flow);
    // An ACK for a 2xx; there is no transaction.
    void (*ack)(void *arg, struct sip_msg *m, flow_id flow);
    // Asked of the one without claims: has a 2xx been sent that waits for this ACK?
    bool (*awaits_ack)(void *arg, const struct sip_msg *ack);
    // The INVITE of this server transaction, which has no final response yet, was cancelled. The CANCEL
    // itself has been answered 200. owner is what txn_server_set_owner gave.
    void (*cancelled)(void *arg, txn_id id, void *owner, const struct sip_msg *cancel);
    // The To tag of the responses to this INVITE, for the 200 to its CANCEL (RFC 3261 9.2). NULL, or empty: that of
    // txn_to_tag. Not called when the owner is NULL.
    struct str (*tag)(void *arg, txn_id id, void *owner);
    // A request other than INVITE has not been answered for so long that RFC 4320 4.1 wants a 100: the user
    // sends it through the transaction. Not called when the owner is NULL.
    void (*trying_due)(void *arg, txn_id id, void *owner);
    // The server transaction has gone; err is 0, or ERR_TIMEOUT (no ACK, no answer in time), ERR_IO (response not
    // sent). Never called from within a call to this layer. Not called when the owner is NULL.
    void (*server_end)(void *arg, txn_id id, void *owner, int err);
    // Asked of the one without claims: with what is a stranger's request answered by what the message alone says
    // (status, reason, further headers), while nothing is kept for it? 0: with nothing. refused: it goes no further,
    // and only the status of its refusal is asked for.
    unsigned (*stateless)(void *arg, const struct sip_msg *m, bool refused, struct str *ret_reason,
                          struct sip_edits *extra);
};

// ops live as long as the layer. ERR_FULL, ERR_STATE: there is one already that takes what nobody claims.
int txn_user_add(struct txn_layer *l, const struct txn_user_ops *ops, void *arg, struct txn_user **ret_user);
// He hears nothing any more; his server transactions have no owner and end by themselves. Takes NULL.
void txn_user_remove(struct txn_layer *l, struct txn_user *u);

// ---- client side ----

enum txn_client_event {
    TXN_RESPONSE, // status and msg: every provisional (100 included), the final, each 2xx of an INVITE
    TXN_FAILED,   // msg NULL: 408 no answer, 503 transport error or no address, 513 too large for any
                  // datagram and no connection to be had; after all targets; 404 when there are
                  // none that may be reached
    TXN_ENDED,    // the last one, always given exactly once: arg is not used any more
};

// Where somebody is reached who came to us, whatever URIs say.
struct stack_reach {
    enum sip_proto proto; // UDP: what is too large for it goes over a connection (RFC 3261 18.1.1); TCP: all does
    struct addr udp;      // for UDP
    flow_id stream;       // a connection that is there; 0: none
    struct addr tcp;      // where one can be made; family 0: nowhere
};

// Final = TXN_RESPONSE with status >= 200, or TXN_FAILED; not both (further 2xx of an INVITE apart).
// msg is valid during the call: sip_msg_ref to keep it.
typedef void (*txn_client_cb)(void *arg, txn_id id, enum txn_client_event ev, unsigned status,
                              struct sip_msg *msg);

// The nodes that were asked with one request, over all transactions made for it: those that answered or
// were silent. Such a one is not asked again, and when there are TXN_ASKED_MAX of them nobody is any more.
enum { TXN_ASKED_MAX = 8 };
struct txn_asked;
struct txn_asked *txn_asked_new(struct arena *a); // NULL: out of memory

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
    // Does a final response with this status say that its sender is the wrong one to ask, rather than
    // what is thought of the request? The next target is asked then, as after a 503. NULL: after a 503 only.
    bool (*elsewhere)(unsigned status);
    struct txn_asked *asked;   // lives until TXN_ENDED or txn_client_forget; NULL: nothing is remembered
    uint64_t loop_hash;        // txn_loop_hash of the received request; 0: originated here
};

// Starts a client transaction: resolves, connects, sends, retransmits, tries the next target on a
// transport error, 503 or silence (RFC 3263 4.3), no node twice that has answered or was silent, builds the
// ACK for a non-2xx. Another transport of the same node is tried after a transport error only. ERR_NOMEM, ERR_INVAL.
int txn_client_start(struct txn_layer *l, const struct txn_client_params *p, txn_id *ret_id);

// Why it has failed, while the owner is told so: the name and what DNS said, or the address and what happened
// there. NULL: nothing is known beyond the status.
const char *txn_client_trouble(const struct txn_layer *l, txn_id id);

// Sends a CANCEL for an INVITE: at once when a provisional response was seen, else as soon as one
// comes (RFC 3261 9.1); nothing when it has a final response. reason: value of a Reason header, empty:
// none. Without a final response within 64*T1 after the CANCEL the INVITE fails with 408; one that is
// still being resolved is never sent and fails with 487.
int txn_client_cancel(struct txn_layer *l, txn_id id, struct str reason);

// Hands a transaction that has its final response to another owner, who hears of what is still to come, TXN_ENDED in
// the end; arg stands for so many bytes of his. ERR_NOTFOUND: it is over.
int txn_client_hand_over(struct txn_layer *l, txn_id id, txn_client_cb cb, void *arg, size_t bytes);

// No further callbacks (TXN_ENDED included, and write is not called again); it ends by itself.
void txn_client_forget(struct txn_layer *l, txn_id id);

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
int txn_send_ack(struct txn_layer *l, const struct txn_send_params *p);

// ---- server side ----

// Attached to the transaction for the user's cancelled, trying_due and server_end.
void txn_server_set_owner(struct txn_layer *l, txn_id id, void *owner);
// Sends a response through the transaction. bytes (usually the scratch) are copied as needed. ERR_STATE
// when a final response was sent already (further 2xx of an INVITE pass), ERR_NOTFOUND when it has gone,
// ERR_TOOBIG when it needs a datagram that is larger than any can be; another may be sent then.
int txn_server_reply(struct txn_layer *l, txn_id id, unsigned status, struct str bytes);

// A response built from nothing but the request: what is left out is the standard phrase, the tag of txn_to_tag, no
// further headers. Server comes as configured.
struct txn_answer {
    unsigned status;
    struct str reason, to_tag;
    const struct sip_edits *extra; // as in sip_write_response
};
// Sends it; m is the request of the transaction. Errors as above, and ERR_NOMEM. An ACK is never answered: ERR_INVAL.
int txn_server_answer(struct txn_layer *l, txn_id id, const struct sip_msg *m, const struct txn_answer *a);
// No final response to it can be sent: it ends.
void txn_server_drop(struct txn_layer *l, txn_id id);
// Listener timers of the transaction's flow.
const struct sip_timers *txn_server_timers(const struct txn_layer *l, txn_id id);

// ---- helpers ----

struct loop *txn_loop(const struct txn_layer *l);
struct transport *txn_transport(const struct txn_layer *l);
// As transport_scratch, transport_server and transport_flow_info.
struct writer txn_scratch(struct txn_layer *l);
struct str txn_agent(const struct txn_layer *l);
bool txn_flow_info(const struct txn_layer *l, flow_id flow, struct flow_info *ret_info);

enum { TXN_TAG_LEN = 16 };
// The To tag that this stack gives to responses for m: the same for a request, its retransmissions
// and its CANCEL, without any state. A user that gives others says so by `tag`.
struct str txn_to_tag(const struct txn_layer *l, const struct sip_msg *m, char buf[TXN_TAG_LEN]);
// A node of the network refused one of our requests for its own load.
void txn_pushed_back(struct txn_layer *l);

// Hash over what routes a request (RFC 3261 16.6 step 8 as revised by RFC 5393 4.2): Request-URI, Route,
// tags, Call-ID, CSeq number, Proxy-Require, Proxy-Authorization. Never 0. It becomes the second part of
// the branches that m is forwarded with.
uint64_t txn_loop_hash(const struct txn_layer *l, const struct sip_msg *m);
// True when one of m's Vias is ours and carries this hash: a loop, not a spiral (RFC 3261 16.3 step 4).
bool txn_is_loop(const struct txn_layer *l, const struct sip_msg *m, uint64_t loop_hash);

// ---- for people ----

struct txn_line {
    txn_id id;
    const char *machine, *state;
    struct str method;
    uint64_t age_ms;
    const char *timer; // that ends the state; NULL: none
    const char *user;  // of a server transaction; NULL: nobody
    struct addr peer;  // family 0: no flow
};
typedef void (*txn_list_cb)(void *arg, const struct txn_line *line);
// Calls cb for at most max transactions, those that are not finished first, the oldest first; then what is left of
// finished ones (tomb.h), those that finished first before the others. Returns how many.
size_t txn_list(const struct txn_layer *l, size_t max, txn_list_cb cb, void *arg);
// Transactions of both sides that are there, finished ones included.
size_t txn_held(const struct txn_layer *l);

// ---- the layer ----

// Why and how a stranger's request is refused; cause is static text for log and Warning. Status 0:
// in silence.
struct stack_refusal {
    unsigned status;
    const char *cause, *clause;
    const struct sip_edits *extra; // headers and body of the response, in the request's arena; may be NULL
};

// What the node decides: stack_ops says what each is for. Each may be NULL.
struct txn_owner_ops {
    enum overload_class (*classify)(void *arg, const struct sip_msg *m, const struct flow_info *from);
    bool (*may_reach)(void *arg, unsigned word, const struct addr *a);
    void (*no_stream)(void *arg, const struct addr *to);
    bool (*screen)(void *arg, const struct flow_info *from, const struct sip_msg *m,
                   struct stack_refusal *ret_refusal);
};

struct txn_params {
    struct transport *transport; // whose user it becomes
    struct txn_owner_ops owner;
    void *owner_arg;
    size_t max_transactions;
    size_t finished_bytes; // what is left of finished transactions may take; 0: any number
    bool tcp_prefer;
    struct overload_params overload;
};

int txn_layer_new(const struct txn_params *p, struct txn_layer **ret_layer);
// Drops every transaction without a word; no callbacks. The transports are still there. Takes NULL.
void txn_layer_free(struct txn_layer *l);
void txn_stats(const struct txn_layer *l, stack_stat_cb cb, void *arg);
// New requests outside dialogs are refused (503 with Retry-After) from now on; calls done when no transaction is left.
void txn_drain(struct txn_layer *l, timer_cb done, void *arg);
void txn_set_overload(struct txn_layer *l, const struct overload_params *p);
void txn_set_finished(struct txn_layer *l, size_t bytes); // see txn_params
