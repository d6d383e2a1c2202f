// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/err.h"
#include "ims/timers.h"
#include "ims/trust.h"
#include "pcscf/pcscf_priv.h"
#include "sip/uri.h"

enum { FURTHER_ENTRIES_MAX = 7 };

static const char *const emergency_names[] = {"elsewhere", "registration", NULL};
static const char *const security_names[] = {"required", "optional", "off", NULL};

#define OFF(field) offsetof(struct pcscf_config, field)

const struct conf_row pcscf_rows[] = {
    {.name = "access.listen", .type = CONF_ADDR_LIST, .offset = OFF(access_listen), .min = 5060,
     .use = CONF_UDP | CONF_TCP,
     .help = "Addresses towards UEs (Gm), each opened for UDP and TCP; 7 at most."},
    {.name = "access.advertise", .type = CONF_STR_LIST, .offset = OFF(access_advertise), .def = "[]",
     .form = CONF_FORM_HOST, .fixed = true,
     .help = "Name or address by which UEs reach each address of access.listen, in the same order: it stands in "
             "Via and Record-Route. Without one, the address itself; a wildcard address needs one."},
    {.name = "access.security", .type = CONF_ENUM, .offset = OFF(security), .def = "required",
     .values = security_names,
     .help = "Whether a UE must agree on a security mechanism (RFC 3329): `required` refuses a "
             "UE without Security-Client, `optional` takes both, `off` ignores the header."},
    {.name = "access.aka_in_clear", .type = CONF_BOOL, .offset = OFF(aka_in_clear), .def = "false",
     .help = "Take IMS-AKA without IPsec, which no specification provides for: for laboratories. Without it such a UE "
             "gets 421."},
    {.name = "access.by_address", .type = CONF_BOOL, .offset = OFF(by_address), .def = "true", .fixed = true,
     .help = "A UE that is alone at its address is known by it, whatever the port (TS 33.203 N.2.1). `false`: by the "
             "flows that it registered over alone, as behind a NAT; for access networks whose NAT rewrites Via and "
             "Contact (SIP ALG), so that it cannot be told from none."},
    {.name = "access.network_info", .type = CONF_STR_LIST, .offset = OFF(network_info), .def = "[]", .fixed = true,
     .help = "What is known of where a UE is, by its address: a network, a space and a value of P-Access-Network-Info, "
             "such as `192.0.2.0/24 IEEE-802.11;i-wlan-node-id=a0b1c2d3e4f5`; the first network that fits counts. It "
             "goes to the core with `network-provided` in what the UE sends (TS 24.229 7.2A.4)."},
    {.name = "access.keepalive", .type = CONF_U32, .offset = OFF(keepalive_s), .def = "25", .max = 3600, .unit = "s",
     .fixed = true,
     .help = "How often a UE that asks for keep-alives (`keep` in Via, RFC 6223) is told to send them: CRLF over TCP, "
             "STUN over UDP. 0: none are offered, and STUN is not answered."},
    {.name = "access.warnings", .type = CONF_ENUM, .offset = OFF(warnings), .def = "plain",
     .values = node_warnings_names,
     .help = "What a Warning tells a UE of why the network refused: `plain` leaves out addresses and names of "
             "hosts, `full` does not, `none` sends none of this node's."},
    {.name = "core.listen", .type = CONF_ADDR_LIST, .offset = OFF(core_listen), .min = 5070,
     .use = CONF_UDP | CONF_TCP,
     .help = "Addresses towards the IMS core (Mw), each opened for UDP and TCP."},
    {.name = "core.host", .type = CONF_STR, .offset = OFF(core_host), .def = "", .form = CONF_FORM_HOST,
     .help = "Host name in Path and Record-Route; empty: the first core address."},
    {.name = "core.trusted", .type = CONF_STR_LIST, .offset = OFF(core_trusted), .def = TRUST_DEFAULT,
     .form = CONF_FORM_NET,
     .help = TRUST_HELP "; who else sends to the core side gets 403."},
    {.name = "sip.leg_timeout.core", .type = CONF_U32, .offset = OFF(leg_core_ms),
     .def = IMS_TIMER_TEXT(IMS_LEG_CORE_MS), .min = 1000, .max = 128000, .unit = "ms",
     .help = "Time that a request to the core may take, all addresses together: a final response to what "
             "is not an INVITE, any response to an INVITE. Less than what UEs wait, more than the next "
             "node's (docs/timers.md)."},
    {.name = "sip.core_silence", .type = CONF_U32, .offset = OFF(core_silence_ms),
     .def = IMS_TIMER_TEXT(IMS_SCSCF_SILENCE_MS), .min = 500, .max = 32000, .unit = "ms",
     .help = "Without any response of the core to an INVITE by then the UE is told by 504 to register anew "
             "(TS 24.229 5.2.6.3.2A)."},
    {.name = "sip.leg_timeout.ue", .type = CONF_U32, .offset = OFF(leg_ue_ms),
     .def = IMS_TIMER_TEXT(IMS_LEG_UE_MS), .min = 1000, .max = 128000, .unit = "ms",
     .help = "The same for a request to a UE: the shortest of all."},
    NODE_NUMBERING_ROWS(OFF(home), "Home network domains whose users may register through this P-CSCF. Each has local "
                                   "numbers of its own, and says nothing of the others' registrations. The options "
                                   "`numbering` are for all of them: of several operators' domains they stay empty."),
    {.name = "home.entry", .type = CONF_STR, .offset = OFF(home_entry), .def = "", .form = CONF_FORM_SIP_URI,
     .help = "SIP URI of the I-CSCF that takes REGISTER; empty: found by DNS from the domain."},
    {.name = "home.further_entries", .type = CONF_STR_LIST, .offset = OFF(further_entries), .def = "[]",
     .form = CONF_FORM_SIP_URI, .fixed = true,
     .help = "SIP URIs of further entry points, asked in this order when home.entry, or what DNS gives, is silent, "
             "cannot be reached, or answers 3xx, 480 or 503 to a REGISTER; 7 at most. All together have "
             "sip.leg_timeout.core, and of all their addresses 8 are asked."},
    {.name = "network.visited", .type = CONF_STR, .offset = OFF(visited_network), .form = CONF_FORM_TEXT,
     .help = "P-Visited-Network-ID, by which the home network knows this network."},
    {.name = "network.ioi", .type = CONF_STR, .offset = OFF(ioi), .def = "", .form = CONF_FORM_TOKEN,
     .help = "Inter operator identifier of this network in P-Charging-Vector; empty: network.visited."},
    {.name = "network.ioi_types", .type = CONF_BOOL, .offset = OFF(ioi_types), .def = "false",
     .help = "Write network.ioi with the prefix `Type 1` of TS 24.229 table 7.2A.5A; all nodes alike."},
    {.name = "emergency.answer", .type = CONF_ENUM, .offset = OFF(emergency), .def = "elsewhere",
     .values = emergency_names,
     .help = "Emergency calls get 380 (TS 24.229 5.2.10): `elsewhere` sends the UE to other means, such as "
             "circuit switched calls, `registration` tells it to register for emergency first."},
    {.name = "emergency.numbers", .type = CONF_STR_LIST, .offset = OFF(emergency_numbers), .def = "[112, 911]",
     .help = "Numbers that count as emergency calls when a UE dials them as any other, besides "
             "urn:service:sos."},
    {.name = "limits.registrations", .type = CONF_U32, .offset = OFF(max_registrations),
     .def = "1000000", .min = 1,
     .help = "Registered contacts at most; beyond it REGISTER gets 503 with Retry-After."},
    {.name = "limits.pending_per_source", .type = CONF_U32, .offset = OFF(max_pending),
     .def = "10000",
     .help = "Registrations that one source (limits.source_prefix) may have begun and not finished; "
             "beyond it REGISTER gets 503 with Retry-After. What is never finished is forgotten "
             "over four minutes (reg-await-auth). 0: any number."},
    {.name = "limits.identities", .type = CONF_U32, .offset = OFF(max_identities), .def = "100", .min = 1,
     .max = 1000,
     .help = "Identities of one registration (P-Associated-URI) that are kept; the first ones count, and those beyond "
             "cannot be used by the UE."},
    {.name = "limits.identity_patterns", .type = CONF_U32, .offset = OFF(max_patterns), .def = "1000",
     .max = 100000,
     .help = "Different wildcarded identities (TS 23.003 13.5) of all registrations that are kept, some kB each; those "
             "beyond are left out."},
    NODE_LIMITS_ROWS(OFF(limits)),
    {.name = "limits.user_rate", .type = CONF_U32, .offset = OFF(user_rate), .def = "100",
     .max = 1000000, .unit = "/s",
     .help = "New requests of one registered UE (private identity and address), over all its flows; beyond it they "
             "get 503 with Retry-After. A gateway that registers many users over one flow needs more, or its address "
             "in limits.exempt. 0: any number."},
    {.name = "limits.user_burst", .type = CONF_U32, .offset = OFF(user_burst), .def = "200",
     .min = 1, .max = 1000000, .help = "How many of them at once."},
    {.name = "limits.register_rate", .type = CONF_U32, .offset = OFF(register_rate), .def = "2",
     .max = 1000000, .unit = "/s",
     .help = "REGISTERs in the name of one user (To) from one source address of strangers; beyond "
             "it they are dropped. The same name from elsewhere is not affected. 0: any number."},
    {.name = "limits.register_burst", .type = CONF_U32, .offset = OFF(register_burst),
     .def = "20", .min = 1, .max = 1000000, .help = "How many of them at once."},
    NODE_OVERLOAD_ROWS(OFF(overload)),
    NODE_CALLS_ROWS(OFF(calls)),
    NODE_MESSAGE_ROWS(OFF(message)),
    NODE_SDP_ROWS(OFF(sdp)),
    NODE_MEDIA_ROWS(OFF(media)),
    NODE_STATE_ROWS(OFF(state)),
    NODE_KEYS_ROWS(OFF(keys)),
    {.name = NULL},
};

