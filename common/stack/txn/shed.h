// SPDX-License-Identifier: Apache-2.0
// Overload control (stack/txn/overload.h) on messages: what class a request is of, and the answer to one
// that may not come in.
#pragma once

#include "stack/txn/txn.h"

struct flow;

// The class by the message alone; an NF that knows more says so by stack_ops.classify.
enum overload_class shed_class(const struct sip_msg *m);
// A new request, for which there is no transaction: true when it may come in. Otherwise it has got 503
// with Retry-After (RFC 3261 21.5.4), or nothing. ret_asked is for overload_answered.
bool shed_admit(struct txn_layer *l, struct flow *f, const struct sip_msg *m,
                struct overload_request *ret_asked);
// Is this datagram of f, which nobody has read yet, one that would be read only to be dropped? A look at it
// tells, in which the class of a new request may be wrong where the NF knows more (stack_ops.classify): so
// what trusted neighbours send and a registered user's REGISTER are always read.
bool shed_drops_unread(struct txn_layer *l, struct flow *f, struct str bytes);
// 503 with Retry-After without state, whatever the load: there is no room, or no memory.
void shed_refuse(struct txn_layer *l, struct flow *f, const struct sip_msg *m);
// The node leaves, and takes no new request: another one may. As the owner wants it, else 503; Retry-After says why.
void shed_refuse_leaving(struct txn_layer *l, struct flow *f, const struct sip_msg *m);
// Is this response such a refusal? It says nothing of its node's load.
bool shed_is_leaving(const struct sip_msg *m);
void shed_stats(const struct txn_layer *l, stack_stat_cb cb, void *arg);
