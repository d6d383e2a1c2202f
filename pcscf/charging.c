// SPDX-License-Identifier: Apache-2.0
#include "pcscf/pcscf_priv.h"

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
