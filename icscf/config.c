// SPDX-License-Identifier: Apache-2.0
#include "icscf/config.h"

#include "ims/trust.h"

#define AT(field) offsetof(struct icscf_config, field)
#define PEER(field) offsetof(struct icscf_peer, field)
#define SERVER(field) offsetof(struct icscf_scscf, field)

static const struct conf_row peer_rows[] = {
    {"host", CONF_STR, PEER(host), .help = "Diameter identity of the peer."},
    {"address", CONF_ADDR, PEER(address), .min = 3868, .help = "Where to connect."},
    {"priority", CONF_U32, PEER(priority), "1", .max = 65535,
     .help = "Lower numbers are used first."},
    {"weight", CONF_U32, PEER(weight), "1", .max = 65535,
     .help = "Share of the load within one priority."},
    {"relay", CONF_BOOL, PEER(relay), "false",
     .help = "The peer forwards to any host of the realm (a relay, proxy or SLF)."},
    {0},
};

static const struct conf_row scscf_row_list[] = {
    {"name", CONF_STR, SERVER(name), .help = "SIP URI of the S-CSCF, its Server-Name on Cx."},
    {"capabilities", CONF_STR_LIST, SERVER(capabilities), "[]",
     .help = "Numbers of the capabilities it has (TS 29.229 6.3.5, 6.3.6)."},
    {"priority", CONF_U32, SERVER(priority), "1", .max = 65535,
     .help = "Lower numbers are chosen first."},
    {"weight", CONF_U32, SERVER(weight), "1", .max = 65535,
     .help = "Share of the users within one priority."},
    {0},
};

const struct conf_row icscf_rows[] = {
    {"name", CONF_STR, AT(name), .help = "SIP URI of this I-CSCF."},
    {"domain", CONF_STR, AT(domain), .help = "Home network domain name (TS 23.003 13.2)."},
    {"sip.udp", CONF_ADDR_LIST, AT(udp), "[]", .min = 5060, .help = "Addresses for SIP over UDP."},
    {"sip.tcp", CONF_ADDR_LIST, AT(tcp), "[]", .min = 5060, .help = "Addresses for SIP over TCP."},
    {"sip.prefer_tcp", CONF_BOOL, AT(prefer_tcp), "true",
     .help = "Choose TCP towards a next hop whose URI leaves the transport open."},
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT,
     .help = TRUST_HELP "; a REGISTER of others gets 403, and what others assert of identities, "
                        "location and charging is removed."},
    {"diameter.identity", CONF_STR, AT(diameter.identity), .help = "Origin-Host of this node."},
    {"diameter.realm", CONF_STR, AT(diameter.realm), .help = "Origin-Realm of this node."},
    {"diameter.hss", CONF_STR, AT(diameter.hss), "",
     .help = "Destination-Host of requests; empty means routing by realm."},
    {"diameter.local", CONF_ADDR, AT(diameter.local), "",
     .help = "Address that connections to peers leave from; empty means the system's choice."},
    {"diameter.peers", CONF_TABLE, AT(diameter.peers), .min = 1, .sub = peer_rows,
     .sub_size = sizeof(struct icscf_peer), .help = "HSS, SLF or relays to connect to."},
    {"diameter.timeout", CONF_U32, AT(diameter.timeout_ms), "5000", 100, 60000, "ms",
     .help = "How long an answer on Cx is awaited."},
    {"diameter.watchdog", CONF_U32, AT(diameter.watchdog_ms), "30000", 1000, 3600000, "ms",
     .help = "Tw of RFC 3539; at least 6000 on real networks."},
    {"selection.scscfs", CONF_TABLE, AT(scscfs), .min = 1, .sub = scscf_row_list,
     .sub_size = sizeof(struct icscf_scscf),
     .help = "S-CSCFs that may be assigned to a user (TS 29.228 6.7)."},
    {"selection.timeout", CONF_U32, AT(scscf_timeout_ms), "8000", 100, 32000, "ms",
     .help = "Silence of an S-CSCF after which another one is selected; longer than its own wait "
             "for the HSS."},
    {0},
};
