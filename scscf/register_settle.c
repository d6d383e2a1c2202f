// SPDX-License-Identifier: Apache-2.0
// What a REGISTER wants whose sender is believed (TS 24.229 5.4.1.2.2).
#include "scscf/register.h"

enum step_verdict register_settle(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    if (register_adds(r))
        return job_go(&r->job, &register_bind);
    return job_go(&r->job, r->n_wishes ? &register_unbind : &register_query);
}

static const struct step refresh_steps[] = {
    {"check contacts", register_check_known, "TS 24.229 5.4.1.2.2"},
    {"settle", register_settle, "TS 24.229 5.4.1.2.2"},
};
const struct procedure register_refresh = {"register: refresh", refresh_steps,
                                           ARRAY_LEN(refresh_steps)};
