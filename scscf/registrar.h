// SPDX-License-Identifier: Apache-2.0
// Who is registered: implicit registration sets with their profile, and the contacts bound to them.
// A registration lives from the first binding to the last; its states are one table in registrar.c.
// It is found by any public identity of its set in canonical form (sip_uri_canon).
#pragma once

#include "io/loop.h"
#include "sip/uri.h"
#include "xml/profile.h"

struct registrar;
struct registration;

// A contact that is bound. One block: this and its text.
struct binding {
    struct binding *next;
    uint64_t due_ms;   // loop time of its expiry
    uint32_t cseq, reg_id;
    uint16_t q;        // thousandths
    uint8_t failures;  // requests in a row that did not reach it
    uint16_t uri_n, path_n, call_id_n, instance_n, impi_n;
    char text[];
};

struct str binding_uri(const struct binding *b);
struct str binding_path(const struct binding *b);     // Path values in order, comma-separated
struct str binding_call_id(const struct binding *b);
struct str binding_instance(const struct binding *b); // empty: none
struct str binding_impi(const struct binding *b);     // private identity that bound it

struct registrar_params {
    struct loop *loop;
    // The last binding of r has run out: r is freed after the call (TS 24.229 5.4.1.2.2F).
    void (*expired)(void *arg, const struct registration *r);
    void *arg;
};

int registrar_new(const struct registrar_params *p, struct registrar **ret_registrar);
void registrar_free(struct registrar *r); // takes NULL; without callbacks
size_t registrar_count(const struct registrar *r);
size_t registrar_bindings(const struct registrar *r);
// Every registration once; *it starts at 0.
struct registration *registrar_next(const struct registrar *r, size_t *it);

// By an identity in canonical form; *ret_index (may be NULL) is that identity's place in the profile.
struct registration *registrar_find(const struct registrar *r, struct str impu,
                                    size_t *ret_index);

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

struct binding *registration_bindings(const struct registration *reg);
// Is impi one of the private identities that hold the registration?
bool registration_held_by(const struct registration *reg, struct str impi);
// That of the first binding.
struct str registration_first_impi(const struct registration *reg);
size_t registration_binding_count(const struct registration *reg);
// The binding that a contact means: the same address (RFC 3261 10.3), or the same instance and
// reg-id (RFC 5626 6).
struct binding *registration_match(const struct registration *reg, const struct sip_uri *uri,
                                   struct str instance, uint32_t reg_id);

struct binding_params {
    struct str uri, path, call_id, instance, impi;
    uint32_t cseq, reg_id, expires_s;
    uint16_t q;
    struct binding *replaces; // from registration_match; NULL: a further one
};
int registration_bind(struct registration *reg, const struct binding_params *p);
// Frees b; a registration that loses its last binding is not freed by this.
void registration_unbind(struct registration *reg, struct binding *b);
uint32_t binding_expires_s(const struct registrar *r, const struct binding *b); // rounded up
// The user's de-registration of the last binding has been sent to the HSS; it ends with
// registration_released, which frees the registration unless a contact was bound meanwhile.
void registration_release(struct registration *reg);
void registration_released(struct registration *reg);
const char *registration_state(const struct registration *reg);
