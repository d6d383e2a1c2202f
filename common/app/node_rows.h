// SPDX-License-Identifier: Apache-2.0
// Options that several network functions have, each written once: the addresses of a SIP node
// (sip.*) and the Diameter of a node that asks an HSS (diameter.*), and how a node comes up with
// them.
#pragma once

#include "app/app.h"
#include "dia/node.h"
#include "ims/media_policy.h"
#include "ims/numbering.h"
#include "ims/routing.h"
#include "ims/timers.h"
#include "ims/trust.h"
#include "stack/stack.h"

struct node_sip {
    struct conf_addrs udp, tcp;
    bool prefer_tcp;
};

// What strangers may use of a SIP node; 0 is no limit.
struct node_limits {
    uint32_t source_rate, source_burst;
    uint32_t connections, connections_per_source, first_message_ms, idle_ms, flows, reserve, finished_mb;
    struct conf_strs exempt;
};

// Of a node that has other networks and application servers for neighbours.
struct node_trust {
    struct conf_strs partners, partner_domains, servers;
    int warnings; // enum stack_warnings
};

struct node_overload {
    bool control;
    uint32_t wait_ms, latency_ms, refusals, retry_after_s;
};

// What media a node lets through (ims/media_policy.h).
struct node_media {
    struct conf_strs types, codecs;
    uint32_t bandwidth;
};

struct node_peer {
    struct str host; // Origin-Host of an HSS, SLF or relay
    struct addr address;
    uint32_t priority, weight;
    bool relay;
};

struct node_dia {
    struct str identity, realm, hss;
    struct addr local;       // connections leave from here; family 0: chosen by the system
    struct conf_table peers; // struct node_peer
    uint32_t timeout_ms, watchdog_ms, retry_ms, connect_wait_ms;
    struct dia_limits limits;
};

struct node_routing {
    struct conf_strs foreign, networks, ports; // ims/routing.h
};

// The home network: its domains and its numbering plan (ims/numbering.h).
struct node_numbering {
    struct conf_strs domains;
    struct str country_code, national_prefix;
    struct conf_strs international_prefixes, contexts, short_codes;
    uint32_t national_length;
};

extern const struct conf_row node_peer_rows[];
extern const char *const node_warnings_names[]; // of enum stack_warnings, for CONF_ENUM

// clang-format off
// Rows for a table of struct conf_row; `at` is the offset of the struct node_sip in the NF's.
#define NODE_SIP_AT(at, field) ((at) + offsetof(struct node_sip, field))
#define NODE_SIP_ROWS(at)                                                                          \
    {"sip.udp", CONF_ADDR_LIST, NODE_SIP_AT(at, udp), "[]", .min = 5060,                           \
     .fixed = true, .use = CONF_UDP | CONF_NAMED, .help = "Addresses for SIP over UDP."},          \
    {"sip.tcp", CONF_ADDR_LIST, NODE_SIP_AT(at, tcp), "[]", .min = 5060,                           \
     .fixed = true, .use = CONF_TCP | CONF_NAMED, .help = "Addresses for SIP over TCP."},          \
    {"sip.prefer_tcp", CONF_BOOL, NODE_SIP_AT(at, prefer_tcp), "true",                             \
     .fixed = true, .help = "Choose TCP towards a next hop whose URI leaves the transport open."}

// The same; `at` is the offset of a struct dia_limits.
#define NODE_DIA_LIMIT_AT(at, field) ((at) + offsetof(struct dia_limits, field))
#define NODE_DIA_LIMIT_ROWS(at)                                                                    \
    {"diameter.max_message", CONF_U32, NODE_DIA_LIMIT_AT(at, message), "262144", 4096, 1048576, \
     "bytes", .fixed = true, .help = "Longest Diameter message that is taken."},                   \
    {"diameter.max_avps", CONF_U32, NODE_DIA_LIMIT_AT(at, avps), "1024", 64, 100000, .fixed = true, \
     .help = "Most AVPs in one message, those inside of groups included."},                        \
    {"diameter.max_depth", CONF_U32, NODE_DIA_LIMIT_AT(at, depth), "8", 4, 32, .fixed = true, \
     .help = "Most groups inside one another in a message."}

