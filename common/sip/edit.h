// SPDX-License-Identifier: Apache-2.0
// Edits of a received message, and messages built from nothing. A struct sip_edits records what is
// to differ; sip_msg_write emits the received spans with the edits applied. Values are not copied:
// they live in the arena given at init, or longer. Failure is sticky (out of memory) and reported
// by the write.
#pragma once

#include "sip/msg.h"

struct writer;
struct sip_edit;
struct sip_field;
struct edit_element;

struct sip_edits {
    struct arena *arena;
    const struct sip_msg *msg;
    struct sip_edit *first, *last;
    bool failed;
    // Where the last search ended. Values are edited in their order, so the next one goes on there
    // and a thousand edits cost no more than a thousand times one.
    struct sip_edit *near;
    const struct sip_field *field; // of the element that was edited last
    size_t field_from, field_n;    // its first element's place in the header, how many it has (0: not counted)
};

void sip_edits_init(struct sip_edits *e, struct arena *a, const struct sip_msg *m);
// An independent list that starts with src's edits, e.g. one per fork; both stay usable.
void sip_edits_copy(struct sip_edits *e, struct arena *a, const struct sip_edits *src);

void sip_edit_uri(struct sip_edits *e, struct str uri);  // replaces the Request-URI
// A new header field before the first one of this id (at the top of the headers when there is none).
void sip_edit_prepend(struct sip_edits *e, enum sip_hid id, struct str value);
// A new header field after all others.
void sip_edit_append(struct sip_edits *e, enum sip_hid id, struct str value);
void sip_edit_append_named(struct sip_edits *e, struct str name, struct str value);
// Removes every field of this id, as received and as added by earlier edits.
void sip_edit_remove(struct sip_edits *e, enum sip_hid id);
// Removes or replaces the i-th received value (element of a comma list) of a header.
void sip_edit_remove_at(struct sip_edits *e, enum sip_hid id, size_t i);
void sip_edit_replace_at(struct sip_edits *e, enum sip_hid id, size_t i, struct str value);
// All fields of this id become the one given (appended when there was none).
void sip_edit_set(struct sip_edits *e, enum sip_hid id, struct str value);
// New body; Content-Length follows, Content-Type is set unless type is empty.
void sip_edit_body(struct sip_edits *e, struct str type, struct str body);

// What the edits leave: the Request-URI, and the values of a header (a received element counts one by
// one, a field added by an edit is one value whatever it holds).
struct str sip_edits_uri(const struct sip_edits *e);
// The headers that edits have touched, one bit each: bit id % 64 of word id / 64.
void sip_edits_touched(const struct sip_edits *e, uint64_t ret_bits[SIP_HID_WORDS]);
struct sip_edits_iter {
    const struct sip_edits *e;
    enum sip_hid id;
    const struct sip_edit *edit;       // next one to look at
    const struct sip_field *field;     // received field, looked at or next
    const struct edit_element *element;// of its edit
    struct str rest;
    size_t n;    // elements of the field that were passed
    bool inside; // the field
};
struct sip_edits_iter sip_edits_iter_init(const struct sip_edits *e, enum sip_hid id);
// False when there is none left. No edits while it walks.
bool sip_edits_iter_next(struct sip_edits_iter *it, struct str *ret_value);
// The first value; false when there is none.
bool sip_edits_first(const struct sip_edits *e, enum sip_hid id, struct str *ret_value);

// Writes the edited message: ERR_TOOBIG when w is too small, ERR_NOMEM when the edits failed.
// e may be NULL for an unedited copy.
int sip_msg_write(const struct sip_msg *m, const struct sip_edits *e, struct writer *w);

// ---- building ----

// Response to req by RFC 3261 8.2.6: Via, From, To (with to_tag when it has none yet and status is
// not 100), Call-ID, CSeq, Record-Route copied for 101..299 to dialog-making requests and by RFC
// 3261 12.1.1; then the fields of extra (may be NULL; made by sip_edits_init(e, a, NULL) and
// append/body), then Content-Length. reason empty: the standard phrase.
int sip_write_response(const struct sip_msg *req, unsigned status, struct str reason,
                       struct str to_tag, const struct sip_edits *extra, struct writer *w);

// Request from nothing: start line, then the fields of headers in order, then Content-Length and
// body. headers is made as for sip_write_response.
int sip_write_request(struct str method, struct str uri, const struct sip_edits *headers,
                      struct writer *w);

// Standard reason phrase ("Not Found"); of the class when the code is unknown.
struct str sip_reason(unsigned status);
