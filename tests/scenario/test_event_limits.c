// SPDX-License-Identifier: Apache-2.0
// What a node keeps for its subscribers at most, whom it refuses then, and what is left when memory
// runs out.
#include "notifier_lab.h"

#include <stdio.h>

static void per_resource(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_resource = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    struct sub u = sub_of(l.bob, "c3");
    ask(&l, &u, EVENT);
    assert_non_null(header_of(answered(&u, "500"), "Retry-After", 0));
    subscribe_to(&l, &u, "b", EVENT); // another resource
    (void)answered(&u, "200");
    (void)told(&u, "active", "all 0");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"per_resource\""), 1);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    (void)told(&s, "terminated", "all 0");
    ask(&l, &t, EVENT);
    (void)answered(&t, "200"); // a refresh needs no room
    (void)told(&t, "active", "all 0");
    lab_done(&l);
}

static void in_total(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.total = 1});
    (void)subscribed(&l, l.bob, "c1", EVENT);
    struct sub u = sub_of(l.eve, "c3");
    subscribe_to(&l, &u, "b", EVENT);
    (void)answered(&u, "500");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"total\""), 1);
    lab_done(&l);
}

static void per_subscriber(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.bob, "c2", EVENT);
    // He has started anew: his oldest makes room.
    struct sub u = sub_of(l.bob, "c3");
    ask(&l, &u, EVENT);
    (void)answered(&u, "200");
    (void)told(&s, "terminated;reason=probation;retry-after=60", "all 0");
    (void)told(&u, "active", "all 0");
    assert_int_equal(alive(&l), 2);
    // Elsewhere he has none that could.
    struct sub v = sub_of(l.bob, "c4");
    subscribe_to(&l, &v, "b", EVENT);
    (void)answered(&v, "403");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"per_subscriber\""), 1);
    struct sub x = subscribed(&l, l.eve, "c5", EVENT); // others are not concerned
    ask(&l, &t, EVENT "Expires: 0\n");
    (void)answered(&t, "200");
    (void)told(&t, "terminated", "all 0");
    subscribe_to(&l, &v, "b", EVENT);
    (void)answered(&v, "200");
    (void)told(&v, "active", "all 0");
    l.counter.unlimited = true; // a trusted neighbour
    struct sub y = subscribed(&l, l.bob, "c6", EVENT), z = subscribed(&l, l.bob, "c7", EVENT);
    (void)x, (void)y, (void)z;
    assert_int_equal(alive(&l), 5);
    lab_done(&l);
}

// A SUBSCRIBE that is refused ends nobody's subscription (RFC 6665 4.2.1).
static void refused_at_limit(void **state)
{
    static const struct {
        enum event_verdict verdict;
        const char *status;
    } rows[] = {{EVENT_REFUSE, "403"}, {EVENT_WAIT, "403"}, {EVENT_ALLOW, "400"}};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lab_init_limits(&l, (struct event_limits){.per_subscriber = 1, .total = 1});
        struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2");
        l.counter.verdict = rows[i].verdict;
        if (rows[i].verdict == EVENT_ALLOW)
            peer_send(l.bob, N,
                      "SUBSCRIBE sip:a@" N " SIP/2.0\nVia: SIP/2.0/UDP " BOB ";branch=z9hG4bKx\n"
                      "From: <sip:" BOB ">;tag=1\nTo: <sip:a@y.example>\nCall-ID: c9\n"
                      "CSeq: 1 SUBSCRIBE\nMax-Forwards: 70\n" EVENT "Content-Length: 0\n\n");
        else
            ask(&l, &t, EVENT);
        world_run(&l.w, 10);
        if (rows[i].verdict == EVENT_WAIT)
            assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
        (void)answered(&t, rows[i].status);
        peer_expect_silence(l.bob, 1000);
        assert_int_equal(alive(&l), 1);
        counter_add(&l.counter, "a", 1);
        (void)told(&s, "active", "+1 from 0");
        // Nor does one that asks for the state once.
        l.counter.verdict = EVENT_ALLOW;
        struct sub u = sub_of(l.bob, "c3"), f = sub_of(l.bob, "c4");
        ask(&l, &f, EVENT "Expires: 0\n");
        (void)answered(&f, "200");
        (void)told(&f, "terminated;reason=timeout", "all 1");
        assert_int_equal(alive(&l), 1);
        // And what is accepted after it has its room.
        ask(&l, &u, EVENT);
        (void)answered(&u, "200");
        (void)told(&s, "terminated;reason=probation", "all 1");
        (void)told(&u, "active", "all 1");
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

// Each that waits for its verdict has one that makes room: there are never more of them.
static void waiting_at_limit(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    (void)subscribed(&l, l.bob, "c2", EVENT);
    l.counter.verdict = EVENT_WAIT;
    struct sub t = sub_of(l.bob, "c3"), u = sub_of(l.bob, "c4"), v = sub_of(l.bob, "c5");
    ask(&l, &t, EVENT);
    world_run(&l.w, 10);
    event_id first = l.counter.asked;
    ask(&l, &u, EVENT);
    world_run(&l.w, 10);
    ask(&l, &v, EVENT);
    (void)answered(&v, "403");
    assert_int_equal(alive(&l), 4);
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
    (void)answered(&u, "403");
    assert_int_equal(event_authorise(l.core, first, EVENT_ALLOW, NULL), 0);
    (void)answered(&t, "200");
    (void)told(&s, "terminated;reason=probation", "all 0");
    (void)told(&t, "active", "all 0");
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

// Who never answers and subscribes again and again has no more for it.
static void silent_crowd(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 3});
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        struct sub s = sub_of(l.bob, id);
        ask(&l, &s, EVENT);
        world_run(&l.w, 20);
        assert_true(alive(&l) <= 3);
    }
    lab_done(&l);
}

