// SPDX-License-Identifier: Apache-2.0
// How a snapshot takes the place of older files, step by step beside the batches. Batches meanwhile
// go to a log that stays, so what is copied does not change; that a record has left the older files
// for that log is on the disk before the snapshot without it counts, because a piece of work ends
// only when its batch is there.
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/state_log_priv.h"

enum { SLICE_BYTES = 256 << 10, SLICE_RECORDS = 4096, SLICE_VISITS = 16384, RETRY_MS = 1000 };

static void again(void *arg)
{
    struct statelog *g = arg;
    state_kick(g->base.face);
}

void statelog_compact_init(struct statelog *g)
{
    timer_init(&g->compact.retry, again, g);
}

static bool worthwhile(const struct statelog *g)
{
    uint64_t bytes = statelog_disk_bytes(g);
    return bytes > 2 * g->live_bytes + g->compact_bytes && bytes > g->compact.least;
}

bool statelog_compact_due(const struct statelog *g)
{
    if (timer_active(&g->compact.retry))
        return false;
    return g->compact.step != COMPACT_IDLE || worthwhile(g);
}

// A log that was begun for a snapshot which never came serves the next one.
static bool has_older_log(const struct statelog *g)
{
    for (unsigned i = 0; i < LOG_FILES; i++)
        if (g->files[i].f && !g->files[i].snap && i != g->active)
            return true;
    return false;
}

// ---- choosing, in the loop ----

static bool is_old(const struct statelog *g, const struct sorted_entry *e)
{
    unsigned slot = place_slot(e->place);
    return !e->gone && slot != g->active && slot != g->compact.snap;
}

static int room(struct compact *c)
{
    c->reads = mem_alloc(SLICE_RECORDS * sizeof(*c->reads));
    c->entries = mem_alloc(SLICE_RECORDS * sizeof(struct sorted_entry *));
    return c->reads && c->entries ? 0 : ERR_NOMEM;
}

// A slice is twice what the batch brings at least, so that the end is reached however much is
// written.
static void choose_slice(struct statelog *g)
{
    struct compact *c = &g->compact;
    size_t limit = 2 * g->n_buf > SLICE_BYTES ? 2 * g->n_buf : SLICE_BYTES;
    if (limit > BATCH_BODY_MAX / 2)
        limit = BATCH_BODY_MAX / 2;
    struct sorted_at at = sorted_from(&g->index, str_make(c->cursor, c->cursor_n), c->cursor_n > 0);
    const struct sorted_entry *last = NULL;
    c->n = c->n_buf = 0;
    for (size_t seen = 0; c->n < SLICE_RECORDS && seen < SLICE_VISITS && c->n_buf < limit; seen++) {
        struct sorted_entry *e = sorted_next(&g->index, &at);
        if (!e)
            break;
        last = e;
        if (!is_old(g, e))
            continue;
        c->entries[c->n] = e;
        c->reads[c->n++] = (struct statelog_read){.place = e->place, .size = entry_size(e)};
        c->n_buf += entry_size(e);
    }
    if (!last) {
        c->step = COMPACT_END;
        return;
    }
    c->buf = mem_alloc(BATCH_HEAD + c->n_buf);
    c->err = c->buf ? 0 : ERR_NOMEM;
    c->next_n = last->key_n;
    memcpy(c->next, last->key, last->key_n);
}

void statelog_compact_choose(struct statelog *g)
{
    struct compact *c = &g->compact;
    c->chosen = statelog_compact_due(g);
    c->err = 0;
    if (!c->chosen)
        return;
    if (c->step == COMPACT_IDLE)
        c->step = has_older_log(g) ? COMPACT_BEGIN : COMPACT_ROLL;
    c->first = g->next_version;
    c->lot = loop_random_u64(g->loop);
    if (c->step == COMPACT_COPY)
        c->err = room(c);
    if (c->step == COMPACT_COPY && !c->err)
        choose_slice(g);
}

// ---- working, on the worker ----

// What is left of a failed batch must not stay in a log that is no longer the last one.
static int cut_active(struct statelog *g)
{
    const struct disk_ops *ops = g->disk->ops;
    const struct statelog_file *f = &g->files[g->active];
    if (!g->cut)
        return 0;
    int err = ops->truncate(f->f, f->n);
    if (!err)
        err = ops->sync(f->f);
    g->cut = err != 0;
    return err;
}

