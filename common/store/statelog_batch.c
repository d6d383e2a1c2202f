// SPDX-License-Identifier: Apache-2.0
// A batch of the log: applied to the index when it is formed, and taken back when the disk refuses
// it.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/state_log_priv.h"

enum { READ_BYTES = 4 << 20 }; // of the answers of one batch, one at least
// Beyond max_bytes, for what must not be lost.
enum { RESERVE_LEAST = 16 << 20, RESERVE_SHARE = 16 };

struct sorted_entry *statelog_entry_new(struct statelog *g, struct str key)
{
    struct sorted_entry *e = mem_alloc(sizeof(*e) + key.n);
    if (!e)
        return NULL;
    *e = (struct sorted_entry){.key_n = (uint16_t)key.n, .gone = true};
    memcpy(e->key, key.p, key.n);
    if (sorted_add(&g->index, e) != 0) {
        mem_free(e);
        return NULL;
    }
    g->entry_bytes += sizeof(*e) + key.n;
    return e;
}

void statelog_entry_free(struct statelog *g, struct sorted_entry *e)
{
    sorted_remove(&g->index, e);
    g->entry_bytes -= sizeof(*e) + e->key_n;
    mem_free(e);
}

// ---- writes ----

static uint64_t size_of(const struct sorted_entry *e)
{
    return e && !e->gone ? entry_size(e) : 0;
}

static uint64_t room_of(const struct statelog *g, const struct state_op *op)
{
    uint64_t share = g->max_bytes / RESERVE_SHARE;
    if (!op->vital)
        return g->max_bytes;
    return g->max_bytes + (share > RESERVE_LEAST ? share : RESERVE_LEAST);
}

static int admits(struct statelog *g, const struct state_op *op, const struct sorted_entry *e)
{
    uint64_t size = record_size(op->key.n, op->value.n);
    if (size <= size_of(e) || g->live_bytes - size_of(e) + size <= room_of(g, op))
        return 0;
    if (!g->refused)
        LOG(LOG_ERROR, "state store has reached its bound, records are refused",
            LF_NUM("bytes", g->max_bytes));
    g->refused = size > g->refused ? size : g->refused;
    return ERR_FULL;
}

static int check_write(struct statelog *g, struct state_op *op, const struct sorted_entry *e)
{
    uint64_t version = e && !e->gone ? e->version : 0;
    if (op->kind == STATE_DELETE && !version &&
        (op->if_version == STATE_ANY || op->if_version == 0))
        return ERR_NOTFOUND;
    if (op->if_version != STATE_ANY && op->if_version != version) {
        op->version = version;
        return ERR_STATE;
    }
    return op->kind == STATE_PUT ? admits(g, op, e) : 0;
}

static void set(struct statelog *g, struct sorted_entry *e, uint64_t version, uint64_t place,
                uint32_t value_n, bool gone)
{
    g->live_bytes -= size_of(e);
    e->version = version;
    e->place = place;
    e->value_n = value_n;
    e->gone = gone;
    g->live_bytes += size_of(e);
}

static void write_op(struct statelog *g, struct state_op *op)
{
    struct sorted_entry *e = sorted_find(&g->index, op->key);
    op->err = check_write(g, op, e);
    if (op->err)
        return;
    op->undo.made = !e;
    if (!e)
        e = statelog_entry_new(g, op->key);
    if (!e) {
        op->err = ERR_NOMEM;
        return;
    }
    op->undo.entry = e;
    op->undo.version = e->version;
    op->undo.place = e->place;
    op->undo.value_n = e->value_n;
    op->undo.gone = e->gone;
    bool deletes = op->kind == STATE_DELETE;
    struct record r = {
        .version = g->next_version++, .key = op->key, .value = op->value, .deleted = deletes};
    record_write(g->buf + g->n_buf, &r);
    uint64_t place = place_make(g->active, g->files[g->active].n + g->n_buf);
    g->n_buf += record_size(op->key.n, deletes ? 0 : op->value.n);
    g->n_records++;
    op->version = r.version;
    set(g, e, r.version, place, deletes ? 0 : (uint32_t)op->value.n, deletes);
}

// ---- reads ----

static struct statelog_read *reads_of(const struct state_op *op, size_t n)
{
    return (struct statelog_read *)(op->records + n);
}

