// SPDX-License-Identifier: Apache-2.0
// Session descriptions (RFC 8866) as values: what an audio phone and a media-aware node need of
// them. Unknown lines are passed over. Slices point into the text.
#pragma once

#include "base/str.h"

struct writer;

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum { SDP_MEDIA_MAX = 8, SDP_FORMATS_MAX = 24 };

struct sdp_format {
    uint8_t payload_type; // 0 to 127
    struct str encoding;  // "PCMU"; from a=rtpmap, or the static name of RFC 3551, else empty
    uint32_t rate;        // Hz, 0 unknown
    uint32_t channels;    // 1 unless given
};

struct sdp_media {
    struct str type;    // "audio"
    uint16_t port;      // 0: refused
    struct str proto;   // "RTP/AVP"
    struct str address; // of this medium, or the session's; IP literal
    enum sdp_direction direction;
    uint32_t ptime; // ms, 0: not given
    struct sdp_format formats[SDP_FORMATS_MAX];
    size_t n_formats;
};

struct sdp {
    struct str origin_user, origin_address;
    uint64_t session_id, version;
    struct sdp_media media[SDP_MEDIA_MAX];
    size_t n_media;
};

// ERR_BAD when a line that is needed is malformed or missing (v, o, s, a connection for each medium
// in use); ERR_TOOBIG beyond the limits above.
int sdp_parse(struct str text, struct sdp *ret_sdp);

// Writes it; formats with an encoding get an rtpmap line each.
void sdp_write(struct writer *w, const struct sdp *s);

// First medium of this type with a nonzero port, or NULL.
const struct sdp_media *sdp_find_media(const struct sdp *s, struct str type);
// Format by encoding name, case-insensitive, or NULL.
const struct sdp_format *sdp_find_format(const struct sdp_media *m, struct str encoding);

// The answer's direction for an offered one and what we want (RFC 3264 6.1).
enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction wanted);
