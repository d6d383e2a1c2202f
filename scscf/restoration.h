// SPDX-License-Identifier: Apache-2.0
// Registrations that are known to the HSS and not here (TS 23.380 4, TS 29.228 6.1.2.1): this S-CSCF has lost them, or
// takes the place of another one that does not answer. Whatever is asked by SAR may bring what is kept of them; it is
// taken into the registrar before the request at hand goes on, and from there on it is a registration like any other:
// it is written to the disk, refreshed, and its end is told. A private identity that has a contact bound here, or of
// which the HSS still has to hear something, is left as it is: what is here is newer.
#pragma once

#include "scscf/scscf_priv.h"

// Whom the SAR was about: canonical, as in struct served; impi empty: it named none.
struct restoration_asked {
    struct str call_id, impi, impu;
};
// How many private identities have contacts bound by this answer. What is malformed is refused and logged. A
// registration whose time was over while nobody had it ends at once, and the HSS hears of it.
size_t restoration_take(struct scscf *s, const struct restoration_asked *q, const struct cx_saa *a);

// What the HSS has said of itself (TS 29.229 7.2.1): whether it does anything with what it is told.
void restoration_note_features(struct scscf *s, const struct cx_head *answer);
