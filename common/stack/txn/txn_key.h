// SPDX-License-Identifier: Apache-2.0
// What a server transaction is known by (RFC 3261 17.2.3): branch, sent-by and method, and what no
// client has twice under one branch; of an element of RFC 2543, whose branch has no magic cookie,
// everything that its retransmissions have in common.
#pragma once

#include "sip/msg.h"

enum { TXN_KEY_MAX = 512 };

struct txn_key {
    char buf[TXN_KEY_MAX];
    struct str text; // in buf, or in the message's arena
    uint64_t hash;
};

struct txn_key_how {
    enum sip_method method; // INVITE for the ACK and the CANCEL of one
    bool reliable;          // it came over a connection
    struct str to_tag;      // of m; by the rules of RFC 2543 only
};

// ERR_NOMEM.
int txn_key_make(struct txn_key *k, const struct sip_msg *m, const struct txn_key_how *how);

// True when the top Via has no branch with the magic cookie.
bool txn_key_is_old(const struct sip_msg *m);
