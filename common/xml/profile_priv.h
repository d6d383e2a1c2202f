// SPDX-License-Identifier: Apache-2.0
// Shared by profile.c, profile_record.c and ifc.c.
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

// A slice of the profile's text.
struct span {
    uint16_t at, n;
};

struct identity_slot {
    struct span uri, wildcard, display_name, alias_group;
    uint8_t barred, type, service;
};

// One block: this, the service entries, the identity slots, the text.
struct profile {
    struct profile_store *store;
    uint16_t n_identities;
    uint8_t n_services;
    struct span impi;
    struct service_entry *services[];
};

static inline struct identity_slot *profile_slots(const struct profile *p)
{
    return (struct identity_slot *)(void *)&((struct profile *)p)->services[p->n_services];
}

static inline char *profile_text(const struct profile *p)
{
    return (char *)(profile_slots(p) + p->n_identities);
}

static inline bool profile_is_identity(struct str s)
{
    return str_istarts(s, STR("sip:")) || str_istarts(s, STR("sips:")) || str_istarts(s, STR("tel:"));
}

// ---- profile.c ----

// An entry with this text; NULL: none. The hash is that of the text.
struct service_entry *profile_entry_find(struct profile_store *s, uint64_t hash, struct str key);
// A new one without references, of an element that the text is that of.
int profile_entry_new(struct profile_store *s, const xmlNode *n, struct str key, struct service_entry **ret_entry,
                      struct xml_error *ret_err);
void profile_entry_unref(struct profile_store *s, struct service_entry *e);
