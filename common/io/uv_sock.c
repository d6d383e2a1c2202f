// SPDX-License-Identifier: Apache-2.0
// What everything on the real loop stands on: the turn, and descriptors watched by libuv.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "io/uv_priv.h"

void uvl_turn(struct uvl_world *w)
{
    if (w->turning)
        return;
    w->turning = true;
    w->now = uv_hrtime();
    loop_turn_begin(&w->base);
}

// ---- descriptors ----

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct uvl_sock *s = handle->data;
    uvl_turn(s->world);
    if (s->closed)
        return;
    if (status < 0) {
        // libuv stops a handle whose descriptor has an error pending; reading fetches it.
        int want = s->events;
        s->events = 0;
        uvl_sock_want(s, want);
        events = UV_READABLE | UV_WRITABLE;
        if (s->error)
            s->error(s->owner);
        if (s->closed)
            return;
    }
    s->ready(s->owner, events & UV_READABLE, events & UV_WRITABLE);
}

int uvl_sock_init(struct uvl_sock *s, struct uvl_world *w, int fd)
{
    int rc = uv_poll_init(&w->uv, &s->poll, fd);
    if (rc < 0) {
        if (!s->keep_fd)
            (void)close(fd);
        return uvl_err(-rc);
    }
    s->poll.data = s;
    s->world = w;
    s->fd = fd;
    list_init(&s->link);
    list_add(&w->socks, &s->link);
    w->n_socks++;
    return 0;
}

void uvl_sock_want(struct uvl_sock *s, int events)
{
    if (s->closed || s->events == events)
        return;
    s->events = events;
    if (events)
        (void)uv_poll_start(&s->poll, events, on_poll);
    else
        (void)uv_poll_stop(&s->poll);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct uvl_sock *s = handle->data;
    s->destroy(s->owner);
}

void uvl_sock_close(struct uvl_sock *s)
{
    if (s->closed)
        return;
    s->closed = true;
    list_del(&s->link);
    s->world->n_socks--;
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    if (!s->keep_fd)
        (void)close(s->fd);
}

int uvl_err(int err)
{
    switch (err) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
        return ERR_REFUSED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return ERR_CLOSED;
    case EADDRINUSE:
        return ERR_INUSE;
    case EADDRNOTAVAIL:
        return ERR_NOADDR;
    case EAFNOSUPPORT:
    case EINVAL:
        return ERR_INVAL;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    case ENOMEM:
    case ENOBUFS:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

int uvl_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : uvl_err(errno);
}

int uvl_socket(const struct addr *a, int type, int *ret_fd)
{
    int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return uvl_err(errno);
    if (addr_is_ip6(a))
        (void)uvl_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    *ret_fd = fd;
    return 0;
}
