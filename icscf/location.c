// SPDX-License-Identifier: Apache-2.0
// Initial requests at the I-CSCF: where is the user they are for (TS 24.229 5.3.2)? A request inside a
// dialog comes here only by mistake, for the I-CSCF does not record-route; it follows its route set.
#include "base/err.h"
#include "icscf/icscf_priv.h"
#include "sip/uri.h"

// "orig" in our Route entry: an application server acts for the user (TS 24.229 5.3.2.1A).
static bool is_originating(const struct pxy *p)
{
    const struct sip_uri *own = pxy_own_route(p);
    bool orig = false;
    if (own)
        (void)sip_uri_param(own, STR("orig"), &orig);
    return orig;
}

static struct str asserted(const struct icscf *i, const struct sip_msg *m, struct arena *a)
{
    const struct sip_addr *served = sip_msg_at(m, SIP_H_P_SERVED_USER, 0);
    if (!served)
        served = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 0);
    return served ? impu_canon(a, &i->plan, &served->uri) : STR_NONE;
}

static enum step_verdict identify(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    const struct icscf *i = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(job_request(j));
    r->originating = is_originating(p);
    if (r->originating && !icscf_trusts(i, p))
        return job_fail(j, 403, "orig from outside the trust domain");
    r->impu = r->originating ? asserted(i, job_request(j), pxy_arena(p))
              : uri          ? impu_canon(pxy_arena(p), &i->plan, uri)
                             : STR_NONE;
    j->identity = r->impu;
    if (!r->impu.n)
        return r->originating ? job_fail(j, 403, "no served user")
                              : job_fail(j, 416, "Request-URI scheme is not supported");
    if (!r->originating && uri->scheme != SIP_SCHEME_TEL && !numbering_is_home(&i->plan, uri->host))
        return job_fail(j, 404, "Request-URI is not of this network");
    return STEP_CONTINUE;
}

// TS 24.229 5.3.2.1: a global number in a SIP URI goes on as tel URI, with what its user part says besides.
static enum step_verdict as_number(struct job *j)
{
    const struct icscf_job *r = (const struct icscf_job *)j;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(job_request(j));
    struct arena *a = pxy_arena(p);
    struct sip_number number;
    bool phone = uri && uri->scheme != SIP_SCHEME_TEL && sip_uri_is_phone(uri);
    if (r->originating || !phone || !sip_uri_number(a, uri, &number) || *number.digits.p != '+')
        return STEP_CONTINUE;
    // In a tel URI no escape stands for a digit (RFC 3966 3).
    struct str rest = sip_user_plain(a, uri->user), digits = str_split(&rest, ';');
    if (str_chr(digits, '%') >= 0)
        digits = number.digits;
    sip_edit_uri(pxy_edits(p), ARENA_CAT(a, STR("tel:"), digits, rest.n ? STR(";") : STR(""), rest));
    return STEP_CONTINUE;
}

// The first node of the network that sees the request gives it the identifier by which it is charged
// (TS 24.229 4.5.2). A profile key is the HSS's word, by way of this node.
static enum step_verdict charge(struct job *j)
{
    struct icscf *i = j->nf;
    struct pxy *p = job_pxy(j);
    struct sip_edits *e = pxy_edits(p);
    struct str v;
    sip_edit_remove(e, SIP_H_P_PROFILE_KEY);
    if (sip_edits_first(e, SIP_H_P_CHARGING_VECTOR, &v))
        return STEP_CONTINUE;
    sip_edit_append(e, SIP_H_P_CHARGING_VECTOR,
                    arena_printf(pxy_arena(p), "icid-value=\"%016llx%08llx\";icid-generated-at=%.*s",
                                 (unsigned long long)i->icid_boot, (unsigned long long)++i->icid_count,
                                 STR_ARG(i->host)));
    return STEP_CONTINUE;
}

static enum step_verdict ask(struct job *j)
{
    return cx_ask((struct icscf_job *)j, false);
}

static const struct step steps[] = {
    {"identify user", identify, "TS 24.229 5.3.2.1"},
    {"write as a number", as_number, "TS 24.229 5.3.2.1"},
    {"charge", charge, "TS 24.229 4.5.2"},
    {"ask the HSS", ask, "TS 29.228 6.1.4", .late = icscf_late},
    {"choose S-CSCF", icscf_choose, "TS 24.229 5.3.2.1"},
    {"forward", icscf_forward, "TS 24.229 5.3.2.1"},
};
const struct procedure icscf_location = {"location", steps, ARRAY_LEN(steps)};

void location_begin(struct icscf *i, struct pxy *p)
{
    struct icscf_job *r = ARENA_NEW(pxy_arena(p), struct icscf_job);
    if (r)
        pxy_run(p, &r->job, &icscf_location, &i->steps, NULL);
    else
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
