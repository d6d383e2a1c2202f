// SPDX-License-Identifier: Apache-2.0
// Subscriptions to a node that outlive it: written down, taken up by another core, and told on as
// if nothing had happened; what is wrong with a record.
#include "notifier_lab.h"

#include <stdio.h>

struct record {
    char bytes[EVENT_RECORD_MAX];
    size_t n;
    uint64_t name;
};

static void write_down(const struct lab *l, event_id id, struct record *ret)
{
    struct writer w = writer_init(ret->bytes, sizeof ret->bytes);
    assert_int_equal(event_record(l->core, id, &w), 0);
    ret->n = w.n;
    ret->name = event_name(l->core, id);
    assert_true(ret->name != 0);
}

static struct str text_of(const struct record *r)
{
    return str_make(r->bytes, r->n);
}

// The node stops at once and begins anew: nobody hears of it.
static void restart(struct lab *l)
{
    event_free(l->core);
    l->core = lab_core(l->n, CONTACT, true, NULL);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

static event_id take_up(const struct lab *l, const struct record *r)
{
    event_id id = 0;
    assert_int_equal(event_restore(l->core, text_of(r), &id), 0);
    assert_true(event_name(l->core, id) == r->name);
    return id;
}

static unsigned cseq_of(const char *m)
{
    unsigned n = 0;
    assert_int_equal(sscanf(header_of(m, "CSeq", 0), "%u", &n), 1);
    return n;
}

static void taken_up(void **state)
{
    struct lab l;
    struct record r;
    (void)state;
    lab_init(&l);
    l.counter.note = "bill-7";
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s,
        "Event: x-counter;id=42\nExpires: 300\nAccept: text/plain\n"
        "Record-Route: <sip:" EVE ";lr>\nRecord-Route: <sip:" BOB ";lr>\n");
    (void)answered(&s, "200");
    const char *m = peer_expect(l.eve, "NOTIFY "); // the route set begins there
    peer_reply(l.eve, N, m, "200 OK", NULL, NULL);
    world_run(&l.w, 100000);
    unsigned before = cseq_of(m);
    assert_int_equal(l.counter.saved, l.counter.asked);
    write_down(&l, l.counter.saved, &r);
    restart(&l);
    event_id id = take_up(&l, &r);
    peer_expect_silence(l.eve, 1000); // nothing is sent by itself
    assert_int_equal(figure(&l, "event_subscriptions_restored", NULL), 1);
    counter_add(&l.counter, "a", 1);
    m = peer_expect(l.eve, "NOTIFY sip:" EVE ":5060 SIP/2.0"); // her 200 had a Contact of hers
    assert_contains(m, "\r\n\r\nall 1\n");                     // whole
    assert_true(cseq_of(m) > before);
    assert_string_equal(header_of(m, "Event", 0), "x-counter;id=42");
    assert_string_equal(header_of(m, "Content-Type", 0), "text/plain");
    assert_string_equal(header_of(m, "From", 0) + strlen("<sip:to@example.org>;tag="), s.tag);
    assert_string_equal(header_of(m, "To", 0), "<sip:" BOB ">;tag=b");
    assert_string_equal(header_of(m, "Call-ID", 0), "c1");
    assert_string_equal(header_of(m, "Route", 0), "<sip:" EVE ";lr>");
    assert_string_equal(header_of(m, "Route", 1), "<sip:" BOB ";lr>");
    assert_string_equal(header_of(m, "P-Charging-Vector", 0), "icid-value=bill-7;n");
    assert_string_equal(header_of(m, "Subscription-State", 0), "active;expires=199");
    peer_reply(l.eve, N, m, "200 OK", NULL, NULL);
    // It is refreshed, as if nothing had happened, and an old request is out of order.
    ask(&l, &s, "Event: x-counter;id=42\nExpires: 60\n");
    (void)answered(&s, "200");
    peer_reply(l.eve, N, peer_expect(l.eve, "NOTIFY "), "200 OK", NULL, NULL);
    assert_int_equal(l.counter.saved, id);
    s.cseq = 0;
    ask(&l, &s, "Event: x-counter;id=42\nExpires: 0\n");
    (void)answered(&s, "500");
    world_run(&l.w, 61000);
    assert_contains(peer_expect(l.eve, "NOTIFY "), "terminated;reason=timeout");
    lab_done(&l);
}

