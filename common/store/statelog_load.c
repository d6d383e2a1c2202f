// SPDX-License-Identifier: Apache-2.0
// From the folder to the index, file by file, each read once from its beginning to its end.
//
// Each batch is on the disk before the next one is written, so a power failure can leave one batch
// unfinished, the last one. Bytes that are not a batch with sound ones behind them are damage.
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/state_log_priv.h"

enum { GENERATIONS = 32, WINDOW = 4 << 20 };

struct found {
    uint32_t logs[GENERATIONS], snap;
    char junk[GENERATIONS][LOG_NAME];
    size_t n_logs, n_junk;
    bool has_snap, too_many;
};

// One file as it is read: a window of it.
struct reader {
    struct statelog *g;
    unsigned slot;
    uint64_t size, at; // of the file; where the window begins
    char *buf;
    size_t n, cap;
    bool last;    // of the logs: may end in the middle of a batch
    bool begun;   // has a head for certain: the snapshot before it came later
    bool chained; // goes on where the one before it ended
    uint64_t next_first; // with which version the next log begins; 0: none is known of
    uint64_t records;
    bool ended;
    int err;
};

// ---- the folder ----

static void sort_generations(struct found *f)
{
    for (size_t i = 1; i < f->n_logs; i++)
        for (size_t j = i; j > 0 && f->logs[j - 1] > f->logs[j]; j--) {
            uint32_t larger = f->logs[j - 1];
            f->logs[j - 1] = f->logs[j];
            f->logs[j] = larger;
        }
}

static void add_junk(struct found *f, const char *name)
{
    if (f->n_junk < GENERATIONS)
        (void)snprintf(f->junk[f->n_junk++], LOG_NAME, "%.*s", LOG_NAME - 1, name);
}

static void add_snap(struct found *f, uint32_t generation)
{
    char older[LOG_NAME];
    if (f->has_snap) {
        statelog_name(older, generation < f->snap ? generation : f->snap, "snap");
        add_junk(f, older);
    }
    if (!f->has_snap || generation > f->snap)
        f->snap = generation;
    f->has_snap = true;
}

static void on_name(void *arg, const char *name)
{
    struct found *f = arg;
    unsigned generation;
    char kind[8], same[LOG_NAME];
    if (sscanf(name, "%8x.%7s", &generation, kind) != 2)
        return;
    statelog_name(same, generation, kind);
    if (strcmp(name, same) != 0)
        return;
    if (strcmp(kind, "tmp") == 0) {
        add_junk(f, name);
    } else if (strcmp(kind, "snap") == 0) {
        add_snap(f, generation);
    } else if (strcmp(kind, "log") == 0) {
        f->too_many = f->too_many || f->n_logs == GENERATIONS;
        if (!f->too_many)
            f->logs[f->n_logs++] = generation;
    }
}

// Logs from before the snapshot are of no use; what is left must be a chain.
static bool is_chain(struct found *f)
{
    size_t n = 0;
    uint32_t first = f->has_snap ? f->snap : 1;
    sort_generations(f);
    for (size_t i = 0; i < f->n_logs; i++) {
        if (f->logs[i] >= first) {
            f->logs[n++] = f->logs[i];
            continue;
        }
        char name[LOG_NAME];
        statelog_name(name, f->logs[i], "log");
        add_junk(f, name);
    }
    f->n_logs = n;
    for (size_t i = 0; i < n; i++)
        if (f->logs[i] != first + i)
            return false;
    return (n > 0 || !f->has_snap) && n < LOG_FILES - 2 && !f->too_many;
}

// ---- the window ----

// So many bytes from at on are in the window; NULL: the file ends before, or r->err.
static char *need(struct reader *r, uint64_t at, size_t n)
{
    if (at + n > r->size || r->err)
        return NULL;
    if (at >= r->at && at + n <= r->at + r->n)
        return r->buf + (at - r->at);
    size_t take = n > WINDOW ? n : WINDOW;
    if (take > r->size - at)
        take = (size_t)(r->size - at);
    if (take > r->cap) {
        mem_free(r->buf);
        r->cap = take;
        r->buf = mem_alloc(take);
        if (!r->buf) {
            r->cap = r->n = 0;
            r->err = ERR_NOMEM;
            return NULL;
        }
    }
    r->at = at;
    r->n = take;
    r->err = r->g->disk->ops->read(r->g->files[r->slot].f, at, r->buf, take);
    return r->err ? NULL : r->buf;
}

