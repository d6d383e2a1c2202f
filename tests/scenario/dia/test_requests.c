// SPDX-License-Identifier: Apache-2.0
// Requests in trouble: timeouts, caps, failover, duplicates, relays, redirects, balancing.
#include <stdlib.h>

#include <stdio.h>

#include "world.h"

static struct world w;

static int setup(void **state)
{
    world_new(&w, 11);
    return 0;
}

static int teardown(void **state)
{
    world_free(&w);
    return 0;
}

static void pair(struct box **ret_a, struct box **ret_b)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", box_open);
    box_knows(a, b, true, NULL);
    world_run(&w, 1000);
    *ret_a = a;
    *ret_b = b;
}

static void timeout(void **state)
{
    struct box *a, *b;
    pair(&a, &b);
    b->mode = ANSWER_HOLD;
    size_t i = box_ask(a, NULL, NULL, 700), k = box_ask(a, NULL, NULL, 0);
    world_run(&w, 690);
    assert_int_equal(a->done[i].calls, 0);
    world_run(&w, 30);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, ERR_TIMEOUT);
    box_answer_held(b, 0); // too late: dropped
    world_run(&w, 4000);
    assert_int_equal(a->done[k].calls, 0);
    world_run(&w, 400);
    assert_int_equal(a->done[k].err, ERR_TIMEOUT);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(box_stat(a, "dia_late_answers_total", NULL), 1);
    assert_int_equal(box_stat(a, "dia_timeouts_total", NULL), 2);
    assert_int_equal(box_stat(a, "dia_pending", NULL), 0);
}

static void nobody(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL);
    size_t i = box_ask(a, NULL, NULL, 0), k = box_ask(a, "b.test", "other", 0);
    assert_int_equal(a->done[i].calls, 0);
    world_run(&w, 10);
    assert_int_equal(a->done[i].err, ERR_REFUSED);
    assert_int_equal(a->done[k].err, ERR_REFUSED);
    world_run(&w, 10000);
    assert_int_equal(a->done[i].calls, 1);
}

static void small_caps(struct dia_params *p)
{
    p->accept_unknown = true;
    p->max_pending = 10;
}

static void cap_at_the_sender(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", small_caps), *b = box_start(&w, 1, "b.test", box_open);
    box_knows(a, b, true, NULL);
    world_run(&w, 1000);
    b->mode = ANSWER_HOLD;
    for (int i = 0; i < 12; i++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 10);
    assert_int_equal(a->n_done, 2);
    assert_int_equal(a->done[10].err, ERR_FULL);
    assert_int_equal(a->done[11].err, ERR_FULL);
    box_answer_held(b, 0);
    world_run(&w, 10);
    assert_int_equal(a->done[0].err, 0);
    size_t k = box_ask(a, NULL, NULL, 0); // there is room again
    world_run(&w, 100);
    assert_int_equal(a->done[k].calls, 0);
    assert_int_equal(b->asked, 11);
}

// Beyond its cap the server answers DIAMETER_TOO_BUSY at once.
static void cap_at_the_server(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", small_caps);
    box_knows(a, b, true, NULL);
    world_run(&w, 1000);
    b->mode = ANSWER_HOLD;
    for (int i = 0; i < 12; i++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 10);
    assert_int_equal(a->n_done, 2);
    assert_int_equal(a->done[11].err, 0);
    assert_int_equal(a->done[11].result.code, DIA_TOO_BUSY);
    assert_int_equal(b->asked, 10);
}

// Too busy here, but not there.
static void busy_peer_is_passed_over(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", small_caps);
    struct box *c = box_start(&w, 2, "c.test", box_open);
    box_knows(a, b, true, NULL);
    box_knows(a, c, true, &(struct dia_peer_params){.priority = 5});
    world_run(&w, 1000);
    b->mode = ANSWER_HOLD;
    for (int i = 0; i < 15; i++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 20);
    assert_int_equal(b->asked, 10);
    assert_int_equal(c->asked, 5);
    assert_int_equal(a->n_done, 5);
    assert_string_equal(a->done[12].from, "c.test");
}

static void tiny_buffer(struct dia_params *p)
{
    p->accept_unknown = true;
    p->max_buffered = 64 << 10;
}

