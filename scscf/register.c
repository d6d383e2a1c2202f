// SPDX-License-Identifier: Apache-2.0
// REGISTER: what it says, and which procedure it takes (TS 24.229 5.4.1.1).
#include "scscf/register.h"

#include "base/err.h"
#include "base/log.h"
#include "ims/identity.h"
#include "sip/uri.h"

enum { CONTACTS_MAX = 32 };

// ---- steps ----

// integrity-protected is the P-CSCF's word (TS 24.229 7.2A.2), so a REGISTER of anybody else is not
// heard.
static enum step_verdict check_source(struct job *j)
{
    return scscf_trusts(j->nf, job_pxy(j))
               ? STEP_CONTINUE
               : job_fail(j, 403, "REGISTER from outside the trust domain");
}

// RFC 3261 10.3 step 1: the registrar answers for its own domain only. The I-CSCF has put our own
// name into the Request-URI (TS 24.229 5.3.1.2).
static enum step_verdict check_domain(struct job *j)
{
    struct scscf *s = j->nf;
    const struct sip_uri *uri = sip_msg_uri(job_request(j)), *to = &sip_msg_to(job_request(j))->uri;
    if (!uri || uri->scheme == SIP_SCHEME_TEL || uri->scheme == SIP_SCHEME_OTHER)
        return job_fail(j, 400, "Request-URI is not a SIP URI");
    if (!scscf_is_home(s, uri->host) && !stack_is_own(s->stack, uri))
        return job_fail(j, 403, "REGISTER for a foreign domain");
    bool sip = to->scheme == SIP_SCHEME_SIP || to->scheme == SIP_SCHEME_SIPS;
    if (sip && !scscf_is_home(s, to->host))
        return job_fail(j, 403, "public identity of a foreign domain");
    return STEP_CONTINUE;
}

