// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/writer.h"
#include "ims/wildcard.h"
#include "scscf/contact.h"
#include "scscf/digest.h"
#include "scscf/register.h"
#include "scscf/service_route.h"

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
                     STR("\",algorithm=AKAv1-MD5,qop=\"auth\",ck=\""), hex(a, c->ck),
                     STR("\",ik=\""), hex(a, c->ik), STR("\""));
}

enum step_verdict register_send_challenge(struct register_job *r, const struct challenge *c)
{
    struct arena *a = job_arena(&r->job);
    struct sip_edits extra;
    sip_edits_init(&extra, a, NULL);
    sip_edit_append(&extra, SIP_H_WWW_AUTHENTICATE,
                    c->scheme == AUTH_AKA ? aka_challenge(a, c)
                                          : digest_challenge(a, c, c->alg, r->stale));
    if (c->md5_secret.n) // the stronger one is first (RFC 8760 2.4)
        sip_edit_append(&extra, SIP_H_WWW_AUTHENTICATE,
                        digest_challenge(a, c, DIGEST_MD5, r->stale));
    return answer(r, 401, &extra);
}

// ---- 200 ----

// A display name of the profile between quotes (RFC 3261 25.1); what would end the header field becomes a blank.
static void add_display_name(struct arena_buf *all, struct str name)
{
    arena_buf_add(all, STR("\""));
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c == '"' || c == '\\')
            arena_buf_add(all, STR("\\"));
        arena_buf_add(all, c < ' ' || c == 0x7f ? STR(" ") : str_make(name.p + i, 1));
    }
    arena_buf_add(all, STR("\" "));
}

// TS 24.229 5.4.1.2.2F: the distinct identities, the default one first, the barred ones not at all. What a pattern covers
// is not told one by one.
static bool is_told(const struct profile_identity *id)
{
    return !id->barred && (id->type == IDENTITY_PUBLIC_USER || id->type == IDENTITY_DISTINCT_PSI);
}

static void add_identity(struct arena_buf *all, const struct profile_identity *id, struct str uri)
{
    arena_buf_item(all, STR(", "), STR(""));
    if (id->display_name.n)
        add_display_name(all, id->display_name);
    arena_buf_add(all, STR("<"));
    arena_buf_add(all, uri);
    arena_buf_add(all, STR(">"));
}

// Behind them the wildcarded ones, by which the P-CSCF knows what else its user may assert (5.2.2.1).
static struct str associated(const struct scscf *s, const struct registration *reg, struct arena *a)
{
    const struct profile *p = registration_profile(reg);
    size_t n = profile_identity_count(p);
    struct arena_buf all = arena_buf_init(a);
    for (size_t i = 0; i < n; i++) {
        struct profile_identity id = profile_identity_at(p, i);
        if (is_told(&id))
            add_identity(&all, &id, id.uri);
    }
    for (size_t i = 0; s->cfg->registration.associated_wildcards && i < n; i++) {
        const char *why;
        struct profile_identity id = profile_identity_at(p, i);
        struct str pattern = id.barred ? STR_NONE : profile_identity_pattern(&id);
        if (pattern.n && wildcard_canon(a, &s->plan, pattern, &why).n)
            add_identity(&all, &id, wildcard_to_uri(a, pattern));
    }
    return arena_buf_done(&all);
}

// The name as a whole: "ims.example.evil.org" is another network.
static bool is_home_access(const struct scscf *s, const struct sip_msg *m, struct arena *a)
{
    const struct sip_token *visited = sip_msg_at(m, SIP_H_P_VISITED_NETWORK_ID, 0);
    if (!visited)
        return !sip_msg_has(m, SIP_H_P_VISITED_NETWORK_ID);
    return scscf_is_home(s, sip_unquote(a, visited->token));
}

static void add_contacts(const struct register_job *r, struct sip_edits *e)
{
    const struct scscf *s = register_nf(r);
    const struct registration *reg = register_find(r);
    struct sip_iter it = sip_iter_init(job_request(&r->job), SIP_H_PATH);
    for (size_t i = 0; i < r->n_gone; i++)
        sip_edit_append(e, SIP_H_CONTACT, r->gone[i]);
    for (const struct binding *b = reg ? registration_bindings(reg) : NULL; b; b = b->next)
        sip_edit_append(e, SIP_H_CONTACT,
                        contact_value(e->arena, b, binding_expires_s(s->registrar, b)));
    for (const struct sip_addr *path; (path = sip_iter_next(&it));)
        sip_edit_append(e, SIP_H_PATH, path->text);
}

static void add_registration(const struct register_job *r, struct registration *reg,
                             struct sip_edits *e)
{
    struct scscf *s = register_nf(r);
    struct arena *a = e->arena;
    const struct service_route_of of = {r->impi, r->call_id, r->cseq};
    const struct sip_msg *m = job_request(&r->job);
    struct str ids = associated(s, reg, a), charging = registration_charging(reg);
    sip_edit_append(e, SIP_H_SERVICE_ROUTE, service_route_write(s, a, reg, &of));
    if (r->outbound) // without it the UE knows that flows are not in use (RFC 5626 6)
        sip_edit_append(e, SIP_H_REQUIRE, STR("outbound"));
    if (ids.n)
        sip_edit_append(e, SIP_H_P_ASSOCIATED_URI, ids);
    if (charging.n && is_home_access(s, m, a))
        sip_edit_append(e, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, charging);
}

static enum step_verdict send_200(struct register_job *r, bool registered)
{
    struct registration *reg = register_find(r);
    const struct sip_msg *m = job_request(&r->job);
    struct sip_edits extra;
    sip_edits_init(&extra, register_arena(r), NULL);
    add_contacts(r, &extra);
    if (registered && reg)
        add_registration(r, reg, &extra);
    if (r->auth_info.n)
        sip_edit_append(&extra, SIP_H_AUTHENTICATION_INFO, r->auth_info);
    struct str vector =
        charging_vector(register_arena(r), m, charging_orig_ioi(m), scscf_ioi_1(register_nf(r), register_arena(r)));
    if (vector.n)
        sip_edit_append(&extra, SIP_H_P_CHARGING_VECTOR, vector);
    return answer(r, 200, &extra);
}

enum step_verdict register_send_ok(struct register_job *r)
{
    return send_200(r, true);
}

enum step_verdict register_send_gone(struct register_job *r)
{
    return send_200(r, false);
}
