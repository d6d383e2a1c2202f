// SPDX-License-Identifier: Apache-2.0
// The Prometheus text format 0.0.4: samples are collected by family first, because HELP and TYPE
// come once and all samples of a name together, whatever order they are added in.
#include <math.h>
#include <stdio.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/mem.h"

enum { NUMBER_BYTES = 40 };

struct sample {
    struct sample *next;
    struct str line;
};

struct family {
    struct family *next;
    struct str name, type, help;
    struct sample *first, **last;
};

// Histograms and summaries have samples under several names of one family.
static struct str family_name(struct str name, struct str type)
{
    static const struct str parts[] = {STR_INIT("_bucket"), STR_INIT("_sum"), STR_INIT("_count")};
    if (!str_eq(type, STR("histogram")) && !str_eq(type, STR("summary")))
        return name;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (str_ends(name, parts[i]))
            return str_head(name, name.n - parts[i].n);
    return name;
}

static struct family *family_get(struct metrics *m, struct str name, const char *type,
                                 const char *help)
{
    if (m->recent && str_eq(m->recent->name, name))
        return m->recent;
    for (struct family *f = m->first; f; f = f->next)
        if (str_eq(f->name, name))
            return m->recent = f;
    struct family *f = ARENA_NEW(&m->arena, struct family);
    if (!f)
        return NULL;
    f->name = arena_dup(&m->arena, name);
    f->type = str_from(type);
    f->help = str_from(help);
    f->last = &f->first;
    *m->last = f;
    m->last = &f->next;
    return m->recent = f;
}

static struct str number(double v, char *buf)
{
    int n;
    if (isnan(v))
        return STR("NaN");
    if (isinf(v))
        return v > 0 ? STR("+Inf") : STR("-Inf");
    if (fabs(v) < 9007199254740992.0 && v == floor(v))
        n = snprintf(buf, NUMBER_BYTES, "%.0f", v);
    else
        n = snprintf(buf, NUMBER_BYTES, "%.15g", v);
    return str_make(buf, (size_t)n);
}

void metrics_add_full(struct metrics *m, const char *name, const char *type, const char *help,
                      const char *labels, double value)
{
    char buf[NUMBER_BYTES];
    struct str own = str_from(name), lab = str_from(labels);
    struct family *f = family_get(m, family_name(own, str_from(type)), type, help);
    struct sample *s = ARENA_NEW(&m->arena, struct sample);
    if (!f || !s)
        return;
    s->line = ARENA_CAT(&m->arena, own, lab.n ? STR("{") : STR(""), lab, lab.n ? STR("}") : STR(""),
                        STR(" "), number(value, buf), STR("\n"));
    *f->last = s;
    f->last = &s->next;
}

void metrics_add(struct metrics *m, const char *name, const char *type, const char *help,
                 const char *labels, double value)
{
    char full[128];
    (void)snprintf(full, sizeof full, "carillon_%s", name);
    metrics_add_full(m, full, type, help, labels, value);
}

void metrics_add_stat(struct metrics *m, const char *name, const char *labels, uint64_t value)
{
    const struct stat_name about = stat_name_of(str_from(name));
    char full[128];
    bool bare = !about.gauge && !str_ends(str_from(name), STR("_total"));
    (void)snprintf(full, sizeof full, "%s%s", name, bare ? "_total" : "");
    metrics_add(m, full, about.gauge ? "gauge" : "counter", about.help, labels, (double)value);
}

void metrics_label(struct writer *w, const char *key, struct str value)
{
    writer_printf(w, "%s%s=\"", w->n ? "," : "", key);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            writer_lit(w, "\\n");
        else if (value.p[i] == '"' || value.p[i] == '\\')
            writer_printf(w, "\\%c", value.p[i]);
        else
            writer_chr(w, value.p[i]);
    }
    writer_chr(w, '"');
}

// ---- the page ----

// In HELP a backslash and a newline are escaped; our texts have neither, a newline would break it.
static size_t family_size(const struct family *f)
{
    size_t n = sizeof "# HELP  \n# TYPE  \n" + 2 * f->name.n + f->help.n + f->type.n;
    for (const struct sample *s = f->first; s; s = s->next)
        n += s->line.n;
    return n;
}

static void write_family(struct writer *w, const struct family *f)
{
    writer_printf(w, "# HELP %.*s ", STR_ARG(f->name));
    writer_str(w, f->help);
    writer_printf(w, "\n# TYPE %.*s %.*s\n", STR_ARG(f->name), STR_ARG(f->type));
    for (const struct sample *s = f->first; s; s = s->next)
        writer_str(w, s->line);
}

int metrics_write(const struct metrics *m, char **ret_text, size_t *ret_n)
{
    size_t size = 1;
    for (const struct family *f = m->first; f; f = f->next)
        size += family_size(f);
    char *text = m->arena.failed ? NULL : mem_alloc(size);
    if (!text)
        return ERR_NOMEM;
    struct writer w = writer_init(text, size);
    for (const struct family *f = m->first; f; f = f->next)
        write_family(&w, f);
    *ret_text = text;
    *ret_n = w.n;
    return 0;
}
