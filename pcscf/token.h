// SPDX-License-Identifier: Apache-2.0
// Opaque tokens for access flows (RFC 5626 5.2): the user part of this P-CSCF's URIs in Path and
// Record-Route. A token holds the flow itself under a keyed hash, so nothing has to be stored per
// registration or dialog, and no one else can make one. It is good for one purpose: a Record-Route travels
// to the other party, who must not come back with it as if it were the Path.
#pragma once

#include "stack/stack.h"

struct arena;

// Where a UE is reached.
struct access_flow {
    enum sip_proto proto;
    struct addr remote;
    flow_id id; // of the connection, for TCP
};

struct token_key {
    uint64_t k[2];
    uint32_t boot; // tells this run's flow ids from those of an earlier one
};

// base64url text in the arena; STR_NONE when out of memory. call_id: of the dialog that the token is for;
// empty: a Path.
struct str token_write(const struct token_key *k, struct arena *a, const struct access_flow *f,
                       struct str call_id);
// ERR_BAD: not a token of this key and purpose. id is 0 in a token of an earlier run.
int token_parse(const struct token_key *k, struct str text, struct str call_id,
                struct access_flow *ret_flow);
