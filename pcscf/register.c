// SPDX-License-Identifier: Apache-2.0
// REGISTER (TS 24.229 5.2.2): checks of the access, what the home network needs to know, the way to it,
// and what the answer leaves behind here.
#include "pcscf/procedures.h"

#include "base/err.h"
#include "pcscf/register.h"
#include "sip/plain.h"
#include "sip/uri.h"

static enum step_verdict check_contact(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_addr *to = sip_msg_to(pj->req);
    j->identity = to->uri.text;
    return sip_iter_init(pj->req, SIP_H_CONTACT).err == ERR_BAD
               ? job_fail(j, 400, "Malformed Contact")
               : STEP_CONTINUE;
}

static enum step_verdict check_domain(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *u = sip_msg_uri(pj->req);
    if (!u || u->scheme == SIP_SCHEME_TEL || u->host.n == 0)
        return job_fail(j, 400, "Request-URI of REGISTER is not a SIP URI");
    if (numbering_is_home(&pj->pcscf->plan, u->host))
        return STEP_CONTINUE;
    pj->pcscf->counters.refused_domain++;
    return job_fail(j, 403, "registration with a home network that is not served here");
}

// TS 33.203 P.3: IMS-AKA, by what its credentials or its offer say. Everything else is SIP Digest.
static bool is_aka(const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_AUTHORIZATION);
    for (const struct sip_auth *auth; (auth = sip_iter_next(&it));)
        if (str_istarts(auth->algorithm, STR("AKAv")))
            return true;
    it = sip_iter_init(m, SIP_H_SECURITY_CLIENT);
    for (const struct sip_security *s; (s = sip_iter_next(&it));)
        if (str_ieq(s->mechanism, STR("ipsec-3gpp")))
            return true;
    return false;
}

// What a UE has to agree on first, which it has to for IMS-AKA (TS 33.203 6.1).
static enum step_verdict check_security(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct pcscf_config *c = pj->pcscf->config;
    if (c->security != PCSCF_SECURITY_REQUIRED && (c->aka_in_clear || !is_aka(pj->req)))
        return STEP_CONTINUE;
    pj->pcscf->counters.refused_security++;
    return agreement_refuse(j, pj->req);
}

// The association exists: a registration of this private identity came to its end from here (TS 33.203 N.2.1,
// TS 24.229 5.2.2.3).
static bool is_known(const struct pjob *pj)
{
    return pcscf_is_flow_of(pj->pcscf, &pj->ue, pj->ue.user);
}

static enum step_verdict find_user(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pj->ue.user = token_user(&pj->pcscf->token_key, pcscf_impi(pj->arena, pj->req));
    return STEP_CONTINUE;
}

// Who is registered from here may renew and leave as often as he likes; of others a source may
// have so many begun. Not in the clauses: RFC 3261 21.5.4 and 26.1.5.
static enum step_verdict check_source(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct pcscf *pc = pj->pcscf;
    if (is_known(pj))
        return STEP_CONTINUE;
    pj->counted = bucket_take(pc->pending, pcscf_source(pc, &pj->ue.remote), loop_now(pc->loop));
    if (pj->counted)
        return STEP_CONTINUE;
    pc->counters.refused_source++;
    enum step_verdict v = job_fail(j, 503, "too many unfinished registrations of this source");
    j->reject.retry_after = 30;
    return v;
}

static enum step_verdict strip(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    pcscf_take_from_ue(pj, pj->req, pj->edits);
    return STEP_CONTINUE;
}

// RFC 5626 5.1: this is the first hop, and the UE wants its flows managed.
static bool asks_for_outbound(const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_CONTACT);
    if (!sip_msg_has_token(m, SIP_H_SUPPORTED, STR("outbound")) || sip_msg_count(m, SIP_H_VIA) != 1)
        return false;
    for (const struct sip_contact *c; (c = sip_iter_next(&it));)
        if (c->reg_id)
            return true;
    return false;
}

