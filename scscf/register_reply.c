// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/writer.h"
#include "scscf/register.h"

static enum step_verdict answer(struct register_job *r, unsigned status, struct sip_edits *extra)
{
    if (extra->failed || extra->arena->failed)
        return job_fail(&r->job, 500, err_text(ERR_NOMEM));
    (void)pxy_reply(job_pxy(&r->job), status, STR_NONE, extra);
    return STEP_DONE;
}

// ---- 401 ----

static struct str hex(struct arena *a, struct str bytes)
{
    char *p = arena_alloc(a, 2 * bytes.n + 1);
    struct writer w = writer_init(p, p ? 2 * bytes.n : 0);
    writer_hex(&w, bytes.p, bytes.n);
    return writer_done(&w);
}

// TS 24.229 5.4.1.2.1 and 7.2A.1: ck and ik are for the P-CSCF, which removes them.
static struct str aka_challenge(struct arena *a, const struct challenge *c)
{
    return ARENA_CAT(a, STR("Digest realm=\""), c->realm, STR("\",nonce=\""), c->nonce,
                     STR("\",algorithm=AKAv1-MD5,ck=\""), hex(a, c->ck), STR("\",ik=\""),
                     hex(a, c->ik), STR("\""));
}

static struct str digest_challenge(struct arena *a, const struct challenge *c, bool stale)
{
    return ARENA_CAT(a, STR("Digest realm=\""), c->realm, STR("\",nonce=\""), c->nonce,
                     STR("\",algorithm="), c->alg == DIGEST_MD5 ? STR("MD5") : STR("SHA-256"),
                     STR(",qop=\"auth\""), stale ? STR(",stale=true") : STR(""));
}

enum step_verdict register_send_challenge(struct register_job *r, const struct challenge *c)
{
    struct arena *a = pxy_arena(job_pxy(&r->job));
    struct sip_edits extra;
    sip_edits_init(&extra, a, NULL);
    sip_edit_append(&extra, SIP_H_WWW_AUTHENTICATE,
                    c->scheme == AUTH_AKA ? aka_challenge(a, c)
                                          : digest_challenge(a, c, r->stale));
    return answer(r, 401, &extra);
}

// ---- 200 ----

// TS 24.229 5.4.1.2.2F: the default identity first, the barred ones not at all.
static struct str associated(const struct registration *reg, struct arena *a)
{
    const struct profile *p = registration_profile(reg);
    struct arena_buf all = arena_buf_init(a);
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        if (id.barred)
            continue;
        struct str uri = id.type == IDENTITY_WILDCARDED_IMPU && id.wildcard.n ? id.wildcard
                                                                              : id.uri;
        arena_buf_item(&all, STR(", "), STR("<"));
        arena_buf_add(&all, uri);
        arena_buf_add(&all, STR(">"));
    }
    return arena_buf_done(&all);
}

static struct str contact_value(const struct scscf *s, const struct binding *b, struct arena *a)
{
    struct arena_buf v = arena_buf_init(a);
    arena_buf_add(&v, STR("<"));
    arena_buf_add(&v, binding_uri(b));
    arena_buf_printf(&v, ">;expires=%u", binding_expires_s(s->registrar, b));
    if (b->q < 1000)
        arena_buf_printf(&v, ";q=0.%03u", b->q);
    if (b->instance_n) {
        arena_buf_add(&v, STR(";+sip.instance=\""));
        arena_buf_add(&v, binding_instance(b));
        arena_buf_add(&v, STR("\""));
    }
    if (b->reg_id)
        arena_buf_printf(&v, ";reg-id=%u", b->reg_id);
    return arena_buf_done(&v);
}

// The name as a whole: "ims.example.evil.org" is another network.
static bool is_home_access(const struct scscf *s, const struct sip_msg *m, struct arena *a)
{
    const struct sip_token *visited = sip_msg_at(m, SIP_H_P_VISITED_NETWORK_ID, 0);
    if (!visited)
        return !sip_msg_has(m, SIP_H_P_VISITED_NETWORK_ID);
    return str_ieq(sip_unquote(a, visited->token), s->cfg->domain);
}

static void add_registration(const struct register_job *r, const struct registration *reg,
                             struct sip_edits *e)
{
    const struct scscf *s = register_nf(r);
    struct arena *a = e->arena;
    const struct sip_msg *m = pxy_request(job_pxy(&r->job));
    struct str ids = associated(reg, a), charging = registration_charging(reg);
    for (const struct binding *b = registration_bindings(reg); b; b = b->next)
        sip_edit_append(e, SIP_H_CONTACT, contact_value(s, b, a));
    struct sip_iter it = sip_iter_init(m, SIP_H_PATH);
    for (const struct sip_addr *path; (path = sip_iter_next(&it));)
        sip_edit_append(e, SIP_H_PATH, path->text);
    sip_edit_append(e, SIP_H_SERVICE_ROUTE, scscf_route(s, a, ROUTE_ORIG));
    if (ids.n)
        sip_edit_append(e, SIP_H_P_ASSOCIATED_URI, ids);
    if (charging.n && is_home_access(s, m, a))
        sip_edit_append(e, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, charging);
}

enum step_verdict register_send_ok(struct register_job *r)
{
    const struct scscf *s = register_nf(r);
    const struct registration *reg = register_find(r);
    struct pxy *p = job_pxy(&r->job);
    struct arena *a = pxy_arena(p);
    const struct sip_msg *m = pxy_request(p);
    struct sip_edits extra;
    sip_edits_init(&extra, a, NULL);
    if (reg)
        add_registration(r, reg, &extra);
    if (r->auth_info.n)
        sip_edit_append(&extra, SIP_H_AUTHENTICATION_INFO, r->auth_info);
    struct str vector = charging_vector(a, m, charging_orig_ioi(m), scscf_ioi_1(s, a));
    if (vector.n)
        sip_edit_append(&extra, SIP_H_P_CHARGING_VECTOR, vector);
    return answer(r, 200, &extra);
}
