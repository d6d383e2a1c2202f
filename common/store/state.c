// SPDX-License-Identifier: Apache-2.0
#include "store/state_priv.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

const uint64_t state_times_us[STATE_TIMES] = {100,   250,   500,    1000,   2500,    5000,
                                              10000, 25000, 100000, 250000, 1000000, UINT64_MAX};

enum { WAITING = 65536, BATCH = 4096, BATCH_TOP = 65536, BATCH_BYTES_TOP = 4 << 20 };
static const uint64_t WAITING_BYTES = 64 << 20, BATCH_BYTES = 1 << 20;

struct state_watch {
    struct list link;
    struct state *state;
    state_watch_cb cb; // NULL: taken back while watchers are told
    void *arg;
    size_t n;
    char prefix[];
};

struct state {
    struct loop *loop;
    struct state_backend *backend;
    struct state_limits limits;
    struct list waiting, running;
    struct deferred turn;
    struct list watches;
    size_t n_watches;
    struct state_figures figures; // what the face counts
    uint64_t began;               // the batch, ns
    bool busy, telling, full;
};

// ---- the queue ----

static bool fits(struct state *s, size_t bytes)
{
    if (s->figures.waiting < s->limits.waiting &&
        s->figures.waiting_bytes + bytes <= s->limits.waiting_bytes)
        return true;
    s->figures.pushed_back++;
    if (!s->full)
        LOG(LOG_WARN, "state store is behind, operations are refused",
            LF_NUM("waiting", s->figures.waiting), LF_NUM("bytes", s->figures.waiting_bytes));
    s->full = true;
    return false;
}

static int enqueue(struct state *s, const struct state_op *like)
{
    size_t bytes = like->key.n + like->value.n;
    if (!fits(s, bytes))
        return ERR_FULL;
    struct state_op *op = mem_alloc(sizeof(*op) + bytes);
    if (!op)
        return ERR_NOMEM;
    *op = *like;
    op->key.p = op->bytes;
    op->value.p = op->bytes + op->key.n;
    if (like->key.n)
        memcpy(op->bytes, like->key.p, like->key.n);
    if (like->value.n)
        memcpy(op->bytes + like->key.n, like->value.p, like->value.n);
    list_init(&op->link);
    list_add(&s->waiting, &op->link);
    s->figures.waiting++;
    s->figures.waiting_bytes += bytes;
    if (!s->busy)
        loop_defer(s->loop, &s->turn);
    return 0;
}

static void op_free(struct state *s, struct state_op *op)
{
    list_del(&op->link);
    s->figures.waiting--;
    s->figures.waiting_bytes -= op->key.n + op->value.n;
    mem_free(op->records);
    mem_free(op->buf);
    mem_free(op);
}

static bool is_key(struct str key)
{
    return key.n > 0 && key.n <= STATE_KEY_MAX;
}

int state_get(struct state *s, struct str key, struct state_done done)
{
    if (!is_key(key))
        return ERR_INVAL;
    return enqueue(s, &(struct state_op){.kind = STATE_GET, .done = done, .key = key});
}

static int put(struct state *s, const struct state_op *op)
{
    return is_key(op->key) && op->value.n <= STATE_VALUE_MAX ? enqueue(s, op) : ERR_INVAL;
}

int state_put(struct state *s, struct str key, struct str value, uint64_t if_version,
              struct state_done done)
{
    return put(s, &(struct state_op){
                      .kind = STATE_PUT, .done = done, .key = key, .value = value, .if_version = if_version});
}

int state_put_vital(struct state *s, struct str key, struct str value, struct state_done done)
{
    return put(s, &(struct state_op){.kind = STATE_PUT,
                                     .done = done,
                                     .key = key,
                                     .value = value,
                                     .if_version = STATE_ANY,
                                     .vital = true});
}

int state_delete(struct state *s, struct str key, uint64_t if_version, struct state_done done)
{
    if (!is_key(key))
        return ERR_INVAL;
    return enqueue(s,
                   &(struct state_op){
                       .kind = STATE_DELETE, .done = done, .key = key, .if_version = if_version});
}

int state_scan(struct state *s, struct str prefix, struct str after, size_t limit, state_scan_cb cb,
               void *arg, uint64_t id)
{
    if (prefix.n > STATE_KEY_MAX || after.n > STATE_KEY_MAX || limit == 0 ||
        limit > STATE_SCAN_MAX || !cb)
        return ERR_INVAL;
    return enqueue(s, &(struct state_op){.kind = STATE_SCAN,
                                         .done = {.arg = arg, .id = id},
                                         .scanned = cb,
                                         .key = prefix,
                                         .value = after,
                                         .goes_on = after.p != NULL,
                                         .limit = (uint32_t)limit});
}

