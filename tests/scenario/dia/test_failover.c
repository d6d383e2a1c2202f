// SPDX-License-Identifier: Apache-2.0
// A request's time is spent once: silent, dead and busy peers, peers that said goodbye, and peers that are
// down (RFC 6733 5.4, 5.5.4, 7.1.3; RFC 3539 3.4).
#include "world.h"

static struct world w;
static struct raw r, s;
static struct box *a;

static int setup(void **state)
{
    world_new(&w, 23);
    a = box_start(&w, 0, "a.test", NULL);
    raw_start(&r, &w, 3, "r.test");
    raw_start(&s, &w, 4, "s.test");
    return 0;
}

static int teardown(void **state)
{
    raw_stop(&r);
    raw_stop(&s);
    world_free(&w);
    return 0;
}

static void knows(const struct raw *peer, uint16_t priority)
{
    box_knows_raw(a, peer, (struct dia_peer_params){.priority = priority});
}

static struct dia_frame kept;
static uint8_t kept_bytes[2048];
static uint8_t last_flags;
static uint32_t last_ete;

static void swallow(struct raw *peer, const struct dia_frame *f)
{
    last_flags = f->flags;
    last_ete = f->ete;
}

static void keep(struct raw *peer, const struct dia_frame *f)
{
    struct dia_fault fault;
    swallow(peer, f);
    memcpy(kept_bytes, f->bytes.p, f->bytes.n);
    assert_int_equal(dia_frame_parse(w.dict, (struct str){(char *)kept_bytes, f->bytes.n}, &kept, &fault), 0);
}

static void answer(struct raw *peer, const struct dia_frame *f)
{
    swallow(peer, f);
    raw_maa(peer, f);
}

static void busy(struct raw *peer, const struct dia_frame *f)
{
    raw_error(peer, f, DIA_TOO_BUSY, NULL);
}

typedef void (*says)(struct raw *peer, const struct dia_frame *f);

// Both are open, r first in the order, and do that with what they get.
static void both(says r_does, says s_does)
{
    r.got = r_does;
    s.got = s_does;
    knows(&r, 1);
    knows(&s, 2);
    world_run(&w, 1000);
}

static void only_r(says r_does)
{
    r.got = r_does;
    knows(&r, 1);
    world_run(&w, 2000);
}

static void done_from(size_t i, const char *from)
{
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, 0);
    assert_string_equal(a->done[i].from, from);
}

// ---- a silent peer ----

// The first request costs one try's time, and the next ones nothing; the watchdog has not even begun.
static void silent_peer(void **state)
{
    both(swallow, answer);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 1400);
    assert_int_equal(a->done[i].calls, 0);
    world_run(&w, 200);
    done_from(i, "s.test");
    assert_int_equal(last_flags & DIA_CMD_T, DIA_CMD_T);
    assert_int_equal(box_stat(a, "dia_failovers_total", "r.test"), 1);
    assert_int_equal(box_stat(a, "dia_peer_suspected_total", "r.test"), 0);
    assert_int_equal(box_stat(a, "dia_peer_avoided", "r.test"), 1);
    for (int k = 0; k < 20; k++) {
        i = box_ask(a, NULL, NULL, 0);
        world_run(&w, 50);
        done_from(i, "s.test");
        assert_int_equal(last_flags & DIA_CMD_T, 0);
    }
    assert_int_equal(r.count[303], 1);
}

