// SPDX-License-Identifier: Apache-2.0
// Where requests may go. A next hop is our own word when it comes from the configuration, the HSS, a
// Path or a Service-Route; then this file is not asked. It is somebody else's word when it comes from
// a Request-URI, from a Contact that was registered without a Path, or from what is left of Route:
// WORD_FOREIGN is a target outside this network, WORD_ROUTE a hop of a route set, which may be one
// of our neighbours too, and WORD_NEAR such a hop of an outsider's, which may be nothing else. A node asks
// routing_refuses about the name before it forwards, and gives routing_allows to the stack (stack_ops.may_reach), which
// asks it about each address that the name leads to: a foreign name that points at the core is no way into it.
#pragma once

#include "ims/trust.h"
#include "sip/types.h"

enum routing_word { WORD_OWN, WORD_FOREIGN, WORD_ROUTE, WORD_NEAR };

struct routing_ports;

struct routing {
    struct str *foreign; // own copies
    size_t n_foreign;
    struct trust_domain networks;
    const struct trust_domain *neighbours;
    struct routing_ports *ports;
    size_t n_ports;
    struct addr *own; // of this node and its Diameter peers
    size_t n_own;
};

// The options' values as texts: routing.foreign, routing.networks and routing.ports.
struct routing_texts {
    const struct str *foreign, *networks, *ports;
    size_t n_foreign, n_networks, n_ports;
};

// An empty list of ports means ROUTING_PORTS. neighbours, the trust domain, is not copied. *ret_bad:
// the text that ERR_BAD is about. ERR_NOMEM. Nothing is left behind by a failure.
#define ROUTING_PORTS "5060-5099"
int routing_init(struct routing *r, const struct routing_texts *t,
                 const struct trust_domain *neighbours, struct str *ret_bad);
void routing_done(struct routing *r); // an all-zero one is valid
// An address that foreign targets never have, besides private ones and the trust domain. ERR_NOMEM.
int routing_protect(struct routing *r, const struct addr *a);

// May a request go to this URI's domain, as the word of a UE or of a foreign network? NULL: yes,
// otherwise the cause for the response, static text.
const char *routing_refuses(const struct routing *r, const struct sip_uri *u);
// May it go to this address?
bool routing_allows(const struct routing *r, enum routing_word word, const struct addr *a);

// Loopback, link-local, private, shared, multicast and other addresses that nobody on the Internet has
// (RFC 6890, RFC 4193), also inside of IPv6 forms of IPv4 addresses.
bool routing_is_private(const struct addr *a);
