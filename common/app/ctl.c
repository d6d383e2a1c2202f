// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ctl_priv.h"
#include "app/ctl_wire.h"
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"

enum { BACKLOG = 16, CLIENTS_MAX = 32, READ_BYTES = 65536 };

static void on_client(void *arg, bool readable, bool writable);

// ---- one client ----

// The watch says what to wait for only when it is opened.
static int rewatch(struct ctl_out *o)
{
    bool want_write = o->out.done < o->out.n;
    if (o->watch && want_write == o->want_write)
        return 0;
    watch_close(o->watch);
    o->watch = NULL;
    o->want_write = want_write;
    return watch_open(o->ctl->app->loop, o->fd, true, want_write, on_client, o, &o->watch);
}

// The client has gone. A command that is not finished keeps its ctl_out until ctl_finish.
static void client_gone(struct ctl_out *o)
{
    if (o->state != CTL_RUNNING) {
        ctl_out_free(o);
        return;
    }
    watch_close(o->watch);
    o->watch = NULL;
    close(o->fd);
    o->fd = -1;
}

// Of one that cannot be watched nobody would hear again.
static void client_await(struct ctl_out *o)
{
    int err = rewatch(o);
    if (!err)
        return;
    door_refused(&o->ctl->door, err_text(err));
    client_gone(o);
}

// After anything was queued: send, and end or go on waiting.
static void client_settle(struct ctl_out *o)
{
    bool here = ctl_out_flush(o);
    if (!here || (o->state == CTL_CLOSING && o->out.done == o->out.n))
        client_gone(o);
    else
        client_await(o);
}

static void finish(struct ctl_out *o, int status)
{
    if (o->overflow) {
        o->overflow = false;
        ctl_error(o, "output cut: more than the client took\n");
        status = status ? status : 1;
    }
    ctl_out_number(o, CTL_WIRE_EXIT, status);
    o->state = CTL_CLOSING;
}

void ctl_finish(struct ctl_out *o, int status)
{
    if (o->fd < 0) {
        ctl_out_free(o);
        return;
    }
    finish(o, status);
    client_settle(o);
}

static void refuse(struct ctl_out *o, const char *why)
{
    ctl_error(o, "%s\n", why);
    finish(o, 2);
}

// ---- frames from the client ----

// Splits the frame's words in place. False when they are not words.
static bool take_words(struct ctl_out *o, struct str payload)
{
    if (payload.n == 0 || payload.p[payload.n - 1] != 0)
        return false;
    o->words = str_cdup(payload);
    if (!o->words)
        return false;
    for (char *p = o->words; p < o->words + payload.n; p += strlen(p) + 1) {
        if (o->argc == CTL_WORDS_MAX)
            return false;
        o->argv[o->argc++] = p;
    }
    return true;
}

static bool take_file(struct ctl_out *o, struct str payload)
{
    for (size_t i = 0; i < CTL_FILES_MAX; i++) {
        struct ctl_upload *u = &o->uploads[i];
        if (u->word >= 0)
            continue;
        u->text = str_cdup(payload);
        u->n = payload.n;
        u->word = o->needed;
        return u->text != NULL;
    }
    return false;
}

static void run(struct ctl_out *o)
{
    size_t before = o->out.n;
    o->need_file = false;
    o->state = CTL_RUNNING;
    int status = ctl_run(o);
    if (o->need_file) {
        if (o->out.done <= before && o->out.n > before)
            o->out.n = before; // what was said before the file was missed will be said again
        ctl_out_number(o, CTL_WIRE_FILE, o->needed);
        o->state = CTL_WAITING;
    } else if (status != CTL_PENDING) {
        finish(o, status);
    }
}

static void take_frame(struct ctl_out *o, char type, struct str payload)
{
    if (type == CTL_WIRE_ARGS && take_words(o, payload))
        run(o);
    else if (type == CTL_WIRE_FILE && take_file(o, payload))
        run(o);
    else
        refuse(o, "the command or file cannot be taken");
}

// The frame's header: ERR_MORE, ERR_BAD (also for a frame that has no place in this state), or 0
// with its length.
static int frame_header(const struct ctl_out *o, struct str in, size_t *ret_header, size_t *ret_n)
{
    ptrdiff_t end = str_chr(str_head(in, CTL_WIRE_HEADER_MAX), '\n');
    uint32_t n, max = o->state == CTL_READING ? CTL_WIRE_ARGS_MAX : CTL_WIRE_FILE_MAX;
    char want = o->state == CTL_READING ? CTL_WIRE_ARGS : CTL_WIRE_FILE;
    if (end < 0)
        return in.n < CTL_WIRE_HEADER_MAX ? ERR_MORE : ERR_BAD;
    if (end < 3 || in.p[0] != want || in.p[1] != ' ' ||
        str_u32(str_make(in.p + 2, (size_t)end - 2), &n) || n > max)
        return ERR_BAD;
    *ret_header = (size_t)end + 1;
    *ret_n = n;
    return 0;
}

