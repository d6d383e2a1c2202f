// SPDX-License-Identifier: Apache-2.0
// The session descriptions in a message: its body, or parts of it however deep they stand in multiparts (RFC 2046 5.1,
// RFC 5621 3.1). A description that this node reads otherwise than the phone behind it could say what a policy does
// not allow: what cannot be read as it stands is said to be so.
#pragma once

#include "sip/msg.h"

enum { DESCRIPTIONS_DEPTH = 4 }; // multiparts within each other

struct descriptions_part {
    struct str rest, boundary;
};

struct descriptions {
    struct arena *arena;
    struct descriptions_part parts[DESCRIPTIONS_DEPTH]; // the innermost is the last one
    size_t depth;
};

enum description {
    DESCRIPTION_NONE, // no more
    DESCRIPTION_TEXT,
    DESCRIPTION_ENCODED, // compressed or encoded: only application/sdp and multiparts are looked at
    DESCRIPTION_HIDDEN,  // in a multipart without a boundary, or too deep
};

// m and a outlive it. The first of a message, and the next one; *ret_text of DESCRIPTION_TEXT is a slice of the
// message.
enum description descriptions_first(struct descriptions *d, const struct sip_msg *m, struct arena *a,
                                    struct str *ret_text);
enum description descriptions_next(struct descriptions *d, struct str *ret_text);
