// SPDX-License-Identifier: Apache-2.0
// The top of the HSS: from a request to an operation and from an operation to its answer and its line in the log, and
// which procedure is which command's.
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

static struct str copy(struct hss_op *op, struct str s)
{
    return s.p ? arena_dup(&op->arena, s) : STR_NONE;
}

static void copy_head(struct hss_op *op, struct cx_head *h)
{
    struct str *const all[] = {&h->dest_host,    &h->dest_realm, &h->origin_host,
                               &h->origin_realm, &h->session_id, &h->correlation};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        *all[i] = copy(op, *all[i]);
    op->tells_features = h->n_features > 0;
    h->features = NULL; // looked at before the operation, and gone after the handler
    h->n_features = 0;
}

// IMSRestorationInd is what an HSS of restoration can do beyond Rel-5 (TS 29.229 7.1.1).
static const struct cx_feature *features_of(const struct hss_settings *s)
{
    static const struct cx_feature all[] = {{.vendor = DIA_VENDOR_3GPP, .list_id = 1},
                                            {.vendor = DIA_VENDOR_3GPP, .list_id = 1, .list = CX_IMS_RESTORATION}};
    return &all[s->restoration_size > 0];
}

// Whether the request is not to be done without a feature that is switched off; cx_before has seen to those that
// nobody has.
static bool asks_too_much(const struct hss *h, const struct cx_head *r, struct cx_head *answer, struct dia_result *result)
{
    bool required = false;
    for (size_t i = 0; i < r->n_features; i++)
        required |= r->features[i].required && r->features[i].list;
    if (!required || h->settings.restoration_size)
        return false;
    answer->features = features_of(&h->settings);
    answer->n_features = 1;
    *result = (struct dia_result){CX_ERROR_FEATURE_UNSUPPORTED, true};
    return true;
}

// An answer has them all when the request has any (TS 29.229 7.2.1).
static void answer_features(const struct hss_op *op, struct cx_head *answer)
{
    if (!op->tells_features)
        return;
    answer->features = features_of(&op->settings);
    answer->n_features = 1;
}

// Texts of the configuration may go while the operation waits.
static void copy_pool(struct hss_op *op, struct hss_settings *s)
{
    struct str *pool = arena_alloc(&op->arena, (s->n_pool + 1) * sizeof *pool);
    for (size_t i = 0; pool && i < s->n_pool; i++)
        pool[i] = copy(op, s->pool[i]);
    s->pool = pool;
    s->n_pool = pool ? s->n_pool : 0;
}

static void copy_settings(struct hss_op *op)
{
    struct hss_settings *s = &op->settings;
    if (op->command == HSS_UAR || op->command == HSS_LIR) {
        copy_pool(op, s);
        return;
    }
    struct str *const all[] = {&s->digest_qop, &s->charging.primary_ccf, &s->charging.secondary_ccf,
                               &s->charging.primary_ecf, &s->charging.secondary_ecf};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        *all[i] = copy(op, *all[i]);
}

// ---- answers ----

static bool refused(const struct hss_op *op)
{
    return op->cause != NULL;
}

static struct str impi_of(const struct hss_op *op)
{
    return op->command == HSS_UAR   ? op->r.uar.impi
           : op->command == HSS_MAR ? op->r.mar.impi
           : op->command == HSS_SAR ? op->r.sar.impi
                                    : STR_NONE;
}

static struct str impu_of(const struct hss_op *op)
{
    return op->command == HSS_UAR   ? op->r.uar.impu
           : op->command == HSS_LIR ? op->r.lir.impu
           : op->command == HSS_MAR ? op->r.mar.impu
           : op->r.sar.n_impus     ? op->r.sar.impus[0]
                                    : STR_NONE;
}

static const struct cx_head *head_of(const struct hss_op *op)
{
    return op->command == HSS_UAR   ? &op->r.uar.head
           : op->command == HSS_LIR ? &op->r.lir.head
           : op->command == HSS_MAR ? &op->r.mar.head
                                    : &op->r.sar.head;
}

static void log_resync(const struct hss_op *op)
{
    char ue[20], hss[20];
    (void)snprintf(ue, sizeof(ue), "%012llx", (unsigned long long)op->sqn_ue);
    (void)snprintf(hss, sizeof(hss), "%012llx", (unsigned long long)op->sqn_hss);
    LOG(LOG_INFO, "SQN resynchronised", LF("impi", impi_of(op)), LF_Z("ue_sqn", ue),
        LF_Z("hss_sqn", hss), LF("session", head_of(op)->session_id));
}

