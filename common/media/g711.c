// SPDX-License-Identifier: Apache-2.0
#include "media/g711.h"

enum { ULAW_BIAS = 0x84, ULAW_CLIP = 32635 };

// The segment, 0 to 7: how far the highest set bit of v lies above bit 7.
static unsigned segment_of(unsigned v)
{
    unsigned s = 0;
    while (s < 7 && v >> (s + 8))
        s++;
    return s;
}

uint8_t g711_ulaw_encode(int16_t sample)
{
    int v = sample;
    unsigned sign = v < 0 ? 0x80u : 0;
    if (v < 0)
        v = -v;
    if (v > ULAW_CLIP)
        v = ULAW_CLIP;
    unsigned m = (unsigned)v + ULAW_BIAS, seg = segment_of(m);
    return (uint8_t) ~(sign | seg << 4 | (m >> (seg + 3) & 15));
}

int16_t g711_ulaw_decode(uint8_t code)
{
    unsigned u = (uint8_t)~code, seg = u >> 4 & 7;
    int v = (int)(((u & 15) << 3 | ULAW_BIAS) << seg) - ULAW_BIAS;
    return (int16_t)(u & 0x80 ? -v : v);
}

uint8_t g711_alaw_encode(int16_t sample)
{
    int v = sample;
    unsigned sign = v >= 0 ? 0x80u : 0;
    if (v < 0)
        v = -v - 1;
    unsigned m = (unsigned)v, seg = segment_of(m);
    unsigned low = seg ? m >> (seg + 3) & 15 : m >> 4 & 15;
    return (uint8_t)((sign | seg << 4 | low) ^ 0x55);
}

int16_t g711_alaw_decode(uint8_t code)
{
    unsigned u = code ^ 0x55u, seg = u >> 4 & 7;
    int v = (int)((u & 15) << 4 | 8);
    if (seg)
        v = (v | 0x100) << (seg - 1);
    return (int16_t)(u & 0x80 ? v : -v);
}
