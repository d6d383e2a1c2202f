// SPDX-License-Identifier: Apache-2.0
// The page: what every daemon says of itself, and what its network function adds.
#include <stdio.h>

#include "app/app_priv.h"

static void add_own(struct app *a, struct metrics *m)
{
    char labels[128];
    struct writer w = writer_init(labels, sizeof labels - 1);
    metrics_label(&w, "nf", str_from(a->nf->name));
    metrics_label(&w, "version", STR(CARILLON_VERSION));
    labels[w.n] = 0;
    metrics_add(m, "build_info", "gauge", "Always 1; the labels say what runs.", labels, 1);
    metrics_add(m, "uptime_seconds", "gauge", "Time since the start.", "",
                (double)app_uptime_ms(a) / 1000);
    app_check_ready(a);
    metrics_add(m, "ready", "gauge", "1 when the node can serve.", "", a->ready);
    metrics_add(m, "draining", "gauge", "1 while the node takes nothing new and waits for what is there.", "",
                a->state == APP_DRAINING);
}

int metrics_page(struct app *a, char **ret_text, size_t *ret_n)
{
    struct metrics m = {.last = &m.first};
    arena_init(&m.arena, NULL, 0);
    add_own(a, &m);
    metrics_process(a, &m);
    if (a->nf->metrics && a->nf_obj)
        a->nf->metrics(a->nf_obj, &m);
    int err = metrics_write(&m, ret_text, ret_n);
    arena_done(&m.arena);
    return err;
}
