// SPDX-License-Identifier: Apache-2.0
// Options that several network functions have, each written once: the addresses of a SIP node
// (sip.*) and the Diameter of a node that asks an HSS (diameter.*), and how a node comes up with
// them.
#pragma once

#include "app/app.h"
#include "dia/node.h"
#include "ims/trust.h"
#include "stack/stack.h"

struct node_sip {
    struct conf_addrs udp, tcp;
    bool prefer_tcp;
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

extern const struct conf_row node_peer_rows[];

// clang-format off
// Rows for a table of struct conf_row; `at` is the offset of the struct node_sip in the NF's.
#define NODE_SIP_AT(at, field) ((at) + offsetof(struct node_sip, field))
#define NODE_SIP_ROWS(at)                                                                          \
    {"sip.udp", CONF_ADDR_LIST, NODE_SIP_AT(at, udp), "[]", .min = 5060,                           \
     .fixed = true, .help = "Addresses for SIP over UDP."},                                        \
    {"sip.tcp", CONF_ADDR_LIST, NODE_SIP_AT(at, tcp), "[]", .min = 5060,                           \
     .fixed = true, .help = "Addresses for SIP over TCP."},                                        \
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

// The same; `at` is the offset of the struct sip_limits.
#define NODE_LIMIT_AT(at, field) ((at) + offsetof(struct sip_limits, field))
#define NODE_LIMIT(at, name, field, def, min, max, unit, help)                                     \
    {"message." name, CONF_U32, NODE_LIMIT_AT(at, field), def, min, max, unit, .fixed = true, help}
#define NODE_LIMIT_ROWS(at)                                                                        \
    NODE_LIMIT(at, "size", message, "65535", 1300, 65535, "bytes",                                 \
               .help = "Length of a SIP message; a longer request gets 513."),                     \
    NODE_LIMIT(at, "body", body, "65535", 0, 65535, "bytes",                                       \
               .help = "Length of its body; a request with a longer one gets 413."),               \
    NODE_LIMIT(at, "uri", uri, "2048", 64, 65535, "bytes",                                         \
               .help = "Length of its Request-URI; a longer one gets 414."),                       \
    NODE_LIMIT(at, "fields", fields, "256", 16, 65535, NULL,                                       \
               .help = "Header fields; a request with more gets 400, as do those below."),         \
    NODE_LIMIT(at, "line", line, "8192", 256, 65535, "bytes",                                      \
               .help = "Length of one header field, its folded lines included."),                  \
    NODE_LIMIT(at, "values", values, "128", 8, 65535, NULL,                                        \
               .help = "Values of one header, in whatever many fields."),                          \
    NODE_LIMIT(at, "all_values", all_values, "1024", 64, 65535, NULL,                              \
               .help = "Values of all headers together."),                                         \
    NODE_LIMIT(at, "params", params, "64", 8, 65535, NULL,                                         \
               .help = "Parameters of one value, those of its URI included."),                     \
    NODE_LIMIT(at, "memory_base", memory_base, "1048576", 65536, 1073741824, "bytes",              \
               .help = "Memory that a request may take while it is worked on, to which "           \
                       "message.memory_factor times its length is added; one that needs more "     \
                       "gets 500."),                                                               \
    NODE_LIMIT(at, "memory_factor", memory_factor, "64", 8, 65536, NULL, \
               .help = "See message.memory_base.")

// The same; `at` is the offset of the struct node_dia.
#define NODE_DIA_AT(at, field) ((at) + offsetof(struct node_dia, field))
#define NODE_DIA_ROWS(at)                                                                          \
    {"diameter.identity", CONF_STR, NODE_DIA_AT(at, identity),                                     \
     .fixed = true, .help = "Origin-Host of this node."},                                          \
    {"diameter.realm", CONF_STR, NODE_DIA_AT(at, realm), .fixed = true,                            \
     .help = "Origin-Realm of this node."},                                                        \
    {"diameter.hss", CONF_STR, NODE_DIA_AT(at, hss), "",                                           \
     .fixed = true, .help = "Destination-Host of requests; empty means routing by realm."},        \
    {"diameter.local", CONF_ADDR, NODE_DIA_AT(at, local), "",                                      \
     .fixed = true,                                                                                \
     .help = "Address that connections to peers leave from; empty means the system's choice."},    \
    {"diameter.peers", CONF_TABLE, NODE_DIA_AT(at, peers), .min = 1, .sub = node_peer_rows,        \
     .sub_size = sizeof(struct node_peer), .fixed = true,                                          \
     .help = "HSS, SLF or relays to connect to."},                                                 \
    {"diameter.timeout", CONF_U32, NODE_DIA_AT(at, timeout_ms), "5000", 100, 60000, "ms",          \
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
// clang-format on

// Findings: text is not a SIP URI with a host; no address to listen on; a text of the list is neither
// address nor network.
void node_check_uri(const char *option, struct str text, app_finding bad, void *arg);
void node_check_sip(const struct node_sip *c, app_finding bad, void *arg);
void node_check_trusted(const char *option, const struct conf_strs *list, app_finding bad,
                        void *arg);
// Makes *d (all zero, or one in use) what the list says. A list that is no good leaves it and is
// logged.
int node_read_trusted(const char *option, const struct conf_strs *list, struct trust_domain *d);
// Opens every address for SIP. A failure has been logged.
int node_sip_listen(struct stack *s, const struct node_sip *c);
// Makes a Diameter node for Cx and adds its peers. p has what the configuration does not tell:
// loop, product, trace, arg. HSSs that come and go are logged.
int node_dia_new(const struct node_dia *c, const struct dia_params *p, struct dia_node **ret_node);
