// SPDX-License-Identifier: Apache-2.0
// Crashes and bad disks: no SQN is used twice, nothing is corrupted, and it recovers by itself.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "world.h"

#define ALICE "alice@" DOMAIN
#define ALICE_IMPU "sip:alice@" DOMAIN

// ---- what alice's USIM makes of a vector ----

static uint64_t sqn_of(const uint8_t rand[16], const uint8_t autn[16])
{
    static const uint8_t k[16] = "alice-lab-key-01";
    uint8_t op[16], opc[16];
    struct aka *a;
    struct aka_vector v;
    uint64_t sqn = 0;
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(str_unhex(STR(OP_HEX), op, 16), 0);
    assert_int_equal(aka_opc(a, k, op, opc), 0);
    assert_int_equal(aka_answer(a, k, opc, rand, autn, &v, &sqn), 0);
    aka_free(a);
    return sqn;
}

static uint64_t next_sqn(struct world *w, const struct cx_mar *m)
{
    struct reply r = world_mar(w, m);
    expect_result("MAR", r.result, DIA_SUCCESS, false);
    return sqn_of(r.vectors[0].rand, r.vectors[0].autn);
}

static void check_integrity(const struct world *w)
{
    char path[96];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    world_path(w, "hss.db", path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

// ---- kill -9 ----

struct firehose {
    struct world w;
    int out;
};

static void shoot(struct firehose *f);

static void on_maa(void *arg, const struct cx_maa *a)
{
    struct firehose *f = arg;
    if (a->result.code != DIA_SUCCESS || write(f->out, a->items[0].authenticate.p, 32) != 32)
        _exit(3);
    shoot(f);
}

static void shoot(struct firehose *f)
{
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    hss_mar(f->w.hss, &m, on_maa, f);
}

// The child: sixteen MARs outstanding, each answer goes to the pipe as it leaves.
static void child(struct firehose *f, bool fresh)
{
    world_open_file(&f->w, fresh);
    for (int i = 0; i < 16; i++)
        shoot(f);
    loop_run(f->w.loop);
    _exit(4);
}

static size_t read_until_killed(int fd, pid_t pid, size_t kill_after, uint64_t *sqns, size_t max)
{
    uint8_t v[32];
    size_t n = 0, got = 0;
    for (;;) {
        ssize_t r = read(fd, v + got, sizeof(v) - got);
        if (r <= 0)
            return n;
        got += (size_t)r;
        if (got < sizeof(v))
            continue;
        got = 0;
        if (n < max)
            sqns[n++] = sqn_of(v, v + 16);
        if (n == kill_after)
            kill(pid, SIGKILL);
    }
}

static size_t one_life(struct firehose *f, bool fresh, size_t kill_after, uint64_t *sqns,
                       size_t max)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        f->out = fds[1];
        child(f, fresh);
    }
    close(fds[1]);
    size_t n = read_until_killed(fds[0], pid, kill_after, sqns, max);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(fds[0]);
    return n;
}

static void kill_9_never_reuses(void **state)
{
    (void)state;
    static uint64_t sqns[4096];
    struct firehose f = {0};
    strcpy(f.w.dir, "/tmp/carillon-hss-XXXXXX");
    assert_non_null(mkdtemp(f.w.dir));
    uint64_t highest = 0;
    for (int life = 0; life < 6; life++) {
        size_t n = one_life(&f, life == 0, (size_t)(20 + 37 * life), sqns, ARRAY_LEN(sqns));
        assert_true(n >= (size_t)(20 + 37 * life));
        for (size_t i = 0; i < n; i++) {
            if (sqns[i] <= highest)
                fail_msg("life %d: SQN %llx after %llx", life, (unsigned long long)sqns[i],
                         (unsigned long long)highest);
            highest = sqns[i];
        }
        check_integrity(&f.w);
    }
    world_remove(&f.w);
}

// ---- restart ----

static uint32_t lir(struct world *w, const char *impu)
{
    struct cx_lir l = {.impu = str_from(impu)};
    return world_lir(w, &l).result.code;
}

