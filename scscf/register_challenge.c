// SPDX-License-Identifier: Apache-2.0
// An unprotected or stale REGISTER is challenged (TS 24.229 5.4.1.2.1, 5.4.1.2.1A). The challenge is
// in the table before the 401 leaves, so that no UE is too fast for it.
#include <openssl/evp.h>

#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "scscf/digest.h"
#include "scscf/register.h"

enum { AKA_NONCE_BYTES = 32, AUTS_BYTES = 14, RAND_BYTES = 16, KEY_BYTES = 16, DIGEST_NONCE = 16 };

static const struct str scheme_names[] = {[SCSCF_SCHEME_HSS] = STR_INIT("Unknown"),
                                          [SCSCF_SCHEME_AKA] = STR_INIT("Digest-AKAv1-MD5"),
                                          [SCSCF_SCHEME_DIGEST] = STR_INIT("SIP Digest")};

// For a REGISTER of a P-CSCF that says nothing of how it came.
static int default_scheme(const struct register_job *r)
{
    const struct scscf_config *c = register_nf(r)->cfg;
    const struct sip_uri *from = register_first_hop(r);
    const struct scscf_pcscf *row = c->auth.pcscfs.v;
    for (size_t i = 0; from && i < c->auth.pcscfs.n; i++)
        if (str_ieq(row[i].host, from->host))
            return row[i].scheme;
    return c->auth.default_scheme;
}

// What is asked for: IMS-AKA where the request says so, otherwise the HSS decides (TS 29.228
// 6.3.1, SIP-Authentication-Scheme "Unknown").
static struct str wanted_scheme(const struct register_job *r)
{
    bool named = r->auth && str_istarts(r->auth->algorithm, STR("AKAv1"));
    bool implied = r->protection == PROT_NO || r->protection == PROT_YES;
    if (named || (implied && !r->hss_decides))
        return scheme_names[SCSCF_SCHEME_AKA];
    if (r->protection == PROT_NONE && !r->hss_decides)
        return scheme_names[default_scheme(r)];
    return scheme_names[SCSCF_SCHEME_HSS];
}

static struct str dup_item(struct arena *a, struct str s)
{
    return s.n ? arena_dup(a, s) : STR_NONE;
}

// Of SIP Digest's two algorithms the newer one, when it is known here (TS 29.228 table 6.3.7), and MD5
// beside it when that is wanted.
static void copy_item(struct register_job *r, struct arena *a, const struct cx_auth_item *i)
{
    bool newer = i->digest_alt_ha1.n && str_ieq(i->digest_alt_algorithm, STR("SHA-256"));
    bool both = newer && register_nf(r)->cfg->auth.md5_beside;
    r->md5_ha1 = both ? dup_item(a, i->digest_ha1) : STR_NONE;
    r->vector = (struct cx_auth_item){
        .scheme = dup_item(a, i->scheme),
        .authenticate = dup_item(a, i->authenticate),
        .authorization = dup_item(a, i->authorization),
        .ck = dup_item(a, i->ck),
        .ik = dup_item(a, i->ik),
        .digest_realm = dup_item(a, i->digest_realm),
        .digest_algorithm = dup_item(a, newer ? i->digest_alt_algorithm : i->digest_algorithm),
        .digest_qop = dup_item(a, i->digest_qop),
        .digest_ha1 = dup_item(a, newer ? i->digest_alt_ha1 : i->digest_ha1),
    };
}

static enum step_verdict ask(struct register_job *r, const struct cx_auth_item *item);

