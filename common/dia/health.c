// SPDX-License-Identifier: Apache-2.0
// How peers answer, and what follows for new requests. A peer that let a request's first try pass in
// silence is avoided while others can be asked (RFC 3539 3.4: the watchdog takes longer to know): one
// request at growing intervals finds out whether it answers again. One that says DIAMETER_TOO_BUSY is
// healthy; it is avoided for a moment, and where nobody else can be asked, so much is refused here that
// it gets about twice what it takes (the client-side throttling of Google's SRE book, 21).
#include "dia/node_priv.h"

enum {
    SILENT_MS = 2000, SILENT_MAX_MS = 30000,
    BUSY_MS = 500, BUSY_MAX_MS = 8000,
    DECAY_MS = 2000, FREE = 20, // requests of the last seconds, halved; so few are never refused
};

static const uint64_t MS = 1000000;

static uint64_t now_ns(const struct dia_peer *p)
{
    return loop_now(p->node->loop);
}

bool dia_peer_avoided(const struct dia_peer *p)
{
    return p->avoid_until_ns > now_ns(p);
}

static uint32_t twice(uint32_t ms, uint32_t first, uint32_t max)
{
    return !ms ? first : ms * 2 < max ? ms * 2 : max;
}

static void decay(struct dia_peer *p)
{
    uint64_t now = now_ns(p) / MS;
    for (int i = 0; i < 31 && now >= p->decayed_ms + DECAY_MS; i++) {
        p->asked /= 2;
        p->taken /= 2;
        p->decayed_ms += DECAY_MS;
    }
    if (now >= p->decayed_ms + DECAY_MS)
        p->decayed_ms = now;
}

void dia_peer_asked(struct dia_peer *p)
{
    decay(p);
    p->asked++;
    if (p->silent_ms) // this one finds out; the others wait for what it finds
        p->avoid_until_ns = now_ns(p) + p->silent_ms * MS;
}

void dia_peer_answered(struct dia_peer *p)
{
    p->heard_ns = now_ns(p);
    p->taken++;
    p->silent_ms = 0;
    if (!p->busy_ms) {
        p->avoid_until_ns = 0;
    } else if (!dia_peer_avoided(p)) {
        p->busy_ms = p->busy_ms > BUSY_MS ? p->busy_ms / 2 : 0;
    }
}

void dia_peer_silent(struct dia_peer *p)
{
    if (dia_peer_avoided(p) && p->silent_ms)
        return;
    p->counts.silences++;
    p->silent_ms = twice(p->silent_ms, SILENT_MS, SILENT_MAX_MS);
    p->avoid_until_ns = now_ns(p) + p->silent_ms * MS;
}

void dia_peer_busy(struct dia_peer *p)
{
    p->heard_ns = now_ns(p);
    p->silent_ms = 0;
    p->counts.busy++;
    if (dia_peer_avoided(p) && p->busy_ms)
        return;
    p->busy_ms = twice(p->busy_ms, BUSY_MS, BUSY_MAX_MS);
    p->avoid_until_ns = now_ns(p) + p->busy_ms * MS;
}

bool dia_peer_throttled(struct dia_peer *p)
{
    decay(p);
    if (!p->busy_ms || !dia_peer_avoided(p) || p->asked <= 2 * p->taken + FREE)
        return false;
    uint32_t excess = p->asked - 2 * p->taken - FREE;
    if (loop_random_u64(p->node->loop) % p->asked >= excess)
        return false;
    p->asked++;
    p->counts.throttled++;
    return true;
}
