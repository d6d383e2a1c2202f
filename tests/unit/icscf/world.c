// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>

#include "base/writer.h"

struct world w;

static struct addr at(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse_port(str_from(text), 5060, &a), 0);
    return a;
}

static void copy(char *to, size_t n, struct str s)
{
    (void)snprintf(to, n, "%.*s", STR_ARG(s));
}

// ---- HSS ----

static struct dia_result result(void)
{
    return w.result.code ? w.result : (struct dia_result){DIA_SUCCESS, false};
}

static void fill(bool demanded, struct str *name, struct cx_capabilities *c)
{
    if (w.result.code && w.result.code >= 3000)
        return;
    *name = str_from(w.server);
    c->present = w.capabilities || (w.capabilities_on_demand && demanded);
    if (c->present && w.mandatory) {
        c->mandatory[0] = w.mandatory;
        c->n_mandatory = 1;
    }
}

static void on_uar(void *arg, struct dia_request *q, const struct cx_uar *r)
{
    w.n_uar++;
    copy(w.asked.impi, sizeof w.asked.impi, r->impi);
    copy(w.asked.impu, sizeof w.asked.impu, r->impu);
    copy(w.asked.visited, sizeof w.asked.visited, r->visited_network);
    w.asked.type = r->type;
    if (w.silent)
        return;
    struct cx_uaa a = {.result = result()};
    fill(r->type == CX_UAR_REGISTRATION_AND_CAPABILITIES, &a.server_name, &a.capabilities);
    cx_answer_uaa(q, &a);
}

static void on_lir(void *arg, struct dia_request *q, const struct cx_lir *r)
{
    w.n_lir++;
    copy(w.asked.impu, sizeof w.asked.impu, r->impu);
    w.asked.originating = r->originating;
    w.asked.and_capabilities = r->and_capabilities;
    if (w.silent)
        return;
    struct cx_lia a = {.result = result()};
    fill(r->and_capabilities, &a.server_name, &a.capabilities);
    cx_answer_lia(q, &a);
}

static void start_hss(void)
{
    static const uint32_t apps[] = {DIA_APP_CX};
    static const struct cx_server ops = {.uar = on_uar, .lir = on_lir};
    struct addr local = at("127.0.1.40:3868");
    struct dia_params p = {.origin_host = STR("hss." DOMAIN), .origin_realm = STR(DOMAIN),
                           .product = STR("test"), .applications = apps, .n_applications = 1,
                           .accept_unknown = true};
    assert_int_equal(sim_node(w.sim, "hss", &w.hss_loop), 0);
    p.loop = w.hss_loop;
    assert_int_equal(dia_node_new(&p, &w.hss), 0);
    assert_int_equal(cx_serve(w.hss, &ops, NULL), 0);
    assert_int_equal(dia_node_listen(w.hss, DIA_TCP, &local), 0);
}

void world_kill_hss(void)
{
    sim_crash(w.sim, w.hss_loop);
    dia_node_free(w.hss);
    loop_free(w.hss_loop);
    w.hss = NULL;
}

// ---- life ----

static void configure(struct icscf_config *c)
{
    static struct addr udp;
    static struct str trusted[] = {STR_INIT("127.0.1.0/24")};
    static struct icscf_peer peer;
    static struct str has7[] = {STR_INIT("7")};
    static struct icscf_scscf servers[] = {
        {.name = STR_INIT(S1), .priority = 1, .weight = 1},
        {.name = STR_INIT(S2), .priority = 2, .weight = 1, .capabilities = {has7, 1}},
    };
    udp = at(ICSCF);
    peer = (struct icscf_peer){.host = STR("hss." DOMAIN), .address = at("127.0.1.40:3868"),
                               .priority = 1, .weight = 1};
    *c = (struct icscf_config){
        .name = STR("sip:icscf." DOMAIN ":5060"),
        .domain = STR(DOMAIN),
        .udp = {&udp, 1},
        .trusted = {trusted, ARRAY_LEN(trusted)},
        .diameter = {.identity = STR("icscf." DOMAIN),
                     .realm = STR(DOMAIN),
                     .hss = STR("hss." DOMAIN),
                     .peers = {&peer, 1},
                     .timeout_ms = 5000,
                     .watchdog_ms = 30000},
        .scscfs = {servers, 2},
        .scscf_timeout_ms = 8000,
    };
}

static void on_udp(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    size_t i = (size_t)(uintptr_t)arg;
    struct sip_msg *m = NULL;
    struct sip_parse_error e;
    assert_int_equal(sip_msg_parse(data, &m, &e), 0);
    assert_true(w.tail[i] - w.head[i] < W_QUEUE);
    w.queue[i][w.tail[i]++ % W_QUEUE] = m;
}

