// SPDX-License-Identifier: Apache-2.0
// Service parts that no registration has any more go, some at a time. Records on the disk may still name one: it goes
// when all that changed before it was found is there, and nobody has come to use it meanwhile.
#include "base/err.h"
#include "scscf/durable_priv.h"

enum { PASS_MS = 600000, STEP_MS = 20, STEP_PARTS = 64 };

static void remove_part(struct durable *d, struct part *k)
{
    keep_removed(d->p.keep, &k->item);
    durable_part_free(d, k);
}

static void on_written(void *arg, uint64_t id, int err)
{
    struct durable *d = arg;
    (void)id;
    LIST_EACH(&d->unused, it) {
        struct part *k = LIST_ENTRY(it, struct part, unused);
        list_del(&k->unused);
        if (!err && profile_part_is_alone(k->entry))
            remove_part(d, k);
    }
    timer_start(d->p.loop, &d->sweep, d->swept_to ? STEP_MS : PASS_MS);
}

// No record names what has never been written: it goes at once, and makes room when the disk has none.
static bool look_at(struct durable *d)
{
    struct part *k = map_next(&d->by_name, &d->swept_to);
    if (!k)
        return false;
    if (profile_part_is_alone(k->entry) && !k->written)
        remove_part(d, k);
    else if (profile_part_is_alone(k->entry))
        list_add(&d->unused, &k->unused);
    return true;
}

// What was lost on the way to the disk may be a record that names any of them.
static void step(void *arg)
{
    struct durable *d = arg;
    size_t n = 0;
    while (n < STEP_PARTS && !keep_figures(d->p.keep).lost && look_at(d))
        n++;
    if (n < STEP_PARTS)
        d->swept_to = 0;
    int err = list_empty(&d->unused) ? KEEP_NOW : keep_wait_all(d->p.keep, on_written, d, 0);
    if (err)
        on_written(d, 0, err == KEEP_NOW ? 0 : err);
}

void durable_sweep_init(struct durable *d)
{
    list_init(&d->unused);
    timer_init(&d->sweep, step, d);
    timer_start(d->p.loop, &d->sweep, PASS_MS);
}
