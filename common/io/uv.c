// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <openssl/rand.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/disk.h"
#include "io/uv_priv.h"

struct uvl_work {
    uv_work_t req;
    struct list link;
    struct uvl_world *world;
    work_fn run, done;
    void *arg;
};

struct uvl_signal {
    uv_signal_t handle;
    struct list link;
    struct uvl_world *world;
    signal_cb cb;
    void *arg;
};

// ---- the turn ----

static void on_check(uv_check_t *handle)
{
    struct uvl_world *w = handle->data;
    uvl_turn(w);
    loop_turn_end(&w->base);
    w->turning = false;
}

static void on_alarm(uv_timer_t *handle)
{
    (void)handle;
}

static void on_prepare(uv_prepare_t *handle)
{
    const uint64_t ns_per_ms = 1000000;
    struct uvl_world *w = handle->data;
    uint64_t tick, ms = 0;
    w->base.progress.asleep = true;
    if (!loop_pending(&w->base)) {
        if (!wheel_next(&w->base.wheel, &tick)) {
            (void)uv_timer_stop(&w->alarm);
            return;
        }
        uint64_t now = uv_hrtime(), due = tick * ns_per_ms;
        ms = due > now ? (due - now + ns_per_ms - 1) / ns_per_ms : 0;
        uv_update_time(&w->uv);
    }
    (void)uv_timer_start(&w->alarm, on_alarm, ms, 0);
}

// The prepare handle sees everything that was armed since.
static void world_wake(struct loop *l)
{
    (void)l;
}

// ---- work ----

static void on_work(uv_work_t *req)
{
    struct uvl_work *k = req->data;
    k->run(k->arg);
}

static void on_work_done(uv_work_t *req, int status)
{
    struct uvl_work *k = req->data;
    struct uvl_world *w = k->world;
    work_fn done = k->done;
    void *arg = k->arg;
    (void)status;
    list_del(&k->link);
    mem_free(k);
    if (w->freeing || !done)
        return;
    uvl_turn(w);
    done(arg);
}

static int world_work(struct loop *l, work_fn run, work_fn done, void *arg)
{
    struct uvl_world *w = uvl_world_of(l);
    struct uvl_work *k = mem_zalloc(sizeof *k);
    if (!k)
        return ERR_NOMEM;
    k->req.data = k;
    k->world = w;
    k->run = run;
    k->done = done;
    k->arg = arg;
    (void)uv_queue_work(&w->uv, &k->req, on_work, on_work_done);
    list_init(&k->link);
    list_add(&w->works, &k->link);
    return 0;
}

static void world_work_forget(struct loop *l, const void *arg)
{
    struct uvl_world *w = uvl_world_of(l);
    LIST_EACH(&w->works, it) {
        struct uvl_work *k = LIST_ENTRY(it, struct uvl_work, link);
        if (k->arg == arg)
            k->done = NULL;
    }
}

static int world_disk(struct loop *l, const char *folder, struct disk **ret_disk)
{
    (void)l;
    return disk_open(folder, ret_disk);
}

// ---- signals ----

static void on_signal(uv_signal_t *handle, int signo)
{
    struct uvl_signal *g = handle->data;
    uvl_turn(g->world);
    g->cb(g->arg, signo);
}

static void on_signal_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static int world_signal(struct loop *l, int signo, signal_cb cb, void *arg)
{
    struct uvl_world *w = uvl_world_of(l);
    struct uvl_signal *g = mem_zalloc(sizeof *g);
    if (!g)
        return ERR_NOMEM;
    g->world = w;
    g->cb = cb;
    g->arg = arg;
    (void)uv_signal_init(&w->uv, &g->handle);
    g->handle.data = g;
    list_init(&g->link);
    list_add(&w->signals, &g->link);
    int rc = uv_signal_start(&g->handle, on_signal, signo);
    if (rc == 0)
        return 0;
    list_del(&g->link);
    uv_close((uv_handle_t *)&g->handle, on_signal_closed);
    return uvl_err(-rc);
}

// ---- time and randomness ----

