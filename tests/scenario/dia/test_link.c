// SPDX-License-Identifier: Apache-2.0
// Peers find each other, lose each other and part (RFC 6733 5.3 to 5.6, RFC 3539).
#include <stdio.h>

#include "world.h"

static struct world w;

static int setup(void **state)
{
    world_new(&w, 7);
    return 0;
}

static int teardown(void **state)
{
    world_free(&w);
    return 0;
}

static void one_ask(struct box *a, const char *from)
{
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, 0);
    assert_int_equal(a->done[i].result.code, DIA_SUCCESS);
    assert_string_equal(a->done[i].from, from);
}

static void connect_and_ask(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, false, NULL);
    assert_false(dia_ready(a->node, STR("test")));
    world_run(&w, 100);
    assert_true(dia_ready(a->node, STR("test")));
    assert_true(dia_ready(a->node, STR_NONE));
    assert_false(dia_ready(a->node, STR("elsewhere")));
    assert_true(dia_ready(b->node, STR("test")));
    one_ask(a, "b.test");
    assert_string_equal(a->correlation, "call-1@ue");
    assert_int_equal(box_stat_of(a, "dia_results_total", "code=\"2001\",kind=\"base\""), 1);
    one_ask(b, "a.test"); // the accepted side may ask, too
    assert_int_equal(b->asked, 1);
    assert_string_equal(b->last_impi, "001010000000001@test");
    assert_int_equal(strncmp(b->last_session, "a.test;", 7), 0);
    assert_true(a->traced >= 6);
}

// RFC 6733 5.6.4: one connection is left, and both sides agree which.
static void both_dial(const char *first, const char *second, uint64_t seed)
{
    struct world v;
    world_new(&v, seed);
    struct box *a = box_start(&v, 0, first, NULL), *b = box_start(&v, 1, second, NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, true, NULL);
    world_run(&v, 15000);
    assert_true(dia_ready(a->node, STR("test")));
    assert_true(dia_ready(b->node, STR("test")));
    for (int i = 0; i < 5; i++) {
        size_t x = box_ask(a, NULL, NULL, 0), y = box_ask(b, NULL, NULL, 0);
        world_run(&v, 100);
        assert_int_equal(a->done[x].err, 0);
        assert_int_equal(b->done[y].err, 0);
        assert_int_equal(a->done[x].calls, 1);
    }
    assert_int_equal(box_stat(a, "dia_peer_open", NULL), 1);
    world_run(&v, 60000); // and it stays
    assert_int_equal(a->closes, 0);
    assert_int_equal(b->closes, 0);
    world_free(&v);
}

static void election(void **state)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        both_dial("a.test", "b.test", seed);
        both_dial("z.test", "b.test", seed);
    }
}

static void unknown_peer_refused(void **state)
{
    static struct raw r;
    box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "stranger.test");
    raw_dial(&r, &w.box[0]);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_int_equal(r.answers[DIA_CER], 1);
    assert_int_equal(raw_last_result(&r), 3010);
    assert_true(r.closed);
    raw_stop(&r);
}

static void known_name_from_elsewhere_refused(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, false, NULL);
    raw_start(&r, &w, 3, "b.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), 3010);
    assert_true(r.closed);
    raw_stop(&r);
}

static void unknown_peer_accepted_when_allowed(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", box_open), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(b, a, true, NULL);
    world_run(&w, 100);
    one_ask(b, "a.test");
    one_ask(a, "b.test");
    box_crash(b);
    world_run(&w, 1000);
    assert_int_equal(box_stat(a, "dia_peer_open", "b.test"), 0);
    assert_int_equal(a->closes, 1);
}

static void no_common_application(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "gx.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){16777238}, 1);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), 5010);
    assert_true(r.closed);
    assert_int_equal(a->opens, 0);
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){16777238, DIA_APP_RELAY}, 2);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    assert_false(r.closed);
    raw_stop(&r);
}

// ---- a CER that cannot be taken ----

struct message {
    char bytes[8192];
    size_t n;
};

static void put_avp(struct message *m, uint32_t code, uint8_t flags, const void *data, size_t n)
{
    char *p = m->bytes + m->n;
    memset(p, 0, 8 + ((n + 3) & ~(size_t)3));
    dia_put32(p, code);
    p[4] = (char)flags;
    dia_put24(p + 5, (uint32_t)(8 + n));
    memcpy(p + 8, data, n);
    m->n += 8 + ((n + 3) & ~(size_t)3);
}

