// SPDX-License-Identifier: Apache-2.0
// Session-Ids.
#include "base/writer.h"
#include "dia/request/request_priv.h"

void dia_ids_init(struct dia_request_layer *l)
{
    // RFC 6733 8.8; the random part keeps ids apart when the clock was set back between two starts
    l->session_high = l->self->state_id;
    l->session_low = 0;
    l->session_random = (uint32_t)loop_random_u64(l->loop);
}

struct str dia_session_id(struct dia_request_layer *l, char *buf, size_t cap)
{
    struct writer w = writer_init(buf, cap);
    if (++l->session_low == 0)
        l->session_high++;
    uint8_t random[4];
    dia_put32(random, l->session_random);
    writer_str(&w, l->self->host);
    writer_chr(&w, ';');
    writer_u64(&w, l->session_high);
    writer_chr(&w, ';');
    writer_u64(&w, l->session_low);
    writer_chr(&w, ';');
    writer_hex(&w, random, sizeof random);
    return writer_done(&w);
}
