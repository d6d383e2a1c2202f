// SPDX-License-Identifier: Apache-2.0
// How what has changed comes to the disk: at the end of the turn, once, and again when the disk has
// refused.
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "store/keep_priv.h"

enum { VALUE_FIRST = 4096, VALUE_MORE = 4, SIGN = 64 };
enum { NO_VALUE = 1 }; // of write_item: its value had no memory, which others may have

static void no_key(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    const struct keep_removal *r = CONTAINER_OF(it, const struct keep_removal, item);
    writer_str(w, str_make(r->key, r->n));
}

const struct keep_kind keep_removals = {.key = no_key};

static bool is_removal(const struct keep_item *it)
{
    return it->kind == &keep_removals;
}

// ---- lists ----

static void enlist(struct keep *k, struct list *list, struct keep_item *it)
{
    if (list_empty(&it->link))
        k->listed++;
    list_del(&it->link);
    list_add(list, &it->link);
}

static void delist(struct keep *k, struct keep_item *it)
{
    if (!list_empty(&it->link))
        k->listed--;
    list_del(&it->link);
}

static void mark_again(struct keep *k, struct keep_write *w)
{
    list_del(&w->again);
    list_add(&k->again, &w->again);
}

static void to_be_written(struct keep *k, struct keep_item *it)
{
    if (it->write) {
        mark_again(k, it->write);
        return;
    }
    enlist(k, &k->changed, it);
    loop_defer(k->loop, &k->turn);
}

static void change(struct keep *k, struct keep_item *it)
{
    it->seq = ++k->seq;
    to_be_written(k, it);
}

// The item has gone, or another one has its key.
static void disown(struct keep_write *w)
{
    list_del(&w->again);
    w->item = NULL;
}

// From the first refusal until the disk has taken all that it has refused: tries meanwhile change nothing.
static void set_refused(struct keep *k, struct keep_item *it, bool refused)
{
    if (it->refused == refused)
        return;
    it->refused = refused;
    if (refused && k->n_refused == 0)
        k->refused_since = loop_now(k->loop);
    k->n_refused = refused ? k->n_refused + 1 : k->n_refused - 1;
}

static void hand_on_refused(struct keep *k, struct keep_item *from, struct keep_item *to)
{
    if (from->refused)
        set_refused(k, to, true);
    set_refused(k, from, false);
}

// What is vital comes first: nothing that was removed behind it is tried before it.
static void stick(struct keep *k, struct keep_item *it)
{
    enlist(k, it->kind->vital && !list_empty(&k->stuck) ? k->stuck.next : &k->stuck, it);
    if (!timer_active(&k->retry))
        timer_start(k->loop, &k->retry, KEEP_RETRY_MS);
}

// Some of what was refused has another chance.
static void unstick(struct keep *k, unsigned n)
{
    for (; n > 0 && !list_empty(&k->stuck); n--)
        to_be_written(k, LIST_ENTRY(k->stuck.next, struct keep_item, link));
}

// ---- removals ----

static struct keep_removal *removal_find(struct keep *k, struct str key)
{
    struct keep_removal *r = NULL;
    if (k->removals)
        HASH_FIND(hh, k->removals, key.p, key.n, r);
    return r;
}

static struct keep_removal *removal_new(struct keep *k, struct str key)
{
    struct keep_removal *r = mem_alloc(sizeof(*r) + key.n);
    if (!r)
        return NULL;
    *r = (struct keep_removal){.n = key.n};
    memcpy(r->key, key.p, key.n);
    keep_item_init(&r->item, &keep_removals);
    HASH_ADD_KEYPTR(hh, k->removals, r->key, r->n, r);
    if (r->hh.tbl)
        return r;
    mem_free(r);
    return NULL;
}

static void removal_free(struct keep *k, struct keep_item *it)
{
    struct keep_removal *r = CONTAINER_OF(it, struct keep_removal, item);
    set_refused(k, it, false);
    delist(k, it);
    HASH_DEL(k->removals, r);
    mem_free(r);
}

// A new item has the key: the record stays, and is its own from now on.
static void supersede(struct keep *k, struct str key, struct keep_item *it)
{
    struct keep_removal *r = removal_find(k, key);
    if (!r)
        return;
    keep_waiters_append(&it->waiters, r->item.waiters);
    hand_on_refused(k, &r->item, it);
    if (r->item.write)
        disown(r->item.write);
    removal_free(k, &r->item);
}

