// SPDX-License-Identifier: Apache-2.0
// What the HSS is told of a registration, so that another S-CSCF can go on with it (TS 23.380 4.2, TS 29.228 6.1.2.1):
// all contacts of the private identity in this set as they are going to be when the HSS has agreed. It is told when
// they have changed. That they live longer is a change as well, but not each second of it: a phone that refreshes every
// minute would have the HSS write every minute.
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "scscf/contact.h"
#include "scscf/register.h"
#include "scscf/restoration_form.h"

enum { LATER = 10 }; // an end that is later by less than that part of the interval is not told

static uint32_t now_s(const struct register_job *r)
{
    return (uint32_t)(loop_now(register_nf(r)->loop) / 1000000000);
}

struct str register_path(const struct register_job *r)
{
    struct arena_buf all = arena_buf_init(register_arena(r));
    struct sip_iter it = sip_iter_init(job_request(&r->job), SIP_H_PATH);
    for (const struct sip_addr *p; (p = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), p->text);
    return arena_buf_done(&all);
}

int register_binding(struct register_job *r, const struct contact_wish *w, struct str path,
                     struct binding_params *ret_params)
{
    const struct sip_contact *c = w->contact;
    *ret_params = (struct binding_params){.text = {[BINDING_URI] = c->addr.uri.text,
                                                   [BINDING_DISPLAY] = c->addr.display,
                                                   [BINDING_PARAMS] = contact_params(register_arena(r), c),
                                                   [BINDING_PATH] = path,
                                                   [BINDING_CALL_ID] = r->call_id,
                                                   [BINDING_INSTANCE] = c->instance,
                                                   [BINDING_IMPI] = r->impi},
                                          .cseq = r->cseq,
                                          .reg_id = w->reg_id,
                                          .expires_s = w->expires_s,
                                          .q = c->q};
    return ret_params->text[BINDING_PARAMS].p ? 0 : ERR_NOMEM;
}

// ---- has it changed? ----

static bool is_own(const struct register_job *r, const struct binding *b)
{
    return str_eq(binding_impi(b), r->impi);
}

// Call-ID and CSeq change with every REGISTER, and older ones do no harm.
static bool says_the_same(const struct binding *b, const struct binding_params *p)
{
    static const enum binding_text kept[] = {BINDING_URI, BINDING_DISPLAY, BINDING_PARAMS, BINDING_PATH};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (!str_eq(binding_text(b, kept[i]), p->text[kept[i]]))
            return false;
    return b->reg_id == p->reg_id;
}

static bool ends_much_later(const struct register_job *r, const struct binding *b, const struct binding_params *p)
{
    return (int32_t)(now_s(r) + p->expires_s - b->told_s) > (int32_t)(p->expires_s / LATER);
}

// The binding that wish i refreshes.
static const struct binding *refreshed(const struct register_plan *plan, size_t i)
{
    for (size_t k = 0; k < plan->n; k++)
        if (plan->of[k].wish == i && plan->of[k].same)
            return plan->of[k].binding;
    return NULL;
}

static bool takes_away(const struct register_job *r, const struct register_plan *plan)
{
    for (size_t k = 0; k < plan->n; k++) {
        const struct binding_fate *f = &plan->of[k];
        bool goes = f->replaced || (f->wish < r->n_wishes && !(f->same && r->wishes[f->wish].expires_s));
        if (goes && is_own(r, f->binding))
            return true;
    }
    return false;
}

static bool is_known(const struct register_job *r, const struct register_plan *plan, size_t i,
                     const struct binding_params *p)
{
    const struct binding *b = refreshed(plan, i);
    return b && b->told_s && says_the_same(b, p) && !ends_much_later(r, b, p);
}

// ---- all of them ----

