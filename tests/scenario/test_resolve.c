// SPDX-License-Identifier: Apache-2.0
// Next hops: RFC 3263, and moving from one target to the next. DNS is the simulation's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core.h"
#include "sip/uri.h"
#include "stack/txn/resolve.h"
#include "stack/txn/txn_priv.h"

// ---- the list alone ----

struct answer {
    bool called;
    int err;
    struct resolve_list list;
};

static void on_answer(void *arg, int err, const struct resolve_list *l)
{
    struct answer *a = arg;
    assert_false(a->called);
    a->called = true;
    a->err = err;
    a->list = *l;
}

static struct answer ask(struct stage *st, const char *text)
{
    struct resolver *r = st->core->txns->resolver;
    struct answer a = {0};
    struct arena arena;
    struct sip_uri u;
    uint64_t id = 0;
    arena_init(&arena, NULL, 0);
    assert_int_equal(sip_uri_parse(&arena, str_from(text), &u), 0);
    a.err = resolve_now(r, &u, &a.list);
    if (a.err == ERR_MORE) {
        a.err = resolve_start(r, &u, on_answer, &a, &id);
        arena_done(&arena);
        assert_false(a.called);
        while (!a.err && !a.called)
            assert_true(sim_step(scene_sim(st->sc)));
        return a;
    }
    arena_done(&arena);
    return a;
}

// "udp 192.0.2.1:5060, tcp 192.0.2.2:5060" or the error's name
static void expect(struct stage *st, const char *uri, const char *want)
{
    char got[1000] = "", text[ADDR_TEXT_MAX];
    struct answer a = ask(st, uri);
    if (a.err)
        snprintf(got, sizeof got, "%s", err_name(a.err));
    for (size_t i = 0; !a.err && i < a.list.n; i++) {
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%s %.*s", i ? ", " : "",
                 a.list.t[i].proto == SIP_PROTO_UDP ? "udp" : "tcp",
                 STR_ARG(addr_text(&a.list.t[i].addr, text)));
    }
    assert_string_equal(got, want);
}

static void without_dns(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    expect(&st, "sip:x@192.0.2.1", "udp 192.0.2.1:5060");
    expect(&st, "sip:x@192.0.2.1:5070", "udp 192.0.2.1:5070");
    expect(&st, "sip:x@192.0.2.1;transport=TCP", "tcp 192.0.2.1:5060");
    expect(&st, "sip:x@y.example.org;maddr=192.0.2.3", "udp 192.0.2.3:5060");
    expect(&st, "sip:x@[2001:db8::1]", "udp [2001:db8::1]:5060");
    expect(&st, "sip:x@192.0.2.1;transport=sctp", "ERR_UNSUPPORTED");
    expect(&st, "sips:x@192.0.2.1", "ERR_UNSUPPORTED");
    expect(&st, "tel:+15550000001", "ERR_UNSUPPORTED");
    assert_int_equal(core_count(st.core, "sip_dns_queries"), 0);
    stage_run_out(&st);
}

static void tcp_preferred(void **state)
{
    struct stack_params p = {.tcp_prefer = true};
    struct stage st;
    stage_open(&st, &p);
    scene_dns_host(st.sc, "plain.example.org", "192.0.2.1");
    expect(&st, "sip:x@192.0.2.1", "tcp 192.0.2.1:5060, udp 192.0.2.1:5060");
    expect(&st, "sip:x@192.0.2.1;transport=udp", "udp 192.0.2.1:5060");
    expect(&st, "sip:x@plain.example.org:5080", "tcp 192.0.2.1:5080, udp 192.0.2.1:5080");
    expect(&st, "sip:x@plain.example.org", "tcp 192.0.2.1:5060, udp 192.0.2.1:5060");
    stage_run_out(&st);
}

