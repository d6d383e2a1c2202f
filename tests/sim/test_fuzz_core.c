// SPDX-License-Identifier: Apache-2.0
// Sequences of mutated messages against the whole core (storm.h):
//   test_fuzz_core [--seeds N] [--first SEED] [--steps N] [--log LEVEL]
// A seed replays to the byte; every tenth is run twice and must give the same. TAP on standard output.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/sim/storm.h"

enum { HANG_S = 30 };

static uint64_t running; // the seed

// Processor time, not time on the wall, and far more than a seed takes: something does not come back.
static void on_hang(int signo)
{
    char line[96];
    (void)signo;
    int n = snprintf(line, sizeof line, "\n# seed %llu: does not come back\n",
                     (unsigned long long)running);
    (void)!write(1, line, (size_t)n);
    abort();
}

static void watch(void)
{
    struct itimerval t = {.it_value = {.tv_sec = HANG_S}};
    (void)signal(SIGVTALRM, on_hang);
    (void)setitimer(ITIMER_VIRTUAL, &t, NULL);
}

static struct storm_result run(uint64_t seed, unsigned steps)
{
    struct choice c = {.state = seed * 0x9e3779b97f4a7c15u};
    struct storm_result r;
    running = seed;
    watch();
    storm_run(seed, &c, steps, &r);
    return r;
}

static unsigned report(unsigned n, uint64_t seed, const struct storm_result *r)
{
    printf("%sok %u - seed %llu: %llu sent, %llu messages", r->problem ? "not " : "", n,
           (unsigned long long)seed, (unsigned long long)r->sent, (unsigned long long)r->messages);
    if (r->problem)
        printf("\n# seed %llu: %s: %llu, at most %llu", (unsigned long long)seed, r->problem,
               (unsigned long long)r->got, (unsigned long long)r->limit);
    printf("\n");
    (void)fflush(stdout);
    return r->problem != NULL;
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t def)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return def;
}

int main(int argc, char **argv)
{
    uint64_t seeds = option(argc, argv, "--seeds", 10), first = option(argc, argv, "--first", 1);
    unsigned steps = (unsigned)option(argc, argv, "--steps", 80), n = 0, bad = 0;
    enum log_level level = LOG_ERROR;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--log") == 0)
            (void)log_level_parse(str_from(argv[i + 1]), &level);
    log_set_level(level);
    printf("1..%llu\n", (unsigned long long)(seeds + (seeds + 9) / 10));
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct storm_result r = run(seed, steps);
        bad += report(++n, seed, &r);
        if ((seed - first) % 10)
            continue;
        struct storm_result again = run(seed, steps);
        if (again.hash != r.hash || again.messages != r.messages)
            again.problem = again.problem ? again.problem : "another run than before";
        bad += report(++n, seed, &again);
    }
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
