// SPDX-License-Identifier: Apache-2.0
// carillon-icscf: wiring of the Interrogating-CSCF into a daemon.
#include "base/mem.h"
#include "icscf/icscf.h"

// icscf_drain's callback has one argument, app_drained wants the app.
static void drained(void *app)
{
    app_drained(app);
}

static int start(struct app *app, const void *config, void **ret_nf)
{
    struct icscf_params p = {.loop = app_loop(app), .config = config, .trace_arg = app};
    if (app_tracing(app)) {
        p.trace_sip = app_trace_sip;
        p.trace_dia = app_trace_dia;
    }
    struct icscf *s;
    int err = icscf_new(&p, &s);
    if (!err)
        *ret_nf = s;
    return err;
}

static void reload(void *nf, const void *config)
{
    icscf_reload(nf, config);
}

static void drain(void *nf, struct app *app)
{
    icscf_drain(nf, drained, app);
}

static void stop(void *nf)
{
    icscf_free(nf);
}

static bool ready(void *nf, const char **ret_why)
{
    return icscf_ready(nf, ret_why);
}

static void metrics(void *nf, struct metrics *m)
{
    icscf_metrics(nf, m);
}

int main(int argc, char **argv)
{
    const struct app_nf nf = {
        .name = "icscf",
        .about = "Interrogating-CSCF of the Carillon IMS core",
        .rows = icscf_rows,
        .config_size = sizeof(struct icscf_config),
        .start = start,
        .reload = reload,
        .drain = drain,
        .stop = stop,
        .ready = ready,
        .metrics = metrics,
        .commands = icscf_commands,
    };
    return app_main(argc, argv, &nf);
}
