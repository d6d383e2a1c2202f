// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/hss.h"
#include "icscf/icscf.h"
#include "io/sim_disk.h"
#include "pcscf/pcscf.h"
#include "scscf/scscf.h"
#include "sip/msg.h"
#include "tests/common/cx_node.h"
#include "tests/common/figure.h"
#include "tests/common/load.h"
#include "tests/common/place.h"
#include "tests/common/subscribers.h"

#define SCSCF_NAME "sip:scscf." W_DOMAIN ":5060"
#define SCSCF_2_NAME "sip:scscf2." W_DOMAIN ":5060"
#define PEERS "  peers:\n    - host: hss." W_DOMAIN "\n      address: 192.0.2.40:3868\n"

// The limits of messages: as they are by default, or out of the way.
#ifdef W_UNLIMITED
#define W_OPTIONS                                                                                  \
    "message:\n  fields: 65535\n  line: 65535\n  values: 65535\n  all_values: 65535\n"             \
    "  params: 65535\n  uri: 65535\n  memory_base: 1073741824\n"
#else
#define W_OPTIONS ""
#endif

// One numbering plan in all nodes.
#define W_NUMBERING                                                                                \
    "numbering:\n  country_code: \"1\"\n  national_prefix: \"1\"\n  national_length: 10\n"         \
    "  international_prefixes: [\"011\"]\n  short_codes: [\"8xx\"]\n"
// A call whose end nobody has seen is over before the registrations are.
#define W_CALLS "calls:\n  lifetime: 1800\n"
#define W_FURTHER "home:\n  domains: [" W_DOMAIN_2 "]\n" W_NUMBERING

static const char pcscf_yaml[] =
    "access:\n  listen: [192.0.2.10:5060]\n  security: optional\n  aka_in_clear: true\n"
    "core:\n  listen: [192.0.2.10:5070]\n  trusted: [192.0.2.0/26]\n  host: pcscf." W_DOMAIN "\n"
    "home:\n  domains: [" W_DOMAIN ", " W_DOMAIN_2 "]\n" W_NUMBERING "network:\n  visited: " W_DOMAIN "\n" W_CALLS
    W_OPTIONS;
#define ICSCF_YAML(scscfs)                                                                                             \
    "name: sip:icscf." W_DOMAIN ":5060\ndomain: " W_DOMAIN "\n"                                                        \
    "sip:\n  udp: [192.0.2.20:5060]\n  tcp: [192.0.2.20:5060]\n  trusted: [192.0.2.0/26]\n"                            \
    "diameter:\n  identity: icscf." W_DOMAIN "\n  realm: " W_DOMAIN "\n  watchdog: 6000\n" PEERS                       \
    "selection:\n  scscfs:\n" scscfs W_FURTHER W_OPTIONS
static const char icscf_yaml[] = ICSCF_YAML("    - name: " SCSCF_NAME "\n");
static const char icscf_pair_yaml[] =
    ICSCF_YAML("    - name: " SCSCF_NAME "\n    - name: " SCSCF_2_NAME "\n      priority: 2\n");
#define SCSCF_YAML(name, host, ip, more)                                                                               \
    "name: " name "\ndomain: " W_DOMAIN "\n"                                                                           \
    "sip:\n  udp: [" ip ":5060]\n  tcp: [" ip ":5060]\n  trusted: [192.0.2.0/26]\n"                                    \
    "diameter:\n  identity: " host "." W_DOMAIN "\n  realm: " W_DOMAIN                                                 \
    "\n  watchdog: 6000\n" PEERS more W_FURTHER W_CALLS W_OPTIONS
static const char scscf_yaml[] = SCSCF_YAML(SCSCF_NAME, "scscf", "192.0.2.30", "");
static const char scscf_2_yaml[] =
    SCSCF_YAML(SCSCF_2_NAME, "scscf2", "192.0.2.31", "state:\n  dir: /var/lib/carillon/scscf2\n");

static const char *const ips[W_ALL] = {"192.0.2.40", "192.0.2.20", "192.0.2.30", "192.0.2.10", "192.0.2.31"};
static const char *const names[W_ALL] = {"hss", "icscf", "scscf", "pcscf", "scscf2"};
static const char *const folders[W_ALL] = {[W_SCSCF] = "/var/lib/carillon/scscf",
                                           [W_PCSCF] = "/var/lib/carillon/pcscf",
                                           [W_SCSCF_2] = "/var/lib/carillon/scscf2"};

struct addr world_address(enum world_node k)
{
    return place_port(ips[k], 0);
}

