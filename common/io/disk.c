// SPDX-License-Identifier: Apache-2.0
// The system's disk.
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

struct real_disk {
    struct disk base;
    int folder, lock;
};

struct real_file {
    struct disk_file base;
    int fd;
};

static int error_now(void)
{
    switch (errno) {
    case ENOENT:
        return ERR_NOTFOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

static int folder_of(const struct disk *d)
{
    return CONTAINER_OF(d, const struct real_disk, base)->folder;
}

static int fd_of(const struct disk_file *f)
{
    return CONTAINER_OF(f, const struct real_file, base)->fd;
}

static int real_open(struct disk *d, const char *name, bool create, struct disk_file **ret_file)
{
    struct real_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    f->base.disk = d;
    f->fd =
        openat(folder_of(d), name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    if (f->fd < 0) {
        mem_free(f);
        return error_now();
    }
    *ret_file = &f->base;
    return 0;
}

static void real_close(struct disk_file *f)
{
    struct real_file *r = CONTAINER_OF(f, struct real_file, base);
    (void)close(r->fd);
    mem_free(r);
}

static int real_size(struct disk_file *f, uint64_t *ret_n)
{
    struct stat st;
    if (fstat(fd_of(f), &st) != 0)
        return error_now();
    *ret_n = (uint64_t)st.st_size;
    return 0;
}

static int real_read(struct disk_file *f, uint64_t at, void *ret_bytes, size_t n)
{
    char *p = ret_bytes;
    while (n > 0) {
        ssize_t got = pread(fd_of(f), p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_now();
        if (got == 0)
            return ERR_MORE;
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int real_write(struct disk_file *f, uint64_t at, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = pwrite(fd_of(f), p, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_now();
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

static int real_truncate(struct disk_file *f, uint64_t n)
{
    return ftruncate(fd_of(f), (off_t)n) == 0 ? 0 : error_now();
}

static int real_reserve(struct disk_file *f, uint64_t n)
{
    if (n == 0 || fallocate(fd_of(f), FALLOC_FL_KEEP_SIZE, 0, (off_t)n) == 0)
        return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : error_now();
}

static int real_sync(struct disk_file *f)
{
    return fdatasync(fd_of(f)) == 0 ? 0 : error_now();
}

static int real_rename(struct disk *d, const char *from, const char *to)
{
    return renameat(folder_of(d), from, folder_of(d), to) == 0 ? 0 : error_now();
}

static int real_remove(struct disk *d, const char *name)
{
    return unlinkat(folder_of(d), name, 0) == 0 ? 0 : error_now();
}

static int real_sync_names(struct disk *d)
{
    return fsync(folder_of(d)) == 0 ? 0 : error_now();
}

static int real_list(struct disk *d, disk_name_cb cb, void *arg)
{
    int fd = openat(folder_of(d), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int err = error_now();
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    int err = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            err = errno ? error_now() : 0;
            break;
        }
        cb(arg, e->d_name);
    }
    (void)closedir(dir);
    return err;
}

static void real_free(struct disk *d)
{
    struct real_disk *r = CONTAINER_OF(d, struct real_disk, base);
    if (r->lock >= 0)
        (void)close(r->lock);
    if (r->folder >= 0)
        (void)close(r->folder);
    mem_free(r);
}

static const struct disk_ops real_ops = {
    .open = real_open,
    .close = real_close,
    .size = real_size,
    .read = real_read,
    .write = real_write,
    .truncate = real_truncate,
    .reserve = real_reserve,
    .sync = real_sync,
    .rename = real_rename,
    .remove = real_remove,
    .sync_names = real_sync_names,
    .list = real_list,
    .free = real_free,
};

// Two processes that append to one log would ruin it.
static int take(struct real_disk *r)
{
    r->lock = openat(r->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->lock < 0)
        return error_now();
    if (flock(r->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? ERR_INUSE : error_now();
}

int disk_open(const char *folder, struct disk **ret_disk)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_now();
    struct real_disk *r = mem_zalloc(sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->base.ops = &real_ops;
    r->lock = -1;
    r->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = r->folder < 0 ? error_now() : take(r);
    if (err) {
        real_free(&r->base);
        return err;
    }
    *ret_disk = &r->base;
    return 0;
}

const char *disk_error_text(int err)
{
    switch (err) {
    case ERR_FULL:
        return "the disk is full";
    case ERR_IO:
        return "the disk fails";
    case ERR_DENIED:
        return "the folder may not be written";
    case ERR_NOTFOUND:
        return "a file has gone";
    default:
        return err_text(err);
    }
}

void disk_free(struct disk *d)
{
    if (d)
        d->ops->free(d);
}
