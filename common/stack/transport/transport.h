// SPDX-License-Identifier: Apache-2.0
// Listeners and flows. A message's journey in: bytes on a flow, framed (TCP) or taken as they are
// (UDP), parsed, received/rport filled into the top Via (RFC 3261 18.2.1, RFC 3581 4), then
// stack_on_message. Out: flow_send. Bytes are copied by the socket layer, so the caller keeps
// nothing.
#pragma once

#include "stack/stack.h"

struct listener;
struct flow;

// Flow of an id, NULL when it has gone.
struct flow *flow_find(const struct stack *s, flow_id id);
flow_id flow_get_id(const struct flow *f);
// The real flow of a guest (see transport_priv.h), or f itself. NULL: there is no room for it.
struct flow *flow_settle(struct flow *f);
const struct flow_info *flow_get_info(const struct flow *f);
bool flow_is_reliable(const struct flow *f);
// When something was last received on it, ms of loop time; 0: never.
uint64_t flow_heard(const struct flow *f);
// False for a connection that is still being made.
bool flow_is_connected(const struct flow *f);
// Host of the Via's sent-by.
struct str flow_sent_by(const struct flow *f);
const struct sip_timers *flow_timers(const struct flow *f);
// "SIP/2.0/UDP host:port" of the listener, the front of every Via sent on the flow.
struct str flow_via_prefix(const struct flow *f);

// The flow to a next hop: an open or opening one of this listener label, or a new one. TCP may
// still be connecting: what is sent waits in its buffer, and flow_closed comes when it fails.
// ERR_NOTFOUND: no listener of that protocol, family and label.
int flow_get(struct stack *s, enum sip_proto proto, const struct addr *remote, unsigned label,
             flow_id *ret_flow);
// ERR_CLOSED, ERR_FULL (buffer at its cap), ERR_IO. call_id is for the trace.
int flow_send(struct stack *s, struct flow *f, struct str bytes, struct str call_id);
// The same on a connection, for what is in no hurry: see tcp_send_later.
int flow_send_later(struct stack *s, struct flow *f, struct str bytes, struct str call_id);
// One datagram to another address from the flow's socket (responses without rport, maddr).
int flow_send_to(struct stack *s, struct flow *f, const struct addr *to, struct str bytes,
                 struct str call_id);
// A transaction in progress hangs its link into the flow's list of users: the flow is then neither
// closed as idle nor forgotten. list_del takes it out again.
struct list *flow_users(struct flow *f);

// A flow has closed (a connection lost or refused, a UDP flow forgotten); called before
// stack_ops.flow_closed, the id is not found any more. Implemented by txn.c, which empties the
// users.
void txn_on_flow_closed(struct stack *s, struct flow *f, int err);
// An ICMP error says that a datagram to the flow's peer did not arrive; quoted is what the error gives of
// it, often nothing. Concerns client transactions that have sent it. Implemented by txn.c.
void txn_on_unreachable(struct stack *s, struct flow *f, struct str quoted);

// True when there is a listener of this protocol and family, whatever its label (resolve.c asks).
bool transport_has(const struct stack *s, enum sip_proto proto, bool ip6);
int transport_listen(struct stack *s, const struct stack_listen *l);
bool transport_is_own(const struct stack *s, struct str host, uint16_t port);
// True when host (and port, unless 0) is the sent-by of one of our listeners.
bool transport_is_sent_by(const struct stack *s, struct str host, uint16_t port);

// What m's arena may take from the heap from now on (message.memory_*).
void transport_bound_memory(const struct stack *s, struct sip_msg *m);

void transport_stats(const struct stack *s, stack_stat_cb cb, void *arg);
int transport_layer_new(struct stack *s);
void transport_layer_free(struct stack *s);