// RFC 3263 4.1, 4.2
static void with_dns(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_naptr(st.sc, "home.example.org", 20, "SIP+D2U", "_sip._udp.home.example.org");
    scene_dns_naptr(st.sc, "home.example.org", 10, "SIP+D2T", "_sip._tcp.home.example.org");
    scene_dns_naptr(st.sc, "home.example.org", 5, "SIPS+D2T", "_sips._tcp.home.example.org");
    scene_dns_srv(st.sc, "_sip._tcp.home.example.org", 20, 1, "b.example.org", 5062);
    scene_dns_srv(st.sc, "_sip._tcp.home.example.org", 10, 1, "a.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.home.example.org", 10, 1, "a.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.srv.example.org", 10, 1, "b.example.org", 5064);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st.sc, "b.example.org", "192.0.2.2");
    expect(&st, "sip:x@home.example.org",
           "tcp 192.0.2.1:5060, tcp 192.0.2.2:5062, udp 192.0.2.1:5060");
    expect(&st, "sip:x@home.example.org;transport=udp", "udp 192.0.2.1:5060");
    expect(&st, "sip:x@srv.example.org", "udp 192.0.2.2:5064"); // no NAPTR: SRV
    expect(&st, "sip:x@a.example.org", "udp 192.0.2.1:5060");   // no SRV either
    expect(&st, "sip:x@a.example.org;transport=tcp", "tcp 192.0.2.1:5060");
    expect(&st, "sip:x@home.example.org:5090", "ERR_NODATA"); // a port means addresses
    expect(&st, "sip:x@b.example.org:5090", "udp 192.0.2.2:5090");
    expect(&st, "sip:x@nowhere.example.org", "ERR_NODATA");
    stage_run_out(&st);
}

static void both_families(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st.sc, "a.example.org", "2001:db8::1");
    expect(&st, "sip:a.example.org:5080", "udp 192.0.2.1:5080"); // no IPv6 listener
    core_listen(st.core, "[2001:db8::9]:5060", 0, NULL);
    scene_pass(st.sc, 60000);
    expect(&st, "sip:a.example.org:5080", "udp [2001:db8::1]:5080, udp 192.0.2.1:5080"); // RFC 6724 6
    stage_run_out(&st);
}

// A listener for those outside is no way to a neighbour, whatever its family.
static void family_of_the_inside(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st.sc, "a.example.org", "2001:db8::1");
    struct stack_listen outside = {.proto = SIP_PROTO_UDP, .local = place("[2001:db8::9]:5060"), .label = 1,
                                   .outside = true};
    assert_int_equal(stack_listen(st.core->stack, &outside), 0);
    expect(&st, "sip:a.example.org:5080", "udp 192.0.2.1:5080");
    stage_run_out(&st);
}

// RFC 2782: a host's second family does not make it a heavier one, and comes behind the first.
static void weight_of_both_families(void **state)
{
    struct stage st;
    unsigned first = 0;
    stage_open(&st, NULL);
    core_listen(st.core, "[2001:db8::9]:5060", 0, NULL);
    scene_dns_srv(st.sc, "_sip._udp.w.example.org", 1, 10, "a.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.w.example.org", 1, 10, "b.example.org", 5060);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st.sc, "a.example.org", "2001:db8::1");
    scene_dns_host(st.sc, "b.example.org", "192.0.2.2");
    for (int i = 0; i < 400; i++) {
        struct answer a = ask(&st, "sip:w.example.org;transport=udp");
        assert_int_equal(a.list.n, 3);
        assert_true(addr_is_ip6(&a.list.t[0].addr) || addr_is_ip6(&a.list.t[1].addr));
        first += addr_is_ip6(&a.list.t[0].addr);
    }
    assert_in_range(first, 150, 250);
    stage_run_out(&st);
}

// RFC 2782: among equals by lot, in proportion to the weights.
static void weights(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_srv(st.sc, "_sip._udp.w.example.org", 10, 75, "a.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.w.example.org", 10, 25, "b.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.w.example.org", 20, 1000, "c.example.org", 5060);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st.sc, "b.example.org", "192.0.2.2");
    scene_dns_host(st.sc, "c.example.org", "192.0.2.3");
    struct addr first = place("192.0.2.1:5060"), last = place("192.0.2.3:5060");
    unsigned n = 0;
    (void)ask(&st, "sip:w.example.org;transport=udp");
    uint64_t asked = core_count(st.core, "sip_dns_queries");
    for (int i = 0; i < 4000; i++) {
        struct answer a = ask(&st, "sip:w.example.org;transport=udp");
        assert_int_equal(a.err, 0);
        assert_int_equal(a.list.n, 3);
        assert_true(addr_eq(&a.list.t[2].addr, &last));
        n += addr_eq(&a.list.t[0].addr, &first);
    }
    assert_true(n > 2800 && n < 3200);                               // 3000, sigma 27
    assert_true(core_count(st.core, "sip_dns_queries") < asked + 1); // the answers were known
    stage_run_out(&st);
}

