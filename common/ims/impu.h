// SPDX-License-Identifier: Apache-2.0
// The canonical form of a public identity: the one by which P-, I-, S-CSCF and HSS store, look up and compare
// it, so that a URI means the same user in all of them however it is written.
#pragma once

#include "ims/numbering.h"

// sip_uri_canon, and what the numbering plan says of a telephone number: a global number is "tel:+498912345"
// however it was written, a local one of this network "tel:7042;phone-context=HOME-DOMAIN". n may be NULL. The
// canonical form of a canonical form is the same. STR_NONE: a URI that is no identity, or no memory.
struct str impu_canon(struct arena *a, const struct numbering *n, const struct sip_uri *u);
// Of a text, which may be a wildcarded identity (ims/wildcard.h); one that is no URI stays as it is. STR_NONE: no
// identity, or no memory.
struct str impu_canon_text(struct arena *a, const struct numbering *n, struct str text);

// The telephone number that an identity is, or is taken for when it does not say that it is one, as a canonical tel
// URI: identities with the same one may be meant by the same Request-URI. STR_NONE: none, or no memory.
struct str impu_number(struct arena *a, const struct numbering *n, struct str text);

// Who may be meant by a Request-URI, in canonical form and in the order in which they are tried: the identity
// itself; what a home domain's user part is as a number when it does not say that it is one; the sip identities
// of the home domains whose user part is the number. *ret_n of them, at most IMPU_READINGS_MAX.
enum { IMPU_READINGS_MAX = 2 + 3 * (1 + NUMBERING_DOMAINS_MAX) };
void impu_readings(struct arena *a, const struct numbering *n, const struct sip_uri *u,
                   struct str ret_forms[IMPU_READINGS_MAX], size_t *ret_n);

// Why nobody ever reaches a public identity that is provisioned so, static text; NULL: somebody may.
// Not of the grammar alone: of this network (TS 23.003 13.4, RFC 3966 5.1.4).
const char *impu_unreachable(struct arena *a, const struct numbering *n, struct str text);
