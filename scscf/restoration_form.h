// SPDX-License-Identifier: Apache-2.0
// What an S-CSCF leaves with the HSS of a private identity's contacts (TS 29.229 6.3.46, 6.3.52, 6.3.71), and what it
// makes of what it gets back. Contact is the value of the header field as the 200 would list it, so that nothing of it
// is lost; how long each still lives is its expires, counted back from Registration-Time-Out, which is when the longest
// of them ends. Without Registration-Time-Out (another maker's S-CSCF) it counts from now.
#pragma once

#include "base/arena.h"
#include "dia/cx.h"
#include "scscf/registrar.h"

// Private identities of one answer that are looked at; entries of one Path.
enum { RESTORATIONS_MAX = 32, RESTORATION_PATH_MAX = 16 };

struct restoration_of {
    struct str impi, scheme;               // scheme empty: not known
    const struct binding_params *contacts; // the newest first; expires_s from now on
    size_t n;
    uint64_t wall_ms; // now, since 1970
    size_t max;       // bytes, counted as our HSS does
};
// In the arena; not present when no contact is left of it: those without a Path are no way back to the UE, and of more
// than fits the oldest are left out (*ret_left_out). ERR_NOMEM.
int restoration_write(struct arena *a, const struct restoration_of *of, struct cx_restoration *ret_restoration,
                      size_t *ret_left_out);

struct restoration_limits {
    uint64_t wall_ms;
    uint32_t max_s, default_s; // of a registration
    size_t max_contacts, max;  // max: bytes
    bool flows;                // whether reg-id may mean something (RFC 5626)
};
struct restoration_contacts {
    struct binding_params *v; // the newest first; expires_s 0: its time is over
    size_t n;
};
// All of it or nothing: ERR_BAD, with why it is not to be used, when anything of it is not what a REGISTER could have
// brought, or is too much. Texts are slices of r or in the arena. ERR_NOMEM.
int restoration_read(struct arena *a, const struct cx_restoration *r, const struct restoration_limits *limits,
                     struct restoration_contacts *ret_contacts, const char **ret_why);
