// SPDX-License-Identifier: Apache-2.0
// What is found wrong with a file, and where its options stand.
#include <stdarg.h>
#include <stdio.h>

#include "app/config_priv.h"

enum { ERRORS_MAX = 100, WHAT_MAX_BYTES = 512 };

void conf_fail(struct conf_reader *r, const yaml_node_t *at, struct str option, const char *fmt,
               ...)
{
    char what[WHAT_MAX_BYTES];
    if (++r->n_errors > ERRORS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    for (char *p = what; *p; p++) // a value may have anything; a finding is one line
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    const struct conf_error e = {
        .file = r->file, .line = at ? at->start_mark.line + 1 : 0, .option = option, .what = what};
    r->error(r->arg, &e);
}

void conf_error_text(const struct conf_error *e, char *buf, size_t n)
{
    char line[24] = "";
    if (e->line)
        (void)snprintf(line, sizeof line, "%zu:", e->line);
    (void)snprintf(buf, n, "%s:%s %s%.*s%s%s", e->file, line, e->warning ? "warning: " : "",
                   STR_ARG(e->option), e->option.n ? ": " : "", e->what);
}

// ---- where options stand ----

void conf_place_add(struct conf_reader *r, struct str option, const yaml_node_t *at)
{
    struct conf_place *p = ARENA_NEW(&r->conf->arena, struct conf_place);
    if (!p)
        return;
    *p = (struct conf_place){r->conf->places, option, at->start_mark.line + 1};
    r->conf->places = p;
}

static size_t line_of(const struct conf *c, struct str option)
{
    for (const struct conf_place *p = c->places; p; p = p->next)
        if (str_eq(p->option, option))
            return p->line;
    return 0;
}

// "peers[2].host" is part of "peers[2]", and that of "peers".
static struct str outer(struct str option)
{
    while (option.n && option.p[option.n - 1] != '.' && option.p[option.n - 1] != '[')
        option.n--;
    return str_head(option, option.n ? option.n - 1 : 0);
}

size_t conf_line(const struct conf *c, struct str option)
{
    size_t line = 0;
    for (; option.n && !line; option = outer(option))
        line = line_of(c, option);
    return line;
}
