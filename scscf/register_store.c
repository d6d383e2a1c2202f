// SPDX-License-Identifier: Apache-2.0
// What a REGISTER has changed is on the disk before its sender hears of it (registration.durable). A store that does
// not take it, or not in time, must not be passed over in silence: who was registered stays so and is asked to come
// again, and who is new goes to another S-CSCF.
#include "base/err.h"
#include "base/log.h"
#include "scscf/durable.h"
#include "scscf/register.h"

enum { RETRY_S = 30 };

static const char *cause_of(int err)
{
    return err == ERR_TIMEOUT ? "the store has not taken the registration in time" :
                                "the store does not take the registration";
}

// What this very REGISTER has bound goes again; what a newer one has bound since stays.
static bool unbind_own(struct register_job *r)
{
    struct registration *reg = register_find(r);
    for (struct binding *b = reg ? registration_bindings(reg) : NULL, *next; b; b = next) {
        next = b->next;
        if (str_eq(binding_impi(b), r->impi) && b->cseq == r->cseq &&
            str_eq(binding_text(b, BINDING_CALL_ID), r->call_id))
            registration_unbind(reg, b, BINDING_UNDONE, STR_NONE);
    }
    bool left = reg && registration_count_of(reg, r->impi) > 0;
    if (reg)
        (void)registration_settle(reg);
    return !left;
}

static struct reject not_stored(struct register_job *r, int err)
{
    struct reject bad = {.status = 500, .retry_after = RETRY_S};
    scscf_count(register_nf(r), SC_UNSTORED);
    if (!r->again && unbind_own(r))
        bad = cx_cannot_serve(register_nf(r), r->call_id, r->impi, r->impu, err);
    bad.cause = cause_of(err);
    return bad;
}

static void on_stored(void *arg, uint64_t id, int err)
{
    const struct scscf *s = arg;
    struct job *j = pxy_job(s->stack, id);
    if (!j)
        return;
    if (err)
        job_reject(j, not_stored((struct register_job *)j, err));
    else
        job_resume(j);
}

// Who leaves is let go all the same; the store is asked again and again to forget him.
static void on_forgotten(void *arg, uint64_t id, int err)
{
    const struct scscf *s = arg;
    struct job *j = pxy_job(s->stack, id);
    (void)err;
    if (j)
        job_resume(j);
}

// What this REGISTER has changed; NULL: it has ended. What register_find finds may be another one's by now, of a set of
// his own.
static struct registration *changed(const struct register_job *r)
{
    size_t it = 0;
    for (struct registration *reg; (reg = registrar_next_with(register_nf(r)->registrar, r->impu, &it, NULL));)
        if (registration_kept(reg)->id == r->record)
            return reg;
    return NULL;
}

static int flush(const struct job *j, keep_cb cb)
{
    struct scscf *s = j->nf;
    const struct register_job *r = (const struct register_job *)j;
    if (!s->durable || !s->cfg->state.durable || !r->record)
        return KEEP_NOW;
    struct registration *reg = changed(r);
    return reg ? durable_wait(s->durable, reg, cb, s, j->id) : durable_wait_gone(s->durable, r->record, cb, s, j->id);
}

static enum step_verdict wait(struct job *j)
{
    return job_wait(j, ((const struct scscf *)j->nf)->cfg->registration.durable_wait_ms);
}

enum step_verdict register_await_store(struct job *j)
{
    int n = flush(j, on_stored);
    if (!n)
        return wait(j);
    if (n == KEEP_NOW)
        return STEP_CONTINUE;
    j->reject = not_stored((struct register_job *)j, n);
    return STEP_REJECT;
}

enum step_verdict register_await_store_late(struct job *j)
{
    j->reject = not_stored((struct register_job *)j, ERR_TIMEOUT);
    return STEP_REJECT;
}

enum step_verdict register_forget(struct job *j)
{
    return flush(j, on_forgotten) == 0 ? wait(j) : STEP_CONTINUE;
}

enum step_verdict register_forget_late(struct job *j)
{
    (void)j;
    return STEP_CONTINUE;
}
