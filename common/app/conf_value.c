// SPDX-License-Identifier: Apache-2.0
#include "app/conf_form.h"
#include "app/config_priv.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

enum { SHOWN_MAX = 60 };

static struct str text_of(const struct conf_slot *s)
{
    return str_make((const char *)s->node->data.scalar.value, s->node->data.scalar.length);
}

static struct str shown(struct str s)
{
    return str_head(s, SHOWN_MAX);
}

#define SLOT_FAIL(r, s, ...) conf_fail((r), (s)->node, (s)->path, __VA_ARGS__)

static const char *kind_name(const yaml_node_t *n)
{
    return n->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

static void set_str(struct conf_reader *r, const struct conf_slot *s)
{
    struct str text = text_of(s);
    char why[CONF_WHY_MAX];
    if (memchr(text.p, 0, text.n))
        SLOT_FAIL(r, s, "may not contain a NUL character");
    else if (text.n == 0 && !s->row->def)
        SLOT_FAIL(r, s, "may not be empty");
    else if (conf_form_check(s->row->form, text, why) || conf_path_check(s->row->form, text, why))
        SLOT_FAIL(r, s, "%s", why);
    else if (s->row->form == CONF_FORM_HOST && text.n && text.p[0] != '[' && str_chr(text, ':') >= 0)
        // An IPv6 address: it goes into URIs and Via, where it has brackets (RFC 3261 25.1).
        *(struct str *)(void *)s->dst = ARENA_CAT(&r->conf->arena, STR("["), text, STR("]"));
    else
        *(struct str *)(void *)s->dst = arena_dup(&r->conf->arena, text);
}

static void set_bool(struct conf_reader *r, const struct conf_slot *s)
{
    static const struct {
        struct str text;
        bool value;
    } words[] = {{STR_INIT("true"), true}, {STR_INIT("false"), false}, {STR_INIT("yes"), true},
                 {STR_INIT("no"), false},  {STR_INIT("on"), true},     {STR_INIT("off"), false}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_ieq(text_of(s), words[i].text)) {
            *(bool *)s->dst = words[i].value;
            return;
        }
    }
    SLOT_FAIL(r, s, "expected true or false, found \"%.*s\"", STR_ARG(shown(text_of(s))));
}

// ---- numbers with units ----

static const struct unit {
    struct str name;
    char kind; // only units of one kind convert
    uint64_t factor;
} units[] = {
    {STR_INIT("ms"), 't', 1},           {STR_INIT("s"), 't', 1000},
    {STR_INIT("min"), 't', 60000},      {STR_INIT("h"), 't', 3600000},
    {STR_INIT("bytes"), 'b', 1},        {STR_INIT("kB"), 'b', 1000},
    {STR_INIT("KiB"), 'b', 1024},       {STR_INIT("MB"), 'b', 1000000},
    {STR_INIT("MiB"), 'b', 1048576},    {STR_INIT("GB"), 'b', 1000000000},
    {STR_INIT("GiB"), 'b', 1073741824},
};

static const struct unit *unit_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_eq(units[i].name, name))
            return &units[i];
    return NULL;
}

// The units that may be written instead, when what stands there is none.
static const char *kin_of(const char *unit)
{
    const struct unit *u = unit_find(str_from(unit));
    return !u               ? ""
           : u->kind == 't' ? ", or with a unit: ms, s, min, h"
                            : ", or with a unit: bytes, kB, KiB, MB, MiB, GB, GiB";
}

// value in the unit `given` to the row's unit; ERR_BAD when that unit does not belong here,
// ERR_INVAL when the result is no whole number.
static int unit_convert(const struct conf_row *row, struct str given, uint64_t *value)
{
    struct str own = str_from(row->unit);
    if (given.n == 0 || str_eq(given, own))
        return 0;
    const struct unit *from = unit_find(given), *to = unit_find(own);
    if (!from || !to || from->kind != to->kind)
        return ERR_BAD;
    if (*value > UINT64_MAX / from->factor)
        return ERR_TOOBIG;
    uint64_t v = *value * from->factor;
    if (v % to->factor)
        return ERR_INVAL;
    *value = v / to->factor;
    return 0;
}

static void fail_range(struct conf_reader *r, const struct conf_slot *s, struct str found)
{
    const struct conf_row *row = s->row;
    SLOT_FAIL(r, s, "must be from %u to %u%s%s, found %.*s", row->min,
              row->max ? row->max : UINT32_MAX, row->unit ? " " : "", row->unit ? row->unit : "",
              STR_ARG(shown(found)));
}

static void set_u32(struct conf_reader *r, const struct conf_slot *s)
{
    struct str text = text_of(s), digits = text;
    const struct conf_row *row = s->row;
    uint64_t v = 0, max = row->max ? row->max : UINT32_MAX;
    digits.n = 0;
    while (digits.n < text.n && text.p[digits.n] >= '0' && text.p[digits.n] <= '9')
        digits.n++;
    int err = str_u64(digits, &v);
    if (!err)
        err = unit_convert(row, str_trim(str_skip(text, digits.n)), &v);
    if (err == ERR_BAD && row->unit)
        SLOT_FAIL(r, s, "expected a whole number (of %s%s), found \"%.*s\"", row->unit,
                  digits.n ? kin_of(row->unit) : "", STR_ARG(shown(text)));
    else if (err == ERR_BAD)
        SLOT_FAIL(r, s, "expected a whole number, found \"%.*s\"", STR_ARG(shown(text)));
    else if (err == ERR_INVAL)
        SLOT_FAIL(r, s, "%.*s is not a whole number of %s", STR_ARG(shown(text)), row->unit);
    else if (err || v < row->min || v > max)
        fail_range(r, s, text);
    else
        *(uint32_t *)(void *)s->dst = (uint32_t)v;
}