// The same; `at` is the offset of the struct node_limits. Rows that a reload takes over are not fixed.
#define NODE_LIMITS_AT(at, field) ((at) + offsetof(struct node_limits, field))
#define NODE_LIMITS_ROWS(at)                                                                       \
    {"limits.source_rate", CONF_U32, NODE_LIMITS_AT(at, source_rate), "100", .max = 1000000,       \
     .unit = "/s",                                                                                 \
     .help = "SIP messages of strangers that are read from one source address (IPv6: a /64); "     \
             "beyond it they are dropped unread. 0: any number."},                                 \
    {"limits.source_burst", CONF_U32, NODE_LIMITS_AT(at, source_burst), "200", 1, 1000000,         \
     .help = "How many of them at once."},                                                         \
    {"limits.connections", CONF_U32, NODE_LIMITS_AT(at, connections), "50000",                     \
     .help = "TCP connections of strangers; when there are more, the oldest idle one of the "      \
             "source that has most is closed. 0: as many as descriptors allow."},                  \
    {"limits.connections_per_source", CONF_U32, NODE_LIMITS_AT(at, connections_per_source), "256", \
     .help = "The same of one source address; its own oldest idle one is closed. A connection "    \
             "that a contact is registered over does not count. 0: any number."},                  \
    {"limits.first_message", CONF_U32, NODE_LIMITS_AT(at, first_message_ms), "10000",              \
     .max = 3600000, .unit = "ms",                                                                 \
     .help = "A stranger's TCP connection without a whole message is closed after that. 0: 32 s."},\
    {"limits.idle", CONF_U32, NODE_LIMITS_AT(at, idle_ms), "60000", .max = 86400000, .unit = "ms", \
     .help = "The same after his last whole message, unless a request of his is in progress. 0: "  \
             "6 h."},                                                                              \
    {"limits.flows", CONF_U32, NODE_LIMITS_AT(at, flows), "65536", .max = 1000000,                 \
     .help = "UDP addresses of strangers that are remembered at the same time, for requests that " \
             "are let in; those of neighbours and registered users are kept apart. 0: any "        \
             "number."},                                                                           \
    {"limits.reserved_descriptors", CONF_U32, NODE_LIMITS_AT(at, reserve), "128", .max = 100000,   \
     .help = "Descriptors that strangers' connections leave free for neighbours, Diameter, DNS, "  \
             "control socket, HTTP, logs and store; at most half of all. Neighbours leave half of "\
             "it."},                                                                               \
    {"limits.finished_memory", CONF_U32, NODE_LIMITS_AT(at, finished_mb), "1024", 1, 65536, "MiB", \
     .help = "What is kept of finished SIP transactions, for messages that are sent again; "       \
             "strangers' may take a quarter of it. Beyond it the oldest are forgotten before "     \
             "their timers run out. A call takes 2 to 3 kB of the P-CSCF, most of it for 128 s."},\
    {"limits.exempt", CONF_STR_LIST, NODE_LIMITS_AT(at, exempt), "[]",                             \
     .help = "Addresses and networks whose messages and connections are not counted although "     \
             "they are strangers: a load generator, a gateway of many users."}

// The same; `at` is the offset of the struct node_trust.
#define NODE_TRUST_AT(at, field) ((at) + offsetof(struct node_trust, field))
#define NODE_TRUST_ROWS(at)                                                                        \
    {"sip.partners", CONF_STR_LIST, NODE_TRUST_AT(at, partners), "[]", .form = CONF_FORM_NET,      \
     .help = "Those of sip.trusted that belong to other operators: what is this operator's alone " \
             "(charging function addresses, profile keys) is kept from them."},                    \
    {"sip.partner_domains", CONF_STR_LIST, NODE_TRUST_AT(at, partner_domains), "[]",               \
     .form = CONF_FORM_DOMAIN,                                                                     \
     .help = "Domains of other operators in the trust domain: asserted identities and charging "   \
             "vectors go there, which no other foreign domain gets."},                             \
    {"sip.servers", CONF_STR_LIST, NODE_TRUST_AT(at, servers), "[]", .form = CONF_FORM_NET,        \
     .help = "Those of sip.trusted that are application servers."},                                \
    {"sip.warnings", CONF_ENUM, NODE_TRUST_AT(at, warnings), "plain", .values = node_warnings_names, \
     .help = "What a Warning tells those outside of the trust domain of why a request was refused: " \
             "`plain` leaves out addresses and names of hosts, `full` does not, `none` sends none."}

