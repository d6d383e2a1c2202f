// SPDX-License-Identifier: Apache-2.0
// Requests of ours that wait for their answer. Each is in exactly one list: its peer's, the parked
// (no peer to send it to now) or the failed (told at the end of the turn). What a peer leaves
// without answer for the time of a try is asked of another one, too (RFC 6733 5.5.4), and the first
// answer is taken.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/request/request_priv.h"

enum {
    REDIRECT_INDICATION = 3006,
    SECOND_COST = 10,
    SECOND_MAX = 1000, // one request in ten, a hundred in a row
};

static void try_over(void *arg);

// ---- life ----

// One that found no room in the table is sent all the same; its answer is not recognised and its
// timer ends it.
static void unindex(struct dia_pending *p)
{
    if (p->hh.tbl)
        HASH_DELETE(hh, p->layer->by_hbh, p);
    p->hh.tbl = NULL;
}

static void unlink_pending(struct dia_pending *p)
{
    struct dia_request_layer *l = p->layer;
    timer_stop(&p->timer);
    timer_stop(&p->try_timer);
    list_del(&p->link);
    if (p->hop) {
        p->hop->n_pending--;
        unindex(p);
    } else if (p->err == 0) {
        l->n_parked--;
    }
    p->hop = NULL;
}

static void pending_free(struct dia_pending *p)
{
    dia_bytes_free(&p->bytes);
    mem_free(p);
}

// The last thing that happens to p: it is no longer anywhere when the callback runs.
static void deliver(struct dia_pending *p, int err, const void *answer)
{
    struct dia_done d = {.cb = p->cb, .nf = p->nf, .arg = p->arg, .err = err, .answer = answer};
    unlink_pending(p);
    p->deliver(&d);
    pending_free(p);
}

static void fail(struct dia_pending *p, int err)
{
    struct dia_request_layer *l = p->layer;
    unlink_pending(p);
    p->err = err;
    list_add(&l->failed, &p->link);
    loop_defer(l->loop, &l->fail);
}

void dia_pending_fail_all(void *layer)
{
    struct dia_request_layer *l = layer;
    struct list now;
    list_init(&now);
    list_splice(&now, &l->failed);
    while (!list_empty(&now)) {
        struct dia_pending *p = LIST_ENTRY(now.next, struct dia_pending, link);
        deliver(p, p->err, NULL);
    }
}

static void timed_out(void *arg)
{
    struct dia_pending *p = arg;
    struct dia_counts *counts = p->hop ? p->hop->counts : p->layer->counts;
    counts->timeouts++;
    deliver(p, ERR_TIMEOUT, NULL);
}

void dia_pending_free_all(struct dia_request_layer *l)
{
    struct list all;
    list_init(&all);
    LIST_EACH(&l->hops, it)
        list_splice(&all, &LIST_ENTRY(it, struct dia_hop, link)->pending);
    list_splice(&all, &l->parked);
    list_splice(&all, &l->failed);
    while (!list_empty(&all)) {
        struct dia_pending *p = LIST_ENTRY(all.next, struct dia_pending, link);
        unlink_pending(p);
        pending_free(p);
    }
}

// ---- sending ----

static int transmit(struct dia_pending *p, struct dia_hop *peer)
{
    struct dia_request_layer *l = p->layer;
    int r = dia_conn_send(dia_peer_conn(peer->peer), (struct str){(char *)p->bytes.p, p->bytes.n},
                          p->correlation);
    if (r)
        return r;
    p->hop = peer;
    p->sent = true;
    p->sent_ns = loop_now(l->loop);
    list_add(&peer->pending, &p->link);
    peer->n_pending++;
    peer->counts->requests_out++;
    dia_hop_asked(peer);
    timer_start(l->loop, &p->try_timer, l->try_ms);
    HASH_ADD(hh, l->by_hbh, hbh, sizeof p->hbh, p);
    return 0;
}

static struct dia_want want(const struct dia_pending *p)
{
    return (struct dia_want){.host = p->dest_host,
                             .realm = p->dest_realm,
                             .app = p->iface->app,
                             .tried = p->tried,
                             .n_tried = p->n_tried};
}

// Sends p, which is in no list, to the best peer left. One that refuses much, with nobody beside
// it, is spared. A peer that takes no more bytes is passed over.
static int dispatch(struct dia_pending *p)
{
    struct dia_want w = want(p);
    for (int last = 0;;) {
        struct dia_hop *peer;
        w.n_tried = p->n_tried;
        int r = dia_route(p->layer, &w, &peer);
        if (r)
            return last ? last : r;
        if (!p->sent && dia_hop_throttled(peer))
            return ERR_FULL;
        last = transmit(p, peer);
        if (last == 0 || p->n_tried == DIA_TRIES)
            return last;
        p->tried[p->n_tried++] = peer->info->id;
    }
}

