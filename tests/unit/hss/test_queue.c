// SPDX-License-Identifier: Apache-2.0
// What waits for a transaction is bounded by number and by time, and what completes a registration is taken
// longer than what begins one (RFC 6733 7.1.3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "io/sim.h"
#include "tests/common/subscribers.h"
#include "hss/hss_priv.h"
#include "world.h"

#define ALICE "alice@" DOMAIN
#define ALICE_IMPU "sip:alice@" DOMAIN

static struct sim *sim;
static struct loop *loop;
static struct hss *hss;
static unsigned taken, busy, other, lines;

static void quiet(void *arg, enum log_level level, struct str line)
{
    lines += level == LOG_WARN;
}

static void open_hss(uint32_t length, uint32_t delay_ms)
{
    char error[256];
    size_t n;
    taken = busy = other = lines = 0;
    assert_int_equal(sim_new(5, &sim), 0);
    assert_int_equal(sim_node(sim, "hss", &loop), 0);
    const struct hss_params p = {.loop = loop, .store_path = ":memory:",
                                 .settings = {.queue_length = length, .queue_delay_ms = delay_ms}};
    assert_int_equal(hss_new(&p, &hss), 0);
    assert_int_equal(subscribers_import(hss, str_from(world_subscribers), "w", error, sizeof error, &n), 0);
    sim_run(sim, 10);
}

static void close_hss(void)
{
    hss_free(hss);
    loop_free(loop);
    sim_free(sim);
}

static void count(struct dia_result r)
{
    if (!r.experimental && r.code == DIA_TOO_BUSY)
        busy++;
    else if (r.code / 1000 == 2)
        taken++;
    else
        other++;
}

static void on_uaa(void *arg, const struct cx_uaa *a)
{
    count(a->result);
}

static void on_maa(void *arg, const struct cx_maa *a)
{
    assert_int_equal(a->n_items, a->result.code == DIA_SUCCESS);
    count(a->result);
}

static void on_saa(void *arg, const struct cx_saa *a)
{
    count(a->result);
}

static void mars(unsigned n)
{
    struct cx_mar r = world_mar_of(ALICE, ALICE_IMPU);
    while (n--)
        hss_mar(hss, &r, on_maa, NULL);
}

static void sars(unsigned n)
{
    struct cx_sar r = world_sar_of(ALICE, ALICE_IMPU, CX_RE_REGISTRATION);
    while (n--)
        hss_sar(hss, &r, on_saa, NULL);
}

static void uar(const char *impi, const char *impu)
{
    const struct cx_uar r = {.impi = str_from(impi), .impu = str_from(impu), .visited_network = STR(DOMAIN)};
    hss_uar(hss, &r, on_uaa, NULL);
}

static void run(void)
{
    sim_run(sim, sim_now_ms(sim) + 1000);
}

static void bounded_by_number(void **state)
{
    open_hss(20, 0);
    mars(12);
    assert_int_equal(busy, 2); // half of it is for what begins
    assert_int_equal(hss_queue_waiting(hss), 10);
    sars(12);
    assert_int_equal(busy, 4);
    assert_int_equal(hss_queue_waiting(hss), 20);
    run();
    assert_int_equal(taken + other, 20);
    assert_int_equal(taken, 20);
    assert_int_equal(hss_queue_waiting(hss), 0);
    assert_int_equal(hss_stats(hss)->shed[HSS_MAR], 2);
    assert_int_equal(hss_stats(hss)->shed[HSS_SAR], 2);
    assert_int_equal(lines, 1); // one line, not one for each
    mars(1);
    run();
    assert_int_equal(taken, 21);
    close_hss();
}

// An AUTS goes on with a registration that has begun.
static void resynchronisation_is_no_beginning(void **state)
{
    open_hss(4, 0);
    struct cx_mar r = world_mar_of(ALICE, ALICE_IMPU);
    mars(3);
    assert_int_equal(busy, 1);
    r.item.authorization = STR("123456789012345678901234567890");
    hss_mar(hss, &r, on_maa, NULL);
    hss_mar(hss, &r, on_maa, NULL);
    assert_int_equal(busy, 1);
    hss_mar(hss, &r, on_maa, NULL);
    assert_int_equal(busy, 2);
    run();
    close_hss();
}

static void later(void *arg)
{
    (void)arg;
    mars(5);
    sars(5);
}

// A burst takes the store some milliseconds: what comes while its rest has waited longer than one is refused,
// at once, and what was taken is done.
static void bounded_by_time(void **state)
{
    enum { BURST = 12000 };
    struct timer t;
    open_hss(100000, 1);
    timer_init(&t, later, &t);
    timer_start(loop, &t, 1);
    sars(BURST);
    assert_int_equal(busy, 0);
    sim_run(sim, sim_now_ms(sim) + 2);
    assert_int_equal(busy, 10);
    run();
    assert_int_equal(taken, BURST);
    assert_int_equal(hss_queue_delay_ms(hss), 0);
    mars(1);
    run();
    assert_int_equal(taken, BURST + 1);
    close_hss();
}

