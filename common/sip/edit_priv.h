// SPDX-License-Identifier: Apache-2.0
// Inside of the edits: a list of splices of the received bytes, ordered by place, so that writing
// is one walk that copies what lies between.
#pragma once

#include "sip/edit.h"
#include "sip/msg_priv.h"

enum edit_kind {
    EDIT_LINE,     // a field "name: value" at `at`, in place of del received bytes
    EDIT_TEXT,     // value in place of del received bytes (Request-URI, body, nothing)
    EDIT_ELEMENTS, // the field at `at` with some elements removed or replaced
};

// The i-th element of a field; value.p NULL: removed.
struct edit_element {
    struct edit_element *next;
    size_t i;
    struct str value;
};

struct sip_edit {
    struct sip_edit *next;
    enum edit_kind kind;
    enum sip_hid id;
    bool dropped;   // overruled by a later edit
    bool body;      // of EDIT_TEXT: the body
    size_t at, del;
    struct str name, value;
    const struct sip_field *field; // that is replaced or removed
    struct edit_element *elements, *last; // ordered by i
};

// The edit that says what becomes of a received field; NULL when none does.
struct sip_edit *sip_edit_of_field(const struct sip_edits *e, const struct sip_field *f);

// Number of elements of a received field: one unless its header is a list.
size_t sip_field_elements(const struct sip_msg *m, const struct sip_field *f);

// What an edit makes of the i-th element, STR_NONE when it is removed. *el: its first element at the
// start; i grows from call to call.
struct str sip_edit_element(const struct edit_element **el, size_t i, struct str received);

// Writes start line and fields (with the edits in place) up to the blank line, or the whole.
void sip_edits_write_fields(const struct sip_edits *e, struct writer *w);

// The body set by the edits, STR_NONE when there is none.
struct str sip_edits_body(const struct sip_edits *e);
