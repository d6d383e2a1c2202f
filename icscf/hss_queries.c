// SPDX-License-Identifier: Apache-2.0
// UAR and LIR, and what their results mean for the request that waits (TS 24.229 5.3.1.2, 5.3.1.3,
// 5.3.2.1, 5.3.2.2; TS 29.228 6.1.1, 6.1.4).
#include "base/err.h"
#include "base/log.h"
#include "icscf/icscf_priv.h"
#include "ims/wildcard.h"

// What the HSS says of the user is a negative response to the query: 403 to a REGISTER, 404 or what
// stands here to another request (TS 24.229 5.3.1.3, 5.3.2.1, 5.3.2.2).
static const struct negative {
    struct dia_result result;
    unsigned terminating;
} negatives[] = {
    {{CX_ERROR_USER_UNKNOWN, true}, 404},
    {{CX_ERROR_IDENTITIES_DONT_MATCH, true}, 404},
    {{CX_ERROR_IDENTITY_NOT_REGISTERED, true}, 480},
    {{CX_ERROR_ROAMING_NOT_ALLOWED, true}, 404},
    {{DIA_AUTHORIZATION_REJECTED, false}, 404},
};
// Everything else, an error of the HSS or of the way to it: the query could not be completed. An HSS with
// too much to do is no failure of anybody: the UE is told when to come again (RFC 3261 21.5.4).
enum { NOT_COMPLETED = 480, OVERLOADED = 503, BUSY_RETRY_S = 5 };

static const char *no_answer(int err)
{
    switch (err) {
    case ERR_TIMEOUT:
        return "HSS did not answer in time";
    case ERR_REFUSED:
        return "no connection to the HSS";
    case ERR_FULL:
        return "the HSS has too much to do";
    default:
        return "answer of the HSS breaks the grammar";
    }
}

// NULL: it says nothing of the user.
static const struct negative *negative(int err, struct dia_result result)
{
    for (size_t i = 0; !err && i < ARRAY_LEN(negatives); i++)
        if (negatives[i].result.code == result.code &&
            negatives[i].result.experimental == result.experimental)
            return &negatives[i];
    return NULL;
}

static struct reject judge(const struct icscf_job *r, int err, struct dia_result result)
{
    if (err == ERR_FULL)
        return (struct reject){
            .status = OVERLOADED, .cause = no_answer(err), .retry_after = BUSY_RETRY_S};
    if (err)
        return (struct reject){.status = NOT_COMPLETED, .cause = no_answer(err)};
    if (result.code >= 2000 && result.code < 3000)
        return (struct reject){0};
    const struct negative *n = negative(err, result);
    bool busy = result.code == DIA_TOO_BUSY && !result.experimental;
    return (struct reject){
        .status = busy             ? OVERLOADED
                  : !n             ? NOT_COMPLETED
                  : r->is_register ? 403
                  : r->originating ? 404
                                   : n->terminating,
        .cause = dia_result_name(result),
        .code = dia_result_unknown(result),
        .retry_after = busy ? BUSY_RETRY_S : 0,
    };
}

static const uint32_t *copy_numbers(struct arena *a, const uint32_t *from, size_t *n)
{
    uint32_t *to = arena_alloc(a, *n * sizeof(*to));
    if (to && *n)
        memcpy(to, from, *n * sizeof(*to));
    *n = to ? *n : 0;
    return to;
}

static void copy_caps(struct icscf_job *r, struct arena *a, const struct cx_capabilities *c)
{
    struct str *names = arena_alloc(a, c->n_server_names * sizeof(*names));
    for (size_t i = 0; names && i < c->n_server_names; i++)
        names[i] = arena_dup(a, c->server_names[i]);
    r->caps = *c;
    r->caps.server_names = names;
    r->caps.n_server_names = names ? c->n_server_names : 0;
    r->caps.mandatory = copy_numbers(a, c->mandatory, &r->caps.n_mandatory);
    r->caps.optional = copy_numbers(a, c->optional, &r->caps.n_optional);
}

static void take_answer(struct icscf_job *r, int err, struct dia_result result, struct str name,
                        const struct cx_capabilities *caps)
{
    struct arena *a = job_arena(&r->job);
    struct reject bad = judge(r, err, result);
    if (bad.status) {
        icscf_count(icscf_of(r), negative(err, result) ? IC_REFUSED : IC_HSS_FAILURES);
        job_reject(&r->job, bad);
        return;
    }
    r->server = name.n ? arena_dup(a, name) : STR_NONE;
    r->assigned = name.n > 0 && !caps->present;
    copy_caps(r, a, caps);
    job_resume(&r->job);
}

