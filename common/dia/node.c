// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/writer.h"
#include "dia/node_priv.h"

enum { DRAIN_MS = 1000, DEFAULT_TW_MS = 30000, DEFAULT_TC_MS = 30000, DEFAULT_PENDING = 10000,
       DEFAULT_BUFFERED = 4 << 20 };

// Frees what was closed during the turn.
static void bury(void *node)
{
    struct dia_node *n = node;
    LIST_EACH(&n->graves, it) {
        struct dia_conn *c = LIST_ENTRY(it, struct dia_conn, link);
        list_del(&c->link);
        dia_tail_done(c);
        mem_free(c);
    }
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->dead)
            dia_peer_free(p);
    }
}

static void drain_finish(struct dia_node *n)
{
    timer_cb done = n->drain_done;
    timer_stop(&n->drain_timer);
    n->drain_done = NULL;
    if (done)
        done(n->drain_arg);
}

static void drain_over(void *node)
{
    drain_finish(node);
}

static void drain_check(void *node)
{
    struct dia_node *n = node;
    LIST_EACH(&n->peers, it)
        if (LIST_ENTRY(it, struct dia_peer, link)->state != PEER_CLOSED)
            return;
    drain_finish(n);
}

static uint32_t or(uint32_t value, uint32_t def)
{
    return value ? value : def;
}

static void take_limits(struct dia_node *n, const struct dia_params *p)
{
    n->limits.message = or(p->limits.message, DIA_MESSAGE_MAX);
    n->limits.avps = or(p->limits.avps, DIA_AVPS_MAX);
    n->limits.depth = or(p->limits.depth, DIA_DEPTH_MAX);
    n->max_strangers = or(p->max_strangers, DIA_MAX_STRANGERS);
    n->max_same_source = or(p->max_strangers_per_source, DIA_MAX_SAME_SOURCE);
    n->cer_ms = or(p->cer_ms, DIA_CER_MS);
    n->cer_bytes = or(p->cer_bytes, DIA_CER_BYTES);
    n->try_ms = or(p->retry_ms, DIA_TRY_MS);
    n->connect_wait_ms = or(p->connect_wait_ms, DIA_CONNECT_WAIT_MS);
}

static void take_params(struct dia_node *n, const struct dia_params *p)
{
    n->loop = p->loop;
    n->vendor_id = p->vendor_id;
    n->watchdog_ms = p->watchdog_ms ? p->watchdog_ms : DEFAULT_TW_MS;
    n->connect_ms = p->connect_ms ? p->connect_ms : DEFAULT_TC_MS;
    n->max_pending = p->max_pending ? p->max_pending : DEFAULT_PENDING;
    n->max_buffered = p->max_buffered ? p->max_buffered : DEFAULT_BUFFERED;
    n->accept_unknown = p->accept_unknown;
    take_limits(n, p);
    n->trace = p->trace;
    n->peer_state = p->peer_state;
    n->arg = p->arg;
    n->n_apps = p->n_applications;
    memcpy(n->apps, p->applications, n->n_apps * sizeof *n->apps);
    n->host = str_dup(p->origin_host);
    n->realm = str_dup(p->origin_realm);
    n->product = str_dup(p->product.n ? p->product : STR("Carillon"));
}

static void node_init(struct dia_node *n)
{
    struct list *const lists[] = {&n->peers, &n->listeners, &n->conns, &n->graves, &n->parked,
                                  &n->failed, &n->requests, &n->dups};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        list_init(lists[i]);
    deferred_init(&n->bury, bury, n);
    deferred_init(&n->fail, dia_pending_fail_all, n);
    deferred_init(&n->drained, drain_check, n);
    timer_init(&n->drain_timer, drain_over, n);
}

int dia_node_new(const struct dia_params *p, struct dia_node **ret_node)
{
    if (!p->origin_host.n || p->origin_host.n > 255 || !p->origin_realm.n ||
        p->n_applications > DIA_MAX_SERVICES)
        return ERR_INVAL;
    struct dia_node *n = mem_zalloc(sizeof *n);
    if (!n)
        return ERR_NOMEM;
    node_init(n);
    take_params(n, p);
    int r = dia_dict_ref(n->apps, n->n_apps, &n->dict);
    if (r == 0 && (!n->host.p || !n->realm.p || !n->product.p))
        r = ERR_NOMEM;
    if (r) {
        dia_node_free(n);
        return r;
    }
    dia_ids_init(n);
    *ret_node = n;
    return 0;
}

static void stop_listening(struct dia_node *n)
{
    LIST_EACH(&n->listeners, it) {
        struct dia_listener *l = LIST_ENTRY(it, struct dia_listener, link);
        list_del(&l->link);
        tcp_listener_close(l->tcp);
        mem_free(l);
    }
}

void dia_node_free(struct dia_node *n)
{
    if (!n)
        return;
    stop_listening(n);
    dia_pending_free_all(n);
    dia_sessions_free(n);
    LIST_EACH(&n->requests, it)
        dia_request_free(LIST_ENTRY(it, struct dia_request, link));
    while (!list_empty(&n->dups))
        dia_dup_free(n, LIST_ENTRY(n->dups.next, struct dia_dup, link));
    LIST_EACH(&n->peers, it)
        dia_peer_free(LIST_ENTRY(it, struct dia_peer, link));
    LIST_EACH(&n->conns, it)
        dia_conn_close(LIST_ENTRY(it, struct dia_conn, link), false);
    bury(n);
    deferred_cancel(&n->bury);
    deferred_cancel(&n->fail);
    deferred_cancel(&n->drained);
    timer_stop(&n->drain_timer);
    dia_dict_unref(n->dict);
    mem_free((char *)n->host.p);
    mem_free((char *)n->realm.p);
    mem_free((char *)n->product.p);
    mem_free(n);
}

