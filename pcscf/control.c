// SPDX-License-Identifier: Apache-2.0
// What an operator sees: metrics and control commands.
#include <stdio.h>

#include "pcscf/pcscf_priv.h"

struct labelled {
    const char *labels;
    uint64_t value;
};

static void counters(struct metrics *m, const char *name, const char *help,
                     const struct labelled *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        metrics_add(m, name, "counter", help, v[i].labels, (double)v[i].value);
}

static void restored(struct metrics *m, const struct pcscf_counters *c)
{
    const struct labelled rows[] = {{"what=\"restored\"", c->restored},
                                    {"what=\"expired\"", c->restored_expired},
                                    {"what=\"left_out\"", c->restored_left_out}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        metrics_add(m, "pcscf_contacts_of_before", "gauge", "Contacts found on the disk at the start, by what became of them.",
                    rows[i].labels, (double)rows[i].value);
}

void pcscf_metrics(struct pcscf *p, struct metrics *m)
{
    const struct pcscf_counters *c = pcscf_counters(p);
    metrics_add(m, "pcscf_registrations", "gauge", "Contacts registered through this P-CSCF.", "",
                (double)c->registrations);
    const struct labelled ends[] = {{"event=\"registered\"", c->registered},
                                    {"event=\"deregistered\"", c->deregistered},
                                    {"event=\"moved\"", c->moved},
                                    {"event=\"expired\"", c->expired}};
    const struct labelled refused[] = {{"cause=\"security\"", c->refused_security},
                                       {"cause=\"domain\"", c->refused_domain},
                                       {"cause=\"unregistered\"", c->refused_unregistered},
                                       {"cause=\"source\"", c->refused_source},
                                       {"cause=\"untrusted\"", c->refused_untrusted},
                                       {"cause=\"repeated\"", c->refused_repeated},
                                       {"cause=\"media\"", c->refused_media}};
    metrics_add(m, "pcscf_associations", "gauge", "UE associations: private identities at an address.", "",
                (double)c->associations);
    metrics_add(m, "pcscf_shared_addresses", "gauge",
                "Addresses that are not one UE's alone, so that requests on other flows than a contact's are proved by "
                "the S-CSCF.",
                "", (double)c->shared_addresses);
    metrics_add(m, "pcscf_association_flows", "gauge", "Flows that UEs are known by besides those of their contacts.",
                "", (double)c->association_flows);
    metrics_add(m, "pcscf_association_flows_replaced_total", "counter",
                "The same that made room for others of the same UE.", "", (double)c->association_flows_replaced);
    metrics_add(m, "pcscf_unproven_requests_total", "counter",
                "Requests that went to the S-CSCF without an asserted identity, for it to prove the sender.", "",
                (double)c->unproven);
    const struct labelled requests[] = {{"direction=\"originating\"", c->originating},
                                        {"direction=\"terminating\"", c->terminating},
                                        {"direction=\"subsequent\"", c->subsequent}};
    counters(m, "pcscf_registration_events_total", "Contacts by what happened.", ends,
             ARRAY_LEN(ends));
    counters(m, "pcscf_refused_total", "Requests refused by cause.", refused, ARRAY_LEN(refused));
    for (size_t i = 1; i < SDP_LIMIT_COUNT; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "limit=\"%s\"", sdp_limit_rows[i].name);
        metrics_add(m, "pcscf_sdp_limits_total", "counter",
                    "Requests with a session description beyond a limit.", label, (double)c->sdp_limits[i]);
    }
    counters(m, "pcscf_requests_total", "Requests forwarded by direction.", requests,
             ARRAY_LEN(requests));
    metrics_add(m, "pcscf_unbound_total", "counter",
                "Requests to UEs that are not registered here any more (404).", "", (double)c->unbound);
    metrics_add(m, "pcscf_unsaved_total", "counter",
                "REGISTERs refused (503) because what they changed did not get to the disk.", "", (double)c->unsaved);
    restored(m, c);
    metrics_add(m, "pcscf_restorations_total", "counter",
                "UEs told to register anew because the core was silent (504).", "",
                (double)c->restoration);
    metrics_add(m, "pcscf_emergency_total", "counter", "Emergency calls sent elsewhere (380).", "",
                (double)c->emergency);
    metrics_add(m, "pcscf_flow_failed_total", "counter",
                "Requests to UEs that could not be reached (480; 430 where their flows are managed).", "",
                (double)c->flow_failed);
    metrics_add(m, "pcscf_identities_refused_total", "counter",
                "Identities of P-Associated-URI that were left out: beyond limits.identities or limits.identity_patterns, too long, or patterns "
                "that nothing can be compared with.",
                "", (double)c->identities_refused);
    metrics_add(m, "pcscf_identity_patterns", "gauge", "Wildcarded identities of registered contacts, different ones.",
                "", (double)c->patterns);
    metrics_add(m, "pcscf_entries_passed_over_total", "counter",
                "Entry points of the home network that were no good for a REGISTER, so that the next one was asked.", "",
                (double)c->entries_passed_over);
    app_metrics_stack(m, pcscf_stack(p));
    node_state_metrics(pcscf_keep(p), m);
    keys_metrics(pcscf_keys(p), m);
}

static const char *proto_name(enum sip_proto proto)
{
    return proto == SIP_PROTO_TCP ? "tcp" : "udp";
}

static void print_one(void *arg, const struct pcscf_contact *g)
{
    char text[ADDR_TEXT_MAX];
    ctl_printf(arg, "%.*s contact=%.*s flow=%s:%.*s expires=%llu\n", STR_ARG(g->impu), STR_ARG(g->uri),
               proto_name(g->proto), STR_ARG(addr_text(g->remote, text)), (unsigned long long)g->expires_in_s);
}

static int registrations(void *nf, int argc, char **argv, struct ctl_out *out)
{
    pcscf_contacts(nf, STR_NONE, print_one, out);
    return 0;
}

struct listing {
    struct ctl_out *out;
    size_t n;
};

static void print_field(struct ctl_out *out, const char *name, struct str value)
{
    if (value.n)
        ctl_printf(out, "  %s %.*s\n", name, STR_ARG(value));
}

static void print_all(void *arg, const struct pcscf_contact *g)
{
    struct listing *l = arg;
    struct identity id;
    print_one(l->out, g);
    for (size_t i = 0; (id = pcscf_identity(g, i)).uri.n; i++)
        ctl_printf(l->out, "  identity %.*s%s<%.*s>\n", STR_ARG(id.display), id.display.n ? " " : "", STR_ARG(id.uri));
    print_field(l->out, "service-route", g->service_route);
    print_field(l->out, "home-network", g->term_ioi);
    print_field(l->out, "charging", g->charging_addresses);
    l->n++;
}

static int registration(void *nf, int argc, char **argv, struct ctl_out *out)
{
    struct listing l = {.out = out};
    if (argc != 2)
        return 2;
    pcscf_contacts(nf, str_from(argv[1]), print_all, &l);
    if (l.n)
        return 0;
    ctl_printf(out, "%s is no default identity of a contact registered here\n", argv[1]);
    return 1;
}

const struct ctl_command pcscf_commands[] = {
    {.name = "registrations", .help = "the contacts registered here", .run = registrations},
    {.name = "registration",
     .args = "IDENTITY",
     .help = "all that is kept of the contacts with this default identity",
     .run = registration},
    {.name = NULL},
};