// A strict router and a pending subscription: what is left out is left out again.
static void strict_and_pending(void **state)
{
    struct lab l;
    struct record r, again;
    (void)state;
    lab_init(&l);
    l.counter.verdict = EVENT_PENDING;
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, EVENT "Record-Route: <sip:old@" EVE ">\nRecord-Route: <sip:10.0.0.7;lr>\n");
    (void)answered(&s, "200");
    const char *m = peer_expect(l.eve, "NOTIFY sip:old@" EVE " SIP/2.0");
    peer_reply(l.eve, N, m, "200 OK", NULL, NULL);
    world_run(&l.w, 10);
    write_down(&l, l.counter.asked, &r);
    restart(&l);
    event_id id = take_up(&l, &r);
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.eve, 1000);
    assert_int_equal(event_authorise(l.core, id, EVENT_ALLOW, NULL), 0);
    m = peer_expect(l.eve, "NOTIFY sip:old@" EVE " SIP/2.0");
    assert_string_equal(header_of(m, "Route", 0), "<sip:10.0.0.7;lr>");
    assert_string_equal(header_of(m, "Route", 1), "<sip:" EVE ":5060>");
    peer_reply(l.eve, N, m, "200 OK", NULL, NULL);
    write_down(&l, id, &again);
    assert_true(again.name == r.name);
    lab_done(&l);
}

// The numbers that a record leaves out are not used up before it is written anew.
static void written_anew(void **state)
{
    struct lab l;
    struct record r = {0};
    unsigned last = 0;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    for (int i = 0; i < 100; i++) {
        unsigned saves = l.counter.saves;
        counter_add(&l.counter, "a", 1);
        const char *m = peer_expect(l.bob, "NOTIFY ");
        last = cseq_of(m);
        ok_notify(&s, m);
        if (l.counter.saves != saves || !r.n)
            write_down(&l, l.counter.saved, &r);
    }
    assert_in_range(l.counter.saves, 5, 10);
    restart(&l);
    (void)take_up(&l, &r);
    counter_add(&l.counter, "a", 1);
    const char *m = peer_expect(l.bob, "NOTIFY ");
    assert_true(cseq_of(m) > last);
    ok_notify(&s, m);
    lab_done(&l);
}

// Taken up again and again: what was taken up has a record that is written anew before its numbers are used twice.
static void taken_up_again(void **state)
{
    struct lab l;
    struct record r = {0};
    unsigned last = 0;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    write_down(&l, l.counter.asked, &r);
    for (int i = 0; i < 4; i++) {
        restart(&l);
        (void)take_up(&l, &r);
        for (int k = 0; k < 3; k++) {
            unsigned saves = l.counter.saves;
            counter_add(&l.counter, "a", 1);
            const char *m = peer_expect(l.bob, "NOTIFY ");
            assert_true(cseq_of(m) > last);
            last = cseq_of(m);
            ok_notify(&s, m);
            if (l.counter.saves != saves)
                write_down(&l, l.counter.saved, &r);
        }
    }
    lab_done(&l);
}

