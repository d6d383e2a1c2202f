// SPDX-License-Identifier: Apache-2.0
// How long a P-CSCF that starts takes to have its registrations back: CONTACTS of them, each of another UE behind an
// address of its own with three identities, are written to a state store and read again.
//
//   bench_pcscf_load [CONTACTS [FOLDER]]      100000 contacts, in /tmp
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "io/uv.h"
#include "pcscf/registry_disk.h"

enum { AT_ONCE = 4096 };

static struct world {
    struct loop *loop;
    struct keep *keep;
    struct registry *registry;
    struct registry_restored restored;
    struct addr listen[1];
    struct conf_addrs all;
    struct keyring ring;
    struct token_key key;
    unsigned n, called;
} w;

static void die(const char *what)
{
    fprintf(stderr, "pcscf load bench: %s\n", what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double resident_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        die("no statm");
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void register_one(unsigned i)
{
    char impi[64], uri[64], sip[64], tel[32], barred[64];
    struct access_flow f = {.proto = SIP_PROTO_UDP, .label = 1};
    (void)addr_parse(STR("10.0.0.0"), 5060, &f.remote);
    f.remote.in4.sin_addr.s_addr = htonl(0x0a000000u + i);
    (void)snprintf(impi, sizeof impi, "00101%010u@ims.mnc001.mcc001.3gppnetwork.org", i);
    (void)snprintf(sip, sizeof sip, "sip:user%u@ims.mnc001.mcc001.3gppnetwork.org", i);
    (void)snprintf(barred, sizeof barred, "sip:00101%010u@ims.mnc001.mcc001.3gppnetwork.org", i);
    (void)snprintf(tel, sizeof tel, "tel:+1556%07u", i);
    (void)snprintf(uri, sizeof uri, "sip:00101%010u@10.%u.%u.%u:5060", i, i >> 16 & 255, i >> 8 & 255, i & 255);
    const struct identity ids[] = {{str_from(sip), STR_NONE}, {str_from(tel), STR_NONE}, {str_from(barred), STR_NONE}};
    f.user = token_user(&w.key, str_from(impi));
    struct contact_params p = {.flow = &f,
                               .impi = str_from(impi),
                               .contact = str_from(uri),
                               .identities = ids,
                               .n_identities = 3,
                               .home = STR("ims.mnc001.mcc001.3gppnetwork.org"),
                               .service_route = STR("<sip:orig@scscf.ims.mnc001.mcc001.3gppnetwork.org:5060;lr>"),
                               .term_ioi = STR("ims.mnc001.mcc001.3gppnetwork.org"),
                               .expires_ms = 3600000};
    if (registry_set(w.registry, &p, NULL))
        die("not registered");
}

static void on_written(void *arg, uint64_t id, int err);

static void more(void)
{
    for (unsigned i = 0; i < AT_ONCE && w.called < w.n; i++)
        register_one(w.called++);
    if (keep_wait_all(w.keep, on_written, NULL, 0))
        die("nothing to wait for");
}

static void on_written(void *arg, uint64_t id, int err)
{
    (void)arg;
    (void)id;
    if (err)
        die("write failed");
    if (w.called == w.n)
        loop_stop(w.loop);
    else
        more();
}

static void open_all(const char *folder)
{
    char why[160] = "";
    struct keep_params p = {.folder = folder, .node = STR("pcscf"), .format = REGISTRY_FORMAT};
    if (uvloop_new(&(struct uv_loop_params){0}, &w.loop))
        die("no loop");
    p.loop = w.loop;
    if (keep_open(&p, why, sizeof why, &w.keep))
        die(why);
    const struct registry_disk d = {.keep = w.keep,
                                    .listen = &w.all,
                                    .first_label = 1,
                                    .key = &w.key,
                                    .max_contacts = SIZE_MAX};
    if (registry_new(w.loop, NULL, NULL, NULL, &w.registry) || registry_restore(w.registry, &d, &w.restored))
        die("not restored");
}

static void close_all(void)
{
    keep_close(w.keep);
    registry_free(w.registry);
    loop_free(w.loop);
}

static void remove_all(const char *folder)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    if (system(command))
        die("the folder stays");
}

int main(int argc, char **argv)
{
    char folder[256];
    w.n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    w.key = (struct token_key){.ring = &w.ring};
    (void)snprintf(folder, sizeof folder, "%s/carillon-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (!w.n || !mkdtemp(folder) || addr_parse(STR("192.0.2.10"), 5060, &w.listen[0]))
        die("no contacts or folder");
    w.all = (struct conf_addrs){w.listen, 1};
    hash_seed(1, 2);
    open_all(folder);
    double t = now_ms();
    more();
    (void)loop_run(w.loop);
    printf("registered and on the disk: %u contacts in %.0f ms\n", w.n, now_ms() - t);
    struct state_figures s = keep_figures(w.keep).state;
    printf("%.0f bytes of record for each, %.0f of index\n", (double)s.live_bytes / w.n, (double)s.memory_bytes / w.n);
    printf("figure pcscf_bytes %.0f B\n", (double)s.live_bytes / w.n);
    close_all();
    double before = resident_mb();
    t = now_ms();
    open_all(folder);
    double took = now_ms() - t;
    printf("back after %.0f ms: %llu contacts, process +%.0f MB\n", took, (unsigned long long)w.restored.contacts,
           resident_mb() - before);
    printf("figure pcscf_start %.1f ms\n", took);
    close_all();
    remove_all(folder);
    return w.restored.contacts == w.n ? 0 : 1;
}
