// SPDX-License-Identifier: Apache-2.0
// State that survives, two ways side by side: the append log of store/state_log.h, and SQLite
// (store/store.h, WAL, synchronous=FULL) with one transaction where the log has one batch. Durable
// puts by how many wait at once, the time of one, CPU, bytes on the disk; then a start with
// everything there. SQLite is spared the way through a queue and another thread.
//
//   bench_state [RECORDS [FOLDER]]      1000000 records, in /tmp
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv.h"
#include "store/state_log.h"
#include "store/store.h"

enum { VALUE = 400, PUTS_MAX = 100000, KEY = 48, SHOWN_DEPTH = 100 };

static const unsigned depths[] = {1, 10, 100, 1000};
static unsigned records = 1000000;
static char folder[256], db_path[300];
static uint64_t *times;

static void die(const char *what)
{
    fprintf(stderr, "state bench: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double ms_since(uint64_t t)
{
    return (double)(now_ns() - t) / 1e6;
}

static double cpu_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double resident_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        die("no statm");
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static uint64_t draw(void)
{
    static uint64_t lot = 1;
    lot = lot * 6364136223846793005u + 1442695040888963407u;
    return lot >> 33;
}

static struct str key_of(unsigned i, char buf[KEY])
{
    return str_make(buf, (size_t)snprintf(buf, KEY, "reg/%015u@ims.mnc001.mcc001", i));
}

static struct str value_of(uint64_t lot, char buf[VALUE])
{
    memset(buf, 'v', VALUE);
    memcpy(buf, &lot, sizeof(lot));
    return str_make(buf, VALUE);
}

// How many puts a run with this many at once has: one alone waits for the disk each time.
static unsigned puts_of(unsigned depth)
{
    unsigned n = depth * 500;
    return n > PUTS_MAX ? PUTS_MAX : n;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_puts(const char *who, unsigned depth, unsigned n, uint64_t ns, double cpu)
{
    qsort(times, n, sizeof(*times), by_value);
    printf("%-8s %5u at once: %8.0f puts/s  p50 %7.0f us  p99 %7.0f us  CPU %6.1f us a put\n", who,
           depth, n / ((double)ns / 1e9), (double)times[n / 2] / 1e3,
           (double)times[n * 99 / 100] / 1e3, cpu / n);
    if (depth != SHOWN_DEPTH)
        return;
    printf("figure %s_put_cpu %.2f us\n", who, cpu / n);
    printf("figure %s_put_p50 %.3f ms\nfigure %s_put_p99 %.3f ms\n", who, (double)times[n / 2] / 1e6, who,
           (double)times[n * 99 / 100] / 1e6);
}

// ---- the log ----

static struct loop *loop;
static struct disk *disk;
static struct state *state;

struct run {
    unsigned called, came, n;
    uint64_t began[PUTS_MAX];
    bool loading;
};
static struct run run;

static void open_log(void)
{
    char why[160] = "";
    struct state_log_params p = {.disk = disk};
    if (state_open_log(loop, &p, why, sizeof(why), &state) != 0)
        die(why);
}

static void came(void *arg, uint64_t id, int err, const struct state_record *r);

static void call(void)
{
    char key[KEY], value[VALUE];
    unsigned i = run.called++;
    unsigned at = run.loading ? i : (unsigned)(draw() % records);
    if (!run.loading)
        run.began[i] = now_ns();
    if (state_put(state, key_of(at, key), value_of(draw(), value), STATE_ANY,
                  (struct state_done){came, NULL, i}) != 0)
        die("put refused");
}

static void came(void *arg, uint64_t id, int err, const struct state_record *r)
{
    (void)arg;
    (void)r;
    if (err)
        die("put failed");
    if (!run.loading)
        times[id] = now_ns() - run.began[id];
    run.came++;
    if (run.called < run.n)
        call();
    else if (run.came == run.n)
        loop_stop(loop);
}

static void run_log(unsigned n, unsigned depth, bool loading)
{
    run.called = run.came = 0;
    run.n = n;
    run.loading = loading;
    while (run.called < depth && run.called < n)
        call();
    (void)loop_run(loop);
}

static void bench_log(void)
{
    if (uvloop_new(&(struct uv_loop_params){0}, &loop) != 0 || disk_open(folder, &disk) != 0)
        die("no folder");
    double before = resident_mb();
    open_log();
    run_log(records, 4096, true);
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        unsigned n = puts_of(depths[i]);
        double cpu = cpu_us();
        uint64_t t = now_ns();
        run_log(n, depths[i], false);
        print_puts("state", depths[i], n, now_ns() - t, cpu_us() - cpu);
    }
    struct state_figures f = state_figures(state);
    printf("state    %.0f MB on disk, %.0f MB of records, index %.0f MB (process +%.0f), %llu "
           "snapshots, longest batch "
           "%.1f ms\n",
           (double)f.disk_bytes / 1e6, (double)f.live_bytes / 1e6, (double)f.memory_bytes / 1e6,
           resident_mb() - before, (unsigned long long)f.compactions, (double)f.batch_ns_max / 1e6);
    state_close(state);
}

static int on_record(void *arg, const struct state_record *r)
{
    (void)r;
    ++*(unsigned *)arg;
    return 0;
}

// What a node does before it listens.
static void start_log(void)
{
    unsigned n = 0;
    uint64_t t = now_ns();
    open_log();
    double opened = ms_since(t);
    if (state_each(state, STR("reg/"), on_record, &n) != 0 || n != records)
        die("records are missing");
    printf("state    start with %u records: %.0f ms, %.0f of them to give them out\n", n, ms_since(t),
           ms_since(t) - opened);
    printf("figure state_start %.1f ms\n", ms_since(t));
    state_close(state);
    disk_free(disk);
    loop_free(loop);
}

// ---- SQLite ----

enum { PUT, ALL };
static const char *const sql[] = {
    [PUT] =
        "INSERT INTO state(key, value, version) VALUES(?1, ?2, 1) ON CONFLICT(key) DO UPDATE SET "
        "value = excluded.value, version = version + 1",
    [ALL] = "SELECT key, value, version FROM state ORDER BY key",
};
static const char *const migrations[] = {
    "CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB, version INTEGER) WITHOUT ROWID",
};

static struct store *open_sqlite(void)
{
    struct store *s;
    char why[160] = "";
    struct store_params p = {.path = db_path,
                             .migrations = migrations,
                             .n_migrations = 1,
                             .sql = sql,
                             .n_sql = ARRAY_LEN(sql)};
    if (store_open(&p, why, sizeof(why), &s) != 0)
        die(why);
    return s;
}

static void put_sqlite(struct store *s, unsigned at)
{
    char key[KEY], value[VALUE];
    if (STORE_RUN(s, PUT, NULL, NULL, SV_BLOB(key_of(at, key)), SV_BLOB(value_of(draw(), value))) !=
        0)
        die(store_error(s));
}

static void batch_sqlite(struct store *s, unsigned from, unsigned n, bool loading)
{
    if (store_begin(s) != 0)
        die(store_error(s));
    for (unsigned i = 0; i < n; i++)
        put_sqlite(s, loading ? from + i : (unsigned)(draw() % records));
    if (store_commit(s) != 0)
        die(store_error(s));
}

static int count_row(void *arg, const struct store_value *cols, size_t n)
{
    (void)cols;
    (void)n;
    ++*(unsigned *)arg;
    return 0;
}

static double file_mb(const char *suffix)
{
    char name[320];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s%s", db_path, suffix);
    return stat(name, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

static void bench_sqlite(void)
{
    double before = resident_mb();
    struct store *s = open_sqlite();
    for (unsigned i = 0; i < records; i += 4096)
        batch_sqlite(s, i, records - i < 4096 ? records - i : 4096, true);
    for (size_t d = 0; d < ARRAY_LEN(depths); d++) {
        unsigned n = puts_of(depths[d]);
        double cpu = cpu_us();
        uint64_t t = now_ns();
        for (unsigned i = 0; i < n; i += depths[d]) {
            uint64_t began = now_ns();
            batch_sqlite(s, 0, depths[d], false);
            for (unsigned k = i; k < i + depths[d]; k++)
                times[k] = now_ns() - began;
        }
        print_puts("sqlite", depths[d], n, now_ns() - t, cpu_us() - cpu);
    }
    printf("sqlite   %.0f MB on disk and %.0f of WAL (process +%.0f)\n", file_mb(""),
           file_mb("-wal"), resident_mb() - before);
    store_close(s);
    uint64_t t = now_ns();
    unsigned n = 0;
    s = open_sqlite();
    if (store_run(s, ALL, NULL, 0, count_row, &n) != 0)
        die(store_error(s));
    printf("sqlite   start with %u records: %.0f ms\nfigure sqlite_start %.1f ms\n", n, ms_since(t), ms_since(t));
    store_close(s);
}

static void remove_all(void)
{
    struct disk *d;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[320];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", db_path, suffixes[i]);
        (void)unlink(name);
    }
    static const char *const kinds[] = {"log", "snap", "tmp"};
    if (disk_open(folder, &d) != 0)
        return;
    for (unsigned g = 1; g < 100; g++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            (void)snprintf(name, sizeof(name), "%08x.%s", g, kinds[k]);
            (void)d->ops->remove(d, name);
        }
    (void)d->ops->remove(d, "lock");
    disk_free(d);
    (void)rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        records = (unsigned)strtoul(argv[1], NULL, 10);
    (void)snprintf(folder, sizeof(folder), "%s/carillon-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    times = mem_alloc(PUTS_MAX * sizeof(*times));
    if (!records || !times || !mkdtemp(folder))
        die("no records, memory or folder");
    (void)snprintf(db_path, sizeof(db_path), "%s/state.db", folder);
    bench_log();
    start_log();
    bench_sqlite();
    remove_all();
    mem_free(times);
    return 0;
}