int keep_drop(struct keep *k, struct str key)
{
    struct keep_removal *r = removal_find(k, key);
    if (!r)
        r = removal_new(k, key);
    if (!r)
        return ERR_NOMEM;
    change(k, &r->item);
    return 0;
}

// ---- writing ----

static int write_key(const struct keep_item *it, char buf[STATE_KEY_MAX], struct str *ret_key)
{
    struct writer w = writer_init(buf, STATE_KEY_MAX);
    writer_str(&w, it->kind->prefix);
    it->kind->key(it->kind->arg, it, &w);
    *ret_key = writer_done(&w);
    return w.failed ? ERR_INVAL : 0;
}

static int write_value(struct keep *k, const struct keep_item *it, struct str *ret_value)
{
    for (;;) {
        struct writer w = writer_init(k->buf, k->cap);
        if (k->cap && it->kind->value(it->kind->arg, it, &w))
            return NO_VALUE;
        if (k->cap && !w.failed) {
            *ret_value = writer_done(&w);
            return 0;
        }
        if (k->cap >= STATE_VALUE_MAX)
            return ERR_INVAL;
        size_t cap = k->cap ? k->cap * VALUE_MORE : VALUE_FIRST;
        char *buf = mem_realloc(k->buf, cap);
        if (!buf)
            return NO_VALUE;
        k->buf = buf;
        k->cap = cap;
    }
}

static void written(void *arg, uint64_t id, int err, const struct state_record *r);

// An error: nothing has been asked.
static int ask(struct keep *k, struct keep_item *it, struct keep_write *w)
{
    char buf[STATE_KEY_MAX];
    struct str key = STR_NONE, value = STR_NONE;
    struct state_done done = {written, w, 0};
    int err = write_key(it, buf, &key);
    if (!err && is_removal(it))
        return state_delete(k->state, key, STATE_ANY, done);
    if (!err)
        err = write_value(k, it, &value);
    if (!err && it->kind->vital)
        err = state_put_vital(k->state, key, value, done);
    else if (!err)
        err = state_put(k->state, key, value, STATE_ANY, done);
    if (!err)
        supersede(k, key, it);
    return err;
}

// It leaves its list, unless the store cannot take it now.
static int write_item(struct keep *k, struct keep_item *it)
{
    struct keep_write *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    *w = (struct keep_write){.keep = k, .item = it};
    int err = ask(k, it, w);
    if (err) {
        mem_free(w);
        return err;
    }
    list_init(&w->link);
    list_init(&w->again);
    list_add(&k->flying, &w->link);
    k->n_flying++;
    delist(k, it);
    w->waiters = it->waiters;
    it->waiters = NULL;
    it->write = w;
    return 0;
}

// What can never be written.
static void give_up(struct keep *k, struct keep_item *it, int err)
{
    struct keep_waiter *w = it->waiters;
    LOG(LOG_ERROR, "a record cannot be kept", LF("kind", it->kind->prefix),
        LF_Z("error", err_text(err)));
    k->lost++;
    it->waiters = NULL;
    set_refused(k, it, false);
    delist(k, it);
    keep_tell(w, err);
}

// As if the disk had refused it.
static void put_off(struct keep *k, struct keep_item *it)
{
    struct keep_waiter *w = it->waiters;
    it->waiters = NULL;
    k->failures++;
    k->last_err = ERR_NOMEM;
    set_refused(k, it, true);
    stick(k, it);
    keep_tell(w, ERR_NOMEM);
}

static void tell_all(void *arg, uint64_t id, int err, const struct state_record *r)
{
    struct keep_write *w = arg;
    struct keep *k = w->keep;
    struct keep_waiter *waiters = w->waiters;
    (void)r;
    if (!err && (id != k->failures || !list_empty(&k->stuck)))
        err = k->last_err;
    list_del(&w->link);
    k->n_flying--;
    mem_free(w);
    keep_tell(waiters, err);
}

static int gather_asked(struct keep_gather *g)
{
    struct keep *k = g->keep;
    struct keep_write *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    *w = (struct keep_write){.keep = k};
    list_init(&w->link);
    list_init(&w->again);
    int err = keep_gather(g, &w->waiters);
    if (!err && state_barrier(k->state, (struct state_done){tell_all, w, k->failures}) != 0) {
        keep_waiters_free(w->waiters);
        g->left--;
        err = ERR_FULL;
    }
    if (err) {
        mem_free(w);
        return err;
    }
    list_add(&k->flying, &w->link);
    k->n_flying++;
    return 0;
}