static void cancelled_waiters_hear_nothing(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    struct resolver *r = st.core->txns->resolver;
    struct sip_uri u = {.scheme = SIP_SCHEME_SIP, .host = STR("a.example.org")};
    struct answer one = {0}, two = {0};
    uint64_t id1, id2;
    assert_int_equal(resolve_start(r, &u, on_answer, &one, &id1), 0);
    uint64_t asked = core_count(st.core, "sip_dns_queries");
    assert_int_equal(resolve_start(r, &u, on_answer, &two, &id2), 0);
    assert_int_equal(core_count(st.core, "sip_dns_queries"), asked); // one question for both
    resolve_cancel(r, id1);
    resolve_cancel(r, id1);
    scene_run(st.sc, 60000);
    assert_false(one.called);
    assert_true(two.called && two.err == 0);
    stage_run_out(&st);
}

static void dns_down(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    expect(&st, "sip:a.example.org:5080", "udp 192.0.2.1:5080");
    sim_dns_down(scene_sim(st.sc), true);
    // what was known half a minute ago is better than nothing
    scene_pass(st.sc, 120000);
    expect(&st, "sip:a.example.org:5080", "udp 192.0.2.1:5080");
    expect(&st, "sip:b.example.org:5080", "ERR_TIMEOUT");
    struct call *c = call_new(&st, "MESSAGE", "sip:c.example.org");
    call_start(c);
    scene_pass(st.sc, 120000);
    assert_non_null(strstr(c->log, "failed 503\n"));
    assert_non_null(strstr(c->log, "ended\n"));
    stage_run_out(&st);
}

// A server that does not answer (nor refuses) holds nobody for long, however many questions there
// are.
static void silent_dns_answers_in_time(void **state)
{
    struct stack_params p = {.tcp_prefer = true};
    struct stage st;
    stage_open(&st, &p);
    sim_dns_down(scene_sim(st.sc), true);
    struct call *c = call_new(&st, "MESSAGE", "sip:c.example.org");
    call_start(c);
    scene_run(st.sc, 4000);
    call_expect(c, "3000 failed 503\n3000 ended\n");
    uint64_t asked = core_count(st.core, "sip_dns_queries");
    c->log[0] = '\0';
    call_start(c); // RFC 9520 3.2: the failure is remembered
    scene_run(st.sc, 4100);
    call_expect(c, "4000 failed 503\n4000 ended\n");
    assert_int_equal(core_count(st.core, "sip_dns_queries"), asked);
    scene_run(st.sc, 8100); // and forgotten soon
    sim_dns_down(scene_sim(st.sc), false);
    scene_dns_host(st.sc, "c.example.org", "192.0.2.1");
    expect(&st, "sip:c.example.org;transport=udp", "udp 192.0.2.1:5060");
    expect(&st, "sip:c.example.org", "tcp 192.0.2.1:5060, udp 192.0.2.1:5060");
    stage_run_out(&st);
}

// It falls silent between two questions: the limit is for all of them together.
static void dns_falls_silent(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_srv(st.sc, "_sip._udp.pool.example.org", 10, 1, "a.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.pool.example.org", 20, 1, "b.example.org", 5060);
    scene_dns_srv(st.sc, "_sip._udp.pool.example.org", 30, 1, "c.example.org", 5060);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    struct sip_uri u = {.scheme = SIP_SCHEME_SIP, .host = STR("pool.example.org")};
    struct answer some = {0};
    uint64_t id, start = scene_now(st.sc);
    assert_int_equal(resolve_start(st.core->txns->resolver, &u, on_answer, &some, &id), 0);
    while (core_count(st.core, "sip_dns_queries") < 4) // NAPTR, SRV, A of a, A of b
        assert_true(sim_step(scene_sim(st.sc)));
    sim_dns_down(scene_sim(st.sc), true);
    scene_run(st.sc, start + 3990);
    assert_false(some.called);
    scene_run(st.sc, start + 4010);
    assert_true(some.called);
    assert_int_equal(some.err, 0); // what was found by then
    assert_int_equal(some.list.n, 1);
    stage_run_out(&st);
}

