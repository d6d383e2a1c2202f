// SPDX-License-Identifier: Apache-2.0
// What strangers may use of this node's transports. A message's journey: the standing of its flow says whether it is
// measured (guard_admit, before it is read); a new request of a registered user, or of a stranger on a flow that this
// node made, pays later (guard_user_pays, guard_source_pays: the transactions ask). Connections that strangers
// open are counted by source; when there are too many, the oldest idle one of whoever has most goes.
#pragma once

#include "stack/transport/transport.h"

int guard_new(struct transport *t); // sets t->guard
void guard_free(struct transport *t);
void guard_set_limits(struct transport *t);

// May this message be read? Strangers pay with a token of their source.
bool guard_admit(struct flow *f);
// A token of the flow's source, or of the user whose it is. False when there is none left; it has been counted.
bool guard_source_pays(struct flow *f);
bool guard_user_pays(struct flow *f);
void guard_log_drop(struct flow *f, const char *what);

// A connection has been accepted (f has its stream). False when there is no room for it.
bool guard_connection(struct flow *f);
