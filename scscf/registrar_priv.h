// SPDX-License-Identifier: Apache-2.0
// Inside of the registrar: registrar.c has bindings and states, registrar_index.c what registrations are found by.
#pragma once

#include "base/map.h"
#include "ims/wildcard.h"
#include "scscf/registrar.h"

// Patterns kept compiled; patterns that one look-up tries, and registrations that it looks at under each first part.
enum { COMPILED_MAX = 64, COVERING_TRIED = 64, COVERING_MET = 1024 };

struct registrar {
    struct registrar_params p;
    struct map by_impu;   // canonical public identity -> registration
    struct map by_head;   // first fixed part of a wildcarded identity, and its host -> registration
    uint32_t heads[WILDCARD_TEXT_MAX + 1]; // patterns whose first fixed part has so many bytes
    struct wildcard_cache *compiled;
    struct map all;       // address -> registration, to walk them
    struct map charging;  // texts of charging addresses, one for each that the HSS ever gave
    struct list observers;
    size_t n_bindings, bytes;
    uint64_t last_id;
};

// A wildcarded identity of a set.
struct pattern {
    struct str text; // canonical
    uint16_t identity;
};

struct registration {
    struct registrar *owner;
    struct profile *profile;
    struct str *canon;    // NULL when every identity is canonical as it stands in the profile
    struct pattern *patterns; // one block with their texts
    size_t n_patterns;
    const char *charging; // in owner->charging; NUL-terminated, NULL: none
    struct binding *bindings;
    struct timer expiry;  // of the binding that is due first
    uint8_t state;
    bool loose_route, profile_due;
    struct registration_kept kept;
    struct registration_route route;
};

// registration_update without a word to anybody.
int registration_know_by(struct registration *reg, struct profile *profile);

// Takes it out of what it is found by, and frees its profile.
void registration_forget(struct registration *reg);
// registrar_find_covering among those of which wanted says true with impi.
typedef bool (*registration_wanted)(const struct registration *reg, struct str impi);
struct registration *registrar_covering(const struct registrar *r, struct str impu, registration_wanted wanted,
                                        struct str impi, struct str *ret_pattern);
