// SPDX-License-Identifier: Apache-2.0
// REGISTER (TS 24.229 5.2.2): checks of the access, what the home network needs to know, the way to it,
// and what the answer leaves behind here.
#include "pcscf/pcscf_priv.h"

#include "base/err.h"
#include "base/hash.h"
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

// RFC 3329 2.3.1: 421 to a UE that offers no security agreement although it is needed, which it is for IMS-AKA (TS
// 33.203 6.1); 494 when what it offers is not available here.
static enum step_verdict check_security(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct pcscf_config *c = pj->pcscf->config;
    if (c->security != PCSCF_SECURITY_REQUIRED && (c->aka_in_clear || !is_aka(pj->req)))
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
    pj->counted = bucket_take(pc->pending, addr_source_key(&pj->ue.remote), loop_now(pc->loop));
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

// ---- the answer ----

// The identities of the answer, the default one first; in an answer without any, the default one known
// of this UE.
static size_t associated(const struct pjob *pj, const struct sip_msg *msg, struct str *ret_impus)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_P_ASSOCIATED_URI);
    struct str to = sip_msg_to(pj->req)->uri.text;
    size_t n = 0;
    for (const struct sip_addr *v; n < IMPUS_MAX && (v = sip_iter_next(&it));)
        ret_impus[n++] = v->uri.text;
    if (n)
        return n;
    const struct association *a =
        association_find(registry_associations(pj->pcscf->registry), &pj->ue.remote, pj->ue.user);
    const struct reg *known = registry_find_at(pj->pcscf->registry, &pj->ue.remote, a, to);
    ret_impus[0] = known ? arena_dup(pj->arena, reg_impu(known, 0)) : to;
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

// TS 24.229 F.2: the UE names another address than the one it came from, in Via or as its Contact.
static bool is_behind_nat(const struct pjob *pj, const struct sip_uri *contact)
{
    const struct sip_via *via = sip_msg_via(pj->req);
    struct addr said;
    return !via || addr_parse(via->host, 0, &said) || !addr_eq_ip(&said, &pj->ue.remote) ||
           addr_parse(contact->host, 0, &said) || !addr_eq_ip(&said, &pj->ue.remote);
}

struct stored {
    struct str impus[IMPUS_MAX];
    size_t n_impus;
    struct str impi, route;
    const struct sip_msg *ok;
};

static void store_contact(struct pjob *pj, const struct stored *s, const struct sip_contact *c, uint64_t expires_s)
{
    struct pcscf *pc = pj->pcscf;
    struct reg_params rp = {.flow = &pj->ue,
                            .impi = s->impi,
                            .contact = c->addr.uri.text,
                            .impus = s->impus,
                            .n_impus = s->n_impus,
                            .service_route = s->route,
                            .expires_ms = expires_s * 1000,
                            .nat = is_behind_nat(pj, &c->addr.uri),
                            .outbound = c->reg_id && sip_msg_has_token(s->ok, SIP_H_REQUIRE, STR("outbound"))};
    if (registry_set(pc->registry, &rp))
        LOG(LOG_ERROR, "registration not stored", LF("call_id", sip_msg_call_id(pj->req)),
            LF("identity", s->impus[0]), LF_Z("cause", "out of memory"));
    else
        pc->counters.registered++;
}

// Is the contact among the bindings that the registrar lists?
static bool is_listed(void *ok, const struct reg *g)
{
    char room[512];
    struct arena a;
    struct sip_uri u;
    arena_init(&a, room, sizeof room);
    bool listed = sip_uri_parse(&a, reg_contact(g), &u) == 0 && granted(ok, &u) > 0;
    arena_done(&a);
    return listed;
}

static bool asked_to_end(const struct sip_msg *req, const struct sip_msg *ok)
{
    struct sip_iter it = sip_iter_init(req, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it)) && it.done <= CONTACTS_MAX;)
        if (c->star || !granted(ok, &c->addr.uri))
            return true;
    return false;
}

// RFC 3261 10.3 step 8: the answer lists every binding that there is. What it does not list any more has ended, from
// wherever it was registered: a phone that has moved does not leave its old address behind as one that may speak as
// the user (TS 24.229 5.2.5.1, 5.2.5.2).
static void store(struct pjob *pj, const struct sip_msg *msg, const struct sip_edits *edits)
{
    struct pcscf *pc = pj->pcscf;
    struct stored *s = arena_alloc(edits->arena, sizeof *s);
    if (!s) {
        LOG(LOG_ERROR, "registration not stored", LF("call_id", sip_msg_call_id(pj->req)), LF_Z("cause", "out of memory"));
        return;
    }
    s->n_impus = associated(pj, msg, s->impus);
    s->impi = pcscf_impi(edits->arena, pj->req);
    s->route = joined(edits->arena, msg, SIP_H_SERVICE_ROUTE);
    s->ok = msg;
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it)) && it.done <= CONTACTS_MAX;) {
        int64_t expires = c->star ? 0 : granted(msg, &c->addr.uri);
        if (expires)
            store_contact(pj, s, c, (uint64_t)expires);
    }
    if (sip_iter_init(msg, SIP_H_CONTACT).err == ERR_BAD)
        return; // what it lists cannot be told
    size_t gone = registry_keep(pc->registry, s->impus[0], is_listed, (void *)msg);
    *(asked_to_end(pj->req, msg) ? &pc->counters.deregistered : &pc->counters.moved) += gone;
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
        struct pjob *pj = ctx;
        store(pj, msg, edits);
        if (pj->counted) // and the REGISTER that was challenged
            bucket_give(pc->pending, addr_source_key(&pj->ue.remote), 2, loop_now(pc->loop));
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
    {"find-user", find_user, "TS 24.229 5.2.2.3"},
    {"check-security", check_security, "TS 24.229 5.2.2.2"},
    {"check-source", check_source, "RFC 3261 26.1.5"},
    {"strip", strip, "TS 24.229 5.2.2.1"},
    {"add-path", add_path, "TS 24.229 5.2.2.1"},
    {"mark-integrity", mark_integrity, "TS 24.229 5.2.2.3"},
    {"forward", forward, "TS 24.229 5.2.2.1"},
};
const struct procedure pcscf_register = {"register", steps, ARRAY_LEN(steps)};
