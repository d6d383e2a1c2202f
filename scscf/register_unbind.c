// SPDX-License-Identifier: Apache-2.0
// De-registration by the user (TS 24.229 5.4.1.4.1). What is bound here ends at once and the UE has its
// answer; that the HSS cannot be told now keeps nobody from leaving.
#include "base/err.h"
#include "base/log.h"
#include "scscf/contact.h"
#include "scscf/register.h"

// The HSS took this S-CSCF for the one that serves the user when it was asked for a vector.
static enum step_verdict nothing_there(struct register_job *r)
{
    const struct registration *reg = register_find(r);
    if (r->proof != PROOF_NONE && (!reg || !registration_count_of(reg, r->impi)))
        cx_notify(register_nf(r), r->call_id, r->impi, r->impu, CX_USER_DEREGISTRATION);
    return job_fail(&r->job, 481, "the contact is not registered");
}

// Step 1: what is not bound by this private identity cannot be removed.
static enum step_verdict check_bound(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct register_plan p;
    if (register_plan(r, &p))
        return job_fail(j, 500, err_text(ERR_NOMEM));
    for (size_t i = 0; i < p.n; i++)
        if (p.of[i].wish < r->n_wishes)
            return STEP_CONTINUE;
    return nothing_there(r);
}

static int note_gone(struct register_job *r, const struct register_plan *p)
{
    r->gone = arena_alloc(register_arena(r), (p->n + 1) * sizeof *r->gone);
    for (size_t i = 0; r->gone && i < p->n; i++)
        if (p->of[i].wish < r->n_wishes)
            r->gone[r->n_gone++] = contact_value(register_arena(r), p->of[i].binding, 0);
    return r->gone && !register_arena(r)->failed ? 0 : ERR_NOMEM;
}

static enum step_verdict unbind_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct registration *reg = register_find(r);
    struct register_plan p;
    if (register_plan(r, &p) || note_gone(r, &p))
        return job_fail(j, 500, err_text(ERR_NOMEM));
    r->record = registration_kept(reg)->id;
    for (size_t i = 0; i < p.n; i++)
        if (p.of[i].wish < r->n_wishes)
            registration_unbind(reg, p.of[i].binding, BINDING_REMOVED, r->call_id);
    (void)registration_settle(reg);
    register_overtake(r);
    scscf_count(j->nf, SC_DEREGISTERED);
    LOG(LOG_INFO, "deregistered", LF("call_id", r->call_id), LF("impi", r->impi),
        LF("impu", r->impu));
    return STEP_CONTINUE;
}

static enum step_verdict reply(struct job *j)
{
    return register_send_gone((struct register_job *)j);
}

static const struct step steps[] = {
    {"check contacts", check_bound, "TS 24.229 5.4.1.4.1"},
    {"check order", register_check_order, "RFC 3261 10.3"},
    {"unbind contacts", unbind_contacts, "TS 24.229 5.4.1.4.1"},
    {"store", register_forget, "TS 23.380 4.2", .late = register_forget_late},
    {"reply", reply, "TS 24.229 5.4.1.4.1"},
};
const struct procedure register_unbind = {"register: unbind", steps, ARRAY_LEN(steps)};
