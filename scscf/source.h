// SPDX-License-Identifier: Apache-2.0
// Where a REGISTER came from, as far as the S-CSCF can know without believing the UE. Each node
// writes into the topmost Via of what it receives the address that it received it from (RFC 3261
// 18.2.1), so the list of Vias is read from the top for as long as the writer is in sip.trusted: the
// first address that is not is the UE's (or that of the network it came through), and was written by
// a neighbour that is believed. What stands below is the UE's own word and is not looked at. When
// UE and core share a network that is trusted, as on one machine, the last Via counts.
#pragma once

#include "ims/trust.h"
#include "stack/stack.h"

struct source {
    uint64_t source; // keyed hash of the address, of IPv6 the first bits (addr_network_key)
    uint64_t flow;   // of the address and of the Path, which holds the P-CSCF's token of the flow
};

// prefix: how many bits of an IPv6 address count.
struct source source_of(const struct trust_domain *trusted, unsigned prefix, const struct pxy *p);
