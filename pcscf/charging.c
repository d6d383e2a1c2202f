// SPDX-License-Identifier: Apache-2.0
#include "pcscf/pcscf_priv.h"

struct str pcscf_charging_answer(struct pcscf *p, struct arena *a, const struct sip_msg *req)
{
    const struct sip_charging_vector *v = sip_msg_at(req, SIP_H_P_CHARGING_VECTOR, 0);
    struct str raw = sip_msg_raw(req, SIP_H_P_CHARGING_VECTOR);
    if (!v || v->term_ioi.n || p->config->ioi.n == 0)
        return v ? raw : STR_NONE;
    return ARENA_CAT(a, raw, STR(";term-ioi=\""), p->config->ioi, STR("\""));
}

// Unique over time and nodes: this run's random number, a count, and the node's address.
struct str pcscf_charging_vector(struct pcscf *p, struct arena *a)
{
    p->icid_count++;
    if (p->config->ioi.n == 0)
        return arena_printf(a, "icid-value=\"%016llx%08llx\";icid-generated-at=%.*s",
                            (unsigned long long)p->icid_boot, (unsigned long long)p->icid_count,
                            STR_ARG(p->icid_host));
    return arena_printf(a, "icid-value=\"%016llx%08llx\";icid-generated-at=%.*s;orig-ioi=\"%.*s\"",
                        (unsigned long long)p->icid_boot, (unsigned long long)p->icid_count,
                        STR_ARG(p->icid_host), STR_ARG(p->config->ioi));
}