static void set_enum(struct conf_reader *r, const struct conf_slot *s)
{
    char names[256];
    struct writer w = writer_init(names, sizeof names);
    for (int i = 0; s->row->values[i]; i++) {
        if (str_eq(text_of(s), str_from(s->row->values[i]))) {
            *(int *)(void *)s->dst = i;
            return;
        }
        writer_printf(&w, "%s%s", i ? ", " : "", s->row->values[i]);
    }
    SLOT_FAIL(r, s, "expected one of %.*s; found \"%.*s\"", STR_ARG(writer_done(&w)),
              STR_ARG(shown(text_of(s))));
}

static void set_addr(struct conf_reader *r, const struct conf_slot *s)
{
    struct str text = text_of(s);
    struct addr a = {0};
    char why[CONF_WHY_MAX];
    if (text.n == 0 && !s->row->def)
        SLOT_FAIL(r, s, "may not be empty");
    else if (text.n && addr_parse_port(text, (uint16_t)s->row->min, &a))
        SLOT_FAIL(r, s, "expected an IP address with or without a port, found \"%.*s\"%s",
                  STR_ARG(shown(text)), conf_addr_hint(text));
    else if (conf_addr_check((enum conf_use)s->row->use, &a, why))
        SLOT_FAIL(r, s, "%s", why);
    else
        *(struct addr *)(void *)s->dst = a;
}

// ---- lists ----

// Option "dns.servers[1]": people count from 1.
struct conf_slot conf_slot_entry(struct conf_reader *r, const struct conf_slot *s, size_t i, char *array, size_t size)
{
    const yaml_node_item_t *items = s->node->data.sequence.items.start;
    return (struct conf_slot){
        .row = s->row,
        .path = arena_printf(&r->conf->arena, "%.*s[%zu]", STR_ARG(s->path), i + 1),
        .node = yaml_document_get_node(r->doc, items[i]),
        .dst = array + i * size,
    };
}

size_t conf_slot_length(const struct conf_slot *s)
{
    return (size_t)(s->node->data.sequence.items.top - s->node->data.sequence.items.start);
}

static void set_values(struct conf_reader *r, const struct conf_slot *s, size_t size,
                       void (*set)(struct conf_reader *, const struct conf_slot *), void **ret_v)
{
    size_t n = conf_slot_length(s);
    char *array = arena_zalloc(&r->conf->arena, n * size + 1);
    for (size_t i = 0; array && i < n; i++) {
        struct conf_slot e = conf_slot_entry(r, s, i, array, size);
        conf_place_add(r, e.path, e.node);
        if (e.node->type != YAML_SCALAR_NODE)
            SLOT_FAIL(r, &e, "expected one value, found %s", kind_name(e.node));
        else if (e.node->data.scalar.length == 0)
            SLOT_FAIL(r, &e, "may not be empty");
        else
            set(r, &e);
    }
    *ret_v = array;
}

static void set_list(struct conf_reader *r, const struct conf_slot *s)
{
    void *v = NULL;
    size_t n = conf_slot_length(s);
    switch (s->row->type) {
    case CONF_STR_LIST:
        set_values(r, s, sizeof(struct str), set_str, &v);
        *(struct conf_strs *)(void *)s->dst = (struct conf_strs){v, n};
        break;
    case CONF_ADDR_LIST:
        set_values(r, s, sizeof(struct addr), set_addr, &v);
        *(struct conf_addrs *)(void *)s->dst = (struct conf_addrs){v, n};
        break;
    default: // a table: see conf_walk.c
        break;
    }
}

bool conf_slot_fits(struct conf_reader *r, const struct conf_slot *s)
{
    bool list = s->row->type >= CONF_STR_LIST;
    bool plain =
        s->node->type == YAML_SCALAR_NODE && s->node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (text_of(s).n == 0 || str_eq(text_of(s), STR("~"))))
        SLOT_FAIL(r, s, "has no value");
    else if (list && s->node->type == YAML_SCALAR_NODE)
        SLOT_FAIL(r, s, "expected a list, found \"%.*s\"; write [%.*s]", STR_ARG(shown(text_of(s))),
                  STR_ARG(shown(text_of(s))));
    else if (list && s->node->type == YAML_MAPPING_NODE)
        SLOT_FAIL(r, s, "expected a list, found a mapping");
    else if (!list && s->node->type != YAML_SCALAR_NODE)
        SLOT_FAIL(r, s, "expected one value, found %s", kind_name(s->node));
    else
        return true;
    return false;
}

void conf_value_set(struct conf_reader *r, const struct conf_slot *s)
{
    static void (*const scalars[])(struct conf_reader *, const struct conf_slot *) = {
        [CONF_STR] = set_str,   [CONF_BOOL] = set_bool, [CONF_U32] = set_u32,
        [CONF_ENUM] = set_enum, [CONF_ADDR] = set_addr,
    };
    if (s->row->type >= CONF_STR_LIST)
        set_list(r, s);
    else
        scalars[s->row->type](r, s);
}
