// SPDX-License-Identifier: Apache-2.0
// Cx towards the HSS, and what its results mean for the SIP request that waits.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "scscf/scscf_priv.h"

// An HSS that cannot be asked is never the user's fault: 504 (Server Time-out), or 503 with
// Retry-After when it has too much to do (RFC 3261 21.5.4).
enum { BUSY_RETRY_S = 5 };
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
    {{DIA_TOO_BUSY, false}, 503, BUSY_RETRY_S},
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
        return (struct reject){
            .status = 503, .cause = "the HSS has too much to do", .retry_after = BUSY_RETRY_S};
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

// What is told to the HSS without anybody waiting: kept for the line in the log when it does not
// arrive.
struct notice {
    struct list link;
    enum cx_sar_type type;
    struct str call_id, impi, impu; // behind the struct
};

static struct str put(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct notice *notice_new(struct scscf *s, struct str call_id, struct str impi,
                                 struct str impu, enum cx_sar_type type)
{
    struct notice *n = mem_alloc(sizeof *n + call_id.n + impi.n + impu.n);
    if (!n)
        return NULL;
    char *at = (char *)(n + 1);
    *n = (struct notice){.type = type};
    n->call_id = put(&at, call_id);
    n->impi = put(&at, impi);
    n->impu = put(&at, impu);
    list_add(&s->notices, &n->link);
    return n;
}

static void notice_free(struct notice *n)
{
    list_del(&n->link);
    mem_free(n);
}

void cx_notices_free(struct scscf *s)
{
    while (!list_empty(&s->notices))
        notice_free(LIST_ENTRY(s->notices.next, struct notice, link));
}

static void on_notified(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct notice *n = (struct notice *)(uintptr_t)arg;
    struct reject r = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (r.status) {
        scscf_count(s, SC_HSS_FAILURES);
        LOG(LOG_WARN, "server assignment not taken by the HSS", LF("call_id", n->call_id),
            LF("impi", n->impi), LF("impu", n->impu), LF_NUM("type", n->type),
            LF_Z("reason", r.cause));
    }
    notice_free(n);
}

void cx_notify(struct scscf *s, struct str call_id, struct str impi, struct str impu,
               enum cx_sar_type type)
{
    struct notice *n = notice_new(s, call_id, impi, impu, type);
    int err =
        n ? cx_assign(s, call_id, impi, impu, type, true, on_notified, (uintptr_t)n) : ERR_NOMEM;
    if (err && n) {
        on_notified(s, (uintptr_t)n, err, NULL);
    } else if (err) {
        scscf_count(s, SC_HSS_FAILURES);
        LOG(LOG_WARN, "server assignment not sent to the HSS", LF("call_id", call_id),
            LF("impi", impi), LF("impu", impu), LF_Z("reason", err_text(err)));
    }
}