// RFC 8767 4, 5: what is known goes on working during an outage, and only one request in half a
// minute waits for a better answer, for a second.
static void known_names_survive_an_outage(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060");
    peer_auto(a, 200);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    expect(&st, "sip:a.example.org", "udp 192.0.2.1:5060");
    sim_dns_down(scene_sim(st.sc), true);
    scene_run(st.sc, 60000);
    dns_flush(st.core->loop);
    struct call *c = call_new(&st, "MESSAGE", "sip:a.example.org");
    call_start(c);
    scene_run(st.sc, 62000);
    assert_true(str_starts(str_from(c->log), STR("61002 200\n")));
    uint64_t asked = core_count(st.core, "sip_dns_queries");
    for (uint64_t at = 63000; at < 90000; at += 1000) {
        scene_run(st.sc, at);
        c = call_new(&st, "MESSAGE", "sip:a.example.org");
        call_start(c);
        scene_run(st.sc, at + 10);
        assert_non_null(strstr(c->log, " 200\n"));
    }
    assert_int_equal(core_count(st.core, "sip_dns_queries"), asked);
    sim_dns_down(scene_sim(st.sc), false);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.2"); // beside the first
    scene_run(st.sc, 92000);
    expect(&st, "sip:a.example.org;transport=udp", "udp 192.0.2.1:5060, udp 192.0.2.2:5060");
    expect(&st, "sip:a.example.org", "udp 192.0.2.1:5060, udp 192.0.2.2:5060");
    stage_run_out(&st);
}

static unsigned log_lines;
static char last_line[500];

static void on_log(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    log_lines++;
    snprintf(last_line, sizeof last_line, "%.*s", STR_ARG(line));
}

static void the_log_names_the_name(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    log_set_sink(on_log, NULL);
    log_lines = 0;
    sim_dns_down(scene_sim(st.sc), true);
    for (int i = 0; i < 5; i++)
        call_start(call_new(&st, "MESSAGE", "sip:lost.example.org"));
    scene_run(st.sc, 8000);
    log_set_sink(NULL, NULL);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(last_line, "name not resolved name=lost.example.org"));
    assert_non_null(strstr(last_line, "reason=\"lost.example.org: NAPTR: no answer\""));
    stage_run_out(&st);
}

// Whoever is told may ask for the next name; the table is full and the first name goes.
static void ask_in_the_answer(void *arg, int err, const struct resolve_list *l)
{
    struct stage *st = arg;
    struct sip_uri u = {.scheme = SIP_SCHEME_SIP, .host = STR("another.example.org"), .port = 5080};
    struct sip_uri v = {
        .scheme = SIP_SCHEME_SIP, .host = STR("one-more.example.org"), .port = 5080};
    static struct answer ignored[4];
    static size_t n;
    uint64_t id;
    assert_int_equal(err, 0);
    assert_int_equal(l->n, 1);
    assert_true(n + 2 <= ARRAY_LEN(ignored));
    assert_int_equal(resolve_start(st->core->txns->resolver, &u, on_answer, &ignored[n++], &id), 0);
    assert_int_equal(resolve_start(st->core->txns->resolver, &v, on_answer, &ignored[n++], &id), 0);
}

static void a_full_table(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct sip_uri u = {.scheme = SIP_SCHEME_SIP, .host = STR("first.example.org"), .port = 5080};
    uint64_t id;
    scene_dns_host(st.sc, "first.example.org", "192.0.2.1");
    assert_int_equal(resolve_start(st.core->txns->resolver, &u, ask_in_the_answer, &st, &id), 0);
    assert_int_equal(resolve_start(st.core->txns->resolver, &u, ask_in_the_answer, &st, &id), 0);
    struct answer others[1030] = {0};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char host[40];
        snprintf(host, sizeof host, "n%zu.example.org", i);
        struct sip_uri v = {.scheme = SIP_SCHEME_SIP, .host = str_from(host), .port = 5080};
        assert_int_equal(resolve_start(st.core->txns->resolver, &v, on_answer, &others[i], &id), 0);
    }
    scene_run(st.sc, 60000);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_true(others[i].called);
    stage_run_out(&st);
}

static void freed_while_asking(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    struct call *c = call_new(&st, "MESSAGE", "sip:c.example.org");
    call_start(c);
    core_free(st.core);
    scene_run(st.sc, 60000);
    assert_string_equal(c->log, "");
    scene_free(st.sc);
}

// ---- moving on (RFC 3263 4.3) ----

static void two_servers(struct stage *st, const char *service)
{
    char name[64];
    snprintf(name, sizeof name, "_sip._%s.pool.example.org", service);
    scene_dns_srv(st->sc, name, 10, 1, "a.example.org", 5060);
    scene_dns_srv(st->sc, name, 20, 1, "b.example.org", 5060);
    scene_dns_host(st->sc, "a.example.org", "192.0.2.1");
    scene_dns_host(st->sc, "b.example.org", "192.0.2.2");
}

