// SPDX-License-Identifier: Apache-2.0
// Micro benchmarks: figures are measured in interleaved rounds, so that what disturbs the machine
// disturbs all of them alike; the median of the rounds counts.
#pragma once

#include <stddef.h>

struct bench_figure {
    const char *name;
    const char *note;    // what was measured, for the comment line; may be NULL
    void (*run)(void);   // does the work `per_run` times
    size_t per_run;
    const char *minus;   // name of an earlier figure that is contained in this one, NULL: none
};

// Measures all figures and prints for each "figure NAME VALUE ns" and a line "# NAME min .. max".
void bench_run(const struct bench_figure *figures, size_t n);

// Keeps the compiler from dropping the computation of p.
static inline void bench_keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}
