// SPDX-License-Identifier: Apache-2.0
// Index of the header names, full and compact: a hash table whose key is a handful of characters
// and the length. It is made from the table in sip/header.c before main and constant from then on.
#pragma once

#include "base/str.h"
#include "sip/types.h"

enum {
    NAME_READ = 32, // bytes of a name that may be read, whatever its length
    NAME_SLOTS = 512,
    NAME_MAX_COUNT = 2 * SIP_H_COUNT
};
_Static_assert(NAME_MAX_COUNT < 256, "an index of a name fits a slot");

struct sip_name {
    char text[NAME_READ]; // lower case
    char mask[NAME_READ]; // all ones below n
    uint32_t n;
    uint32_t id;
};

extern struct sip_name sip_names[NAME_MAX_COUNT];
extern uint8_t sip_name_slots[NAME_SLOTS]; // index in sip_names, 0: free

static inline uint32_t name_slot(const char *name, size_t n)
{
    uint32_t first = (unsigned char)name[0], middle = (unsigned char)name[n / 2],
             last = (unsigned char)name[n - 1];
    uint32_t key = ((first | middle << 8 | last << 16) | 0x202020) + ((uint32_t)n << 24);
    // the factor was searched for: no two names of the table share a slot (a test checks it)
    return (key * 0x64ac5db9u) >> 23;
}

// Does name, with bit 5 set, start with x? That folds letters and leaves '-' alone; CR, which it
// would take for '-', is in no name.
typedef bool name_same_fn(const char *name, const struct sip_name *x);

__attribute__((always_inline)) static inline enum sip_hid name_find(const char *name, size_t n,
                                                                    name_same_fn *same)
{
    for (uint32_t slot = name_slot(name, n); sip_name_slots[slot]; slot = (slot + 1) % NAME_SLOTS) {
        const struct sip_name *x = &sip_names[sip_name_slots[slot]];
        if (x->n == n && same(name, x))
            return (enum sip_hid)x->id;
    }
    return SIP_H_OTHER;
}
