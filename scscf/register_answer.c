// SPDX-License-Identifier: Apache-2.0
// The response to a challenge (TS 24.229 5.4.1.2.2, 5.4.1.2.2A) and what may be wrong with it
// (5.4.1.2.3).
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "scscf/digest.h"
#include "scscf/register.h"
#include "sip/uri.h"

// A UE answers no more than two invalid challenges in a row (TS 24.229 5.4.1.2.3, 5.1.1.5.3).
enum { RESYNCS_MAX = 2 };

static enum step_verdict refuse(struct register_job *r, const char *cause)
{
    r->job.reject = register_refuse(r, cause);
    return STEP_REJECT;
}

// Who has answered wrongly too often waits; nothing is computed and the HSS is not asked.
static enum step_verdict brake(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct brake_key k = register_key(r);
    return register_held_up(r, brake_answer(register_nf(r)->brake, &k));
}

// The response belongs to the REGISTER that was challenged: same dialog-to-be, same identity, same
// source.
static enum step_verdict check_belongs(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct challenge *c = register_challenged(r);
    if (!c)
        return job_go(&r->job, &register_challenge);
    if (!str_eq(c->impu, r->impu))
        return job_fail(j, 403, "To and Authorization do not belong together");
    if (auth_awaited(c) &&
        (c->source != r->from.source || !str_eq(c->call_id, r->call_id))) {
        r->stale = true;
        return job_go(&r->job, &register_challenge);
    }
    return STEP_CONTINUE;
}

static enum step_verdict on_auts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    if (!r->auth->auts.n)
        return STEP_CONTINUE;
    if (register_challenged(r)->resyncs >= RESYNCS_MAX)
        return refuse(r, "UE asks for resynchronisation again and again");
    return job_go(&r->job, &register_resync);
}

static enum step_verdict on_mac_failure(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    if (r->auth->response.n)
        return STEP_CONTINUE;
    return refuse(r, "UE found the challenge invalid (MAC)");
}

// A password may be mistyped; a card does not miscalculate, so a wrong RES ends it (TS 33.203 6.1.2.1,
// TS 24.229 5.4.1.2.3A, 5.4.1.2.3B).
static enum step_verdict wrong(struct register_job *r)
{
    struct scscf *s = register_nf(r);
    struct challenge *c = register_challenged(r);
    r->failures = ++c->failures;
    r->supersedes = true;
    if (c->scheme == AUTH_AKA || r->failures >= s->cfg->auth.max_failures)
        return refuse(r, "wrong response to the challenge");
    scscf_count(s, SC_AUTH_FAILURES);
    register_failed(r);
    LOG_FROM(hash_bytes(r->impi.p, r->impi.n), loop_now(s->loop) / 1000000, LOG_WARN,
             "wrong response, challenged again", NULL, LF("call_id", r->call_id),
             LF("impi", r->impi), LF("impu", r->impu), LF_NUM("failures", r->failures));
    return job_go(&r->job, &register_challenge);
}

// The Request-URI that was digested is the registrar's, or the node's that the UE sends to, and not one that
// somebody else had it made for (RFC 7616 3.4.6). On its way a REGISTER gets other ones (TS 24.229
// 5.3.1.2), so they are not compared as texts. RES is good for one use and needs no such care.
static enum step_verdict check_uri(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct scscf *s = j->nf;
    const struct sip_uri *hop = register_first_hop(r);
    struct sip_uri u;
    if (!s->cfg->auth.check_uri || !r->auth->uri.n ||
        str_eq(r->auth->uri, sip_msg_uri_text(job_request(j))))
        return STEP_CONTINUE;
    if (sip_uri_parse(register_arena(r), r->auth->uri, &u) == 0 &&
        (scscf_is_home(s, u.host) || stack_is_own(s->stack, &u) ||
         (hop && u.host.n && str_ieq(u.host, hop->host))))
        return STEP_CONTINUE;
    return job_fail(j, 400, "uri of the credentials is not that of the registrar");
}

static enum step_verdict check_response(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    struct challenge *c = register_challenged(r);
    const struct brake_key k = register_key(r);
    uint32_t nc = 0;
    switch (digest_check(s->digest, c, r->auth, STR("REGISTER"), job_arena(j), &nc,
                         &r->auth_info)) {
    case DIGEST_RIGHT:
        auth_accepted(c, nc);
        brake_succeeded(s->brake, &k);
        return STEP_CONTINUE;
    case DIGEST_WRONG:
        return wrong(r);
    case DIGEST_REPLAYED:
        r->stale = true;
        return job_go(&r->job, &register_challenge);
    case DIGEST_MALFORMED:
        return job_fail(j, 400, "malformed credentials");
    case DIGEST_FAILED:
        break;
    }
    return job_fail(j, 500, "digest cannot be computed");
}

static enum step_verdict note_aka(struct job *j)
{
    ((struct register_job *)j)->proof = PROOF_AKA;
    return STEP_CONTINUE;
}

static enum step_verdict note_digest(struct job *j)
{
    ((struct register_job *)j)->proof = PROOF_DIGEST;
    return STEP_CONTINUE;
}

static const struct step aka_steps[] = {
    {"slow down", brake, "RFC 3261 26.1.5"},
    {"check Call-ID and identities", check_belongs, "TS 24.229 5.4.1.2.2"},
    {"synchronisation failure", on_auts, "TS 24.229 5.4.1.2.3"},
    {"invalid challenge", on_mac_failure, "TS 24.229 5.4.1.2.3"},
    {"check response", check_response, "TS 24.229 5.4.1.2.2"},
    {"note", note_aka, "TS 24.229 5.4.1.2.2"},
    {"settle", register_settle, "TS 24.229 5.4.1.2.2"},
};
const struct procedure register_answer_aka = {"register: AKA response", aka_steps,
                                              ARRAY_LEN(aka_steps)};

static const struct step digest_steps[] = {
    {"slow down", brake, "RFC 3261 26.1.5"},
    {"check Call-ID and identities", check_belongs, "TS 24.229 5.4.1.2.2A"},
    {"check uri", check_uri, "RFC 7616 3.4.6"},
    {"check response", check_response, "TS 33.203 N.2.1.1"},
    {"note", note_digest, "TS 24.229 5.4.1.2.2A"},
    {"settle", register_settle, "TS 24.229 5.4.1.2.2A"},
};
const struct procedure register_answer_digest = {"register: digest response", digest_steps,
                                                 ARRAY_LEN(digest_steps)};
