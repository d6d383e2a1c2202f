// SPDX-License-Identifier: Apache-2.0
// REGISTER (TS 24.229 5.2.2): checks of the access, what the home network needs to know, the way to it,
// and what the answer leaves behind here.
#include "pcscf/pcscf_priv.h"

#include "base/err.h"
#include "base/log.h"
#include "sip/plain.h"
#include "sip/uri.h"

// Of one REGISTER; registrars take no more (RFC 3261 10.3 leaves it to them).
enum { IMPUS_MAX = 32, CONTACTS_MAX = 32 };

static enum step_verdict check_contact(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_addr *to = sip_msg_to(pj->req);
    j->identity = to->uri.text;
    return sip_iter_init(pj->req, SIP_H_CONTACT).err == ERR_BAD
               ? job_fail(j, 400, "Malformed Contact")
               : STEP_CONTINUE;
}

static bool is_home_domain(const struct pcscf *p, struct str host)
{
    for (size_t i = 0; i < p->config->home_domains.n; i++)
        if (str_ieq(p->config->home_domains.v[i], host))
            return true;
    return false;
}

static enum step_verdict check_domain(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *u = sip_msg_uri(pj->req);
    if (!u || u->scheme == SIP_SCHEME_TEL || u->host.n == 0)
        return job_fail(j, 400, "Request-URI of REGISTER is not a SIP URI");
    if (is_home_domain(pj->pcscf, u->host))
        return STEP_CONTINUE;
    pj->pcscf->counters.refused_domain++;
    return job_fail(j, 403, "registration with a home network that is not served here");
}

// RFC 3329 2.3.1: 421 to a UE that offers no security agreement although it is needed; 494 when what it
// offers is not available here.
static enum step_verdict check_security(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    if (pj->pcscf->config->security != PCSCF_SECURITY_REQUIRED)
        return STEP_CONTINUE;
    pj->pcscf->counters.refused_security++;
    struct sip_edits *extra = arena_alloc(pj->arena, sizeof *extra);
    if (!extra)
        return job_fail(j, 500, "out of memory");
    sip_edits_init(extra, pj->arena, NULL);
    sip_edit_append(extra, SIP_H_REQUIRE, STR("sec-agree"));
    bool offered = sip_msg_has(pj->req, SIP_H_SECURITY_CLIENT);
    enum step_verdict v =
        job_fail(j, offered ? 494 : 421,
                 offered ? "no security mechanism in common" : "Security-Client is required");
    j->reject.extra = extra;
    return v;
}

static bool is_known(const struct pjob *pj)
{
    return registry_find(pj->pcscf->registry, &pj->ue, sip_msg_to(pj->req)->uri.text);
}

// Who is registered on this flow may renew and leave as often as he likes; of others a source may
// have so many begun. Not in the clauses: RFC 3261 21.5.4 and 26.1.5.
static enum step_verdict check_source(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct pcscf *pc = pj->pcscf;
    if (is_known(pj))
        return STEP_CONTINUE;
    pj->counted = sources_take(pc->sources, &pj->ue.remote, loop_now(pc->loop) / 1000000);
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
    trust_in(TRUST_UE, pj->req, pj->edits);
    agreement_strip(pj->req, pj->edits);
    return STEP_CONTINUE;
}

// TS 24.229 5.2.2.1: whom terminating requests reach through this P-CSCF. It is the first on the way: a
// Path that the UE wrote would lead them elsewhere.
static enum step_verdict add_path(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct token_use use = {.kind = TOKEN_PATH};
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

// What the home network may conclude from the access (TS 24.229 7.2A.2, 5.2.2.5; TS 33.203 annex N.2).
// Without IPsec the flow's address is the association: pending until a registration came over it.
static struct str integrity(const struct pjob *pj, const struct sip_auth *auth)
{
    if (auth->response.n == 0)
        return STR("no");
    return is_known(pj) ? STR("ip-assoc-yes") : STR("ip-assoc-pending");
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
    arena_buf_add(&text, auth->scheme);
    arena_buf_add(&text, STR(" "));
    for (const struct sip_param *p = auth->params; p; p = p->next) {
        if (!str_ieq(p->name, STR("integrity-protected")))
            add_param(&text, p, STR(", "));
    }
    return arena_buf_done(&text);
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
        struct str raw = sip_msg_raw(pj->req, SIP_H_AUTHORIZATION);
        struct str head = auth->integrity_protected.p || i
                              ? without_integrity(pj->arena, auth)
                              : ARENA_CAT(pj->arena, raw, STR(", "));
        sip_edit_replace_at(pj->edits, SIP_H_AUTHORIZATION, i,
                            ARENA_CAT(pj->arena, head, STR("integrity-protected=\""),
                                      integrity(pj, auth), STR("\"")));
    }
    return it.err == ERR_BAD ? job_fail(j, 400, "Malformed Authorization") : STEP_CONTINUE;
}

// ---- the answer ----

// The identities of the answer, the default one first; in an answer without any, the default one known
// of this flow.
static size_t associated(struct pcscf *pc, struct pxy *p, const struct access_flow *ue,
                         const struct sip_msg *msg, struct str *ret_impus)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_P_ASSOCIATED_URI);
    struct str to = sip_msg_to(pxy_request(p))->uri.text;
    size_t n = 0;
    for (const struct sip_addr *v; n < IMPUS_MAX && (v = sip_iter_next(&it));)
        ret_impus[n++] = v->uri.text;
    if (n)
        return n;
    const struct reg *known = registry_find(pc->registry, ue, to);
    ret_impus[0] = known ? arena_dup(pxy_arena(p), reg_impu(known, 0)) : to;
    return 1;
}

