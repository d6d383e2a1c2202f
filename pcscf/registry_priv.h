// SPDX-License-Identifier: Apache-2.0
// What the registry's files share: registry.c has the life of a contact, registry_find.c the look-ups.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "pcscf/registry.h"
#include "pcscf/shared.h"

struct reg_impu {
    const char *text;       // URI, display name, canonical form where it is not the URI itself
    uint64_t hash;          // of the canonical form
    struct shared *pattern; // in canonical form; NULL: a distinct identity
    uint16_t n_uri, n_display, n_canon;
};

// One allocation: struct, identities, then the texts of contact and identities.
struct reg {
    struct registry *owner;
    struct timer expiry;
    struct access_flow flow;
    struct association *association;
    struct shared *home, *route, *charging, *term_ioi;
    struct list same_flow; // ring of the contacts on one flow, newest first; by_flow has the newest
    uint64_t expires_at;   // loop time in ms
    uint64_t order;        // the higher, the newer
    struct str contact;
    uint64_t user_key;
    bool nat, outbound;
    uint32_t n_impus, n_patterns; // the distinct ones come first
    struct reg_impu impus[];
};

struct registry {
    struct loop *loop;
    const struct numbering *plan;
    const struct registry_ops *ops;
    void *arg;
    struct association_table *associations;
    struct map by_default;  // hash of default identity
    struct map by_identity; // hash of address and canonical identity, of distinct ones
    struct map by_pattern;  // hash of address: the contacts with patterns
    struct map by_user;     // hash of association
    struct map by_flow;     // hash of flow -> its newest contact
    struct shared *texts, *patterns;
    uint64_t registered;    // so far
};

// Keys of the maps: an identity at an address (at 0: anywhere), and of what is at an address.
uint64_t registry_identity_key(uint64_t at, uint64_t hash);
uint64_t registry_address_key(const struct addr *a);

struct reg *registry_newest_on_flow(const struct registry *r, const struct access_flow *f);
bool registry_same_flow(const struct access_flow *a, const struct access_flow *b);
bool reg_has_contact(const struct reg *g, const struct sip_uri *uri);

// The distinct identity of the contact that is this one; NULL: none.
const struct reg_impu *reg_distinct(const struct reg *g, const struct identity_key *k);
