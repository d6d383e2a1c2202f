// SPDX-License-Identifier: Apache-2.0
// How peers answer, and what follows for new requests. A peer that let a request's first try pass
// in silence is avoided while others can be asked (RFC 3539 3.4: the watchdog takes longer to
// know): one request at growing intervals finds out whether it answers again. One that says
// DIAMETER_TOO_BUSY is healthy; it is avoided for a moment, and where nobody else can be asked, so
// much is refused here that it gets about twice what it takes (the client-side throttling of
// Google's SRE book, 21).
#include "dia/request/request_priv.h"

enum {
    SILENT_MS = 2000,
    SILENT_MAX_MS = 30000,
    BUSY_MS = 500,
    BUSY_MAX_MS = 8000,
    DECAY_MS = 2000,
    FREE = 20, // requests of the last seconds, halved; so few are never refused
};

static const uint64_t MS = 1000000;

static uint64_t now_ns(const struct dia_hop *h)
{
    return loop_now(h->layer->loop);
}

bool dia_hop_avoided(const struct dia_hop *h)
{
    return h->avoid_until_ns > now_ns(h);
}

static uint32_t twice(uint32_t ms, uint32_t first, uint32_t max)
{
    return !ms ? first : ms * 2 < max ? ms * 2 : max;
}

static void decay(struct dia_hop *h)
{
    uint64_t now = now_ns(h) / MS;
    for (int i = 0; i < 31 && now >= h->decayed_ms + DECAY_MS; i++) {
        h->asked /= 2;
        h->taken /= 2;
        h->decayed_ms += DECAY_MS;
    }
    if (now >= h->decayed_ms + DECAY_MS)
        h->decayed_ms = now;
}

void dia_hop_asked(struct dia_hop *h)
{
    decay(h);
    h->asked++;
    if (h->silent_ms) // this one finds out; the others wait for what it finds
        h->avoid_until_ns = now_ns(h) + h->silent_ms * MS;
}

void dia_hop_answered(struct dia_hop *h)
{
    h->heard_ns = now_ns(h);
    h->taken++;
    h->silent_ms = 0;
    if (!h->busy_ms) {
        h->avoid_until_ns = 0;
    } else if (!dia_hop_avoided(h)) {
        h->busy_ms = h->busy_ms > BUSY_MS ? h->busy_ms / 2 : 0;
    }
}

void dia_hop_silent(struct dia_hop *h)
{
    if (dia_hop_avoided(h) && h->silent_ms)
        return;
    h->counts->silences++;
    h->silent_ms = twice(h->silent_ms, SILENT_MS, SILENT_MAX_MS);
    h->avoid_until_ns = now_ns(h) + h->silent_ms * MS;
}

void dia_hop_busy(struct dia_hop *h)
{
    h->heard_ns = now_ns(h);
    h->silent_ms = 0;
    h->counts->busy++;
    if (dia_hop_avoided(h) && h->busy_ms)
        return;
    h->busy_ms = twice(h->busy_ms, BUSY_MS, BUSY_MAX_MS);
    h->avoid_until_ns = now_ns(h) + h->busy_ms * MS;
}

bool dia_hop_throttled(struct dia_hop *h)
{
    decay(h);
    if (!h->busy_ms || !dia_hop_avoided(h) || h->asked <= 2 * h->taken + FREE)
        return false;
    uint32_t excess = h->asked - 2 * h->taken - FREE;
    if (loop_random_u64(h->layer->loop) % h->asked >= excess)
        return false;
    h->asked++;
    h->counts->throttled++;
    return true;
}
