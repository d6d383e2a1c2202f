// SPDX-License-Identifier: Apache-2.0
// Why libyaml and not libcyaml above it: libcyaml 1.3 has neither defaults nor ranges nor units,
// stops at the first mistake, and does not say where in the file a value stood; libyaml's composed
// nodes carry their line, and a walk over rows is shorter than a translation of rows to a second
// schema.
#include "app/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/config_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum { FILE_MAX_BYTES = 16 << 20, ERRORS_MAX = 100, WHAT_MAX_BYTES = 512, NAME_MAX_BYTES = 128 };

// One mapping level with its own rows: the file itself, or one entry of a table.
struct scope {
    const struct conf_row *rows;
    size_t *seen;     // line of the value of each row; 0: not given
    char *base;       // struct that the rows fill
    struct str where; // "hss.peers[1]." for errors; empty at the top
};

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

// ---- rows by path ----

static size_t row_count(const struct conf_row *rows)
{
    size_t n = 0;
    while (rows[n].name)
        n++;
    return n;
}

static ptrdiff_t row_find(const struct conf_row *rows, struct str path)
{
    for (size_t i = 0; rows[i].name; i++)
        if (str_eq(str_from(rows[i].name), path))
            return (ptrdiff_t)i;
    return -1;
}

// The first row below path, which is then a group of options; NULL when path is no group.
static const struct conf_row *row_below(const struct conf_row *rows, struct str path)
{
    for (; rows->name; rows++) {
        struct str name = str_from(rows->name);
        if (name.n > path.n && name.p[path.n] == '.' && str_starts(name, path))
            return rows;
    }
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Levenshtein distance of two names (V. Levenshtein, 1966), one row of the matrix at a time.
static size_t edit_distance(struct str a, struct str b)
{
    size_t row[NAME_MAX_BYTES + 1];
    a = str_head(a, NAME_MAX_BYTES);
    b = str_head(b, NAME_MAX_BYTES);
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[b.n];
}

// The part of name with as many components as path has, so that "timers" finds "timer.request".
static struct str same_depth(struct str name, struct str path)
{
    size_t dots = 0;
    for (size_t i = 0; i < path.n; i++)
        dots += path.p[i] == '.';
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '.' && dots-- == 0)
            return str_head(name, i);
    return name;
}

// How far an unknown path is from a known name; an option written without its group is near.
static size_t name_distance(struct str path, struct str name)
{
    if (name.n > path.n && name.p[name.n - path.n - 1] == '.' && str_ends(name, path))
        return 1;
    size_t whole = edit_distance(path, name);
    size_t part = edit_distance(path, same_depth(name, path));
    return part < whole ? part : whole;
}

static const char *row_nearest(const struct conf_row *rows, struct str path)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; rows->name; rows++) {
        size_t d = name_distance(path, str_from(rows->name));
        if (d < best_distance) {
            best_distance = d;
            best = rows->name;
        }
    }
    return best;
}

// ---- the walk ----

static struct str node_text(const yaml_node_t *n)
{
    return str_make((const char *)n->data.scalar.value, n->data.scalar.length);
}

static struct str join(struct conf_reader *r, struct str a, struct str b)
{
    return ARENA_CAT(&r->conf->arena, a, b);
}

static void take_option(struct conf_reader *r, struct scope *s, size_t i, struct str path,
                        const yaml_node_t *key, const yaml_node_t *value)
{
    struct str full = join(r, s->where, path);
    if (s->seen[i]) {
        conf_fail(r, key, full, "given twice, first in line %zu", s->seen[i]);
        return;
    }
    s->seen[i] = key->start_mark.line + 1;
    conf_place_add(r, full, value);
    conf_value_set(r, &(struct conf_slot){&s->rows[i], full, value, s->base + s->rows[i].offset});
}

static void walk(struct conf_reader *r, struct scope *s, struct str prefix, const yaml_node_t *map);

