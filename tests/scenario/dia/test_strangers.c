// SPDX-License-Identifier: Apache-2.0
// What somebody who is no peer can and cannot do, and messages beyond their limits (docs/security.md).
#include <stdio.h>

#include "base/writer.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
    world_new(&w, 17);
    return 0;
}

static int teardown(void **state)
{
    world_free(&w);
    return 0;
}

static const uint32_t cx[] = {DIA_APP_CX};

static uint64_t over(const struct box *b, const char *limit)
{
    char labels[64];
    struct writer out = writer_init(labels, sizeof labels - 1);
    writer_printf(&out, "limit=\"%s\"", limit);
    labels[out.n] = 0;
    return box_stat_of(b, "dia_limit_exceeded_total", labels);
}

static void say_cer(struct raw *r, struct box *a)
{
    raw_dial(r, a);
    raw_cer(r, cx, 1);
    world_run(&w, 50);
}

static void peer_from(struct box *a, const char *host, const char *const *from, size_t n)
{
    struct str texts[4];
    struct dia_peer_params p = {.host = str_from(host), .from = texts, .n_from = n};
    for (size_t i = 0; i < n; i++)
        texts[i] = str_from(from[i]);
    assert_int_equal(dia_peer_add(a->node, &p), 0);
}

struct lines {
    unsigned n;
    char last[512];
};

static void keep_line(void *arg, enum log_level level, struct str line)
{
    struct lines *l = arg;
    if (level > LOG_WARN)
        return;
    l->n++;
    snprintf(l->last, sizeof l->last, "%.*s", STR_ARG(line));
}

// ---- addresses ----

// RFC 6733 5.6.1: the name of a configured peer is good from its addresses only, also while it is down.
static void a_name_from_elsewhere(void **state)
{
    static struct raw r;
    static const char *const from[] = {"10.0.0.9", "192.0.2.0/24"};
    struct box *a = box_start(&w, 0, "a.test", NULL);
    struct lines lines = {0};
    peer_from(a, "scscf.test", from, 2);
    raw_start(&r, &w, 3, "scscf.test"); // 10.0.0.4
    log_set_sink(keep_line, &lines);
    say_cer(&r, a);
    assert_int_equal(raw_last_result(&r), 3010);
    assert_true(r.closed);
    assert_int_equal(lines.n, 1);
    assert_non_null(strstr(lines.last, "10.0.0.4"));
    assert_non_null(strstr(lines.last, "10.0.0.9"));
    assert_non_null(strstr(lines.last, "scscf.test"));
    raw_stop(&r);
}

static void further_addresses_and_networks(void **state)
{
    static const struct {
        const char *from;
        bool in;
    } rows[] = {{"10.0.0.4", true},  {"10.0.0.5", false},  {"10.0.0.0/24", true}, {"10.0.0.0/29", true},
                {"10.0.0.8/29", false}, {"0.0.0.0/0", true}, {"::/0", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct raw r;
        struct world v;
        world_new(&v, 3);
        struct box *a = box_start(&v, 0, "a.test", NULL);
        peer_from(a, "r.test", &rows[i].from, 1);
        raw_start(&r, &v, 3, "r.test");
        raw_dial(&r, a);
        raw_cer(&r, cx, 1);
        world_run(&v, 50);
        assert_int_equal(raw_last_result(&r), rows[i].in ? DIA_SUCCESS : 3010);
        raw_stop(&r);
        world_free(&v);
    }
    struct box *a = box_start(&w, 0, "a.test", NULL);
    struct str bad = STR("10.0.0.0/33");
    struct dia_peer_params p = {.host = STR("x.test"), .from = &bad, .n_from = 1};
    assert_int_equal(dia_peer_add(a->node, &p), ERR_BAD);
    assert_int_equal(box_stat(a, "dia_pending", "x.test"), 0);
    p.n_from = 0;
    assert_int_equal(dia_peer_add(a->node, &p), 0); // nothing of it was left behind
}

// Without an address of its own a peer has those of its name.
static void names(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    struct dns_rr rr = {.ttl = 60};
    addr_parse(STR("10.0.0.4"), 0, &rr.ip);
    assert_int_equal(sim_dns_add(w.sim, "r.test", DNS_A, &rr), 0);
    peer_from(a, "r.test", NULL, 0);
    peer_from(a, "nameless.test", NULL, 0);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "r.test");
    say_cer(&s, a);
    world_run(&w, 1000);
    assert_int_equal(raw_last_result(&s), 3010);
    say_cer(&r, a);
    world_run(&w, 1000);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    assert_int_equal(box_stat(a, "dia_peer_open", "r.test"), 1);
    raw_stop(&r);
    raw_stop(&s);
    raw_start(&s, &w, 4, "nameless.test");
    say_cer(&s, a);
    world_run(&w, 1000);
    assert_int_equal(raw_last_result(&s), 3010);
    assert_int_equal(box_stat(a, "dia_strangers", NULL), 0);
    raw_stop(&s);
}

