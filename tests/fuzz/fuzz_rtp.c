// SPDX-License-Identifier: Apache-2.0
// RTP packets, each behind its length in one byte, as one source's stream: the payload lies inside,
// the header is written and read again, and the statistics stay possible.
#include "base/err.h"
#include "fuzz.h"
#include "media/rtp.h"

static void packet(struct str p, struct rtp_stats *s, uint32_t arrival)
{
    struct rtp_header h, again;
    struct str payload, nothing;
    uint8_t bytes[RTP_HEADER_BYTES];
    if (rtp_parse(p, &h, &payload))
        return;
    MUST(payload.p >= p.p + RTP_HEADER_BYTES && payload.p + payload.n <= p.p + p.n);
    rtp_header_write(&h, bytes);
    MUST(rtp_parse(str_make((const char *)bytes, sizeof bytes), &again, &nothing) == 0);
    MUST(nothing.n == 0 && again.marker == h.marker && again.payload_type == h.payload_type);
    MUST(again.seq == h.seq && again.timestamp == h.timestamp && again.ssrc == h.ssrc);
    rtp_stats_update(s, &h, arrival);
    MUST(rtp_stats_expected(s) >= 1 && rtp_stats_lost(s) <= rtp_stats_expected(s));
    MUST(s->received >= s->duplicates_or_late && s->jitter >= 0);
}

void fuzz_rtp(struct str input)
{
    struct rtp_stats s = {0};
    for (uint32_t arrival = 0; input.n; arrival += 160) {
        uint8_t n = fuzz_byte(&input);
        // a packet of its own, so that reading behind it is seen
        struct str p = str_head(input, n);
        char *copy = malloc(p.n + !p.n);
        MUST(copy);
        memcpy(copy, p.p, p.n);
        packet(str_make(copy, p.n), &s, arrival);
        free(copy);
        input = str_skip(input, n);
    }
}
