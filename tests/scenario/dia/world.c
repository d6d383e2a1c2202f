// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>

#include "tests/common/cx_node.h"
#include "tests/common/figure.h"
#include "tests/common/place.h"

static void on_segment(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst,
                       bool tcp, bool dropped, struct str data)
{
    struct world *w = arg;
    w->segments++;
    w->digest = (w->digest ^ at_us) * 1099511628211ull;
    for (size_t i = 0; i < data.n; i++)
        w->digest = (w->digest ^ (uint8_t)data.p[i]) * 1099511628211ull;
}

static void quiet(void *arg, enum log_level level, struct str line)
{
}

void world_new(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    log_set_sink(quiet, NULL);
    assert_int_equal(sim_new(seed, &w->sim), 0);
    struct sim_faults f = {.delay_min_us = 100, .delay_max_us = 900};
    sim_set_faults(w->sim, &f);
    sim_set_trace(w->sim, on_segment, w);
    assert_int_equal(dia_dict_ref(cx_apps, 1, &w->dict), 0);
}

void world_free(struct world *w)
{
    for (int i = 0; i < MAX_BOXES; i++)
        box_stop(&w->box[i]);
    dia_dict_unref(w->dict);
    sim_free(w->sim);
    log_set_sink(NULL, NULL);
}

void world_run(struct world *w, uint64_t ms)
{
    w->now_ms += ms;
    sim_run(w->sim, w->now_ms);
}

// ---- boxes ----

struct addr box_place(int i)
{
    char ip[32];
    snprintf(ip, sizeof ip, "10.0.0.%d", i + 1);
    return place_port(ip, 3868);
}

static void on_peer(void *arg, struct str host, bool open)
{
    struct box *b = arg;
    b->opens += open;
    b->closes += !open;
}

static void on_trace(void *arg, const struct dia_trace *t)
{
    struct box *b = arg;
    b->traced++;
    if (!((uint8_t)t->bytes.p[4] & DIA_CMD_R) && t->correlation.n)
        snprintf(b->correlation, sizeof b->correlation, "%.*s", STR_ARG(t->correlation));
}

static void answer(struct box *b, struct dia_request *q)
{
    struct cx_auth_item item = {1, STR("Digest-AKAv1-MD5"), STR("rand"), STR("xres")};
    struct cx_maa a = {.result.code = DIA_SUCCESS, .items = &item, .n_items = 1};
    cx_answer_maa(q, &a);
}

// A handler's own refusal, about an AVP.
static void refuse(struct dia_request *q, struct str impu)
{
    struct arena arena;
    char first[128];
    arena_init(&arena, first, sizeof first);
    cx_answer_maa(q, &(struct cx_maa){.result.code = DIA_INVALID_AVP_VALUE,
                                      .head.failed = cx_failed_text(&arena, CX_AVP_IMPU, impu)});
    arena_done(&arena);
}

static void on_mar(void *arg, struct dia_request *q, const struct cx_mar *r)
{
    struct box *b = arg;
    b->asked++;
    snprintf(b->last_session, sizeof b->last_session, "%.*s", STR_ARG(r->head.session_id));
    snprintf(b->last_impi, sizeof b->last_impi, "%.*s", STR_ARG(r->impi));
    if (b->mode == ANSWER_NOW)
        answer(b, q);
    else if (b->mode == ANSWER_BUSY)
        cx_answer_maa(q, &(struct cx_maa){.result.code = DIA_TOO_BUSY});
    else if (b->mode == ANSWER_REFUSE)
        refuse(q, r->impu);
    else if (b->mode == ANSWER_HOLD && b->n_held < MAX_HELD)
        b->held[b->n_held++] = q;
}

void box_answer_held(struct box *b, size_t i)
{
    answer(b, b->held[i]);
    b->held[i] = NULL;
}

static const struct cx_server server = {.mar = on_mar};

static void start(struct box *b, void (*change)(struct dia_params *))
{
    b->params = cx_params(b->loop, b->host, "test");
    b->params.product = STR_NONE;
    b->params.watchdog_ms = 6000;
    b->params.connect_ms = 10000;
    b->params.trace = on_trace;
    b->params.peer_state = on_peer;
    b->params.arg = b;
    if (change)
        change(&b->params);
    b->node = cx_node(&b->params, &server, b, &b->at);
}

void box_open(struct dia_params *p)
{
    p->accept_unknown = true;
}

struct box *box_start(struct world *w, int i, const char *host, void (*change)(struct dia_params *))
{
    struct box *b = &w->box[i];
    b->w = w;
    snprintf(b->host, sizeof b->host, "%s", host);
    b->at = box_place(i);
    assert_int_equal(sim_node(w->sim, host, &b->loop), 0);
    start(b, change);
    return b;
}

void box_stop(struct box *b)
{
    dia_node_free(b->node);
    b->node = NULL;
    if (b->loop)
        loop_free(b->loop);
    b->loop = NULL;
}

void box_crash(struct box *b)
{
    sim_crash(b->w->sim, b->loop);
    b->n_held = 0;
    box_stop(b);
}

void box_again(struct box *b, void (*change)(struct dia_params *))
{
    assert_int_equal(sim_node(b->w->sim, b->host, &b->loop), 0);
    start(b, change);
}

void box_knows_raw(struct box *a, const struct raw *r, struct dia_peer_params p)
{
    p.host = str_from(r->host);
    p.remote = r->at;
    assert_int_equal(dia_peer_add(a->node, &p), 0);
}

void box_knows(struct box *a, const struct box *b, bool dial, const struct dia_peer_params *more)
{
    struct dia_peer_params p = more ? *more : (struct dia_peer_params){0};
    p.host = str_from(b->host);
    p.remote = b->at;
    if (!dial)
        addr_set_port(&p.remote, 0);
    p.local = a->at;
    addr_set_port(&p.local, 0);
    assert_int_equal(dia_peer_add(a->node, &p), 0);
}

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct box *b = nf;
    struct done *d = &b->done[arg];
    b->n_done++;
    d->calls++;
    d->err = err;
    assert_int_equal(err == 0, a != NULL);
    if (!a)
        return;
    d->result = a->result;
    snprintf(d->from, sizeof d->from, "%.*s", STR_ARG(a->head.origin_host));
}

size_t box_ask(struct box *b, const char *dest_host, const char *dest_realm, uint32_t timeout_ms)
{
    struct cx_mar r = {
        .head = {.dest_host = str_from(dest_host), .dest_realm = str_from(dest_realm),
                 .correlation = STR("call-1@ue")},
        .impi = STR("001010000000001@test"), .impu = STR("sip:alice@test"),
        .server_name = STR("sip:scscf.test"), .n_items = 1, .item.scheme = STR("Digest-AKAv1-MD5"),
    };
    size_t i = b->n_sent++;
    assert_true(i < MAX_DONE);
    size_t before = b->n_done;
    assert_int_equal(cx_send_mar(b->node, &r, timeout_ms, on_maa, b, i), 0);
    assert_int_equal(b->n_done, before); // never called back before it returns
    return i;
}

uint64_t box_stat_of(const struct box *b, const char *name, const char *labels)
{
    struct figure f = {.name = name, .labels = labels, .whole = true};
    dia_stats(b->node, figure_add, &f);
    return f.sum;
}

uint64_t box_stat(const struct box *b, const char *name, const char *host)
{
    char labels[300];
    snprintf(labels, sizeof labels, "peer=\"%s\"", host ? host : "");
    return box_stat_of(b, name, host ? labels : NULL);
}