static void walk_pair(struct conf_reader *r, struct scope *s, struct str prefix,
                      const yaml_node_t *key, const yaml_node_t *value)
{
    if (key->type != YAML_SCALAR_NODE) {
        conf_fail(r, key, s->where, "expected the name of an option");
        return;
    }
    struct str path = join(r, prefix, node_text(key));
    ptrdiff_t i = row_find(s->rows, path);
    const struct conf_row *below = row_below(s->rows, path);
    if (i >= 0)
        take_option(r, s, (size_t)i, path, key, value);
    else if (below && value->type == YAML_MAPPING_NODE)
        walk(r, s, join(r, path, STR(".")), value);
    else if (below)
        conf_fail(r, value, join(r, s->where, path), "expected options below it, such as %s",
                  below->name);
    else
        conf_fail(r, key, join(r, s->where, path),
                  "unknown option; the nearest known one is %.*s%s", STR_ARG(s->where),
                  row_nearest(s->rows, path));
}

static void walk(struct conf_reader *r, struct scope *s, struct str prefix, const yaml_node_t *map)
{
    yaml_node_pair_t *first = map->data.mapping.pairs.start;
    for (yaml_node_pair_t *p = first; p < map->data.mapping.pairs.top; p++)
        walk_pair(r, s, prefix, yaml_document_get_node(r->doc, p->key),
                  yaml_document_get_node(r->doc, p->value));
}

// ---- defaults ----

static bool is_list(enum conf_type t)
{
    return t == CONF_STR_LIST || t == CONF_ADDR_LIST || t == CONF_TABLE;
}

// Lists and tables are written as YAML in their default; a scalar's default is its text.
static void default_list(struct conf_reader *r, struct conf_slot *slot)
{
    struct str text = slot->row->def[0] ? str_from(slot->row->def) : STR("[]");
    yaml_parser_t parser;
    yaml_document_t doc, *file = r->doc;
    struct conf_place *given = r->conf->places;
    if (!yaml_parser_initialize(&parser)) {
        r->conf->arena.failed = true;
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    if (yaml_parser_load(&parser, &doc)) {
        r->doc = &doc;
        slot->node = yaml_document_get_root_node(&doc);
        conf_value_set(r, slot);
        r->doc = file;
        r->conf->places = given; // a default has no line
        yaml_document_delete(&doc);
    } else {
        conf_fail(r, NULL, slot->path, "its default is not YAML: %s", slot->row->def);
    }
    yaml_parser_delete(&parser);
}

static void default_scalar(struct conf_reader *r, struct conf_slot *slot)
{
    char *text = str_cdup(str_from(slot->row->def));
    if (!text) {
        r->conf->arena.failed = true;
        return;
    }
    yaml_node_t node = {.type = YAML_SCALAR_NODE};
    node.data.scalar.value = (unsigned char *)text;
    node.data.scalar.length = strlen(text);
    node.data.scalar.style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    slot->node = &node;
    conf_value_set(r, slot);
    mem_free(text);
}

static void fill_defaults(struct conf_reader *r, struct scope *s, const yaml_node_t *at)
{
    for (size_t i = 0; s->rows[i].name; i++) {
        if (s->seen[i])
            continue;
        struct conf_slot slot = {.row = &s->rows[i],
                                 .path = join(r, s->where, str_from(s->rows[i].name)),
                                 .dst = s->base + s->rows[i].offset};
        if (!slot.row->def)
            conf_fail(r, at, slot.path, "required, but not given");
        else if (is_list(slot.row->type))
            default_list(r, &slot);
        else
            default_scalar(r, &slot);
    }
}

void conf_entry_read(struct conf_reader *r, const struct conf_row *rows, struct str path,
                     const yaml_node_t *node, char *dst)
{
    size_t *seen = arena_zalloc(&r->conf->arena, (row_count(rows) + 1) * sizeof *seen);
    struct scope s = {rows, seen, dst, path.n ? join(r, path, STR(".")) : STR("")};
    if (!seen)
        return;
    if (node && node->type == YAML_MAPPING_NODE)
        walk(r, &s, STR(""), node);
    else if (node)
        conf_fail(r, node, path, "expected options, such as \"%s: ...\"", rows->name);
    if (!node || node->type == YAML_MAPPING_NODE)
        fill_defaults(r, &s, path.n ? node : NULL);
}

// ---- the file ----

// libyaml counts an end of input as further lines; people look at the last one that is there.
static size_t last_line(struct str yaml)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < yaml.n; i++)
        n += yaml.p[i] == '\n';
    return n;
}