static void put_text(struct message *m, uint32_t code, const char *text)
{
    put_avp(m, code, DIA_AVP_M, text, strlen(text));
}

static void send_cer(struct raw *r, struct message *m)
{
    m->bytes[0] = 1;
    dia_put24(m->bytes + 1, (uint32_t)m->n);
    m->bytes[4] = (char)DIA_CMD_R;
    dia_put24(m->bytes + 5, DIA_CER);
    memset(m->bytes + 8, 0, 12);
    raw_send(r, m->bytes, m->n);
}

static struct message cer_of(const char *host)
{
    struct message m = {.n = DIA_HEADER};
    char app[4];
    dia_put32(app, DIA_APP_CX);
    if (host)
        put_text(&m, 264, host);
    put_text(&m, 296, "test");
    put_avp(&m, 257, DIA_AVP_M, "\0\1\12\0\0\1", 6);
    put_avp(&m, 266, DIA_AVP_M, "\0\0\0\0", 4);
    put_avp(&m, 269, 0, "raw", 3);
    put_avp(&m, 258, DIA_AVP_M, app, 4);
    return m;
}

struct told {
    unsigned n;
    char line[512];
};

static void keep_warning(void *arg, enum log_level level, struct str line)
{
    struct told *t = arg;
    if (level > LOG_WARN)
        return;
    t->n++;
    snprintf(t->line, sizeof t->line, "%.*s", STR_ARG(line));
}

// The CEA says what is wrong before the connection ends, and one line names the peer and the AVP
// (RFC 6733 5.3, 7.1.5, 7.5).
static void cea_of_a_fault(struct box *a, struct message *m, uint32_t result, uint32_t failed, const char *name)
{
    static struct raw r;
    struct told told = {0};
    raw_start(&r, &w, 3, "odd.test");
    raw_dial(&r, a);
    log_set_sink(keep_warning, &told);
    send_cer(&r, m);
    world_run(&w, 100);
    log_set_sink(NULL, NULL);
    assert_int_equal(r.answers[DIA_CER], 1);
    assert_int_equal(raw_last_result(&r), result);
    struct str avp = raw_last_avp(&r, 279);
    assert_int_equal(avp.n > 8 ? dia_get32(avp.p + 8) : 0, failed);
    assert_true(r.closed);
    assert_int_equal(told.n, 1);
    assert_non_null(strstr(told.line, "address=10.0.0.4"));
    if (name)
        assert_non_null(strstr(told.line, name));
    raw_stop(&r);
}

static void short_cers(struct dia_params *p)
{
    p->accept_unknown = true;
    p->cer_bytes = 1024;
}

static void faulty_cer(void **state)
{
    static const char filling[2000];
    struct box *a = box_start(&w, 0, "a.test", short_cers);
    struct message m = cer_of(NULL);
    cea_of_a_fault(a, &m, 5005, 264, "Origin-Host");
    m = cer_of("odd.test");
    put_text(&m, 9999, "x");
    cea_of_a_fault(a, &m, 5001, 9999, "AVP 9999 of vendor 0");
    m = cer_of("odd.test");
    put_text(&m, 278, "x"); // Origin-State-Id is a number
    cea_of_a_fault(a, &m, 5014, 278, "Origin-State-Id");
    m = cer_of("odd.test");
    put_text(&m, 281, "x");
    dia_put24(m.bytes + m.n - 12 + 5, 4000);
    cea_of_a_fault(a, &m, 5014, 281, "odd.test");
    m = cer_of("odd.test");
    put_avp(&m, 281, 0, filling, sizeof filling);
    cea_of_a_fault(a, &m, 5015, 0, "longer than a CER may be");
    assert_int_equal(a->opens, 0);
}