// All that they wait for has been asked, but for what has changed while it was on its way.
static void follow(struct keep *k)
{
    struct keep_gather *g = k->alls ? keep_gather_new(k) : NULL;
    if (!g)
        return;
    int err = keep_gather_again(g, 0);
    if (!err)
        err = gather_asked(g);
    if (!err) {
        g->waiters = k->alls;
        k->alls = NULL;
    }
    keep_gathered(g, 0, 0);
}

static void sign_later(struct keep *k)
{
    k->sign = true;
    if (!timer_active(&k->retry))
        timer_start(k->loop, &k->retry, KEEP_RETRY_MS);
}

static void on_signed(void *arg, uint64_t id, int err, const struct state_record *r)
{
    (void)id, (void)r;
    if (err)
        sign_later(arg);
}

static void sign(struct keep *k)
{
    char text[SIGN];
    int n = snprintf(text, sizeof(text), "%s %u", k->name, k->format);
    if (!k->sign)
        return;
    k->sign = false;
    if (state_put(k->state, STR(KEEP_OWNER), str_make(text, (size_t)n), STATE_ANY,
                  (struct state_done){on_signed, k, 0}) != 0)
        sign_later(k);
}

static void write_changed(struct keep *k)
{
    int err = 0;
    while (!err && !list_empty(&k->changed)) {
        struct keep_item *it = LIST_ENTRY(k->changed.next, struct keep_item, link);
        err = write_item(k, it);
        if (err == ERR_INVAL)
            give_up(k, it, err);
        else if (err == NO_VALUE)
            put_off(k, it);
        err = err == ERR_INVAL || err == NO_VALUE ? 0 : err;
    }
    if (!err)
        follow(k);
    // What comes back makes room; otherwise time does.
    if ((err || k->alls) && !k->n_flying && !timer_active(&k->retry))
        timer_start(k->loop, &k->retry, KEEP_RETRY_MS);
}

static void turn_ended(void *arg)
{
    struct keep *k = arg;
    struct keep_waiter *orphans = k->orphans;
    k->orphans = NULL;
    sign(k);
    write_changed(k);
    keep_tell(orphans, ERR_NOMEM);
}

static void try_again(void *arg)
{
    struct keep *k = arg;
    unstick(k, 1);
    if (!list_empty(&k->stuck))
        timer_start(k->loop, &k->retry, KEEP_RETRY_MS);
    loop_defer(k->loop, &k->turn);
}

// ---- what has come back ----

static void settle(struct keep *k, struct keep_item *it, bool again, int err)
{
    it->write = NULL;
    set_refused(k, it, err != 0);
    if (again && write_item(k, it) != 0)
        to_be_written(k, it);
    else if (!again && err)
        stick(k, it);
    else if (!again && is_removal(it))
        removal_free(k, it);
}

static void written(void *arg, uint64_t id, int err, const struct state_record *r)
{
    struct keep_write *w = arg;
    struct keep *k = w->keep;
    struct keep_item *it = w->item;
    struct keep_waiter *waiters = w->waiters;
    bool again = !list_empty(&w->again);
    (void)id, (void)r;
    if (err == ERR_NOTFOUND)
        err = 0;
    list_del(&w->again);
    list_del(&w->link);
    k->n_flying--;
    mem_free(w);
    k->failures += err != 0;
    k->last_err = err ? err : k->last_err;
    if (it)
        settle(k, it, again, err);
    if (!err)
        unstick(k, KEEP_RETRY_MORE);
    if (!list_empty(&k->changed) || k->alls)
        loop_defer(k->loop, &k->turn);
    keep_tell(waiters, err);
}

// ---- the face ----

void keep_item_init(struct keep_item *it, const struct keep_kind *kind)
{
    *it = (struct keep_item){.kind = kind};
    list_init(&it->link);
}

void keep_changed(struct keep *k, struct keep_item *it)
{
    if (k)
        change(k, it);
}

static void detach(struct keep *k, struct keep_item *it)
{
    set_refused(k, it, false);
    delist(k, it);
    if (it->write)
        disown(it->write);
    *it = (struct keep_item){0};
    list_init(&it->link);
}

void keep_removed(struct keep *k, struct keep_item *it)
{
    char buf[STATE_KEY_MAX];
    struct str key;
    if (!k || !it->kind)
        return;
    int err = write_key(it, buf, &key);
    struct keep_waiter *waiters = it->waiters;
    if (!err)
        err = keep_drop(k, key);
    if (!err)
        hand_on_refused(k, it, &removal_find(k, key)->item);
    detach(k, it);
    if (!err) {
        keep_waiters_append(&removal_find(k, key)->item.waiters, waiters);
        return;
    }
    if (err == ERR_NOMEM) {
        k->lost++;
        LOG(LOG_ERROR, "a record stays on the disk that is of no use", LF("key", key),
            LF_Z("error", err_text(err)));
    }
    keep_waiters_append(&k->orphans, waiters);
    loop_defer(k->loop, &k->turn);
}

