// SPDX-License-Identifier: Apache-2.0
// What an operator sees: metrics and control commands.
#include "icscf/icscf_priv.h"

static const struct {
    const char *name, *help;
} counters[IC_COUNTERS] = {
    [IC_REGISTERS] = {"icscf_registers_total", "REGISTER requests received"},
    [IC_LOCATIONS] = {"icscf_locations_total", "Other initial requests received"},
    [IC_SELECTIONS] = {"icscf_selections_total", "S-CSCFs selected by capabilities"},
    [IC_RESELECTIONS] = {"icscf_reselections_total", "S-CSCFs that failed and were replaced"},
    [IC_AVOIDED] = {"icscf_avoided_total", "S-CSCFs passed over because they had failed lately"},
    [IC_HSS_FAILURES] = {"icscf_hss_failures_total", "Requests to the HSS that failed"},
    [IC_REFUSED] = {"icscf_refused_total", "Requests refused by the HSS"},
};

#define COUNTER(c_) ((c_) * sizeof(uint64_t))

int icscf_count_steps(struct icscf *i)
{
    static const struct steps_count rows[] = {
        {&icscf_register, "check source", HOOK_BEFORE, COUNTER(IC_REGISTERS)},
        {&icscf_location, "identify user", HOOK_BEFORE, COUNTER(IC_LOCATIONS)},
    };
    return steps_count(&i->steps, rows, ARRAY_LEN(rows), i->counters);
}

void icscf_metrics(const struct icscf *i, struct metrics *m)
{
    for (size_t k = 0; k < IC_COUNTERS; k++)
        metrics_add(m, counters[k].name, "counter", counters[k].help, "", (double)i->counters[k]);
    app_metrics_stack(m, i->stack);
    app_metrics_dia(m, i->dia);
}

static int run_scscfs(void *nf, int argc, char **argv, struct ctl_out *out)
{
    const struct icscf *i = nf;
    if (argc != 1)
        return 2;
    for (size_t k = 0; k < i->table.n; k++) {
        const struct scscf_choice *s = &i->table.v[k];
        ctl_printf(out, "%.*s  priority %u, weight %u%s", STR_ARG(s->name), s->priority, s->weight,
                   s->n_capabilities ? ", capabilities" : ", no capabilities");
        for (size_t c = 0; c < s->n_capabilities; c++)
            ctl_printf(out, " %u", s->capabilities[c]);
        ctl_printf(out, "\n");
    }
    return 0;
}

const struct ctl_command icscf_commands[] = {
    {"scscfs", NULL, "the S-CSCFs that may be assigned", run_scscfs},
    {0},
};
