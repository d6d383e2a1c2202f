// SPDX-License-Identifier: Apache-2.0
#include "hss/config.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#include "app/node_rows.h"
#include "base/err.h"
#include "base/mem.h"
#include "hss/vault.h"
#include "store/store.h"

#define AT(field) offsetof(struct hss_config, field)
#define PEER(field) offsetof(struct hss_peer, field)

static const struct conf_row peer_rows[] = {
    {"host", CONF_STR, PEER(host), .form = CONF_FORM_IDENTITY, .help = "Diameter identity of the peer."},
    {"address", CONF_ADDR, PEER(address), "", .min = 3868, .use = CONF_REMOTE,
     .help = "Where to connect, and where it connects from; when empty the peer connects to us."},
    {"from", CONF_STR_LIST, PEER(from), "[]", .form = CONF_FORM_NET,
     .help = "Further addresses (`192.0.2.7`) and networks (`2001:db8::/64`) that it may connect from; "
             "without them and without address, what its host resolves to."},
    {"realm", CONF_STR, PEER(realm), "", .form = CONF_FORM_DOMAIN, .help = "Its realm; empty means our own."},
    {"relay", CONF_BOOL, PEER(relay), "false",
     .help = "The peer forwards to any host of the realm (a relay, proxy or SLF)."},
    {0},
};

static const char *const anyone_names[] = {"optional", "absent", "empty", NULL};

