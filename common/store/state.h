// SPDX-License-Identifier: Apache-2.0
// State that outlives the process: records under a key, each with a version, behind a face that never blocks.
//
// A record's way: state_put copies it into the queue and returns. At the end of the loop's turn what is queued
// becomes one batch (while one is under way, the next one gathers), which the backend writes and brings to the
// disk off the loop's thread. Then, in the loop, watchers hear of each change and each caller of his result, in
// the order of the calls. So operations take effect one after the other, as called; an answer, a get's too,
// tells of nothing that a crash could take back; a batch survives whole or not at all, and never without those
// before it.
//
// An operation that fails has changed nothing as far as this process is concerned; if the process ends before
// another write succeeds, a write that failed with ERR_IO or ERR_FULL may be found done after all.
//
// Everything queued is bounded (ERR_FULL at the call, no callback): whoever fills it waits for an answer. What
// stands behind is a table of operations (state_priv.h): an append log with snapshots, state_log.h. The face is
// the same in the simulation, on a disk of sim_disk.h.
#pragma once

#include "base/str.h"

struct state;
struct state_watch;

enum {
    STATE_KEY_MAX = 1024,        // bytes, at least 1
    STATE_VALUE_MAX = 1 << 20,
    STATE_SCAN_MAX = 1024,       // records of one page
    STATE_SCAN_BYTES = 1 << 20,  // of one page, one record at least
    STATE_WATCHES_MAX = 64,
    STATE_TIMES = 12,
};

// In place of a version: whatever is there.
#define STATE_ANY UINT64_MAX

// Version 0: there is no such record (any more), and value.p is NULL. No two versions of a store are equal, those
// of a record that was deleted and made again included, and later ones are larger.
struct state_record {
    struct str key, value;
    uint64_t version;
};

// What an operation comes back with. r lives until it returns. id is the caller's, for what may be gone by then.
//   0              done. Of a get r is the record; of a put its value is not there, its version the new one
//   ERR_NOTFOUND   get and delete: no such record
//   ERR_STATE      put and delete: the version is another, r->version (0: no record)
//   ERR_BAD        get: the record is damaged on the disk
//   ERR_FULL       the disk is full, or the store has reached its bound
//   ERR_IO, ERR_NOMEM
typedef void (*state_cb)(void *arg, uint64_t id, int err, const struct state_record *r);
struct state_done {
    state_cb cb; // NULL: nobody waits; failures are logged and counted all the same
    void *arg;
    uint64_t id;
};

// A page of a scan, n records in the order of their keys. more: go on after the last one's key.
typedef void (*state_scan_cb)(void *arg, uint64_t id, int err, const struct state_record *rs, size_t n, bool more);

// All of these: 0 and the callback comes later, never before they return; or no callback and ERR_INVAL (key,
// value or limit out of range), ERR_FULL (the queue is), ERR_NOMEM. Keys and values are copied.

int state_get(struct state *s, struct str key, struct state_done done);
// Writes when the record's version is if_version: compare and set. 0: there must be none, STATE_ANY: unconditional.
int state_put(struct state *s, struct str key, struct str value, uint64_t if_version, struct state_done done);
// The same, unconditional, for what must not be lost: it may use room beyond the store's bound (state_log.h), and a
// delete that is called next is in the same batch: the disk has both or neither.
int state_put_vital(struct state *s, struct str key, struct str value, struct state_done done);
int state_delete(struct state *s, struct str key, uint64_t if_version, struct state_done done);
// Up to limit (STATE_SCAN_MAX) records whose keys start with prefix and come after the key `after` (p NULL: from the
// first one on). Each page is of one moment; between two pages others may write.
int state_scan(struct state *s, struct str prefix, struct str after, size_t limit, state_scan_cb cb, void *arg,
               uint64_t id);
// Comes back (0, an empty record) when everything called before it has come back.
int state_barrier(struct state *s, struct state_done done);

// Each change of a record whose key starts with prefix, after it has reached the disk and before its writer hears
// of it, in order; what another instance changed too, where the backend is shared. ERR_FULL: too many.
typedef void (*state_watch_cb)(void *arg, const struct state_record *r);
int state_watch(struct state *s, struct str prefix, state_watch_cb cb, void *arg, struct state_watch **ret_watch);
void state_unwatch(struct state_watch *w); // takes NULL

// Every record whose key starts with prefix, in the order of the keys, before anything else is asked: blocks. cb
// returns 0, or what ends it and is returned. Damaged records are told of in the log and left out. ERR_STATE:
// something has been asked already; ERR_UNSUPPORTED: the store is not this process's own.
typedef int (*state_each_cb)(void *arg, const struct state_record *r);
int state_each(struct state *s, struct str prefix, state_each_cb cb, void *arg);

// Upper bounds of how long batches took, in microseconds; the last one is UINT64_MAX.
extern const uint64_t state_times_us[STATE_TIMES];

struct state_figures {
    uint64_t records, live_bytes;               // of the store; live_bytes as they lie on the disk
    uint64_t disk_bytes, memory_bytes;          // all files; the index
    uint64_t waiting, waiting_bytes;            // operations that have not come back
    uint64_t gets, puts, deletes, scans;        // come back, whatever with
    uint64_t conflicts;                         // versions that were others
    uint64_t batches, largest_batch;            // with something to write; operations in the largest one
    uint64_t batch_ns, batch_ns_max;            // their time from leaving the loop's turn to coming back
    uint64_t batch_times[STATE_TIMES]; // batches that took as long as the bound, and longer than the one before
    uint64_t pushed_back;                       // calls refused because the queue was full
    uint64_t failed;                            // operations that came back with a failure of the store
    uint64_t damaged;                           // records or batches found damaged
    uint64_t compactions, compaction_failures;
    uint64_t compacted_at_ms;                   // wall clock of the last snapshot, of the last failed batch; 0: none
    uint64_t failed_at_ms;
    const char *failed_with;                    // static text; NULL: none
    bool failing, compacting;
};
struct state_figures state_figures(const struct state *s);

// Waits for work that is under way at this moment and frees. What has not come back does not come back any more
// (state_barrier first), and of what was still waiting nothing is written. Before the loop is freed. Takes NULL.
void state_close(struct state *s);
