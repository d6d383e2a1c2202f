// SPDX-License-Identifier: Apache-2.0
// Messages made to be expensive: a header of the table, filled up to a length in many ways. The rows of
// sip/header.c are asked for what they accept, so a new header is tested without a line here.
#pragma once

#include "base/str.h"
#include "sip/types.h"

enum shape {
    SHAPE_VALUES,          // v,v,v
    SHAPE_FIELDS,          // a line for each v
    SHAPE_FIELDS_MIXED,    // the same with another header's between
    SHAPE_PARAMS,          // v;p0=1;p1=1
    SHAPE_PARAMS_TWICE,    // the same, and once more in reverse order
    SHAPE_PARAM_REPEATED,  // v;a;a;a
    SHAPE_AUTH_PARAMS,     // Digest a0=b,a1=b
    SHAPE_URI_PARAMS,      // <sip:a@h;p0=1;...>, <sip:a@h;...;p0=1>
    SHAPE_URI_HEADERS,     // <sip:a@h?h0=1&...>, and in reverse
    SHAPE_LONG_USER,       // <sip:aaaa@h>
    SHAPE_ESCAPES,         // <sip:%61%61@h>
    SHAPE_LONG_TOKEN,
    SHAPE_NUMBER,
    SHAPE_QUOTED,          // "\"\"\""
    SHAPE_QUOTES,          // "","",""
    SHAPE_UNQUOTED,        // " and no end
    SHAPE_COMMAS,
    SHAPE_SEMICOLONS,
    SHAPE_BRACKETS,        // <<<<
    SHAPE_BLANKS,
    SHAPE_FOLDED,          // a fold after each value
    SHAPE_OPTIONS,         // sec-agree,sec-agree
    SHAPE_NETWORK,         // a;network-provided,a;network-provided
    SHAPE_COUNT
};

const char *shape_name(enum shape s);

// Writes lines of the header, some n bytes in all, CRLF after each. Returns the length; cap must be
// n + 512.
size_t shape_write(enum shape s, enum sip_hid id, size_t n, char *out, size_t cap);
