// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/sharing.h"

struct store {
    sqlite3 *db;
    struct sharing sharing;
    uint32_t busy_ms;
    const char *const *sql;
    size_t n_sql;
    char why[160];         // of the last failure
    sqlite3_stmt *data_version;
    int64_t last_version;
    sqlite3_stmt *stmts[]; // prepared on first use
};

enum { BUSY_MS = 1000, CACHE_KIB = 32768 };

static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_TIMEOUT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return ERR_DENIED;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
        return ERR_BAD;
    default:
        return ERR_IO;
    }
}

static int failed(struct store *s, int rc)
{
    int err = error_of(rc);
    if (err)
        (void)snprintf(s->why, sizeof(s->why), "%s", sqlite3_errmsg(s->db));
    return err;
}

static int exec(struct store *s, const char *sql)
{
    return failed(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static int pragma(struct store *s, const char *name, long long value)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "PRAGMA %s=%lld", name, value);
    return exec(s, text);
}

static int scalar(struct store *s, const char *sql, int64_t *ret_v)
{
    sqlite3_stmt *st = NULL;
    int err = failed(s, sqlite3_prepare_v2(s->db, sql, -1, &st, NULL));
    if (!err)
        err = failed(s, sqlite3_step(st));
    if (!err)
        *ret_v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return err;
}

static int of_another_program(struct store *s, int64_t version, size_t own, bool first)
{
    (void)snprintf(s->why, sizeof(s->why), "schema version %lld, this program's is %zu%s", (long long)version, own,
                   first ? "" : ", and other processes use the store");
    return ERR_BAD;
}

// One transaction for all steps: a crash leaves the old version or the new one. Nobody's statements may find another
// schema than they were written for: who is not the first to open the store changes nothing.
static int migrate(struct store *s, const struct store_params *p, bool first)
{
    int64_t version = 0;
    int err = scalar(s, "PRAGMA user_version", &version);
    if (err || (size_t)version == p->n_migrations)
        return err;
    if ((size_t)version > p->n_migrations || p->read_only || !first)
        return of_another_program(s, version, p->n_migrations, first);
    err = exec(s, "BEGIN IMMEDIATE");
    if (!err) // another process may have been first, and of a later version
        err = scalar(s, "PRAGMA user_version", &version);
    if (!err && (size_t)version > p->n_migrations)
        err = of_another_program(s, version, p->n_migrations, true);
    for (size_t i = (size_t)version; !err && i < p->n_migrations; i++)
        err = exec(s, p->migrations[i]);
    if (!err)
        err = pragma(s, "user_version", (long long)p->n_migrations);
    if (!err)
        err = exec(s, "COMMIT");
    if (err)
        store_rollback(s);
    return err;
}

// SQLite would create the file readable for all; its companions take over its mode.
static void create_private(const char *path)
{
    if (strcmp(path, ":memory:") == 0)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static int limit_size(struct store *s, uint64_t max_bytes)
{
    int64_t page = 4096;
    int err = scalar(s, "PRAGMA page_size", &page);
    if (!err && max_bytes)
        err = pragma(s, "max_page_count", (long long)(max_bytes / (uint64_t)page));
    return err;
}

// SQLite's own way to wait pauses up to 100 ms: whose turn it is shall not miss it.
static int busy(void *arg, int tries)
{
    const struct store *s = arg;
    if (tries < 0 || (uint32_t)tries >= s->busy_ms)
        return 0;
    (void)sqlite3_sleep(1);
    return 1;
}

static void set_patience(struct store *s, const struct store_params *p)
{
    if (p->use == STORE_SHARED)
        sqlite3_busy_handler(s->db, busy, s);
    else
        sqlite3_busy_timeout(s->db, (int)s->busy_ms);
}

static int open_db(struct store *s, const struct store_params *p, bool first)
{
    if (!p->read_only)
        create_private(p->path);
    int flags = p->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int err = failed(s, sqlite3_open_v2(p->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL));
    if (err)
        return err;
    set_patience(s, p);
    if (!p->read_only)
        err = exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                      "PRAGMA journal_size_limit=67108864;"
                      "PRAGMA temp_store=MEMORY");
    if (!err)
        err = pragma(s, "cache_size", -CACHE_KIB);
    if (!err)
        err = limit_size(s, p->max_bytes);
    return err ? err : migrate(s, p, first);
}

static int enter(struct store *s, const struct store_params *p, bool *ret_first)
{
    *ret_first = true;
    if (p->use == STORE_UNGUARDED || strcmp(p->path, ":memory:") == 0)
        return 0;
    int err = sharing_enter(p->path, p->use, s->busy_ms, &s->sharing, ret_first);
    if (err)
        (void)snprintf(s->why, sizeof(s->why), "%s",
                       err == ERR_INUSE ? "another process uses it, and not both of them share it"
                                        : "its lock file cannot be used");
    return err;
}

