// SPDX-License-Identifier: Apache-2.0
// What the first pass of each instruction set needs seldom or once: the start line, and everything about bad lines.
#include "sip/split.h"

#include "sip/header.h"
#include "sip/words.h"

int split_complain(struct sip_parse_error *err, const char *what, size_t offset)
{
    if (!err->what)
        *err = (struct sip_parse_error){what, offset};
    return ERR_BAD;
}

// A Status-Line as usual; false for any other, right or wrong.
static bool usual_status_line(struct sip_msg *m, struct str line)
{
    const char *p = line.p + 8;
    if (line.n < 12 || !word_same(line.p, "sip/2.0 ", 8) || p[3] != ' ')
        return false;
    if (p[0] < '1' || p[0] > '6' || !ch_is(p[1], CH_DIGIT) || !ch_is(p[2], CH_DIGIT))
        return false;
    if (memchr(p + 4, '\n', line.n - 12)) // only fields can be folded
        return false;
    m->status = (unsigned)(p[0] - '0') * 100 + (unsigned)(p[1] - '0') * 10 + (unsigned)(p[2] - '0');
    m->reason = str_make(p + 4, line.n - 12);
    return true;
}

// Status-Line = SIP-Version SP Status-Code SP Reason-Phrase
static int status_line(struct sip_msg *m, struct str line, struct sip_parse_error *err)
{
    struct str v = str_split(&line, ' '), code = str_split(&line, ' ');
    uint32_t status = 0;
    if (!str_ieq(v, STR("SIP/2.0")))
        return split_complain(err, SIP_FAULT_VERSION, 0);
    if (code.n != 3 || str_u32(code, &status) || status < 100 || status > 699)
        return split_complain(err, "start line", v.n + 1);
    if (str_chr(line, '\n') >= 0)
        return split_complain(err, "start line", 0); // only fields can be folded
    m->status = status;
    m->reason = line.p ? line : str_make("", 0);
    return 0;
}

// The line does not end in " SIP/2.0": says why.
static int no_version(struct str line, struct sip_parse_error *err)
{
    size_t at = line.n;
    while (at && line.p[at - 1] != ' ')
        at--;
    bool other = str_istarts(str_skip(line, at), STR("SIP/"));
    return split_complain(err, other ? SIP_FAULT_VERSION : "start line", at);
}

// Request-Line = Method SP Request-URI SP SIP-Version. The URI is what stands between the first and
// the last blank, so that a blank inside is the URI's mistake.
static int request_line(struct sip_msg *m, struct str line, struct sip_parse_error *err)
{
    static const struct str version = STR_INIT(" sip/2.0");
    size_t method = 0;
    while (method < line.n && ch_is(line.p[method], CH_TOKEN))
        method++;
    if (!method || method == line.n || line.p[method] != ' ')
        return split_complain(err, "start line", 0);
    m->method_name = str_head(line, method);
    m->method = sip_method_from(m->method_name);
    size_t end = line.n - version.n;
    bool good = line.n > version.n && line.p[end] == ' ' && line.p[end + 4] == '/' &&
                word_same(line.p + end + 1, "sip", 3) && memcmp(line.p + end + 5, "2.0", 3) == 0;
    if (!good)
        return no_version(line, err);
    if (end <= method + 1)
        return split_complain(err, "Request-URI", method);
    m->uri_text = str_make(line.p + method + 1, end - method - 1);
    return 0;
}

int split_start_line(struct sip_msg *m, struct str line, struct sip_parse_error *err)
{
    // readable beyond a short line: the buffer goes on
    if (line.p[3] == '/' && word_same(line.p, "sip", 3))
        return usual_status_line(m, line) ? 0 : status_line(m, line, err);
    return request_line(m, line, err);
}

uint16_t *split_lines_grow(struct sip_msg *m, const uint16_t *lines, size_t n, size_t *max)
{
    size_t more = *max * 2;
    uint16_t *p = arena_alloc(&m->arena, (more + SPLIT_SPARE_LINES) * sizeof *p);
    if (!p)
        return NULL;
    memcpy(p, lines, n * sizeof *p);
    *max = more;
    return p;
}

