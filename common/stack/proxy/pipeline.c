// SPDX-License-Identifier: Apache-2.0
#include "stack/proxy/pipeline.h"

#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "stack/proxy/proxy_priv.h"

static struct str cause_text(const struct reject *r, struct arena *a)
{
    return r->code ? arena_printf(a, "%s %u", r->cause, r->code) : str_from(r->cause);
}

static void log_refusal(const struct job *j, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    const struct step *st = job_step(j);
    const struct reject *r = &j->reject;
    struct str reason = r->reason ? str_from(r->reason) : sip_reason(r->status);
    LOG_FROM(transport_log_source(p->layer->transport, p->flow, &p->source.remote, j->identity),
             loop_now(p->layer->loop) / 1000000, r->status >= 500 ? LOG_WARN : LOG_INFO,
             "request refused", r->cause, LF("call_id", sip_msg_call_id(m)),
             LF("method", sip_msg_method_name(m)), LF("identity", j->identity),
             LF_NUM("status", r->status), LF("reason", reason),
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

static void refuse(struct job *j)
{
    const struct reject *r = &j->reject;
    struct pxy *p = job_pxy(j);
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

// ---- the owner ----

static bool alive(const struct job *j)
{
    return !job_pxy(j)->leaving;
}

static const char *starved(struct job *j)
{
    return pxy_starved(job_pxy(j));
}

static void on_deadline(void *arg)
{
    job_expired(arg);
}

static int arm(struct job *j, uint32_t ms)
{
    struct pxy *p = job_pxy(j);
    struct timer *t = j->timer;
    if (!t) {
        j->timer = t = ARENA_NEW(pxy_arena(p), struct timer);
        if (!t)
            return ERR_NOMEM;
        timer_init(t, on_deadline, j);
    }
    timer_start(p->layer->loop, t, ms);
    return 0;
}

static void disarm(struct job *j)
{
    timer_stop(j->timer);
}

static const struct steps_owner_ops ops = {
    .alive = alive, .starved = starved, .reject = refuse, .arm = arm, .disarm = disarm};

void pxy_steps_init(struct steps_owner *o, void *nf)
{
    *o = (struct steps_owner){.ops = &ops, .nf = nf, .late_status = 504, .starved_status = 500};
}

static void on_pxy_gone(void *ctx)
{
    struct job *j = ctx;
    job_gone(j);
    if (j->ended)
        j->ended(j);
}

void pxy_run(struct pxy *p, struct job *j, const struct procedure *proc,
             const struct steps_owner *o, void (*ended)(struct job *j))
{
    j->owner = o;
    j->id = p->id;
    j->subject = p;
    j->arena = &p->arena;
    j->input = sip_msg_arena(p->req);
    j->ended = ended;
    pxy_set_ctx(p, j, on_pxy_gone);
    job_start(j, proc);
}

struct job *pxy_layer_job(const struct pxy_layer *l, pxy_id id)
{
    const struct pxy *p = pxy_layer_find(l, id);
    struct job *j = p ? p->ctx : NULL;
    return j && job_waits(j) ? j : NULL;
}
