// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "io/uv_priv.h"

enum {
    BACKLOG = 4096,
    OTHER_FILES = 16, // that the loop knows nothing of: logs, store, libuv's own
};

struct uvl_listener {
    struct tcp_listener base;
    struct uvl_sock sock;
    struct timer pause;
};

static void on_pause_over(void *arg)
{
    struct uvl_listener *t = arg;
    uvl_sock_want(&t->sock, UV_READABLE);
}

// Without descriptors a waiting connection would wake the loop for ever: the spare one serves to
// take it and close it, and the next ones have to wait.
static void refuse_one(struct uvl_listener *t)
{
    struct uvl_world *w = t->sock.world;
    LOG_FROM(0, loop_now(t->base.loop) / 1000000, LOG_WARN,
             "connection refused: out of descriptors", NULL, LF_Z("reason", strerror(errno)));
    if (w->spare_fd >= 0)
        (void)close(w->spare_fd);
    int fd = accept4(t->sock.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uvl_sock_want(&t->sock, 0);
    timer_start(t->base.loop, &t->pause, ACCEPT_PAUSE_MS);
}

// All numbers below fd are taken, for the lowest free one is given; beyond it there may be more, of
// which at least the loop's own sockets are known.
static size_t headroom(const struct uvl_world *w, int fd)
{
    struct rlimit files;
    size_t used = (size_t)fd + 1, known = w->n_socks + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    if (used < known)
        used = known;
    return files.rlim_cur > used ? (size_t)files.rlim_cur - used : 0;
}

static void accept_one(struct uvl_listener *t, int fd, const struct addr *remote)
{
    struct tcp *c;
    if (uvl_tcp_accepted(t->sock.world, fd, remote, &c) < 0)
        return;
    c->headroom = headroom(t->sock.world, fd);
    t->base.cb(t->base.arg, c);
    uvl_tcp_start(c);
}

static void on_ready(void *owner, bool readable, bool writable)
{
    struct uvl_listener *t = owner;
    (void)readable;
    (void)writable;
    for (int i = 0; i < ACCEPTS && !t->sock.closed; i++) {
        struct addr remote = {0};
        socklen_t n = sizeof remote;
        int fd = accept4(t->sock.fd, &remote.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(t, fd, &remote);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            refuse_one(t);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        // Anything else is the error of that one connection, already gone.
    }
}

static void destroy(void *owner)
{
    struct uvl_listener *t = owner;
    timer_stop(&t->pause);
    mem_free(t);
}

static int listen_socket(const struct addr *local, bool reuseport, int *ret_fd,
                         struct addr *ret_local)
{
    int fd = -1, err = uvl_socket(local, SOCK_STREAM, &fd);
    if (err < 0)
        return err;
    (void)uvl_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (reuseport)
        (void)uvl_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    uvl_tcp_options(fd);
    struct addr bound = *local;
    socklen_t n = sizeof bound;
    if (bind(fd, &local->sa, addr_len(local)) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, &bound.sa, &n) < 0) {
        err = uvl_err(errno);
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    *ret_local = bound;
    return 0;
}

int uvl_tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
                   void *arg, struct tcp_listener **ret_listener)
{
    struct addr bound;
    int fd = -1, err = listen_socket(local, reuseport, &fd, &bound);
    if (err < 0)
        return err;
    struct uvl_listener *t = mem_zalloc(sizeof *t);
    if (!t) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    t->base = (struct tcp_listener){.loop = l, .local = bound, .cb = cb, .arg = arg};
    timer_init(&t->pause, on_pause_over, t);
    t->sock.owner = t;
    t->sock.ready = on_ready;
    t->sock.destroy = destroy;
    if ((err = uvl_sock_init(&t->sock, uvl_world_of(l), fd)) < 0) {
        mem_free(t);
        return err;
    }
    uvl_sock_want(&t->sock, UV_READABLE);
    *ret_listener = &t->base;
    return 0;
}

void uvl_tcp_listener_close(struct tcp_listener *base)
{
    struct uvl_listener *t = CONTAINER_OF(base, struct uvl_listener, base);
    timer_stop(&t->pause);
    uvl_sock_close(&t->sock);
}
