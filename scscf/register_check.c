// SPDX-License-Identifier: Apache-2.0
// Whether what is bound allows what a REGISTER wants. It is asked before the HSS is and again when that has answered:
// what was true before need not be any more.
#include "base/err.h"
#include "scscf/register.h"

static enum step_verdict no_memory(struct job *j)
{
    return job_fail(j, 500, err_text(ERR_NOMEM));
}

static bool is_known(const struct register_job *r, const struct register_plan *p, size_t wish)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->of[i].wish == wish && p->of[i].same)
            return true;
    return !r->wishes[wish].expires_s;
}

// A re-registration binds what is bound already, by this very address; a new one needs an
// authentication of its own, unless it is a further flow (TS 24.229 5.4.1.2.2).
enum step_verdict register_check_known(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct register_plan p;
    if (r->proof != PROOF_NONE)
        return STEP_CONTINUE;
    if (register_plan(r, &p))
        return no_memory(j);
    for (size_t i = 0; i < r->n_wishes; i++)
        if (!is_known(r, &p, i) && !(r->wishes[i].reg_id && p.n))
            return job_fail(j, 403, "contact was not registered before");
    return STEP_CONTINUE;
}

// RFC 3261 10.3 step 7: the numbers of one Call-ID only grow. It counts for what the contact takes the
// place of as well: the UE that has moved is the same one.
enum step_verdict register_check_order(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct register_plan p;
    if (r->overtaken)
        return job_fail(j, 500, "a newer REGISTER has been served meanwhile");
    if (register_plan(r, &p))
        return no_memory(j);
    for (size_t i = 0; i < p.n; i++) {
        const struct binding *b = p.of[i].binding;
        bool touched = p.of[i].wish < r->n_wishes || p.of[i].replaced;
        if (touched && str_eq(binding_text(b, BINDING_CALL_ID), r->call_id) && r->cseq <= b->cseq)
            return job_fail(j, 500, "CSeq is not higher than that of the binding");
    }
    return STEP_CONTINUE;
}

// Flows of one UE beside the one that is registered (TS 24.229 5.4.1.2.2).
static size_t other_flows(const struct register_job *r, const struct register_plan *p,
                          const struct contact_wish *w)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct binding *b = p->of[i].binding;
        n += b->reg_id && b->reg_id != w->reg_id && str_eq(binding_impi(b), r->impi) &&
             str_eq(binding_text(b, BINDING_INSTANCE), w->contact->instance);
    }
    return n;
}

enum step_verdict register_check_count(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct scscf_config *c = register_nf(r)->cfg;
    struct register_plan p;
    if (register_plan(r, &p))
        return no_memory(j);
    size_t n = p.adds;
    for (size_t i = 0; i < p.n; i++)
        n += p.of[i].wish == r->n_wishes && !p.of[i].replaced;
    if (n > c->registration.max_contacts)
        return job_fail(j, 403, "too many contacts");
    for (size_t i = 0; i < r->n_wishes; i++)
        if (r->wishes[i].expires_s && r->wishes[i].reg_id &&
            other_flows(r, &p, &r->wishes[i]) >= c->registration.max_flows)
            return job_fail(j, 403, "too many flows");
    return STEP_CONTINUE;
}
