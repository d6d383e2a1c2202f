// SPDX-License-Identifier: Apache-2.0
// Subscribers and service profiles as the YAML that import_yaml.c reads.
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/provision.h"

void hss_text_done(struct hss_text *t)
{
    mem_free(t->p);
    *t = (struct hss_text){0};
}

static void put(struct hss_text *t, struct str s)
{
    if (t->failed)
        return;
    if (t->cap - t->n < s.n) {
        size_t cap = 2 * (t->n + s.n) + 4096;
        char *p = mem_realloc(t->p, cap);
        t->failed = !p;
        if (!p)
            return;
        t->p = p;
        t->cap = cap;
    }
    if (s.n)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

// A double-quoted scalar.
static void put_quoted(struct hss_text *t, struct str s)
{
    put(t, STR("\""));
    for (size_t i = 0, from = 0; i <= s.n; i++) {
        unsigned char c = i < s.n ? (unsigned char)s.p[i] : 0;
        if (i < s.n && c >= ' ' && c != 0x7f && c != '"' && c != '\\')
            continue;
        char escape[8];
        put(t, str_make(s.p + from, i - from));
        from = i + 1;
        if (i == s.n)
            break;
        (void)snprintf(escape, sizeof escape, c == '"' || c == '\\' ? "\\%c" : "\\x%02x", c);
        put(t, str_from(escape));
    }
    put(t, STR("\""));
}

static int profile_row(void *arg, const struct store_value *c, size_t n)
{
    struct hss_text *t = arg;
    if (str_eq(c[0].s, STR("default")) && !c[1].s.n)
        return 0;
    put(t, STR("  - name: "));
    put_quoted(t, c[0].s);
    put(t, STR("\n    xml: "));
    size_t at = t->n;
    put_quoted(t, c[1].s);
    if (!c[1].s.n && !t->failed) {
        t->n = at;
        put(t, STR("<ServiceProfile/>"));
    }
    put(t, STR("\n"));
    return t->failed ? ERR_NOMEM : 0;
}

static void put_draft(struct hss_text *t, const struct hss_draft *d, bool mixed)
{
    const char *lead = "  - ";
    if (mixed)
        put(t, STR("  # the next one's implicit sets have service profiles or display names of their own,\n"
                   "  # of which this file has the first\n"));
    for (size_t i = 0; i < F_COUNT; i++) {
        if (!d->v[i].p)
            continue;
        put(t, str_from(lead));
        put(t, str_from(hss_fields[i].name));
        put(t, STR(": "));
        put_quoted(t, d->v[i]);
        put(t, STR("\n"));
        lead = "    ";
    }
}

struct names {
    struct arena arena;
    struct str *v;
    size_t n, max;
};

static int name_row(void *arg, const struct store_value *c, size_t n)
{
    struct names *names = arg;
    names->v[names->n++] = arena_dup(&names->arena, c[0].s);
    return names->arena.failed ? ERR_NOMEM : 0;
}

static int put_subscribers(struct hss_op *op, const struct names *names, struct hss_text *out)
{
    int err = 0;
    for (size_t i = 0; !err && i < names->n; i++) {
        struct hss_draft d;
        bool mixed;
        err = hss_draft_load(op, names->v[i], &d, &mixed);
        if (!err)
            put_draft(out, &d, mixed);
        arena_done(&op->arena); // one subscriber's texts at a time
        arena_init(&op->arena, op->memory, sizeof(op->memory));
    }
    return err;
}

int hss_export(struct hss_op *op, struct str after, size_t max, struct hss_text *out, size_t *ret_n,
               char ret_last[256])
{
    struct names names = {.max = max};
    arena_init(&names.arena, NULL, 0);
    names.v = arena_alloc(&names.arena, max * sizeof *names.v);
    int err = names.v ? 0 : ERR_NOMEM;
    if (!err && !after.n) {
        put(out, STR("profiles:\n"));
        size_t none = out->n;
        err = store_run(op->ctx->store, SQL_PROFILE_TEXTS, NULL, 0, profile_row, out);
        if (out->n == none)
            out->n = 0;
    }
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_EXPORT, name_row, &names, SV_TEXT(after), SV_INT((int64_t)max));
    put(out, names.n ? STR("subscribers:\n") : STR("subscribers: []\n"));
    if (!err)
        err = put_subscribers(op, &names, out);
    ret_last[0] = 0;
    if (!err && names.n == max)
        (void)snprintf(ret_last, 256, "%.*s", STR_ARG(names.v[max - 1]));
    *ret_n = names.n;
    arena_done(&names.arena);
    return !err && out->failed ? ERR_NOMEM : err;
}
