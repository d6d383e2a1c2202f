// SPDX-License-Identifier: Apache-2.0
// The state store's own backend: an append log and snapshots in a folder of its own. Keys and places are in memory,
// values on the disk.
//
// A batch is one write and one sync of the log at its end. When more than half of what lies there is of no use any
// more, a new log begins and what the older files still have of use is copied, a slice with each batch, into a
// snapshot, which takes their place in one rename. So a start reads about as much as there is of use, twice that at
// the most and compact_bytes, and the files are never larger than three times that and compact_bytes.
//
//   00000007.snap   every record that was of use in files before 7
//   00000007.log    what was written since; 00000008.log after it when a snapshot was under way
//   *.tmp           a snapshot that was not finished: removed
#pragma once

#include "io/disk.h"
#include "store/state_priv.h"

struct state_log_params {
    struct disk *disk;          // the caller's; outlives the store
    struct state_limits limits;
    uint64_t max_bytes;         // of the records, as they lie on the disk; a put beyond gives ERR_FULL, a vital one
                                // beyond a sixteenth more, 16 MiB at least. 0: 4 GiB
    uint64_t compact_bytes;     // of no use that are always allowed, 0: 16 MiB
    bool salvage;               // leave out what is damaged, with a line in the log for each, instead of ERR_BAD
};

// Reads the folder, or makes a new store in it; blocks. An unfinished batch at the end of the last log is cut off:
// nobody was told of it. ERR_BAD: damaged before that, of what had been acknowledged; why says which file and where.
int state_open_log(struct loop *l, const struct state_log_params *p, char *why, size_t size, struct state **ret_state);
