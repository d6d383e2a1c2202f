// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/cache.h"

const char *const hss_command_names[] = {"UAR", "LIR", "MAR", "SAR", "task"};

void hss_op_free(struct hss_op *op)
{
    arena_done(&op->arena);
    OPENSSL_cleanse(&op->auth, sizeof(op->auth)); // K and OPc
    mem_free(op);
}

void hss_op_end(struct hss_op *op)
{
    op->kind->end(op);
    hss_op_free(op);
}

enum step_verdict hss_refuse(struct hss_op *op, uint32_t code, const char *cause)
{
    op->result = (struct dia_result){.code = code};
    op->cause = cause;
    return STEP_REJECT;
}

enum step_verdict hss_refuse_avp(struct hss_op *op, uint32_t code, struct str failed,
                                const char *cause)
{
    op->failed = failed;
    return hss_refuse(op, code, cause);
}

enum step_verdict hss_refuse_cx(struct hss_op *op, enum cx_experimental code, const char *cause)
{
    op->result = (struct dia_result){.code = code, .experimental = true};
    op->cause = cause;
    return STEP_REJECT;
}

enum step_verdict hss_fail(struct hss_op *op, int err)
{
    op->err = err;
    if (err == ERR_TIMEOUT) // another process writes: there is nothing wrong with the request
        return hss_refuse(op, DIA_TOO_BUSY, "another process writes to the store");
    return hss_refuse(op, DIA_UNABLE_TO_COMPLY, err_text(err));
}

enum step_verdict hss_next(struct hss_op *op, int err)
{
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

enum step_verdict hss_succeed(struct hss_op *op)
{
    op->result = (struct dia_result){.code = DIA_SUCCESS};
    return STEP_DONE;
}

enum step_verdict hss_succeed_cx(struct hss_op *op, enum cx_experimental code)
{
    op->result = (struct dia_result){.code = code, .experimental = true};
    return STEP_DONE;
}

struct str hss_keep(struct hss_op *op, const struct store_value *v)
{
    return v->kind == STORE_NULL ? STR_NONE : arena_dup(&op->arena, v->s);
}

int hss_write(struct hss_op *op, enum hss_sql sql, const struct store_value *args, size_t n)
{
    op->wrote = true;
    hss_cache_wrote(op);
    return store_run(op->ctx->store, sql, args, n, NULL, NULL);
}

int hss_write_sqn(struct hss_op *op, uint64_t sqn)
{
    op->wrote = true;
    hss_cache_sqn(op, sqn);
    return STORE_RUN(op->ctx->store, SQL_SQN_UPDATE, NULL, NULL, SV_INT(op->facts.impi_id),
                     SV_INT(sqn));
}

// ---- the owner of procedures ----

// What was refused has its result, unless the engine refused it.
static void on_reject(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (!op->cause)
        (void)hss_fail(op, ERR_NOMEM);
}

static const struct steps_owner_ops ops = {.reject = on_reject};
static const struct steps_owner owner = {.ops = &ops};

struct hss_op *hss_op_new(struct hss *h, const struct hss_kind *kind)
{
    struct hss_op *op = mem_alloc(sizeof(*op));
    if (!op)
        return NULL;
    memset(op, 0, offsetof(struct hss_op, memory));
    list_init(&op->link);
    op->job.owner = &owner;
    op->job.arena = &op->arena;
    op->hss = h;
    op->kind = kind;
    op->command = kind->command;
    op->proc = kind->proc;
    op->settings = h->settings;
    arena_init(&op->arena, op->memory, sizeof(op->memory));
    return op;
}

void hss_op_run(struct hss_op *op, struct hss_ctx *ctx)
{
    op->ctx = ctx;
    op->ran = true;
    job_start(&op->job, op->proc);
    if (!op->err && op->arena.failed) // what it would answer is wanting
        (void)hss_fail(op, ERR_NOMEM);
}