// A peer that stops reading costs max_buffered and no more; the watchdog ends it.
static void peer_that_does_not_read(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", tiny_buffer);
    raw_start(&r, &w, 3, "deaf.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    tcp_pause(r.tcp, true);
    for (uint32_t i = 0; i < 20000; i++) {
        raw_mar(&r, i, i, 0, &b);
        raw_send(&r, b.p, b.n);
        dia_bytes_free(&b);
        if (i % 50 == 0)
            world_run(&w, 1);
    }
    assert_true(box_stat(a, "dia_unsent_bytes", "deaf.test") <= 64 << 10);
    assert_true(a->asked < 20000); // it is not read either
    world_run(&w, 40000);
    assert_int_equal(box_stat(a, "dia_peer_open", "deaf.test"), 0);
    raw_stop(&r);
}

static void requests_to_a_peer_that_does_not_read(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", tiny_buffer);
    raw_start(&r, &w, 3, "deaf.test");
    box_knows_raw(a, &r, (struct dia_peer_params){0});
    world_run(&w, 100);
    tcp_pause(r.tcp, true);
    for (int i = 0; i < 3000; i++) {
        box_ask(a, NULL, NULL, 0);
        if (i % 50 == 0)
            world_run(&w, 1);
    }
    world_run(&w, 10);
    assert_true(a->n_done > 0);
    assert_int_equal(a->done[2999].err, ERR_FULL);
    assert_true(box_stat(a, "dia_unsent_bytes", "deaf.test") <= 64 << 10);
    world_run(&w, 10000);
    assert_int_equal(a->n_done, 3000);
    raw_stop(&r);
}

// ---- failover ----

static unsigned t_seen, plain_seen;

static void note_t(struct raw *r, const struct dia_frame *f)
{
    if (f->flags & DIA_CMD_T)
        t_seen++;
    else
        plain_seen++;
    raw_maa(r, f);
}

static void swallow(struct raw *r, const struct dia_frame *f)
{
}

// RFC 6733 5.5.4: the connection breaks, the requests go to the other peer with the T flag.
static void failover_on_loss(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "s.test");
    r.got = swallow;
    s.got = note_t;
    t_seen = plain_seen = 0;
    box_knows_raw(a, &r, (struct dia_peer_params){.priority = 1});
    box_knows_raw(a, &s, (struct dia_peer_params){.priority = 2});
    world_run(&w, 1000);
    for (int i = 0; i < 20; i++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(r.count[303], 20);
    tcp_abort(r.tcp);
    r.tcp = NULL;
    world_run(&w, 100);
    assert_int_equal(a->n_done, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(a->done[i].err, 0);
        assert_int_equal(a->done[i].calls, 1);
        assert_string_equal(a->done[i].from, "s.test");
    }
    assert_int_equal(t_seen, 20);
    assert_int_equal(plain_seen, 0);
    assert_int_equal(box_stat(a, "dia_failovers_total", "r.test"), 20);
    raw_stop(&r);
    raw_stop(&s);
}

// A probe after one Tw, suspicion after the next, each with its jitter.
static void until_suspected(struct box *a, const char *host)
{
    for (int i = 0; i < 180 && box_stat(a, "dia_peer_suspected_total", host) == 0; i++)
        world_run(&w, 100);
    assert_int_equal(box_stat(a, "dia_peer_suspected_total", host), 1);
    world_run(&w, 50);
}

// RFC 3539 3.4.1: silence makes a suspect, its requests fail over; traffic makes it good again.
static void failover_on_suspicion_and_failback(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "s.test");
    box_knows_raw(a, &r, (struct dia_peer_params){.priority = 1});
    box_knows_raw(a, &s, (struct dia_peer_params){.priority = 2});
    world_run(&w, 1000);
    r.answer_dwr = false;
    r.got = swallow;
    s.got = note_t;
    t_seen = 0;
    size_t i = box_ask(a, NULL, NULL, 30000);
    until_suspected(a, "r.test");
    assert_int_equal(a->done[i].calls, 1);
    assert_string_equal(a->done[i].from, "s.test");
    assert_int_equal(t_seen, 1);
    assert_int_equal(box_stat(a, "dia_peer_open", "r.test"), 0);
    assert_false(r.closed);
    assert_int_equal(a->closes, 1);
    struct dia_link l = {.result.code = DIA_SUCCESS, .origin_host = STR("r.test"),
                         .origin_realm = STR("test")};
    struct dia_bytes b;
    struct dia_header h = {.code = DIA_DWR, .hbh = 1, .ete = 1};
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_base, DIA_DWR)->out, &l, &h, &b), 0);
    raw_send(&r, b.p, b.n); // the DWA, late
    dia_bytes_free(&b);
    world_run(&w, 50);
    assert_int_equal(box_stat(a, "dia_peer_open", "r.test"), 1);
    r.answer_dwr = true;
    r.got = note_t;
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 50);
    assert_string_equal(a->done[i].from, "r.test");
    raw_stop(&r);
    raw_stop(&s);
}

