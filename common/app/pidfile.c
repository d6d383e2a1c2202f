// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/log.h"

static int fail(const char *path, int fd, int err)
{
    LOG(LOG_ERROR, "pidfile cannot be written", LF_Z("file", path),
        LF_Z("reason", strerror(errno)));
    if (fd >= 0)
        close(fd);
    return err;
}

int pidfile_open(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(path, fd, ERR_IO);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        char pid[24] = "";
        ssize_t n = read(fd, pid, sizeof pid - 1);
        LOG(LOG_ERROR, "already running", LF_Z("pidfile", path),
            LF("pid", str_trim(str_make(pid, n > 0 ? (size_t)n : 0))));
        close(fd);
        return ERR_INUSE;
    }
    char text[24];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || write(fd, text, (size_t)n) != n)
        return fail(path, fd, ERR_IO);
    *ret_fd = fd;
    return 0;
}

void pidfile_close(const char *path, int fd)
{
    if (fd < 0)
        return;
    (void)unlink(path);
    close(fd);
}