static void on_uaa(void *nf, cx_arg arg, int err, const struct cx_uaa *a)
{
    struct icscf *i = nf;
    struct icscf_job *r = (struct icscf_job *)pxy_job(i->stack, arg);
    static const struct cx_capabilities none;
    if (r)
        take_answer(r, err, a ? a->result : (struct dia_result){0}, a ? a->server_name : STR_NONE,
                    a ? &a->capabilities : &none);
}

// The S-CSCF learns by P-Profile-Key which wildcarded identity the one in the request belongs to; nobody else
// tells it (TS 24.229 5.3.2.1, RFC 5002 4.2). What the HSS writes need not be a wildcarded identity.
static void take_wildcard(struct icscf_job *r, struct str pattern)
{
    struct sip_edits *e = job_edits(&r->job);
    struct arena *a = job_arena(&r->job);
    const char *why;
    if (pattern.n && wildcard_canon(a, NULL, pattern, &why).n)
        sip_edit_set(e, SIP_H_P_PROFILE_KEY, ARENA_CAT(a, STR("<"), wildcard_to_uri(a, pattern), STR(">")));
    else
        sip_edit_remove(e, SIP_H_P_PROFILE_KEY);
}

static void on_lia(void *nf, cx_arg arg, int err, const struct cx_lia *a)
{
    struct icscf *i = nf;
    struct icscf_job *r = (struct icscf_job *)pxy_job(i->stack, arg);
    static const struct cx_capabilities none;
    if (!r)
        return;
    if (a)
        take_wildcard(r, a->wildcard);
    take_answer(r, err, a ? a->result : (struct dia_result){0}, a ? a->server_name : STR_NONE,
                a ? &a->capabilities : &none);
}

// Who asks for another S-CSCF says that it is for IMS restoration (TS 29.229 7.2.1).
static struct cx_head head(const struct icscf_job *r, bool and_capabilities)
{
    static const struct cx_feature restoration = {.vendor = DIA_VENDOR_3GPP, .list_id = 1, .list = CX_IMS_RESTORATION};
    const struct icscf_config *c = icscf_of(r)->cfg;
    return (struct cx_head){.dest_host = c->diameter.hss,
                            .dest_realm = c->diameter.realm,
                            .features = and_capabilities ? &restoration : NULL,
                            .n_features = and_capabilities,
                            .correlation = sip_msg_call_id(job_request(&r->job))};
}

static int send_uar(struct icscf_job *r, bool and_capabilities)
{
    struct icscf *i = icscf_of(r);
    struct cx_uar q = {.head = head(r, and_capabilities),
                       .impi = r->impi,
                       .impu = r->impu,
                       .visited_network = r->visited,
                       .type = r->deregisters ? CX_UAR_DE_REGISTRATION : CX_UAR_REGISTRATION};
    if (and_capabilities)
        q.type = CX_UAR_REGISTRATION_AND_CAPABILITIES;
    return cx_send_uar(i->dia, &q, i->cfg->diameter.timeout_ms, on_uaa, i, r->job.id);
}

static int send_lir(struct icscf_job *r, bool and_capabilities)
{
    struct icscf *i = icscf_of(r);
    struct cx_lir q = {.head = head(r, and_capabilities),
                       .impu = r->impu,
                       .originating = r->originating,
                       .and_capabilities = and_capabilities};
    return cx_send_lir(i->dia, &q, i->cfg->diameter.timeout_ms, on_lia, i, r->job.id);
}

static enum step_verdict not_asked(struct icscf_job *r, int err)
{
    icscf_count(icscf_of(r), IC_HSS_FAILURES);
    r->job.reject = judge(r, err, (struct dia_result){0});
    return STEP_REJECT;
}

enum step_verdict cx_ask(struct icscf_job *r, bool and_capabilities)
{
    int err = r->is_register ? send_uar(r, and_capabilities) : send_lir(r, and_capabilities);
    return err ? not_asked(r, err) : job_wait(&r->job, node_dia_wait_ms(&icscf_of(r)->cfg->diameter));
}

enum step_verdict icscf_late(struct job *j)
{
    return not_asked((struct icscf_job *)j, ERR_TIMEOUT);
}