// A peer lost by silence is used again only after three answered watchdogs, Tw apart (RFC 3539 3.4.1).
static void reopen_after_silence(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    box_knows_raw(a, &r, (struct dia_peer_params){0});
    world_run(&w, 1000);
    r.answer_dwr = false;
    world_run(&w, 26000); // probe, suspect, down
    assert_int_equal(box_stat(a, "dia_peer_lost_total", "r.test"), 1);
    r.answer_dwr = true;
    uint32_t before = r.count[DIA_DWR];
    while (r.closed || !r.tcp || r.count[DIA_DWR] == before)
        world_run(&w, 100);
    world_run(&w, 3000);
    assert_int_equal(r.count[DIA_DWR], before + 1);
    assert_false(dia_ready(a->node, STR("test")));
    world_run(&w, 20000);
    assert_true(r.count[DIA_DWR] >= before + 3);
    assert_true(dia_ready(a->node, STR("test")));
    raw_stop(&r);
}

static void suspect_without_alternative_may_still_answer(void **state)
{
    static struct raw r;
    struct dia_frame f;
    struct dia_fault fault;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    box_knows_raw(a, &r, (struct dia_peer_params){0});
    world_run(&w, 1000);
    r.answer_dwr = false;
    r.got = swallow;
    size_t i = box_ask(a, NULL, NULL, 30000);
    world_run(&w, 5);
    assert_int_equal(r.count[303], 1);
    static uint8_t request[2048];
    size_t n = r.n_last;
    memcpy(request, r.last, n);
    until_suspected(a, "r.test");
    assert_int_equal(dia_frame_parse(w.dict, (struct str){(char *)request, n}, &f, &fault), 0);
    raw_maa(&r, &f);
    world_run(&w, 50);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, 0);
    raw_stop(&r);
}

// The only server is killed and started again while it is asked: the request waits and is sent again.
static void restart_in_the_middle(void **state)
{
    struct box *a, *b;
    pair(&a, &b);
    b->mode = ANSWER_NEVER;
    size_t i = box_ask(a, NULL, NULL, 5000), late = box_ask(a, NULL, NULL, 50);
    world_run(&w, 20);
    assert_int_equal(b->asked, 2);
    box_crash(b);
    world_run(&w, 200);
    assert_int_equal(a->done[i].calls, 0);
    assert_int_equal(a->done[late].err, ERR_TIMEOUT);
    assert_int_equal(box_stat(a, "dia_parked", NULL), 1);
    size_t k = box_ask(a, NULL, NULL, 0); // a new one waits a moment, as the old ones do
    world_run(&w, 10);
    assert_int_equal(a->done[k].calls, 0);
    assert_int_equal(box_stat(a, "dia_parked", NULL), 2);
    box_again(b, box_open);
    b->mode = ANSWER_NOW;
    world_run(&w, 4000);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, 0);
    assert_int_equal(a->done[k].err, 0);
    assert_int_equal(box_stat(a, "dia_parked", NULL), 0);
}

// The answer is under way when the connection breaks: asked again, the server does not ask its handler
// twice and answers with the same bytes.
static void duplicate_answered_once(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    uint8_t first[2048];
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    raw_mar(&r, 100, 4711, 0, &b);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    size_t n = r.n_last;
    memcpy(first, r.last, n);
    dia_bytes_set_flags(&b, DIA_CMD_T);
    dia_bytes_set_hbh(&b, 200);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    assert_int_equal(r.answers[303], 2);
    assert_int_equal(r.n_last, n);
    assert_int_equal(dia_get32(r.last + 12), 200);
    dia_put32(r.last + 12, dia_get32(first + 12));
    assert_memory_equal(r.last, first, n);
    dia_bytes_free(&b);
    raw_mar(&r, 101, 4711, 0, &b); // no T flag: an id used again by a careless sender
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 2);
    assert_int_equal(box_stat(a, "dia_duplicates_total", NULL), 1);
    dia_bytes_set_flags(&b, DIA_CMD_T);
    world_run(&w, 241000); // the memory is four minutes long
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 3);
    dia_bytes_free(&b);
    raw_stop(&r);
}

