// SPDX-License-Identifier: Apache-2.0
// Checking a Digest response against a challenge: IMS-AKA (RFC 3310) and SIP Digest (TS 33.203 N.2).
#pragma once

#include "scscf/auth.h"
#include "sip/types.h"

enum digest_check {
    DIGEST_RIGHT,
    DIGEST_WRONG,     // the response is not what it should be
    DIGEST_REPLAYED,  // right, but the nonce count has been seen
    DIGEST_MALFORMED, // a parameter needed is missing or out of range
    DIGEST_FAILED,    // local failure
};

// The challenge that WWW-Authenticate or Proxy-Authenticate holds, for SIP Digest (RFC 7616 3.3).
struct str digest_challenge(struct arena *a, const struct challenge *c, enum digest_alg alg, bool stale);
// ERR_UNSUPPORTED; an empty name is MD5.
int digest_alg_from(struct str name, enum digest_alg *ret_alg);

// *ret_nc: the nonce count of a right response, 0 without qop. *ret_info (may be NULL) gets the
// value of Authentication-Info in a, for SIP Digest with qop only (RFC 7616 3.5); STR_NONE otherwise.
enum digest_check digest_check(struct digest *d, const struct challenge *c,
                               const struct sip_auth *auth, struct str method, struct arena *a,
                               uint32_t *ret_nc, struct str *ret_info);
