// SPDX-License-Identifier: Apache-2.0
// Fills the table of lines; what a description cannot do without.
#include "base/err.h"
#include "sdp/limits.h"
#include "sdp/sdp_priv.h"

const struct sdp_limits sdp_limits_default = {
    .bytes = 65535, .lines = 1024, .media = 32, .attributes = 256, .formats = 64};

const struct sdp_limit_row sdp_limit_rows[SDP_LIMIT_COUNT] = {
    [SDP_LIMIT_NONE] = {"none", ""},
    [SDP_LIMIT_BYTES] = {"size", "session description longer than message.sdp.size allows"},
    [SDP_LIMIT_LINES] = {"lines",
                         "session description with more lines than message.sdp.lines allows"},
    [SDP_LIMIT_MEDIA] = {"media",
                         "session description with more media than message.sdp.media allows"},
    [SDP_LIMIT_ATTRIBUTES] = {"attributes",
                              "medium with more attributes than message.sdp.attributes allows"},
    [SDP_LIMIT_FORMATS] = {"formats", "medium with more formats than message.sdp.formats allows"},
};

struct reader {
    struct sdp *s;
    const struct sdp_limits *limits;
    struct sdp_row *rows;
    uint32_t attributes; // so far in this section
    bool has_o, has_s;
    struct sdp_fault fault;
};

static int bad(struct reader *r, const char *what, size_t line)
{
    r->fault = (struct sdp_fault){.what = what, .line = line};
    return ERR_BAD;
}

static int beyond(struct reader *r, enum sdp_limit limit, size_t line)
{
    r->fault = (struct sdp_fault){.what = sdp_limit_rows[limit].what, .limit = limit, .line = line};
    return ERR_TOOBIG;
}

static void count(struct str text, size_t *ret_lines, size_t *ret_media)
{
    size_t lines = 0, media = 0;
    while (text.n) {
        media += text.n > 1 && text.p[0] == 'm' && text.p[1] == '=';
        lines++;
        (void)str_split(&text, '\n');
    }
    *ret_lines = lines;
    *ret_media = media;
}

static int open_media(struct reader *r, struct str value, size_t i)
{
    struct sdp_media m;
    uint32_t formats = 0;
    if (sdp_mline_parse(value, &m))
        return bad(r, "m= line", i + 1);
    while (m.fmt.n && formats <= r->limits->formats)
        formats += sdp_word(&m.fmt).n > 0;
    if (formats > r->limits->formats)
        return beyond(r, SDP_LIMIT_FORMATS, i + 1);
    struct sdp *s = r->s;
    s->parts[s->n_media++].end = (uint32_t)i;
    s->parts[s->n_media].first = (uint32_t)i;
    r->attributes = 0;
    return 0;
}

static int take(struct reader *r, char type, struct str value, size_t i)
{
    switch (type) {
    case 'm':
        return open_media(r, value, i);
    case 'a':
        return ++r->attributes > r->limits->attributes ? beyond(r, SDP_LIMIT_ATTRIBUTES, i + 1) : 0;
    case 'o':
        r->has_o = true;
        return 0;
    case 's':
        r->has_s = true;
        return 0;
    default:
        return 0;
    }
}

// RFC 8866 9: byte-string = 1*(%x01-09/%x0B-0C/%x0E-FF)
static bool is_text(struct str line)
{
    return !memchr(line.p, 0, line.n) && !memchr(line.p, '\r', line.n);
}

static int read_line(struct reader *r, struct str line, size_t i)
{
    struct sdp_row *row = &r->rows[i];
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    *row = (struct sdp_row){.at = (uint32_t)(line.p - r->s->text.p), .n = (uint32_t)line.n};
    if (line.n && !is_text(line))
        return bad(r, "control character in a line", i + 1);
    if (line.n < 2 || line.p[1] != '=')
        return 0;
    row->type = line.p[0];
    return take(r, row->type, str_skip(line, 2), i);
}

static int read_lines(struct reader *r)
{
    struct sdp *s = r->s;
    struct str rest = s->text;
    int err = 0;
    for (size_t i = 0; !err && i < s->n_rows; i++)
        err = read_line(r, str_split(&rest, '\n'), i);
    s->parts[s->n_media].end = (uint32_t)s->n_rows;
    if (err)
        return err;
    if (!s->n_rows || !str_eq(sdp_row_text(s, 0), STR("v=0")))
        return bad(r, "no v=0 at its beginning", 1);
    if (!r->has_o || !r->has_s)
        return bad(r, r->has_o ? "no s= line" : "no o= line", 0);
    return sdp_session(s)              ? 0
           : s->session_err == ERR_BAD ? bad(r, "o= or c= line of the session", 0)
                                       : s->session_err;
}

static int build(struct reader *r, struct arena *a, struct str text)
{
    size_t lines, media;
    if (text.n > r->limits->bytes)
        return beyond(r, SDP_LIMIT_BYTES, 0);
    count(text, &lines, &media);
    if (lines > r->limits->lines)
        return beyond(r, SDP_LIMIT_LINES, 0);
    if (media > r->limits->media)
        return beyond(r, SDP_LIMIT_MEDIA, 0);
    r->s = ARENA_NEW(a, struct sdp);
    r->rows = arena_alloc(a, lines * sizeof *r->rows);
    struct sdp_part *parts = arena_zalloc(a, (media + 1) * sizeof *parts);
    if (!r->s || !r->rows || !parts)
        return ERR_NOMEM;
    *r->s =
        (struct sdp){.arena = a, .text = text, .rows = r->rows, .n_rows = lines, .parts = parts};
    return read_lines(r);
}

int sdp_parse(struct arena *a, struct str text, const struct sdp_limits *l, struct sdp **ret_sdp,
              struct sdp_fault *ret_fault)
{
    struct reader r = {.limits = l ? l : &sdp_limits_default};
    int err = build(&r, a, text);
    if (!err)
        *ret_sdp = r.s;
    else if (ret_fault)
        *ret_fault = r.fault;
    return err;
}
