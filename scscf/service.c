// SPDX-License-Identifier: Apache-2.0
// IMS communication services: what a UE prefers, and what the network says that it is (RFC 6050).
#include "scscf/scscf_priv.h"

// A subclass, behind a dot, is of its class's service (TS 24.229 7.2A.8.2).
static bool is_of(struct str service, struct str class)
{
    return str_istarts(service, class) && (service.n == class.n || service.p[class.n] == '.');
}

// A profile without a list restricts nothing (TS 29.228 annex B).
static bool has_service(const struct service_profile *profile, struct str service)
{
    for (size_t i = 0; i < profile->n_service_ids; i++)
        if (is_of(service, profile->service_ids[i]))
            return true;
    return profile->n_service_ids == 0;
}

// The first that the user has, in the order of his preference.
static struct str find_service(const struct sip_msg *m, const struct service_profile *profile)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_P_PREFERRED_SERVICE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (has_service(profile, t->token))
            return t->token;
    return STR_NONE;
}

enum step_verdict service_assert(struct job *j, const struct service_profile *profile)
{
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_msg *m = pxy_request(p);
    struct str service, asserted;
    if (!sip_msg_has(m, SIP_H_P_PREFERRED_SERVICE))
        return STEP_CONTINUE;
    sip_edit_remove(pxy_edits(p), SIP_H_P_PREFERRED_SERVICE);
    if (sip_edits_first(pxy_edits(p), SIP_H_P_ASSERTED_SERVICE, &asserted))
        return STEP_CONTINUE;
    service = find_service(m, profile);
    if (service.n)
        sip_edit_append(pxy_edits(p), SIP_H_P_ASSERTED_SERVICE, service);
    else if (s->cfg->services == SCSCF_SERVICES_REFUSE)
        return job_fail(j, 403, "the user has no such communication service");
    return STEP_CONTINUE;
}
