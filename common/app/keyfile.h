// SPDX-License-Identifier: Apache-2.0
// A key ring in a file: a regular file of this user that nobody else may read, written whole or not
// at all. Several instances of a node on one machine may have one file; who changes it holds its
// lock.
#pragma once

#include "app/keyring.h"

// Tells one state of the file from another.
struct keyfile_stamp {
    uint64_t inode, bytes, changed_ns; // contents, owner or mode
};

// *ret_stamp may be NULL. any_owner: for who judges a file that another user will read.
// ERR_NOTFOUND, ERR_DENIED (others may read it, or this user may not), ERR_REFUSED (another
// user's), ERR_INVAL (no regular file), ERR_MORE (cut short), ERR_BAD (contents), ERR_TOOBIG,
// ERR_IO.
int keyfile_read(const char *path, bool any_owner, struct keyring *ret_ring,
                 struct keyfile_stamp *ret_stamp);
// What such an error means for who has to mend it.
const char *keyfile_trouble(int err);
// ERR_NOTFOUND, ERR_IO.
int keyfile_look(const char *path, struct keyfile_stamp *ret_stamp);
// A new file, mode 0600 and synced. ERR_EXISTS: somebody else was first; ERR_FULL: no room on the
// disk.
int keyfile_create(const char *path, const struct keyring *r);
// Takes its place at once, and is synced. For who has its lock.
int keyfile_replace(const char *path, const struct keyring *r);
// The file's lock, until keyfile_unlock. ERR_INUSE: somebody else has it.
int keyfile_lock(const char *path, int *ret_fd);
void keyfile_unlock(int fd);

// A key more in the file.
struct keyfile_rotation {
    uint8_t secret[KEYRING_SECRET]; // random
    uint32_t keep;                  // keyring_add
    uint64_t now_s, wait_s;         // keyring_choose
    uint64_t
        due_s; // keyring_due, since somebody else may have done it just now; 0: whatever the age
};
// Blocks until it is on the disk; touches nothing but the file and its arguments. *ret_ring is what
// the file has now, with the key that signs chosen. ERR_STATE: the key that signs would be
// forgotten, since none of the newer ones signs yet; ERR_INUSE: somebody else changes the file. On
// failure it is as it was. What path links to is replaced, not the link.
int keyfile_rotate(const char *path, const struct keyfile_rotation *how, struct keyring *ret_ring,
                   struct keyfile_stamp *ret_stamp);