int store_open(const struct store_params *p, char *why, size_t size, struct store **ret_store)
{
    struct store *s = mem_zalloc(sizeof(*s) + p->n_sql * sizeof(s->stmts[0]));
    if (!s)
        return ERR_NOMEM;
    s->sql = p->sql;
    s->n_sql = p->n_sql;
    s->sharing = SHARING_NONE;
    s->busy_ms = p->busy_ms ? p->busy_ms : BUSY_MS;
    bool first;
    int err = enter(s, p, &first);
    if (!err)
        err = open_db(s, p, first);
    sharing_opened(&s->sharing);
    if (err) {
        if (why)
            (void)snprintf(why, size, "%s", s->why);
        store_close(s);
        return err;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_sql; i++)
        sqlite3_finalize(s->stmts[i]);
    sqlite3_finalize(s->data_version);
    sqlite3_close(s->db);
    sharing_leave(&s->sharing);
    mem_free(s);
}

int store_begin(struct store *s)
{
    int err = sharing_wait(&s->sharing);
    if (err) {
        (void)snprintf(s->why, sizeof(s->why), "another process writes");
        return err;
    }
    err = exec(s, "BEGIN IMMEDIATE");
    sharing_go(&s->sharing);
    return err;
}

bool store_has_others(const struct store *s)
{
    return sharing_has_others(&s->sharing);
}

int store_commit(struct store *s)
{
    return exec(s, "COMMIT");
}

// Some failures (a full disk) have rolled back already.
void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

bool store_foreign_write(struct store *s)
{
    int rc = SQLITE_OK;
    if (!s->data_version)
        rc = sqlite3_prepare_v3(s->db, "PRAGMA data_version", -1, SQLITE_PREPARE_PERSISTENT,
                                &s->data_version, NULL);
    if (rc != SQLITE_OK || sqlite3_step(s->data_version) != SQLITE_ROW) {
        sqlite3_reset(s->data_version);
        return true;
    }
    int64_t now = sqlite3_column_int64(s->data_version, 0);
    sqlite3_reset(s->data_version);
    bool changed = now != s->last_version;
    s->last_version = now;
    return changed;
}

static int statement(struct store *s, unsigned sql, sqlite3_stmt **ret_st)
{
    if (!s->stmts[sql]) {
        int err = failed(s, sqlite3_prepare_v3(s->db, s->sql[sql], -1, SQLITE_PREPARE_PERSISTENT,
                                               &s->stmts[sql], NULL));
        if (err)
            return err;
    }
    *ret_st = s->stmts[sql];
    return 0;
}

static int bind(sqlite3_stmt *st, int i, const struct store_value *v)
{
    switch (v->kind) {
    case STORE_INT:
        return sqlite3_bind_int64(st, i, v->num);
    case STORE_TEXT:
        return sqlite3_bind_text64(st, i, v->s.p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
    case STORE_BLOB:
        return sqlite3_bind_blob64(st, i, v->s.p, v->s.n, SQLITE_STATIC);
    case STORE_NULL:
        break;
    }
    return sqlite3_bind_null(st, i);
}

enum { COLUMNS_MAX = 32 };

static size_t read_row(sqlite3_stmt *st, struct store_value cols[COLUMNS_MAX])
{
    size_t n = (size_t)sqlite3_column_count(st);
    if (n > COLUMNS_MAX)
        n = COLUMNS_MAX;
    for (size_t i = 0; i < n; i++) {
        int c = (int)i;
        int type = sqlite3_column_type(st, c);
        cols[i] = SV_NULL;
        if (type == SQLITE_INTEGER) {
            cols[i] = SV_INT(sqlite3_column_int64(st, c));
        } else if (type != SQLITE_NULL) {
            cols[i].kind = type == SQLITE_BLOB ? STORE_BLOB : STORE_TEXT;
            const void *p = sqlite3_column_blob(st, c);
            cols[i].s = str_make(p ? p : "", (size_t)sqlite3_column_bytes(st, c));
        }
    }
    return n;
}

static int step_all(struct store *s, sqlite3_stmt *st, store_row_cb cb, void *arg)
{
    struct store_value cols[COLUMNS_MAX];
    for (;;) {
        int rc = sqlite3_step(st);
        if (rc == SQLITE_DONE)
            return 0;
        if (rc != SQLITE_ROW)
            return failed(s, rc);
        if (!cb)
            continue;
        size_t n = read_row(st, cols);
        int stop = cb(arg, cols, n);
        if (stop)
            return stop;
    }
}

int store_run(struct store *s, unsigned sql, const struct store_value *args, size_t n,
              store_row_cb cb, void *arg)
{
    sqlite3_stmt *st;
    int err = statement(s, sql, &st);
    if (err)
        return err;
    for (size_t i = 0; !err && i < n; i++)
        err = failed(s, bind(st, (int)i + 1, &args[i]));
    if (!err)
        err = step_all(s, st, cb, arg);
    sqlite3_reset(st);
    return err;
}

int64_t store_last_id(const struct store *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

int64_t store_changes(const struct store *s)
{
    return sqlite3_changes64(s->db);
}

const char *store_error(const struct store *s)
{
    return s->why;
}
