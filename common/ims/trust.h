// SPDX-License-Identifier: Apache-2.0
// The edge of the trust domain (RFC 3325 2, 4; TS 24.229 4.4): which neighbours belong to it, what only
// they may say, and what only they may hear. Everything that is known of a header or parameter in
// this respect is one row of one table, with a rule for each kind of neighbour and direction. A node
// finds out what kind of neighbour a message comes from or goes to (trust_side), applies
// trust_in before it acts on the message and trust_out before it sends it on, to requests and
// responses, initial and later ones alike.
#pragma once

#include "io/addr.h"
#include "sip/edit.h"

// ---- who ----

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

enum trust_side {
    TRUST_UE,
    TRUST_HOME,    // a node of this operator
    TRUST_PARTNER, // of another network of the trust domain
    TRUST_FOREIGN, // of a network outside of it
    TRUST_AS,      // an application server of the trust domain
    TRUST_SIDES
};

// What a node knows of its neighbours.
struct trust_map {
    const struct trust_domain *trusted; // all of the trust domain
    struct trust_domain partners;       // of these: other operators'
    struct trust_domain servers;        // of these: application servers
    // Domains whose names, and those below them, are this operator's, and other networks' of the trust
    // domain.
    const struct str *home_domains, *more_domains, *partner_domains; // more: further home domains
    size_t n_home_domains, n_more_domains, n_partner_domains;
};

void trust_map_done(struct trust_map *m); // an all-zero one is valid

// The kind of a network neighbour at an address; never TRUST_UE.
enum trust_side trust_side_of(const struct trust_map *m, const struct addr *a);
// The same of a host in a URI, a name or a numeric address. The lists of the map decide alone: nobody
// is asked.
enum trust_side trust_side_of_host(const struct trust_map *m, struct str host);

// ---- what ----

enum trust_way { TRUST_IN, TRUST_OUT, TRUST_WAYS };

// What happens to a header, one letter for each kind of neighbour in the order of enum trust_side:
//   '.' it passes                        'D' it is removed
//   'n' values said to be provided by the network are removed
//   'i' it is removed when the sender wants his identity hidden (RFC 3325 7)
//   'h' entries whose privacy was asked for become anonymous (RFC 7044 10.1.2)
//   'e' only the value "supported" passes (RFC 5009 8)
//   'r' it is removed from a response
//   'p' the value "psap-callback" is removed
//   'k' ck and ik are removed
//   'w' a text that names addresses or hosts is cut or removed (RFC 3261 20.43)
//   'c' the parameters of the row are removed from each URI
//   'u' the same from the Request-URI
struct trust_row {
    enum sip_hid id;       // SIP_H_OTHER: the Request-URI
    const char *params[2]; // of 'c' and 'u'
    const char *clause;
    const char *in, *out;
};
// The table, for those who walk it.
const struct trust_row *trust_rows(size_t *ret_n);
// The rule of a header or parameter.
char trust_rule(const struct trust_row *row, enum trust_way way, enum trust_side side);

// Removes from a message what this neighbour may not say; what it says well stays as it is. Before
// any other edit.
void trust_in(enum trust_side from, const struct sip_msg *m, struct sip_edits *e);
// Removes what this neighbour may not see, also what earlier edits have added. Warning texts pass whole
// when full_warnings.
void trust_out(enum trust_side to, bool full_warnings, const struct sip_msg *m,
               struct sip_edits *e);
