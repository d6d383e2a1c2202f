// SPDX-License-Identifier: Apache-2.0
// Inside of a description: the tables that its files share. parse.c needs media.c (what lines mean), that lines.c.
#pragma once

#include "base/arena.h"
#include "sdp/sdp.h"

struct sdp_row {
    uint32_t at, n; // the line without its end
    char type;      // 0: of another form than x=
};

struct sdp_part {
    uint32_t first, end; // lines
    const struct sdp_media *typed;
    int err; // why there is no typed; 0: not looked at yet
};

struct sdp {
    struct arena *arena;
    struct str text;
    const struct sdp_row *rows;
    size_t n_rows, n_media;
    struct sdp_part *parts; // the session's, then one for each medium
    struct sdp_session session;
    int session_err; // 0: read
    bool session_read;
};

// SDP_SESSION is the part before medium 0.
static inline struct sdp_part *sdp_part(const struct sdp *s, size_t media)
{
    return &s->parts[media + 1];
}

static inline struct str sdp_row_text(const struct sdp *s, size_t i)
{
    return str_make(s->text.p + s->rows[i].at, s->rows[i].n);
}

// The next word of a value; runs of spaces count as one.
static inline struct str sdp_word(struct str *v)
{
    while (v->n && *v->p == ' ')
        *v = str_skip(*v, 1);
    return str_split(v, ' ');
}

// "<media> <port>[/<number>] <proto> <fmt> ...": type, port, proto and fmt. ERR_BAD.
int sdp_mline_parse(struct str value, struct sdp_media *ret_media);