// RFC 6733 1.1.3, RFC 3588 5.6: answered, and the connection goes on.
static void cer_on_an_open_connection(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "again.test");
    raw_dial(&r, a);
    struct message m = cer_of("again.test");
    send_cer(&r, &m);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    send_cer(&r, &m);
    world_run(&w, 100);
    assert_int_equal(r.answers[DIA_CER], 2);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    m = cer_of("other.test");
    send_cer(&r, &m);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), 3010);
    m = cer_of("again.test");
    put_text(&m, 9999, "x");
    send_cer(&r, &m);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), 5001);
    assert_int_equal(r.answers[DIA_CER], 4);
    assert_false(r.closed);
    assert_int_equal(a->opens, 1);
    assert_int_equal(a->closes, 0);
    assert_int_equal(box_stat(a, "dia_peer_open", "again.test"), 1);
    raw_stop(&r);
}

static void request_before_cer(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "early.test");
    raw_dial(&r, a);
    raw_mar(&r, 1, 1, 0, &b);
    raw_send(&r, b.p, b.n);
    world_run(&w, 100);
    assert_true(r.closed);
    assert_int_equal(a->asked, 0);
    dia_bytes_free(&b);
    raw_stop(&r);
}

struct lines {
    unsigned warnings;
};

static void count_lines(void *arg, enum log_level level, struct str line)
{
    ((struct lines *)arg)->warnings += level <= LOG_WARN;
}

static void garbage(void **state)
{
    static const struct str bad[] = {
        STR_INIT("GET / HTTP/1.1\r\n\r\n"),
        STR_INIT("\2\0\0\x14\x80\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0"),  // version 2
        STR_INIT("\1\0\0\x12\x80\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0"),  // length 18
        STR_INIT("\1\xff\xff\xfc\x80\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0"), // 16 MB
    };
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "noise.test");
    for (int open = 0; open < 2; open++) {
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
            struct lines lines = {0};
            raw_dial(&r, a);
            if (open) {
                raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
                world_run(&w, 50);
                assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
            }
            log_set_sink(count_lines, &lines);
            raw_send(&r, bad[i].p, bad[i].n);
            world_run(&w, 100);
            assert_true(r.closed);
            assert_int_equal(lines.warnings, 1);
        }
    }
    raw_stop(&r);
}

// One byte at a time, and two messages in one segment.
static void any_segmentation(void **state)
{
    static struct raw r;
    struct dia_bytes b[2];
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "slow.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 50);
    raw_mar(&r, 10, 10, 0, &b[0]);
    raw_mar(&r, 11, 11, 0, &b[1]);
    for (size_t i = 0; i < b[0].n; i++) {
        raw_send(&r, b[0].p + i, 1);
        world_run(&w, 2);
    }
    assert_int_equal(a->asked, 1);
    assert_int_equal(dia_bytes_append(&b[0], (struct str){(char *)b[1].p, b[1].n}), 0);
    dia_put24(b[0].p + 1, (uint32_t)b[1].n);
    raw_send(&r, b[0].p, b[0].n - 30);
    world_run(&w, 20);
    assert_int_equal(a->asked, 2);
    raw_send(&r, b[0].p + b[0].n - 30, 30);
    world_run(&w, 20);
    assert_int_equal(a->asked, 3);
    assert_int_equal(r.answers[303], 3);
    dia_bytes_free(&b[0]);
    dia_bytes_free(&b[1]);
    raw_stop(&r);
}

static void silent_stranger(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "silent.test");
    raw_dial(&r, a);
    raw_send(&r, "\1\0\0", 3);
    world_run(&w, 4900);
    assert_false(r.closed);
    world_run(&w, 200);
    assert_true(r.closed);
    raw_stop(&r);
}

// Half a message, then nothing: the watchdog's answer can never come, so it ends the connection.
static void half_a_message(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "half.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    r.answer_dwr = false;
    raw_mar(&r, 1, 1, 0, &b);
    raw_send(&r, b.p, 100);
    world_run(&w, 30000);
    assert_true(r.closed);
    assert_int_equal(a->asked, 0);
    assert_int_equal(box_stat(a, "dia_peer_suspected_total", NULL), 1);
    dia_bytes_free(&b);
    raw_stop(&r);
}

// RFC 3539: idle links are watched and stay up.
static void idle(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 3600 * 1000);
    assert_int_equal(a->closes, 0);
    assert_int_equal(b->closes, 0);
    assert_int_equal(box_stat(a, "dia_peer_suspected_total", NULL), 0);
    one_ask(a, "b.test");
}

