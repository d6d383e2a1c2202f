// SPDX-License-Identifier: Apache-2.0
#include "scscf/restoration.h"

#include "base/err.h"
#include "base/log.h"
#include "ims/wildcard.h"
#include "scscf/restoration_form.h"
#include "scscf/service_route.h"

enum { FIRST_BYTES = 8192 };

struct taking {
    struct scscf *s;
    const struct restoration_asked *q;
    const struct cx_saa *saa;
    struct arena *a;
    struct profile *profile;  // of the answer, until a registration has it; NULL: none
    struct registration *reg; // that they belong to; NULL: none yet
    bool made;                // it has been added by this
};

void restoration_note_features(struct scscf *s, const struct cx_head *answer)
{
    bool has = false;
    for (size_t i = 0; i < answer->n_features; i++) {
        const struct cx_feature *f = &answer->features[i];
        has = has || (f->vendor == DIA_VENDOR_3GPP && f->list_id == 1 && (f->list & CX_IMS_RESTORATION));
    }
    s->hss_restores = has ? SCSCF_HSS_RESTORES : SCSCF_HSS_DOES_NOT;
}

// ---- whose they are ----

// What the set is found by here: the identity that was asked for, else the wildcarded one that the HSS names.
static struct registration *next_of_set(const struct taking *t, struct str pattern, size_t *it)
{
    return pattern.n ? registrar_next_pattern(t->s->registrar, pattern, it, NULL)
                     : registrar_next_with(t->s->registrar, t->q->impu, it, NULL);
}

static bool is_this_set(const struct taking *t, const struct registration *reg)
{
    if (t->profile)
        return !registration_is_apart(reg, t->profile);
    return !t->q->impi.n || registration_count_of(reg, t->q->impi) > 0;
}

static struct registration *find_set(const struct taking *t)
{
    const char *why;
    struct str pattern = t->saa->wildcard.n ? wildcard_canon(t->a, &t->s->plan, t->saa->wildcard, &why) : STR_NONE;
    size_t it = 0;
    struct registration *reg;
    while ((reg = next_of_set(t, pattern, &it)) && !is_this_set(t, reg))
        ;
    return reg;
}

// A registration of the set, with what else the HSS has said of it.
static int make(struct taking *t)
{
    struct str charging = charging_addresses(t->a, &t->saa->charging);
    if (!t->profile)
        return ERR_NOTFOUND;
    int err = registrar_add(t->s->registrar, t->profile, &t->reg);
    t->profile = NULL;
    t->made = !err;
    if (!err && charging.n)
        err = registration_set_charging(t->reg, charging);
    if (!err)
        registration_set_loose_route(t->reg, t->saa->loose_route_present && t->saa->loose_route);
    return err;
}

// ---- their contacts ----

static void refused(const struct taking *t, const struct cx_restoration *r, const char *why)
{
    scscf_count(t->s, SC_RESTORATION_REFUSED);
    LOG(LOG_WARN, "restoration information of the HSS is not used", LF("call_id", t->q->call_id), LF("impi", r->impi),
        LF("impu", t->q->impu), LF_Z("reason", why));
}

static bool is_all_over(const struct restoration_contacts *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].expires_s)
            return false;
    return true;
}

// The oldest first, so that their order is that of before. When all have run out one of them ends here, so that the
// HSS hears of it.
static int bind_all(struct taking *t, const struct restoration_contacts *c)
{
    bool over = is_all_over(c);
    int err = 0;
    for (size_t i = c->n; !err && i > 0; i--)
        if (c->v[i - 1].expires_s || (over && i == 1))
            err = registration_bind(t->reg, &c->v[i - 1], NULL);
    return err;
}

static void unbind(struct registration *reg, struct str impi)
{
    for (struct binding *b = registration_bindings(reg), *next; b; b = next) {
        next = b->next;
        if (str_eq(binding_impi(b), impi))
            registration_unbind(reg, b, BINDING_UNDONE, STR_NONE);
    }
}

static bool is_newer_here(const struct taking *t, const struct cx_restoration *r)
{
    return (t->reg && registration_count_of(t->reg, r->impi)) || outbox_has(t->s->outbox, r->impi);
}

static int take_one(struct taking *t, const struct cx_restoration *r)
{
    const struct scscf_config *cfg = t->s->cfg;
    size_t held = t->reg ? registration_binding_count(t->reg) : 0;
    const struct restoration_limits limits = {
        .wall_ms = loop_wall_ms(t->s->loop),
        .max_s = cfg->registration.max_s,
        .default_s = cfg->registration.default_s,
        .max_contacts = cfg->registration.max_contacts > held ? cfg->registration.max_contacts - held : 0,
        .max = cfg->restoration.max_size,
        .flows = cfg->registration.outbound != SCSCF_OUTBOUND_OFF};
    struct restoration_contacts c;
    const char *why = NULL;
    int err = restoration_read(t->a, r, &limits, &c, &why);
    if (err) {
        refused(t, r, why ? why : err_text(err));
        return err;
    }
    if (!t->reg)
        err = make(t);
    if (!err)
        err = bind_all(t, &c);
    if (err && t->reg)
        unbind(t->reg, r->impi);
    if (err) {
        refused(t, r, err == ERR_NOTFOUND ? "no profile came with it" : err_text(err));
        return err;
    }
    scscf_count(t->s, SC_RESTORED);
    LOG(LOG_INFO, "registration restored from the HSS", LF("call_id", t->q->call_id), LF("impi", r->impi),
        LF("impu", t->q->impu), LF_NUM("contacts", c.n), LF_NUM("expires", c.v[0].expires_s));
    return 0;
}

// ---- all of an answer ----

static size_t take_all(struct taking *t)
{
    const struct cx_saa *saa = t->saa;
    size_t n = 0;
    t->reg = find_set(t);
    for (size_t i = 0; i < saa->n_restorations && i < RESTORATIONS_MAX; i++)
        if (!is_newer_here(t, &saa->restorations[i]) && !take_one(t, &saa->restorations[i]))
            n++;
    if (n) {
        service_route_choose(t->s, t->reg);
        unregistered_drop(t->s->unregistered, t->reg);
    } else if (t->made) {
        (void)registration_settle(t->reg);
    }
    return n;
}

// Re-registrations bring those of the other private identities each time.
static bool is_all_known(const struct scscf *s, const struct restoration_asked *q, const struct cx_saa *a)
{
    size_t known = 0;
    for (size_t i = 0; i < a->n_restorations; i++)
        known += registrar_is_bound(s->registrar, a->restorations[i].impi, q->impu, false);
    return known == a->n_restorations;
}

static int read_profile(struct taking *t)
{
    struct xml_error why;
    int err = t->saa->user_data.n ? profile_parse(t->s->profiles, t->saa->user_data, &t->profile, &why) : 0;
    if (err)
        LOG(LOG_ERROR, "user profile not usable", LF("call_id", t->q->call_id), LF("impu", t->q->impu),
            LF_Z("element", why.what), LF_NUM("line", why.line));
    return err;
}

size_t restoration_take(struct scscf *s, const struct restoration_asked *q, const struct cx_saa *a)
{
    if (!s->cfg->restoration.on || is_all_known(s, q, a) || outbox_has(s->outbox, q->impu))
        return 0;
    char first[FIRST_BYTES];
    struct arena arena;
    struct taking t = {.s = s, .q = q, .saa = a, .a = &arena};
    arena_init(&arena, first, sizeof first);
    size_t n = read_profile(&t) ? 0 : take_all(&t);
    profile_free(t.profile);
    arena_done(&arena);
    return n;
}
