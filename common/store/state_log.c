// SPDX-License-Identifier: Apache-2.0
#include "store/state_log.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/state_log_priv.h"

static const uint64_t MAX_BYTES = UINT64_C(4) << 30, COMPACT_BYTES = 16 << 20;

static struct statelog *log_of(const struct state_backend *b)
{
    return CONTAINER_OF((struct state_backend *)(uintptr_t)b, struct statelog, base);
}

static void work(void *arg)
{
    struct statelog *g = arg;
    statelog_append(g);
    if (!g->err) {
        statelog_read_ops(g);
        statelog_compact_work(g);
    }
    (void)sem_post(&g->ran);
}

static void settle(struct statelog *g)
{
    statelog_settle(g);
    statelog_compact_settle(g);
}

static void worked(void *arg)
{
    struct statelog *g = arg;
    bool wrote = g->n_records > 0;
    g->working = false;
    settle(g);
    state_ran(g->base.face, wrote, g->err, disk_error_text(g->err));
}

static int run(struct state_backend *b, struct list *ops)
{
    struct statelog *g = log_of(b);
    int err = statelog_form(g, ops);
    if (err)
        return err;
    statelog_compact_choose(g);
    (void)sem_init(&g->ran, 0, 0);
    g->working = true;
    err = loop_work(g->loop, work, worked, g);
    if (!err)
        return 0;
    g->working = false;
    g->err = err;
    settle(g);
    return err;
}

static bool has_work(const struct state_backend *b)
{
    return statelog_compact_due(log_of(b));
}

static void figures(const struct state_backend *b, struct state_figures *f)
{
    const struct statelog *g = log_of(b);
    f->records = g->index.n;
    f->live_bytes = g->live_bytes;
    f->disk_bytes = statelog_disk_bytes(g);
    f->memory_bytes = g->entry_bytes + sorted_memory(&g->index);
    f->damaged += g->damaged;
    f->compactions = g->compactions;
    f->compaction_failures = g->compaction_failures;
    f->compacted_at_ms = g->compacted_at_ms;
    f->compacting = g->compact.step != COMPACT_IDLE;
}

// What the worker has made and nobody has taken.
static void free_work(struct statelog *g)
{
    const struct compact *c = &g->compact;
    (void)sem_wait(&g->ran);
    loop_work_forget(g->loop, g);
    bool made = c->step == COMPACT_ROLL || c->step == COMPACT_BEGIN;
    if (c->chosen && !g->err && !c->err && made)
        g->disk->ops->close(c->made.f);
    // Entries that a batch made or deleted are in the index; all of it goes now.
    mem_free(g->buf);
}

static void free_log(struct state_backend *b)
{
    struct statelog *g = log_of(b);
    timer_stop(&g->compact.retry);
    if (g->working)
        free_work(g);
    statelog_compact_done(g);
    for (unsigned i = 0; i < LOG_FILES; i++)
        if (g->files[i].f)
            g->disk->ops->close(g->files[i].f);
    sorted_done(&g->index);
    mem_free(g);
}

static int each(struct state_backend *b, struct str prefix, state_each_cb cb, void *arg)
{
    return statelog_each(log_of(b), prefix, cb, arg);
}

static const struct state_ops ops = {
    .name = "log",
    .run = run,
    .has_work = has_work,
    .figures = figures,
    .each = each,
    .free = free_log,
};

int state_open_log(struct loop *l, const struct state_log_params *p, char *why, size_t size,
                   struct state **ret_state)
{
    char cause[160] = "";
    struct statelog *g = mem_zalloc(sizeof(*g));
    if (!g)
        return ERR_NOMEM;
    g->base.ops = &ops;
    g->loop = l;
    g->disk = p->disk;
    g->salvage = p->salvage;
    g->max_bytes = p->max_bytes ? p->max_bytes : MAX_BYTES;
    g->compact_bytes = p->compact_bytes ? p->compact_bytes : COMPACT_BYTES;
    g->compact.snap = LOG_FILES;
    statelog_compact_init(g);
    int err = statelog_load(g, cause, sizeof(cause));
    if (err) {
        if (why && size)
            (void)snprintf(why, size, "%s", cause[0] ? cause : err_text(err));
        free_log(&g->base);
        return err;
    }
    err = state_new(l, &g->base, &p->limits, ret_state);
    if (!err && statelog_compact_due(g))
        state_kick(*ret_state);
    return err;
}
