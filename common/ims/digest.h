// SPDX-License-Identifier: Apache-2.0
// Digest responses: RFC 2617/7616 (MD5, SHA-256; qop auth), RFC 3310 (AKAv1-MD5, the password is RES),
// TS 33.203 annex N (SIP Digest). A context keeps fetched algorithms.
#pragma once

#include "base/str.h"

struct digest;
enum digest_alg { DIGEST_MD5, DIGEST_SHA256 };
enum { DIGEST_HEX_MAX = 65 };

int digest_new(struct digest **ret_d);
void digest_free(struct digest *d);

// HA1 as lower-case hexadecimal (32 or 64 digits and a NUL). password may hold any bytes.
int digest_ha1(struct digest *d, enum digest_alg alg, struct str user, struct str realm,
               struct str password, char ret_hex[DIGEST_HEX_MAX]);

struct digest_params {
    enum digest_alg alg;
    struct str ha1;                       // hexadecimal
    struct str nonce, method, uri;
    struct str qop, nc, cnonce;           // qop empty: RFC 2069 form
    struct str body;                      // for qop auth-int
    bool response_side;                   // rspauth: A2 without the method (RFC 2617 3.2.3)
};
int digest_response(struct digest *d, const struct digest_params *p, char ret_hex[DIGEST_HEX_MAX]);

// Comparison in constant time, case-insensitive hexadecimal.
bool digest_equal(struct str a, struct str b);
