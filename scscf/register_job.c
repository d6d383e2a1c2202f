// SPDX-License-Identifier: Apache-2.0
// Whom and what a REGISTER is about, as all its procedures see it.
#include "base/hash.h"
#include "scscf/register.h"

struct registration *register_find(const struct register_job *r)
{
    struct registration *first = NULL;
    size_t it = 0;
    for (struct registration *reg; (reg = registrar_next_with(register_nf(r)->registrar, r->impu, &it, NULL));) {
        if (registration_count_of(reg, r->impi))
            return reg;
        first = first ? first : reg;
    }
    return r->apart ? NULL : first;
}

struct brake_key register_key(const struct register_job *r)
{
    return (struct brake_key){hash_bytes(r->impi.p, r->impi.n), r->from.source};
}

enum step_verdict register_held_up(struct register_job *r, struct brake_verdict v)
{
    if (!v.retry_s)
        return STEP_CONTINUE;
    r->job.reject = (struct reject){.status = 500, .reason = "Too Many Attempts", .cause = v.cause,
                                    .retry_after = v.retry_s,
                                    .quiet = !brake_may_log(register_nf(r)->brake)};
    return STEP_REJECT;
}

// The entry nearest to the UE is the last one.
const struct sip_uri *register_first_hop(const struct register_job *r)
{
    struct sip_iter it = sip_iter_back(job_request(&r->job), SIP_H_PATH);
    const struct sip_addr *first = sip_iter_next(&it);
    return first ? &first->uri : NULL;
}

bool register_adds(const struct register_job *r)
{
    for (size_t i = 0; i < r->n_wishes; i++)
        if (r->wishes[i].expires_s)
            return true;
    return false;
}
