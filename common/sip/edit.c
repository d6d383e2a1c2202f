// SPDX-License-Identifier: Apache-2.0
// Recording edits.
#include "base/writer.h"
#include "sip/edit_priv.h"
#include "sip/header.h"

void sip_edits_init(struct sip_edits *e, struct arena *a, const struct sip_msg *m)
{
    *e = (struct sip_edits){.arena = a, .msg = m};
}

static struct sip_edit *edit_new(struct sip_edits *e, enum edit_kind kind)
{
    struct sip_edit *ed = arena_alloc(e->arena, sizeof *ed);
    if (!ed) {
        e->failed = true;
        return NULL;
    }
    *ed = (struct sip_edit){.kind = kind};
    return ed;
}

static void append(struct sip_edits *e, struct sip_edit *ed)
{
    if (e->last)
        e->last->next = ed;
    else
        e->first = ed;
    e->last = ed;
}

// Keeps the order of places; among edits of one place the new one comes last, or first.
static void insert(struct sip_edits *e, struct sip_edit *ed, bool first)
{
    bool behind = e->near && (e->near->at < ed->at || (!first && e->near->at == ed->at));
    struct sip_edit **at = behind ? &e->near->next : &e->first;
    e->near = ed;
    if (!first && (!e->last || e->last->at <= ed->at)) {
        append(e, ed);
        return;
    }
    while (*at && ((*at)->at < ed->at || (!first && (*at)->at == ed->at)))
        at = &(*at)->next;
    ed->next = *at;
    *at = ed;
    if (!ed->next)
        e->last = ed;
}

// A copy of src behind ed's last one; NULL when out of memory.
static struct edit_element *element_append(struct sip_edits *e, struct sip_edit *ed,
                                           struct edit_element src)
{
    struct edit_element *el = arena_alloc(e->arena, sizeof *el);
    if (!el) {
        e->failed = true;
        return NULL;
    }
    *el = src;
    el->next = NULL;
    if (ed->last)
        ed->last->next = el;
    else
        ed->elements = el;
    ed->last = el;
    return el;
}

static void elements_copy(struct sip_edits *e, struct sip_edit *ed, const struct edit_element *src)
{
    ed->elements = ed->last = NULL;
    for (; src && element_append(e, ed, *src); src = src->next) {}
}

void sip_edits_copy(struct sip_edits *e, struct arena *a, const struct sip_edits *src)
{
    sip_edits_init(e, a, src->msg);
    e->failed = src->failed;
    for (const struct sip_edit *s = src->first; s; s = s->next) {
        struct sip_edit *ed = s->dropped ? NULL : edit_new(e, s->kind);
        if (!ed)
            continue;
        *ed = *s;
        ed->next = NULL;
        elements_copy(e, ed, s->elements);
        append(e, ed);
    }
}

static struct sip_edit *text_edit(struct sip_edits *e, size_t at, size_t del, struct str value)
{
    struct sip_edit *ed = edit_new(e, EDIT_TEXT);
    if (!ed)
        return NULL;
    ed->at = at;
    ed->del = del;
    ed->value = value;
    insert(e, ed, false);
    return ed;
}

void sip_edit_uri(struct sip_edits *e, struct str uri)
{
    const struct sip_msg *m = e->msg;
    if (!m || !m->uri_text.p)
        return;
    size_t at = (size_t)(m->uri_text.p - m->bytes.p);
    for (struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->kind == EDIT_TEXT && ed->at == at)
            ed->dropped = true;
    (void)text_edit(e, at, m->uri_text.n, uri);
}

// A new line; the caller gives it its place.
static struct sip_edit *line_new(struct sip_edits *e, enum sip_hid id, struct str name,
                                 struct str value)
{
    struct sip_edit *ed = edit_new(e, EDIT_LINE);
    if (!ed)
        return NULL;
    ed->id = id;
    ed->name = name;
    ed->value = value;
    return ed;
}

void sip_edit_prepend(struct sip_edits *e, enum sip_hid id, struct str value)
{
    struct sip_edit *ed = line_new(e, id, sip_hid_name(id), value);
    if (!ed)
        return;
    const struct sip_field *f = e->msg ? sip_field_first(e->msg, id) : NULL;
    ed->at = f ? f->at : e->msg ? e->msg->headers : 0;
    insert(e, ed, true);
}

static void append_line(struct sip_edits *e, enum sip_hid id, struct str name, struct str value)
{
    struct sip_edit *ed = line_new(e, id, name, value);
    if (!ed)
        return;
    ed->at = e->msg ? e->msg->blank : 0;
    insert(e, ed, false);
}

void sip_edit_append(struct sip_edits *e, enum sip_hid id, struct str value)
{
    append_line(e, id, sip_hid_name(id), value);
}

void sip_edit_append_named(struct sip_edits *e, struct str name, struct str value)
{
    append_line(e, sip_hid_from(name), name, value);
}

struct sip_edit *sip_edit_of_field(const struct sip_edits *e, const struct sip_field *f)
{
    struct sip_edit *ed = e->near && e->near->at < f->at ? e->near : e->first;
    for (; ed && ed->at <= f->at; ed = ed->next) {
        if (ed->at < f->at)
            ((struct sip_edits *)(uintptr_t)e)->near = ed;
        else if (ed->field == f && !ed->dropped)
            return ed;
    }
    return NULL;
}