// One request now and then finds out whether it answers again, and then it is used as before.
static void silent_peer_recovers(void **state)
{
    both(swallow, answer);
    box_ask(a, NULL, NULL, 0);
    world_run(&w, 4000);
    for (int k = 0; k < 20; k++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    assert_int_equal(a->n_done, 20); // all but the one that finds out
    assert_int_equal(r.count[303], 2);
    world_run(&w, 2000);
    assert_int_equal(a->n_done, 21);
    r.got = answer;
    world_run(&w, 10000);
    size_t i = box_ask(a, NULL, NULL, 0), k = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    done_from(i, "r.test");
    done_from(k, "s.test");
    i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    done_from(i, "r.test");
    assert_int_equal(box_stat(a, "dia_peer_avoided", "r.test"), 0);
}

// The first peer answers after all, before the second one: its answer is the answer.
static void late_answer_of_the_first(void **state)
{
    both(keep, swallow);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 2000);
    assert_int_equal(s.count[303], 1);
    assert_int_equal(last_ete, kept.ete);
    raw_maa(&r, &kept);
    world_run(&w, 100);
    done_from(i, "r.test");
    raw_maa(&s, &kept);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(box_stat(a, "dia_late_answers_total", NULL), 1);
    assert_int_equal(box_stat(a, "dia_pending", NULL), 0);
}

// A refusal of the first one says nothing of what the second will answer.
static void late_refusal_of_the_first(void **state)
{
    both(keep, swallow);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 2000);
    raw_error(&r, &kept, DIA_UNABLE_TO_DELIVER, NULL);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 0);
    raw_maa(&s, &kept);
    world_run(&w, 100);
    done_from(i, "s.test");
}

static void both_silent(void **state)
{
    both(swallow, swallow);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 5100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, ERR_TIMEOUT);
    assert_int_equal(r.count[303] + s.count[303], 2);
}

// One that answers others is not silent: what it is slow with is asked twice for a share of the requests only.
static void slow_is_not_silent(void **state)
{
    unsigned before = 0;
    both(answer, answer);
    for (int k = 0; k < 40; k++) {
        r.got = k % 2 ? swallow : answer;
        box_ask(a, NULL, NULL, 0);
        world_run(&w, 20);
        before += k % 2;
    }
    r.got = answer;
    for (int k = 0; k < 40; k++) {
        box_ask(a, NULL, NULL, 0);
        world_run(&w, 50);
    }
    world_run(&w, 6000);
    assert_int_equal(a->n_done, 80);
    assert_true(s.count[303] <= before);
    assert_true(box_stat(a, "dia_failovers_total", NULL) <= 8);
    assert_int_equal(box_stat(a, "dia_peer_silent_total", "r.test"), 0);
}

// ---- a connection that ends ----

static void killed_peer_counts_at_once(void **state)
{
    both(swallow, answer);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 10);
    tcp_abort(r.tcp);
    r.tcp = NULL;
    world_run(&w, 20);
    done_from(i, "s.test");
    assert_int_equal(last_flags & DIA_CMD_T, DIA_CMD_T);
}

// ---- goodbye ----

static void dpr(struct raw *peer, uint32_t cause)
{
    struct dia_link l = {.origin_host = str_from(peer->host), .origin_realm = STR("test"), .cause = cause};
    struct dia_header h = {.flags = DIA_CMD_R, .code = DIA_DPR, .hbh = 5, .ete = 5};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_base, DIA_DPR)->in, &l, &h, &b), 0);
    raw_send(peer, b.p, b.n);
    dia_bytes_free(&b);
}

// RFC 6733 5.4: not again "unless it has a valid reason to do so (e.g., message to be forwarded)", and then
// not at once.
static void goodbye_until_there_is_something_to_send(void **state)
{
    static const uint32_t causes[] = {DIA_BUSY, DIA_DO_NOT_WANT_TO_TALK};
    only_r(answer);
    for (size_t k = 0; k < ARRAY_LEN(causes); k++) {
        unsigned opens = a->opens;
        dpr(&r, causes[k]);
        world_run(&w, 60000);
        assert_int_equal(a->opens, opens); // nothing to send
        size_t i = box_ask(a, NULL, NULL, 0);
        world_run(&w, 100);
        done_from(i, "r.test");
        assert_int_equal(a->opens, opens + 1);
        assert_int_equal(last_flags & DIA_CMD_T, 0); // never sent before
        dpr(&r, causes[k]);
        world_run(&w, 10);
        i = box_ask(a, NULL, NULL, 0);
        world_run(&w, 1200);
        assert_int_equal(a->opens, opens + 1);
        world_run(&w, 1200);
        done_from(i, "r.test");
    }
}