static uint64_t world_wall_ms(const struct loop *l)
{
    struct timespec ts;
    (void)l;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

// There is nothing safe to go on with when the system has no randomness.
static void draw(unsigned char *p, size_t n)
{
    if (RAND_bytes(p, (int)n) != 1 && getrandom(p, n, 0) != (ssize_t)n)
        abort();
}

static void world_random(struct loop *l, void *ret_bytes, size_t n)
{
    struct uvl_world *w = uvl_world_of(l);
    unsigned char *out = ret_bytes;
    while (n > 0) {
        if (w->pool_left == 0) {
            draw(w->pool, sizeof w->pool);
            w->pool_left = sizeof w->pool;
        }
        size_t take = n < w->pool_left ? n : w->pool_left;
        unsigned char *from = w->pool + sizeof w->pool - w->pool_left;
        memcpy(out, from, take);
        memset(from, 0, take); // handed-out keys do not stay here
        w->pool_left -= take;
        out += take;
        n -= take;
    }
}

// ---- life ----

static int world_run(struct loop *l)
{
    (void)uv_run(&uvl_world_of(l)->uv, UV_RUN_DEFAULT);
    return 0;
}

static void world_stop(struct loop *l)
{
    uv_stop(&uvl_world_of(l)->uv);
}

static void close_handles(struct uvl_world *w)
{
    LIST_EACH(&w->socks, it)
        uvl_sock_close(LIST_ENTRY(it, struct uvl_sock, link));
    LIST_EACH(&w->signals, it) {
        struct uvl_signal *g = LIST_ENTRY(it, struct uvl_signal, link);
        list_del(it);
        uv_close((uv_handle_t *)&g->handle, on_signal_closed);
    }
    // Work that runs already is waited for by uv_run.
    LIST_EACH(&w->works, it)
        (void)uv_cancel((uv_req_t *)&LIST_ENTRY(it, struct uvl_work, link)->req);
    uv_close((uv_handle_t *)&w->prepare, NULL);
    uv_close((uv_handle_t *)&w->check, NULL);
    uv_close((uv_handle_t *)&w->alarm, NULL);
}

static void world_free(struct loop *l)
{
    struct uvl_world *w = uvl_world_of(l);
    w->freeing = true;
    loop_flush(l);
    l->dead = true;
    uvl_dns_free(w);
    loop_done(l);
    dns_done(l);
    close_handles(w);
    while (uv_run(&w->uv, UV_RUN_DEFAULT))
        continue;
    (void)uv_loop_close(&w->uv);
    (void)close(w->spare_fd);
    uvl_udp_rx_free(w->rx);
    mem_free(w->read_buf);
    mem_free(w);
}

static const struct loop_ops world_ops = {
    .run = world_run,
    .stop = world_stop,
    .free = world_free,
    .wall_ms = world_wall_ms,
    .random = world_random,
    .wake = world_wake,
    .work = world_work,
    .work_forget = world_work_forget,
    .disk = world_disk,
    .udp_open = uvl_udp_open,
    .udp_flush = uvl_udp_flush,
    .udp_close = uvl_udp_close,
    .tcp_listen = uvl_tcp_listen,
    .tcp_listener_close = uvl_tcp_listener_close,
    .tcp_connect = uvl_tcp_connect,
    .tcp_flush = uvl_tcp_flush,
    .tcp_pause = uvl_tcp_pause,
    .tcp_close = uvl_tcp_close,
    .tcp_abort = uvl_tcp_abort,
    .dns_start = uvl_dns_start,
    .watch_open = uvl_watch_open,
    .watch_close = uvl_watch_close,
    .signal = world_signal,
};

int uvloop_new(const struct uv_loop_params *p, struct loop **ret_loop)
{
    struct uvl_world *w = mem_zalloc(sizeof *w);
    if (!w)
        return ERR_NOMEM;
    if (uv_loop_init(&w->uv) < 0) {
        mem_free(w);
        return ERR_IO;
    }
    (void)signal(SIGPIPE, SIG_IGN); // a write to a closed peer is an error code
    list_init(&w->socks);
    list_init(&w->signals);
    list_init(&w->works);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    w->now = uv_hrtime();
    loop_init(&w->base, &world_ops, &w->now);
    dns_init(&w->base);
    (void)uv_timer_init(&w->uv, &w->alarm);
    (void)uv_prepare_init(&w->uv, &w->prepare);
    (void)uv_check_init(&w->uv, &w->check);
    w->prepare.data = w->check.data = w;
    (void)uv_prepare_start(&w->prepare, on_prepare);
    (void)uv_check_start(&w->check, on_check);
    int err = uvl_dns_new(w, p);
    if (err < 0) {
        world_free(&w->base);
        return err;
    }
    *ret_loop = &w->base;
    return 0;
}
