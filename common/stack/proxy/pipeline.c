// SPDX-License-Identifier: Apache-2.0
#include "stack/proxy/pipeline.h"

#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "stack/proxy/proxy_priv.h"

static const struct step *current_step(const struct job *j)
{
    return j->next ? &j->proc->steps[j->next - 1] : NULL;
}

static struct str cause_text(const struct reject *r, struct arena *a)
{
    return r->code ? arena_printf(a, "%s %u", r->cause, r->code) : str_from(r->cause);
}

static void log_refusal(const struct job *j, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    const struct step *st = current_step(j);
    const struct reject *r = &j->reject;
    struct str reason = r->reason ? str_from(r->reason) : sip_reason(r->status);
    LOG_FROM(transport_log_source(p->layer->transport, p->flow, &p->source.remote, j->identity), loop_now(p->layer->loop) / 1000000,
             r->status >= 500 ? LOG_WARN : LOG_INFO, "request refused", r->cause,
             LF("call_id", sip_msg_call_id(m)), LF("method", sip_msg_method_name(m)),
             LF("identity", j->identity), LF_NUM("status", r->status), LF("reason", reason),
             LF("cause", cause_text(r, pxy_arena(p))), LF_Z("procedure", j->proc->name),
             LF_Z("step", st ? st->name : NULL), LF_Z("clause", st ? st->clause : NULL));
}

// RFC 3261 21.4.1: the reason phrase of a 400 says what is wrong with the request.
static struct str phrase(const struct reject *r, struct arena *a)
{
    if (!r->reason && r->status == 400 && r->cause)
        return arena_printf(a, "%.*s: %s", STR_ARG(sip_reason(400)), r->cause);
    return str_from(r->reason);
}

static void refuse(struct job *j, struct pxy *p)
{
    const struct reject *r = &j->reject;
    struct arena *a = pxy_arena(p);
    struct str reason = phrase(r, a);
    struct sip_edits extra;

    if (!r->quiet)
        log_refusal(j, p);
    if (r->extra)
        sip_edits_copy(&extra, a, r->extra);
    else
        sip_edits_init(&extra, a, NULL);
    if (r->retry_after)
        sip_edit_append(&extra, SIP_H_RETRY_AFTER, arena_printf(a, "%u", r->retry_after));
    if (r->cause)
        pxy_warn(p, &extra, cause_text(r, a));
    (void)pxy_reply(p, r->status, reason, &extra);
}

static void finish(struct job *j)
{
    j->next = j->proc->n;
}

// A step that ran out of memory may have read nothing where something was written: nothing is decided
// on that.
static enum step_verdict run_step(struct job *j)
{
    enum step_verdict v = j->proc->steps[j->next++].run(j);
    struct pxy *p = v == STEP_CONTINUE || v == STEP_REJECT ? job_pxy(j) : NULL;
    const char *why = p ? pxy_starved(p) : NULL;
    return why ? job_fail(j, 500, why) : v;
}

static void run(struct job *j)
{
    while (j->next < j->proc->n) {
        switch (run_step(j)) {
        case STEP_CONTINUE:
            continue;
        case STEP_WAIT:
            return;
        case STEP_DONE:
            finish(j);
            return;
        case STEP_REJECT:
            job_reject(j, j->reject);
            return;
        }
    }
}

void job_start(struct job *j, struct pxy *p, const struct procedure *proc, void *nf)
{
    j->id = pxy_get_id(p);
    j->pxys = pxy_layer_of(p);
    j->proc = proc;
    j->next = 0;
    j->nf = nf;
    if (!pxy_ctx(p))
        pxy_set_ctx(p, j, NULL);
    run(j);
}

struct pxy *job_pxy(const struct job *j)
{
    return pxy_layer_find(j->pxys, j->id);
}

void job_resume(struct job *j)
{
    run(j);
}

void job_reject(struct job *j, struct reject r)
{
    struct pxy *p = job_pxy(j);
    j->reject = r;
    if (p)
        refuse(j, p);
    finish(j);
}

enum step_verdict job_fail(struct job *j, unsigned status, const char *cause)
{
    j->reject = (struct reject){.status = status, .cause = cause};
    return STEP_REJECT;
}
