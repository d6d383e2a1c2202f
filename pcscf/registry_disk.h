// SPDX-License-Identifier: Apache-2.0
// The registry on the disk. Each contact is one record (contact_record.h) of what the node keeps (store/keep.h); one that
// is renewed takes the record of the one that it replaces. A REGISTER's changes leave as one batch at the end of the
// turn, so that a crash leaves the registry as it was before the REGISTER or after it.
//
// registry_kept.c gives a contact its record, below the registry; registry_restore.c brings records back, above it.
#pragma once

#include "app/config.h"
#include "pcscf/registry.h"
#include "store/keep.h"

enum { REGISTRY_FORMAT = 1 }; // of the folder: node_state_open

struct registry_disk {
    struct keep *keep;               // the caller's; closed before registry_free. NULL: contacts end with the process
    const struct conf_addrs *listen; // of the access side, in the order of labels
    uint8_t first_label;
    const struct token_key *key;
    size_t max_contacts, max_patterns;
};

struct registry_restored {
    uint64_t contacts; // that came back
    uint64_t expired;  // while the node was away
    uint64_t left_out; // that could not be used, a line in the log for the first of them
};

// The empty registry has what is on the disk, and is kept there from now on. Blocks. ERR_NOMEM, ERR_IO, ...;
// ERR_UNSUPPORTED: a newer version of the program has written a record (logged).
int registry_restore(struct registry *r, const struct registry_disk *d, struct registry_restored *ret_restored);