// A sound batch of this file at at.
static const char *batch_at(struct reader *r, uint64_t at, struct batch_head *ret_head)
{
    struct batch_head h;
    const struct statelog_file *f = &r->g->files[r->slot];
    const char *p = need(r, at, BATCH_HEAD);
    if (!p || batch_read_head(str_make(p, BATCH_HEAD), &h) != 0 || h.generation != f->generation)
        return NULL;
    if (at > 0 && h.lot != f->lot)
        return NULL;
    p = need(r, at, BATCH_HEAD + h.n_body);
    if (!p || !batch_is_sound(p, &h) || (at == 0) != (h.kind == RECORD_HEAD))
        return NULL;
    *ret_head = h;
    return p;
}

// Where the next sound batch after at begins; the file's size when there is none.
static uint64_t next_batch(struct reader *r, uint64_t at)
{
    struct batch_head h;
    for (at++; at + BATCH_HEAD <= r->size && !r->err; at++) {
        const char *p = need(r, at, BATCH_HEAD);
        if (!p)
            break;
        const char *c = memchr(p, 'C', r->n - (size_t)(at - r->at));
        if (!c) {
            at = r->at + r->n - 1;
            continue;
        }
        at += (uint64_t)(c - p);
        if (batch_at(r, at, &h))
            return at;
    }
    return r->size;
}

// ---- records ----

int statelog_set(struct statelog *g, const struct record *r, uint64_t place)
{
    struct sorted_entry *e = sorted_find(&g->index, r->key);
    if (e && !e->gone)
        g->live_bytes -= entry_size(e);
    if (r->deleted) {
        if (e)
            statelog_entry_free(g, e);
        return 0;
    }
    if (!e)
        e = statelog_entry_new(g, r->key);
    if (!e)
        return ERR_NOMEM;
    e->version = r->version;
    e->place = place;
    e->value_n = (uint32_t)r->value.n;
    e->gone = false;
    g->live_bytes += entry_size(e);
    return 0;
}

static int take_records(struct reader *r, uint64_t at, const char *p, const struct batch_head *h)
{
    struct str body = str_make(p + BATCH_HEAD, h->n_body);
    at += BATCH_HEAD;
    for (uint32_t i = 0; i < h->n; i++) {
        struct record record;
        size_t size;
        if (record_read(body, false, &record, &size) != 0)
            return ERR_BAD;
        int err = statelog_set(r->g, &record, place_make(r->slot, at));
        if (err)
            return err;
        if (record.version >= r->g->next_version)
            r->g->next_version = record.version + 1;
        body = str_skip(body, size);
        at += size;
        r->records++;
    }
    return body.n == 0 ? 0 : ERR_BAD;
}

// The next log goes on from here: what the disk refused was left behind it, and nobody was told that it is there.
static bool goes_on(const struct reader *r, uint64_t at)
{
    return at > 0 && r->next_first && r->next_first == r->g->next_version;
}

static bool is_tail(const struct reader *r, uint64_t at, const struct batch_head *h)
{
    return goes_on(r, at) && h->kind == RECORD_LOG && h->first == r->next_first;
}

// What the batch says fits with what came before.
static bool follows(const struct reader *r, uint64_t at, const char *p, const struct batch_head *h)
{
    const struct statelog_file *f = &r->g->files[r->slot];
    if (f->snap)
        return h->kind != RECORD_END ||
               (h->n_body == 8 && record_u64(p + BATCH_HEAD) == r->records);
    if ((h->kind != RECORD_HEAD && h->kind != RECORD_LOG) || is_tail(r, at, h))
        return false;
    return h->first == r->g->next_version ||
           (at == 0 && !r->chained && h->first > r->g->next_version);
}

static int take(struct reader *r, uint64_t at, const char *p, const struct batch_head *h)
{
    struct statelog_file *f = &r->g->files[r->slot];
    if (at == 0)
        f->lot = h->lot;
    // A log may begin with a larger version than any that is left: what had it was deleted.
    if (!f->snap && h->first > r->g->next_version)
        r->g->next_version = h->first;
    r->ended = r->ended || h->kind == RECORD_END;
    return h->kind == RECORD_LOG || h->kind == RECORD_SNAP ? take_records(r, at, p, h) : 0;
}

