// SPDX-License-Identifier: Apache-2.0
// Listeners and flows. A message's journey in: bytes on a flow, framed (TCP) or taken as they are (UDP),
// parsed, received/rport filled into the top Via (RFC 3261 18.2.1, RFC 3581 4), then
// stack_on_message. Out: flow_send. Bytes are copied by the socket layer, so the caller keeps nothing.
#pragma once

#include "stack/stack.h"

struct listener;
struct flow;

// Flow of an id, NULL when it has gone.
struct flow *flow_find(const struct stack *s, flow_id id);
flow_id flow_get_id(const struct flow *f);
const struct flow_info *flow_get_info(const struct flow *f);
bool flow_is_reliable(const struct flow *f);
const struct sip_timers *flow_timers(const struct flow *f);
// "SIP/2.0/UDP host:port" of the listener, the front of every Via sent on the flow.
struct str flow_via_prefix(const struct flow *f);

// The flow to a next hop: an open or opening one of this listener label, or a new one. TCP may still be
// connecting: what is sent waits in its buffer, and flow_closed comes when it fails.
// ERR_NOTFOUND: no listener of that protocol, family and label.
int flow_get(struct stack *s, enum sip_proto proto, const struct addr *remote, unsigned label,
             flow_id *ret_flow);
// ERR_CLOSED, ERR_FULL (buffer at its cap), ERR_IO. call_id is for the trace.
int flow_send(struct stack *s, struct flow *f, struct str bytes, struct str call_id);
// One datagram to another address from the flow's socket (responses without rport, maddr).
int flow_send_to(struct stack *s, struct flow *f, const struct addr *to, struct str bytes,
                 struct str call_id);
// Transactions in progress keep their flow from being closed as idle or forgotten.
void flow_hold(struct flow *f);
void flow_release(struct flow *f);

// A flow of a connection has closed; called before stack_ops.flow_closed. Implemented by txn.c: err
// tells refused from lost.
void txn_on_flow_closed(struct stack *s, flow_id flow, int err);

int transport_layer_new(struct stack *s);
void transport_layer_free(struct stack *s);
