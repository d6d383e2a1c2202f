// SPDX-License-Identifier: Apache-2.0
#include "io/loop_priv.h"

#include "base/err.h"

enum { NS_PER_MS = 1000000 };

void tcp_dirty(struct tcp *c)
{
    if (!c->later && !list_empty(&c->dirty))
        return;
    list_del(&c->dirty);
    list_add(&c->loop->dirty_tcp, &c->dirty);
    c->later = false;
}

static void later_due(void *arg)
{
    struct loop *l = arg;
    while (!list_empty(&l->later_tcp))
        tcp_dirty(LIST_ENTRY(l->later_tcp.next, struct tcp, dirty));
}

void loop_init(struct loop *l, const struct loop_ops *ops, const uint64_t *now)
{
    l->ops = ops;
    l->now = now;
    wheel_init(&l->wheel);
    wheel_advance(&l->wheel, *now / NS_PER_MS);
    list_init(&l->deferred);
    list_init(&l->deferring);
    list_init(&l->dirty_udp);
    list_init(&l->dirty_tcp);
    list_init(&l->later_tcp);
    timer_init(&l->later, later_due, l);
}

static void list_clear(struct list *head)
{
    while (!list_empty(head))
        list_del(head->next);
}

void loop_done(struct loop *l)
{
    wheel_done(&l->wheel);
    list_clear(&l->deferred);
    list_clear(&l->deferring);
    list_clear(&l->dirty_udp);
    list_clear(&l->dirty_tcp);
    list_clear(&l->later_tcp);
}

// ---- the turn ----

struct loop_progress *loop_progress(struct loop *l)
{
    return &l->progress;
}

void loop_turn_begin(struct loop *l)
{
    struct timer *t;
    l->in_turn = true;
    l->progress.asleep = false;
    l->progress.turns++;
    l->progress.doing = "timers";
    wheel_advance(&l->wheel, *l->now / NS_PER_MS);
    while ((t = wheel_pop(&l->wheel)))
        t->cb(t->arg);
    l->progress.doing = "input";
}

static void run_deferred(struct loop *l)
{
    l->progress.doing = "deferred calls";
    // What is deferred from now on belongs to the next turn.
    list_splice(&l->deferring, &l->deferred);
    while (!list_empty(&l->deferring)) {
        struct deferred *d = LIST_ENTRY(l->deferring.next, struct deferred, link);
        list_del(&d->link);
        d->cb(d->arg);
    }
}

// Sends from a drained callback wait for the next turn's flush, so that one fast peer cannot
// hold the loop.
void loop_flush(struct loop *l)
{
    struct list udp, tcp;
    list_init(&udp);
    list_init(&tcp);
    list_splice(&udp, &l->dirty_udp);
    list_splice(&tcp, &l->dirty_tcp);
    while (!list_empty(&udp)) {
        struct udp *u = LIST_ENTRY(udp.next, struct udp, dirty);
        list_del(&u->dirty);
        if (!l->dead)
            l->ops->udp_flush(u);
    }
    while (!list_empty(&tcp)) {
        struct tcp *c = LIST_ENTRY(tcp.next, struct tcp, dirty);
        list_del(&c->dirty);
        if (!l->dead)
            l->ops->tcp_flush(c);
    }
}

void loop_turn_end(struct loop *l)
{
    run_deferred(l);
    loop_flush(l);
    l->in_turn = false;
}

bool loop_pending(const struct loop *l)
{
    return !list_empty(&l->deferred) || !list_empty(&l->dirty_udp) || !list_empty(&l->dirty_tcp);
}

void loop_touch(struct loop *l)
{
    if (!l->in_turn)
        l->ops->wake(l);
}

// ---- life, time, randomness ----

int loop_run(struct loop *l)
{
    return l->ops->run(l);
}

void loop_stop(struct loop *l)
{
    l->ops->stop(l);
}

void loop_free(struct loop *l)
{
    if (l)
        l->ops->free(l);
}

uint64_t loop_now(const struct loop *l)
{
    return *l->now;
}

uint64_t loop_waited(const struct loop *l)
{
    return l->waited;
}

uint64_t loop_wall_ms(const struct loop *l)
{
    return l->ops->wall_ms(l);
}

void loop_random(struct loop *l, void *ret_bytes, size_t n)
{
    l->ops->random(l, ret_bytes, n);
}

uint64_t loop_random_u64(struct loop *l)
{
    uint64_t v;
    l->ops->random(l, &v, sizeof v);
    return v;
}

// ---- timers and deferred calls ----

void timer_init(struct timer *t, timer_cb cb, void *arg)
{
    *t = (struct timer){.cb = cb, .arg = arg};
    list_init(&t->link);
}

void timer_start(struct loop *l, struct timer *t, uint64_t ms)
{
    const uint64_t longest = 1ull << 40;
    list_del(&t->link);
    if (l->dead)
        return;
    if (ms > longest)
        ms = longest;
    wheel_add(&l->wheel, t, (*l->now + NS_PER_MS - 1) / NS_PER_MS + ms);
    loop_touch(l);
}

void timer_stop(struct timer *t)
{
    if (t->link.next)
        list_del(&t->link);
}

bool timer_active(const struct timer *t)
{
    return t->link.next && !list_empty(&t->link);
}

void deferred_init(struct deferred *d, timer_cb cb, void *arg)
{
    *d = (struct deferred){.cb = cb, .arg = arg};
    list_init(&d->link);
}

void loop_defer(struct loop *l, struct deferred *d)
{
    if (l->dead || !list_empty(&d->link))
        return;
    list_add(&l->deferred, &d->link);
    loop_touch(l);
}

void deferred_cancel(struct deferred *d)
{
    if (d->link.next)
        list_del(&d->link);
}

int loop_work(struct loop *l, work_fn run, work_fn done, void *arg)
{
    return l->dead ? ERR_STATE : l->ops->work(l, run, done, arg);
}

void loop_work_forget(struct loop *l, const void *arg)
{
    l->ops->work_forget(l, arg);
}

int loop_disk(struct loop *l, const char *folder, struct disk **ret_disk)
{
    return l->dead ? ERR_STATE : l->ops->disk(l, folder, ret_disk);
}

// ---- descriptors and signals ----

int watch_open(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb, void *arg,
               struct watch **ret_watch)
{
    return l->ops->watch_open(l, fd, want_read, want_write, cb, arg, ret_watch);
}

void watch_close(struct watch *w)
{
    if (w)
        w->loop->ops->watch_close(w);
}

int loop_signal(struct loop *l, int signo, signal_cb cb, void *arg)
{
    return l->ops->signal(l, signo, cb, arg);
}
