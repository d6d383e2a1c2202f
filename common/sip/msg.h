// SPDX-License-Identifier: Apache-2.0
// A SIP message's journey: received bytes are copied once into the message's own memory and stay
// const. sip_msg_parse splits them into header slices in one pass and checks what routing needs.
// A header becomes a typed value on first use (sip_msg_at and the wrappers below), cached in the
// message's arena. A proxy never rewrites a message: it records edits (sip/edit.h) and writes
// untouched spans as they came, unknown headers in order. All knowledge of a header is one row of
// the table in sip/header.c.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "sip/types.h"

struct sip_msg; // reference counted

enum { SIP_MSG_MAX = 65535 };

// sip_parse_error.what when the start line is of another version than SIP/2.0: 505, not 400.
#define SIP_FAULT_VERSION "SIP-Version"

// What was wrong: the response's reason phrase says it ("Malformed CSeq").
struct sip_parse_error {
    const char *what; // static text: "CSeq", "start line", "header line", "Content-Length"
    size_t offset;    // where, in bytes
};

// Parses one datagram: everything after the headers is body, cut to Content-Length when that is
// given (more announced than there is: ERR_BAD, "Content-Length"). Copies data. Returns 0, ERR_BAD
// (*ret_err filled, and *ret_msg set when enough could be read to answer 400: the message then has
// sip_msg_is_bad), ERR_TOOBIG, ERR_NOMEM.
int sip_msg_parse(struct str data, struct sip_msg **ret_msg, struct sip_parse_error *ret_err);

// Framing on a stream: length in bytes of the first message in data, skipping leading CRLFs
// (RFC 3261 7.5, 18.3). ERR_MORE: incomplete; ERR_BAD: no Content-Length or malformed; ERR_TOOBIG.
// *ret_skip: CRLF bytes before it. A lone CRLFCRLF is a keep-alive (RFC 5626 3.5.1): 0 message
// bytes and *ret_skip 4.
// For a message that arrives in pieces: all zero when its first bytes are there, and given
// again with the same bytes and more behind them after ERR_MORE. What was looked at once is not looked
// at again, however small the pieces. After any other result a new message begins: all zero again.
struct sip_framer {
    size_t field, seen; // behind the leading CRLFs: where the field begins, and up to where all is known
    bool ended;         // its line has ended, but the next one may continue it
    bool has_length;
    uint32_t length;    // of the body
    size_t end;         // of the headers, 0: not yet seen
};
int sip_framer_next(struct sip_framer *k, struct str data, size_t *ret_skip, size_t *ret_len);

struct sip_msg *sip_msg_ref(struct sip_msg *m);
void sip_msg_unref(struct sip_msg *m); // takes NULL
// The memory of freed messages is kept for the next ones; this gives it back to the heap. For the
// end of a process and for leak checks.
void sip_msg_pool_drain(void);
// Blocks that are kept so now.
size_t sip_msg_pool_spare(void);

// ---- start line ----
bool sip_msg_is_request(const struct sip_msg *m);
enum sip_method sip_msg_method(const struct sip_msg *m); // of a response: CSeq's method
struct str sip_msg_method_name(const struct sip_msg *m);
struct str sip_msg_uri_text(const struct sip_msg *m);
const struct sip_uri *sip_msg_uri(const struct sip_msg *m); // parsed Request-URI; NULL if malformed
unsigned sip_msg_status(const struct sip_msg *m);           // 0 for a request
struct str sip_msg_reason(const struct sip_msg *m);
struct str sip_msg_bytes(const struct sip_msg *m); // as received
struct str sip_msg_body(const struct sip_msg *m);
bool sip_msg_is_bad(const struct sip_msg *m);
// For values that live as long as the message.
struct arena *sip_msg_arena(const struct sip_msg *m);

// ---- headers ----

// Raw value of the first header field with this id (trimmed; folding kept as received), STR_NONE
// when absent. Cheap.
struct str sip_msg_raw(const struct sip_msg *m, enum sip_hid id);
bool sip_msg_has(const struct sip_msg *m, enum sip_hid id);
// Which headers there are: bit id % 64 of word id / 64.
enum { SIP_HID_WORDS = (SIP_H_COUNT + 63) / 64 };
void sip_msg_ids(const struct sip_msg *m, uint64_t ret_bits[SIP_HID_WORDS]);
// Raw value by name, for headers without a table row; case-insensitive, full names.
struct str sip_msg_raw_named(const struct sip_msg *m, struct str name);

// i-th typed value of a header, counted over all its fields and comma-separated elements; the type
// is the one in the header's table row (sip/types.h). NULL past the last one, when the header is
// malformed, and when out of memory: to tell them apart, and for more than one, there is sip_iter.
const void *sip_msg_at(const struct sip_msg *m, enum sip_hid id, size_t i);
// Number of values; 0 when absent or malformed.
size_t sip_msg_count(const struct sip_msg *m, enum sip_hid id);

// The values of a header one after the other, and the one way to walk them: the walk ends whatever
// the peer wrote, and what was wrong is asked afterwards.
//   struct sip_iter it = sip_iter_init(m, SIP_H_ROUTE);
//   for (const struct sip_addr *a; (a = sip_iter_next(&it));) ...
//   if (it.err) ... ERR_BAD: the header is malformed (no value was given), ERR_NOMEM
struct sip_iter {
    const void *const *at;
    size_t n, done; // values, and how many of them were given
    bool back;
    int err;
};
struct sip_iter sip_iter_init(const struct sip_msg *m, enum sip_hid id);
// The last value first.
struct sip_iter sip_iter_back(const struct sip_msg *m, enum sip_hid id);
// Begins with the i-th value.
struct sip_iter sip_iter_from(const struct sip_msg *m, enum sip_hid id, size_t i);

static inline const void *sip_iter_next(struct sip_iter *it)
{
    if (it->done == it->n)
        return NULL;
    size_t i = it->done++;
    return it->at[it->back ? it->n - 1 - i : i];
}

// Place in the header of the value that was given last, as the edits count.
static inline size_t sip_iter_index(const struct sip_iter *it)
{
    return it->back ? it->n - it->done : it->done - 1;
}

// Routing fields, checked by sip_msg_parse already: never NULL/empty unless sip_msg_is_bad. Elements
// of RFC 2543 leave out the branch of the Via, and then perhaps the tag of From.
const struct sip_via *sip_msg_via(const struct sip_msg *m);
const struct sip_cseq *sip_msg_cseq(const struct sip_msg *m);
struct str sip_msg_call_id(const struct sip_msg *m);
struct str sip_msg_from_tag(const struct sip_msg *m);
struct str sip_msg_to_tag(const struct sip_msg *m); // p NULL when there is none
const struct sip_addr *sip_msg_from(const struct sip_msg *m);
const struct sip_addr *sip_msg_to(const struct sip_msg *m);
int sip_msg_max_forwards(const struct sip_msg *m);       // -1 when absent
int64_t sip_msg_expires(const struct sip_msg *m);        // seconds, -1 when absent or malformed

// True when a token list header (Require, Supported, Allow, ...) holds token, case-insensitively.
bool sip_msg_has_token(const struct sip_msg *m, enum sip_hid id, struct str token);
