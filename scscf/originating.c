// SPDX-License-Identifier: Apache-2.0
// Requests initiated by the served user (TS 24.229 5.4.3.2).
#include "base/err.h"
#include "base/log.h"
#include "ims/alternative.h"
#include "scscf/media.h"
#include "scscf/originating.h"
#include "scscf/service_route.h"

static struct registration *served_by(const struct job *j, size_t *ret_index)
{
    return scscf_serving(j->nf, &((const struct orig_job *)j)->served, ret_index);
}

// How an identity that is asserted is served: as a distinct one that is registered here, whoever's it is, since that
// counts before any wildcarded one (TS 29.228 6.5); by the wildcarded identity that the P-CSCF names; by one that
// covers it.
static struct served how_served(const struct job *j, struct str impu)
{
    const struct scscf *s = j->nf;
    struct arena *a = job_arena(j);
    struct served who = {impu, STR_NONE};
    struct str pattern;
    if (!impu.n || scscf_serving(s, &who, NULL))
        return who;
    who.key = scscf_profile_key(s, a, job_request(j));
    if (scscf_key_covers(s, who.key, impu) && scscf_serving(s, &who, NULL))
        return who;
    who.key = registrar_find_covering(s->registrar, impu, &pattern) ? arena_dup(a, pattern) : STR_NONE;
    return who;
}

// ---- steps ----

// The served user is known by assertion only: who is not trusted to assert cannot originate.
static enum step_verdict check_source(struct job *j)
{
    return scscf_trusts(j->nf, job_pxy(j))
               ? STEP_CONTINUE
               : job_fail(j, 403, "originating request from outside the trust domain");
}

// Whom a request speaks for that nobody has vouched for: its preferred identity, else From.
static void read_claim(struct orig_job *o)
{
    const struct sip_msg *m = job_request(&o->job);
    struct arena *a = job_arena(&o->job);
    struct sip_iter it = sip_iter_init(m, SIP_H_P_PREFERRED_IDENTITY);
    const struct sip_addr *id = sip_iter_next(&it);
    if (!id)
        id = sip_msg_from(m);
    o->unproven = true;
    o->claim = impu_canon(a, &((const struct scscf *)o->job.nf)->plan, &id->uri);
    o->served = how_served(&o->job, o->claim);
}

// Of two asserted identities the one that is registered here counts.
static enum step_verdict served_user(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    const struct scscf *s = j->nf;
    const struct sip_msg *m = job_request(j);
    struct arena *a = job_arena(j);
    struct sip_iter it = sip_iter_init(m, SIP_H_P_ASSERTED_IDENTITY);
    for (const struct sip_addr *id; (id = sip_iter_next(&it));) {
        struct served who = how_served(j, impu_canon(a, &s->plan, &id->uri));
        bool here = who.impu.n && scscf_serving(s, &who, NULL);
        if (!who.impu.n || (o->served.impu.n && !here))
            continue;
        o->served = who;
        if (here)
            break;
    }
    if (!sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY))
        read_claim(o);
    j->identity = o->served.impu;
    sip_edit_remove(pxy_edits(job_pxy(j)), SIP_H_P_PROFILE_KEY);
    if (!o->served.impu.n)
        return job_fail(j, 403, "no asserted identity");
    return STEP_CONTINUE;
}

// Who is asked to register anew knows us by the URI of his Service-Route, as the request has it (TS 24.229 5.4.3.2,
// 5.1.2A.1.6; TS 23.380 4.3).
static enum step_verdict restoration(struct job *j, const char *cause)
{
    struct arena *a = job_arena(j);
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    struct str asserted = own ? ARENA_CAT(a, STR("<"), own->text, STR(">")) : scscf_route(j->nf, a, ROUTE_ORIG);
    struct sip_edits *extra = ims_alternative_new(a, IMS_RESTORATION, asserted);
    j->reject = (struct reject){.status = 504, .cause = cause, .extra = extra};
    return STEP_REJECT;
}

// The request came along a Service-Route of ours, so the user was registered here and we have
// forgotten it.
static enum step_verdict check_registered(struct job *j)
{
    return served_by(j, NULL) ? STEP_CONTINUE : restoration(j, "served user is not registered here");
}

static const struct registration *next_serving(const struct scscf *s, const struct served *who, size_t *it)
{
    return who->key.n ? registrar_next_pattern(s->registrar, who->key, it, NULL)
                      : registrar_next_with(s->registrar, who->impu, it, NULL);
}

// An identity, a wildcarded one too, may be in the sets of several private identities: the way has to be of one of
// them.
static enum service_route_verdict judge_route(const struct scscf *s, struct str user, const struct served *who)
{
    const struct registration *reg = scscf_serving(s, who, NULL);
    enum service_route_verdict v = reg ? service_route_judge(s, user, reg) : SERVICE_ROUTE_PLAIN;
    size_t it = 0;
    while (v >= SERVICE_ROUTE_GONE && (reg = next_serving(s, who, &it))) {
        enum service_route_verdict other = service_route_judge(s, user, reg);
        v = other < v ? other : v;
    }
    return v;
}

