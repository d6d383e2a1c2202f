// SPDX-License-Identifier: Apache-2.0
// A registration is written when its service parts are on the disk, and kept back until then: the disk may refuse a
// part and take the registration, which nobody could read without it. What the disk has of a registration that is kept
// back is what it was before.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "scscf/durable_priv.h"

enum { RETRY_MS = 1000, RETRY_PARTS = 256 };

struct held_waiter {
    struct held_waiter *next;
    keep_cb cb;
    void *arg;
    uint64_t id;
};

// A registration that is kept back.
struct held {
    struct list link; // its part's, for which it waits
    struct registration_kept *kept;
    struct held_waiter *waiters;
};

static struct held *find(const struct durable *d, const struct registration_kept *k)
{
    size_t it = 0;
    return map_find(&d->held, k->id, &it);
}

static void append(struct held_waiter **to, struct held_waiter *more)
{
    while (*to)
        to = &(*to)->next;
    *to = more;
}

// Returns who waited for it.
static struct held_waiter *let_go(struct durable *d, struct held *h)
{
    struct held_waiter *waiters = h->waiters;
    map_remove(&d->held, h->kept->id, h);
    list_del(&h->link);
    mem_free(h);
    return waiters;
}

// Callbacks may end registrations: nothing that they change is in use here.
static void tell(struct held_waiter *w, int err)
{
    while (w) {
        struct held_waiter *next = w->next;
        w->cb(w->arg, w->id, err);
        mem_free(w);
        w = next;
    }
}

static void drop(struct held_waiter *w)
{
    while (w) {
        struct held_waiter *next = w->next;
        mem_free(w);
        w = next;
    }
}

// Until the record that k has now, or that number had, is what it should be. Returns those for whom there is no memory.
static struct held_waiter *wait_on(struct durable *d, struct held_waiter *w, struct registration_kept *k,
                                   uint64_t number)
{
    struct held_waiter *failed = NULL;
    while (w) {
        struct held_waiter *next = w->next;
        int err = k ? keep_wait(d->p.keep, &k->item, w->cb, w->arg, w->id)
                    : durable_wait_gone(d, number, w->cb, w->arg, w->id);
        w->next = err ? failed : NULL;
        if (err)
            failed = w;
        else
            mem_free(w);
        w = next;
    }
    return failed;
}

// ---- a part ----

static void on_part(void *arg, uint64_t name, int err);

static void refused(struct durable *d, struct part *k)
{
    list_del(&k->refused);
    list_add(&d->refused, &k->refused);
    if (!timer_active(&d->retry))
        timer_start(d->p.loop, &d->retry, RETRY_MS);
}

// Also when the disk has refused it: it is asked at once. Without memory for that it is looked after in a while.
static void await(struct durable *d, struct part *k)
{
    if (k->awaited)
        return;
    int err = keep_wait(d->p.keep, &k->item, on_part, d, k->name);
    k->awaited = !err;
    k->written = err == KEEP_NOW; // the disk has taken it meanwhile
    if (err && (!k->written || !list_empty(&k->waiting)))
        refused(d, k);
}

// ---- a registration ----

static int hold(struct durable *d, struct registration_kept *kept, struct part *on)
{
    struct held *h = find(d, kept);
    if (!h) {
        h = mem_zalloc(sizeof *h);
        if (!h)
            return ERR_NOMEM;
        list_init(&h->link);
        h->kept = kept;
        if (map_add(&d->held, kept->id, h)) {
            mem_free(h);
            return ERR_NOMEM;
        }
    }
    list_del(&h->link);
    list_add(&on->waiting, &h->link);
    return 0;
}

// What was kept of it before is no longer so.
static void unkeep(struct durable *d, struct registration_kept *kept)
{
    keep_removed(d->p.keep, &kept->item);
    keep_item_init(&kept->item, &d->registrations);
}

// Who waited, and does not any more.
struct freed {
    struct held_waiter *unkept; // there is nothing to wait for
    struct held_waiter *failed;
};

static int write_or_hold(struct durable *d, struct registration_kept *kept, struct part **ret_missing)
{
    const struct profile *p = registration_profile(registration_of(kept));
    int err = durable_parts_missing(d, p, ret_missing);
    while (!err && *ret_missing) {
        await(d, *ret_missing);
        if (!(*ret_missing)->written)
            break;
        err = durable_parts_missing(d, p, ret_missing);
    }
    if (!err && *ret_missing)
        return hold(d, kept, *ret_missing);
    if (!err)
        keep_changed(d->p.keep, &kept->item);
    if (err == ERR_INVAL)
        unkeep(d, kept);
    return err;
}

static void cannot(const struct registration *reg, int err)
{
    LOG(LOG_ERROR, "registration cannot be kept", LF("impi", registration_first_impi(reg)),
        LF_Z("reason", err_text(err)));
}

