// SPDX-License-Identifier: Apache-2.0
#include "sip/limits.h"

#include "sip/header.h"
#include "sip/split.h"

const struct sip_limits sip_limits_default = {
    .message = SIP_MSG_MAX, .body = SIP_MSG_MAX, .uri = 2048, .fields = 256, .line = 8192,
    .values = 128, .all_values = 1024, .params = 64, .memory_base = 1 << 20, .memory_factor = 64,
};

// RFC 3261 21.4.1, 21.4.11, 21.4.12, 21.5.7; a header that is too much has no status of its own.
const struct sip_limit_row sip_limit_rows[SIP_LIMIT_COUNT] = {
    [SIP_LIMIT_NONE] = {"none", 0, ""},
    [SIP_LIMIT_MESSAGE] = {"size", 513, "message longer than message.size allows"},
    [SIP_LIMIT_BODY] = {"body", 413, "body longer than message.body allows"},
    [SIP_LIMIT_URI] = {"uri", 414, "Request-URI longer than message.uri allows"},
    [SIP_LIMIT_FIELDS] = {"fields", 400, "more header fields than message.fields allows"},
    [SIP_LIMIT_LINE] = {"line", 400, "header field longer than message.line allows"},
    [SIP_LIMIT_VALUES] = {"values", 400, "more values of one header than message.values allows"},
    [SIP_LIMIT_ALL_VALUES] = {"all_values", 400,
                              "more values in all headers than message.all_values allows"},
    [SIP_LIMIT_PARAMS] = {"params", 400, "more parameters of one value than message.params allows"},
    [SIP_LIMIT_MEMORY] = {"memory", 500, "message needs more memory than message.memory allows"},
};

// ---- counting what separates ----

struct count {
    uint32_t values, params; // of a field; of that value of it which has most
};

// Authentication headers have parameters between commas (RFC 3261 25.1).
static bool is_auth(enum sip_hid id)
{
    return id >= SIP_H_AUTHORIZATION && id <= SIP_H_AUTHENTICATION_INFO;
}

// Separators outside of quotes. Commas in angle brackets are part of a URI, semicolons there begin its
// parameters.
static struct count count_exactly(const struct sip_msg *m, const struct sip_field *f)
{
    const struct sip_header *h = sip_header((enum sip_hid)f->id);
    char value_end = h->multi == SIP_LIST ? h->separator : 0;
    char param = is_auth((enum sip_hid)f->id) ? ',' : ';';
    struct count c = {.values = 1};
    uint32_t params = 0;
    bool quoted = false, bracket = false;
    struct str s = sip_field_value(m, f);
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (quoted) {
            i += ch == '\\';
            quoted = ch != '"';
        } else if (ch == '"') {
            quoted = true;
        } else if (ch == '<' || ch == '>') {
            bracket = ch == '<';
        } else if (ch == value_end && !bracket) {
            c.values++;
            params = 0;
        } else if (ch == param && ++params > c.params) {
            c.params = params;
        }
    }
    return c;
}

// As many separators as there are delimiters at most: those were marked by the first pass.
static uint32_t delimiters(const struct sip_msg *m, const struct sip_field *f)
{
    size_t at = f->value, end = at + f->value_n;
    uint32_t n = 0;
    while (at < end) {
        size_t word = at / 64, from = at % 64, to = end - word * 64 < 64 ? end - word * 64 : 64;
        uint64_t bits = m->delim[word] >> from;
        if (to - from < 64)
            bits &= ((uint64_t)1 << (to - from)) - 1;
        n += (uint32_t)__builtin_popcountll(bits);
        at = word * 64 + to;
    }
    return n;
}

// Values of one header, over all its fields.
static uint32_t count_values(const struct sip_msg *m, const struct sip_field *f)
{
    uint32_t n = 0;
    for (; f; f = sip_field_next(m, f))
        n += count_exactly(m, f).values;
    return n;
}

struct totals {
    uint32_t by_id[SIP_H_COUNT], all; // upper bounds
    enum sip_limit beyond;
};

