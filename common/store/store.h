// SPDX-License-Identifier: Apache-2.0
// What must survive a crash, behind one small interface: a relational store whose statements are a
// table of the user's and whose schema is a list of migrations. The embedded engine is SQLite in WAL
// mode with synchronous=FULL: when store_commit returns 0 the transaction is on the disk. A store is
// used by one thread at a time (the loop, or a piece of loop_work); calls may block on the disk, so
// commits belong in loop_work. A second store on the same file reads while the first one writes. Several processes may
// write to one file when all of them say so (STORE_SHARED): a transaction sees all that was committed before it began,
// whoever did, and store_foreign_write tells whether what is remembered outside of the store may be wrong.
#pragma once

#include "base/str.h"

struct store;

enum store_kind { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BLOB };

struct store_value {
    enum store_kind kind;
    int64_t num;  // STORE_INT
    struct str s; // STORE_TEXT, STORE_BLOB
};

#define SV_NULL ((struct store_value){.kind = STORE_NULL})
#define SV_INT(n_) ((struct store_value){.kind = STORE_INT, .num = (int64_t)(n_)})
#define SV_BLOB(s_) ((struct store_value){.kind = STORE_BLOB, .s = (s_)})
// An absent text (p NULL) is stored as NULL.
static inline struct store_value SV_TEXT(struct str s)
{
    return (struct store_value){.kind = s.p ? STORE_TEXT : STORE_NULL, .s = s};
}

// Which other processes may have the file at the same time. STORE_UNGUARDED: whoever; for who reads only.
enum store_use { STORE_UNGUARDED, STORE_ALONE, STORE_SHARED };

struct store_params {
    const char *path;              // file, or ":memory:"
    const char *const *migrations; // script i takes the schema from version i to i + 1
    size_t n_migrations;
    const char *const *sql;        // statements, named by their index
    size_t n_sql;
    bool read_only;
    uint32_t busy_ms;              // wait for another writer; 0: 1000
    uint64_t max_bytes;            // of the file, 0: unlimited; beyond it writes give ERR_FULL
    enum store_use use;            // for ":memory:" as if unguarded
};

// Opens (creates, unless read_only) and migrates. ERR_BAD: not a store, or of a newer version, or of an older one that
// other processes use now; ERR_INUSE: another process has it, and not both share it;
// ERR_DENIED, ERR_IO, ERR_FULL, ERR_NOMEM. why (may be NULL, size bytes) gets the engine's reason.
int store_open(const struct store_params *p, char *why, size_t size, struct store **ret_store);
void store_close(struct store *s); // takes NULL

// A write transaction. ERR_TIMEOUT: another process writes; those who share a store take turns. After an error from
// store_run or store_commit call store_rollback: nothing of the transaction remains.
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

// True when another connection or program has written since the last call; inside a transaction.
// True too when that cannot be found out.
bool store_foreign_write(struct store *s);
// Whether another process shares it now.
bool store_has_others(const struct store *s);
// How it is used now, by whomever; STORE_UNGUARDED: nobody is known to use it.
enum store_use store_users(const char *path);

// Called for each row; texts live until it returns. Nonzero ends the query, which returns it.
typedef int (*store_row_cb)(void *arg, const struct store_value *cols, size_t n);

// Runs statement sql with its n arguments in order. cb may be NULL. ERR_EXISTS: a constraint is
// broken; ERR_FULL: disk full; ERR_TIMEOUT: busy; ERR_DENIED: read-only; ERR_IO; ERR_BAD: damaged file.
int store_run(struct store *s, unsigned sql, const struct store_value *args, size_t n,
              store_row_cb cb, void *arg);
#define STORE_RUN(s_, sql_, cb_, arg_, ...)                                                        \
    store_run((s_), (sql_), (const struct store_value[]){__VA_ARGS__},                             \
              sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value),      \
              (cb_), (arg_))

// Row id of the last insert; rows changed by the last statement.
int64_t store_last_id(const struct store *s);
int64_t store_changes(const struct store *s);
// The engine's words for the last failure; for logs.
const char *store_error(const struct store *s);
