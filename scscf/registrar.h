// SPDX-License-Identifier: Apache-2.0
// Who is registered: implicit registration sets with their profile, and the contacts bound to them.
// A registration lives from the first binding to the last; its states are one table in registrar.c.
// It is found by any public identity of its set in canonical form (ims/impu.h). Who has to know what becomes of them
// (the HSS hears of ends, the store keeps what is there) observes them.
#pragma once

#include "base/list.h"
#include "ims/impu.h"
#include "io/loop.h"
#include "sip/uri.h"
#include "store/keep.h"
#include "xml/profile.h"

struct registrar;
struct registration;

// The texts of a binding, in the order in which they are kept.
enum binding_text {
    BINDING_URI,      // of the contact, as the UE wrote it
    BINDING_DISPLAY,  // name in front of it, as written
    BINDING_PARAMS,   // its header parameters, each with its ';', without what the registrar says itself
                      // (expires) or makes itself (pub-gruu, temp-gruu)
    BINDING_PATH,     // Path values in order, comma-separated
    BINDING_CALL_ID,
    BINDING_INSTANCE, // +sip.instance without its quotes; empty: none
    BINDING_IMPI,     // private identity that bound it
    BINDING_TEXTS
};

// A contact that is bound. One block: this and its text.
struct binding {
    struct binding *next;
    uint64_t id;       // never used again; the higher, the newer
    uint64_t due_ms;   // loop time of its expiry
    uint32_t cseq;
    uint32_t reg_id;   // its flow (RFC 5626 6); 0: none
    uint32_t told_s;   // loop time of its end as the HSS was told (restoration.h); 0: it was not
    uint16_t q;        // thousandths
    uint8_t failures;  // requests in a row that did not reach it
    uint16_t n[BINDING_TEXTS];
    char text[];
};

struct str binding_text(const struct binding *b, enum binding_text which);
static inline struct str binding_uri(const struct binding *b)
{
    return binding_text(b, BINDING_URI);
}
static inline struct str binding_impi(const struct binding *b)
{
    return binding_text(b, BINDING_IMPI);
}

struct registrar_params {
    struct loop *loop;
    const struct numbering *plan; // NULL: none
};

// ---- what becomes of them ----

// Why a contact goes.
enum binding_end {
    BINDING_REFRESHED,   // it is bound anew, as it was
    BINDING_REPLACED,    // a new registration of its private identity takes its place
    BINDING_REMOVED,     // by the user
    BINDING_EXPIRED,     // RFC 3261 10.3
    BINDING_DEACTIVATED, // by the operator
    BINDING_UNREACHABLE,
    BINDING_UNDONE,      // the REGISTER that bound it is refused after all
};

enum registration_event {
    REGISTRATION_BOUND,   // there is another contact
    REGISTRATION_UNBOUND, // a contact goes; it is still there
    REGISTRATION_CHANGED, // something else of what is kept
    REGISTRATION_ENDED,   // it goes, and has no contact any more
};

struct registration_news {
    enum registration_event event;
    struct registration *reg;
    const struct binding *binding; // of BOUND and UNBOUND
    enum binding_end why;          // of UNBOUND
    struct str call_id;            // of the REGISTER that it comes from; empty: that of the binding
};

// Embedded in whoever observes. told changes no registration, but may note things in it (registration_kept).
struct registrar_observer {
    struct list link;
    void (*told)(void *arg, const struct registration_news *n);
    void *arg;
};

// The first one is told first. It is not told when the registrar is freed.
void registrar_observe(struct registrar *r, struct registrar_observer *o);

// For whoever keeps it beyond the process: its name there; id 0: it has none yet.
struct registration_kept {
    uint64_t id;
    struct keep_item item;
};
struct registration_kept *registration_kept(struct registration *reg);
struct registration *registration_of(const struct registration_kept *kept);

int registrar_new(const struct registrar_params *p, struct registrar **ret_registrar);
void registrar_free(struct registrar *r); // takes NULL
size_t registrar_count(const struct registrar *r);
size_t registrar_bindings(const struct registrar *r);
size_t registrar_binding_bytes(const struct registrar *r); // memory that they take
// Every registration once; *it starts at 0.
struct registration *registrar_next(const struct registrar *r, size_t *it);

// By a distinct identity in canonical form, never by the text of a pattern; *ret_index (may be NULL) is that identity's
// place in the profile.
struct registration *registrar_find(const struct registrar *r, struct str impu,
                                    size_t *ret_index);

// The next one whose set has the identity; *it starts at 0. The HSS may have an identity in the sets of several
// private identities.
struct registration *registrar_next_with(const struct registrar *r, struct str impu, size_t *it, size_t *ret_index);
// By the wildcarded identity of a set, as the HSS named it (canonical, ims/wildcard.h).
struct registration *registrar_find_pattern(const struct registrar *r, struct str pattern, size_t *ret_index);
// The next one with it, as registrar_next_with.
struct registration *registrar_next_pattern(const struct registrar *r, struct str pattern, size_t *it,
                                            size_t *ret_index);
