// SPDX-License-Identifier: Apache-2.0
// REGISTER at the I-CSCF (TS 24.229 5.3.1).
#include "base/err.h"
#include "icscf/icscf_priv.h"
#include "ims/identity.h"
#include "sip/uri.h"

// What a REGISTER says about its way (integrity-protected, Path, P-Visited-Network-ID) would be
// believed.
static enum step_verdict check_source(struct job *j)
{
    return icscf_trusts(j->nf, job_pxy(j))
               ? STEP_CONTINUE
               : job_fail(j, 403, "REGISTER from outside the trust domain");
}

static enum step_verdict check_domain(struct job *j)
{
    const struct icscf *i = j->nf;
    const struct sip_uri *uri = sip_msg_uri(job_request(j));
    bool sip = uri && (uri->scheme == SIP_SCHEME_SIP || uri->scheme == SIP_SCHEME_SIPS);
    if (!sip)
        return job_fail(j, 400, "Request-URI is not a SIP URI");
    if (!numbering_is_home(&i->plan, uri->host) && !stack_is_own(i->stack, uri))
        return job_fail(j, 403, "REGISTER for a foreign domain");
    return STEP_CONTINUE;
}

static enum step_verdict identify(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    const struct sip_msg *m = job_request(j);
    struct arena *a = job_arena(j);
    const struct sip_auth *auth = sip_msg_at(m, SIP_H_AUTHORIZATION, 0);
    r->impu = impu_canon(a, &icscf_of(r)->plan, &sip_msg_to(m)->uri);
    j->identity = r->impu;
    if (!r->impu.n)
        return job_fail(j, 400, "To is not a public identity");
    r->impi = auth && auth->username.n ? auth->username : ims_impi_from_impu(a, r->impu);
    if (!r->impi.n) // a number in a SIP URI: its canonical form is a tel URI (TS 24.229 5.4.1.1)
        r->impi = ims_impi_from_impu(a, sip_msg_to(m)->uri.text);
    return r->impi.n ? STEP_CONTINUE : job_fail(j, 403, "no private identity");
}

// All contacts with expiry 0: a de-registration, for which roaming does not matter (TS 29.228 6.1.1).
static bool deregisters(const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it));)
        if ((c->expires >= 0 ? c->expires : sip_msg_expires(m)) != 0)
            return false;
    return it.n > 0;
}

static enum step_verdict ask(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    const struct icscf *i = j->nf;
    const struct sip_msg *m = job_request(j);
    const struct sip_token *v = sip_msg_at(m, SIP_H_P_VISITED_NETWORK_ID, 0);
    r->visited = v ? sip_unquote(job_arena(j), v->token) : i->cfg->domain;
    r->deregisters = deregisters(m);
    return cx_ask(r, false);
}

static const struct step steps[] = {
    {"check source", check_source, "TS 24.229 5.3.1.2"},
    {"check domain", check_domain, "TS 24.229 5.3.1.2"},
    {"identify user", identify, "TS 24.229 5.3.1.2"},
    {"ask the HSS", ask, "TS 29.228 6.1.1", .late = icscf_late},
    {"choose S-CSCF", icscf_choose, "TS 24.229 5.3.1.2"},
    {"forward", icscf_forward, "TS 24.229 5.3.1.2"},
};
const struct procedure icscf_register = {"register", steps, ARRAY_LEN(steps)};

void icscf_register_begin(struct icscf *i, struct pxy *p)
{
    struct icscf_job *r = ARENA_NEW(pxy_arena(p), struct icscf_job);
    if (!r) {
        (void)pxy_reply(p, 500, STR_NONE, NULL);
        return;
    }
    r->is_register = true;
    pxy_run(p, &r->job, &icscf_register, &i->steps, NULL);
}
