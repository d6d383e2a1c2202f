// SPDX-License-Identifier: Apache-2.0
// The whole core: the input decides what is sent, when and how it is changed (tests/sim/storm.h).
#include "fuzz.h"
#include "tests/sim/storm.h"

enum { STEPS = 40 };

void fuzz_core(struct str input)
{
    struct choice c = {.bytes = input};
    struct storm_result r;
    if (!input.n)
        return;
    fuzz_free_memory = true; // how much the core may take is storm's to say
    storm_run(1, &c, STEPS, &r);
    if (r.problem)
        fprintf(stderr, "%s: %llu, at most %llu\n", r.problem, (unsigned long long)r.got,
                (unsigned long long)r.limit);
    MUST(!r.problem);
}
