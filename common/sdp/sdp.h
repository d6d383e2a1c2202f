// SPDX-License-Identifier: Apache-2.0
// Session descriptions (RFC 8866), their journey: the bytes stay as they came. sdp_parse goes over
// them once and makes a table of lines and of sections, one for the session and one for each
// medium. What a line means is read on first use and kept in the arena: sdp_media and sdp_session
// for what offers and answers are about, the readers of sdp/attr.h for one attribute. Whoever
// changes a description records edits (sdp/edit.h); untouched lines are written as they came,
// unknown ones in their places. One that is new is a struct sdp_draft. The reader is tolerant:
// lines end with CRLF or LF, lines that nobody knows stay. Slices point into the text.
#pragma once

#include "base/str.h"
#include "sdp/limits.h"

struct arena;
struct writer;
struct sdp;

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

// In the place of a medium's number: the part before the first m= line.
#define SDP_SESSION SIZE_MAX

// What was wrong with a description.
struct sdp_fault {
    const char *what;     // static text for people
    enum sdp_limit limit; // of ERR_TOOBIG
    size_t line;          // from 1; 0: it is not about one line
};

// ERR_BAD: it is no description (no v=0 in the first line, no o= or s=, an m= line that cannot be
// read, a NUL or a CR inside of a line: RFC 8866 9). ERR_TOOBIG: beyond l (NULL:
// sdp_limits_default). ERR_NOMEM. text has to live as long as the result, which is the arena's.
// ret_fault may be NULL.
int sdp_parse(struct arena *a, struct str text, const struct sdp_limits *l, struct sdp **ret_sdp,
              struct sdp_fault *ret_fault);

struct str sdp_text(const struct sdp *s); // as received
size_t sdp_media_count(const struct sdp *s);

// ---- lines ----

struct sdp_line {
    char type;        // 'a'; 0: a line of another form than x=
    struct str value; // behind the "="; of another form: all of it
};

size_t sdp_line_count(const struct sdp *s);
struct sdp_line sdp_line_at(const struct sdp *s, size_t i);
// The lines of a medium, its m= line first, or of SDP_SESSION: from *ret_first up to, but without,
// *ret_end.
void sdp_section(const struct sdp *s, size_t media, size_t *ret_first, size_t *ret_end);

// ---- typed values ----

struct sdp_session {
    struct str origin_user, origin_address;
    uint64_t id, version;
    struct str address; // of c=, p NULL: none
    enum sdp_direction direction;
    uint32_t bandwidth; // kbit/s, 0: not given
};

struct sdp_format {
    uint8_t payload_type; // 0 to 127
    struct str encoding;  // "PCMU"; from a=rtpmap, or the static name of RFC 3551, else empty
    uint32_t rate;        // Hz, 0 unknown
    uint32_t channels;    // 1 unless given
    struct str fmtp;      // behind the payload type of a=fmtp; p NULL: none
};

struct sdp_media {
    struct str type;    // "audio"
    uint16_t port;      // 0: refused
    struct str proto;   // "RTP/AVP"
    struct str fmt;     // the formats as text, for protocols whose formats are no payload types
    struct str address; // of this medium, or the session's; without the TTL of multicast
    enum sdp_direction direction;
    uint32_t ptime;                   // ms, 0: not given
    uint32_t bandwidth;               // kbit/s by b=AS, else by b=TIAS (RFC 3890), 0: not given
    const struct sdp_format *formats; // when it is RTP
    size_t n_formats;
};

// NULL: malformed or out of memory.
const struct sdp_session *sdp_session(const struct sdp *s);
const struct sdp_media *sdp_media(const struct sdp *s, size_t i);
// Can all of it be read, and has each medium in use an address? 0, ERR_BAD, ERR_NOMEM.
int sdp_check(const struct sdp *s);

// What a payload type means that no a=rtpmap tells of (RFC 3551 6); encoding empty: nothing.
struct sdp_format sdp_static_format(uint8_t payload_type);
// Is it the name of an encoding that somebody has registered, as far as this program knows? In any case of letters.
bool sdp_encoding_is_known(struct str name);

// First medium of this type with a nonzero port, or NULL; it can be read.
const struct sdp_media *sdp_find_media(const struct sdp *s, struct str type);
// Format by encoding name, case-insensitive, or NULL.
const struct sdp_format *sdp_find_format(const struct sdp_media *m, struct str encoding);
// Is it a protocol whose formats are payload types (RTP/AVP, RTP/SAVPF, UDP/TLS/RTP/SAVPF)?
bool sdp_is_rtp(struct str proto);

// The answer's direction for an offered one and what we want (RFC 3264 6.1).
enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction wanted);
// "sendrecv"
struct str sdp_direction_name(enum sdp_direction d);
// ERR_BAD: no direction.
int sdp_direction_parse(struct str name, enum sdp_direction *ret_direction);

// ---- new ones ----

struct sdp_draft {
    struct str origin_user, origin_address; // user empty: "-"
    uint64_t id, version;
    const struct sdp_media *media; // address empty: no c= line; bandwidth and ptime 0: none of them
    size_t n_media;
};

// Formats with an encoding get an rtpmap line each, those with parameters an fmtp line.
void sdp_draft_write(struct writer *w, const struct sdp_draft *d);
