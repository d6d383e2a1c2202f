// SPDX-License-Identifier: Apache-2.0
// Method names, and headers that begin with a number.
#include "sip/families.h"

#include "base/mem.h"
#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/words.h"

static const struct str method_names[SIP_METHOD_COUNT] = {
    [SIP_UNKNOWN] = STR_INIT("UNKNOWN"),     [SIP_REGISTER] = STR_INIT("REGISTER"),
    [SIP_INVITE] = STR_INIT("INVITE"),       [SIP_ACK] = STR_INIT("ACK"),
    [SIP_BYE] = STR_INIT("BYE"),             [SIP_CANCEL] = STR_INIT("CANCEL"),
    [SIP_OPTIONS] = STR_INIT("OPTIONS"),     [SIP_PRACK] = STR_INIT("PRACK"),
    [SIP_UPDATE] = STR_INIT("UPDATE"),       [SIP_INFO] = STR_INIT("INFO"),
    [SIP_MESSAGE] = STR_INIT("MESSAGE"),     [SIP_SUBSCRIBE] = STR_INIT("SUBSCRIBE"),
    [SIP_NOTIFY] = STR_INIT("NOTIFY"),       [SIP_REFER] = STR_INIT("REFER"),
    [SIP_PUBLISH] = STR_INIT("PUBLISH"),
};

struct str sip_method_name(enum sip_method m)
{
    return method_names[(unsigned)m < SIP_METHOD_COUNT ? m : SIP_UNKNOWN];
}

// Equal bytes, 3 to 9 of them.
static inline bool same(const char *p, const char *q, size_t n)
{
    if (n >= 8)
        return word_load(p, 8) == word_load(q, 8) && p[n - 1] == q[n - 1];
    if (n >= 4)
        return word_load(p, 4) == word_load(q, 4) &&
               word_load(p + n - 4, 4) == word_load(q + n - 4, 4);
    return word_load(p, 2) == word_load(q, 2) && p[2] == q[2];
}

// The length decides between at most three names, each a comparison of one or two words.
enum sip_method sip_method_from(struct str name)
{
    static const uint8_t by_length[10][4] = {
        [3] = {SIP_ACK, SIP_BYE},
        [4] = {SIP_INFO},
        [5] = {SIP_PRACK, SIP_REFER},
        [6] = {SIP_INVITE, SIP_CANCEL, SIP_UPDATE, SIP_NOTIFY},
        [7] = {SIP_OPTIONS, SIP_MESSAGE, SIP_PUBLISH},
        [8] = {SIP_REGISTER},
        [9] = {SIP_SUBSCRIBE},
    };
    if (name.n >= ARRAY_LEN(by_length))
        return SIP_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(by_length[0]) && by_length[name.n][i]; i++) {
        enum sip_method m = (enum sip_method)by_length[name.n][i];
        if (same(name.p, method_names[m].p, name.n))
            return m;
    }
    return SIP_UNKNOWN;
}

// ---- CSeq, RAck ----

// 1*DIGIT LWS
static uint32_t number_lws(struct cur *c, uint32_t max)
{
    uint32_t n = cur_number(c, max);
    const char *blank = c->p;
    cur_sws(c);
    if (c->p == blank)
        cur_fail(c);
    return n;
}

void sip_cseq_read(struct cur *c, struct sip_cseq *v)
{
    v->number = number_lws(c, SIP_CSEQ_MAX);
    v->method_name = cur_token(c);
    v->method = sip_method_from(v->method_name);
}

void sip_cseq_write(struct writer *w, const struct sip_cseq *v)
{
    writer_u64(w, v->number);
    writer_chr(w, ' ');
    writer_str(w, v->method_name);
}

void sip_rack_read(struct cur *c, struct sip_rack *v)
{
    v->rseq = number_lws(c, UINT32_MAX); // RFC 3262 7.1
    v->cseq = number_lws(c, SIP_CSEQ_MAX);
    v->method_name = cur_token(c);
    v->method = sip_method_from(v->method_name);
}

void sip_rack_write(struct writer *w, const struct sip_rack *v)
{
    writer_u64(w, v->rseq);
    writer_chr(w, ' ');
    writer_u64(w, v->cseq);
    writer_chr(w, ' ');
    writer_str(w, v->method_name);
}

// ---- with parameters; Warning ----

// comment = LPAREN *( ctext / quoted-pair / comment ) RPAREN
static void comment(struct cur *c)
{
    unsigned depth = 0;
    do {
        char ch = cur_peek(c);
        if (cur_done(c) || (ch == '\\' && c->end - c->p < 2)) {
            cur_fail(c);
            return;
        }
        depth += ch == '(';
        depth -= ch == ')';
        c->p += ch == '\\' ? 2 : 1;
    } while (depth);
}

void sip_delta_read(struct cur *c, struct sip_delta *v)
{
    struct str digits = cur_span1(c, CH_DIGIT);
    *v = (struct sip_delta){.value = UINT32_MAX};
    (void)str_u32(digits, &v->value);
    const char *back = c->p;
    cur_sws(c);
    if (cur_peek(c) == '(')
        comment(c);
    else
        c->p = back;
    v->params = cur_params(c);
}

void sip_number_read(struct cur *c, struct sip_delta *v)
{
    *v = (struct sip_delta){.value = cur_number(c, UINT32_MAX)};
}

void sip_delta_write(struct writer *w, const struct sip_delta *v)
{
    writer_u64(w, v->value);
    sip_params_write(w, v->params);
}

// warning-value = warn-code SP warn-agent SP warn-text
void sip_warning_read(struct cur *c, struct sip_warning *v)
{
    struct str code = cur_span(c, CH_DIGIT);
    if (code.n != 3)
        cur_fail(c);
    *v = (struct sip_warning){.code = 0};
    for (size_t i = 0; i < 3 && !c->bad; i++)
        v->code = v->code * 10 + (unsigned)(code.p[i] - '0');
    cur_expect(c, ' ');
    v->agent = cur_span1(c, CH_HOST | CH_TOKEN | CH_VALUE);
    cur_expect(c, ' ');
    cur_sws(c);
    v->text = sip_unquote(c->arena, cur_quoted(c));
}

static void put_quoted(struct writer *w, struct str s)
{
    writer_chr(w, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            writer_chr(w, '\\');
        writer_chr(w, s.p[i]);
    }
    writer_chr(w, '"');
}

void sip_warning_write(struct writer *w, const struct sip_warning *v)
{
    writer_u64(w, v->code);
    writer_chr(w, ' ');
    writer_str(w, v->agent);
    writer_chr(w, ' ');
    put_quoted(w, v->text);
}