// A Service-Route tells whose it is (TS 24.229 5.4.1.2.2F): an identity of somebody else cannot be asserted along it. A
// claim that nobody has vouched for is proved by credentials.
static enum step_verdict check_route(struct job *j)
{
    struct scscf *s = j->nf;
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    struct sip_iter it = sip_iter_init(job_request(j), SIP_H_P_ASSERTED_IDENTITY);
    for (const struct sip_addr *id; own && (id = sip_iter_next(&it));) {
        struct served who = how_served(j, impu_canon(job_arena(j), &s->plan, &id->uri));
        enum service_route_verdict v = judge_route(s, own->user, &who);
        if (v == SERVICE_ROUTE_GONE)
            return restoration(j, "the registration that the Service-Route was given to is gone, or its key");
        if (v == SERVICE_ROUTE_MOVED)
            return restoration(j, "the Service-Route is of another S-CSCF");
        if (v != SERVICE_ROUTE_OTHER)
            continue;
        scscf_count(s, SC_ROUTE_REFUSED);
        return job_fail(j, 403, "asserted identity is not of the registration that the Service-Route was given to");
    }
    return STEP_CONTINUE;
}

// Every identity that is asserted, not the served one alone (TS 24.229 5.4.3.2).
static enum step_verdict check_barred(struct job *j)
{
    const struct scscf *s = j->nf;
    struct sip_iter it = sip_iter_init(job_request(j), SIP_H_P_ASSERTED_IDENTITY);
    for (const struct sip_addr *id; (id = sip_iter_next(&it));) {
        size_t i;
        struct served who = how_served(j, impu_canon(job_arena(j), &s->plan, &id->uri));
        const struct registration *reg = scscf_serving(s, &who, &i);
        if (reg && profile_identity_at(registration_profile(reg), i).barred)
            return job_fail(j, 403, "asserted identity is barred");
    }
    return STEP_CONTINUE;
}

// What the user would rather be called was for the P-CSCF, or for us in its place.
static enum step_verdict forget_claim(struct job *j)
{
    sip_edit_remove(job_edits(j), SIP_H_P_PREFERRED_IDENTITY);
    return STEP_CONTINUE;
}

// A target of another network: by the Route that the P-CSCF took from our own Service-Route, or by
// the UE's word alone, for which the routing policy decides. 404 is the answer to a domain that is
// not handled here (RFC 3261 21.4.5).
static enum step_verdict foreign_target(struct orig_job *o, const struct sip_uri *uri)
{
    const struct scscf *s = o->job.nf;
    bool routed = scscf_has_route(job_pxy(&o->job));
    const char *cause = routed ? NULL : routing_refuses(&s->routing, uri);
    o->foreign = true;
    o->word = routed ? WORD_ROUTE : WORD_FOREIGN;
    return cause ? job_fail(&o->job, 404, cause) : STEP_CONTINUE;
}

// To where home identities are found, unless the Route says where.
static enum step_verdict home_target(struct orig_job *o)
{
    const struct scscf *s = o->job.nf;
    struct pxy *p = job_pxy(&o->job);
    if (!scscf_has_route(p))
        o->next_hop = scscf_home_entry(s, pxy_arena(p));
    return STEP_CONTINUE;
}

// A telephone number becomes a SIP URI of the home network (TS 24.229 5.4.3.2; RFC 3261 19.1.6).
static enum step_verdict target(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (!uri || uri->scheme == SIP_SCHEME_OTHER || uri->scheme == SIP_SCHEME_URN)
        return job_fail(j, 416, "Request-URI scheme is not supported");
    struct dialled d = scscf_dialled(s, pxy_arena(p), uri);
    if (d.status)
        return job_fail(j, d.status, d.cause);
    if (d.uri.p)
        sip_edit_uri(pxy_edits(p), d.uri);
    return d.uri.p || scscf_is_home_uri(s, uri) ? home_target(o) : foreign_target(o, uri);
}

// A SIP identity is asserted together with its tel URI, for networks that know numbers only, and a tel URI with
// a SIP URI for the others.
static enum step_verdict assert_identities(struct job *j)
{
    struct pxy *p = job_pxy(j);
    struct arena *a = pxy_arena(p);
    const struct sip_msg *m = pxy_request(p);
    const struct sip_addr *id = sip_msg_at(m, SIP_H_P_ASSERTED_IDENTITY, 0);
    const struct orig_job *o = (struct orig_job *)j;
    struct sip_uri claim;
    const struct sip_uri *asserted = id ? &id->uri : NULL;
    if (!id && o->claim.n && sip_uri_parse(a, o->claim, &claim) == 0)
        asserted = &claim; // by us, after the proof
    size_t i;
    const struct registration *reg = served_by(j, &i);
    if (!asserted || sip_msg_count(m, SIP_H_P_ASSERTED_IDENTITY) > 1)
        return STEP_CONTINUE;
    struct str alias = scscf_alias(j->nf, a, registration_profile(reg), i, asserted);
    if (alias.n)
        sip_edit_append(pxy_edits(p), SIP_H_P_ASSERTED_IDENTITY,
                        ARENA_CAT(a, STR("<"), alias, STR(">")));
    return STEP_CONTINUE;
}

