// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"
#include "base/writer.h"
#include "pcscf/pcscf.h"

static int start(struct app *app, const void *config, void **ret_nf)
{
    struct pcscf_params p = {.loop = app_loop(app), .config = config};
    if (app_tracing(app)) {
        p.trace = app_trace_sip;
        p.trace_arg = app;
    }
    return pcscf_new(&p, (struct pcscf **)ret_nf);
}

static void stop(void *nf)
{
    pcscf_free(nf);
}

static void drained(void *app)
{
    app_drained(app);
}

static void drain(void *nf, struct app *app)
{
    pcscf_drain(nf, drained, app);
}

static void report(void *nf, struct metrics *m)
{
    const struct pcscf_counters *c = pcscf_counters(nf);
    metrics_add(m, "pcscf_registrations", "gauge", "Contacts registered through this P-CSCF.", "",
                (double)c->registrations);
    const struct {
        const char *labels;
        uint64_t value;
    } ends[] = {{"event=\"registered\"", c->registered},
                {"event=\"deregistered\"", c->deregistered},
                {"event=\"expired\"", c->expired}},
      refused[] = {{"cause=\"security\"", c->refused_security},
                   {"cause=\"domain\"", c->refused_domain},
                   {"cause=\"unregistered\"", c->refused_unregistered},
                   {"cause=\"source\"", c->refused_source}},
      requests[] = {{"direction=\"originating\"", c->originating},
                    {"direction=\"terminating\"", c->terminating},
                    {"direction=\"subsequent\"", c->subsequent}};
    for (size_t i = 0; i < 3; i++) {
        metrics_add(m, "pcscf_registration_events_total", "counter", "Contacts by what happened.",
                    ends[i].labels, (double)ends[i].value);
        metrics_add(m, "pcscf_refused_total", "counter", "Requests refused by cause.",
                    refused[i].labels, (double)refused[i].value);
        metrics_add(m, "pcscf_requests_total", "counter", "Requests forwarded by direction.",
                    requests[i].labels, (double)requests[i].value);
    }
    app_metrics_stack(m, pcscf_stack(nf));
}

static void print_one(void *arg, struct str impu, struct str contact, const struct addr *remote,
                      enum sip_proto proto, uint64_t expires_in_s)
{
    char text[ADDR_TEXT_MAX];
    ctl_printf(arg, "%.*s contact=%.*s flow=%s:%.*s expires=%llu\n", STR_ARG(impu),
               STR_ARG(contact), proto == SIP_PROTO_TCP ? "tcp" : "udp",
               STR_ARG(addr_text(remote, text)), (unsigned long long)expires_in_s);
}

static int registrations(void *nf, int argc, char **argv, struct ctl_out *out)
{
    pcscf_registrations(nf, print_one, out);
    return 0;
}

static const struct ctl_command commands[] = {
    {.name = "registrations", .help = "the contacts registered here", .run = registrations},
    {.name = NULL},
};

int main(int argc, char **argv)
{
    static const struct app_nf nf = {.name = "pcscf",
                                     .about = "Proxy-CSCF: the UE's first contact point in the IMS",
                                     .rows = pcscf_rows,
                                     .config_size = sizeof(struct pcscf_config),
                                     .start = start,
                                     .drain = drain,
                                     .stop = stop,
                                     .metrics = report,
                                     .commands = commands};
    return app_main(argc, argv, &nf);
}