// The peer is killed and started again: the connection is back within seconds, after three watchdogs.
static void restart(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 1000);
    box_crash(b);
    world_run(&w, 300);
    assert_false(dia_ready(a->node, STR("test")));
    assert_int_equal(a->closes, 1);
    box_again(b, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 3000);
    assert_true(dia_ready(a->node, STR("test")));
    assert_int_equal(a->opens, 2);
    one_ask(a, "b.test");
}

static void reset_next_segment(struct box *a)
{
    struct sim_faults always = {.reset_ppm = 1000000}, never = {0};
    sim_set_faults(w.sim, &always);
    (void)box_ask(a, "b.test", "test", 1000);
    world_run(&w, 1);
    sim_set_faults(w.sim, &never);
}

// Only the connection was lost: it is made again at once. One that did not live waits longer.
static void connection_lost(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 5000);
    reset_next_segment(a);
    world_run(&w, 100);
    assert_int_equal(a->closes, 1);
    assert_int_equal(a->opens, 2);
    one_ask(a, "b.test");
    reset_next_segment(a);
    world_run(&w, 100);
    assert_int_equal(a->closes, 2);
    assert_int_equal(a->opens, 2);
    world_run(&w, 1000);
    assert_int_equal(a->opens, 3);
}

// RFC 6733 8.16: a restarted peer is taken although the loss of its old connection went unseen.
static void restart_unseen(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "again.test");
    r.origin_state = 100;
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    struct tcp *old = r.tcp;
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_true(r.closed); // same Origin-State-Id: the first connection is kept
    r.answer_dwr = false; // the old connection is asked, and there is nobody any more
    r.origin_state = 101;
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 900);
    assert_int_equal(r.answers[DIA_CER], 1);
    world_run(&w, 200);
    assert_int_equal(r.answers[DIA_CER], 2);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", NULL), 2);
    (void)old;
    raw_stop(&r);
}

// The connection of before is asked, and there is nobody any more; what was on its way goes by the new one.
static void restart_unseen_with_a_request(void **state)
{
    static struct raw r, again;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "again.test");
    r.origin_state = 100;
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    size_t k = box_ask(a, "again.test", NULL, 0);
    world_run(&w, 10);
    assert_int_equal(r.count[303], 1);
    r.answer_dwr = false;
    raw_share(&again, &r);
    again.answer_dwr = true;
    again.origin_state = 101;
    again.got = raw_maa;
    raw_dial(&again, a);
    raw_cer(&again, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 1200);
    assert_int_equal(again.answers[DIA_CER], 1);
    assert_int_equal(again.count[303], 1);
    assert_int_equal(a->done[k].calls, 1);
    assert_int_equal(a->done[k].err, 0);
    raw_drop(&again);
    raw_stop(&r);
}

static void on_drained(void *arg)
{
    ((struct box *)arg)->drained = true;
}

static void drain(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", NULL);
    box_knows(a, b, true, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 1000);
    dia_drain(b->node, on_drained, b);
    world_run(&w, 100);
    assert_true(b->drained);
    assert_false(dia_ready(a->node, STR("test")));
    size_t i = box_ask(b, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(b->done[i].err, ERR_REFUSED);
    box_stop(b);
    box_again(b, NULL);
    box_knows(b, a, false, NULL);
    world_run(&w, 15000);
    assert_true(dia_ready(a->node, STR("test"))); // announced: no REOPEN
    assert_int_equal(a->opens, 2);
}

static void drain_with_a_dead_peer(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "deaf.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    tcp_pause(r.tcp, true);
    dia_drain(a->node, on_drained, a);
    world_run(&w, 900);
    assert_false(a->drained);
    world_run(&w, 300);
    assert_true(a->drained);
    raw_stop(&r);
}

static void drain_alone(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL);
    dia_drain(a->node, on_drained, a);
    assert_false(a->drained); // from the loop, not from inside
    world_run(&w, 10);
    assert_true(a->drained);
}

static void dpr(struct raw *r, uint32_t cause)
{
    struct dia_link l = {.origin_host = str_from(r->host), .origin_realm = STR("test"), .cause = cause};
    struct dia_header h = {.flags = DIA_CMD_R, .code = DIA_DPR, .hbh = 5, .ete = 5};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_base, DIA_DPR)->in, &l, &h, &b), 0);
    raw_send(r, b.p, b.n);
    dia_bytes_free(&b);
}

