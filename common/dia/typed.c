// SPDX-License-Identifier: Apache-2.0
#include "dia/node_priv.h"

static const struct dia_field *find(const struct dia_grammar *g, unsigned avp, unsigned kind)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->fields[i].avp == avp && g->fields[i].kind == kind)
            return &g->fields[i];
    return NULL;
}

struct str dia_typed_get(const struct dia_grammar *g, const void *st, unsigned avp)
{
    const struct dia_field *f = find(g, avp, DIA_STR);
    return f ? *(const struct str *)(const void *)((const char *)st + f->at) : STR_NONE;
}

void dia_typed_set(const struct dia_grammar *g, void *st, unsigned avp, struct str s)
{
    const struct dia_field *f = find(g, avp, DIA_STR);
    if (f)
        *(struct str *)(void *)((char *)st + f->at) = s;
}

struct str dia_typed_failed(const struct dia_grammar *g, const void *st)
{
    const struct dia_field *f = find(g, AVP_FAILED_AVP, DIA_FAILED);
    return f ? *(const struct str *)(const void *)((const char *)st + f->at) : STR_NONE;
}

struct dia_result dia_typed_result_of(const struct dia_grammar *g, const void *st)
{
    const struct dia_field *f = find(g, AVP_RESULT_CODE, DIA_RESULT);
    return f ? *(const struct dia_result *)(const void *)((const char *)st + f->at) : (struct dia_result){0};
}

void dia_typed_result(const struct dia_grammar *g, void *st, struct dia_result r)
{
    const struct dia_field *f = find(g, AVP_RESULT_CODE, DIA_RESULT);
    if (f)
        *(struct dia_result *)(void *)((char *)st + f->at) = r;
}