// Two Origin-Hosts that differ far behind are two: neither is given the other's answer.
static void duplicate_of_a_long_host(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_RELAY}, 1); // for others than itself
    world_run(&w, 100);
    memset(r.host, 'x', 400);
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(r.host + 400, sizeof r.host - 400, "%u.test", i);
        raw_mar(&r, 100 + i, 4711, i ? DIA_CMD_T : 0, &b);
        raw_send(&r, b.p, b.n);
        world_run(&w, 50);
        assert_int_equal(a->asked, i + 1);
        dia_bytes_free(&b);
    }
    assert_int_equal(box_stat(a, "dia_duplicates_total", NULL), 0);
    raw_stop(&r);
}

// A copy that arrives while the first still waits gets the same answer.
static void duplicate_while_pending(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    a->mode = ANSWER_HOLD;
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    raw_mar(&r, 1, 99, 0, &b);
    raw_send(&r, b.p, b.n);
    dia_bytes_set_flags(&b, DIA_CMD_T);
    dia_bytes_set_hbh(&b, 2);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    assert_int_equal(box_stat(a, "dia_serving", "r.test"), 2);
    box_answer_held(a, 0);
    world_run(&w, 50);
    assert_int_equal(r.answers[303], 2);
    assert_int_equal(box_stat(a, "dia_serving", "r.test"), 0);
    dia_bytes_free(&b);
    raw_stop(&r);
}

// The late original of a copy with the T flag is a duplicate, too.
static void late_original(void **state)
{
    static struct raw r;
    struct dia_bytes b;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    raw_mar(&r, 1, 99, DIA_CMD_T, &b);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    b.p[4] &= (uint8_t)~DIA_CMD_T;
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(a->asked, 1);
    assert_int_equal(r.answers[303], 2);
    dia_bytes_free(&b);
    raw_stop(&r);
}

static void answer_to_a_peer_that_has_gone(void **state)
{
    struct box *a, *b;
    pair(&a, &b);
    b->mode = ANSWER_HOLD;
    box_ask(a, NULL, NULL, 0);
    world_run(&w, 50);
    box_crash(a);
    world_run(&w, 1000);
    box_answer_held(b, 0);
    world_run(&w, 50);
    assert_int_equal(box_stat(b, "dia_answers_dropped_total", NULL), 1);
}

// ---- routing ----

