// SPDX-License-Identifier: Apache-2.0
#include "xml/profile_record.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pack.h"
#include "xml/profile_priv.h"

// A byte of a document is up to six in what is written of it: a quotation mark, or a character beyond ASCII.
enum { PREFIXES_MAX = 24, PART_MAX = 6 * PROFILE_XML_MAX, SPAN_BYTES = 4, SLOT_BYTES = 4 * SPAN_BYTES + 3 };

// ---- parts ----

size_t profile_part_count(const struct profile *p)
{
    return p->n_services;
}

struct service_entry *profile_part_at(const struct profile *p, size_t i)
{
    return p->services[i];
}

struct str profile_part_text(const struct service_entry *part)
{
    return part->key;
}

struct service_entry *profile_part_hold(struct service_entry *part)
{
    part->refs++;
    return part;
}

void profile_part_drop(struct profile_store *s, struct service_entry *part)
{
    if (part)
        profile_entry_unref(s, part);
}

bool profile_part_is_alone(const struct service_entry *part)
{
    return part->refs == 1;
}

static bool ends_name(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' || c == '>' || c == '<';
}

// The prefix of the element whose name begins here; empty: it has none, or this is no element.
static struct str prefix_at(struct str s)
{
    if (str_starts(s, STR("!")) || str_starts(s, STR("?")))
        return STR_NONE;
    for (size_t i = 0; i < s.n && !ends_name(s.p[i]); i++)
        if (s.p[i] == ':')
            return str_head(s, i);
    return STR_NONE;
}

// Elements are compared by local name, whatever their prefix stands for; but it has to stand for something, and what
// the document said of it was said outside of the part. ERR_TOOBIG: there are more than a document may declare.
static int prefixes_of(struct str text, struct str found[PREFIXES_MAX], size_t *ret_n)
{
    size_t n = 0;
    for (ptrdiff_t at; (at = str_chr(text, '<')) >= 0;) {
        text = str_skip(text, (size_t)at + 1);
        struct str prefix = prefix_at(text);
        size_t i = 0;
        while (i < n && !str_eq(found[i], prefix))
            i++;
        if (!prefix.n || i < n)
            continue;
        if (n == PREFIXES_MAX)
            return ERR_TOOBIG;
        found[n++] = prefix;
    }
    *ret_n = n;
    return 0;
}

static int document_of(struct arena *a, struct str text, struct str *ret_all)
{
    struct str prefixes[PREFIXES_MAX];
    size_t n;
    int err = prefixes_of(text, prefixes, &n);
    if (err)
        return err;
    struct arena_buf b = arena_buf_init(a);
    arena_buf_add(&b, STR("<ServiceProfile"));
    for (size_t i = 0; i < n; i++)
        arena_buf_printf(&b, " xmlns:%.*s=\"urn:x\"", STR_ARG(prefixes[i]));
    arena_buf_add(&b, STR(">"));
    arena_buf_add(&b, text);
    arena_buf_add(&b, STR("</ServiceProfile>"));
    *ret_all = arena_buf_done(&b);
    return ret_all->p ? 0 : ERR_NOMEM;
}

static int load_part(struct str text, xmlDoc **ret_doc, struct xml_error *ret_err)
{
    struct arena a;
    struct str all;
    *ret_err = (struct xml_error){.what = "prefixes"};
    arena_init(&a, NULL, 0);
    int err = document_of(&a, text, &all);
    if (!err)
        err = xml_load(all, PART_MAX, "ServiceProfile", ret_doc, ret_err);
    arena_done(&a);
    return err;
}

static int parse_part(struct profile_store *s, struct str text, struct service_entry **ret_part,
                      struct xml_error *ret_err)
{
    xmlDoc *doc;
    int err = load_part(text, &doc, ret_err);
    if (err)
        return err;
    err = profile_entry_new(s, xmlDocGetRootElement(doc), text, ret_part, ret_err);
    xmlFreeDoc(doc);
    return err;
}

int profile_part_check(const struct service_entry *part, struct xml_error *ret_err)
{
    struct service_entry again = {0};
    xmlDoc *doc;
    int err = load_part(part->key, &doc, ret_err);
    if (err)
        return err;
    arena_init(&again.arena, NULL, 0);
    err = ifc_parse_service(&again, xmlDocGetRootElement(doc), ret_err);
    if (!err && (again.body.n_ifcs != part->body.n_ifcs || again.n_skipped != part->n_skipped))
        err = xml_bad(ret_err, NULL, "InitialFilterCriteria");
    arena_done(&again.arena);
    xmlFreeDoc(doc);
    return err;
}

int profile_part_load(struct profile_store *s, struct str text, struct service_entry **ret_part,
                      struct xml_error *ret_err)
{
    uint64_t hash = hash_bytes(text.p, text.n);
    struct service_entry *e = profile_entry_find(s, hash, text);
    int err = e ? 0 : parse_part(s, text, &e, ret_err);
    if (!err)
        *ret_part = profile_part_hold(e);
    return err;
}

