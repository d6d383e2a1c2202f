// SPDX-License-Identifier: Apache-2.0
// The contacts registered through this P-CSCF (TS 24.229 5.2.2.1): for each one its flow, the public
// identities associated with it, the Service-Route, what the home network said of charging, and the UE association that
// it belongs to. One flow usually serves one UE, but may serve many (a gateway, a load generator): a contact is
// found by flow, or by address, and identity.
#pragma once

#include "base/arena.h"
#include "io/loop.h"
#include "pcscf/association.h"
#include "pcscf/identities.h"
#include "pcscf/token.h"

struct registry;
struct contact; // opaque; owned by the registry, gone after any call that changes it

struct contact_params {
    const struct access_flow *flow; // user: token_user of impi
    struct str impi;
    struct str contact;            // Contact URI as text
    const struct identity *identities; // P-Associated-URI; the first that is no pattern is the default one
    size_t n_identities;
    size_t max_patterns;           // different ones in the whole registry; of those beyond it none is kept
    struct str home;               // the home domain that registered it (numbering_domain_of); may be empty
    struct str service_route;      // comma-separated; may be empty
    struct str charging_addresses; // P-Charging-Function-Addresses; may be empty
    struct str term_ioi;           // of type 1: the home network; may be empty
    uint64_t expires_ms;           // from now
    bool nat;                      // the UE named another address than it came from
    bool outbound;                 // the registrar manages its flows (RFC 5626)
    uint64_t id, record;           // of one that comes back from an earlier run; 0: a new one
};

struct registry_ops {
    void (*expired)(void *arg, const struct contact *r); // about to be removed
    // A contact on this flow has come or gone. May be NULL.
    void (*flow_changed)(void *arg, const struct access_flow *f);
};

// plan (may be NULL) outlives the registry.
int registry_new(struct loop *l, const struct numbering *plan, const struct registry_ops *ops, void *arg,
                 struct registry **ret_registry);
void registry_free(struct registry *r); // takes NULL
struct association_table *registry_associations(const struct registry *r);

// Adds the contact, or replaces what is known of it (same contact URI, default identity and home domain, whatever its
// flow was). *ret_refused (may be NULL): identities that were left out, patterns that nothing can be compared with.
// ERR_NOMEM leaves what was there; ERR_INVAL: no identity is left.
int registry_set(struct registry *r, const struct contact_params *p, size_t *ret_refused);
// Removes every contact with this default identity that this home domain registered, wherever it is, that listed() says no
// to; returns how many. A network has no say in another's registrations.
size_t registry_keep(struct registry *r, struct str home, struct str impu, bool (*listed)(void *arg, const struct contact *g), void *arg);
size_t registry_count(const struct registry *r);
size_t registry_patterns(const struct registry *r); // different ones

// Of a crowd at one address so many contacts and patterns are looked at for an identity that no contact has as it is.
enum { REGISTRY_PATTERNS_TRIED = 64 };

// The contact registered over this very flow (a UDP address, a connection) that impu (canonical or not) is
// associated with; impu empty: the one registered last on this flow. NULL: none.
const struct contact *registry_find(const struct registry *r, const struct access_flow *f,
                                struct str impu);
// The contact registered from this address, whatever the port, that impu is associated with; of `of` only,
// unless NULL.
const struct contact *registry_find_at(const struct registry *r, const struct addr *at, const struct association *of,
                                   struct str impu);
// The contact of an association that was registered last, and the one with this Contact URI.
const struct contact *registry_newest_of(const struct registry *r, const struct association *a);
const struct contact *registry_contact_of(const struct registry *r, const struct association *a,
                                      const struct sip_uri *contact);

// Is one of the association's contacts registered over this very flow?
bool registry_flow_has(const struct registry *r, const struct access_flow *f, const struct association *a);

struct association *contact_association(const struct contact *r);
bool contact_is_nat(const struct contact *r);
bool contact_is_outbound(const struct contact *r);
struct str contact_uri(const struct contact *r);
struct str contact_home(const struct contact *r);
struct str contact_service_route(const struct contact *r);
struct str contact_charging_addresses(const struct contact *r); // empty: none
struct str contact_term_ioi(const struct contact *r);           // empty: none
// i 0: the default one; STR_NONE past the end. Patterns come last, as they were received.
struct identity contact_identity(const struct contact *r, size_t i);
static inline struct str contact_impu(const struct contact *r, size_t i)
{
    return contact_identity(r, i).uri;
}
// Is the identity one of the contact's? *ret: as it is registered, *ret_covered false; or, covered by a pattern, as
// it is written, with the pattern's display name.
bool contact_has_identity(const struct contact *r, struct str impu, struct identity *ret, bool *ret_covered);
const struct access_flow *contact_flow(const struct contact *r);
uint64_t contact_expires_in_ms(const struct registry *r, const struct contact *g);
// Iterates like map_next; the second over those with this default identity.
const struct contact *registry_next(const struct registry *r, size_t *it);
const struct contact *registry_next_of(const struct registry *r, struct str impu, size_t *it);
