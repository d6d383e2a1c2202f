// SPDX-License-Identifier: Apache-2.0
// Public identities of a registration, as P-Associated-URI lists them (TS 24.229 5.2.2.1): with display names,
// distinct ones and wildcarded ones (TS 23.003 13.5). What they are compared by is the canonical form of all nodes
// (ims/impu.h).
#pragma once

#include "ims/numbering.h"
#include "sip/edit.h"

struct identity {
    struct str uri;     // as received
    struct str display; // as received, quotes included; may be empty
};

// Those of a message, in its order, max at most and distinct ones before patterns, in the arena of its edits; *ret_more is
// how many others it has. One
// that is no URI, as a pattern may be (RFC 3261 has no place for some in a URI), does not hide those behind it.
// ERR_NOMEM.
int identities_read(const struct sip_edits *e, size_t max, struct identity **ret_identities, size_t *ret_n,
                    size_t *ret_more);

// Is it a wildcarded identity, as it stands in a header?
bool identity_is_pattern(struct arena *a, struct str uri);

// An identity in canonical form, whole: two that differ anywhere are two.
enum { IDENTITY_KEY_ROOM = 512 };
struct identity_key {
    struct arena arena;
    _Alignas(8) char room[IDENTITY_KEY_ROOM];
    struct str text;
    uint64_t hash;
};
// Of a text that is no identity, the text itself. ERR_NOMEM, and nothing to undo.
int identity_key_init(struct identity_key *k, const struct numbering *plan, struct str impu);
void identity_key_done(struct identity_key *k);

// A value of P-Asserted-Identity with this display name (may be empty).
struct str identity_value(struct arena *a, const struct identity *id);
// What is vouched for of a URI that a pattern covers: who it names, without what else the UE wrote into it.
struct str identity_plain(struct arena *a, const struct sip_uri *u);
