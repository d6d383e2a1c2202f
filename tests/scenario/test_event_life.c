// SPDX-License-Identifier: Apache-2.0
// A subscription to a node from its refresh to its end: by the subscriber, by time, by the owner,
// and by a package that acts while it is asked.
#include "notifier_lab.h"

#include <stdio.h>

static void refreshed(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT "Expires: 100\n");
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "+1 from 0");
    world_run(&l.w, 90000);
    ask(&l, &s, EVENT "Expires: 100\n");
    assert_string_equal(header_of(answered(&s, "200"), "Expires", 0), "100");
    (void)told(&s, "active;expires=100", "all 1"); // the whole state (RFC 6665 4.2.1.4)
    world_run(&l.w, 90000);
    assert_int_equal(alive(&l), 1);
    // Refused, it stays what it was.
    ask(&l, &s, EVENT "Expires: 5\n");
    (void)answered(&s, "423");
    ask(&l, &s, "Event: x-counter;id=7\nExpires: 100\n");
    (void)answered(&s, "481");
    ask(&l, &s, "Event: presence\nExpires: 100\n");
    (void)answered(&s, "489");
    assert_int_equal(alive(&l), 1);
    world_run(&l.w, 10000);
    (void)told(&s, "terminated;reason=timeout", "all 1");
    ask(&l, &s, EVENT "Expires: 100\n");
    (void)answered(&s, "481");
    assert_int_equal(figure(&l, "event_subscriptions_expired", NULL), 1);
    lab_done(&l);
}

// The last moment that it may come, and the first that is too late.
static void refresh_and_expiry(void **state)
{
    struct lab l;
    (void)state;
    for (int late = 0; late < 2; late++) {
        lab_init(&l);
        struct sub s = sub_of(l.bob, "c1");
        ask(&l, &s, EVENT "Expires: 100\n");
        (void)answered(&s, "200");
        uint64_t there = sim_now_ms(l.w.sim);
        (void)told(&s, "active", "all 0");
        world_run(&l.w, there + 99990 + (late ? 20 : 0) - sim_now_ms(l.w.sim));
        if (late)
            (void)told(&s, "terminated;reason=timeout", "all 0");
        ask(&l, &s, EVENT "Expires: 100\n");
        (void)answered(&s, late ? "481" : "200");
        if (!late)
            (void)told(&s, "active;expires=100", "all 0");
        assert_int_equal(alive(&l), !late);
        lab_done(&l);
    }
}

static void unsubscribed(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    ask(&l, &s, EVENT "Expires: 0\n");
    assert_string_equal(header_of(answered(&s, "200"), "Expires", 0), "0");
    (void)told(&s, "terminated;reason=timeout", "all 0");
    assert_int_equal(alive(&l), 0);
    assert_int_equal(l.counter.ended, 1);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "481");
    lab_done(&l);
}

// RFC 6665 4.4.3
static void fetched(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    counter_add(&l.counter, "a", 5);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    (void)told(&s, "terminated;reason=timeout", "all 5");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void out_of_order(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    s.cseq = 10;
    ask(&l, &s, EVENT);
    (void)answered(&s, "200");
    (void)told(&s, "active", "all 0");
    s.cseq = 8;
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "500"); // RFC 3261 12.2.2
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// The id of Event distinguishes subscriptions (RFC 6665 4.5.2).
static void with_id(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, "Event: x-counter;id=42\n");
    (void)answered(&s, "200");
    const char *m = peer_expect(l.bob, "NOTIFY ");
    assert_string_equal(header_of(m, "Event", 0), "x-counter;id=42");
    ok_notify(&s, m);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "481");
    ask(&l, &s, "Event: x-counter;id=42\nExpires: 0\n");
    (void)answered(&s, "200");
    m = peer_expect(l.bob, "NOTIFY ");
    ok_notify(&s, m);
    lab_done(&l);
}