static int room_for(struct state_op *op, size_t n, size_t bytes)
{
    op->records = mem_zalloc(n * (sizeof(struct state_record) + sizeof(struct statelog_read)));
    op->buf = op->records ? mem_alloc(bytes) : NULL;
    if (!op->buf)
        return ERR_NOMEM;
    op->n = n;
    return 0;
}

static size_t get_op(struct statelog *g, struct state_op *op)
{
    const struct sorted_entry *e = sorted_find(&g->index, op->key);
    if (!e || e->gone) {
        op->err = ERR_NOTFOUND;
        return 0;
    }
    op->version = e->version;
    op->err = room_for(op, 1, entry_size(e));
    if (op->err)
        return 0;
    *reads_of(op, 1) = (struct statelog_read){.place = e->place, .size = entry_size(e)};
    return entry_size(e);
}

static struct sorted_at scan_start(const struct statelog *g, const struct state_op *op)
{
    size_t n = op->key.n < op->value.n ? op->key.n : op->value.n;
    int c = n ? memcmp(op->value.p, op->key.p, n) : 0;
    bool beyond = op->goes_on && (c > 0 || (c == 0 && op->value.n >= op->key.n));
    return sorted_from(&g->index, beyond ? op->value : op->key, beyond);
}

// The next record of the scan that is there.
static struct sorted_entry *scan_next(const struct statelog *g, const struct state_op *op,
                                      struct sorted_at *at)
{
    struct sorted_entry *e;
    do {
        e = sorted_next(&g->index, at);
        if (e && !str_starts(sorted_key(e), op->key))
            return NULL;
    } while (e && e->gone);
    return e;
}

static size_t scan_op(struct statelog *g, struct state_op *op)
{
    struct sorted_at start = scan_start(g, op), at = start;
    size_t n = 0, bytes = 0;
    for (struct sorted_entry *e; (e = scan_next(g, op, &at)) != NULL; n++) {
        op->more = n == op->limit || (n > 0 && bytes + entry_size(e) > STATE_SCAN_BYTES);
        if (op->more)
            break;
        bytes += entry_size(e);
    }
    if (n == 0)
        return 0;
    op->err = room_for(op, n, bytes);
    at = start;
    for (size_t i = 0; !op->err && i < n; i++) {
        const struct sorted_entry *e = scan_next(g, op, &at);
        reads_of(op, n)[i] = (struct statelog_read){.place = e->place, .size = entry_size(e)};
    }
    return bytes;
}

// ---- what a batch needs ----

static bool writes(const struct state_op *op)
{
    return op->kind == STATE_PUT || op->kind == STATE_DELETE;
}

static bool reads(const struct state_op *op)
{
    return op->kind == STATE_GET || op->kind == STATE_SCAN;
}

static int reserve(struct statelog *g, const struct list *ops)
{
    size_t need = 0;
    for (const struct list *it = ops->next; it != ops; it = it->next) {
        const struct state_op *op = LIST_ENTRY(it, const struct state_op, link);
        if (writes(op))
            need += record_size(op->key.n, op->value.n);
    }
    g->n_buf = 0;
    g->n_records = 0;
    g->err = 0;
    if (need == 0)
        return 0;
    g->buf = mem_alloc(BATCH_HEAD + need);
    g->n_buf = BATCH_HEAD;
    return g->buf ? 0 : ERR_NOMEM;
}

// ---- on the worker ----

void statelog_append(struct statelog *g)
{
    const struct disk_ops *ops = g->disk->ops;
    const struct statelog_file *f = &g->files[g->active];
    if (g->n_records == 0)
        return;
    batch_seal(g->buf, &(struct batch_head){.n_body = (uint32_t)(g->n_buf - BATCH_HEAD),
                                            .n = g->n_records,
                                            .first = g->first,
                                            .kind = RECORD_LOG,
                                            .generation = f->generation,
                                            .lot = f->lot});
    g->err = g->cut ? ops->truncate(f->f, f->n) : 0;
    if (!g->err)
        g->err = ops->write(f->f, f->n, g->buf, g->n_buf);
    if (!g->err)
        g->err = ops->sync(f->f);
}

static void fill(struct state_op *op)
{
    const struct statelog_read *r = reads_of(op, op->n);
    size_t at = 0;
    for (size_t i = 0; i < op->n; at += r[i++].size) {
        struct record record;
        size_t size;
        if (!r[i].bad && record_read(str_make(op->buf + at, r[i].size), false, &record, &size) == 0)
            op->records[i] = (struct state_record){record.key, record.value, record.version};
    }
}

