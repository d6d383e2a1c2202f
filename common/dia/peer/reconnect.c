// SPDX-License-Identifier: Apache-2.0
// When a peer is connected to again.
#include "dia/peer/peer_priv.h"

bool dia_peer_dials(const struct dia_peer *p)
{
    return !p->info.dynamic && !p->layer->draining && addr_port(&p->remote) != 0;
}

bool dia_peer_lived(const struct dia_peer *p)
{
    return p->opened_ms && dia_peers_ms(p->layer) >= p->opened_ms + DIA_LIVED_MS;
}

uint32_t dia_peer_first_ms(const struct dia_peer_layer *l)
{
    return DIA_RETRY_MS < l->connect_ms ? DIA_RETRY_MS : l->connect_ms;
}

// One short life may be a restart.
bool dia_peer_flaps(const struct dia_peer *p)
{
    return !dia_peer_lived(p) && p->retry_ms > 2 * dia_peer_first_ms(p->layer);
}

// A connection that had lived is made again at once: often nothing but the connection was lost, and
// what is asked meanwhile has nowhere to go. From then on the waits grow, for most other losses are
// restarts, and slow down to Tc (RFC 6733 2.1). To be open is not enough to begin anew: a peer that
// accepts and resets is a dead one. A peer that said it wants no connection (RFC 6733
// 5.4) is left alone ten times as long.
uint64_t dia_peer_again_ms(struct dia_peer *p, bool lived)
{
    struct dia_peer_layer *l = p->layer;
    if (dia_peer_lived(p))
        p->retry_ms = dia_peer_first_ms(l);
    uint64_t ms = p->retry_ms, spread = ms / 8;
    if (p->cause != DIA_REBOOTING) {
        ms = (uint64_t)l->connect_ms * 10;
        spread = ms / 8;
    } else if (lived) {
        ms = 0;
        spread = DIA_AGAIN_MS;
    } else {
        p->retry_ms = ms * 2 < l->connect_ms ? (uint32_t)ms * 2 : l->connect_ms;
    }
    return ms + loop_random_u64(l->loop) % (spread + 1);
}

// When something to send may end the wait. RFC 6733 5.4: after a DPR that asks for no connection
// one is made only for "a valid reason", and not at once. For one that flaps, what there
// is to send waits for the timer.
void dia_peer_note_lost(struct dia_peer *p, bool lived)
{
    uint64_t now = dia_peers_ms(p->layer);
    p->attempt_ms = p->cause != DIA_REBOOTING ? p->goodbye_ms + DIA_HOLD_MS
                    : lived                   ? now
                            : now + (dia_peer_flaps(p) ? p->retry_ms : DIA_ATTEMPT_MS);
    p->lost_ms = now;
}

uint64_t dia_peer_wanted_ms(const struct dia_peer *p)
{
    uint64_t now = dia_peers_ms(p->layer);
    return p->attempt_ms > now ? p->attempt_ms - now : 0;
}

bool dia_peer_is_coming(const struct dia_peer *p)
{
    if (!dia_peer_dials(p) || dia_peer_conn(p))
        return p->wd.state == WD_REOPEN && p->wd.quick;
    return p->state != PEER_CLOSED || dia_peers_ms(p->layer) < p->lost_ms + DIA_FRESH_MS ||
           p->attempt_ms <= dia_peers_ms(p->layer);
}
