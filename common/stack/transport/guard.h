// SPDX-License-Identifier: Apache-2.0
// What strangers may use of this node. A message's journey: the standing of its flow says whether it
// is measured (guard_admit, before it is read), a new request is screened (guard_request, before a
// flow, a transaction or a pxy is made for it) and, when it is refused, answered from the message
// alone: one response for each time it arrives, with the same To tag, to where it came from, over
// UDP in no more bytes than it had itself (RFC 3261 8.2.7). Connections that strangers open are
// counted by source; when there are too many, the oldest idle one of whoever has most goes.
#pragma once

#include "stack/stack.h"

struct flow;
struct sip_edits;

int guard_new(struct stack *s); // sets s->guard
void guard_free(struct stack *s);
void guard_stats(const struct stack *s, stack_stat_cb cb, void *arg);
void guard_set_limits(struct stack *s);

// The standing of who is at the other end of f; asked for when it is not known (any more).
enum stack_standing guard_standing(struct flow *f);

// May this message be read? Strangers pay with a token of their source.
bool guard_admit(struct flow *f);
// May this new request go on? Otherwise it has been answered, or not, as it deserves.
bool guard_request(struct flow *f, const struct sip_msg *m);

// Who causes a log line (base/log_limit.h): the source of the flow; or, of what a trusted neighbour
// forwards, the one whom it is about.
uint64_t guard_log_source(const struct stack *s, flow_id flow, const struct addr *remote,
                          struct str identity);

// A response to m without a transaction. extra (may be NULL) as in sip_write_response, cause (may be
// NULL) for a Warning; both and the words of the status line are left out when a stranger's datagram
// was too short for them. False when nothing was sent.
bool guard_answer(struct flow *f, const struct sip_msg *m, unsigned status, struct str reason,
                  const char *cause, const struct sip_edits *extra);

// A connection has been accepted (f has its stream). False when there is no room for it.
bool guard_connection(struct flow *f);
// What of a cause may be told to who is at the other end; empty: nothing (enum stack_warnings).
struct str guard_warning_text(const struct stack *s, const struct flow_info *to, struct str text);
// f, which may be in the lists of its source, goes, or its standing has changed.
void guard_enlist(struct flow *f);
void guard_delist(struct flow *f);
// A whole message came: it is not the oldest any more.
void guard_used(struct flow *f);
