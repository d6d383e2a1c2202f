// SPDX-License-Identifier: Apache-2.0
// Requests from a registered UE that start a dialog or stand alone (TS 24.229 5.2.6.3): who sends it is
// known by its association (sender.c); the identity is asserted; the way is the stored Service-Route.
#include "pcscf/procedures.h"

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
    pj->contact = from.contact;
    pj->registered = *contact_flow(pj->contact);
    pj->ue.user = contact_flow(from.contact)->user;
    pj->unproven = from.kind == SENDER_CLAIMS;
    if (pj->unproven)
        pj->pcscf->counters.unproven++;
    else
        pcscf_hear(pj->pcscf, &pj->ue);
    return STEP_CONTINUE;
}

// An identity that the UE prefers, as it is registered (what else the UE wrote into its URI is not vouched for),
// with the display name that the home network gave it; one that a pattern covers as the UE names it.
static struct str preferred(struct pjob *pj, const struct sip_addr *ppi, bool *ret_tel)
{
    struct identity id;
    bool covered;
    if (!contact_has_identity(pj->contact, ppi->uri.text, &id, &covered))
        return STR_NONE;
    if (covered) {
        struct identity same;
        id.uri = identity_plain(pj->arena, &ppi->uri);
        if (!contact_has_identity(pj->contact, id.uri, &same, &covered)) // without its parameters it is somebody else
            return STR_NONE;
    }
    *ret_tel = str_istarts(id.uri, STR("tel:"));
    return identity_value(pj->arena, &id);
}

// The preferred identity, else the default one; a SIP and a tel URI when the UE prefers both. From has no say in it.
static struct str asserted_value(struct pjob *pj)
{
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_P_PREFERRED_IDENTITY);
    struct str first = STR_NONE;
    bool first_tel = false, tel;
    for (const struct sip_addr *ppi; it.done < PREFERRED_MAX && (ppi = sip_iter_next(&it));) {
        struct str value = preferred(pj, ppi, &tel);
        if (value.n && first.n && tel != first_tel)
            return ARENA_CAT(pj->arena, first, STR(", "), value);
        if (value.n && !first.n) {
            first = value;
            first_tel = tel;
        }
    }
    struct identity id = contact_identity(pj->contact, 0);
    return first.n ? first : identity_value(pj->arena, &id);
}

// Whom the UE says that it is, for the S-CSCF.
static void keep_claim(const struct pjob *pj)
{
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_P_PREFERRED_IDENTITY);
    struct identity known;
    bool covered;
    for (const struct sip_addr *id; it.done < PREFERRED_MAX && (id = sip_iter_next(&it));)
        if (contact_has_identity(pj->contact, id->uri.text, &known, &covered)) // of whom it was let in as
            sip_edit_append(pj->edits, SIP_H_P_PREFERRED_IDENTITY, id->text);
}

static enum step_verdict assert_identity(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pj->asserted = asserted_value(pj);
    j->identity = pj->asserted;
    pcscf_take_from_ue(pj, pj->req, pj->edits);
    // RFC 3325 5: nothing is asserted of somebody who is not known; the S-CSCF asks him (TS 24.229 5.4.3.6).
    if (pj->unproven) {
        keep_claim(pj);
        return STEP_CONTINUE;
    }
    sip_edit_append(pj->edits, SIP_H_P_ASSERTED_IDENTITY, pj->asserted);
    return STEP_CONTINUE;
}

// A pre-loaded Route that differs from the Service-Route is replaced, the clause's option b).
static enum step_verdict set_route(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct str route = contact_service_route(pj->contact);
    if (route.n == 0)
        return job_fail(j, 403, "no Service-Route is stored for this contact");
    sip_edit_set(pj->edits, SIP_H_ROUTE, arena_dup(pj->arena, route));
    return STEP_CONTINUE;
}

static enum step_verdict add_charging(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pj->icid = pcscf_new_icid(pj->pcscf, pj->arena);
    sip_edit_append(pj->edits, SIP_H_P_CHARGING_VECTOR,
                    pcscf_charging_vector(pj->pcscf, pj->arena, pj->icid));
    // What the home network said at the registration (TS 24.229 5.2.2.1, 4.5.5; RFC 7315 4.5).
    struct str functions = pj->unproven ? STR_NONE : contact_charging_addresses(pj->contact);
    if (functions.n)
        sip_edit_append(pj->edits, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, arena_dup(pj->arena, functions));
    return STEP_CONTINUE;
}

static enum step_verdict add_record_route(struct job *j)
{
    record_route_to_core(pjob_of(j));
    return STEP_CONTINUE;
}

// What ended a branch without a response, but for a CANCEL and a request that is too large: the S-CSCF
// of the Service-Route, or the way to it, is gone (TS 24.229 5.2.6.3.2A, TS 23.380 4.4).
static enum pxy_verdict no_core(struct pjob *pj, unsigned status, const char *trouble)
{
    const char *cause = status == 408 ? "the core does not answer" : "the core cannot be reached";
    if (status == 487 || status == 513)
        return PXY_PASS;
    struct str all = trouble ? arena_printf(pj->arena, "%s: %s", cause, trouble) : STR_NONE;
    job_reject(&pj->job, pcscf_restoration(pj, all.p ? all.p : cause));
    return PXY_TAKEN;
}

static void pass_to_ue(const struct pcscf *pc, const struct access_flow *ue, struct str icid, const struct sip_msg *msg,
                       struct sip_edits *edits)
{
    pcscf_hide_from_ue(pc, msg, edits);
    record_route_back_to_ue(pc, edits->arena, ue, icid, msg, edits);
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    const struct pjob *pj = ctx;
    if (!msg)
        return no_core(ctx, status, pxy_trouble(p));
    pass_to_ue(nf, &pj->ue, pj->icid, msg, edits);
    return PXY_PASS;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    const struct pjob *pj = ctx;
    (void)nf;
    (void)p;
    pxy_keep_bytes(w, &pj->ue, sizeof pj->ue);
    pxy_keep_str(w, pj->icid);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct access_flow ue;
    pxy_kept_bytes(&kept, &ue, sizeof ue);
    pass_to_ue(nf, &ue, pxy_kept_str(&kept), msg, edits);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};
    struct pjob *pj = pjob_of(j);
    pcscf_aim_at_core(pj);
    pj->target.withdraw = true;
    if (sip_msg_method(pj->req) == SIP_INVITE && pj->pcscf->config->core_silence_ms) // it says 100 at once
        pj->target.timeout_ms = pj->target.leg_ms = pj->pcscf->config->core_silence_ms;
    return pcscf_forward(pj, &ops);
}

static const struct step steps[] = {
    {"check-emergency", pcscf_check_emergency, "TS 24.229 5.2.10"},
    {"check-registered", check_registered, "TS 24.229 5.2.6.3.1"},
    {"check-media", pcscf_check_media, "TS 24.229 6.2"},
    {"assert-identity", assert_identity, "TS 24.229 5.2.6.3.1"},
    {"set-route", set_route, "TS 24.229 5.2.6.3.3"},
    {"add-charging-vector", add_charging, "TS 24.229 5.2.6.3.3"},
    {"add-record-route", add_record_route, "TS 24.229 5.2.6.3.3"},
    {"forward", forward, "TS 24.229 5.2.6.3.3"},
};
const struct procedure pcscf_originating = {"originating", steps, ARRAY_LEN(steps)};
