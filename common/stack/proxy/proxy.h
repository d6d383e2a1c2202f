// SPDX-License-Identifier: Apache-2.0
// The proxy, a user of transactions: what a network function sees of SIP: a request in; forward or fork; reply; cancel;
// timer. One struct pxy is one received request with everything that happens to it (the response context of
// RFC 3261 16.7). It lives until nothing can happen any more but that a further 2xx comes, for which a few bytes are
// kept (pxy_forward_ops.keep); across an async gap keep its id.
//
// A request's journey: it comes from a server transaction that nobody else claims, is validated and has its route
// prepared (RFC 3261 16.3, 16.4), and is given to the owner. What he forwards gets a client transaction for each branch
// (16.6); responses come back to the response context (16.7 to 16.10), which chooses one and sends it through the
// server transaction. An ACK for a 2xx travels without a transaction, a CANCEL is followed here.
#pragma once

#include "sip/edit.h"
#include "stack/transport/flow.h"

struct pxy;
struct pxy_layer;
struct sip_msg;
struct sip_uri;
struct stack_reach;
struct txn_layer;
struct writer;

typedef uint64_t pxy_id;

pxy_id pxy_get_id(const struct pxy *p);
// NULL when it is gone by now (cancelled and finished, or the stack is draining). An owner has pxy_find of stack.h.
struct pxy *pxy_layer_find(const struct pxy_layer *l, pxy_id id);

const struct sip_msg *pxy_request(const struct pxy *p);
flow_id pxy_flow(const struct pxy *p); // where the request came from
const struct flow_info *pxy_source(const struct pxy *p);
// Memory that lives as long as the pxy.
struct arena *pxy_arena(struct pxy *p);
// The URI of this node's own Route entry that was removed (RFC 3261 16.4), NULL when there was
// none. Its user part and parameters are how nodes find context again (orig, tokens).
const struct sip_uri *pxy_own_route(const struct pxy *p);
// The edits that every branch starts with. The stack has put into it: own Route removed,
// Max-Forwards decremented. The NF adds to it before pxy_forward.
struct sip_edits *pxy_edits(struct pxy *p);
// The NF's own context; free_ctx (may be NULL) is called when the pxy goes.
void pxy_set_ctx(struct pxy *p, void *ctx, void (*free_ctx)(void *ctx));

// ---- answering ----

// Final or provisional response made here. extra as in sip_write_response, may be NULL; reason
// empty: standard phrase. A final reply after pxy_forward cancels the open branches. 0 or ERR_STATE
// when a final response has been sent already, and for a provisional response but 100 to what is not an
// INVITE (RFC 4320 4.1). A 2xx to an INVITE made here is sent again by the
// stack itself until its ACK comes (which is given to the owner as a request too) or 64*T1 have
// passed: RFC 3261 13.3.1.4. pxy_find finds the pxy until then, and a further 2xx by pxy_reply only
// sends it once more.
int pxy_reply(struct pxy *p, unsigned status, struct str reason, const struct sip_edits *extra);

// The To tag of the responses made here, in the pxy's arena: the local tag for dialog_new_uas.
// STR_NONE when out of memory.
struct str pxy_to_tag(struct pxy *p);

// Does this response say that the way to a UE has failed, which says nothing of its user? 430 (RFC 5626 5.3.1), or what
// an edge proxy says to who does not know that: 480 with the Reason SIP;cause=430 (RFC 3326).
bool pxy_is_flow_failure(const struct sip_msg *m);

// ---- forwarding ----

struct pxy_target {
    // NULL: a copy of pxy_edits. Others are taken over: made by sip_edits_copy from pxy_edits for a
    // fork, or pxy_edits itself when the NF will not forward this request again.
    struct sip_edits *edits;
    struct str next_hop; // SIP URI that overrides Route and Request-URI as next hop; empty: none
    flow_id flow;        // send on this flow, whatever the URIs say; 0: resolve
    const struct stack_reach *reach; // the same for somebody's address and connections; read during the call
    // The leg's time: without a final response (INVITE: without any) by then the branch fails with 408,
    // however many addresses the target has. For what is not an INVITE it counts from when the request
    // arrived, because a client's Timer F runs against it. 0: Timer B/F.
    uint32_t leg_ms;
    uint32_t timeout_ms; // give up on an address without any response after that; 0: its share of leg_ms
    bool speaks;         // the next hop answers this request itself: its silence is held against it
    bool withdraw;       // an INVITE that it has said nothing to is cancelled when it is given up: it may be slow only
    // Does a final response with this status say that the address is the wrong one to ask, rather than
    // what is thought of the request? The next address of the target is asked then, as after a 503, within
    // leg_ms. No address is asked again by another such target of this request, nor more than
    // TXN_ASKED_MAX of them. NULL: after a 503 only.
    bool (*elsewhere)(unsigned status);
    // Once another branch has an answer of the called user, this one ends when nothing but 100 has come
    // of it for so long; 0: it is waited for.
    uint32_t silent_ms;
    unsigned label;      // listener whose local address sends (chosen by label); 0
    unsigned word;       // whose word the next hop is, for stack_ops.may_reach; 0: our own, any address
    bool outside;        // a foreign network is there: its 503 tells nothing about ours (RFC 3261 21.5.4)
    void *ctx;           // handed to the callbacks
};

