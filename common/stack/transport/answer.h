// SPDX-License-Identifier: Apache-2.0
// Responses without state: what is answered from the message alone, once for each time it arrives, with the same To
// tag (RFC 3261 8.2.7). A stranger's is answered to where it came from, over UDP in no more bytes than it had itself.
#pragma once

#include "stack/transport/transport.h"

struct sip_edits;

enum { ANSWER_TAG_LEN = 16 };

// The To tag of this node's responses for m: the same for a request, its retransmissions and its CANCEL, without any
// state. had: the To tag of the request itself.
struct str answer_tag(const struct transport *t, const struct sip_msg *m, struct str had, char buf[ANSWER_TAG_LEN]);

// A response to m without a transaction. extra (may be NULL) as in sip_write_response, cause (may be
// NULL) for a Warning; both and the words of the status line are left out when a stranger's datagram
// was too short for them. False when nothing was sent.
bool flow_answer(struct flow *f, const struct sip_msg *m, unsigned status, struct str reason,
                 const char *cause, const struct sip_edits *extra);

// What of a cause may be told to who is at the other end; empty: nothing (enum stack_warnings).
struct str answer_warning_text(const struct transport *t, const struct flow_info *to, struct str text);
