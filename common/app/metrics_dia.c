// SPDX-License-Identifier: Apache-2.0
// Counters of the stack and of Diameter as metrics, in a file each, so that a daemon without one of
// them does not link it.
#include <stdio.h>

#include "app/app.h"

static void add_stat(void *arg, const char *name, const char *labels, uint64_t value)
{
    bool counter = str_ends(str_from(name), STR("_total"));
    metrics_add(arg, name, counter ? "counter" : "gauge",
                counter ? "Events since the start, by label." : "Present number, by label.", labels,
                (double)value);
}

void app_metrics_dia(struct metrics *m, const struct dia_node *n)
{
    dia_stats(n, add_stat, m);
}