// UAR: a first registration is not begun, one that was is completed, and the registered go on.
static void user_authorization(void **state)
{
    open_hss(8, 0);
    mars(1); // stores alice's S-CSCF
    run();
    assert_int_equal(taken, 1);
    mars(4);
    assert_true(hss_queue_long(&hss->queue));
    uar(ALICE, ALICE_IMPU);
    uar("bob@" DOMAIN, "sip:bob@" DOMAIN);
    run();
    assert_int_equal(hss_stats(hss)->shed[HSS_UAR], 1);
    assert_int_equal(busy, 1);
    assert_int_equal(taken, 6);
    uar("bob@" DOMAIN, "sip:bob@" DOMAIN);
    run();
    assert_int_equal(taken, 7);
    close_hss();
}

// The memory of a request ends with its handler: what waits points nowhere into it.
static void keeps_nothing_of_the_message(void **state)
{
    const struct cx_feature feature = {DIA_VENDOR_3GPP, 1, 5};
    const struct cx_head head = {.origin_host = STR("s.test"), .features = &feature, .n_features = 1};
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, CX_REGISTRATION);
    unsigned n = 0;
    open_hss(20, 0);
    m.head = s.head = head;
    hss_mar(hss, &m, on_maa, NULL);
    hss_sar(hss, &s, on_saa, NULL);
    LIST_EACH(&hss->queue.waiting, it) {
        const struct hss_op *op = LIST_ENTRY(it, struct hss_op, link);
        const struct cx_head *h = op->command == HSS_MAR ? &op->r.mar.head : &op->r.sar.head;
        assert_true(str_eq(h->origin_host, head.origin_host));
        assert_ptr_not_equal(h->origin_host.p, head.origin_host.p);
        assert_null(h->features);
        assert_int_equal(h->n_features, 0);
        n++;
    }
    assert_int_equal(n, 2);
    run();
    close_hss();
}

// ---- what a failed transaction leaves of its operations ----

static enum step_verdict reads(struct job *j)
{
    return hss_succeed(hss_op_of(j));
}

static enum step_verdict writes(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    int err = HSS_WRITE(op, SQL_META_PUT, SV_TEXT(STR("of the test")), SV_BLOB(STR("1")));
    return err ? hss_fail(op, err) : hss_succeed(op);
}

static enum step_verdict refuses(struct job *j)
{
    return hss_refuse_cx(hss_op_of(j), CX_ERROR_USER_UNKNOWN, "nobody");
}

static enum step_verdict fails(struct job *j)
{
    return hss_fail(hss_op_of(j), ERR_FULL);
}

// Who has read behind what wrote may have told of what was taken back.
static void failed_together(void **state)
{
    static const struct {
        step_fn run;
        uint32_t code;
    } of[] = {{reads, DIA_SUCCESS},          {writes, DIA_UNABLE_TO_COMPLY},
              {reads, DIA_UNABLE_TO_COMPLY}, {refuses, CX_ERROR_USER_UNKNOWN},
              {fails, DIA_UNABLE_TO_COMPLY}, {reads, DIA_UNABLE_TO_COMPLY}};
    struct step steps[ARRAY_LEN(of)];
    struct procedure procs[ARRAY_LEN(of)];
    struct hss_kind kinds[ARRAY_LEN(of)];
    struct hss_op *all[ARRAY_LEN(of)];
    struct list ops;
    char why[160];
    open_hss(20, 0);
    list_init(&ops);
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        steps[i] = (struct step){"step", of[i].run, "of the test"};
        procs[i] = (struct procedure){"op", &steps[i], 1};
        kinds[i] = (struct hss_kind){.command = HSS_LIR, .proc = &procs[i]};
        all[i] = hss_op_new(hss, &kinds[i]);
        assert_non_null(all[i]);
        list_add(&ops, &all[i]->link);
    }
    assert_int_equal(hss_transaction(&hss->writer, &ops, why, sizeof why), ERR_FULL);
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        assert_int_equal(all[i]->result.code, of[i].code);
        list_del(&all[i]->link);
        hss_op_free(all[i]);
    }
    close_hss();
}

static int setup(void **state)
{
    log_set_sink(quiet, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded_by_number),
        cmocka_unit_test(resynchronisation_is_no_beginning),
        cmocka_unit_test(bounded_by_time),
        cmocka_unit_test(user_authorization),
        cmocka_unit_test(keeps_nothing_of_the_message),
        cmocka_unit_test(failed_together),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
