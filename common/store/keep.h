// SPDX-License-Identifier: Apache-2.0
// What a node has in memory and on its disk alike. Each thing that is to outlive the process (a registration, a
// contact's flow, a message that waits for the HSS) has a struct keep_item inside, and is one record of the state
// store (state.h). Memory is what counts and the disk follows:
//
//   changed          keep_changed(k, &reg->item). What changed in a turn of the loop is written at its end, each item
//                    once however often it changed, all of them in one batch.
//   is to be sure    keep_wait comes back when what the item is now is on the disk: before a 200 leaves.
//   ended            keep_removed, before its memory goes.
//   start            keep_open, then keep_load for each kind, before anything comes in. Both block.
//   end              keep_flush when the node has drained; keep_close before the tables are freed: what is freed
//                    afterwards stays on the disk.
//
// While the disk refuses (full, broken) what is not written stays marked, and is written as it is then when the disk
// takes writes again; a try every second, and one for whoever waits. So memory and disk agree in the end whatever
// happened between, nothing piles up but the keys of what was removed, and who waits hears of the failure at once.
// One thread; callbacks come in the loop. A NULL keep is a node that keeps nothing: every call is harmless.
#pragma once

#include "base/list.h"
#include "base/writer.h"
#include "store/state.h"

struct keep;
struct keep_item;

// Things of one kind: one for each table of the node, static or beside it.
struct keep_kind {
    struct str prefix; // of the keys: "reg/"; no kind's prefix begins with another one's
    // The item's key behind the prefix, which never changes, and its value as it is now. No side effects. ERR_NOMEM:
    // the value is asked for again in a while, and who waits hears of it at once.
    void (*key)(void *arg, const struct keep_item *it, struct writer *w);
    int (*value)(void *arg, const struct keep_item *it, struct writer *w);
    void *arg;
    // Must not be lost when the store has reached its bound: as state_put_vital. What is removed behind such an item in
    // one turn is gone from the disk only when the item is there.
    bool vital;
};

// Embedded in its owner. All zero it has no kind and may be passed to keep_removed alone.
struct keep_item {
    struct list link; // among those that are to be written
    const struct keep_kind *kind;
    struct keep_write *write; // on its way
    struct keep_waiter *waiters; // for the next one
    uint64_t seq; // of its last change
    bool refused; // its last write that has come back was, or that of the record which it follows
};

enum { KEEP_FOLDER = 256 };

struct keep_params {
    struct loop *loop;
    const char *folder; // opened with loop_disk
    struct str node;    // "scscf": whose records these are. Another node's folder is refused
    uint32_t format;    // the newest that it writes, from 1: a folder that a newer program has written to is refused.
                        // Of which format a value is it says itself, once there are several
    uint64_t max_bytes, compact_bytes; // as in state_log.h
    bool salvage;
};

// ERR_INUSE: another process has the folder. ERR_BAD: damaged, another node's, or newer. ERR_DENIED, ERR_FULL, ERR_IO,
// ERR_NOTFOUND (what the folder should be in), ERR_NOMEM. why (size bytes) gets the reason in words.
int keep_open(const struct keep_params *p, char *why, size_t size, struct keep **ret_keep);
// One record of the kind; key is without the prefix. Returns 0 when it has been taken: the owner has an item of this
// key from now on (keep_item_init), and ERR_NODATA when it is of no use any more (expired, not understood): it is
// deleted. Anything else ends the loading.
typedef int (*keep_load_cb)(void *arg, struct str key, struct str value);
int keep_load(struct keep *k, const struct keep_kind *kind, keep_load_cb cb, void *arg);

void keep_item_init(struct keep_item *it, const struct keep_kind *kind);
// Its value is another, or it is new.
void keep_changed(struct keep *k, struct keep_item *it);
// It is gone, and so is its record soon: who waited for a value that is not on its way yet waits for that. Call it
// while key still works; harmless twice, and for an item that was never written.
void keep_removed(struct keep *k, struct keep_item *it);

// err as a put's in state.h: ERR_FULL, ERR_IO, ERR_NOMEM, ERR_INVAL (larger than a record can be).
typedef void (*keep_cb)(void *arg, uint64_t id, int err);
enum { KEEP_NOW = 1 };
// 0: cb comes later, when the item as it is now is on the disk, or could not be written (which is tried again all the
// same). KEEP_NOW: it is there, cb does not come. ERR_NOMEM. id is for what may be gone by then.
int keep_wait(struct keep *k, struct keep_item *it, keep_cb cb, void *arg, uint64_t id);
// keep_removed, and the same of the record that is to go. ERR_NOMEM: it has been removed all the same.
int keep_removed_wait(struct keep *k, struct keep_item *it, keep_cb cb, void *arg, uint64_t id);
// Until the record of what was removed is gone; key is the whole one.
int keep_wait_gone(struct keep *k, struct str key, keep_cb cb, void *arg, uint64_t id);
// The same for what has changed or was removed since keep_mark, in this turn of the loop, and nothing else: what the
// disk refuses of others is no failure here. When nothing has, for all as keep_wait_all: it was changed earlier.
uint64_t keep_mark(const struct keep *k);
int keep_wait_since(struct keep *k, uint64_t mark, keep_cb cb, void *arg, uint64_t id);
// The same for all that changed or was removed before.
int keep_wait_all(struct keep *k, keep_cb cb, void *arg, uint64_t id);

// For the end: as keep_wait_all, and once for ever; comes back at once, too, when the disk refuses. Harmless for NULL:
// cb comes before it returns.
void keep_flush(struct keep *k, keep_cb cb, void *arg);
// Waits for a batch that is under way. What has not come back does not come back any more; what was not written is
// not. Items may outlive it. Takes NULL.
void keep_close(struct keep *k);

struct keep_figures {
    struct state_figures state;
    uint64_t unwritten;      // items and removals that are not on the disk as they are
    uint64_t unwritten_ms;   // since when there has been one that could not be written; 0: all could
    uint64_t lost;           // changes that never can be: too large, or no memory for the key of what was removed
    uint64_t loaded, dropped; // records at the start; those of no use
    int refused_with;        // the last error while it refuses
    bool failing;            // the disk refuses
};
struct keep_figures keep_figures(const struct keep *k); // of NULL: all zero
bool keep_failing(const struct keep *k);
const char *keep_folder(const struct keep *k); // of NULL: ""
