// SPDX-License-Identifier: Apache-2.0
// The network's media policy at its edge: descriptions from and to UEs (TS 24.229 6.2).
#include "pcscf/pcscf_priv.h"

// By what the UE knows this node: a host without its port.
static struct str own_host(const struct pjob *pj)
{
    struct str at = pcscf_hostport(pj->pcscf, PCSCF_ACCESS, &pj->ue);
    if (!at.n)
        at = pj->pcscf->core_hostport;
    return pcscf_host(at);
}

enum step_verdict pcscf_check_media(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct pcscf_config *c = pj->pcscf->config;
    struct media_policy policy = {.types = {c->media.types.v, c->media.types.n},
                                  .codecs = {c->media.codecs.v, c->media.codecs.n},
                                  .bandwidth = c->media.bandwidth};
    struct media_policies all = {.of = {&policy}, .n = !media_policy_is_open(&policy)};
    struct media_refusal r;
    if (media_policy_allows(&all, &c->sdp, pj->req, pj->arena, own_host(pj), &r))
        return STEP_CONTINUE;
    pj->pcscf->counters.refused_media++;
    pj->pcscf->counters.sdp_limits[r.limit]++;
    j->reject = (struct reject){.status = r.status, .cause = r.cause, .extra = r.extra};
    return STEP_REJECT;
}
