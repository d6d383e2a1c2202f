// SPDX-License-Identifier: Apache-2.0
// What strangers may use of this node's transports. A message's journey: the standing of its flow says whether it is
// measured (guard_admit, before it is read); a new request of a registered user, or of a stranger on a flow that this
// node made, pays later (guard_user_pays, guard_source_pays: the transactions ask). Connections that strangers
// open are counted by source; when there are too many, the oldest idle one of whoever has most goes.
#pragma once

#include "stack/transport/transport.h"

int guard_new(struct transport *t); // sets t->guard
void guard_free(struct transport *t);
void guard_stats(const struct transport *t, stack_stat_cb cb, void *arg);
void guard_set_limits(struct transport *t);

// The standing of who is at the other end of f; asked for when it is not known (any more).
enum stack_standing guard_standing(struct flow *f);

// May this message be read? Strangers pay with a token of their source.
bool guard_admit(struct flow *f);
// A token of the flow's source, or of the user whose it is. False when there is none left; it has been counted.
bool guard_source_pays(struct flow *f);
bool guard_user_pays(struct flow *f);
void guard_log_drop(struct flow *f, const char *what);

// A connection has been accepted (f has its stream). False when there is no room for it.
bool guard_connection(struct flow *f);
// f, which may be in the lists of its source, goes, or its standing has changed.
void guard_enlist(struct flow *f);
void guard_delist(struct flow *f);
// A whole message came: it is not the oldest any more.
void guard_used(struct flow *f);
