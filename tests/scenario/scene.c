// SPDX-License-Identifier: Apache-2.0
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "tests/common/wire.h"

enum { NODES = 40, PEERS = 32, HEARD = 4096, TEXT = 70000 };

struct conn {
    struct list link;
    struct peer *peer;
    struct tcp *tcp;
    char *buf;
    size_t n;
};

struct peer {
    struct scene *scene;
    struct loop *loop;
    struct addr at;
    struct udp *udp;
    struct tcp_listener *listener;
    struct list conns;
    struct conn *last;
    unsigned status; // auto answer
    unsigned n_conns, keepalives;
    struct heard heard[HEARD];
    size_t n_heard, looked;
};

struct scene {
    struct sim *sim;
    struct arena arena;
    struct loop *nodes[NODES];
    size_t n_nodes;
    struct peer *peers[PEERS];
    size_t n_peers;
    long live; // allocations when it began
    char text[TEXT];
};

struct scene *scene_new(uint64_t seed)
{
    sip_msg_pool_drain();
    long live = mem_live();
    struct scene *sc = mem_zalloc(sizeof *sc);
    assert_non_null(sc);
    sc->live = live;
    arena_init(&sc->arena, NULL, 0);
    assert_int_equal(sim_new(seed, &sc->sim), 0);
    struct sim_faults f = {.delay_min_us = 1000, .delay_max_us = 1000};
    sim_set_faults(sc->sim, &f);
    return sc;
}

struct sim *scene_sim(struct scene *sc)
{
    return sc->sim;
}

struct loop *scene_node(struct scene *sc, const char *name)
{
    assert_true(sc->n_nodes < NODES);
    struct loop *l;
    assert_int_equal(sim_node(sc->sim, name, &l), 0);
    sc->nodes[sc->n_nodes++] = l;
    return l;
}

void *scene_alloc(struct scene *sc, size_t n)
{
    void *p = arena_zalloc(&sc->arena, n);
    assert_non_null(p);
    return p;
}

void scene_run(struct scene *sc, uint64_t until_ms)
{
    (void)sim_run(sc->sim, until_ms);
}

void scene_pass(struct scene *sc, uint64_t ms)
{
    pass_ms(sc->sim, ms);
}

uint64_t scene_now(const struct scene *sc)
{
    return sim_now_ms(sc->sim);
}

void scene_dns_host(struct scene *sc, const char *name, const char *ip)
{
    place_host(sc->sim, name, ip);
}

void scene_dns_srv(struct scene *sc, const char *name, uint16_t priority, uint16_t weight,
                   const char *target, uint16_t port)
{
    place_srv(sc->sim, name, priority, weight, target, port);
}

void scene_dns_naptr(struct scene *sc, const char *name, uint16_t order, const char *service,
                     const char *replacement)
{
    place_naptr(sc->sim, name, order, service, replacement);
}

// ---- hearing ----

static void answer_now(struct peer *p, const struct heard *h)
{
    if (p->status && h->msg && sip_msg_is_request(h->msg) && sip_msg_method(h->msg) != SIP_ACK)
        peer_answer(p, h, p->status, NULL);
}

static void hear(struct peer *p, struct conn *c, const struct addr *from, struct str bytes)
{
    struct sip_parse_error e;
    assert_true(p->n_heard < HEARD);
    struct heard *h = &p->heard[p->n_heard++];
    *h = (struct heard){.at_ms = loop_now(p->loop) / 1000000, .from = *from, .conn = c};
    h->bytes = arena_dup(&p->scene->arena, bytes);
    (void)sip_msg_parse(bytes, &h->msg, &e);
    answer_now(p, h);
}

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    hear(arg, NULL, src, data);
}

static void on_bytes(void *arg, struct str bytes)
{
    struct conn *c = arg;
    c->buf = mem_realloc(c->buf, c->n + bytes.n);
    assert_non_null(c->buf);
    memcpy(c->buf + c->n, bytes.p, bytes.n);
    c->n += bytes.n;
    struct str rest = str_make(c->buf, c->n);
    size_t skip, len;
    for (;;) {
        for (; str_starts(rest, STR("\r\n")); rest = str_skip(rest, 2))
            c->peer->keepalives++;
        if (wire_frame(rest, &skip, &len))
            break;
        hear(c->peer, c, tcp_remote(c->tcp), str_make(rest.p, len));
        rest = str_skip(rest, len);
    }
    memmove(c->buf, rest.p, rest.n);
    c->n = rest.n;
}

static void conn_free(struct conn *c)
{
    if (c->peer->last == c)
        c->peer->last = NULL;
    list_del(&c->link);
    mem_free(c->buf);
    mem_free(c);
}

static void on_conn_closed(void *arg, int err)
{
    conn_free(arg);
}

static void on_conn_open(void *arg)
{
}

static const struct tcp_ops conn_ops = {
    .connected = on_conn_open, .data = on_bytes, .closed = on_conn_closed};

static struct conn *conn_new(struct peer *p, struct tcp *t)
{
    struct conn *c = mem_zalloc(sizeof *c);
    assert_non_null(c);
    c->peer = p;
    c->tcp = t;
    list_add(&p->conns, &c->link);
    p->last = c;
    p->n_conns++;
    return c;
}

static void on_accept(void *arg, struct tcp *t)
{
    tcp_set_owner(t, &conn_ops, conn_new(arg, t));
}

// ---- peers ----

static struct peer *peer_new(struct scene *sc, const char *at)
{
    assert_true(sc->n_peers < PEERS);
    struct peer *p = mem_zalloc(sizeof *p);
    assert_non_null(p);
    p->scene = sc;
    p->at = place(at);
    list_init(&p->conns);
    p->loop = scene_node(sc, at);
    sc->peers[sc->n_peers++] = p;
    return p;
}

