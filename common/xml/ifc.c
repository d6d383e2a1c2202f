// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/profile_priv.h"

enum { IFC_MAX = 256, SPT_MAX = 1024, LIST_MAX = 256 };

static size_t count(const xmlNode *first)
{
    size_t n = 0;
    for (; first; first = xml_next(first))
        n++;
    return n;
}

static int registration_types(struct spt *s, const xmlNode *n, struct xml_error *e)
{
    for (const xmlNode *t = xml_extension(n, "RegistrationType"); t; t = xml_next(t)) {
        uint32_t v = 0;
        if (xml_u32(t, 2, &v))
            return xml_bad(e, t, "RegistrationType");
        s->reg_types |= (uint8_t)(1u << v);
    }
    return 0;
}

// SIPHeader and SessionDescription: a name and a pattern for the content.
static int spt_pair(struct arena *a, struct spt *s, const xmlNode *n, const char *name,
                    struct xml_error *e)
{
    const xmlNode *content = xml_child(n, "Content");
    s->value = xml_text(a, xml_child(n, name));
    s->content = content ? xml_text(a, content) : STR_NONE;
    return s->value.n ? 0 : xml_bad(e, n, name);
}

static int spt_session_case(struct spt *s, const xmlNode *n, struct xml_error *e)
{
    uint32_t v = UINT32_MAX;
    if (xml_u32(n, SESSION_ORIGINATING_CDIV, &v) || v == UINT32_MAX)
        return xml_bad(e, n, "SessionCase");
    s->session_case = (uint8_t)v;
    return 0;
}

static int spt_content(struct arena *a, struct spt *s, const xmlNode *n, struct xml_error *e)
{
    static const char *const names[] = {"RequestURI", "Method", "SIPHeader", "SessionCase",
                                        "SessionDescription"};
    const xmlNode *found = NULL;
    for (unsigned kind = 0; kind < 5; kind++) {
        const xmlNode *c = xml_child(n, names[kind]);
        if (c && found)
            return xml_bad(e, c, "SPT with two conditions");
        if (!c)
            continue;
        found = c;
        s->kind = (enum spt_kind)kind;
    }
    if (!found)
        return xml_bad(e, n, "SPT without condition");
    if (s->kind == SPT_SESSION_CASE)
        return spt_session_case(s, found, e);
    if (s->kind == SPT_HEADER)
        return spt_pair(a, s, found, "Header", e);
    if (s->kind == SPT_SDP_LINE)
        return spt_pair(a, s, found, "Line", e);
    s->value = xml_text(a, found);
    return s->value.n ? 0 : xml_bad(e, found, names[s->kind]);
}

static int by_group(const void *a, const void *b)
{
    const struct spt *x = a, *y = b;
    return (x->group > y->group) - (x->group < y->group);
}

static size_t count_spts(const xmlNode *trigger)
{
    size_t n = 0;
    for (const xmlNode *s = xml_child(trigger, "SPT"); s; s = xml_next(s))
        n += count(xml_child(s, "Group"));
    return n;
}

// One SPT element gives one entry for each group it belongs to.
static int parse_spt(struct arena *a, const xmlNode *n, struct spt *out, size_t *used,
                     struct xml_error *e)
{
    struct spt s = {0};
    const xmlNode *group = xml_child(n, "Group");
    if (!group)
        return xml_bad(e, n, "Group");
    if (xml_bool(xml_child(n, "ConditionNegated"), &s.negated))
        return xml_bad(e, n, "ConditionNegated");
    int err = spt_content(a, &s, n, e);
    if (!err)
        err = registration_types(&s, n, e);
    for (; !err && group; group = xml_next(group)) {
        if (xml_u32(group, INT32_MAX, &s.group))
            return xml_bad(e, group, "Group");
        out[(*used)++] = s;
    }
    return err;
}

static int parse_trigger(struct arena *a, struct ifc *f, const xmlNode *n, struct xml_error *e)
{
    bool cnf = false;
    const xmlNode *type = xml_child(n, "ConditionTypeCNF");
    if (!type || xml_bool(type, &cnf))
        return xml_bad(e, n, "ConditionTypeCNF");
    size_t max = count_spts(n), used = 0;
    if (!xml_child(n, "SPT") || max > SPT_MAX)
        return xml_bad(e, n, "SPT");
    struct spt *spts = arena_alloc(a, (max ? max : 1) * sizeof *spts);
    if (!spts)
        return ERR_NOMEM;
    for (const xmlNode *s = xml_child(n, "SPT"); s; s = xml_next(s)) {
        int err = parse_spt(a, s, spts, &used, e);
        if (err)
            return err;
    }
    qsort(spts, used, sizeof *spts, by_group);
    f->cnf = cnf;
    f->spts = spts;
    f->n_spts = used;
    return 0;
}

static int parse_as(struct arena *a, struct ifc *f, const xmlNode *n, struct xml_error *e)
{
    uint32_t handling = IFC_SESSION_CONTINUED;
    f->as_uri = xml_text(a, xml_child(n, "ServerName"));
    if (!str_istarts(f->as_uri, STR("sip:")) && !str_istarts(f->as_uri, STR("sips:")))
        return xml_bad(e, n, "ServerName");
    if (xml_u32(xml_child(n, "DefaultHandling"), IFC_SESSION_TERMINATED, &handling))
        return xml_bad(e, n, "DefaultHandling");
    f->default_handling = (enum ifc_default)handling;
    f->service_info = xml_text(a, xml_child(n, "ServiceInfo"));
    f->include_register_request = xml_extension(n, "IncludeRegisterRequest") != NULL;
    f->include_register_response = xml_extension(n, "IncludeRegisterResponse") != NULL;
    return 0;
}

