// SPDX-License-Identifier: Apache-2.0
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 61, MAX_FIGURES = 16, ROUND_NS = 2000000 };

static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_runs(const struct bench_figure *f, size_t runs)
{
    double start = now_ns();
    for (size_t i = 0; i < runs; i++)
        f->run();
    return (now_ns() - start) / (double)runs;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t find(const struct bench_figure *figures, const char *name)
{
    size_t k = 0;
    while (strcmp(figures[k].name, name) != 0)
        k++;
    return k;
}

void bench_run(const struct bench_figure *figures, size_t n)
{
    static double ns[MAX_FIGURES][ROUNDS];
    size_t runs[MAX_FIGURES];
    for (size_t k = 0; k < n; k++) {
        (void)time_runs(&figures[k], 200); // warm
        double one = time_runs(&figures[k], 50);
        runs[k] = (size_t)(ROUND_NS / (one + 1)) + 1;
    }
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < n; k++)
            ns[k][round] = time_runs(&figures[k], runs[k]) / (double)figures[k].per_run;
    for (size_t k = n; k-- > 0;)
        for (size_t round = 0; figures[k].minus && round < ROUNDS; round++)
            ns[k][round] -= ns[find(figures, figures[k].minus)][round];
    for (size_t k = 0; k < n; k++) {
        qsort(ns[k], ROUNDS, sizeof ns[k][0], by_value);
        printf("# %s: min %.1f, max %.1f over %d rounds%s%s\n", figures[k].name, ns[k][0],
               ns[k][ROUNDS - 1], ROUNDS, figures[k].note ? "; " : "",
               figures[k].note ? figures[k].note : "");
        printf("figure %s %.1f ns\n", figures[k].name, ns[k][ROUNDS / 2]);
    }
}
