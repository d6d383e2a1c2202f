// SPDX-License-Identifier: Apache-2.0
#include "sdp/edit.h"

#include "base/err.h"
#include "base/writer.h"
#include "sdp/sdp_priv.h"

// A line that was added.
struct added {
    struct added *next;
    char type;
    bool gone;
    struct str value;
};

// What becomes of a received line, and what comes behind it.
struct sdp_change {
    bool gone, replaced;
    struct str value;
    struct added *first, *last;
};

void sdp_edits_init(struct sdp_edits *e, struct arena *a, const struct sdp *s)
{
    *e = (struct sdp_edits){.arena = a, .sdp = s};
}

// ---- lines ----

static struct sdp_change *change_of(struct sdp_edits *e, size_t line)
{
    if (!e->of)
        e->of = arena_zalloc(e->arena, e->sdp->n_rows * sizeof(struct sdp_change *));
    if (e->of && !e->of[line])
        e->of[line] = ARENA_NEW(e->arena, struct sdp_change);
    if (!e->of || !e->of[line])
        e->failed = true;
    return e->of ? e->of[line] : NULL;
}

static const struct sdp_change *change_at(const struct sdp_edits *e, size_t line)
{
    return e->of ? e->of[line] : NULL;
}

static bool is_value(struct str v)
{
    return !v.n || (!memchr(v.p, '\n', v.n) && !memchr(v.p, '\r', v.n) && !memchr(v.p, 0, v.n));
}

// Takes a value into account; false: it cannot stand in a line.
static bool admit(struct sdp_edits *e, struct str value)
{
    e->failed = e->failed || !is_value(value);
    e->room += value.n + 6; // x=, and two line ends at most
    return !e->failed;
}

void sdp_edit_value(struct sdp_edits *e, size_t line, struct str value)
{
    struct sdp_change *c = admit(e, value) ? change_of(e, line) : NULL;
    if (!c)
        return;
    c->replaced = true;
    c->gone = false;
    c->value = value;
}

void sdp_edit_insert(struct sdp_edits *e, size_t line, char type, struct str value)
{
    struct sdp_change *c = admit(e, value) ? change_of(e, line) : NULL;
    struct added *n = c ? ARENA_NEW(e->arena, struct added) : NULL;
    if (!n) {
        e->failed = true;
        return;
    }
    *n = (struct added){.type = type, .value = value};
    if (c->last)
        c->last->next = n;
    else
        c->first = n;
    c->last = n;
}

void sdp_edit_remove(struct sdp_edits *e, size_t line)
{
    struct sdp_change *c = change_of(e, line);
    if (c)
        c->gone = true;
}

void sdp_edit_remove_media(struct sdp_edits *e, size_t media)
{
    const struct sdp_part *p = sdp_part(e->sdp, media);
    for (size_t i = p->first; i < p->end; i++) {
        struct sdp_change *c = change_of(e, i);
        if (!c)
            return;
        c->gone = true;
        c->first = c->last = NULL;
    }
}

// ---- what the edits leave ----

// A line as the edits leave it: a received one, or one that was added behind it.
struct place {
    size_t line;
    struct added *added; // NULL: the received one
};

static bool is_gone(const struct sdp_edits *e, const struct place *p)
{
    const struct sdp_change *c = change_at(e, p->line);
    return p->added ? p->added->gone : c && c->gone;
}

static struct sdp_line line_of(const struct sdp_edits *e, const struct place *p)
{
    const struct sdp_change *c = change_at(e, p->line);
    if (p->added)
        return (struct sdp_line){p->added->type, p->added->value};
    struct sdp_line l = sdp_line_at(e->sdp, p->line);
    if (c && c->replaced)
        l.value = c->value;
    return l;
}