// A user of SIP Digest whose P-CSCF took the REGISTER for one of IMS-AKA: the mechanism is the one
// assigned in the HSS (TS 24.229 5.4.1.1).
static bool ask_again(struct register_job *r, const struct cx_maa *a)
{
    bool refused = a && a->result.experimental &&
                   a->result.code == CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED;
    bool guessed = r->protection == PROT_NO || r->protection == PROT_NONE;
    if (!refused || r->hss_decides || !guessed)
        return false;
    r->hss_decides = true;
    struct cx_auth_item item = {.scheme = wanted_scheme(r)};
    return str_eq(item.scheme, STR("Unknown")) && ask(r, &item) == STEP_WAIT;
}

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct scscf *s = nf;
    struct job *j = pxy_job(s->stack, arg);
    if (!j || ask_again((struct register_job *)j, a))
        return;
    struct reject bad = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (!bad.status && !a->n_items)
        bad = (struct reject){.status = 500, .cause = "HSS gave no authentication vector"};
    if (bad.status && a && a->result.code == DIA_UNABLE_TO_COMPLY &&
        ((struct register_job *)j)->resync)
        bad = register_refuse((struct register_job *)j, "the HSS finds the AUTS wrong");
    else if (bad.status)
        scscf_count(s, SC_HSS_FAILURES);
    if (bad.status) {
        job_reject(j, bad);
        return;
    }
    copy_item((struct register_job *)j, job_arena(j), &a->items[0]);
    job_resume(j);
}

static enum step_verdict ask(struct register_job *r, const struct cx_auth_item *item)
{
    int err = cx_ask_vector(register_nf(r), &r->job, r->impi, r->impu, item, on_maa);
    return err ? scscf_unasked(&r->job, err) : scscf_wait(&r->job);
}

// The same initial REGISTER again, as a new transaction because a node on its way was changed: the UE is to
// get the challenge that it may have received already. For nobody else's REGISTER, since who knows
// the nonce may use it up.
static enum step_verdict repeat(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct challenge as = {.impi = r->impi, .impu = r->impu, .call_id = r->call_id,
                                 .source = r->from.source, .flow = r->from.flow,
                                 .cseq = sip_msg_cseq(job_request(j))->number};
    bool initial = !r->auth || !r->auth->nonce.n;
    const struct challenge *c = initial ? auth_find_same(register_nf(r)->auth, &as) : NULL;
    return c ? register_send_challenge(r, c) : STEP_CONTINUE;
}

static enum step_verdict brake(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct brake_key k = register_key(r);
    return register_held_up(r, brake_vector(register_nf(r)->brake, &k, false));
}

static enum step_verdict brake_resync(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct brake_key k = register_key(r);
    return register_held_up(r, brake_vector(register_nf(r)->brake, &k, true));
}

static enum step_verdict ask_vector(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct cx_auth_item item = {.scheme = wanted_scheme(r)};
    return ask(r, &item);
}

// TS 29.228 6.3.1: the HSS gets RAND and AUTS and resynchronises (TS 33.102 6.3.5).
static enum step_verdict ask_resync(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    struct challenge *c = auth_find(s->auth, r->impi, r->auth->nonce);
    unsigned char auts[32], both[RAND_BYTES + AUTS_BYTES];
    struct str text = r->auth->auts;
    if (!c || c->rand.n != RAND_BYTES)
        return job_fail(j, 403, "resynchronisation without a challenge");
    if (text.n != 20 || EVP_DecodeBlock(auts, (const unsigned char *)text.p, (int)text.n) < 15)
        return job_fail(j, 400, "malformed auts");
    memcpy(both, c->rand.p, RAND_BYTES);
    memcpy(both + RAND_BYTES, auts, AUTS_BYTES);
    struct cx_auth_item item = {.scheme = STR("Digest-AKAv1-MD5"),
                                .authorization = str_make((char *)both, sizeof both)};
    r->failures = c->failures;
    r->resyncs = ++c->resyncs;
    r->resync = true;
    r->supersedes = true;
    scscf_count(s, SC_RESYNCS);
    return ask(r, &item);
}

static enum step_verdict store_and_send(struct register_job *r, struct challenge *c)
{
    struct scscf *s = register_nf(r);
    c->impi = r->impi;
    c->impu = r->impu;
    c->call_id = r->call_id;
    c->source = r->from.source;
    c->flow = r->from.flow;
    c->cseq = sip_msg_cseq(job_request(&r->job))->number;
    c->failures = r->failures;
    c->resyncs = r->resyncs;
    if (r->supersedes)
        auth_forget(auth_find(s->auth, r->impi, r->auth->nonce));
    if (auth_store(s->auth, c))
        return job_fail(&r->job, 500, err_text(ERR_NOMEM));
    scscf_count(s, SC_CHALLENGES);
    return register_send_challenge(r, c);
}

