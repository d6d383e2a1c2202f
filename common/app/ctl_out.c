// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/ctl_priv.h"
#include "app/ctl_wire.h"
#include "base/err.h"
#include "base/mem.h"

// Beyond EAGER bytes held, output is sent while the command still runs; beyond CAP it is dropped.
enum { EAGER_BYTES = 64 << 10, CAP_BYTES = 64 << 20, TEXT_BYTES = 4096 };

// ---- bytes ----

int ctl_bytes_add(struct ctl_bytes *b, const void *p, size_t n)
{
    if (b->cap - b->n < n) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap < b->n + n)
            cap *= 2;
        char *grown = mem_realloc(b->p, cap);
        if (!grown)
            return ERR_NOMEM;
        b->p = grown;
        b->cap = cap;
    }
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

void ctl_bytes_done(struct ctl_bytes *b)
{
    mem_free(b->p);
    *b = (struct ctl_bytes){0};
}

// ---- life ----

struct ctl_out *ctl_out_new(struct ctl *c, int fd)
{
    struct ctl_out *o = mem_zalloc(sizeof *o);
    if (!o)
        return NULL;
    o->ctl = c;
    o->fd = fd;
    for (size_t i = 0; i < CTL_FILES_MAX; i++)
        o->uploads[i].word = -1;
    list_add(&c->clients, &o->link);
    c->n_clients++;
    return o;
}

void ctl_out_free(struct ctl_out *o)
{
    list_del(&o->link);
    o->ctl->n_clients--;
    watch_close(o->watch);
    if (o->fd >= 0)
        close(o->fd);
    for (size_t i = 0; i < CTL_FILES_MAX; i++)
        mem_free(o->uploads[i].text);
    ctl_bytes_done(&o->in);
    ctl_bytes_done(&o->out);
    mem_free(o->words);
    mem_free(o);
}

bool ctl_peer(const struct ctl_out *o, uint32_t *ret_uid, int32_t *ret_pid)
{
    struct ucred who;
    socklen_t n = sizeof who;
    if (o->fd < 0 || getsockopt(o->fd, SOL_SOCKET, SO_PEERCRED, &who, &n))
        return false;
    *ret_uid = who.uid;
    *ret_pid = who.pid;
    return true;
}

// ---- output ----

bool ctl_out_flush(struct ctl_out *o)
{
    struct ctl_bytes *b = &o->out;
    while (o->fd >= 0 && b->done < b->n) {
        ssize_t n = send(o->fd, b->p + b->done, b->n - b->done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN;
        b->done += n > 0 ? (size_t)n : 0;
    }
    if (b->done == b->n)
        b->done = b->n = 0;
    return o->fd >= 0;
}

static void queue(struct ctl_out *o, const char *header, size_t header_n, struct str payload)
{
    if (ctl_bytes_add(&o->out, header, header_n) || ctl_bytes_add(&o->out, payload.p, payload.n))
        o->overflow = true;
    if (o->out.n - o->out.done > EAGER_BYTES)
        (void)ctl_out_flush(o); // a client that has gone is seen by its watch
}

void ctl_out_number(struct ctl_out *o, char type, int number)
{
    char header[CTL_WIRE_HEADER_MAX];
    int n = snprintf(header, sizeof header, "%c %d\n", type, number);
    queue(o, header, (size_t)n, STR(""));
}

void ctl_out_frame(struct ctl_out *o, char type, struct str payload)
{
    char header[CTL_WIRE_HEADER_MAX];
    if (payload.n == 0 || o->fd < 0)
        return;
    if (o->overflow || o->out.n - o->out.done + payload.n > CAP_BYTES) {
        o->overflow = true;
        return;
    }
    int n = snprintf(header, sizeof header, "%c %zu\n", type, payload.n);
    queue(o, header, (size_t)n, payload);
}

static void __attribute__((format(printf, 3, 0)))
put_formatted(struct ctl_out *o, char type, const char *fmt, va_list ap)
{
    char small[TEXT_BYTES];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        ctl_out_frame(o, type, str_make(small, (size_t)n));
    } else if (n >= 0) {
        char *big AUTO_FREE = mem_alloc((size_t)n + 1);
        if (big && vsnprintf(big, (size_t)n + 1, fmt, again) == n)
            ctl_out_frame(o, type, str_make(big, (size_t)n));
        else
            o->overflow = true;
    }
    va_end(again);
}

void ctl_printf(struct ctl_out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_formatted(o, CTL_WIRE_OUT, fmt, ap);
    va_end(ap);
}

void ctl_error(struct ctl_out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_formatted(o, CTL_WIRE_ERR, fmt, ap);
    va_end(ap);
}
