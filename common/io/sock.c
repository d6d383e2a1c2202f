// SPDX-License-Identifier: Apache-2.0
// The sockets' public face: buffering, caps and argument checks are the same on both loops.
#include "base/err.h"
#include "io/loop_priv.h"

// ---- UDP ----

int udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp)
{
    if (!p->cb)
        return ERR_INVAL;
    return l->dead ? ERR_STATE : l->ops->udp_open(l, p, ret_udp);
}

int udp_send(struct udp *u, const struct addr *dst, struct str data)
{
    return udp_send_from(u, NULL, dst, data);
}

int udp_send_from(struct udp *u, const struct addr *src, const struct addr *dst, struct str data)
{
    size_t size = udp_record_size(data.n);
    if (data.n > UDP_DATA_MAX)
        return ERR_TOOBIG;
    if (u->loop->dead)
        return ERR_CLOSED;
    if (outbuf_len(&u->out) + size > UDP_CAP)
        return ERR_FULL;
    char *p = outbuf_take(&u->out, size);
    if (!p)
        return ERR_NOMEM;
    struct udp_record rec = {.dst = *dst, .n = (uint32_t)data.n};
    if (src && addr_is_any(&u->local) && !addr_is_any(src))
        rec.src = *src;
    memcpy(p, &rec, sizeof rec);
    if (data.n)
        memcpy(p + sizeof rec, data.p, data.n);
    if (list_empty(&u->dirty))
        list_add(&u->loop->dirty_udp, &u->dirty);
    loop_touch(u->loop);
    return 0;
}

const struct addr *udp_local(const struct udp *u)
{
    return &u->local;
}

void udp_close(struct udp *u)
{
    if (u)
        u->loop->ops->udp_close(u);
}

// ---- TCP listeners ----

int tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
               void *arg, struct tcp_listener **ret_listener)
{
    return l->dead ? ERR_STATE : l->ops->tcp_listen(l, local, reuseport, cb, arg, ret_listener);
}

const struct addr *tcp_listener_local(const struct tcp_listener *t)
{
    return &t->local;
}

void tcp_listener_close(struct tcp_listener *t)
{
    if (t)
        t->loop->ops->tcp_listener_close(t);
}

// ---- TCP connections ----

void tcp_init(struct tcp *c, struct loop *l)
{
    c->loop = l;
    c->cap = TCP_CAP;
    c->headroom = SIZE_MAX;
    list_init(&c->dirty);
}

int tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp)
{
    if (local && local->sa.sa_family != remote->sa.sa_family)
        return ERR_INVAL;
    return l->dead ? ERR_STATE : l->ops->tcp_connect(l, local, remote, ops, arg, ret_tcp);
}

void tcp_set_owner(struct tcp *c, const struct tcp_ops *ops, void *arg)
{
    c->ops = ops;
    c->arg = arg;
}

static int put(struct tcp *c, struct str data)
{
    if (c->closing || c->loop->dead)
        return ERR_CLOSED;
    size_t unsent = outbuf_len(&c->out);
    if (unsent > c->cap || data.n > c->cap - unsent) {
        c->capped = true;
        return ERR_FULL;
    }
    char *p = data.n ? outbuf_take(&c->out, data.n) : NULL;
    if (data.n && !p)
        return ERR_NOMEM;
    if (p)
        memcpy(p, data.p, data.n);
    return 0;
}

int tcp_send(struct tcp *c, struct str data)
{
    int err = put(c, data);
    if (err || !data.n)
        return err;
    if (c->connected)
        tcp_dirty(c);
    loop_touch(c->loop);
    return 0;
}

int tcp_send_later(struct tcp *c, struct str data)
{
    struct loop *l = c->loop;
    int err = put(c, data);
    if (err || !data.n || !c->connected || !list_empty(&c->dirty))
        return err;
    if (list_empty(&l->later_tcp))
        timer_start(l, &l->later, TCP_LATER_MS);
    list_add(&l->later_tcp, &c->dirty);
    c->later = true;
    return 0;
}

void tcp_sent(struct tcp *c, size_t n)
{
    outbuf_consume(&c->out, n);
    if (outbuf_len(&c->out) || !c->capped)
        return;
    c->capped = false;
    if (c->ops && c->ops->drained)
        c->ops->drained(c->arg);
}

void tcp_tell_closed(struct tcp *c, int err)
{
    const struct tcp_ops *ops = c->ops;
    c->ops = NULL;
    c->closing = true;
    if (ops)
        ops->closed(c->arg, err);
}

void tcp_set_cap(struct tcp *c, size_t bytes)
{
    c->cap = bytes;
}

size_t tcp_unsent(const struct tcp *c)
{
    return outbuf_len(&c->out);
}

void tcp_pause(struct tcp *c, bool paused)
{
    if (c->paused == paused || c->closing || c->loop->dead)
        return;
    c->paused = paused;
    c->loop->ops->tcp_pause(c);
}

const struct addr *tcp_local(const struct tcp *c)
{
    return &c->local;
}

const struct addr *tcp_remote(const struct tcp *c)
{
    return &c->remote;
}

size_t tcp_headroom(const struct tcp *c)
{
    return c->headroom;
}

void tcp_close(struct tcp *c)
{
    if (c)
        c->loop->ops->tcp_close(c);
}

void tcp_abort(struct tcp *c)
{
    if (c)
        c->loop->ops->tcp_abort(c);
}
