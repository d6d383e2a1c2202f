// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/uv_priv.h"

enum { CONTROL_SIZE = 64 };

// CONNECTING -> OPEN -> FLUSHING (the owner has gone, its output leaves) -> LINGERING (FIN sent,
// input is discarded so that the kernel does not answer it with a reset) -> CLOSED.
enum state { CONNECTING, OPEN, FLUSHING, LINGERING, CLOSED };

struct uvl_tcp {
    struct tcp base;
    struct uvl_sock sock;
    struct timer timer;      // connecting, or lingering
    struct deferred failure; // connect() failed at once
    enum state state;
    int err;
};

static struct uvl_tcp *tcp_of(struct tcp *base)
{
    return CONTAINER_OF(base, struct uvl_tcp, base);
}

// ---- end ----

static void finish(struct uvl_tcp *c)
{
    c->state = CLOSED;
    c->base.closing = true;
    timer_stop(&c->timer);
    deferred_cancel(&c->failure);
    list_del(&c->base.dirty);
    uvl_sock_close(&c->sock);
}

static void die(struct uvl_tcp *c, int err)
{
    finish(c);
    tcp_tell_closed(&c->base, err);
}

static void reset(struct uvl_tcp *c)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->sock.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    finish(c);
}

static void on_failure(void *arg)
{
    struct uvl_tcp *c = arg;
    die(c, c->err);
}

static void on_timer(void *arg)
{
    struct uvl_tcp *c = arg;
    if (c->state == CONNECTING)
        die(c, ERR_TIMEOUT);
    else
        reset(c);
}

static void destroy(void *owner)
{
    struct uvl_tcp *c = owner;
    timer_stop(&c->timer);
    deferred_cancel(&c->failure);
    list_del(&c->base.dirty);
    outbuf_done(&c->base.out);
    mem_free(c);
}

// Lets the output leave at the end of this turn and closes after it.
static void start_flushing(struct uvl_tcp *c)
{
    c->base.closing = true;
    c->base.ops = NULL;
    c->state = FLUSHING;
    timer_start(c->base.loop, &c->timer, TCP_LINGER_MS);
    tcp_dirty(&c->base);
    loop_touch(c->base.loop);
}

// ---- output ----

static void update_events(struct uvl_tcp *c)
{
    int events = outbuf_len(&c->base.out) ? UV_WRITABLE : 0;
    if (c->state == LINGERING || (c->state == OPEN && !c->base.paused))
        events |= UV_READABLE;
    uvl_sock_want(&c->sock, events);
}

static void flushed(struct uvl_tcp *c)
{
    if (c->state == FLUSHING) {
        c->state = LINGERING;
        if (shutdown(c->sock.fd, SHUT_WR) < 0) {
            finish(c);
            return;
        }
    }
    if (c->state != CLOSED)
        update_events(c);
}

void uvl_tcp_flush(struct tcp *base)
{
    struct uvl_tcp *c = tcp_of(base);
    if (c->state != OPEN && c->state != FLUSHING)
        return;
    struct str left = outbuf_str(&base->out);
    ssize_t n = left.n ? send(c->sock.fd, left.p, left.n, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        die(c, uvl_err(errno));
        return;
    }
    if (n > 0)
        tcp_sent(base, (size_t)n);
    if (outbuf_len(&base->out) == 0)
        flushed(c);
    else if (c->state != CLOSED)
        update_events(c);
}

// ---- input ----

// Reads once, with the time that the last piece of it had waited.
static ssize_t receive(struct uvl_tcp *c, char *buf)
{
    _Alignas(struct cmsghdr) char control[CONTROL_SIZE];
    struct iovec v = {.iov_base = buf, .iov_len = TCP_READ};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->sock.fd, &m, 0);
    if (n > 0)
        c->base.loop->waited = uvl_stamp_age(&m, uvl_stamp_now());
    return n;
}

static void read_some(struct uvl_tcp *c)
{
    char *buf = c->sock.world->read_buf;
    for (int i = 0; i < TCP_READS && c->state == OPEN && !c->base.paused; i++) {
        ssize_t n = receive(c, buf);
        if (n > 0) {
            c->base.ops->data(c->base.arg, str_make(buf, (size_t)n));
        } else if (n == 0) {
            // A peer that has only closed its sending half still gets what was sent to it.
            const struct tcp_ops *ops = c->base.ops;
            start_flushing(c);
            ops->closed(c->base.arg, ERR_CLOSED);
        } else if (errno != EINTR) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                die(c, uvl_err(errno));
            return;
        }
        if (n < TCP_READ)
            return;
    }
}

