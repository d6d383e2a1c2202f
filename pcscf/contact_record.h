// SPDX-License-Identifier: Apache-2.0
// A registered contact as it is kept outside of the process: one record holds all that the registry knows of it. What
// means something in this run only does not stand in it: of a flow its addresses, not the connection; of the private
// identity its text, not what tokens make of it; of the expiry the time on the wall.
//
//   version, 1 | flags, 1 | protocol, 1 | id, 8 | the UE's address | the listener's | until, 8 | granted, 8 |
//   IMPI, Contact URI, home domain, Service-Route, charging addresses, term-ioi: each length, 2, and text |
//   number of identities, 2 | each: length, 2, URI, length, 2, display name
//   address: family (4 or 6), 1 | port, 2 | 4 bytes, or 16 and the scope, 4
//
// A number's lowest byte comes first. The bytes are not checksummed: the store does that.
#pragma once

#include "base/writer.h"
#include "pcscf/identities.h"
#include "stack/stack.h"

enum { CONTACT_RECORD_VERSION = 1, CONTACT_RECORD_MAX = 256 << 10 };

struct contact_record {
    uint64_t id; // of the contact: the higher, the newer
    struct str impi, uri, home, service_route, charging_addresses, term_ioi; // as in contact_params
    const struct identity *identities;                                       // the default one first
    size_t n_identities;
    enum sip_proto proto; // UDP or TCP
    struct addr remote;   // the UE's
    struct addr local;    // of the listener that it came in on
    uint64_t until_ms;    // milliseconds since 1970
    uint64_t granted_ms;  // what was left when it was written: whatever the clock says, not more is left later
    bool nat, outbound;
};

// ERR_TOOBIG: w, or what the record can hold of anything, is too small.
int contact_record_write(const struct contact_record *r, struct writer *w);
// Texts of *ret_record are slices of bytes, its identities stand in the arena. ERR_UNSUPPORTED: of a newer version;
// ERR_BAD; ERR_NOMEM.
int contact_record_read(struct arena *a, struct str bytes, struct contact_record *ret_record);