static void take_input(struct ctl_out *o)
{
    while (o->state == CTL_READING || o->state == CTL_WAITING) {
        struct str in = str_make(o->in.p + o->in.done, o->in.n - o->in.done);
        size_t header, n;
        int err = frame_header(o, in, &header, &n);
        if (err == ERR_BAD)
            refuse(o, "not understood: carillon-ctl and the daemon differ");
        if (err || in.n < header + n)
            return;
        o->in.done += header + n;
        take_frame(o, in.p[0], str_make(in.p + header, n));
        if (o->in.done == o->in.n)
            o->in.done = o->in.n = 0;
    }
}

// False when the client has gone.
static bool read_input(struct ctl_out *o)
{
    char buf[READ_BYTES];
    ssize_t n = recv(o->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (o->state == CTL_READING || o->state == CTL_WAITING)
        return ctl_bytes_add(&o->in, buf, (size_t)n) == 0;
    return true; // nothing is expected now; it is not kept
}

static void on_client(void *arg, bool readable, bool writable)
{
    struct ctl_out *o = arg;
    (void)writable;
    if (readable && !read_input(o)) {
        client_gone(o);
        return;
    }
    take_input(o);
    client_settle(o);
}

// ---- the socket ----

// Who has connected and asked for nothing gives his place to who comes next.
static void make_room(struct ctl *c)
{
    LIST_EACH(&c->clients, it) {
        struct ctl_out *o = LIST_ENTRY(it, struct ctl_out, link);
        if (o->state != CTL_READING)
            continue;
        client_gone(o);
        return;
    }
}

static void on_accept(void *arg, bool readable, bool writable)
{
    struct ctl *c = arg;
    (void)readable, (void)writable;
    int fd = accept4(c->door.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        (void)door_failed(&c->door, errno);
        return;
    }
    if (c->n_clients >= CLIENTS_MAX)
        make_room(c);
    bool full = c->n_clients >= CLIENTS_MAX;
    struct ctl_out *o = full ? NULL : ctl_out_new(c, fd);
    if (!o) {
        door_refused(&c->door, full ? "as many commands as there may be run already" : err_text(ERR_NOMEM));
        close(fd);
        return;
    }
    client_await(o);
}

static struct sockaddr_un unix_addr(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, path, strnlen(path, sizeof un.sun_path - 1));
    return un;
}

// A file left by a dead daemon is removed; one that answers is in use.
static int clear_path(const char *path)
{
    struct sockaddr_un un = unix_addr(path);
    struct stat st;
    if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    int answered = connect(fd, (const struct sockaddr *)&un, sizeof un) == 0 || errno == EAGAIN;
    close(fd);
    if (answered)
        return ERR_INUSE;
    return unlink(path) ? ERR_IO : 0;
}

// Commands change the node: the owner and the group may give them, nobody else.
static int bind_path(int fd, const char *path)
{
    struct sockaddr_un un = unix_addr(path);
    mode_t old = umask(0117);
    int failed = bind(fd, (const struct sockaddr *)&un, sizeof un) || listen(fd, BACKLOG);
    (void)umask(old);
    return failed ? ERR_IO : 0;
}

static int open_socket(struct ctl *c, const char *path)
{
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    int err = clear_path(path);
    if (err)
        return err;
    c->door.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->door.fd < 0)
        return ERR_IO;
    err = bind_path(c->door.fd, path);
    if (!err)
        (void)snprintf(c->path, sizeof c->path, "%s", path);
    return err;
}

int ctl_new(struct app *a, const char *path, struct ctl **ret_ctl)
{
    struct ctl *c = mem_zalloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->app = a;
    door_init(&c->door, a->loop, "control", on_accept, c);
    list_init(&c->clients);
    int err = open_socket(c, path);
    if (err)
        log_text(LOG_ERROR, "control socket %s: %s", path,
                 err == ERR_INUSE ? "is in use by a running daemon" : strerror(errno));
    else if ((err = door_open(&c->door)))
        log_text(LOG_ERROR, "control socket %s: %s", path, err_text(err));
    if (err) {
        ctl_free(c);
        return err;
    }
    *ret_ctl = c;
    return 0;
}

void ctl_free(struct ctl *c)
{
    if (!c)
        return;
    LIST_EACH(&c->clients, it)
    {
        struct ctl_out *o = LIST_ENTRY(it, struct ctl_out, link);
        (void)ctl_out_flush(o);
        ctl_out_free(o);
    }
    door_close(&c->door);
    if (c->door.fd >= 0)
        close(c->door.fd);
    if (c->path[0])
        (void)unlink(c->path);
    mem_free(c);
}
