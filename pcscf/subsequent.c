// SPDX-License-Identifier: Apache-2.0
// Requests inside a dialog (TS 24.229 5.2.6.3.5 to .8, 5.2.6.4.5 to .8): the token in this P-CSCF's
// own Record-Route entry, which came back as Route, is all the dialog state there is. That of a UE
// holds the route set that the network gave it.
#include "pcscf/pcscf_priv.h"

static enum step_verdict strip_from_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    trust_strip_from_outside(pj->req, pj->edits);
    agreement_strip(pj->req, pj->edits);
    if (sip_msg_has(pj->req, SIP_H_P_PREFERRED_IDENTITY))
        sip_edit_remove(pj->edits, SIP_H_P_PREFERRED_IDENTITY);
    return STEP_CONTINUE;
}

static enum step_verdict strip_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    trust_strip_to_outside(pj->req, pj->edits);
    return STEP_CONTINUE;
}

static enum pxy_verdict response_to_ue(void *nf, struct pxy *p, void *ctx, unsigned status,
                                       const struct sip_msg *msg, struct sip_edits *edits)
{
    (void)nf;
    (void)p;
    (void)ctx;
    (void)status;
    if (msg)
        trust_strip_to_outside(msg, edits);
    return PXY_PASS;
}

static enum pxy_verdict response_from_ue(void *nf, struct pxy *p, void *ctx, unsigned status,
                                         const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pjob *pj = ctx;
    (void)nf;
    (void)p;
    if (!msg && status == 503) // inside a dialog there is no other contact to turn to: no 430
        return pcscf_flow_failed(pj, true);
    if (msg)
        trust_strip_from_outside(msg, edits);
    return PXY_PASS;
}

static enum step_verdict send_to_core(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = response_to_ue};
    struct pjob *pj = pjob_of(j);
    pj->pcscf->counters.subsequent++;
    pcscf_aim_at_core(pj);
    return pcscf_forward(pj, &ops);
}

static enum step_verdict send_to_ue(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = response_from_ue};
    struct pjob *pj = pjob_of(j);
    pj->pcscf->counters.subsequent++;
    pcscf_aim_at_ue(pj);
    return pcscf_forward(pj, &ops);
}

static const struct step from_ue_steps[] = {
    {"check-dialog", dialog_check_from_ue, "TS 24.229 5.2.6.3.5"},
    {"strip", strip_from_ue, "TS 24.229 5.2.6.3.5"},
    {"forward", send_to_core, "TS 24.229 5.2.6.3.5"},
};
const struct procedure pcscf_from_ue = {"subsequent-from-ue", from_ue_steps,
                                        ARRAY_LEN(from_ue_steps)};

static const struct step to_ue_steps[] = {
    {"check-dialog", dialog_check_to_ue, "TS 24.229 5.2.6.4.5"},
    {"strip", strip_to_ue, "TS 24.229 5.2.6.4.5"},
    {"forward", send_to_ue, "TS 24.229 5.2.6.4.5"},
};
const struct procedure pcscf_to_ue = {"subsequent-to-ue", to_ue_steps, ARRAY_LEN(to_ue_steps)};