// ---- nodes ----

static void load(struct world_node_state *n, const char *yaml, const struct conf_row *rows, size_t size)
{
    char error[512];
    n->config = mem_zalloc(size);
    if (!n->config)
        must(ERR_NOMEM, "configuration");
    int e = load_text(str_from(yaml), "sim.yaml", rows, n->config, error, sizeof error, &n->conf);
    must(e, e ? error : "");
}

static struct numbering hss_plan(void)
{
    static const struct str further[] = {STR_INIT(W_DOMAIN_2)}, international[] = {STR_INIT("011")},
                            codes[] = {STR_INIT("8xx")};
    return (struct numbering){.domain = STR(W_DOMAIN),
                              .domains = further,
                              .n_domains = 1,
                              .country_code = STR("1"),
                              .national_prefix = STR("1"),
                              .national_length = 10,
                              .international_prefixes = international,
                              .n_international = 1,
                              .short_codes = codes,
                              .n_short_codes = 1};
}

static void boot_hss(struct world *w, struct world_node_state *n)
{
    static struct numbering plan;
    plan = hss_plan();
    static const char *const peers[] = {"icscf." W_DOMAIN, "scscf." W_DOMAIN, "scscf2." W_DOMAIN};
    static const enum world_node nodes[] = {W_ICSCF, W_SCSCF, W_SCSCF_2};
    char store[96], key[96];
    snprintf(store, sizeof store, "%s/hss.db", w->dir);
    snprintf(key, sizeof key, "%s/hss.key", w->dir);
    struct hss_params hp = {.loop = n->loop, .store_path = store, .key_file = key, .key_create = true,
                            .plan = &plan, .settings = {.restoration_size = w->pair ? 4096 : 0}};
    struct hss *h;
    must(hss_new(&hp, &h), "hss");
    struct dia_params dp = cx_params(n->loop, "hss." W_DOMAIN, W_DOMAIN);
    struct addr local = place_port(ips[W_HSS], 3868);
    dp.watchdog_ms = 6000;
    struct dia_node *d = cx_node(&dp, &hss_cx_server, h, &local);
    for (size_t i = 0; i < ARRAY_LEN(peers) - !w->pair; i++) {
        struct dia_peer_params pp = {.host = str_from(peers[i]), .remote = place_port(ips[nodes[i]], 0)};
        must(dia_peer_add(d, &pp), "peer");
    }
    n->nf = h;
    n->dia = d;
}

static void boot_icscf(const struct world *w, struct world_node_state *n)
{
    struct icscf *i;
    load(n, w->pair ? icscf_pair_yaml : icscf_yaml, icscf_rows, sizeof(struct icscf_config));
    struct icscf_params p = {.loop = n->loop, .config = n->config};
    must(icscf_new(&p, &i), "icscf");
    n->nf = i;
}

// Tokens and Service-Routes outlive the node as its registrations do.
static struct str key_file(const struct world *w, enum world_node k)
{
    static char paths[W_ALL][96];
    (void)snprintf(paths[k], sizeof paths[k], "%s/%s.keys", w->dir, names[k]);
    return str_from(paths[k]);
}

static void boot_scscf(const struct world *w, enum world_node k, struct world_node_state *n, const char *yaml)
{
    struct scscf *s;
    load(n, yaml, scscf_rows, sizeof(struct scscf_config));
    ((struct scscf_config *)n->config)->keys.file = key_file(w, k);
    struct scscf_params p = {.loop = n->loop, .config = n->config};
    must(scscf_new(&p, &s), "scscf");
    n->nf = s;
}

static void boot_pcscf(const struct world *w, struct world_node_state *n)
{
    struct pcscf *s;
    load(n, pcscf_yaml, pcscf_rows, sizeof(struct pcscf_config));
    ((struct pcscf_config *)n->config)->keys.file = key_file(w, W_PCSCF);
    struct pcscf_params p = {.loop = n->loop, .config = n->config};
    must(pcscf_new(&p, &s), "pcscf");
    n->nf = s;
}

struct disk *world_disk(const struct world *w, enum world_node k)
{
    struct disk *d = folders[k] ? sim_disk_at(w->sim, folders[k]) : NULL;
    must(d || !folders[k] ? 0 : ERR_NOMEM, "disk");
    return d;
}

