// SPDX-License-Identifier: Apache-2.0
// "state": what a node has on its disk, and how the disk does.
#include <stdio.h>
#include <time.h>

#include "app/ctl_priv.h"
#include "app/node_state.h"

enum { WRONG_USAGE = 2, WHEN = 40, MS = 1000 };

static void put_when(char buf[WHEN], uint64_t ms)
{
    time_t at = (time_t)(ms / MS);
    struct tm tm;
    if (!ms || !gmtime_r(&at, &tm) || !strftime(buf, WHEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
        (void)snprintf(buf, WHEN, "none since the start");
}

static void put_figures(struct ctl_out *o, const struct keep *k)
{
    const struct keep_figures f = keep_figures(k);
    const struct state_figures *s = &f.state;
    char snapshot[WHEN], failed[WHEN];
    put_when(snapshot, s->compacted_at_ms);
    put_when(failed, s->failed_at_ms);
    ctl_printf(o, "folder: %s\nrecords: %llu, %llu bytes\nfiles: %llu bytes\n", keep_folder(k),
               (unsigned long long)s->records, (unsigned long long)s->live_bytes,
               (unsigned long long)s->disk_bytes);
    ctl_printf(o, "at the start: %llu loaded, %llu of no use any more, %llu damaged since then\n",
               (unsigned long long)f.loaded, (unsigned long long)f.dropped,
               (unsigned long long)s->damaged);
    ctl_printf(o, "written: %llu batches, %.3f ms on the average, %.3f ms at most\n",
               (unsigned long long)s->batches,
               s->batches ? (double)s->batch_ns / (double)s->batches / 1e6 : 0.0,
               (double)s->batch_ns_max / 1e6);
    ctl_printf(o, "not written yet: %llu\n", (unsigned long long)f.unwritten);
    ctl_printf(o, "last snapshot: %s\n", snapshot);
    ctl_printf(o, "last error: %s%s%s\n", failed, s->failed_with ? ", " : "",
               s->failed_with ? s->failed_with : "");
    if (f.failing)
        ctl_printf(o, "failing: since %llu s, %s\n", (unsigned long long)(f.unwritten_ms / MS),
                   node_state_trouble(k));
    else
        ctl_printf(o, "failing: no\n");
}

// Exit status 1 while the disk refuses, as `status` has it.
static int run_state(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    (void)argv;
    if (argc > 1) {
        ctl_error(o, "usage: state\n");
        return WRONG_USAGE;
    }
    if (!a->nf_obj) {
        ctl_error(o, "%s is starting\n", a->nf->name);
        return 1;
    }
    const struct keep *k = a->nf->keep(a->nf_obj);
    if (!k) {
        ctl_printf(o, "folder: none, nothing is kept\n");
        return 0;
    }
    put_figures(o, k);
    return keep_failing(k);
}

const struct ctl_command app_state_commands[] = {
    {"state", NULL,
     "what is kept on the disk, and how the disk does; exit status 1 while it refuses", run_state},
    {0},
};