static bool is_this_node(const struct pcscf_config *c, const struct node_host *h)
{
    return node_host_is_at(h, &c->core_listen) || node_host_is_at(h, &c->access_listen) ||
           (c->core_host.n && sip_host_eq(h->host, c->core_host));
}

// A numeric I-CSCF is reached from an address of its family only.
static bool is_of_no_family(const struct pcscf_config *c, const struct node_host *h)
{
    struct addr a;
    bool reached = false;
    if (addr_parse(h->host, 0, &a))
        return false;
    for (size_t i = 0; i < c->core_listen.n; i++)
        reached |= addr_is_ip6(&a) == addr_is_ip6(&c->core_listen.v[i]);
    return !reached;
}

static void check_entry(const struct pcscf_config *c, const char *option, struct str uri, app_finding bad, void *arg)
{
    struct node_host entry = node_host_of(uri);
    if (is_this_node(c, &entry))
        app_find(bad, arg, option, "%.*s is this node; expected the I-CSCF", STR_ARG(uri));
    if (is_of_no_family(c, &entry))
        app_find(bad, arg, option, "%.*s cannot be reached: no address of core.listen is of its family", STR_ARG(uri));
}

static void check_entries(const struct pcscf_config *c, app_finding bad, void *arg)
{
    char option[64];
    if (c->home_entry.n)
        check_entry(c, "home.entry", c->home_entry, bad, arg);
    if (c->further_entries.n > FURTHER_ENTRIES_MAX)
        app_find(bad, arg, "home.further_entries", "has %zu entry points, %d at most", c->further_entries.n,
                 FURTHER_ENTRIES_MAX);
    for (size_t i = 0; i < c->further_entries.n; i++) {
        (void)snprintf(option, sizeof option, "home.further_entries[%zu]", i + 1);
        check_entry(c, option, c->further_entries.v[i], bad, arg);
    }
}

