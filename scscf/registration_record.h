// SPDX-License-Identifier: Apache-2.0
// A registration as it is kept beyond the process. The record begins with the version of its form; an older one is read
// for ever, a newer one not at all (ERR_UNSUPPORTED). Times are of the wall clock, as a restart begins the loop's anew.
#pragma once

#include "base/arena.h"
#include "base/writer.h"
#include "scscf/registrar.h"

enum { RECORD_CONTACTS_MAX = 1024 };

struct record_contact {
    struct binding_params p; // expires_s 0: due_ms says it
    uint64_t due_ms;
};

struct record_registration {
    bool loose_route;
    struct registration_route route;
    struct str charging;
    struct str profile;              // xml/profile_record.h
    size_t n;                        // at least 1
    struct record_contact *contacts; // the newest first
};

// Fails the writer of more contacts than that.
void record_registration_write(const struct record_registration *r, struct writer *w);
// Texts are slices of bytes, contacts are in the arena. ERR_BAD, ERR_UNSUPPORTED, ERR_NOMEM.
int record_registration_read(struct arena *a, struct str bytes, struct record_registration *ret_registration);
