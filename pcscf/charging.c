// SPDX-License-Identifier: Apache-2.0
#include "pcscf/pcscf_priv.h"
#include "sip/plain.h"

// `;NAME="..."` with this network's name, of type 1 (TS 24.229 4.5.4, table 7.2A.5A).
static struct str own_ioi(const struct pcscf *p, struct arena *a, const char *name)
{
    struct str ioi = p->config->ioi.n ? p->config->ioi : p->config->visited_network;
    return ARENA_CAT(a, STR(";"), str_from(name), STR("=\""), p->config->ioi_types ? STR("Type 1") : STR(""),
                     sip_quotable(a, ioi), STR("\""));
}

struct str pcscf_charging_answer(struct pcscf *p, struct arena *a, const struct sip_msg *req)
{
    const struct sip_charging_vector *v = sip_msg_at(req, SIP_H_P_CHARGING_VECTOR, 0);
    struct str raw = sip_msg_raw(req, SIP_H_P_CHARGING_VECTOR);
    if (!v || v->term_ioi.n)
        return v ? raw : STR_NONE;
    return ARENA_CAT(a, raw, own_ioi(p, a, "term-ioi"));
}

// Unique over time and nodes: this run's random number, a count, and the node's address.
struct str pcscf_new_icid(struct pcscf *p, struct arena *a)
{
    p->icid_count++;
    return arena_printf(a, "%016llx%08llx", (unsigned long long)p->icid_boot,
                        (unsigned long long)p->icid_count);
}

struct str pcscf_charging_vector(struct pcscf *p, struct arena *a, struct str icid)
{
    return ARENA_CAT(a, STR("icid-value=\""), sip_quotable(a, icid), STR("\";icid-generated-at="),
                     p->icid_host, own_ioi(p, a, "orig-ioi"));
}

struct str pcscf_charging_functions(const struct pjob *pj, struct arena *a)
{
    struct str said = sip_msg_raw(pj->req, SIP_H_P_CHARGING_FUNCTION_ADDRESSES);
    const struct registry *r = pj->pcscf->registry;
    if (said.n)
        return said;
    const struct association *as =
        pj->ue.user ? association_find(registry_associations(r), &pj->ue.remote, pj->ue.user) : NULL;
    const struct contact *g = as ? registry_newest_of(r, as) : NULL;
    struct str kept = g ? contact_charging_addresses(g) : STR_NONE;
    return kept.n ? arena_dup(a, kept) : STR_NONE;
}
