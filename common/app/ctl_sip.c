// SPDX-License-Identifier: Apache-2.0
// "sip transactions": the machines of a node's stack, each in a line.
#include "app/ctl_priv.h"
#include "base/writer.h"

enum { LINES = 50, LINES_MAX = 1000, WRONG_USAGE = 2 };

static void put_txn(void *arg, const struct txn_line *t)
{
    char machine[64], age[24], peer[ADDR_TEXT_MAX] = "-";
    struct str at = t->peer.sa.sa_family ? addr_text(&t->peer, peer) : STR("-");
    (void)snprintf(machine, sizeof machine, "%s{%s}", t->machine, t->state);
    (void)snprintf(age, sizeof age, "%llu.%03llu", (unsigned long long)(t->age_ms / 1000),
                   (unsigned long long)(t->age_ms % 1000));
    ctl_printf(arg, "%016llx  %-28s %-10.*s %10s s  %-12s %-8s %.*s\n", (unsigned long long)t->id, machine,
               STR_ARG(t->method), age, t->timer ? t->timer : "-", t->user ? t->user : "-", STR_ARG(at));
}

static int run_sip_transactions(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    uint32_t max = LINES;
    struct stack *s = a->nf_obj ? a->nf->stack(a->nf_obj) : NULL;
    if (argc > 2 || (argc == 2 && (str_u32(str_from(argv[1]), &max) || !max || max > LINES_MAX))) {
        ctl_error(o, "usage: sip transactions [N], N up to %d\n", LINES_MAX);
        return WRONG_USAGE;
    }
    if (!s) {
        ctl_error(o, "%s is starting\n", a->nf->name);
        return 1;
    }
    size_t held = txn_held(stack_txns(s)), shown = txn_list(stack_txns(s), max, put_txn, o);
    ctl_printf(o, "%zu of %zu\n", shown, held);
    return 0;
}

const struct ctl_command app_sip_commands[] = {
    {"sip transactions", "[N]", "id, machine{state}, method, age, timer, user, peer; 50 at most", run_sip_transactions},
    {0},
};
