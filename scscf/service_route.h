// SPDX-License-Identifier: Apache-2.0
// The Service-Route of a registration (TS 24.229 5.4.1.2.2F): a URI of this node whose user part
// tells the registration, and the flow when flows are in use, under one of the node's keys. What a
// user originates comes back along it, so that whom the P-CSCF asserts can be compared with whom
// the way belongs to. It stays the same as long as the registration, or, if that lasts longer, as
// its key is going to last.
#pragma once

#include "scscf/scscf_priv.h"

// Chooses what its Service-Routes are made of, so that it is kept with the registration before one is told.
void service_route_choose(const struct scscf *s, struct registration *reg);
// "<sip:orig.TOKEN@host;lr>" for the REGISTER with this Call-ID and CSeq of a private identity;
// STR_NONE when out of memory.
struct service_route_of {
    struct str impi, call_id;
    uint32_t cseq;
};
struct str service_route_write(struct scscf *s, struct arena *a, struct registration *reg,
                               const struct service_route_of *of);

// Is the user part of a URI of ours that of a Service-Route, of one registration or of all?
bool service_route_is(struct str user);

// The better first.
enum service_route_verdict {
    SERVICE_ROUTE_PLAIN, // tells no registration
    SERVICE_ROUTE_FITS,  // is one of the registration's
    SERVICE_ROUTE_GONE,  // of a key that is forgotten, or of one who holds the registration no more
    SERVICE_ROUTE_MOVED, // of another S-CSCF with the same keys: whose it is can be told there only
    SERVICE_ROUTE_OTHER, // of another registration, or of nobody's making
};
enum service_route_verdict service_route_judge(const struct scscf *s, struct str user,
                                               const struct registration *reg);
