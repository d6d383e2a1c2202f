// SPDX-License-Identifier: Apache-2.0
// What a REGISTER means for the bindings that are there: which it names, and which it takes the place of
// (RFC 3261 10.3, RFC 5626 6, TS 24.229 5.4.1.2.2). It is worked out anew after each wait.
#include "base/err.h"
#include "scscf/register.h"
#include "sip/uri.h"

static bool is_own(const struct register_job *r, const struct binding *b)
{
    return str_eq(binding_impi(b), r->impi);
}

// The very contact, not one that it takes the place of.
static bool is_same(const struct binding *b, const struct sip_uri *at, const struct contact_wish *w)
{
    if (w->reg_id && b->reg_id)
        return b->reg_id == w->reg_id &&
               str_eq(binding_text(b, BINDING_INSTANCE), w->contact->instance);
    return at && sip_uri_eq(at, &w->contact->addr.uri);
}

// Whose contact it is does not matter for a new one: nobody else can be at its address, nor be that
// instance. Only its own is taken away.
static bool means(const struct register_job *r, const struct contact_wish *w,
                  const struct binding *b, const struct sip_uri *at)
{
    const struct contact_key k = {&w->contact->addr.uri, w->contact->instance, w->reg_id};
    return (w->expires_s || is_own(r, b)) && binding_is(b, at, &k);
}

static void read_meaning(const struct register_job *r, struct arena *a, struct binding_fate *f)
{
    struct sip_uri at;
    const struct binding *b = f->binding;
    bool legible = !r->star && sip_uri_parse(a, binding_uri(b), &at) == 0;
    f->wish = r->n_wishes;
    if (r->star) { // what this private identity has bound (TS 24.229 5.4.1.4.1)
        f->wish = is_own(r, b) ? 0 : r->n_wishes;
        return;
    }
    for (size_t i = 0; f->wish == r->n_wishes && i < r->n_wishes; i++) {
        const struct contact_wish *w = &r->wishes[i];
        if (!means(r, w, b, legible ? &at : NULL))
            continue;
        f->wish = i;
        f->same = is_own(r, b) && is_same(b, legible ? &at : NULL, w);
    }
}

// Another flow of a UE that registers a flow (RFC 5626 4.2).
static bool is_sibling(const struct register_job *r, const struct binding *b)
{
    for (size_t i = 0; b->reg_id && i < r->n_wishes; i++) {
        const struct contact_wish *w = &r->wishes[i];
        if (w->expires_s && w->reg_id &&
            str_eq(w->contact->instance, binding_text(b, BINDING_INSTANCE)))
            return true;
    }
    return false;
}

uint32_t register_limit(const struct register_job *r)
{
    const struct scscf_config *c = register_nf(r)->cfg;
    switch (r->proof) {
    case PROOF_AKA:
        return c->registration.contacts_aka;
    case PROOF_DIGEST:
        return c->registration.contacts_digest;
    case PROOF_NONE:
        break;
    }
    return 0;
}

// A UE that has been restarted, or has got another address, and the identity module that was put into
// another UE: what was bound before is of the past, the oldest first (TS 24.229 5.4.1.2.2).
static void choose_replaced(const struct register_job *r, struct register_plan *p)
{
    uint32_t max = register_limit(r);
    size_t kept = p->adds;
    for (size_t i = 0; max && p->adds && i < p->n; i++) {
        struct binding_fate *f = &p->of[i];
        bool other = f->wish == r->n_wishes && is_own(r, f->binding) && !is_sibling(r, f->binding);
        if (!other)
            continue;
        f->replaced = kept >= max;
        kept += !f->replaced;
    }
}

int register_plan(const struct register_job *r, struct register_plan *ret_plan)
{
    struct arena *a = job_arena(&r->job);
    const struct registration *reg = register_find(r);
    struct register_plan p = {.n = reg ? registration_binding_count(reg) : 0};
    p.of = arena_zalloc(a, (p.n + 1) * sizeof *p.of);
    if (!p.of)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_wishes; i++)
        p.adds += r->wishes[i].expires_s > 0;
    struct binding *b = reg ? registration_bindings(reg) : NULL;
    for (size_t i = 0; b; b = b->next, i++) {
        p.of[i].binding = b;
        read_meaning(r, a, &p.of[i]);
    }
    choose_replaced(r, &p);
    *ret_plan = p;
    return 0;
}
