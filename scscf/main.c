// SPDX-License-Identifier: Apache-2.0
// carillon-scscf: wiring of the Serving-CSCF into a daemon.
#include "base/mem.h"
#include "scscf/scscf.h"

// scscf_drain's callback has one argument, app_drained wants the app.
static void drained(void *app)
{
    app_drained(app);
}

static int start(struct app *app, const void *config, void **ret_nf)
{
    struct scscf_params p = {.loop = app_loop(app), .config = config, .trace_arg = app};
    if (app_tracing(app)) {
        p.trace_sip = app_trace_sip;
        p.trace_dia = app_trace_dia;
    }
    struct scscf *s;
    int err = scscf_new(&p, &s);
    if (!err)
        *ret_nf = s;
    return err;
}

static void reload(void *nf, const void *config)
{
    scscf_reload(nf, config);
}

static void drain(void *nf, struct app *app)
{
    scscf_drain(nf, drained, app);
}

static void stop(void *nf)
{
    scscf_free(nf);
}

static bool ready(void *nf, const char **ret_why)
{
    return scscf_ready(nf, ret_why);
}

static void metrics(void *nf, struct metrics *m)
{
    scscf_metrics(nf, m);
}

int main(int argc, char **argv)
{
    const struct app_nf nf = {
        .name = "scscf",
        .about = "Serving-CSCF of the Carillon IMS core",
        .rows = scscf_rows,
        .config_size = sizeof(struct scscf_config),
        .start = start,
        .reload = reload,
        .drain = drain,
        .stop = stop,
        .ready = ready,
        .metrics = metrics,
        .commands = scscf_commands,
    };
    return app_main(argc, argv, &nf);
}
