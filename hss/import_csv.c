// SPDX-License-Identifier: Apache-2.0
// CSV (RFC 4180): the first line names the fields; quotes may enclose commas, quotes and line ends.
#include "base/err.h"
#include "hss/provision.h"

struct csv {
    struct str rest;
    unsigned line; // of the next character
    struct arena *arena;
    struct hss_problem *p;
};

enum { COLUMNS_MAX = 32, QUOTED_MAX = HSS_LIST_MAX };

static bool at_line_end(const struct csv *c)
{
    return !c->rest.n || c->rest.p[0] == '\n' || c->rest.p[0] == '\r';
}

static void skip(struct csv *c)
{
    c->line += c->rest.p[0] == '\n';
    c->rest = str_skip(c->rest, 1);
}

// Bytes that suffice for the quoted text at the front.
static size_t quoted_size(struct str rest)
{
    size_t i = 1;
    for (; i < rest.n && i <= QUOTED_MAX; i++) {
        if (rest.p[i] != '"')
            continue;
        if (i + 1 >= rest.n || rest.p[i + 1] != '"')
            break;
        i++;
    }
    return i;
}

static int quoted(struct csv *c, struct str *ret_s)
{
    unsigned line = c->line;
    char *out = arena_alloc(c->arena, quoted_size(c->rest));
    size_t n = 0;
    if (!out)
        return ERR_NOMEM;
    for (skip(c); c->rest.n; skip(c)) {
        if (c->rest.p[0] == '"') {
            skip(c);
            if (!c->rest.n || c->rest.p[0] != '"') {
                *ret_s = str_make(out, n);
                return 0;
            }
        }
        if (n == QUOTED_MAX)
            return hss_problem(c->p, line, ERR_TOOBIG, "a value is longer than %d bytes",
                               QUOTED_MAX);
        out[n++] = c->rest.p[0];
    }
    return hss_problem(c->p, line, ERR_BAD, "a quote is not closed");
}

static int value(struct csv *c, struct str *ret_s)
{
    if (c->rest.n && c->rest.p[0] == '"') {
        int err = quoted(c, ret_s);
        if (!err && !at_line_end(c) && c->rest.p[0] != ',')
            err = hss_problem(c->p, c->line, ERR_BAD, "text follows a closing quote");
        return err;
    }
    size_t n = 0;
    while (n < c->rest.n && !memchr(",\r\n", c->rest.p[n], 3))
        n++;
    *ret_s = str_head(c->rest, n);
    c->rest = str_skip(c->rest, n);
    return 0;
}

static int record(struct csv *c, struct str cells[COLUMNS_MAX], size_t *ret_n)
{
    unsigned line = c->line;
    size_t n = 0;
    for (;;) {
        if (n == COLUMNS_MAX)
            return hss_problem(c->p, line, ERR_TOOBIG, "more than %d columns", COLUMNS_MAX);
        int err = value(c, &cells[n++]);
        if (err)
            return err;
        if (at_line_end(c))
            break;
        skip(c);
    }
    *ret_n = n;
    return 0;
}

// Over line ends, empty lines and comments.
static void next_line(struct csv *c)
{
    while (c->rest.n) {
        if (c->rest.p[0] == '#')
            while (c->rest.n && c->rest.p[0] != '\n')
                skip(c);
        else if (at_line_end(c))
            skip(c);
        else
            return;
    }
}

static int make_draft(struct csv *c, const struct str *names, size_t n_names,
                      const struct str *cells, size_t n_cells, struct hss_draft *d)
{
    if (n_cells != n_names)
        return hss_problem(c->p, d->line, ERR_BAD, "%zu values under %zu column names", n_cells,
                           n_names);
    int err = 0;
    for (size_t i = 0; !err && i < n_cells; i++)
        if (str_trim(cells[i]).n)
            err = hss_draft_put(d, str_trim(names[i]), cells[i], c->p);
    return err;
}

// A mistake in the header is told at the header, not at the first subscriber.
static int check_header(struct csv *c, unsigned line, const struct str *names, size_t n)
{
    struct hss_draft d = {.line = line};
    int err = 0;
    for (size_t i = 0; !err && i < n; i++)
        err = hss_draft_put(&d, str_trim(names[i]), STR("x"), c->p);
    return err;
}

static int one_subscriber(struct csv *c, struct hss_op *op, const struct str *names, size_t n,
                          bool replace)
{
    struct hss_draft d = {.line = c->line};
    struct str cells[COLUMNS_MAX];
    size_t n_cells = 0;
    int err = record(c, cells, &n_cells);
    if (!err)
        err = make_draft(c, names, n, cells, n_cells, &d);
    return err ? err : hss_subscriber_add(op, &d, replace, c->p);
}

int hss_import_csv(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                   struct hss_problem *p)
{
    struct arena header;
    arena_init(&header, NULL, 0);
    struct csv c = {text, 1, &header, p};
    struct str names[COLUMNS_MAX];
    size_t n = 0, count = 0;
    next_line(&c);
    unsigned line = c.line;
    int err = record(&c, names, &n);
    if (!err)
        err = check_header(&c, line, names, n);
    c.arena = &op->arena;
    for (next_line(&c); !err && c.rest.n; next_line(&c)) {
        err = one_subscriber(&c, op, names, n, replace);
        count += !err;
        arena_done(&op->arena); // one subscriber's texts at a time
        arena_init(&op->arena, op->memory, sizeof(op->memory));
    }
    arena_done(&header);
    *ret_n = count;
    return err;
}
