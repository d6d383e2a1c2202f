// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/keyfile.h"

#include <errno.h>
#include <limits.h>

#include "base/err.h"
#include "base/hash.h"

static int err_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return ERR_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    default:
        return ERR_IO;
    }
}

static struct keyfile_stamp stamp_of(const struct stat *st)
{
    return (struct keyfile_stamp){.inode = st->st_ino,
                                  .bytes = (uint64_t)st->st_size,
                                  .changed_ns = (uint64_t)st->st_ctim.tv_sec * 1000000000u +
                                                (uint64_t)st->st_ctim.tv_nsec};
}

// ---- reading ----

static int judge(const struct stat *st, bool any_owner)
{
    if (!S_ISREG(st->st_mode))
        return ERR_INVAL;
    if (!any_owner && st->st_uid != geteuid())
        return ERR_REFUSED;
    if (st->st_mode & 077)
        return ERR_DENIED;
    return st->st_size > KEYRING_TEXT_MAX ? ERR_TOOBIG : 0;
}

static int read_whole(int fd, char *text, size_t cap, size_t *ret_n)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t got = read(fd, text + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (!got)
            break;
        n += (size_t)got;
    }
    *ret_n = n;
    return n == cap ? ERR_TOOBIG : 0;
}

int keyfile_read(const char *path, bool any_owner, struct keyring *ret_ring,
                 struct keyfile_stamp *ret_stamp)
{
    char text[KEYRING_TEXT_MAX + 1];
    struct stat st;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_of_errno();
    int err = fstat(fd, &st) ? ERR_IO : judge(&st, any_owner);
    if (!err)
        err = read_whole(fd, text, sizeof text, &n);
    close(fd);
    if (!err)
        err = keyring_parse(str_make(text, n), ret_ring);
    OPENSSL_cleanse(text, sizeof text);
    if (!err && ret_stamp)
        *ret_stamp = stamp_of(&st);
    return err;
}

const char *keyfile_trouble(int err)
{
    switch (err) {
    case ERR_NOTFOUND:
        return "there is none, nor the folder for one";
    case ERR_DENIED:
        return "others may read it (chmod 600), or this user may not use it or its folder";
    case ERR_REFUSED:
        return "it belongs to another user";
    case ERR_INVAL:
        return "it is no regular file";
    case ERR_MORE:
        return "it is cut short";
    case ERR_BAD:
    case ERR_TOOBIG:
        return "it is no key ring of this version, or somebody has changed it";
    case ERR_INUSE:
        return "another process is changing it";
    case ERR_FULL:
        return "there is no room on the disk";
    case ERR_STATE:
        return "the key that signs would be forgotten, for the newer ones do not sign yet "
               "(keys.wait)";
    default:
        return err_text(err);
    }
}

int keyfile_look(const char *path, struct keyfile_stamp *ret_stamp)
{
    struct stat st;
    if (stat(path, &st))
        return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    *ret_stamp = stamp_of(&st);
    return 0;
}

// ---- writing ----

static int write_whole(int fd, struct str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno();
        text = str_skip(text, (size_t)n);
    }
    return fsync(fd) ? err_of_errno() : 0;
}

static int write_new(const char *path, const struct keyring *r)
{
    char text[KEYRING_TEXT_MAX];
    struct writer w = writer_init(text, sizeof text);
    keyring_write(r, &w);
    if (w.failed)
        return ERR_TOOBIG;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_of_errno();
    int err = write_whole(fd, writer_done(&w));
    if (close(fd) && !err)
        err = err_of_errno();
    OPENSSL_cleanse(text, sizeof text);
    if (err)
        (void)unlink(path);
    return err;
}

static int name_beside(const char *path, const char *word, char ret_name[PATH_MAX])
{
    int n = snprintf(ret_name, PATH_MAX, "%s%s.new", path, word);
    return n < 0 || n >= PATH_MAX ? ERR_TOOBIG : 0;
}

// The name in its folder is on the disk, too.
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    (void)snprintf(folder, sizeof folder, "%.*s", n ? (int)n : 1, n ? path : slash ? "/" : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

// Nobody has a lock yet: under a name that comes of the ring's random bytes, so that of several who
// begin at the same time none writes into another's.
int keyfile_create(const char *path, const struct keyring *r)
{
    char word[24], beside[PATH_MAX];
    (void)snprintf(word, sizeof word, ".%08x", (unsigned)hash_keyed(r->names, "new", 3));
    int err = name_beside(path, word, beside);
    if (!err)
        err = write_new(beside, r);
    if (err)
        return err;
    if (link(beside, path))
        err = errno == EEXIST ? ERR_EXISTS : err_of_errno();
    (void)unlink(beside);
    if (!err)
        sync_folder(path);
    return err;
}

// One name, which the lock guards: what a process that died has left there goes with the next one.
int keyfile_replace(const char *path, const struct keyring *r)
{
    char beside[PATH_MAX];
    int err = name_beside(path, "", beside);
    if (err)
        return err;
    (void)unlink(beside);
    err = write_new(beside, r);
    if (err)
        return err;
    if (rename(beside, path)) {
        err = err_of_errno();
        (void)unlink(beside);
        return err;
    }
    sync_folder(path);
    return 0;
}

// Who had waited for the lock of a file that was replaced meanwhile has that of no file.
int keyfile_lock(const char *path, int *ret_fd)
{
    struct stat held, there;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_of_errno();
    int err = flock(fd, LOCK_EX | LOCK_NB) ? ERR_INUSE : 0;
    if (!err && (fstat(fd, &held) || stat(path, &there)))
        err = ERR_IO;
    if (!err && held.st_ino != there.st_ino)
        err = ERR_INUSE;
    if (err)
        close(fd);
    else
        *ret_fd = fd;
    return err;
}

void keyfile_unlock(int fd)
{
    close(fd);
}

// ---- rotation ----

static int rotate_locked(const char *path, const struct keyfile_rotation *how, struct keyring *r)
{
    int err = keyfile_read(path, false, r, NULL);
    if (err || (how->due_s && !keyring_due(r, how->due_s, how->now_s)))
        return err;
    keyring_choose(r, how->wait_s, how->now_s);
    if (r->signer >= how->keep)
        return ERR_STATE;
    keyring_add(r, how->secret, how->keep, how->now_s);
    return keyfile_replace(path, r);
}

int keyfile_rotate(const char *path, const struct keyfile_rotation *how, struct keyring *ret_ring,
                   struct keyfile_stamp *ret_stamp)
{
    char real[PATH_MAX];
    struct keyring r;
    int fd;
    if (!realpath(path, real))
        return err_of_errno();
    int err = keyfile_lock(real, &fd);
    if (err)
        return err;
    err = rotate_locked(real, how, &r);
    if (!err)
        err = keyfile_read(path, false, &r, ret_stamp);
    keyfile_unlock(fd);
    if (!err) {
        keyring_choose(&r, how->wait_s, how->now_s);
        *ret_ring = r;
    }
    OPENSSL_cleanse(&r, sizeof r);
    return err;
}