// The next line in a section that is left; p->line SIZE_MAX: begin.
static bool next_place(const struct sdp_edits *e, const struct sdp_part *part, struct place *p)
{
    do {
        const struct sdp_change *c = p->line == SIZE_MAX ? NULL : change_at(e, p->line);
        struct added *behind = p->added ? p->added->next : c ? c->first : NULL;
        if (behind)
            *p = (struct place){p->line, behind};
        else
            *p = (struct place){p->line == SIZE_MAX ? part->first : p->line + 1, NULL};
        if (p->line >= part->end)
            return false;
    } while (is_gone(e, p));
    return true;
}

static void set_place(struct sdp_edits *e, const struct place *p, struct str value)
{
    if (!p->added)
        sdp_edit_value(e, p->line, value);
    else if (admit(e, value))
        p->added->value = value;
}

static void remove_place(struct sdp_edits *e, const struct place *p)
{
    if (p->added)
        p->added->gone = true;
    else
        sdp_edit_remove(e, p->line);
}

// ---- lines by what they say ----

// Does a line belong to what is edited?
typedef bool (*match_fn)(struct sdp_line l, struct str name);

// The first line that fits gets the value, the others go; false: none fits.
static bool replace(struct sdp_edits *e, size_t media, match_fn match, struct str name,
                    struct str value)
{
    struct place p = {.line = SIZE_MAX};
    bool done = false;
    while (!e->failed && next_place(e, sdp_part(e->sdp, media), &p)) {
        if (!match(line_of(e, &p), name))
            continue;
        if (value.p && !done)
            set_place(e, &p, value);
        else
            remove_place(e, &p);
        done = true;
    }
    return done;
}

// Behind the last line of the section whose type stands in types: RFC 8866 5 orders them.
static void insert(struct sdp_edits *e, size_t media, const char *types, char type,
                   struct str value)
{
    const struct sdp_part *part = sdp_part(e->sdp, media);
    size_t at = part->first;
    for (size_t i = part->first; i < part->end; i++)
        if (e->sdp->rows[i].type && strchr(types, e->sdp->rows[i].type))
            at = i;
    if (part->first < part->end)
        sdp_edit_insert(e, at, type, value);
}

static bool is_attr(struct sdp_line l, struct str name)
{
    return l.type == 'a' && str_eq(str_split(&l.value, ':'), name);
}

static bool is_direction(struct sdp_line l, struct str name)
{
    enum sdp_direction d;
    (void)name;
    return l.type == 'a' && sdp_direction_parse(l.value, &d) == 0;
}

static bool is_connection(struct sdp_line l, struct str name)
{
    (void)name;
    return l.type == 'c';
}

static void set(struct sdp_edits *e, size_t media, match_fn match, struct str name,
                struct str value)
{
    if (!value.p)
        e->failed = true;
    else if (!replace(e, media, match, name, value))
        insert(e, media, "vosiuepcbtrzkam", 'a', value);
}

void sdp_edit_attr(struct sdp_edits *e, size_t media, struct str name, struct str value)
{
    set(e, media, is_attr, name, value.p ? ARENA_CAT(e->arena, name, STR(":"), value) : name);
}

void sdp_edit_remove_attr(struct sdp_edits *e, size_t media, struct str name)
{
    (void)replace(e, media, is_attr, name, STR_NONE);
}

void sdp_edit_direction(struct sdp_edits *e, size_t media, enum sdp_direction direction)
{
    set(e, media, is_direction, STR_NONE, sdp_direction_name(direction));
}

void sdp_edit_address(struct sdp_edits *e, size_t media, struct str address)
{
    struct str family = str_chr(address, ':') >= 0 ? STR("IN IP6 ") : STR("IN IP4 ");
    struct str value = ARENA_CAT(e->arena, family, address);
    if (!value.p)
        e->failed = true;
    else if (!replace(e, media, is_connection, STR_NONE, value))
        insert(e, media, media == SDP_SESSION ? "vosiuep" : "mi", 'c', value);
}

