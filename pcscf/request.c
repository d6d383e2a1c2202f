// SPDX-License-Identifier: Apache-2.0
// What every procedure does with a request, whatever it is about: where it came from, what crosses the trust boundary
// with it, how it goes on.
#include "base/err.h"
#include "pcscf/pcscf_priv.h"

struct access_flow pcscf_source_flow(const struct pxy *p)
{
    const struct flow_info *f = pxy_source(p);
    return (struct access_flow){
        .proto = f->proto, .label = (uint8_t)f->listener, .remote = f->remote, .id = pxy_flow(p)};
}

// An ACK that comes here is of a dialog, whatever it says: nobody could challenge it (RFC 3261 22.1).
bool pcscf_in_dialog(const struct sip_msg *m)
{
    return sip_msg_to_tag(m).p != NULL || sip_msg_method(m) == SIP_ACK;
}

// ---- the trust boundary ----

void pcscf_hide_from_ue(const struct pcscf *pc, const struct sip_msg *m, struct sip_edits *e)
{
    trust_out(TRUST_UE, pc->config->warnings == STACK_WARNINGS_FULL, m, e);
}

// RFC 7315 4.4: in all but ACK and CANCEL.
void pcscf_take_from(const struct pcscf *pc, const struct access_flow *ue, const struct sip_msg *m, struct sip_edits *e)
{
    enum sip_method method = sip_msg_cseq(m)->method;
    struct str known = access_info_of(pc->access_info, &ue->remote);
    trust_in(TRUST_UE, m, e);
    if (sip_msg_is_request(m))
        agreement_strip(m, e);
    if (known.n && method != SIP_ACK && method != SIP_CANCEL)
        sip_edit_append(e, SIP_H_P_ACCESS_NETWORK_INFO, known);
}

void pcscf_take_from_ue(const struct pjob *pj, const struct sip_msg *m, struct sip_edits *e)
{
    pcscf_take_from(pj->pcscf, &pj->ue, m, e);
}

// ---- forwarding ----

void pcscf_aim_at_core(struct pjob *pj)
{
    pj->target.label = PCSCF_CORE;
    pj->target.leg_ms = pj->pcscf->config->leg_core_ms;
}

enum step_verdict pcscf_forward(struct pjob *pj, const struct pxy_forward_ops *ops)
{
    if (pj->arena->failed)
        return job_fail(&pj->job, 500, "out of memory");
    pj->target.edits = pj->edits;
    pj->target.ctx = pj;
    int e = pxy_forward(job_pxy(&pj->job), &pj->target, 1, ops, pj->pcscf);
    return e && e != ERR_STATE ? job_fail(&pj->job, 500, err_text(e)) : STEP_DONE;
}
