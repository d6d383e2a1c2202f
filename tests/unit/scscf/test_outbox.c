// SPDX-License-Identifier: Apache-2.0
// What the HSS was not told is told later, in order, once, and not when it is no longer true.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/sim.h"
#include "scscf/hss_hosts.h"
#include "scscf/outbox.h"

enum { SENT_MAX = 4096 };

static struct sim *sim;
static struct loop *loop;
static struct outbox *box;
static struct {
    uint64_t id;
    char impi[16], impu[16];
    enum cx_sar_type type;
} sent[SENT_MAX];
static size_t n_sent, n_lost, n_unanswered;
static int refuse; // what send gives back

static void copy(char out[16], struct str s)
{
    assert_true(s.n < 16);
    memcpy(out, s.n ? s.p : "", s.n);
    out[s.n] = 0;
}

static int on_send(void *arg, const struct outbox_note *n, uint64_t id)
{
    if (refuse)
        return refuse;
    assert_true(n_sent < SENT_MAX);
    sent[n_sent].id = id;
    sent[n_sent].type = n->type;
    copy(sent[n_sent].impi, n->impi);
    copy(sent[n_sent++].impu, n->impu);
    return 0;
}

static void on_lost(void *arg, const struct outbox_note *n, enum outbox_loss why)
{
    n_lost++;
}

static uint32_t wait_ms(void *arg)
{
    return 3000;
}

static void on_unanswered(void *arg, const struct outbox_note *n)
{
    n_unanswered++;
}

static const struct outbox_ops ops = {on_send, wait_ms, on_unanswered, on_lost};

static int set_up(void **state)
{
    const struct outbox_config c = {.size = 100, .max_age_s = 3600};
    (void)state;
    n_sent = n_lost = n_unanswered = 0;
    refuse = 0;
    int err = sim_new(1, &sim);
    if (!err)
        err = sim_node(sim, "scscf", &loop);
    return err ? err : outbox_new(loop, &c, &ops, NULL, &box);
}

static int tear_down(void **state)
{
    (void)state;
    outbox_free(box);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static void seconds(unsigned n)
{
    (void)sim_run(sim, sim_now_ms(sim) + n * 1000);
}

static void add(const char *impi, const char *impu, enum cx_sar_type type)
{
    struct outbox_note n = {type, STR("call"), str_from(impi), str_from(impu), false};
    assert_int_equal(outbox_add(box, &n, 0), 0);
}

static void answer(size_t i, enum outbox_outcome o)
{
    outbox_answered(box, sent[i].id, o);
}

static void delivered_at_once(void **state)
{
    (void)state;
    add("a", "sip:a", CX_TIMEOUT_DEREGISTRATION);
    assert_int_equal(n_sent, 1);
    assert_int_equal(outbox_waiting(box), 1);
    answer(0, OUTBOX_TAKEN);
    assert_int_equal(outbox_waiting(box), 0);
    answer(0, OUTBOX_TAKEN); // nobody waits for it
    seconds(300);
    assert_int_equal(n_sent, 1);
    assert_int_equal(outbox_stats(box)->taken, 1);
}

static void again_at_growing_intervals(void **state)
{
    (void)state;
    add("a", "sip:a", CX_TIMEOUT_DEREGISTRATION);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(n_sent, i + 1);
        answer(i, OUTBOX_LATER);
        seconds((1u << i) - 1);
        assert_int_equal(n_sent, i + 1);
        seconds(2);
    }
    answer(4, OUTBOX_LATER);
    outbox_wake(box); // the HSS has come back
    assert_int_equal(n_sent, 6);
    answer(5, OUTBOX_TAKEN);
    assert_int_equal(outbox_waiting(box), 0);
}

static void one_finds_out_for_all(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    for (int i = 0; i < 50; i++) {
        char impi[16];
        (void)snprintf(impi, sizeof impi, "u%d", i);
        add(impi, "sip:x", CX_TIMEOUT_DEREGISTRATION);
    }
    assert_int_equal(n_sent, 0);
    refuse = 0;
    seconds(2);
    assert_int_equal(n_sent, 1);
    answer(0, OUTBOX_TAKEN);
    assert_int_equal(n_sent, 33); // a window of them, and the rest as they are answered
    for (size_t i = 1; i < 50; i++)
        answer(i, OUTBOX_TAKEN);
    assert_int_equal(n_sent, 50);
    assert_int_equal(outbox_waiting(box), 0);
    assert_int_equal(outbox_stats(box)->taken, 50);
}

