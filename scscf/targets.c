// SPDX-License-Identifier: Apache-2.0
// Which contacts of the called user a request goes to, and in which order: by the UE's own q, then by how well
// they fit what the caller prefers (RFC 3841 7.2.4), the newest first. Flows of one UE are one contact
// (RFC 5626 7).
#include "base/err.h"
#include "base/log.h"
#include "scscf/contact.h"
#include "scscf/terminating.h"
#include "sip/addr_hdr.h"
#include "sip/uri.h"

// The first URI of a Path: "<sip:token@pcscf;lr>, ..." -> "sip:token@pcscf;lr".
static struct str first_hop(struct str path)
{
    ptrdiff_t open = str_chr(path, '<');
    struct str rest = str_skip(path, (size_t)(open + 1));
    ptrdiff_t close = str_chr(rest, '>');
    return close < 0 ? STR_NONE : str_head(rest, (size_t)close);
}

// A contact that was registered without a Path is where the UE said that it is: no way for requests
// unless the routing policy has it as one.
static bool may_go_to(const struct term_job *t, struct arena *a, struct str contact)
{
    const struct scscf *s = t->job.nf;
    struct sip_uri u;
    if (sip_uri_parse(a, contact, &u))
        return false;
    const char *cause = routing_refuses(&s->routing, &u);
    if (cause)
        LOG(LOG_INFO, "contact without a Path is passed over", LF("identity", t->served.impu),
            LF("contact", contact), LF_Z("cause", cause));
    return !cause;
}

// ---- what the caller prefers ----

// What the contact said of itself when it was registered.
static const struct sip_param *features(struct arena *a, const struct binding *b)
{
    struct sip_contact c;
    if (!binding_text(b, BINDING_PARAMS).n)
        return NULL;
    return sip_contact_parse(a, contact_value(a, b, 0), &c) == 0 ? c.addr.params : NULL;
}

bool targets_serve(const struct registration *reg, struct arena *a, struct str package)
{
    for (const struct binding *b = registration_bindings(reg); b; b = b->next)
        if (sip_feature_has(features(a, b), STR("events"), package))
            return true;
    return false;
}

// ---- the request as it goes to a contact ----

// A UE that routes itself (Loose-Route-Indication of the HSS) gets the identity that was called as
// Request-URI, and its contact is the last entry of Route.
static struct str loose_route(struct arena *a, struct str path, struct str uri)
{
    struct sip_uri u;
    bool lr = false;
    if (sip_uri_parse(a, uri, &u) == 0)
        (void)sip_uri_param(&u, STR("lr"), &lr);
    return ARENA_CAT(a, path, path.n ? STR(", <") : STR("<"), uri, lr ? STR(">") : STR(";lr>"));
}

// A Path came from a P-CSCF that was trusted with a REGISTER: its network is at least a partner. A contact
// without one is the user's own device.
static enum trust_side side_of(const struct scscf *s, struct arena *a, const struct sip_edits *e,
                               struct str path, struct str contact)
{
    enum trust_side side = scscf_side_of_next(s, a, e, path.n ? first_hop(path) : contact);
    if (!path.n)
        return side == TRUST_FOREIGN ? TRUST_UE : side;
    return side == TRUST_FOREIGN ? TRUST_PARTNER : side;
}

static int aim(struct attempt *try, struct pxy *p, struct str path, bool loose)
{
    struct arena *a = pxy_arena(p);
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    if (!e)
        return ERR_NOMEM;
    sip_edits_copy(e, a, pxy_edits(p));
    if (!loose)
        sip_edit_uri(e, try->uri);
    struct str route = loose ? loose_route(a, path, try->uri) : path;
    if (route.n)
        sip_edit_prepend(e, SIP_H_ROUTE, route);
    try->to = side_of(try->job->job.nf, a, e, path, try->uri);
    scscf_hide(try->job->job.nf, try->to, pxy_request(p), e);
    try->target = (struct pxy_target){.edits = e,
                                      .next_hop = path.n ? first_hop(path) : try->uri,
                                      .word = path.n ? WORD_OWN : WORD_FOREIGN,
                                      .ctx = try};
    return 0;
}