static void priority_and_weight(void **state)
{
    struct box *a = box_start(&w, 0, "a.test", NULL), *x[3];
    static const char *const names[] = {"x.test", "y.test", "z.test"};
    for (int i = 0; i < 3; i++)
        x[i] = box_start(&w, i + 1, names[i], box_open);
    box_knows(a, x[0], true, &(struct dia_peer_params){.priority = 1, .weight = 3});
    box_knows(a, x[1], true, &(struct dia_peer_params){.priority = 1, .weight = 1});
    box_knows(a, x[2], true, &(struct dia_peer_params){.priority = 2, .weight = 100});
    world_run(&w, 1000);
    for (int i = 0; i < 400; i++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(x[0]->asked, 300);
    assert_int_equal(x[1]->asked, 100);
    assert_int_equal(x[2]->asked, 0);
    size_t i = box_ask(a, "z.test", NULL, 0); // by name, whatever its priority
    world_run(&w, 100);
    assert_string_equal(a->done[i].from, "z.test");
    box_crash(x[0]);
    box_crash(x[1]);
    world_run(&w, 100);
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_string_equal(a->done[i].from, "z.test");
}

static void relay_forwards(struct raw *r, const struct dia_frame *f)
{
    raw_maa(r, f);
}

static void relay_cannot_deliver(struct raw *r, const struct dia_frame *f)
{
    raw_error(r, f, DIA_UNABLE_TO_DELIVER, NULL);
}

// RFC 6733 6.1.6: hosts and realms that are no peers of ours are reached through a relay.
static void through_a_relay(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", box_open);
    raw_start(&r, &w, 3, "dra1.test");
    raw_start(&s, &w, 4, "dra2.test");
    r.relay_app = s.relay_app = true;
    r.got = relay_cannot_deliver;
    s.got = relay_forwards;
    box_knows_raw(a, &r, (struct dia_peer_params){.relay = true, .realm = STR("*"), .priority = 1});
    box_knows_raw(a, &s, (struct dia_peer_params){.relay = true, .realm = STR("*"), .priority = 2});
    box_knows(a, b, true, NULL);
    world_run(&w, 1000);
    size_t far = box_ask(a, "hss.far", "far", 0), home = box_ask(a, "b.test", NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[far].err, 0);
    assert_int_equal(a->done[far].result.code, DIA_SUCCESS); // the first relay said 3002
    assert_int_equal(r.count[303], 1);
    assert_int_equal(s.count[303], 1);
    assert_string_equal(a->done[home].from, "b.test");
    s.got = relay_cannot_deliver;
    far = box_ask(a, "hss.far", "far", 0);
    world_run(&w, 100);
    assert_int_equal(a->done[far].err, 0);
    assert_int_equal(a->done[far].result.code, DIA_UNABLE_TO_DELIVER);
    assert_int_equal(a->done[far].calls, 1);
    assert_int_equal(box_ask(a, NULL, "elsewhere", 0), 3);
    raw_stop(&r);
    raw_stop(&s);
}

static const char *redirect_to;

static void redirects(struct raw *r, const struct dia_frame *f)
{
    raw_error(r, f, 3006, redirect_to);
}

// RFC 6733 6.1.8, as an SLF does on Dx.
static void redirected(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "hss2.test", box_open);
    raw_start(&r, &w, 3, "slf.test");
    r.got = redirects;
    box_knows_raw(a, &r, (struct dia_peer_params){.priority = 1});
    box_knows(a, b, true, &(struct dia_peer_params){.priority = 9});
    world_run(&w, 1000);
    redirect_to = "aaa://hss2.test:3868;transport=tcp";
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].err, 0);
    assert_string_equal(a->done[i].from, "hss2.test");
    assert_int_equal(box_stat(a, "dia_redirects_total", "slf.test"), 1);
    redirect_to = "aaa://hss9.test";
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].err, 0);
    assert_int_equal(a->done[i].result.code, 3006); // reported
    assert_int_equal(a->done[i].calls, 1);
    redirect_to = "aaa://slf.test"; // to itself: no loop
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].result.code, 3006);
    raw_stop(&r);
}

static uint32_t sloppy_result;

static void breaks_grammar(struct raw *r, const struct dia_frame *f)
{
    struct dia_error e = {.result.code = sloppy_result, .session_id = f->session_id,
                          .origin_host = STR("r.test"), .origin_realm = STR("test")};
    struct dia_header h = {.flags = DIA_CMD_P, .code = f->code, .app = f->app, .hbh = f->hbh,
                           .ete = f->ete};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, &dia_error_grammar, &e, &h, &b), 0);
    raw_send(r, b.p, b.n);
    dia_bytes_free(&b);
}

static void bad_answer(void **state)
{
    static struct raw r;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    r.got = breaks_grammar;
    box_knows_raw(a, &r, (struct dia_peer_params){0});
    world_run(&w, 1000);
    sloppy_result = DIA_SUCCESS;
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, ERR_BAD);
    sloppy_result = DIA_UNABLE_TO_COMPLY; // a refusal is read for its reason
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].err, 0);
    assert_int_equal(a->done[i].result.code, DIA_UNABLE_TO_COMPLY);
    raw_stop(&r);
}

// ---- ids ----

static void session_ids_differ_over_restarts(void **state)
{
    char first[128];
    struct box *a, *b;
    pair(&a, &b);
    box_ask(a, NULL, NULL, 0);
    world_run(&w, 20);
    strcpy(first, b->last_session);
    box_crash(a);
    world_run(&w, 10);
    sim_jump_wall(w.sim, -(int64_t)w.now_ms); // even when the clock is set back
    box_again(a, NULL);
    box_knows(a, b, true, NULL);
    world_run(&w, 3000);
    box_ask(a, NULL, NULL, 0);
    world_run(&w, 20);
    assert_int_equal(strncmp(b->last_session, "a.test;", 7), 0);
    assert_string_not_equal(b->last_session, first);
}

