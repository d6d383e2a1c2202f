// SPDX-License-Identifier: Apache-2.0
// A figure of a stack (stack_stats), summed over its labels.
#pragma once

#include <string.h>

#include "stack/stack.h"

struct figure {
    const char *name, *labels;
    uint64_t sum;
};

static inline void figure_add(void *arg, const char *name, const char *labels, uint64_t value)
{
    struct figure *f = arg;
    if (strcmp(name, f->name) == 0 && (!f->labels || strstr(labels, f->labels)))
        f->sum += value;
}

// labels: only those whose text has this part; NULL: all.
static inline uint64_t figure_of(const struct stack *s, const char *name, const char *labels)
{
    struct figure f = {name, labels, 0};
    stack_stats(s, figure_add, &f);
    return f.sum;
}
