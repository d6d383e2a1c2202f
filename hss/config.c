// SPDX-License-Identifier: Apache-2.0
#include "hss/config.h"

#define AT(field) offsetof(struct hss_config, field)
#define PEER(field) offsetof(struct hss_peer, field)

static const struct conf_row peer_rows[] = {
    {"host", CONF_STR, PEER(host), .help = "Diameter identity of the peer."},
    {"address", CONF_ADDR, PEER(address), "", .min = 3868,
     .help = "Where to connect, and where it connects from; when empty the peer connects to us."},
    {"from", CONF_STR_LIST, PEER(from), "[]",
     .help = "Further addresses (`192.0.2.7`) and networks (`2001:db8::/64`) that it may connect from; "
             "without them and without address, what its host resolves to."},
    {"realm", CONF_STR, PEER(realm), "", .help = "Its realm; empty means our own."},
    {"relay", CONF_BOOL, PEER(relay), "false",
     .help = "The peer forwards to any host of the realm (a relay, proxy or SLF)."},
    {0},
};

const struct conf_row hss_rows[] = {
    {"diameter.identity", CONF_STR, AT(diameter.identity), .fixed = true,
     .help = "Origin-Host of this node."},
    {"diameter.realm", CONF_STR, AT(diameter.realm), .fixed = true,
     .help = "Origin-Realm of this node."},
    {"diameter.listen", CONF_ADDR_LIST, AT(diameter.listen), .min = 3868, .fixed = true,
     .help = "Addresses for Diameter over TCP."},
    {"diameter.peers", CONF_TABLE, AT(diameter.peers), "[]", .sub = peer_rows,
     .sub_size = sizeof(struct hss_peer), .fixed = true,
     .help = "CSCFs and relays that may connect."},
    {"diameter.accept_unknown", CONF_BOOL, AT(diameter.accept_unknown), "false", .fixed = true,
     .help = "Let peers connect that are not in diameter.peers."},
    {"diameter.watchdog", CONF_U32, AT(diameter.watchdog_ms), "30000", 1000, 3600000, "ms",
     .fixed = true, .help = "Tw of RFC 3539; at least 6000 on real networks."},
    {"diameter.max_strangers", CONF_U32, AT(diameter.max_strangers), "64", 1, 65535, .fixed = true,
     .help = "Connections without an accepted CER at once; beyond it the oldest ends."},
    {"diameter.max_strangers_per_source", CONF_U32, AT(diameter.max_strangers_per_source), "8", 1,
     65535, .fixed = true, .help = "The same from one address, or one /64 of IPv6."},
    {"diameter.cer_timeout", CONF_U32, AT(diameter.cer_ms), "5000", 100, 60000, "ms", .fixed = true,
     .help = "How long a connection may be without an accepted CER."},
    {"diameter.cer_size", CONF_U32, AT(diameter.cer_bytes), "4096", 128, 65536, "bytes",
     .fixed = true, .help = "Longest CER."},
    NODE_DIA_LIMIT_ROWS(AT(diameter.limits)),
    {"store.path", CONF_STR, AT(store.path), .fixed = true,
     .help = "SQLite file with the subscribers."},
    {"store.key_file", CONF_STR, AT(store.key_file), .fixed = true,
     .help = "File with the 64 hexadecimal digits under which K and OPc are encrypted; mode 0600."},
    {"store.key_create", CONF_BOOL, AT(store.key_create), "false", .fixed = true,
     .help = "Make the key file when neither it nor the store exists."},
    {"store.max_size", CONF_U32, AT(store.max_mib), "0", .unit = "MiB", .fixed = true,
     .help = "Largest size of the store; 0 leaves it to the disk."},
    {"cx.max_vectors", CONF_U32, AT(settings.max_vectors), "5", 1, CX_MAX_VECTORS,
     .help = "Most authentication vectors in one answer."},
    {"cx.keep_server_name", CONF_BOOL, AT(settings.keep_server_name), "true",
     .help = "Keep the S-CSCF's name when it asks for that at deregistration (TS 29.228 6.1.2.1)."},
    {"cx.aka_for_unknown", CONF_BOOL, AT(settings.aka_for_unknown), "false",
     .help = "Challenge a REGISTER without Authorization with AKA where the subscriber has AKA; "
             "TS 29.228 6.3.1 refuses it."},
    {"cx.queue_delay", CONF_U32, AT(settings.queue_delay_ms), "1000", 10, 60000, "ms",
     .help = "Longest wait for a transaction; beyond it MAR and SAR get DIAMETER_TOO_BUSY, and beyond "
             "half of it what begins a registration."},
    {"cx.queue_length", CONF_U32, AT(settings.queue_length), "20000", 1, 1000000,
     .help = "Most requests that wait for a transaction, in the same way."},
    {"digest.qop", CONF_STR, AT(settings.digest_qop), "auth",
     .help = "Quality of protection that SIP Digest subscribers are offered."},
    {"charging.primary_ccf", CONF_STR, AT(settings.charging.primary_ccf), "",
     .help = "Charging collection function for subscribers without one of their own, host or "
             "aaa:// URI."},
    {"charging.secondary_ccf", CONF_STR, AT(settings.charging.secondary_ccf), "",
     .help = "Its stand-in."},
    {"charging.primary_ecf", CONF_STR, AT(settings.charging.primary_ecf), "",
     .help =
         "Event charging function for subscribers without one of their own, host or aaa:// URI."},
    {"charging.secondary_ecf", CONF_STR, AT(settings.charging.secondary_ecf), "",
     .help = "Its stand-in."},
    {0},
};

void hss_check(const void *config, app_finding bad, void *arg)
{
    const struct hss_config *c = config;
    const struct hss_peer *peers = c->diameter.peers.v;
    struct dia_net net;
    for (size_t i = 0; i < c->diameter.peers.n; i++)
        for (size_t k = 0; k < peers[i].from.n; k++)
            if (dia_net_parse(peers[i].from.v[k], &net))
                bad(arg, "diameter.peers[].from", "expected an address or a network");
}