static void expect_moved(struct call *c)
{
    assert_non_null(strstr(c->log, " 200\n"));
    assert_null(strstr(c->log, "failed"));
    assert_null(strstr(c->log, "503"));
    assert_int_equal(c->writes, 2);
    assert_string_not_equal(c->vias[0], c->vias[1]); // a branch of its own for each target
    c->log[0] = '\0';
    c->writes = 0;
}

static void second_target_after_refusal(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "tcp");
    struct peer *b = peer_tcp(st.sc, "192.0.2.2:5060");
    peer_auto(b, 200);
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=tcp");
    call_start(c);
    scene_run(st.sc, 2000);
    expect_moved(c);
    assert_int_equal(core_count(st.core, "sip_target_failovers"), 1);
    call_start(c); // the failed one stands last for a while
    scene_run(st.sc, 3000);
    assert_non_null(strstr(c->log, " 200\n"));
    assert_int_equal(c->writes, 1);
    c->log[0] = '\0';
    c->writes = 0;
    scene_run(st.sc, 14000);
    struct peer *a = peer_tcp(st.sc, "192.0.2.1:5060"); // it is back
    peer_auto(a, 200);
    call_start(c);
    scene_run(st.sc, 16000);
    assert_int_equal(c->writes, 1);
    assert_non_null(peer_next(a));
    stage_run_out(&st);
}

static void second_target_after_503(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct stage st;
        stage_open(&st, NULL);
        two_servers(&st, "udp");
        struct peer *a = peer_udp(st.sc, "192.0.2.1:5060"), *b = peer_udp(st.sc, "192.0.2.2:5060");
        peer_auto(a, 503);
        peer_auto(b, 200);
        struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=udp");
        c->method = methods[i];
        call_start(c);
        scene_run(st.sc, 5000);
        expect_moved(c);
        assert_non_null(peer_next(a));
        if (i == 1)
            assert_true(str_starts(peer_next(a)->bytes, STR("ACK "))); // the 503 was acknowledged
        peer_quiet(a);
        stage_run_out(&st);
    }
}

static void last_503_is_reported(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "udp");
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060"), *b = peer_udp(st.sc, "192.0.2.2:5060");
    peer_auto(a, 503);
    peer_auto(b, 503);
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=udp");
    call_start(c);
    scene_run(st.sc, 5000);
    assert_non_null(strstr(c->log, " 503\n"));
    assert_null(strstr(c->log, "failed"));
    stage_run_out(&st);
}

// ---- who asks is told by an answer that another is to be asked ----

static bool is_elsewhere(unsigned status)
{
    return status == 480;
}

static void second_target_after_an_answer(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    static const char *const protos[] = {"udp", "tcp"};
    for (size_t i = 0; i < 4; i++) {
        struct stage st;
        stage_open(&st, NULL);
        two_servers(&st, protos[i / 2]);
        struct peer *a = i / 2 ? peer_tcp(st.sc, "192.0.2.1:5060") : peer_udp(st.sc, "192.0.2.1:5060");
        struct peer *b = i / 2 ? peer_tcp(st.sc, "192.0.2.2:5060") : peer_udp(st.sc, "192.0.2.2:5060");
        peer_auto(a, 480);
        peer_auto(b, 200);
        struct call *c = call_new(&st, "MESSAGE",
                                  i / 2 ? "sip:pool.example.org;transport=tcp" : "sip:pool.example.org;transport=udp");
        c->method = methods[i % 2];
        call_start(c); // unless it was asked for, the answer is an answer
        scene_run(st.sc, 60000);
        assert_non_null(strstr(c->log, " 480\n"));
        assert_int_equal(c->writes, 1);
        c->log[0] = '\0';
        c->writes = 0;
        c->elsewhere = is_elsewhere;
        call_start(c);
        scene_run(st.sc, 120000);
        assert_null(strstr(c->log, "480"));
        expect_moved(c);
        assert_int_equal(core_count(st.core, "sip_target_failovers"), 1);
        call_start(c); // nothing is held against the first one: its 480 was about this request
        scene_run(st.sc, 180000);
        expect_moved(c);
        stage_run_out(&st);
    }
}

