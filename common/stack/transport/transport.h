// SPDX-License-Identifier: Apache-2.0
// Listeners and flows, the lowest layer of the stack. A message's journey in: bytes on a flow, measured when a
// stranger sends them (guard.h), framed (TCP) or taken as they are (UDP), parsed, received and rport filled into
// the top Via (RFC 3261 18.2.1, RFC 3581 4), then given to the one user of the layer; what cannot become a message
// is answered from its bytes alone (answer.h) and ends here. Out: flow_send; the socket layer copies the bytes, so
// the caller keeps nothing. Whoever holds a flow for longer than a call hangs his link into its users, and hears
// when it closes. The layer knows neither transactions nor who uses it but by transport_user_ops.
#pragma once

#include "sip/limits.h"
#include "sip/msg.h"
#include "stack/transport/flow.h"

struct flow;
struct listener;
struct sip_uri;
struct transport;
struct writer;

// The layer above: one.
struct transport_user_ops {
    // A whole message; f is where it came from, a guest perhaps (flow_settle). m is referenced by whoever keeps it.
    void (*message)(void *arg, struct flow *f, struct sip_msg *m);
    // True when this datagram need not be read. May be NULL.
    bool (*leaves_unread)(void *arg, struct flow *f, struct str bytes);
    // A flow has closed (a connection lost or refused, a UDP flow forgotten): its id is not found any more, and its
    // users have to leave it.
    void (*flow_closed)(void *arg, struct flow *f, int err);
    // An ICMP error says that a datagram to the flow's peer did not arrive; quoted is what the error gives of it, often
    // nothing.
    void (*unreachable)(void *arg, struct flow *f, struct str quoted);
};

// The node, which knows who its peers are: stack_ops says what each is for. Each may be NULL.
struct transport_owner_ops {
    enum stack_standing (*standing)(void *arg, const struct flow_info *from);
    uint64_t (*user)(void *arg, const struct flow_info *from);
    void (*flow_closed)(void *arg, flow_id flow);
    void (*trace)(void *arg, const struct stack_trace *t);
};

enum { TRANSPORT_ALIASES = 4, TRANSPORT_SCRATCH = 65536 };

struct transport_params {
    struct loop *loop;
    struct transport_owner_ops owner;
    void *owner_arg;
    struct str server;               // Server and User-Agent value; empty: none. Copied, as the aliases are
    const struct str *alias;         // TRANSPORT_ALIASES host names, empty ones among them
    const struct sip_limits *message; // of received messages, copied
    size_t max_message;              // bytes
    uint32_t keep_s;                 // see stack_params
    struct stack_limits limits;
    enum stack_warnings warnings;
};

int transport_new(const struct transport_params *p, struct transport **ret_transport);
// Before anything can be received.
void transport_set_user(struct transport *t, const struct transport_user_ops *ops, void *arg);
// Closes everything; nobody is told.
void transport_free(struct transport *t); // takes NULL
void transport_stats(const struct transport *t, stack_stat_cb cb, void *arg);
// The standing of the flows to and from this address has changed (a contact was registered or left); that of any
// flow may have (another list of trusted neighbours).
void transport_recheck(struct transport *t, enum sip_proto proto, const struct addr *remote);
void transport_recheck_all(struct transport *t);
void transport_set_limits(struct transport *t, const struct stack_limits *l);
void transport_set_warnings(struct transport *t, enum stack_warnings w);

// ---- what the layers above share with it ----

struct loop *transport_loop(const struct transport *t);
// A writer over the one scratch buffer of a stack. Valid until the next call that builds a message (flow_answer,
// txn_client_start, transport_scratch itself): build, hand over, forget.
struct writer transport_scratch(struct transport *t);
// Server and User-Agent value, may be empty.
struct str transport_server(const struct transport *t);
// Keys tags and hashes that this node puts into messages to know them again.
uint64_t transport_secret(const struct transport *t);
// What m's arena may take from the heap from now on, or one for a message of n bytes (message.memory_*).
void transport_bound_memory(const struct transport *t, struct sip_msg *m);
uint64_t transport_memory(const struct transport *t, size_t n);
// A message was found to be beyond this limit later on.
void transport_count_beyond(struct transport *t, enum sip_limit limit);
// Nothing took a message.
void transport_count_send_error(struct transport *t);

