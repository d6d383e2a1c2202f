// SPDX-License-Identifier: Apache-2.0
#include "xml/forms.h"

#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum { NO_BLANK = UINT16_MAX, TEXTS = 4, PROBE_MAX = 48 };

struct form {
    struct list by_use;
    struct profile *model; // read with probes; its service parts are held by who has this form
    size_t n_blanks, n_texts;
    struct str text;   // what stands between the blanks, a NUL behind each piece
    uint16_t source[]; // of each text of the model: the blank that it comes from, or NO_BLANK
};

struct probe {
    char text[PROBE_MAX];
};

static struct probe probe_of(size_t blank)
{
    struct probe p;
    (void)snprintf(p.text, sizeof p.text, "sip:%zu@probe.invalid", blank);
    return p;
}

// ---- cutting ----

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&';
}

// Length of the start tag of an element that holds a name; 0: it is another one.
static size_t name_tag(struct str s)
{
    static const struct str tags[] = {STR_INIT("<Identity>"), STR_INIT("<PrivateID>"), STR_INIT("<DisplayName>"),
                                      STR_INIT("<AliasIdentityGroupID>")};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (s.p[1] == tags[i].p[1] && str_starts(s, tags[i]))
            return tags[i].n;
    return 0;
}

// A whole text without blanks at its ends, which the parser would take off.
static bool take_blank(struct form_cuts *c, struct str s)
{
    size_t n = 0;
    while (n < s.n && is_plain(s.p[n]))
        n++;
    bool whole = n && n + 1 < s.n && s.p[n] == '<' && s.p[n + 1] == '/';
    if (!whole || s.p[0] == ' ' || s.p[n - 1] == ' ' || c->n == FORM_BLANKS_MAX)
        return false;
    c->blank[c->n++] = str_head(s, n);
    return true;
}

// Comments, CDATA and processing instructions might hide what looks like a name.
static bool may_hide(const struct form_cuts *c, const char *tag)
{
    return tag[1] == '!' || (tag[1] == '?' && tag != c->all.p);
}

bool form_cut(struct str xml, struct form_cuts *ret_cuts)
{
    struct form_cuts *c = ret_cuts;
    c->all = xml;
    c->n = 0;
    if (xml.n > FORM_TEXT_MAX)
        return false;
    struct str rest = xml;
    for (ptrdiff_t at; (at = str_chr(rest, '<')) >= 0;) {
        rest = str_skip(rest, (size_t)at);
        if (rest.n < 2 || may_hide(c, rest.p))
            return false;
        size_t tag = name_tag(rest);
        rest = str_skip(rest, tag ? tag : 1);
        if (tag && !take_blank(c, rest))
            return false;
    }
    return c->n > 0;
}

// The piece before blank i, or behind the last one.
static struct str piece(const struct form_cuts *c, size_t i)
{
    const char *from = i ? c->blank[i - 1].p + c->blank[i - 1].n : c->all.p;
    const char *to = i < c->n ? c->blank[i].p : c->all.p + c->all.n;
    return str_make(from, (size_t)(to - from));
}

// ---- filling ----

static size_t n_texts(const struct profile *p)
{
    return 1 + TEXTS * (size_t)p->n_identities;
}

// The texts of a profile in their order in memory.
static struct span *text_at(struct profile *p, size_t k)
{
    if (!k)
        return &p->impi;
    struct identity_slot *s = &profile_slots(p)[(k - 1) / TEXTS];
    struct span *const of[TEXTS] = {&s->uri, &s->wildcard, &s->display_name, &s->alias_group};
    return of[(k - 1) % TEXTS];
}

static bool is_uri(size_t k)
{
    return k % TEXTS == 1;
}

static struct str text_of(struct profile *p, size_t k)
{
    struct span s = *text_at(p, k);
    return str_make(profile_text(p) + s.at, s.n);
}

static struct str source_of(const struct form *f, const struct form_cuts *c, size_t k)
{
    return f->source[k] == NO_BLANK ? text_of(f->model, k) : c->blank[f->source[k]];
}

static bool has_form(const struct form_cuts *c, const struct form *f)
{
    struct str left = f->text;
    if (f->n_blanks != c->n)
        return false;
    for (size_t i = 0; i <= c->n; i++) {
        struct str s = piece(c, i);
        if (left.n <= s.n || left.p[s.n] || !str_eq(str_head(left, s.n), s))
            return false;
        left = str_skip(left, s.n + 1);
    }
    return left.n == 0;
}

static struct profile *fill(const struct form *f, const struct form_cuts *c)
{
    size_t n = 0, used = 0, head = (size_t)(profile_text(f->model) - (char *)f->model);
    for (size_t k = 0; k < f->n_texts; k++) {
        struct str s = source_of(f, c, k);
        n += s.n;
        if (is_uri(k) && !profile_is_identity(s))
            return NULL;
    }
    struct profile *p = n <= UINT16_MAX ? mem_alloc(head + n) : NULL;
    if (!p)
        return NULL;
    memcpy(p, f->model, head);
    for (size_t k = 0; k < f->n_texts; k++) {
        struct str s = source_of(f, c, k);
        *text_at(p, k) = (struct span){(uint16_t)used, (uint16_t)s.n};
        if (s.n)
            memcpy(profile_text(p) + used, s.p, s.n);
        used += s.n;
    }
    for (size_t i = 0; i < p->n_services; i++)
        p->services[i]->refs++;
    return p;
}