static enum step_verdict check_require(struct job *j)
{
    const struct sip_msg *m = job_request(j);
    struct arena *a = job_arena(j);
    struct arena_buf bad = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(m, SIP_H_REQUIRE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (!str_ieq(t->token, STR("path")) && !str_ieq(t->token, STR("outbound")))
            arena_buf_item(&bad, STR(","), t->token);
    if (it.err == ERR_BAD)
        return job_fail(j, 400, "malformed Require");
    if (!bad.n)
        return STEP_CONTINUE;
    struct sip_edits *extra = ARENA_NEW(a, struct sip_edits);
    if (extra) {
        sip_edits_init(extra, a, NULL);
        sip_edit_append(extra, SIP_H_UNSUPPORTED, arena_buf_done(&bad));
    }
    j->reject = (struct reject){.status = 420, .cause = "extension not supported", .extra = extra};
    return STEP_REJECT;
}

// "tls-connected" says that TLS was there, not who is at its other end (TS 24.229 5.4.1.1).
static enum protection protection_of(const struct sip_auth *auth)
{
    static const struct {
        struct str value;
        enum protection is;
    } table[] = {
        {STR_INIT("yes"), PROT_YES},
        {STR_INIT("tls-connected"), PROT_PENDING},
        {STR_INIT("tls-yes"), PROT_ASSOC},
        {STR_INIT("ip-assoc-yes"), PROT_ASSOC},
        {STR_INIT("no"), PROT_NO},
        {STR_INIT("tls-pending"), PROT_PENDING},
        {STR_INIT("ip-assoc-pending"), PROT_PENDING},
    };
    for (size_t i = 0; auth && i < ARRAY_LEN(table); i++)
        if (str_ieq(auth->integrity_protected, table[i].value))
            return table[i].is;
    return PROT_NONE;
}

// The realm is the home domain, or the one that the HSS wanted in the challenge: an opaque text, whose every
// letter counts in what was computed with it (RFC 7616 3.3). Before a challenge nothing was.
static bool is_our_realm(const struct scscf *s, const struct register_job *r)
{
    if (!r->auth || !r->auth->realm.n || str_eq(r->auth->realm, s->cfg->domain))
        return true;
    if (!r->auth->nonce.n && scscf_is_home(s, r->auth->realm))
        return true;
    return auth_has_realm(s->auth, r->impi, r->auth->realm);
}

// Without credentials the private identity is derived from the public one (TS 24.229 5.4.1.1).
static enum step_verdict identify(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    const struct sip_msg *m = job_request(j);
    struct arena *a = job_arena(j);
    const struct sip_auth *auth = sip_msg_at(m, SIP_H_AUTHORIZATION, 0);
    if (sip_msg_has(m, SIP_H_AUTHORIZATION) && !auth)
        return job_fail(j, 400, "malformed Authorization");
    r->auth = auth && str_ieq(auth->scheme, STR("Digest")) ? auth : NULL;
    r->protection = protection_of(r->auth);
    r->call_id = sip_msg_call_id(m);
    r->cseq = sip_msg_cseq(m)->number;
    r->from = source_of(&s->trusted, s->cfg->strangers.source_prefix, job_pxy(j));
    r->impu = impu_canon(a, &s->plan, &sip_msg_to(m)->uri);
    j->identity = r->impu;
    if (!r->impu.n)
        return job_fail(j, 400, "To is not a public identity");
    r->impi = r->auth ? r->auth->username : ims_impi_from_impu(a, r->impu);
    if (!r->auth && !r->impi.n) // a number in a SIP URI: its canonical form is a tel URI (TS 24.229 5.4.1.1)
        r->impi = ims_impi_from_impu(a, sip_msg_to(m)->uri.text);
    if (!r->impi.n)
        return job_fail(j, 403, "no private identity");
    return is_our_realm(s, r) ? STEP_CONTINUE
                              : job_fail(j, 403, "credentials are for a foreign realm");
}

static int64_t wanted_expiry(const struct sip_msg *m, const struct sip_contact *c)
{
    return c->expires >= 0 ? c->expires : sip_msg_expires(m);
}

static enum step_verdict read_contact(struct register_job *r, const struct sip_contact *c)
{
    const struct scscf_config *cfg = register_nf(r)->cfg;
    const struct sip_msg *m = job_request(&r->job);
    bool sip = c->addr.uri.scheme == SIP_SCHEME_SIP || c->addr.uri.scheme == SIP_SCHEME_SIPS;
    if (!c->star && !sip)
        return job_fail(&r->job, 400, "Contact is not a SIP URI");
    int64_t want = wanted_expiry(m, c);
    if (want < 0)
        want = cfg->registration.default_s;
    if (want > cfg->registration.max_s)
        want = cfg->registration.max_s;
    r->star = r->star || c->star;
    r->wishes[r->n_wishes++] = (struct contact_wish){.contact = c, .expires_s = (uint32_t)want};
    return STEP_CONTINUE;
}

// RFC 3261 10.3 step 6: "*" stands alone and goes with Expires 0.
static enum step_verdict read_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct sip_msg *m = job_request(j);
    struct sip_iter it = sip_iter_init(m, SIP_H_CONTACT);
    size_t n = it.n;
    if (it.err == ERR_BAD || (!n && sip_msg_has(m, SIP_H_CONTACT)))
        return job_fail(j, 400, "malformed Contact");
    if (n > CONTACTS_MAX)
        return job_fail(j, 403, "too many contacts in one REGISTER");
    r->wishes = arena_alloc(job_arena(j), (n + 1) * sizeof *r->wishes);
    if (!r->wishes)
        return job_fail(j, 500, err_text(ERR_NOMEM));
    for (const struct sip_contact *c; (c = sip_iter_next(&it));) {
        enum step_verdict v = read_contact(r, c);
        if (v != STEP_CONTINUE)
            return v;
    }
    if (r->star && (n != 1 || sip_msg_expires(m) != 0))
        return job_fail(j, 400, "Contact * needs Expires 0 and no other contact");
    return STEP_CONTINUE;
}

// ---- flows (RFC 5626 6) ----

// ob says that the flow to the UE is kept there.
static bool first_hop_has_flow(const struct register_job *r)
{
    const struct sip_uri *first = register_first_hop(r);
    bool ob = false;
    if (first)
        (void)sip_uri_param(first, STR("ob"), &ob);
    return ob;
}

