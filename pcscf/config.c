// SPDX-License-Identifier: Apache-2.0
#include "ims/trust.h"
#include "pcscf/pcscf.h"

static const char *const security_names[] = {"required", "optional", "off", NULL};

#define OFF(field) offsetof(struct pcscf_config, field)

const struct conf_row pcscf_rows[] = {
    {.name = "access.listen", .type = CONF_ADDR_LIST, .offset = OFF(access_listen), .min = 5060,
     .help = "Addresses towards UEs (Gm), each opened for UDP and TCP."},
    {.name = "access.security", .type = CONF_ENUM, .offset = OFF(security), .def = "required",
     .values = security_names,
     .help = "Whether a UE must agree on a security mechanism (RFC 3329): `required` refuses a "
             "UE without Security-Client, `optional` takes both, `off` ignores the header."},
    {.name = "core.listen", .type = CONF_ADDR_LIST, .offset = OFF(core_listen), .min = 5070,
     .help = "Addresses towards the IMS core (Mw), each opened for UDP and TCP."},
    {.name = "core.host", .type = CONF_STR, .offset = OFF(core_host), .def = "",
     .help = "Host name in Path and Record-Route; empty: the first core address."},
    {.name = "core.trusted", .type = CONF_STR_LIST, .offset = OFF(core_trusted), .def = TRUST_DEFAULT,
     .help = TRUST_HELP "; who else sends to the core side gets 403."},
    {.name = "home.domains", .type = CONF_STR_LIST, .offset = OFF(home_domains),
     .help = "Home network domains whose users may register through this P-CSCF."},
    {.name = "home.entry", .type = CONF_STR, .offset = OFF(home_entry), .def = "",
     .help = "SIP URI of the I-CSCF that takes REGISTER; empty: found by DNS from the domain."},
    {.name = "network.visited", .type = CONF_STR, .offset = OFF(visited_network),
     .help = "P-Visited-Network-ID, by which the home network knows this network."},
    {.name = "network.ioi", .type = CONF_STR, .offset = OFF(ioi), .def = "",
     .help = "Inter-operator identifier put into P-Charging-Vector as orig-ioi; empty: none."},
    {.name = "limits.registrations", .type = CONF_U32, .offset = OFF(max_registrations),
     .def = "1000000", .min = 1,
     .help = "Registered contacts at most; beyond it REGISTER gets 503 with Retry-After."},
    {.name = "limits.pending_per_source", .type = CONF_U32, .offset = OFF(max_pending),
     .def = "10000",
     .help = "Registrations that one source address (IPv6: a /64) may have begun and not finished; "
             "beyond it REGISTER gets 503 with Retry-After. What is never finished is forgotten "
             "over four minutes (reg-await-auth). 0: any number."},
    NODE_LIMITS_ROWS(OFF(limits)),
    {.name = "limits.user_rate", .type = CONF_U32, .offset = OFF(user_rate), .def = "100",
     .max = 1000000, .unit = "/s",
     .help = "New requests over one flow that a contact is registered over; beyond it they get 503 "
             "with Retry-After. A gateway that registers many users over one flow needs more, or "
             "its address in limits.exempt. 0: any number."},
    {.name = "limits.user_burst", .type = CONF_U32, .offset = OFF(user_burst), .def = "200",
     .min = 1, .max = 1000000, .help = "How many of them at once."},
    {.name = "limits.register_rate", .type = CONF_U32, .offset = OFF(register_rate), .def = "2",
     .max = 1000000, .unit = "/s",
     .help = "REGISTERs in the name of one user (To) from one source address of strangers; beyond "
             "it they are dropped. The same name from elsewhere is not affected. 0: any number."},
    {.name = "limits.register_burst", .type = CONF_U32, .offset = OFF(register_burst),
     .def = "20", .min = 1, .max = 1000000, .help = "How many of them at once."},
    NODE_OVERLOAD_ROWS(OFF(overload)),
    {.name = NULL},
};

void pcscf_check(const void *config, app_finding bad, void *arg)
{
    const struct pcscf_config *c = config;
    if (!c->access_listen.n)
        bad(arg, "access.listen", "needs an address");
    if (!c->core_listen.n)
        bad(arg, "core.listen", "needs an address");
    if (!c->home_domains.n)
        bad(arg, "home.domains", "needs a domain");
    if (c->home_entry.n)
        node_check_uri("home.entry", c->home_entry, bad, arg);
    node_check_trusted("core.trusted", &c->core_trusted, bad, arg);
    node_check_limits(&c->limits, bad, arg);
}