static void ended_by_owner(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    event_end_one(l.core, l.counter.asked, EVENT_GIVEUP, 30);
    assert_string_equal(header_of(told(&t, "terminated", "all 0"), "Subscription-State", 0),
                        "terminated;reason=giveup;retry-after=30");
    l.counter.full_err = ERR_NOTFOUND;
    event_end(l.core, &l.counter.package, STR("a"), EVENT_DEACTIVATED, 30);
    assert_string_equal(header_of(told(&s, "terminated", ""), "Subscription-State", 0),
                        "terminated;reason=deactivated"); // retry-after has no meaning there
    event_end(l.core, &l.counter.package, STR("a"), EVENT_DEACTIVATED, 0);
    lab_done(&l);
}

static void end_resource(struct counter *c, event_id id)
{
    event_end(c->core, &c->package, STR("a"), EVENT_NORESOURCE, 0);
}

// It ends a subscription while the core asks it something about that one.
static void ended_within(void **state)
{
    void (*const acts[])(struct counter *, event_id) = {end_it, end_resource};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        const char *last = i ? "terminated;reason=noresource" : "terminated;reason=giveup";
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        l.counter.within = acts[i]; // asked whether he may go on
        ask(&l, &s, EVENT);
        (void)told(&s, last, "all 0");
        (void)answered(&s, "481");
        struct sub t = subscribed(&l, l.bob, "c2", EVENT);
        l.counter.within = acts[i]; // while it writes what has changed
        counter_add(&l.counter, "a", 1);
        (void)told(&t, last, "all 1");
        struct sub u = subscribed(&l, l.bob, "c3", EVENT "Accept: text/plain\n");
        l.counter.within = acts[i]; // and all of it
        counter_add(&l.counter, "a", 1);
        (void)told(&u, last, "all 2");
        assert_int_equal(l.counter.ended, 3);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// While all of a resource are told of a change it ends them all.
static void ended_among_others(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    l.counter.within = end_resource;
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "terminated;reason=noresource", "all 1");
    (void)told(&t, "terminated;reason=noresource", "all 1");
    assert_int_equal(l.counter.ended, 2);
    s = subscribed(&l, l.bob, "c3", EVENT);
    t = subscribed(&l, l.eve, "c4", EVENT);
    l.counter.at_end = end_resource; // or at the end of the first of them
    event_end(l.core, &l.counter.package, STR("a"), EVENT_NORESOURCE, 0);
    (void)told(&s, "terminated;reason=noresource", "all 1");
    (void)told(&t, "terminated;reason=noresource", "all 1");
    assert_int_equal(l.counter.ended, 4);
    lab_done(&l);
}

// Told of an end it ends what it can: the one that has gone is not there any more.
static void ended_at_end(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 1});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2");
    l.counter.at_end = end_resource;
    ask(&l, &t, EVENT); // s makes room, and t ends with it
    (void)answered(&t, "200");
    (void)told(&s, "terminated;reason=probation", "all 0");
    (void)told(&t, "terminated;reason=noresource", ""); // he was not told the state yet
    assert_int_equal(l.counter.ended, 2);
    assert_int_equal(alive(&l), 0);
    struct sub u = subscribed(&l, l.bob, "c3", EVENT);
    l.counter.at_end = end_it;
    ask(&l, &u, EVENT "Expires: 0\n");
    (void)answered(&u, "200");
    (void)told(&u, "terminated;reason=timeout", "all 0");
    assert_int_equal(l.counter.ended, 3);
    lab_done(&l);
}

