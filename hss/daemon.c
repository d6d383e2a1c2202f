// SPDX-License-Identifier: Apache-2.0
#include "hss/daemon.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

// Empty texts of the configuration mean "none".
static struct hss_settings settings_of(const struct hss_config *c)
{
    struct hss_settings s = c->settings;
    struct str *const all[] = {&s.charging.primary_ccf, &s.charging.secondary_ccf,
                               &s.charging.primary_ecf, &s.charging.secondary_ecf};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (!all[i]->n)
            *all[i] = STR_NONE;
    s.pool = c->pool.v;
    s.n_pool = c->pool.n;
    return s;
}

static int open_hss(struct hss_daemon *d, const struct hss_config *c)
{
    char *path = str_cdup(c->store.path), *key = str_cdup(c->store.key_file);
    int err = ERR_NOMEM;
    d->plan = node_read_numbering(&c->home, c->home.domains.n ? STR_NONE : c->diameter.realm);
    if (path && key) {
        const struct hss_params p = {
            .loop = app_loop(d->app),
            .store_path = path,
            .key_file = key,
            .key_create = c->store.key_create,
            .store_max_bytes = (uint64_t)c->store.max_mib << 20,
            .store_shared = c->store.shared,
            .plan = &d->plan,
            .settings = settings_of(c),
        };
        err = hss_new(&p, &d->hss);
    }
    mem_free(path);
    mem_free(key);
    return err;
}

static int add_peers(struct hss_daemon *d, const struct hss_config *c)
{
    const struct hss_peer *peers = c->diameter.peers.v;
    for (size_t i = 0; i < c->diameter.peers.n; i++) {
        int err = dia_peer_add(d->dia, &(struct dia_peer_params){
                                           .host = peers[i].host,
                                           .realm = peers[i].realm,
                                           .remote = peers[i].address,
                                           .from = peers[i].from.v,
                                           .n_from = peers[i].from.n,
                                           .relay = peers[i].relay,
                                       });
        if (err)
            return err;
    }
    return 0;
}

static int listen_all(struct hss_daemon *d, const struct hss_config *c)
{
    for (size_t i = 0; i < c->diameter.listen.n; i++) {
        const struct addr *a = &c->diameter.listen.v[i];
        int err = dia_node_listen(d->dia, DIA_TCP, a);
        if (err)
            return app_listen_failed(a, "tcp", err);
    }
    return 0;
}

static int open_diameter(struct hss_daemon *d, const struct hss_config *c)
{
    static const struct dia_interface *const applications[] = {&dia_cx};
    const struct dia_params p = {
        .loop = app_loop(d->app),
        .origin_host = c->diameter.identity,
        .origin_realm = c->diameter.realm,
        .product = STR("Carillon HSS"),
        .applications = applications,
        .n_applications = ARRAY_LEN(applications),
        .watchdog_ms = c->diameter.watchdog_ms,
        .accept_unknown = c->diameter.accept_unknown,
        .limits = c->diameter.limits,
        .max_strangers = c->diameter.max_strangers,
        .max_strangers_per_source = c->diameter.max_strangers_per_source,
        .cer_ms = c->diameter.cer_ms,
        .cer_bytes = c->diameter.cer_bytes,
        .trace = app_tracing(d->app) ? app_trace_dia : NULL,
        .arg = d->app,
    };
    int err = dia_node_new(&p, &d->dia);
    if (!err)
        err = cx_serve(d->dia, &hss_cx_server, d->hss);
    if (!err)
        err = add_peers(d, c);
    return err ? err : listen_all(d, c);
}

