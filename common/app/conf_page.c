// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "app/config.h"
#include "base/mem.h"
#include "base/writer.h"

enum { LINE_BYTES = 4096 };

// ---- config show ----

static void put_quoted(struct writer *w, struct str s)
{
    writer_chr(w, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            writer_printf(w, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            writer_printf(w, "\\x%02x", c);
        else
            writer_chr(w, (char)c);
    }
    writer_chr(w, '"');
}

static void put_addr(struct writer *w, const struct addr *a)
{
    char buf[ADDR_TEXT_MAX];
    put_quoted(w, a->sa.sa_family ? addr_text(a, buf) : STR(""));
}

static void put_strs(struct writer *w, const struct conf_strs *l)
{
    writer_chr(w, '[');
    for (size_t i = 0; i < l->n; i++) {
        writer_str(w, i ? STR(", ") : STR(""));
        put_quoted(w, l->v[i]);
    }
    writer_chr(w, ']');
}

static void put_addrs(struct writer *w, const struct conf_addrs *l)
{
    writer_chr(w, '[');
    for (size_t i = 0; i < l->n; i++) {
        writer_str(w, i ? STR(", ") : STR(""));
        put_addr(w, &l->v[i]);
    }
    writer_chr(w, ']');
}

static void put_value(struct writer *w, const struct conf_row *row, const void *v)
{
    if (row->secret) {
        writer_lit(w, "\"(not shown)\"");
        return;
    }
    switch (row->type) {
    case CONF_STR:
        put_quoted(w, *(const struct str *)v);
        break;
    case CONF_BOOL:
        writer_str(w, *(const bool *)v ? STR("true") : STR("false"));
        break;
    case CONF_U32:
        writer_printf(w, "%u", *(const uint32_t *)v);
        if (row->unit)
            writer_printf(w, " %s", row->unit);
        break;
    case CONF_ENUM:
        put_quoted(w, str_from(row->values[*(const int *)v]));
        break;
    case CONF_ADDR:
        put_addr(w, v);
        break;
    case CONF_STR_LIST:
        put_strs(w, v);
        break;
    case CONF_ADDR_LIST:
        put_addrs(w, v);
        break;
    case CONF_TABLE:
        break;
    }
}

static void show(const struct conf_row *rows, const char *base, int indent, conf_put put,
                 void *arg);

static void show_table(const struct conf_row *row, const struct conf_table *t, int indent,
                       conf_put put, void *arg)
{
    for (size_t i = 0; i < t->n; i++) {
        char dash[32];
        int n = snprintf(dash, sizeof dash, "%*s-", indent, "");
        put(arg, str_make(dash, (size_t)n));
        show(row->sub, (const char *)t->v + i * row->sub_size, indent + 2, put, arg);
    }
}

static void show(const struct conf_row *rows, const char *base, int indent, conf_put put, void *arg)
{
    for (; rows->name; rows++) {
        char line[LINE_BYTES];
        struct writer w = writer_init(line, sizeof line);
        const void *v = base + rows->offset;
        bool table = rows->type == CONF_TABLE && ((const struct conf_table *)v)->n;
        writer_printf(&w, "%*s%s:%s", indent, "", rows->name, table ? "" : " ");
        if (rows->type == CONF_TABLE && !table)
            writer_lit(&w, "[]");
        put_value(&w, rows, v);
        put(arg, writer_done(&w));
        if (table)
            show_table(rows, v, indent + 2, put, arg);
    }
}

void conf_show(const struct conf_row *rows, const void *target, conf_put put, void *arg)
{
    show(rows, target, 0, put, arg);
}

// ---- the reference page ----

static const char *type_name(enum conf_type t)
{
    static const char *const names[] = {
        "text",    "true or false", "number",          "one of",
        "IP:port", "list of texts", "list of IP:port", "list of entries"};
    return names[t];
}

// A cell may hold no bar and no newline.
static void print_cell(const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            printf("\\|");
        else
            putchar(*s == '\n' ? ' ' : *s);
    }
}

static void print_type(const struct conf_row *r)
{
    printf("%s", type_name(r->type));
    if (r->type == CONF_U32 && r->unit)
        printf(" (%s)", r->unit);
    if (r->type == CONF_U32 && r->max)
        printf(", %u to %u", r->min, r->max);
    else if (r->type == CONF_U32 && r->min)
        printf(", from %u", r->min);
    if ((r->type == CONF_ADDR || r->type == CONF_ADDR_LIST) && r->min)
        printf(", port %u if none is given", r->min);
    if (r->type == CONF_TABLE && r->min)
        printf(", at least %u", r->min);
    for (size_t i = 0; r->type == CONF_ENUM && r->values[i]; i++)
        printf("%s`%s`", i ? ", " : " ", r->values[i]);
}

static void print_default(const struct conf_row *r)
{
    if (!r->def)
        printf("required");
    else if (r->def[0])
        printf("`%s`%s%s", r->def, r->unit ? " " : "", r->unit ? r->unit : "");
    else
        printf("empty");
}

static void print_rows(const struct conf_row *rows, const char *above)
{
    for (; rows->name; rows++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s%s", above, rows->name);
        printf("| `%s` | ", path);
        print_type(rows);
        printf(" | ");
        print_default(rows);
        printf(" | ");
        print_cell(rows->help ? rows->help : "");
        printf(" |\n");
        if (rows->type == CONF_TABLE) {
            (void)snprintf(path, sizeof path, "%s%s[].", above, rows->name);
            print_rows(rows->sub, path);
        }
    }
}

void conf_print_reference(const char *nf, const struct conf_row *rows)
{
    printf("## %s\n\n| option | value | default | meaning |\n| --- | --- | --- | --- |\n", nf);
    print_rows(rows, "");
    printf("\n");
}
