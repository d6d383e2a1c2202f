// SPDX-License-Identifier: Apache-2.0
#include "sdp/sdp.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

static const char *const direction_names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

// RFC 3551 table 4, the audio types still met.
static const struct {
    uint8_t payload_type;
    struct str encoding;
    uint32_t rate;
} static_types[] = {
    {0, STR_INIT("PCMU"), 8000}, {3, STR_INIT("GSM"), 8000},  {4, STR_INIT("G723"), 8000},
    {8, STR_INIT("PCMA"), 8000}, {9, STR_INIT("G722"), 8000}, {18, STR_INIT("G729"), 8000},
};

struct parser {
    struct sdp *out;
    struct str session_address;
    enum sdp_direction session_direction;
    bool has_v, has_o, has_s;
};

static struct sdp_media *last_media(struct parser *p)
{
    return p->out->n_media ? &p->out->media[p->out->n_media - 1] : NULL;
}

static int parse_version(struct parser *p, struct str v)
{
    p->has_v = true;
    return str_eq(v, STR("0")) ? 0 : ERR_BAD;
}

// o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
static int parse_origin(struct parser *p, struct str v)
{
    p->has_o = true;
    p->out->origin_user = str_split(&v, ' ');
    if (p->out->origin_user.n == 0 || str_u64(str_split(&v, ' '), &p->out->session_id) ||
        str_u64(str_split(&v, ' '), &p->out->version))
        return ERR_BAD;
    (void)str_split(&v, ' ');
    (void)str_split(&v, ' ');
    p->out->origin_address = v;
    return v.n && str_chr(v, ' ') < 0 ? 0 : ERR_BAD;
}

static int parse_name(struct parser *p, struct str v)
{
    (void)v;
    p->has_s = true;
    return 0;
}

// c=IN IP4 192.0.2.1[/ttl]
static int parse_connection(struct parser *p, struct str v)
{
    if (!str_eq(str_split(&v, ' '), STR("IN")))
        return ERR_BAD;
    struct str family = str_split(&v, ' ');
    if (!str_eq(family, STR("IP4")) && !str_eq(family, STR("IP6")))
        return ERR_BAD;
    struct str address = str_split(&v, '/');
    if (address.n == 0 || str_chr(address, ' ') >= 0)
        return ERR_BAD;
    if (last_media(p))
        last_media(p)->address = address;
    else
        p->session_address = address;
    return 0;
}

static void default_format(struct sdp_format *f)
{
    for (size_t i = 0; i < ARRAY_LEN(static_types); i++) {
        if (static_types[i].payload_type == f->payload_type) {
            f->encoding = static_types[i].encoding;
            f->rate = static_types[i].rate;
        }
    }
}

static int parse_formats(struct sdp_media *m, struct str v)
{
    while (v.n) {
        uint32_t n;
        if (m->n_formats == SDP_FORMATS_MAX)
            return ERR_TOOBIG;
        if (str_u32(str_split(&v, ' '), &n) || n > 127)
            return ERR_BAD;
        struct sdp_format *f = &m->formats[m->n_formats++];
        *f = (struct sdp_format){.payload_type = (uint8_t)n, .channels = 1};
        default_format(f);
    }
    return 0;
}

// m=<media> <port>[/<number>] <proto> <fmt> ...
static int parse_media(struct parser *p, struct str v)
{
    if (p->out->n_media == SDP_MEDIA_MAX)
        return ERR_TOOBIG;
    struct sdp_media *m = &p->out->media[p->out->n_media];
    *m = (struct sdp_media){.address = p->session_address, .direction = p->session_direction};
    m->type = str_split(&v, ' ');
    struct str port = str_split(&v, ' ');
    uint32_t n;
    if (str_u32(str_split(&port, '/'), &n) || n > 65535)
        return ERR_BAD;
    m->port = (uint16_t)n;
    m->proto = str_split(&v, ' ');
    if (m->type.n == 0 || m->proto.n == 0)
        return ERR_BAD;
    p->out->n_media++;
    // Formats of other protocols are not payload types.
    return str_starts(m->proto, STR("RTP/")) ? parse_formats(m, v) : 0;
}

