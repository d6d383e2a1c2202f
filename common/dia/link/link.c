// SPDX-License-Identifier: Apache-2.0
// The layer: listeners, connections that are made and accepted, and what closed ones leave.
#include "dia/link/link.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/link/link_priv.h"

struct dia_listener {
    struct list link;
    struct tcp_listener *tcp;
};

// ---- life ----

// Frees what was closed during the turn.
static void bury(void *layer)
{
    struct dia_link_layer *l = layer;
    LIST_EACH(&l->graves, it) {
        struct dia_conn *c = LIST_ENTRY(it, struct dia_conn, link);
        list_del(&c->link);
        dia_tail_done(c);
        mem_free(c);
    }
}

static void first_ids(struct dia_link_layer *l)
{
    uint32_t seconds = (uint32_t)(loop_wall_ms(l->loop) / 1000);
    uint64_t r = loop_random_u64(l->loop);
    l->self.state_id = seconds;
    l->next_hbh = (uint32_t)r;
    // RFC 6733 3: the low 12 bits of the time above 20 random bits
    l->next_ete = seconds << 20 | ((uint32_t)(r >> 32) & 0xfffff);
}

static void take_params(struct dia_link_layer *l, const struct dia_link_params *p)
{
    l->loop = p->loop;
    l->limits = p->limits;
    l->max_buffered = p->max_buffered;
    l->max_strangers = p->max_strangers;
    l->max_same_source = p->max_same_source;
    l->cer_ms = p->cer_ms;
    l->cer_bytes = p->cer_bytes;
    l->trace = p->trace;
    l->trace_arg = p->trace_arg;
    struct dia_self *s = &l->self;
    s->vendor_id = p->vendor_id;
    s->n_apps = p->n_applications;
    memcpy(s->apps, p->applications, s->n_apps * sizeof *s->apps);
    s->host = str_dup(p->host);
    s->realm = str_dup(p->realm);
    s->product = str_dup(p->product);
}

int dia_link_new(const struct dia_link_params *p, struct dia_link_layer **ret_link)
{
    struct dia_link_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    list_init(&l->listeners);
    list_init(&l->conns);
    list_init(&l->graves);
    deferred_init(&l->bury, bury, l);
    take_params(l, p);
    struct dia_self *s = &l->self;
    int r = dia_dict_ref(s->apps, s->n_apps, &s->dict);
    if (r == 0 && (!s->host.p || !s->realm.p || !s->product.p))
        r = ERR_NOMEM;
    if (r) {
        dia_link_free(l);
        return r;
    }
    first_ids(l);
    *ret_link = l;
    return 0;
}

void dia_link_set_user(struct dia_link_layer *l, const struct dia_link_user_ops *ops, void *arg)
{
    l->user = ops;
    l->user_arg = arg;
}

void dia_link_close_all(struct dia_link_layer *l)
{
    LIST_EACH(&l->conns, it)
        dia_conn_close(LIST_ENTRY(it, struct dia_conn, link), false);
}

void dia_link_free(struct dia_link_layer *l)
{
    if (!l)
        return;
    dia_link_stop(l);
    bury(l);
    deferred_cancel(&l->bury);
    dia_dict_unref(l->self.dict);
    mem_free((char *)l->self.host.p);
    mem_free((char *)l->self.realm.p);
    mem_free((char *)l->self.product.p);
    mem_free(l);
}

// ---- accepted ----

static void conn_connected(void *arg)
{
    struct dia_conn *c = arg;
    c->layer->user->connected(c->layer->user_arg, c);
}

static void conn_data(void *arg, struct str bytes)
{
    dia_stream_data(arg, bytes);
}

static void conn_drained(void *arg)
{
    struct dia_conn *c = arg;
    if (!c->paused || c->dead)
        return;
    c->paused = false;
    tcp_pause(c->tcp, false);
}

static void conn_closed(void *arg, int err)
{
    struct dia_conn *c = arg;
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter connection closed: %s", err_name(err));
    c->tcp = NULL;
    dia_conn_lost(c, err);
}