// The same; `at` is the offset of the struct node_overload.
#define NODE_OVERLOAD_AT(at, field) ((at) + offsetof(struct node_overload, field))
#define NODE_OVERLOAD_ROWS(at)                                                                       \
    {"overload.control", CONF_BOOL, NODE_OVERLOAD_AT(at, control), "true",                           \
     .help = "Refuse new requests with 503 and Retry-After when more come than can be served; what " \
             "is within a dialog and emergency calls always come in, answers to challenges and "     \
             "refreshes before anything new."},                                                      \
    {"overload.wait", CONF_U32, NODE_OVERLOAD_AT(at, wait_ms), "50", 1, 10000, "ms",                 \
     .help = "How long requests may wait in the system before this process takes them, on the "      \
             "average of a tenth of a second; above it new ones are limited."},                      \
    {"overload.latency", CONF_U32, NODE_OVERLOAD_AT(at, latency_ms), "250", 10, 10000, "ms",         \
     .help = "How long the network may take to answer a REGISTER; so many are let in at once as "    \
             "are answered in that time (200 at least; I- and S-CSCF: four times as many)."},        \
    {"overload.refusals", CONF_U32, NODE_OVERLOAD_AT(at, refusals), "2000", 1, 1000000, "/s",        \
     .help = "Refusals sent by UDP, of which that of an INVITE counts twice for its ACK; beyond it " \
             "requests are dropped without an answer, most of them unread."},                        \
    {"overload.retry_after", CONF_U32, NODE_OVERLOAD_AT(at, retry_after_s), "10", 1, 3600, "s",      \
     .help = "Retry-After of a refusal; up to twice that, by random."}

// The same; `at` is the offset of the struct sip_limits.
#define NODE_MESSAGE_AT(at, field) ((at) + offsetof(struct sip_limits, field))
#define NODE_MESSAGE(at, name, field, def, min, max, unit, help)                                     \
    {"message." name, CONF_U32, NODE_MESSAGE_AT(at, field), def, min, max, unit, .fixed = true, help}
#define NODE_MESSAGE_ROWS(at)                                                                        \
    NODE_MESSAGE(at, "size", message, "65535", 1300, 65535, "bytes",                                 \
               .help = "Length of a SIP message; a longer request gets 513."),                     \
    NODE_MESSAGE(at, "body", body, "65535", 0, 65535, "bytes",                                       \
               .help = "Length of its body; a request with a longer one gets 413."),               \
    NODE_MESSAGE(at, "uri", uri, "2048", 64, 65535, "bytes",                                         \
               .help = "Length of its Request-URI; a longer one gets 414."),                       \
    NODE_MESSAGE(at, "fields", fields, "256", 16, 65535, NULL,                                       \
               .help = "Header fields; a request with more gets 400, as do those below."),         \
    NODE_MESSAGE(at, "line", line, "8192", 256, 65535, "bytes",                                      \
               .help = "Length of one header field, its folded lines included."),                  \
    NODE_MESSAGE(at, "values", values, "128", 8, 65535, NULL,                                        \
               .help = "Values of one header, in whatever many fields."),                          \
    NODE_MESSAGE(at, "all_values", all_values, "1024", 64, 65535, NULL,                              \
               .help = "Values of all headers together."),                                         \
    NODE_MESSAGE(at, "params", params, "64", 8, 65535, NULL,                                         \
               .help = "Parameters of one value, those of its URI included."),                     \
    NODE_MESSAGE(at, "memory_base", memory_base, "1048576", 65536, 1073741824, "bytes",              \
               .help = "Memory that a request may take while it is worked on, to which "           \
                       "message.memory_factor times its length is added; one that needs more "     \
                       "gets 500."),                                                               \
    NODE_MESSAGE(at, "memory_factor", memory_factor, "64", 8, 65536, NULL,                             \
               .help = "See message.memory_base.")

