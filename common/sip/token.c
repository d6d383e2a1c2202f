// SPDX-License-Identifier: Apache-2.0
#include "sip/token.h"

#include "base/writer.h"
#include "sip/families.h"
#include "sip/usual.h"

// A token that is a name. STR_NONE, and c where it was, when it is another.
static inline struct str usual_token(struct cur *c)
{
    struct walk w = walk_init(c);
    struct str name = walk_name(&w);
    if (!name.n || !walk_ended(&w, c))
        return STR_NONE;
    c->p = w.p;
    return name;
}

void sip_token_read(struct cur *c, struct sip_token *v)
{
    v->token = c->delim ? usual_token(c) : STR_NONE;
    if (!v->token.n)
        v->token = cur_token(c);
    v->params = cur_params(c);
}

void sip_media_read(struct cur *c, struct sip_token *v)
{
    const char *from = c->p;
    (void)cur_token(c);
    if (!cur_sep(c, '/'))
        cur_fail(c);
    (void)cur_token(c);
    v->token = str_make(from, (size_t)(c->p - from));
    v->params = cur_params(c);
}

void sip_word_read(struct cur *c, struct sip_token *v)
{
    v->token = cur_span1(c, CH_WORD);
    v->params = cur_params(c);
}

void sip_token_or_quoted_read(struct cur *c, struct sip_token *v)
{
    v->token = cur_peek(c) == '"' ? cur_quoted(c) : cur_token(c);
    v->params = cur_params(c);
}

void sip_params_read(struct cur *c, struct sip_token *v)
{
    v->token = str_make(c->p, 0);
    v->params = cur_param(c);
    if (v->params)
        v->params->next = cur_params(c);
}

void sip_bare_token_read(struct cur *c, struct sip_token *v)
{
    v->token = cur_token(c);
    v->params = NULL;
}

int sip_token_parse(struct arena *a, struct str s, struct sip_token *ret_token)
{
    struct sip_token v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    if (cur_peek(&c) == '"')
        sip_token_or_quoted_read(&c, &v);
    else
        sip_word_read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_token = v;
    return e;
}

void sip_token_write(struct writer *w, const struct sip_token *v)
{
    writer_str(w, v->token);
    if (v->params && !v->token.n) {
        sip_param_write(w, v->params);
        sip_params_write(w, v->params->next);
        return;
    }
    sip_params_write(w, v->params);
}

void sip_text_read(struct cur *c, struct str *v)
{
    *v = str_make(c->p, (size_t)(c->end - c->p));
    c->p = c->end;
}

void sip_call_id_read(struct cur *c, struct str *v)
{
    *v = cur_span1(c, CH_WORD);
}
