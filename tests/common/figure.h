// SPDX-License-Identifier: Apache-2.0
// A figure of a stack or of a Diameter node (stack_stats, dia_stats), summed over its labels.
#pragma once

#include <string.h>

#include "stack/stack.h"

struct figure {
    const char *name, *labels;
    bool whole; // labels is the text, not a part of it
    uint64_t sum;
};

static inline void figure_add(void *arg, const char *name, const char *labels, uint64_t value)
{
    struct figure *f = arg;
    bool has = !f->labels || (f->whole ? strcmp(labels, f->labels) == 0 : strstr(labels, f->labels) != NULL);
    if (has && strcmp(name, f->name) == 0)
        f->sum += value;
}

// labels: only those whose text has this part; NULL: all.
static inline uint64_t figure_of(const struct stack *s, const char *name, const char *labels)
{
    struct figure f = {.name = name, .labels = labels};
    stack_stats(s, figure_add, &f);
    return f.sum;
}