static void last_answer_is_reported(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "udp");
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060"), *b = peer_udp(st.sc, "192.0.2.2:5060");
    peer_auto(a, 480);
    peer_auto(b, 480);
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=udp");
    c->elsewhere = is_elsewhere;
    call_start(c);
    scene_run(st.sc, 5000);
    assert_non_null(strstr(c->log, " 480\n"));
    assert_null(strstr(c->log, "failed"));
    assert_int_equal(c->writes, 2);
    stage_run_out(&st);
}

// Each node over two transports, the other one between them: who has said something, or was silent, is not asked again
// over its other transport, and who could not be reached over one is.
static void nobody_is_asked_twice(void **state)
{
    static const struct {
        unsigned a, b; // answers; 0: silence, 1: no connection, and silence over UDP
        unsigned writes;
        const char *end;
    } rows[] = {
        {480, 480, 2, " 480\n"},
        {503, 480, 2, " 480\n"},
        {480, 1, 3, "failed 408\n"},
        {0, 480, 2, " 480\n"},
        {0, 0, 2, "failed 408\n"},
        {1, 480, 3, "failed 408\n"},
        {1, 1, 4, "failed 408\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage st;
        stage_open(&st, NULL);
        scene_dns_naptr(st.sc, "pool.example.org", 1, "SIP+D2T", "_sip._tcp.pool.example.org");
        scene_dns_naptr(st.sc, "pool.example.org", 2, "SIP+D2U", "_sip._udp.pool.example.org");
        two_servers(&st, "tcp");
        two_servers(&st, "udp");
        for (int k = 0; k < 2; k++) {
            unsigned status = k ? rows[i].b : rows[i].a;
            const char *at = k ? "192.0.2.2:5060" : "192.0.2.1:5060";
            peer_auto(status == 1 ? peer_udp(st.sc, at) : peer_tcp(st.sc, at), status == 1 ? 0 : status);
        }
        struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org");
        c->elsewhere = is_elsewhere;
        call_start(c);
        scene_run(st.sc, 200000);
        if (!strstr(c->log, rows[i].end) || c->writes != rows[i].writes)
            fail_msg("row %zu: %u writes: %s", i, c->writes, c->log);
        stage_run_out(&st);
    }
}

// Over several transactions of one request.
static void what_was_asked_is_remembered(void **state)
{
    struct stage st;
    struct arena arena;
    stage_open(&st, NULL);
    arena_init(&arena, NULL, 0);
    two_servers(&st, "udp");
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060"), *b = peer_udp(st.sc, "192.0.2.2:5060");
    peer_auto(a, 480);
    peer_auto(b, 480);
    struct call *c = call_new(&st, "MESSAGE", "sip:a.example.org");
    c->asked = txn_asked_new(&arena);
    call_start(c);
    scene_run(st.sc, 10000);
    assert_non_null(strstr(c->log, " 480\n"));
    assert_non_null(peer_next(a));
    c->uri = "sip:pool.example.org;transport=udp";
    call_start(c);
    scene_run(st.sc, 20000);
    assert_non_null(peer_next(b));
    peer_quiet(a);
    c->log[0] = '\0';
    call_start(c); // and now there is nobody
    scene_run(st.sc, 30000);
    assert_non_null(strstr(c->log, "failed 503\n"));
    assert_non_null(strstr(c->log, "ended\n"));
    txn_client_forget(st.core->txns, c->id);
    peer_quiet(a);
    peer_quiet(b);
    // Forgotten, it leaves the memory alone.
    c->asked = txn_asked_new(&arena);
    c->uri = "sip:192.0.2.1";
    c->writes = 0;
    call_start(c);
    assert_int_equal(c->writes, 1);
    txn_client_forget(st.core->txns, c->id);
    arena_done(&arena);
    scene_run(st.sc, 60000);
    stage_run_out(&st);
}

static void second_target_after_silence(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "udp");
    struct peer *b = peer_udp(st.sc, "192.0.2.2:5060");
    peer_auto(b, 200);
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=udp");
    c->timeout_ms = 2000;
    call_start(c);
    scene_run(st.sc, 5000);
    expect_moved(c);
    stage_run_out(&st);
}