// Who asks for core.host gets here; so must not who asks for a user's domain.
static void check_names(const struct pcscf_config *c, app_finding bad, void *arg)
{
    for (size_t i = 0; i < c->home.domains.n; i++)
        if (c->core_host.n && str_ieq(c->core_host, c->home.domains.v[i]))
            app_find(bad, arg, "core.host", "%.*s is a home domain, whose requests would end here; expected the "
                                            "name of this node, such as pcscf.%.*s",
                     STR_ARG(c->core_host), STR_ARG(c->core_host));
}

// Many domains of others' may be served here, and they have no numbers here.
static void check_numbering(const struct pcscf_config *c, app_finding bad, void *arg)
{
    struct node_numbering plan = c->home;
    plan.domains.n = 0;
    node_check_numbering(&plan, bad, arg);
}

// The wildcard is heard, and cannot be told to others as a place.
static void check_wildcard(const struct pcscf_config *c, app_finding bad, void *arg)
{
    char text[ADDR_TEXT_MAX], option[40];
    for (size_t i = 0; i < c->core_listen.n; i++)
        if (addr_is_any(&c->core_listen.v[i]) && !c->core_host.n)
            app_find(bad, arg, "core.listen",
                     "%.*s is the wildcard address, at which nobody reaches this node: give its name in core.host, "
                     "or an address",
                     STR_ARG(addr_text(&c->core_listen.v[i], text)));
    for (size_t i = 0; i < c->access_listen.n; i++) {
        if (!addr_is_any(&c->access_listen.v[i]) || pcscf_advertised(c, i).n)
            continue;
        (void)snprintf(option, sizeof option, "access.listen[%zu]", i + 1);
        app_find(bad, arg, option,
                 "%.*s is the wildcard address, at which no UE reaches this node: give the name or address for it in "
                 "access.advertise, or an address here",
                 STR_ARG(addr_text(&c->access_listen.v[i], text)));
    }
}

