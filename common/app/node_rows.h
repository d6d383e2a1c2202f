// SPDX-License-Identifier: Apache-2.0
// Options that several network functions have, each written once: the addresses of a SIP node
// (sip.*) and the Diameter of a node that asks an HSS (diameter.*), and how a node comes up with
// them.
#pragma once

#include "app/app.h"
#include "dia/node.h"
#include "ims/timers.h"
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
     .fixed = true, .help = "Addresses for SIP over UDP."},                                        \
    {"sip.tcp", CONF_ADDR_LIST, NODE_SIP_AT(at, tcp), "[]", .min = 5060,                           \
     .fixed = true, .help = "Addresses for SIP over TCP."},                                        \
    {"sip.prefer_tcp", CONF_BOOL, NODE_SIP_AT(at, prefer_tcp), "true",                             \
     .fixed = true, .help = "Choose TCP towards a next hop whose URI leaves the transport open."}

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
    {"diameter.timeout", CONF_U32, NODE_DIA_AT(at, timeout_ms),                                    \
     IMS_TIMER_TEXT(IMS_CX_TIMEOUT_MS), 100, 60000, "ms",                                          \
     .help = "How long an answer on Cx is awaited."},                                              \
    {"diameter.watchdog", CONF_U32, NODE_DIA_AT(at, watchdog_ms), "30000", 1000, 3600000, "ms",    \
     .fixed = true, .help = "Tw of RFC 3539; at least 6000 on real networks."}
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
