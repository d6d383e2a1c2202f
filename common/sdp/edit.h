// SPDX-License-Identifier: Apache-2.0
// Edits of a received session description. They are recorded, one place for each line, and
// sdp_write emits the received bytes with them applied: what no edit names stays byte for byte, in
// its order. A later edit sees what the earlier ones left. Values are not copied: they live in the
// arena given at init, or longer; one with a line end or a NUL in it fails. Failure is sticky and
// reported by the write.
#pragma once

#include "sdp/sdp.h"

struct sdp_change;

struct sdp_edits {
    struct arena *arena;
    const struct sdp *sdp;
    struct sdp_change **of; // of each line; NULL before the first edit
    size_t room;            // bytes that the edits may add
    bool failed;
};

void sdp_edits_init(struct sdp_edits *e, struct arena *a, const struct sdp *s);

// ---- lines ----

// A new value for a line (numbered as sdp_line_at does).
void sdp_edit_value(struct sdp_edits *e, size_t line, struct str value);
// A new line behind a received one and behind what has been inserted there.
void sdp_edit_insert(struct sdp_edits *e, size_t line, char type, struct str value);
void sdp_edit_remove(struct sdp_edits *e, size_t line);
// All lines of a medium. The answer to an offer keeps its m= line (RFC 3264 6): see sdp_edit_port
// with 0.
void sdp_edit_remove_media(struct sdp_edits *e, size_t media);

// ---- what lines say; media: its number, or SDP_SESSION where it makes sense ----

// Of an m= line; the number of ports behind it stays.
void sdp_edit_port(struct sdp_edits *e, size_t media, uint16_t port);
// The section's own c= line, a new one when it has none; family by the form of the address.
void sdp_edit_address(struct sdp_edits *e, size_t media, struct str address);
// Of the o= line: what a changed description has to say (RFC 3264 8).
void sdp_edit_version(struct sdp_edits *e, uint64_t version);
void sdp_edit_direction(struct sdp_edits *e, size_t media, enum sdp_direction direction);
// The first attribute of this name has this value (p NULL: it is a property), the section's further
// ones go; a new one behind the other attributes when there is none.
void sdp_edit_attr(struct sdp_edits *e, size_t media, struct str name, struct str value);
void sdp_edit_remove_attr(struct sdp_edits *e, size_t media, struct str name);

// Writes the edited description: ERR_TOOBIG when w is too small, ERR_NOMEM when the edits failed. e
// may be NULL.
int sdp_write(const struct sdp *s, const struct sdp_edits *e, struct writer *w);
// The same as text in the edits' arena; STR_NONE on failure.
struct str sdp_edits_text(const struct sdp_edits *e);