static struct str append(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct dia_pending *pending_new(struct dia_request_layer *l, const struct dia_send *s,
                                       const struct dia_command *cmd)
{
    struct str host = dia_place_get(s->request, cmd->in->places.dest_host);
    struct str realm = dia_place_get(s->request, cmd->in->places.dest_realm);
    struct dia_pending *p = mem_zalloc(sizeof *p + host.n + realm.n + s->correlation.n);
    if (!p)
        return NULL;
    char *at = (char *)(p + 1);
    p->dest_host = append(&at, host);
    p->dest_realm = append(&at, realm);
    p->correlation = append(&at, s->correlation);
    p->layer = l;
    p->iface = s->iface;
    p->cmd = cmd;
    p->deliver = s->deliver;
    p->cb = s->cb;
    p->nf = s->nf;
    p->arg = s->arg;
    list_init(&p->link);
    timer_init(&p->timer, timed_out, p);
    timer_init(&p->try_timer, try_over, p);
    p->hbh = dia_link_next_hbh(
        l->link); // of all its copies, so that an answer to any of them is one to it
    return p;
}

static int encode_request(struct dia_request_layer *l, const struct dia_send *s,
                          const struct dia_command *cmd, uint64_t *ret_session,
                          struct dia_bytes *ret_bytes)
{
    const struct dia_places *at = &cmd->in->places;
    char id[320];
    *ret_session = s->session ? dia_session_enter(s->session, at, s->request) : 0;
    if (!s->session)
        dia_place_set(s->request, at->session_id, dia_session_id(l, id, sizeof id));
    dia_place_set(s->request, at->origin_host, l->self->host);
    dia_place_set(s->request, at->origin_realm, l->self->realm);
    if (dia_place_get(s->request, at->dest_realm).n == 0)
        dia_place_set(s->request, at->dest_realm, l->self->realm);
    struct dia_header h = {.flags = DIA_CMD_R | cmd->flags,
                           .code = cmd->code,
                           .app = s->iface->app,
                           .ete = dia_link_next_ete(l->link)};
    return dia_encode(l->self->dict, cmd->in, s->request, &h, ret_bytes);
}

static bool wake_peers(struct dia_pending *p)
{
    struct dia_want w = want(p);
    w.n_tried = 0;
    return dia_route_wake(p->layer, &w);
}

static void park(struct dia_pending *p)
{
    struct dia_request_layer *l = p->layer;
    timer_stop(&p->try_timer);
    l->n_parked++;
    list_add(&l->parked, &p->link);
    if (l->draining)
        fail(p, ERR_REFUSED);
    else if (l->n_parked > l->max_pending)
        fail(p, ERR_FULL);
    else
        (void)wake_peers(p);
}

// A new request finds no peer open: it waits a moment for one that may be.
static bool await_peer(struct dia_pending *p)
{
    struct dia_request_layer *l = p->layer;
    if (l->draining || !wake_peers(p))
        return false;
    park(p);
    if (p->err == 0)
        timer_start(l->loop, &p->try_timer, l->connect_wait_ms);
    return true;
}

void dia_pending_hopeless(struct dia_request_layer *l)
{
    LIST_EACH(&l->parked, it) {
        struct dia_pending *p = LIST_ENTRY(it, struct dia_pending, link);
        if (!wake_peers(p) && !p->sent)
            fail(p, ERR_REFUSED);
    }
}

int dia_requests_send(struct dia_request_layer *l, const struct dia_send *s)
{
    const struct dia_command *cmd = s->command;
    struct dia_bytes b;
    uint64_t session;
    int r = encode_request(l, s, cmd, &session, &b);
    if (r)
        return r;
    struct dia_pending *p = pending_new(l, s, cmd);
    if (!p) {
        dia_bytes_free(&b);
        return ERR_NOMEM;
    }
    p->bytes = b;
    p->session = session;
    dia_bytes_set_hbh(&p->bytes, p->hbh);
    timer_start(l->loop, &p->timer, s->timeout_ms ? s->timeout_ms : DIA_TIMEOUT_MS);
    l->second_tries += l->second_tries < SECOND_MAX;
    r = dispatch(p);
    if (r == ERR_REFUSED && await_peer(p))
        return 0;
    if (r) {
        l->counts->full += r == ERR_FULL;
        l->n_parked++; // as unlink_pending counts it
        fail(p, r == ERR_FULL ? ERR_FULL : ERR_REFUSED);
    }
    return 0;
}

// ---- failover ----

static void take_from_peer(struct dia_pending *p)
{
    list_del(&p->link);
    p->hop->n_pending--;
    unindex(p);
    timer_stop(&p->try_timer);
    p->hop = NULL;
}

// RFC 6733 3: the T flag says that the request may have been seen before.
static int resend(struct dia_pending *p)
{
    if (p->sent)
        dia_bytes_set_flags(&p->bytes, DIA_CMD_T);
    p->n_tried = 0;
    return dispatch(p);
}

void dia_pending_failover(struct dia_hop *peer, bool gone)
{
    struct list all;
    list_init(&all);
    list_splice(&all, &peer->pending);
    while (!list_empty(&all)) {
        struct dia_pending *p = LIST_ENTRY(all.next, struct dia_pending, link);
        struct dia_want w = want(p);
        struct dia_hop *other;
        w.n_tried = 0;
        if (!gone && dia_route(p->layer, &w, &other) != 0) {
            list_del(&p->link); // the suspect may still answer
            list_add(&peer->pending, &p->link);
            continue;
        }
        take_from_peer(p);
        if (resend(p) != 0)
            park(p);
        else
            peer->counts->failovers++;
    }
}

void dia_pending_unpark(struct dia_request_layer *l)
{
    struct list all;
    list_init(&all);
    list_splice(&all, &l->parked);
    while (!list_empty(&all)) {
        struct dia_pending *p = LIST_ENTRY(all.next, struct dia_pending, link);
        list_del(&p->link);
        l->n_parked--;
        if (resend(p) != 0)
            park(p);
        else
            p->hop->counts->retries++;
    }
}

// Tries the next peer after a refusal that is the present one's alone. p stays where it is when
// there is none.
static bool try_next(struct dia_pending *p)
{
    struct dia_hop *old = p->hop;
    if (p->n_tried == DIA_TRIES)
        return false;
    p->tried[p->n_tried++] = old->info->id;
    struct dia_want w = want(p);
    struct dia_hop *other;
    if (dia_route(p->layer, &w, &other) != 0)
        return false;
    take_from_peer(p);
    if (transmit(p, other) != 0) {
        park(p);
        return true;
    }
    old->counts->retries++;
    return true;
}

// A peer that answers others has only this request to answer yet: asking the other one as well is
// worth it now and then, and no more, or an overloaded pair would be asked everything twice.
static bool may_ask_second(struct dia_request_layer *l, bool silent)
{
    if (silent)
        return true;
    if (l->second_tries < SECOND_COST)
        return false;
    l->second_tries -= SECOND_COST;
    return true;
}

// RFC 6733 5.5.4, 3: no answer in the time of a try. Another peer is asked, with the T flag; an
// answer of the first one is still taken.
static void ask_another(struct dia_pending *p)
{
    struct dia_hop *old = p->hop;
    struct dia_request_layer *l = p->layer;
    bool silent = old->heard_ns < p->sent_ns;
    if (silent)
        dia_hop_silent(old);
    struct dia_want w = want(p);
    struct dia_hop *other;
    timer_start(l->loop, &p->try_timer, l->try_ms);
    if (p->n_tried == DIA_TRIES)
        return;
    p->tried[p->n_tried] = old->info->id;
    w.n_tried = p->n_tried + 1;
    if (dia_route(l, &w, &other) != 0 || dia_hop_avoided(other) || !may_ask_second(l, silent))
        return;
    p->n_tried++;
    take_from_peer(p);
    dia_bytes_set_flags(&p->bytes, DIA_CMD_T);
    if (transmit(p, other) != 0)
        park(p);
    else
        old->counts->failovers++;
}

static void try_over(void *arg)
{
    struct dia_pending *p = arg;
    if (p->hop)
        ask_another(p);
    else
        fail(p, ERR_REFUSED);
}

// ---- answers ----

// "aaa://host:port;transport=tcp" (RFC 6733 4.3.1): the host.
static struct str uri_host(struct str uri)
{
    ptrdiff_t at = str_find(uri, STR("://"));
    struct str rest = at < 0 ? uri : str_skip(uri, (size_t)at + 3);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != ':' && rest.p[n] != ';')
        n++;
    return str_head(rest, n);
}