// Bytes from at to next are no batch.
static int damaged(struct reader *r, uint64_t at, uint64_t next, char *why, size_t size)
{
    char name[LOG_NAME];
    statelog_file_name(&r->g->files[r->slot], name);
    (void)snprintf(why, size, "%s is damaged at byte %llu, sound again at %llu of %llu", name,
                   (unsigned long long)at, (unsigned long long)next, (unsigned long long)r->size);
    if (!r->g->salvage)
        return ERR_BAD;
    r->g->damaged++;
    LOG(LOG_ERROR, "state store has lost records", LF_Z("cause", why));
    return 0;
}

// Where to go on after bytes that are no batch, or after a sound one, p, that cannot be here;
// *ret_at: the same place when it can be taken with a gap before it.
static int step_over(struct reader *r, uint64_t at, const char *p, const struct batch_head *h,
                     uint64_t *ret_at, char *why, size_t size)
{
    if (p && is_tail(r, at, h))
        return ERR_MORE;
    bool gap =
        p && h->kind == RECORD_LOG && h->first > r->g->next_version && !r->g->files[r->slot].snap;
    uint64_t next = gap ? at : p ? at + BATCH_HEAD + h->n_body : next_batch(r, at);
    if (r->err)
        return r->err;
    if (!p && next == r->size && (goes_on(r, at) || (r->last && (at > 0 || !r->begun))))
        return ERR_MORE; // unfinished
    int err = damaged(r, at, next, why, size);
    if (err)
        return err;
    struct batch_head sound = {.first = gap ? h->first : 0};
    if (!gap && !batch_at(r, next, &sound))
        sound.first = 0; // the end
    if (!r->g->files[r->slot].snap && sound.first > r->g->next_version)
        r->g->next_version = sound.first; // told of already
    *ret_at = next;
    return 0;
}

static int read_batches(struct reader *r, uint64_t *ret_end, char *why, size_t size)
{
    uint64_t at = 0;
    int err = 0;
    while (!err && at < r->size && !r->ended) {
        struct batch_head h;
        const char *p = batch_at(r, at, &h);
        if (r->err)
            return r->err;
        if (!p || !follows(r, at, p, &h)) {
            err = step_over(r, at, p, &h, &at, why, size);
            continue;
        }
        err = take(r, at, p, &h);
        at += BATCH_HEAD + h.n_body;
    }
    *ret_end = at;
    return err == ERR_MORE ? 0 : err;
}

static int end_of(struct reader *r, uint64_t end, char *why, size_t size)
{
    struct statelog_file *f = &r->g->files[r->slot];
    f->n = end;
    if ((f->snap && !r->ended) || (r->begun && r->size == 0))
        return damaged(r, end, r->size, why, size);
    if (!r->last || end == r->size)
        return 0;
    char name[LOG_NAME];
    statelog_file_name(f, name);
    LOG(LOG_INFO, "state store's last batch was not finished", LF_Z("file", name),
        LF_NUM("offset", end), LF_NUM("bytes", r->size - end));
    return r->g->disk->ops->truncate(f->f, end);
}

static int load_file(struct statelog *g, const struct statelog_file *like, struct reader r,
                     char *why, size_t size)
{
    char name[LOG_NAME];
    r.g = g;
    r.slot = statelog_slot(g);
    struct statelog_file *f = &g->files[r.slot];
    *f = *like;
    statelog_file_name(f, name);
    uint64_t end = 0;
    int err = g->disk->ops->open(g->disk, name, false, &f->f);
    if (!err)
        err = g->disk->ops->size(f->f, &r.size);
    if (!err)
        err = read_batches(&r, &end, why, size);
    mem_free(r.buf);
    if (!err)
        err = end_of(&r, end, why, size);
    if (err && !why[0])
        (void)snprintf(why, size, "%s: %s", name, err_text(err));
    if (r.last)
        g->active = r.slot;
    return err;
}

