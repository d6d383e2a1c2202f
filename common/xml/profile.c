// SPDX-License-Identifier: Apache-2.0
#include "xml/profile.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "xml/forms.h"

struct profile_store {
    struct map services; // by hash of the key
    struct forms forms;
    profile_skipped_fn skipped;
    void *arg;
};

// What is collected before the block's size is known.
struct draft {
    struct profile_store *store;
    struct arena arena;
    struct str impi;
    struct profile_identity ids[PROFILE_IDENTITIES_MAX];
    uint8_t service_of[PROFILE_IDENTITIES_MAX];
    size_t n_ids;
    struct service_entry *services[PROFILE_SERVICES_MAX];
    size_t n_services;
};

// ---- store of service profiles ----

int profile_store_new(struct profile_store **ret_store)
{
    struct profile_store *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    forms_init(&s->forms);
    *ret_store = s;
    return 0;
}

static void entry_free(struct service_entry *e)
{
    arena_done(&e->arena);
    mem_free(e);
}

void profile_store_free(struct profile_store *s)
{
    if (!s)
        return;
    size_t it = 0;
    forms_done(&s->forms);
    for (struct service_entry *e; (e = map_next(&s->services, &it));)
        entry_free(e);
    map_done(&s->services);
    mem_free(s);
}

void profile_store_tell(struct profile_store *s, profile_skipped_fn skipped, void *arg)
{
    s->skipped = skipped;
    s->arg = arg;
}

size_t profile_store_count(const struct profile_store *s)
{
    return s->services.n;
}

size_t profile_store_forms(const struct profile_store *s)
{
    return s->forms.n;
}

uint64_t profile_store_filled(const struct profile_store *s)
{
    return s->forms.filled;
}

void profile_entry_unref(struct profile_store *s, struct service_entry *e)
{
    if (--e->refs)
        return;
    map_remove(&s->services, e->hash, e);
    forms_forget(&s->forms, e);
    entry_free(e);
}

struct service_entry *profile_entry_find(struct profile_store *s, uint64_t hash, struct str key)
{
    size_t it = 0;
    for (struct service_entry *e; (e = map_find(&s->services, hash, &it));)
        if (str_eq(e->key, key))
            return e;
    return NULL;
}

int profile_entry_new(struct profile_store *s, const xmlNode *n, struct str key,
                     struct service_entry **ret_entry, struct xml_error *ret_err)
{
    struct service_entry *e = mem_zalloc(sizeof *e);
    if (!e)
        return ERR_NOMEM;
    arena_init(&e->arena, NULL, 0);
    e->key = arena_dup(&e->arena, key);
    e->hash = hash_bytes(key.p, key.n);
    int err = e->arena.failed ? ERR_NOMEM : ifc_parse_service(e, n, ret_err);
    if (!err)
        err = map_add(&s->services, e->hash, e);
    if (err) {
        entry_free(e);
        return err;
    }
    if (e->n_skipped && s->skipped)
        s->skipped(s->arg, &e->skipped, e->n_skipped);
    *ret_entry = e;
    return 0;
}

// What is no element and no text says nothing, and would be of another name in the text alone.
static void drop_remarks(xmlNode *top)
{
    for (xmlNode *n = top->children, *next; n; n = next) {
        next = n->children && n->type == XML_ELEMENT_NODE ? n->children : n->next;
        for (xmlNode *up = n->parent; !next && up != top; up = up->parent)
            next = up->next;
        if (n->type != XML_COMMENT_NODE && n->type != XML_PI_NODE)
            continue;
        xmlUnlinkNode(n);
        xmlFreeNode(n);
    }
}

// The service part as text: everything in the ServiceProfile that is not an identity.
static int service_key(xmlDoc *doc, const xmlNode *service, xmlBuffer *buf)
{
    for (xmlNode *c = service->children; c; c = c->next) {
        if (c->type != XML_ELEMENT_NODE || strcmp((const char *)c->name, "PublicIdentity") == 0)
            continue;
        drop_remarks(c);
        if (xmlNodeDump(buf, doc, c, 0, 0) < 0)
            return ERR_NOMEM;
    }
    return 0;
}

static int entry_get(struct profile_store *s, xmlDoc *doc, const xmlNode *service,
                     struct service_entry **ret_entry, struct xml_error *ret_err)
{
    xmlBuffer *buf = xmlBufferCreate();
    if (!buf)
        return ERR_NOMEM;
    int err = service_key(doc, service, buf);
    if (!err) {
        struct str key = str_from((const char *)xmlBufferContent(buf));
        *ret_entry = profile_entry_find(s, hash_bytes(key.p, key.n), key);
        if (!*ret_entry)
            err = profile_entry_new(s, service, key, ret_entry, ret_err);
    }
    if (!err)
        (*ret_entry)->refs++;
    xmlBufferFree(buf);
    return err;
}

static int too_many(struct xml_error *e, const xmlNode *n, const char *what)
{
    (void)xml_bad(e, n, what);
    return ERR_TOOBIG;
}