static struct dia_hop *open_hop(struct dia_request_layer *l, struct str host)
{
    LIST_EACH(&l->hops, it) {
        struct dia_hop *h = LIST_ENTRY(it, struct dia_hop, link);
        if (str_ieq(h->info->host, host))
            return dia_peer_is_usable(h->peer) ? h : NULL;
    }
    return NULL;
}

// RFC 6733 6.1.8: to the first host of the list that is a peer of ours and open.
static bool redirect(struct dia_pending *p, const struct dia_frame *f)
{
    struct dia_error e;
    struct dia_fault fault;
    struct dia_read read;
    bool sent = false;
    if (p->n_tried == DIA_TRIES ||
        dia_decode(p->layer->self->dict, f, &dia_error_grammar, &e, &read, &fault) != 0)
        return false;
    p->tried[p->n_tried++] = p->hop->info->id;
    for (size_t i = 0; i < e.n_redirects && !sent; i++) {
        struct dia_hop *to = open_hop(p->layer, uri_host(e.redirects[i]));
        if (!to || to == p->hop)
            continue;
        p->hop->counts->redirects++;
        take_from_peer(p);
        if (transmit(p, to) != 0)
            park(p);
        sent = true;
    }
    dia_read_done(&read);
    return sent;
}

// RFC 6733 6.1.8, 7.1.3: errors that another peer may not have.
static bool elsewhere(struct dia_pending *p, const struct dia_frame *f)
{
    if (!(f->flags & DIA_CMD_E))
        return false;
    if (f->result_code == REDIRECT_INDICATION)
        return redirect(p, f);
    bool busy = f->result_code == DIA_TOO_BUSY;
    if (busy && p->passed_on)
        return false; // two that are too busy are enough to know
    p->passed_on |= busy;
    return (busy || f->result_code == DIA_UNABLE_TO_DELIVER) && try_next(p);
}