// RFC 6733 5.4: a DPR is answered; the cause decides when we come back.
static void disconnect_causes(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    box_knows_raw(a, &r, (struct dia_peer_params){0});
    world_run(&w, 100);
    assert_int_equal(a->opens, 1);
    dpr(&r, DIA_REBOOTING);
    world_run(&w, 3000);
    assert_int_equal(r.answers[DIA_DPR], 1);
    assert_int_equal(a->opens, 2);
    dpr(&r, DIA_DO_NOT_WANT_TO_TALK);
    world_run(&w, 60000);
    assert_int_equal(r.answers[DIA_DPR], 2);
    assert_int_equal(a->opens, 2);
    world_run(&w, 60000);
    assert_int_equal(a->opens, 3);
    raw_stop(&r);
}

// A peer that cannot be reached is tried for ever, and the log says why once.
static void unreachable_says_why_once(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL);
    struct dia_peer_params p = {.host = STR("gone.test")};
    struct lines lines = {0};
    assert_int_equal(addr_parse(STR("192.0.2.99"), 3868, &p.remote), 0);
    assert_int_equal(dia_peer_add(a->node, &p), 0);
    log_set_sink(count_lines, &lines);
    world_run(&w, 120000);
    assert_int_equal(lines.warnings, 1);
    assert_int_equal(a->opens, 0);
}

static void cea_refused(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "other.test");
    struct dia_peer_params p = {.host = STR("expected.test"), .remote = r.at};
    assert_int_equal(dia_peer_add(a->node, &p), 0);
    world_run(&w, 5000);
    assert_int_equal(a->opens, 0);
    assert_true(r.count[DIA_CER] >= 2); // tried again
    raw_stop(&r);
}

static void unsupported_transports(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL);
    struct dia_peer_params p = {.host = STR("x"), .transport = DIA_TLS};
    assert_int_equal(dia_peer_add(a->node, &p), ERR_UNSUPPORTED);
    p.transport = DIA_SCTP;
    assert_int_equal(dia_peer_add(a->node, &p), ERR_UNSUPPORTED);
    assert_int_equal(dia_node_listen(a->node, DIA_TLS, &a->at), ERR_UNSUPPORTED);
    p.transport = DIA_TCP;
    assert_int_equal(dia_peer_add(a->node, &p), 0);
    assert_int_equal(dia_peer_add(a->node, &p), ERR_EXISTS);
}

// TS 29.229 5.6: 3GPP and ETSI among the Supported-Vendor-Ids.
static void vendors_of_the_capabilities(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", box_open);
    static struct raw r;
    bool etsi = false, tgpp = false;
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    for (size_t at = DIA_HEADER; at < r.n_last; at += (dia_get24(r.last + at + 5) + 3) & ~3u) {
        if (dia_get32(r.last + at) != 265)
            continue;
        etsi |= dia_get32(r.last + at + 8) == 13019;
        tgpp |= dia_get32(r.last + at + 8) == 10415;
    }
    assert_true(etsi && tgpp);
    raw_stop(&r);
}

static void ipv6(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", box_open);
    struct addr six;
    assert_int_equal(addr_parse(STR("2001:db8::1"), 3868, &six), 0);
    assert_int_equal(dia_node_listen(b->node, DIA_TCP, &six), 0);
    struct dia_peer_params p = {.host = STR("b.test"), .remote = six};
    assert_int_equal(addr_parse(STR("2001:db8::2"), 0, &p.local), 0);
    assert_int_equal(dia_peer_add(a->node, &p), 0);
    world_run(&w, 100);
    one_ask(a, "b.test");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(connect_and_ask), T(election), T(unknown_peer_refused),
        T(known_name_from_elsewhere_refused), T(unknown_peer_accepted_when_allowed),
        T(no_common_application), T(faulty_cer), T(cer_on_an_open_connection), T(request_before_cer), T(garbage),
        T(any_segmentation),
        T(silent_stranger), T(half_a_message), T(idle), T(restart), T(connection_lost),
        T(restart_unseen), T(restart_unseen_with_a_request), T(drain),
        T(drain_with_a_dead_peer), T(drain_alone), T(disconnect_causes), T(cea_refused), T(unreachable_says_why_once),
        T(unsupported_transports), T(vendors_of_the_capabilities), T(ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