static void open_peers(void)
{
    static const char *const where[] = {"127.0.1.10:5060", "127.0.1.30:5060", "127.0.1.31:5060",
                                        "198.51.100.66:5060"};
    static const char *const names[] = {"p." DOMAIN, "s1." DOMAIN, "s2." DOMAIN, "eve." DOMAIN};
    assert_int_equal(sim_node(w.sim, "peers", &w.peer_loop), 0);
    for (size_t i = 0; i < W_SOCKETS; i++) {
        struct udp_params p = {.local = at(where[i]), .cb = on_udp, .arg = (void *)(uintptr_t)i};
        struct dns_rr rr = {.ttl = 60, .ip = at(where[i])};
        assert_int_equal(udp_open(w.peer_loop, &p, &w.udp[i]), 0);
        addr_set_port(&rr.ip, 0);
        assert_int_equal(sim_dns_add(w.sim, names[i], DNS_A, &rr), 0);
    }
}

int world_set_up(void **state)
{
    struct icscf_params p = {.config = &w.cfg};
    const char *why;
    w = (struct world){.server = S1};
    assert_int_equal(sim_new(7, &w.sim), 0);
    configure(&w.cfg);
    open_peers();
    start_hss();
    assert_int_equal(sim_node(w.sim, "icscf", &w.icscf_loop), 0);
    p.loop = w.icscf_loop;
    assert_int_equal(icscf_new(&p, &w.icscf), 0);
    assert_false(icscf_ready(w.icscf, &why));
    world_run(2000);
    assert_true(icscf_ready(w.icscf, &why));
    return 0;
}

int world_tear_down(void **state)
{
    icscf_free(w.icscf);
    loop_free(w.icscf_loop);
    if (w.hss) {
        dia_node_free(w.hss);
        loop_free(w.hss_loop);
    }
    for (size_t i = 0; i < W_SOCKETS; i++) {
        udp_close(w.udp[i]);
        sip_msg_unref(w.last[i]);
        while (w.head[i] != w.tail[i])
            sip_msg_unref(w.queue[i][w.head[i]++ % W_QUEUE]);
    }
    loop_free(w.peer_loop);
    sim_free(w.sim);
    sip_msg_pool_drain();
    return 0;
}

void world_run(uint64_t ms)
{
    (void)sim_run(w.sim, sim_now_ms(w.sim) + ms);
}

static void send_from(int socket, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void send_from(int socket, const char *fmt, va_list ap)
{
    static char text[8192], out[16384];
    struct addr to = at(ICSCF);
    size_t n = 0;
    (void)vsnprintf(text, sizeof text, fmt, ap);
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            out[n++] = '\r';
        out[n++] = *p;
    }
    assert_int_equal(udp_send(w.udp[socket], &to, str_make(out, n)), 0);
}

void world_sendf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    send_from(W_PCSCF, fmt, ap);
    va_end(ap);
}

void world_eve_sendf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    send_from(W_EVE, fmt, ap);
    va_end(ap);
}

struct sip_msg *world_take(int i)
{
    if (w.head[i] == w.tail[i])
        world_run(200);
    sip_msg_unref(w.last[i]);
    w.last[i] = NULL;
    if (w.head[i] != w.tail[i])
        w.last[i] = w.queue[i][w.head[i]++ % W_QUEUE];
    return w.last[i];
}

static struct sip_msg *take_notable(int socket)
{
    struct sip_msg *m;
    do
        m = world_take(socket);
    while (m && (sip_msg_status(m) == 100 ||
                 (sip_msg_is_request(m) && sip_msg_method(m) == SIP_ACK)));
    return m;
}

struct sip_msg *world_expect(int socket, unsigned status)
{
    struct sip_msg *m = take_notable(socket);
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

struct sip_msg *world_expect_request(int socket, const char *method)
{
    struct sip_msg *m = take_notable(socket);
    if (!m || !sip_msg_is_request(m) || !str_eq(sip_msg_method_name(m), str_from(method)))
        fail_msg("instead of %s: %.*s", method, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

void world_answer(int socket, const struct sip_msg *request, unsigned status)
{
    static char room[8192];
    struct addr to = at(ICSCF);
    struct writer out = writer_init(room, sizeof room);
    assert_int_equal(sip_write_response(request, status, STR_NONE, STR("uas"), NULL, &out), 0);
    assert_int_equal(udp_send(w.udp[socket], &to, writer_done(&out)), 0);
}
