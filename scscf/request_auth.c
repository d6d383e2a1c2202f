// SPDX-License-Identifier: Apache-2.0
// SIP Digest for requests other than REGISTER (TS 24.229 5.4.3.6, TS 33.203 N.2.1; RFC 3261 22.3).
// The P-CSCF asserts whoever it knows by his association. Who sends from an address that others
// share it does not know: such a request comes without an asserted identity and is answered 407
// until it has credentials of a private identity that holds the registration. Nonces are those of
// REGISTER (auth.h), with their bounds, and so is the brake on guessing.
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/writer.h"
#include "scscf/digest.h"
#include "scscf/originating.h"

enum { NONCE_BYTES = 16 };

static struct scscf *nf(const struct orig_job *o)
{
    return o->job.nf;
}

static const struct sip_msg *request(const struct orig_job *o)
{
    return job_request(&o->job);
}

static struct registration *served(const struct orig_job *o)
{
    return scscf_serving(nf(o), &o->served, NULL);
}

// The HSS has no credentials of an identity that a wildcarded one covers.
static struct str asked_for(const struct orig_job *o)
{
    return o->served.key.n ? scscf_default_impu(served(o)) : o->served.impu;
}

static struct brake_key key_of(const struct orig_job *o)
{
    return (struct brake_key){hash_bytes(o->impi.p, o->impi.n), o->from.source};
}

static enum step_verdict held_up(struct orig_job *o, struct brake_verdict v)
{
    if (!v.retry_s)
        return STEP_CONTINUE;
    o->job.reject = (struct reject){.status = 500,
                                    .reason = "Too Many Attempts",
                                    .cause = v.cause,
                                    .retry_after = v.retry_s,
                                    .quiet = !brake_may_log(nf(o)->brake)};
    return STEP_REJECT;
}

// ---- credentials ----

// Those of a user who holds the registration of the identity that the request claims.
static const struct sip_auth *credentials(const struct orig_job *o)
{
    struct sip_iter it = sip_iter_init(request(o), SIP_H_PROXY_AUTHORIZATION);
    for (const struct sip_auth *a; (a = sip_iter_next(&it));)
        if (str_ieq(a->scheme, STR("Digest")) && registration_held_by(served(o), a->username))
            return a;
    return NULL;
}

// A right response to the same nonce from elsewhere is somebody else's who has overheard it.
static bool is_here(const struct orig_job *o, const struct challenge *c)
{
    return c->scheme == AUTH_DIGEST && (!auth_awaited(c) || c->source == o->from.source);
}

static enum step_verdict proven(struct orig_job *o)
{
    struct pxy *p = job_pxy(&o->job);
    size_t i;
    const struct registration *reg = scscf_serving(nf(o), &o->served, &i);
    if (reg && profile_identity_at(registration_profile(reg), i).barred)
        return job_fail(&o->job, 403, "asserted identity is barred");
    o->unproven = false;
    sip_edit_append(pxy_edits(p), SIP_H_P_ASSERTED_IDENTITY,
                    ARENA_CAT(pxy_arena(p), STR("<"), o->claim, STR(">")));
    return STEP_CONTINUE;
}

static enum step_verdict wrong(struct orig_job *o, struct challenge *c)
{
    const struct brake_key k = key_of(o);
    struct scscf *s = nf(o);
    o->failures = ++c->failures;
    scscf_count(s, SC_AUTH_FAILURES);
    brake_failed(s->brake, &k);
    if (o->failures < s->cfg->auth.max_failures)
        return STEP_CONTINUE;
    auth_forget(c);
    return job_fail(&o->job, 403, "wrong response to the challenge");
}

static enum step_verdict look_at(struct orig_job *o, const struct sip_auth *a, struct challenge *c)
{
    const struct brake_key k = key_of(o);
    struct scscf *s = nf(o);
    struct pxy *p = job_pxy(&o->job);
    uint32_t nc = 0;
    switch (
        digest_check(s->digest, c, a, sip_msg_method_name(request(o)), pxy_arena(p), &nc, NULL)) {
    case DIGEST_RIGHT:
        auth_accepted(c, nc);
        brake_succeeded(s->brake, &k);
        return proven(o);
    case DIGEST_WRONG:
        return wrong(o, c);
    case DIGEST_REPLAYED:
        o->stale = true;
        return STEP_CONTINUE;
    case DIGEST_MALFORMED:
        return job_fail(&o->job, 400, "malformed credentials");
    case DIGEST_FAILED:
        break;
    }
    return job_fail(&o->job, 500, "digest cannot be computed");
}