// The same; `at` is the offset of the struct sdp_limits.
#define NODE_SDP_AT(at, field) ((at) + offsetof(struct sdp_limits, field))
#define NODE_SDP(at, name, field, def, min, max, unit, help)                                         \
    {"message.sdp." name, CONF_U32, NODE_SDP_AT(at, field), def, min, max, unit, help}
#define NODE_SDP_ROWS(at)                                                                            \
    NODE_SDP(at, "size", bytes, "65535", 256, 65535, "bytes",                                        \
             .help = "Length of a session description that is looked at, which is so where media are " \
                     "restricted; a request with a longer one gets 488, as do those below."),      \
    NODE_SDP(at, "lines", lines, "1024", 16, 65535, NULL, .help = "Its lines."),                    \
    NODE_SDP(at, "media", media, "32", 1, 1024, NULL, .help = "Its media."),                        \
    NODE_SDP(at, "attributes", attributes, "256", 16, 65535, NULL,                                   \
             .help = "Attributes of one medium, or of the session."),                              \
    NODE_SDP(at, "formats", formats, "64", 4, 128, NULL, .help = "Formats of one medium.")

// The same; `at` is the offset of the struct node_media.
#define NODE_MEDIA_AT(at, field) ((at) + offsetof(struct node_media, field))
#define NODE_MEDIA_COMMON(prefix, at, whose)                                                         \
    {prefix "types", CONF_STR_LIST, NODE_MEDIA_AT(at, types), "[]", .form = CONF_FORM_TOKEN,         \
     .help = "Media types (`audio`, `video`, `message`) that are allowed " whose "; empty: all. A "  \
             "request whose session description has another one gets 488, with a description of "  \
             "what is allowed (TS 24.229 6.2, 6.3)."},                                             \
    {prefix "codecs", CONF_STR_LIST, NODE_MEDIA_AT(at, codecs), "[]", .form = CONF_FORM_TOKEN,       \
     .help = "The same of codecs over RTP, by encoding name (`AMR-WB`, `telephone-event`); empty: all."}, \
    {prefix "bandwidth", CONF_U32, NODE_MEDIA_AT(at, bandwidth), "0", 0, 1000000, "kbit/s",          \
     .help = "Bandwidth of one medium as its b= line says it. 0: any."}
#define NODE_MEDIA_ROWS(at) NODE_MEDIA_COMMON("media.", at, "to everybody")

// The same; `at` is the offset of the struct node_dia.
#define NODE_DIA_AT(at, field) ((at) + offsetof(struct node_dia, field))
#define NODE_DIA_ROWS(at)                                                                          \
    {"diameter.identity", CONF_STR, NODE_DIA_AT(at, identity),                                     \
     .fixed = true, .form = CONF_FORM_IDENTITY, .help = "Origin-Host of this node."},              \
    {"diameter.realm", CONF_STR, NODE_DIA_AT(at, realm), .fixed = true, .form = CONF_FORM_DOMAIN,  \
     .help = "Origin-Realm of this node."},                                                        \
    {"diameter.hss", CONF_STR, NODE_DIA_AT(at, hss), "",                                           \
     .fixed = true, .form = CONF_FORM_IDENTITY,                                                    \
     .help = "Destination-Host of requests; empty means routing by realm."},                       \
    {"diameter.local", CONF_ADDR, NODE_DIA_AT(at, local), "",                                      \
     .fixed = true, .use = CONF_USE_LOCAL,                                                         \
     .help = "Address that connections to peers leave from; empty means the system's choice."},    \
    {"diameter.peers", CONF_TABLE, NODE_DIA_AT(at, peers), .min = 1, .sub = node_peer_rows,        \
     .sub_size = sizeof(struct node_peer), .fixed = true,                                          \
     .help = "HSS, SLF or relays to connect to."},                                                 \
    {"diameter.timeout", CONF_U32, NODE_DIA_AT(at, timeout_ms),                                    \
     IMS_TIMER_TEXT(IMS_CX_TIMEOUT_MS), 100, 60000, "ms",                                          \
     .help = "How long an answer on Cx is awaited."},                                              \
    {"diameter.watchdog", CONF_U32, NODE_DIA_AT(at, watchdog_ms), "30000", 1000, 3600000, "ms",    \
     .fixed = true, .help = "Tw of RFC 3539; at least 6000 on real networks."},                    \
    {"diameter.retry", CONF_U32, NODE_DIA_AT(at, retry_ms), "1500", 50, 60000, "ms",               \
     .fixed = true,                                                                                \
     .help = "Wait for an answer after which another peer is asked, too (RFC 6733 5.5.4)."},       \
    {"diameter.connect_wait", CONF_U32, NODE_DIA_AT(at, connect_wait_ms), "2000", 1, 60000, "ms",  \
     .fixed = true,                                                                                \
     .help = "How long a request waits for a peer to open when none is."},                         \
    NODE_DIA_LIMIT_ROWS(NODE_DIA_AT(at, limits))