// So short that its length will do as the bound; of a list the bounds add up.
enum { SHORT = 64, SHORT_LIST = 15 };

// Most fields are done with when their length is known or their delimiters have been counted.
static void count_field(const struct sip_msg *m, const struct sip_field *f,
                        const struct sip_limits *l, struct totals *t)
{
    if (f->id == SIP_H_OTHER) {
        t->all++;
        return;
    }
    struct count c = {.values = 1, .params = 0};
    bool list = sip_header((enum sip_hid)f->id)->multi == SIP_LIST;
    uint32_t most = f->value_n <= (list ? SHORT_LIST : SHORT) ? f->value_n : delimiters(m, f);
    if (most > l->params || most >= l->values)
        c = count_exactly(m, f);
    else if (list)
        c.values += most;
    if (c.params > l->params)
        t->beyond = SIP_LIMIT_PARAMS;
    t->by_id[f->id] += c.values;
    t->all += c.values;
}

// The bounds were too high to tell: now exactly.
static enum sip_limit check_values(const struct sip_msg *m, const struct sip_limits *l,
                                   const struct totals *t)
{
    uint32_t all = 0;
    for (unsigned id = SIP_H_OTHER + 1; id < SIP_H_COUNT; id++) {
        uint32_t n = t->by_id[id];
        if (n > l->values || t->all > l->all_values)
            n = count_values(m, sip_field_first(m, (enum sip_hid)id));
        if (n > l->values)
            return SIP_LIMIT_VALUES;
        all += n;
    }
    return all > l->all_values ? SIP_LIMIT_ALL_VALUES : SIP_LIMIT_NONE;
}

static bool many_uri_params(const struct sip_msg *m, const struct sip_limits *l)
{
    uint32_t n = 0;
    for (const struct sip_param *p = m->uri_good ? m->uri.params : NULL; p; p = p->next)
        n++;
    return n > l->params;
}

// Whole blocks: behind the headers the buffer goes on. What is counted too much does no harm.
static bool has_few_separators(const struct sip_msg *m, const struct sip_limits *l)
{
    uint32_t commas = 0, semicolons = 0;
    for (const char *p = m->bytes.p + m->headers, *end = m->bytes.p + m->blank; p < end; p += SPLIT_BLOCK) {
        uint8_t c = 0, s = 0; // no more than a block has
        for (size_t i = 0; i < SPLIT_BLOCK; i++) {
            c = (uint8_t)(c + (p[i] == ','));
            s = (uint8_t)(s + (p[i] == ';'));
        }
        commas += c;
        semicolons += s;
    }
    uint32_t values = (uint32_t)m->n_fields + commas;
    if (sip_field_first(m, SIP_H_PRIVACY)) // the one list that has semicolons between its values
        values += semicolons;
    return values <= l->values && values <= l->all_values && commas <= l->params && semicolons <= l->params;
}

static enum sip_limit check_fields(const struct sip_msg *m, const struct sip_limits *l)
{
    struct totals t = {.all = 0};
    if (m->blank - m->headers <= l->line && has_few_separators(m, l)) // as nearly every message
        return SIP_LIMIT_NONE;
    bool many = false;
    for (const struct sip_field *f = m->fields; f < m->fields + m->n_fields; f++) {
        if (sip_field_end(f) - f->at > l->line)
            return SIP_LIMIT_LINE;
        count_field(m, f, l, &t);
        if (t.beyond)
            return t.beyond;
        many = many || t.by_id[f->id] > l->values;
    }
    return many || t.all > l->all_values ? check_values(m, l, &t) : SIP_LIMIT_NONE;
}

enum sip_limit sip_limits_check(const struct sip_msg *m, const struct sip_limits *l)
{
    if (m->body.n > l->body)
        return SIP_LIMIT_BODY;
    if (m->uri_text.n > l->uri)
        return SIP_LIMIT_URI;
    if (m->n_fields > l->fields)
        return SIP_LIMIT_FIELDS;
    if (many_uri_params(m, l))
        return SIP_LIMIT_PARAMS;
    return check_fields(m, l);
}