// Routine refusals (nobody registered there) are no warning; a store that fails is.
static void log_refusal(const struct hss_op *op)
{
    enum log_level level = op->err ? LOG_WARN : LOG_INFO;
    struct str who = impu_of(op).n ? impu_of(op) : impi_of(op);
    LOG_FROM(hash_bytes(who.p, who.n), loop_now(op->hss->loop) / 1000000, level, "request refused",
             op->cause ? op->cause : dia_result_name(op->result),
             LF_Z("command", hss_command_names[op->command]), LF("impi", impi_of(op)),
             LF("impu", impu_of(op)), LF_Z("result", dia_result_name(op->result)),
             LF_Z("reason", op->cause), LF("peer", head_of(op)->origin_host),
             LF("session", head_of(op)->session_id));
}

static void count(struct hss_op *op)
{
    struct hss_stats *s = &op->hss->stats;
    s->requests[op->command]++;
    s->refused[op->command] += refused(op);
    if (op->command != HSS_MAR)
        return;
    if (!refused(op) && op->auth.scheme == HSS_AKA)
        s->vectors += op->n_vectors;
    if (op->resync)
        refused(op) ? s->resyncs_refused++ : s->resyncs++;
}

// What a refused operation had filled in must not leave, but for the name of who is assigned.
static void clear_answer(struct hss_op *op)
{
    struct str assigned = op->command == HSS_SAR && !op->err ? op->a.saa.server_name : STR_NONE;
    memset(&op->a, 0, sizeof(op->a));
    if (op->command == HSS_SAR)
        op->a.saa.server_name = assigned;
}

// What every Cx request's end begins with: counts, logs.
static void settle(struct hss_op *op)
{
    hss_facts_log(op);
    count(op);
    if (op->resync && !refused(op))
        log_resync(op);
    bool shed = op->result.code == DIA_TOO_BUSY && !op->result.experimental;
    if (shed) // told once for all
        hss_queue_shed(&op->hss->queue, op->command);
    else if (refused(op))
        log_refusal(op);
    if (refused(op))
        clear_answer(op);
}

static void end_uar(struct hss_op *op)
{
    settle(op);
    answer_features(op, &op->a.uaa.head);
    op->a.uaa.result = op->result;
    op->done.uaa(op->arg, &op->a.uaa);
}

static void end_lir(struct hss_op *op)
{
    settle(op);
    answer_features(op, &op->a.lia.head);
    op->a.lia.result = op->result;
    op->done.lia(op->arg, &op->a.lia);
}

static void end_mar(struct hss_op *op)
{
    settle(op);
    op->a.maa.result = op->result;
    op->a.maa.head.failed = op->failed;
    op->done.maa(op->arg, &op->a.maa);
}

static void note_restoration(struct hss_op *op)
{
    struct hss_stats *s = &op->hss->stats;
    s->restorations_given += refused(op) ? 0 : op->a.saa.n_restorations;
    if (refused(op) || op->stays || !op->restoration.n)
        return;
    op->unkept ? s->restorations_unkept++ : s->restorations_kept++;
    if (op->unkept)
        LOG_FROM(hash_bytes(impi_of(op).p, impi_of(op).n), loop_now(op->hss->loop) / 1000000, LOG_WARN,
                 "restoration information is not kept", op->unkept, LF("impi", impi_of(op)), LF("impu", impu_of(op)),
                 LF_NUM("bytes", op->restoration.n), LF_Z("reason", op->unkept), LF("peer", head_of(op)->origin_host));
}

static void end_sar(struct hss_op *op)
{
    note_restoration(op);
    settle(op);
    answer_features(op, &op->a.saa.head);
    op->a.saa.result = op->result;
    op->a.saa.head.failed = op->failed;
    op->done.saa(op->arg, &op->a.saa);
}

// ---- what each command is ----

static const struct hss_kind kinds[] = {
    [HSS_UAR] = {HSS_UAR, &hss_uar_procedure, end_uar},
    [HSS_LIR] = {HSS_LIR, &hss_lir_procedure, end_lir},
    [HSS_MAR] = {HSS_MAR, &hss_mar_procedure, end_mar},
    [HSS_SAR] = {HSS_SAR, &hss_sar_procedure, end_sar},
};

// ---- requests ----

static void submit(struct hss_op *op)
{
    if (op->arena.failed) {
        (void)hss_fail(op, ERR_NOMEM);
        hss_op_end(op);
        return;
    }
    hss_submit(op);
}

#define OUT_OF_MEMORY                                                                              \
    {                                                                                              \
        .code = DIA_UNABLE_TO_COMPLY                                                               \
    }

#define TOO_BUSY                                                                                   \
    {                                                                                              \
        .code = DIA_TOO_BUSY                                                                       \
    }