int keep_removed_wait(struct keep *k, struct keep_item *it, keep_cb cb, void *arg, uint64_t id)
{
    if (!k || !it->kind)
        return KEEP_NOW;
    int err = keep_waiter_add(&it->waiters, cb, arg, id);
    keep_removed(k, it);
    return err;
}

int keep_wait(struct keep *k, struct keep_item *it, keep_cb cb, void *arg, uint64_t id)
{
    if (!k)
        return KEEP_NOW;
    if (it->write && list_empty(&it->write->again))
        return keep_waiter_add(&it->write->waiters, cb, arg, id);
    if (it->write || !list_empty(&it->link)) {
        if (!it->write)
            to_be_written(k, it); // also when it is stuck: who waits hears of it now
        return keep_waiter_add(&it->waiters, cb, arg, id);
    }
    return KEEP_NOW;
}

int keep_wait_gone(struct keep *k, struct str key, keep_cb cb, void *arg, uint64_t id)
{
    struct keep_removal *r = k ? removal_find(k, key) : NULL;
    return r ? keep_wait(k, &r->item, cb, arg, id) : KEEP_NOW;
}

int keep_wait_all(struct keep *k, keep_cb cb, void *arg, uint64_t id)
{
    if (!k)
        return KEEP_NOW;
    if (!k->n_flying && !k->listed)
        return KEEP_NOW;
    int err = keep_waiter_add(&k->alls, cb, arg, id);
    if (!err)
        loop_defer(k->loop, &k->turn);
    return err;
}

uint64_t keep_mark(const struct keep *k)
{
    return k ? k->seq : 0;
}

int keep_wait_since(struct keep *k, uint64_t mark, keep_cb cb, void *arg, uint64_t id)
{
    struct keep_gather *g = k && k->seq != mark ? keep_gather_new(k) : NULL;
    if (!g)
        return k && k->seq != mark ? ERR_NOMEM : keep_wait_all(k, cb, arg, id);
    int err = keep_waiter_add(&g->waiters, cb, arg, id);
    if (!err)
        err = keep_gather_again(g, mark);
    if (!err)
        err = keep_gather_changed(g, mark);
    bool none = !err && g->left == 1;
    if (err || none) {
        keep_waiters_free(g->waiters);
        g->waiters = NULL;
    }
    keep_gathered(g, 0, 0);
    return none ? keep_wait_all(k, cb, arg, id) : err;
}

void keep_flush(struct keep *k, keep_cb cb, void *arg)
{
    int err = keep_wait_all(k, cb, arg, 0);
    if (err)
        cb(arg, 0, err == KEEP_NOW ? 0 : err);
}

// ---- life ----

void keep_items_init(struct keep *k)
{
    list_init(&k->changed);
    list_init(&k->stuck);
    list_init(&k->flying);
    list_init(&k->again);
    list_init(&k->gathers);
    deferred_init(&k->turn, turn_ended, k);
    timer_init(&k->retry, try_again, k);
}

static void forget(struct keep_item *it)
{
    keep_waiters_free(it->waiters);
    it->waiters = NULL;
    it->write = NULL;
    list_del(&it->link);
}

void keep_items_done(struct keep *k)
{
    deferred_cancel(&k->turn);
    timer_stop(&k->retry);
    list_splice(&k->changed, &k->stuck);
    LIST_EACH(&k->flying, it) {
        struct keep_write *w = LIST_ENTRY(it, struct keep_write, link);
        if (w->item)
            forget(w->item);
        keep_waiters_free(w->waiters);
        list_del(&w->again);
        list_del(&w->link);
        mem_free(w);
    }
    LIST_EACH(&k->changed, it)
        forget(LIST_ENTRY(it, struct keep_item, link));
    for (struct keep_removal *r = k->removals, *next; r; r = next) {
        next = r->hh.next;
        HASH_DEL(k->removals, r);
        mem_free(r);
    }
    LIST_EACH(&k->gathers, it) {
        struct keep_gather *g = LIST_ENTRY(it, struct keep_gather, link);
        keep_waiters_free(g->waiters);
        list_del(&g->link);
        mem_free(g);
    }
    keep_waiters_free(k->alls);
    keep_waiters_free(k->orphans);
    mem_free(k->buf);
}