int hss_daemon_start(struct app *app, const void *config, void **ret_nf)
{
    struct hss_daemon *d = mem_zalloc(sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->app = app;
    int err = open_hss(d, config);
    if (!err)
        err = open_diameter(d, config);
    if (err) {
        hss_daemon_stop(d);
        return err;
    }
    *ret_nf = d;
    return 0;
}

void hss_daemon_reload(void *nf, const void *config)
{
    struct hss_daemon *d = nf;
    struct hss_settings s = settings_of(config);
    hss_configure(d->hss, &s);
}

static void diameter_drained(void *arg)
{
    app_drained(((struct hss_daemon *)arg)->app);
}

static void requests_drained(void *arg)
{
    struct hss_daemon *d = arg;
    dia_drain(d->dia, diameter_drained, d);
}

void hss_daemon_drain(void *nf, struct app *app)
{
    struct hss_daemon *d = nf;
    hss_drain(d->hss, requests_drained, d);
}

// The HSS goes first: its answers need the node.
void hss_daemon_stop(void *nf)
{
    struct hss_daemon *d = nf;
    hss_free(d->hss);
    dia_node_free(d->dia);
    mem_free(d);
}

bool hss_daemon_ready(void *nf, const char **ret_why)
{
    const struct hss_daemon *d = nf;
    return hss_ready(d->hss, ret_why);
}

static void add_total(struct metrics *m, const char *name, const char *help, const char *labels,
                      uint64_t value)
{
    metrics_add(m, name, "counter", help, labels, (double)value);
}

struct dia_node *hss_daemon_dia(void *nf)
{
    return ((struct hss_daemon *)nf)->dia;
}

static void restoration_metrics(const struct hss_daemon *d, struct metrics *m)
{
    static const char name[] = "hss_restorations_total", help[] = "SCSCF-Restoration-Info by what became of it.";
    const struct hss_stats *s = hss_stats(d->hss);
    uint64_t n, bytes;
    hss_restorations_stored(d->hss, &n, &bytes);
    add_total(m, name, help, "outcome=\"kept\"", s->restorations_kept);
    add_total(m, name, help, "outcome=\"too_big\"", s->restorations_unkept);
    add_total(m, name, help, "outcome=\"given\"", s->restorations_given);
    metrics_add(m, "hss_restorations", "gauge", "SCSCF-Restoration-Info in the store.", "", (double)n);
    metrics_add(m, "hss_restoration_bytes", "gauge", "Their size in bytes.", "", (double)bytes);
}

void hss_daemon_metrics(void *nf, struct metrics *m)
{
    const struct hss_daemon *d = nf;
    const struct hss_stats *s = hss_stats(d->hss);
    for (size_t i = HSS_UAR; i <= HSS_SAR; i++) {
        char labels[40];
        struct writer w = writer_init(labels, sizeof(labels) - 1);
        metrics_label(&w, "command", str_from(hss_command_names[i]));
        labels[w.n] = '\0';
        add_total(m, "hss_requests_total", "Cx requests answered.", labels, s->requests[i]);
        add_total(m, "hss_refused_total", "Cx requests refused.", labels, s->refused[i]);
        add_total(m, "hss_shed_total",
                  "Cx requests answered DIAMETER_TOO_BUSY because too much waits.", labels,
                  s->shed[i]);
    }
    metrics_add(m, "hss_queue_waiting", "gauge", "Requests that wait for a transaction now.", "",
                (double)hss_queue_waiting(d->hss));
    metrics_add(m, "hss_queue_delay_ms", "gauge",
                "How long the first of them has waited, in milliseconds.", "",
                (double)hss_queue_delay_ms(d->hss));
    add_total(m, "hss_vectors_total", "Authentication vectors made.", "", s->vectors);
    add_total(m, "hss_resyncs_total", "SQN resynchronisations by outcome.", "outcome=\"done\"",
              s->resyncs);
    add_total(m, "hss_resyncs_total", "SQN resynchronisations by outcome.", "outcome=\"refused\"",
              s->resyncs_refused);
    add_total(m, "hss_transactions_total", "Transactions on the store.", "", s->transactions);
    add_total(m, "hss_store_foreign_writes_total",
              "Transactions before which another process had written to the store.", "", s->foreign_writes);
    add_total(m, "hss_store_failures_total", "Transactions that failed.", "", s->store_failures);
    restoration_metrics(d, m);
    app_metrics_dia(m, d->dia);
}