// What the peer left unanswered when it said goodbye is something to send, too.
static void goodbye_with_requests_pending(void **state)
{
    only_r(swallow);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 10);
    dpr(&r, DIA_BUSY);
    world_run(&w, 100);
    r.got = answer;
    world_run(&w, 3000);
    done_from(i, "r.test");
    assert_int_equal(last_flags & DIA_CMD_T, DIA_CMD_T);
}

// ---- no peer ----

static void listen_again(void)
{
    assert_int_equal(tcp_listen(r.loop, &r.at, false, raw_accept, &r, &r.listener), 0);
}

static void go_away(void)
{
    tcp_listener_close(r.listener);
    r.listener = NULL;
    tcp_abort(r.tcp);
    r.tcp = NULL;
    world_run(&w, 20);
}

static void down_and_back_in_a_moment(void **state)
{
    only_r(answer);
    go_away();
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 700);
    assert_int_equal(a->done[i].calls, 0);
    listen_again();
    world_run(&w, 500);
    done_from(i, "r.test");
}

static void down_for_good(void **state)
{
    only_r(answer);
    go_away();
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 1900);
    assert_int_equal(a->done[i].calls, 0);
    world_run(&w, 200);
    assert_int_equal(a->done[i].err, ERR_REFUSED);
    world_run(&w, 30000); // down for long: one attempt decides
    unsigned before = (unsigned)w.segments;
    for (int k = 0; k < 100; k++)
        i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 300);
    assert_int_equal(a->n_done, a->n_sent);
    assert_int_equal(a->done[i].err, ERR_REFUSED);
    assert_true(w.segments - before < 20); // and not one for each request
    listen_again();
    world_run(&w, 300);
    i = box_ask(a, NULL, NULL, 0); // it is back: at once
    world_run(&w, 100);
    done_from(i, "r.test");
}

// A request that makes the peer hang up is not sent again and again as fast as the wire allows.
static void deadly_request(void **state)
{
    only_r(raw_hang_up);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 6000);
    assert_int_equal(a->done[i].err, ERR_TIMEOUT);
    assert_true(r.count[303] <= 21);
}

static void waiting_is_bounded(void **state)
{
    struct dia_peer_params p = {.host = STR("nobody.test"), .remote = r.at};
    addr_parse(STR("10.9.9.9"), 3868, &p.remote);
    assert_int_equal(dia_peer_add(a->node, &p), 0);
    for (int k = 0; k < 50; k++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 3000);
    assert_int_equal(a->n_done, 50);
    assert_int_equal(box_stat(a, "dia_parked", NULL), 0);
    size_t i = box_ask(a, NULL, "far", 0); // nobody could carry it: no wait
    world_run(&w, 10);
    assert_int_equal(a->done[i].err, ERR_REFUSED);
}

// ---- too busy ----

// The other peer is asked, once; the busy one rests for a moment and stays healthy.
static void busy_peer_rests(void **state)
{
    both(busy, answer);
    for (int k = 0; k < 10; k++) {
        size_t i = box_ask(a, NULL, NULL, 0);
        world_run(&w, 20);
        done_from(i, "s.test");
    }
    assert_int_equal(r.count[303], 1);
    assert_int_equal(box_stat(a, "dia_peer_open", "r.test"), 1);
    r.got = answer;
    world_run(&w, 1000);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 20);
    done_from(i, "r.test");
}

static void both_busy(void **state)
{
    both(busy, busy);
    size_t i = box_ask(a, NULL, NULL, 0);
    world_run(&w, 50);
    assert_int_equal(a->done[i].err, 0);
    assert_int_equal(a->done[i].result.code, DIA_TOO_BUSY);
    assert_int_equal(r.count[303] + s.count[303], 2);
}