static void fail_yaml(struct conf_reader *r, const yaml_parser_t *p, struct str yaml)
{
    yaml_node_t at = {.start_mark = p->problem_mark};
    if (at.start_mark.line > last_line(yaml))
        at.start_mark.line = last_line(yaml);
    if (p->error == YAML_MEMORY_ERROR)
        r->conf->arena.failed = true;
    else if (p->error == YAML_READER_ERROR)
        conf_fail(r, NULL, STR(""), "%s at byte %zu", p->problem, p->problem_offset);
    else if (p->context)
        conf_fail(r, &at, STR(""), "%s (begun in line %zu), %s", p->context,
                  p->context_mark.line + 1, p->problem);
    else
        conf_fail(r, &at, STR(""), "%s", p->problem ? p->problem : "not YAML");
}

// What follows the first document would silently not count.
static void check_end(struct conf_reader *r, yaml_parser_t *p, struct str yaml)
{
    yaml_document_t more;
    if (!yaml_parser_load(p, &more)) {
        fail_yaml(r, p, yaml);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&more);
    if (root)
        conf_fail(r, root, STR(""), "a second document begins here; there can be one only");
    yaml_document_delete(&more);
}

static void read_document(struct conf_reader *r, struct str yaml, const struct conf_row *rows,
                          void *target)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    if (!yaml_parser_initialize(&parser)) {
        r->conf->arena.failed = true;
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.n);
    if (yaml_parser_load(&parser, &doc)) {
        r->doc = &doc;
        const yaml_node_t *root = yaml_document_get_root_node(&doc);
        conf_entry_read(r, rows, STR(""), root, target);
        if (root)
            check_end(r, &parser, yaml);
        yaml_document_delete(&doc);
    } else {
        fail_yaml(r, &parser, yaml);
    }
    yaml_parser_delete(&parser);
}

int conf_read_text(struct str yaml, const char *name, const struct conf_row *rows, void *target,
                   conf_error_cb error, void *arg, struct conf **ret_conf)
{
    struct conf *c = mem_zalloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    arena_init(&c->arena, NULL, 0);
    struct conf_reader r = {.conf = c, .file = name, .error = error, .arg = arg};
    read_document(&r, yaml, rows, target);
    if (c->arena.failed || r.n_errors) {
        int err = c->arena.failed ? ERR_NOMEM : ERR_BAD;
        conf_free(c);
        return err;
    }
    *ret_conf = c;
    return 0;
}

static int read_all(FILE *f, char **ret_text, size_t *ret_n)
{
    size_t cap = 0, n = 0;
    char *text = NULL;
    for (;;) {
        if (n == cap) {
            cap = cap ? cap * 2 : 8192;
            char *grown = cap > FILE_MAX_BYTES ? NULL : mem_realloc(text, cap);
            if (!grown) {
                mem_free(text);
                return cap > FILE_MAX_BYTES ? ERR_TOOBIG : ERR_NOMEM;
            }
            text = grown;
        }
        size_t got = fread(text + n, 1, cap - n, f);
        n += got;
        if (got == 0)
            break;
    }
    if (ferror(f)) {
        mem_free(text);
        return ERR_IO;
    }
    *ret_text = text;
    *ret_n = n;
    return 0;
}

int conf_read_file(const char *path, const struct conf_row *rows, void *target, conf_error_cb error,
                   void *arg, struct conf **ret_conf)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = fopen(path, "re");
    int err = f ? read_all(f, &text, &n) : ERR_IO;
    if (err) {
        const char *what = err == ERR_IO ? strerror(errno) : err_text(err);
        error(arg, &(struct conf_error){.file = path, .what = what});
    }
    if (f)
        fclose(f);
    if (!err)
        err = conf_read_text(str_make(text, n), path, rows, target, error, arg, ret_conf);
    mem_free(text);
    return err;
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    arena_done(&c->arena);
    mem_free(c);
}