// ---- identities ----

int profile_identity_type(enum profile_interface on, uint32_t number,
                          enum profile_identity_type *ret_type)
{
    static const enum profile_identity_type cx[] = {IDENTITY_PUBLIC_USER, IDENTITY_DISTINCT_PSI,
                                                    IDENTITY_WILDCARDED_PSI, IDENTITY_NON_DISTINCT_IMPU,
                                                    IDENTITY_WILDCARDED_IMPU},
                                            sh[] = {IDENTITY_PUBLIC_USER, IDENTITY_DISTINCT_PSI,
                                                    IDENTITY_WILDCARDED_PSI, IDENTITY_WILDCARDED_IMPU};
    size_t n = on == PROFILE_CX ? ARRAY_LEN(cx) : ARRAY_LEN(sh);
    if (number >= n)
        return ERR_BAD;
    *ret_type = (on == PROFILE_CX ? cx : sh)[number];
    return 0;
}

struct str profile_identity_pattern(const struct profile_identity *id)
{
    if (id->type != IDENTITY_WILDCARDED_PSI && id->type != IDENTITY_WILDCARDED_IMPU)
        return STR_NONE;
    return id->wildcard.n ? id->wildcard : id->uri;
}

// TS 29.228 annex E: the extensions carry the type and what goes with it.
static int identity_extensions(struct draft *d, struct profile_identity *id, const xmlNode *n,
                               struct xml_error *e)
{
    uint32_t type = 0;
    const xmlNode *node = xml_extension(n, "IdentityType");
    if (xml_u32(node, UINT32_MAX, &type) || profile_identity_type(PROFILE_CX, type, &id->type))
        return xml_bad(e, node, "IdentityType");
    const xmlNode *wild = xml_extension(n, "WildcardedPSI");
    if (!wild)
        wild = xml_extension(n, "WildcardedIMPU");
    id->wildcard = xml_text(&d->arena, wild);
    id->display_name = xml_text(&d->arena, xml_extension(n, "DisplayName"));
    id->alias_group = xml_text(&d->arena, xml_extension(n, "AliasIdentityGroupID"));
    return 0;
}

static int parse_identity(struct draft *d, const xmlNode *n, struct xml_error *e)
{
    if (d->n_ids == PROFILE_IDENTITIES_MAX)
        return too_many(e, n, "PublicIdentity");
    struct profile_identity *id = &d->ids[d->n_ids];
    *id = (struct profile_identity){.uri = xml_text(&d->arena, xml_child(n, "Identity"))};
    if (d->arena.failed)
        return ERR_NOMEM;
    if (!profile_is_identity(id->uri))
        return xml_bad(e, n, "Identity");
    if (xml_bool(xml_child(n, "BarringIndication"), &id->barred))
        return xml_bad(e, n, "BarringIndication");
    d->service_of[d->n_ids++] = (uint8_t)(d->n_services - 1);
    return identity_extensions(d, id, n, e);
}

static int parse_service(struct draft *d, xmlDoc *doc, const xmlNode *n, struct xml_error *e)
{
    if (d->n_services == PROFILE_SERVICES_MAX)
        return too_many(e, n, "ServiceProfile");
    int err = entry_get(d->store, doc, n, &d->services[d->n_services], e);
    if (err)
        return err;
    d->n_services++;
    const xmlNode *id = xml_child(n, "PublicIdentity");
    if (!id)
        return xml_bad(e, n, "PublicIdentity");
    for (; !err && id; id = xml_next(id))
        err = parse_identity(d, id, e);
    return err;
}

static int parse_subscription(struct draft *d, xmlDoc *doc, struct xml_error *e)
{
    const xmlNode *root = xmlDocGetRootElement(doc);
    const xmlNode *service = xml_child(root, "ServiceProfile");
    int err = 0;
    d->impi = xml_text(&d->arena, xml_child(root, "PrivateID"));
    if (!d->impi.n && !d->arena.failed)
        return xml_bad(e, root, "PrivateID");
    if (!service)
        return xml_bad(e, root, "ServiceProfile");
    for (; !err && service; service = xml_next(service))
        err = parse_service(d, doc, service, e);
    return !err && d->arena.failed ? ERR_NOMEM : err;
}

// ---- the compact block ----

static struct str slice(const struct profile *p, struct span s)
{
    return s.n ? str_make(profile_text(p) + s.at, s.n) : STR_NONE;
}

static struct span put(struct profile *p, size_t *used, struct str s)
{
    struct span at = {(uint16_t)*used, (uint16_t)s.n};
    if (s.n)
        memcpy(profile_text(p) + *used, s.p, s.n);
    *used += s.n;
    return at;
}

static size_t text_size(const struct draft *d)
{
    size_t n = d->impi.n;
    for (size_t i = 0; i < d->n_ids; i++)
        n += d->ids[i].uri.n + d->ids[i].wildcard.n + d->ids[i].display_name.n +
             d->ids[i].alias_group.n;
    return n;
}