enum pxy_verdict {
    PXY_PASS,  // the response goes on its way (to best-response selection or upstream)
    PXY_TAKEN, // swallowed: the NF will reply or forward again (re-selection)
    // Kept as it is, with its edits, until pxy_send_held; pxy_reply answers in its place. Of a final response to what
    // is not an INVITE; of others PXY_PASS.
    PXY_HELD,
};

// Why the last branch that ended without a response did so, for people: what DNS said to which question, or
// which address refused or was silent. NULL: not known. Lives as long as the pxy.
const char *pxy_trouble(const struct pxy *p);

struct pxy_forward_ops {
    // A response, or msg NULL for a branch that ended without one: status is then 408 (silence), 503
    // (transport error, no address), 404 (no address that may be reached), or 487 (silent while another
    // branch had the answer). edits (never NULL) change it on its way upstream: the top
    // Via is removed already. Called for provisional responses too, but not for 100. May be NULL.
    enum pxy_verdict (*response)(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                                 const struct sip_msg *msg, struct sip_edits *edits);
    // An INVITE was accepted and its pxy goes: writes what `late` needs of the request and of ctx (pxy_keep_str), a few
    // hundred bytes. late: as response, of a further 2xx that comes when both are gone, from another fork or the same
    // again (RFC 6026 7.2). Without them, and with response, the pxy stays until its transactions are over.
    void (*keep)(void *nf, struct pxy *p, void *target_ctx, struct writer *w);
    void (*late)(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits);
    // The best response has this status: what is sent upstream in its place (the status itself: nothing
    // is), and why, for the log. Asked for the branch that it came from. May be NULL.
    unsigned (*upstream)(void *nf, struct pxy *p, unsigned status, const char **ret_why);
};

// For keep and late: a text, and bytes as they are; read in the order in which they were written. What was not written
// is read as STR_NONE (p NULL), or as zeroes.
void pxy_keep_str(struct writer *w, struct str s);
void pxy_keep_bytes(struct writer *w, const void *p, size_t n);
struct str pxy_kept_str(struct str *kept);
void pxy_kept_bytes(struct str *kept, void *p, size_t n);

// Sends what was held on its way. ERR_STATE: nothing is, or the request has been answered.
int pxy_send_held(struct pxy *p);

// What is left of a leg's time, counted from the arrival of the request; 0: nothing.
uint32_t pxy_time_left(const struct pxy *p, uint32_t leg_ms);

// Adds branches, all tried at once, under Timer C. May be called again while the pxy is open
// (serial forking, re-selection). nf is given to ops. Max-Forwards 0 and loops have been answered
// before the NF saw the request (483, 482). For an ACK, sends it without state. Errors: ERR_STATE
// when answered, ERR_NOMEM.
int pxy_forward(struct pxy *p, const struct pxy_target *targets, size_t n,
                const struct pxy_forward_ops *ops, void *nf);

// ---- the layer ----

// The node, whose requests they are: see stack_ops.
struct pxy_owner_ops {
    void (*request)(void *arg, struct pxy *p);
    void (*cancelled)(void *arg, struct pxy *p); // may be NULL
};

enum { PXY_OPTION_TAGS = 4 };

struct pxy_params {
    struct txn_layer *txns; // whose user it becomes: the one that takes what nobody claims
    struct pxy_owner_ops owner;
    void *owner_arg;
    const struct str *proxy_require; // PXY_OPTION_TAGS option tags accepted in Proxy-Require, static text
    struct str supported;            // see stack_params
};

int pxy_layer_new(const struct pxy_params *p, struct pxy_layer **ret_layer);
// Called after all transactions have gone (no txn callbacks). Takes NULL.
void pxy_layer_free(struct pxy_layer *l);
void pxy_stats(const struct pxy_layer *l, stack_stat_cb cb, void *arg);
