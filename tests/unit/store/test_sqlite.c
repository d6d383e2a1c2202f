// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/store.h"

enum { PUT, GET, COUNT, BAD };
static const char *const sql[] = {
    [PUT] = "INSERT INTO t(name, value) VALUES(?1, ?2)",
    [GET] = "SELECT value, extra FROM t WHERE name = ?1",
    [COUNT] = "SELECT count(*) FROM t",
    [BAD] = "SELECT nothing FROM nowhere",
};
static const char *const migrations[] = {
    "CREATE TABLE t(name TEXT PRIMARY KEY, value BLOB)",
    "ALTER TABLE t ADD COLUMN extra INTEGER NOT NULL DEFAULT 7",
    "this is not SQL",
};

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/carillon-store-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/a.db", dir);
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[128];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    rmdir(dir);
    return mem_live() == 0 ? 0 : -1;
}

static struct store_params params(size_t version)
{
    return (struct store_params){
        .path = path,
        .migrations = migrations,
        .n_migrations = version,
        .sql = sql,
        .n_sql = ARRAY_LEN(sql),
        .busy_ms = 1,
    };
}

static struct store *open_store(const struct store_params *p)
{
    struct store *s = NULL;
    char why[160] = "";
    if (store_open(p, why, sizeof(why), &s) != 0)
        fail_msg("%s", why);
    return s;
}

static int number(void *arg, const struct store_value *c, size_t n)
{
    *(int64_t *)arg = c[n - 1].num;
    return 0;
}

static int64_t count(struct store *s)
{
    int64_t n = -1;
    assert_int_equal(store_run(s, COUNT, NULL, 0, number, &n), 0);
    return n;
}

static int put(struct store *s, const char *name, struct str value)
{
    return STORE_RUN(s, PUT, NULL, NULL, SV_TEXT(str_from(name)), SV_BLOB(value));
}

static void migration(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *s = open_store(&p);
    assert_int_equal(put(s, "a", STR("x")), 0);
    store_close(s);
    p = params(2);
    s = open_store(&p);
    int64_t extra = 0;
    assert_int_equal(STORE_RUN(s, GET, number, &extra, SV_TEXT(STR("a"))), 0);
    assert_int_equal(extra, 7);
    store_close(s);
}

// A failed step leaves the version that was there, usable by the program that knows it.
static void migration_fails(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *s = open_store(&p);
    store_close(s);
    p = params(3);
    char why[160] = "";
    assert_int_not_equal(store_open(&p, why, sizeof(why), &s), 0);
    assert_non_null(strstr(why, "syntax"));
    p = params(1);
    s = open_store(&p);
    assert_int_equal(count(s), 0);
    store_close(s);
}

static void newer_version(void **state)
{
    (void)state;
    struct store_params p = params(2);
    struct store *s = open_store(&p);
    store_close(s);
    p = params(1);
    char why[160] = "";
    assert_int_equal(store_open(&p, why, sizeof(why), &s), ERR_BAD);
    assert_non_null(strstr(why, "version 2"));
}

// A program of a later version migrates between this one's look at the version and its lock.
static bool raced;

static int race(unsigned what, void *arg, void *statement, void *text)
{
    sqlite3 *db = NULL;
    if (raced || strcmp(text, "BEGIN IMMEDIATE") != 0)
        return 0;
    raced = true;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=9", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    return 0;
}

static int watch(sqlite3 *db, const char **ret_why, const struct sqlite3_api_routines *api)
{
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, race, NULL);
}

static void newer_version_comes_between(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *s = NULL;
    char why[160] = "";
    raced = false;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
    int err = store_open(&p, why, sizeof(why), &s);
    sqlite3_reset_auto_extension();
    assert_true(raced);
    assert_int_equal(err, ERR_BAD);
    assert_non_null(strstr(why, "version 9"));
    assert_int_equal(store_open(&p, why, sizeof(why), &s), ERR_BAD); // it was left as it is
}

static void not_a_store(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 200; i++)
        fputs("not a database file ", f);
    fclose(f);
    struct store_params p = params(1);
    struct store *s = NULL;
    assert_int_equal(store_open(&p, NULL, 0, &s), ERR_BAD);
    assert_null(s);
}

static void values(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *s = open_store(&p);
    assert_int_equal(put(s, "zero", str_make("a\0b", 3)), 0);
    assert_int_equal(put(s, "zero", STR("again")), ERR_EXISTS);
    assert_non_null(strstr(store_error(s), "UNIQUE"));
    assert_int_equal(store_run(s, BAD, NULL, 0, NULL, NULL), ERR_IO);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
}

static void transactions(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *s = open_store(&p);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, "a", STR("1")), 0);
    assert_int_equal(count(s), 1);
    store_rollback(s);
    assert_int_equal(count(s), 0);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, "d", STR("1")), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(count(s), 1);
    store_close(s);
}

static void second_writer_is_told(void **state)
{
    (void)state;
    struct store_params p = params(1);
    struct store *a = open_store(&p), *b = open_store(&p);
    assert_int_equal(store_begin(a), 0);
    assert_int_equal(put(a, "a", STR("1")), 0);
    assert_int_equal(count(b), 0); // a reader does not wait
    assert_int_equal(store_begin(b), ERR_TIMEOUT);
    assert_int_equal(store_commit(a), 0);
    assert_int_equal(store_begin(b), 0);
    assert_int_equal(count(b), 1);
    store_rollback(b);
    store_close(a);
    store_close(b);
}

static int open_as(enum store_use use, size_t version, struct store **ret_s, char why[160])
{
    struct store_params p = params(version);
    p.use = use;
    p.busy_ms = 20;
    return store_open(&p, why, 160, ret_s);
}

