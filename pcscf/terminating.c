// SPDX-License-Identifier: Apache-2.0
// Requests from the core to a UE that start a dialog or stand alone (TS 24.229 5.2.6.4): the token in
// the Path URI that the S-CSCF put into Route is the flow to the UE.
#include "pcscf/procedures.h"

// TS 24.229 4.14.2: nobody is registered here by that Path any more, and the S-CSCF is told so, since it can do
// something about it. Of what was registered before this node's start nothing is known unless it was kept on a disk:
// then the flow that the token names is as good as any.
static bool is_unbound(const struct pjob *pj, const struct sip_uri *own)
{
    const struct pcscf *pc = pj->pcscf;
    return !pcscf_is_registered(pj) && (pc->keep || token_origin(&pc->token_key, own->user) == TOKEN_OF_THIS_RUN);
}

static enum step_verdict find_flow(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    j->identity = sip_msg_raw(pj->req, SIP_H_P_CALLED_PARTY_ID);
    if (!own || !own->user.p)
        return job_fail(j, 404, "request from the core without a Path of this P-CSCF");
    struct token_use use = {.kind = TOKEN_PATH};
    if (token_parse(&pj->pcscf->token_key, own->user, &use, &pj->ue, NULL))
        return job_fail(j, 404, "flow token in Route is not of this P-CSCF");
    if (is_unbound(pj, own)) {
        pj->pcscf->counters.unbound++;
        return job_fail(j, 404, "nobody is registered here any more by the flow token in Route");
    }
    return STEP_CONTINUE;
}

static enum step_verdict strip(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pcscf_hide_from_ue(pj->pcscf, pj->req, pj->edits);
    return STEP_CONTINUE;
}

// The called party answers under the identity it was called by (TS 24.229 5.2.6.4.4 and 5.2.6.4.8).
static void assert_called_party(struct str called, const struct sip_msg *msg, unsigned status,
                                struct sip_edits *edits)
{
    if (called.n && status > 100 && (status < 300 || !pcscf_makes_dialog(msg)))
        sip_edit_append(edits, SIP_H_P_ASSERTED_IDENTITY,
                        ARENA_CAT(edits->arena, STR("<"), called, STR(">")));
}

// What the request says of who is called, and of charging, for the UE's responses.
struct said {
    struct str called, vector, functions;
};

static struct said said_by(struct pjob *pj, struct arena *a)
{
    const struct sip_addr *called = sip_msg_at(pj->req, SIP_H_P_CALLED_PARTY_ID, 0);
    return (struct said){.called = called ? called->uri.text : STR_NONE,
                         .vector = pcscf_charging_answer(pj->pcscf, a, pj->req),
                         .functions = pcscf_charging_functions(pj, a)};
}

static void pass_to_core(const struct pcscf *pc, const struct access_flow *ue, const struct said *s, unsigned status,
                         const struct sip_msg *msg, struct sip_edits *edits)
{
    pcscf_take_from(pc, ue, msg, edits);
    assert_called_party(s->called, msg, status, edits);
    if (s->vector.n)
        sip_edit_append(edits, SIP_H_P_CHARGING_VECTOR, s->vector);
    if (s->functions.n && status > 100)
        sip_edit_append(edits, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, s->functions);
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pjob *pj = ctx;
    if (!msg)
        return status == 503 ? pcscf_flow_failed(pj, false) : PXY_PASS;
    struct said s = said_by(pj, edits->arena);
    pass_to_core(nf, &pj->ue, &s, status, msg, edits);
    pj->mended = record_route_back_to_core(nf, edits->arena, &pj->ue, pxy_request(p), msg, edits);
    return PXY_PASS;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    struct pjob *pj = ctx;
    struct said s = said_by(pj, pj->arena);
    (void)nf;
    pxy_keep_bytes(w, &pj->ue, sizeof pj->ue);
    pxy_keep_str(w, s.called);
    pxy_keep_str(w, s.vector);
    pxy_keep_str(w, s.functions);
    if (pj->mended)
        pxy_keep_str(w, record_route_list(pj->arena, pxy_request(p)));
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct access_flow ue;
    struct said s;
    pxy_kept_bytes(&kept, &ue, sizeof ue);
    s.called = pxy_kept_str(&kept);
    s.vector = pxy_kept_str(&kept);
    s.functions = pxy_kept_str(&kept);
    pass_to_core(nf, &ue, &s, sip_msg_status(msg), msg, edits);
    record_route_late_to_core(nf, edits->arena, &ue, true, pxy_kept_str(&kept), msg, edits);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};
    struct pjob *pj = pjob_of(j);
    pcscf_aim_at_ue(pj);
    return pcscf_forward(pj, &ops);
}

static const struct step steps[] = {
    {"find-flow", find_flow, "TS 24.229 5.2.6.4.1"},
    {"check-media", pcscf_check_media, "TS 24.229 6.2"},
    {"strip", strip, "TS 24.229 5.2.6.4.3"},
    {"add-record-route", record_route_to_ue, "TS 24.229 5.2.6.4.3"},
    {"forward", forward, "TS 24.229 5.2.6.4.3"},
};
const struct procedure pcscf_terminating = {"terminating", steps, ARRAY_LEN(steps)};