// The one whose wildcarded identity covers impu, and that identity; of several the one with the longest fixed parts. 64
// patterns are tried at most.
struct registration *registrar_find_covering(const struct registrar *r, struct str impu, struct str *ret_pattern);
// Has the private identity (empty: any) bound a contact to a registration that has impu; by_pattern: or covers it? A
// distinct identity that a pattern covers may be of another set, also of the same private identity.
bool registrar_is_bound(const struct registrar *r, struct str impi, struct str impu,
                        bool by_pattern);
// Does the pattern, which need not be of a registration, cover impu?
bool registrar_covers(const struct registrar *r, struct str pattern, struct str impu);

// A registration without a binding yet. It owns the profile from now on, also when this fails.
// ERR_NOMEM.
int registrar_add(struct registrar *r, struct profile *profile, struct registration **ret_reg);
// Replaces the profile and the identities it is found by. Owns the profile in any case; on failure
// the old one stays.
int registration_update(struct registration *reg, struct profile *profile);
void registration_free(struct registration *reg); // takes NULL

const struct profile *registration_profile(const struct registration *reg);
// Interned text of P-Charging-Function-Addresses, p NULL when the HSS gave none.
struct str registration_charging(const struct registration *reg);
int registration_set_charging(struct registration *reg, struct str value);
// Loose-Route-Indication of the HSS: requests keep their Request-URI on the way to the UE (TS 29.229
// 6.3.45).
bool registration_loose_route(const struct registration *reg);
void registration_set_loose_route(struct registration *reg, bool loose);

// What its Service-Routes are made of (scscf/service_route.h); all zero until the first was.
struct registration_route {
    uint64_t set; // name of the set
    uint16_t key; // short id (app/keyring.h)
};
struct registration_route registration_route(const struct registration *reg);
void registration_set_route(struct registration *reg, const struct registration_route *route);

// The profile here may not be the HSS's: an answer that could have brought a newer one has not arrived, or not been
// used. The HSS is asked for all of it with the next assignment.
bool registration_profile_due(const struct registration *reg);
void registration_set_profile_due(struct registration *reg, bool due);

// Identity i of its profile in canonical form; empty: given twice, or none.
struct str registration_canon(const struct registration *reg, size_t i);
// Is the identity, in canonical form, one of its set?
bool registration_has(const struct registration *reg, struct str impu);
// The same, or one of its patterns covers it.
bool registration_serves(const struct registration *reg, struct str impu);
// Is the profile of another set than the registration's, which has an identity in common with it? Each has what the
// other has not.
bool registration_is_apart(const struct registration *reg, const struct profile *profile);

// The newest first.
struct binding *registration_bindings(const struct registration *reg);
// Is impi one of the private identities that hold the registration?
bool registration_held_by(const struct registration *reg, struct str impi);
// That of the first binding.
struct str registration_first_impi(const struct registration *reg);
size_t registration_binding_count(const struct registration *reg);
// Bindings of one private identity.
size_t registration_count_of(const struct registration *reg, struct str impi);
// NULL: gone.
struct binding *registration_binding(const struct registration *reg, uint64_t id);

// What a contact in a REGISTER says about which binding it means.
struct contact_key {
    const struct sip_uri *uri;
    struct str instance;
    uint32_t reg_id; // 0: it is no flow
};
// A flow is known by instance and reg-id (RFC 5626 6), any other contact by its address (RFC 3261
// 10.3). The same instance at another address is a UE that has moved, or begun or ceased to use flows.
// at: the binding's own address, NULL when it cannot be read.
bool binding_is(const struct binding *b, const struct sip_uri *at, const struct contact_key *k);

struct binding_params {
    struct str text[BINDING_TEXTS];
    uint32_t cseq, reg_id;
    uint32_t expires_s; // 0: its time is over, and it ends by itself
    uint32_t told_s;    // as in struct binding
    uint16_t q;
    uint64_t id; // of one from before a restart, which are bound in the order of their ids; 0: a new one
};
// One more; *ret_binding may be NULL. ERR_NOMEM, ERR_TOOBIG.
int registration_bind(struct registration *reg, const struct binding_params *p,
                      struct binding **ret_binding);
// Frees b; a registration that loses its last binding is not freed by this. call_id: of the REGISTER, empty: none.
void registration_unbind(struct registration *reg, struct binding *b, enum binding_end why, struct str call_id);
// Unbinds all of it and frees it.
void registration_end(struct registration *reg, enum binding_end why);
// After registration_unbind: frees the registration when no binding is left. True: freed.
bool registration_settle(struct registration *reg);
uint32_t binding_expires_s(const struct registrar *r, const struct binding *b); // rounded up
const char *registration_state(const struct registration *reg);