void world_boot(struct world *w, enum world_node k)
{
    struct world_node_state *n = &w->node[k];
    if (n->nf)
        return;
    LOG(LOG_INFO, "node started", LF_Z("node", names[k]));
    must(sim_node(w->sim, names[k], &n->loop), "node");
    if (world_disk(w, k))
        sim_disk_fail_after(world_disk(w, k), UINT64_MAX, NULL, NULL); // it comes up
    switch (k) {
    case W_HSS: boot_hss(w, n); break;
    case W_ICSCF: boot_icscf(w, n); break;
    case W_SCSCF: boot_scscf(w, k, n, scscf_yaml); break;
    case W_SCSCF_2: boot_scscf(w, k, n, scscf_2_yaml); break;
    default: boot_pcscf(w, n); break;
    }
}

void world_kill(struct world *w, enum world_node k)
{
    struct world_node_state *n = &w->node[k];
    if (!n->nf)
        return;
    LOG(LOG_INFO, "node killed", LF_Z("node", names[k]));
    sim_crash(w->sim, n->loop);
    switch (k) {
    case W_HSS:
        dia_node_free(n->dia);
        hss_free(n->nf);
        break;
    case W_ICSCF: icscf_free(n->nf); break;
    case W_SCSCF:
    case W_SCSCF_2:
        scscf_free(n->nf);
        break;
    default: pcscf_free(n->nf); break;
    }
    loop_free(n->loop);
    conf_free(n->conf);
    mem_free(n->config);
    *n = (struct world_node_state){0};
}

// ---- power ----

struct power {
    struct world *w;
    enum world_node k;
};

static void on_no_power(void *arg)
{
    struct power *p = arg;
    p->w->node[p->k].no_power = true;
    sim_stop(p->w->sim);
}

void world_crash_after(struct world *w, enum world_node k, uint64_t steps)
{
    static struct power power[W_ALL];
    power[k] = (struct power){w, k};
    sim_disk_fail_after(world_disk(w, k), steps, on_no_power, &power[k]);
}

static void bury(struct world *w)
{
    for (int k = 0; k < W_ALL; k++) {
        if (!w->node[k].no_power)
            continue;
        LOG(LOG_INFO, "power failed", LF_Z("node", names[k]));
        world_kill(w, (enum world_node)k);
        sim_disk_power_cycle(world_disk(w, (enum world_node)k), SIM_DISK_SOME);
    }
}

void world_run(struct world *w, uint64_t ms)
{
    uint64_t until = sim_now_ms(w->sim) + ms;
    do {
        bury(w);
        (void)sim_run(w->sim, until);
    } while (sim_now_ms(w->sim) < until);
    bury(w);
}

// ---- names ----

static void add_srv(struct world *w, const char *name)
{
    place_srv(w->sim, name, 0, 10, "icscf." W_DOMAIN, 5060);
}

static void fill_dns(struct world *w)
{
    place_naptr(w->sim, W_DOMAIN, 10, "SIP+D2T", "_sip._tcp." W_DOMAIN);
    add_srv(w, "_sip._tcp." W_DOMAIN);
    add_srv(w, "_sip._udp." W_DOMAIN);
    add_srv(w, "_sip._tcp." W_DOMAIN_2);
    add_srv(w, "_sip._udp." W_DOMAIN_2);
    place_host(w->sim, "icscf." W_DOMAIN, ips[W_ICSCF]);
    place_host(w->sim, "scscf." W_DOMAIN, ips[W_SCSCF]);
    place_host(w->sim, "scscf2." W_DOMAIN, ips[W_SCSCF_2]);
    place_host(w->sim, "pcscf." W_DOMAIN, ips[W_PCSCF]);
}

// ---- users ----

static void ended(struct world_user *u, unsigned status)
{
    u->w->pending--;
    u->w->counts.by_status[status < 700 ? status : 0]++;
}

// A phone also registers by itself: a refresh, or what the network asked for in a 504 (TS 24.229 5.1.2A.1.6).
static bool registration_ended(struct world_user *u, unsigned status)
{
    bool ours = u->registering;
    u->registering = false;
    if (ours)
        ended(u, status);
    return ours;
}

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct world_user *u = arg;
    u->w->counts.register_ok += registration_ended(u, 200);
}

static void on_deregistered(void *arg, struct phone *ph)
{
    struct world_user *u = arg;
    (void)registration_ended(u, 200);
}

static void on_register_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct world_user *u = arg;
    u->w->counts.register_failed += registration_ended(u, f->status);
}

static void on_established(void *arg, struct phone *ph, ue_call call)
{
    struct world_user *u = arg;
    if (u->call != call)
        return;
    u->w->counts.call_established++;
    size_t i = (size_t)(u - u->w->users);
    (void)ue_call_hang_up(u->w->hub[i % W_HUBS], call);
}