// An ACK cannot be challenged (RFC 3261 22.1); it does not come here, as it is always inside a
// dialog.
enum step_verdict request_check_answer(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    if (!o->unproven)
        return STEP_CONTINUE;
    o->from = source_of(&nf(o)->trusted, nf(o)->cfg->strangers.source_prefix, job_pxy(j));
    const struct sip_auth *a = credentials(o);
    o->impi = a ? a->username // the registration may go while the HSS is asked
                : arena_dup(job_arena(j), registration_first_impi(served(o)));
    if (!a || !a->nonce.n || !a->response.n)
        return STEP_CONTINUE;
    const struct brake_key k = key_of(o);
    enum step_verdict v = held_up(o, brake_answer(nf(o)->brake, &k));
    if (v != STEP_CONTINUE)
        return v;
    struct challenge *c = auth_find(nf(o)->auth, o->impi, a->nonce);
    if (c && is_here(o, c))
        return look_at(o, a, c);
    o->stale = true;
    return STEP_CONTINUE;
}

// ---- the next challenge ----

static void take(struct orig_job *o, struct str realm, enum digest_alg alg, struct str ha1)
{
    o->fresh = (struct challenge){.scheme = AUTH_DIGEST, .realm = realm, .alg = alg, .secret = ha1};
}

static void on_maa(void *scscf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct scscf *s = scscf;
    struct orig_job *o = (struct orig_job *)pxy_job(s->stack, arg);
    if (!o)
        return;
    struct reject bad = cx_verdict(err, a ? a->result : (struct dia_result){0});
    enum digest_alg alg;
    if (!bad.status && (!a->n_items || digest_alg_from(a->items[0].digest_algorithm, &alg) ||
                        a->items[0].digest_ha1.n != (alg == DIGEST_MD5 ? 32u : 64u)))
        bad = (struct reject){.status = 403,
                              .cause = "sender is not known, and his user has no SIP Digest"};
    if (bad.status) {
        job_reject(&o->job, bad);
        return;
    }
    struct arena *mem = job_arena(&o->job);
    const struct cx_auth_item *i = &a->items[0];
    take(o, i->digest_realm.n ? arena_dup(mem, i->digest_realm) : s->cfg->domain, alg,
         arena_dup(mem, i->digest_ha1));
    job_resume(&o->job);
}

// What is known of an earlier challenge serves again; otherwise the HSS is asked (TS 29.228 6.3.1).
enum step_verdict request_find_secret(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    struct scscf *s = j->nf;
    if (!o->unproven)
        return STEP_CONTINUE;
    const struct brake_key k = key_of(o);
    enum step_verdict v = held_up(o, brake_vector(s->brake, &k, false));
    if (v != STEP_CONTINUE)
        return v;
    const struct challenge *known = auth_find_digest(s->auth, o->impi);
    struct arena *a = job_arena(j);
    if (known) {
        take(o, arena_dup(a, known->realm), known->alg, arena_dup(a, known->secret));
        return STEP_CONTINUE;
    }
    struct cx_auth_item item = {.scheme = STR("SIP Digest")};
    int err = cx_ask_vector(s, j, o->impi, asked_for(o), &item, on_maa);
    if (!err)
        return scscf_wait(j);
    j->reject = cx_verdict(err, (struct dia_result){0});
    return STEP_REJECT;
}

// TS 24.229 5.4.3.6.1: 407, with the nonce in the table before it leaves.
enum step_verdict request_challenge(struct job *j)
{
    struct orig_job *o = (struct orig_job *)j;
    struct scscf *s = j->nf;
    struct arena *a = job_arena(j);
    unsigned char random[NONCE_BYTES];
    char text[2 * NONCE_BYTES];
    struct writer w = writer_init(text, sizeof text);
    if (!o->unproven)
        return STEP_CONTINUE;
    struct challenge *c = &o->fresh;
    loop_random(s->loop, random, sizeof random);
    writer_hex(&w, random, sizeof random);
    c->nonce = writer_done(&w);
    c->impi = o->impi;
    c->impu = o->served.impu;
    c->call_id = sip_msg_call_id(request(o));
    c->source = o->from.source;
    c->flow = o->from.flow;
    c->cseq = sip_msg_cseq(request(o))->number;
    c->failures = o->failures;
    c->of_request = true;
    struct sip_edits *extra = ARENA_NEW(a, struct sip_edits);
    if (!extra || auth_store(s->auth, c))
        return job_fail(j, 500, err_text(ERR_NOMEM));
    sip_edits_init(extra, a, NULL);
    sip_edit_append(extra, SIP_H_PROXY_AUTHENTICATE, digest_challenge(a, c, c->alg, o->stale));
    scscf_count(s, SC_CHALLENGES);
    (void)pxy_reply(job_pxy(j), 407, STR_NONE, extra);
    return STEP_DONE;
}
