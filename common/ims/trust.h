// SPDX-License-Identifier: Apache-2.0
// The trust domain (RFC 3325 2, 4; TS 24.229 4.4): which neighbours belong to it, what only they
// may say, and what only they may hear. A CSCF asks trust_domain_has about the source of a request;
// what an outsider says about identities, charging or location is taken out by
// trust_strip_from_outside before anyone acts on it.
#pragma once

#include "io/addr.h"
#include "sip/edit.h"

struct trust_net;

struct trust_domain {
    struct trust_net *nets;
    size_t n;
};

// Nets that a node trusts unless it is told otherwise: its own machine, as YAML for a configuration
// row.
#define TRUST_DEFAULT "[127.0.0.0/8, \"::1\"]"
#define TRUST_HELP                                                                                 \
    "Addresses (`192.0.2.7`, `2001:db8::7`) and networks (`192.0.2.0/24`) of the nodes in the "    \
    "trust domain "                                                                                \
    "(RFC 3325, TS 24.229 4.4)"

// From texts like "192.0.2.7" and "2001:db8::/32". An empty list trusts nobody. *ret_bad: the text
// that ERR_BAD is about. ERR_NOMEM. Nothing is left behind by a failure.
int trust_domain_init(struct trust_domain *d, const struct str *texts, size_t n,
                      struct str *ret_bad);
void trust_domain_done(struct trust_domain *d); // an all-zero one is valid
bool trust_domain_has(const struct trust_domain *d, const struct addr *a);

// Removes what only the trust domain may assert from an outsider's request or response.
void trust_strip_from_outside(const struct sip_msg *m, struct sip_edits *e);
// Removes what a network outside of the trust domain may not see from a message to it: the above,
// and who is asserted to have sent it, also without a wish for privacy (RFC 3325 7 leaves that to the
// sender's network).
void trust_strip_to_foreign(const struct sip_msg *m, struct sip_edits *e);
// Removes what a UE may not see from a message on its way out (TS 24.229 5.2.6.4.3, RFC 3325 7).
void trust_strip_to_outside(const struct sip_msg *m, struct sip_edits *e);