// Those that stay as they are; texts are the binding's, which does not go before the request is written.
static struct binding_params of_binding(const struct register_job *r, const struct binding *b)
{
    struct binding_params p = {
        .cseq = b->cseq, .reg_id = b->reg_id, .q = b->q, .expires_s = binding_expires_s(register_nf(r)->registrar, b)};
    for (unsigned i = 0; i < BINDING_TEXTS; i++)
        p.text[i] = binding_text(b, (enum binding_text)i);
    return p;
}

struct contacts {
    struct binding_params *v;
    size_t n;
    bool known; // by the HSS
};

static int add_wishes(struct register_job *r, const struct register_plan *plan, struct contacts *c)
{
    struct str path = register_path(r);
    int err = path.p ? 0 : ERR_NOMEM;
    for (size_t i = r->n_wishes; !err && i > 0; i--) { // the last one is bound last, and so the newest
        if (!r->wishes[i - 1].expires_s)
            continue;
        err = register_binding(r, &r->wishes[i - 1], path, &c->v[c->n]);
        c->known = c->known && !err && is_known(r, plan, i - 1, &c->v[c->n]);
        c->n++;
    }
    return err;
}

static void add_others(const struct register_job *r, const struct register_plan *plan, struct contacts *c)
{
    for (size_t k = 0; k < plan->n; k++) {
        const struct binding_fate *f = &plan->of[k];
        if (!is_own(r, f->binding) || f->wish < r->n_wishes || f->replaced)
            continue;
        c->known = c->known && f->binding->told_s;
        c->v[c->n++] = of_binding(r, f->binding);
    }
}

static struct str scheme_of(const struct register_job *r)
{
    if (r->proof == PROOF_AKA || r->protection == PROT_YES)
        return STR("Digest-AKAv1-MD5");
    return r->proof == PROOF_DIGEST || r->protection == PROT_ASSOC ? STR("SIP Digest") : STR_NONE;
}

static int write(struct register_job *r, const struct contacts *c, struct cx_restoration *ret_restoration)
{
    struct scscf *s = register_nf(r);
    const struct restoration_of of = {.impi = r->impi,
                                      .scheme = scheme_of(r),
                                      .contacts = c->v,
                                      .n = c->n,
                                      .wall_ms = loop_wall_ms(s->loop),
                                      .max = s->cfg->restoration.max_size};
    size_t left_out = 0;
    int err = restoration_write(register_arena(r), &of, ret_restoration, &left_out);
    if (err || !left_out)
        return err;
    scscf_count(s, SC_RESTORATION_CUT);
    LOG_FROM(hash_bytes(r->impi.p, r->impi.n), loop_now(s->loop) / 1000000, LOG_WARN,
             "the HSS is not told of all contacts, restoration.max_size is reached", NULL, LF("call_id", r->call_id),
             LF("impi", r->impi), LF("impu", r->impu), LF_NUM("left_out", left_out));
    return 0;
}

int register_backup(struct register_job *r, struct cx_restoration *ret_restoration)
{
    const struct scscf *s = register_nf(r);
    const struct registration *reg = register_find(r);
    struct register_plan plan;
    struct contacts c = {.known = reg && registration_count_of(reg, r->impi) && !registration_profile_due(reg)};
    r->told = false;
    *ret_restoration = (struct cx_restoration){0};
    if (!s->cfg->restoration.on || s->hss_restores == SCSCF_HSS_DOES_NOT)
        return 0;
    int err = register_plan(r, &plan);
    c.v = err ? NULL : arena_alloc(register_arena(r), (plan.n + plan.adds) * sizeof *c.v);
    if (!c.v)
        return ERR_NOMEM;
    c.known = c.known && !takes_away(r, &plan);
    err = add_wishes(r, &plan, &c);
    if (err)
        return err;
    add_others(r, &plan, &c);
    r->told = !c.known;
    return c.known ? 0 : write(r, &c, ret_restoration);
}

bool register_may_have_more(const struct register_job *r)
{
    return register_nf(r)->cfg->restoration.on && (r->outbound || register_limit(r) != 1);
}
