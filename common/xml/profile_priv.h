// SPDX-License-Identifier: Apache-2.0
// Shared by profile.c and ifc.c.
#pragma once

#include "xml/profile.h"

// An interned service profile: its text is the key, its arena holds everything below it.
struct service_entry {
    struct service_profile body;
    uint32_t refs;
    uint64_t hash;
    struct str key;
    size_t n_skipped;         // filter criteria that could not be read
    struct xml_error skipped; // the first of them
    struct arena arena;
};

// Fills body from a ServiceProfile element; all memory from the entry's arena.
int ifc_parse_service(struct service_entry *e, const xmlNode *service, struct xml_error *ret_err);