void split_put_lines(uint16_t *out, uint64_t marks, size_t base)
{
    for (; marks; marks &= marks - 1)
        *out++ = (uint16_t)(base + (size_t)__builtin_ctzll(marks));
}

void split_again(struct sip_msg *m, struct sip_field *f)
{
    struct sip_field *first = &m->fields[m->first[f->id] - 1];
    struct sip_field *before = first->again ? &m->fields[m->last[f->id] - 1] : first;
    before->again = true;
    m->last[f->id] = (uint16_t)(f - m->fields + 1);
}

int split_field(struct sip_msg *m, struct sip_field *f)
{
    const char *p = m->bytes.p;
    size_t at = f->at, end = f[1].at, name = at;
    while (end > at && ch_is(p[end - 1], CH_LWS))
        end--;
    while (name < end && ch_is(p[name], CH_TOKEN))
        name++;
    size_t colon = name;
    while (colon < end && (p[colon] == ' ' || p[colon] == '\t'))
        colon++;
    if (name == at || colon == end || p[colon] != ':') {
        *f = (struct sip_field){.at = (uint16_t)at, .value = (uint16_t)end};
        return ERR_BAD;
    }
    size_t value = colon + 1;
    while (value < end && ch_is(p[value], CH_LWS))
        value++;
    *f = (struct sip_field){
        .at = (uint16_t)at,
        .name_n = (uint16_t)(name - at),
        .value = (uint16_t)value,
        .value_n = (uint16_t)(end - value),
        .id = (uint8_t)sip_hid_from(str_make(p + at, name - at)),
    };
    if (m->first[f->id])
        split_again(m, f);
    else
        m->first[f->id] = (uint16_t)(f - m->fields + 1);
    return 0;
}

// A line with its CRLF, and perhaps folds: no CR or LF besides, and no control character but HTAB
// and what a quoted-pair escapes (RFC 3261 25.1).
static bool line_clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
            i++;
        else if (s.p[i] == '\r' || s.p[i] == '\n')
            return false;
        else if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t' && (!i || s.p[i - 1] != '\\'))
            return false;
    }
    return s.n >= 2 && s.p[s.n - 2] == '\r' && s.p[s.n - 1] == '\n';
}

// Leaves out the lines that begin with a blank, which continue the one before. The last one, where
// the fields end, stays. The number of lines.
static size_t join_folded(const struct sip_msg *m, uint16_t *lines, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        char c = m->bytes.p[lines[i]];
        if (c != ' ' && c != '\t')
            lines[kept++] = lines[i];
    }
    return kept;
}

int split_slowly(struct sip_msg *m, uint16_t *lines, size_t n, size_t end,
                 struct sip_parse_error *err)
{
    n = join_folded(m, lines, n);
    *err = (struct sip_parse_error){.what = NULL};
    memset(m->first, 0, sizeof m->first);
    m->n_fields = n ? n - 1 : 0;
    m->headers = n ? lines[0] : m->bytes.n;
    m->blank = n ? lines[n - 1] : m->bytes.n;
    m->fields[0].at = (uint16_t)m->headers;
    struct str line = str_head(m->bytes, m->headers);
    int result = 0;
    if (!line_clean(line))
        result = split_complain(err, "start line", 0);
    else if (split_start_line(m, str_head(line, line.n - 2), err))
        result = ERR_BAD;
    for (size_t i = 0; i < m->n_fields; i++) {
        struct sip_field *f = &m->fields[i];
        f[1].at = lines[i + 1];
        bool clean = line_clean(str_make(m->bytes.p + f->at, (size_t)(f[1].at - f->at)));
        if (split_field(m, f) || !clean)
            result = split_complain(err, "header line", f->at);
    }
    m->body = end ? str_skip(m->bytes, end) : STR_NONE;
    return end ? result : split_complain(err, "header line", m->blank);
}
