// SPDX-License-Identifier: Apache-2.0
// Cx towards the HSS, and what its results mean for the SIP request that waits.
#include "base/err.h"
#include "base/log.h"
#include "scscf/scscf_priv.h"

// An HSS that cannot be asked is never the user's fault: 504 (Server Time-out), or 480 with
// Retry-After when it says itself that it has too much to do.
static const struct {
    struct dia_result result;
    unsigned status;
    uint32_t retry_after;
} verdicts[] = {
    {{CX_ERROR_USER_UNKNOWN, true}, 403, 0},
    {{CX_ERROR_IDENTITIES_DONT_MATCH, true}, 403, 0},
    {{CX_ERROR_IDENTITY_NOT_REGISTERED, true}, 403, 0},
    {{CX_ERROR_ROAMING_NOT_ALLOWED, true}, 403, 0},
    {{CX_ERROR_IDENTITY_ALREADY_REGISTERED, true}, 403, 0},
    {{CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, true}, 403, 0},
    {{CX_ERROR_IN_ASSIGNMENT_TYPE, true}, 403, 0},
    {{DIA_AUTHORIZATION_REJECTED, false}, 403, 0},
    {{DIA_UNABLE_TO_DELIVER, false}, 504, 0},
    {{DIA_TOO_BUSY, false}, 480, 5},
    {{DIA_UNABLE_TO_COMPLY, false}, 500, 0},
};

static struct reject no_answer(int err)
{
    switch (err) {
    case ERR_TIMEOUT:
        return (struct reject){.status = 504, .cause = "HSS did not answer in time"};
    case ERR_REFUSED:
        return (struct reject){.status = 504, .cause = "no connection to the HSS"};
    case ERR_FULL:
        return (struct reject){.status = 504, .cause = "too many requests pending at the HSS"};
    case ERR_BAD:
        return (struct reject){.status = 500, .cause = "answer of the HSS breaks the grammar"};
    default:
        return (struct reject){.status = 500, .cause = err_text(err)};
    }
}

struct reject cx_verdict(int err, struct dia_result r)
{
    if (err)
        return no_answer(err);
    if ((r.code >= 2000 && r.code < 3000))
        return (struct reject){0};
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].result.code == r.code && verdicts[i].result.experimental == r.experimental)
            return (struct reject){.status = verdicts[i].status,
                                   .cause = dia_result_name(r),
                                   .retry_after = verdicts[i].retry_after};
    return (struct reject){.status = 500, .cause = dia_result_name(r)};
}

static struct cx_head head(const struct scscf *s, struct str call_id)
{
    return (struct cx_head){.dest_host = s->cfg->diameter.hss,
                            .dest_realm = s->cfg->diameter.realm,
                            .correlation = call_id};
}

int cx_ask_vector(struct scscf *s, const struct job *j, struct str impi, struct str impu,
                  const struct cx_auth_item *item, cx_maa_cb cb)
{
    const struct pxy *p = job_pxy(j);
    struct cx_mar r = {.head = head(s, p ? sip_msg_call_id(pxy_request(p)) : STR_NONE),
                       .impi = impi,
                       .impu = impu,
                       .server_name = s->cfg->name,
                       .n_items = 1,
                       .item = *item};
    return cx_send_mar(s->dia, &r, s->cfg->diameter.timeout_ms, cb, s, j->id);
}

int cx_assign(struct scscf *s, struct str call_id, struct str impi, struct str impu,
              enum cx_sar_type type, bool have_profile, cx_saa_cb cb, cx_arg arg)
{
    struct cx_sar r = {.head = head(s, call_id),
                       .impi = impi,
                       .impus = {impu},
                       .n_impus = 1,
                       .server_name = s->cfg->name,
                       .type = type,
                       .user_data_already_available = have_profile};
    return cx_send_sar(s->dia, &r, s->cfg->diameter.timeout_ms, cb, s, arg);
}

static void on_notified(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct reject r = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (!r.status)
        return;
    scscf_count(s, SC_HSS_FAILURES);
    LOG(LOG_WARN, "server assignment not taken by the HSS", LF_NUM("type", arg),
        LF_Z("reason", r.cause));
}

void cx_notify(struct scscf *s, struct str call_id, struct str impi, struct str impu,
               enum cx_sar_type type)
{
    int err = cx_assign(s, call_id, impi, impu, type, true, on_notified, type);
    if (err)
        on_notified(s, type, err, NULL);
}