// ---- records ----

static size_t slot_text(const struct identity_slot *s)
{
    return (size_t)s->uri.n + s->wildcard.n + s->display_name.n + s->alias_group.n;
}

static size_t text_size(const struct profile *p)
{
    size_t n = p->impi.n;
    for (size_t i = 0; i < p->n_identities; i++)
        n += slot_text(&profile_slots(p)[i]);
    return n;
}

size_t profile_record_size(const struct profile *p)
{
    return 1 + 4u * p->n_services + 2 + SPAN_BYTES + (size_t)p->n_identities * SLOT_BYTES + PACK_TEXT_FIXED +
           text_size(p);
}

static void write_span(struct writer *w, struct span s)
{
    pack_u16(w, s.at);
    pack_u16(w, s.n);
}

void profile_record_write(const struct profile *p, const uint32_t *names, struct writer *w)
{
    pack_u8(w, p->n_services);
    for (size_t i = 0; i < p->n_services; i++)
        pack_u32(w, names[i]);
    pack_u16(w, p->n_identities);
    write_span(w, p->impi);
    for (size_t i = 0; i < p->n_identities; i++) {
        const struct identity_slot *s = &profile_slots(p)[i];
        write_span(w, s->uri);
        write_span(w, s->wildcard);
        write_span(w, s->display_name);
        write_span(w, s->alias_group);
        pack_u8(w, s->barred);
        pack_u8(w, s->type);
        pack_u8(w, s->service);
    }
    pack_text(w, str_make(profile_text(p), text_size(p)));
}

static struct span read_span(struct unpack *u)
{
    uint16_t at = unpack_u16(u);
    return (struct span){at, unpack_u16(u)};
}

static void read_slot(struct unpack *u, struct identity_slot *s)
{
    s->uri = read_span(u);
    s->wildcard = read_span(u);
    s->display_name = read_span(u);
    s->alias_group = read_span(u);
    s->barred = unpack_u8(u);
    s->type = unpack_u8(u);
    s->service = unpack_u8(u);
}

static bool lies_in(struct span s, size_t n)
{
    return (size_t)s.at + s.n <= n;
}

static bool is_sound_slot(const struct profile *p, const struct identity_slot *s, size_t n)
{
    return lies_in(s->uri, n) && lies_in(s->wildcard, n) && lies_in(s->display_name, n) &&
           lies_in(s->alias_group, n) && s->barred <= 1 && s->type <= IDENTITY_WILDCARDED_IMPU &&
           s->service < p->n_services && profile_is_identity(str_make(profile_text(p) + s->uri.at, s->uri.n));
}

// Texts lie one behind the other, none twice, so that what is written of it is as long.
static bool is_sound(const struct profile *p, size_t n_text)
{
    bool sound = p->impi.n && lies_in(p->impi, n_text) && text_size(p) == n_text;
    for (size_t i = 0; sound && i < p->n_identities; i++)
        sound = is_sound_slot(p, &profile_slots(p)[i], n_text);
    return sound;
}

static void drop_parts(struct profile *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        profile_entry_unref(p->store, p->services[i]);
    mem_free(p);
}

static int take_parts(struct profile *p, struct unpack names, profile_part_fn part, void *arg)
{
    for (size_t i = 0; i < p->n_services; i++) {
        struct service_entry *e = part(arg, unpack_u32(&names));
        if (!e) {
            drop_parts(p, i);
            return ERR_NOTFOUND;
        }
        p->services[i] = profile_part_hold(e);
    }
    return 0;
}

int profile_record_read(struct profile_store *s, struct str bytes, profile_part_fn part, void *arg,
                        struct profile **ret_profile)
{
    struct unpack u = unpack_from(bytes);
    struct profile head = {.store = s, .n_services = unpack_u8(&u)};
    struct unpack names = unpack_from(unpack_bytes(&u, 4u * head.n_services));
    head.n_identities = unpack_u16(&u);
    head.impi = read_span(&u);
    struct unpack slots = unpack_from(unpack_bytes(&u, (size_t)head.n_identities * SLOT_BYTES));
    struct str text = unpack_text(&u);
    bool counts = head.n_services && head.n_services <= PROFILE_SERVICES_MAX && head.n_identities &&
                  head.n_identities <= PROFILE_IDENTITIES_MAX;
    if (!unpack_done(&u) || !counts)
        return ERR_BAD;
    struct profile *p = mem_alloc(sizeof *p + head.n_services * sizeof *p->services +
                                  head.n_identities * sizeof(struct identity_slot) + text.n);
    if (!p)
        return ERR_NOMEM;
    *p = head;
    for (size_t i = 0; i < p->n_identities; i++)
        read_slot(&slots, &profile_slots(p)[i]);
    if (text.n)
        memcpy(profile_text(p), text.p, text.n);
    if (!is_sound(p, text.n)) {
        mem_free(p);
        return ERR_BAD;
    }
    int err = take_parts(p, names, part, arg);
    if (!err)
        *ret_profile = p;
    return err;
}