static void check_network_info(const struct pcscf_config *c, app_finding bad, void *arg)
{
    struct access_info *info;
    struct str text;
    const char *why;
    if (c->network_info.n > ACCESS_INFO_MAX)
        app_find(bad, arg, "access.network_info", "has %zu entries, %d at most", c->network_info.n, ACCESS_INFO_MAX);
    else if (access_info_new(&c->network_info, &info, &text, &why) == ERR_BAD)
        app_find(bad, arg, "access.network_info", "\"%.*s\" %s", STR_ARG(text), why);
    else
        access_info_free(info);
}

static void check_access(const struct pcscf_config *c, app_finding bad, void *arg)
{
    struct addr said;
    if (c->access_listen.n > PCSCF_ACCESS_MAX)
        app_find(bad, arg, "access.listen", "has %zu addresses, %d at most", c->access_listen.n, PCSCF_ACCESS_MAX);
    if (c->access_advertise.n > c->access_listen.n)
        app_find(bad, arg, "access.advertise", "has more entries than access.listen");
    for (size_t i = 0; i < c->access_advertise.n && i < c->access_listen.n; i++)
        if (addr_parse(c->access_advertise.v[i], 0, &said) == 0 &&
            addr_is_ip6(&said) != addr_is_ip6(&c->access_listen.v[i]))
            app_find(bad, arg, "access.advertise", "%.*s is of another family than its address in access.listen",
                     STR_ARG(c->access_advertise.v[i]));
}

struct str pcscf_advertised(const struct pcscf_config *c, size_t i)
{
    return i < c->access_advertise.n ? c->access_advertise.v[i] : STR_NONE;
}

void pcscf_check(const void *config, app_finding bad, void *arg)
{
    const struct pcscf_config *c = config;
    if (!c->access_listen.n)
        bad(arg, "access.listen", "needs an address");
    if (!c->core_listen.n)
        bad(arg, "core.listen", "needs an address");
    if (!c->home.domains.n)
        bad(arg, "home.domains", "needs a domain");
    check_names(c, bad, arg);
    check_wildcard(c, bad, arg);
    check_access(c, bad, arg);
    check_network_info(c, bad, arg);
    check_entries(c, bad, arg);
    check_numbering(c, bad, arg);
    node_check_trusted("core.trusted", &c->core_trusted, bad, arg);
    if (c->leg_ue_ms >= c->leg_core_ms)
        bad(arg, "sip.leg_timeout.ue",
            "is not less than sip.leg_timeout.core: the called side has to give up first");
    node_check_limits(&c->limits, bad, arg);
    node_check_state(&c->state, "pcscf", bad, arg);
    keys_check(&c->keys, bad, arg);
}

void pcscf_suspect(const void *config, app_finding odd, void *arg)
{
    const struct pcscf_config *c = config;
    node_suspect_trusted("core.trusted", &c->core_trusted, &c->core_listen, odd, arg);
    node_suspect_numbering(&c->home, STR_NONE, odd, arg);
    node_suspect_media(&c->media, "media.codecs", odd, arg);
    node_suspect_state(&c->state, "pcscf", odd, arg);
}
