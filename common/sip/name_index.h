// SPDX-License-Identifier: Apache-2.0
// Index of the header names, full and compact: a perfect hash table whose key is the two first and
// the two last characters and the length. It is made from the table in sip/header.c before main and constant from then
// on.
#pragma once

#include "base/str.h"
#include "sip/types.h"

enum {
    NAME_READ = 32, // bytes of a name and its colon that may be read, whatever the length
    NAME_SLOTS = 512,
    NAME_MAX_COUNT = 2 * SIP_H_COUNT
};
_Static_assert(NAME_MAX_COUNT < 256, "an index of a name fits a slot");

struct sip_name {
    // both in one line of the cache
    __attribute__((aligned(64))) char text[NAME_READ]; // lower case, and a colon
    char mask[NAME_READ]; // all ones up to the colon
    uint32_t n;
    uint32_t id;
};

extern struct sip_name sip_names[NAME_MAX_COUNT];
extern uint8_t sip_name_slots[NAME_SLOTS]; // index in sip_names, 0: free

// The slot of a name that stands behind LF and before a colon, as it does in a message: of a compact
// form these are part of the key.
static inline uint32_t name_slot_in_line(const char *name, size_t n)
{
    uint16_t first, last;
    memcpy(&first, name, sizeof first);
    memcpy(&last, name + n - sizeof last, sizeof last);
    uint32_t key = ((uint32_t)first | (uint32_t)last << 16 | 0x20202020u) + (uint32_t)n * 0x10100u;
    // No two names of the table share a slot (a test checks it): tools/gen/name_factor.py finds the factor.
    return (key * 0x1be0c209u) >> 23;
}

static inline uint32_t name_slot(const char *name, size_t n)
{
    const char line[] = {'\n', name[0], ':'};
    return n == 1 ? name_slot_in_line(line + 1, 1) : name_slot_in_line(name, n);
}

// Does name, with bit 5 set, start with x and its colon? That folds letters and leaves '-' and ':'
// alone; the control characters that it would take for these are in no name.
typedef bool name_same_fn(const char *name, const struct sip_name *x);

// name stands in a line: see name_slot_in_line.
__attribute__((always_inline)) static inline enum sip_hid name_find(const char *name, size_t n,
                                                                    name_same_fn *same)
{
    const struct sip_name *x = &sip_names[sip_name_slots[name_slot_in_line(name, n)]];
    return same(name, x) ? (enum sip_hid)x->id : SIP_H_OTHER;
}