static void restart_keeps_state(void **state)
{
    (void)state;
    struct world w = {0};
    world_open_file(&w, true);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, CX_REGISTRATION);
    uint64_t sqn = next_sqn(&w, &m);
    assert_int_equal(world_sar(&w, &s).result.code, DIA_SUCCESS);
    world_close(&w);
    world_open_file(&w, false);
    assert_int_equal(lir(&w, ALICE_IMPU), DIA_SUCCESS);
    assert_int_equal(next_sqn(&w, &m), aka_sqn_next(sqn));
    world_close(&w);
    world_remove(&w);
}

// ---- group commit ----

static void count_maa(void *arg, const struct cx_maa *a)
{
    struct firehose *f = arg;
    assert_int_equal(a->result.code, DIA_SUCCESS);
    if (++f->out == 100)
        loop_stop(f->w.loop);
}

static void one_turn_is_one_transaction(void **state)
{
    (void)state;
    struct firehose f = {0};
    world_open_file(&f.w, true);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    for (int i = 0; i < 100; i++)
        hss_mar(f.w.hss, &m, count_maa, &f);
    assert_int_equal(f.out, 0);
    loop_run(f.w.loop);
    assert_int_equal(f.out, 100);
    assert_int_equal(hss_stats(f.w.hss)->transactions, 1);
    world_close(&f.w);
    world_remove(&f.w);
}

// ---- a disk that takes no more ----

static unsigned n_errors, n_refusals, n_recoveries;

static void count_lines(void *arg, enum log_level level, struct str line)
{
    n_errors += str_find(line, STR("store refuses writes")) >= 0;
    n_recoveries += str_find(line, STR("store accepts writes again")) >= 0;
    n_refusals += str_find(line, STR("request refused")) >= 0;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static rlim_t wal_size(const struct world *w)
{
    char path[96];
    struct stat st;
    world_path(w, "hss.db-wal", path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    return (rlim_t)st.st_size;
}

static void full_disk(void **state)
{
    (void)state;
    struct world w = {0};
    const char *why = NULL;
    world_open_file(&w, true);
    n_errors = n_refusals = n_recoveries = 0;
    log_set_sink(count_lines, NULL);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    uint64_t sqn = next_sqn(&w, &m);
    limit_files(wal_size(&w));
    for (int i = 0; i < 3; i++) {
        struct reply r = world_mar(&w, &m);
        expect_result("full", r.result, DIA_UNABLE_TO_COMPLY, false);
        assert_int_equal(r.n_items, 0);
    }
    assert_false(hss_ready(w.hss, &why));
    assert_int_equal(lir(&w, ALICE_IMPU), CX_ERROR_IDENTITY_NOT_REGISTERED); // reads go on
    struct cx_mar unknown = world_mar_of("nobody@" DOMAIN, ALICE_IMPU);
    expect_result("reads", world_mar(&w, &unknown).result, CX_ERROR_USER_UNKNOWN, true);
    limit_files(RLIM_INFINITY);
    assert_true(next_sqn(&w, &m) > sqn);
    assert_true(hss_ready(w.hss, &why));
    log_set_sink(NULL, NULL);
    assert_int_equal(n_errors, 1);
    assert_int_equal(n_recoveries, 1);
    assert_int_equal(n_refusals, 5);
    check_integrity(&w);
    world_close(&w);
    world_remove(&w);
}

static void locked_store(void **state)
{
    (void)state;
    struct world w = {0};
    char path[96];
    sqlite3 *other = NULL;
    world_open_file(&w, true);
    world_path(&w, "hss.db", path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    expect_result("locked", world_mar(&w, &m).result, DIA_TOO_BUSY, false); // RFC 6733 7.1.3: another HSS may be asked
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    expect_result("free", world_mar(&w, &m).result, DIA_SUCCESS, false);
    world_close(&w);
    world_remove(&w);
}

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_INFO);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_9_never_reuses), // first: it forks before there are threads
        cmocka_unit_test(restart_keeps_state), cmocka_unit_test(one_turn_is_one_transaction),
        cmocka_unit_test(full_disk),           cmocka_unit_test(locked_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
