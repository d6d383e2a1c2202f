// SPDX-License-Identifier: Apache-2.0
// A session description: what was read is written, and reads the same.
#include "base/err.h"
#include "base/writer.h"
#include "fuzz.h"
#include "sdp/sdp.h"

static char out[1 << 20];

static void same_media(const struct sdp_media *m, const struct sdp_media *n)
{
    MUST(str_eq(m->type, n->type) && m->port == n->port && str_eq(m->proto, n->proto));
    MUST(m->direction == n->direction && m->ptime == n->ptime);
    MUST(m->port == 0 || str_eq(m->address, n->address));
    MUST(m->n_formats == n->n_formats);
    for (size_t i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &m->formats[i], *g = &n->formats[i];
        MUST(f->payload_type == g->payload_type && str_eq(f->encoding, g->encoding));
        MUST(!f->encoding.n || (f->rate == g->rate && f->channels == g->channels));
    }
}

void fuzz_sdp(struct str input)
{
    static struct sdp s, again;
    if (sdp_parse(input, &s))
        return;
    MUST(s.n_media <= SDP_MEDIA_MAX);
    struct writer w = writer_init(out, sizeof out);
    sdp_write(&w, &s);
    MUST(!w.failed);
    MUST(sdp_parse(writer_done(&w), &again) == 0);
    MUST(s.n_media == again.n_media && s.session_id == again.session_id);
    MUST(s.version == again.version && str_eq(s.origin_user, again.origin_user));
    for (size_t i = 0; i < s.n_media; i++)
        same_media(&s.media[i], &again.media[i]);
    const struct sdp_media *audio = sdp_find_media(&s, STR("audio"));
    MUST(!audio || audio->port);
    if (audio)
        (void)sdp_find_format(audio, STR("PCMU"));
}
