// SPDX-License-Identifier: Apache-2.0
// A session description, a NUL, and edits of three bytes each. Without edits the same bytes are
// written; what the edits say is what is read from what they write, and lines that none of them
// names stay. What was read makes a new description that reads the same.
#include "base/arena.h"
#include "base/err.h"
#include "base/writer.h"
#include "fuzz.h"
#include "sdp/attr.h"
#include "sdp/edit.h"

enum { EDITS_MAX = 24, MEDIA_MAX = 64 };

static char out[1 << 20];

static void same_media(const struct sdp_media *m, const struct sdp_media *n)
{
    MUST(m && n);
    MUST(str_eq(m->type, n->type) && m->port == n->port && str_eq(m->proto, n->proto));
    MUST(m->direction == n->direction && m->ptime == n->ptime && m->bandwidth == n->bandwidth);
    MUST(m->port == 0 || str_eq(m->address, n->address));
    MUST(m->n_formats == n->n_formats);
    for (size_t i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &m->formats[i], *g = &n->formats[i];
        MUST(f->payload_type == g->payload_type && str_eq(f->encoding, g->encoding));
        MUST(!f->encoding.n || (f->rate == g->rate && f->channels == g->channels));
        MUST(str_eq(f->fmtp, g->fmtp));
    }
}

static const struct sdp *read_again(struct arena *a, struct str text)
{
    static const struct sdp_limits wide = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
                                           UINT32_MAX};
    struct sdp *s;
    return sdp_parse(a, text, &wide, &s, NULL) ? NULL : s;
}

static void draft(const struct sdp *s, struct arena *a)
{
    static struct sdp_media media[MEDIA_MAX];
    const struct sdp_session *o = sdp_session(s);
    size_t n = sdp_media_count(s);
    if (sdp_check(s))
        return;
    MUST(n <= MEDIA_MAX);
    for (size_t i = 0; i < n; i++)
        media[i] = *sdp_media(s, i);
    struct sdp_draft d = {.origin_user = o->origin_user,
                          .origin_address = o->origin_address,
                          .id = o->id,
                          .version = o->version,
                          .media = media,
                          .n_media = n};
    struct writer w = writer_init(out, sizeof out);
    sdp_draft_write(&w, &d);
    MUST(!w.failed);
    const struct sdp *again = read_again(a, writer_done(&w));
    MUST(again && sdp_media_count(again) == n);
    MUST(sdp_session(again)->id == o->id && sdp_session(again)->version == o->version);
    MUST(str_eq(sdp_session(again)->origin_user, o->origin_user));
    for (size_t i = 0; i < n; i++)
        same_media(sdp_media(s, i), sdp_media(again, i));
}

static void read_all(const struct sdp *s)
{
    struct sdp_attr_iter it;
    struct sdp_attr attr;
    struct sdp_precondition pre;
    struct sdp_crypto crypto;
    for (size_t m = 0; m <= sdp_media_count(s); m++) {
        it = sdp_attr_iter_init(s, m - 1, STR_NONE);
        while (sdp_attr_iter_next(&it, &attr)) {
            (void)sdp_precondition_parse(&attr, &pre);
            (void)sdp_crypto_parse(attr.value, &crypto);
        }
    }
    const struct sdp_media *audio = sdp_find_media(s, STR("audio"));
    MUST(!audio || audio->port);
    if (audio)
        (void)sdp_find_format(audio, STR("PCMU"));
}

// What the edits leave to be seen: their last word on one medium.
struct said {
    size_t media;
    int port;      // -1: nothing
    int direction; // -1: nothing
    bool address;
};

static void edit(struct sdp_edits *e, const struct sdp *s, uint8_t kind, uint8_t which,
                 uint8_t more, struct said *said)
{
    size_t n = sdp_media_count(s), media = n ? which % n : SDP_SESSION,
           line = which % sdp_line_count(s);
    bool mine = said->media == media;
    switch (n ? kind % 8 : kind % 3) {
    case 0:
        sdp_edit_direction(e, media, (enum sdp_direction)(more % 4));
        if (mine)
            said->direction = more % 4;
        return;
    case 1:
        sdp_edit_attr(e, media, STR("x-fuzz"), more & 1 ? STR_NONE : STR("1"));
        return;
    case 2:
        if (sdp_line_at(s, line).type != 'x')
            return;
        sdp_edit_remove(e, line);
        return;
    case 3:
        sdp_edit_port(e, media, more);
        if (mine)
            said->port = more;
        return;
    case 4:
        sdp_edit_address(e, media, STR("192.0.2.77"));
        said->address = said->address || mine;
        return;
    case 5:
        sdp_edit_remove_attr(e, media, STR("ptime"));
        return;
    case 6:
        sdp_edit_insert(e, line, 'a', STR("x-fuzz-line"));
        return;
    default:
        sdp_edit_version(e, more);
        return;
    }
}

static void edits(const struct sdp *s, struct str ops, struct arena *a)
{
    struct sdp_edits e;
    struct said said = {.media = sdp_media_count(s) ? 0 : SDP_SESSION, .port = -1, .direction = -1};
    sdp_edits_init(&e, a, s);
    MUST(str_eq(sdp_edits_text(&e), sdp_text(s)));
    for (int i = 0; ops.n >= 3 && i < EDITS_MAX; i++) {
        uint8_t kind = fuzz_byte(&ops), which = fuzz_byte(&ops);
        edit(&e, s, kind, which, fuzz_byte(&ops), &said);
    }
    struct str text = sdp_edits_text(&e);
    MUST(text.p);
    const struct sdp *again = read_again(a, text);
    MUST(again && sdp_media_count(again) == sdp_media_count(s));
    const struct sdp_media *m = sdp_media_count(s) ? sdp_media(again, 0) : NULL;
    if (!m)
        return;
    MUST(said.port < 0 || m->port == said.port);
    MUST(said.direction < 0 || m->direction == (enum sdp_direction)said.direction);
    MUST(!said.address || str_eq(m->address, STR("192.0.2.77")));
}

void fuzz_sdp(struct str input)
{
    struct str ops = input, text = str_split(&ops, '\0');
    struct arena a;
    struct sdp *s;
    struct sdp_fault fault = {.what = NULL};
    arena_init(&a, NULL, 0);
    int err = sdp_parse(&a, text, NULL, &s, &fault);
    MUST(err != ERR_BAD || fault.what);
    MUST((err == ERR_TOOBIG) == (fault.limit != SDP_LIMIT_NONE));
    if (!err) {
        read_all(s);
        draft(s, &a);
        edits(s, ops, &a);
    }
    arena_done(&a);
}