static void fill(struct profile *p, const struct draft *d)
{
    size_t used = 0;
    memcpy(p->services, d->services, d->n_services * sizeof *p->services);
    p->impi = put(p, &used, d->impi);
    for (size_t i = 0; i < d->n_ids; i++) {
        const struct profile_identity *id = &d->ids[i];
        struct identity_slot *s = &profile_slots(p)[i];
        s->uri = put(p, &used, id->uri);
        s->wildcard = put(p, &used, id->wildcard);
        s->display_name = put(p, &used, id->display_name);
        s->alias_group = put(p, &used, id->alias_group);
        s->barred = id->barred;
        s->type = (uint8_t)id->type;
        s->service = d->service_of[i];
    }
}

static int pack(const struct draft *d, struct profile **ret_profile)
{
    size_t bytes = text_size(d);
    if (bytes > UINT16_MAX)
        return ERR_TOOBIG;
    struct profile *p = mem_alloc(sizeof *p + d->n_services * sizeof *p->services +
                                  d->n_ids * sizeof(struct identity_slot) + bytes);
    if (!p)
        return ERR_NOMEM;
    *p = (struct profile){.store = d->store,
                          .n_services = (uint8_t)d->n_services,
                          .n_identities = (uint16_t)d->n_ids};
    fill(p, d);
    *ret_profile = p;
    return 0;
}

static int parse_document(struct profile_store *s, struct str xml, struct profile **ret_profile,
                          struct xml_error *ret_err)
{
    xmlDoc *doc;
    int err = xml_load(xml, PROFILE_XML_MAX, "IMSSubscription", &doc, ret_err);
    if (err)
        return err;
    struct draft *d AUTO_FREE = mem_alloc(sizeof *d);
    if (!d) {
        xmlFreeDoc(doc);
        return ERR_NOMEM;
    }
    d->store = s;
    d->n_ids = d->n_services = 0;
    arena_init(&d->arena, NULL, 0);
    err = parse_subscription(d, doc, ret_err);
    if (!err)
        err = pack(d, ret_profile);
    for (size_t i = 0; err && i < d->n_services; i++)
        profile_entry_unref(s, d->services[i]);
    arena_done(&d->arena);
    xmlFreeDoc(doc);
    return err;
}

static void drop_parts(const struct profile *p)
{
    for (size_t i = 0; i < p->n_services; i++)
        profile_entry_unref(p->store, p->services[i]);
}

// Without memory, or when names stand elsewhere as well, such documents go on to be parsed.
static void learn(struct profile_store *s, const struct form_cuts *c, const struct profile *p)
{
    struct arena a;
    struct profile *model;
    struct xml_error why;
    arena_init(&a, NULL, 0);
    struct str text = form_probes(&a, c);
    if (text.p && parse_document(s, text, &model, &why) == 0) {
        int err = forms_add(&s->forms, c, model, p);
        drop_parts(model); // p holds them, and the form none
        if (err)
            mem_free(model);
    }
    arena_done(&a);
}

int profile_parse(struct profile_store *s, struct str xml, struct profile **ret_profile,
                  struct xml_error *ret_err)
{
    struct form_cuts cuts;
    bool may_have_form = form_cut(xml, &cuts);
    struct profile *p = may_have_form ? forms_fill(&s->forms, &cuts) : NULL;
    if (p) {
        *ret_profile = p;
        return 0;
    }
    int err = parse_document(s, xml, ret_profile, ret_err);
    if (!err && may_have_form && forms_is_due(&s->forms, &cuts))
        learn(s, &cuts, *ret_profile);
    return err;
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    drop_parts(p);
    mem_free(p);
}

struct str profile_impi(const struct profile *p)
{
    return slice(p, p->impi);
}

size_t profile_identity_count(const struct profile *p)
{
    return p->n_identities;
}

struct profile_identity profile_identity_at(const struct profile *p, size_t i)
{
    const struct identity_slot *s = &profile_slots(p)[i];
    return (struct profile_identity){.uri = slice(p, s->uri),
                                     .barred = s->barred,
                                     .type = (enum profile_identity_type)s->type,
                                     .wildcard = slice(p, s->wildcard),
                                     .display_name = slice(p, s->display_name),
                                     .alias_group = slice(p, s->alias_group)};
}

const struct service_profile *profile_service(const struct profile *p, size_t i)
{
    return &p->services[profile_slots(p)[i].service]->body;
}

static bool is_wildcarded(const struct identity_slot *s)
{
    return s->type == IDENTITY_WILDCARDED_PSI || s->type == IDENTITY_WILDCARDED_IMPU;
}

size_t profile_default(const struct profile *p)
{
    size_t i = 0;
    while (i < p->n_identities && (profile_slots(p)[i].barred || is_wildcarded(&profile_slots(p)[i])))
        i++;
    return i;
}
