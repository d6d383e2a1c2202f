// SPDX-License-Identifier: Apache-2.0
// How much of everything a session description may have before it is looked at. The reader's cost
// is in proportion to the length without them.
#pragma once

#include <stdint.h>

enum sdp_limit {
    SDP_LIMIT_NONE,
    SDP_LIMIT_BYTES,
    SDP_LIMIT_LINES,
    SDP_LIMIT_MEDIA,
    SDP_LIMIT_ATTRIBUTES,
    SDP_LIMIT_FORMATS,
    SDP_LIMIT_COUNT
};

struct sdp_limits {
    uint32_t bytes;      // of all of it
    uint32_t lines;      // of all of it
    uint32_t media;      // descriptions of media
    uint32_t attributes; // a= lines of one medium, or of the session
    uint32_t formats;    // of one medium
};
extern const struct sdp_limits sdp_limits_default;

struct sdp_limit_row {
    const char *name; // in metrics and, behind "message.sdp.", in the configuration
    const char *what; // for people: "more lines than message.sdp.lines allows"
};
extern const struct sdp_limit_row sdp_limit_rows[SDP_LIMIT_COUNT];