// The same; `at` is the offset of the struct node_routing.
#define NODE_ROUTING_AT(at, field) ((at) + offsetof(struct node_routing, field))
#define NODE_ROUTING_ROWS(at)                                                                      \
    {"routing.foreign", CONF_STR_LIST, NODE_ROUTING_AT(at, foreign), "[]",                         \
     .help = "Foreign domains that requests may go to: `example.org`, `*.example.org` for all "    \
             "below it, `*` for all; others get 404. Their addresses must be public ones outside " \
             "of the trust domain, whatever DNS says."},                                           \
    {"routing.networks", CONF_STR_LIST, NODE_ROUTING_AT(at, networks), "[]",                       \
     .help = "Addresses and networks that requests may go to although they are private, of the "   \
             "trust domain, or stand in the request themselves instead of a domain."},             \
    {"routing.ports", CONF_STR_LIST, NODE_ROUTING_AT(at, ports), "[" ROUTING_PORTS "]",            \
     .help = "Ports that requests may go to when a UE, a foreign network or its DNS names them."}

// The same; `at` is the offset of the struct node_numbering, `which` says what home.domains are. Every node of a
// network has the same values.
#define NODE_NUMBERING_AT(at, field) ((at) + offsetof(struct node_numbering, field))
#define NODE_NUMBERING_ROWS(at, which)                                                             \
    {"home.domains", CONF_STR_LIST, NODE_NUMBERING_AT(at, domains), "[]", .fixed = true,           \
     .form = CONF_FORM_DOMAIN, .help = which},                                                     \
    {"numbering.country_code", CONF_STR, NODE_NUMBERING_AT(at, country_code), "", .fixed = true,   \
     .help = "Country code of this network's numbers (`49`), without `+`; empty: numbers that are "\
             "dialled locally have no global form. The options `numbering` are the same in "       \
             "every node of a network."},                                                           \
    {"numbering.national_prefix", CONF_STR, NODE_NUMBERING_AT(at, national_prefix), "",            \
     .fixed = true, .help = "What is dialled in front of a national number (`0`); empty: nothing, "\
                            "so that every local number is a national one."},                      \
    {"numbering.international_prefixes", CONF_STR_LIST,                                            \
     NODE_NUMBERING_AT(at, international_prefixes), "[]", .fixed = true,                           \
     .help = "What is dialled in front of a country code (`00`, `011`)."},                         \
    {"numbering.national_length", CONF_U32, NODE_NUMBERING_AT(at, national_length), "0", .max = 15,\
     .unit = "digits", .fixed = true,                                                              \
     .help = "Length of a national number that is dialled without its prefix (10 in North "        \
             "America); 0: none is."},                                                             \
    {"numbering.contexts", CONF_STR_LIST, NODE_NUMBERING_AT(at, contexts), "[]", .fixed = true,    \
     .help = "Names that phones write into `phone-context` for this plan besides the home "        \
             "domains: `example.org`, `*.example.org` for all below it (RFC 3966 5.1.5)."},        \
    {"numbering.short_codes", CONF_STR_LIST, NODE_NUMBERING_AT(at, short_codes), "[]",             \
     .fixed = true, .help = "Numbers that stay as they are dialled, with x for any digit: `112`, " \
                            "`8xx`. They are identities of the first home domain's context."}
// clang-format on

