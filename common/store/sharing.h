// SPDX-License-Identifier: Apache-2.0
// Who has a store's file, and whose turn it is to write: locks in a file beside it (PATH-lock), which the system gives
// back when a process ends, however it ends. SQLite lets whoever comes first write, so that one who writes without a
// pause keeps all others out; here each waits in front of the next transaction, and they take turns.
#pragma once

#include "store/store.h"

struct sharing {
    int fd; // -1: nothing is locked
    uint32_t patience_ms;
    bool shared;
};

#define SHARING_NONE ((struct sharing){.fd = -1})

// use: STORE_ALONE or STORE_SHARED. *ret_first: nobody else is there, nor comes in before sharing_opened.
// ERR_INUSE: another process has it alone, or is there at all when use is STORE_ALONE; ERR_DENIED, ERR_IO.
int sharing_enter(const char *path, enum store_use use, uint32_t patience_ms, struct sharing *ret_s, bool *ret_first);
void sharing_opened(struct sharing *s);
void sharing_leave(struct sharing *s);
bool sharing_has_others(const struct sharing *s);

// Around the beginning of a transaction. ERR_TIMEOUT: it was not our turn within the patience.
int sharing_wait(struct sharing *s);
void sharing_go(struct sharing *s);
