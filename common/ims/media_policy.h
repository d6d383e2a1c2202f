// SPDX-License-Identifier: Apache-2.0
// What media a network allows, by its own policy or by a subscription (TS 24.229 6.2, 6.3). The
// description that a request carries is held against it; what is not allowed is answered by 488
// with a description of what would be.
#pragma once

#include "base/arena.h"
#include "sdp/sdp.h"
#include "sip/edit.h"

struct media_names {
    const struct str *v;
    size_t n;
};

struct media_policy {
    struct media_names types;  // "audio"; none: every type
    struct media_names codecs; // "AMR-WB", of media over RTP; none: every codec
    uint32_t bandwidth;        // kbit/s of one medium, as the description says it; 0: any
};
// Does it allow everything?
bool media_policy_is_open(const struct media_policy *p);

// Several that hold together.
struct media_policies {
    const struct media_policy *of[2];
    size_t n;
};

// What was wrong with a description.
struct media_refusal {
    unsigned status; // 488, or 415: it cannot be looked at
    const char *cause;
    enum sdp_limit limit; // that it is beyond
    struct sip_edits
        *extra; // body and Warning of the 488 (RFC 3261 21.4.26, 20.43), Accept-Encoding; NULL: out of memory
};

// Holds a request against the policies: INVITE, UPDATE and PRACK, whose descriptions are offers or
// answers. True: allowed, or it carries no description. host is what the answer names as its
// author: a host name or an address, an IPv6 one in brackets.
bool media_policy_allows(const struct media_policies *p, const struct sdp_limits *l,
                         const struct sip_msg *m, struct arena *a, struct str host,
                         struct media_refusal *ret_refusal);