// A refusal that lacks what its command's grammar wants is read by the error grammar: the reason
// for the refusal is worth more than the form.
static int decode_answer(const struct dia_pending *p, const struct dia_frame *f, void *st,
                         struct dia_read *ret_read, struct dia_fault *ret_fault)
{
    const struct dia_dict *d = p->layer->self->dict;
    int r = dia_decode(d, f, p->cmd->out, st, ret_read, ret_fault);
    if (r != ERR_BAD || f->result_code / 1000 < 3)
        return r;
    struct dia_frame refusal = *f;
    refusal.flags |= DIA_CMD_E;
    return dia_decode(d, &refusal, p->cmd->out, st, ret_read, ret_fault);
}

static void deliver_answer(struct dia_pending *p, const struct dia_frame *f)
{
    union {
        max_align_t align;
        char bytes[DIA_TYPED_MAX];
    } st;
    struct dia_fault fault = {0};
    struct dia_read read;
    int r = decode_answer(p, f, &st, &read, &fault);
    if (r == 0) {
        dia_results_count(&p->layer->results, dia_result_get(p->cmd->out, &st));
        deliver(p, 0, &st);
        dia_read_done(&read);
        return;
    }
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter answer from %.*s dropped: %s", STR_ARG(p->hop->info->host),
                 fault.why ? fault.why : err_name(r));
    p->hop->counts->bad++;
    deliver(p, r, NULL);
}

// It was sent there: now, or before another peer was asked, too.
static bool asked(const struct dia_pending *p, const struct dia_hop *peer)
{
    bool was = p->hop == peer;
    for (unsigned i = 0; i < p->n_tried; i++)
        was |= p->tried[i] == peer->info->id;
    return was;
}

void dia_pending_answer(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_request_layer *l = h->layer;
    struct dia_pending *p;
    HASH_FIND(hh, l->by_hbh, &f->hbh, sizeof f->hbh, p);
    bool ours = p && asked(p, h) && p->cmd->code == f->code && p->iface->app == f->app;
    dia_conn_trace_in(c, f->bytes, ours && p->correlation.n ? p->correlation : f->session_id);
    if (!ours) {
        h->counts->late++;
        return;
    }
    h->counts->answers_in++;
    if (f->result_code == DIA_TOO_BUSY)
        dia_hop_busy(h);
    else
        dia_hop_answered(h);
    bool refusal = f->flags & DIA_CMD_E;
    if (refusal && p->hop != h) // the other one may know better
        return;
    if (elsewhere(p, f))
        return;
    dia_session_answered(l, p->session, f);
    deliver_answer(p, f);
}

void dia_pending_broken(struct dia_hop *h, const struct dia_frame *f)
{
    struct dia_pending *p;
    HASH_FIND(hh, h->layer->by_hbh, &f->hbh, sizeof f->hbh, p);
    if (p && p->hop == h)
        deliver(p, ERR_BAD, NULL);
}
