// SPDX-License-Identifier: Apache-2.0
// What the records of both sides are made of.
#pragma once

#include "stack/event/event_priv.h"

// The numbers of a record, in their order in it.
struct event_text {
    uint64_t version;    // of what a record looks like
    uint64_t active;     // not pending
    uint64_t until;      // ms since 1970, when it expires
    uint64_t local_cseq; // of our last request
    uint64_t told;       // states told, of a notifier
    uint64_t interval_ms, rated;
    uint64_t expires, keep, forks; // as a subscriber wants it
    // Not written as one of them.
    uint64_t remote_cseq;
    uint64_t left_ms; // read: until it expires
};
enum { RECORD_NUMBERS = 10 };

// Is it a value that a header line gives back as it was?
bool event_text_is_line(struct str s);
// Nothing when value is empty.
void event_text_line(struct writer *w, const char *name, struct str value);
// The dialog, as the request of the other side that would make it, and the numbers. Header lines
// may follow, then record_end.
int event_text_begin(const struct event_text *r, struct dialog *d, enum sip_method theirs,
                 struct writer *w);
int event_text_end(struct str body, struct writer *w);
// ERR_BAD, ERR_TIMEOUT, ERR_NOMEM, as event_restore.
int event_text_read(const struct event *e, struct str text, enum sip_method theirs, struct event_text *ret,
                struct sip_msg **ret_msg);
uint64_t event_text_until(const struct event *e, uint64_t expires_at);
uint64_t record_name(const struct dialog *d); // d NULL: 0
