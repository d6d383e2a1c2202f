// SPDX-License-Identifier: Apache-2.0
// "diameter peers": the peers of a node, each with its two machines in a line.
#include "app/ctl_priv.h"
#include "base/writer.h"

enum { LINES = 50, LINES_MAX = 1000, WRONG_USAGE = 2 };

static void put_wait(char *buf, size_t n, const char *timer, uint64_t ms)
{
    if (timer)
        (void)snprintf(buf, n, "%s %llu.%03llu s", timer, (unsigned long long)(ms / 1000),
                       (unsigned long long)(ms % 1000));
    else
        (void)snprintf(buf, n, "-");
}

static void put_peer(void *arg, const struct dia_peer_line *p)
{
    char waits[40], watches[40], at[ADDR_TEXT_MAX];
    struct str where = p->at.sa.sa_family ? addr_text(&p->at, at) : STR("-");
    put_wait(waits, sizeof waits, p->timer, p->timer_ms);
    put_wait(watches, sizeof watches, p->watchdog_timer, p->watchdog_ms);
    ctl_printf(arg, "%-32.*s %-8s %-19s %-18s %-8s %-14s %10llu s  %.*s\n", STR_ARG(p->host),
               p->usable ? "usable" : "-", p->state, waits, p->watchdog, watches,
               (unsigned long long)(p->open_ms / 1000), STR_ARG(where));
}

static int run_diameter_peers(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    uint32_t max = LINES;
    const struct dia_node *n = a->nf_obj ? a->nf->dia(a->nf_obj) : NULL;
    size_t all = 0;
    if (argc > 2 || (argc == 2 && (str_u32(str_from(argv[1]), &max) || !max || max > LINES_MAX))) {
        ctl_error(o, "usage: diameter peers [N], N up to %d\n", LINES_MAX);
        return WRONG_USAGE;
    }
    if (!n) {
        ctl_error(o, "%s is starting\n", a->nf->name);
        return 1;
    }
    size_t shown = dia_node_peers(n, max, put_peer, o, &all);
    ctl_printf(o, "%zu of %zu\n", shown, all);
    return 0;
}

const struct ctl_command app_dia_commands[] = {
    {"diameter peers", "[N]",
     "host, usable, state, timer, watchdog, timer, open since, address; 50 at most",
     run_diameter_peers},
    {0},
};