// ---- their order ----

// The head of the flows that b belongs to; NULL: it is none, or the first one.
static struct attempt *head_of(const struct term_job *t, const struct registration *reg,
                               const struct binding *b)
{
    for (size_t i = 0; b->reg_id && i < t->n; i++) {
        const struct binding *h = registration_binding(reg, t->of[i]->binding);
        if (h && h->reg_id && str_eq(binding_impi(h), binding_impi(b)) &&
            str_eq(binding_text(h, BINDING_INSTANCE), binding_text(b, BINDING_INSTANCE)))
            return t->of[i];
    }
    return NULL;
}

static bool is_better(const struct attempt *a, const struct attempt *b)
{
    if (a->q != b->q)
        return a->q > b->q;
    return a->score > b->score;
}

static void insert(struct term_job *t, struct attempt *try)
{
    size_t i = t->n++;
    for (; i && is_better(try, t->of[i - 1]); i--)
        t->of[i] = t->of[i - 1];
    t->of[i] = try;
}

static void add_flow(struct attempt *head, struct attempt *try)
{
    while (head->flow)
        head = head->flow;
    head->flow = try;
}

static int add(struct term_job *t, struct pxy *p, const struct registration *reg,
               const struct binding *b, uint16_t score)
{
    struct arena *a = pxy_arena(p);
    struct attempt *try = ARENA_NEW(a, struct attempt);
    struct str path = arena_dup(a, binding_text(b, BINDING_PATH));
    if (!try || !path.p)
        return ERR_NOMEM;
    *try = (struct attempt){.job = t, .uri = arena_dup(a, binding_uri(b)), .binding = b->id,
                            .q = b->q, .score = score};
    if (!try->uri.n)
        return ERR_NOMEM;
    if (!path.n && !may_go_to(t, a, try->uri))
        return 0;
    int err = aim(try, p, path, registration_loose_route(reg));
    struct attempt *head = err ? NULL : head_of(t, reg, b);
    if (head)
        add_flow(head, try);
    else if (!err)
        insert(t, try);
    return err;
}

// The caller's directives (RFC 3841 9.1) go before the UE's q.
static void number_groups(struct term_job *t, struct sip_disposition d)
{
    if (d.no_fork && t->n > 1)
        t->n = 1;
    for (size_t i = 0; i < t->n; i++) {
        bool next = i && (d.sequential || is_better(t->of[i - 1], t->of[i]));
        t->group[i] = i ? t->group[i - 1] + (next && !d.parallel) : 0;
    }
}

int targets_choose(struct term_job *t, struct pxy *p)
{
    const struct scscf *s = t->job.nf;
    struct arena *a = pxy_arena(p);
    struct sip_prefs *prefs = ARENA_NEW(a, struct sip_prefs);
    size_t max = 0, it = 0;
    for (const struct registration *reg; (reg = term_next(t, &it));)
        max += registration_binding_count(reg);
    t->of = arena_alloc(a, (max + 1) * sizeof *t->of);
    t->group = arena_alloc(a, (max + 1) * sizeof *t->group);
    int err = prefs && t->of && t->group ? sip_prefs_read(a, pxy_request(p), prefs) : ERR_NOMEM;
    it = 0;
    for (const struct registration *reg; !err && (reg = term_next(t, &it));)
        for (const struct binding *b = registration_bindings(reg); !err && b; b = b->next) {
            uint16_t score;
            if (binding_expires_s(s->registrar, b) && sip_prefs_judge(prefs, features(a, b), &score))
                err = add(t, p, reg, b, score);
        }
    if (err || a->failed)
        return ERR_NOMEM;
    number_groups(t, sip_disposition_read(pxy_request(p)));
    return 0;
}