// DNS is silent: the connection ends when a CER's time is over, whoever hung up before or after.
static void names_that_do_not_come(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    peer_from(a, "r.test", NULL, 0);
    sim_dns_down(w.sim, true);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "r.test");
    say_cer(&r, a);
    say_cer(&s, a);
    tcp_abort(s.tcp);
    s.tcp = NULL;
    raw_cer(&r, cx, 1); // a second CER meanwhile is out of place
    world_run(&w, 100);
    assert_true(r.closed);
    say_cer(&r, a);
    world_run(&w, 20000);
    assert_true(r.closed);
    assert_int_equal(box_stat(a, "dia_strangers", NULL), 0);
    assert_int_equal(box_stat(a, "dia_peer_open", "r.test"), 0);
    raw_stop(&r);
    raw_stop(&s);
}

// An unknown peer that was let in has its name to itself while it is open.
static void the_name_of_an_open_unknown_peer(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "r.test");
    say_cer(&r, a);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    s.origin_state = 1000000;
    say_cer(&s, a);
    assert_int_equal(raw_last_result(&s), 3010);
    assert_true(s.closed && !r.closed);
    raw_stop(&r);
    raw_stop(&s);
}

// ---- a second connection ----

static void second_connection_does_not_displace(void **state)
{
    static struct raw r, s;
    static const char *const from[] = {"10.0.0.0/24"};
    struct box *a = box_start(&w, 0, "a.test", NULL);
    peer_from(a, "r.test", from, 1);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "r.test");
    r.origin_state = 100;
    s.origin_state = 1000000;
    say_cer(&r, a);
    say_cer(&s, a);
    world_run(&w, 3000);
    assert_true(s.closed);
    assert_false(r.closed);
    assert_int_equal(s.answers[DIA_CER], 0);
    assert_int_equal(box_stat(a, "dia_second_refused_total", "r.test"), 1);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", "r.test"), 1);
    raw_stop(&r);
    raw_stop(&s);
}

// The old connection ends while the second one waits: it is let in at once.
static void second_connection_of_a_peer_that_went(void **state)
{
    static struct raw r, s;
    static const char *const from[] = {"10.0.0.0/24"};
    struct box *a = box_start(&w, 0, "a.test", NULL);
    peer_from(a, "r.test", from, 1);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "r.test");
    r.origin_state = 100;
    s.origin_state = 101;
    r.answer_dwr = false;
    say_cer(&r, a);
    say_cer(&s, a);
    assert_int_equal(s.answers[DIA_CER], 0);
    tcp_abort(r.tcp);
    r.tcp = NULL;
    world_run(&w, 50);
    assert_int_equal(s.answers[DIA_CER], 1);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", "r.test"), 2);
    say_cer(&r, a); // and one that hangs up while it waits is forgotten
    s.answer_dwr = false;
    r.origin_state = 102;
    tcp_abort(r.tcp);
    r.tcp = NULL;
    say_cer(&r, a);
    tcp_abort(r.tcp);
    r.tcp = NULL;
    world_run(&w, 3000);
    assert_false(s.closed);
    raw_stop(&r);
    raw_stop(&s);
}

// ---- how many, how long, how much ----

static void few(struct dia_params *p)
{
    p->max_strangers = 6;
    p->max_strangers_per_source = 4;
}

// Idle connections end each other; a peer that comes meanwhile gets in.
static void idle_connections_keep_nobody_out(void **state)
{
    enum { SOURCES = 3, EACH = 10 };
    static struct raw idle[SOURCES * EACH], peer;
    struct box *a = box_start(&w, 0, "a.test", few);
    static const char *const from[] = {"10.0.0.3"}, *const names_[] = {"x.test", "y.test", "z.test"};
    peer_from(a, "peer.test", from, 1);
    for (int s = 0; s < SOURCES; s++)
        raw_start(&idle[s], &w, 3 + s, names_[s]);
    for (int i = 0; i < EACH; i++) {
        for (int s = 0; s < SOURCES; s++) {
            struct raw *r = &idle[i * SOURCES + s];
            if (i)
                raw_share(r, &idle[s]);
            raw_dial(r, a);
            raw_send(r, "\1\0\0", 3);
        }
        world_run(&w, 10);
        assert_true(box_stat(a, "dia_strangers", NULL) <= 6);
    }
    assert_true(over(a, "strangers") > 0);
    raw_start(&peer, &w, 2, "peer.test");
    say_cer(&peer, a);
    assert_int_equal(raw_last_result(&peer), DIA_SUCCESS);
    assert_int_equal(box_stat(a, "dia_peer_open", "peer.test"), 1);
    world_run(&w, 6000);
    assert_int_equal(box_stat(a, "dia_strangers", NULL), 0);
    assert_true(over(a, "cer_timeout") > 0);
    assert_false(peer.closed);
    raw_stop(&peer);
    for (int i = SOURCES * EACH; i-- > 0;)
        i < SOURCES ? raw_stop(&idle[i]) : raw_drop(&idle[i]);
}

