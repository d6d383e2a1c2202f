// SPDX-License-Identifier: Apache-2.0
// Inside of what a node keeps: keep_item.c writes what has changed, keep_wait.c tells who waits for it, keep.c opens,
// loads and closes.
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

// ---- keep_wait.c ----

// Calls and frees them all.
void keep_tell(struct keep_waiter *w, int err);
void keep_waiters_append(struct keep_waiter **to, struct keep_waiter *more);
// ERR_NOMEM.
int keep_waiter_add(struct keep_waiter **to, keep_cb cb, void *arg, uint64_t id);
void keep_waiters_free(struct keep_waiter *w);

// Held by its maker until that calls keep_gathered. NULL: no memory.
struct keep_gather *keep_gather_new(struct keep *k);
void keep_gathered(void *arg, uint64_t id, int err);
// It waits for one more. ERR_NOMEM, as of the next two.
int keep_gather(struct keep_gather *g, struct keep_waiter **from);
// For the second write of each item that has changed since mark while the first one is on its way: it is asked when
// that has come back.
int keep_gather_again(struct keep_gather *g, uint64_t mark);
// For each item in `changed` that has changed since mark. What has changed last is behind what changed before.
int keep_gather_changed(struct keep_gather *g, uint64_t mark);
