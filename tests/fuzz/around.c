// SPDX-License-Identifier: Apache-2.0
// What holds for every target and input.
#include <stddef.h>

#include "base/log.h"
#include "base/mem.h"
#include "fuzz.h"

// What one input may take from the heap, in bytes: a sum of all allocations, given back or not.
// Fixed tables and a first arena chunk cost something for any input; beyond them it is the length
// that counts. Measured: 40 to 200 bytes for a byte in the worst of what the parsers are given here.
enum { BYTES_FIXED = 4 << 20, BYTES_EACH = 1024 };

// Of the sanitizers' allocator; not there in a build without one.
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *))
    __attribute__((weak));

long fuzz_slack;
bool fuzz_free_memory;
static size_t taken;

static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    taken += n;
}

static void on_free(const volatile void *p)
{
    (void)p;
}

static void silent(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level, (void)line;
}

static void prepare(fuzz_fn *run, struct str input)
{
    static fuzz_fn *prepared;
    static bool hooked;
    if (prepared == run)
        return;
    prepared = run;
    log_set_sink(silent, NULL);
    if (!hooked && __sanitizer_install_malloc_and_free_hooks)
        (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    hooked = true;
    run(str_make("", 0)); // what a target makes once and keeps
    run(input);
}

void fuzz_one(fuzz_fn *run, struct str input)
{
    prepare(run, input);
    long live = mem_live();
    taken = 0;
    run(input);
    size_t sum = taken;
    long more = mem_live() - live;
    if (more < -fuzz_slack || more > fuzz_slack)
        fprintf(stderr, "%ld allocations before, %ld after\n", live, mem_live());
    MUST(more >= -fuzz_slack && more <= fuzz_slack);
    if (!fuzz_free_memory && sum > BYTES_FIXED + BYTES_EACH * input.n) {
        fprintf(stderr, "%zu bytes of memory for %zu bytes of input\n", sum, input.n);
        abort();
    }
}
