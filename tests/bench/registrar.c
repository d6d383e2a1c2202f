// SPDX-License-Identifier: Apache-2.0
// The start of an S-CSCF with many users: everything is read from the disk before anybody is served.
//
//   bench_registrar [USERS [FOLDER]]      100000 users, in /tmp
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "io/disk.h"
#include "io/uv.h"
#include "scscf/durable.h"

static unsigned users = 100000;
static char folder[256];

struct node {
    struct loop *loop;
    struct keep *keep;
    struct profile_store *profiles;
    struct registrar *registrar;
    struct durable *durable;
};

static void die(const char *what)
{
    fprintf(stderr, "registrar bench: %s\n", what);
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

static void node_start(struct node *n)
{
    char why[256];
    if (uvloop_new(&(struct uv_loop_params){0}, &n->loop))
        die("no loop");
    const struct keep_params k = {.loop = n->loop, .folder = folder, .node = STR("scscf"), .format = DURABLE_FORMAT};
    if (keep_open(&k, why, sizeof why, &n->keep))
        die(why);
    const struct registrar_params r = {.loop = n->loop};
    if (profile_store_new(&n->profiles) || registrar_new(&r, &n->registrar))
        die("no memory");
    const struct durable_params d = {
        .loop = n->loop, .keep = n->keep, .registrar = n->registrar, .profiles = n->profiles, .max_s = 7200};
    if (durable_new(&d, &n->durable) || durable_load(n->durable))
        die("nothing can be read");
}

static void node_end(struct node *n)
{
    keep_close(n->keep);
    durable_free(n->durable);
    registrar_free(n->registrar);
    profile_store_free(n->profiles);
    loop_free(n->loop);
}

#define IFC                                                                                        \
    "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint><ConditionTypeCNF>1</ConditionTypeCNF><SPT><Group>0" \
    "</Group><Method>INVITE</Method></SPT></TriggerPoint><ApplicationServer><ServerName>sip:as.ims.example" \
    "</ServerName></ApplicationServer></InitialFilterCriteria>"

static void add(struct node *n, unsigned i)
{
    char xml[2048], impi[64], uri[64], path[96], call_id[64];
    struct profile *p;
    struct registration *reg;
    struct xml_error why;
    (void)snprintf(impi, sizeof impi, "00101%010u@ims.mnc001.mcc001.3gppnetwork.org", i);
    (void)snprintf(uri, sizeof uri, "sip:00101%010u@10.%u.%u.%u:5060", i, i >> 16 & 255, i >> 8 & 255, i & 255);
    (void)snprintf(path, sizeof path, "<sip:token%010u@pcscf.ims.mnc001.mcc001.3gppnetwork.org;lr;ob>", i);
    (void)snprintf(call_id, sizeof call_id, "%08x-call-id@10.0.0.1", i * 2654435761u);
    (void)snprintf(xml, sizeof xml,
                   "<IMSSubscription><PrivateID>%s</PrivateID><ServiceProfile>"
                   "<PublicIdentity><Identity>sip:00101%010u@ims.mnc001.mcc001.3gppnetwork.org</Identity>"
                   "</PublicIdentity>"
                   "<PublicIdentity><Identity>tel:+1556%07u</Identity></PublicIdentity>" IFC
                   "</ServiceProfile></IMSSubscription>",
                   impi, i, i % 10000000);
    static const char mmtel[] = ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"";
    const struct binding_params b = {.text = {[BINDING_URI] = str_from(uri),
                                              [BINDING_PARAMS] = str_from(mmtel),
                                              [BINDING_PATH] = str_from(path),
                                              [BINDING_CALL_ID] = str_from(call_id),
                                              [BINDING_INSTANCE] = STR("<urn:gsma:imei:90420156-025763-0>"),
                                              [BINDING_IMPI] = str_from(impi)},
                                     .cseq = 2, .expires_s = 3600 + i % 3600, .q = 1000};
    if (profile_parse(n->profiles, str_from(xml), &p, &why) || registrar_add(n->registrar, p, &reg) ||
        registration_bind(reg, &b, NULL))
        die("a user is refused");
}

static void flushed(void *arg, uint64_t id, int err)
{
    (void)id;
    if (err)
        die(err_text(err));
    loop_stop(arg);
}

// As many in one turn as the store's queue takes.
static void fill(struct node *n)
{
    for (unsigned i = 0; i < users;) {
        for (unsigned k = 0; k < 10000 && i < users; k++)
            add(n, i++);
        keep_flush(n->keep, flushed, n->loop);
        (void)loop_run(n->loop);
    }
}

static void clean(void)
{
    static const char *const kinds[] = {"log", "snap", "tmp"};
    struct disk *d;
    char name[64];
    if (disk_open(folder, &d))
        return;
    for (unsigned g = 1; g < 100; g++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            (void)snprintf(name, sizeof name, "%08x.%s", g, kinds[k]);
            (void)d->ops->remove(d, name);
        }
    (void)d->ops->remove(d, "lock");
    disk_free(d);
    (void)rmdir(folder);
}

int main(int argc, char **argv)
{
    struct node n;
    if (argc > 1)
        users = (unsigned)strtoul(argv[1], NULL, 10);
    (void)snprintf(folder, sizeof folder, "%s/carillon-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (!users || !mkdtemp(folder))
        die("no users or no folder");
    node_start(&n);
    double t = now_ms();
    fill(&n);
    struct keep_figures f = keep_figures(n.keep);
    printf("registrar written: %u users in %.0f ms, %.0f bytes of records for each\n", users, now_ms() - t,
           (double)f.state.live_bytes / users);
    printf("figure registrar_bytes %.0f B\n", (double)f.state.live_bytes / users);
    node_end(&n);
    double before = resident_mb();
    t = now_ms();
    node_start(&n);
    double took = now_ms() - t;
    if (registrar_count(n.registrar) != users)
        die("users are missing");
    printf("registrar start with %u users: %.0f ms, process +%.0f MB\n", users, took, resident_mb() - before);
    printf("figure registrar_start %.1f ms\n", took);
    node_end(&n);
    clean();
    return 0;
}
