// SPDX-License-Identifier: Apache-2.0
// YAML: `subscribers`, a list of mappings of fields; before it `defaults`, fields for those that do
// not give them, and `profiles`, a list of name and xml. Values are scalars or lists of scalars.
#include <yaml.h>

#include "base/err.h"
#include "hss/provision.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool have_event;
    struct hss_op *op;
    bool replace;
    size_t count;
    struct arena kept;   // texts of the defaults
    struct arena *arena; // where texts go
    struct hss_draft defaults;
    struct hss_problem *p;
};

static unsigned line_of(const struct reader *r)
{
    return (unsigned)r->event.start_mark.line + 1;
}

static int next(struct reader *r)
{
    if (r->have_event)
        yaml_event_delete(&r->event);
    r->have_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    if (!r->have_event)
        return hss_problem(r->p, (unsigned)r->parser.problem_mark.line + 1, ERR_BAD, "%s",
                           r->parser.problem ? r->parser.problem : "not YAML");
    if (r->event.type == YAML_ALIAS_EVENT)
        return hss_problem(r->p, line_of(r), ERR_BAD, "aliases are not supported");
    return 0;
}

static int expect(struct reader *r, yaml_event_type_t type, const char *what)
{
    if (r->event.type == type)
        return 0;
    return hss_problem(r->p, line_of(r), ERR_BAD, "expected %s", what);
}

static struct str scalar(const struct reader *r)
{
    return arena_dup(
        r->arena, str_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length));
}

// One more value of a list, after a blank. buf has HSS_LIST_MAX bytes.
static int join(struct reader *r, char *buf, size_t *n)
{
    struct str s = str_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
    size_t blank = *n > 0;
    if (s.n + blank > HSS_LIST_MAX - *n)
        return hss_problem(r->p, line_of(r), ERR_TOOBIG, "a list is longer than %d bytes",
                           HSS_LIST_MAX);
    if (blank)
        buf[(*n)++] = ' ';
    if (s.n)
        memcpy(buf + *n, s.p, s.n);
    *n += s.n;
    return 0;
}

// A scalar, or a list joined with blanks. The event after it is not read.
static int read_value(struct reader *r, struct str *ret_s)
{
    char all[HSS_LIST_MAX];
    size_t n = 0;
    if (r->event.type == YAML_SCALAR_EVENT) {
        *ret_s = scalar(r);
        return 0;
    }
    int err = expect(r, YAML_SEQUENCE_START_EVENT, "a value or a list of values");
    for (;;) {
        if (!err)
            err = next(r);
        if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        err = expect(r, YAML_SCALAR_EVENT, "a value");
        if (!err)
            err = join(r, all, &n);
    }
    if (!err)
        *ret_s = arena_dup(r->arena, str_make(all, n));
    return err;
}

// key and value of a mapping's next entry; ret_key->p NULL at its end.
static int read_entry(struct reader *r, struct str *ret_key, struct str *ret_value)
{
    int err = next(r);
    *ret_key = STR_NONE;
    if (err || r->event.type == YAML_MAPPING_END_EVENT)
        return err;
    err = expect(r, YAML_SCALAR_EVENT, "the name of a field");
    if (err)
        return err;
    *ret_key = scalar(r);
    err = next(r);
    return err ? err : read_value(r, ret_value);
}

// A problem in a field is at the field's line; what concerns the whole is at the subscriber's.
static int read_draft(struct reader *r, struct hss_draft *d)
{
    int err = expect(r, YAML_MAPPING_START_EVENT, "a mapping of fields");
    unsigned first = line_of(r);
    for (;;) {
        struct str key, value;
        if (!err)
            err = read_entry(r, &key, &value);
        if (err || !key.p)
            break;
        d->line = line_of(r);
        err = hss_draft_put(d, key, value, r->p);
    }
    d->line = first;
    return err;
}