// A phone that has begun anew leaves its old subscription behind: the newer one takes its place
// without a word, and nobody else's.
static void renewed(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_resource = 2});
    l.counter.by_contact = true;
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), other = subscribed(&l, l.eve, "c2", EVENT);
    struct sub t = sub_of(l.bob, "c3"), f = sub_of(l.bob, "c4");
    ask(&l, &f, EVENT "Expires: 0\n"); // whoever asks once has nothing that takes a place
    (void)answered(&f, "200");
    (void)told(&f, "terminated;reason=timeout", "all 0");
    assert_int_equal(alive(&l), 2);
    ask(&l, &t, EVENT);
    (void)answered(&t, "200");
    (void)told(&t, "active", "all 0");
    assert_int_equal(alive(&l), 2);
    assert_int_equal(figure(&l, "event_subscriptions_renewed", NULL), 1);
    counter_add(&l.counter, "a", 1);
    (void)told(&t, "active", "+1 from 0"); // and nothing in the old dialog
    (void)told(&other, "active", "+1 from 0");
    peer_expect_silence(l.bob, 1000);
    ask(&l, &s, EVENT);
    (void)answered(&s, "481");
    // Refused, or not decided, the newer one takes no place.
    struct sub u = sub_of(l.bob, "c5");
    l.counter.verdict = EVENT_WAIT;
    ask(&l, &u, EVENT);
    world_run(&l.w, 10);
    counter_add(&l.counter, "a", 1);
    (void)told(&t, "active", "+1 from 1");
    (void)told(&other, "active", "+1 from 1");
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
    (void)answered(&u, "403");
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

struct seen {
    unsigned n;
    char text[4][256];
};

static void see(void *arg, const struct event_line *line)
{
    struct seen *s = arg;
    struct writer w = writer_init(s->text[s->n], sizeof s->text[0] - 1);
    event_line_write(line, &w);
    if (!strcmp(line->machine, "notifier"))
        assert_true(str_eq(line->subscriber, STR("sip:" BOB)));
    s->text[s->n++][w.n] = 0;
}

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
}

// Subscriptions of both sides are shown with their machine, its state and what it waits for.
static void listed(void **state)
{
    static const struct event_subscriber_ops ops = {.state = on_state};
    struct lab l;
    struct seen seen = {0};
    event_id id;
    (void)state;
    lab_init(&l);
    l.counter.package.interval_ms = 5000;
    (void)subscribed(&l, l.bob, "c1", EVENT "Expires: 100\n");
    counter_add(&l.counter, "a", 1);
    struct event_subscription p = {.event = STR("x-mood"),
                                   .uri = STR("sip:eve@" EVE),
                                   .from = STR("<sip:n@example.org>"),
                                   .to = STR("<sip:eve@example.org>"),
                                   .contact = STR(CONTACT),
                                   .ops = &ops};
    assert_int_equal(event_subscribe(l.core, &p, &id), 0);
    assert_int_equal(event_held(l.core), 2);
    assert_int_equal(event_list(l.core, 9, see, &seen), 2);
    assert_contains(seen.text[0], "notifier{Active,Held}  x-counter a  100 s  interval  sip:" BOB);
    assert_contains(seen.text[1],
                    "subscriber{Notify-wait}  x-mood sip:eve@" EVE "  0 s  timer N  -");
    seen.n = 0;
    assert_int_equal(event_list(l.core, 1, see, &seen), 1);
    assert_int_equal(seen.n, 1);
    seen.n = 0;
    assert_int_equal(event_list_of(l.core, &l.counter.package, STR("a"), see, &seen), 1);
    assert_int_equal(event_list_of(l.core, &l.counter.package, STR("b"), see, &seen), 0);
    assert_int_equal(seen.n, 1);
    event_forget(l.core, id);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refreshed),
        cmocka_unit_test(refresh_and_expiry),
        cmocka_unit_test(unsubscribed),
        cmocka_unit_test(fetched),
        cmocka_unit_test(out_of_order),
        cmocka_unit_test(with_id),
        cmocka_unit_test(ended_by_owner),
        cmocka_unit_test(ended_within),
        cmocka_unit_test(ended_among_others),
        cmocka_unit_test(ended_at_end),
        cmocka_unit_test(renewed),
        cmocka_unit_test(listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