// ---- listeners ----

int transport_listen(struct transport *t, const struct stack_listen *p);
// True when there is a listener of this protocol and family from which somebody whom DNS names can be reached: whoever
// is outside is reached on his own flow, and what is outside is no way to anybody else.
bool transport_has(const struct transport *t, enum sip_proto proto, bool ip6);
// True when the URI's host and port are one of this node's listeners or aliases.
bool transport_is_own_uri(const struct transport *t, const struct sip_uri *u);
// True when host (and port, unless 0) is the sent-by of one of our listeners.
bool transport_is_sent_by(const struct transport *t, struct str host, uint16_t port);
// Are the peers of the listeners with this label no part of the network (stack_listen.outside)?
bool transport_is_outside(const struct transport *t, unsigned label);

// ---- flows ----

// Flow of an id, NULL when it has gone.
struct flow *flow_find(const struct transport *t, flow_id id);
bool transport_flow_info(const struct transport *t, flow_id flow, struct flow_info *ret_info);
// Closes a connection when this turn is over, unless something is in progress on it.
void transport_flow_close(struct transport *t, flow_id flow);

flow_id flow_get_id(const struct flow *f);
// The real flow of a guest (see transport_priv.h), or f itself. NULL: there is no room for it.
struct flow *flow_settle(struct flow *f);
const struct flow_info *flow_get_info(const struct flow *f);
// The standing of who is at the other end; the owner is asked when it is not known (any more).
enum stack_standing flow_standing(struct flow *f);
bool flow_is_reliable(const struct flow *f);
// This node spoke first.
bool flow_is_ours(const struct flow *f);
// When something was last received on it, ms of loop time; 0: never.
uint64_t flow_heard(const struct flow *f);
// False for a connection that is still being made.
bool flow_is_connected(const struct flow *f);
// Host of the Via's sent-by.
struct str flow_sent_by(const struct flow *f);
// As given to transport_listen; NULL: nothing was.
const struct sip_timers *flow_timers(const struct flow *f);
// "SIP/2.0/UDP host:port" of the listener, the front of every Via sent on the flow.
struct str flow_via_prefix(const struct flow *f);

// The flow to a next hop: an open or opening one of this listener label, or a new one. TCP may
// still be connecting: what is sent waits in its buffer, and flow_closed comes when it fails.
// ERR_NOTFOUND: no listener of that protocol, family and label.
int flow_get(struct transport *t, enum sip_proto proto, const struct addr *remote, unsigned label,
             flow_id *ret_flow);
// ERR_CLOSED, ERR_FULL (buffer at its cap), ERR_IO. call_id is for the trace.
int flow_send(struct flow *f, struct str bytes, struct str call_id);
// The same on a connection, for what is in no hurry: see tcp_send_later.
int flow_send_later(struct flow *f, struct str bytes, struct str call_id);
// One datagram to another address from the flow's socket (responses without rport, maddr).
int flow_send_to(struct flow *f, const struct addr *to, struct str bytes, struct str call_id);
// A transaction in progress hangs its link into the flow's list of users: the flow is then neither
// closed as idle nor forgotten. list_del takes it out again.
struct list *flow_users(struct flow *f);

// Where a response to m goes over an unreliable flow, or on a new connection when the old one has
// gone (RFC 3261 18.2.2, RFC 3581 4). Without a readable Via: src.
void via_reply_addr(const struct sip_msg *m, const struct addr *src, bool reliable,
                    struct addr *ret_addr);

// ---- logging ----

// One log line about a peer, within the measure of base/log_limit.h.
void transport_log(struct flow *f, const char *msg, const char *what, struct str call_id);
// Who causes a log line (base/log_limit.h): the source of the flow; or, of what a trusted neighbour
// forwards, the one whom it is about.
uint64_t transport_log_source(const struct transport *t, flow_id flow, const struct addr *remote,
                              struct str identity);