static int read_subscriber(struct reader *r)
{
    struct hss_draft d = {0};
    int err = read_draft(r, &d);
    for (size_t i = 0; i < F_COUNT; i++)
        if (!d.v[i].p)
            d.v[i] = r->defaults.v[i];
    bool digest = d.v[F_PASSWORD].n > 0 || d.v[F_SEALED].n > 0; // a default OP is for the others
    if (digest && !err)
        d.v[F_OP] = d.v[F_OPC] = STR_NONE;
    if (!err)
        err = hss_subscriber_add(r->op, &d, r->replace, r->p);
    r->count += !err;
    arena_done(&r->op->arena); // one subscriber's texts at a time
    arena_init(&r->op->arena, r->op->memory, sizeof(r->op->memory));
    return err;
}

static int read_profile(struct reader *r)
{
    struct str name = STR_NONE, xml = STR_NONE;
    unsigned line = line_of(r);
    int err = expect(r, YAML_MAPPING_START_EVENT, "a mapping of name and xml");
    for (;;) {
        struct str key, value;
        if (!err)
            err = read_entry(r, &key, &value);
        if (err || !key.p)
            break;
        if (str_eq(key, STR("name")))
            name = value;
        else if (str_eq(key, STR("xml")))
            xml = value;
        else
            err = hss_problem(r->p, line_of(r), ERR_BAD, "unknown field \"%.*s\"", STR_ARG(key));
    }
    if (!err)
        err = hss_profile_put(r->op, name, xml, line, r->p);
    arena_done(&r->op->arena); // one profile's texts at a time
    arena_init(&r->op->arena, r->op->memory, sizeof(r->op->memory));
    return err;
}

static int read_list(struct reader *r, int (*one)(struct reader *r))
{
    int err = expect(r, YAML_SEQUENCE_START_EVENT, "a list");
    for (;;) {
        if (!err)
            err = next(r);
        if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
            return err;
        err = one(r);
    }
}

static int read_defaults(struct reader *r)
{
    r->arena = &r->kept;
    int err = read_draft(r, &r->defaults);
    r->arena = &r->op->arena;
    return err;
}

static int read_section(struct reader *r)
{
    int err = expect(r, YAML_SCALAR_EVENT, "subscribers, defaults or profiles");
    if (err)
        return err;
    struct str name = scalar(r);
    unsigned line = line_of(r);
    err = next(r);
    if (err)
        return err;
    if (str_eq(name, STR("subscribers")))
        return read_list(r, read_subscriber);
    if (str_eq(name, STR("profiles")))
        return read_list(r, read_profile);
    if (str_eq(name, STR("defaults")))
        return read_defaults(r);
    return hss_problem(r->p, line, ERR_BAD, "unknown section \"%.*s\"", STR_ARG(name));
}

static int read_document(struct reader *r)
{
    int err = next(r); // stream start
    if (!err)
        err = next(r);
    if (err || r->event.type == YAML_STREAM_END_EVENT)
        return err;
    err = next(r);
    if (!err)
        err = expect(r, YAML_MAPPING_START_EVENT, "a mapping with subscribers");
    for (;;) {
        if (!err)
            err = next(r);
        if (err || r->event.type == YAML_MAPPING_END_EVENT)
            return err;
        err = read_section(r);
    }
}

// libyaml compares each %TAG with all before it; nobody needs one here.
static int check_directives(struct str text, struct hss_problem *p)
{
    for (unsigned line = 1; text.p; line++)
        if (str_starts(str_split(&text, '\n'), STR("%")))
            return hss_problem(p, line, ERR_BAD, "directives are not supported");
    return 0;
}

int hss_import_yaml(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p)
{
    int err = check_directives(text, p);
    if (err)
        return err;
    struct reader r = {.op = op, .replace = replace, .arena = &op->arena, .p = p};
    if (!yaml_parser_initialize(&r.parser))
        return ERR_NOMEM;
    arena_init(&r.kept, NULL, 0);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    err = read_document(&r);
    if (r.have_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    arena_done(&r.kept);
    *ret_n = r.count;
    return err;
}