static int parse_ifc(struct arena *a, struct ifc *f, const xmlNode *n, struct xml_error *e)
{
    uint32_t part = 0, prio = UINT32_MAX;
    if (xml_u32(xml_child(n, "Priority"), INT32_MAX, &prio) || prio == UINT32_MAX)
        return xml_bad(e, n, "Priority");
    const xmlNode *part_node = xml_child(n, "ProfilePartIndicator");
    if (xml_u32(part_node, 1, &part))
        return xml_bad(e, part_node, "ProfilePartIndicator");
    *f = (struct ifc){.priority = prio};
    if (part_node)
        f->part = part ? IFC_UNREGISTERED : IFC_REGISTERED;
    const xmlNode *as = xml_child(n, "ApplicationServer");
    if (!as)
        return xml_bad(e, n, "ApplicationServer");
    const xmlNode *trigger = xml_child(n, "TriggerPoint");
    int err = trigger ? parse_trigger(a, f, trigger, e) : 0;
    return err ? err : parse_as(a, f, as, e);
}

struct ranked {
    uint32_t priority;
    uint32_t place; // in the document, which decides among equal priorities
};

static int by_priority(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = (x->priority > y->priority) - (x->priority < y->priority);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static void sort_by_priority(const struct ifc *all, size_t n, struct ifc *ret_sorted)
{
    struct ranked ranks[IFC_MAX];
    for (size_t i = 0; i < n; i++)
        ranks[i] = (struct ranked){all[i].priority, (uint32_t)i};
    qsort(ranks, n, sizeof *ranks, by_priority);
    for (size_t i = 0; i < n; i++)
        ret_sorted[i] = all[ranks[i].place];
}

// A service that cannot be read is none, and the user's other services go on.
static int take_or_skip(struct service_entry *s, struct ifc *f, const xmlNode *n, size_t *done)
{
    struct xml_error e;
    int err = parse_ifc(&s->arena, f, n, &e);
    *done += err == 0;
    if (err != ERR_BAD)
        return err;
    if (!s->n_skipped++)
        s->skipped = e;
    return 0;
}

static int parse_ifcs(struct service_entry *s, const xmlNode *n, struct xml_error *e)
{
    const xmlNode *first = xml_child(n, "InitialFilterCriteria");
    size_t total = count(first), done = 0;
    if (total > IFC_MAX) {
        (void)xml_bad(e, n, "InitialFilterCriteria");
        return ERR_TOOBIG;
    }
    struct ifc *sorted = arena_alloc(&s->arena, (total ? total : 1) * sizeof *sorted);
    struct ifc *all = mem_alloc((total ? total : 1) * sizeof *all);
    int err = all && sorted ? 0 : ERR_NOMEM;
    for (; !err && first; first = xml_next(first))
        err = take_or_skip(s, &all[done], first, &done);
    if (!err)
        sort_by_priority(all, done, sorted);
    mem_free(all);
    s->body.ifcs = sorted;
    s->body.n_ifcs = done;
    return err;
}

static int parse_shared_sets(struct service_entry *s, const xmlNode *n, struct xml_error *e)
{
    const xmlNode *set = xml_extension(n, "SharedIFCSetID");
    size_t total = count(set);
    if (total > LIST_MAX)
        return xml_bad(e, set, "SharedIFCSetID");
    uint32_t *ids = arena_alloc(&s->arena, (total ? total : 1) * sizeof *ids);
    if (!ids)
        return ERR_NOMEM;
    for (size_t i = 0; set; set = xml_next(set), i++)
        if (xml_u32(set, INT32_MAX, &ids[i]))
            return xml_bad(e, set, "SharedIFCSetID");
    s->body.shared_sets = ids;
    s->body.n_shared_sets = total;
    return 0;
}

static int parse_authorization(struct service_entry *s, const xmlNode *n, struct xml_error *e)
{
    const xmlNode *auth = xml_child(n, "CoreNetworkServicesAuthorization");
    const xmlNode *media = xml_child(auth, "SubscribedMediaProfileId");
    if (xml_u32(media, INT32_MAX, &s->body.media_profile))
        return xml_bad(e, media, "SubscribedMediaProfileId");
    s->body.has_media_profile = media != NULL;
    const xmlNode *id = xml_child(xml_extension(auth, "ListOfServiceIds"), "ServiceId");
    size_t total = count(id);
    if (total > LIST_MAX)
        return xml_bad(e, id, "ServiceId");
    struct str *ids = arena_alloc(&s->arena, (total ? total : 1) * sizeof *ids);
    if (!ids)
        return ERR_NOMEM;
    for (size_t i = 0; id; id = xml_next(id), i++)
        ids[i] = xml_text(&s->arena, id);
    s->body.service_ids = ids;
    s->body.n_service_ids = total;
    return 0;
}

int ifc_parse_service(struct service_entry *s, const xmlNode *n, struct xml_error *e)
{
    int err = parse_ifcs(s, n, e);
    if (!err)
        err = parse_shared_sets(s, n, e);
    if (!err)
        err = parse_authorization(s, n, e);
    return !err && s->arena.failed ? ERR_NOMEM : err;
}
