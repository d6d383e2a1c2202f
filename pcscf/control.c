// SPDX-License-Identifier: Apache-2.0
// What an operator sees: metrics and control commands.
#include "pcscf/pcscf.h"

void pcscf_metrics(struct pcscf *p, struct metrics *m)
{
    const struct pcscf_counters *c = pcscf_counters(p);
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
                   {"cause=\"unregistered\"", c->refused_unregistered}},
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
    app_metrics_stack(m, pcscf_stack(p));
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

const struct ctl_command pcscf_commands[] = {
    {.name = "registrations", .help = "the contacts registered here", .run = registrations},
    {.name = NULL},
};
