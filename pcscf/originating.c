// SPDX-License-Identifier: Apache-2.0
// Requests from a registered UE that start a dialog or stand alone (TS 24.229 5.2.6.3): who sends it is
// known by its association (sender.c); the identity is asserted; the way is the stored Service-Route.
#include "pcscf/pcscf_priv.h"

#include "sip/uri.h"

static enum step_verdict check_registered(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct sender from = pcscf_sender(pj->pcscf, &pj->ue, pj->req);
    if (from.kind == SENDER_NOBODY) {
        pj->pcscf->counters.refused_unregistered++;
        j->identity = sip_msg_from(pj->req)->uri.text;
        return job_fail(j, 403, "request from a UE that is not registered here");
    }
    pj->reg = from.reg;
    pj->ue.user = reg_flow(from.reg)->user;
    pj->unproven = from.kind == SENDER_CLAIMS;
    if (pj->unproven)
        pj->pcscf->counters.unproven++;
    else
        pcscf_hear(pj->pcscf, &pj->ue);
    return STEP_CONTINUE;
}

// The identity of this contact that the UE prefers, as it is registered (what else the UE wrote into
// its URI is not vouched for), else the default one.
static struct str asserted_value(struct pjob *pj)
{
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_P_PREFERRED_IDENTITY);
    struct str impu = STR_NONE;
    for (const struct sip_addr *ppi; !impu.n && (ppi = sip_iter_next(&it));)
        impu = reg_impu_like(pj->reg, ppi->uri.text);
    return ARENA_CAT(pj->arena, STR("<"), impu.n ? impu : reg_impu(pj->reg, 0), STR(">"));
}

static enum step_verdict assert_identity(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pj->asserted = asserted_value(pj);
    j->identity = pj->asserted;
    trust_strip_from_outside(pj->req, pj->edits);
    agreement_strip(pj->req, pj->edits);
    // RFC 3325 5: nothing is asserted of somebody who is not known; the S-CSCF asks him (TS 24.229 5.4.3.6).
    if (pj->unproven)
        return STEP_CONTINUE;
    sip_edit_remove(pj->edits, SIP_H_P_PREFERRED_IDENTITY);
    sip_edit_append(pj->edits, SIP_H_P_ASSERTED_IDENTITY, pj->asserted);
    return STEP_CONTINUE;
}

// A pre-loaded Route that differs from the Service-Route is replaced, the clause's option b).
static enum step_verdict set_route(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct str route = reg_service_route(pj->reg);
    if (route.n == 0)
        return job_fail(j, 403, "no Service-Route is stored for this contact");
    sip_edit_set(pj->edits, SIP_H_ROUTE, arena_dup(pj->arena, route));
    return STEP_CONTINUE;
}

static enum step_verdict add_charging(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    sip_edit_append(pj->edits, SIP_H_P_CHARGING_VECTOR, pcscf_charging_vector(pj->pcscf, pj->arena));
    return STEP_CONTINUE;
}

static enum step_verdict add_record_route(struct job *j)
{
    record_route_to_core(pjob_of(j));
    return STEP_CONTINUE;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pcscf *pc = nf;
    const struct pjob *pj = ctx;
    (void)p;
    (void)status;
    if (!msg)
        return PXY_PASS;
    trust_strip_to_outside(msg, edits);
    record_route_back_to_ue(pc, edits->arena, &pj->ue, msg, edits);
    return PXY_PASS;
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response};
    struct pjob *pj = pjob_of(j);
    pj->pcscf->counters.originating++;
    pcscf_aim_at_core(pj);
    return pcscf_forward(pj, &ops);
}

static const struct step steps[] = {
    {"check-registered", check_registered, "TS 24.229 5.2.6.3.1"},
    {"assert-identity", assert_identity, "TS 24.229 5.2.6.3.1"},
    {"set-route", set_route, "TS 24.229 5.2.6.3.3"},
    {"add-charging-vector", add_charging, "TS 24.229 5.2.6.3.3"},
    {"add-record-route", add_record_route, "TS 24.229 5.2.6.3.3"},
    {"forward", forward, "TS 24.229 5.2.6.3.3"},
};
const struct procedure pcscf_originating = {"originating", steps, ARRAY_LEN(steps)};
