// SPDX-License-Identifier: Apache-2.0
#include "base/writer.h"
#include "dia/node_priv.h"

void dia_ids_init(struct dia_node *n)
{
    uint32_t seconds = (uint32_t)(loop_wall_ms(n->loop) / 1000);
    uint64_t r = loop_random_u64(n->loop);
    n->state_id = seconds;
    n->next_hbh = (uint32_t)r;
    // RFC 6733 3: the low 12 bits of the time above 20 random bits
    n->next_ete = seconds << 20 | ((uint32_t)(r >> 32) & 0xfffff);
    // RFC 6733 8.8; the random part keeps ids apart when the clock was set back between two starts
    n->session_high = seconds;
    n->session_low = 0;
    n->session_random = (uint32_t)loop_random_u64(n->loop);
}

struct str dia_session_id(struct dia_node *n, char *buf, size_t cap)
{
    struct writer w = writer_init(buf, cap);
    if (++n->session_low == 0)
        n->session_high++;
    uint8_t random[4];
    dia_put32(random, n->session_random);
    writer_str(&w, n->host);
    writer_chr(&w, ';');
    writer_u64(&w, n->session_high);
    writer_chr(&w, ';');
    writer_u64(&w, n->session_low);
    writer_chr(&w, ';');
    writer_hex(&w, random, sizeof random);
    return writer_done(&w);
}
