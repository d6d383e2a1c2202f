// SPDX-License-Identifier: Apache-2.0
// Figures of the stack and of Diameter as metrics, in a file each, so that a daemon without one of
// them does not link it.
#include "app/app_priv.h"

static void add_stat(void *arg, const char *name, const char *labels, uint64_t value)
{
    metrics_add_stat(arg, name, labels, value);
}

void app_metrics_dia(struct metrics *m, const struct dia_node *n)
{
    dia_stats(n, add_stat, m);
}
