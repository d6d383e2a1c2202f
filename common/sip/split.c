// SPDX-License-Identifier: Apache-2.0
// The first pass over a message: lines become header slices.
#include "base/err.h"
#include "sip/chars.h"
#include "sip/header.h"
#include "sip/msg_priv.h"

static int complain(struct sip_parse_error *err, const char *what, size_t offset)
{
    if (!err->what)
        *err = (struct sip_parse_error){what, offset};
    return ERR_BAD;
}

// Length of the line at s without its CRLF; -1 when it has none.
static ptrdiff_t line_length(struct str s)
{
    ptrdiff_t lf = str_chr(s, '\n');
    return lf > 0 && s.p[lf - 1] == '\r' ? lf - 1 : -1;
}

// No CR may stand inside a line, and no control character but HTAB.
static bool line_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t')
            return false;
    return true;
}

static int version(struct sip_parse_error *err, struct str v, size_t offset)
{
    if (str_ieq(v, STR("SIP/2.0")))
        return 0;
    return complain(err, str_istarts(v, STR("SIP/")) ? "SIP-Version" : "start line", offset);
}

// Status-Line = SIP-Version SP Status-Code SP Reason-Phrase
static int status_line(struct sip_msg *m, struct str line, struct sip_parse_error *err)
{
    struct str v = str_split(&line, ' '), code = str_split(&line, ' ');
    uint32_t status = 0;
    if (version(err, v, 0))
        return ERR_BAD;
    if (code.n != 3 || str_u32(code, &status) || status < 100 || status > 699)
        return complain(err, "start line", v.n + 1);
    m->status = status;
    m->reason = line.p ? line : str_make("", 0);
    return 0;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_TOKEN))
            return false;
    return s.n > 0;
}

// Request-Line = Method SP Request-URI SP SIP-Version
static int request_line(struct sip_msg *m, struct str line, struct sip_parse_error *err)
{
    const char *from = line.p;
    m->method_name = str_split(&line, ' ');
    m->uri_text = str_split(&line, ' ');
    if (!is_token(m->method_name))
        return complain(err, "start line", 0);
    m->method = sip_method_from(m->method_name);
    if (!m->uri_text.n)
        return complain(err, "Request-URI", m->method_name.n);
    // what follows a blank inside the URI is not a version: RFC 4475 3.1.2.7
    if (!line.p || !str_istarts(line, STR("SIP/")))
        return complain(err, line.p ? "Request-URI" : "start line",
                        (size_t)(m->uri_text.p - from));
    return version(err, line, (size_t)(line.p - from));
}

static int start_line(struct sip_msg *m, struct sip_parse_error *err)
{
    struct str rest = m->bytes;
    ptrdiff_t n = line_length(rest);
    if (n <= 0) {
        ptrdiff_t lf = str_chr(rest, '\n');
        m->headers = lf < 0 ? rest.n : (size_t)lf + 1;
        return complain(err, "start line", 0);
    }
    m->headers = (size_t)n + 2;
    struct str line = str_head(rest, (size_t)n);
    if (!line_clean(line))
        return complain(err, "start line", 0);
    if (str_istarts(line, STR("SIP/")))
        return status_line(m, line, err);
    return request_line(m, line, err);
}

static struct sip_field *field_new(struct sip_msg *m)
{
    if (m->n_fields == m->max_fields) {
        size_t max = m->max_fields ? m->max_fields * 2 : 32;
        struct sip_field *more = arena_alloc(&m->arena, max * sizeof *more);
        if (!more)
            return NULL;
        if (m->n_fields)
            memcpy(more, m->fields, m->n_fields * sizeof *more);
        m->fields = more;
        m->max_fields = max;
    }
    return &m->fields[m->n_fields++];
}

// field-name HCOLON field-value; line is the field without its last CRLF.
static bool field_fill(struct sip_msg *m, struct str line, struct sip_field *f)
{
    size_t name = 0;
    while (name < line.n && ch_is(line.p[name], CH_TOKEN))
        name++;
    size_t colon = name;
    while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
        colon++;
    bool good = name && colon < line.n && line.p[colon] == ':';
    struct str value = good ? str_trim(str_skip(line, colon + 1)) : STR_NONE;
    size_t at = (size_t)(line.p - m->bytes.p);
    *f = (struct sip_field){
        .at = (uint16_t)at,
        .name_n = (uint16_t)name,
        .value = (uint16_t)(value.n ? (size_t)(value.p - m->bytes.p) : at + line.n),
        .value_n = (uint16_t)value.n,
        .id = (uint8_t)(good ? sip_hid_from(str_head(line, name)) : SIP_H_OTHER),
    };
    return good;
}

// Length of the field at s, folded lines and last CRLF included; 0 when a CRLF is missing.
static size_t field_length(struct str s, bool *ret_clean)
{
    size_t n = 0;
    *ret_clean = true;
    do {
        ptrdiff_t line = line_length(str_skip(s, n));
        if (line < 0)
            return 0;
        *ret_clean = *ret_clean && line_clean(str_make(s.p + n, (size_t)line));
        n += (size_t)line + 2;
    } while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'));
    return n;
}

static int header_fields(struct sip_msg *m, struct sip_parse_error *err)
{
    int result = 0;
    size_t at = m->headers;
    struct str rest = str_skip(m->bytes, at);
    while (!str_starts(rest, STR("\r\n"))) {
        bool clean;
        size_t n = field_length(rest, &clean);
        if (!n) {
            // the blank line is missing, or a CR or LF stands alone: nothing behind is trusted
            m->blank = at;
            return complain(err, "header line", at);
        }
        struct sip_field *f = field_new(m);
        if (!f)
            return ERR_NOMEM;
        bool good = field_fill(m, str_head(rest, n - 2), f);
        if (!clean || !good)
            result = complain(err, "header line", at);
        if (good && !m->first[f->id])
            m->first[f->id] = (uint16_t)m->n_fields;
        at += n;
        rest = str_skip(rest, n);
    }
    m->blank = at;
    return result;
}

int sip_split(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    int start = start_line(m, ret_err);
    int e = header_fields(m, ret_err);
    if (e == ERR_NOMEM)
        return e;
    m->body = m->blank + 2 <= m->bytes.n ? str_skip(m->bytes, m->blank + 2) : STR_NONE;
    return start ? start : e;
}