static void place(struct durable *d, struct registration *reg, struct freed *freed)
{
    struct registration_kept *kept = registration_kept(reg);
    struct held *h = find(d, kept);
    struct part *missing = NULL;
    int err = write_or_hold(d, kept, &missing);
    if (err && err != ERR_INVAL)
        cannot(reg, err);
    if (!h || missing)
        return;
    struct held_waiter *waiters = let_go(d, h);
    if (!err)
        append(&freed->failed, wait_on(d, waiters, kept, kept->id));
    else
        append(err == ERR_INVAL ? &freed->unkept : &freed->failed, waiters);
}

static void tell_freed(const struct freed *freed)
{
    tell(freed->unkept, 0);
    tell(freed->failed, ERR_NOMEM);
}

void durable_write(struct durable *d, struct registration *reg)
{
    struct freed freed = {0};
    int err = durable_parts_keep(d, registration_profile(reg));
    if (err && err != ERR_INVAL)
        cannot(reg, err);
    else
        place(d, reg, &freed);
    tell_freed(&freed);
}

// For whom there is no memory here waits in vain, and has a deadline of his own.
void durable_forget(struct durable *d, struct registration_kept *k)
{
    struct held *h = find(d, k);
    struct held_waiter *waiters = h ? let_go(d, h) : NULL;
    keep_removed(d->p.keep, &k->item);
    drop(wait_on(d, waiters, NULL, k->id));
}

int durable_wait_gone(struct durable *d, uint64_t number, keep_cb cb, void *arg, uint64_t id)
{
    char room[64];
    struct writer w = writer_init(room, sizeof room);
    writer_str(&w, d->registrations.prefix);
    writer_hex_u64(&w, number, REGISTRATION_KEY);
    return keep_wait_gone(d->p.keep, writer_done(&w), cb, arg, id);
}

int durable_wait(struct durable *d, struct registration *reg, keep_cb cb, void *arg, uint64_t id)
{
    struct part *missing;
    int err = durable_parts_missing(d, registration_profile(reg), &missing);
    if (err)
        return err == ERR_INVAL ? KEEP_NOW : err; // the log has told that it is not kept
    struct held *h = find(d, registration_kept(reg));
    if (!h)
        return missing ? ERR_NOMEM : keep_wait(d->p.keep, &registration_kept(reg)->item, cb, arg, id);
    struct held_waiter *w = mem_alloc(sizeof *w);
    if (!w)
        return ERR_NOMEM;
    *w = (struct held_waiter){.cb = cb, .arg = arg, .id = id};
    append(&h->waiters, w);
    await(d, missing);
    return 0;
}

// ---- what has become of a part ----

// Each waits for another part from now on, or is written, or is not kept.
static void go_on(struct durable *d, struct part *k)
{
    struct freed freed = {0};
    LIST_EACH(&k->waiting, it)
        place(d, registration_of(LIST_ENTRY(it, struct held, link)->kept), &freed);
    tell_freed(&freed);
}

static struct held_waiter *all_waiters(struct part *k)
{
    struct held_waiter *all = NULL;
    LIST_EACH(&k->waiting, it) {
        struct held *h = LIST_ENTRY(it, struct held, link);
        append(&h->waiters, all);
        all = h->waiters;
        h->waiters = NULL;
    }
    return all;
}

static void on_part(void *arg, uint64_t name, int err)
{
    struct durable *d = arg;
    struct part *k = durable_part_named(d, name);
    if (!k)
        return;
    k->awaited = false;
    if (err && err != ERR_INVAL) {
        refused(d, k);
        tell(all_waiters(k), err);
        return;
    }
    list_del(&k->refused);
    k->written = !err;
    k->lost = err;
    if (err)
        LOG(LOG_ERROR, "a service part cannot be kept, and nobody who has it", LF_NUM("part", k->name),
            LF_Z("reason", err_text(err)));
    go_on(d, k);
}

static bool is_pending(const struct part *k)
{
    return k->item.write || !list_empty(&k->item.link);
}

// The keep goes on with what the disk has refused, and says nothing of it.
static void look_after(void *arg)
{
    struct durable *d = arg;
    for (size_t i = 0; i < RETRY_PARTS && !list_empty(&d->refused); i++) {
        struct part *k = LIST_ENTRY(d->refused.next, struct part, refused);
        list_del(&k->refused);
        if (!is_pending(k))
            on_part(d, k->name, 0);
        else if (!list_empty(&k->waiting))
            list_add(&d->refused, &k->refused);
    }
    if (!list_empty(&d->refused) && !timer_active(&d->retry))
        timer_start(d->p.loop, &d->retry, RETRY_MS);
}

// ---- life ----

void durable_hold_init(struct durable *d)
{
    list_init(&d->refused);
    timer_init(&d->retry, look_after, d);
}

void durable_hold_done(struct durable *d)
{
    size_t it = 0;
    timer_stop(&d->retry);
    for (struct held *h; (h = map_next(&d->held, &it)); it = 0)
        drop(let_go(d, h));
    map_done(&d->held);
}