// A contact that is removed is named as it was bound; whether it was a flow, the binding knows.
static enum step_verdict read_flows(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct sip_msg *m = job_request(j);
    int use = register_nf(r)->cfg->registration.outbound;
    bool wanted = sip_msg_has_token(m, SIP_H_SUPPORTED, STR("outbound"));
    bool kept = first_hop_has_flow(r);
    size_t adds = 0;
    for (size_t i = 0; use != SCSCF_OUTBOUND_OFF && i < r->n_wishes; i++) {
        struct contact_wish *w = &r->wishes[i];
        bool flow = w->contact && w->contact->instance.n && w->contact->reg_id;
        adds += w->expires_s > 0;
        if (flow && w->expires_s && wanted && !kept && use == SCSCF_OUTBOUND_STRICT)
            return job_fail(j, 439, "the first hop does not keep the UE's flow");
        if (flow && (!w->expires_s || (wanted && kept)))
            w->reg_id = w->contact->reg_id;
        r->outbound = r->outbound || (w->expires_s && w->reg_id);
    }
    if (r->outbound && adds > 1)
        return job_fail(j, 400, "a flow is registered with one contact only");
    return STEP_CONTINUE;
}

// ---- which procedure ----

// A REGISTER over a security association, a TLS session or a known IP address needs no challenge
// when its sender is registered here already (TS 24.229 5.4.1.2.2, 5.4.1.2.2A). An AKA response from
// before is repeated by the UE and proves nothing; a digest response is there to be checked.
static bool is_refresh(const struct register_job *r)
{
    const struct registration *reg = register_find(r);
    bool protected = r->protection == PROT_YES ||
                     (r->protection == PROT_ASSOC && !r->auth->response.n);
    return protected && reg && registration_count_of(reg, r->impi) &&
           !register_nf(r)->cfg->auth.every_register;
}

// TS 24.229 5.4.1.1. A response counts only for the challenge whose nonce it carries; any other
// nonce is one that has expired or was used before.
static enum step_verdict choose(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    bool has_nonce = r->auth && r->auth->nonce.n;
    // Nothing of the identity is bound: who cares who asks for its removal (TS 24.229 5.4.1.4.1)
    if (r->n_wishes && !register_adds(r) && !register_find(r))
        return job_fail(j, 481, "nothing is registered that could be removed");
    const struct challenge *c = has_nonce ? auth_find(s->auth, r->impi, r->auth->nonce) : NULL;
    if (c)
        return job_go(&r->job, c->scheme == AUTH_AKA ? &register_answer_aka
                                                    : &register_answer_digest);
    if (is_refresh(r))
        return job_go(&r->job, &register_refresh);
    r->stale = has_nonce && r->auth->response.n;
    return job_go(&r->job, &register_challenge);
}

static const struct step begin_steps[] = {
    {"check source", check_source, "TS 24.229 4.4"},
    {"check domain", check_domain, "RFC 3261 10.3"},
    {"check extensions", check_require, "RFC 3261 10.3"},
    {"identify user", identify, "TS 24.229 5.4.1.1"},
    {"read contacts", read_contacts, "RFC 3261 10.3"},
    {"read flows", read_flows, "RFC 5626 6"},
    {"choose procedure", choose, "TS 24.229 5.4.1.1"},
};
static const struct procedure begin = {"register", begin_steps, ARRAY_LEN(begin_steps)};

static void on_end(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    register_wait_end(r);
    profile_free(r->profile);
}

void scscf_register_begin(struct scscf *s, struct pxy *p)
{
    struct register_job *r = ARENA_NEW(pxy_arena(p), struct register_job);
    if (!r) {
        LOG(LOG_ERROR, "register refused", LF("call_id", sip_msg_call_id(pxy_request(p))),
            LF_Z("reason", err_text(ERR_NOMEM)));
        (void)pxy_reply(p, 500, STR_NONE, NULL);
        return;
    }
    r->order = ++s->registers;
    pxy_run(p, &r->job, &begin, &s->steps, on_end);
}
