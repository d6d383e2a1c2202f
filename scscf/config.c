// SPDX-License-Identifier: Apache-2.0
#include "scscf/config.h"

#include "ims/trust.h"

#define AT(field) offsetof(struct scscf_config, field)
#define PEER(field) offsetof(struct scscf_peer, field)

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

const struct conf_row scscf_rows[] = {
    {"name", CONF_STR, AT(name),
     .help = "SIP URI of this S-CSCF, which the HSS stores as Server-Name (TS 29.229 6.3.3)."},
    {"domain", CONF_STR, AT(domain), .help = "Home network domain name (TS 23.003 13.2)."},
    {"ioi", CONF_STR, AT(ioi), "",
     .help = "Inter operator identifier for P-Charging-Vector; empty means the domain."},
    {"sip.udp", CONF_ADDR_LIST, AT(udp), "[]", .min = 5060, .help = "Addresses for SIP over UDP."},
    {"sip.tcp", CONF_ADDR_LIST, AT(tcp), "[]", .min = 5060, .help = "Addresses for SIP over TCP."},
    {"sip.prefer_tcp", CONF_BOOL, AT(prefer_tcp), "true",
     .help = "Choose TCP towards a next hop whose URI leaves the transport open."},
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT,
     .help = TRUST_HELP "; a REGISTER and an originating request of others get 403, and what "
                        "others assert is removed."},
    {"diameter.identity", CONF_STR, AT(diameter.identity), .help = "Origin-Host of this node."},
    {"diameter.realm", CONF_STR, AT(diameter.realm), .help = "Origin-Realm of this node."},
    {"diameter.hss", CONF_STR, AT(diameter.hss), "",
     .help = "Destination-Host of requests; empty means routing by realm."},
    {"diameter.local", CONF_ADDR, AT(diameter.local), "",
     .help = "Address that connections to peers leave from; empty means the system's choice."},
    {"diameter.peers", CONF_TABLE, AT(diameter.peers), .min = 1, .sub = peer_rows,
     .sub_size = sizeof(struct scscf_peer), .help = "HSS, SLF or relays to connect to."},
    {"diameter.timeout", CONF_U32, AT(diameter.timeout_ms), "5000", 100, 60000, "ms",
     .help = "How long an answer on Cx is awaited."},
    {"diameter.watchdog", CONF_U32, AT(diameter.watchdog_ms), "30000", 1000, 3600000, "ms",
     .help = "Tw of RFC 3539; at least 6000 on real networks."},
    {"registration.min_expires", CONF_U32, AT(registration.min_s), "60", 1, 86400, "s",
     .help = "A shorter registration is refused by 423 (Interval Too Brief)."},
    {"registration.max_expires", CONF_U32, AT(registration.max_s), "600000", 60, 31536000, "s",
     .help = "Longest registration that is granted (TS 24.229 table 7.8.1, reg-expires)."},
    {"registration.default_expires", CONF_U32, AT(registration.default_s), "600000", 60, 31536000,
     "s", .help = "Granted to a REGISTER that asks for no interval."},
    {"registration.max_contacts", CONF_U32, AT(registration.max_contacts), "10", 1, 100,
     .help = "Contacts bound at the same time to one implicit registration set."},
    {"auth.await", CONF_U32, AT(auth.await_s), "240", 1, 3600, "s",
     .help = "Timer reg-await-auth (TS 24.229 table 7.8.1)."},
    {"auth.max_failures", CONF_U32, AT(auth.max_failures), "3", 1, 100,
     .help = "Wrong responses in a row after which a REGISTER is refused by 403."},
    {"auth.nonce_life", CONF_U32, AT(auth.nonce_s), "600", 1, 86400, "s",
     .help = "How long a SIP Digest nonce may be used again with a higher nonce count."},
    {"auth.every_register", CONF_BOOL, AT(auth.every_register), "false",
     .help = "Challenge re-registrations that arrive over a security association too."},
    {0},
};