struct peer *peer_udp(struct scene *sc, const char *at)
{
    struct peer *p = peer_new(sc, at);
    struct udp_params u = {.local = p->at, .cb = on_datagram, .arg = p};
    assert_int_equal(udp_open(p->loop, &u, &p->udp), 0);
    return p;
}

struct peer *peer_tcp(struct scene *sc, const char *at)
{
    struct peer *p = peer_new(sc, at);
    assert_int_equal(tcp_listen(p->loop, &p->at, false, on_accept, p, &p->listener), 0);
    return p;
}

struct peer *peer_tcp_to(struct scene *sc, const char *at, const char *remote)
{
    struct peer *p = peer_new(sc, at);
    struct addr to = place(remote);
    struct conn *c = conn_new(p, NULL);
    assert_int_equal(tcp_connect(p->loop, &p->at, &to, &conn_ops, c, &c->tcp), 0);
    return p;
}

void peer_send_raw(struct peer *p, const char *to, struct str bytes)
{
    if (p->udp) {
        struct addr a = place(to);
        assert_int_equal(udp_send(p->udp, &a, bytes), 0);
        return;
    }
    assert_non_null(p->last);
    assert_int_equal(tcp_send(p->last->tcp, bytes), 0);
}

void peer_send(struct peer *p, const char *to, const char *text)
{
    peer_send_raw(p, to, wire_text(text, p->scene->text, TEXT));
}

void peer_printf(struct peer *p, const char *to, const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    assert_true(n >= 0);
    peer_send(p, to, text);
    free(text);
}

void peer_answer(struct peer *p, const struct heard *h, unsigned status, const char *extra)
{
    struct writer w = writer_init(p->scene->text, TEXT);
    assert_non_null(h->msg);
    assert_int_equal(wire_answer(h->msg, status, "peer", extra, &w), 0);
    if (p->udp)
        assert_int_equal(udp_send(p->udp, &h->from, writer_done(&w)), 0);
    else
        assert_int_equal(tcp_send(h->conn->tcp, writer_done(&w)), 0);
}

void peer_close(struct peer *p, bool reset)
{
    assert_non_null(p->last);
    struct conn *c = p->last;
    if (reset)
        tcp_abort(c->tcp);
    else
        tcp_close(c->tcp);
    conn_free(c);
}

void peer_stop_listening(struct peer *p)
{
    udp_close(p->udp);
    tcp_listener_close(p->listener);
    p->udp = NULL;
    p->listener = NULL;
}

void peer_pause(struct peer *p, bool paused)
{
    assert_non_null(p->last);
    tcp_pause(p->last->tcp, paused);
}

void peer_auto(struct peer *p, unsigned status)
{
    p->status = status;
}

bool peer_connected(const struct peer *p)
{
    return !list_empty(&p->conns);
}

unsigned peer_connections(const struct peer *p)
{
    return p->n_conns;
}

unsigned peer_keepalives(const struct peer *p)
{
    return p->keepalives;
}

struct heard *peer_next(struct peer *p)
{
    return p->looked < p->n_heard ? &p->heard[p->looked++] : NULL;
}

static void print_heard(const struct peer *p)
{
    for (size_t i = 0; i < p->n_heard; i++) {
        struct str rest = p->heard[i].bytes, line = str_split(&rest, '\r');
        print_message("%s%6" PRIu64 " ms %.*s\n", i == p->looked ? "-> " : "   ",
                      p->heard[i].at_ms, STR_ARG(line));
        if (getenv("SCENE_BYTES"))
            print_message("%.*s", STR_ARG(p->heard[i].bytes));
    }
}

struct heard *peer_expect(struct peer *p, uint64_t at_ms, const char *start)
{
    struct heard *h = p->looked < p->n_heard ? &p->heard[p->looked] : NULL;
    if (!h || h->at_ms != at_ms || !str_starts(h->bytes, str_from(start))) {
        print_heard(p);
        fail_msg("expected '%s' at %" PRIu64 " ms", start, at_ms);
    }
    p->looked++;
    return h;
}

struct heard *peer_status(struct peer *p, unsigned status)
{
    struct heard *h = peer_next(p);
    assert_non_null(h);
    assert_non_null(h->msg);
    assert_int_equal(sip_msg_status(h->msg), status);
    return h;
}

void peer_quiet(struct peer *p)
{
    if (p->looked == p->n_heard)
        return;
    print_heard(p);
    fail_msg("heard more than expected");
}

const char *heard_header(struct scene *sc, const struct heard *h, const char *name)
{
    assert_non_null(h->msg);
    struct str v = sip_msg_raw_named(h->msg, str_from(name));
    return v.p ? arena_dup(&sc->arena, v).p : "";
}

static void peer_free(struct peer *p)
{
    udp_close(p->udp);
    tcp_listener_close(p->listener);
    LIST_EACH(&p->conns, it) {
        struct conn *c = LIST_ENTRY(it, struct conn, link);
        tcp_abort(c->tcp);
        conn_free(c);
    }
    for (size_t i = 0; i < p->n_heard; i++)
        sip_msg_unref(p->heard[i].msg);
    mem_free(p);
}

void scene_free(struct scene *sc)
{
    for (size_t i = 0; i < sc->n_peers; i++)
        peer_free(sc->peers[i]);
    for (size_t i = 0; i < sc->n_nodes; i++)
        loop_free(sc->nodes[i]);
    sim_free(sc->sim);
    arena_done(&sc->arena);
    long before = sc->live;
    mem_free(sc);
    sip_msg_pool_drain();
    assert_int_equal(mem_live(), before);
}