static struct str joined(struct arena *a, const struct sip_msg *msg, enum sip_hid id)
{
    struct arena_buf all = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(msg, id);
    for (const struct sip_addr *v; (v = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), v->text);
    return arena_buf_done(&all);
}

// Seconds that the registrar granted to a contact, 0 when it is not among the bindings any more.
static int64_t granted(const struct sip_msg *msg, const struct sip_uri *contact)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it));) {
        if (c->star || !sip_uri_eq(&c->addr.uri, contact))
            continue;
        int64_t expires = c->expires >= 0 ? c->expires : sip_msg_expires(msg);
        return expires >= 0 ? expires : 0;
    }
    return 0;
}

static void store(struct pcscf *pc, struct pxy *p, const struct sip_msg *msg,
                  const struct sip_edits *edits)
{
    const struct sip_msg *req = pxy_request(p);
    struct access_flow ue = pcscf_source_flow(p);
    struct str impus[IMPUS_MAX];
    size_t n = associated(pc, p, &ue, msg, impus);
    struct str route = joined(edits->arena, msg, SIP_H_SERVICE_ROUTE);
    struct sip_iter it = sip_iter_init(req, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it)) && it.done <= CONTACTS_MAX;) {
        int64_t expires = c->star ? 0 : granted(msg, &c->addr.uri);
        if (c->star) {
            pc->counters.deregistered += registry_remove_identity(pc->registry, &ue, impus[0]);
        } else if (expires == 0) {
            pc->counters.deregistered += registry_remove(pc->registry, c->addr.uri.text, impus[0]);
        } else {
            struct reg_params rp = {.flow = &ue,
                                    .contact = c->addr.uri.text,
                                    .impus = impus,
                                    .n_impus = n,
                                    .service_route = route,
                                    .expires_ms = (uint64_t)expires * 1000};
            if (registry_set(pc->registry, &rp))
                LOG(LOG_ERROR, "registration not stored", LF("call_id", sip_msg_call_id(req)),
                    LF("identity", impus[0]), LF_Z("cause", "out of memory"));
            else
                pc->counters.registered++;
        }
    }
}

// TS 24.229 5.2.2.1: an entry point that is not found or says nothing is a time-out of the network,
// not a fault of this node.
static enum pxy_verdict no_home_network(struct pjob *pj, unsigned status, const char *trouble)
{
    const char *cause = status == 408 ? "the home network's entry point does not answer"
                                      : "the home network's entry point cannot be reached";
    struct str all = trouble ? arena_printf(pj->arena, "%s: %s", cause, trouble) : STR_NONE;
    job_reject(&pj->job, (struct reject){.status = 504, .cause = all.p ? all.p : cause});
    return PXY_TAKEN;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct pcscf *pc = nf;
    if (!msg)
        return status == 513 ? PXY_PASS : no_home_network(ctx, status, pxy_trouble(p));
    pcscf_hide_from_ue(pc, msg, edits); // ck and ik, too
    if (status >= 200 && status < 300) {
        const struct pjob *pj = ctx;
        store(pc, p, msg, edits);
        if (pj->counted) // and the REGISTER that was challenged
            sources_give(pc->sources, &pj->ue.remote, 2);
    }
    return PXY_PASS;
}

// Who is registered may renew and leave, however full it is.
static bool is_full(const struct pjob *pj)
{
    const struct registry *r = pj->pcscf->registry;
    return registry_count(r) >= pj->pcscf->config->max_registrations && !is_known(pj);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response};
    struct pjob *pj = pjob_of(j);
    if (is_full(pj)) {
        enum step_verdict v = job_fail(j, 503, "as many registrations as configured");
        j->reject.retry_after = 30;
        return v;
    }
    // TS 24.229 5.2.2.1: the entry point of the home network, by DNS unless configured; a Route that
    // the UE pre-loaded has no say in it.
    sip_edit_remove(pj->edits, SIP_H_ROUTE);
    pcscf_aim_at_core(pj);
    pj->target.speaks = true; // nobody but the home network itself answers it
    pj->target.next_hop = pj->pcscf->config->home_entry.n
                              ? pj->pcscf->config->home_entry
                              : ARENA_CAT(pj->arena, STR("sip:"), sip_msg_uri(pj->req)->host);
    return pcscf_forward(pj, &ops);
}

static const struct step steps[] = {
    {"check-contact", check_contact, "RFC 3261 10.3"},
    {"check-domain", check_domain, "TS 24.229 5.2.2.1"},
    {"check-security", check_security, "TS 24.229 5.2.2.2"},
    {"check-source", check_source, "RFC 3261 26.1.5"},
    {"strip", strip, "TS 24.229 5.2.2.1"},
    {"add-path", add_path, "TS 24.229 5.2.2.1"},
    {"mark-integrity", mark_integrity, "TS 24.229 5.2.2.5"},
    {"forward", forward, "TS 24.229 5.2.2.1"},
};
const struct procedure pcscf_register = {"register", steps, ARRAY_LEN(steps)};
