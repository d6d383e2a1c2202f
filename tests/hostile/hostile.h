// SPDX-License-Identifier: Apache-2.0
// What an input costs, without a clock: the bytes that are asked of the heap and the work done.
//
// The sources under test are built once more with -fsanitize-coverage=trace-pc, which calls a hook at
// every edge between basic blocks; what memcpy and its kin move is added, eight bytes a unit. The sum
// depends on input and compiler alone, never on the machine, so a test may assert it. An input whose
// cost is in proportion to its length costs four times as much at four times the length.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Runs fn(arg). *ret_bytes: asked of malloc, calloc and realloc by whoever in the process, shared
// libraries included; given back or not. *ret_work: edges and moved bytes / 8 of the code that was
// built for it (shared libraries are not counted). Do not nest.
void hostile_measure(void (*fn)(void *arg), void *arg, uint64_t *ret_bytes, uint64_t *ret_work);

// Bytes that are allocated at this moment, in the whole process.
size_t hostile_live(void);

struct hostile_cost {
    size_t n; // length of the input
    uint64_t bytes, work;
};

struct hostile_bound {
    uint64_t bytes_each, bytes_base; // bytes <= base + each * n
    uint64_t work_each, work_base;   // likewise
    unsigned growth_pct; // work at the larger input, per byte, may be so many per cent of that at the
                         // smaller one; 0: 130
};

// Does an input keep to the bound, and does the cost grow no faster than the length? small and large
// are the same shape at n and (about) 4n. On failure says what on standard output, as a TAP comment.
int hostile_within(const char *name, const struct hostile_cost *small,
                   const struct hostile_cost *large, const struct hostile_bound *b);
