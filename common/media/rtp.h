// SPDX-License-Identifier: Apache-2.0
// RTP packets and the receiver's statistics of RFC 3550.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { RTP_HEADER_BYTES = 12 };

struct rtp_header {
    bool marker;
    uint8_t payload_type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
};

void rtp_header_write(const struct rtp_header *h, uint8_t ret_bytes[RTP_HEADER_BYTES]);
// Parses a packet (CSRCs, extension and padding honoured); ERR_BAD when it is not RTP.
int rtp_parse(struct str packet, struct rtp_header *ret_header, struct str *ret_payload);

// Sequence numbers and jitter of one source (RFC 3550 A.1, A.3, A.8). All-zero before the first
// packet.
struct rtp_stats {
    bool started;
    uint16_t max_seq;
    uint32_t cycles, base_seq;
    uint64_t received, duplicates_or_late;
    uint32_t transit;
    double jitter; // timestamp units
};

// arrival in timestamp units of the payload's clock.
void rtp_stats_update(struct rtp_stats *s, const struct rtp_header *h, uint32_t arrival);
uint64_t rtp_stats_expected(const struct rtp_stats *s);
// Never negative: duplicates do not hide a loss below 0.
uint64_t rtp_stats_lost(const struct rtp_stats *s);
