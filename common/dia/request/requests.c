// SPDX-License-Identifier: Apache-2.0
// The layer: what the peers say, and figures.
#include "dia/request/request.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "dia/request/request_priv.h"

// ---- peers ----

static void on_added(void *arg, struct dia_peer *p)
{
    struct dia_request_layer *l = arg;
    struct dia_hop *h = dia_peer_room(p);
    h->layer = l;
    h->peer = p;
    h->info = dia_peer_info(p);
    h->counts = dia_peer_counts(p);
    h->decayed_ms = loop_now(l->loop) / 1000000;
    list_init(&h->pending);
    list_add(&l->hops, &h->link);
}

static void on_removed(void *arg, struct dia_peer *p)
{
    struct dia_hop *h = dia_peer_room(p);
    list_del(&h->link);
}

static void on_usable(void *arg, struct dia_peer *p)
{
    dia_pending_unpark(arg);
}

static void on_suspect(void *arg, struct dia_peer *p)
{
    dia_pending_failover(dia_peer_room(p), false);
}

// A new connection is a new beginning.
static void on_left(void *arg, struct dia_peer *p, bool closed)
{
    struct dia_hop *h = dia_peer_room(p);
    if (closed)
        h->avoid_until_ns = h->silent_ms = 0;
    dia_pending_failover(h, true);
}

static void on_fewer(void *arg)
{
    dia_pending_hopeless(arg);
}

static void on_request(void *arg, struct dia_peer *p, struct dia_conn *c, const struct dia_frame *f)
{
    dia_serve_request(dia_peer_room(p), c, f);
}

static void on_answer(void *arg, struct dia_peer *p, struct dia_conn *c, const struct dia_frame *f)
{
    dia_pending_answer(dia_peer_room(p), c, f);
}

static void on_broken(void *arg, struct dia_peer *p, const struct dia_frame *f)
{
    dia_pending_broken(dia_peer_room(p), f);
}

static const struct dia_peer_user_ops peer_ops = {
    .added = on_added,
    .removed = on_removed,
    .usable = on_usable,
    .suspect = on_suspect,
    .left = on_left,
    .fewer = on_fewer,
    .request = on_request,
    .answer = on_answer,
    .broken = on_broken,
    .room = sizeof(struct dia_hop),
};

// ---- life ----

int dia_requests_new(const struct dia_requests_params *p, struct dia_request_layer **ret_requests)
{
    struct dia_request_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    struct list *const lists[] = {&l->hops, &l->parked, &l->failed, &l->requests, &l->dups};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        list_init(lists[i]);
    l->link = p->link;
    l->loop = dia_link_loop(p->link);
    l->self = dia_link_self(p->link);
    l->counts = dia_link_counts(p->link);
    l->max_pending = p->max_pending;
    l->try_ms = p->try_ms;
    l->connect_wait_ms = p->connect_wait_ms;
    deferred_init(&l->fail, dia_pending_fail_all, l);
    dia_ids_init(l);
    dia_peers_set_user(p->peers, &peer_ops, l);
    *ret_requests = l;
    return 0;
}

void dia_requests_clear(struct dia_request_layer *l)
{
    if (!l)
        return;
    dia_pending_free_all(l);
    dia_sessions_free(l);
    LIST_EACH(&l->requests, it)
        dia_request_free(LIST_ENTRY(it, struct dia_request, link));
    while (!list_empty(&l->dups))
        dia_dup_free(l, LIST_ENTRY(l->dups.next, struct dia_dup, link));
    deferred_cancel(&l->fail);
}

void dia_requests_free(struct dia_request_layer *l)
{
    mem_free(l);
}

void dia_requests_drain(struct dia_request_layer *l)
{
    l->draining = true;
}

// ---- figures ----

#define COUNT(name_, member_)                                                                      \
    {                                                                                              \
        "dia_" name_ "_total", offsetof(struct dia_counts, member_)                                \
    }

static const struct {
    const char *name;
    size_t at;
} figures[] = {
    COUNT("requests_sent", requests_out),
    COUNT("requests_received", requests_in),
    COUNT("answers_sent", answers_out),
    COUNT("answers_received", answers_in),
    COUNT("errors_sent", errors_out),
    COUNT("timeouts", timeouts),
    COUNT("failovers", failovers),
    COUNT("retries", retries),
    COUNT("redirects", redirects),
    COUNT("duplicates", duplicates),
    COUNT("full", full),
    COUNT("late_answers", late),
    COUNT("bad_messages", bad),
    COUNT("answers_dropped", dropped),
    COUNT("peer_opened", opens),
    COUNT("peer_lost", losses),
    COUNT("peer_suspected", suspects),
    COUNT("peer_silent", silences),
    COUNT("peer_busy", busy),
    COUNT("throttled", throttled),
    COUNT("second_refused", refused_seconds),
};

static void counts(const struct dia_counts *c, const char *labels, dia_stat_cb cb, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        cb(arg, figures[i].name, labels,
           *(const uint64_t *)(const void *)((const char *)c + figures[i].at));
}

static void hop_stats(const struct dia_hop *h, dia_stat_cb cb, void *arg)
{
    struct dia_conn *c = dia_peer_conn(h->peer);
    char labels[300];
    struct writer w = writer_init(labels, sizeof labels - 1);
    writer_printf(&w, "peer=\"%.*s\"", STR_ARG(h->info->host));
    labels[w.n] = 0;
    counts(h->counts, labels, cb, arg);
    cb(arg, "dia_peer_open", labels, dia_peer_is_usable(h->peer));
    cb(arg, "dia_peer_avoided", labels, dia_hop_avoided(h));
    cb(arg, "dia_pending", labels, h->n_pending);
    cb(arg, "dia_serving", labels, c ? *dia_conn_serving(c) : 0);
    cb(arg, "dia_unsent_bytes", labels, c ? dia_conn_unsent(c) : 0);
}

void dia_requests_stats(const struct dia_request_layer *l, dia_stat_cb cb, void *arg)
{
    counts(l->counts, "peer=\"\"", cb, arg);
    dia_results_stats(&l->results, cb, arg);
    cb(arg, "dia_parked", "", l->n_parked);
    cb(arg, "dia_sessions", "", l->n_sessions);
    cb(arg, "dia_duplicates_known", "", l->n_dups);
    LIST_EACH((struct list *)&l->hops, it)
        hop_stats(LIST_ENTRY(it, struct dia_hop, link), cb, arg);
}
