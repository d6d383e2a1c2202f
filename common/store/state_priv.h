// SPDX-License-Identifier: Apache-2.0
// What the face of the state store and what stands behind it agree on. The face (state.c) owns the queue, its
// bounds, the callbacks, watchers and figures; a backend gets one batch at a time.
#pragma once

#include "base/list.h"
#include "io/loop.h"
#include "store/state.h"

enum state_kind { STATE_GET, STATE_PUT, STATE_DELETE, STATE_SCAN, STATE_BARRIER };

// An operation on its way. The backend fills in err, version, n, records, buf, more and changed.
struct state_op {
    struct list link;
    enum state_kind kind;
    struct state_done done;
    state_scan_cb scanned; // in place of done.cb
    struct str key, value; // of a scan: prefix, and the key that it goes on after
    bool goes_on;
    bool vital; // of a put
    uint64_t if_version;
    uint32_t limit;

    int err;
    bool again;   // was only read, in a batch that failed: has to be asked once more
    bool changed; // watchers are told
    bool more;
    uint64_t version;              // of a write; of a conflict what is there
    struct state_record *records;  // of a get and a scan, n of them, allocated; into buf
    size_t n;
    char *buf;                     // allocated

    struct { // the backend's own: how to take it back
        void *entry;
        uint64_t version, place;
        uint32_t value_n;
        bool gone, made, last;
    } undo;
    char bytes[];
};

struct state_backend {
    const struct state_ops *ops;
    struct state *face;
};

// A backend: a log of this process's own, or a client of one that others share. It is never called while a batch is
// under way. A shared one tells of what others changed with state_changed.
struct state_ops {
    const char *name;
    // Takes the operations of ops in their order, perhaps none (when it asked for a turn by busy_with), and ends in
    // state_ran, later and in the loop. An error: nothing has been done and state_ran will not be called.
    int (*run)(struct state_backend *b, struct list *ops);
    // Has work of its own to do, in batches of nothing if need be.
    bool (*has_work)(const struct state_backend *b);
    void (*figures)(const struct state_backend *b, struct state_figures *f);
    // As state_each; nothing is under way. NULL: cannot.
    int (*each)(struct state_backend *b, struct str prefix, state_each_cb cb, void *arg);
    // Waits for a batch that is under way.
    void (*free)(struct state_backend *b);
};

struct state_limits {
    uint32_t waiting;       // operations, 0: 65536
    uint64_t waiting_bytes; // their keys and values, 0: 64 MiB
    uint32_t batch;         // operations, 0: 4096
    uint64_t batch_bytes;   // 0: 1 MiB; one operation at least
};

// Takes the backend, also when it fails.
int state_new(struct loop *l, struct state_backend *b, const struct state_limits *limits, struct state **ret_state);
// The batch has come back. wrote: something was to be written; why, static text, is the cause when that failed with
// err.
void state_ran(struct state *s, bool wrote, int err, const char *why);
// For run: from op on it is too much for this batch; these are first in the next one.
void state_give_back(struct state *s, struct state_op *op);
// The backend has_work from now on.
void state_kick(struct state *s);
// A record has changed without an operation of this process.
void state_changed(struct state *s, const struct state_record *r);
// A damaged record or batch: one line in the log, and counted.
void state_damaged(struct state *s, const char *file, uint64_t at, struct str key);
