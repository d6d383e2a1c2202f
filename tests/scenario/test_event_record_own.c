// SPDX-License-Identifier: Apache-2.0
// Subscriptions of a node that outlive it: taken up by another core they are told on and refreshed
// as if nothing had happened.
#include "subscriber_lab.h"

#include <stdlib.h>

struct record {
    char bytes[EVENT_RECORD_MAX];
    size_t n;
    uint64_t name;
};

static void write_down(const struct lab *l, struct record *ret)
{
    struct writer w = writer_init(ret->bytes, sizeof ret->bytes);
    assert_int_equal(event_record_own(l->core, l->id, &w), 0);
    ret->n = w.n;
    ret->name = event_own_name(l->core, l->id);
    assert_true(ret->name != 0);
}

static int restore(struct lab *l, const struct record *r)
{
    return event_restore_own(l->core, str_make(r->bytes, r->n), &lab_ops, &l->counter, &l->id);
}

static void restart(struct lab *l)
{
    event_free(l->core);
    l->core = lab_core(l->n, "<sip:" S ">", true, NULL);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

static struct event_subscription full_plan(struct lab *l)
{
    struct event_subscription p = plan(l);
    p.event_id = STR("7");
    p.params = STR(";max-rate=0.5");
    p.accept = STR("application/x-counter");
    p.keep = true;
    return p;
}

static void notify_id(struct lab *l, const char *sub, const char *state, const char *body)
{
    notify_from(l->bob, sub, "n1", state, "x-counter;id=7", body);
    (void)peer_expect(l->bob, "SIP/2.0 200");
}

static void taken_up(void **state)
{
    struct lab l;
    struct record r;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, full_plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    assert_int_equal(l.saves, 0);
    notify_id(&l, m, "active;expires=600", "all 3");
    assert_int_equal(l.saves, 1);
    world_run(&l.w, 100000);
    write_down(&l, &r);
    restart(&l);
    assert_int_equal(restore(&l, &r), 0);
    assert_true(event_own_name(l.core, l.id) == r.name);
    assert_int_equal(alive(&l), 1);
    peer_expect_silence(l.bob, 100000); // nothing is sent by itself
    notify_id(&l, m, "active;expires=400", "+1 from 3");
    assert_int_equal(l.counter.known, 4);
    world_run(&l.w, 147000);
    // The refresh comes when it is due, in the same dialog, with a higher number.
    m = peer_expect(l.bob, "SUBSCRIBE sip:" BOB ":5060 SIP/2.0");
    assert_string_equal(header_of(m, "Event", 0), "x-counter;id=7;max-rate=0.5");
    assert_string_equal(header_of(m, "Accept", 0), "application/x-counter");
    assert_string_equal(header_of(m, "Expires", 0), "600");
    assert_string_equal(header_of(m, "Route", 0), "<sip:" BOB ";lr>");
    assert_string_equal(param_of(header_of(m, "To", 0), "tag"), "n1");
    assert_true(strtol(header_of(m, "CSeq", 0), NULL, 10) > 1);
    // An old NOTIFY is out of order, and what is lost is asked for anew.
    notify_cseq -= 20;
    notify_from(l.bob, m, "n1", "active", "x-counter;id=7", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 500");
    notify_cseq += 20;
    peer_reply(l.bob, S, m, "481 No", NULL, NULL);
    m = peer_expect(l.bob, "SUBSCRIBE sip:a@example.org SIP/2.0");
    assert_null(param_of(header_of(m, "To", 0), "tag"));
    assert_int_equal(l.ends, 1);
    assert_true(l.end.again);
    lab_done(&l);
}

// It is said when the record is of use no more, and not before.
static void saved(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l);
    assert_int_equal(l.saves, 1);
    for (int i = 0; i < 5; i++)
        notify(&l, m, "active;expires=600", "all 0");
    assert_int_equal(l.saves, 1);
    world_run(&l.w, 300000);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    assert_int_equal(l.saves, 2);
    lab_done(&l);
}

static void not_written(void **state)
{
    struct lab l;
    char room[EVENT_RECORD_MAX];
    struct writer w = writer_init(room, sizeof room);
    (void)state;
    lab_init(&l);
    assert_int_equal(event_record_own(l.core, 77, &w), ERR_NOTFOUND);
    start_kept(&l);
    assert_int_equal(event_record_own(l.core, l.id, &w), ERR_STATE); // there is no dialog yet
    assert_true(event_own_name(l.core, l.id) == 0);
    (void)established(&l);
    w = writer_init(room, 100);
    assert_int_equal(event_record_own(l.core, l.id, &w), ERR_TOOBIG);
    lab_done(&l);
}

static void bad_records(void **state)
{
    struct lab l;
    struct record r, bad;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    write_down(&l, &r);
    assert_int_equal(restore(&l, &r), ERR_EXISTS);
    restart(&l);
    for (bad = r; bad.n;) {
        bad.n--;
        assert_int_equal(restore(&l, &bad), ERR_BAD);
    }
    event_set_limits(l.core, &(struct event_limits){.own = 1});
    assert_int_equal(restore(&l, &r), 0);
    event_forget(l.core, l.id);
    start_kept(&l);
    assert_int_equal(restore(&l, &r), ERR_FULL);
    event_forget(l.core, l.id);
    world_run(&l.w, 601000);
    assert_int_equal(restore(&l, &r), ERR_TIMEOUT);
    assert_int_equal(alive(&l), 0);
    assert_int_equal(lab_figure(l.core, "event_subscription_bytes", NULL), 0);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    struct record r;
    int err = ERR_NOMEM;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    write_down(&l, &r);
    restart(&l);
    for (long n = 0; n < 100 && err; n++) {
        mem_fail_after(n);
        err = restore(&l, &r);
        mem_fail_after(-1);
        assert_true(!err || err == ERR_NOMEM);
        assert_int_equal(alive(&l), !err);
    }
    assert_int_equal(err, 0);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_up),      cmocka_unit_test(saved),
        cmocka_unit_test(not_written),   cmocka_unit_test(bad_records),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
