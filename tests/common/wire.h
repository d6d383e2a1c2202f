// SPDX-License-Identifier: Apache-2.0
// Messages as the tests' own ends of a wire make and find them.
#pragma once

#include "sip/msg.h"

struct writer;

// Text with LF for CRLF, into room of n bytes. What does not fit ends the program.
struct str wire_text(const char *text, char *room, size_t n);

// A response to a request by RFC 3261 8.2.6 into w. lines (may be NULL): "Name: value", each ended by a LF.
int wire_answer(const struct sip_msg *request, unsigned status, const char *to_tag, const char *lines,
                struct writer *w);

// Framing on a stream of which all is there: like sip_framer_next for the first message.
static inline int wire_frame(struct str data, size_t *ret_skip, size_t *ret_len)
{
    struct sip_framer k = {0};
    return sip_framer_next(&k, data, ret_skip, ret_len);
}
