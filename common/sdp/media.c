// SPDX-License-Identifier: Apache-2.0
// What the lines of a section mean, read on first use.
#include "base/err.h"
#include "base/mem.h"
#include "sdp/attr.h"
#include "sdp/sdp_priv.h"

static const struct str direction_names[] = {STR_INIT("sendrecv"), STR_INIT("sendonly"),
                                             STR_INIT("recvonly"), STR_INIT("inactive")};

struct str sdp_direction_name(enum sdp_direction d)
{
    return direction_names[d];
}

int sdp_direction_parse(struct str name, enum sdp_direction *ret_direction)
{
    for (size_t i = 0; i < ARRAY_LEN(direction_names); i++) {
        if (str_eq(name, direction_names[i])) {
            *ret_direction = (enum sdp_direction)i;
            return 0;
        }
    }
    return ERR_BAD;
}

bool sdp_is_rtp(struct str proto)
{
    return str_starts(proto, STR("RTP/")) || str_find(proto, STR("/RTP/")) >= 0;
}

// ---- lines of any section ----

// o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
static int parse_origin(struct sdp_session *o, struct str v)
{
    o->origin_user = sdp_word(&v);
    if (o->origin_user.n == 0 || str_u64(sdp_word(&v), &o->id) ||
        str_u64(sdp_word(&v), &o->version))
        return ERR_BAD;
    (void)sdp_word(&v);
    (void)sdp_word(&v);
    o->origin_address = sdp_word(&v);
    return o->origin_address.n && !sdp_word(&v).n ? 0 : ERR_BAD;
}

// c=IN IP4 192.0.2.1[/ttl]
static int parse_connection(struct str v, struct str *ret_address)
{
    if (!str_eq(sdp_word(&v), STR("IN")))
        return ERR_BAD;
    struct str family = sdp_word(&v);
    if (!str_eq(family, STR("IP4")) && !str_eq(family, STR("IP6")))
        return ERR_BAD;
    struct str text = sdp_word(&v), address = str_split(&text, '/');
    if (address.n == 0 || sdp_word(&v).n)
        return ERR_BAD;
    *ret_address = address;
    return 0;
}

// b=AS:64, b=TIAS:64000 (RFC 3890), rounded up; others are nobody's business. What cannot be read
// counts as absent.
static void parse_bandwidth(struct str v, uint32_t *bandwidth)
{
    struct str type = str_split(&v, ':');
    uint32_t n;
    if (str_u32(v, &n))
        return;
    if (str_ieq(type, STR("AS")))
        *bandwidth = n;
    else if (str_ieq(type, STR("TIAS")) && !*bandwidth)
        *bandwidth = n / 1000 + (n % 1000 != 0);
}

// ---- the session ----

static int read_session_line(struct sdp_session *o, struct sdp_line l, bool *has_origin)
{
    switch (l.type) {
    case 'o':
        if (*has_origin)
            return 0;
        *has_origin = true;
        return parse_origin(o, l.value);
    case 'c':
        return parse_connection(l.value, &o->address);
    case 'b':
        parse_bandwidth(l.value, &o->bandwidth);
        return 0;
    case 'a':
        (void)sdp_direction_parse(l.value, &o->direction);
        return 0;
    default:
        return 0;
    }
}

const struct sdp_session *sdp_session(const struct sdp *s)
{
    struct sdp *own = (struct sdp *)(uintptr_t)s; // what is read on first use
    bool has_origin = false;
    const struct sdp_part *p = sdp_part(s, SDP_SESSION);
    for (size_t i = p->first; !s->session_read && !s->session_err && i < p->end; i++)
        own->session_err = read_session_line(&own->session, sdp_line_at(s, i), &has_origin);
    if (!s->session_read && !s->session_err && !has_origin)
        own->session_err = ERR_BAD;
    own->session_read = true;
    return s->session_err ? NULL : &s->session;
}

// ---- a medium ----

struct media_reader {
    struct sdp_media *m;
    struct sdp_format *formats;
    uint8_t place[128]; // of a payload type among the formats, from 1; the first one counts
};

static struct sdp_format *format_of(struct media_reader *r, struct str type)
{
    uint32_t n;
    if (str_u32(type, &n) || n > 127 || !r->place[n])
        return NULL;
    return &r->formats[r->place[n] - 1];
}

