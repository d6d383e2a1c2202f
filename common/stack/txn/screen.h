// SPDX-License-Identifier: Apache-2.0
// New requests of strangers and of registered users, before a flow, a transaction or anything of a user is made for
// them: a user's have a rate, a stranger's pass what the node decides (txn_owner_ops.screen), and are answered from the
// message alone when they do not (stack/transport/answer.h).
#pragma once

#include <stdbool.h>

struct flow;
struct sip_msg;
struct txn_layer;

// May this new request go on? Otherwise it has been answered, or not, as it deserves.
bool screen_request(struct txn_layer *l, struct flow *f, const struct sip_msg *m);