// What an edit said about the field before no longer counts.
static void claim(struct sip_edits *e, const struct sip_field *f, struct sip_edit *ed)
{
    struct sip_edit *before = sip_edit_of_field(e, f);
    if (before)
        before->dropped = true;
    ed->field = f;
    ed->at = f->at;
    ed->del = sip_field_end(f) - f->at;
}

static void remove_field(struct sip_edits *e, const struct sip_field *f)
{
    struct sip_edit *ed = edit_new(e, EDIT_TEXT);
    if (!ed)
        return;
    ed->field = f;
    ed->at = f->at;
    ed->del = sip_field_end(f) - f->at;
    insert(e, ed, false);
}

void sip_edit_remove(struct sip_edits *e, enum sip_hid id)
{
    for (struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->field ? ed->field->id == id : ed->kind == EDIT_LINE && ed->id == id)
            ed->dropped = true;
    const struct sip_field *f = e->msg ? sip_field_first(e->msg, id) : NULL;
    for (; f; f = sip_field_next(e->msg, f))
        remove_field(e, f);
}

void sip_edit_set(struct sip_edits *e, enum sip_hid id, struct str value)
{
    const struct sip_field *f = e->msg ? sip_field_first(e->msg, id) : NULL;
    sip_edit_remove(e, id);
    if (!f) {
        sip_edit_append(e, id, value);
        return;
    }
    struct sip_edit *ed = sip_edit_of_field(e, f);
    if (!ed)
        return;
    ed->kind = EDIT_LINE;
    ed->id = id;
    ed->name = sip_field_name(e->msg, f);
    ed->value = value;
}

size_t sip_field_elements(const struct sip_msg *m, const struct sip_field *f)
{
    const struct sip_header *h = sip_header((enum sip_hid)f->id);
    struct str rest = sip_field_value(m, f), element;
    size_t n = 0;
    if (h->multi != SIP_LIST)
        return 1;
    while (f->value_n && sip_element_next(m, &rest, h->separator, &element))
        n++;
    return n;
}

struct str sip_edit_element(const struct edit_element **el, size_t i, struct str received)
{
    while (*el && (*el)->i < i)
        *el = (*el)->next;
    return *el && (*el)->i == i ? (*el)->value : received;
}

// The edit of a field's elements, made when it is the first; NULL when the field is gone or the
// memory is.
static struct sip_edit *elements_edit(struct sip_edits *e, const struct sip_field *f)
{
    struct sip_edit *ed = sip_edit_of_field(e, f);
    if (ed)
        return ed->kind == EDIT_ELEMENTS ? ed : NULL;
    ed = edit_new(e, EDIT_ELEMENTS);
    if (!ed)
        return NULL;
    ed->id = (enum sip_hid)f->id;
    claim(e, f, ed);
    insert(e, ed, false);
    return ed;
}

// The received field with the i-th element of a header, *ret_i its place there; NULL: there is none.
static const struct sip_field *field_at(struct sip_edits *e, enum sip_hid id, size_t i, size_t *ret_i)
{
    bool on = e->field && e->field->id == id && i >= e->field_from;
    const struct sip_field *f = on ? e->field : e->msg ? sip_field_first(e->msg, id) : NULL;
    size_t from = on ? e->field_from : 0, n = on ? e->field_n : 0;
    while (f && !(i == from && f->value_n)) {
        if (!n)
            n = sip_field_elements(e->msg, f);
        if (i - from < n)
            break;
        from += n;
        n = 0;
        f = sip_field_next(e->msg, f);
    }
    if (!f)
        return NULL;
    e->field = f;
    e->field_from = from;
    e->field_n = n;
    *ret_i = i - from;
    return f;
}

// The element's edit, new or there already.
static struct edit_element *element_at(struct sip_edits *e, struct sip_edit *ed, size_t i)
{
    if (!ed->last || ed->last->i < i)
        return element_append(e, ed, (struct edit_element){.i = i});
    struct edit_element **at = &ed->elements;
    while ((*at)->i < i)
        at = &(*at)->next;
    if ((*at)->i == i)
        return *at;
    struct edit_element *el = arena_alloc(e->arena, sizeof *el);
    if (!el) {
        e->failed = true;
        return NULL;
    }
    *el = (struct edit_element){.next = *at, .i = i};
    *at = el;
    return el;
}

static void element_set(struct sip_edits *e, enum sip_hid id, size_t i, struct str value)
{
    const struct sip_field *f = field_at(e, id, i, &i);
    struct sip_edit *ed = f ? elements_edit(e, f) : NULL;
    struct edit_element *el = ed ? element_at(e, ed, i) : NULL;
    if (el)
        el->value = value;
}

void sip_edit_remove_at(struct sip_edits *e, enum sip_hid id, size_t i)
{
    element_set(e, id, i, STR_NONE);
}

void sip_edit_replace_at(struct sip_edits *e, enum sip_hid id, size_t i, struct str value)
{
    element_set(e, id, i, value.p ? value : str_make("", 0));
}

void sip_edit_body(struct sip_edits *e, struct str type, struct str body)
{
    for (struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->body)
            ed->dropped = true;
    size_t at = e->msg ? e->msg->blank + 2 : 2;
    struct sip_edit *ed = text_edit(e, at, e->msg ? e->msg->body.n : 0, body);
    if (ed)
        ed->body = true;
    if (type.n)
        sip_edit_set(e, SIP_H_CONTENT_TYPE, type);
    struct str length = arena_printf(e->arena, "%zu", body.n);
    if (!length.p)
        e->failed = true;
    if (e->msg)
        sip_edit_set(e, SIP_H_CONTENT_LENGTH, length);
}
