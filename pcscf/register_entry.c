// SPDX-License-Identifier: Apache-2.0
// The way of a REGISTER to the home network (TS 24.229 5.2.2.1): its entry points are what DNS says of the domain, or
// of home.entry, and then home.further_entries. The next one is asked when one is silent, cannot be reached, is
// overloaded, or answers 3xx or 480: the stack goes from one address of a name to the next, this file from name to
// name.
#include "base/err.h"
#include "pcscf/register.h"

static size_t n_entries(const struct pjob *pj)
{
    return 1 + pj->pcscf->config->further_entries.n;
}

static struct str entry_at(struct pjob *pj, size_t i)
{
    const struct pcscf_config *c = pj->pcscf->config;
    if (i)
        return c->further_entries.v[i - 1];
    return c->home_entry.n ? c->home_entry : ARENA_CAT(pj->arena, STR("sip:"), sip_msg_uri(pj->req)->host);
}

// Each entry point has its share of what is left of the leg; the time is counted from the arrival of the request.
static uint32_t leg_of(const struct pjob *pj, size_t left)
{
    uint32_t leg = pj->pcscf->config->leg_core_ms;
    uint32_t rest = leg ? pxy_time_left(job_pxy(&pj->job), leg) : 0;
    return leg - rest + rest / (uint32_t)left;
}

// Does the answer say that this entry point is none, rather than what the home network thinks of the user?
static bool is_elsewhere(unsigned status)
{
    return (status >= 300 && status < 400) || status == 480;
}

static const struct pxy_forward_ops ops;

static int try_next(struct pjob *pj)
{
    struct pxy *p = job_pxy(&pj->job);
    size_t i = pj->entries_tried++, left = n_entries(pj) - i;
    pcscf_aim_at_core(pj);
    pj->target.leg_ms = leg_of(pj, left);
    pj->target.elsewhere = is_elsewhere;
    pj->target.speaks = true; // nobody but the home network itself answers it
    pj->target.next_hop = entry_at(pj, i);
    pj->target.edits = left == 1 ? pj->edits : NULL;
    pj->target.ctx = pj;
    return pxy_forward(p, &pj->target, 1, &ops, pj->pcscf);
}

static bool is_another_left(const struct pjob *pj)
{
    uint32_t leg = pj->pcscf->config->leg_core_ms;
    return pj->entries_tried < n_entries(pj) && (!leg || pxy_time_left(job_pxy(&pj->job), leg));
}

// None is left: a time-out of the network, not a fault of this node.
static enum pxy_verdict no_home_network(struct pjob *pj, unsigned status, const struct sip_msg *msg,
                                        const char *trouble)
{
    const char *cause = status == 408 ? "the home network's entry point does not answer"
                                      : "the home network's entry point cannot be reached";
    struct str all = msg       ? arena_printf(pj->arena, "the home network's entry point answers %u", status)
                     : trouble ? arena_printf(pj->arena, "%s: %s", cause, trouble)
                               : STR_NONE;
    job_reject(&pj->job, (struct reject){.status = 504, .cause = all.p ? all.p : cause});
    return PXY_TAKEN;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pcscf *pc = nf;
    struct pjob *pj = ctx;
    bool elsewhere = msg ? is_elsewhere(status) : status != 513;
    if ((elsewhere || status == 503) && is_another_left(pj)) {
        pc->counters.entries_passed_over++;
        if (try_next(pj) == 0)
            return PXY_TAKEN;
    }
    if (elsewhere)
        return no_home_network(pj, status, msg, pxy_trouble(p));
    if (!msg)
        return PXY_PASS;
    pcscf_hide_from_ue(pc, msg, edits); // ck and ik, too
    if (status < 200 || status >= 300)
        return PXY_PASS;
    if (pj->counted) // and the REGISTER that was challenged
        bucket_give(pc->pending, pcscf_source(pc, &pj->ue.remote), 2, loop_now(pc->loop));
    return register_store(pj, msg, edits);
}

static const struct pxy_forward_ops ops = {.response = on_response};

enum step_verdict register_to_home(struct pjob *pj)
{
    if (pj->arena->failed)
        return job_fail(&pj->job, 500, "out of memory");
    int e = try_next(pj);
    return e && e != ERR_STATE ? job_fail(&pj->job, 500, err_text(e)) : STEP_DONE;
}