static void discard(struct uvl_tcp *c)
{
    for (int i = 0; i < TCP_READS; i++) {
        ssize_t n = recv(c->sock.fd, c->sock.world->read_buf, TCP_READ, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (n <= 0) {
            finish(c);
            return;
        }
    }
}

// ---- connecting ----

static void fetch_local(struct uvl_tcp *c)
{
    struct addr local = {0};
    socklen_t n = sizeof local;
    if (getsockname(c->sock.fd, &local.sa, &n) == 0)
        c->base.local = local;
}

static void check_connected(struct uvl_tcp *c)
{
    int err = 0;
    socklen_t n = sizeof err;
    if (getsockopt(c->sock.fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
        err = errno;
    fetch_local(c);
    // A connect to an unused port of the ephemeral range can meet itself.
    if (err == 0 && addr_eq(&c->base.local, &c->base.remote))
        err = ECONNREFUSED;
    if (err) {
        die(c, uvl_err(err));
        return;
    }
    timer_stop(&c->timer);
    c->base.connected = true;
    if (c->base.closing) {
        start_flushing(c);
        return;
    }
    c->state = OPEN;
    update_events(c);
    if (outbuf_len(&c->base.out))
        tcp_dirty(&c->base);
    c->base.ops->connected(c->base.arg);
}

static void on_ready(void *owner, bool readable, bool writable)
{
    struct uvl_tcp *c = owner;
    if (c->state == CONNECTING) {
        check_connected(c);
        return;
    }
    if (writable)
        uvl_tcp_flush(&c->base);
    if (readable && c->state == OPEN)
        read_some(c);
    else if (readable && c->state == LINGERING)
        discard(c);
}

static struct uvl_tcp *conn_new(struct uvl_world *w)
{
    if (!w->read_buf && !(w->read_buf = mem_alloc(TCP_READ)))
        return NULL;
    struct uvl_tcp *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    tcp_init(&c->base, &w->base);
    timer_init(&c->timer, on_timer, c);
    deferred_init(&c->failure, on_failure, c);
    c->sock.owner = c;
    c->sock.ready = on_ready;
    c->sock.destroy = destroy;
    return c;
}

void uvl_tcp_options(int fd)
{
    (void)uvl_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    uvl_stamp_on(fd);
    (void)uvl_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_UNACKED_MS);
    (void)uvl_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)uvl_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, TCP_KEEPALIVE_IDLE_MS / 1000);
    (void)uvl_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, TCP_KEEPALIVE_STEP_MS / 1000);
    (void)uvl_set(fd, IPPROTO_TCP, TCP_KEEPCNT, TCP_KEEPALIVE_TRIES);
}

static int connect_socket(const struct addr *local, const struct addr *remote, int *ret_fd)
{
    int fd = -1, err = uvl_socket(remote, SOCK_STREAM, &fd);
    if (err < 0)
        return err;
    uvl_tcp_options(fd);
    if (local) {
        (void)uvl_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (addr_port(local) == 0)
            (void)uvl_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (bind(fd, &local->sa, addr_len(local)) < 0) {
            err = uvl_err(errno);
            (void)close(fd);
            return err;
        }
    }
    *ret_fd = fd;
    return 0;
}

int uvl_tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                    const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp)
{
    int fd = -1, err = connect_socket(local, remote, &fd);
    if (err < 0)
        return err;
    struct uvl_tcp *c = conn_new(uvl_world_of(l));
    if (!c) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    if ((err = uvl_sock_init(&c->sock, uvl_world_of(l), fd)) < 0) {
        mem_free(c);
        return err;
    }
    c->base.remote = *remote;
    tcp_set_owner(&c->base, ops, arg);
    if (connect(fd, &remote->sa, addr_len(remote)) < 0 && errno != EINPROGRESS) {
        c->err = uvl_err(errno);
        loop_defer(l, &c->failure);
    } else {
        uvl_sock_want(&c->sock, UV_WRITABLE);
        timer_start(l, &c->timer, TCP_CONNECT_MS);
    }
    fetch_local(c);
    *ret_tcp = &c->base;
    return 0;
}

int uvl_tcp_accepted(struct uvl_world *w, int fd, const struct addr *remote, struct tcp **ret_tcp)
{
    struct uvl_tcp *c = conn_new(w);
    if (!c) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    int err = uvl_sock_init(&c->sock, w, fd);
    if (err < 0) {
        mem_free(c);
        return err;
    }
    c->base.remote = *remote;
    c->base.connected = true;
    c->state = OPEN;
    fetch_local(c);
    *ret_tcp = &c->base;
    return 0;
}

void uvl_tcp_start(struct tcp *base)
{
    struct uvl_tcp *c = tcp_of(base);
    if (c->state != OPEN)
        return;
    if (base->ops)
        update_events(c);
    else
        reset(c);
}

// ---- the owner's calls ----

void uvl_tcp_pause(struct tcp *base)
{
    struct uvl_tcp *c = tcp_of(base);
    if (c->state == OPEN)
        update_events(c);
}

void uvl_tcp_close(struct tcp *base)
{
    struct uvl_tcp *c = tcp_of(base);
    base->ops = NULL;
    if (base->closing)
        return;
    base->closing = true;
    if (c->state == OPEN)
        start_flushing(c);
    else if (outbuf_len(&base->out) == 0 || c->err)
        finish(c);
}

void uvl_tcp_abort(struct tcp *base)
{
    struct uvl_tcp *c = tcp_of(base);
    base->ops = NULL;
    if (c->state != CLOSED)
        reset(c);
}
