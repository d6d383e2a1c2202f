// SPDX-License-Identifier: Apache-2.0
// The table of lines as it is looked at.
#include "base/err.h"
#include "sdp/sdp_priv.h"

struct str sdp_text(const struct sdp *s)
{
    return s->text;
}

size_t sdp_media_count(const struct sdp *s)
{
    return s->n_media;
}

size_t sdp_line_count(const struct sdp *s)
{
    return s->n_rows;
}

struct sdp_line sdp_line_at(const struct sdp *s, size_t i)
{
    char type = s->rows[i].type;
    struct str text = sdp_row_text(s, i);
    return (struct sdp_line){.type = type, .value = type ? str_skip(text, 2) : text};
}

void sdp_section(const struct sdp *s, size_t media, size_t *ret_first, size_t *ret_end)
{
    const struct sdp_part *p = sdp_part(s, media);
    *ret_first = p->first;
    *ret_end = p->end;
}

int sdp_mline_parse(struct str value, struct sdp_media *ret_media)
{
    struct sdp_media m = {.type = sdp_word(&value)};
    struct str port = sdp_word(&value);
    uint32_t n;
    m.proto = sdp_word(&value);
    m.fmt = value;
    if (m.type.n == 0 || m.proto.n == 0 || str_u32(str_split(&port, '/'), &n) || n > 65535)
        return ERR_BAD;
    m.port = (uint16_t)n;
    *ret_media = m;
    return 0;
}
