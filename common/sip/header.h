// SPDX-License-Identifier: Apache-2.0
// The table of headers: one row each, and nothing else in the library knows a header by name.
// To add one: an id in enum sip_hid (sip/types.h) and a row here.
#pragma once

#include "sip/types.h"

struct cur;
struct writer;

enum sip_multi {
    SIP_ONE,  // at most one field, one value
    SIP_MANY, // any number of fields, one value each: a comma belongs to the value
    SIP_LIST, // any number of fields, values separated by the row's separator
};

struct sip_header {
    struct str name;
    char compact;         // compact form (RFC 3261 7.3.3), 0: none
    enum sip_multi multi;
    char separator;       // of SIP_LIST
    size_t size;          // of the typed value
    void (*read)(struct cur *c, void *ret_value); // one value, up to its separator or the end
    void (*write)(struct writer *w, const void *value);
};

extern const struct sip_header sip_header_rows[SIP_H_COUNT];

// Row of a header; of SIP_H_OTHER for ids outside the enum.
static inline const struct sip_header *sip_header(enum sip_hid id)
{
    return &sip_header_rows[(unsigned)id < SIP_H_COUNT ? id : SIP_H_OTHER];
}

// Id of a field name, full or compact, case-insensitive; SIP_H_OTHER when it has no row.
enum sip_hid sip_hid_from(struct str name);