int state_barrier(struct state *s, struct state_done done)
{
    return enqueue(s, &(struct state_op){.kind = STATE_BARRIER, .done = done});
}

int state_each(struct state *s, struct str prefix, state_each_cb cb, void *arg)
{
    if (s->busy || !list_empty(&s->waiting))
        return ERR_STATE;
    if (!s->backend->ops->each)
        return ERR_UNSUPPORTED;
    return s->backend->ops->each(s->backend, prefix, cb, arg);
}

// ---- batches ----

static bool belongs_to(const struct state_op *op, const struct state_op *before)
{
    return op->kind == STATE_DELETE && before->vital;
}

// What has to be asked once more goes alone, or it might wait for ever behind writes that fail.
static void gather(struct state *s)
{
    size_t n = 0;
    uint64_t bytes = 0;
    while (!list_empty(&s->waiting)) {
        struct state_op *op = LIST_ENTRY(s->waiting.next, struct state_op, link);
        const struct state_op *first = LIST_ENTRY(s->running.next, struct state_op, link);
        const struct state_op *last = LIST_ENTRY(s->running.prev, struct state_op, link);
        bytes += op->key.n + op->value.n;
        bool full = n >= s->limits.batch || bytes > s->limits.batch_bytes;
        if (n > 0 && ((full && !belongs_to(op, last)) || op->again != first->again))
            return;
        list_del(&op->link);
        list_add(&s->running, &op->link);
        n++;
    }
}

static void begin(struct state *s)
{
    if (s->busy || (list_empty(&s->waiting) && !s->backend->ops->has_work(s->backend)))
        return;
    gather(s);
    LIST_EACH(&s->running, it)
        LIST_ENTRY(it, struct state_op, link)->again = false;
    s->busy = true;
    s->began = loop_now(s->loop);
    int err = s->backend->ops->run(s->backend, &s->running);
    if (!err)
        return;
    LIST_EACH(&s->running, it) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        op->err = err;
        op->again = op->changed = false;
    }
    state_ran(s, true, err, err_text(err));
}

void state_give_back(struct state *s, struct state_op *op)
{
    struct list rest, *it = &op->link;
    list_init(&rest);
    while (it != &s->running) {
        struct list *next = it->next;
        list_del(it);
        list_add(&rest, it);
        it = next;
    }
    list_splice(&rest, &s->waiting);
    list_splice(&s->waiting, &rest);
}

static void turn_ended(void *arg)
{
    begin(arg);
}

void state_kick(struct state *s)
{
    if (!s->busy)
        loop_defer(s->loop, &s->turn);
}

static void note_time(struct state_figures *f, uint64_t ns)
{
    size_t i = 0;
    while (ns / 1000 > state_times_us[i])
        i++;
    f->batch_times[i]++;
    f->batch_ns += ns;
    f->batch_ns_max = ns > f->batch_ns_max ? ns : f->batch_ns_max;
}

static void note_outcome(struct state *s, int err, const char *why)
{
    struct state_figures *f = &s->figures;
    uint64_t n = 0, ns = loop_now(s->loop) - s->began;
    LIST_EACH(&s->running, it)
        n++;
    f->batches++;
    note_time(f, ns);
    f->largest_batch = n > f->largest_batch ? n : f->largest_batch;
    if (err && !f->failing)
        LOG(LOG_ERROR, "state store refuses writes", LF_Z("cause", why));
    if (!err && f->failing)
        LOG(LOG_INFO, "state store accepts writes again", LF_NUM("failed", f->failed));
    f->failing = err != 0;
    if (!err)
        return;
    f->failed_at_ms = loop_wall_ms(s->loop);
    f->failed_with = why;
}

static void count(struct state *s, const struct state_op *op)
{
    struct state_figures *f = &s->figures;
    f->gets += op->kind == STATE_GET;
    f->puts += op->kind == STATE_PUT;
    f->deletes += op->kind == STATE_DELETE;
    f->scans += op->kind == STATE_SCAN;
    f->conflicts += op->err == ERR_STATE;
    f->failed += op->err && op->err != ERR_STATE && op->err != ERR_NOTFOUND;
}

static void tell(struct state_op *op)
{
    if (op->kind == STATE_SCAN) {
        op->scanned(op->done.arg, op->done.id, op->err, op->records, op->err ? 0 : op->n, op->more);
        return;
    }
    struct state_record r = {.version = op->version};
    if (op->kind != STATE_BARRIER)
        r.key = op->key;
    if (op->kind == STATE_GET && !op->err)
        r = op->records[0];
    if (op->done.cb)
        op->done.cb(op->done.arg, op->done.id, op->err, &r);
}

// Reads of a batch whose writes failed saw what is not there any more: first in the queue again.
static void ask_again(struct state *s)
{
    for (struct list *it = s->running.prev, *before = it->prev; it != &s->running;
         it = before, before = it->prev) {
        struct state_op *op = LIST_ENTRY(it, struct state_op, link);
        if (!op->again)
            continue;
        list_del(it);
        list_add_before(s->waiting.next, it);
    }
}