static void on_call_failed(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f)
{
    struct world_user *u = arg;
    if (u->call != call)
        return;
    u->call = 0;
    u->w->counts.call_failed++;
    ended(u, f->status);
    // A core that does not know the UE any more: register again (TS 24.229 5.1.2A.1.6).
    if (f->status == 403 || f->status == 504)
        world_register(u->w, (size_t)(u - u->w->users));
}

static void on_ended(void *arg, struct phone *ph, ue_call call, bool by_remote,
                     const struct ue_media_report *m)
{
    struct world_user *u = arg;
    if (u->call != call)
        return;
    u->call = 0;
    u->w->counts.call_ok++;
    ended(u, 200);
}

static const struct ue_ops ops = {.registered = on_registered,
                                  .deregistered = on_deregistered,
                                  .register_failed = on_register_failed,
                                  .established = on_established,
                                  .failed = on_call_failed,
                                  .ended = on_ended};

static void make_user(struct world *w, size_t i)
{
    struct world_user *u = &w->users[i];
    char impi[80];
    snprintf(impi, sizeof impi, "0010110%08zu@%s", i, W_DOMAIN);
    snprintf(u->uri, sizeof u->uri, "sip:user%zu@%s", i, W_DOMAIN);
    u->w = w;
    struct phone_params p = {.impi = str_from(impi),
                             .impu = str_from(u->uri),
                             .domain = STR(W_DOMAIN),
                             .has_aka = true,
                             .expires = 3600,
                             .ops = &ops,
                             .arg = u};
    memcpy(p.k, "load-users-key-1", 16);
    memset(p.opc, 0x5a, 16);
    must(phone_new(w->hub[i % W_HUBS], &p, &u->phone), "phone");
}

void world_import(struct world *w, struct str csv)
{
    char error[256];
    size_t n;
    int e = subscribers_import(w->node[W_HSS].nf, csv, "sim.csv", error, sizeof error, &n);
    must(e, e ? error : "import");
}

static void provision(struct world *w)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "impi,k_ascii,opc,impus\n");
    for (size_t i = 0; i < w->n_users; i++)
        fprintf(f, "0010110%08zu@%s,load-users-key-1,5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a,"
                   "sip:user%zu@%s tel:+1556%07zu\n", i, W_DOMAIN, i, W_DOMAIN, i);
    (void)fclose(f);
    world_import(w, str_make(text, size));
    free(text);
}

static void make_hubs(struct world *w)
{
    for (size_t i = 0; i < W_HUBS; i++) {
        char name[16], address[16];
        snprintf(name, sizeof name, "ue%zu", i);
        snprintf(address, sizeof address, "192.0.2.%zu", 100 + i);
        must(sim_node(w->sim, name, &w->ue_loop[i]), name);
        struct hub_params hp = {.loop = w->ue_loop[i],
                                .local = place(address),
                                .proto = i % 2 ? SIP_PROTO_TCP : SIP_PROTO_UDP,
                                .proxy = place(ips[W_PCSCF]),
                                .auto_answer = true,
                                .answer_delay_ms = 50,
                                .ring_timeout_ms = 60000};
        must(hub_new(&hp, &w->hub[i]), "hub");
    }
}

void world_register(struct world *w, size_t i)
{
    struct world_user *u = &w->users[i];
    if (u->registering)
        return;
    u->registering = phone_register(u->phone) == 0;
    w->pending += u->registering;
}

void world_deregister(struct world *w, size_t i)
{
    struct world_user *u = &w->users[i];
    if (u->registering)
        return;
    u->registering = phone_deregister(u->phone, false) == 0;
    w->pending += u->registering;
}

void world_call(struct world *w, size_t from, size_t to)
{
    struct world_user *u = &w->users[from];
    struct ue_call_params p = {.target = str_from(w->users[to].uri)};
    if (u->call || !phone_is_registered(u->phone))
        return;
    if (phone_call(u->phone, &p, &u->call) == 0)
        w->pending++;
    else
        u->call = 0;
}

// ---- what the HSS has ----

static void on_uaa(void *arg, const struct cx_uaa *a)
{
    *(bool *)arg = a->server_name.n > 0;
}

bool world_has_server(const struct world *w, size_t user)
{
    bool named = false;
    char impi[80];
    (void)snprintf(impi, sizeof impi, "0010110%08zu@%s", user, W_DOMAIN);
    struct cx_uar q = {.impi = str_from(impi), .impu = str_from(w->users[user].uri), .visited_network = STR(W_DOMAIN)};
    hss_uar(w->node[W_HSS].nf, &q, on_uaa, &named);
    return named;
}