// The package may end a subscription when it is told to keep it.
static void ended_when_saved(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.at_save = end_it;
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, EVENT);
    (void)answered(&s, "200");
    const char *m = peer_expect(l.bob, "NOTIFY "); // the first one is under way
    ok_notify(&s, m);
    (void)told(&s, "terminated;reason=giveup", "all 0");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void not_written(void **state)
{
    struct lab l;
    char room[64];
    (void)state;
    lab_init(&l);
    struct writer w = writer_init(room, sizeof room);
    assert_int_equal(event_record(l.core, 77, &w), ERR_NOTFOUND);
    assert_true(event_name(l.core, 77) == 0);
    (void)subscribed(&l, l.bob, "c1", EVENT);
    assert_int_equal(event_record(l.core, l.counter.asked, &w), ERR_TOOBIG);
    struct sub t = sub_of(l.eve, "c2");
    l.counter.verdict = EVENT_WAIT;
    ask(&l, &t, EVENT);
    world_run(&l.w, 10);
    w = writer_init(room, sizeof room);
    assert_int_equal(event_record(l.core, l.counter.asked, &w), ERR_STATE);
    lab_done(&l);
}

// Every record that is cut short, and each with one of its lines spoilt.
static void bad_records(void **state)
{
    struct lab l;
    struct record r, bad;
    event_id id;
    (void)state;
    lab_init(&l);
    l.counter.note = "n";
    (void)subscribed(&l, l.bob, "c1", EVENT);
    write_down(&l, l.counter.asked, &r);
    assert_int_equal(event_restore(l.core, text_of(&r), &id), ERR_EXISTS);
    restart(&l);
    for (size_t n = 0; n < r.n; n++)
        assert_int_equal(event_restore(l.core, str_make(r.bytes, n), &id), ERR_BAD);
    static const char *const spoil[] = {"Carillon-State: 1", "Carillon-State: 1 1 ", ";tag="};
    for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
        bad = r;
        bad.bytes[bad.n] = 0;
        char *at = strstr(bad.bytes, spoil[i]);
        for (char *next; i == 2 && (next = strstr(at + 1, spoil[i]));)
            at = next; // that of To
        assert_non_null(at);
        at[strlen(spoil[i]) - 1] = 'x';
        assert_int_equal(event_restore(l.core, text_of(&bad), &id), ERR_BAD);
    }
    assert_int_equal(alive(&l), 0);
    assert_int_equal(l.counter.ended, 0);
    lab_done(&l);
}

static void refused_records(void **state)
{
    struct lab l;
    struct record r;
    event_id id;
    (void)state;
    lab_init(&l);
    (void)subscribed(&l, l.bob, "c1", EVENT "Expires: 100\n");
    write_down(&l, l.counter.asked, &r);
    event_free(l.core);
    l.core = lab_core(l.n, CONTACT, true, NULL);
    assert_int_equal(event_restore(l.core, text_of(&r), &id), ERR_UNSUPPORTED);
    l.counter.package.n_types = 1;
    l.counter.package.types++; // another type than the record's
    assert_int_equal(counter_attach(&l.counter, l.core), 0);
    assert_int_equal(event_restore(l.core, text_of(&r), &id), ERR_UNSUPPORTED);
    l.counter.package.types--;
    event_set_limits(l.core, &(struct event_limits){.bytes = 1});
    assert_int_equal(event_restore(l.core, text_of(&r), &id), 0);
    event_end_one(l.core, id, EVENT_NORESOURCE, 0);
    (void)peer_expect(l.bob, "NOTIFY ");
    event_set_limits(l.core, &(struct event_limits){0});
    world_run(&l.w, 101000);
    assert_int_equal(event_restore(l.core, text_of(&r), &id), ERR_TIMEOUT);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    struct record r;
    event_id id;
    int err = ERR_NOMEM;
    (void)state;
    lab_init(&l);
    l.counter.note = "n";
    (void)subscribed(&l, l.bob, "c1", EVENT);
    write_down(&l, l.counter.asked, &r);
    restart(&l);
    for (long n = 0; n < 100 && err; n++) {
        mem_fail_after(n);
        err = event_restore(l.core, text_of(&r), &id);
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
        cmocka_unit_test(taken_up),        cmocka_unit_test(strict_and_pending),
        cmocka_unit_test(written_anew), cmocka_unit_test(taken_up_again),    cmocka_unit_test(ended_when_saved),
        cmocka_unit_test(not_written),     cmocka_unit_test(bad_records),
        cmocka_unit_test(refused_records), cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
