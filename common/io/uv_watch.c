// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "io/uv_priv.h"

struct uvl_watch {
    struct watch base;
    struct uvl_sock sock;
};

static void on_ready(void *owner, bool readable, bool writable)
{
    struct uvl_watch *w = owner;
    w->base.cb(w->base.arg, readable, writable);
}

int uvl_watch_open(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb, void *arg,
                   struct watch **ret_watch)
{
    struct uvl_watch *w = mem_zalloc(sizeof *w);
    if (!w)
        return ERR_NOMEM;
    w->base = (struct watch){.loop = l, .cb = cb, .arg = arg};
    w->sock.keep_fd = true;
    w->sock.owner = w;
    w->sock.ready = on_ready;
    w->sock.destroy = mem_free;
    int err = uvl_sock_init(&w->sock, uvl_world_of(l), fd);
    if (err < 0) {
        mem_free(w);
        return err;
    }
    uvl_sock_want(&w->sock, (want_read ? UV_READABLE : 0) | (want_write ? UV_WRITABLE : 0));
    *ret_watch = &w->base;
    return 0;
}

void uvl_watch_close(struct watch *w)
{
    uvl_sock_close(&CONTAINER_OF(w, struct uvl_watch, base)->sock);
}