static unsigned capacity;

static void takes_some(struct raw *peer, const struct dia_frame *f)
{
    if (capacity) {
        capacity--;
        raw_maa(peer, f);
    } else {
        raw_error(peer, f, DIA_TOO_BUSY, NULL);
    }
}

// Alone and overloaded it is asked about twice what it takes, and not all that comes.
static void overloaded_peer_is_spared(void **state)
{
    only_r(takes_some);
    size_t taken = 0, full = 0;
    for (int tick = 0; tick < 100; tick++) { // 20 in 100 ms, a fifth is taken
        capacity = 4;
        for (int k = 0; k < 20; k++)
            box_ask(a, NULL, NULL, 0);
        world_run(&w, 100);
    }
    for (size_t i = 0; i < a->n_sent; i++) {
        taken += a->done[i].err == 0 && a->done[i].result.code == DIA_SUCCESS;
        full += a->done[i].err == ERR_FULL;
    }
    assert_int_equal(a->n_done, a->n_sent);
    assert_true(taken >= 390);
    assert_true(r.count[303] < 1300);
    assert_true(full > 700);
    assert_int_equal(box_stat(a, "dia_throttled_total", "r.test"), full);
    r.got = answer;
    world_run(&w, 10000);
    for (int k = 0; k < 50; k++)
        box_ask(a, NULL, NULL, 0);
    world_run(&w, 100);
    for (size_t i = a->n_sent - 50; i < a->n_sent; i++)
        done_from(i, "r.test");
}

// A server's DIAMETER_TOO_BUSY has the E bit, and a copy of what it refused so is another try.
static void busy_is_not_remembered(void **state)
{
    struct dia_bytes b;
    struct box *hss = box_start(&w, 1, "hss.test", NULL);
    struct dia_peer_params p = {.host = STR("r.test"), .remote = r.at};
    addr_set_port(&p.remote, 0);
    assert_int_equal(dia_peer_add(hss->node, &p), 0);
    raw_dial(&r, hss);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    hss->mode = ANSWER_BUSY;
    raw_mar(&r, 1, 77, 0, &b);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(raw_last_result(&r), DIA_TOO_BUSY);
    assert_int_equal(r.last[4] & DIA_CMD_E, DIA_CMD_E);
    hss->mode = ANSWER_NOW;
    dia_bytes_set_flags(&b, DIA_CMD_T);
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    assert_int_equal(hss->asked, 2);
    dia_bytes_free(&b);
}

// RFC 6733 2.1: a peer that opens and resets is dialled ever more slowly, whatever there is to send; one that has
// lived in between is dialled as the first time.
static void flapping(void **state)
{
    uint64_t opens = 0;
    knows(&r, 0);
    for (int i = 0; i < 600; i++) { // a minute
        (void)box_ask(a, "r.test", "test", 50);
        world_run(&w, 100);
        if (box_stat(a, "dia_peer_opened_total", NULL) == opens)
            continue;
        opens = box_stat(a, "dia_peer_opened_total", NULL);
        raw_drop(&r);
    }
    assert_in_range(opens, 4, 10);
    world_run(&w, 60000);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", NULL), opens + 1);
    raw_drop(&r);
    world_run(&w, 100);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", NULL), opens + 2);
    raw_drop(&r);
    world_run(&w, 600);
    assert_int_equal(box_stat(a, "dia_peer_opened_total", NULL), opens + 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(silent_peer), T(silent_peer_recovers), T(late_answer_of_the_first),
        T(late_refusal_of_the_first), T(both_silent), T(slow_is_not_silent),
        T(killed_peer_counts_at_once), T(goodbye_until_there_is_something_to_send),
        T(goodbye_with_requests_pending), T(down_and_back_in_a_moment), T(down_for_good),
        T(deadly_request), T(waiting_is_bounded), T(busy_peer_rests), T(both_busy),
        T(overloaded_peer_is_spared), T(busy_is_not_remembered),
        T(flapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
