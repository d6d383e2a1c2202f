// SPDX-License-Identifier: Apache-2.0
// Answers of a DNS server, from bytes to records. c-ares' own parsers give no TTL for SRV and
// NAPTR. Nothing here trusts the message.
#pragma once

#include "io/loop.h"

struct arena;

struct dns_msg {
    int err;      // 0, ERR_NODATA, or ERR_DNS: a failure code, or not understood
    uint32_t ttl; // seconds that the answer, or the lack of one (RFC 2308 5), may be kept
    struct dns_rr *rrs;
    size_t n;
};

// Reads the records of this type from the answer section, whoever they are about: an alias and
// its target come together. Records and their text are in the arena.
struct dns_msg dns_msg_parse(struct str bytes, enum dns_type type, struct arena *a);