static const struct tcp_ops conn_ops = {conn_connected, conn_data, conn_drained, conn_closed};

static void stranger_timeout(void *arg)
{
    struct dia_conn *c = arg;
    c->layer->excess[DIA_OVER_CER_TIME]++;
    dia_conn_refuse(c, c->said ? "its names are not resolved in time" : "no CER in time");
}

static void on_accept(void *layer, struct tcp *tcp)
{
    struct dia_link_layer *l = layer;
    struct dia_conn *c = l->stopped ? NULL : dia_conn_new(l, false);
    if (!c) {
        tcp_abort(tcp);
        return;
    }
    l->n_strangers++;
    c->stranger = true;
    c->tcp = tcp;
    tcp_set_cap(tcp, l->max_buffered);
    tcp_set_owner(tcp, &conn_ops, c);
    timer_init(&c->timer, stranger_timeout, c);
    timer_start(l->loop, &c->timer, l->cer_ms);
    dia_strangers_trim(c);
}

int dia_link_listen(struct dia_link_layer *l, enum dia_transport t, const struct addr *local)
{
    if (t != DIA_TCP)
        return ERR_UNSUPPORTED;
    struct dia_listener *at = mem_zalloc(sizeof *at);
    if (!at)
        return ERR_NOMEM;
    int r = tcp_listen(l->loop, local, false, on_accept, l, &at->tcp);
    if (r) {
        mem_free(at);
        return r;
    }
    list_add(&l->listeners, &at->link);
    return 0;
}

void dia_link_stop(struct dia_link_layer *l)
{
    l->stopped = true;
    LIST_EACH(&l->listeners, it) {
        struct dia_listener *at = LIST_ENTRY(it, struct dia_listener, link);
        list_del(&at->link);
        tcp_listener_close(at->tcp);
        mem_free(at);
    }
}

// ---- made ----

int dia_conn_open(struct dia_link_layer *l, const struct addr *local, const struct addr *remote,
                  struct dia_conn **ret_conn)
{
    struct dia_conn *c = dia_conn_new(l, true);
    if (!c)
        return ERR_NOMEM;
    int r = tcp_connect(l->loop, local->sa.sa_family == AF_UNSPEC ? NULL : local, remote, &conn_ops,
                        c, &c->tcp);
    if (r) {
        c->tcp = NULL;
        dia_conn_close(c, false);
        return r;
    }
    tcp_set_cap(c->tcp, l->max_buffered);
    *ret_conn = c;
    return 0;
}

// ---- what the layers above share with it ----

struct loop *dia_link_loop(const struct dia_link_layer *l)
{
    return l->loop;
}

const struct dia_self *dia_link_self(const struct dia_link_layer *l)
{
    return &l->self;
}

uint32_t dia_link_next_hbh(struct dia_link_layer *l)
{
    return l->next_hbh++;
}

uint32_t dia_link_next_ete(struct dia_link_layer *l)
{
    return l->next_ete++;
}

struct dia_counts *dia_link_counts(struct dia_link_layer *l)
{
    return &l->count;
}

void dia_counts_add(struct dia_counts *to, const struct dia_counts *from)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
        t[i] += f[i];
}

void dia_link_stats(const struct dia_link_layer *l, dia_stat_cb cb, void *arg)
{
    static const char *const labels[DIA_EXCESSES] = {
        [DIA_OVER_MESSAGE] = "limit=\"message\"",
        [DIA_OVER_AVPS] = "limit=\"avps\"",
        [DIA_OVER_DEPTH] = "limit=\"depth\"",
        [DIA_OVER_STRANGERS] = "limit=\"strangers\"",
        [DIA_OVER_SOURCE] = "limit=\"strangers_per_source\"",
        [DIA_OVER_CER_TIME] = "limit=\"cer_timeout\"",
        [DIA_OVER_CER_BYTES] = "limit=\"cer_bytes\"",
    };
    cb(arg, "dia_strangers", "", l->n_strangers);
    for (size_t i = 0; i < DIA_EXCESSES; i++)
        cb(arg, "dia_limit_exceeded_total", labels[i], l->excess[i]);
}