// One that the HSS never takes does not keep the others.
static void a_poisoned_note_goes_to_the_end(void **state)
{
    (void)state;
    add("bad", "sip:bad", CX_TIMEOUT_DEREGISTRATION);
    answer(0, OUTBOX_LATER);
    add("good", "sip:good", CX_TIMEOUT_DEREGISTRATION);
    seconds(2);
    assert_string_equal(sent[1].impi, "bad");
    answer(1, OUTBOX_LATER);
    seconds(3);
    assert_string_equal(sent[2].impi, "good");
    answer(2, OUTBOX_TAKEN);
    assert_string_equal(sent[3].impi, "bad");
    answer(3, OUTBOX_REFUSED);
    assert_int_equal(outbox_waiting(box), 0);
}

static void in_order_for_one_user(void **state)
{
    (void)state;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    add("a", "sip:2", CX_USER_DEREGISTRATION);
    add("a", "sip:1", CX_AUTHENTICATION_TIMEOUT);
    add("b", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    assert_int_equal(n_sent, 2);
    assert_string_equal(sent[1].impi, "b");
    answer(0, OUTBOX_TAKEN);
    assert_string_equal(sent[2].impu, "sip:2");
    answer(2, OUTBOX_LATER);
    answer(1, OUTBOX_TAKEN);
    assert_string_equal(sent[3].impu, "sip:2"); // not the next one before it
    answer(3, OUTBOX_TAKEN);
    assert_int_equal(sent[4].type, CX_AUTHENTICATION_TIMEOUT);
}

static void the_same_again_is_told_once(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    add("a", "sip:1", CX_AUTHENTICATION_FAILURE);
    add("a", "sip:1", CX_USER_DEREGISTRATION);
    assert_int_equal(outbox_waiting(box), 2);
    refuse = 0;
    outbox_wake(box);
    assert_int_equal(sent[0].type, CX_AUTHENTICATION_FAILURE);
    answer(0, OUTBOX_TAKEN);
    assert_int_equal(sent[1].type, CX_USER_DEREGISTRATION);
}

static bool only_1(void *arg, const struct outbox_note *n)
{
    return str_eq(n->impu, STR("sip:1"));
}

// TS 29.228 6.1.2: a user who has registered again must not be deregistered by what is late.
static void a_registration_supersedes(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    add("a", "sip:2", CX_TIMEOUT_DEREGISTRATION);
    refuse = 0;
    (void)outbox_hold(box, STR("a"));
    outbox_wake(box);
    assert_int_equal(n_sent, 0); // not while the registration is on its way
    uint64_t mark = outbox_mark(box);
    add("a", "sip:1", CX_AUTHENTICATION_TIMEOUT); // after it
    outbox_supersede(box, STR("a"), mark, only_1, NULL);
    outbox_release(box, STR("a"));
    assert_int_equal(n_sent, 1);
    assert_string_equal(sent[0].impu, "sip:2");
    answer(0, OUTBOX_TAKEN);
    assert_int_equal(sent[1].type, CX_AUTHENTICATION_TIMEOUT);
    answer(1, OUTBOX_TAKEN);
    assert_int_equal(outbox_waiting(box), 0);
    assert_int_equal(outbox_stats(box)->superseded, 1);
}

static void superseded_on_its_way(void **state)
{
    (void)state;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    outbox_supersede(box, STR("a"), outbox_mark(box), only_1, NULL);
    answer(0, OUTBOX_LATER);
    seconds(300);
    assert_int_equal(n_sent, 1);
    assert_int_equal(outbox_waiting(box), 0);
}

static void a_failed_registration_supersedes_nothing(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    refuse = 0;
    (void)outbox_hold(box, STR("a"));
    outbox_release(box, STR("a"));
    seconds(2);
    assert_int_equal(n_sent, 1);
}

// Registrations of sets that are not known yet hold back what ends a set whoever has it, and nothing else.
static void without_a_name_behind_registrations(void **state)
{
    (void)state;
    outbox_hold_nameless(box);
    outbox_hold_nameless(box);
    add("", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    add("a", "sip:2", CX_TIMEOUT_DEREGISTRATION);
    assert_int_equal(n_sent, 1);
    assert_string_equal(sent[0].impu, "sip:2");
    answer(0, OUTBOX_TAKEN);
    outbox_release_nameless(box);
    outbox_wake(box);
    seconds(300);
    assert_int_equal(n_sent, 1);
    outbox_release_nameless(box);
    assert_int_equal(n_sent, 2);
    assert_string_equal(sent[1].impu, "sip:1");
    answer(1, OUTBOX_TAKEN);
    outbox_release_nameless(box); // nothing is held
    add("", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    assert_int_equal(n_sent, 3);
}

// With and without a name they take turns: one that the HSS never takes does not keep the others back.
static void in_turn_with_and_without_a_name(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    add("", "sip:2", CX_TIMEOUT_DEREGISTRATION);
    add("b", "sip:3", CX_TIMEOUT_DEREGISTRATION);
    refuse = 0;
    for (size_t i = 0; i < 6; i++) {
        outbox_wake(box);
        assert_int_equal(n_sent, i + 1);
        assert_int_equal(sent[i].impu[4], "123"[i % 3]);
        answer(i, OUTBOX_LATER);
    }
}

static void too_old(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    add("a", "sip:1", CX_TIMEOUT_DEREGISTRATION);
    seconds(3500);
    assert_int_equal(outbox_waiting(box), 1);
    seconds(200);
    assert_int_equal(outbox_waiting(box), 0);
    assert_int_equal(n_lost, 1);
    assert_int_equal(outbox_stats(box)->too_old, 1);
}

static void no_room(void **state)
{
    (void)state;
    refuse = ERR_REFUSED;
    for (int i = 0; i < 150; i++) {
        char impi[16];
        (void)snprintf(impi, sizeof impi, "u%d", i);
        add(impi, "sip:x", CX_TIMEOUT_DEREGISTRATION);
    }
    assert_int_equal(outbox_waiting(box), 100);
    assert_int_equal(n_lost, 50);
    refuse = 0;
    outbox_wake(box);
    assert_string_equal(sent[0].impi, "u50");
}

static void without_memory(void **state)
{
    (void)state;
    for (long n = 0; n < 6; n++) {
        struct outbox_note note = {CX_TIMEOUT_DEREGISTRATION, STR("call"), STR("z"), STR("sip:z"), false};
        mem_fail_after(n);
        int err = outbox_add(box, &note, 0);
        mem_fail_after(-1);
        assert_true(err == 0 || err == ERR_NOMEM);
    }
    assert_true(outbox_waiting(box) > 0);
}

// TS 29.229 5.5
// Not even that there is no answer is said: the note is tried again, and what comes for it then is for nobody.
static void never_answered(void **state)
{
    (void)state;
    add("a", "1", CX_USER_DEREGISTRATION);
    seconds(2);
    assert_int_equal(n_unanswered, 0);
    seconds(2);
    assert_int_equal(n_unanswered, 1);
    answer(0, OUTBOX_REFUSED);
    assert_int_equal(outbox_stats(box)->refused, 0);
    seconds(2);
    assert_int_equal(n_sent, 2);
    seconds(4);
    assert_int_equal(n_unanswered, 1); // told the first time
    seconds(7);
    assert_int_equal(n_sent, 4);
    answer(3, OUTBOX_TAKEN);
    assert_int_equal(outbox_waiting(box), 0);
}

static void hosts(void **state)
{
    struct hss_hosts *h;
    char impu[32];
    (void)state;
    assert_int_equal(hss_hosts_new(&h), 0);
    assert_int_equal(hss_hosts_find(h, STR("sip:a")).n, 0);
    hss_hosts_learn(h, STR("sip:a"), STR("hss1"));
    hss_hosts_learn(h, STR("sip:b"), STR("hss2"));
    assert_true(str_eq(hss_hosts_find(h, STR("sip:a")), STR("hss1")));
    hss_hosts_learn(h, STR("sip:a"), STR("hss2"));
    assert_true(str_eq(hss_hosts_find(h, STR("sip:a")), STR("hss2")));
    hss_hosts_forget(h, STR("sip:a"));
    assert_int_equal(hss_hosts_find(h, STR("sip:a")).n, 0);
    assert_int_equal(hss_hosts_count(h), 1);
    for (int i = 0; i < 200000; i++) {
        (void)snprintf(impu, sizeof impu, "sip:%d", i);
        hss_hosts_learn(h, str_from(impu), STR("hss3"));
    }
    assert_true(hss_hosts_count(h) <= 65536);
    assert_true(str_eq(hss_hosts_find(h, str_from(impu)), STR("hss3")));
    for (int i = 0; i < 100; i++) { // more hosts than are kept
        (void)snprintf(impu, sizeof impu, "hss%d", i);
        hss_hosts_learn(h, STR("sip:z"), str_from(impu));
    }
    assert_true(hss_hosts_find(h, STR("sip:z")).n > 0);
    hss_hosts_free(h);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(delivered_at_once), T(never_answered), T(again_at_growing_intervals), T(one_finds_out_for_all),
        T(a_poisoned_note_goes_to_the_end), T(in_order_for_one_user), T(the_same_again_is_told_once),
        T(a_registration_supersedes), T(superseded_on_its_way), T(a_failed_registration_supersedes_nothing),
        T(without_a_name_behind_registrations), T(in_turn_with_and_without_a_name), T(too_old), T(no_room),
        T(without_memory), T(hosts),
    };
    return cmocka_run_group_tests_name("scscf_outbox", tests, NULL, NULL);
}