int dia_node_listen(struct dia_node *n, enum dia_transport t, const struct addr *local)
{
    if (t != DIA_TCP)
        return ERR_UNSUPPORTED;
    struct dia_listener *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    int r = tcp_listen(n->loop, local, false, dia_accept, n, &l->tcp);
    if (r) {
        mem_free(l);
        return r;
    }
    list_add(&n->listeners, &l->link);
    return 0;
}

bool dia_ready(const struct dia_node *n, struct str realm)
{
    LIST_EACH((struct list *)&n->peers, it) {
        const struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (dia_peer_usable(p) && dia_peer_serves(p, realm))
            return true;
    }
    return false;
}

bool dia_reaches(const struct dia_node *n, struct str host, struct str realm)
{
    LIST_EACH((struct list *)&n->peers, it) {
        const struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (dia_peer_usable(p) &&
            (str_ieq(p->host, host) || (p->relay && dia_peer_serves(p, realm))))
            return true;
    }
    return false;
}

bool dia_has_agents(const struct dia_node *n)
{
    LIST_EACH((struct list *)&n->peers, it) {
        const struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->relay || p->counts.redirects)
            return true;
    }
    return false;
}

void dia_drain(struct dia_node *n, timer_cb done, void *arg)
{
    n->draining = true;
    n->drain_done = done;
    n->drain_arg = arg;
    stop_listening(n);
    timer_start(n->loop, &n->drain_timer, DRAIN_MS);
    LIST_EACH(&n->peers, it)
        dia_peer_event(LIST_ENTRY(it, struct dia_peer, link), PEER_STOP, NULL);
    loop_defer(n->loop, &n->drained);
}

// ---- figures ----

#define COUNT(name_, member_)                                                                      \
    {"dia_" name_ "_total", offsetof(struct dia_counts, member_)}

static const struct {
    const char *name;
    size_t at;
} figures[] = {
    COUNT("requests_sent", requests_out),   COUNT("requests_received", requests_in),
    COUNT("answers_sent", answers_out),     COUNT("answers_received", answers_in),
    COUNT("errors_sent", errors_out),       COUNT("timeouts", timeouts),
    COUNT("failovers", failovers),          COUNT("retries", retries),
    COUNT("redirects", redirects),          COUNT("duplicates", duplicates),
    COUNT("full", full),                    COUNT("late_answers", late),
    COUNT("bad_messages", bad),             COUNT("answers_dropped", dropped),
    COUNT("peer_opened", opens),            COUNT("peer_lost", losses),
    COUNT("peer_suspected", suspects),      COUNT("peer_silent", silences),
    COUNT("peer_busy", busy),               COUNT("throttled", throttled),
    COUNT("second_refused", refused_seconds),
};

static const char *const excess_labels[DIA_EXCESSES] = {
    [DIA_OVER_MESSAGE] = "limit=\"message\"",
    [DIA_OVER_AVPS] = "limit=\"avps\"",
    [DIA_OVER_DEPTH] = "limit=\"depth\"",
    [DIA_OVER_STRANGERS] = "limit=\"strangers\"",
    [DIA_OVER_SOURCE] = "limit=\"strangers_per_source\"",
    [DIA_OVER_CER_TIME] = "limit=\"cer_timeout\"",
    [DIA_OVER_CER_BYTES] = "limit=\"cer_bytes\"",
};

static void counts(const struct dia_counts *c, const char *labels, dia_stat_cb cb, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        cb(arg, figures[i].name, labels, *(const uint64_t *)(const void *)((const char *)c + figures[i].at));
}

void dia_stats(const struct dia_node *n, dia_stat_cb cb, void *arg)
{
    counts(&n->counts, "peer=\"\"", cb, arg);
    dia_results_stats(&n->results, cb, arg);
    cb(arg, "dia_parked", "", n->n_parked);
    cb(arg, "dia_strangers", "", n->n_strangers);
    cb(arg, "dia_sessions", "", n->n_sessions);
    cb(arg, "dia_duplicates_known", "", n->n_dups);
    for (size_t i = 0; i < DIA_EXCESSES; i++)
        cb(arg, "dia_limit_exceeded_total", excess_labels[i], n->excess[i]);
    LIST_EACH((struct list *)&n->peers, it) {
        const struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        struct dia_conn *c = dia_peer_conn(p);
        char labels[300];
        struct writer w = writer_init(labels, sizeof labels - 1);
        writer_printf(&w, "peer=\"%.*s\"", STR_ARG(p->host));
        labels[w.n] = 0;
        counts(&p->counts, labels, cb, arg);
        cb(arg, "dia_peer_open", labels, dia_peer_usable(p));
        cb(arg, "dia_peer_avoided", labels, dia_peer_avoided(p));
        cb(arg, "dia_pending", labels, p->n_pending);
        cb(arg, "dia_serving", labels, c ? c->serving : 0);
        cb(arg, "dia_unsent_bytes", labels, c ? tcp_unsent(c->tcp) : 0);
    }
}