// A name without a log in use behind it would be taken for the last log: it goes again.
static int roll(struct statelog *g)
{
    char name[LOG_NAME];
    const struct disk_ops *ops = g->disk->ops;
    uint32_t generation = g->files[g->active].generation + 1;
    int err = cut_active(g);
    if (err)
        return err;
    statelog_name(name, generation, "log");
    err = statelog_make(g->disk, name, generation, g->compact.first, g->compact.lot, &g->compact.made);
    if (!err) {
        err = ops->sync_names(g->disk);
        if (err)
            ops->close(g->compact.made.f);
    }
    if (err)
        (void)ops->remove(g->disk, name);
    return err;
}

// What a snapshot can need at most, but for the heads of its pieces.
static uint64_t snap_bytes(const struct statelog *g)
{
    uint64_t older = statelog_disk_bytes(g) - g->files[g->active].n;
    return older < g->live_bytes ? older : g->live_bytes;
}

// Without room for all of it it is not begun: what there is of one is of no use, and takes the room that the log needs.
static int begin_snap(struct statelog *g)
{
    const struct disk_ops *ops = g->disk->ops;
    char name[LOG_NAME];
    uint32_t generation = g->files[g->active].generation;
    statelog_name(name, generation, "tmp");
    int err = statelog_make(g->disk, name, generation, g->compact.first, g->compact.lot,
                            &g->compact.made);
    if (err)
        return err;
    g->compact.made.snap = true;
    err = ops->reserve(g->compact.made.f, BATCH_HEAD + snap_bytes(g));
    if (err) {
        ops->close(g->compact.made.f);
        (void)ops->remove(g->disk, name);
    }
    return err;
}

// Leaves out what is damaged.
static uint32_t close_up(struct compact *c)
{
    uint32_t n = 0;
    char *from = c->buf + BATCH_HEAD, *to = from;
    for (size_t i = 0; i < c->n; from += c->reads[i++].size) {
        if (c->reads[i].bad)
            continue;
        memmove(to, from, c->reads[i].size);
        to += c->reads[i].size;
        n++;
    }
    c->n_buf = (size_t)(to - c->buf) - BATCH_HEAD;
    return n;
}

// Each piece is synced by itself: a sync that fails is reported once, and the next one says nothing of what that one
// has lost. So it is written again, from memory, by whoever chooses the piece again; and no sync has much to do.
static int write_snap(struct statelog *g, char *buf, const struct batch_head *like)
{
    const struct disk_ops *ops = g->disk->ops;
    const struct statelog_file *f = &g->files[g->compact.snap];
    struct batch_head h = *like;
    h.generation = f->generation;
    h.lot = f->lot;
    h.first = g->compact.first;
    batch_seal(buf, &h);
    int err = ops->write(f->f, f->n, buf, BATCH_HEAD + h.n_body);
    if (!err)
        err = ops->sync(f->f);
    if (err)
        (void)ops->truncate(f->f, f->n); // gives the space back
    return err;
}

static int copy(struct statelog *g)
{
    struct compact *c = &g->compact;
    if (c->n == 0)
        return 0;
    int err = statelog_read_all(g, c->reads, c->n, c->buf + BATCH_HEAD);
    if (err)
        return err;
    uint32_t n = close_up(c);
    return write_snap(
        g, c->buf, &(struct batch_head){.n_body = (uint32_t)c->n_buf, .n = n, .kind = RECORD_SNAP});
}

static int finish(struct statelog *g)
{
    struct compact *c = &g->compact;
    const struct disk_ops *ops = g->disk->ops;
    struct statelog_file *f = &g->files[c->snap];
    char end[BATCH_HEAD + 8], from[LOG_NAME], to[LOG_NAME];
    record_put_u64(end + BATCH_HEAD, c->copied);
    int err =
        c->renamed ? 0 : write_snap(g, end, &(struct batch_head){.n_body = 8, .kind = RECORD_END});
    if (!err && !c->renamed)
        err = ops->truncate(f->f, f->n + sizeof(end));
    if (!err && !c->renamed)
        err = ops->sync(f->f);
    statelog_name(from, f->generation, "tmp");
    statelog_name(to, f->generation, "snap");
    if (!err && !c->renamed)
        err = ops->rename(g->disk, from, to);
    c->renamed = c->renamed || !err;
    return err ? err : ops->sync_names(g->disk);
}

static bool is_older(const struct statelog *g, unsigned slot)
{
    return g->files[slot].f && slot != g->active && slot != g->compact.snap;
}