// A host name with its port, of a URI of the configuration whose row has checked it; port 0: none given.
struct node_host {
    struct str host;
    uint16_t port;
};
struct node_host node_host_of(struct str uri);
bool node_host_eq(const struct node_host *a, const struct node_host *b); // 5060 when none is given
// The host is one of these addresses, with the port.
bool node_host_is_at(const struct node_host *h, const struct conf_addrs *addrs);

bool node_is_within(struct str host, struct str realm); // "hss.example.org" is within "example.org"

// Findings about what cannot work: no address to listen on; a text of the list that is neither address nor
// network; peers that are this node or another peer, that cannot be reached from diameter.local, and none of
// which leads to diameter.hss.
void node_check_sip(const struct node_sip *c, app_finding bad, void *arg);
void node_check_trusted(const char *option, const struct conf_strs *list, app_finding bad,
                        void *arg);
void node_check_dia(const struct node_dia *c, app_finding bad, void *arg);
// Findings about what is hardly meant so: a name that leads to none of the own addresses; a trust domain of
// this machine only, or of nobody, behind addresses that others reach; identities outside of the realm, a realm
// that is not the domain.
void node_suspect_name(struct str name, const struct node_sip *c, app_finding odd, void *arg);
void node_suspect_trusted(const char *option, const struct conf_strs *list, const struct conf_addrs *addrs,
                          app_finding odd, void *arg);
void node_suspect_identity(struct str identity, struct str realm, app_finding odd, void *arg);
void node_suspect_dia(const struct node_dia *c, struct str domain, app_finding odd, void *arg);

// Makes *d (all zero, or one in use) what the list says. A list that is no good leaves it and is
// logged.
int node_read_trusted(const char *option, const struct conf_strs *list, struct trust_domain *d);
// What it allows, copied into the arena: ERR_NOMEM.
// option: name of the list of codecs.
void node_suspect_media(const struct node_media *c, const char *option, app_finding odd, void *arg);
int node_read_media(const struct node_media *c, struct arena *a, struct media_policy *ret_policy);

void node_check_trust(const struct node_trust *c, app_finding bad, void *arg);
// Makes *m (all zero, or one in use) what the options say of the neighbours in *trusted and of one home
// domain; the texts are not copied. A failure has been logged and leaves *m.
int node_read_trust(const struct node_trust *c, const struct trust_domain *trusted,
                    const struct str *home, struct trust_map *m);
void node_check_routing(const struct node_routing *c, app_finding bad, void *arg);
// Makes *r (all zero, or one in use) what the options say; addresses of the node and of its Diameter
// peers are no foreign target's. A failure has been logged and leaves *r.
int node_read_routing(const struct node_routing *c, const struct trust_domain *neighbours,
                      const struct node_sip *sip, const struct node_dia *dia, struct routing *r);
// What is no plan; what is hardly meant so. node_read_numbering: as ims/numbering.h wants it, of the same texts;
// domain is the first home domain, empty: it is the first of home.domains.
void node_check_numbering(const struct node_numbering *c, app_finding bad, void *arg);
void node_suspect_numbering(const struct node_numbering *c, struct str domain, app_finding odd, void *arg);
struct numbering node_read_numbering(const struct node_numbering *c, struct str domain);
void node_check_limits(const struct node_limits *c, app_finding bad, void *arg);
// As the stack wants them.
struct stack_limits node_stack_limits(const struct node_limits *c);
// Who is known by his address alone.
enum stack_standing node_standing(const struct trust_domain *trusted,
                                  const struct trust_domain *exempt, const struct addr *remote);
// edge: UEs come here. A node behind gives the edge time to act first.
struct overload_params node_overload_params(const struct node_overload *c, bool edge);
// Opens every address for SIP. A failure has been logged.
int node_sip_listen(struct stack *s, const struct node_sip *c);
// Makes a Diameter node for Cx and adds its peers. p has what the configuration does not tell:
// loop, product, trace, arg. HSSs that come and go are logged, by node_dia_peer_told when p has no
// peer_state of its own.
void node_dia_peer_told(void *arg, struct str host, bool open);
// How long a procedure waits for the answer to a request at most: longer than the request itself, which says why it
// ends.
uint32_t node_dia_wait_ms(const struct node_dia *c);
int node_dia_new(const struct node_dia *c, const struct dia_params *p, struct dia_node **ret_node);