struct profile *forms_fill(struct forms *all, const struct form_cuts *c)
{
    for (struct list *it = all->by_use.prev; it != &all->by_use; it = it->prev) {
        struct form *f = LIST_ENTRY(it, struct form, by_use);
        if (!has_form(c, f))
            continue;
        struct profile *p = fill(f, c);
        all->filled += p != NULL;
        list_del(&f->by_use);
        list_add(&all->by_use, &f->by_use);
        return p;
    }
    return NULL;
}

// ---- learning ----

bool forms_is_due(struct forms *all, const struct form_cuts *c)
{
    uint64_t h = hash_bytes("", 0);
    const uint64_t secret = h;
    for (size_t i = 0; i <= c->n; i++)
        h = hash_mix(secret, h, piece(c, i));
    uint64_t *sight = &all->sights[h % FORM_SIGHTS];
    bool again = *sight == h;
    *sight = h;
    return again;
}

struct str form_probes(struct arena *a, const struct form_cuts *c)
{
    struct arena_buf b = arena_buf_init(a);
    for (size_t i = 0; i <= c->n; i++) {
        arena_buf_add(&b, piece(c, i));
        if (i < c->n)
            arena_buf_add(&b, str_from(probe_of(i).text));
    }
    return arena_buf_done(&b);
}

static uint16_t blank_with(size_t n_blanks, struct str text)
{
    for (size_t i = 0; i < n_blanks; i++)
        if (str_eq(text, str_from(probe_of(i).text)))
            return (uint16_t)i;
    return NO_BLANK;
}

// Every blank must be one of the profile's texts, and nothing else.
static bool find_sources(struct form *f, const struct form_cuts *c, struct profile *as_it_is)
{
    bool used[FORM_BLANKS_MAX] = {false};
    for (size_t k = 0; k < f->n_texts; k++) {
        f->source[k] = blank_with(f->n_blanks, text_of(f->model, k));
        if (f->source[k] != NO_BLANK)
            used[f->source[k]] = true;
        if (!str_eq(source_of(f, c, k), text_of(as_it_is, k)))
            return false;
    }
    for (size_t i = 0; i < f->n_blanks; i++)
        if (!used[i])
            return false;
    return true;
}

// With other names the same service parts, identity by identity.
static bool are_alike(const struct profile *a, const struct profile *b)
{
    if (a->n_services != b->n_services || a->n_identities != b->n_identities ||
        memcmp(a->services, b->services, a->n_services * sizeof *a->services) != 0)
        return false;
    for (size_t i = 0; i < a->n_identities; i++) {
        const struct identity_slot *x = &profile_slots(a)[i], *y = &profile_slots(b)[i];
        if (x->barred != y->barred || x->type != y->type || x->service != y->service)
            return false;
    }
    return true;
}

static void form_free(struct forms *all, struct form *f)
{
    list_del(&f->by_use);
    all->n--;
    mem_free(f->model);
    mem_free(f);
}

static struct form *form_new(const struct form_cuts *c, struct profile *model)
{
    size_t size = c->n + 1;
    for (size_t i = 0; i <= c->n; i++)
        size += piece(c, i).n;
    struct form *f = mem_alloc(sizeof *f + n_texts(model) * sizeof *f->source + size);
    if (!f)
        return NULL;
    *f = (struct form){.model = model, .n_blanks = c->n, .n_texts = n_texts(model)};
    char *text = (char *)&f->source[f->n_texts], *to = text;
    for (size_t i = 0; i <= c->n; i++) {
        struct str s = piece(c, i);
        memcpy(to, s.p, s.n);
        to += s.n;
        *to++ = 0;
    }
    f->text = str_make(text, size);
    return f;
}

int forms_add(struct forms *all, const struct form_cuts *c, struct profile *model, const struct profile *as_it_is)
{
    if (!are_alike(model, as_it_is))
        return ERR_BAD;
    struct form *f = form_new(c, model);
    if (!f)
        return ERR_NOMEM;
    if (!find_sources(f, c, (struct profile *)(uintptr_t)as_it_is)) {
        mem_free(f);
        return ERR_BAD;
    }
    if (all->n == FORMS_MAX)
        form_free(all, LIST_ENTRY(all->by_use.next, struct form, by_use));
    list_add(&all->by_use, &f->by_use);
    all->n++;
    return 0;
}

static bool has_part(const struct profile *p, const struct service_entry *e)
{
    for (size_t i = 0; i < p->n_services; i++)
        if (p->services[i] == e)
            return true;
    return false;
}

void forms_forget(struct forms *all, const struct service_entry *e)
{
    LIST_EACH(&all->by_use, it) {
        struct form *f = LIST_ENTRY(it, struct form, by_use);
        if (has_part(f->model, e))
            form_free(all, f);
    }
}

void forms_init(struct forms *all)
{
    list_init(&all->by_use);
}

void forms_done(struct forms *all)
{
    LIST_EACH(&all->by_use, it)
        form_free(all, LIST_ENTRY(it, struct form, by_use));
}
