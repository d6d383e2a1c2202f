// SPDX-License-Identifier: Apache-2.0
// From, To, Route, Record-Route, Path, Service-Route, Contact, P-Asserted-Identity and all other headers
// that hold a name-addr or an addr-spec with parameters (RFC 3261 20.10, 25.1).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// One name-addr or addr-spec with its parameters; ERR_BAD unless all of s is consumed.
int sip_addr_parse(struct arena *a, struct str s, struct sip_addr *ret_addr);
void sip_addr_write(struct writer *w, const struct sip_addr *v);

// The same from a cursor, up to a comma or the end.
void sip_addr_read(struct cur *c, struct sip_addr *v);

// ---- Contact (RFC 3261 20.10, RFC 5626 4.1) ----

// One contact, or "*"; ERR_BAD unless all of s is consumed.
int sip_contact_parse(struct arena *a, struct str s, struct sip_contact *ret_contact);
void sip_contact_write(struct writer *w, const struct sip_contact *v);
void sip_contact_read(struct cur *c, struct sip_contact *v);

// ---- lists as text: what an edit added may be a whole one ----

// Takes the first element off a comma list (commas within <> and quoted strings do not count) and
// returns it trimmed; empty when nothing is left.
struct str route_take(struct str *list);
