// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/usual.h"

static inline struct sip_param *param_read(struct cur *c)
{
    struct sip_param *p = c->delim && !c->bad ? walk_generic_param(c) : NULL;
    return p ? p : cur_param_read(c);
}

struct sip_param *cur_param(struct cur *c)
{
    return param_read(c);
}

struct sip_param *cur_params_read(struct cur *outer)
{
    struct cur c = cur_copy(outer);
    struct sip_param *first = NULL, **tail = &first;
    while (!c.bad && cur_sep(&c, ';')) {
        struct sip_param *p = param_read(&c);
        if (CUR_RARELY(!p))
            break;
        *tail = p;
        tail = &p->next;
    }
    cur_put(outer, &c);
    return first;
}

struct str sip_param_get(const struct sip_param *p, struct str name, bool *ret_present)
{
    while (p && !str_ieq(p->name, name))
        p = p->next;
    if (ret_present)
        *ret_present = p != NULL;
    return p ? p->value : STR_NONE;
}

bool sip_param_has(const struct sip_param *p, struct str name)
{
    bool present;
    (void)sip_param_get(p, name, &present);
    return present;
}

struct str sip_unquote(struct arena *a, struct str s)
{
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return s;
    s = str_make(s.p + 1, s.n - 2);
    if (str_chr(s, '\\') < 0)
        return s;
    char *out = arena_alloc(a, s.n);
    if (!out)
        return STR_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        out[n++] = s.p[i];
    }
    return str_make(out, n);
}

void sip_param_write(struct writer *w, const struct sip_param *p)
{
    writer_str(w, p->name);
    if (p->value.p) {
        writer_chr(w, '=');
        writer_str(w, p->value);
    }
}

void sip_params_write(struct writer *w, const struct sip_param *p)
{
    for (; p; p = p->next) {
        writer_chr(w, ';');
        sip_param_write(w, p);
    }
}
