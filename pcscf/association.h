// SPDX-License-Identifier: Apache-2.0
// UE associations (TS 33.203 N.2.1, Q.1; TS 24.229 5.2.2.3): a registered UE as the access side knows it,
// a private identity at a source address. Over which transport, connection or port a request comes does not
// matter, as long as the address is one UE's alone. It is not when the UE is behind a NAT (its Via names
// another address than the one it came from, TS 24.229 F.2), when more than one private identity is
// registered at it, or when the UE manages its flows by RFC 5626: then the port counts too, and only
// the flows that a contact was registered over are the UE's. (When there are security associations, their set
// takes the place of the address.) An association is there while a contact is (registry.h), and remembers the
// flows that it was last heard on.
#pragma once

#include "base/list.h"
#include "pcscf/token.h"

enum { ASSOCIATION_FLOWS = 8 }; // heard on besides those of the contacts; beyond it the oldest makes room

struct association_table;
struct association;

struct association_stats {
    size_t associations, addresses, shared; // shared: addresses that are not one UE's alone
    size_t flows;
    uint64_t flows_replaced; // made room for others
    uint64_t changes;        // of what association_alone and association_heard say, so far
};

int association_table_new(struct association_table **ret_table);
// Takes NULL. Associations that are there still go with it.
void association_table_free(struct association_table *t);
struct association_stats association_stats(const struct association_table *t);

// The association of a private identity at an address (whose port does not matter), made when there is
// none. user: token_user of impi. One without a contact is to be given one, or back. ERR_NOMEM.
int association_get(struct association_table *t, const struct addr *at, struct str impi, uint64_t user,
                    struct association **ret_association);
void association_give_back(struct association *a); // takes NULL, and leaves one that has a contact
// One contact more or less belongs to it; without any it goes. exact: the port counts.
void association_join(struct association *a, bool exact);
void association_leave(struct association *a, bool exact);

// NULL: none.
struct association *association_find(const struct association_table *t, const struct addr *at, uint64_t user);
// That of the one UE which the address belongs to, whatever the port. NULL: nobody is registered there,
// or the port counts.
struct association *association_alone(const struct association_table *t, const struct addr *at);
bool association_any(const struct association_table *t, const struct addr *at);

struct str association_impi(const struct association *a);

// A key for what is measured by association (base/bucket.h).
uint64_t association_key(const struct association *a);

// The UE was heard on this flow, which is no contact's. *ret_gone (may be NULL) is the connection that made
// room for it, 0: none. False when it was known.
bool association_hear(struct association *a, const struct access_flow *f, flow_id *ret_gone);
bool association_heard(const struct association *a, const struct access_flow *f);
// The connections, the one heard on last first; *it starts at 0. 0: no more. They may have closed.
flow_id association_connection(const struct association *a, size_t *it);

// A connection to the UE could not be made: what is large goes by UDP until it registers again.
void association_set_no_tcp(struct association *a, bool no_tcp);
bool association_no_tcp(const struct association *a);