void state_ran(struct state *s, bool wrote, int err, const char *why)
{
    if (wrote)
        note_outcome(s, err, why);
    ask_again(s);
    while (!list_empty(&s->running)) {
        struct state_op *op = LIST_ENTRY(s->running.next, struct state_op, link);
        count(s, op);
        if (op->changed)
            state_changed(
                s, &(struct state_record){.key = op->key,
                                          .value = op->kind == STATE_PUT ? op->value : STR_NONE,
                                          .version = op->kind == STATE_PUT ? op->version : 0});
        tell(op);
        op_free(s, op);
    }
    s->busy = false;
    if (s->full && s->figures.waiting <= s->limits.waiting / 2) {
        s->full = false;
        LOG(LOG_INFO, "state store takes operations again",
            LF_NUM("refused", s->figures.pushed_back));
    }
    if (!list_empty(&s->waiting) || (!err && s->backend->ops->has_work(s->backend)))
        loop_defer(s->loop, &s->turn);
}

void state_damaged(struct state *s, const char *file, uint64_t at, struct str key)
{
    s->figures.damaged++;
    LOG(LOG_ERROR, "state store has a damaged record", LF_Z("file", file), LF_NUM("offset", at),
        LF("key", key));
}

// ---- watchers ----

int state_watch(struct state *s, struct str prefix, state_watch_cb cb, void *arg,
                struct state_watch **ret_watch)
{
    if (s->n_watches == STATE_WATCHES_MAX)
        return ERR_FULL;
    if (prefix.n > STATE_KEY_MAX)
        return ERR_INVAL;
    struct state_watch *w = mem_alloc(sizeof(*w) + prefix.n);
    if (!w)
        return ERR_NOMEM;
    *w = (struct state_watch){.state = s, .cb = cb, .arg = arg, .n = prefix.n};
    if (prefix.n)
        memcpy(w->prefix, prefix.p, prefix.n);
    list_init(&w->link);
    list_add(&s->watches, &w->link);
    s->n_watches++;
    *ret_watch = w;
    return 0;
}

static void watch_free(struct state_watch *w)
{
    list_del(&w->link);
    w->state->n_watches--;
    mem_free(w);
}

void state_unwatch(struct state_watch *w)
{
    if (!w)
        return;
    w->cb = NULL;
    if (!w->state->telling)
        watch_free(w);
}

void state_changed(struct state *s, const struct state_record *r)
{
    s->telling = true;
    LIST_EACH(&s->watches, it) {
        struct state_watch *w = LIST_ENTRY(it, struct state_watch, link);
        if (w->cb && str_starts(r->key, str_make(w->prefix, w->n)))
            w->cb(w->arg, r);
    }
    s->telling = false;
    LIST_EACH(&s->watches, it) {
        struct state_watch *w = LIST_ENTRY(it, struct state_watch, link);
        if (!w->cb)
            watch_free(w);
    }
}

// ---- life ----

static void set_limits(struct state *s, const struct state_limits *l)
{
    s->limits.waiting = l->waiting ? l->waiting : WAITING;
    s->limits.waiting_bytes = l->waiting_bytes ? l->waiting_bytes : WAITING_BYTES;
    s->limits.batch = l->batch && l->batch < BATCH_TOP ? l->batch : BATCH;
    s->limits.batch_bytes =
        l->batch_bytes && l->batch_bytes < BATCH_BYTES_TOP ? l->batch_bytes : BATCH_BYTES;
}

int state_new(struct loop *l, struct state_backend *b, const struct state_limits *limits,
              struct state **ret_state)
{
    struct state *s = mem_zalloc(sizeof(*s));
    if (!s) {
        b->ops->free(b);
        return ERR_NOMEM;
    }
    s->loop = l;
    s->backend = b;
    b->face = s;
    set_limits(s, limits);
    list_init(&s->waiting);
    list_init(&s->running);
    list_init(&s->watches);
    deferred_init(&s->turn, turn_ended, s);
    *ret_state = s;
    return 0;
}

struct state_figures state_figures(const struct state *s)
{
    struct state_figures f = s->figures;
    s->backend->ops->figures(s->backend, &f);
    return f;
}

void state_close(struct state *s)
{
    if (!s)
        return;
    deferred_cancel(&s->turn);
    s->backend->ops->free(s->backend);
    list_splice(&s->running, &s->waiting);
    LIST_EACH(&s->running, it)
        op_free(s, LIST_ENTRY(it, struct state_op, link));
    LIST_EACH(&s->watches, it)
        watch_free(LIST_ENTRY(it, struct state_watch, link));
    mem_free(s);
}