// The value with its i-th word from the blank in front of it on up to the end that stop says
// replaced.
static struct str with_word(struct sdp_edits *e, struct str value, size_t i, char stop,
                            struct str word)
{
    struct str rest = value;
    for (; i; i--)
        (void)sdp_word(&rest);
    while (rest.n && *rest.p == ' ')
        rest = str_skip(rest, 1);
    struct str before = str_head(value, value.n - rest.n), after = rest;
    while (after.n && *after.p != ' ' && *after.p != stop)
        after = str_skip(after, 1);
    struct str all = ARENA_CAT(e->arena, before, word, after);
    e->failed = e->failed || !all.p;
    return all;
}

static void edit_word(struct sdp_edits *e, size_t line, size_t i, char stop, struct str word)
{
    struct place p = {.line = line};
    struct str value = with_word(e, line_of(e, &p).value, i, stop, word);
    if (value.p)
        sdp_edit_value(e, line, value);
}

void sdp_edit_port(struct sdp_edits *e, size_t media, uint16_t port)
{
    edit_word(e, sdp_part(e->sdp, media)->first, 1, '/', arena_printf(e->arena, "%u", port));
}

void sdp_edit_version(struct sdp_edits *e, uint64_t version)
{
    const struct sdp_part *p = sdp_part(e->sdp, SDP_SESSION);
    for (size_t i = p->first; i < p->end; i++) {
        if (e->sdp->rows[i].type != 'o')
            continue;
        edit_word(e, i, 2, ' ', arena_printf(e->arena, "%llu", (unsigned long long)version));
        return;
    }
}

// ---- writing ----

// As the first line ends; a description of one line without an end has RFC 8866's.
static struct str line_end(const struct sdp *s)
{
    const struct sdp_row *r = &s->rows[0];
    size_t end = r->at + r->n;
    return end < s->text.n && s->text.p[end] == '\n' ? STR("\n") : STR("\r\n");
}

static void write_line(struct writer *w, struct sdp_line l)
{
    if (l.type) {
        writer_chr(w, l.type);
        writer_chr(w, '=');
    }
    writer_str(w, l.value);
}

// What follows the line in the received text: its end, nothing behind a last line without one.
static struct str end_of(const struct sdp *s, size_t i)
{
    size_t from = s->rows[i].at + s->rows[i].n;
    size_t to = i + 1 < s->n_rows ? s->rows[i + 1].at : s->text.n;
    return str_make(s->text.p + from, to - from);
}

static bool adds(const struct sdp_change *c)
{
    for (const struct added *n = c->first; n; n = n->next)
        if (!n->gone)
            return true;
    return false;
}

static void write_changed(const struct sdp_edits *e, struct writer *w, size_t i)
{
    const struct sdp_change *c = e->of[i];
    struct place p = {.line = i};
    struct str end = end_of(e->sdp, i);
    if (adds(c) && !str_ends(end, STR("\n"))) // the last line of all
        end = line_end(e->sdp);
    if (!c->gone) {
        write_line(w, line_of(e, &p));
        writer_str(w, end);
    }
    for (const struct added *n = c->first; n; n = n->next) {
        if (n->gone)
            continue;
        write_line(w, (struct sdp_line){n->type, n->value});
        writer_str(w, line_end(e->sdp));
    }
}

int sdp_write(const struct sdp *s, const struct sdp_edits *e, struct writer *w)
{
    size_t from = 0; // bytes up to here are written
    if (e && e->failed)
        return ERR_NOMEM;
    for (size_t i = 0; e && e->of && i < s->n_rows; i++) {
        if (!e->of[i])
            continue;
        writer_str(w, str_make(s->text.p + from, s->rows[i].at - from));
        write_changed(e, w, i);
        from = i + 1 < s->n_rows ? s->rows[i + 1].at : s->text.n;
    }
    writer_str(w, str_skip(s->text, from));
    return w->failed ? ERR_TOOBIG : 0;
}

struct str sdp_edits_text(const struct sdp_edits *e)
{
    size_t cap = e->sdp->text.n + e->room;
    char *p = arena_alloc(e->arena, cap);
    struct writer w = writer_init(p, p ? cap : 0);
    return sdp_write(e->sdp, e, &w) ? STR_NONE : writer_done(&w);
}
