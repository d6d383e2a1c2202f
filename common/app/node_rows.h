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
    uint32_t timeout_ms, watchdog_ms;
};

extern const struct conf_row node_peer_rows[];

// clang-format off
// Rows for a table of struct conf_row; `at` is the offset of the struct node_sip in the NF's.
#define NODE_SIP_AT(at, field) ((at) + offsetof(struct node_sip, field))
#define NODE_SIP_ROWS(at)                                                                          \
    {"sip.udp", CONF_ADDR_LIST, NODE_SIP_AT(at, udp), "[]", .min = 5060,                           \
     .fixed = true, .use = CONF_UDP | CONF_NAMED, .help = "Addresses for SIP over UDP."},                                        \
    {"sip.tcp", CONF_ADDR_LIST, NODE_SIP_AT(at, tcp), "[]", .min = 5060,                           \
     .fixed = true, .use = CONF_TCP | CONF_NAMED, .help = "Addresses for SIP over TCP."},                                        \
    {"sip.prefer_tcp", CONF_BOOL, NODE_SIP_AT(at, prefer_tcp), "true",                             \
     .fixed = true, .help = "Choose TCP towards a next hop whose URI leaves the transport open."}

// The same; `at` is the offset of the struct node_dia.
#define NODE_DIA_AT(at, field) ((at) + offsetof(struct node_dia, field))
#define NODE_DIA_ROWS(at)                                                                          \
    {"diameter.identity", CONF_STR, NODE_DIA_AT(at, identity),                                     \
     .fixed = true, .form = CONF_FORM_IDENTITY, .help = "Origin-Host of this node."},                                          \
    {"diameter.realm", CONF_STR, NODE_DIA_AT(at, realm), .fixed = true, .form = CONF_FORM_DOMAIN,                            \
     .help = "Origin-Realm of this node."},                                                        \
    {"diameter.hss", CONF_STR, NODE_DIA_AT(at, hss), "",                                           \
     .fixed = true, .form = CONF_FORM_IDENTITY, .help = "Destination-Host of requests; empty means routing by realm."},        \
    {"diameter.local", CONF_ADDR, NODE_DIA_AT(at, local), "",                                      \
     .fixed = true, .use = CONF_USE_LOCAL,                                                                               \
     .help = "Address that connections to peers leave from; empty means the system's choice."},    \
    {"diameter.peers", CONF_TABLE, NODE_DIA_AT(at, peers), .min = 1, .sub = node_peer_rows,        \
     .sub_size = sizeof(struct node_peer), .fixed = true,                                          \
     .help = "HSS, SLF or relays to connect to."},                                                 \
    {"diameter.timeout", CONF_U32, NODE_DIA_AT(at, timeout_ms), "5000", 100, 60000, "ms",          \
     .help = "How long an answer on Cx is awaited."},                                              \
    {"diameter.watchdog", CONF_U32, NODE_DIA_AT(at, watchdog_ms), "30000", 1000, 3600000, "ms",    \
     .fixed = true, .help = "Tw of RFC 3539; at least 6000 on real networks."}
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
// Opens every address for SIP. A failure has been logged.
int node_sip_listen(struct stack *s, const struct node_sip *c);
// Makes a Diameter node for Cx and adds its peers. p has what the configuration does not tell:
// loop, product, trace, arg. HSSs that come and go are logged.
int node_dia_new(const struct node_dia *c, const struct dia_params *p, struct dia_node **ret_node);