// rtpmap:<payload type> <encoding>/<rate>[/<channels>]
static int parse_rtpmap(struct sdp_media *m, struct str v)
{
    uint32_t type, channels = 1;
    if (str_u32(str_split(&v, ' '), &type))
        return ERR_BAD;
    struct str encoding = str_split(&v, '/'), rate = str_split(&v, '/');
    if (encoding.n == 0)
        return ERR_BAD;
    for (size_t i = 0; i < m->n_formats; i++) {
        struct sdp_format *f = &m->formats[i];
        if (f->payload_type != type)
            continue;
        if (str_u32(rate, &f->rate) || (v.n && str_u32(v, &channels)) || channels == 0)
            return ERR_BAD;
        f->encoding = encoding;
        f->channels = channels;
    }
    return 0;
}

static int parse_attribute(struct parser *p, struct str v)
{
    struct sdp_media *m = last_media(p);
    struct str name = str_split(&v, ':');
    for (size_t i = 0; i < ARRAY_LEN(direction_names); i++) {
        if (!str_eq(name, str_from(direction_names[i])))
            continue;
        *(m ? &m->direction : &p->session_direction) = (enum sdp_direction)i;
        return 0;
    }
    if (m && str_eq(name, STR("rtpmap")))
        return parse_rtpmap(m, v);
    if (m && str_eq(name, STR("ptime")))
        return str_u32(v, &m->ptime);
    return 0;
}

static const struct {
    char type;
    int (*parse)(struct parser *p, struct str v);
} lines[] = {
    {'v', parse_version},    {'o', parse_origin}, {'s', parse_name},
    {'c', parse_connection}, {'m', parse_media},  {'a', parse_attribute},
};

// RFC 8866 9: byte-string = 1*(%x01-09/%x0B-0C/%x0E-FF)
static bool is_text(struct str line)
{
    return !memchr(line.p, 0, line.n) && !memchr(line.p, '\r', line.n);
}

static int parse_line(struct parser *p, struct str line)
{
    if (line.n < 2 || line.p[1] != '=' || !is_text(line))
        return ERR_BAD;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (lines[i].type == line.p[0])
            return lines[i].parse(p, str_skip(line, 2));
    return 0;
}

int sdp_parse(struct str text, struct sdp *ret_sdp)
{
    struct parser p = {.out = ret_sdp};
    *ret_sdp = (struct sdp){0};
    while (text.n) {
        struct str line = str_split(&text, '\n');
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        int e = line.n ? parse_line(&p, line) : 0;
        if (e)
            return e == ERR_TOOBIG && ret_sdp->n_media == SDP_MEDIA_MAX ? e : ERR_BAD;
    }
    for (size_t i = 0; i < ret_sdp->n_media; i++)
        if (ret_sdp->media[i].port && ret_sdp->media[i].address.n == 0)
            return ERR_BAD;
    return p.has_v && p.has_o && p.has_s ? 0 : ERR_BAD;
}

static const char *family(struct str address)
{
    return str_chr(address, ':') >= 0 ? "IP6" : "IP4";
}

static void write_media(struct writer *w, const struct sdp_media *m)
{
    writer_printf(w, "m=%.*s %u %.*s", STR_ARG(m->type), m->port, STR_ARG(m->proto));
    for (size_t i = 0; i < m->n_formats; i++)
        writer_printf(w, " %u", m->formats[i].payload_type);
    writer_lit(w, "\r\n");
    if (m->address.n)
        writer_printf(w, "c=IN %s %.*s\r\n", family(m->address), STR_ARG(m->address));
    for (size_t i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &m->formats[i];
        if (f->encoding.n)
            writer_printf(w, "a=rtpmap:%u %.*s/%u", f->payload_type, STR_ARG(f->encoding), f->rate);
        if (f->encoding.n && f->channels > 1)
            writer_printf(w, "/%u", f->channels);
        if (f->encoding.n)
            writer_lit(w, "\r\n");
    }
    if (m->ptime)
        writer_printf(w, "a=ptime:%u\r\n", m->ptime);
    writer_printf(w, "a=%s\r\n", direction_names[m->direction]);
}

void sdp_write(struct writer *w, const struct sdp *s)
{
    writer_printf(w, "v=0\r\no=%.*s %llu %llu IN %s %.*s\r\ns=-\r\nt=0 0\r\n",
                  STR_ARG(s->origin_user.n ? s->origin_user : STR("-")),
                  (unsigned long long)s->session_id, (unsigned long long)s->version,
                  family(s->origin_address), STR_ARG(s->origin_address));
    for (size_t i = 0; i < s->n_media; i++)
        write_media(w, &s->media[i]);
}

const struct sdp_media *sdp_find_media(const struct sdp *s, struct str type)
{
    for (size_t i = 0; i < s->n_media; i++)
        if (s->media[i].port && str_eq(s->media[i].type, type))
            return &s->media[i];
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