const struct conf_row hss_rows[] = {
    {"diameter.identity", CONF_STR, AT(diameter.identity), .fixed = true, .form = CONF_FORM_IDENTITY,
     .help = "Origin-Host of this node."},
    {"diameter.realm", CONF_STR, AT(diameter.realm), .fixed = true, .form = CONF_FORM_DOMAIN,
     .help = "Origin-Realm of this node."},
    {"diameter.listen", CONF_ADDR_LIST, AT(diameter.listen), .min = 3868, .fixed = true,
     .use = CONF_TCP,
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
    NODE_NUMBERING_ROWS(AT(home), "Home domains, in which public identities may be provisioned (TS 23.003 13.4), "
                                  "the home network domain name first; empty: `diameter.realm`."),
    {"store.path", CONF_STR, AT(store.path), .fixed = true, .form = CONF_FORM_STORE,
     .help = "SQLite file with the subscribers."},
    {"store.key_file", CONF_STR, AT(store.key_file), .fixed = true, .form = CONF_FORM_KEY,
     .help = "File with the 64 hexadecimal digits under which K and OPc are encrypted; mode 0600."},
    {"store.key_create", CONF_BOOL, AT(store.key_create), "false", .fixed = true,
     .help = "Make the key file when neither it nor the store exists."},
    {"store.shared", CONF_BOOL, AT(store.shared), "false", .fixed = true,
     .help = "Several HSSs of this machine use the store; all of them say so, else the second one does not start."},
    {"store.max_size", CONF_U32, AT(store.max_mib), "0", .unit = "MiB", .fixed = true,
     .help = "Largest size of the store; 0 leaves it to the disk."},
    {"cx.max_vectors", CONF_U32, AT(settings.max_vectors), "5", 1, HSS_VECTORS_MAX,
     .help = "Most authentication vectors in one answer."},
    {"cx.keep_server_name", CONF_BOOL, AT(settings.keep_server_name), "true",
     .help = "Keep the S-CSCF's name when it asks for that at deregistration (TS 29.228 6.1.2.1)."},
    {"cx.scscf_pool", CONF_STR_LIST, AT(pool), "[]", .form = CONF_FORM_SIP_URI,
     .help = "S-CSCFs offered, in turn, for subscribers who have neither `servers` nor `mandatory` of their own."},
    {"cx.any_scscf", CONF_ENUM, AT(settings.anyone), "optional", .values = anyone_names,
     .help = "How UAA and LIA say that any S-CSCF may be chosen: `optional` by one Optional-Capability, which excludes "
             "nobody, `absent` by no Server-Capabilities, `empty` by an empty one. Some I-CSCFs take only the first "
             "(docs/hss.md)."},
    {"cx.any_scscf_capability", CONF_U32, AT(settings.anyone_capability), "0", .max = 2147483647,
     .help = "Number of that Optional-Capability."},
    {"cx.aka_for_unknown", CONF_BOOL, AT(settings.aka_for_unknown), "false",
     .help = "Challenge a REGISTER without Authorization with AKA where the subscriber has AKA; "
             "TS 29.228 6.3.1 refuses it."},
    {"cx.restoration_size", CONF_U32, AT(settings.restoration_size), "4096", .max = 65536, .unit = "bytes",
     .help = "Most that is kept of a registration for IMS restoration (TS 23.380 4), for each private identity of an "
             "implicit set; a contact takes some 300 to 1000. 0 switches restoration off."},
    {"cx.queue_delay", CONF_U32, AT(settings.queue_delay_ms), "1000", 10, 60000, "ms",
     .help = "Longest wait for a transaction; beyond it MAR and SAR get DIAMETER_TOO_BUSY, and beyond "
             "half of it what begins a registration."},
    {"cx.queue_length", CONF_U32, AT(settings.queue_length), "20000", 1, 1000000,
     .help = "Most requests that wait for a transaction, in the same way."},
    {"digest.qop", CONF_STR, AT(settings.digest_qop), "auth", .form = CONF_FORM_QOP,
     .help = "Quality of protection that SIP Digest subscribers are offered."},
    {"charging.primary_ccf", CONF_STR, AT(settings.charging.primary_ccf), "", .form = CONF_FORM_CHARGING,
     .help = "Charging collection function for subscribers without one of their own, host or "
             "aaa:// URI."},
    {"charging.secondary_ccf", CONF_STR, AT(settings.charging.secondary_ccf), "", .form = CONF_FORM_CHARGING,
     .help = "Its stand-in."},
    {"charging.primary_ecf", CONF_STR, AT(settings.charging.primary_ecf), "", .form = CONF_FORM_CHARGING,
     .help =
         "Event charging function for subscribers without one of their own, host or aaa:// URI."},
    {"charging.secondary_ecf", CONF_STR, AT(settings.charging.secondary_ecf), "", .form = CONF_FORM_CHARGING,
     .help = "Its stand-in."},
    {0},
};

// ---- what the rows do not see ----

static const char *peer_option(char text[64], size_t i, const char *field)
{
    (void)snprintf(text, 64, "diameter.peers[%zu].%s", i + 1, field);
    return text;
}

static void check_peer(const struct hss_config *c, size_t i, app_finding bad, void *arg)
{
    const struct hss_peer *all = c->diameter.peers.v, *p = &all[i];
    char option[64], text[ADDR_TEXT_MAX];
    if (str_ieq(p->host, c->diameter.identity))
        app_find(bad, arg, peer_option(option, i, "host"), "%.*s is this node itself (diameter.identity)",
                 STR_ARG(p->host));
    for (size_t k = 0; k < i; k++)
        if (str_ieq(p->host, all[k].host))
            app_find(bad, arg, peer_option(option, i, "host"), "%.*s is diameter.peers[%zu] already",
                     STR_ARG(p->host), k + 1);
    for (size_t k = 0; k < c->diameter.listen.n; k++)
        if (addr_eq(&p->address, &c->diameter.listen.v[k]))
            app_find(bad, arg, peer_option(option, i, "address"), "%.*s is this node itself (diameter.listen)",
                     STR_ARG(addr_text(&p->address, text)));
}

static void check_reachable(const struct hss_config *c, app_finding bad, void *arg)
{
    const struct hss_peer *p = c->diameter.peers.v;
    bool connects = c->diameter.listen.n > 0;
    for (size_t i = 0; i < c->diameter.peers.n; i++)
        connects |= p[i].address.sa.sa_family != 0;
    if (!connects)
        bad(arg, "diameter.listen", "needs an address, since no peer has one");
}

// The same as at the start, which opens it (hss.c); its content is never shown.
static void check_key(const struct hss_config *c, app_finding bad, void *arg)
{
    uint8_t key[VAULT_KEY];
    char *path = str_cdup(c->store.key_file), *store = str_cdup(c->store.path);
    int err = path && store ? vault_key_read(path, key) : ERR_NOMEM;
    OPENSSL_cleanse(key, sizeof key);
    if (err == ERR_NOTFOUND && c->store.key_create && access(store, F_OK) != 0)
        err = 0;
    if (err == ERR_NOTFOUND && c->store.key_create)
        app_find(bad, arg, "store.key_file", "%s is not there, and the store is: a new key would not open it", path);
    else if (err && err != ERR_NOMEM)
        app_find(bad, arg, "store.key_file", "%s: %s", path, vault_key_trouble(err));
    mem_free(path);
    mem_free(store);
}

static void check_from(const struct hss_config *c, app_finding bad, void *arg)
{
    const struct hss_peer *p = c->diameter.peers.v;
    char option[64];
    struct dia_net net;
    for (size_t i = 0; i < c->diameter.peers.n; i++)
        for (size_t k = 0; k < p[i].from.n; k++)
            if (dia_net_parse(p[i].from.v[k], &net))
                bad(arg, peer_option(option, i, "from"), "expected an address or a network");
}

void hss_check(const void *config, app_finding bad, void *arg)
{
    const struct hss_config *c = config;
    for (size_t i = 0; i < c->diameter.peers.n; i++)
        check_peer(c, i, bad, arg);
    check_from(c, bad, arg);
    node_check_numbering(&c->home, bad, arg);
    check_reachable(c, bad, arg);
    check_key(c, bad, arg);
}

// It may be this very HSS that runs, as it was configured before.
static void suspect_store(const struct hss_config *c, app_finding odd, void *arg)
{
    char *path = str_cdup(c->store.path);
    enum store_use now = path ? store_users(path) : STORE_UNGUARDED;
    if (now == STORE_SHARED && !c->store.shared)
        app_find(odd, arg, "store.shared", "%s is shared by HSSs that run now: beside them this one does not start",
                 path);
    else if (now == STORE_ALONE && c->store.shared)
        app_find(odd, arg, "store.shared", "an HSS that runs now has %s for itself: beside it this one does not start",
                 path);
    mem_free(path);
}

void hss_suspect(const void *config, app_finding odd, void *arg)
{
    const struct hss_config *c = config;
    const struct hss_peer *p = c->diameter.peers.v;
    char option[64];
    node_suspect_numbering(&c->home, STR_NONE, odd, arg);
    node_suspect_identity(c->diameter.identity, c->diameter.realm, odd, arg);
    suspect_store(c, odd, arg);
    if (!c->diameter.peers.n && !c->diameter.accept_unknown)
        app_find(odd, arg, "diameter.peers", "nobody may connect: it is empty, and diameter.accept_unknown is off");
    for (size_t i = 0; i < c->diameter.peers.n; i++)
        if (!p[i].relay && !p[i].realm.n && !node_is_within(p[i].host, c->diameter.realm))
            app_find(odd, arg, peer_option(option, i, "host"),
                     "%.*s is not within diameter.realm, %.*s, and has no realm of its own", STR_ARG(p[i].host),
                     STR_ARG(c->diameter.realm));
    if (str_eq(c->settings.digest_qop, STR("auth-int")))
        app_find(odd, arg, "digest.qop", "an S-CSCF of this core checks auth only");
}