static struct store *must_open_as(enum store_use use, size_t version)
{
    struct store *s = NULL;
    char why[160] = "";
    if (open_as(use, version, &s, why) != 0)
        fail_msg("%s", why);
    return s;
}

static void must_refuse(enum store_use use, size_t version, int err, const char *words)
{
    struct store *s = NULL;
    char why[160] = "";
    assert_int_equal(open_as(use, version, &s, why), err);
    if (!strstr(why, words))
        fail_msg("%s", why);
}

// Who has not been told of others keeps what he remembers; so they do not get in.
static void one_process_or_several(void **state)
{
    (void)state;
    assert_int_equal(store_users(path), STORE_UNGUARDED);
    struct store *a = must_open_as(STORE_ALONE, 1);
    assert_false(store_has_others(a));
    assert_int_equal(store_users(path), STORE_ALONE);
    must_refuse(STORE_ALONE, 1, ERR_INUSE, "another process uses it");
    must_refuse(STORE_SHARED, 1, ERR_INUSE, "not both of them share it");
    store_close(a);
    a = must_open_as(STORE_SHARED, 1);
    assert_false(store_has_others(a));
    assert_int_equal(store_users(path), STORE_SHARED);
    struct store *b = must_open_as(STORE_SHARED, 1);
    assert_true(store_has_others(a) && store_has_others(b));
    must_refuse(STORE_ALONE, 1, ERR_INUSE, "another process uses it");
    must_refuse(STORE_SHARED, 2, ERR_BAD, "other processes use the store"); // its statements are for another schema
    store_close(b);
    assert_false(store_has_others(a));
    store_close(a);
    store_close(must_open_as(STORE_SHARED, 2));
}

// Each sees what the other has committed, and that it has.
static void shared(void **state)
{
    (void)state;
    struct store *a = must_open_as(STORE_SHARED, 1), *b = must_open_as(STORE_SHARED, 1);
    assert_int_equal(store_begin(a), 0);
    (void)store_foreign_write(a);
    assert_int_equal(put(a, "a", STR("1")), 0);
    assert_int_equal(store_begin(b), ERR_TIMEOUT);
    assert_int_equal(store_commit(a), 0);
    for (int i = 0; i < 3; i++) {
        struct store *s = i % 2 ? a : b;
        char name[8];
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(store_begin(s), 0);
        assert_true(store_foreign_write(s));
        assert_int_equal(count(s), i + 1);
        assert_int_equal(put(s, name, STR("1")), 0);
        assert_int_equal(store_commit(s), 0);
    }
    assert_int_equal(store_begin(b), 0);
    assert_false(store_foreign_write(b)); // its own was the last
    store_rollback(b);
    store_close(a);
    store_close(b);
}

static void *write_once(void *arg)
{
    struct store *s = arg;
    int err = store_begin(s);
    if (!err)
        err = put(s, "waited", STR("1"));
    if (!err)
        err = store_commit(s);
    return err ? s : NULL;
}

// Who waits is the next one, although somebody else writes without a pause.
static void they_take_turns(void **state)
{
    (void)state;
    struct store_params p = params(1);
    p.use = STORE_SHARED;
    p.busy_ms = 60000;
    struct store *a = open_store(&p), *b = open_store(&p);
    pthread_t waits;
    void *failed;
    char name[128];
    struct flock next = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    (void)snprintf(name, sizeof name, "%s-lock", path);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(store_begin(a), 0);
    assert_int_equal(pthread_create(&waits, NULL, write_once, b), 0);
    do { // until it waits
        next.l_type = F_WRLCK;
        assert_int_equal(fcntl(fd, F_OFD_GETLK, &next), 0);
    } while (next.l_type == F_UNLCK);
    assert_int_equal(store_commit(a), 0);
    assert_int_equal(store_begin(a), 0);
    assert_int_equal(count(a), 1);
    store_rollback(a);
    assert_int_equal(pthread_join(waits, &failed), 0);
    assert_null(failed);
    (void)close(fd);
    store_close(a);
    store_close(b);
}

static void read_only(void **state)
{
    (void)state;
    struct store_params p = params(1);
    store_close(open_store(&p));
    p.read_only = true;
    struct store *s = open_store(&p);
    assert_int_equal(count(s), 0);
    assert_int_equal(put(s, "a", STR("1")), ERR_DENIED);
    store_close(s);
}

static int fill(struct store *s)
{
    static const char page[4000];
    char name[16];
    int err = store_begin(s);
    for (int i = 0; !err && i < 100; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        err = put(s, name, str_make(page, sizeof(page)));
    }
    if (!err)
        err = store_commit(s);
    if (err)
        store_rollback(s);
    return err;
}

static void full(void **state)
{
    (void)state;
    struct store_params p = params(1);
    p.max_bytes = 20 * 4096;
    struct store *s = open_store(&p);
    assert_int_equal(put(s, "kept", STR("1")), 0);
    assert_int_equal(fill(s), ERR_FULL);
    assert_int_equal(count(s), 1);
    assert_int_equal(put(s, "small", STR("1")), 0); // and goes on working
    store_close(s);
    p.max_bytes = 0;
    s = open_store(&p);
    assert_int_equal(count(s), 2);
    assert_int_equal(fill(s), 0);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(migration, setup, teardown),
        cmocka_unit_test_setup_teardown(migration_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_version, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_version_comes_between, setup, teardown),
        cmocka_unit_test_setup_teardown(not_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(values, setup, teardown),
        cmocka_unit_test_setup_teardown(transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(second_writer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_or_several, setup, teardown),
        cmocka_unit_test_setup_teardown(shared, setup, teardown),
        cmocka_unit_test_setup_teardown(they_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(read_only, setup, teardown),
        cmocka_unit_test_setup_teardown(full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
