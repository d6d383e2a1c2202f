// SPDX-License-Identifier: Apache-2.0
// Inside of what a node keeps: keep_item.c writes what has changed, keep.c opens, loads and closes.
//
// An item is in one of two lists, or in none: `changed` is written at the end of the turn, `stuck` is what the disk has
// refused. Beside that at most one write of it is on its way; what changes meanwhile is written when that has come
// back. What was removed is an item of its own, under its key, until the record is gone.
#pragma once

#include "base/hash.h"
#include "io/loop.h"
#include "store/keep.h"

enum { KEEP_RETRY_MS = 1000, KEEP_RETRY_MORE = 16 };

// The record that says whose folder it is; no kind has it.
#define KEEP_OWNER "carillon"

struct keep_waiter {
    struct keep_waiter *next;
    keep_cb cb;
    void *arg;
    uint64_t id;
};

// Waits for several writes at once; the waiters hear of the last one that failed.
struct keep_gather {
    struct list link; // in the keep's gathers
    struct keep *keep;
    struct keep_waiter *waiters;
    unsigned left;
    int err;
};

struct keep_write {
    struct list link; // in the keep's flying
    struct list again; // in the keep's again: the item has changed since
    struct keep *keep;
    struct keep_item *item; // NULL: it was removed, or another one has its key
    struct keep_waiter *waiters;
};

struct keep_removal {
    struct keep_item item; // of the kind keep_removals
    UT_hash_handle hh;
    size_t n;
    char key[];
};

struct keep {
    struct loop *loop;
    struct disk *disk;
    struct state *state;
    struct list changed, stuck, flying, again, gathers;
    uint64_t seq; // of changes
    struct keep_removal *removals; // by key
    struct keep_waiter *alls;      // wait for all that is in `changed`
    struct keep_waiter *orphans;   // of an item whose removal found no memory
    struct deferred turn;
    struct timer retry;
    uint64_t listed, n_flying, failures; // items in a list; writes that failed
    uint64_t n_refused, refused_since;   // items that the disk has refused and not taken since; ns
    uint64_t lost, loaded, dropped;
    int last_err;
    char *buf; // a value being written
    size_t cap;
    bool sign; // the folder has to be marked as this node's
    uint32_t format;
    char name[32], folder[KEEP_FOLDER];
};

extern const struct keep_kind keep_removals;

void keep_items_init(struct keep *k);
// After the store has been closed.
void keep_items_done(struct keep *k);
// The record of this whole key is of no use.
int keep_drop(struct keep *k, struct str key);
