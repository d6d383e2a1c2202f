// SPDX-License-Identifier: Apache-2.0
// The mappings of a file along dotted paths to rows, the tables in it, and the defaults of what it leaves out.
#include "app/config_priv.h"
#include "base/mem.h"

// One mapping level with its own rows: the file itself, or one entry of a table.
struct scope {
    const struct conf_row *rows;
    size_t *seen;     // line of the value of each row; 0: not given
    char *base;       // struct that the rows fill
    struct str where; // "hss.peers[1]." for errors; empty at the top
};

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

// ---- the walk ----

static struct str node_text(const yaml_node_t *n)
{
    return str_make((const char *)n->data.scalar.value, n->data.scalar.length);
}

static struct str join(struct conf_reader *r, struct str a, struct str b)
{
    return ARENA_CAT(&r->conf->arena, a, b);
}

static void set_table(struct conf_reader *r, const struct conf_slot *s)
{
    size_t n = conf_slot_length(s);
    if (n < s->row->min)
        conf_fail(r, s->node, s->path, "needs at least %u %s, found %zu", s->row->min,
                  s->row->min == 1 ? "entry" : "entries", n);
    char *array = arena_zalloc(&r->conf->arena, n * s->row->sub_size + 1);
    for (size_t i = 0; array && i < n; i++) {
        struct conf_slot e = conf_slot_entry(r, s, i, array, s->row->sub_size);
        conf_place_add(r, e.path, e.node);
        conf_entry_read(r, s->row->sub, e.path, e.node, e.dst);
    }
    *(struct conf_table *)(void *)s->dst = (struct conf_table){array, n};
}

static void set(struct conf_reader *r, const struct conf_slot *s)
{
    if (!conf_slot_fits(r, s))
        return;
    if (s->row->type == CONF_TABLE)
        set_table(r, s);
    else
        conf_value_set(r, s);
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
    set(r, &(struct conf_slot){&s->rows[i], full, value, s->base + s->rows[i].offset});
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
                  conf_row_nearest(s->rows, path));
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
        set(r, slot);
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
    set(r, slot);
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