// TS 24.229 5.2.2.1: whom terminating requests reach through this P-CSCF. It is the first on the way: a
// Path that the UE wrote would lead them elsewhere.
static enum step_verdict add_path(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct token_use use = {.kind = TOKEN_PATH, .ob = asks_for_outbound(pj->req)};
    sip_edit_set(pj->edits, SIP_H_PATH, pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
    if (!sip_msg_has_token(pj->req, SIP_H_REQUIRE, STR("path")))
        sip_edit_append(pj->edits, SIP_H_REQUIRE, STR("path"));
    sip_edit_set(pj->edits, SIP_H_P_VISITED_NETWORK_ID,
                 ARENA_CAT(pj->arena, STR("\""), sip_quotable(pj->arena, pj->pcscf->config->visited_network),
                           STR("\"")));
    sip_edit_append(pj->edits, SIP_H_P_CHARGING_VECTOR,
                    pcscf_charging_vector(pj->pcscf, pj->arena, pcscf_new_icid(pj->pcscf, pj->arena)));
    return STEP_CONTINUE;
}

// What the home network may conclude from the access (TS 24.229 7.2A.2, 5.2.2.2, 5.2.2.3; TS 33.203 N.2.1): it
// follows the mechanism. Of IMS-AKA "no" without a security association; of SIP Digest whether the address is known
// already, or may be after this; STR_NONE: nothing.
static struct str integrity(const struct pjob *pj, const struct sip_auth *auth)
{
    // Where IMS-AKA comes in clear, who does not name his algorithm before he is challenged may mean it.
    if (is_aka(pj->req) || (pj->pcscf->config->aka_in_clear && !auth->response.n))
        return STR("no");
    if (is_known(pj))
        return STR("ip-assoc-yes");
    return auth->response.n ? STR("ip-assoc-pending") : STR_NONE;
}

static void add_param(struct arena_buf *text, const struct sip_param *p, struct str behind)
{
    arena_buf_add(text, p->name);
    arena_buf_add(text, STR("="));
    arena_buf_add(text, p->value);
    arena_buf_add(text, behind);
}

// The parameter as the UE sent it is never trusted.
static struct str without_integrity(struct arena *a, const struct sip_auth *auth)
{
    struct arena_buf text = arena_buf_init(a);
    struct str before = STR(" ");
    arena_buf_add(&text, auth->scheme);
    for (const struct sip_param *p = auth->params; p; p = p->next) {
        if (str_ieq(p->name, STR("integrity-protected")))
            continue;
        arena_buf_add(&text, before);
        add_param(&text, p, STR_NONE);
        before = STR(", ");
    }
    return arena_buf_done(&text);
}

static bool says_nothing_else(const struct sip_auth *auth)
{
    const struct sip_param *p = auth->params;
    while (p && str_ieq(p->name, STR("integrity-protected")))
        p = p->next;
    return !p;
}

static struct str marked(const struct pjob *pj, const struct sip_auth *auth, bool first)
{
    struct str raw = sip_msg_raw(pj->req, SIP_H_AUTHORIZATION);
    struct str says = integrity(pj, auth);
    struct str text = auth->integrity_protected.p || !first ? without_integrity(pj->arena, auth) : raw;
    return says.n ? ARENA_CAT(pj->arena, text, STR(", integrity-protected=\""), says, STR("\"")) : text;
}

// A value that cannot be read here goes no further: the registrar might read a claim out of it.
static enum step_verdict mark_integrity(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_AUTHORIZATION);
    for (const struct sip_auth *auth; (auth = sip_iter_next(&it));) {
        size_t i = sip_iter_index(&it);
        if (!str_ieq(auth->scheme, STR("Digest"))) {
            sip_edit_remove_at(pj->edits, SIP_H_AUTHORIZATION, i);
            continue;
        }
        if (says_nothing_else(auth))
            sip_edit_remove_at(pj->edits, SIP_H_AUTHORIZATION, i);
        else
            sip_edit_replace_at(pj->edits, SIP_H_AUTHORIZATION, i, marked(pj, auth, i == 0));
    }
    return it.err == ERR_BAD ? job_fail(j, 400, "Malformed Authorization") : STEP_CONTINUE;
}

// Who is registered may renew and leave, however full it is.
static bool is_full(const struct pjob *pj)
{
    const struct registry *r = pj->pcscf->registry;
    return registry_count(r) >= pj->pcscf->config->max_registrations && !is_known(pj);
}

static enum step_verdict forward(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    if (is_full(pj)) {
        enum step_verdict v = job_fail(j, 503, "as many registrations as configured");
        j->reject.retry_after = 30;
        return v;
    }
    sip_edit_remove(pj->edits, SIP_H_ROUTE); // one that the UE pre-loaded has no say in it
    return register_to_home(pj);
}

static const struct step steps[] = {
    {"check-contact", check_contact, "RFC 3261 10.3"},
    {"check-domain", check_domain, "TS 24.229 5.2.2.1"},
    {"find-user", find_user, "TS 24.229 5.2.2.3"},
    {"check-security", check_security, "TS 24.229 5.2.2.2"},
    {"check-source", check_source, "RFC 3261 26.1.5"},
    {"strip", strip, "TS 24.229 5.2.2.1"},
    {"add-path", add_path, "TS 24.229 5.2.2.1"},
    {"mark-integrity", mark_integrity, "TS 24.229 5.2.2.3"},
    {"forward", forward, "TS 24.229 5.2.2.1"},
};
const struct procedure pcscf_register = {"register", steps, ARRAY_LEN(steps)};
