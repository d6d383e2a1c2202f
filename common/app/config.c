// SPDX-License-Identifier: Apache-2.0
// Why libyaml and not libcyaml above it: libcyaml 1.3 has neither defaults nor ranges nor units,
// stops at the first mistake, and does not say where in the file a value stood; libyaml's composed
// nodes carry their line, and a walk over rows is shorter than a translation of rows to a second
// schema.
#include "app/config.h"

#include <errno.h>
#include <stdio.h>

#include "app/config_priv.h"
#include "base/err.h"
#include "base/mem.h"

enum { FILE_MAX_BYTES = 16 << 20 };

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
