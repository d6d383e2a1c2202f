// SPDX-License-Identifier: Apache-2.0
// A folder of files as an interface, so that a test owns what a crash leaves of them. Two implementations: the
// system's (disk_open) and sim_disk.h. Calls block; they run on a worker, one at a time for each disk.
//
// What a crash leaves: what was written before a disk_sync of the file that succeeded, and names as they were at
// the last disk_sync_names; of anything later each piece may be there or not.
#pragma once

#include "base/str.h"

struct disk;

struct disk_file {
    struct disk *disk;
};

typedef void (*disk_name_cb)(void *arg, const char *name);

// Errors: ERR_NOTFOUND, ERR_FULL (no space), ERR_DENIED, ERR_IO, ERR_NOMEM.
struct disk_ops {
    int (*open)(struct disk *d, const char *name, bool create, struct disk_file **ret_file);
    void (*close)(struct disk_file *f);
    int (*size)(struct disk_file *f, uint64_t *ret_n);
    // All n bytes; ERR_MORE when the file ends before them.
    int (*read)(struct disk_file *f, uint64_t at, void *ret_bytes, size_t n);
    // All n bytes, or an error with any part of them written.
    int (*write)(struct disk_file *f, uint64_t at, const void *bytes, size_t n);
    int (*truncate)(struct disk_file *f, uint64_t n);
    // Room for the file to grow to n bytes, which nothing else takes until it is truncated. Its size stays. Nothing,
    // and 0, where a system cannot do that.
    int (*reserve)(struct disk_file *f, uint64_t n);
    int (*sync)(struct disk_file *f);
    int (*rename)(struct disk *d, const char *from, const char *to);
    int (*remove)(struct disk *d, const char *name);
    int (*sync_names)(struct disk *d);
    int (*list)(struct disk *d, disk_name_cb cb, void *arg);
    void (*free)(struct disk *d);
};

struct disk {
    const struct disk_ops *ops;
};

// The folder, made (0700) when it is not there; its parent must be. ERR_INUSE: another process has it.
int disk_open(const char *folder, struct disk **ret_disk);
void disk_free(struct disk *d); // takes NULL

// What an operation's error means, for people: "the disk is full".
const char *disk_error_text(int err);
