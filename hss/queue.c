// SPDX-License-Identifier: Apache-2.0
// Group commit: what a loop turn brought is one transaction on a worker thread; while it runs the
// next one gathers. Answers leave from the loop when the commit has reached the disk. What waits is bounded by
// number and by time: who asks would give up before an answer that comes too late (RFC 6733 7.1.3,
// DIAMETER_TOO_BUSY).
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/cache.h"

enum { BATCH_MAX = 2048, DELAY_MS = 1000, LENGTH = 20000 };

static void begin(struct hss_queue *q);

static void turn_ended(void *arg)
{
    struct hss_queue *q = arg;
    if (!q->working && !list_empty(&q->waiting))
        begin(q);
}

void hss_queue_init(struct hss_queue *q, struct hss *h)
{
    q->hss = h;
    list_init(&q->waiting);
    list_init(&q->running);
    deferred_init(&q->turn, turn_ended, q);
}

size_t hss_queue_waiting(const struct hss *h)
{
    return h->queue.n_waiting;
}

uint64_t hss_queue_delay_ms(const struct hss *h)
{
    const struct hss_queue *q = &h->queue;
    if (list_empty(&q->waiting))
        return 0;
    const struct hss_op *first = LIST_ENTRY(q->waiting.next, struct hss_op, link);
    return (loop_now(h->loop) - first->queued_ns) / 1000000;
}

static void shedding(struct hss_queue *q, bool on)
{
    if (on == q->shedding)
        return;
    q->shedding = on;
    if (on)
        LOG(LOG_WARN, "too busy, requests are refused", LF_NUM("waiting", q->n_waiting),
            LF_NUM("delay_ms", hss_queue_delay_ms(q->hss)));
    else
        LOG(LOG_INFO, "requests are taken again", LF_NUM("refused", q->n_shed));
    q->n_shed = 0;
}

// Delay or length reach their bounds divided by part.
static bool reaches(const struct hss_queue *q, unsigned part)
{
    const struct hss_settings *s = &q->hss->settings;
    uint64_t delay = s->queue_delay_ms ? s->queue_delay_ms : DELAY_MS;
    uint64_t length = s->queue_length ? s->queue_length : LENGTH;
    return hss_queue_delay_ms(q->hss) * part >= delay || q->n_waiting * part >= length;
}

bool hss_queue_long(const struct hss_queue *q)
{
    return reaches(q, 2);
}

void hss_queue_shed(struct hss_queue *q, enum hss_command command)
{
    shedding(q, true);
    q->n_shed++;
    q->hss->stats.shed[command]++;
}

bool hss_queue_sheds(struct hss_queue *q, enum hss_command command, bool begins)
{
    if (!reaches(q, begins ? 2 : 1))
        return false;
    hss_queue_shed(q, command);
    return true;
}

void hss_submit(struct hss_op *op)
{
    struct hss *h = op->hss;
    if (op->reads_only && h->reader.store) {
        hss_op_run(op, &h->reader);
        hss_op_end(op);
        return;
    }
    op->queued_ns = loop_now(h->loop);
    list_add(&h->queue.waiting, &op->link);
    h->queue.n_waiting++;
    loop_defer(h->loop, &h->queue.turn);
}

// What wrote, and what did not come to run, shares the transaction's fate, and so does what was answered after
// the first that wrote: it may have read what is not true. A refusal found by reading stands.
static void refuse_all(struct list *ops, int err)
{
    bool written = false;
    LIST_EACH(ops, it)
    {
        struct hss_op *op = LIST_ENTRY(it, struct hss_op, link);
        written = written || op->wrote;
        if (op->wrote || op->err || !op->ran || (written && !op->cause))
            (void)hss_fail(op, err);
    }
}

static int run_all(struct hss_ctx *ctx, struct list *ops)
{
    LIST_EACH(ops, it)
    {
        struct hss_op *op = LIST_ENTRY(it, struct hss_op, link);
        hss_op_run(op, ctx);
        if (op->err)
            return op->err;
    }
    return 0;
}

int hss_transaction(struct hss_ctx *ctx, struct list *ops, char *why, size_t size)
{
    int err = store_begin(ctx->store);
    ctx->foreign_write = !err && store_foreign_write(ctx->store);
    if (ctx->foreign_write)
        hss_cache_forget_all(ctx);
    if (!err)
        err = run_all(ctx, ops);
    if (!err)
        err = store_commit(ctx->store);
    if (!err)
        return 0;
    (void)snprintf(why, size, "%s", store_error(ctx->store));
    store_rollback(ctx->store);
    hss_cache_forget_all(ctx);
    refuse_all(ops, err);
    return err;
}

// On the worker: touches the writer's context and the operations, nothing else of the HSS.
static void work(void *arg)
{
    struct hss_queue *q = arg;
    q->err = hss_transaction(&q->hss->writer, &q->running, q->why, sizeof(q->why));
    (void)sem_post(&q->ran);
}

// A failure is said once, and its end too; each refused request has its own line besides.
static void note_outcome(struct hss_queue *q)
{
    struct hss *h = q->hss;
    bool failed = q->err && !q->single;
    h->stats.transactions++;
    h->stats.foreign_writes += h->writer.foreign_write;
    h->writer.foreign_write = false;
    h->stats.store_failures += failed;
    if (failed && !h->failing)
        LOG(LOG_ERROR, "store refuses writes", LF_Z("cause", q->why),
            LF_Z("error", err_text(q->err)));
    if (!q->err && h->failing)
        LOG(LOG_INFO, "store accepts writes again");
    if (failed || !q->err)
        h->failing = failed;
}

static void check_drained(struct hss *h)
{
    if (!h->drained || h->queue.working || !list_empty(&h->queue.waiting))
        return;
    timer_cb done = h->drained;
    h->drained = NULL;
    done(h->drained_arg);
}

static void worked(void *arg)
{
    struct hss_queue *q = arg;
    note_outcome(q);
    while (!list_empty(&q->running)) {
        struct hss_op *op = LIST_ENTRY(q->running.next, struct hss_op, link);
        list_del(&op->link);
        hss_op_end(op);
    }
    q->working = false;
    if (!list_empty(&q->waiting))
        begin(q);
    if (list_empty(&q->waiting))
        shedding(q, false);
    check_drained(q->hss);
}

static bool is_task(const struct list *node)
{
    return LIST_ENTRY(node, const struct hss_op, link)->command == HSS_TASK;
}

// A task (provisioning) has a transaction to itself: it may fail for reasons of its own.
static void begin(struct hss_queue *q)
{
    size_t n = 0;
    q->single = is_task(q->waiting.next);
    do {
        struct list *first = q->waiting.next;
        list_del(first);
        q->n_waiting--;
        list_add(&q->running, first);
        n++;
    } while (!q->single && n < BATCH_MAX && !list_empty(&q->waiting) && !is_task(q->waiting.next));
    q->working = true;
    (void)sem_init(&q->ran, 0, 0);
    q->why[0] = '\0';
    int err = loop_work(q->hss->loop, work, worked, q);
    if (err) {
        refuse_all(&q->running, err);
        q->err = err;
        worked(q);
    }
}

void hss_queue_stop(struct hss_queue *q)
{
    deferred_cancel(&q->turn);
    if (q->working)
        (void)sem_wait(&q->ran);
}

void hss_drain(struct hss *h, timer_cb done, void *arg)
{
    h->drained = done;
    h->drained_arg = arg;
    check_drained(h);
}