static int clean(struct statelog *g)
{
    for (unsigned i = 0; i < LOG_FILES; i++) {
        char name[LOG_NAME];
        if (!is_older(g, i))
            continue;
        statelog_file_name(&g->files[i], name);
        int err = g->disk->ops->remove(g->disk, name);
        if (err && err != ERR_NOTFOUND)
            return err;
    }
    return g->disk->ops->sync_names(g->disk);
}

void statelog_compact_work(struct statelog *g)
{
    static int (*const steps[])(struct statelog * g) = {
        [COMPACT_ROLL] = roll,  [COMPACT_BEGIN] = begin_snap, [COMPACT_COPY] = copy,
        [COMPACT_END] = finish, [COMPACT_CLEAN] = clean,
    };
    struct compact *c = &g->compact;
    if (c->chosen && !c->err)
        c->err = steps[c->step](g);
}

// ---- settling, in the loop ----

static void lose(struct statelog *g, size_t i)
{
    struct sorted_entry *e = g->compact.entries[i];
    char name[LOG_NAME];
    statelog_file_name(&g->files[place_slot(e->place)], name);
    state_damaged(g->base.face, name, place_at(e->place), sorted_key(e));
    g->live_bytes -= entry_size(e);
    statelog_entry_free(g, e);
}

static void copied(struct statelog *g)
{
    struct compact *c = &g->compact;
    struct statelog_file *f = &g->files[c->snap];
    memcpy(c->cursor, c->next, c->next_n);
    c->cursor_n = c->next_n;
    uint64_t at = f->n + BATCH_HEAD;
    for (size_t i = 0; i < c->n; i++) {
        if (c->reads[i].bad) {
            lose(g, i);
            continue;
        }
        c->entries[i]->place = place_make(c->snap, at);
        at += c->reads[i].size;
        c->copied++;
    }
    if (c->n > 0)
        f->n += BATCH_HEAD + c->n_buf;
}

static void cleaned(struct statelog *g)
{
    for (unsigned i = 0; i < LOG_FILES; i++) {
        if (!is_older(g, i))
            continue;
        g->disk->ops->close(g->files[i].f);
        g->files[i] = (struct statelog_file){0};
    }
    g->compactions++;
    g->compacted_at_ms = loop_wall_ms(g->loop);
    g->compact.least = statelog_disk_bytes(g);
    g->compact.snap = LOG_FILES;
}

static void advance(struct statelog *g)
{
    struct compact *c = &g->compact;
    unsigned slot = statelog_slot(g);
    switch (c->step) {
    case COMPACT_ROLL:
        g->files[slot] = c->made;
        g->active = slot;
        c->step = COMPACT_BEGIN;
        break;
    case COMPACT_BEGIN:
        g->files[slot] = c->made;
        c->snap = slot;
        c->copied = c->cursor_n = 0;
        c->renamed = false;
        c->step = COMPACT_COPY;
        break;
    case COMPACT_COPY:
        copied(g);
        break;
    case COMPACT_END:
        g->files[c->snap].n += BATCH_HEAD + 8;
        c->step = COMPACT_CLEAN;
        break;
    case COMPACT_CLEAN:
        cleaned(g);
        c->step = COMPACT_IDLE;
        break;
    case COMPACT_IDLE:
        break;
    }
}

static void note(struct statelog *g)
{
    struct compact *c = &g->compact;
    if (c->err) {
        g->compaction_failures++;
        timer_start(g->loop, &c->retry, RETRY_MS);
        if (!c->failing)
            LOG(LOG_WARN, "state store cannot write its snapshot, tried again",
                LF_Z("cause", disk_error_text(c->err)));
    } else if (c->failing) {
        LOG(LOG_INFO, "state store writes its snapshot again");
    }
    c->failing = c->err != 0;
}

void statelog_compact_settle(struct statelog *g)
{
    struct compact *c = &g->compact;
    // Beside a batch that failed nothing was done, and it is chosen again.
    if (c->chosen && !g->err) {
        note(g);
        if (!c->err)
            advance(g);
    }
    c->chosen = false;
    statelog_compact_done(g);
}

void statelog_compact_done(struct statelog *g)
{
    struct compact *c = &g->compact;
    mem_free(c->reads);
    mem_free(c->entries);
    mem_free(c->buf);
    c->reads = NULL;
    c->entries = NULL;
    c->buf = NULL;
}