// A host that swallows the SYN: the connection is given up after 5 s.
static void second_target_after_no_connection(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "tcp");
    struct peer *a = peer_tcp(st.sc, "192.0.2.1:5060"), *b = peer_tcp(st.sc, "192.0.2.2:5060");
    peer_auto(a, 200);
    peer_auto(b, 200);
    struct addr from = place(CORE), to = place("192.0.2.1:5060");
    assert_int_equal(sim_partition(scene_sim(st.sc), &from, &to, true), 0);
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=tcp");
    call_start(c);
    scene_run(st.sc, 8000);
    expect_moved(c);
    peer_quiet(a);
    stage_run_out(&st);
}

// Both have failed lately: they are still tried.
static void a_name_is_never_without_target(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    two_servers(&st, "tcp");
    struct call *c = call_new(&st, "MESSAGE", "sip:pool.example.org;transport=tcp");
    for (int i = 0; i < 3; i++) {
        c->log[0] = '\0';
        c->writes = 0;
        call_start(c);
        scene_pass(st.sc, 1000);
        assert_non_null(strstr(c->log, "failed 503\n"));
        assert_int_equal(c->writes, 2);
    }
    struct peer *b = peer_tcp(st.sc, "192.0.2.2:5060");
    peer_auto(b, 200);
    c->log[0] = '\0';
    call_start(c);
    scene_pass(st.sc, 1000);
    assert_non_null(strstr(c->log, " 200\n"));
    stage_run_out(&st);
}

static void tcp_refused_then_udp(void **state)
{
    struct stack_params p = {.tcp_prefer = true};
    struct stage st;
    stage_open(&st, &p);
    struct peer *udp = peer_udp(st.sc, "192.0.2.1:5060");
    peer_auto(udp, 200);
    struct call *c = call_new(&st, "MESSAGE", "sip:x@192.0.2.1");
    call_start(c);
    scene_run(st.sc, 7000);
    expect_moved(c);
    stage_run_out(&st);
}

static void cancelled_while_resolving(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060");
    struct call *c = call_new(&st, "MESSAGE", "sip:a.example.org");
    c->method = "INVITE";
    call_start(c);
    assert_int_equal(txn_client_cancel(st.core->txns, c->id, STR_NONE), 0);
    scene_run(st.sc, 60000);
    assert_non_null(strstr(c->log, "failed 487\n"));
    assert_non_null(strstr(c->log, "ended\n"));
    peer_quiet(a);
    stage_run_out(&st);
}

static void ack_by_name(void **state)
{
    struct stage st;
    stage_open(&st, NULL);
    scene_dns_host(st.sc, "a.example.org", "192.0.2.1");
    struct peer *a = peer_udp(st.sc, "192.0.2.1:5060");
    struct call *c = call_new(&st, "MESSAGE", "sip:a.example.org");
    c->method = "ACK";
    assert_int_equal(call_ack(c), 0);
    scene_run(st.sc, 60000);
    assert_true(str_starts(peer_next(a)->bytes, STR("ACK ")));
    peer_quiet(a);
    assert_non_null(strstr(c->log, "done\n"));
    stage_run_out(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_dns),
        cmocka_unit_test(tcp_preferred),
        cmocka_unit_test(with_dns),
        cmocka_unit_test(both_families),
        cmocka_unit_test(family_of_the_inside),
        cmocka_unit_test(weight_of_both_families),
        cmocka_unit_test(weights),
        cmocka_unit_test(cancelled_waiters_hear_nothing),
        cmocka_unit_test(dns_down),
        cmocka_unit_test(silent_dns_answers_in_time),
        cmocka_unit_test(dns_falls_silent),
        cmocka_unit_test(known_names_survive_an_outage),
        cmocka_unit_test(the_log_names_the_name),
        cmocka_unit_test(a_full_table),
        cmocka_unit_test(freed_while_asking),
        cmocka_unit_test(second_target_after_refusal),
        cmocka_unit_test(second_target_after_503),
        cmocka_unit_test(last_503_is_reported),
        cmocka_unit_test(second_target_after_an_answer),
        cmocka_unit_test(last_answer_is_reported),
        cmocka_unit_test(nobody_is_asked_twice),
        cmocka_unit_test(what_was_asked_is_remembered),
        cmocka_unit_test(second_target_after_silence),
        cmocka_unit_test(second_target_after_no_connection),
        cmocka_unit_test(a_name_is_never_without_target),
        cmocka_unit_test(tcp_refused_then_udp),
        cmocka_unit_test(cancelled_while_resolving),
        cmocka_unit_test(ack_by_name),
    };
    return cmocka_run_group_tests_name("scenario_resolve", tests, NULL, NULL);
}
