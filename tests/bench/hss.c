// SPDX-License-Identifier: Apache-2.0
// MARs answered by the HSS with the SQN durable, without Diameter: one core, a store on disk,
// subscribers taken in no order, 2048 requests outstanding. Directory for the store: the argument,
// else /var/tmp.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hss/hss.h"
#include "io/uv.h"
#include "tests/common/subscribers.h"

#define DOMAIN "ims.mnc001.mcc001.3gppnetwork.org"

enum { SUBSCRIBERS = 50000, OUTSTANDING = 2048, MARS = 100000, RUNS = 5, ROW = 192 };

struct bench {
    struct loop *loop;
    struct hss *hss;
    char dir[200];
    uint64_t sent, answered, target, refused, seed;
};

static void die(const char *what)
{
    fprintf(stderr, "hss bench: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void send_one(struct bench *b);

static void on_maa(void *arg, const struct cx_maa *a)
{
    struct bench *b = arg;
    b->refused += a->result.code != DIA_SUCCESS || a->n_items != 1;
    b->answered++;
    if (b->sent < b->target)
        send_one(b);
    else if (b->answered == b->target)
        loop_stop(b->loop);
}

static void send_one(struct bench *b)
{
    char impi[64], impu[64];
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    unsigned user = (unsigned)(b->seed >> 33) % SUBSCRIBERS;
    struct cx_mar m = {
        .impi = {impi, (size_t)snprintf(impi, sizeof(impi), "%015u@" DOMAIN, user)},
        .impu = {impu, (size_t)snprintf(impu, sizeof(impu), "sip:%015u@" DOMAIN, user)},
        .server_name = STR("sip:scscf." DOMAIN ":5060"),
        .n_items = 1,
        .item.scheme = STR("Digest-AKAv1-MD5"),
    };
    b->sent++;
    hss_mar(b->hss, &m, on_maa, b);
}

static double run(struct bench *b, uint64_t n)
{
    double t0 = now_s();
    b->target = b->sent + n;
    for (int i = 0; i < OUTSTANDING; i++)
        send_one(b);
    loop_run(b->loop);
    return (double)n / (now_s() - t0);
}

static void provision(struct bench *b)
{
    char *text = malloc((size_t)SUBSCRIBERS * ROW), error[256] = "";
    if (!text)
        die("no memory");
    struct writer w = writer_init(text, (size_t)SUBSCRIBERS * ROW);
    size_t n = 0;
    writer_lit(&w, "impi,k_ascii,op,impus\n");
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        writer_printf(&w,
                      "%015u@" DOMAIN ",load-users-key-1,cdc202d5123e20f62b6d676ac72cb318,"
                      "sip:%015u@" DOMAIN " tel:+1556%07u\n",
                      i, i, i);
    if (w.failed || subscribers_import(b->hss, writer_done(&w), "bench", error, sizeof(error), &n) != 0)
        die(error);
    free(text);
}

static void open_hss(struct bench *b, const char *where)
{
    static char store[240], key[240];
    (void)snprintf(b->dir, sizeof(b->dir), "%s/carillon-bench-XXXXXX", where);
    if (!mkdtemp(b->dir))
        die("no directory");
    (void)snprintf(store, sizeof(store), "%s/hss.db", b->dir);
    (void)snprintf(key, sizeof(key), "%s/hss.key", b->dir);
    const struct hss_params p = {
        .loop = b->loop, .store_path = store, .key_file = key, .key_create = true};
    if (hss_new(&p, &b->hss) != 0)
        die("no store");
}

static void remove_store(const struct bench *b)
{
    static const char *const files[] = {"hss.db", "hss.db-wal", "hss.db-shm", "hss.db-lock", "hss.key"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[240];
        (void)snprintf(path, sizeof(path), "%s/%s", b->dir, files[i]);
        unlink(path);
    }
    rmdir(b->dir);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct bench b = {.seed = 1};
    double rates[RUNS];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof(one), &one);
    log_set_level(LOG_ERROR);
    if (uvloop_new(&(struct uv_loop_params){0}, &b.loop) != 0)
        die("no loop");
    open_hss(&b, argc > 1 ? argv[1] : "/var/tmp");
    provision(&b);
    (void)run(&b, MARS); // everyone has an S-CSCF and a warm cache
    uint64_t before = hss_stats(b.hss)->transactions;
    double cpu = cpu_s();
    for (int i = 0; i < RUNS; i++)
        rates[i] = run(&b, MARS);
    cpu = cpu_s() - cpu;
    uint64_t transactions = hss_stats(b.hss)->transactions - before;
    qsort(rates, RUNS, sizeof(rates[0]), by_value);
    if (b.refused)
        die("refused");
    printf("figure hss_mar_rate %.0f /s\n", rates[RUNS / 2]);
    printf("# hss_mar_rate %.0f .. %.0f\n", rates[0], rates[RUNS - 1]);
    printf("figure hss_mar_cpu %.2f us\n", cpu * 1e6 / ((double)RUNS * MARS));
    printf("# MARs a transaction: %.0f\n", (double)RUNS * MARS / (double)transactions);
    hss_free(b.hss);
    loop_free(b.loop);
    remove_store(&b);
    return 0;
}
