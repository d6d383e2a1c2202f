// SPDX-License-Identifier: Apache-2.0
// A UAC that proves itself (RFC 3261 22.1 to 22.3, RFC 7616): challenges of servers (401) and of
// proxies (407) on the way, several realms in one request. A challenge that was answered serves the
// next requests too, its nonce counted on. How a response to a challenge is computed is the user's:
// nothing here knows a secret.
#pragma once

#include "sip/edit.h"

enum { UAC_REALMS_MAX = 6 };

struct uac_challenge {
    bool proxy;                                 // Proxy-Authenticate; else WWW-Authenticate
    struct str realm, nonce, opaque, algorithm; // opaque.p NULL: there was none
    bool has_qop;                               // "auth" was among them
    uint32_t nc;                                // of the present use, from 1
};

struct uac_auth_ops {
    // Can this challenge be answered? The first of a realm that can is (RFC 8760 2.3).
    bool (*can)(void *arg, const struct sip_auth *challenge);
    // Value of (Proxy-)Authorization, in the arena; STR_NONE: nothing is sent.
    struct str (*credentials)(void *arg, struct arena *a, const struct uac_challenge *c,
                              struct str method, struct str uri);
};

struct uac_auth; // what is held for all requests of one user
int uac_auth_new(const struct uac_auth_ops *ops, void *arg, struct uac_auth **ret_auth);
void uac_auth_free(struct uac_auth *au); // takes NULL

// What one request has told to whom, over all of its attempts; all zero at first.
struct uac_attempts {
    struct {
        uint64_t realm, nonce; // hashes; 0: none
        uint32_t answered;
    } of[UAC_REALMS_MAX];
};

// Takes the challenges of a 401 or 407. True: the request is to be sent again, with a new CSeq.
// False: the credentials were refused, or none of the challenges can be answered.
bool uac_auth_take(struct uac_auth *au, struct uac_attempts *t, const struct sip_msg *response);
// Credentials for each challenge that is held.
void uac_auth_add(struct uac_auth *au, struct uac_attempts *t, struct sip_edits *headers,
                  struct str method, struct str uri);