void hss_uar(struct hss *h, const struct cx_uar *r, hss_uaa_cb done, void *arg)
{
    bool moves = r->type == CX_UAR_REGISTRATION_AND_CAPABILITIES && h->settings.restoration_size;
    struct cx_uaa no = {.result = TOO_BUSY};
    if (asks_too_much(h, &r->head, &no.head, &no.result) || (moves && hss_queue_sheds(&h->queue, HSS_UAR, false))) {
        done(arg, &no);
        return;
    }
    struct hss_op *op = hss_op_new(h, &kinds[HSS_UAR]);
    if (!op) {
        done(arg, &(struct cx_uaa){.result = OUT_OF_MEMORY});
        return;
    }
    op->reads_only = !moves;
    op->no_new = hss_queue_long(&h->queue);
    op->done.uaa = done;
    op->arg = arg;
    op->r.uar = *r;
    copy_head(op, &op->r.uar.head);
    op->r.uar.impi = copy(op, r->impi);
    op->r.uar.impu = copy(op, r->impu);
    op->r.uar.visited_network = copy(op, r->visited_network);
    copy_settings(op);
    submit(op);
}

void hss_lir(struct hss *h, const struct cx_lir *r, hss_lia_cb done, void *arg)
{
    bool moves = r->and_capabilities && h->settings.restoration_size;
    struct cx_lia no = {.result = TOO_BUSY};
    if (asks_too_much(h, &r->head, &no.head, &no.result) || (moves && hss_queue_sheds(&h->queue, HSS_LIR, false))) {
        done(arg, &no);
        return;
    }
    struct hss_op *op = hss_op_new(h, &kinds[HSS_LIR]);
    if (!op) {
        done(arg, &(struct cx_lia){.result = OUT_OF_MEMORY});
        return;
    }
    op->reads_only = !moves;
    op->done.lia = done;
    op->arg = arg;
    op->r.lir = *r;
    copy_head(op, &op->r.lir.head);
    op->r.lir.impu = copy(op, r->impu);
    copy_settings(op);
    submit(op);
}

void hss_mar(struct hss *h, const struct cx_mar *r, hss_maa_cb done, void *arg)
{
    if (hss_queue_sheds(&h->queue, HSS_MAR, !r->item.authorization.n)) {
        done(arg, &(struct cx_maa){.result = TOO_BUSY});
        return;
    }
    struct hss_op *op = hss_op_new(h, &kinds[HSS_MAR]);
    if (!op) {
        done(arg, &(struct cx_maa){.result = OUT_OF_MEMORY});
        return;
    }
    op->done.maa = done;
    op->arg = arg;
    op->r.mar = *r;
    copy_head(op, &op->r.mar.head);
    op->r.mar.impi = copy(op, r->impi);
    op->r.mar.impu = copy(op, r->impu);
    op->r.mar.server_name = copy(op, r->server_name);
    op->r.mar.item = (struct cx_auth_item){
        .scheme = copy(op, r->item.scheme),
        .authorization = copy(op, r->item.authorization),
    };
    copy_settings(op);
    op->n_vectors = r->n_items < 1 ? 1 : r->n_items;
    if (op->n_vectors > h->settings.max_vectors)
        op->n_vectors = h->settings.max_vectors;
    loop_random(h->loop, op->random, op->n_vectors * sizeof(op->random[0]));
    submit(op);
}

void hss_sar(struct hss *h, const struct cx_sar *r, hss_saa_cb done, void *arg)
{
    struct cx_saa no = {.result = TOO_BUSY};
    if (asks_too_much(h, &r->head, &no.head, &no.result) || hss_queue_sheds(&h->queue, HSS_SAR, false)) {
        done(arg, &no);
        return;
    }
    struct hss_op *op = hss_op_new(h, &kinds[HSS_SAR]);
    if (!op) {
        done(arg, &(struct cx_saa){.result = OUT_OF_MEMORY});
        return;
    }
    op->done.saa = done;
    op->arg = arg;
    op->r.sar = *r;
    copy_head(op, &op->r.sar.head);
    op->r.sar.impi = copy(op, r->impi);
    op->r.sar.server_name = copy(op, r->server_name);
    op->r.sar.wildcard = copy(op, r->wildcard);
    op->r.sar.restoration = (struct cx_restoration){0};
    if (r->restoration.present && h->settings.restoration_size)
        op->restoration = hss_restoration_write(&op->arena, &r->restoration);
    struct str *impus = arena_alloc(&op->arena, r->n_impus * sizeof(*impus));
    for (size_t i = 0; impus && i < r->n_impus; i++)
        impus[i] = copy(op, r->impus[i]);
    op->r.sar.impus = impus;
    op->r.sar.n_impus = impus ? r->n_impus : 0;
    copy_settings(op);
    submit(op);
}