// Each payload type once, in the order of preference.
static int read_formats(struct media_reader *r, struct arena *a)
{
    struct sdp_media *m = r->m;
    struct str v = m->fmt;
    size_t words = 0;
    for (struct str rest = v; rest.n;)
        words += sdp_word(&rest).n > 0;
    r->formats = arena_alloc(a, (words < 128 ? words : 128) * sizeof *r->formats);
    if (!r->formats)
        return ERR_NOMEM;
    m->formats = r->formats;
    for (struct str w; (w = sdp_word(&v)).n;) {
        uint32_t n;
        if (str_u32(w, &n) || n > 127)
            return ERR_BAD;
        if (r->place[n])
            continue;
        struct sdp_format *f = &r->formats[m->n_formats++];
        *f = sdp_static_format((uint8_t)n);
        r->place[n] = (uint8_t)m->n_formats;
    }
    return 0;
}

// rtpmap:<payload type> <encoding>/<rate>[/<channels>]
static int read_rtpmap(struct media_reader *r, struct str v)
{
    struct str type = sdp_word(&v), map = sdp_word(&v);
    struct str encoding = str_split(&map, '/'), rate = str_split(&map, '/');
    struct sdp_format *f = format_of(r, type);
    uint32_t n, channels = 1;
    if (str_u32(type, &n) || encoding.n == 0)
        return ERR_BAD;
    if (!f)
        return 0;
    if (str_u32(rate, &f->rate) || (map.n && str_u32(map, &channels)) || channels == 0)
        return ERR_BAD;
    f->encoding = encoding;
    f->channels = channels;
    return 0;
}

static int read_attribute(struct media_reader *r, struct str v)
{
    if (sdp_direction_parse(v, &r->m->direction) == 0)
        return 0;
    struct str name = str_split(&v, ':');
    if (str_eq(name, STR("rtpmap")))
        return r->formats ? read_rtpmap(r, v) : 0;
    if (str_eq(name, STR("fmtp"))) {
        struct sdp_format *f = format_of(r, sdp_word(&v));
        if (f)
            f->fmtp = v;
        return 0;
    }
    if (str_eq(name, STR("ptime")) && str_u32(v, &r->m->ptime))
        r->m->ptime = 0;
    return 0;
}

static int read_media_line(struct media_reader *r, struct sdp_line l)
{
    switch (l.type) {
    case 'c':
        return parse_connection(l.value, &r->m->address);
    case 'b':
        parse_bandwidth(l.value, &r->m->bandwidth);
        return 0;
    case 'a':
        return read_attribute(r, l.value);
    default:
        return 0;
    }
}

static int read_media(const struct sdp *s, const struct sdp_part *p, struct sdp_media *m)
{
    struct media_reader r = {.m = m};
    const struct sdp_session *session = sdp_session(s);
    int err = session ? sdp_mline_parse(sdp_line_at(s, p->first).value, m) : ERR_BAD;
    if (err)
        return err;
    m->address = session->address;
    m->direction = session->direction;
    if (sdp_is_rtp(m->proto))
        err = read_formats(&r, s->arena);
    for (size_t i = p->first + 1; !err && i < p->end; i++)
        err = read_media_line(&r, sdp_line_at(s, i));
    return !err && m->port && m->address.n == 0 ? ERR_BAD : err;
}

const struct sdp_media *sdp_media(const struct sdp *s, size_t i)
{
    struct sdp_part *p = sdp_part(s, i);
    if (p->typed || p->err)
        return p->typed;
    struct sdp_media *m = ARENA_NEW(s->arena, struct sdp_media);
    p->err = m ? read_media(s, p, m) : ERR_NOMEM;
    p->typed = p->err ? NULL : m;
    return p->typed;
}

int sdp_check(const struct sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++)
        if (!sdp_media(s, i))
            return sdp_part(s, i)->err;
    return 0;
}

const struct sdp_media *sdp_find_media(const struct sdp *s, struct str type)
{
    for (size_t i = 0; i < s->n_media; i++) {
        const struct sdp_media *m = sdp_media(s, i);
        if (m && m->port && str_eq(m->type, type))
            return m;
    }
    return NULL;
}

const struct sdp_format *sdp_find_format(const struct sdp_media *m, struct str encoding)
{
    for (size_t i = 0; i < m->n_formats; i++)
        if (str_ieq(m->formats[i].encoding, encoding))
            return &m->formats[i];
    return NULL;
}

enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction wanted)
{
    bool may_send = offered == SDP_SENDRECV || offered == SDP_RECVONLY;
    bool may_recv = offered == SDP_SENDRECV || offered == SDP_SENDONLY;
    bool send = may_send && (wanted == SDP_SENDRECV || wanted == SDP_SENDONLY);
    bool recv = may_recv && (wanted == SDP_SENDRECV || wanted == SDP_RECVONLY);
    if (send)
        return recv ? SDP_SENDRECV : SDP_SENDONLY;
    return recv ? SDP_RECVONLY : SDP_INACTIVE;
}
