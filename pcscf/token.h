// SPDX-License-Identifier: Apache-2.0
// Opaque tokens for access flows (RFC 5626 5.2): the user part of this P-CSCF's URIs in Path and
// Record-Route. A token holds the UE's association (its address and private identity) and the flow that it was
// heard on under a keyed hash of one of the node's keys (app/keyring.h), so nothing has to be stored per dialog, and no one else can make one. It is good for one purpose (struct
// token_use): a Record-Route travels to the other party, who must not come back with it as if it
// were the Path; and what the UE gets holds the route set of its dialog, so that the UE cannot
// write itself another one.
#pragma once

#include "app/keyring.h"
#include "stack/stack.h"

struct arena;

// Where a UE is reached, and whose it is.
struct access_flow {
    enum sip_proto proto;
    uint8_t label; // of the listener that it came in on
    struct addr remote;
    flow_id id;    // of the connection, for TCP
    uint64_t user; // token_user of the private identity; 0: not known
};

struct token_key {
    const struct keyring *ring;
    uint32_t boot; // tells this run's flow ids from those of an earlier one
    uint32_t node; // and this node's from those of another one with the same keys
};

enum token_kind {
    TOKEN_PATH,   // the way to a registered contact
    TOKEN_CORE,   // Record-Route towards the core: the way to the UE inside a dialog
    TOKEN_ACCESS, // Record-Route towards the UE: its way out inside a dialog
};

struct token_use {
    enum token_kind kind;
    struct str call_id; // TOKEN_CORE, TOKEN_ACCESS
    struct str
        peer_tag; // TOKEN_ACCESS: the other party's tag, which is the To tag of the UE's requests
    bool ob;         // TOKEN_PATH: the UE supports outbound (RFC 5626 5.1), for pcscf_own_uri
    struct str icid; // TOKEN_ACCESS: stands beside the token, sealed (pcscf/icid.h)
    uint64_t routes; // TOKEN_ACCESS: what must follow in the UE's Route, by token_add_route
};

// A private identity as tokens name it; never 0.
uint64_t token_user(const struct token_key *k, struct str impi);
// base64url text in the arena; STR_NONE when out of memory.
struct str token_write(const struct token_key *k, struct arena *a, const struct access_flow *f,
                       const struct token_use *use);
// ERR_BAD: not a token of this key and use, whose routes do not count here: they are the token's
// own, ret_routes (may be NULL; 0 unless TOKEN_ACCESS). The flow's id is 0 in a token of an earlier
// run or of another node.
int token_parse(const struct token_key *k, struct str text, const struct token_use *use,
                struct access_flow *ret_flow, uint64_t *ret_routes);
// Whose token does the text look like? Nobody vouches for that: it is for choosing words.
enum token_origin {
    TOKEN_NONE,
    TOKEN_OF_THIS_RUN,
    TOKEN_OF_FORGOTTEN_KEY,
    TOKEN_OF_EARLIER_RUN,
    TOKEN_OF_ANOTHER
};
enum token_origin token_origin(const struct token_key *k, struct str text);
// The route set so far (0: empty) and one URI more. How a URI is written does not matter (case of
// host and parameters, order of parameters, "lr" or "lr=on"), what it says does.
uint64_t token_add_route(const struct token_key *k, uint64_t routes, const struct sip_uri *u);
