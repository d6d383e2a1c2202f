// SPDX-License-Identifier: Apache-2.0
// How much of everything a message may have before a node looks at what it means. The codec itself has
// no such limits: its cost is in proportion to the length whatever the message holds.
#pragma once

#include <stdint.h>

struct sip_msg;

enum sip_limit {
    SIP_LIMIT_NONE,
    SIP_LIMIT_MESSAGE,
    SIP_LIMIT_BODY,
    SIP_LIMIT_URI,
    SIP_LIMIT_FIELDS,
    SIP_LIMIT_LINE,
    SIP_LIMIT_VALUES,
    SIP_LIMIT_ALL_VALUES,
    SIP_LIMIT_PARAMS,
    SIP_LIMIT_MEMORY,
    SIP_LIMIT_COUNT
};

struct sip_limits {
    uint32_t message;    // bytes of all of it
    uint32_t body;       // bytes
    uint32_t uri;        // bytes of the Request-URI
    uint32_t fields;     // header fields
    uint32_t line;       // bytes of one field with its folds
    uint32_t values;     // of one header, over all its fields
    uint32_t all_values; // of all headers
    uint32_t params;     // of one value, those of its URI included
    // Memory that parsing and answering it may take: base + factor * length, in bytes.
    uint32_t memory_base, memory_factor;
};
extern const struct sip_limits sip_limits_default;

// The first limit that a parsed message is beyond; SIP_LIMIT_NONE: none. The size of the message itself
// and the memory are for those to watch who receive it and work on it.
enum sip_limit sip_limits_check(const struct sip_msg *m, const struct sip_limits *l);

// Bytes that an arena may take from the heap for a message of n bytes.
static inline uint64_t sip_limits_memory(const struct sip_limits *l, uint64_t n)
{
    return l->memory_base + n * l->memory_factor;
}

struct sip_limit_row {
    const char *name;   // in metrics and, behind "message.", in the configuration
    unsigned status;    // of the answer
    const char *what;   // for people: "more header fields than message.fields allows"
};
extern const struct sip_limit_row sip_limit_rows[SIP_LIMIT_COUNT];