void statelog_read_ops(struct statelog *g)
{
    LIST_EACH(g->ops, it) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (!reads(op) || op->err || op->n == 0)
            continue;
        op->err = statelog_read_all(g, reads_of(op, op->n), op->n, op->buf);
        if (!op->err)
            fill(op);
    }
}

// ---- taking back ----

static void undo(struct statelog *g, struct state_op *op)
{
    struct sorted_entry *e = op->undo.entry;
    set(g, e, op->undo.version, op->undo.place, op->undo.value_n, op->undo.gone);
    if (op->undo.made)
        statelog_entry_free(g, e);
}

static void take_back(struct statelog *g)
{
    for (struct list *it = g->ops->prev; it != g->ops; it = it->prev) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (writes(op) && !op->err) {
            undo(g, op);
            op->err = g->err;
        } else if (reads(op) || op->err == ERR_STATE || op->err == ERR_NOTFOUND) {
            mem_free(op->records);
            mem_free(op->buf);
            op->records = NULL;
            op->buf = NULL;
            op->n = 0;
            op->err = 0;
            op->more = false;
            op->again = true;
        }
    }
    g->next_version = g->first;
    g->cut = true;
}

// ---- forming ----

// From op on nothing has been done.
static void refuse_rest(struct list *ops, struct list *from, int err)
{
    for (struct list *it = from; it != ops; it = it->next)
        LIST_ENTRY(it, struct state_op, link)->err = err;
}

static int form_op(struct statelog *g, struct state_op *op, size_t *read)
{
    if (writes(op))
        write_op(g, op);
    else if (reads(op))
        *read += op->kind == STATE_GET ? get_op(g, op) : scan_op(g, op);
    return op->vital && op->err == ERR_NOMEM ? ERR_NOMEM : 0; // what comes behind it goes with it
}

int statelog_form(struct statelog *g, struct list *ops)
{
    size_t read = 0;
    struct list *it;
    int err = reserve(g, ops);
    if (err)
        return err;
    g->ops = ops;
    g->first = g->next_version;
    for (it = ops->next; !err && it != ops; it = it->next) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (reads(op) && read >= READ_BYTES) {
            state_give_back(g->base.face, op);
            return 0;
        }
        err = form_op(g, op, &read);
    }
    if (!err)
        return 0;
    refuse_rest(ops, it, err);
    g->err = err;
    take_back(g);
    mem_free(g->buf);
    g->buf = NULL;
    return err;
}

// ---- settling ----

// What a batch deleted in the end leaves the index: the last operation on an entry does it.
static void stands(struct statelog *g)
{
    LIST_EACH(g->ops, it) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        const struct sorted_entry *e = op->undo.entry;
        op->changed = writes(op) && !op->err;
        op->undo.last = op->changed && e->gone && e->version == op->version;
    }
    LIST_EACH(g->ops, it) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (op->undo.last)
            statelog_entry_free(g, op->undo.entry);
    }
    if (g->n_records > 0) {
        g->files[g->active].n += g->n_buf;
        g->cut = false;
    }
    if (g->refused && g->live_bytes + g->refused <= g->max_bytes) {
        g->refused = 0;
        LOG(LOG_INFO, "state store has room again", LF_NUM("bytes", g->live_bytes));
    }
}

// Damaged records are told of, and left out of a scan.
static void drop_damaged(struct statelog *g, struct state_op *op)
{
    const struct statelog_read *r = reads_of(op, op->n);
    size_t n = 0;
    for (size_t i = 0; i < op->n; i++) {
        if (op->records[i].version) {
            op->records[n++] = op->records[i];
            continue;
        }
        char name[LOG_NAME];
        statelog_file_name(&g->files[place_slot(r[i].place)], name);
        state_damaged(g->base.face, name, place_at(r[i].place),
                      op->kind == STATE_GET ? op->key : STR_NONE);
    }
    if (n < op->n && op->kind == STATE_GET)
        op->err = ERR_BAD;
    op->n = n;
}

void statelog_settle(struct statelog *g)
{
    if (g->err)
        take_back(g);
    else
        stands(g);
    LIST_EACH(g->ops, it) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (op->records && !op->err)
            drop_damaged(g, op);
    }
    mem_free(g->buf);
    g->buf = NULL;
}