static void one_source(void **state)
{
    static struct raw idle[10];
    struct box *a = box_start(&w, 0, "a.test", few);
    raw_start(&idle[0], &w, 3, "x.test");
    for (int i = 0; i < 10; i++) {
        if (i)
            raw_share(&idle[i], &idle[0]);
        raw_dial(&idle[i], a);
        world_run(&w, 10);
    }
    assert_int_equal(box_stat(a, "dia_strangers", NULL), 4);
    assert_int_equal(over(a, "strangers_per_source"), 6);
    for (int i = 0; i < 10; i++)
        assert_int_equal(idle[i].closed, i < 6); // the oldest went
    for (int i = 9; i > 0; i--)
        raw_drop(&idle[i]);
    raw_stop(&idle[0]);
}

static void a_long_cer(void **state)
{
    static struct raw r;
    static const char head[] = "\1\0\x20\0\x80\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0"; // 8192 bytes
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_send(&r, head, 19);
    world_run(&w, 50);
    assert_false(r.closed);
    raw_send(&r, head + 19, 1);
    world_run(&w, 50);
    assert_true(r.closed);
    assert_int_equal(over(a, "cer_bytes"), 1);
    raw_stop(&r);
}

// ---- messages beyond their limits: answered from their bytes, and the connection goes on ----

static struct raw peer;

static struct box *open_peer(void (*change)(struct dia_params *))
{
    struct box *a = box_start(&w, 0, "a.test", change);
    raw_start(&peer, &w, 3, "r.test");
    say_cer(&peer, a);
    assert_int_equal(raw_last_result(&peer), DIA_SUCCESS);
    return a;
}

static void add_empty(struct dia_bytes *b, uint32_t code, size_t n)
{
    char *avps = mem_zalloc(8 * n);
    for (size_t i = 0; i < n; i++) {
        dia_put32(avps + 8 * i, code);
        avps[8 * i + 4] = DIA_AVP_M;
        dia_put24(avps + 8 * i + 5, 8);
    }
    assert_int_equal(dia_bytes_append(b, (struct str){avps, 8 * n}), 0);
    mem_free(avps);
}