// The last log lacks its head when the power failed while it was begun.
static int begin_log(struct statelog *g, uint32_t generation)
{
    struct statelog_file *f = &g->files[g->active];
    char name[LOG_NAME];
    statelog_name(name, generation, "log");
    if (f->f)
        g->disk->ops->close(f->f);
    *f = (struct statelog_file){0};
    return statelog_make(g->disk, name, generation, g->next_version, loop_random_u64(g->loop), f);
}

// How a log begins: its size, and the version that it goes on from; 0: its head does not say.
static int peek(const struct statelog *g, uint32_t generation, uint64_t *ret_size, uint64_t *ret_first)
{
    const struct disk_ops *ops = g->disk->ops;
    struct disk_file *file = NULL;
    struct batch_head h;
    char name[LOG_NAME], head[BATCH_HEAD];
    *ret_first = 0;
    statelog_name(name, generation, "log");
    int err = ops->open(g->disk, name, false, &file);
    if (err)
        return err;
    err = ops->size(file, ret_size);
    if (!err && *ret_size >= sizeof(head))
        err = ops->read(file, 0, head, sizeof(head));
    if (!err && *ret_size >= sizeof(head) && batch_read_head(str_make(head, sizeof(head)), &h) == 0 &&
        h.kind == RECORD_HEAD && h.n_body == 0 && batch_is_sound(head, &h) && h.generation == generation)
        *ret_first = h.first;
    ops->close(file);
    return err;
}

// A last log with no batch, not even the beginning of one, has perhaps never been in use: the one before it may have
// grown since. It is left out.
static int drop_barren(const struct statelog *g, struct found *f, uint64_t firsts[GENERATIONS + 1])
{
    for (size_t i = 1; i < f->n_logs; i++) {
        uint64_t n = 0;
        int err = peek(g, f->logs[i], &n, &firsts[i]);
        if (err)
            return err;
        if (i + 1 < f->n_logs || n > BATCH_HEAD)
            continue;
        char name[LOG_NAME];
        statelog_name(name, f->logs[i], "log");
        add_junk(f, name);
        firsts[i] = 0;
        f->n_logs--;
    }
    return 0;
}

static int load_all(struct statelog *g, struct found *f, char *why, size_t size)
{
    uint64_t firsts[GENERATIONS + 1] = {0};
    int err = drop_barren(g, f, firsts);
    if (!err && f->has_snap)
        err = load_file(g, &(struct statelog_file){.generation = f->snap, .snap = true},
                        (struct reader){0}, why, size);
    for (size_t i = 0; !err && i < f->n_logs; i++)
        err = load_file(g, &(struct statelog_file){.generation = f->logs[i]},
                        (struct reader){.last = i + 1 == f->n_logs,
                                        .begun = i == 0 && f->has_snap,
                                        .next_first = firsts[i + 1],
                                        .chained = i > 0},
                        why, size);
    if (!err && f->n_logs == 0)
        g->active = statelog_slot(g);
    uint32_t newest = f->n_logs ? f->logs[f->n_logs - 1] : 1;
    if (!err && g->files[g->active].n == 0)
        err = begin_log(g, newest);
    return err;
}

// What a process that was killed had written and not synced is about to be relied on.
// Names first: a snapshot's own may not be on the disk yet, when what it replaces goes.
static int settle(struct statelog *g, const struct found *f)
{
    int err = g->disk->ops->sync(g->files[g->active].f);
    if (!err)
        err = g->disk->ops->sync_names(g->disk);
    if (err)
        return err;
    for (size_t i = 0; i < f->n_junk; i++) {
        err = g->disk->ops->remove(g->disk, f->junk[i]);
        if (err && err != ERR_NOTFOUND)
            return err;
    }
    return g->disk->ops->sync_names(g->disk);
}

int statelog_load(struct statelog *g, char *why, size_t size)
{
    struct found *f = mem_zalloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    g->next_version = 1;
    int err = g->disk->ops->list(g->disk, on_name, f);
    if (!err && !is_chain(f)) {
        (void)snprintf(why, size, "files are missing or too many");
        err = ERR_BAD;
    }
    if (!err)
        err = load_all(g, f, why, size);
    if (!err)
        err = settle(g, f);
    if (err && !why[0])
        (void)snprintf(why, size, "%s", err_text(err));
    mem_free(f);
    return err;
}
