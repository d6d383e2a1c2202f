// SPDX-License-Identifier: Apache-2.0
// Attributes of a session description, one by one: the a= lines of a section, and those whose
// values have a grammar of their own. Candidates and whatever else nobody here reads are passed on
// as text.
#pragma once

#include "sdp/sdp.h"

struct sdp_attr {
    struct str name, value; // "ptime", "20"; value p NULL: a property without a colon
    size_t line;
};

// The attributes of a medium or of SDP_SESSION, in their order; name empty: all of them.
struct sdp_attr_iter {
    const struct sdp *s;
    struct str name;
    size_t next, end;
};
struct sdp_attr_iter sdp_attr_iter_init(const struct sdp *s, size_t media, struct str name);
bool sdp_attr_iter_next(struct sdp_attr_iter *it, struct sdp_attr *ret_attr);
// The first one; false: there is none.
bool sdp_attr_find(const struct sdp *s, size_t media, struct str name, struct sdp_attr *ret_attr);

// ---- preconditions (RFC 3312 4, RFC 4032) ----

enum sdp_condition { SDP_CURRENT, SDP_DESIRED, SDP_CONFIRM };
enum sdp_strength { SDP_MANDATORY, SDP_OPTIONAL, SDP_STRENGTH_NONE, SDP_FAILURE, SDP_UNKNOWN };
enum sdp_segment { SDP_E2E, SDP_LOCAL, SDP_REMOTE };
enum sdp_way { SDP_WAY_NONE, SDP_WAY_SEND, SDP_WAY_RECV, SDP_WAY_SENDRECV };

struct sdp_precondition {
    enum sdp_condition condition;
    struct str type;            // "qos"
    enum sdp_strength strength; // of SDP_DESIRED
    enum sdp_segment segment;
    enum sdp_way way;
};
// ERR_NOTFOUND: it is another attribute; ERR_BAD.
int sdp_precondition_parse(const struct sdp_attr *a, struct sdp_precondition *ret_precondition);

// ---- a=crypto (RFC 4568 9.1) ----

struct sdp_crypto {
    uint32_t tag;
    struct str suite;  // "AES_CM_128_HMAC_SHA1_80"
    struct str keys;   // "inline:...", several with semicolons between
    struct str params; // behind them, p NULL: none
};
int sdp_crypto_parse(struct str value, struct sdp_crypto *ret_crypto); // ERR_BAD