static enum step_verdict challenge_aka(struct register_job *r)
{
    const struct cx_auth_item *v = &r->vector;
    struct arena *a = job_arena(&r->job);
    unsigned char *nonce = arena_alloc(a, 2 * AKA_NONCE_BYTES);
    if (v->authenticate.n != AKA_NONCE_BYTES || !v->authorization.n || v->ck.n != KEY_BYTES ||
        v->ik.n != KEY_BYTES)
        return job_fail(&r->job, 500, "HSS gave a malformed AKA vector");
    if (!nonce)
        return job_fail(&r->job, 500, err_text(ERR_NOMEM));
    int n = EVP_EncodeBlock(nonce, (const unsigned char *)v->authenticate.p, AKA_NONCE_BYTES);
    struct challenge c = {.scheme = AUTH_AKA,
                          .alg = DIGEST_MD5,
                          .nonce = str_make((char *)nonce, (size_t)n),
                          .realm = register_nf(r)->cfg->domain,
                          .secret = v->authorization,
                          .ck = v->ck,
                          .ik = v->ik,
                          .rand = str_head(v->authenticate, RAND_BYTES)};
    return store_and_send(r, &c);
}

// TS 33.203 N.2.1.1: the nonce is ours, the rest comes from the HSS.
static enum step_verdict challenge_digest(struct register_job *r)
{
    const struct cx_auth_item *v = &r->vector;
    struct scscf *s = register_nf(r);
    unsigned char random[DIGEST_NONCE];
    char text[2 * DIGEST_NONCE];
    struct writer w = writer_init(text, sizeof text);
    struct challenge c = {.scheme = AUTH_DIGEST, .secret = v->digest_ha1,
                          .md5_secret = r->md5_ha1.n == 32 ? r->md5_ha1 : STR_NONE};
    if (digest_alg_from(v->digest_algorithm, &c.alg))
        return job_fail(&r->job, 500, "digest algorithm of the HSS is not supported");
    if (v->digest_ha1.n != (c.alg == DIGEST_MD5 ? 32u : 64u))
        return job_fail(&r->job, 500, "HSS gave a malformed HA1");
    loop_random(s->loop, random, sizeof random);
    writer_hex(&w, random, sizeof random);
    c.nonce = arena_dup(job_arena(&r->job), writer_done(&w));
    c.realm = v->digest_realm.n ? v->digest_realm : s->cfg->domain;
    if (!c.nonce.n)
        return job_fail(&r->job, 500, err_text(ERR_NOMEM));
    return store_and_send(r, &c);
}

// The scheme is the one that the HSS answered with.
static enum step_verdict challenge(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    if (str_istarts(r->vector.scheme, STR("Digest-AKAv1")))
        return challenge_aka(r);
    if (str_ieq(r->vector.scheme, STR("SIP Digest")))
        return challenge_digest(r);
    return job_fail(j, 403, "authentication scheme of the user is not supported");
}

static const struct step challenge_steps[] = {
    {"repeat the challenge", repeat, "TS 24.229 5.4.1.2.1"},
    {"slow down", brake, "RFC 3261 26.1.5"},
    {"ask for a vector", ask_vector, "TS 29.228 6.3.1", .late = scscf_late},
    {"challenge", challenge, "TS 24.229 5.4.1.2.1"},
};
const struct procedure register_challenge = {"register: challenge", challenge_steps,
                                             ARRAY_LEN(challenge_steps)};

static const struct step resync_steps[] = {
    {"slow down", brake_resync, "RFC 3261 26.1.5"},
    {"ask for a vector after resynchronisation", ask_resync, "TS 24.229 5.4.1.2.3",
     .late = scscf_late},
    {"challenge", challenge, "TS 24.229 5.4.1.2.1"},
};
const struct procedure register_resync = {"register: resynchronise", resync_steps,
                                          ARRAY_LEN(resync_steps)};
