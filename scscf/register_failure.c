// SPDX-License-Identifier: Apache-2.0
// A challenge that was answered wrongly (TS 24.229 5.4.1.2.3).
#include "scscf/register.h"

struct challenge *register_challenged(const struct register_job *r)
{
    return auth_find(register_nf(r)->auth, r->impi, r->auth->nonce);
}

void register_failed(const struct register_job *r)
{
    const struct brake_key k = register_key(r);
    brake_failed(register_nf(r)->brake, &k);
}

// Gives up: the HSS forgets that an authentication is pending (TS 29.228 6.1.2.1), unless another
// one still is: it would forget the S-CSCF that the other answer has to come to. The registration
// state of the user does not change.
struct reject register_refuse(struct register_job *r, const char *cause)
{
    struct scscf *s = register_nf(r);
    scscf_count(s, SC_AUTH_FAILURES);
    register_failed(r);
    struct challenge *c = register_challenged(r);
    bool last = !c || auth_is_last(s->auth, c);
    auth_forget(c);
    if (last)
        cx_notify(s, r->call_id, r->impi, r->impu, CX_AUTHENTICATION_FAILURE);
    return (struct reject){.status = 403, .cause = cause};
}
