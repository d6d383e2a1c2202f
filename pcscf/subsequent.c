// SPDX-License-Identifier: Apache-2.0
// Requests inside a dialog (TS 24.229 5.2.6.3.5 and 5.2.6.3.9, 5.2.6.4.5 and 5.2.6.4.9): the token in this P-CSCF's
// own Record-Route entry, which came back as Route, is all the dialog state there is. That of a UE
// holds the route set that the network gave it.
#include "pcscf/procedures.h"

static enum step_verdict strip_from_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pcscf_take_from_ue(pj, pj->req, pj->edits);
    return STEP_CONTINUE;
}

// The identifier of the dialog's first request (TS 24.229 4.5.2 table 4-2A, 5.2.6.3.5, 5.2.6.3.9).
static enum step_verdict add_charging(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    if (pj->icid.n)
        sip_edit_append(pj->edits, SIP_H_P_CHARGING_VECTOR,
                        pcscf_charging_vector(pj->pcscf, pj->arena, pj->icid));
    return STEP_CONTINUE;
}

static enum step_verdict strip_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pcscf_hide_from_ue(pj->pcscf, pj->req, pj->edits);
    return STEP_CONTINUE;
}

static enum pxy_verdict response_to_ue(void *nf, struct pxy *p, void *ctx, unsigned status,
                                       const struct sip_msg *msg, struct sip_edits *edits)
{
    const struct pjob *pj = ctx;
    const struct sip_uri *own = pxy_own_route(p);
    (void)status;
    if (!msg)
        return PXY_PASS;
    pcscf_hide_from_ue(nf, msg, edits);
    record_route_again_back_to_ue(nf, &pj->ue, own ? own->text : STR_NONE, msg, edits);
    return PXY_PASS;
}

static void keep_to_ue(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    const struct pjob *pj = ctx;
    const struct sip_uri *own = pxy_own_route(p);
    (void)nf;
    pxy_keep_bytes(w, &pj->ue, sizeof pj->ue);
    pxy_keep_str(w, own ? own->text : STR_NONE);
}

static void late_to_ue(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct access_flow ue;
    pxy_kept_bytes(&kept, &ue, sizeof ue);
    pcscf_hide_from_ue(nf, msg, edits);
    record_route_again_back_to_ue(nf, &ue, pxy_kept_str(&kept), msg, edits);
}

static void pass_from_ue(const struct pcscf *pc, const struct access_flow *ue, struct str vector,
                         const struct sip_msg *msg, struct sip_edits *edits)
{
    pcscf_take_from(pc, ue, msg, edits);
    if (vector.n)
        sip_edit_append(edits, SIP_H_P_CHARGING_VECTOR, vector);
}

static enum pxy_verdict response_from_ue(void *nf, struct pxy *p, void *ctx, unsigned status,
                                         const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pjob *pj = ctx;
    if (!msg && status == 503) // inside a dialog there is no other contact to turn to: no 430
        return pcscf_flow_failed(pj, true);
    if (!msg)
        return PXY_PASS;
    pass_from_ue(nf, &pj->ue, pcscf_charging_answer(pj->pcscf, edits->arena, pj->req), msg, edits);
    pj->mended = record_route_back_to_core(nf, edits->arena, &pj->ue, pxy_request(p), msg, edits);
    return PXY_PASS;
}

static void keep_from_ue(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    const struct pjob *pj = ctx;
    pxy_keep_bytes(w, &pj->ue, sizeof pj->ue);
    pxy_keep_str(w, pcscf_charging_answer(nf, pj->arena, pj->req));
    if (pj->mended)
        pxy_keep_str(w, record_route_list(pj->arena, pxy_request(p)));
}

static void late_from_ue(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct access_flow ue;
    pxy_kept_bytes(&kept, &ue, sizeof ue);
    pass_from_ue(nf, &ue, pxy_kept_str(&kept), msg, edits);
    record_route_late_to_core(nf, edits->arena, &ue, false, pxy_kept_str(&kept), msg, edits);
}

static enum step_verdict send_to_core(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = response_to_ue, .keep = keep_to_ue, .late = late_to_ue};
    struct pjob *pj = pjob_of(j);
    pcscf_aim_at_core(pj);
    return pcscf_forward(pj, &ops);
}

static enum step_verdict send_to_ue(struct job *j)
{
    static const struct pxy_forward_ops ops = {
        .response = response_from_ue, .keep = keep_from_ue, .late = late_from_ue};
    struct pjob *pj = pjob_of(j);
    pcscf_aim_at_ue(pj);
    return pcscf_forward(pj, &ops);
}

const struct trigger pcscf_forwards_in_dialog = {"forwards inside a dialog"};

static const struct step from_ue_steps[] = {
    {"check-dialog", dialog_check_from_ue, "TS 24.229 5.2.6.3.5"},
    {"check-media", pcscf_check_media, "TS 24.229 6.2"},
    {"strip", strip_from_ue, "TS 24.229 5.2.6.3.5"},
    {"add-charging-vector", add_charging, "TS 24.229 5.2.6.3.9"},
    {"add-record-route", record_route_again_to_core, "TS 24.229 5.2.6.3.5"},
    {"forward", send_to_core, "TS 24.229 5.2.6.3.5", .point = &pcscf_forwards_in_dialog},
};
const struct procedure pcscf_from_ue = {"subsequent-from-ue", from_ue_steps,
                                        ARRAY_LEN(from_ue_steps)};

static const struct step to_ue_steps[] = {
    {"check-dialog", dialog_check_to_ue, "TS 24.229 5.2.6.4.5"},
    {"check-media", pcscf_check_media, "TS 24.229 6.2"},
    {"strip", strip_to_ue, "TS 24.229 5.2.6.4.5"},
    {"add-record-route", record_route_again_to_ue, "TS 24.229 5.2.6.4.5"},
    {"forward", send_to_ue, "TS 24.229 5.2.6.4.5", .point = &pcscf_forwards_in_dialog},
};
const struct procedure pcscf_to_ue = {"subsequent-to-ue", to_ue_steps, ARRAY_LEN(to_ue_steps)};
