// SPDX-License-Identifier: Apache-2.0
// What the registry's files share, each of which needs those below it: registry_restore.c, what was before the start;
// registry.c, the life of a contact; registry_kept.c, contacts as records; registry_find.c, the look-ups;
// registry_contact.c, a contact by itself.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "pcscf/registry.h"
#include "pcscf/registry_disk.h"
#include "pcscf/shared.h"

struct contact_impu {
    const char *text;       // URI, display name, canonical form where it is not the URI itself
    uint64_t hash;          // of the canonical form
    struct shared *pattern; // in canonical form; NULL: a distinct identity
    uint16_t n_uri, n_display, n_canon;
};

// A contact's record. The next contact in the place of this one takes it over.
struct kept {
    struct keep_item item;
    struct contact *contact;
    uint64_t record; // its key
};

// One allocation: struct, identities, then the texts of contact and identities.
struct contact {
    struct registry *owner;
    struct timer expiry;
    struct access_flow flow;
    struct association *association;
    struct shared *home, *route, *charging, *term_ioi;
    struct list same_flow; // ring of the contacts on one flow, newest first; by_flow has the newest
    uint64_t expires_at;   // loop time in ms
    uint64_t id;           // never used again; the higher, the newer
    struct str uri; // of its Contact
    uint64_t user_key;
    struct kept *kept; // NULL: it ends with the process
    bool nat, outbound;
    uint32_t n_impus, n_patterns; // the distinct ones come first
    struct contact_impu impus[];
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
    uint64_t last_id;       // so far
    struct registry_disk disk;
    struct keep_kind kind;
};

// ---- registry_contact.c: a contact by itself ----

// Keys of the maps: an identity at an address (at 0: anywhere), what is at an address, what is on a flow.
uint64_t registry_identity_key(uint64_t at, uint64_t hash);
uint64_t registry_address_key(const struct addr *a);
uint64_t registry_flow_key(const struct access_flow *f);

bool registry_same_flow(const struct access_flow *a, const struct access_flow *b);
// Is this its Contact URI (RFC 3261 19.1.4)?
bool contact_is(const struct contact *g, const struct sip_uri *uri);
// The distinct identity of the contact that is this one; NULL: none.
const struct contact_impu *contact_distinct(const struct contact *g, const struct identity_key *k);
// The first of its patterns that covers this one; NULL: none. Each that is tried takes one of *left.
const struct contact_impu *contact_covering(const struct contact *g, const struct identity_key *k, size_t *left);

// ---- registry.c: the life of a contact ----

// The newest contact of each flow is its first one again, in whatever order they were set. ERR_NOMEM.
int registry_sort_flows(struct registry *r);

// ---- registry_find.c: look-ups ----

struct contact *registry_newest_on_flow(const struct registry *r, const struct access_flow *f);
struct contact *registry_next_of_default(const struct registry *r, const struct identity_key *k, size_t *it);
// The contact that one of these facts takes the place of; impu: their default identity. NULL: none.
struct contact *registry_replaced_by(const struct registry *r, const struct contact_params *p, struct str impu);

// ---- registry_kept.c: contacts as records ----

enum { KEPT_KEY = 16 }; // digits

void kept_key(void *registry, const struct keep_item *it, struct writer *w);
int kept_value(void *registry, const struct keep_item *it, struct writer *w);
// Gives it the record of the contact that it replaces (from), else one of its own, with this key (0: its id).
// ERR_NOMEM.
int kept_take(struct registry *r, struct contact *c, struct contact *from, uint64_t record);
void kept_changed(struct registry *r, struct contact *c);
void kept_end(struct registry *r, struct contact *c); // one that has none is left alone
