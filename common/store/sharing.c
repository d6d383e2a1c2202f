// SPDX-License-Identifier: Apache-2.0
#include "store/sharing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

// Bytes of the file: who is there (a read lock: with others; a write lock: alone), and who is the next to write.
enum { THERE, NEXT };

static struct flock one(int byte, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

// Of the open file, not of the process (F_OFD_SETLK): two stores of one process are two.
static int lock(int fd, int byte, short type)
{
    struct flock l = one(byte, type);
    if (fcntl(fd, F_OFD_SETLK, &l) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? ERR_INUSE : ERR_IO;
}

// On a worker or at the start: who waits may block.
static int lock_patiently(int fd, int byte, short type, uint32_t patience_ms)
{
    int err = lock(fd, byte, type);
    for (uint32_t ms = 0; err == ERR_INUSE && ms < patience_ms; ms++) {
        (void)sqlite3_sleep(1);
        err = lock(fd, byte, type);
    }
    return err;
}

static int open_file(const char *path, int flags, int *ret_fd)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof name, "%s-lock", path) >= sizeof name)
        return ERR_TOOBIG;
    int fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_IO;
    *ret_fd = fd;
    return 0;
}

// Who comes while another one opens the store waits for it; who comes to one that has it alone does so in vain.
int sharing_enter(const char *path, enum store_use use, uint32_t patience_ms, struct sharing *ret_s, bool *ret_first)
{
    struct sharing s = {.patience_ms = patience_ms, .shared = use == STORE_SHARED};
    int err = open_file(path, O_RDWR | O_CREAT, &s.fd);
    if (err)
        return err;
    err = lock(s.fd, THERE, F_WRLCK);
    bool first = !err;
    if (err == ERR_INUSE && s.shared)
        err = lock_patiently(s.fd, THERE, F_RDLCK, patience_ms);
    if (err) {
        (void)close(s.fd);
        return err;
    }
    *ret_s = s;
    *ret_first = first;
    return 0;
}

void sharing_opened(struct sharing *s)
{
    if (s->fd >= 0 && s->shared)
        (void)lock(s->fd, THERE, F_RDLCK);
}

void sharing_leave(struct sharing *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    *s = SHARING_NONE;
}

// The lock of others that stands in our way to have the store alone.
static short others(int fd)
{
    struct flock l = one(THERE, F_WRLCK);
    return fcntl(fd, F_OFD_GETLK, &l) == 0 ? l.l_type : F_UNLCK;
}

bool sharing_has_others(const struct sharing *s)
{
    return s->fd >= 0 && others(s->fd) != F_UNLCK;
}

enum store_use store_users(const char *path)
{
    int fd;
    if (open_file(path, O_RDONLY, &fd))
        return STORE_UNGUARDED;
    short type = others(fd);
    (void)close(fd);
    return type == F_WRLCK ? STORE_ALONE : type == F_RDLCK ? STORE_SHARED : STORE_UNGUARDED;
}

int sharing_wait(struct sharing *s)
{
    if (s->fd < 0 || !s->shared)
        return 0;
    int err = lock_patiently(s->fd, NEXT, F_WRLCK, s->patience_ms);
    return err == ERR_INUSE ? ERR_TIMEOUT : err;
}

void sharing_go(struct sharing *s)
{
    if (s->fd >= 0 && s->shared)
        (void)lock(s->fd, NEXT, F_UNLCK);
}