// What one keeps: itself, its dialog with the target.
static void memory(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    (void)subscribed(&l, l.bob, "c1", EVENT);
    (void)subscribed(&l, l.bob, "c2", EVENT);
    world_run(&l.w, 40000); // transactions have ended
    long before = mem_live();
    (void)subscribed(&l, l.bob, "c3", EVENT);
    world_run(&l.w, 40000);
    assert_int_equal(mem_live() - before, 3);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    bool whole = false;
    for (long n = 0; n < 300 && !whole; n++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c%ld", n);
        struct sub s = sub_of(l.bob, id);
        mem_fail_after(n);
        ask(&l, &s, EVENT "Expires: 60\n");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        unsigned heard = 0;
        for (const char *m; (m = peer_next(l.bob, 6000));) {
            heard += strncmp(m, "SIP/2.0 200", 11) == 0 || strncmp(m, "NOTIFY ", 7) == 0;
            if (strncmp(m, "NOTIFY ", 7) == 0) {
                ok_notify(&s, m);
                whole = whole || n > 20;
            }
        }
        assert_true(heard || !alive(&l)); // nothing that the subscriber does not know of
        world_run(&l.w, 70000);
        while (peer_next(l.bob, 0))
            continue;
        assert_int_equal(alive(&l), 0);
    }
    lab_done(&l);
}

static void out_of_memory_later(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0; n < 40; n++) {
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        mem_fail_after(n);
        counter_add(&l.counter, "a", 1);
        world_run(&l.w, 1);
        mem_fail_after(-1);
        const char *m = peer_next(l.bob, 6000);
        assert_non_null(m); // now, or after a while
        ok_notify(&s, m);
        mem_fail_after(n);
        ask(&l, &s, EVENT "Expires: 0\n");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        while ((m = peer_next(l.bob, 6000)))
            if (strncmp(m, "NOTIFY ", 7) == 0)
                ok_notify(&s, m);
        lab_done(&l);
    }
}

// Whoever brings much text is refused what is beyond the bytes for one dialog, and all together are
// when there is no room left for more.
static void in_bytes(void **state)
{
    struct lab l;
    char routes[9000], fill[4300];
    (void)state;
    lab_init_limits(&l, (struct event_limits){.bytes = 1000});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2"),
               u = sub_of(l.eve, "c3");
    uint64_t one = figure(&l, "event_subscription_bytes", "side=\"notifier\"");
    assert_in_range(one, 50, 200);
    memset(fill, 'r', sizeof fill);
    (void)snprintf(routes, sizeof routes,
                   EVENT "Record-Route: <sip:" EVE ";lr;x=%.4200s>\nRecord-Route: <sip:" EVE
                         ";x=%.4200s>\n",
                   fill, fill);
    ask(&l, &t, routes);
    (void)answered(&t, "513");
    (void)snprintf(routes, sizeof routes, EVENT "Record-Route: <sip:" EVE ";lr;x=%.1200s>\n", fill);
    ask(&l, &t, routes); // it may, and then nobody may any more
    (void)answered(&t, "200");
    assert_in_range(figure(&l, "event_subscription_bytes", "side=\"notifier\""), one + 1200,
                    one + 1500);
    (void)peer_expect(l.eve, "NOTIFY ");
    ask(&l, &u, EVENT);
    assert_non_null(header_of(answered(&u, "500"), "Retry-After", 0));
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"bytes\""), 1);
    ask(&l, &s, EVENT); // who is there stays
    (void)answered(&s, "200");
    (void)told(&s, "active", "all 0");
    event_end(l.core, &l.counter.package, STR("a"), EVENT_NORESOURCE, 0);
    world_run(&l.w, 40000);
    assert_int_equal(figure(&l, "event_subscription_bytes", NULL), 0);
    lab_done(&l);
}

// Nor may a Contact grow inside the dialog.
static void target_grows(void **state)
{
    struct lab l;
    char contact[8150] = "", text[9000];
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    uint64_t before = figure(&l, "event_subscription_bytes", "side=\"notifier\"");
    memset(contact, 'c', sizeof contact - 1);
    (void)snprintf(text, sizeof text, "Contact: <sip:" BOB ":5060;x=%s>\n", contact);
    counter_add(&l.counter, "a", 1);
    peer_reply(l.bob, N, peer_expect(l.bob, "NOTIFY "), "200 OK", NULL, text);
    world_run(&l.w, 10);
    assert_int_equal(figure(&l, "event_subscription_bytes", "side=\"notifier\""), before);
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "+1 from 1");
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(per_resource),
        cmocka_unit_test(in_total),
        cmocka_unit_test(per_subscriber),
        cmocka_unit_test(refused_at_limit),
        cmocka_unit_test(waiting_at_limit),
        cmocka_unit_test(silent_crowd),
        cmocka_unit_test(memory),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(out_of_memory_later),
        cmocka_unit_test(in_bytes),
        cmocka_unit_test(target_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