// ---- the same seed, the same bytes ----

static uint64_t story(uint64_t seed)
{
    struct world v;
    world_new(&v, seed);
    struct box *a = box_start(&v, 0, "a.test", NULL), *b = box_start(&v, 1, "b.test", box_open);
    struct box *c = box_start(&v, 2, "c.test", box_open);
    box_knows(a, b, true, NULL);
    box_knows(a, c, true, NULL);
    world_run(&v, 1000);
    for (int i = 0; i < 200; i++) {
        box_ask(a, NULL, NULL, 0);
        world_run(&v, sim_random(v.sim) % 50);
        if (i == 60)
            box_crash(b);
        if (i == 120)
            box_again(b, box_open);
    }
    world_run(&v, 20000);
    assert_int_equal(a->n_done, 200);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(a->done[i].calls, 1);
        assert_int_equal(a->done[i].err, 0);
    }
    assert_true(v.segments > 400);
    uint64_t digest = v.digest;
    world_free(&v);
    return digest;
}

static void same_seed_same_bytes(void **state)
{
    assert_true(story(3) == story(3));
    assert_true(story(3) != story(4));
}

// Random kills, resets and silences: every request ends exactly once and nothing is left.
static void disasters(void **state)
{
    for (uint64_t seed = 100; seed < 140; seed++) {
        struct world v;
        world_new(&v, seed);
        struct sim_faults f = {.delay_min_us = 100, .delay_max_us = 5000, .reset_ppm = 3000};
        sim_set_faults(v.sim, &f);
        struct box *a = box_start(&v, 0, "a.test", NULL), *x[2];
        for (int i = 0; i < 2; i++) {
            x[i] = box_start(&v, i + 1, i ? "y.test" : "x.test", box_open);
            box_knows(a, x[i], true, NULL);
        }
        for (int i = 0; i < 600; i++) {
            world_run(&v, sim_random(v.sim) % 40);
            box_ask(a, NULL, NULL, 0);
            struct box *victim = x[sim_random(v.sim) % 2];
            if (sim_random(v.sim) % 60 == 0) {
                box_crash(victim);
                world_run(&v, sim_random(v.sim) % 300);
                box_again(victim, box_open);
            }
            if (sim_random(v.sim) % 80 == 0)
                assert_int_equal(sim_partition(v.sim, &a->at, &victim->at, sim_random(v.sim) & 1), 0);
        }
        sim_partition(v.sim, &a->at, &x[0]->at, false);
        sim_partition(v.sim, &a->at, &x[1]->at, false);
        f.reset_ppm = 0;
        sim_set_faults(v.sim, &f);
        world_run(&v, 120000);
        for (size_t i = 0; i < a->n_sent; i++)
            assert_int_equal(a->done[i].calls, 1);
        assert_int_equal(box_stat(a, "dia_pending", NULL), 0);
        assert_int_equal(box_stat(a, "dia_parked", NULL), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(box_stat(x[i], "dia_serving", NULL), 0);
            assert_int_equal(box_stat(a, "dia_peer_open", x[i]->host), 1);
        }
        size_t last = box_ask(a, NULL, NULL, 0);
        world_run(&v, 1000);
        assert_int_equal(a->done[last].err, 0);
        world_free(&v);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(timeout), T(nobody), T(cap_at_the_sender), T(cap_at_the_server),
        T(busy_peer_is_passed_over), T(peer_that_does_not_read),
        T(requests_to_a_peer_that_does_not_read), T(failover_on_loss),
        T(failover_on_suspicion_and_failback), T(reopen_after_silence),
        T(suspect_without_alternative_may_still_answer), T(restart_in_the_middle),
        T(duplicate_answered_once), T(duplicate_of_a_long_host),
        T(duplicate_while_pending), T(late_original),
        T(answer_to_a_peer_that_has_gone), T(priority_and_weight), T(through_a_relay),
        T(redirected), T(bad_answer), T(session_ids_differ_over_restarts),
        cmocka_unit_test(same_seed_same_bytes), cmocka_unit_test(disasters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
