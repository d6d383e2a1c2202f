// SPDX-License-Identifier: Apache-2.0
#include "media/rtp.h"

#include "base/err.h"

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void rtp_header_write(const struct rtp_header *h, uint8_t ret_bytes[RTP_HEADER_BYTES])
{
    ret_bytes[0] = 0x80; // version 2
    ret_bytes[1] = (uint8_t)((h->marker ? 0x80 : 0) | h->payload_type);
    ret_bytes[2] = (uint8_t)(h->seq >> 8);
    ret_bytes[3] = (uint8_t)h->seq;
    put32(ret_bytes + 4, h->timestamp);
    put32(ret_bytes + 8, h->ssrc);
}

int rtp_parse(struct str packet, struct rtp_header *ret_header, struct str *ret_payload)
{
    const uint8_t *b = (const uint8_t *)packet.p;
    if (packet.n < RTP_HEADER_BYTES || b[0] >> 6 != 2)
        return ERR_BAD;
    size_t head = RTP_HEADER_BYTES + 4u * (b[0] & 15), tail = 0;
    if (b[0] & 0x10) {
        if (packet.n < head + 4)
            return ERR_BAD;
        head += 4 + 4u * ((size_t)b[head + 2] << 8 | b[head + 3]);
    }
    if (b[0] & 0x20)
        tail = b[packet.n - 1];
    if (packet.n < head + tail || ((b[0] & 0x20) && tail == 0))
        return ERR_BAD;
    *ret_header = (struct rtp_header){.marker = b[1] >> 7,
                                      .payload_type = b[1] & 0x7f,
                                      .seq = (uint16_t)(b[2] << 8 | b[3]),
                                      .timestamp = get32(b + 4),
                                      .ssrc = get32(b + 8)};
    *ret_payload = str_make(packet.p + head, packet.n - head - tail);
    return 0;
}

void rtp_stats_update(struct rtp_stats *s, const struct rtp_header *h, uint32_t arrival)
{
    uint32_t transit = arrival - h->timestamp;
    s->received++;
    if (!s->started) {
        s->started = true;
        s->base_seq = s->max_seq = h->seq;
        s->transit = transit;
        return;
    }
    uint16_t ahead = (uint16_t)(h->seq - s->max_seq);
    if (ahead == 0 || ahead >= 0x8000) {
        s->duplicates_or_late++;
    } else {
        if (h->seq < s->max_seq)
            s->cycles += 65536;
        s->max_seq = h->seq;
    }
    int32_t d = (int32_t)(transit - s->transit);
    s->transit = transit;
    s->jitter += ((d < 0 ? -(double)d : (double)d) - s->jitter) / 16.0;
}

uint64_t rtp_stats_expected(const struct rtp_stats *s)
{
    return s->started ? (uint64_t)s->cycles + s->max_seq - s->base_seq + 1 : 0;
}

uint64_t rtp_stats_lost(const struct rtp_stats *s)
{
    uint64_t expected = rtp_stats_expected(s);
    return expected > s->received ? expected - s->received : 0;
}
