// SPDX-License-Identifier: Apache-2.0
// A listening socket of the shell's own (HTTP, control): watched, and left alone for a moment when
// the process has no descriptor or memory for who waits there, since that would wake the loop for
// ever.
#include <errno.h>
#include <string.h>

#include "app/app_priv.h"
#include "base/log.h"
#include "base/log_limit.h"

enum { PAUSE_MS = 100 };

static void open_again(void *arg)
{
    struct door *d = arg;
    if (door_open(d))
        timer_start(d->loop, &d->pause, PAUSE_MS);
}

void door_init(struct door *d, struct loop *l, const char *what, watch_cb cb, void *arg)
{
    *d = (struct door){.loop = l, .what = what, .fd = -1, .cb = cb, .arg = arg};
    timer_init(&d->pause, open_again, d);
}

int door_open(struct door *d)
{
    return watch_open(d->loop, d->fd, true, false, d->cb, d->arg, &d->watch);
}

void door_refused(const struct door *d, const char *reason)
{
    LOG_FROM(0, loop_now(d->loop) / 1000000, LOG_WARN, "connection refused", d->what,
             LF_Z("socket", d->what), LF_Z("reason", reason));
}

bool door_failed(struct door *d, int why)
{
    if (why == EINTR || why == ECONNABORTED)
        return true; // that one has gone
    if (why == EAGAIN || why == EWOULDBLOCK)
        return false;
    LOG_FROM(0, loop_now(d->loop) / 1000000, LOG_WARN, "connections cannot be accepted", d->what,
             LF_Z("socket", d->what), LF_Z("reason", strerror(why)));
    watch_close(d->watch);
    d->watch = NULL;
    timer_start(d->loop, &d->pause, PAUSE_MS);
    return false;
}

void door_close(struct door *d)
{
    watch_close(d->watch);
    d->watch = NULL;
    timer_stop(&d->pause);
}