static void expect_refused(struct box *a, struct dia_bytes *b, uint32_t result, const char *limit)
{
    struct lines lines = {0};
    uint32_t before = peer.answers[303];
    log_set_sink(keep_line, &lines);
    raw_send(&peer, b->p, b->n);
    world_run(&w, 200);
    assert_int_equal(peer.answers[303], before + 1);
    assert_int_equal(raw_last_result(&peer), result);
    assert_memory_equal(peer.last + 12, b->p + 12, 8);
    assert_int_equal(raw_last_avp(&peer, 263).n, 8 + 7);
    assert_int_equal(over(a, limit), 1);
    assert_int_equal(lines.n, 1);
    assert_non_null(strstr(lines.last, "r.test"));
    assert_non_null(strstr(lines.last, limit));
    assert_int_equal(a->asked, 0);
    assert_true(peer.n_last < 1000);
    dia_bytes_free(b);
    raw_mar(&peer, 7, 7, 0, b);
    raw_send(&peer, b->p, b->n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    assert_int_equal(raw_last_result(&peer), DIA_SUCCESS);
    dia_bytes_free(b);
    raw_stop(&peer);
}

static void many_avps(void **state)
{
    struct dia_bytes b;
    struct box *a = open_peer(box_open);
    raw_mar(&peer, 1, 2, 0, &b);
    add_empty(&b, 284, 30000);
    expect_refused(a, &b, 5012, "avps");
}

static void deep_groups(void **state)
{
    enum { LEVELS = 1000 };
    static char deep[8 * LEVELS];
    struct dia_bytes b;
    struct box *a = open_peer(box_open);
    raw_mar(&peer, 1, 2, 0, &b);
    for (size_t i = 0; i < LEVELS; i++) {
        dia_put32(deep + 8 * i, 279);
        dia_put24(deep + 8 * i + 5, (uint32_t)(sizeof deep - 8 * i));
    }
    assert_int_equal(dia_bytes_append(&b, (struct str){deep, sizeof deep}), 0);
    expect_refused(a, &b, 5012, "depth");
}

static void small_messages(struct dia_params *p)
{
    p->accept_unknown = true;
    p->limits.message = 4096;
}

// RFC 6733 7.1.5: DIAMETER_INVALID_MESSAGE_LENGTH; what is left of it is passed over.
static void long_message(void **state)
{
    struct dia_bytes b;
    struct box *a = open_peer(small_messages);
    raw_mar(&peer, 1, 2, 0, &b);
    add_empty(&b, 282, 50000);
    expect_refused(a, &b, 5015, "message");
}

static void long_message_in_pieces(void **state)
{
    struct dia_bytes b, c;
    struct box *a = open_peer(small_messages);
    raw_mar(&peer, 1, 2, 0, &b);
    raw_mar(&peer, 3, 4, 0, &c);
    size_t own = b.n;
    add_empty(&b, 282, 1000);
    for (size_t at = 0, n; at < b.n; at += n) {
        n = at < own ? 1 : b.n - at < 700 ? b.n - at : 700;
        raw_send(&peer, b.p + at, n);
        world_run(&w, 2);
    }
    raw_send(&peer, c.p, c.n);
    world_run(&w, 50);
    assert_int_equal(peer.answers[303], 2);
    assert_int_equal(a->asked, 1);
    assert_int_equal(raw_last_result(&peer), DIA_SUCCESS);
    dia_bytes_free(&b);
    dia_bytes_free(&c);
    raw_stop(&peer);
}

// Proxy-Info that is within the limits goes back whole (RFC 6733 6.2), as often as it came.
static void proxy_info_within_the_limits(void **state)
{
    struct dia_bytes b;
    struct box *a = open_peer(box_open);
    static const char info[] = "\0\0\1\x1c\x40\0\0\x20"
                               "\0\0\1\x18\x40\0\0\x09p\0\0\0"
                               "\0\0\0\x21\x40\0\0\x0as1\0\0";
    raw_mar(&peer, 1, 2, 0, &b);
    for (int i = 0; i < 300; i++)
        assert_int_equal(dia_bytes_append(&b, (struct str){info, 32}), 0);
    raw_send(&peer, b.p, b.n);
    world_run(&w, 200);
    assert_int_equal(a->asked, 1);
    assert_int_equal(raw_last_result(&peer), DIA_SUCCESS);
    assert_true(peer.n_last > 300 * 32);
    dia_bytes_free(&b);
    raw_stop(&peer);
}

// An answer that is too much fails its request now, not when its time is over.
static void answers_too_much(struct raw *r, const struct dia_frame *f)
{
    struct cx_maa m = {.head = {.session_id = f->session_id, .origin_host = str_from(r->host),
                                .origin_realm = STR("test")}, .result.code = DIA_SUCCESS};
    struct dia_header h = {.flags = DIA_CMD_P, .code = 303, .app = f->app, .hbh = f->hbh, .ete = f->ete};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_cx, 303)->out, &m, &h, &b), 0);
    add_empty(&b, 282, 5000);
    raw_send(r, b.p, b.n);
    dia_bytes_free(&b);
}

static void an_answer_beyond_its_limit(void **state)
{
    struct box *a = open_peer(box_open);
    peer.got = answers_too_much;
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, ERR_BAD);
    assert_int_equal(over(a, "avps"), 1);
    assert_false(peer.closed);
    raw_stop(&peer);
}

// ---- what others asked ----

// A peer that is no relay has no answers by another's Origin-Host.
static void anothers_origin_host(void **state)
{
    static struct raw r, s;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "s.test");
    say_cer(&r, a);
    say_cer(&s, a);
    raw_mar(&r, 1, 4711, 0, &b);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    dia_bytes_set_flags(&b, DIA_CMD_T);
    raw_send(&s, b.p, b.n); // with r.test as Origin-Host
    world_run(&w, 50);
    assert_int_equal(raw_last_result(&s), DIA_INVALID_AVP_VALUE);
    assert_int_equal(a->asked, 1);
    assert_int_equal(s.answers[303], 1);
    dia_bytes_free(&b);
    raw_stop(&r);
    raw_stop(&s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_name_from_elsewhere), T(further_addresses_and_networks), T(names),
        T(names_that_do_not_come), T(the_name_of_an_open_unknown_peer),
        T(second_connection_does_not_displace), T(second_connection_of_a_peer_that_went),
        T(idle_connections_keep_nobody_out), T(one_source), T(a_long_cer), T(many_avps),
        T(deep_groups), T(long_message), T(long_message_in_pieces), T(proxy_info_within_the_limits),
        T(an_answer_beyond_its_limit), T(anothers_origin_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
