// SPDX-License-Identifier: Apache-2.0
// The log's insides. One piece of work at a time: in the loop it is formed (a batch applied to the index, reads
// looked up, a slice of the snapshot chosen), on a worker it is done (append and sync, reads, the snapshot's step), and
// in the loop again it is settled: what failed is taken back from the index, in reverse.
#pragma once

#include <semaphore.h>

#include "store/record.h"
#include "store/sorted.h"
#include "store/state_log.h"

enum { LOG_FILES = 8, LOG_NAME = 24, PLACE_BITS = 48 };

struct statelog_file {
    struct disk_file *f; // NULL: free
    uint64_t n;          // bytes of use, up to here
    uint64_t lot;
    uint32_t generation;
    bool snap;
};

// A record to be read.
struct statelog_read {
    uint64_t place;
    uint32_t size;
    bool bad;
};

enum compact_step { COMPACT_IDLE, COMPACT_ROLL, COMPACT_BEGIN, COMPACT_COPY, COMPACT_END, COMPACT_CLEAN };

struct compact {
    enum compact_step step;
    unsigned snap;    // slot of the new snapshot
    bool renamed;
    uint64_t copied;  // records
    uint64_t least;   // bytes on the disk after the last one: it cannot be done better until something is written
    size_t cursor_n, next_n;
    char cursor[STATE_KEY_MAX]; // the last key of the slices that are there
    char next[STATE_KEY_MAX];   // and of the one that is being copied
    struct timer retry;
    bool failing;
    // The piece of work under way.
    bool chosen;
    int err;
    struct statelog_file made;   // ROLL, BEGIN
    uint64_t first;         // version of the next batch
    uint64_t lot;           // of the file to be made
    struct statelog_read *reads;
    struct sorted_entry **entries;
    size_t n, n_buf;
    char *buf;
};

struct statelog {
    struct state_backend base;
    struct loop *loop;
    struct disk *disk;
    struct sorted index;
    struct statelog_file files[LOG_FILES];
    unsigned active;
    uint64_t next_version;
    uint64_t live_bytes, entry_bytes, max_bytes, compact_bytes;
    uint64_t damaged; // found when the store was opened
    uint64_t compactions, compaction_failures, compacted_at_ms;
    bool salvage, cut; // cut: there is something of a failed batch behind the log's end
    uint64_t refused;  // the largest record that max_bytes has kept out, since it was last told of

    struct list *ops; // the batch under way
    char *buf;        // what is appended, head first
    size_t n_buf;
    uint32_t n_records;
    uint64_t first;
    int err;
    struct compact compact;
    bool working;
    sem_t ran;
};

static inline uint64_t place_make(unsigned slot, uint64_t at)
{
    return (uint64_t)slot << PLACE_BITS | at;
}

static inline unsigned place_slot(uint64_t place)
{
    return (unsigned)(place >> PLACE_BITS);
}

static inline uint64_t place_at(uint64_t place)
{
    return place & ((UINT64_C(1) << PLACE_BITS) - 1);
}

static inline uint32_t entry_size(const struct sorted_entry *e)
{
    return (uint32_t)record_size(e->key_n, e->value_n);
}

// ---- statelog_files.c ----

void statelog_name(char ret_name[LOG_NAME], uint32_t generation, const char *kind);
void statelog_file_name(const struct statelog_file *f, char ret_name[LOG_NAME]);
// A free slot; LOG_FILES: none.
unsigned statelog_slot(const struct statelog *g);
uint64_t statelog_disk_bytes(const struct statelog *g);
// Makes a file (or begins it anew) with its head, on the disk but for its name.
int statelog_make(struct disk *d, const char *name, uint32_t generation, uint64_t first, uint64_t lot,
             struct statelog_file *ret_file);
// Reads records into buf, one behind the other; what lies together in one go. Those that are not whole, or of another
// size, are marked bad.
int statelog_read_all(const struct statelog *g, struct statelog_read *reads, size_t n, char *buf);

// ---- statelog_load.c ----

int statelog_load(struct statelog *g, char *why, size_t size);
// Of the key as r says; ERR_NOMEM. Used while there is nobody to whom to take it back.
int statelog_set(struct statelog *g, const struct record *r, uint64_t place);

// ---- statelog_each.c ----

int statelog_each(struct statelog *g, struct str prefix, state_each_cb cb, void *arg);

// ---- statelog_batch.c ----

struct sorted_entry *statelog_entry_new(struct statelog *g, struct str key);
void statelog_entry_free(struct statelog *g, struct sorted_entry *e);
// Applies ops to the index and writes them to buf. ERR_NOMEM: nothing has happened.
int statelog_form(struct statelog *g, struct list *ops);
// On the worker.
void statelog_append(struct statelog *g);
void statelog_read_ops(struct statelog *g);
// Ends the batch as err says.
void statelog_settle(struct statelog *g);

// ---- statelog_compact.c ----

void statelog_compact_init(struct statelog *g);
bool statelog_compact_due(const struct statelog *g);
void statelog_compact_choose(struct statelog *g);
void statelog_compact_work(struct statelog *g);
void statelog_compact_settle(struct statelog *g);
void statelog_compact_done(struct statelog *g);
