// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"

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
