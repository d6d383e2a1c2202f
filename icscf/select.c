// SPDX-License-Identifier: Apache-2.0
#include "icscf/select.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

int scscf_table_init(struct scscf_table *t, const struct conf_table *config)
{
    const struct icscf_scscf *rows = config->v;
    *t = (struct scscf_table){.v = mem_zalloc(config->n * sizeof *t->v)};
    int err = t->v ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < config->n; i++) {
        struct scscf_choice *s = &t->v[t->n++];
        *s = (struct scscf_choice){.name = str_dup(rows[i].name), .priority = rows[i].priority,
                                   .weight = rows[i].weight};
        s->capabilities = mem_alloc((rows[i].capabilities.n + 1) * sizeof *s->capabilities);
        if (!s->capabilities || !s->name.p)
            err = ERR_NOMEM;
        for (size_t k = 0; !err && k < rows[i].capabilities.n; k++)
            if (str_u32(rows[i].capabilities.v[k], &s->capabilities[s->n_capabilities++])) {
                LOG(LOG_ERROR, "capability is not a number", LF("scscf", s->name),
                    LF("capability", rows[i].capabilities.v[k]));
                err = ERR_INVAL;
            }
    }
    if (err)
        scscf_table_done(t);
    return err;
}

void scscf_table_done(struct scscf_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mem_free((void *)t->v[i].name.p);
        mem_free(t->v[i].capabilities);
    }
    mem_free(t->v);
    *t = (struct scscf_table){0};
}

static bool is_tried(struct str name, const struct str *tried, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieq(tried[i], name))
            return true;
    return false;
}

static size_t shared(const struct scscf_choice *s, const uint32_t *wanted, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s->n_capabilities; k++)
            if (s->capabilities[k] == wanted[i]) {
                found++;
                break;
            }
    return found;
}

// Negative when a is the better choice, 0 when they are equal.
static int compare(const struct scscf_choice *a, const struct scscf_choice *b,
                   const struct cx_capabilities *c)
{
    size_t oa = shared(a, c->optional, c->n_optional), ob = shared(b, c->optional, c->n_optional);
    if (oa != ob)
        return oa > ob ? -1 : 1;
    return (a->priority > b->priority) - (a->priority < b->priority);
}

static bool fits(const struct scscf_choice *s, const struct cx_capabilities *c,
                 const struct str *tried, size_t n_tried)
{
    return !is_tried(s->name, tried, n_tried) &&
           shared(s, c->mandatory, c->n_mandatory) == c->n_mandatory;
}

struct str scscf_select(const struct scscf_table *t, const struct cx_capabilities *c,
                        const struct str *tried, size_t n_tried, uint64_t draw)
{
    const struct scscf_choice *best = NULL;
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n_server_names; i++)
        if (!is_tried(c->server_names[i], tried, n_tried))
            return c->server_names[i];
    for (size_t i = 0; i < t->n; i++) {
        if (!fits(&t->v[i], c, tried, n_tried))
            continue;
        int order = best ? compare(&t->v[i], best, c) : -1;
        if (order < 0) {
            best = &t->v[i];
            sum = 0;
        }
        sum += order <= 0 ? t->v[i].weight : 0;
    }
    if (!best || !sum)
        return best ? best->name : STR_NONE;
    uint64_t at = draw % sum;
    for (size_t i = 0; i < t->n; i++) {
        if (!fits(&t->v[i], c, tried, n_tried) || compare(&t->v[i], best, c))
            continue;
        if (at < t->v[i].weight)
            return t->v[i].name;
        at -= t->v[i].weight;
    }
    return best->name;
}
