// SPDX-License-Identifier: Apache-2.0
// Where a UE is sent another way: emergency calls, which this network does not take yet, and a core that
// says nothing.
#include "ims/alternative.h"

#include "pcscf/pcscf_priv.h"
#include "sip/uri.h"

// The URI that stood in the UE's Path.
static struct str path_of(struct pjob *pj, const struct access_flow *f)
{
    struct token_use use = {.kind = TOKEN_PATH};
    return pcscf_own_uri(pj->pcscf, pj->arena, f, &use);
}

static struct reject no_memory(void)
{
    return (struct reject){.status = 500, .cause = "out of memory"};
}

struct reject pcscf_restoration(struct pjob *pj, const char *cause)
{
    struct sip_edits *extra =
        ims_alternative_new(pj->arena, IMS_RESTORATION, path_of(pj, &pj->registered));
    if (!extra)
        return no_memory();
    pj->pcscf->counters.restoration++;
    return (struct reject){.status = 504, .cause = cause, .extra = extra};
}

// ---- emergency ----

// "urn:service:sos" and what is below it (RFC 5031 4.2), whatever the case.
static bool is_sos(struct str urn)
{
    static const struct str sos = STR_INIT("urn:service:sos");
    return str_istarts(urn, sos) && (urn.n == sos.n || urn.p[sos.n] == '.');
}

// The digits that a user dialled: of a tel URI, of a SIP URI's user part, without what the phone added, separators and
// escapes.
static struct str dialled(struct arena *a, const struct sip_uri *u)
{
    struct sip_number number;
    struct str user = u->user;
    return sip_uri_number(a, u, &number) ? number.digits : str_split(&user, ';');
}

bool pcscf_is_emergency(const struct pcscf *pc, const struct sip_msg *m)
{
    const struct conf_strs *numbers = &pc->config->emergency_numbers;
    const struct sip_uri *u = sip_msg_uri(m);
    struct str digits;
    if (!u || sip_msg_to_tag(m).p)
        return false;
    if (u->scheme == SIP_SCHEME_URN)
        return is_sos(u->text);
    if (u->scheme == SIP_SCHEME_OTHER)
        return false;
    digits = dialled(sip_msg_arena(m), u);
    for (size_t i = 0; i < numbers->n; i++)
        if (str_eq(digits, numbers->v[i]))
            return true;
    return false;
}

static struct sip_edits *elsewhere(struct pcscf *pc, struct arena *a, const struct access_flow *f)
{
    struct token_use use = {.kind = TOKEN_PATH};
    bool registration = pc->config->emergency == PCSCF_EMERGENCY_REGISTRATION;
    return ims_alternative_new(a, registration ? IMS_EMERGENCY_REGISTRATION : IMS_EMERGENCY,
                               pcscf_own_uri(pc, a, f, &use));
}

struct stack_refusal pcscf_emergency_refusal(struct pcscf *pc, const struct access_flow *f,
                                             const struct sip_msg *m)
{
    pc->counters.emergency++;
    return (struct stack_refusal){380, "emergency calls are not taken here", "TS 24.229 5.2.10",
                                  elsewhere(pc, sip_msg_arena(m), f)};
}

// TS 24.229 5.2.10: before everything else.
enum step_verdict pcscf_check_emergency(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct pcscf *pc = pj->pcscf;
    if (!pcscf_is_emergency(pc, pj->req))
        return STEP_CONTINUE;
    const struct contact *g = registry_find(pc->registry, &pj->ue, STR_NONE);
    const struct access_flow *f = g ? contact_flow(g) : &pj->ue;
    struct sip_edits *extra = elsewhere(pc, pj->arena, f);
    if (!extra)
        return job_fail(j, 500, "out of memory");
    pc->counters.emergency++;
    enum step_verdict v = job_fail(j, 380, "emergency calls are not taken here");
    j->identity = sip_msg_uri_text(pj->req);
    j->reject.extra = extra;
    return v;
}