static enum step_verdict charging(struct job *j)
{
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct str v = charging_vector(pxy_arena(p), pxy_request(p), scscf_ioi(s), STR_NONE);
    if (v.n)
        sip_edit_set(pxy_edits(p), SIP_H_P_CHARGING_VECTOR, v);
    return STEP_CONTINUE;
}

static enum step_verdict identify_service(struct job *j)
{
    size_t i;
    const struct registration *reg = served_by(j, &i);
    return service_assert(j, profile_service(registration_profile(reg), i));
}

static enum step_verdict check_media(struct job *j)
{
    size_t i;
    const struct registration *reg = served_by(j, &i);
    return media_check(j, profile_service(registration_profile(reg), i));
}

// Credentials for this network end here, where they have been of use. What the next node must not see goes
// (TS 24.229 4.4; RFC 3325 7; RFC 7315 5): a foreign network sees no more when a node of ours is on
// the way.
static enum step_verdict leave(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    scscf_drop_credentials(s, pxy_request(p), pxy_edits(p));
    if (o->claim.n) // proven by them, whatever realm the HSS wanted
        sip_edit_remove(pxy_edits(p), SIP_H_PROXY_AUTHORIZATION);
    o->to = scscf_side_of_next(s, pxy_arena(p), pxy_edits(p), o->next_hop);
    if (o->foreign && o->to == TRUST_HOME)
        o->to = trust_side_of_host(&s->neighbours, uri->host);
    scscf_hide(s, o->to, pxy_request(p), pxy_edits(p));
    return STEP_CONTINUE;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct orig_job *o = ctx;
    (void)status;
    if (msg)
        o->lent = scscf_pass_response(nf, p, o->to, scscf_ioi_1(nf, edits->arena), msg, edits);
    return PXY_PASS;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    const struct orig_job *o = ctx;
    scscf_keep_back(nf, p, o->to, o->lent, scscf_ioi_1(nf, pxy_arena(p)), w);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    scscf_pass_late(nf, kept, scscf_ioi_1(nf, edits->arena), msg, edits);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};
    struct orig_job *o = (struct orig_job *)j;
    struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct pxy_target t = {.edits = pxy_edits(p), .next_hop = o->next_hop,
                           .word = o->word,
                           .outside = o->to == TRUST_FOREIGN || o->to == TRUST_PARTNER,
                           .ctx = o,
                           .leg_ms = s->cfg->leg.originating_ms};
    size_t i;
    const struct registration *reg = served_by(j, &i);
    if (scscf_makes_dialog(pxy_request(p)))
        sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE,
                         media_route(s, pxy_arena(p), ROUTE_MO, profile_service(registration_profile(reg), i)));
    int err = pxy_arena(p)->failed ? ERR_NOMEM : pxy_forward(p, &t, 1, &ops, s);
    if (err == ERR_STATE)
        return STEP_DONE;
    return err ? job_fail(j, 500, err_text(err)) : STEP_DONE;
}

// Hooks before "filter criteria" are those of step 5: who evaluates them waits for each application server there.
static const struct step steps[] = {
    {"check source", check_source, "TS 24.229 5.4.3.1"},
    {"find served user", served_user, "TS 24.229 5.4.3.2"},
    {"check registration", check_registered, "TS 24.229 5.4.3.2"},
    {"check the way", check_route, "TS 24.229 5.4.1.2.2F"},
    {"check barring", check_barred, "TS 24.229 5.4.3.2"},
    {"check credentials", request_check_answer, "TS 24.229 5.4.3.6"},
    {"find secret", request_find_secret, "TS 24.229 5.4.3.6", .late = scscf_late},
    {"challenge", request_challenge, "TS 24.229 5.4.3.6"},
    {"forget the claim", forget_claim, "RFC 3325 9.2"},
    {"identify service", identify_service, "TS 24.229 5.4.3.2"},
    {"check media", check_media, "TS 24.229 6.3"},
    {"filter criteria", NULL, "TS 24.229 5.4.3.2"},
    {"find target", target, "TS 24.229 5.4.3.2"},
    {"assert identities", assert_identities, "TS 24.229 5.4.3.2"},
    {"charging vector", charging, "TS 24.229 4.5.4"},
    {"leave", leave, "TS 24.229 4.4"},
    {"forward", forward, "TS 24.229 5.4.3.2"},
};
const struct procedure scscf_originating = {"originating", steps, ARRAY_LEN(steps)};

void originating_begin(struct scscf *s, struct pxy *p)
{
    struct orig_job *o = ARENA_NEW(pxy_arena(p), struct orig_job);
    if (o)
        pxy_run(p, &o->job, &scscf_originating, &s->steps, NULL);
    else
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