static void on_lia(void *arg, const struct cx_lia *a)
{
    *(bool *)arg = a->server_name.n > 0;
}

bool world_is_registered(const struct world *w, size_t user)
{
    bool named = false;
    struct cx_lir q = {.impu = str_from(w->users[user].uri)};
    hss_lir(w->node[W_HSS].nf, &q, on_lia, &named);
    return named;
}

void world_hang_up(struct world *w)
{
    for (size_t i = 0; i < W_HUBS; i++)
        hub_hang_up(w->hub[i]);
}

// ---- life ----

void world_trace(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst, bool tcp,
                 bool dropped, struct str data)
{
    struct world *w = arg;
    const uint64_t parts[] = {w->trace_hash, at_us, hash_bytes(data.p, data.n),
                              (uint64_t)addr_port(src) << 32 | (uint64_t)addr_port(dst) << 2 |
                                  (uint64_t)tcp << 1 | dropped};
    w->trace_hash = hash_bytes(parts, sizeof parts);
    w->trace_messages++;
}

static void start(struct world *w, uint64_t seed, size_t n_users, bool pair)
{
    *w = (struct world){.n_users = n_users, .pair = pair};
    (void)unsetenv("CARILLON_STATE"); // the folders are those of the defaults
    snprintf(w->dir, sizeof w->dir, "/dev/shm/carillon-sim-XXXXXX");
    if (!mkdtemp(w->dir)) {
        snprintf(w->dir, sizeof w->dir, "/tmp/carillon-sim-XXXXXX");
        must(mkdtemp(w->dir) ? 0 : ERR_IO, "folder for the store");
    }
    must(sim_new(seed, &w->sim), "sim");
    sim_set_trace(w->sim, world_trace, w);
    fill_dns(w);
    for (int k = 0; k < (pair ? W_ALL : W_NODES); k++)
        world_boot(w, (enum world_node)k);
    provision(w);
    make_hubs(w);
    for (size_t i = 0; i < n_users; i++)
        make_user(w, i);
    (void)sim_run(w->sim, sim_now_ms(w->sim) + 2000);
}

void world_start(struct world *w, uint64_t seed, size_t n_users)
{
    start(w, seed, n_users, false);
}

void world_start_pair(struct world *w, uint64_t seed, size_t n_users)
{
    start(w, seed, n_users, true);
}

static void remove_store(struct world *w)
{
    static const char *const files[] = {"hss.db",  "hss.db-wal", "hss.db-shm", "hss.db-lock",
                                        "hss.key", "pcscf.keys", "scscf.keys", "scscf2.keys"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(w->dir);
}

void world_stop(struct world *w)
{
    for (size_t i = 0; i < W_HUBS; i++) {
        hub_free(w->hub[i]);
        loop_free(w->ue_loop[i]);
    }
    for (int k = 0; k < W_ALL; k++)
        world_kill(w, (enum world_node)k);
    sim_free(w->sim);
    w->sim = NULL;
    remove_store(w);
}

// ---- figures ----

struct stack *world_stack(const struct world *w, enum world_node k)
{
    if (!w->node[k].nf)
        return NULL;
    switch (k) {
    case W_ICSCF: return icscf_stack(w->node[k].nf);
    case W_SCSCF:
    case W_SCSCF_2:
        return scscf_stack(w->node[k].nf);
    case W_PCSCF: return pcscf_stack(w->node[k].nf);
    default: return NULL;
    }
}

static uint64_t stat_of(const struct stack *stack, const char *name)
{
    return figure_of(stack, name, NULL);
}

uint64_t world_stack_stat(const struct world *w, enum world_node k, const char *name)
{
    return stat_of(world_stack(w, k), name);
}

// A name and its text are two allocations, and so are what a question was answered and its entry.
static uint64_t told_by(const struct stack *stack)
{
    if (!stack)
        return 0;
    return stat_of(stack, "sip_transactions_spare") + stat_of(stack, "sip_requests_spare") +
           2 * (stat_of(stack, "sip_names_known") + stat_of(stack, "sip_dns_answers_known"));
}

long world_live(const struct world *w)
{
    uint64_t told = 0;
    sip_msg_pool_drain();
    for (int k = 0; k < W_ALL; k++)
        told += told_by(world_stack(w, (enum world_node)k));
    for (size_t i = 0; i < W_HUBS; i++)
        told += told_by(hub_stack(w->hub[i]));
    return mem_live() - mem_kept() - (long)told;
}
